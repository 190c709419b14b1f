"""Turning on *Restrict battery discharge*, which has no effect without an entry (docs/cloud-api/battery.md §4)."""

from datetime import datetime, time, tzinfo

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..enlighten import EVERY_DAY, BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings, BatteryWish
from . import override
from .ledger import REPLACED, ChangeState, Intent, KeptEntry, Ledger
from .validation import check_entry

_RBD = BatteryFamily.RESTRICT_BATTERY_DISCHARGE


def all_day_entry(zone: tzinfo) -> BatteryEntry:
    """Return the entry that restricts discharge all day. It ends at 23:59, since 00:00 to 00:00 would be no time at all."""
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
    """Return the wish to restrict discharge, together with the addition of `entry` where the site has no entry for it.

    Reading the entries took a moment: a contrary wish that came meanwhile is newer, and counts.

    Raises:
        ServiceValidationError: The site has no entry and `entry` is `None`, or `entry` is not possible.
    """
    wish = BatteryWish(restrict_discharge=True)
    intent = Intent(_RBD.name.lower(), asked_at, wish)
    if any(one.asked_at > asked_at and one.wish.may_undo(wish) for one in ledger.intents):
        ledger.finish(intent, ChangeState.FAILED, REPLACED)
        return intent
    if lacks_entry(ledger, settings, schedules):
        if entry is None:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="restriction_without_schedule")
        check_entry(entry, settings, schedules)
        intent.writes.append(KeptEntry.keep(entry))
    override.note_wish(ledger, wish)
    return intent
