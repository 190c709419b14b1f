"""What a read says of the entries that must be there, of the intents, and of what is confirmed. Pure, as `decide`.

Source: docs/cloud-api/battery.md §5, §6.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings
from .ledger import ChangeState, Expected, Guard, Intent, KeptEntry, Ledger, LedgerEvent
from .notes import fail, give_up, prune
from .steps import APART, APPLY_FOR, CONFIRMED_WITHIN, LAG, MOST_WRITES, SETTLE, UNSEEN_FOR, Read, Reading, forms, is_told

_GUARDED_FOR = timedelta(minutes=20)
MOST_PUT_BACKS = 3
_MOST_APPLY_FORMS = 3


def observe(ledger: Ledger, reading: Reading, now: datetime, fresh: Read) -> None:
    """Note what a read says: of the entries that must be there, of the intents, of what is confirmed."""
    schedules, settings = reading.schedules, reading.settings
    if fresh.schedules and schedules is not None:
        ledger.groups = sorted({*ledger.groups, *schedules.families})
        for one in list(ledger.must):
            _compare(ledger, one, schedules, now, is_pending=settings is not None and settings.is_pending)
        if ledger.guard is not None:
            ledger.expect(schedules.entries)
    if settings is not None and schedules is not None and (fresh.schedules or fresh.settings):
        for family in list(ledger.owed):
            if reading.is_sure:
                _look_at_apply(ledger, family, settings, schedules, now)
    for intent in [one for one in ledger.open_intents if one.is_sent]:
        _judge(ledger, intent, reading, now)
    if fresh.settings and settings is not None:
        _settle(ledger, settings, reading, now)
    if fresh.schedules:
        _close(ledger, now)


def _compare(ledger: Ledger, one: Expected, schedules: BatterySchedules, now: datetime, *, is_pending: bool) -> None:
    if not is_told(schedules, one.entry.family):
        return
    found = one.entry.found_in(schedules)
    if found is not None and one.is_due and found.id != one.entry.id:
        # What says the same is on its way out.
        return
    if found is not None:
        one.missing_since, one.is_due = None, False
        one.entry = replace(one.entry, id=found.id)
        one.is_unapplied = one.is_unapplied and found.is_pending
        if one.problem is not None:
            ledger.must.remove(one)
        owed = ledger.owed.get(one.entry.family)
        toggled_at = ledger.guard.toggled_at if ledger.guard else None
        is_applied = owed is None or owed.is_refused
        is_settled = toggled_at is None or now >= toggled_at + SETTLE - timedelta(seconds=1)
        if one.tries == 0 or (is_applied and is_settled):
            one.seen_at = now
        return
    if one.problem is not None:
        return
    one.missing_since = one.missing_since or now
    if ledger.is_old:
        give_up(ledger, one, "old")
    elif one.is_unapplied and ledger.guard is None:
        if now - one.missing_since >= APART:
            give_up(ledger, one, "not_applied")
    elif ledger.guard is not None and is_pending and _is_late(ledger.guard, one) and now - one.missing_since >= APART:
        # The gateway has taken nothing over yet: it was somebody else.
        ledger.must.remove(one)
        ledger.tell(LedgerEvent.DELETED_ELSEWHERE, entry=one.entry)
    elif one.tries and now - one.missing_since >= APART:
        _put_back_and_gone(ledger, one, now)


def _is_late(guard: Guard, one: Expected) -> bool:
    return guard.late_at is not None and one.missing_since is not None and one.missing_since > guard.late_at


def _put_back_and_gone(ledger: Ledger, one: Expected, now: datetime) -> None:
    """Decide about an entry that was put back and is gone again: somebody wants it gone, or it could not be kept."""
    guard = ledger.guard
    is_seen = one.seen_at is not None and one.written_at is not None and one.seen_at > one.written_at
    settled_at = guard.intents_settled_at if guard else one.written_at
    is_ours = one.is_at_risk or settled_at is None or one.written_at is None or settled_at > one.written_at
    if is_seen and not is_ours:
        ledger.must.remove(one)
        ledger.tell(LedgerEvent.DELETED_ELSEWHERE, entry=one.entry)
    elif one.tries >= MOST_PUT_BACKS and (is_seen or one.written_at is None or now >= one.written_at + UNSEEN_FOR):
        give_up(ledger, one, "not_applied")


def _look_at_apply(ledger: Ledger, family: BatteryFamily, settings: BatterySettings, schedules: BatterySchedules, now: datetime) -> None:
    """Look what came of an apply: over where no entry waits for it, else tried in another form once nothing is pending."""
    owed = ledger.owed[family]
    if owed.wrote_at is None or now < owed.wrote_at + SETTLE or not is_told(schedules, family):
        return
    mine = [one for one in ledger.must if one.entry.family is family and one.written_at is not None]
    # One that was changed keeps its id: a late read still shows it as it was.
    is_unseen = any(_written(schedules, one.entry) is None for one in mine)
    is_waiting = any(entry.is_pending for entry in schedules.of(family))
    is_left_on = family is BatteryFamily.CHARGE_FROM_GRID and settings.schedules_charge is True and not schedules.of(family)
    is_late = now >= owed.wrote_at + LAG
    if not is_waiting and not is_left_on and (is_late or not is_unseen):
        if mine and ledger.guard is not None:
            # They have settled: the gateway has taken it over.
            ledger.guard.has_wish = True
        del ledger.owed[family]
        return
    if settings.is_pending:
        owed.seen_pending_at = now
        return
    was_taken = owed.seen_pending_at is not None and now >= owed.seen_pending_at + APART
    if not is_late and not was_taken:
        return
    owed.tries, owed.wrote_at, owed.seen_pending_at = owed.tries + (0 if owed.was_pending else 1), None, None
    waiting = [entry for entry in schedules.of(family) if entry.is_pending and settings.is_enabled(family)]
    if owed.tries >= _MOST_APPLY_FORMS or now >= owed.since + APPLY_FOR:
        del ledger.owed[family]
        ledger.expect(waiting)
        for one in ledger.must:
            one.is_unapplied = one.is_unapplied or any(entry.id == one.entry.id for entry in waiting)
    elif owed.tries and (waiting or is_left_on) and ledger.names_source is owed.named_source:
        # It came to nothing: the site may want the other form, here and for all that is written later.
        ledger.names_source = not ledger.names_source


def _judge(ledger: Ledger, intent: Intent, reading: Reading, now: datetime) -> None:
    """Decide about an intent that was sent: applied, still on its way, or not so, which two reads have to say."""
    settings, schedules = reading.settings, reading.schedules
    if intent.sent_at is None or settings is None or schedules is None or intent.wants_retry:
        return
    is_so = _is_wish_so(intent, reading)
    are_so = _are_entries_so(ledger, intent, reading)
    if is_so is None or are_so is None:
        return
    if is_so and _is_too_soon(ledger, intent, settings, now):
        intent.state = ChangeState.WAITING
        return
    if is_so and are_so and not _is_owed(ledger, intent):
        ledger.finish(intent, ChangeState.APPLIED)
        return
    is_pending = settings.is_pending or settings.is_taken or _is_owed(ledger, intent) or _is_profile_pending(intent, reading)
    is_pending = is_pending or (not are_so and _is_coming_back(ledger, intent))
    if is_pending or (not are_so and _are_entries_settling(intent, schedules)):
        intent.state, intent.seen_pending, intent.not_so_since = ChangeState.WAITING, True, None
        if now >= intent.sent_at + CONFIRMED_WITHIN:
            fail(ledger, intent, "not_applied", now)
        return
    intent.not_so_since = intent.not_so_since or now
    # Another form costs little; that nothing comes of it is said later.
    has_form = intent.wish.named and intent.form + 1 < len(forms(intent)) and not intent.is_unanswered
    is_sure = now >= intent.sent_at + (LAG if has_form else UNSEEN_FOR) or (intent.seen_pending and not intent.done_writes)
    if is_sure and now - intent.not_so_since >= APART:
        there = [kept for kept in intent.done_deletes if kept.id and schedules.entry(kept.id)]
        if there and intent.attempts < MOST_WRITES + len(intent.done_deletes):
            # The delete was lost.
            intent.done_deletes = [kept for kept in intent.done_deletes if kept not in there]
            intent.deletes, intent.not_so_since = there, None
            return
        _next_form(ledger, intent, now, are_so=are_so)


def _is_too_soon(ledger: Ledger, intent: Intent, settings: BatterySettings, now: datetime) -> bool:
    """Return whether a read can show a wish as so that is not: the opposite was on its way when it was sent, and a read can lag."""
    if intent.sent_at is None or not any(_is_opposite(other, intent) for other in ledger.intents):
        return False
    return settings.is_pending or now < intent.sent_at + LAG


def _is_opposite(other: Intent, intent: Intent) -> bool:
    """Return whether another intent was sent shortly before that wishes for the opposite."""
    if other is intent or other.sent_at is None or intent.sent_at is None or not other.wish_sent:
        return False
    is_before = timedelta() <= intent.sent_at - other.sent_at < CONFIRMED_WITHIN
    mine, others = intent.wish.named, other.wish.named
    return is_before and any(name in others and others[name] != value for name, value in mine.items())


def _next_form(ledger: Ledger, intent: Intent, now: datetime, *, are_so: bool) -> None:
    intent.form += 1
    is_over = intent.form >= len(forms(intent)) or intent.attempts >= MOST_WRITES + len(intent.done_writes) + len(intent.done_deletes)
    if intent.is_unanswered or not intent.wish.named or not are_so or is_over:
        if intent.form >= len(forms(intent)) > 1 and intent.wish.named:
            ledger.names_source = False
        fail(ledger, intent, "not_applied", now)
        return
    intent.wants_retry, intent.seen_pending, intent.not_so_since = True, False, None


def _is_wish_so(intent: Intent, reading: Reading) -> bool | None:
    if not intent.wish.named:
        return True
    read_at = reading.profile_at if intent.wish.is_in_profile else reading.settings_at
    if read_at is None or intent.sent_at is None or read_at <= intent.sent_at:
        return None
    return intent.wish.is_so(reading.settings, reading.profile)


def _are_entries_so(ledger: Ledger, intent: Intent, reading: Reading) -> bool | None:
    schedules, sent_at = reading.schedules, intent.sent_at
    if not intent.done_writes and not intent.done_deletes:
        return True
    if schedules is None or sent_at is None or reading.schedules_at is None or reading.schedules_at <= sent_at:
        return None
    families = {kept.family for kept in (*intent.done_writes, *intent.done_deletes)}
    if not reading.is_sure or not all(is_told(schedules, family) for family in families):
        return None
    if any(schedules.entry(kept.id) for kept in intent.done_deletes if kept.id):
        return False
    found = [_written(schedules, kept) for kept in intent.done_writes]
    settings = reading.settings
    is_off = {family: settings is not None and not settings.is_enabled(family) for family in families}
    return all(one is not None and (not one.is_pending or is_off[one.family]) for one in found)


def _is_coming_back(ledger: Ledger, intent: Intent) -> bool:
    """Return whether what the cloud has taken of an intent and lost again is still to be put back."""
    if intent.is_unanswered:
        return False
    mine = [kept.entry() for kept in intent.done_writes]
    return any(
        one.problem is None and one.missing_since and any(one.entry.entry().is_same_as(entry) for entry in mine) for one in ledger.must
    )


def _written(schedules: BatterySchedules, kept: KeptEntry) -> BatteryEntry | None:
    """Return the entry that says what was written."""
    wanted = kept.entry()
    return next((one for one in schedules.of(kept.family) if one.is_same_as(wanted)), None)


def _are_entries_settling(intent: Intent, schedules: BatterySchedules) -> bool:
    found = [_written(schedules, kept) for kept in intent.done_writes]
    return bool(found) and all(one is not None for one in found)


def _is_owed(ledger: Ledger, intent: Intent) -> bool:
    families = {kept.family for kept in (*intent.done_writes, *intent.done_deletes)}
    return any(family in ledger.owed for family in families)


def _is_profile_pending(intent: Intent, reading: Reading) -> bool:
    profile = reading.profile
    return intent.wish.is_in_profile and profile is not None and (profile.is_change_pending or bool(profile.requested))


def _settle(ledger: Ledger, settings: BatterySettings, reading: Reading, now: datetime) -> None:
    guard = ledger.guard
    if guard is None or now < guard.toggled_at + SETTLE:
        return
    if settings.is_pending:
        if guard.late_at is None and now >= guard.toggled_at + _GUARDED_FOR:
            guard.late_at = now
        return
    if guard.late_at is not None:
        # Only now the gateway takes over what was written long ago.
        guard.late_at, guard.toggled_at = None, now
        return
    is_open = any(intent.is_sent for intent in ledger.open_intents)
    is_proven = now >= guard.toggled_at + LAG or guard.has_wish
    if is_open or not is_proven:
        return
    guard.intents_settled_at = guard.intents_settled_at or now
    if not any(owed.wrote_at is not None for owed in ledger.owed.values()):
        guard.settled_at = guard.settled_at or now


def _close(ledger: Ledger, now: datetime) -> None:
    """Close the guard where everything is confirmed and compared, or after the longest time; forget what needs no watch any more."""
    guard = ledger.guard
    missing = [one for one in ledger.must if one.problem is None and (one.missing_since is not None or one.is_due)]
    if guard is not None and not missing:
        is_over = now >= guard.toggled_at + _GUARDED_FOR and guard.late_at is None
        is_compared = guard.settled_at is not None and now >= max(guard.settled_at, guard.toggled_at) + LAG
        if is_over or is_compared:
            ledger.guard = None
    ledger.is_old = False
    prune(ledger)
