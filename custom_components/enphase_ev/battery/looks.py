"""When to read again after a write, and what: settings, schedules or profile. No I/O, as in `decide`.

Source: docs/cloud-api/battery.md §6.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from .ledger import Intent, Ledger
from .steps import APART, LAG, LOOK_EVERY, SETTLE, Read, Reading, Rest, is_unseen

_FIRST_LOOK = timedelta(seconds=35)
_COMPARED_EVERY = timedelta(minutes=3)
_NOT_SOONER = timedelta(seconds=5)
# An entry that is missing for longer does not only wait for the next read: as a rule the gateway is offline.
_SUSPECTED_FOR = timedelta(minutes=5)
_LATE_LOOK_EVERY = timedelta(minutes=5)


def next_look(ledger: Ledger, reading: Reading, now: datetime) -> Read | Rest | None:
    """Return the next read and when it is due; `None` where everything is confirmed and compared."""
    due = list(_looks(ledger, reading, now))
    if not due:
        return None
    ready = [read for moment, read in due if moment <= now]
    if ready:
        read = _together(ready)
        last = [at for at, is_wanted in ((reading.settings_at, read.settings), (reading.schedules_at, read.schedules)) if is_wanted]
        if all(at is not None and now - at < _NOT_SOONER for at in last):
            # Whatever the reason is: never read the same again within a few seconds.
            return Rest(now + _NOT_SOONER)
        return read
    return Rest(min(moment for moment, _ in due))


def _together(ready: list[Read]) -> Read:
    return Read(any(one.settings for one in ready), any(one.schedules for one in ready), any(one.profile for one in ready))


def _looks(ledger: Ledger, reading: Reading, now: datetime) -> Iterator[tuple[datetime, Read]]:
    guard, schedules_at = ledger.guard, reading.schedules_at
    # What waits for the gateway, missing again or not applied yet, waits for settings that say that nothing is pending any more.
    is_pending = reading.settings is not None and reading.settings.is_pending
    if is_pending and reading.settings_at is not None and any(owed.wrote_at is None for owed in ledger.owed.values()):
        yield reading.settings_at + LOOK_EVERY, Read(settings=True)
    suspects = [one for one in ledger.expected if one.problem is None and (one.missing_since is not None or is_unseen(one))]
    if suspects:
        since = max((one.missing_since for one in suspects if one.missing_since is not None), default=None)
        last = max((moment for moment in (since, schedules_at) if moment is not None), default=None)
        is_new = since is not None and now < since + _SUSPECTED_FOR
        is_late = guard is not None and guard.late_at is not None
        time = APART if is_new else _LATE_LOOK_EVERY if is_late else LOOK_EVERY
        # Not counted from now: that would put it off with every look.
        yield now if last is None else last + time, Read(settings=is_pending, schedules=True)
    if reading.empty_since is not None and not reading.is_sure and any(one.problem is None for one in ledger.expected):
        yield reading.empty_since + APART, Read(schedules=True)
    sent = [intent for intent in ledger.open_intents if intent.is_sent]
    written = (guard.toggled_at if guard else None, *(intent.sent_at for intent in sent), *(owed.wrote_at for owed in ledger.owed.values()))
    base = max((moment for moment in written if moment is not None), default=None)
    is_settling = bool(sent) or any(owed.wrote_at is not None for owed in ledger.owed.values())
    if base is not None and (guard is not None or is_settling):
        yield from _looks_after(base, ledger, reading, sent, now)


def _looks_after(base: datetime, ledger: Ledger, reading: Reading, sent: list[Intent], now: datetime) -> Iterator[tuple[datetime, Read]]:
    guard, settings_at, schedules_at = ledger.guard, reading.settings_at, reading.schedules_at
    if guard is not None and (schedules_at is None or schedules_at < guard.toggled_at + SETTLE):
        yield guard.toggled_at + SETTLE, Read(schedules=True)
    if guard is not None and guard.settled_at is not None and not sent and not ledger.owed:
        if schedules_at is None or schedules_at < guard.settled_at:
            yield now, Read(schedules=True)
        last_look = max(guard.settled_at, guard.toggled_at) + LAG
        if schedules_at is None or schedules_at < last_look:
            yield last_look, Read(schedules=True)
        elif not any(one.missing_since is not None for one in ledger.expected):
            yield max(now, schedules_at + APART), Read(schedules=True)
        return
    looks = (base + _FIRST_LOOK, base + LAG)
    last = settings_at if settings_at is not None and settings_at > base + SETTLE else None
    moment = next((look for look in looks if last is None or last < look), None) or (last or base) + LOOK_EVERY
    wants_profile = any(intent.wish.shows_in_profile for intent in sent)
    wants_entries = bool(ledger.owed) or any(intent.done_writes or intent.done_deletes for intent in sent)
    if guard is not None and guard.late_at is not None:
        moment = (last or base) + _LATE_LOOK_EVERY
    is_long_ago = schedules_at is None or now >= schedules_at + _COMPARED_EVERY
    yield moment, Read(settings=True, schedules=wants_entries or is_long_ago, profile=wants_profile)
