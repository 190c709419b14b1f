"""What to do next about a site's battery: decided by the ledger, by what was read, and by the time, and by nothing else.

Source: docs/cloud-api/battery.md §4 to §6.

Nothing here asks the cloud, sends, saves or looks at a clock: the keeper does. It is not without effect, though: what follows from the time
alone (a change that nobody could send, one that a newer one replaces, an override that is over) is noted in the ledger on the way.
The same is meant where another module here says "no I/O": many worlds can be tried in no time (`tests/units/keeper_world.py`).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ..enlighten import BatteryFamily, BatterySchedules, BatteryWish
from ..weekly import overlap
from . import override
from .applies import due_applies, form_of_apply, rest_until_apply
from .clock import hold_back
from .coming_back import expected_of, waits_for_others
from .ledger import REPLACED, ChangeState, Intent, KeptEntry, Ledger
from .looks import next_look
from .losses import lost_entries
from .notes import fail, let_come_back_changed, mark_done, mark_sent, prune
from .steps import (
    APART,
    CONFIRMED_WITHIN,
    LAG,
    LOOK_EVERY,
    MOST_WRITES,
    PLAIN_FORM,
    SETTLE,
    SURELY_EMPTY,
    UNSEEN_FOR,
    AtRest,
    DeleteEntry,
    Read,
    Reading,
    Rest,
    Step,
    WriteAlone,
    WriteEntry,
    WriteSettings,
    forms,
    is_just_sent,
    is_told,
)
from .validation import window_of_entry

# Wishes that come within this time go out together.
_GATHER = timedelta(seconds=2)
# Switching a family off right after a delete in it fails (docs/cloud-api/battery.md §5).
_AFTER_DELETE = timedelta(seconds=3)
_FRESH = timedelta(seconds=15)
# A family was once missing from the answers for two minutes; whether it has entries is unknown meanwhile, so writes wait for it.
_WAITS_FOR_GROUPS = timedelta(seconds=150)
_RBD = BatteryFamily.RESTRICT_BATTERY_DISCHARGE
_LONG_AGO = timedelta(hours=1)


def decide(ledger: Ledger, reading: Reading, now: datetime) -> Step:
    """Return the next step. What follows from the time alone is noted in the ledger on the way."""
    hold_back(ledger, reading, now)
    ledger.forget_finished(now - _LONG_AGO)
    override.look_at_clock(ledger, now)
    for intent in ledger.open_intents:
        if not intent.is_touched and not intent.ends_override and now >= intent.asked_at + CONFIRMED_WITHIN:
            fail(ledger, intent, "not_sent", now)
    _replace_older(ledger, now)
    prune(ledger)
    work = _next_write(ledger, reading, now)
    if work is not None and not isinstance(work, Rest):
        return work
    look = next_look(ledger, reading, now)
    if isinstance(look, Read):
        return look
    rests = [step for step in (work, look) if isinstance(step, Rest)]
    return min(rests, key=lambda rest: rest.until, default=AtRest())


def _next_write(ledger: Ledger, reading: Reading, now: datetime) -> Step | None:
    waiting = [intent for intent in ledger.open_intents if not intent.is_sent]
    if not waiting and not _retries(ledger) and not due_applies(ledger, reading, now) and not lost_entries(ledger, reading, now):
        return rest_until_apply(ledger, now)
    guard = ledger.guard
    if guard is not None and now < guard.toggled_at + SETTLE:
        return Rest(guard.toggled_at + SETTLE)
    if waiting and (gathering := _gathering(waiting, now)) is not None:
        return gathering
    if (read := _wanting(ledger, reading, waiting, now)) is not None:
        return read
    if reading.settings is None or reading.schedules is None or reading.settings.is_busy:
        return Rest(now + LOOK_EVERY)
    return _choose(ledger, reading, now)


def _gathering(waiting: list[Intent], now: datetime) -> Rest | None:
    """Wait for more wishes to go out in the same write, as long as nothing else is waiting."""
    until = max(intent.asked_at for intent in waiting) + _GATHER
    are_wishes = all(intent.wish.named and not intent.is_touched and not intent.is_override for intent in waiting)
    return Rest(until) if are_wishes and now < until <= min(intent.asked_at for intent in waiting) + 2 * _GATHER else None


def _wanting(ledger: Ledger, reading: Reading, waiting: list[Intent], now: datetime) -> Read | Rest | None:
    """Return what has to be read before anything is written; `None` where it is all fresh. Wishes that are fulfilled already are done."""
    if not _is_fresh(reading.settings_at, ledger, now):
        return Read(settings=True)
    if any(intent.wish.shows_in_profile for intent in waiting) and not _is_fresh(reading.profile_at, ledger, now):
        return Read(profile=True)
    _apply_what_is_so(ledger, reading, now)
    if not any(not intent.is_sent for intent in ledger.open_intents) and waiting:
        return Rest(now)
    return _wanted_schedules(ledger, reading, waiting, now)


def _wanted_schedules(ledger: Ledger, reading: Reading, waiting: list[Intent], now: datetime) -> Read | Rest | None:
    """Return how to get a trustworthy list of entries; an empty one, or one that lacks a family, has to be seen more than once."""
    if not _is_fresh(reading.schedules_at, ledger, now):
        return Read(schedules=True)
    reading.has_shown = reading.has_shown or ledger.deletes_shown
    if not reading.is_sure:
        return Read(schedules=True) if reading.empty_reads < SURELY_EMPTY else Rest(now + APART)
    if _lacks_groups(ledger, reading) and waiting and now < min(intent.asked_at for intent in waiting) + _WAITS_FOR_GROUPS:
        return Rest(now + APART)
    return None


def _is_fresh(read_at: datetime | None, ledger: Ledger, now: datetime) -> bool:
    """Return whether a read is from after the last write, and after everything that waits was asked for."""
    moments = [intent.asked_at for intent in ledger.open_intents if not intent.is_sent]
    since = max((moment for moment in (ledger.wrote_at, *moments) if moment is not None), default=None)
    return read_at is not None and now - read_at <= _FRESH and (since is None or read_at >= since)


def _lacks_groups(ledger: Ledger, reading: Reading) -> bool:
    told = reading.schedules.families if reading.schedules else {}
    controls = reading.settings.controls if reading.settings else {}
    wanted = {*ledger.groups, *(family for family, control in controls.items() if control.supports_schedules)}
    return any(family not in told for family in wanted)


def _apply_what_is_so(ledger: Ledger, reading: Reading, now: datetime) -> None:
    for intent in ledger.open_intents:
        if intent.is_touched or intent.deletes or intent.writes or not intent.wish.named or intent.is_override:
            continue
        others = [
            other
            for other in ledger.intents
            if other is not intent and other.sent_at and (other.is_open or now - other.sent_at < UNSEEN_FOR)
        ]
        is_undone = any(other.may_undo(intent.wish) for other in others)
        if not is_undone and intent.wish.is_so(reading.settings, reading.profile):
            ledger.finish(intent, ChangeState.APPLIED)


def _replace_older(ledger: Ledger, now: datetime) -> None:
    """Let a newer intent take the place of an older one for the same thing."""
    newer: dict[str, Intent] = {}
    deleted: list[KeptEntry] = []
    for intent in reversed(ledger.open_intents):
        if deleted and not intent.is_override:
            _leave_to_deletes(ledger, intent, deleted)
        deleted += [*intent.deletes, *intent.done_deletes]
        named = intent.wish.named.keys() - {"profile_reserve"}
        is_waiting = intent.override is not None and not intent.is_built
        names = {"override"} if is_waiting else named
        has_entries = bool(intent.deletes or intent.writes or intent.done_writes)
        if names and names <= newer.keys() and (is_waiting or (not intent.is_override and not has_entries)):
            ledger.finish(intent, ChangeState.FAILED, REPLACED)
        elif names and names <= newer.keys() and not intent.is_override:
            _replace_wish(ledger, intent, is_undone=any(newer[name].wish.may_undo(intent.wish) for name in names))
        elif intent.is_override and names & newer.keys():
            # A newer wish of a person counts more than what the override switches, and than the state from before it.
            intent.give_up(names & newer.keys())
            intent.wants_retry = intent.wants_retry and bool(intent.wish.named)
            if intent.is_sent:
                override.on_sent(ledger, intent, now)
        newer = dict.fromkeys(names | ({"override"} if intent.ends_override else set()), intent) | newer


def _replace_wish(ledger: Ledger, intent: Intent, *, is_undone: bool) -> None:
    """Let a newer wish replace one that comes with an entry of its own; undone before anything was written, the entry goes, too."""
    if is_undone and not intent.is_touched and intent.in_flight_at is None:
        ledger.finish(intent, ChangeState.FAILED, REPLACED)
        return
    # The entry stays wanted, or was written already; only its settings are not written any more.
    intent.give_up(intent.wish.named)
    intent.wants_retry = False
    if intent.is_sent:
        intent.state = ChangeState.REQUESTED


def _leave_to_deletes(ledger: Ledger, intent: Intent, deleted: list[KeptEntry]) -> None:
    """Take out of an intent the entries that somebody has deleted after it was asked for."""

    def is_left(kept: KeptEntry) -> bool:
        return not any((kept.id and kept.id == gone.id) or kept.entry().is_same_as(gone.entry()) for gone in deleted)

    wanted = len(intent.writes) + len(intent.done_writes)
    intent.writes = [kept for kept in intent.writes if is_left(kept)]
    intent.done_writes = [kept for kept in intent.done_writes if is_left(kept)]
    if wanted and not (intent.writes or intent.done_writes or intent.deletes or intent.done_deletes or intent.wish.named):
        ledger.finish(intent, ChangeState.FAILED, REPLACED)


def _choose(ledger: Ledger, reading: Reading, now: datetime) -> Step | None:
    """Return the next write: new intents first, then applies, then what was sent and came to nothing.

    Lost entries come before new ones, which could take their place, and before all that is no entry.
    """
    if (step := _of_intents(ledger, reading, now)) is not None:
        return step
    rest = _after_delete(ledger, now)
    if rest is not None:
        return rest
    wishes = [one for one in ledger.open_intents if not one.is_sent and one.wish.is_settings and not one.deletes and not one.writes]
    owed = due_applies(ledger, reading, now)
    if wishes or owed:
        return _settings_step(ledger, wishes, owed, reading, now)
    retries = _retries(ledger)
    # Wishes that got lost, probably because one was pending when the other was sent, are sent again in one write.
    lost = [one for one in retries if one.wish.is_settings and forms(one)[one.form] == PLAIN_FORM]
    if len(lost) > 1:
        return _settings_step(ledger, lost, [], reading, now)
    if retries:
        return _wish_step(ledger, retries[0])
    are_waiting = any(not one.is_sent and waits_for_others(ledger, one) for one in ledger.open_intents)
    return Rest(now + LOOK_EVERY if are_waiting else now)


def _of_intents(ledger: Ledger, reading: Reading, now: datetime) -> Step | None:
    """Return the next write of an intent, or the next that puts an entry back; `None` where only settings are to be written."""
    for intent in [one for one in ledger.open_intents if not one.is_sent and not waits_for_others(ledger, one)]:
        step = _of_intent(ledger, intent, reading, now)
        if isinstance(step, WriteEntry):
            return _put_back(ledger, reading, now) or step
        if step is not None:
            return step
    return _put_back(ledger, reading, now)


def _put_back(ledger: Ledger, reading: Reading, now: datetime) -> WriteEntry | None:
    lost = lost_entries(ledger, reading, now)
    return WriteEntry(replace(lost[0].entry.entry(), id=""), None, lost[0]) if lost else None


def _of_intent(ledger: Ledger, intent: Intent, reading: Reading, now: datetime) -> Step | None:
    """Return the next write of an intent; `None` where its settings go out with those of others."""
    settings, schedules = reading.settings, reading.schedules
    if settings is None or schedules is None or (not intent.is_built and override.is_blocked(ledger, intent)):
        return None
    if intent.in_flight_at is not None:
        # It was interrupted: whether it has arrived shows only a later read, and one that tells of its family.
        wait = _until_shown(intent.in_flight_at, reading, now)
        is_untold = any(not is_told(schedules, kept.family) for kept in intent.writes)
        if wait is not None or (is_untold and now < intent.in_flight_at + CONFIRMED_WITHIN):
            return wait or Rest(now + APART)
    if not intent.is_built and intent.is_override and not override.build(ledger, intent, settings, schedules, now):
        return Rest(now)
    if intent.attempts >= MOST_WRITES + intent.entries_count:
        fail(ledger, intent, "not_applied", now)
        return Rest(now)
    return _entry_step(ledger, intent, schedules, reading, now) or _after_entries(ledger, intent, now)


def _after_entries(ledger: Ledger, intent: Intent, now: datetime) -> Step | None:
    if not intent.wish.named:
        if not intent.is_sent:
            # All of it was so already.
            mark_sent(ledger, intent, now, is_unanswered=False)
        return Rest(now)
    if not intent.wish.is_settings:
        return _after_delete(ledger, now) or WriteAlone(intent, ledger.names_source)
    return None


def _until_shown(written_at: datetime, reading: Reading, now: datetime) -> Read | Rest | None:
    """Return how to get a read that shows a write however late it is; `None` where the last one does. An empty one proves it twice."""
    shown_at = written_at + LAG
    if now < shown_at:
        return Rest(min(shown_at, now + APART))
    read_at = reading.schedules_at
    if read_at is None or read_at < shown_at:
        return Read(schedules=True)
    if reading.empty_since is not None and reading.empty_since < shown_at:
        # Before that it was empty because reads are late: the two answers that prove it begin now.
        reading.empty_since, reading.has_shown = read_at, True
    return None if reading.is_sure else Rest(now + APART)


def _entry_step(ledger: Ledger, intent: Intent, schedules: BatterySchedules, reading: Reading, now: datetime) -> Step | None:
    for kept in list(intent.deletes):
        if (found := kept.found_in(schedules)) is not None:
            return DeleteEntry(found, intent)
        if not is_told(schedules, kept.family):
            return Rest(now + APART)
        written = next((one for one in ledger.expected if one.entry.entry().is_same_as(kept.entry()) and one.written_at), None)
        if written is not None and written.written_at is not None:
            wait = _until_shown(written.written_at, reading, now)
            if wait is not None:
                return wait
        ledger.note_deleted(kept, now)
        mark_done(intent.deletes, intent.done_deletes, kept)
    return _write_step(ledger, intent, schedules, reading, now)


def _write_step(ledger: Ledger, intent: Intent, schedules: BatterySchedules, reading: Reading, now: datetime) -> Step | None:
    _take_up_ids(ledger, intent, reading, now)
    for kept in list(intent.writes):
        entry = kept.entry()
        # A late read can still show an entry that was deleted a moment ago.
        others = [one for one in schedules.of(kept.family) if one.id != kept.id and not ledger.was_deleted(one)]
        if not kept.id and any(one.is_same_as(entry) for one in others):
            mark_done(intent.writes, intent.done_writes, kept)
            continue
        if any(overlap(window_of_entry(entry), window_of_entry(one)) for one in others):
            fail(ledger, intent, "schedule_conflict", now)
            return Rest(now)
        return WriteEntry(entry, intent)
    return None


def _take_up_ids(ledger: Ledger, intent: Intent, reading: Reading, now: datetime) -> None:
    """Let a change of an entry that is lost come back with it, and one of an entry that was put back meanwhile mean that."""
    lost = lost_entries(ledger, reading, now)
    for kept in list(intent.writes):
        if (one := expected_of(ledger, kept.id)) is None:
            continue
        if any(one is other for other in lost) and one.entry.id:
            let_come_back_changed(ledger, intent, kept.entry(), one, now)
        elif one.entry.id:
            intent.writes[intent.writes.index(kept)] = replace(kept, id=one.entry.id)


def _after_delete(ledger: Ledger, now: datetime) -> Rest | None:
    deleted_at = ledger.deleted_at
    return Rest(deleted_at + _AFTER_DELETE) if deleted_at is not None and now < deleted_at + _AFTER_DELETE else None


def _settings_step(
    ledger: Ledger, intents: list[Intent], owed: list[BatteryFamily], reading: Reading, now: datetime
) -> WriteSettings | WriteAlone:
    if not owed and len(intents) == 1 and intents[0].form:
        return _wish_step(ledger, intents[0])
    wish = BatteryWish()
    for intent in intents:
        wish = intent.wish.over(wish)
    wish = _with_recent(ledger, wish, owed, now)
    is_rbd_on = wish.restrict_discharge if wish.restrict_discharge is not None else reading.settings and reading.settings.is_enabled(_RBD)
    form = form_of_apply(ledger, owed, is_rbd_off=not is_rbd_on)
    if form.is_whole:
        wish = BatteryWish(restrict_discharge=False).over(wish)
    return WriteSettings(wish, tuple(owed), tuple(intents), form.names_source, form.is_whole)


def _with_recent(ledger: Ledger, wish: BatteryWish, owed: list[BatteryFamily], now: datetime) -> BatteryWish:
    """Return a wish together with what was sent for the same families a moment ago: a late read may not show that yet."""
    recent = BatteryWish()
    for intent in ledger.intents:
        if (is_just_sent(intent, now) or (intent.is_open and intent.wish_sent)) and set(intent.wish.families) <= set(owed):
            recent = replace(intent.wish, power_match=None, reserve=None, shutdown_level=None).over(recent)
    return wish.over(recent if recent.is_settings else BatteryWish())


def _wish_step(ledger: Ledger, intent: Intent) -> WriteSettings | WriteAlone:
    form = forms(intent)[intent.form]
    is_other = form.is_other_source
    names_source = not intent.named_source if is_other and intent.named_source is not None else ledger.names_source is not is_other
    if not intent.wish.is_settings:
        return WriteAlone(intent, names_source)
    return WriteSettings(intent.wish, (), (intent,), names_source, form.is_whole)


def _retries(ledger: Ledger) -> list[Intent]:
    """Return the intents whose form came to nothing and that have another one."""
    return [one for one in ledger.open_intents if one.is_sent and one.wants_retry]
