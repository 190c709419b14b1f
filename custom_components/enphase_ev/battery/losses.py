"""The entries that must be there: what a read says of each of them, and which are put back. No I/O, as in `decide`.

Source: docs/cloud-api/battery.md §5.
"""

from datetime import datetime, timedelta

from ..enlighten import BatteryEntry, BatterySchedules
from ..weekly import overlap
from .applies import look_at_unapplied
from .ledger import Expected, Ledger, LedgerEvent
from .notes import give_up
from .steps import APART, CONFIRMED_WITHIN, LAG, MOST_WRITES, SETTLE, UNSEEN_FOR, Reading, is_told, is_unseen
from .validation import window_of_entry

MOST_PUT_BACKS = 3


def compare(ledger: Ledger, one: Expected, schedules: BatterySchedules, now: datetime, *, pending_at: datetime | None) -> None:
    """Note whether a read shows an entry that must be there. `pending_at`: when settings were read that are still pending."""
    if not is_told(schedules, one.entry.family):
        return
    found = one.entry.found_in(schedules)
    if found is None:
        if one.problem is None:
            _is_missing(ledger, one, now, pending_at=pending_at)
    elif not one.is_due or found.id == one.entry.id:
        # One that is to be put back is not there yet: another entry with the same times is one that is just being deleted.
        _is_there(ledger, one, found, now)


def _is_there(ledger: Ledger, one: Expected, found: BatteryEntry, now: datetime) -> None:
    one.missing_since, one.is_due = None, False
    one.take_id(found.id)
    look_at_unapplied(one, found, now)
    if one.problem is not None:
        ledger.expected.remove(one)
    owed, guard = ledger.owed.get(one.entry.family), ledger.guard
    is_applied = owed is None or owed.is_refused
    is_settled = guard is None or now >= guard.toggled_at + SETTLE - timedelta(seconds=1)
    # The apply that follows when it was put back can drop it again: it counts as seen only after that.
    if one.tries == 0 or (is_applied and is_settled):
        one.seen_at = now


def _is_missing(ledger: Ledger, one: Expected, now: datetime, *, pending_at: datetime | None) -> None:
    one.missing_since, one.missed_at = one.missing_since or now, now
    if ledger.is_old:
        give_up(ledger, one, "old")
        return
    if now - one.missing_since < APART:
        return
    if ledger.guard is None and one.unapplied_since is not None:
        _disappeared_unapplied(ledger, one)
    elif _was_nobody_here(ledger, one, pending_at):
        _deleted_elsewhere(ledger, one)
    elif one.tries:
        _put_back_and_gone(ledger, one, now)


def _deleted_elsewhere(ledger: Ledger, one: Expected) -> None:
    ledger.expected.remove(one)
    ledger.tell(LedgerEvent.DELETED_ELSEWHERE, entry=one.entry)


def _disappeared_unapplied(ledger: Ledger, one: Expected) -> None:
    """Put back an entry that the cloud dropped since no apply had worked, to try other forms; if all were tried, leave it to a person."""
    if one.failed_forms:
        give_up(ledger, one, "not_applied")
    else:
        one.is_due = True


def _was_nobody_here(ledger: Ledger, one: Expected, pending_at: datetime | None) -> bool:
    """Return whether somebody else has deleted an entry: it disappeared long after our last write, which still waits for the gateway.

    Only settings that were read late enough prove that the write still waits: an earlier read may not show yet that it was taken over.
    """
    late_at = ledger.guard.late_at if ledger.guard is not None else None
    if late_at is None or pending_at is None or one.missing_since is None or one.is_at_risk:
        return False
    return late_at < one.missing_since <= pending_at - LAG


def _put_back_and_gone(ledger: Ledger, one: Expected, now: datetime) -> None:
    """Decide about an entry that was put back and is gone again: somebody wants it gone, or it could not be kept."""
    guard, written_at = ledger.guard, one.written_at
    is_seen = one.seen_at is not None and written_at is not None and one.seen_at > written_at
    settled_at = guard.intents_settled_at if guard else written_at
    is_ours = one.is_at_risk or settled_at is None or written_at is None or settled_at > written_at
    if is_seen and not is_ours:
        _deleted_elsewhere(ledger, one)
    elif (one.tries >= MOST_PUT_BACKS or one.writes >= MOST_WRITES) and not _may_only_be_late(one, now):
        give_up(ledger, one, "not_applied")


def lost_entries(ledger: Ledger, reading: Reading, now: datetime) -> list[Expected]:
    """Return the entries that are to be put back now.

    They are put back together, since each apply can drop others. So none is put back while one of them may be there, and only the read is
    late.
    """
    staying = [one for one in ledger.expected if not ledger.is_leaving(one.entry.entry())]
    missing = [one for one in staying if one.is_missing and not _waits_for_others(ledger, one, reading, now)]
    if any(one.missing_since is not None and _may_only_be_late(one, now) for one in ledger.expected if one.problem is None):
        return [one for one in missing if one.is_due]
    return [one for one in missing if one.is_due or _is_lost(ledger, one, reading)]


def _waits_for_others(ledger: Ledger, one: Expected, reading: Reading, now: datetime) -> bool:
    """Return whether an intent is about to write or delete an entry itself, or to delete what would be in its way."""
    entry = one.entry.entry()
    written = [kept for intent in ledger.open_intents for kept in (*intent.writes, *intent.deletes)]
    if any(kept.entry().is_same_as(entry) for kept in written):
        return True
    there = reading.schedules.entries if reading.schedules is not None else ()
    late_since = (reading.schedules_at or now) - LAG
    return any(ledger.is_going(other, late_since) and overlap(window_of_entry(entry), window_of_entry(other)) for other in there)


def _may_only_be_late(one: Expected, now: datetime) -> bool:
    """Return whether an entry may be there although reads lack it: it was added a moment ago. A changed one is found by its id anyway."""
    if not is_unseen(one) or one.entry.id or one.written_at is None:
        return False
    # Reads that do not tell of its family prove nothing, however long they do not.
    is_missed_too_soon = one.missed_at is None or one.missed_at < one.written_at + LAG
    return now < one.written_at + (CONFIRMED_WITHIN if is_missed_too_soon else UNSEEN_FOR)


def _is_lost(ledger: Ledger, one: Expected, reading: Reading) -> bool:
    """Return whether two reads agree that an entry is gone, and nothing is under way that would drop it once more."""
    if one.missing_since is None or one.missed_at is None or one.missed_at - one.missing_since < APART:
        return False
    if one.unapplied_since is not None and ledger.guard is None:
        return False
    is_pending = reading.settings is not None and reading.settings.is_pending
    return not (one.tries and is_pending)
