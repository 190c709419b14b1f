"""Writes of settings, profile and storm guard (docs/cloud-api/battery.md §4)."""

from aiohttp import web

from ..battery.battery import Battery
from ..battery.changes import ChangeKind, WantedChange
from ..battery.guard import BASE
from ..battery.refusal import BatteryRefused, bad_request
from ..battery.switches import StormRefusal
from ..battery.wishes import read_battery_for_car, read_profile, read_settings, read_storm_guard
from ..context import json_answer, now_of, read_object
from ..wire import JsonObject, iso_milliseconds
from .battery_reads import battery_of

routes = web.RouteTableDef()

SUCCESS: JsonObject = {"message": "success"}


def writable_battery_of(request: web.Request) -> Battery:
    """The battery of the path, for somebody who may write."""
    battery = battery_of(request)
    if not (battery.features.is_owner or battery.features.is_installer):
        raise BatteryRefused(403, "FORBIDDEN", "Only the owner and the installer may write")
    battery.catch_up()
    battery.note_write()
    return battery


def with_enho(request: web.Request) -> bool:
    """Whether the query has ``source=enho``."""
    return request.query.get("source") == "enho"


def _take(request: web.Request, battery: Battery, wanted: WantedChange) -> web.Response:
    """Success in any case; whether something comes of it is up to the deployment."""
    battery.refuse_in_200(wanted.requests)
    switches, features = battery.switches, battery.features
    ignored = features.system_task or features.dr_event_active
    if wanted.kind is not ChangeKind.SETTINGS:
        # Of settings each part has been looked at.
        ignored |= any(battery.ignores(kind, with_enho=with_enho(request)) for kind in wanted.requests)
    if switches.ignored_writes > 0:
        switches.ignored_writes -= 1
        ignored = True
    if not ignored and (wanted.values or wanted.families):
        battery.request(wanted)
    return json_answer(SUCCESS)


@routes.put(BASE + r"/batterySettings/{site:\d+}")
async def write_settings(request: web.Request) -> web.Response:
    """Change settings; a toggle applies its family's schedules."""
    battery = writable_battery_of(request)
    return _take(request, battery, read_settings(battery, await read_object(request), with_enho=with_enho(request)))


@routes.post(BASE + r"/batterySettings/acceptDisclaimer/{site:\d+}")
async def accept_disclaimer(request: web.Request) -> web.Response:
    """Accept what has to be accepted before charging from the grid."""
    battery = writable_battery_of(request)
    if (await read_object(request)).get("disclaimer-type") != "itc":
        raise bad_request("disclaimer-type is unknown")
    battery.set(accepted_disclaimer=iso_milliseconds(now_of(request)))
    return json_answer(SUCCESS)


@routes.put(BASE + r"/device/battery/preference/{site:\d+}")
async def write_battery_for_car(request: web.Request) -> web.Response:
    """Let the battery feed the car, down to a level (docs/cloud-api/battery.md §8)."""
    battery = writable_battery_of(request)
    wanted = read_battery_for_car(battery, await read_object(request))
    refusal, storm = battery.switches.storm_refusal, battery.active_alert() is not None and battery.settings.storm_guard
    refused = BatteryRefused(400, "STORM_GUARD_ACTIVE", number=10003)
    if storm and refusal is StormRefusal.IN_A_STORM:
        raise refused
    if battery.switches.car_setting_pends:
        _take(request, battery, wanted)
    else:
        battery.refuse_in_200(wanted.requests)
        battery.set(**wanted.values)
    if refusal is StormRefusal.FALSE:
        raise refused
    answer: JsonObject = {"type": "iqevse-battery-preference", "timestamp": iso_milliseconds(now_of(request)), "data": SUCCESS}
    return json_answer(answer)


@routes.put(BASE + r"/profile/{site:\d+}")
async def write_profile(request: web.Request) -> web.Response:
    """Choose a profile."""
    battery = writable_battery_of(request)
    return _take(request, battery, read_profile(battery, await read_object(request)))


@routes.put(BASE + r"/cancel/profile/{site:\d+}")
async def cancel_profile(request: web.Request) -> web.Response:
    """Take the choice of a profile back while the gateway has not taken it over."""
    battery = writable_battery_of(request)
    if not battery.cancel(ChangeKind.PROFILE):
        raise BatteryRefused(409, "ALREADY_PROCESSED")
    return json_answer(SUCCESS)


@routes.put(BASE + r"/stormGuard/toggle/{site:\d+}")
async def write_storm_guard(request: web.Request) -> web.Response:
    """Switch storm guard."""
    battery = writable_battery_of(request)
    return _take(request, battery, read_storm_guard(await read_object(request)))


@routes.put(BASE + r"/stormGuard/{site:\d+}/stormAlert")
async def write_storm_alert(request: web.Request) -> web.Response:
    """Opt out of alerts."""
    battery = writable_battery_of(request)
    alerts = (await read_object(request)).get("stormAlerts")
    known = {(alert.id, alert.name): alert for alert in battery.storm_alerts}
    chosen = []
    for alert in alerts if isinstance(alerts, list) and alerts else [None]:
        if not isinstance(alert, dict) or alert.get("status") != "opted-out":
            raise bad_request("stormAlerts must be a list of alerts to opt out of")
        found = known.get((str(alert.get("id")), str(alert.get("name"))))
        if found is None:
            raise bad_request("No such alert")
        chosen.append(found)
    for alert in chosen:
        alert.opted_out = True
    return json_answer(SUCCESS)
