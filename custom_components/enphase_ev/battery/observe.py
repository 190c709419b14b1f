"""Compares what was just read from the cloud with what the ledger expects, and notes the result in the ledger.

Three questions: are all schedule entries still there (`compare`), has each change that was sent been applied (`_judge`), and is the time
over in which a write can still cost entries (`_settle`, `_close`)? It sends nothing and reads no clock; `decide` chooses what to do.

Source: docs/cloud-api/battery.md §5, §6.
"""

from datetime import datetime, timedelta

from ..enlighten import BatterySchedules, BatterySettings
from .applies import look_at_applies, written_entry
from .ledger import ChangeState, Intent, KeptEntry, Ledger
from .losses import compare
from .notes import fail, prune
from .steps import APART, CONFIRMED_WITHIN, LAG, MOST_WRITES, SETTLE, UNSEEN_FOR, Read, Reading, forms, is_told

_GUARDED_FOR = timedelta(minutes=20)
# A gateway that is offline for longer than this counts as gone.
_LOST_WITHIN = timedelta(hours=12)


def observe(ledger: Ledger, reading: Reading, now: datetime, fresh: Read) -> None:
    """Note what a read shows; `fresh` says which parts of `reading` are new."""
    schedules, settings = reading.schedules, reading.settings
    reading.has_shown = reading.has_shown or ledger.deletes_shown
    if fresh.schedules and schedules is not None:
        ledger.groups = sorted({*ledger.groups, *schedules.families})
        pending_at = reading.settings_at if settings is not None and settings.is_pending else None
        for one in list(ledger.expected) if reading.is_sure else ():
            compare(ledger, one, schedules, now, pending_at=pending_at)
        if ledger.guard is not None:
            ledger.expect(schedules.entries)
    if settings is not None and schedules is not None and (fresh.schedules or fresh.settings):
        look_at_applies(ledger, reading, now)
    for intent in [one for one in ledger.open_intents if one.is_sent]:
        _judge(ledger, intent, reading, now)
    if fresh.settings and settings is not None:
        _settle(ledger, settings, reading, now)
    if fresh.schedules and reading.is_sure:
        _close(ledger, reading, now)


def _judge(ledger: Ledger, intent: Intent, reading: Reading, now: datetime) -> None:
    """Decide whether a change that was sent is applied, still pending, or did not happen; the last needs two reads that agree."""
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
    if _waits_for_deletes(intent, schedules, now):
        return
    is_pending = settings.is_pending or settings.is_busy or _is_owed(ledger, intent) or _is_profile_pending(intent, reading)
    is_pending = is_pending or intent.is_at_gateway or (not are_so and _is_coming_back(ledger, intent))
    if is_pending or (not are_so and _are_entries_settling(intent, schedules)):
        intent.state, intent.seen_pending, intent.not_so_since = ChangeState.WAITING, True, None
        if now >= intent.sent_at + (_LOST_WITHIN if _may_be_lost(ledger, intent, reading) else CONFIRMED_WITHIN):
            fail(ledger, intent, "not_applied", now)
        return
    intent.not_so_since = intent.not_so_since or now
    # Trying another form is cheap, so it is tried early; reporting a failure waits longer.
    has_form = intent.wish.named and intent.form + 1 < len(forms(intent)) and _may_repeat(intent)
    is_sure = now >= intent.sent_at + (LAG if has_form else UNSEEN_FOR) or (intent.seen_pending and not intent.done_writes)
    if is_sure and now - intent.not_so_since >= APART:
        _next_form(ledger, intent, now, are_so=are_so)


def _may_be_lost(ledger: Ledger, intent: Intent, reading: Reading) -> bool:
    """Return whether the cloud may have dropped this change because another one was pending when it was sent.

    What is pending then is the other change. When that is over, this one has to be sent again, so it is given more time.
    """
    families = {kept.family for kept in (*intent.done_writes, *intent.done_deletes)}
    if any(owed.was_pending for family, owed in ledger.owed.items() if family in families):
        return True
    settings = reading.settings
    if not intent.was_pending or not intent.wish.named or settings is None:
        return False
    return not intent.wish.is_settings or not intent.wish.is_so(settings.expected, reading.profile)


def _waits_for_deletes(intent: Intent, schedules: BatterySchedules, now: datetime) -> bool:
    """Return whether deleted entries are still shown; if they are after the longest lag of a read, let them be deleted again."""
    shown = [kept for kept in intent.done_deletes if _is_still_there(schedules, kept)]
    if not shown or intent.sent_at is None or intent.attempts >= MOST_WRITES + intent.entries_count:
        return False
    if now >= intent.sent_at + LAG:
        intent.done_deletes = [kept for kept in intent.done_deletes if kept not in shown]
        intent.deletes, intent.not_so_since = shown, None
    return True


def _is_too_soon(ledger: Ledger, intent: Intent, settings: BatterySettings, now: datetime) -> bool:
    """Return whether it is too soon to believe that a wish is fulfilled: an opposite one was pending when it was sent, and reads lag."""
    others = [other for other in ledger.intents if _may_undo(other, intent)]
    if intent.sent_at is None or not others:
        return False
    is_open = any(other.is_open for other in others if other.wish.chooses_profile)
    return settings.is_pending or is_open or now < intent.sent_at + LAG


