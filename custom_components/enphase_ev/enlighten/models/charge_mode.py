"""How a charger decides when to charge (docs/cloud-api/chargers.md §5)."""

from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import Json, read_bool, read_label, read_mapping

# Scheduled mode was chosen and no schedule is enabled.
NO_SCHEDULE_CODE = "iqevc_sch_10031"
_BEFORE_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


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
    """The mode in force, and the modes that are on offer.

    Attributes:
        mode: `None` where none is enabled, or one that is not known here.
        unknown: that one in the cloud's word.
    """

    mode: ChargeMode | None
    offered: tuple[ChargeMode, ...]
    unknown: str | None = None

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the preference of a charger.

        Raises:
            InvalidResponse: The answer names no mode at all.
        """
        modes = read_mapping(read_mapping(read_mapping(body).get("data")).get("modes"))
        if not modes:
            raise InvalidResponse("The charge mode makes no sense")
        found = {_name(key, entry): entry for key, entry in modes.items() if isinstance(entry, dict)}
        known = {mode: found[mode] for mode in ChargeMode if mode in found}
        enabled = [name for name, entry in found.items() if read_bool(entry.get("enabled"))]
        mode = next((mode for mode in known if mode in enabled), None)
        return cls(
            mode=mode,
            offered=tuple(mode for mode, entry in known.items() if read_bool(entry.get("isHidden")) is not True),
            unknown=next(iter(enabled), None) if mode is None else None,
        )


def _name(key: str, entry: dict[str, Json]) -> str:
    """Return the name of a mode; in an older answer only its key tells it (`greenCharging`)."""
    return read_label(entry.get("chargingMode")) or _BEFORE_CAPITAL.sub("_", key).upper()
