"""How a charger decides when to charge (docs/cloud-api/chargers.md §5)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import Json, read_bool, read_mapping, read_text

# Scheduled mode was chosen and no schedule is enabled.
NO_SCHEDULE_CODE = "iqevc_sch_10031"


class ChargeMode(StrEnum):
    """The charge modes in the cloud's words, in the order in which an enabled one counts."""

    SMART = "SMART_CHARGING"
    GREEN = "GREEN_CHARGING"
    SCHEDULED = "SCHEDULED_CHARGING"
    MANUAL = "MANUAL_CHARGING"

    @property
    def decides_level(self) -> bool:
        """Return whether the mode itself decides the level, so that a start must not name one (docs/cloud-api/chargers.md §3)."""
        return self in {ChargeMode.SMART, ChargeMode.GREEN}


@dataclass(frozen=True, kw_only=True)
class ChargeModePreference:
    """The mode in force, `None` where none is enabled or it is one that is not known here, and the modes that are on offer."""

    mode: ChargeMode | None
    offered: tuple[ChargeMode, ...]

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the preference of a charger.

        Raises:
            InvalidResponse: The answer names no mode at all.
        """
        modes = read_mapping(read_mapping(read_mapping(body).get("data")).get("modes"))
        if not modes:
            raise InvalidResponse("The charge mode makes no sense")
        found = {read_text(entry.get("chargingMode")): entry for entry in map(read_mapping, modes.values())}
        known = {mode: found[mode] for mode in ChargeMode if mode in found}
        return cls(
            mode=next((mode for mode, entry in known.items() if read_bool(entry.get("enabled"))), None),
            offered=tuple(mode for mode, entry in known.items() if read_bool(entry.get("isHidden")) is not True),
        )
