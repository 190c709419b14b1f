"""The control surface of the battery: the truth, its switches, and what a person does in the app."""

from dataclasses import dataclass, field

from aiohttp import web
from mashumaro.codecs import BasicDecoder

from ..battery.battery import Battery
from ..battery.entries import Entry
from ..battery.settings import ControlFamily, StormAlert
from ..context import Refused, json_answer, read_object, world_of
from ..switches.battery import MissingGroup
from ..wire import EVERY_DAY, Json, JsonObject, iso_offset

routes = web.RouteTableDef()


@dataclass
class _PersonsEntry:
    """An entry as the body of ``/_sim/battery/schedules`` tells it."""

    family: ControlFamily
    start: str
    end: str
    limit: int | None = None
    days: tuple[int, ...] = EVERY_DAY
    enabled: bool = True
    time_zone: str | None = None
    applied: bool = True


@dataclass
class _Hidden:
    """Groups that are missing, as the body of ``/_sim/battery/hide_groups`` tells them."""

    seconds: float
    families: list[ControlFamily] = field(default_factory=list)
    form: MissingGroup = MissingGroup.GROUP_ABSENT


_FAMILIES = BasicDecoder(list[ControlFamily])
_ENTRY = BasicDecoder(_PersonsEntry)
_HIDDEN = BasicDecoder(_Hidden)


def _bad_request(message: str) -> Refused:
    return Refused(json_answer({"error": message}, 400))


def _battery(request: web.Request) -> Battery:
    """The first battery, or that of ``?site=``."""
    wanted = request.query.get("site")
    found = [site.battery for site in world_of(request).sites.values() if site.battery and wanted in {None, site.id}]
    if not found:
        raise Refused(json_answer({"error": "No such battery"}, 404))
    found[0].catch_up()
    return found[0]


async def _body(request: web.Request) -> dict[str, object]:
    return await read_object(request) if (await request.text()).strip() else {}


def _state(battery: Battery) -> JsonObject:
    flow = battery.flow
    pending: list[Json] = [
        {
            "kind": change.wanted.kind.value,
            "requested": dict(change.wanted.shown),
            "at": iso_offset(change.at),
            "due": None if change.due is None else iso_offset(change.due),
        }
        for change in battery.pending
    ]
    return {
        "state_of_charge": round(battery.state_of_charge, 3),
        "power_w": round(flow.power_w, 1),
        "doing": flow.doing.value,
        "stuck": battery.stuck,
        "gateway_offline": battery.gateway_offline,
        "settings": battery.settings.as_json(),
        "features": battery.features.as_json(),
        "switches": battery.switches.as_json(),
        "schedules": _entries(battery.schedules),
        "lost": _entries(battery.lost),
        "pending": pending,
        "storm_alerts": [alert.as_json() for alert in battery.storm_alerts],
    }


def _entries(entries: list[Entry]) -> list[Json]:
    return [entry.as_json() for entry in entries]


@routes.get("/_sim/battery")
async def read(request: web.Request) -> web.Response:
    """Everything as it truly is."""
    return json_answer(_state(_battery(request)))


@routes.post("/_sim/battery")
async def change(request: web.Request) -> web.Response:
    """``switches``, ``settings`` and ``features`` by name, ``state_of_charge``, ``stuck``, ``gateway_offline_s``."""
    battery = _battery(request)
    body = await _body(request)
    if unknown := set(body) - {"switches", "settings", "features", "state_of_charge", "stuck", "gateway_offline_s"}:
        raise _bad_request(f"No such field: {', '.join(sorted(unknown))}")
    switches, settings, features = (_group(body, name) for name in ("switches", "settings", "features"))
    try:
        battery.switches.update(switches)
        battery.features.update(features)
        battery.set(**settings)
        if "state_of_charge" in body:
            battery.state_of_charge = float(str(body["state_of_charge"]))
        if "gateway_offline_s" in body:
            battery.lose_gateway(float(str(body["gateway_offline_s"])))
    except (ValueError, LookupError, TypeError) as err:
        raise _bad_request(str(err)) from err
    battery.stuck = body.get("stuck", battery.stuck) is True
    return json_answer(_state(battery))


