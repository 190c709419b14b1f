"""Calendars: the weekly schedules of a charger and of the batteries, and the events of the grid."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property, partial
from itertools import chain
import re
from typing import Any, override

from homeassistant.components.calendar import CalendarEntity, CalendarEntityDescription, CalendarEvent
from homeassistant.components.calendar.const import EVENT_DESCRIPTION, EVENT_SUMMARY, CalendarEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery
from .battery.schedules import async_add_entry, async_change_entry, async_delete_entries
from .battery.validation import default_limit, window_of_entry
from .charger.coordinator import ChargerCoordinator
from .charger.model import Charger
from .charger.plan import PlannedTime
from .charger.plan_events import plan_events, require_no_plan
from .charger.validation import check_level, require_custom
from .enlighten import BatteryEntry, BatteryFamily, ChargingSlot, GridEvent
from .entity import BATTERY, CHARGERS, GRID, BatteryEntity, ChargerEntity, GridEntity, SubjectDescription, add_entities
from .freshness import BATTERY_SCHEDULES, CHARGING_SCHEDULE, Source
from .runtime import EnphaseConfigEntry
from .site.activation import Offers, set_battery_issue, set_charger_issue, withdraw_issue
from .site.calendar_spans import calendar_spans
from .site.calendar_titles import (
    entry_description,
    entry_note,
    entry_title,
    grid_event_title,
    level_shown,
    outage_title,
    slot_description,
    slot_note,
    slot_title,
    switch_in_the_way,
)
from .site.event_notes import EventNote, EventNotes, Look, check_once
from .site.grid_schedule import GridSchedule
from .site.one_time_events import OneTimeEvents
from .weekly import WeeklyWindow, day_of, require_series, rule_of, window_of

PARALLEL_UPDATES = 1

_NEXT_WITHIN = timedelta(days=8)
_EDITABLE = CalendarEntityFeature.CREATE_EVENT | CalendarEntityFeature.UPDATE_EVENT | CalendarEntityFeature.DELETE_EVENT
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
# "16 A", "16a", "16 amps" and "16 Ampere", but neither "7 a.m." nor "de 7 a 9", where the word means "to".
_LEVEL = re.compile(r"(\d+(?:[.,]\d+)?)(?:\s*(?:A|(?i:amp)\w*)|a)\b(?!\.?\s?[mM]\b)")


@dataclass(frozen=True, kw_only=True)
class ChargerCalendarDescription(SubjectDescription[Charger], CalendarEntityDescription):
    """Describes a calendar of a charger."""


CHARGER_CALENDARS = (
    ChargerCalendarDescription(
        key="charging_schedule",
        translation_key="charging_schedule",
        source=CHARGING_SCHEDULE,
        has_fn=lambda charger: charger.details.slots is not None,
    ),
)


@dataclass(frozen=True, kw_only=True)
class BatteryCalendarDescription(SubjectDescription[Battery], CalendarEntityDescription):
    """Describes a calendar of a control family of the batteries."""

    source: Source | None = BATTERY_SCHEDULES
    family: BatteryFamily


BATTERY_CALENDARS = tuple(
    BatteryCalendarDescription(
        key=family.name.lower(),
        translation_key=family.name.lower(),
        family=family,
        has_fn=partial(Battery.has_schedules, family=family),
    )
    for family in BatteryFamily
)


@dataclass(frozen=True, kw_only=True)
class GridCalendarDescription(SubjectDescription[GridSchedule], CalendarEntityDescription):
    """Describes a calendar of the grid."""


GRID_EVENTS = GridCalendarDescription(
    key="grid_events",
    translation_key="grid_events",
    has_fn=lambda grid: grid.program is not None or bool(grid.outages),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the calendars of an entry."""
    notes = EventNotes(hass, entry.entry_id)
    await notes.async_load()
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_CALENDARS, partial(ChargingSchedule, notes))
    add_entities(entry, async_add_entities, BATTERY, BATTERY_CALENDARS, partial(BatterySchedule, notes))
    add_entities(entry, async_add_entities, GRID, [GRID_EVENTS], GridEvents)
    OneTimeEvents(hass, entry, entry.runtime_data, notes).async_start()


class WeeklyCalendar(CalendarEntity):
    """A calendar of weekly events. It is on while one is open."""

    @cached_property
    def offers(self) -> Offers:
        """Return what was made here and cannot run."""
        return Offers()

    @abstractmethod
    def events_between(self, first: datetime, last: datetime) -> Iterator[CalendarEvent]:
        """Yield the events that are open between two moments, in any order."""

    @property
    @override
    def event(self) -> CalendarEvent | None:
        now = dt_util.utcnow()
        return min(self.events_between(now, now + _NEXT_WITHIN), key=_begins, default=None)

    @override
    async def async_get_events(self, hass: HomeAssistant, start_date: datetime, end_date: datetime) -> list[CalendarEvent]:
        return sorted(self.events_between(start_date, end_date), key=_begins)


