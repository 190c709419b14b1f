"""The actions of a charger: start and stop, messages, schedules, sessions."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import time

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util.json import JsonObjectType, JsonValueType
import voluptuous as vol

from ..charger.validation import check_level, overlapping, require_custom
from ..const import DOMAIN
from ..enlighten import ChargeMode, ChargingSlot, CommandReply, PastSession
from ..site.activation import async_activate_charger
from ..weekly import day_names, day_numbers
from .fields import (
    ACTIVATE,
    ATTR_ACTIVATE,
    ATTR_DAYS,
    ATTR_ENABLED,
    ATTR_END,
    ATTR_FROM,
    ATTR_SCHEDULE_ID,
    ATTR_START,
    ATTR_TO,
    CHANGED_SCHEDULE,
    NEW_SCHEDULE,
    async_for_each,
    days_of,
)
from .targets import SITE_FIELDS, ChargerTarget, async_chargers

ATTR_CHARGING_LEVEL = "charging_level"
ATTR_CONNECTOR_ID = "connector_id"
ATTR_LEVEL = "level"
ATTR_REQUESTED_MESSAGE = "requested_message"

# By the name that the form has for it. OCPP's own names are taken, too.
_MESSAGES = {
    "meter_values": "MeterValues",
    "status_notification": "StatusNotification",
    "heartbeat": "Heartbeat",
    "firmware_status_notification": "FirmwareStatusNotification",
    "diagnostics_status_notification": "DiagnosticsStatusNotification",
    "boot_notification": "BootNotification",
}
START_FIELDS: VolDictType = {
    vol.Optional(ATTR_CHARGING_LEVEL): vol.Coerce(float),
    vol.Optional(ATTR_CONNECTOR_ID, default=1): vol.All(vol.Coerce(int), vol.Range(min=1)),
}
"""The current of a start (A), and the connector."""
_START_SCHEMA = cv.make_entity_service_schema(START_FIELDS)
_STOP_SCHEMA = cv.make_entity_service_schema({})
_SITE_FIELDS: VolDictType = {**cv.TARGET_SERVICE_FIELDS, **SITE_FIELDS}
_HAS_TARGET = cv.has_at_least_one_key(*(str(key) for key in _SITE_FIELDS))
_TRIGGER_SCHEMA = vol.All(
    vol.Schema({**_SITE_FIELDS, vol.Optional(ATTR_REQUESTED_MESSAGE, default="meter_values"): vol.In([*_MESSAGES, *_MESSAGES.values()])}),
    _HAS_TARGET,
)
_GET_SCHEDULES_SCHEMA = cv.make_entity_service_schema({})
_LEVEL: VolDictType = {vol.Optional(ATTR_LEVEL): vol.Coerce(float)}
_ADD_SCHEDULE_SCHEMA = cv.make_entity_service_schema({**NEW_SCHEDULE, **_LEVEL, **ACTIVATE})
_UPDATE_SCHEDULE_SCHEMA = cv.make_entity_service_schema({**CHANGED_SCHEDULE, **_LEVEL})
_DELETE_SCHEDULE_SCHEMA = cv.make_entity_service_schema({vol.Required(ATTR_SCHEDULE_ID): cv.string})
_SESSIONS_SCHEMA = cv.make_entity_service_schema({vol.Required(ATTR_FROM): cv.date, vol.Optional(ATTR_TO): cv.date})


@callback
def async_setup_charger_services(hass: HomeAssistant) -> None:
    """Register them."""
    for name, action, schema in (
        ("start_charging", _start_charging, _START_SCHEMA),
        ("stop_charging", _stop_charging, _STOP_SCHEMA),
        ("trigger_message", _trigger_message, _TRIGGER_SCHEMA),
        ("add_charging_schedule", _add_charging_schedule, _ADD_SCHEDULE_SCHEMA),
        ("update_charging_schedule", _update_charging_schedule, _UPDATE_SCHEDULE_SCHEMA),
        ("delete_charging_schedule", _delete_charging_schedule, _DELETE_SCHEDULE_SCHEMA),
    ):
        hass.services.async_register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.OPTIONAL)
    for name, question, schema in (
        ("get_charging_schedules", _get_charging_schedules, _GET_SCHEDULES_SCHEMA),
        ("get_charging_sessions", _get_charging_sessions, _SESSIONS_SCHEMA),
    ):
        hass.services.async_register(DOMAIN, name, question, schema=schema, supports_response=SupportsResponse.ONLY)


async def _start_charging(call: ServiceCall) -> ServiceResponse:
    level: float | None = call.data.get(ATTR_CHARGING_LEVEL)
    connector_id: int = call.data[ATTR_CONNECTOR_ID]

    async def start(target: ChargerTarget) -> JsonObjectType:
        reply = await target.site.charger_commands.async_start(target.serial, level, connector_id)
        requested: JsonObjectType = {"charging": True, ATTR_CHARGING_LEVEL: reply.sent_level, ATTR_CONNECTOR_ID: connector_id}
        return {**_answer(reply, requested), "schedule_kept": reply.is_schedule_kept}

    return await _for_each(call, start)


async def _stop_charging(call: ServiceCall) -> ServiceResponse:
    async def stop(target: ChargerTarget) -> JsonObjectType:
        return _answer(await target.site.charger_commands.async_stop(target.serial), {"charging": False})

    return await _for_each(call, stop)


async def _trigger_message(call: ServiceCall) -> ServiceResponse:
    named: str = call.data[ATTR_REQUESTED_MESSAGE]
    message = _MESSAGES.get(named, named)

    async def trigger(target: ChargerTarget) -> JsonObjectType:
        return {"requested": message, "reply": await target.site.charger_commands.async_trigger_message(target.serial, message)}

    return await _for_each(call, trigger)


async def _get_charging_schedules(call: ServiceCall) -> ServiceResponse:
    async def read(target: ChargerTarget) -> JsonObjectType:
        return {"schedules": [_slot_answer(slot) for slot in await target.details.async_read_slots(target.serial)]}

    return await _for_each(call, read)


async def _add_charging_schedule(call: ServiceCall) -> ServiceResponse:
    async def add(target: ChargerTarget) -> JsonObjectType:
        level = call.data.get(ATTR_LEVEL, target.charger.wished_level)
        _check_slot(target, call.data[ATTR_START], call.data[ATTR_END], level)
        slot = ChargingSlot(
            start=call.data[ATTR_START],
            end=call.data[ATTR_END],
            days=day_numbers(call.data[ATTR_DAYS]),
            level=level,
            is_enabled=call.data[ATTR_ENABLED],
        )
        added = await target.details.async_add_slot(target.serial, slot)
        if call.data[ATTR_ACTIVATE]:
            await async_activate_charger(target.site, target.serial)
        overlaps: list[JsonValueType] = [other.short_id for other in overlapping(added, target.charger.details.slots or ())]
        return {"schedule": _slot_answer(added), "active": slot.is_enabled and _counts(target), "overlaps": overlaps}

    return await _for_each(call, add)


async def _update_charging_schedule(call: ServiceCall) -> ServiceResponse:
    target = _charger_with_slot(await async_chargers(call), call.data[ATTR_SCHEDULE_ID])

    def change(slot: ChargingSlot) -> ChargingSlot:
        if ATTR_START in call.data or ATTR_END in call.data:
            require_custom(slot)
        days = call.data.get(ATTR_DAYS)
        changed = replace(
            slot,
            start=call.data.get(ATTR_START, slot.start),
            end=call.data.get(ATTR_END, slot.end),
            days=slot.days if days is None else day_numbers(days),
            level=call.data.get(ATTR_LEVEL, slot.level),
            is_enabled=call.data.get(ATTR_ENABLED, slot.is_enabled),
        )
        if changed.start is not None and changed.end is not None:
            _check_slot(target, changed.start, changed.end, call.data.get(ATTR_LEVEL))
        return changed

    await target.details.async_change_slot(target.serial, call.data[ATTR_SCHEDULE_ID], change)
    return {"chargers": [{"device_id": target.device_id, "name": target.name, "schedule_id": call.data[ATTR_SCHEDULE_ID]}]}


async def _delete_charging_schedule(call: ServiceCall) -> ServiceResponse:
    target = _charger_with_slot(await async_chargers(call), call.data[ATTR_SCHEDULE_ID])
    await target.details.async_delete_slot(target.serial, call.data[ATTR_SCHEDULE_ID])
    return {"chargers": [{"device_id": target.device_id, "name": target.name, "schedule_id": call.data[ATTR_SCHEDULE_ID]}]}


async def _get_charging_sessions(call: ServiceCall) -> ServiceResponse:
    async def read(target: ChargerTarget) -> JsonObjectType:
        first, last = days_of(call, target.site.site_facts.time_zone)
        sessions = await target.details.async_read_sessions(target.serial, first, last)
        return {"sessions": [_session_answer(session) for session in sessions]}

    return await _for_each(call, read)


def _charger_with_slot(targets: list[ChargerTarget], slot_id: str) -> ChargerTarget:
    """Return the target that has the slot; if none is known to have it, the first one, whose error then says so."""
    return next((target for target in targets if target.charger.details.has_slot(slot_id)), targets[0])


def _check_slot(target: ChargerTarget, start: time, end: time, level: float | None) -> None:
    """Refuse impossible schedules before anything is sent."""
    if start == end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_without_duration")
    check_level(target.charger, level)


def _counts(target: ChargerTarget) -> bool:
    """Return whether the schedules of a charger count in its charge mode, or in the one that was chosen just now."""
    charger = target.charger
    return charger.runs_schedules or charger.mode_shown is ChargeMode.SCHEDULED


def _slot_answer(slot: ChargingSlot) -> JsonObjectType:
    return {
        ATTR_SCHEDULE_ID: slot.short_id,
        ATTR_START: None if slot.start is None else f"{slot.start:%H:%M}",
        ATTR_END: None if slot.end is None else f"{slot.end:%H:%M}",
        ATTR_DAYS: day_names(slot.days),
        ATTR_LEVEL: slot.level,
        ATTR_ENABLED: slot.is_enabled,
        "type": slot.type.name.lower(),
    }


def _session_answer(session: PastSession) -> JsonObjectType:
    return {
        ATTR_START: session.started_at.isoformat() if session.started_at else None,
        ATTR_END: session.ended_at.isoformat() if session.ended_at else None,
        "energy": session.energy,
        "duration": session.minutes,
        "active_time": session.active_seconds,
        "range_added": session.miles,
        "cost": session.cost,
    }


async def _for_each(call: ServiceCall, action: Callable[[ChargerTarget], Awaitable[JsonObjectType]]) -> ServiceResponse:
    async def answer(target: ChargerTarget) -> JsonObjectType:
        return {"device_id": target.device_id, "name": target.name, **await action(target)}

    return {"chargers": await async_for_each(await async_chargers(call), answer)}


def _answer(reply: CommandReply, requested: JsonObjectType) -> JsonObjectType:
    return {"requested": requested, "outcome": reply.outcome.value, "message": reply.message}
