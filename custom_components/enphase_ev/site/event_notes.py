"""What people say about events in the calendars and Enphase has no room for: a title of their own, and that an event takes place once.

Enphase's schedules are weekly (docs/cloud-api/chargers.md §6, docs/cloud-api/battery.md §5).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Self

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.storage import Store
from mashumaro import DataClassDictMixin

from ..const import DOMAIN
from ..enlighten import BatteryEntry, ChargingSlot
from ..texts import days_text
from ..weekly import WeeklyWindow

_STORAGE_VERSION = 1
# A schedule that the cloud has dropped is put back sooner.
_FORGOTTEN_AFTER = timedelta(days=1)
# One that was asked for is there sooner, or does not come any more.
_COMES_WITHIN = timedelta(hours=2)
_ONE_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Look(DataClassDictMixin):
    """What can be seen of a schedule: its times in its own zone, days of the week (1 = Monday), its level (A) or limit (%)."""

    window: WeeklyWindow | None
    level: float | None

    @classmethod
    def of_slot(cls, slot: ChargingSlot) -> Self:
        """Return that of a charging schedule."""
        has_times = slot.start is not None and slot.end is not None
        return cls(WeeklyWindow(slot.start, slot.end, slot.days) if has_times else None, slot.level)  # type: ignore[arg-type]  # has_times

    @classmethod
    def of_entry(cls, entry: BatteryEntry) -> Self:
        """Return that of a battery schedule, whose limits are whole numbers."""
        limit = None if entry.limit is None else float(round(entry.limit))
        return cls(WeeklyWindow(entry.start, entry.end, entry.days), limit)


@dataclass
class EventNote(DataClassDictMixin):
    """What was said about one schedule.

    Attributes:
        owner: the charger's serial number, or the family of the battery's schedules.
        id: the schedule's; empty until the cloud has given it one.
        look: what it looked like; it is found by that as long as it has no id, or got another one because it was put back.
        at: when that was noted (UTC); `missing_since` since when it was not there.
        title: the title that a person gave it.
        day: the only day on which it takes place, in its zone.
        others: the schedules that were there before and are not meant.
    """

    owner: str
    id: str
    look: Look
    at: datetime
    title: str | None = None
    day: date | None = None
    others: list[str] = field(default_factory=list)
    missing_since: datetime | None = None

    def day_of(self, look: Look) -> date | None:
        """Return the only day of a schedule; `None` where it is weekly, also because it was given other days elsewhere."""
        is_once = self.day is not None and look.window is not None and look.window.days == (self.day.isoweekday(),)
        return self.day if is_once else None

    @property
    def line(self) -> str:
        """Return it in words: title, times, day of the week."""
        window = self.look.window
        times = f"{window.start:%H:%M} - {window.end:%H:%M}, {days_text(window.days)}" if window is not None else ""
        return ", ".join(part for part in (self.title, times) if part)

    def is_over(self, look: Look, zone: tzinfo, now: datetime) -> bool:
        """Return whether the only day of a schedule is over."""
        day = self.day_of(look)
        return day is not None and look.window is not None and look.window.on(day, zone)[1] <= now


@dataclass
class _Stored(DataClassDictMixin):
    notes: list[EventNote] = field(default_factory=list)


class EventNotes:
    """The notes of one config entry, on the disk before anything is sent to the cloud; `count` is how often they have changed."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        name = f"{DOMAIN}.events.{entry_id}"
        self._store: Store[dict[str, object]] = Store(hass, _STORAGE_VERSION, name, private=True, atomic_writes=True)
        self._notes: list[EventNote] = []
        self.count = 0

    async def async_load(self) -> None:
        """Read what was kept."""
        if stored := await self._store.async_load():
            self._notes = _Stored.from_dict(stored).notes

    async def async_remove(self) -> None:
        """Forget everything."""
        await self._store.async_remove()

    def of(self, owner: str, schedule_id: str) -> EventNote | None:
        """Return what was said about a schedule."""
        return next((note for note in self._notes if note.owner == owner and note.id == schedule_id), None)

    def once(self, owner: str) -> list[EventNote]:
        """Return the notes about what takes place once."""
        return [note for note in self._notes if note.owner == owner and note.day is not None]

    async def async_note(self, note: EventNote) -> None:
        """Keep a note, in place of an earlier one about the same schedule; one that says nothing is none."""
        same = [one for one in self._notes if one.owner == note.owner and (one.id == note.id if note.id else one.look == note.look)]
        self._notes = [one for one in self._notes if one not in same or (one.id and not note.id)]
        if note.title is not None or note.day is not None:
            self._notes.append(note)
        elif not same:
            return
        await self._save()

    async def async_make(self, note: EventNote, zone: tzinfo, add: Callable[[], Awaitable[str | None]]) -> None:
        """Add a schedule with a note about it, which is on the disk before. `add` returns the schedule's id where that is known.

        A schedule that may be there although nobody has answered keeps its note.

        Raises:
            HomeAssistantError: It cannot take place once, or what `add` raises.
        """
        if note.day is not None and note.look.window is not None:
            check_once(note.look.window, note.day, zone, datetime.now(UTC))
        await self.async_note(note)
        try:
            note.id = await add() or note.id
        except ServiceValidationError:
            await self.async_forget(note)
            raise
        if note.id:
            await self._save()

    async def async_forget(self, note: EventNote) -> None:
        """Forget a note: its schedule is gone, or has never come."""
        if note in self._notes:
            self._notes.remove(note)
            await self._save()

    async def async_settle(self, owner: str, there: dict[str, Look], *, are_put_back: bool) -> None:
        """Take in which schedules there are: find those that are new, and forget what is about none.

        `are_put_back`: those that the cloud has dropped come back, with another id.
        """
        before = [replace(note) for note in self._notes]
        now = datetime.now(UTC)
        for note in self._notes:
            if note.owner == owner:
                self._find(note, there, now, are_put_back=are_put_back)
        self._notes = [note for note in self._notes if not _is_forgotten(note, now)]
        if self._notes != before:
            await self._save()

    def _find(self, note: EventNote, there: dict[str, Look], now: datetime, *, are_put_back: bool) -> None:
        if note.id not in there:
            taken = {one.id for one in self._notes if one.owner == note.owner}
            found = (one for one, look in there.items() if look == note.look and one not in taken and one not in note.others)
            new = next(found, None) if are_put_back or not note.id else None
            if new is None:
                note.missing_since = note.missing_since or now
                return
            note.id = new
        note.look, note.missing_since = there[note.id], None

    async def _save(self) -> None:
        self.count += 1
        await self._store.async_save(_Stored(self._notes).to_dict())


def _is_forgotten(note: EventNote, now: datetime) -> bool:
    if note.missing_since is None:
        return False
    return now >= (note.missing_since + _FORGOTTEN_AFTER if note.id else note.at + _COMES_WITHIN)


def check_once(window: WeeklyWindow, day: date, zone: tzinfo, now: datetime) -> None:
    """Refuse an event that does not repeat where a weekly schedule would not do what it says.

    Raises:
        ServiceValidationError: It is over, or its schedule would be open sooner than it is meant.
    """
    _, end = window.on(day, zone)
    if end <= now:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="calendar_once_over")
    if window.on(day - _ONE_WEEK, zone)[1] > now:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="calendar_once_too_far")