class ChargingSchedule(ChargerEntity, WeeklyCalendar):
    """The slots of a charger as weekly events. The calendar is on while an enabled slot is open."""

    _attr_supported_features = _EDITABLE

    def __init__(
        self, notes: EventNotes, coordinator: ChargerCoordinator, description: SubjectDescription[Charger], subject_id: str
    ) -> None:
        super().__init__(coordinator, description, subject_id)
        self._notes = notes

    @property
    @override
    def shown_values(self) -> object:
        # Home Assistant's calendar itself notices when an event begins and ends.
        limits = self.charger.summary and self.charger.summary.limits
        return self.charger.details.slots, limits, self.charger.mode, self._notes.count, self._planned

    @property
    def _shown_slots(self) -> list[ChargingSlot]:
        # Each slot has a switch. What is off takes no room, and neither does an off-peak slot whose times only the tariff knows.
        return [slot for slot in self.charger.details.slots or () if slot.is_enabled and slot.start is not None and slot.end is not None]

    @override
    def events_between(self, first: datetime, last: datetime) -> Iterator[CalendarEvent]:
        of_slots = (event for slot in self._shown_slots for event in self._events(slot, first, last))
        return chain(of_slots, plan_events(self._planned, first, last))

    @property
    def _planned(self) -> tuple[PlannedTime, ...]:
        """Return when the planner charges."""
        shown = self._runtime.planner.present.get(self._subject_id)
        return shown.plan.times if shown is not None and shown.plan is not None else ()

    @override
    async def async_create_event(self, **kwargs: Any) -> None:
        zone = self.coordinator.site.time_zone
        window, day = window_of(kwargs, zone), day_of(kwargs, zone)
        level = next(_levels_named(kwargs), self.charger.wished_level)
        check_level(self.charger, level)
        slot = ChargingSlot(start=window.start, end=window.end, days=window.days, level=level, is_enabled=True)
        note = self._note("", Look.of_slot(slot), self._typed(kwargs, slot), day)
        note.others = [one.short_id for one in self.charger.details.slots or ()]

        async def add() -> str:
            return (await self._runtime.details.async_add_slot(self._subject_id, slot)).short_id

        await self._notes.async_make(note, zone, add)
        self._offer_activation(window)

    def _note(self, slot_id: str, look: Look, title: str | None, day: date | None) -> EventNote:
        return EventNote(self._subject_id, slot_id, look, datetime.now(UTC), title, day)

    def _typed(self, event: dict[str, Any], slot: ChargingSlot) -> str | None:
        """Return the title that a person has typed; `None` for the one that the schedule has anyway."""
        title = event[EVENT_SUMMARY].removesuffix(slot_note(self.charger))
        return None if title == slot_title(slot, self.charger) or not _LEVEL.sub("", title).strip() else title

    @override
    async def async_update_event(
        self, uid: str, event: dict[str, Any], recurrence_id: str | None = None, recurrence_range: str | None = None
    ) -> None:
        require_no_plan(uid)
        require_series(recurrence_id, recurrence_range)
        zone = self.coordinator.site.time_zone
        wanted: list[ChargingSlot] = []

        def change(slot: ChargingSlot) -> ChargingSlot:
            require_custom(slot)
            window, day = window_of(event, zone), day_of(event, zone)
            if day is not None:
                check_once(window, day, zone, datetime.now(UTC))
            changed = replace(slot, start=window.start, end=window.end, days=window.days)
            shown = level_shown(slot, self.charger)
            if (level := next((named for named in _levels_named(event) if named != shown), None)) is not None:
                check_level(self.charger, level)
                changed = replace(changed, level=level)
            wanted[:] = [changed]
            return changed

        await self._runtime.details.async_change_slot(self._subject_id, uid, change)
        for slot in wanted:
            await self._notes.async_note(self._note(slot.short_id, Look.of_slot(slot), self._typed(event, slot), day_of(event, zone)))
        self._offer_activation(window_of(event, zone))

    @override
    async def async_delete_event(self, uid: str, recurrence_id: str | None = None, recurrence_range: str | None = None) -> None:
        require_no_plan(uid)
        require_series(recurrence_id, recurrence_range)
        await self._runtime.details.async_delete_slot(self._subject_id, uid)

    @callback
    def _offer_activation(self, *made: WeeklyWindow) -> None:
        self.offers.add(made)
        set_charger_issue(self.hass, self.coordinator.config_entry, self._subject_id, is_new=bool(made))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        super()._handle_coordinator_update()
        windows = {WeeklyWindow(slot.start, slot.end, slot.days) for slot in self._shown_slots if slot.start and slot.end}
        if self.offers.are_gone(windows):
            withdraw_issue(self.hass, self.coordinator.config_entry, self._subject_id)
        self._offer_activation()

    def _events(self, slot: ChargingSlot, first: datetime, last: datetime) -> Iterator[CalendarEvent]:
        if slot.start is None or slot.end is None:
            return
        note, look = self._notes.of(self._subject_id, slot.short_id), Look.of_slot(slot)
        level = level_shown(slot, self.charger)
        typed = note.title if note is not None and _names_nothing_else(_levels_named({EVENT_SUMMARY: note.title}), level) else None
        yield from _events_of(
            WeeklyWindow(slot.start, slot.end, slot.days),
            (first, last),
            self.coordinator.site.time_zone,
            day=note.day_of(look) if note else None,
            summary=(typed or slot_title(slot, self.charger)) + slot_note(self.charger),
            description=slot_description(slot, self.charger),
            uid=slot.short_id,
        )


