"""The battery's schedules as a person changes them: add, change, delete, export and import.

All raise `HomeAssistantError` where the cloud refuses or does not answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from homeassistant.exceptions import ServiceValidationError
from homeassistant.util.json import JsonObjectType

from ..const import DOMAIN
from ..enlighten import BatteryEntry, BatterySchedules, BatterySettings
from ..waiting import async_rest
from ..weekly import day_names
from .change import Change, EntriesPlan
from .coming_back import ids_of
from .coordinator import BatteryCoordinator
from .override import check_aside
from .settings import require_family, writable
from .validation import check_entry, check_family

# Two reads decide when they lie so far apart (s).
_AGREES_AFTER = 20.0


async def async_add_entry(coordinator: BatteryCoordinator, entry: BatteryEntry) -> Change:
    """Add an entry.

    Raises:
        ServiceValidationError: It is not possible; nothing was written.
    """

    def plan(settings: BatterySettings, schedules: BatterySchedules) -> EntriesPlan:
        check_entry(entry, settings, schedules)
        check_aside(coordinator.keeper.ledger, entry, schedules)
        return EntriesPlan(writes=[entry])

    return await _async_change(coordinator, plan)


async def async_change_entry(coordinator: BatteryCoordinator, entry_id: str, change: Callable[[BatteryEntry], BatteryEntry]) -> Change:
    """Change an entry; what `change` leaves alone keeps its value.

    Raises:
        ServiceValidationError: There is no such entry, it is an override's, or the change is not possible; nothing was written.
    """

    def plan(settings: BatterySettings, schedules: BatterySchedules) -> EntriesPlan:
        ledger = coordinator.keeper.ledger
        before = next((entry for entry in schedules.entries if entry_id in ids_of(ledger, entry) - {""}), None)
        if ledger.override is not None and any(entry.id == entry_id for entry in ledger.set_aside):
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="schedule_aside",
                translation_placeholders={"until": f"{ledger.override.ends_at.astimezone(coordinator.time_zone):%H:%M}"},
            )
        if before is None:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="slot_unknown")
        if ledger.is_of_override(before):
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_of_override")
        wanted = change(before)
        check_entry(wanted, settings, schedules)
        check_aside(ledger, wanted, schedules)
        # An unchanged entry that is still pending is written again, too: perhaps its apply got lost.
        return EntriesPlan(writes=[wanted] if wanted != before or before.is_pending else [])

    return await _async_change(coordinator, plan)


async def async_delete_entries(coordinator: BatteryCoordinator, is_named: Callable[[BatteryEntry], bool]) -> Change:
    """Delete entries, those that are aside for an override, too; that of the override itself stays until its end.

    `is_named` is asked about each entry, also with the id that it had before it was put back.

    Raises:
        ServiceValidationError: There is no such entry, it is locked, or an override's; nothing was written.
    """

    def plan(settings: BatterySettings, schedules: BatterySchedules) -> EntriesPlan:
        ledger = coordinator.keeper.ledger

        def is_meant(entry: BatteryEntry) -> bool:
            return any(is_named(replace(entry, id=one)) for one in ids_of(ledger, entry))

        forgets = [entry for entry in ledger.set_aside if is_meant(entry)]
        # A late read can still show what is aside.
        meant = [entry for entry in schedules.entries if is_meant(entry) and all(entry.id != one.id for one in forgets)]
        # The temporary entry of an override is deleted when that ends, because the entries that are aside come back only then.
        deletes = [entry for entry in meant if not ledger.is_of_override(entry)]
        if not deletes and not forgets:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_of_override" if meant else "slot_unknown")
        for entry in (*deletes, *forgets):
            check_family(entry.family, settings, schedules)
        return EntriesPlan(deletes=deletes, forgets=forgets)

    return await _async_change(coordinator, plan)


async def async_import_entries(coordinator: BatteryCoordinator, entries: Iterable[BatteryEntry]) -> Change | None:
    """Add those of the entries that are not there; nothing is changed or deleted. `None` where all are there already.

    Raises:
        ServiceValidationError: One of them is not possible; nothing was written.
    """
    wanted = list(entries)
    ledger = coordinator.keeper.ledger
    there = [*(await _async_read_all(coordinator)).entries, *ledger.set_aside]
    if all(any(entry.is_same_as(other) for other in there) for entry in wanted):
        return None

    def plan(settings: BatterySettings, schedules: BatterySchedules) -> EntriesPlan:
        new: list[BatteryEntry] = []
        for entry in wanted:
            if any(entry.is_same_as(other) for other in (*schedules.entries, *ledger.set_aside)):
                continue
            check_entry(entry, settings, schedules, new)
            check_aside(ledger, entry, schedules)
            new.append(replace(entry, id=""))
        return EntriesPlan(writes=new)

    return await _async_change(coordinator, plan)


async def async_read_entries(coordinator: BatteryCoordinator) -> list[JsonObjectType]:
    """Read all entries now, in the form in which they are exported; what the cloud has dropped and is put back counts as pending."""
    there = (await _async_read_all(coordinator)).entries
    missing = [
        entry for entry in _missing(coordinator, there) if all(entry.id != kept.id for kept in coordinator.keeper.ledger.not_put_back)
    ]
    return [entry_answer(entry) for entry in (*there, *(replace(entry, is_pending=True) for entry in missing))]


async def async_export_entries(coordinator: BatteryCoordinator) -> list[JsonObjectType]:
    """Read all entries now, as they will be when no override runs and everything lost is put back."""
    there: Iterable[BatteryEntry] = (await _async_read_all(coordinator)).entries
    ledger = coordinator.keeper.ledger
    there = [entry for entry in there if not ledger.is_of_override(entry)]
    aside = [entry for entry in ledger.set_aside if not any(entry.is_same_as(other) for other in there)]
    return [entry_answer(entry) for entry in (*there, *aside, *_missing(coordinator, there))]


async def _async_read_all(coordinator: BatteryCoordinator) -> BatterySchedules:
    """Read all entries now. An answer that lacks a group, or is empty at once, proves nothing (docs/cloud-api/battery.md §5)."""
    before = coordinator.data.schedules if coordinator.data is not None else None
    schedules = await coordinator.keeper.async_read_schedules()
    if before is not None and before.entries and not schedules.entries:
        await async_rest(coordinator.hass, _AGREES_AFTER)
        schedules = await coordinator.keeper.async_read_schedules()
    return schedules.filled_from(before)


def _missing(coordinator: BatteryCoordinator, there: Iterable[BatteryEntry]) -> list[BatteryEntry]:
    """Return the entries that must be there and are not among these."""
    ledger = coordinator.keeper.ledger
    expected = [one.entry.entry() for one in ledger.expected]
    return [
        entry
        for entry in expected
        if not any(entry.is_same_as(one) or one.id == entry.id for one in there) and not ledger.is_of_override(entry)
    ]


def entry_answer(entry: BatteryEntry) -> JsonObjectType:
    """Return an entry as actions tell it."""
    return {
        "schedule_id": entry.id,
        "family": entry.family.name.lower(),
        "start": f"{entry.start:%H:%M}",
        "end": f"{entry.end:%H:%M}",
        "days": day_names(entry.days),
        "limit": entry.limit,
        "enabled": entry.is_enabled,
        "time_zone": entry.time_zone,
        "pending": entry.is_pending,
    }


async def _async_change(coordinator: BatteryCoordinator, plan: Callable[[BatterySettings, BatterySchedules], EntriesPlan]) -> Change:
    writable(coordinator)
    before = coordinator.data.schedules if coordinator.data is not None else None

    def allowed(settings: BatterySettings, schedules: BatterySchedules) -> EntriesPlan:
        planned = plan(settings, schedules.filled_from(before))
        for entry in planned.writes:
            require_family(coordinator, entry.family)
        return planned

    return await coordinator.keeper.async_change_entries("schedules", allowed)