def _group(body: dict[str, object], name: str) -> dict[str, object]:
    group = body.get(name, {})
    if not isinstance(group, dict):
        raise _bad_request(f"{name} is no object")
    return group


@routes.post("/_sim/battery/schedules")
async def add_schedule(request: web.Request) -> web.Response:
    """An entry that a person makes in the app: family, start, end, limit, days, enabled, time_zone, applied."""
    battery, body = _battery(request), await _body(request)
    try:
        entry = _ENTRY.decode(body)
    except (ValueError, LookupError) as err:
        raise _bad_request(str(err)) from err
    made = battery.add_schedule(
        entry.family,
        entry.start,
        entry.end,
        limit=entry.limit,
        days=entry.days,
        enabled=entry.enabled,
        time_zone=entry.time_zone,
        applied=entry.applied,
    )
    return json_answer(made.as_json())


@routes.put("/_sim/battery/schedules/{schedule}")
async def change_schedule(request: web.Request) -> web.Response:
    """Change fields of an entry as a person does in the app: start, end, limit, days, enabled, time_zone."""
    battery, body = _battery(request), await _body(request)
    try:
        known = _entry_fields(battery, request.match_info["schedule"])
        if unknown := set(body) - set(known) | {"family", "applied"} & set(body):
            raise _bad_request(f"No such field: {', '.join(sorted(unknown))}")
        wanted = _ENTRY.decode(known | body)
        changed = battery.change_schedule(
            request.match_info["schedule"],
            start=wanted.start,
            end=wanted.end,
            limit=wanted.limit,
            days=wanted.days,
            enabled=wanted.enabled,
            time_zone=wanted.time_zone,
        )
    except LookupError as err:
        raise Refused(json_answer({"error": str(err)}, 404)) from err
    except ValueError as err:
        raise _bad_request(str(err)) from err
    return json_answer(changed.as_json())


def _entry_fields(battery: Battery, entry_id: str) -> dict[str, object]:
    """An entry as the body of ``/_sim/battery/schedules`` would tell it; raises LookupError."""
    wanted = battery.schedule(entry_id).wanted()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(wanted).items()}


@routes.post("/_sim/battery/hide_groups")
async def hide_groups(request: web.Request) -> web.Response:
    """``{"seconds": 20, "families": ["cfg"], "form": "details_null"}``: groups are missing in reads for so long."""
    battery, body = _battery(request), await _body(request)
    try:
        hidden = _HIDDEN.decode(body)
    except (ValueError, LookupError) as err:
        raise _bad_request(str(err)) from err
    battery.hide_groups(hidden.seconds, *hidden.families, form=hidden.form)
    return json_answer(_state(battery))


@routes.delete("/_sim/battery/schedules/{schedule}")
async def delete_schedule(request: web.Request) -> web.Response:
    """Delete an entry as a person does in the app."""
    battery = _battery(request)
    try:
        battery.delete_schedule(request.match_info["schedule"])
    except LookupError as err:
        raise Refused(json_answer({"error": str(err)}, 404)) from err
    return json_answer(_state(battery))


@routes.post("/_sim/battery/drop")
async def drop_schedules(request: web.Request) -> web.Response:
    """``{"families": ["cfg"]}``: lose entries as the cloud does; all without a family."""
    battery, body = _battery(request), await _body(request)
    try:
        families = _FAMILIES.decode(body.get("families", []))
    except ValueError as err:
        raise _bad_request(str(err)) from err
    battery.drop_schedules(*families)
    return json_answer(_state(battery))


@routes.post("/_sim/battery/take_over")
async def take_over(request: web.Request) -> web.Response:
    """The gateway takes over everything that is pending."""
    battery = _battery(request)
    battery.take_over()
    return json_answer(_state(battery))


@routes.post("/_sim/battery/storm")
async def storm(request: web.Request) -> web.Response:
    """A storm alert for the next six hours, or ``{"over": true}``."""
    battery, body = _battery(request), await _body(request)
    battery.storm_alerts.clear()
    if body.get("over") is not True:
        battery.storm_alerts.append(StormAlert("IDV21037", "Severe Weather", battery.now, battery.now + 6 * 3600))
    return json_answer(_state(battery))