class BatterySchedule(BatteryEntity, WeeklyCalendar):
    """The entries of one control family as weekly events. The calendar is on while one is open and the family is switched on."""

    entity_description: BatteryCalendarDescription

    def __init__(
        self, notes: EventNotes, coordinator: BatteryCoordinator, description: SubjectDescription[Battery], subject_id: str
    ) -> None:
        super().__init__(coordinator, description, subject_id)
        self._notes = notes

    @property
    def _owner(self) -> str:
        return self.entity_description.family.name.lower()

    @property
    @override
    def shown_values(self) -> object:
        return self._entries, switch_in_the_way(self.entity_description.family, self.battery), self.supported_features, self._notes.count

    @property
    @override
    def supported_features(self) -> CalendarEntityFeature:
        return _EDITABLE if self.battery.may_write else CalendarEntityFeature(0)

    @property
    def _entries(self) -> tuple[BatteryEntry, ...]:
        schedules = self.battery.schedules
        return schedules.of(self.entity_description.family) if schedules else ()

    @property
    @override
    def event(self) -> CalendarEvent | None:
        settings = self.battery.settings
        runs = settings is not None and settings.runs_schedules(self.entity_description.family)
        return super().event if runs else None

    @override
    def events_between(self, first: datetime, last: datetime) -> Iterator[CalendarEvent]:
        return (event for entry in self._entries for event in self._events(entry, first, last))

    @override
    async def async_create_event(self, **kwargs: Any) -> None:
        zone = self.coordinator.time_zone
        window, day = window_of(kwargs, zone), day_of(kwargs, zone)
        family = self.entity_description.family
        limit = next(_limits_named(kwargs, family), default_limit(family, self.coordinator.settings))
        entry = BatteryEntry(
            family=family,
            start=window.start,
            end=window.end,
            days=window.days,
            limit=limit,
            time_zone=str(zone),
        )
        note = self._note("", entry, kwargs, day)
        note.others = [one.id for one in self._entries]

        async def add() -> None:
            await async_add_entry(self.coordinator, entry)

        await self._notes.async_make(note, zone, add)
        self._offer_activation(window)

    def _note(self, entry_id: str, entry: BatteryEntry, event: dict[str, Any], day: date | None) -> EventNote:
        title = event[EVENT_SUMMARY].removesuffix(entry_note(entry, self.battery))
        typed = None if title == entry_title(entry) or not _PERCENT.sub("", title).strip() else title
        return EventNote(self._owner, entry_id, Look.of_entry(entry), datetime.now(UTC), typed, day)

    @override
    async def async_update_event(
        self, uid: str, event: dict[str, Any], recurrence_id: str | None = None, recurrence_range: str | None = None
    ) -> None:
        require_series(recurrence_id, recurrence_range)
        wanted: list[tuple[BatteryEntry, date | None]] = []

        def change(entry: BatteryEntry) -> BatteryEntry:
            zone = self.coordinator.zone_of(entry)
            window, day = window_of(event, zone), day_of(event, zone)
            if day is not None:
                check_once(window, day, zone, datetime.now(UTC))
            # Title and description both hold the limit: the one that differs is the one that was changed.
            limit = next((named for named in _limits_named(event, entry.family) if named != entry.limit), entry.limit)
            changed = replace(entry, start=window.start, end=window.end, days=window.days, limit=limit)
            wanted[:] = [(changed, day)]
            return changed

        await async_change_entry(self.coordinator, uid, change)
        for entry, day in wanted:
            await self._notes.async_note(self._note(entry.id, entry, event, day))
        self._offer_activation(*(window_of_entry(entry) for entry, _ in wanted))

    @override
    async def async_delete_event(self, uid: str, recurrence_id: str | None = None, recurrence_range: str | None = None) -> None:
        require_series(recurrence_id, recurrence_range)
        await async_delete_entries(self.coordinator, lambda entry: entry.id == uid)

    @callback
    def _offer_activation(self, *made: WeeklyWindow) -> None:
        self.offers.add(made)
        set_battery_issue(self.hass, self.coordinator.config_entry, self.entity_description.family, is_new=bool(made))

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        super()._handle_coordinator_update()
        if self.offers.are_gone({window_of_entry(entry) for entry in self._entries}):
            withdraw_issue(self.hass, self.coordinator.config_entry, self._owner)
        self._offer_activation()

    def _events(self, entry: BatteryEntry, first: datetime, last: datetime) -> Iterator[CalendarEvent]:
        note = self._notes.of(self._owner, entry.id)
        named = _limits_named({EVENT_SUMMARY: note.title}, entry.family) if note else iter(())
        typed = note.title if note is not None and _names_nothing_else(named, entry.limit) else None
        yield from _events_of(
            window_of_entry(entry),
            (first, last),
            self.coordinator.zone_of(entry),
            day=note.day_of(Look.of_entry(entry)) if note else None,
            summary=(typed or entry_title(entry)) + entry_note(entry, self.battery),
            description=entry_description(entry),
            uid=entry.id,
        )


