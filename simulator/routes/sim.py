"""The control surface, for tests in other processes and for the demo: no part of the cloud.

Bodies and answers are JSON. A body that makes no sense gets 400 with ``{"error": …}``.
"""

from collections import Counter
from collections.abc import Callable
import re

from aiohttp import web
from mashumaro.codecs import BasicDecoder

from ..charger import Charger
from ..context import Refused, json_answer, read_object, world_of
from ..faults import FaultOptions
from ..offers import Vehicle
from ..report import CommandRefused
from ..schedules import slots_as_json
from ..settings import ACCOUNT_SETTINGS, CHARGER_SETTINGS, CLOCK_SETTINGS, SITE_SETTINGS, BadSetting, change
from ..wire import JsonObject, iso_bracketed_or_none, iso_offset

routes = web.RouteTableDef()

_VEHICLE = BasicDecoder(Vehicle)
_FAULT = BasicDecoder(FaultOptions)

_ACTIONS: dict[str, Callable[[Charger], object]] = {
    "unplug": Charger.unplug,
    "fault": Charger.fault,
    "clear_fault": Charger.clear_fault,
    "offline": Charger.go_offline,
    "online": Charger.come_back,
    "report": Charger.report,
    "stop": Charger.stop,
}


def _bad_request(message: str) -> Refused:
    return Refused(json_answer({"error": message}, 400))


async def _body(request: web.Request) -> dict[str, object]:
    return await read_object(request) if (await request.text()).strip() else {}


def _charger(request: web.Request) -> Charger:
    charger = world_of(request).find_charger(request.match_info["sn"])
    if charger is None:
        raise Refused(json_answer({"error": "No such charger"}, 404))
    return charger


# What there is


@routes.get("/_sim/scenario")
async def scenario(request: web.Request) -> web.Response:
    """The scenario, and the account to sign in with."""
    world = world_of(request)
    account = world.accounts[0]
    return json_answer(
        {
            "scenario": world.scenario,
            "account": {
                "email": account.email,
                "password": account.password,
                "code": account.one_time_code,
                "mfa": account.mfa,
            },
            "sites": list(account.site_ids),
            "chargers": {site.id: list(site.chargers) for site in world.sites.values()},
        }
    )


@routes.get("/_sim/state")
async def state(request: web.Request) -> web.Response:
    """Everything as it truly is."""
    world = world_of(request)
    doorkeeper = world.doorkeeper
    return json_answer(
        {
            "time": iso_offset(world.clock.time()),
            "speed": world.clock.speed,
            "sign_ins": doorkeeper.sign_ins,
            "failed_sign_ins": doorkeeper.failed_sign_ins,
            "codes_sent": doorkeeper.codes_sent,
            "sites": {
                site.id: {
                    "name": site.name,
                    "time_zone": site.time_zone,
                    "solar_w": site.solar_w,
                    "base_load_w": site.base_load_w,
                    "scheduler_up": site.scheduler_up,
                    "streaming_until": iso_bracketed_or_none(site.streaming_until or None),
                    "chargers": {serial: _charger_state(charger) for serial, charger in site.chargers.items()},
                }
                for site in world.sites.values()
            },
        }
    )


def _charger_state(charger: Charger) -> JsonObject:
    vehicle = charger.vehicle
    return {
        "name": charger.profile.name,
        "mode": charger.mode.value,
        "online": charger.online,
        "plugged_in": charger.plugged_in,
        "charging": charger.charging,
        "faulted": charger.faulted,
        "connector": charger.connector.value,
        "level_a": charger.level_a,
        "power_w": round(charger.power_w, 1),
        "lifetime_wh": round(charger.lifetime_wh, 2),
        "session_wh": round(charger.session_wh, 2),
        "state_of_charge": None if vehicle is None else round(vehicle.state_of_charge, 4),
        "grid_billed": charger.grid_billed,
        "manual_override": charger.manual_override,
        "schedule_overridden": charger.schedule_overridden,
        "slots": slots_as_json(charger.slots),
        "reported_at": iso_offset(charger.reported.at),
        "reported_lifetime_wh": round(charger.reported.lifetime_wh, 2),
    }


@routes.get("/_sim/requests")
async def requests(request: web.Request) -> web.Response:
    """Every request to the cloud, oldest first."""
    return json_answer([received.as_json() for received in world_of(request).requests])


@routes.delete("/_sim/requests")
async def clear_requests(request: web.Request) -> web.Response:
    """Forget them."""
    world_of(request).requests.clear()
    return json_answer({})


@routes.get("/_sim/counts")
async def counts(request: web.Request) -> web.Response:
    """Requests by family; ``?path=`` counts those whose path the regular expression is found in."""
    pattern = re.compile(request.query.get("path", ""))
    found = [received for received in world_of(request).requests if pattern.search(received.path)]
    return json_answer({**Counter(received.family.value for received in found), "total": len(found)})


@routes.get("/_sim/secrets")
async def secrets(request: web.Request) -> web.Response:
    """Every secret or personal value used so far."""
    return json_answer(sorted(world_of(request).secrets()))


