"""What a charger is, and what goes wrong with it."""

from dataclasses import dataclass, field

from .hardware import THREE_PHASE_32, Hardware
from .modes import ChargeMode


@dataclass(frozen=True)
class ChargerProfile:
    """What a charger is; nothing in here changes by itself."""

    serial: str
    name: str
    hardware: Hardware = THREE_PHASE_32
    modes: tuple[ChargeMode, ...] = (ChargeMode.MANUAL, ChargeMode.SCHEDULED, ChargeMode.GREEN)
    """Modes on offer, in the order of the preference."""
    hidden_modes: tuple[ChargeMode, ...] = ()
    connection: str = "ethernet"
    address: str = "192.0.2.10"
    reporting_interval: int = 300
    """Seconds between two reports."""
    firmware: str = "25.37.1.14"


@dataclass
class Quirks:
    """What goes wrong with this charger, switched by tests."""

    safe_limit: bool = False
    """It has fallen back to its lowest level (``safeLimitState``)."""
    dlb_limit_a: float | None = None
    """Dynamic load balancing leaves it only so much, A."""
    jitter_wh: float = 0.0
    """Reported lifetime energy wavers by so much, up and down in turn."""
    unavailable: bool = False
    """The connector says UNAVAILABLE, and nothing is charged."""
    retired: bool = False
    """Gone from the site, still in an unfiltered summary."""
    features: dict[str, bool] = field(
        default_factory=lambda: {
            "iqevse_rfid": True,
            "evse_authentication": True,
            "plug_and_charge": False,
            "phase_config_support": True,
        }
    )
    """Feature flags of docs/cloud-api/chargers.md §7."""
