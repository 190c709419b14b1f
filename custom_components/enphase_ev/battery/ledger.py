"""The ledger of a site's battery: what must be there, what is aside, what was asked for and how far it is.

Source: docs/cloud-api/battery.md §5.

It is what counts: it is on disk before anything is sent, and what is sent follows from it (`decide`), also after a crash.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Self
from uuid import uuid4

from mashumaro import DataClassDictMixin, field_options
from mashumaro.config import BaseConfig

from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatteryWish

# How long a deleted entry is remembered, so that a late read which still shows it is not believed.
_DELETED_FOR = timedelta(minutes=30)
# The name of `Ledger.expected` on disk: ledgers that were stored before have it.
STORED_EXPECTED = "must"


class ChangeState(StrEnum):
    """Where a change stands."""

    QUEUED = "queued"
    REQUESTED = "requested"
    WAITING = "waiting_for_gateway"
    APPLIED = "applied"
    FAILED = "failed"


OVER = frozenset({ChangeState.APPLIED, ChangeState.FAILED})
# The reason of a change whose place a newer one has taken.
REPLACED = "replaced"


class LedgerEvent(StrEnum):
    """What a person may want to know."""

    APPLIED = "applied"
    FAILED = "failed"
    PUT_BACK = "put_back"
    NOT_PUT_BACK = "not_put_back"
    OVERRIDE_STARTED = "override_started"
    OVERRIDE_ENDED = "override_ended"
    DELETED_ELSEWHERE = "deleted_elsewhere"


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
    def keep(cls, entry: BatteryEntry) -> Self:
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

    def found_in(self, schedules: BatterySchedules) -> BatteryEntry | None:
        """Return the entry that is this one, by its id or by what it says."""
        there = schedules.of(self.family)
        by_id = next((one for one in there if one.id == self.id), None)
        mine = self.entry()
        return by_id or next((one for one in there if one.is_same_as(mine)), None)


@dataclass
class Expected(DataClassDictMixin):
    """An entry that must be there.

    Attributes:
        written_at: when it was added here, or put back; a late read can lack it until it has been seen for the first time.
        seen_at: when it was last seen after that, with its family applied.
        missing_since, missed_at: when a read that told of its family lacked it for the first time, and for the last.
        tries: how often it was put back, as far as is known; `writes` how often that was sent.
        problem: why it could not be put back; then it waits for a person.
        is_at_risk: another write of ours than its apply was under way when it was put back, or went out after that: it can drop it again.
        unapplied_since: since when it is in doubt whether its apply has worked; if it has not, the cloud drops the entry after a while.
        failed_forms: how many forms of its apply have come to nothing for sure.
        former_ids: what it was called before it was put back: whoever asks for it by such an id means it.
    """

    entry: KeptEntry
    written_at: datetime | None = None
    seen_at: datetime | None = None
    missing_since: datetime | None = None
    missed_at: datetime | None = None
    tries: int = 0
    writes: int = 0
    problem: str | None = None
    is_due: bool = False
    is_at_risk: bool = False
    unapplied_since: datetime | None = None
    failed_forms: int = 0
    former_ids: list[str] = field(default_factory=list)

    def take_id(self, entry_id: str) -> None:
        """Take another id; the empty one until the cloud shows which it has given."""
        if self.entry.id not in ("", entry_id):
            self.former_ids = [*self.former_ids, self.entry.id]
        self.entry = replace(self.entry, id=entry_id)

    @property
    def known(self) -> KeptEntry:
        """Return it with the id by which people know it: the last one that it had, until the cloud shows a new one."""
        return self.entry if self.entry.id or not self.former_ids else replace(self.entry, id=self.former_ids[-1])

    @property
    def is_missing(self) -> bool:
        """Return whether it is missed, or has to be put back, and does not wait for a person."""
        return self.problem is None and (self.missing_since is not None or self.is_due)

    @property
    def needs_watch(self) -> bool:
        """Return whether it must not be forgotten, whatever else is over."""
        return self.problem is not None or self.is_missing or self.unapplied_since is not None


@dataclass
class Deleted(DataClassDictMixin):
    """An entry that was deleted here."""

    entry: KeptEntry
    at: datetime


@dataclass
class Owed(DataClassDictMixin):
    """A family whose entries were touched and want the apply (docs/cloud-api/battery.md §4).

    Attributes:
        wrote_at: when the last apply was sent, as long as it is open what comes of it; `seen_pending_at` when it was seen on its way.
        writes: how many applies were sent; `forms` in how many forms they came to nothing, `refusals` how many the cloud has refused.
        is_taken: whether the cloud has answered the last one; `was_pending` whether something else was pending then: it may be lost.
        is_accepted: whether it was seen among the changes that the gateway has still to take over.
        named_source: whether the last one had `source` in its query.
        is_doubted: an entry has disappeared because it was not applied: every form is tried, also where the family is off.
    """

    since: datetime
    wrote_at: datetime | None = None
    seen_pending_at: datetime | None = None
    writes: int = 0
    forms: int = 0
    refusals: int = 0
    is_taken: bool = False
    is_accepted: bool = False
    was_pending: bool = False
    named_source: bool | None = None
    is_doubted: bool = False

    @property
    def is_refused(self) -> bool:
        """Return whether the cloud has refused it."""
        return self.refusals > 0


@dataclass
class Guard(DataClassDictMixin):
    """Open from a write that can drop entries until it is confirmed and the entries were compared again.

    Attributes:
        toggled_at: when the last such write went out; `intent_at` when the last one did that somebody had asked for, and that was not sent
            to put entries back or to apply them.
        has_wish: whether the last one changed a setting that showed otherwise: the gateway has taken it over once the new value shows.
        late_at: since when the gateway takes longer than it ever should: an entry that disappears from then on was deleted elsewhere.
        settled_at: since when nothing at all is pending; `intents_settled_at` since when none of the changes is that people asked for.
    """

    toggled_at: datetime
    intent_at: datetime
    has_wish: bool = False
    late_at: datetime | None = None
    settled_at: datetime | None = None
    intents_settled_at: datetime | None = None


@dataclass
class OverrideWish(DataClassDictMixin):
    """An override that is wished for: the temporary entry, until when (UTC), until what state of charge (%)."""

    entry: KeptEntry
    ends_at: datetime
    until_charge: float | None


@dataclass
class Override(DataClassDictMixin):
    """A temporary entry, and what comes back when it ends.

    Attributes:
        entry: the temporary one.
        started_at, ends_at: UTC.
        until_charge: the state of charge (%) at which it ends sooner.
        aside: the entries that were in its way.
        was_on, were_schedules_on: whether the family, and the schedules of charge from grid, were switched on before.
        is_begun: whether all of it was written.
        is_ending: whether it is to end now; what is to be written for it stands among the intents.
    """

    entry: KeptEntry
    started_at: datetime
    ends_at: datetime
    until_charge: float | None
    aside: list[KeptEntry]
    was_on: bool
    were_schedules_on: bool
    is_begun: bool = False
    is_ending: bool = False


@dataclass
class Intent(DataClassDictMixin):
    """A change that somebody asked for; it goes on when the caller has left, and after a restart.

    Attributes:
        what: its name, as the sensor shows it.
        wish, deletes, writes: the settings, the entries to delete and those to write (with an id one is changed, without one added).
        override: an override to begin; `ends_override` ends the one that is in force. Both are worked out when it is their turn.
        done_deletes, done_writes: what of it the cloud has taken.
        attempts: how many writes were sent for it; `form` how many forms of its wish came to nothing.
        sent_at: when the cloud took its last write; `not_so_since` since when reads show that it is not applied.
        was_pending: whether something else was pending when it was sent, so that it may be lost.
        named_source: in which form its wish was sent last.
        is_unanswered: a write of it got no answer: reads show whether it has arrived, and it is not sent again.
        is_at_gateway: the gateway in the house has it, so that it is applied; open until the cloud shows it, for what depends on that.
        given_up: the part of its wish that a newer one has replaced, although it was sent and may still take effect.
    """

    what: str
    asked_at: datetime
    wish: BatteryWish = field(default_factory=BatteryWish)
    deletes: list[KeptEntry] = field(default_factory=list)
    writes: list[KeptEntry] = field(default_factory=list)
    override: OverrideWish | None = None
    ends_override: bool = False
    id: str = field(default_factory=lambda: uuid4().hex)
    state: ChangeState = ChangeState.QUEUED
    reason: str | None = None
    done_deletes: list[KeptEntry] = field(default_factory=list)
    done_writes: list[KeptEntry] = field(default_factory=list)
    attempts: int = 0
    in_flight_at: datetime | None = None
    form: int = 0
    sent_at: datetime | None = None
    not_so_since: datetime | None = None
    was_pending: bool = False
    seen_pending: bool = False
    is_unanswered: bool = False
    wish_sent: bool = False
    named_source: bool | None = None
    wants_retry: bool = False
    is_built: bool = False
    is_carried_out: bool = False
    is_at_gateway: bool = False
    given_up: BatteryWish = field(default_factory=BatteryWish)

    @property
    def is_open(self) -> bool:
        """Return whether it is not known yet what becomes of it."""
        return self.state not in OVER

    @property
    def is_override(self) -> bool:
        """Return whether it begins or ends an override."""
        return self.override is not None or self.ends_override

    @property
    def is_sent(self) -> bool:
        """Return whether all of it was written."""
        is_worked_out = self.is_built or not self.is_override
        is_written = not self.deletes and not self.writes and (self.wish_sent or not self.wish.named)
        return is_worked_out and is_written and self.sent_at is not None

    @property
    def entries_count(self) -> int:
        """Return how many entries it is about."""
        return len(self.deletes) + len(self.writes) + len(self.done_deletes) + len(self.done_writes)

    @property
    def is_touched(self) -> bool:
        """Return whether some of it was written."""
        return self.sent_at is not None or bool(self.done_deletes or self.done_writes)

    def may_undo(self, wish: BatteryWish) -> bool:
        """Return whether what was sent of it can make a later wish not so."""
        return self.wish.may_undo(wish) or self.given_up.may_undo(wish)

    def give_up(self, names: Collection[str]) -> None:
        """Drop some fields of the wish; if they were sent, remember that they may still take effect."""
        if self.wish_sent:
            self.given_up = self.wish.without(self.wish.named.keys() - names).over(self.given_up)
        self.wish = self.wish.without(names)


@dataclass(frozen=True)
class Told:
    """Something that happened: to an intent, to an entry, or to the override."""

    event: LedgerEvent
    what: str | None = None
    entry: KeptEntry | None = None
    reason: str | None = None


@dataclass
class Ledger(DataClassDictMixin):
    """Everything about one site's battery that must not be forgotten.

    Attributes:
        saved_at: when it was last written to the disk.
        expected: the entries that must be there, as long as something can have dropped them; `must` on disk.
        wrote_at: when the last write of any kind went out.
        names_source: whether the site's writes seem to want `source` in the query (docs/cloud-api/battery.md §4).
        is_old: it comes from a backup or a long shutdown: nothing is written because of it but the end of an override.
        groups: the families that the cloud has told of.
        told: what happened since somebody last looked; not on disk.
    """

    saved_at: datetime | None = None
    expected: list[Expected] = field(default_factory=list, metadata=field_options(alias=STORED_EXPECTED))
    deleted: list[Deleted] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    override: Override | None = None
    guard: Guard | None = None
    owed: dict[BatteryFamily, Owed] = field(default_factory=dict)
    wrote_at: datetime | None = None
    names_source: bool = False
    is_old: bool = False
    groups: list[BatteryFamily] = field(default_factory=list)
    told: list[Told] = field(default_factory=list, metadata={"serialize": lambda _: [], "deserialize": lambda _: []})

    class Config(BaseConfig):
        """Store fields under the names that ledgers on disk have for them."""

        serialize_by_alias = True

    # --- What it says ---

    @property
    def open_intents(self) -> list[Intent]:
        """Return the intents that are not over, the oldest first."""
        return [intent for intent in self.intents if intent.is_open]

    @property
    def active_override(self) -> Override | None:
        """Return the override that is in force."""
        return None if self.override is None or self.override.is_ending else self.override

    def is_of_override(self, entry: BatteryEntry) -> bool:
        """Return whether an entry is the temporary one of the override."""
        return self.override is not None and entry.is_same_as(self.override.entry.entry())

    def is_leaving(self, entry: BatteryEntry) -> bool:
        """Return whether an entry is the temporary one of an override that is over: nobody misses it."""
        return self.override is not None and self.override.is_ending and self.is_of_override(entry)

    @property
    def set_aside(self) -> list[BatteryEntry]:
        """Return the entries that make way for the override and come back when it ends."""
        return [] if self.override is None else [kept.entry() for kept in self.override.aside]

    @property
    def not_put_back(self) -> list[KeptEntry]:
        """Return the entries that could not be put back and wait for a person."""
        return [one.known for one in self.expected if one.problem is not None]

    @property
    def is_at_rest(self) -> bool:
        """Return whether nothing is open but what waits for a person, or for the end of an override."""
        ends = self.override is not None and (self.override.is_ending or not self.override.is_begun)
        is_kept = all(one.needs_watch and not one.is_missing for one in self.expected)
        return not self.open_intents and self.guard is None and not self.owed and not ends and is_kept

    @property
    def deletes_shown(self) -> bool:
        """Return whether an open change deletes what was shown once, also before a restart: an empty answer is doubtful then."""
        return any(kept.id for intent in self.open_intents for kept in (*intent.deletes, *intent.done_deletes))

    def was_deleted(self, entry: BatteryEntry) -> bool:
        """Return whether an entry was deleted here lately; one that has no id yet is new."""
        return bool(entry.id) and any(one.entry.id == entry.id for one in self.deleted)

    def is_going(self, entry: BatteryEntry, late_reads_since: datetime) -> bool:
        """Return whether an entry that a read shows is being deleted here, or was deleted so lately that the read may only be late."""
        deletes = [kept for intent in self.open_intents for kept in (*intent.deletes, *intent.done_deletes)]
        deletes += [one.entry for one in self.deleted if one.at > late_reads_since]
        return any(kept.id == entry.id for kept in deletes)

    # --- Noting ---

    def expect(self, entries: Iterable[BatteryEntry], *, written_at: datetime | None = None) -> None:
        """Expect entries to be there from now on, unless they are expected, deleted or the override's already."""
        known = {one.entry.id for one in self.expected}
        for entry in entries:
            # One that is written now, in the last moment of an override, can show late: it has to be looked for when it is deleted.
            is_temporary = written_at is None and self.is_leaving(entry)
            if (entry.id and entry.id in known) or self.was_deleted(entry) or is_temporary:
                continue
            same = next((one for one in self.expected if one.entry.entry().is_same_as(entry)), None)
            if same is None:
                self.expected.append(Expected(KeptEntry.keep(entry), written_at=written_at))
            elif same.problem is not None:
                # A person has added it again.
                self.expected.remove(same)
                self.expected.append(Expected(KeptEntry.keep(entry), written_at=written_at))
            elif written_at is not None:
                # It was written once more: a late read can lack it until it is seen again.
                same.written_at, same.seen_at, same.missing_since = written_at, None, None

    def expect_no_more(self, entry: KeptEntry) -> None:
        """Expect an entry no more, by its id or by what it says."""
        gone = entry.entry()
        self.expected = [one for one in self.expected if one.entry.id != (entry.id or None) and not one.entry.entry().is_same_as(gone)]

    def note_deleted(self, entry: KeptEntry, now: datetime) -> None:
        """Note that an entry was deleted here: it is never put back, whatever a late read says."""
        self.deleted = [one for one in self.deleted if now - one.at < _DELETED_FOR and (not entry.id or one.entry.id != entry.id)]
        self.deleted.append(Deleted(entry, now))
        coming_back = [one for one in self.expected if one.is_due and one.entry.id != entry.id]
        self.expect_no_more(entry)
        self.expected += [one for one in coming_back if one not in self.expected]

    @property
    def deleted_at(self) -> datetime | None:
        """Return when something was deleted here last."""
        return max((one.at for one in self.deleted), default=None)

    def note_toggle(self, now: datetime, *, is_intent: bool, has_wish: bool) -> None:
        """Note that a write goes out that can drop entries: from now on something can be lost."""
        before = self.guard
        is_mending = not is_intent and before is not None
        self.guard = Guard(
            toggled_at=now,
            intent_at=before.intent_at if is_mending and before is not None else now,
            has_wish=has_wish,
            intents_settled_at=before.intents_settled_at if is_mending and before is not None else None,
        )

    def owe(self, family: BatteryFamily, now: datetime) -> None:
        """Note that a family's entries were touched."""
        failed = max((one.failed_forms for one in self.expected if one.entry.family is family and one.written_at is not None), default=0)
        self.owed[family] = Owed(since=now, forms=min(failed, 1), is_doubted=failed > 0)

    def finish(self, intent: Intent, state: ChangeState, reason: str | None = None) -> None:
        """Note what became of an intent."""
        if intent.is_at_gateway:
            # People were told that it is applied, and the gateway has it: what the cloud shows now changes nothing about that.
            intent.state, intent.reason = ChangeState.APPLIED, None
            return
        intent.state, intent.reason = state, reason
        event = LedgerEvent.APPLIED if state is ChangeState.APPLIED else LedgerEvent.FAILED
        entries = [*intent.writes, *intent.deletes, *intent.done_writes, *intent.done_deletes]
        if event is LedgerEvent.FAILED or intent.is_touched:
            # A wish that was fulfilled before anything was sent is no news.
            self.tell(event, what=intent.what, entry=entries[0] if len(entries) == 1 else None, reason=reason)

    def confirm_at_gateway(self, intent: Intent) -> None:
        """Note that the gateway in the house has what an intent wishes for, which the cloud shows minutes later."""
        intent.is_at_gateway = True
        self.tell(LedgerEvent.APPLIED, what=intent.what)

    def tell(self, event: LedgerEvent, *, what: str | None = None, entry: KeptEntry | None = None, reason: str | None = None) -> None:
        """Note something for a person."""
        self.told.append(Told(event, what, entry, reason))

    def forget_finished(self, before: datetime) -> None:
        """Forget intents that are over since long."""
        self.intents = [intent for intent in self.intents if intent.is_open or intent.asked_at > before]