# What can be done


@routes.post("/_sim/chargers/{sn}/plug")
async def plug(request: web.Request) -> web.Response:
    """Plug a vehicle in; the body may say which, with the fields of `Vehicle`."""
    charger, body = _charger(request), await _body(request)
    try:
        charger.plug_in(_VEHICLE.decode(body) if body else None)
    except (ValueError, LookupError) as err:
        raise _bad_request(f"No such vehicle: {err}") from err
    return json_answer(_charger_state(charger))


@routes.post("/_sim/chargers/{sn}/start")
async def start(request: web.Request) -> web.Response:
    """Start it as the app would; ``{"level": 16}`` or nothing."""
    charger, level = _charger(request), (await _body(request)).get("level")
    if not isinstance(level, int | None):
        raise _bad_request("level must be a number of amps")
    try:
        charger.start(level)
    except CommandRefused as err:
        raise _bad_request(str(err)) from err
    return json_answer(_charger_state(charger))


@routes.post("/_sim/chargers/{sn}/{action}")
async def act(request: web.Request) -> web.Response:
    """unplug, fault, clear_fault, offline, online, report, stop."""
    charger, action = _charger(request), _ACTIONS.get(request.match_info["action"])
    if action is None:
        raise Refused(json_answer({"error": "No such action"}, 404))
    try:
        action(charger)
    except CommandRefused as err:
        raise _bad_request(str(err)) from err
    return json_answer(_charger_state(charger))


@routes.post("/_sim/chargers/{sn}")
async def change_charger(request: web.Request) -> web.Response:
    """Change settings of a charger: those of `CHARGER_SETTINGS`."""
    charger = _charger(request)
    _change(charger, CHARGER_SETTINGS, await _body(request))
    return json_answer(_charger_state(charger))


@routes.post("/_sim/sites/{site}")
async def change_site(request: web.Request) -> web.Response:
    """Change settings of a site: those of `SITE_SETTINGS`, the sun among them."""
    site = world_of(request).sites.get(request.match_info["site"])
    if site is None:
        raise Refused(json_answer({"error": "No such site"}, 404))
    _change(site, SITE_SETTINGS, await _body(request))
    return json_answer({"solar_w": site.solar_w})


@routes.post("/_sim/account")
async def change_account(request: web.Request) -> web.Response:
    """Change settings of the first account: those of `ACCOUNT_SETTINGS`."""
    _change(world_of(request).accounts[0], ACCOUNT_SETTINGS, await _body(request))
    return json_answer({})


@routes.post("/_sim/clock")
async def change_clock(request: web.Request) -> web.Response:
    """``{"advance": 300}``, ``{"speed": 60}``."""
    clock = world_of(request).clock
    _change(clock, CLOCK_SETTINGS, await _body(request))
    return json_answer({"time": iso_offset(clock.time()), "speed": clock.speed})


@routes.post("/_sim/expire/sessions")
async def expire_sessions(request: web.Request) -> web.Response:
    """Every session cookie is dead."""
    world_of(request).doorkeeper.expire_sessions()
    return json_answer({})


@routes.post("/_sim/expire/tokens")
async def expire_tokens(request: web.Request) -> web.Response:
    """Every JWT is dead."""
    world_of(request).doorkeeper.expire_tokens()
    return json_answer({})


@routes.get("/_sim/deployment")
async def deployment(request: web.Request) -> web.Response:
    """All switches."""
    return json_answer(world_of(request).deployment.as_json())


@routes.post("/_sim/deployment")
async def change_deployment(request: web.Request) -> web.Response:
    """Set switches by name."""
    switches = world_of(request).deployment
    try:
        switches.update(await _body(request))
    except (ValueError, LookupError, TypeError) as err:
        raise _bad_request(str(err)) from err
    return json_answer(switches.as_json())


@routes.get("/_sim/faults")
async def faults(request: web.Request) -> web.Response:
    """The rules in force."""
    rules = world_of(request).faults.rules
    return json_answer([{"path": rule.path, "times": rule.times, "used": rule.used} for rule in rules])


@routes.post("/_sim/faults")
async def add_fault(request: web.Request) -> web.Response:
    """A new rule, with the fields of `FaultOptions`."""
    body = await _body(request)
    if unknown := set(body) - set(FaultOptions.__annotations__):
        raise _bad_request(f"No such field: {', '.join(sorted(unknown))}")
    try:
        world_of(request).faults.add(**_FAULT.decode(body))
    except (ValueError, LookupError, re.error) as err:
        raise _bad_request(str(err)) from err
    return json_answer({})


@routes.delete("/_sim/faults")
async def clear_faults(request: web.Request) -> web.Response:
    """Mend everything."""
    world_of(request).faults.clear()
    return json_answer({})


def _change[Target](target: Target, settings: dict[str, Callable[[Target, object], None]], body: dict[str, object]) -> None:
    try:
        change(target, settings, body)
    except BadSetting as err:
        raise _bad_request(str(err)) from err
