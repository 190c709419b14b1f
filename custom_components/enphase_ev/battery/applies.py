"""The applies that touched entries want: which is due, in what form, and what has come of it. No I/O, as in `decide`.

Source: docs/cloud-api/battery.md §4, §5.

An apply is the write that switches a family to the state that it already has. In a family that is on, entries leave "pending" when it has
worked. In a family that is off they may stay pending all the same, so that nothing tells whether it has worked. There it is enough that the
gateway was seen to take an apply over, or that one was sent in each form; then the entries are watched for as long as the cloud takes to
drop entries that were not applied. If one of them disappears, no apply has worked.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings
from .ledger import Expected, KeptEntry, Ledger, Owed
from .steps import APART, APPLY_AGAIN, LAG, SETTLE, Reading, Rest, is_told

_RBD = BatteryFamily.RESTRICT_BATTERY_DISCHARGE
# How often an apply is tried: in the form of the site's other writes, with the other `source`, and in the first form once more.
_FORMS = 3
_FORMS_WHILE_OFF = 2
# More are sent than there are forms: one can get lost because something else was pending, or on its way to the cloud.
_MOST_APPLIES = 8
# An entry that nobody applied disappears after 15 minutes to an hour.
_WATCHED_FOR = timedelta(hours=2)


class ApplyForm(NamedTuple):
    """How an apply is sent: with `source` or without, and whether with all settings instead of the family's switch alone."""

    names_source: bool
    is_whole: bool


def due_applies(ledger: Ledger, reading: Reading, now: datetime) -> list[BatteryFamily]:
    """Return the families whose apply is to be written now."""
    is_pending = may_be_pending(ledger, reading, now)
    return [family for family, owed in ledger.owed.items() if _is_due(owed, now, is_pending=is_pending)]


def _is_due(owed: Owed, now: datetime, *, is_pending: bool) -> bool:
    if owed.wrote_at is not None:
        return False
    if owed.is_refused:
        return now >= _again_at(owed)
    # The first one does not wait for the gateway: the cloud drops what it is not told to apply. A later one that collides proves nothing.
    return not is_pending or owed.writes == 0


def may_be_pending(ledger: Ledger, reading: Reading, now: datetime) -> bool:
    """Return whether the gateway may have something to take over: a late read does not show yet what went out a moment ago."""
    guard = ledger.guard
    is_shown = reading.settings is not None and reading.settings.is_pending
    return is_shown or (guard is not None and now < guard.toggled_at + LAG)


def rest_until_apply(ledger: Ledger, now: datetime) -> Rest | None:
    """Return how long to wait until an apply is tried again that was refused or came to nothing; `None` where none was."""
    waiting = [owed for owed in ledger.owed.values() if owed.wrote_at is None]
    settled_at = ledger.guard.toggled_at + LAG if ledger.guard is not None else now
    # Beyond that, what the gateway still has is looked for all the same.
    moments = [_again_at(owed) if owed.is_refused else settled_at for owed in waiting if owed.is_refused or now < settled_at]
    return Rest(max(min(moments), now + timedelta(seconds=1))) if moments else None


def _again_at(owed: Owed) -> datetime:
    return owed.since + APPLY_AGAIN[min(owed.refusals, len(APPLY_AGAIN) - 1)]


def form_of_apply(ledger: Ledger, families: list[BatteryFamily], *, is_rbd_off: bool) -> ApplyForm:
    """Return the form in which families that go out together are applied now. `is_rbd_off`: restrict discharge is or goes off."""
    number = max((ledger.owed[family].forms for family in families), default=0)
    # Some sites take restrict discharge off only with all settings.
    return ApplyForm(ledger.names_source is not (number == 1), is_rbd_off and _RBD in families and number > 0)


def look_at_applies(ledger: Ledger, reading: Reading, now: datetime) -> None:
    """Note what a read says of the applies that were sent."""
    settings, schedules = reading.settings, reading.schedules
    if settings is None or schedules is None or not reading.is_sure:
        return
    for family, owed in list(ledger.owed.items()):
        if owed.wrote_at is not None and now >= owed.wrote_at + SETTLE and is_told(schedules, family):
            is_late = min(reading.settings_at or now, reading.schedules_at or now) >= owed.wrote_at + LAG
            _look_at_apply(ledger, family, settings, schedules, now, is_late=is_late)


