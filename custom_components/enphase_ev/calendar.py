"""Calendars: the weekly charging schedule of a charger."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import re
from typing import Any, override

from homeassistant.components.calendar import CalendarEntity, CalendarEntityDescription, CalendarEvent
from homeassistant.components.calendar.const import EVENT_DESCRIPTION, EVENT_SUMMARY, CalendarEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .charger import Charger
from .coordinator import check_level
from .enlighten import ChargingSlot, SlotType
from .entity import ChargerEntity, ChargerEntityDescription, add_charger_entities
from .runtime import EnphaseConfigEntry
from .weekly import WeeklyWindow, days_between, require_series, rule_of, window_of

PARALLEL_UPDATES = 1

_NEXT_WITHIN = timedelta(days=8)
_LEVEL = re.compile(r"(\d+(?:\.\d+)?)\s*A\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ChargerCalendarDescription(ChargerEntityDescription, CalendarEntityDescription):
    """Describes a calendar of a charger."""


CHARGER_CALENDARS = (
    ChargerCalendarDescription(
        key="charging_schedule",
        translation_key="charging_schedule",
        has_fn=lambda charger: charger.details.slots is not None,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the calendars of an entry."""
    add_charger_entities(entry, async_add_entities, CHARGER_CALENDARS, ChargingSchedule)


class ChargingSchedule(ChargerEntity, CalendarEntity):
    """The slots of a charger as weekly events. The calendar is on while an enabled slot is open."""

    _attr_supported_features = CalendarEntityFeature.CREATE_EVENT | CalendarEntityFeature.UPDATE_EVENT | CalendarEntityFeature.DELETE_EVENT

    @property
    @override
    def event(self) -> CalendarEvent | None:
        now = dt_util.utcnow()
        slots = [slot for slot in self.charger.details.slots or () if slot.is_enabled and slot.type is SlotType.CUSTOM]
        events = (event for slot in slots for event in self._events(slot, now, now + _NEXT_WITHIN))
        return min(events, key=lambda event: event.start_datetime_local, default=None)

    @override
    async def async_get_events(self, hass: HomeAssistant, start_date: datetime, end_date: datetime) -> list[CalendarEvent]:
        slots = self.charger.details.slots or ()
        events = [event for slot in slots for event in self._events(slot, start_date, end_date)]
        return sorted(events, key=lambda event: event.start_datetime_local)

    @override
    async def async_create_event(self, **kwargs: Any) -> None:
        window = window_of(kwargs, self.coordinator.time_zone)
        level = _level_named(kwargs) or self.charger.wished_level
        check_level(self.charger, level)
        slot = ChargingSlot(start=window.start, end=window.end, days=window.days, level=level, is_enabled=True)
        await self._details.async_add_slot(self._serial, slot)

    @override
    async def async_update_event(
        self, uid: str, event: dict[str, Any], recurrence_id: str | None = None, recurrence_range: str | None = None
    ) -> None:
        require_series(recurrence_id, recurrence_range)
        level = _level_named(event)
        check_level(self.charger, level)

        def change(slot: ChargingSlot) -> ChargingSlot:
            window = window_of(event, self.coordinator.time_zone, slot.days)
            changed = replace(slot, start=window.start, end=window.end, days=window.days)
            return changed if level is None else replace(changed, level=level)

        await self._details.async_change_slot(self._serial, uid, change)

    @override
    async def async_delete_event(self, uid: str, recurrence_id: str | None = None, recurrence_range: str | None = None) -> None:
        require_series(recurrence_id, recurrence_range)
        await self._details.async_delete_slot(self._serial, uid)

    def _events(self, slot: ChargingSlot, first: datetime, last: datetime) -> Iterator[CalendarEvent]:
        zone = self.coordinator.time_zone
        title = _title(slot, self.charger)
        if slot.start is None or slot.end is None:
            # The tariff decides the times of an off-peak slot: it stands on the whole day.
            for day in days_between(slot.days, first.astimezone(zone).date(), last.astimezone(zone).date()):
                yield CalendarEvent(
                    start=day,
                    end=day + timedelta(days=1),
                    summary=title,
                    uid=slot.short_id,
                    rrule=rule_of(slot.days),
                    recurrence_id=day.isoformat(),
                )
            return
        for start, end in WeeklyWindow(slot.start, slot.end, slot.days).occurrences(first, last, zone):
            yield CalendarEvent(
                start=start,
                end=end,
                summary=title,
                uid=slot.short_id,
                rrule=rule_of(slot.days),
                recurrence_id=start.isoformat(),
            )


def _title(slot: ChargingSlot, charger: Charger) -> str:
    """Return what stands on the event: the level or off-peak, and whether the slot is off."""
    words = "Off-peak" if slot.type is SlotType.OFF_PEAK else f"{slot.level or charger.wished_level:g} A"
    return words if slot.is_enabled else f"{words} (off)"


def _level_named(event: dict[str, Any]) -> float | None:
    """Return the level (A) that the title or the description of an event names, such as "16 A"."""
    found = _LEVEL.search(event.get(EVENT_SUMMARY) or "") or _LEVEL.search(event.get(EVENT_DESCRIPTION) or "")
    return float(found.group(1)) if found else None
