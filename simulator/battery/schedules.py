"""The schedules of a site: what the cloud lists, what the gateway runs, what conflicts and what gets lost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ..switches.battery import BatteryDeployment
from .entries import Entry, EntryStatus, Wanted
from .settings import BatteryRefused, ControlFamily


@dataclass
class ScheduleBook:
    """All entries of a site."""

    switches: BatteryDeployment
    draw_id: Callable[[], str]
    entries: list[Entry] = field(default_factory=list)
    """What is there, oldest first."""
    deleted: list[Entry] = field(default_factory=list)
    """What was deleted and may still be listed."""
    lost: list[Entry] = field(default_factory=list)
    """What nobody asked to delete: dropped by another write, or never applied."""
    writes: int = 0
    _running: dict[str, Entry] = field(default_factory=dict)

    # Reading

    def as_it_is(self) -> ScheduleBook:
        """A copy of what is listed, which stays as it is."""
        return replace(
            self, entries=[entry.copy() for entry in self.entries], deleted=[entry.copy() for entry in self.deleted], lost=[], _running={}
        )

    def of(self, family: ControlFamily) -> list[Entry]:
        """The entries of a family."""
        return [entry for entry in self.entries if entry.family is family]

    def listed(self, family: ControlFamily) -> list[Entry]:
        """The entries of a family as the cloud lists them: by their last change, turned round by every write."""
        gone = [entry for entry in self.deleted if entry.family is family] if self.switches.deleted_stay_listed else []
        turned = self.switches.flipping_details and self.writes % 2 == 1
        return sorted([*self.of(family), *gone], key=lambda entry: entry.updated_at, reverse=turned)

    def find(self, entry_id: str) -> Entry:
        """An entry by its id; raises `BatteryRefused`."""
        entry = next((one for one in self.entries if one.id == entry_id), None)
        if entry is None:
            raise BatteryRefused(404, "SCHEDULE_NOT_FOUND")
        return entry

    def pending(self, family: ControlFamily) -> bool:
        """Whether an entry of a family is pending."""
        return any(entry.status is EntryStatus.PENDING for entry in self.of(family))

    def running(self, family: ControlFamily, at: float) -> Entry | None:
        """The entry of a family that the gateway would run now; whether the family is on is another matter."""
        return next((entry for entry in self._running.values() if entry.family is family and entry.enabled and entry.runs_at(at)), None)

    def knows_any(self, family: ControlFamily) -> bool:
        """Whether the gateway has entries of a family."""
        return any(entry.family is family for entry in self._running.values())

    # Writing

    def add(self, wanted: Wanted, now: float, user_id: int) -> Entry:
        """A new entry, pending; raises `BatteryRefused` for a conflict."""
        entry = Entry(
            self.draw_id(),
            wanted.family,
            wanted.start,
            wanted.end,
            wanted.days,
            wanted.limit,
            wanted.enabled,
            wanted.time_zone,
            created_at=now,
            updated_at=now,
            user_id=user_id,
        )
        self._check(entry)
        self.entries.append(entry)
        self.writes += 1
        return entry

    def change(self, entry: Entry, wanted: Wanted, now: float) -> None:
        """Let an entry become another; raises `BatteryRefused` for a conflict."""
        changed = entry.copy()
        changed.take(wanted, now)
        self._check(changed)
        entry.take(wanted, now)
        self.writes += 1

    def delete(self, entry: Entry, now: float) -> None:
        """Take an entry off the list; the gateway runs it until its family is applied."""
        self.entries.remove(entry)
        entry.deleted = True
        entry.updated_at = now
        self.deleted.append(entry)
        self.writes += 1

    def put(self, entry: Entry) -> None:
        """Put an entry in as it is, without a look at conflicts; the gateway runs it at once where it is active."""
        self.entries.append(entry)
        if entry.status is EntryStatus.ACTIVE:
            self._running[entry.id] = entry.copy()

    # What becomes of entries

    def send(self, family: ControlFamily) -> None:
        """The toggle write that applies a family has been taken."""
        for entry in self.of(family):
            entry.apply_sent = True

    def unsend(self, families: Iterable[ControlFamily]) -> None:
        """The gateway has not taken an apply over and never will."""
        for family in families:
            for entry in self.of(family):
                if entry.status is EntryStatus.PENDING:
                    entry.apply_sent = False

    def apply(self, family: ControlFamily, *, on: bool) -> None:
        """The gateway has taken an apply over."""
        here = {entry.id for entry in self.entries}
        self._running = {key: entry for key, entry in self._running.items() if entry.family is not family or key in here}
        for entry in self.of(family):
            if entry.apply_sent:
                waiting = self.switches.pending_while_off and not on
                entry.status = EntryStatus.PENDING if waiting else EntryStatus.ACTIVE
                self._running[entry.id] = entry.copy()

    def drop(self, families: Iterable[ControlFamily]) -> None:
        """Lose every entry of some families, as the cloud does without a word."""
        dropped = [entry for entry in self.entries if entry.family in set(families)]
        self._lose(dropped)

    def next_expiry(self) -> float | None:
        """When the next entry disappears that nobody applied."""
        lifetime = self.switches.unapplied_lifetime_s
        return min((entry.updated_at + lifetime for entry in self._unapplied()), default=None)

    def expire(self, now: float) -> bool:
        """Lose the entries that nobody applied in time; whether there were any."""
        lifetime = self.switches.unapplied_lifetime_s
        expired = [entry for entry in self._unapplied() if entry.updated_at + lifetime <= now]
        self._lose(expired)
        return bool(expired)

    def _unapplied(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.status is EntryStatus.PENDING and not entry.apply_sent]

    def _lose(self, entries: list[Entry]) -> None:
        for entry in entries:
            self.entries.remove(entry)
            self._running.pop(entry.id, None)
            self.lost.append(entry)
        if entries:
            self.writes += 1

    # Conflicts (docs/cloud-api/battery.md §4)

    def in_the_way(self, entry: Entry) -> Entry | None:
        """An entry that this one may not overlap, its own family first; disabled and pending ones included."""
        others = sorted(self.entries, key=lambda other: other.family is not entry.family)
        for other in others:
            checked = self.switches.own_family_conflicts if other.family is entry.family else self.switches.cross_family_conflicts
            if checked and other.id != entry.id and other.overlaps(entry):
                return other
        return None

    def _check(self, entry: Entry) -> None:
        other = self.in_the_way(entry)
        if other is None:
            return
        named = other.family
        if other.family is not entry.family and self.switches.wrong_family_named:
            named = next(family for family in ControlFamily if family not in {entry.family, other.family})
        raise BatteryRefused(409, f"CONFLICTING_SCHEDULE_{named.type_name}")