def _may_undo(other: Intent, intent: Intent) -> bool:
    """Return whether another change, sent shortly before or still pending, would reverse this one once the gateway applies it."""
    if other is intent or other.sent_at is None or intent.sent_at is None or not other.wish_sent:
        return False
    before = intent.sent_at - other.sent_at
    is_near = before >= timedelta() and (other.is_open or before < CONFIRMED_WITHIN)
    return is_near and other.may_undo(intent.wish)


def _may_repeat(intent: Intent) -> bool:
    """Return whether a wish may be sent again.

    Not where its write got no answer, since its caller was told that it may have failed; but what ends an override must get through.
    """
    return not intent.is_unanswered or intent.ends_override


def _next_form(ledger: Ledger, intent: Intent, now: datetime, *, are_so: bool) -> None:
    intent.form += 1
    is_over = intent.form >= len(forms(intent)) or intent.attempts >= MOST_WRITES + len(intent.done_writes) + len(intent.done_deletes)
    if not _may_repeat(intent) or not intent.wish.named or not are_so or is_over:
        if intent.form >= len(forms(intent)) > 1 and intent.wish.named:
            ledger.names_source = False
        fail(ledger, intent, "not_applied", now)
        return
    intent.wants_retry, intent.seen_pending, intent.not_so_since = True, False, None


def _is_wish_so(intent: Intent, reading: Reading) -> bool | None:
    if not intent.wish.named:
        return True
    read_at = reading.profile_at if intent.wish.shows_in_profile else reading.settings_at
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
    lacks_others = not schedules.entries and any(one.problem is None for one in ledger.expected)
    if intent.done_deletes and lacks_others and reading.schedules_at < sent_at + LAG:
        # It lacks what nobody has deleted, too, so what was deleted may still be there.
        return None
    if any(_is_still_there(schedules, kept) for kept in intent.done_deletes):
        return False
    found = [written_entry(schedules, kept) for kept in intent.done_writes]
    settings = reading.settings
    is_off = {family: settings is not None and not settings.is_enabled(family) for family in families}
    return all(one is not None and (not one.is_pending or is_off[one.family]) for one in found)


def _is_still_there(schedules: BatterySchedules, kept: KeptEntry) -> bool:
    """Return whether a read still shows a deleted entry. An override's own entry is found by its content: its id is not known."""
    return (schedules.entry(kept.id) if kept.id else written_entry(schedules, kept)) is not None


def _is_coming_back(ledger: Ledger, intent: Intent) -> bool:
    """Return whether the cloud accepted entries of an intent, lost them again, and they are still to be put back."""
    if intent.is_unanswered:
        return False
    mine = [kept.entry() for kept in intent.done_writes]
    return any(
        one.problem is None and one.missing_since and any(one.entry.entry().is_same_as(entry) for entry in mine) for one in ledger.expected
    )


def _are_entries_settling(intent: Intent, schedules: BatterySchedules) -> bool:
    found = [written_entry(schedules, kept) for kept in intent.done_writes]
    return bool(found) and all(one is not None for one in found)


def _is_owed(ledger: Ledger, intent: Intent) -> bool:
    families = {kept.family for kept in (*intent.done_writes, *intent.done_deletes)}
    return any(family in ledger.owed for family in families)


def _is_profile_pending(intent: Intent, reading: Reading) -> bool:
    profile = reading.profile
    return intent.wish.shows_in_profile and profile is not None and (profile.is_change_pending or bool(profile.requested))


def _settle(ledger: Ledger, settings: BatterySettings, reading: Reading, now: datetime) -> None:
    guard = ledger.guard
    if guard is None or now < guard.toggled_at + SETTLE:
        return
    if settings.is_pending:
        if guard.late_at is None and now >= guard.toggled_at + _GUARDED_FOR:
            guard.late_at = now
        return
    if guard.late_at is not None:
        # The gateway has applied only now what was written long ago: entries can get lost as right after a write.
        guard.late_at, guard.toggled_at = None, now
        return
    is_open = any(intent.is_sent for intent in ledger.open_intents)
    is_proven = now >= guard.toggled_at + LAG or guard.has_wish
    if is_open or not is_proven:
        return
    guard.intents_settled_at = guard.intents_settled_at or now
    if not any(owed.wrote_at is not None for owed in ledger.owed.values()):
        guard.settled_at = guard.settled_at or now


def _close(ledger: Ledger, reading: Reading, now: datetime) -> None:
    """Close the guard where everything is confirmed and compared, or after the longest time; forget what needs no watch any more."""
    guard = ledger.guard
    if guard is not None and not any(one.is_missing for one in ledger.expected):
        # Only settings that were read after that time say that the gateway has nothing left to take over.
        is_asked = reading.settings_at is not None and reading.settings_at >= guard.toggled_at + _GUARDED_FOR
        is_over = is_asked and guard.late_at is None
        are_told = all(reading.schedules is not None and is_told(reading.schedules, one.entry.family) for one in ledger.expected)
        is_compared = are_told and guard.settled_at is not None and now >= max(guard.settled_at, guard.toggled_at) + LAG
        if is_over or is_compared:
            ledger.guard = None
    ledger.is_old = False
    prune(ledger)
