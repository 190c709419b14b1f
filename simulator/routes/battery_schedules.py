"""Adding, changing and deleting battery schedules (docs/cloud-api/battery.md §4)."""

from aiohttp import web

from ..battery.battery import Battery
from ..battery.entries import Entry, Wanted, read_family, read_wanted
from ..battery.families import ControlFamily
from ..battery.guard import BASE
from ..battery.refusal import BatteryRefused, bad_request
from ..battery.switches import BatteryRequest, DeleteForm
from ..context import SESSION, json_answer, now_of, read_object
from .battery_writes import SUCCESS, with_enho, writable_battery_of

routes = web.RouteTableDef()

_SCHEDULES = BASE + r"/battery/sites/{site:\d+}/schedules"


@routes.post(f"{_SCHEDULES}/isValid")
async def is_valid(request: web.Request) -> web.Response:
    """Check a family, not a window."""
    battery = writable_battery_of(request)
    body = await read_object(request)
    family = read_family(body)
    if family is ControlFamily.CFG and not isinstance(body.get("forceScheduleOpted"), bool):
        raise bad_request("forceScheduleOpted is missing")
    battery.refuse_in_200({BatteryRequest.IS_VALID})
    if not battery.ignores(BatteryRequest.IS_VALID, with_enho=with_enho(request)):
        battery.checked.add(family)
    return json_answer({"isValid": battery.features.controls.of(family).schedule_supported})


@routes.post(_SCHEDULES)
async def add(request: web.Request) -> web.Response:
    """A new entry; it stays pending until its family is applied."""
    battery = writable_battery_of(request)
    wanted = _read(battery, await read_object(request))
    account = request[SESSION].account
    if _comes_to_nothing(request, battery, BatteryRequest.ADD):
        return json_answer(SUCCESS)
    entry = battery.book.add(wanted, now_of(request), account.user_id if account else 0)
    return json_answer({**SUCCESS, "scheduleId": entry.id} if battery.switches.answer_holds_id else SUCCESS)


@routes.put(f"{_SCHEDULES}/{{schedule}}")
async def change(request: web.Request) -> web.Response:
    """An entry changed, or deleted where the body says so."""
    battery = writable_battery_of(request)
    entry = battery.book.find(request.match_info["schedule"])
    body = await read_object(request)
    if body.get("isDeleted") is True:
        if DeleteForm.PUT not in battery.switches.delete_forms:
            raise bad_request("isDeleted cannot be written")
        return _delete(request, battery, entry)
    wanted = _read(battery, body)
    if wanted.family is not entry.family:
        raise bad_request("scheduleType cannot be changed")
    if not _comes_to_nothing(request, battery, BatteryRequest.CHANGE):
        battery.book.change(entry, wanted, now_of(request))
    return json_answer(entry.as_json(lying=battery.switches.lying_is_enabled))


@routes.post(f"{_SCHEDULES}/{{schedule}}/delete")
async def delete(request: web.Request) -> web.Response:
    """An entry less."""
    battery = writable_battery_of(request)
    if DeleteForm.POST not in battery.switches.delete_forms:
        raise BatteryRefused(404, "NOT_FOUND")
    return _delete(request, battery, battery.book.find(request.match_info["schedule"]))


def _delete(request: web.Request, battery: Battery, entry: Entry) -> web.Response:
    if not _comes_to_nothing(request, battery, BatteryRequest.DELETE):
        battery.book.delete(entry, now_of(request))
        battery.deleted_at[entry.family] = battery.now
    if battery.switches.delete_status == 204:
        return web.Response(status=204)
    return json_answer(SUCCESS, battery.switches.delete_status)


def _read(battery: Battery, body: dict[str, object]) -> Wanted:
    wanted = read_wanted(body, battery.settings.very_low_soc, battery.switches)
    if not battery.features.controls.of(wanted.family).schedule_supported:
        raise BatteryRefused(400, "SCHEDULE_NOT_SUPPORTED")
    return wanted


def _comes_to_nothing(request: web.Request, battery: Battery, kind: BatteryRequest) -> bool:
    """Whether a request is answered with success and lost; refused where it gets an error with 200."""
    battery.refuse_in_200({kind})
    # The cloud is busy with something that overrides every write (docs/cloud-api/battery.md §3).
    busy = battery.features.system_task or battery.features.dr_event_active
    return busy or battery.ignores(kind, with_enho=with_enho(request)) or battery.loses_entry_write()
