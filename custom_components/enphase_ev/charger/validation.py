"""What no charger and no charging schedule can be set to is refused here, before anything is sent."""

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..enlighten import ChargingSlot, SlotType
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
