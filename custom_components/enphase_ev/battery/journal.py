"""The journal of battery changes: what must still be there afterwards, on disk before anything is written.

Source: docs/cloud-api/battery.md §5.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from uuid import uuid4

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from mashumaro import DataClassDictMixin

from ..const import DOMAIN
from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules

_STORAGE_VERSION = 1


@dataclass(frozen=True)
class KeptEntry(DataClassDictMixin):
    """A schedule entry as it is kept on disk."""

    id: str
    family: BatteryFamily
    start: time
    end: time
    days: tuple[int, ...]
    limit: float | None
    time_zone: str | None
    is_enabled: bool

    @classmethod
    def keep(cls, entry: BatteryEntry) -> KeptEntry:
        """Keep an entry."""
        return cls(entry.id, entry.family, entry.start, entry.end, entry.days, entry.limit, entry.time_zone, entry.is_enabled)

    def entry(self) -> BatteryEntry:
        """Return the entry."""
        return BatteryEntry(
            id=self.id,
            family=self.family,
            start=self.start,
            end=self.end,
            days=self.days,
            limit=self.limit,
            time_zone=self.time_zone,
            is_enabled=self.is_enabled,
        )


@dataclass
class JournalRecord(DataClassDictMixin):
    """One change.

    Attributes:
        expected: the entries that must be there when it is over.
        families: those whose entries were touched and want the apply (docs/cloud-api/battery.md §4).
        deleted: the ids of entries that a person deleted since it was opened.
        problem: why something could not be put back, `None` as long as nobody has failed at it.
    """

    expected: list[KeptEntry]
    id: str = field(default_factory=lambda: uuid4().hex)
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    families: list[BatteryFamily] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    problem: str | None = None

    def missing_from(self, schedules: BatterySchedules) -> list[BatteryEntry]:
        """Return the entries that are expected and not there, by their id or by what they say."""
        there = schedules.entries
        ids = {entry.id for entry in there}
        expected = (kept.entry() for kept in self.expected)
        return [entry for entry in expected if entry.id not in ids and not any(entry.is_same_as(other) for other in there)]

    def expect_also(self, schedules: BatterySchedules) -> None:
        """Expect what is there besides: entries that have come since the record was opened."""
        known = {kept.id for kept in self.expected}.union(self.deleted)
        expected = [kept.entry() for kept in self.expected]
        new = [one for one in schedules.entries if one.id not in known and not any(one.is_same_as(other) for other in expected)]
        self.expected += [KeptEntry.keep(entry) for entry in new]

    def expect_instead(self, gone: Iterable[str], new: Iterable[BatteryEntry] = ()) -> None:
        """Expect some entries no more, and others in their place."""
        ids = set(gone)
        self.expected = [kept for kept in self.expected if kept.id not in ids] + [KeptEntry.keep(entry) for entry in new]


@dataclass
class Override(DataClassDictMixin):
    """A temporary entry, and what comes back when it ends.

    Attributes:
        entry: the temporary one.
        started_at, ends_at: UTC.
        until_charge: the state of charge (%) at which it ends sooner.
        aside: the entries that were in its way.
        was_on, were_schedules_on: whether the family, and the schedules of charge from grid, were switched on before.
        is_begun: whether all of it was written; one that was interrupted before that, or while it ended, ends at the next start.
    """

    entry: KeptEntry
    started_at: datetime
    ends_at: datetime
    until_charge: float | None
    aside: list[KeptEntry]
    was_on: bool
    were_schedules_on: bool
    is_begun: bool = False


@dataclass
class _Content(DataClassDictMixin):
    records: list[JournalRecord] = field(default_factory=list)
    override: Override | None = None


class BatteryJournal:
    """The open changes of one site. Every method that changes something returns only when it is on disk."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, object]] = Store(
            hass, _STORAGE_VERSION, f"{DOMAIN}.battery.{entry_id}", private=True, atomic_writes=True
        )
        self._content = _Content()

    @property
    def records(self) -> list[JournalRecord]:
        """Return the open changes, the oldest first."""
        return self._content.records

    @property
    def override(self) -> Override | None:
        """Return the override that is in force; whoever changes it has it saved before anything is written."""
        return self._content.override

    @override.setter
    def override(self, override: Override | None) -> None:
        self._content.override = override

    async def async_load(self) -> None:
        """Read what was left open."""
        if stored := await self._store.async_load():
            self._content = _Content.from_dict(stored)

    async def async_open(self, record: JournalRecord) -> None:
        """Open a change."""
        self.records.append(record)
        await self.async_save()

    async def async_close(self, record: JournalRecord) -> None:
        """Close a change: everything that is expected is there."""
        if record in self.records:
            self.records.remove(record)
        await self.async_save()

    async def async_forget(self, entry: BatteryEntry) -> None:
        """Expect an entry no more in any change, because a person deleted it."""
        for record in self.records:
            record.deleted.append(entry.id)
        self.release([entry])
        await self.async_save()

    def release(self, entries: Iterable[BatteryEntry]) -> None:
        """Expect entries no more in any open change; whoever takes them over has that saved."""
        for entry in entries:
            for record in self.records:
                record.expected = [kept for kept in record.expected if kept.id != entry.id and not kept.entry().is_same_as(entry)]
        self._content.records = [record for record in self.records if record.expected or record.problem is None]

    async def async_save(self) -> None:
        """Write now."""
        await self._store.async_save(self._content.to_dict())

    async def async_remove(self) -> None:
        """Forget everything."""
        await self._store.async_remove()
