"""What no charger and no charging schedule can be set to is refused here, before anything is sent; what it can, and is odd, is found."""

from collections.abc import Iterable

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..enlighten import ChargingSlot, SlotType
from ..weekly import WeeklyWindow, overlap
from .model import Charger


def check_level(charger: Charger, level: float | None) -> None:
    """Refuse a level (A) that the charger cannot be set to, before anything is sent.

    Raises:
        ServiceValidationError: With the limits in the message.
    """
    limits = charger.summary.limits if charger.summary else None
    if level is None or limits is None or limits.allows(level):
        return
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="level_out_of_range",
        translation_placeholders={
            "charger": charger.name,
            "level": f"{level:g}",
            "min": f"{limits.min:g}",
            "max": f"{limits.max:g}",
            "step": f"{limits.step:g}",
        },
    )


def require_custom(slot: ChargingSlot) -> None:
    """Refuse times for an off-peak slot.

    Raises:
        ServiceValidationError: The tariff decides its times.
    """
    if slot.type is SlotType.OFF_PEAK:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="off_peak_times")


def overlapping(slot: ChargingSlot, others: Iterable[ChargingSlot]) -> list[ChargingSlot]:
    """Return those of other slots that are ever open at the same time, off or not; whose level counts then is not known.

    Source: docs/cloud-api/chargers.md §6.
    """
    window = _window(slot)
    windows = ((other, _window(other)) for other in others if other.id != slot.id)
    return [other for other, its_window in windows if window is not None and its_window is not None and overlap(window, its_window)]


def _window(slot: ChargingSlot) -> WeeklyWindow | None:
    return None if slot.start is None or slot.end is None else WeeklyWindow(slot.start, slot.end, slot.days)
