"""What a battery schedule can be, checked before anything is sent (docs/cloud-api/battery.md §4)."""

from collections.abc import Iterable

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings
from ..weekly import WeeklyWindow, overlap
from .words import placeholders_of

_LOWEST_LIMIT = 5.0
_HIGHEST_LIMIT = 100.0


def window_of_entry(entry: BatteryEntry) -> WeeklyWindow:
    """Return the times of an entry."""
    return WeeklyWindow(entry.start, entry.end, entry.days)


def check_entry(entry: BatteryEntry, settings: BatterySettings, schedules: BatterySchedules, besides: Iterable[BatteryEntry] = ()) -> None:
    """Refuse an entry without a day or a duration, with a limit out of range, or with another one of its family in the way.

    `besides` are entries that are about to be added, too.
    Overlaps across families are the cloud's to refuse: most are, and some are not.

    Raises:
        ServiceValidationError: With what is wrong.
    """
    check_family(entry.family, settings, schedules)
    if entry.start == entry.end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_without_duration")
    if not entry.days:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_without_days")
    lowest = lowest_limit(entry.family, settings)
    if entry.limit is not None and not lowest <= entry.limit <= _HIGHEST_LIMIT:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="limit_out_of_range",
            translation_placeholders={"limit": f"{entry.limit:g}", "min": f"{lowest:g}", "max": f"{_HIGHEST_LIMIT:g}"},
        )
    others = [other for other in schedules.of(entry.family) if other.id != entry.id]
    others += [other for other in besides if other.family is entry.family]
    for other in others:
        if overlap(window_of_entry(entry), window_of_entry(other)):
            raise conflict(other)


def check_idle(settings: BatterySettings) -> None:
    """Refuse to write while the cloud works on the site, or an event of the grid has it.

    Raises:
        ServiceValidationError: Try again later.
    """
    if settings.has_system_task:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="battery_busy")
    if settings.has_event:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="battery_event")


def check_family(family: BatteryFamily, settings: BatterySettings, schedules: BatterySchedules) -> None:
    """Refuse a family that the site does not have, or that is locked.

    Raises:
        ServiceValidationError: With the reason.
    """
    control = settings.control(family)
    if control is not None and control.is_locked:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="family_locked")
    if not schedules.supports(family, control):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="family_not_supported")


def default_limit(family: BatteryFamily, settings: BatterySettings | None) -> float | None:
    """Return the limit in % of an entry that names none: charge to the full, discharge to the lowest."""
    match family:
        case BatteryFamily.CHARGE_FROM_GRID:
            return _HIGHEST_LIMIT
        case BatteryFamily.DISCHARGE_TO_GRID:
            return lowest_limit(family, settings)
        case BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
            return None


def lowest_limit(family: BatteryFamily, settings: BatterySettings | None) -> float:
    """Return the lowest limit in %: discharging ends at the shutdown level at the latest."""
    if family is BatteryFamily.DISCHARGE_TO_GRID and settings is not None and settings.shutdown_level is not None:
        return max(_LOWEST_LIMIT, settings.shutdown_level)
    return _LOWEST_LIMIT


def conflict(other: BatteryEntry) -> ServiceValidationError:
    """Return what a person sees whose entry has another one in its way."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="schedule_conflict",
        translation_placeholders=placeholders_of(other),
    )
