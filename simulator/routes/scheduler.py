"""Charge mode, green settings and schedules (docs/cloud-api/chargers.md §5 and §6)."""

from aiohttp import web

from ..charger import Charger
from ..context import Refused, charger_of, error, html_answer, json_answer, now_of, read_json, read_object, world_of
from ..report import ChargeMode
from ..schedules import OFF_PEAK, BadSlot, Slot, new_slot_id, read_slot, slots_as_json, switched
from ..switches.deployment import SchedulerDown
from ..wire import Json, JsonObject, scheduler_envelope

routes = web.RouteTableDef()

_BASE = "/service/evse_scheduler/api/v1/iqevc/charging-mode"
_SCHEDULES = _BASE + r"/SCHEDULED_CHARGING/{site:\d+}/{sn}"
_GREEN = _BASE + r"/GREEN_CHARGING/{site:\d+}/{sn}/settings"
_PREFERENCE = _BASE + r"/{site:\d+}/{sn}/preference"

_BATTERY_SETTING = "USE_BATTERY_FOR_SELF_CONSUMPTION"
_NO_SCHEDULE = "iqevc_sch_10031"


def _served_charger(request: web.Request) -> Charger:
    """The charger of the path, while the service is up."""
    deployment = world_of(request).deployment
    charger = charger_of(request)
    if deployment.scheduler_up and charger.site.scheduler_up:
        return charger
    if deployment.scheduler_down_answer == SchedulerDown.HTML:
        raise Refused(html_answer())
    raise Refused(error(request, int(deployment.scheduler_down_answer), "Service is not available"))


# Charge mode (docs/cloud-api/chargers.md §5)


@routes.get(_PREFERENCE)
async def preference(request: web.Request) -> web.Response:
    """The charge mode."""
    return _preference(request, _served_charger(request))


@routes.put(_PREFERENCE)
async def set_preference(request: web.Request) -> web.Response:
    """Choose the charge mode."""
    charger = _served_charger(request)
    choose_mode(request, charger, await read_object(request))
    if world_of(request).deployment.false_400_on_mode:
        return error(request, 400, "Bad Request")
    return _preference(request, charger)


def choose_mode(request: web.Request, charger: Charger, body: dict[str, object]) -> None:
    """Take a mode over; refused where the charger does not offer it, or no schedule is enabled for it."""
    wanted = body.get("mode")
    if not isinstance(wanted, str) or wanted not in ChargeMode or ChargeMode(wanted) not in charger.profile.modes:
        raise Refused(error(request, 400, "Unknown charging mode"))
    mode = ChargeMode(wanted)
    if mode is ChargeMode.SCHEDULED and not any(slot.enabled for slot in charger.slots):
        raise Refused(error(request, 400, "No schedule is enabled", _NO_SCHEDULE))
    charger.mode = mode


def _preference(request: web.Request, charger: Charger) -> web.Response:
    deployment, data = world_of(request).deployment, preference_data(charger)
    if deployment.unknown_mode is not None:
        modes = {mode.key: _mode(charger, mode, detailed=False) | {"enabled": False} for mode in charger.profile.modes}
        modes[f"{deployment.unknown_mode.lower()}Charging"] = {
            "enabled": True,
            "chargingMode": f"{deployment.unknown_mode.upper()}_CHARGING",
        }
        data["modes"] = modes
    if deployment.modes_without_word:
        data["modes"] = {mode.key: {"enabled": mode is charger.mode} for mode in charger.profile.modes}
    return json_answer(scheduler_envelope(now_of(request), data))


def preference_data(charger: Charger) -> JsonObject:
    """The charge mode, as in tests/fixtures/api/charge_mode.json or charge_mode_smart.json."""
    modes = charger.profile.modes
    smart = ChargeMode.SMART in modes
    data: JsonObject = {"modes": {mode.key: _mode(charger, mode, detailed=smart) for mode in modes}}
    if smart:
        data["config"] = {
            "profile": "ai_optimisation",
            "modeSyncStatus": "synced",
            "stormActive": False,
            "isModeCancellable": True,
            "pendingModesOffGrid": False,
            "pendingSchedulesOffGrid": False,
        }
    return data


def _mode(charger: Charger, mode: ChargeMode, *, detailed: bool) -> JsonObject:
    """One mode."""
    entry: JsonObject = {"enabled": mode is charger.mode, "chargingMode": mode.value}
    if detailed:
        entry |= {"showSettings": False, "isHidden": mode in charger.profile.hidden_modes, "isDisabledByStorm": False}
        if mode is ChargeMode.SMART:
            entry |= {"goalsEnabled": 0, "defaultGoalAdded": False}
        elif mode is ChargeMode.SCHEDULED:
            entry["schedulesEnabled"] = sum(slot.enabled for slot in charger.slots)
    elif mode in charger.profile.hidden_modes:
        entry["isHidden"] = True
    return entry


@routes.get(_GREEN)
async def green_settings(request: web.Request) -> web.Response:
    """Whether the battery helps in green mode."""
    return _green_settings(request, _served_charger(request))


@routes.put(_GREEN)
async def set_green_settings(request: web.Request) -> web.Response:
    """Let the battery help, or not."""
    charger = _served_charger(request)
    settings = (await read_object(request)).get("chargerSettingList")
    for setting in settings if isinstance(settings, list) else [None]:
        enabled = setting.get("enabled") if isinstance(setting, dict) else None
        if not isinstance(setting, dict) or not isinstance(enabled, bool):
            return error(request, 400, "Malformed request")
        if setting.get("chargerSettingName") != _BATTERY_SETTING:
            return error(request, 400, "Unknown chargerSettingName")
        charger.battery_helps = enabled
    return _green_settings(request, charger)