class GridEvents(GridEntity, CalendarEntity):
    """The events of a grid program, and the outages that are over. The calendar is on while an event goes on."""

    @property
    @override
    def available(self) -> bool:
        # Outages are read once a day, and events go on being known while the other host is silent.
        return self.subject.program is None or self.coordinator.is_fresh

    @property
    @override
    def shown_values(self) -> object:
        return self.subject

    @property
    @override
    def event(self) -> CalendarEvent | None:
        now = dt_util.utcnow()
        event = self.subject.current(now) or self.subject.upcoming(now)
        return next((part for part in _grid_events(event) if part.end_datetime_local > now), None) if event else None

    @override
    async def async_get_events(self, hass: HomeAssistant, start_date: datetime, end_date: datetime) -> list[CalendarEvent]:
        events = [part for event in self.subject.events if event.takes_place for part in _grid_events(event)]
        outages = [
            CalendarEvent(start=start, end=end, summary=outage_title(), uid=f"outage_{outage.started_at.isoformat()}")
            for outage in self.subject.outages
            for start, end in calendar_spans(outage.started_at, outage.started_at + outage.duration)
        ]
        found = [one for one in (*events, *outages) if one.start_datetime_local < end_date and one.end_datetime_local > start_date]
        return sorted(found, key=_begins)


def _begins(event: CalendarEvent) -> float:
    """Return when an event begins, in epoch seconds: the clock on the wall can show an hour twice."""
    return event.start_datetime_local.timestamp()


def _grid_events(event: GridEvent) -> Iterator[CalendarEvent]:
    """Yield an event of the grid as the calendar can hold it."""
    for start, end in calendar_spans(event.starts_at, event.ends_at):
        yield CalendarEvent(start=start, end=end, summary=grid_event_title(event), description=event.state.value, uid=event.id)


def _events_of(
    window: WeeklyWindow, between: tuple[datetime, datetime], zone: tzinfo, *, day: date | None, summary: str, description: str, uid: str
) -> Iterator[CalendarEvent]:
    """Yield the events of a window between two moments; the only one, where it takes place once.

    One that should be gone already is shown as what it is as long as it is there: weekly.
    """
    is_once = day is not None and window.on(day, zone)[1] > dt_util.utcnow()
    for start, end in window.occurrences(*between, zone):
        if is_once and start.date() != day:
            continue
        yield CalendarEvent(
            start=start,
            end=end,
            summary=summary,
            description=description,
            uid=uid,
            rrule=None if is_once else rule_of(window.days, start),
            recurrence_id=None if is_once else start.isoformat(),
        )


def _names_nothing_else(named: Iterator[float], value: float | None) -> bool:
    """Return whether all figures that a title names are the true one: what was changed elsewhere makes a title wrong."""
    return all(one == value for one in named)


def _limits_named(event: dict[str, Any], family: BatteryFamily) -> Iterator[float]:
    """Yield the limits (%) that the title and the description of an event name, such as "90 %"."""
    if family is not BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
        for key in (EVENT_SUMMARY, EVENT_DESCRIPTION):
            if found := _PERCENT.search(event.get(key) or ""):
                yield _figure(found)


def _levels_named(event: dict[str, Any]) -> Iterator[float]:
    """Yield the levels (A) that the title and the description of an event name, such as "16 A"."""
    for key in (EVENT_SUMMARY, EVENT_DESCRIPTION):
        if found := _LEVEL.search(event.get(key) or ""):
            yield _figure(found)


def _figure(found: re.Match[str]) -> float:
    """Return the number that a person typed, with a point or, as in most of Europe, with a comma."""
    return float(found.group(1).replace(",", "."))
