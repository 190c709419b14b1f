"""Events: what happens in a charging session, and to the changes and schedules of the battery."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .battery.ledger import LedgerEvent, Told
from .battery.model import Battery
from .battery.words import says_more, told_data, told_line
from .charger.coordinator import ChargerCoordinator
from .charger.model import Charger, ChargerState, Command, CommandState
from .const import EVENT_BATTERY_CHANGE
from .entity import BATTERY, CHARGERS, BatteryEntity, ChargerEntity, SubjectDescription, add_entities
from .runtime import EnphaseConfigEntry, EnphaseRuntimeData

PARALLEL_UPDATES = 0

_COST = "cost"


class SessionEvent(StrEnum):
    """What can happen."""

    PLUGGED_IN = "plugged_in"
    CHARGING_STARTED = "charging_started"
    CHARGING_FINISHED = "charging_finished"
    SUSPENDED = "suspended"
    UNPLUGGED = "unplugged"
    FAULTED = "faulted"
    CAR_FULL = "car_full"
    START_FAILED = "start_failed"
    STOP_FAILED = "stop_failed"


@dataclass(frozen=True, kw_only=True)
class ChargerEventDescription(SubjectDescription[Charger], EventEntityDescription):
    """Describes an event entity of a charger."""


@dataclass(frozen=True, kw_only=True)
class BatteryEventDescription(SubjectDescription[Battery], EventEntityDescription):
    """Describes an event entity of the batteries."""


CHARGER_EVENTS = (ChargerEventDescription(key="session", translation_key="session", event_types=[event.value for event in SessionEvent]),)
BATTERY_EVENTS = (
    BatteryEventDescription(
        key="battery_changes",
        translation_key="battery_changes",
        event_types=[event.value for event in LedgerEvent],
        has_fn=lambda battery: battery.may_write,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the events of an entry."""
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_EVENTS, SessionEvents)
    add_entities(entry, async_add_entities, BATTERY, BATTERY_EVENTS, BatteryChanges)


class SessionEvents(ChargerEntity, EventEntity):
    """Fires what has happened between two polls; nothing again after a restart."""

    def __init__(self, coordinator: ChargerCoordinator, description: ChargerEventDescription, serial: str) -> None:
        super().__init__(coordinator, description, serial)
        self._before = self.charger

    @property
    @override
    def shown_values(self) -> object:
        # Events are written where they happen.
        return None

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if self._subject_id not in self.coordinator.data:
            return
        before, self._before = self._before, self.charger
        for event in session_events(before, self.charger):
            self._trigger_event(event, self._figures(event))
            self.async_write_ha_state()
        super()._handle_coordinator_update()

    def _figures(self, event: SessionEvent) -> dict[str, float | str | None]:
        """Return the figures of an event, with the cost by the tariff where Enphase names none."""
        figures = _figures(event, self.charger)
        runtime: EnphaseRuntimeData = self.coordinator.config_entry.runtime_data
        costs = runtime.site.costs.present.get(self._subject_id)
        if figures.get(_COST, 0) is None and costs is not None and costs.session is not None:
            figures[_COST] = round(costs.session, 2)
        return figures


class BatteryChanges(BatteryEntity, EventEntity):
    """Fires what becomes of changes of the battery, and what happens to its schedules."""

    @property
    @override
    def shown_values(self) -> object:
        # Events are written where they happen.
        return None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_listen(self._note))

    @callback
    def _note(self, told: Told) -> None:
        data = told_data(told)
        self._trigger_event(told.event, data)
        self.async_write_ha_state()
        if not says_more(told):
            return
        # Home Assistant writes a line of its own for each event; this one says which schedule, or why.
        device_id = self.device_entry.id if self.device_entry else None
        where = {ATTR_ENTITY_ID: self.entity_id, ATTR_DEVICE_ID: device_id}
        self.hass.bus.async_fire(EVENT_BATTERY_CHANGE, {**where, "event_type": told.event.value, **data, "message": told_line(told)})


def session_events(before: Charger, now: Charger) -> Iterator[SessionEvent]:
    """Yield what has happened from one status to the next, in the order in which it must have."""
    was, status = before.status, now.status
    if status.is_faulted and not was.is_faulted:
        yield SessionEvent.FAULTED
    if status.is_plugged_in and not was.is_plugged_in:
        yield SessionEvent.PLUGGED_IN
    if status.is_charging and not was.is_charging:
        yield SessionEvent.CHARGING_STARTED
    is_suspended, was_suspended = now.state is ChargerState.SUSPENDED, before.state is ChargerState.SUSPENDED
    if is_suspended and not was_suspended and not before.is_full and status.is_plugged_in:
        yield SessionEvent.SUSPENDED
    # A car that is full has finished, whatever word its charger has for it.
    if (was.is_charging or was_suspended) and not status.is_charging and not is_suspended and not status.is_faulted:
        yield SessionEvent.CHARGING_FINISHED
    if now.is_full and not before.is_full:
        yield SessionEvent.CAR_FULL
    if was.is_plugged_in and not status.is_plugged_in:
        yield SessionEvent.UNPLUGGED
    if before.start_stop is not None and before.start_stop.is_pending and (failed := _failed(now)) is not None:
        yield SessionEvent.START_FAILED if failed.wish else SessionEvent.STOP_FAILED


def _failed(charger: Charger) -> Command[bool] | None:
    """Return the start or the stop that the charger did not follow."""
    return charger.start_stop if charger.start_stop is not None and charger.start_stop.state is CommandState.FAILED else None


def _figures(event: SessionEvent, charger: Charger) -> dict[str, float | str | None]:
    """Return the figures that belong to an event: energy in kWh, duration in minutes, range in miles, level in A."""
    if event in {SessionEvent.START_FAILED, SessionEvent.STOP_FAILED}:
        return {"reason": charger.start_stop.reason if charger.start_stop else None}
    session = charger.status.session
    reason = charger.status.connector_reason or (charger.status.connector_status or "").lower() or None
    if event in {SessionEvent.PLUGGED_IN, SessionEvent.FAULTED}:
        return {"reason": reason} if event is SessionEvent.FAULTED else {}
    if event is SessionEvent.CHARGING_STARTED:
        return {"level": charger.set_level}
    figures: dict[str, float | str | None] = {
        "energy": session.energy if session else None,
        "duration": round(charger.session_duration.total_seconds() / 60) if charger.session_duration is not None else None,
        "range_added": round(session.range_added, 1) if session and session.range_added is not None else None,
        _COST: session.cost if session else None,
    }
    return {"reason": reason, **figures} if event in {SessionEvent.SUSPENDED, SessionEvent.CHARGING_FINISHED} else figures
