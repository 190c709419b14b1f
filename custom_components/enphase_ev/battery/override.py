"""Charge, discharge or hold now: a temporary entry, and what comes back when it ends.

An override is two facts in the ledger: until when the battery does something, and what is aside for it. It begins and ends because the
keeper looks at the clock, in UTC. No I/O, as in `decide`.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from homeassistant.exceptions import ServiceValidationError

from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings, BatteryWish, FamilySchedules
from ..weekly import overlap
from .coming_back import check_coming_back
from .ledger import REPLACED, ChangeState, Expected, Intent, KeptEntry, Ledger, LedgerEvent, Override, OverrideWish
from .steps import is_just_sent
from .validation import check_entry, conflict, window_of_entry

_END = "override_end"
_AGAIN_AFTER_FAILURE = timedelta(minutes=5)
_CHARGE = BatteryFamily.CHARGE_FROM_GRID


class OverrideAction(StrEnum):
    """What the battery is to do."""

    CHARGE = "charge"
    DISCHARGE = "discharge"
    HOLD = "hold"

    @property
    def family(self) -> BatteryFamily:
        """Return the control family that does it."""
        return _FAMILIES[self]


_FAMILIES = {
    OverrideAction.CHARGE: BatteryFamily.CHARGE_FROM_GRID,
    OverrideAction.DISCHARGE: BatteryFamily.DISCHARGE_TO_GRID,
    OverrideAction.HOLD: BatteryFamily.RESTRICT_BATTERY_DISCHARGE,
}


def temporary_entry(family: BatteryFamily, started_at: datetime, ends_at: datetime, limit: float | None, zone: tzinfo) -> BatteryEntry:
    """Return the entry that begins with the current minute: with the next one it would begin up to a minute late.

    Where the clocks go back meanwhile, an hour comes twice. The entry then ends later than it should, and is deleted at the right time.
    """
    start, end = started_at.astimezone(zone), ends_at.astimezone(zone)
    back = (start.utcoffset() or timedelta()) - (end.utcoffset() or timedelta())
    if back > timedelta():
        end = (end.replace(tzinfo=None) + back).replace(tzinfo=zone)
    return BatteryEntry(
        family=family,
        start=start.time().replace(second=0, microsecond=0),
        end=end.time().replace(second=0, microsecond=0, tzinfo=None),
        days=(start.isoweekday(),),
        limit=limit,
        time_zone=str(zone),
    )


def check_override(entry: BatteryEntry, settings: BatterySettings, schedules: BatterySchedules) -> list[BatteryEntry]:
    """Return the entries that would have to make way for a temporary entry.

    Raises:
        ServiceValidationError: The temporary entry is not possible.
    """
    aside = [one for one in schedules.entries if overlap(window_of_entry(one), window_of_entry(entry))]
    check_entry(entry, settings, replace(schedules, families=_without(schedules, aside)))
    return aside


def _without(schedules: BatterySchedules, gone: Iterable[BatteryEntry]) -> dict[BatteryFamily, FamilySchedules]:
    ids = {entry.id for entry in gone}
    return {
        family: replace(found, entries=tuple(entry for entry in found.entries if entry.id not in ids))
        for family, found in schedules.families.items()
    }


def check_aside(ledger: Ledger, entry: BatteryEntry, schedules: BatterySchedules) -> None:
    """Refuse an entry that would be in the way of one that comes back, after the override or because it may have been dropped.

    Raises:
        ServiceValidationError: It names the entry that comes back.
    """
    for other in ledger.set_aside:
        is_back = any(other.is_same_as(one) for one in schedules.entries)
        is_itself = bool(other.id) and other.id == entry.id
        if not is_itself and not is_back and overlap(window_of_entry(entry), window_of_entry(other)):
            raise conflict(other)
    check_coming_back(ledger, entry, schedules)


def forget_aside(ledger: Ledger, entries: Iterable[BatteryEntry], now: datetime) -> None:
    """Forget entries that are aside, since a person has deleted them: they do not come back."""
    for entry in entries:
        if ledger.override is not None:
            ledger.override.aside = [kept for kept in ledger.override.aside if kept.id != entry.id]
        ledger.note_deleted(KeptEntry.keep(entry), now)


def remember_aside(ledger: Ledger) -> Callable[[], None]:
    """Return a function that restores what is aside now, in case that the change which is being asked for cannot be saved."""
    running = ledger.override
    aside = [] if running is None else running.aside

    def take_back() -> None:
        if running is not None:
            running.aside = aside

    return take_back


def look_at_clock(ledger: Ledger, now: datetime) -> None:
    """End the override when its time is over, and drop one that waited longer than it should have lasted."""
    for intent in ledger.open_intents:
        if intent.override is not None and now >= intent.override.ends_at and not intent.is_sent:
            ledger.finish(intent, ChangeState.FAILED, "override_over")
    override = ledger.override
    if override is None:
        return
    is_beginning = any(intent.override is not None and intent.is_built and not intent.is_sent for intent in ledger.open_intents)
    if now >= override.ends_at or not (override.is_begun or is_beginning):
        override.is_ending = True
    ends = [intent for intent in ledger.intents if intent.ends_override]
    is_failed_lately = any(not intent.is_open and now < intent.asked_at + _AGAIN_AFTER_FAILURE for intent in ends[-1:])
    if override.is_ending and not any(intent.is_open and not intent.is_carried_out for intent in ends) and not is_failed_lately:
        end(ledger, now)


def end(ledger: Ledger, now: datetime) -> Intent:
    """Let the override end, before everything else that waits."""
    intent = Intent(_END, now, ends_override=True)
    ledger.intents.insert(0, intent)
    return intent


def is_blocked(ledger: Ledger, intent: Intent) -> bool:
    """Return whether an override has to wait until the one before it is over."""
    return intent.override is not None and any(one.ends_override and one.is_built and not one.is_sent for one in ledger.open_intents)


def build(ledger: Ledger, intent: Intent, settings: BatterySettings, schedules: BatterySchedules, now: datetime) -> bool:
    """Work out what an intent is to write, now that it is its turn; return whether there is something."""
    if intent.ends_override:
        if ledger.override is None:
            ledger.finish(intent, ChangeState.APPLIED)
            return False
        _build_end(ledger, ledger.override, intent, settings, now)
        return True
    if ledger.override is not None:
        ledger.override.is_ending = True
        if not any(one.ends_override and not one.is_carried_out for one in ledger.open_intents):
            end(ledger, now)
        return False
    if intent.override is None:
        return True
    try:
        _build_begin(ledger, intent.override, intent, settings, schedules, now)
    except ServiceValidationError as err:
        ledger.finish(intent, ChangeState.FAILED, err.translation_key)
        return False
    return True


def _build_begin(
    ledger: Ledger, wish: OverrideWish, intent: Intent, settings: BatterySettings, schedules: BatterySchedules, now: datetime
) -> None:
    entry = wish.entry.entry()
    missing = [one.entry.entry() for one in ledger.expected if one.entry.found_in(schedules) is None]
    there = replace(schedules, families=_without(schedules, [one for one in schedules.entries if ledger.was_deleted(one)]))
    going = check_override(entry, settings, there)
    aside = [one for one in going if not _is_of_ended_override(ledger, one)]
    # Entries that are missing now would be in its way, too, once they are put back.
    late = [one for one in missing if overlap(window_of_entry(one), window_of_entry(entry))]
    was_on, were_on = switched(ledger, settings, entry.family, now), schedules_on(ledger, settings, now)
    ledger.override = Override(
        entry=wish.entry,
        started_at=now,
        ends_at=wish.ends_at,
        until_charge=wish.until_charge,
        aside=[KeptEntry.keep(one) for one in (*aside, *late)],
        was_on=was_on,
        were_schedules_on=were_on,
    )
    for other in ledger.open_intents:
        if not other.is_override:
            # What people wished for while it waited also decides what is so after it.
            note_wish(ledger, other.wish)
    for one in late:
        ledger.expect_no_more(KeptEntry.keep(one))
    intent.deletes = [KeptEntry.keep(one) for one in going]
    intent.writes = [wish.entry]
    intent.wish = BatteryWish.to_switch(entry.family, is_on=True) if not was_on else BatteryWish()
    if entry.family is _CHARGE and not were_on:
        intent.wish = BatteryWish(charge_schedules=True).over(intent.wish)
    intent.is_built = True


def _is_of_ended_override(ledger: Ledger, entry: BatteryEntry) -> bool:
    """Return whether an entry is the temporary one of an override that is over, and shows late: it has to go, and never comes back."""
    ended = [intent for intent in ledger.open_intents if intent.ends_override]
    return any(kept.entry().is_same_as(entry) for intent in ended for kept in intent.done_deletes)


def _build_end(ledger: Ledger, override: Override, intent: Intent, settings: BatterySettings, now: datetime) -> None:
    override.is_ending = True
    family = override.entry.family
    temporary = override.entry.entry()
    for one in ledger.expected:
        if one.entry.entry().is_same_as(temporary):
            # The temporary entry is not put back any more, even if it had disappeared.
            one.is_due, one.unapplied_since = False, None
    for kept in override.aside:
        ledger.expect_no_more(kept)
        ledger.expected.append(Expected(kept, is_due=True))
    intent.deletes = [override.entry]
    expected = settings.expected
    # A late read may not show yet what the override has switched on.
    if not override.was_on and (switched(ledger, settings, family, now) or expected.is_enabled(family) or settings.is_enabled(family)):
        intent.wish = BatteryWish.to_switch(family, is_on=False)
    are_on = schedules_on(ledger, settings, now) or expected.schedules_charge or settings.schedules_charge
    if family is _CHARGE and not override.were_schedules_on and are_on:
        intent.wish = BatteryWish(charge_schedules=False).over(intent.wish)
    intent.is_built = True
    for begun in ledger.open_intents:
        if begun.override is not None and begun.is_built:
            # The beginning must not be tried again: what it switched on is switched off now.
            ledger.finish(begun, ChangeState.FAILED, REPLACED)


def switched(ledger: Ledger, settings: BatterySettings, family: BatteryFamily, now: datetime) -> bool:
    """Return whether a family is on, or will be once what was wished for lately is so."""
    wished = [intent.wish.switched(family) for intent in ledger.intents if is_just_sent(intent, now)]
    return next((value for value in reversed(wished) if value is not None), settings.expected.is_enabled(family))


def schedules_on(ledger: Ledger, settings: BatterySettings, now: datetime) -> bool:
    """Return whether the schedules of charge from grid are on, or will be."""
    wished = [intent.wish.charge_schedules for intent in ledger.intents if is_just_sent(intent, now)]
    return next((value for value in reversed(wished) if value is not None), settings.expected.schedules_charge is True)


def note_wish(ledger: Ledger, wish: BatteryWish) -> None:
    """Note what a person wishes during an override: it counts after it."""
    override = ledger.override
    if override is None:
        return
    if (is_on := wish.switched(override.entry.family)) is not None:
        override.was_on = is_on
    if wish.charge_schedules is not None:
        override.were_schedules_on = wish.charge_schedules


def on_sent(ledger: Ledger, intent: Intent, now: datetime) -> None:
    """Note that all of an intent is written: the override has begun, or is over."""
    override = ledger.override
    if not intent.is_override or intent.is_carried_out:
        return
    # Also where another one has ended it already: sent once more in another form, this one must not end the next override.
    intent.is_carried_out = True
    if override is None:
        return
    if intent.ends_override:
        ledger.override = None
        ledger.tell(LedgerEvent.OVERRIDE_ENDED, entry=override.entry)
    elif not override.is_begun:
        override.is_begun, override.started_at = True, now
        ledger.tell(LedgerEvent.OVERRIDE_STARTED, entry=override.entry)


def on_failure(ledger: Ledger, intent: Intent) -> None:
    """Let an override that could not begin end: what was taken aside for it comes back."""
    override = ledger.override
    if override is not None and intent.override is not None and intent.is_built and not override.is_begun:
        override.is_ending = True