def _green_settings(request: web.Request, charger: Charger) -> web.Response:
    data: list[Json] = []
    if ChargeMode.GREEN in charger.profile.modes:
        data.append({"chargerSettingName": _BATTERY_SETTING, "enabled": charger.battery_helps, "value": None})
    return json_answer(scheduler_envelope(now_of(request), data))


# Schedules (docs/cloud-api/chargers.md §6)


@routes.get(f"{_SCHEDULES}/schedules")
async def schedules(request: web.Request) -> web.Response:
    """All slots."""
    return _schedules(request, _served_charger(request))


@routes.patch(f"{_SCHEDULES}/schedules")
async def change_schedules(request: web.Request) -> web.Response:
    """Several slots at once, or slots on and off by id."""
    charger = _served_charger(request)
    body = await read_object(request)
    changed = replaced_slots(request, charger, body) if "data" in body else _switched(request, charger, body)
    charger.set_slots(changed)
    return _schedules(request, charger)


def replaced_slots(request: web.Request, charger: Charger, body: dict[str, object]) -> list[Slot]:
    """The slots after several were sent at once."""
    meta, data = body.get("meta"), body["data"]
    if not isinstance(data, list) or not isinstance(meta, dict) or not isinstance(meta.get("serverTimeStamp"), str):
        raise Refused(error(request, 400, "Malformed request"))
    if meta.get("rowCount") != len(data):
        raise Refused(error(request, 400, "rowCount does not fit the data"))
    sent = [_read_slot(request, charger, item, _id_in(item) or _new_id(request, charger)) for item in data]
    ids = {slot.id for slot in sent}
    if world_of(request).deployment.left_out_slots_deleted:
        return sent
    return [slot for slot in charger.slots if slot.id not in ids] + sent


def _switched(request: web.Request, charger: Charger, body: dict[str, object]) -> list[Slot]:
    known = {slot.id for slot in charger.slots}
    if not body or not set(body) <= known or not set(body.values()) <= {"ENABLED", "DISABLED"}:
        raise Refused(error(request, 400, "Unknown schedule or state"))
    return [switched(slot, enabled=body[slot.id] == "ENABLED") if slot.id in body else slot for slot in charger.slots]


@routes.post(f"{_SCHEDULES}/schedule")
async def add_schedule(request: web.Request) -> web.Response:
    """A new slot."""
    charger = _served_charger(request)
    slot = _read_slot(request, charger, await read_json(request), _new_id(request, charger))
    charger.set_slots([*charger.slots, slot])
    return json_answer(scheduler_envelope(now_of(request), slot.as_json()))


@routes.patch(f"{_SCHEDULES}/schedule/{{slot}}")
async def change_schedule(request: web.Request) -> web.Response:
    """One slot, whole."""
    charger = _served_charger(request)
    old = _slot_of(request, charger)
    slot = _read_slot(request, charger, await read_json(request), old.id)
    charger.set_slots(_without_lost(request, [slot if one.id == old.id else one for one in charger.slots], old))
    return json_answer(scheduler_envelope(now_of(request), slot.as_json()))


@routes.delete(f"{_SCHEDULES}/schedule/{{slot}}")
async def delete_schedule(request: web.Request) -> web.Response:
    """One slot less."""
    charger = _served_charger(request)
    old = _slot_of(request, charger)
    if old.schedule_type == OFF_PEAK:
        return error(request, 400, "The off-peak schedule cannot be deleted")
    charger.set_slots([one for one in charger.slots if one.id != old.id])
    return json_answer(scheduler_envelope(now_of(request), None))


def _without_lost(request: web.Request, slots: list[Slot], written: Slot) -> list[Slot]:
    """The slots without the one that this deployment loses with a write of another one."""
    deployment = world_of(request).deployment
    if deployment.slots_lost_by_writes == 0:
        return slots
    deployment.slots_lost_by_writes -= 1
    lost = next((slot for slot in slots if slot.id != written.id), None)
    return [slot for slot in slots if slot is not lost]


def _schedules(request: web.Request, charger: Charger) -> web.Response:
    return json_answer(scheduler_envelope(now_of(request), schedules_data(charger)))


def schedules_data(charger: Charger) -> JsonObject:
    """All slots, as in tests/fixtures/api/charge_schedules.json."""
    return {
        "config": {
            "isOffPeakEligible": any(slot.schedule_type == OFF_PEAK for slot in charger.slots),
            "scheduleSyncStatus": "synced",
            "isModeCancellable": True,
            "pendingModesOffGrid": False,
            "pendingSchedulesOffGrid": False,
        },
        "slots": slots_as_json(charger.slots),
    }


def _slot_of(request: web.Request, charger: Charger) -> Slot:
    slot = next((one for one in charger.slots if one.id == request.match_info["slot"]), None)
    if slot is None:
        raise Refused(error(request, 404, "Schedule not found"))
    return slot


def _read_slot(request: web.Request, charger: Charger, body: object, slot_id: str) -> Slot:
    try:
        return read_slot(body, slot_id, charger.hardware.max_amps)
    except BadSlot as err:
        raise Refused(error(request, 400, str(err))) from err


def _id_in(item: object) -> str | None:
    slot_id = item.get("id") if isinstance(item, dict) else None
    return slot_id if isinstance(slot_id, str) and slot_id else None


def _new_id(request: web.Request, charger: Charger) -> str:
    return new_slot_id(charger.site.id, charger.serial, world_of(request).draw_uuid())
