"""What the ledger notes of a write: before it goes out, when the cloud has taken it, when it has refused it. No I/O, as in `decide`.

Source: docs/cloud-api/battery.md §4, §5.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime

from ..enlighten import BatteryEntry, BatteryFamily
from . import override
from .applies import may_be_pending
from .coming_back import expected_of
from .ledger import ChangeState, Expected, Intent, KeptEntry, Ledger, LedgerEvent
from .steps import (
    APART,
    APPLY_AGAIN,
    APPLY_FOR,
    DeleteEntry,
    Reading,
    Write,
    WriteAlone,
    WriteEntry,
    WriteSettings,
    is_told,
    is_unseen,
)


def note(ledger: Ledger, step: Write, reading: Reading, now: datetime) -> Callable[[], None]:
    """Note a write before it goes out: what must be there afterwards, and what was tried. Return what takes the note back."""
    owed = {family: copy(one) for family, one in ledger.owed.items()}
    before = ([copy(one) for one in ledger.expected], list(ledger.deleted), owed, copy(ledger.guard), ledger.wrote_at)
    attempts = [(intent, intent.attempts, intent.in_flight_at, intent.was_pending) for intent in ledger.intents]

    def take_back() -> None:
        ledger.expected, ledger.deleted, ledger.owed, ledger.guard, ledger.wrote_at = before
        for one, count, in_flight_at, was_pending in attempts:
            one.attempts, one.in_flight_at, one.was_pending = count, in_flight_at, was_pending

    is_pending = may_be_pending(ledger, reading, now)
    ledger.wrote_at = now
    match step:
        case DeleteEntry(entry, intent):
            ledger.note_deleted(KeptEntry.keep(entry), now)
            _attempted(intent, now)
        case WriteEntry(entry, intent, expected):
            _note_entry(ledger, entry, intent, expected, now, is_pending=is_pending)
        case WriteSettings(_, applied, intents, names_source):
            first = [family for family in applied if not intents and ledger.owed[family].writes == 0]
            _note_toggle(ledger, reading, now, intents, first_applies=first)
            _note_wishes(ledger, intents, is_pending=is_pending)
            for family in applied:
                apply = ledger.owed[family]
                apply.wrote_at, apply.named_source, apply.is_taken, apply.writes = now, names_source, False, apply.writes + 1
                apply.was_pending = is_pending
        case WriteAlone(intent):
            _note_toggle(ledger, reading, now, (intent,))
            _note_wishes(ledger, (intent,), is_pending=is_pending)
    return take_back


def _attempted(intent: Intent | None, now: datetime) -> None:
    if intent is not None:
        intent.attempts += 1
        intent.in_flight_at = now


def _note_entry(
    ledger: Ledger, entry: BatteryEntry, intent: Intent | None, expected: Expected | None, now: datetime, *, is_pending: bool
) -> None:
    _attempted(intent, now)
    if expected is not None:
        expected.writes += 1
        # A put-back that never arrived does not count as one that came to nothing.
        has_arrived = expected.tries == 0 or bool(expected.entry.id)
        expected.tries += has_arrived
        # The cloud gives it a new id; a late read can lack it until it is seen.
        expected.take_id("")
        expected.written_at, expected.seen_at, expected.missing_since = now, None, None
        expected.is_due = False
        # What the gateway has still to take over can drop it, too.
        expected.is_at_risk = is_pending or any(owed.wrote_at is not None for owed in ledger.owed.values())
        if expected.unapplied_since is not None:
            # Perhaps it disappeared because no apply has worked: that form counts as tried.
            expected.unapplied_since, expected.failed_forms = None, max(expected.failed_forms, 1)
    else:
        if entry.id:
            ledger.expected = [one for one in ledger.expected if one.entry.id != entry.id]
        ledger.expect([entry], written_at=now)
    # It needs an apply of its own: one that went out before does not cover it.
    ledger.owe(entry.family, now)


def _note_toggle(
    ledger: Ledger, reading: Reading, now: datetime, intents: tuple[Intent, ...], first_applies: Sequence[BatteryFamily] = ()
) -> None:
    """Note a write that can drop entries. What was put back is at risk by every such write but the first apply, which belongs to it."""
    schedules = reading.schedules
    there = schedules.entries if schedules else ()
    # An empty answer is not believed at once: the entries that were shown before it are still expected.
    untold = [family for family in reading.last_told if schedules is None or not there or not is_told(schedules, family)]
    ledger.expect([*there, *(entry for family in untold for entry in reading.last_told[family])])
    before = ledger.guard.toggled_at if ledger.guard is not None else now
    # What showed before already proves nothing when it shows afterwards.
    shows = any(not intent.wish.is_shown(reading.settings, reading.profile) for intent in intents)
    ledger.note_toggle(now, is_intent=bool(intents), has_wish=shows)
    for one in ledger.expected:
        is_its_own = one.entry.family in first_applies and one.written_at is not None and one.written_at >= before
        one.is_at_risk = one.is_at_risk or (one.tries > 0 and not is_its_own)


def _note_wishes(ledger: Ledger, intents: tuple[Intent, ...], *, is_pending: bool) -> None:
    for intent in intents:
        intent.attempts += 1
        intent.was_pending = intent.was_pending or is_pending
        for one in ledger.expected:
            # A new wish can drop entries anew, so the tries of putting back begin again.
            one.tries, one.writes = (0, 0) if one.problem is None else (one.tries, one.writes)


def taken(ledger: Ledger, step: Write, now: datetime, *, is_unanswered: bool = False) -> None:
    """Note that the cloud has taken a write, or that nobody knows whether it has."""
    match step:
        case DeleteEntry(entry, intent):
            ledger.owe(entry.family, now)
            if intent is not None:
                mark_done(intent.deletes, intent.done_deletes, KeptEntry.keep(entry))
                mark_sent(ledger, intent, now, is_unanswered=is_unanswered)
        case WriteEntry(entry, intent, expected):
            ledger.owe(entry.family, now)
            if intent is not None:
                mark_done(intent.writes, intent.done_writes, KeptEntry.keep(entry))
                mark_sent(ledger, intent, now, is_unanswered=is_unanswered)
            elif expected is not None and not is_unanswered:
                ledger.tell(LedgerEvent.PUT_BACK, entry=expected.entry)
        case WriteSettings(_, applied, intents, names_source):
            for family in applied:
                ledger.owed[family].is_taken = not is_unanswered
            for intent in intents:
                _wish_sent(ledger, intent, now, names_source=names_source, is_unanswered=is_unanswered)
        case WriteAlone(intent, names_source):
            _wish_sent(ledger, intent, now, names_source=names_source, is_unanswered=is_unanswered)


def mark_done(waiting: list[KeptEntry], done: list[KeptEntry], entry: KeptEntry) -> None:
    """Note an entry of an intent as done."""
    same = [kept for kept in waiting if (kept.id and kept.id == entry.id) or kept.entry().is_same_as(entry.entry())]
    for kept in same:
        waiting.remove(kept)
    done.append(entry)


def mark_sent(ledger: Ledger, intent: Intent, now: datetime, *, is_unanswered: bool) -> None:
    """Note that a write of an intent was taken, or that nobody knows; with the last one all of it is requested."""
    intent.sent_at, intent.in_flight_at, intent.not_so_since = now, None, None
    intent.seen_pending = intent.wants_retry = False
    intent.is_unanswered = intent.is_unanswered or is_unanswered
    if intent.is_sent:
        intent.state = ChangeState.REQUESTED
        override.on_sent(ledger, intent, now)


def _wish_sent(ledger: Ledger, intent: Intent, now: datetime, *, names_source: bool, is_unanswered: bool) -> None:
    intent.wish_sent, intent.named_source = True, names_source
    # Remembered although it is not proven: after a restart this form is tried first.
    ledger.names_source = names_source
    mark_sent(ledger, intent, now, is_unanswered=is_unanswered)


def refused(ledger: Ledger, step: Write, reason: str, now: datetime, *, is_conflict: bool = False) -> None:
    """Note that the cloud has refused a write whose note was taken back: what it was for is over."""
    match step:
        case WriteEntry(_, None, Expected() as expected):
            for one in [one for one in ledger.expected if one.entry.entry().is_same_as(expected.entry.entry())]:
                _not_put_back(ledger, one, reason, now, is_conflict=is_conflict)
        case WriteEntry(_, intent) | DeleteEntry(_, intent):
            if intent is not None:
                fail(ledger, intent, reason, now)
        case WriteSettings(_, applied, intents):
            _not_applied(ledger, applied, now)
            for intent in intents:
                fail(ledger, intent, reason, now)
        case WriteAlone(intent):
            fail(ledger, intent, reason, now)


def comes_back_changed(ledger: Ledger, step: Write, now: datetime) -> bool:
    """Note that the cloud does not have the entry that a write was to change; return whether it is put back, as it is to be now."""
    if not isinstance(step, WriteEntry) or step.intent is None or (one := expected_of(ledger, step.entry.id)) is None:
        return False
    let_come_back_changed(ledger, step.intent, step.entry, one, now)
    return True


def let_come_back_changed(ledger: Ledger, intent: Intent, entry: BatteryEntry, one: Expected, now: datetime) -> None:
    """Let an entry that is gone be put back as an intent wants it."""
    changed = replace(KeptEntry.keep(entry), id="")
    # A late read still shows what it was: that is not to be put back, too.
    ledger.note_deleted(one.entry, now)
    former_ids = [*one.former_ids, one.entry.id]
    ledger.expected.append(Expected(changed, missing_since=now - APART, missed_at=now, former_ids=former_ids))
    mark_done(intent.writes, intent.done_writes, changed)
    mark_sent(ledger, intent, now, is_unanswered=False)


def _not_put_back(ledger: Ledger, one: Expected, reason: str, now: datetime, *, is_conflict: bool) -> None:
    one.tries, one.writes, one.is_due = one.tries + 1, one.writes + 1, False
    # A conflict can come from an entry that is just being deleted: so one more try follows at once.
    one.missing_since, one.missed_at = now - APART, now
    if not is_conflict or one.tries > 1:
        give_up(ledger, one, reason)


def _not_applied(ledger: Ledger, applied: tuple[BatteryFamily, ...], now: datetime) -> None:
    for family in applied:
        owed = ledger.owed[family]
        owed.wrote_at, owed.refusals = None, owed.refusals + 1
        if owed.refusals >= len(APPLY_AGAIN) or now >= owed.since + APPLY_FOR:
            del ledger.owed[family]
            ledger.tell(LedgerEvent.FAILED, what="apply", reason="apply_refused")


def fail(ledger: Ledger, intent: Intent, reason: str, now: datetime) -> None:
    """Note that nothing comes of an intent. Entries that it added and that no read has shown are not expected any more."""
    added = [kept.entry() for kept in (*intent.writes, *intent.done_writes)]
    unseen = [one for one in ledger.expected if is_unseen(one) and one.tries == 0]
    gone = [one for one in unseen if any(one.entry.entry().is_same_as(entry) for entry in added)]
    ledger.expected = [one for one in ledger.expected if not any(one is other for other in gone)]
    ledger.finish(intent, ChangeState.FAILED, reason)
    override.on_failure(ledger, intent)


def give_up(ledger: Ledger, one: Expected, reason: str) -> None:
    """Note that an entry could not be put back: it waits for a person."""
    one.problem = reason
    ledger.tell(LedgerEvent.NOT_PUT_BACK, entry=one.entry, reason=reason)


def prune(ledger: Ledger) -> None:
    """Forget the entries that need no watch any more."""
    if ledger.guard is None and not ledger.is_old:
        keeps = [one for one in ledger.expected if one.needs_watch]
        writing = [one for one in ledger.expected if is_unseen(one) or (one.written_at is not None and one.entry.family in ledger.owed)]
        ledger.expected = [one for one in ledger.expected if any(one is other for other in (*keeps, *writing))]
