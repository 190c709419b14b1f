"""Entries that must be there and that the cloud may not have now. No I/O, as in `decide`.

How people name them meanwhile, and what would be in their way.

Source: docs/cloud-api/battery.md §4, §5.
"""

from collections.abc import Iterable

from ..enlighten import BatteryEntry, BatterySchedules
from ..weekly import overlap
from .ledger import Expected, Intent, Ledger
from .validation import conflict, window_of_entry


def ids_of(ledger: Ledger, entry: BatteryEntry) -> set[str]:
    """Return the id of an entry, and those that it had before it was put back."""

    def is_it(one: Expected) -> bool:
        # One that was put back and not read since is called something else now, which the read shows whose entry this is.
        return one.entry.id == entry.id if one.entry.id else one.entry.entry().is_same_as(entry)

    expected = next((one for one in ledger.expected if is_it(one)), None)
    return {entry.id, *(expected.former_ids if expected is not None else ())}


def check_coming_back(ledger: Ledger, entry: BatteryEntry, schedules: BatterySchedules) -> None:
    """Refuse an entry of another family in the place of one that may have been dropped: that one could not come back.

    Whether it is there, a late read does not tell; and if it is, the cloud would refuse the other one. A site that has entries of different
    families on top of each other takes them, so there the cloud is asked.

    Raises:
        ServiceValidationError: It names the entry that is expected.
    """
    if _are_on_top_of_each_other(schedules.entries):
        return
    going = [kept for intent in ledger.open_intents for kept in (*intent.deletes, *intent.writes) if kept.id]
    for one in ledger.expected:
        other = one.entry.entry()
        is_staying = one.problem is None and not ledger.is_leaving(other) and not any(kept.id in ids_of(ledger, other) for kept in going)
        if is_staying and other.family is not entry.family and overlap(window_of_entry(entry), window_of_entry(other)):
            raise conflict(other)


def _are_on_top_of_each_other(entries: Iterable[BatteryEntry]) -> bool:
    """Return whether entries of different families overlap."""
    there = list(entries)
    return any(
        one.family is not other.family and overlap(window_of_entry(one), window_of_entry(other))
        for number, one in enumerate(there)
        for other in there[:number]
    )


def waits_for_others(ledger: Ledger, intent: Intent) -> bool:
    """Return whether an intent has to wait until an entry is back: the one that it changes, or one whose place it would take."""
    if intent.is_override:
        # It takes what is in its way aside.
        return False
    changed = [one for kept in intent.writes if (one := expected_of(ledger, kept.id)) is not None]
    return any(not one.entry.id for one in changed) or any(_is_in_place_of_missing(ledger, kept.entry()) for kept in intent.writes)


def _is_in_place_of_missing(ledger: Ledger, entry: BatteryEntry) -> bool:
    missing = [one.entry.entry() for one in ledger.expected if one.is_missing and (not entry.id or entry.id not in _ids(one))]
    missing = [other for other in missing if not other.is_same_as(entry) and not ledger.is_leaving(other)]
    return any(overlap(window_of_entry(entry), window_of_entry(other)) for other in missing)


def expected_of(ledger: Ledger, entry_id: str) -> Expected | None:
    """Return what is expected of an entry by an id that it has, or had before it was put back."""
    return next((one for one in ledger.expected if entry_id and one.problem is None and entry_id in _ids(one)), None)


def _ids(one: Expected) -> list[str]:
    return [one.entry.id, *one.former_ids]
