"""What a person can do about the entries that could not be put back: see them, have them tried again, or give them up."""

from ..enlighten import BatteryEntry
from .keeper import Keeper
from .ledger import KeptEntry

_TRIED_FOR = 18.0


async def async_missing(keeper: Keeper) -> list[BatteryEntry]:
    """Return the entries that must be there and are missing now; nothing is written.

    Raises:
        HomeAssistantError: The schedules could not be read.
    """
    if not keeper.ledger.expected:
        return []
    schedules = await keeper.async_read_schedules()
    return [one.known.entry() for one in keeper.ledger.expected if one.entry.found_in(schedules) is None]


async def async_restore(keeper: Keeper) -> list[KeptEntry]:
    """Try again to put back what could not be; return what still could not.

    Raises:
        HomeAssistantError: The cloud did not answer.
    """
    _, schedules = await keeper.async_look()
    for one in list(keeper.ledger.expected):
        if one.problem is not None and one.entry.found_in(schedules) is None:
            one.problem, one.tries, one.is_due, one.written_at, one.missing_since = None, 0, True, None, None
        elif one.problem is not None:
            keeper.ledger.expected.remove(one)
    await keeper.async_save()
    tried = [one.entry for one in keeper.ledger.expected if one.is_due]
    await keeper.async_work(_TRIED_FOR, lambda: _are_coming(keeper, tried))
    for one in keeper.ledger.expected:
        if one.is_due:
            one.is_due, one.problem = False, "not_applied"
    keeper.show()
    return keeper.ledger.not_put_back


def _are_coming(keeper: Keeper, tried: list[KeptEntry]) -> bool:
    """Return whether entries are still to be put back."""
    schedules = keeper.reading.schedules
    waiting = [one.entry for one in keeper.ledger.expected if one.problem is None and (one.is_due or one.written_at is None)]
    return any(entry in waiting and (schedules is None or entry.found_in(schedules) is None) for entry in tried)


async def async_drop(keeper: Keeper) -> None:
    """Give up on what could not be put back.

    Raises:
        HomeAssistantError: That could not be saved.
    """
    keeper.ledger.expected = [one for one in keeper.ledger.expected if one.problem is None]
    await keeper.async_save()
    keeper.show()
