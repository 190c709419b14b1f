"""What a battery schedule can be, checked before anything is sent (docs/cloud-api/battery.md §4)."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from homeassistant.const import WEEKDAYS
from homeassistant.core import async_get_hass
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations

from ..const import DOMAIN
from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings
from ..weekly import WeeklyWindow, overlap

_LOWEST_LIMIT = 5.0
_HIGHEST_LIMIT = 100.0


def window_of_entry(entry: BatteryEntry) -> WeeklyWindow:
    """Return the times of an entry."""
    return WeeklyWindow(entry.start, entry.end, entry.days)


def check_entry(entry: BatteryEntry, settings: BatterySettings, schedules: BatterySchedules, besides: Iterable[BatteryEntry] = ()) -> None:
    """Refuse an entry that cannot be: no day, no time, a limit out of range, or another one of its family in the way.

    `besides` are those that will be there, too.
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


def placeholders_of(entry: BatteryEntry) -> dict[str, str]:
    """Return what is told of an entry, in Home Assistant's language: what fills in a text is not translated where it is shown.

    A name whose translation is not loaded stays the name that the actions know: what is told of a change never ends the change.
    """
    hass = async_get_hass()
    languages = (hass.config.language, "en")
    texts = next(filter(None, (async_get_cached_translations(hass, language, "selector", DOMAIN) for language in languages)), {})

    def named(selector: str, option: str) -> str:
        return texts.get(f"component.{DOMAIN}.selector.{selector}.options.{option}", option)

    return {
        "family": named("battery_family", entry.family.name.lower()),
        "start": f"{entry.start:%H:%M}",
        "end": f"{entry.end:%H:%M}",
        "days": ", ".join(_runs([named("weekday", WEEKDAYS[day - 1]) if day in entry.days else None for day in range(1, 8)])),
    }


def entry_line(entry: BatteryEntry) -> str:
    """Return an entry in words: family, times, days, limit."""
    line = "{family}, {start} - {end}, {days}".format(**placeholders_of(entry))
    return line if entry.limit is None else f"{line}, {entry.limit:g} %"


def _runs(days: Iterable[str | None]) -> Iterator[str]:
    """Yield the days that are there, three and more in a row as the first and the last."""
    for is_there, row in groupby(days, bool):
        names = [name for name in row if name]
        if is_there:
            yield from names if len(names) < 3 else (f"{names[0]} - {names[-1]}",)