def _look_at_apply(
    ledger: Ledger, family: BatteryFamily, settings: BatterySettings, schedules: BatterySchedules, now: datetime, *, is_late: bool
) -> None:
    """Note what a read says of the apply of one family. `is_late`: so long after it that no read can lag behind it any more."""
    owed = ledger.owed[family]
    written = [one for one in ledger.expected if one.entry.family is family and one.written_at is not None]
    pending = [entry for entry in schedules.of(family) if entry.is_pending]
    # Deleting the last entry of charge from grid leaves its schedules switched on; the apply switches them off.
    is_left_on = family is BatteryFamily.CHARGE_FROM_GRID and settings.schedules_charge is True and not schedules.of(family)
    # Compared by what they say: an entry that was changed keeps its id, and a late read still shows what it said before.
    unshown = [one for one in written if written_entry(schedules, one.entry) is None]
    if is_late:
        for one in unshown:
            # It may be gone because its apply has not worked, so it counts as at risk.
            one.is_at_risk = True
    if not pending and not is_left_on and (is_late or not unshown):
        _is_applied(ledger, family, owed, written, unshown, now)
    elif settings.is_pending:
        owed.seen_pending_at = now
        owed.is_accepted = owed.is_accepted or settings.is_requested(family)
    elif is_late or (owed.seen_pending_at is not None and now >= owed.seen_pending_at + APART):
        is_open = not settings.is_enabled(family) and not is_left_on
        if is_open and owed.is_accepted and not owed.was_pending and owed.named_source is not None:
            ledger.names_source = owed.named_source
        _came_to_nothing(ledger, family, owed, is_open=is_open, pending=pending, now=now)


def _is_applied(ledger: Ledger, family: BatteryFamily, owed: Owed, written: list[Expected], unshown: list[Expected], now: datetime) -> None:
    """Note that no entry waits for an apply any more; of one that is not shown nobody knows, so it stays in doubt."""
    for one in written:
        if any(one is other for other in unshown):
            one.unapplied_since = now
        else:
            one.failed_forms, one.unapplied_since = 0, None
    if written and owed.is_taken and owed.named_source is not None:
        # This form has worked: later writes go out in it, too.
        ledger.names_source = owed.named_source
    if written and ledger.guard is not None and owed.writes == 1 and owed.wrote_at == ledger.guard.toggled_at:
        # The gateway has taken the last write over; where there were more, it may have been an earlier one.
        ledger.guard.has_wish = True
    del ledger.owed[family]


def _came_to_nothing(
    ledger: Ledger, family: BatteryFamily, owed: Owed, *, is_open: bool, pending: list[BatteryEntry], now: datetime
) -> None:
    """Note that entries are pending though nothing is on its way: the apply was lost, its form was wrong, or (`is_open`) they stay so."""
    is_proven = owed.is_taken and not owed.was_pending
    is_enough = is_open and is_proven and not owed.is_doubted and (owed.is_accepted or owed.forms + 1 >= _FORMS_WHILE_OFF)
    owed.is_accepted = False
    owed.wrote_at = owed.seen_pending_at = None
    owed.forms += is_proven
    is_last = owed.forms >= _FORMS or owed.writes >= _MOST_APPLIES
    if is_last and not is_open:
        ledger.expect(pending)
    if is_last or is_enough:
        ids = {entry.id for entry in pending}
        for one in ledger.expected:
            if one.entry.family is family and one.entry.id in ids and (one.written_at is not None or not is_open):
                one.unapplied_since = now
                one.failed_forms = max(one.failed_forms, _FORMS if is_last else 0)
        del ledger.owed[family]


def look_at_unapplied(one: Expected, found: BatteryEntry, now: datetime) -> None:
    """End the watch over an entry whose apply was in doubt: it is applied, or was there longer than the cloud keeps unapplied ones."""
    if one.unapplied_since is not None and (not found.is_pending or now >= one.unapplied_since + _WATCHED_FOR):
        one.unapplied_since = None


def written_entry(schedules: BatterySchedules, kept: KeptEntry) -> BatteryEntry | None:
    """Return the entry of a read that says what was written, whatever its id."""
    wanted = kept.entry()
    return next((one for one in schedules.of(kept.family) if one.is_same_as(wanted)), None)
