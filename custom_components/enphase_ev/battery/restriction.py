"""Turning on *Restrict battery discharge*, which has no effect without an entry (docs/cloud-api/battery.md §4). Pure."""

from datetime import datetime, time, tzinfo

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..enlighten import EVERY_DAY, BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings, BatteryWish
from . import override
from .ledger import ChangeState, Intent, KeptEntry, Ledger
from .validation import check_entry

_RBD = BatteryFamily.RESTRICT_BATTERY_DISCHARGE


def all_day_entry(zone: tzinfo) -> BatteryEntry:
    """Return the entry that restricts discharge all day; an entry that ends at midnight would begin when it ends."""
    return BatteryEntry(family=_RBD, start=time(0), end=time(23, 59), days=EVERY_DAY, limit=None, time_zone=str(zone), is_enabled=True)


def lacks_entry(ledger: Ledger, settings: BatterySettings, schedules: BatterySchedules) -> bool:
    """Return whether restricting discharge would have no effect: the site can have entries of it, and none will be there.

    `schedules` are those that are expected: what waits to be added or put back counts, what is being deleted does not. The entry of an
    override does not count either, as it goes with the override; what makes way for it comes back, and counts. Whether an entry is
    enabled, or open now, makes no difference: a person has decided that.
    """
    found = schedules.families.get(_RBD)
    if found is None or not found.is_told or not schedules.supports(_RBD, settings.control(_RBD)):
        return False
    temporary = [ledger.override.entry.entry()] if ledger.override is not None else []
    lasting = [one for one in found.entries if not ledger.was_deleted(one) and not any(one.is_same_as(other) for other in temporary)]
    aside = [one for one in (ledger.override.aside if ledger.override is not None else ()) if one.family is _RBD]
    return not lasting and not aside and not found.unreadable


def restriction(
    ledger: Ledger, settings: BatterySettings, schedules: BatterySchedules, asked_at: datetime, *, entry: BatteryEntry | None
) -> Intent:
    """Return the wish to restrict discharge, in one with `entry` where none is there; without one to add it refuses there.

    Since it was asked for, the entries were read: what was wished for meanwhile is newer, and counts.

    Raises:
        ServiceValidationError: There is no entry, or this one cannot be.
    """
    wish = BatteryWish(restrict_discharge=True)
    intent = Intent(_RBD.name.lower(), asked_at, wish)
    if any(one.asked_at > asked_at and one.wish.may_undo(wish) for one in ledger.intents):
        ledger.finish(intent, ChangeState.FAILED, "replaced")
        return intent
    if lacks_entry(ledger, settings, schedules):
        if entry is None:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="restriction_without_schedule")
        check_entry(entry, settings, schedules)
        intent.writes.append(KeptEntry.keep(entry))
    override.note_wish(ledger, wish)
    return intent
