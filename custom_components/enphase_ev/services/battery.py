"""The actions of the batteries."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time, timedelta
from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util.json import JsonObjectType, JsonValueType
import voluptuous as vol

from ..battery.change import Change
from ..battery.coordinator import BatteryCoordinator
from ..battery.ledger import ChangeState
from ..battery.not_put_back import async_missing, async_restore
from ..battery.override import OverrideAction, check_aside
from ..battery.schedules import (
    async_add_entry,
    async_change_entry,
    async_delete_entries,
    async_export_entries,
    async_import_entries,
    async_read_entries,
    entry_answer,
)
from ..battery.settings import async_restrict_discharge, async_switch_family
from ..battery.validation import check_entry, default_limit
from ..const import DOMAIN
from ..enlighten import BatteryEntry, BatteryFamily
from ..errors import translated
from ..runtime import EnphaseRuntimeData
from ..site.activation import async_activate_battery
from ..weekly import day_numbers
from .fields import (
    ACTIVATE,
    ATTR_ACTIVATE,
    ATTR_DAYS,
    ATTR_ENABLED,
    ATTR_END,
    ATTR_SCHEDULE_ID,
    ATTR_START,
    CHANGED_SCHEDULE,
    NEW_SCHEDULE,
    async_for_each,
)
from .targets import ATTR_SITE_ID, SITE_FIELDS, async_batteries

ATTR_ACTION = "action"
ATTR_ALL = "all"
ATTR_CREATE_SCHEDULE = "create_schedule"
ATTR_DRY_RUN = "dry_run"
ATTR_DURATION = "duration"
ATTR_FAMILY = "family"
ATTR_LIMIT = "limit"
ATTR_SCHEDULES = "schedules"
ATTR_TIME_ZONE = "time_zone"
ATTR_UNTIL = "until_state_of_charge"
ATTR_WAIT = "wait"

_FAMILIES = {family.name.lower(): family for family in BatteryFamily} | {family.value: family for family in BatteryFamily}
_FAMILY = vol.All(cv.string, vol.Lower, vol.In(_FAMILIES))
# Restrict discharge has none, and its exported entries say so. A limit that is too low is refused in words (battery/validation.py), not
# here: an exported entry may have one, and is taken where it is still there.
_LIMIT = vol.Any(None, vol.All(vol.Coerce(float), vol.Range(min=0, max=100)))

_SITE: VolDictType = {**cv.TARGET_SERVICE_FIELDS, **SITE_FIELDS}
_WAIT: VolDictType = {vol.Optional(ATTR_WAIT, default=0): vol.All(vol.Coerce(int), vol.Range(min=0, max=900))}
_WINDOW: VolDictType = {
    vol.Required(ATTR_FAMILY): _FAMILY,
    **NEW_SCHEDULE,
    vol.Optional(ATTR_LIMIT): _LIMIT,
}
# Without times, only the family is checked.
_VALIDATION: VolDictType = {
    **{field: check for field, check in _WINDOW.items() if field not in {ATTR_START, ATTR_END}},
    vol.Inclusive(ATTR_START, "times"): cv.time,
    vol.Inclusive(ATTR_END, "times"): cv.time,
}
_CHANGES: VolDictType = {**CHANGED_SCHEDULE, vol.Optional(ATTR_LIMIT): _LIMIT}
_DELETES: VolDictType = {
    vol.Exclusive(ATTR_SCHEDULE_ID, "which"): cv.string,
    vol.Exclusive(ATTR_FAMILY, "which"): _FAMILY,
    vol.Exclusive(ATTR_ALL, "which"): cv.boolean,
}
_IMPORT: VolDictType = {
    vol.Required(ATTR_SCHEDULES): vol.All(
        cv.ensure_list, [vol.Schema({**_WINDOW, vol.Optional(ATTR_TIME_ZONE): vol.Any(None, cv.string)}, extra=vol.REMOVE_EXTRA)]
    )
}
_RESTRICTION: VolDictType = {
    vol.Optional(ATTR_ENABLED, default=True): cv.boolean,
    vol.Optional(ATTR_CREATE_SCHEDULE, default=False): cv.boolean,
}
_OVERRIDE: VolDictType = {
    vol.Required(ATTR_ACTION): vol.In([action.value for action in OverrideAction]),
    vol.Exclusive(ATTR_DURATION, "how_long"): cv.positive_time_period,
    vol.Exclusive(ATTR_UNTIL, "how_long"): vol.All(vol.Coerce(float), vol.Range(min=5, max=100)),
}


@callback
def async_setup_battery_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, action, fields in (
        ("add_battery_schedule", _add, {**_WINDOW, **ACTIVATE, **_WAIT}),
        ("update_battery_schedule", _update, {**_CHANGES, **_WAIT}),
        ("delete_battery_schedule", _delete, {**_DELETES, **_WAIT}),
        ("validate_battery_schedule", _validate, _VALIDATION),
        ("restore_battery_schedules", _restore, {vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean}),
        ("import_battery_schedules", _import, {**_IMPORT, **_WAIT}),
        ("restrict_battery_discharge", _restrict, {**_RESTRICTION, **_WAIT}),
        ("set_battery_override", _set_override, {**_OVERRIDE, **_WAIT}),
        ("clear_battery_override", _clear_override, _WAIT),
    ):
        schema = vol.Schema({**_SITE, **fields})
        hass.services.async_register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.OPTIONAL)
    for name, read in (("get_battery_schedules", async_read_entries), ("export_battery_schedules", async_export_entries)):
        hass.services.async_register(DOMAIN, name, partial(_get, read), schema=vol.Schema(_SITE), supports_response=SupportsResponse.ONLY)


async def _get(read: Callable[[BatteryCoordinator], Awaitable[list[JsonObjectType]]], call: ServiceCall) -> ServiceResponse:
    async def answer(site: EnphaseRuntimeData) -> JsonObjectType:
        schedules: list[JsonValueType] = [*await read(site.battery)]
        return {ATTR_SCHEDULES: schedules}

    return await _for_each(call, answer)


async def _add(call: ServiceCall) -> ServiceResponse:
    deadline = _deadline(call)

    async def add(site: EnphaseRuntimeData) -> JsonObjectType:
        entry = _entry(call.data, site.battery)
        changes = [await async_add_entry(site.battery, entry)]
        if call.data[ATTR_ACTIVATE]:
            changes += await async_activate_battery(site.battery, entry.family)
        return await _outcome(changes, deadline)

    return await _for_each(call, add)


async def _update(call: ServiceCall) -> ServiceResponse:
    def change(entry: BatteryEntry) -> BatteryEntry:
        days, limit = call.data.get(ATTR_DAYS), call.data.get(ATTR_LIMIT)
        return replace(
            entry,
            start=_minutes(call.data.get(ATTR_START, entry.start)),
            end=_minutes(call.data.get(ATTR_END, entry.end)),
            days=entry.days if days is None else day_numbers(days),
            limit=entry.limit if limit is None or entry.limit is None else limit,
            is_enabled=call.data.get(ATTR_ENABLED, entry.is_enabled),
        )

    schedule_id: str = call.data[ATTR_SCHEDULE_ID]
    deadline = _deadline(call)
    return await _for_each(call, lambda site: _awaited(async_change_entry(site.battery, schedule_id, change), deadline))


async def _delete(call: ServiceCall) -> ServiceResponse:
    schedule_id, family = call.data.get(ATTR_SCHEDULE_ID), call.data.get(ATTR_FAMILY)
    if schedule_id is None and family is None and not call.data.get(ATTR_ALL):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_delete")

    def is_meant(entry: BatteryEntry) -> bool:
        return entry.id == schedule_id if schedule_id else family is None or entry.family is _FAMILIES[family]

    deadline = _deadline(call)
    return await _for_each(call, lambda site: _awaited(async_delete_entries(site.battery, is_meant), deadline))


async def _validate(call: ServiceCall) -> ServiceResponse:
    """Check an entry against what is there, and let the cloud check its family; nothing is changed."""

    async def check_family(site: EnphaseRuntimeData) -> JsonObjectType:
        with translated():
            is_valid = await site.battery.client.check_family(_FAMILIES[call.data[ATTR_FAMILY]])
        return {"valid": is_valid, "reason": None if is_valid else "refused_by_cloud"}

    if ATTR_START not in call.data:
        return await _for_each(call, check_family)

    async def check(site: EnphaseRuntimeData) -> JsonObjectType:
        entry = _entry(call.data, site.battery)
        with translated():
            settings, schedules = await site.battery.keeper.async_look()
            is_valid = await site.battery.client.check_family(entry.family)
        try:
            check_entry(entry, settings, schedules)
            check_aside(site.battery.keeper.ledger, entry, schedules)
        except ServiceValidationError as err:
            return {"valid": False, "reason": err.translation_key}
        return {"valid": is_valid, "reason": None if is_valid else "refused_by_cloud"}

    return await _for_each(call, check)


async def _restore(call: ServiceCall) -> ServiceResponse:
    async def restore(site: EnphaseRuntimeData) -> JsonObjectType:
        keeper = site.battery.keeper
        missing = await async_missing(keeper)
        left = missing
        if not call.data[ATTR_DRY_RUN] and missing:
            left = [kept.entry() for kept in await async_restore(keeper)]
        return {"missing": [entry_answer(entry) for entry in missing], "left": [entry_answer(entry) for entry in left]}

    return await _for_each(call, restore)


async def _import(call: ServiceCall) -> ServiceResponse:
    deadline = _deadline(call)

    async def import_all(site: EnphaseRuntimeData) -> JsonObjectType:
        change = await async_import_entries(site.battery, [_entry(one, site.battery) for one in call.data[ATTR_SCHEDULES]])
        return await _outcome([change], deadline)

    return await _for_each(call, import_all)


async def _restrict(call: ServiceCall) -> ServiceResponse:
    def change(coordinator: BatteryCoordinator) -> Awaitable[Change]:
        if call.data[ATTR_ENABLED]:
            return async_restrict_discharge(coordinator, creates_entry=call.data[ATTR_CREATE_SCHEDULE])
        return async_switch_family(coordinator, BatteryFamily.RESTRICT_BATTERY_DISCHARGE, is_on=False)

    deadline = _deadline(call)
    return await _for_each(call, lambda site: _awaited(change(site.battery), deadline))


async def _set_override(call: ServiceCall) -> ServiceResponse:
    duration: timedelta | None = call.data.get(ATTR_DURATION)
    until: float | None = call.data.get(ATTR_UNTIL)
    if duration is None and until is None:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="override_without_end")
    action, deadline = OverrideAction(call.data[ATTR_ACTION]), _deadline(call)

    async def set_it(site: EnphaseRuntimeData) -> JsonObjectType:
        change, ends_at = await site.overrides.async_set(action, duration=duration, until_charge=until)
        return {**await _outcome([change], deadline), "ends_at": ends_at.isoformat()}

    return await _for_each(call, set_it)


async def _clear_override(call: ServiceCall) -> ServiceResponse:
    deadline = _deadline(call)
    return await _for_each(call, lambda site: _awaited(site.overrides.async_clear(), deadline))


async def _for_each(call: ServiceCall, action: Callable[[EnphaseRuntimeData], Awaitable[JsonObjectType]]) -> ServiceResponse:
    async def answer(site: EnphaseRuntimeData) -> JsonObjectType:
        return {ATTR_SITE_ID: site.battery.site_id, **await action(site)}

    return {"sites": await async_for_each(await async_batteries(call), answer)}


async def _awaited(change: Awaitable[Change | None], deadline: float) -> JsonObjectType:
    return await _outcome([await change], deadline)


def _deadline(call: ServiceCall) -> float:
    """Return until when the caller waits for the gateway (s, on the clock of the loop): what goes before counts, too."""
    waits: int = call.data[ATTR_WAIT]
    return call.hass.loop.time() + waits


async def _outcome(changes: Sequence[Change | None], deadline: float) -> JsonObjectType:
    """Return what became of changes that belong together, once they are so or the time is over: the state of the one that is least far."""
    state, reason = ChangeState.APPLIED.value, None
    for change in changes:
        if change is not None:
            await change.wait_until(deadline)
    for change in changes:
        if change is not None and state == ChangeState.APPLIED.value:
            state, reason = change.answer, change.reason
    return {"state": state, "reason": reason}


def _entry(data: Mapping[str, Any], coordinator: BatteryCoordinator) -> BatteryEntry:
    family = _FAMILIES[data[ATTR_FAMILY]]
    limit: float | None = data.get(ATTR_LIMIT)
    return BatteryEntry(
        family=family,
        start=_minutes(data[ATTR_START]),
        end=_minutes(data[ATTR_END]),
        days=day_numbers(data[ATTR_DAYS]),
        limit=default_limit(family, coordinator.settings) if limit is None or family is BatteryFamily.RESTRICT_BATTERY_DISCHARGE else limit,
        time_zone=data.get(ATTR_TIME_ZONE) or str(coordinator.time_zone),
        is_enabled=data[ATTR_ENABLED],
    )


def _minutes(moment: time) -> time:
    return moment.replace(second=0, microsecond=0)
