"""What a charger is: levels, voltage, phases, model, modes, what is odd about it, and its configuration keys."""

from dataclasses import dataclass, field
from enum import StrEnum
import math

from .clock import Clock
from .report import ChargeMode
from .wire import JsonObject


class Phases(StrEnum):
    """How the charger is wired."""

    SINGLE = "single"
    SPLIT = "split"
    THREE = "three"


@dataclass(frozen=True)
class Hardware:
    """A charger model on its circuit (docs/cloud-api/chargers.md §2 and §8)."""

    model: str
    sku: str
    part_number: str
    scope: str
    min_amps: int
    max_amps: int
    granularity: int
    volts: int
    """Operating voltage as the summary tells it: line to neutral, or line to line where it is about 400."""
    phases: Phases

    @property
    def phase_mode(self) -> int | str:
        """``phaseMode`` of the summary."""
        return "split" if self.phases is Phases.SPLIT else self.phase_count

    @property
    def phase_count(self) -> int:
        """``phaseCount`` of the summary."""
        return {Phases.SINGLE: 1, Phases.SPLIT: 2, Phases.THREE: 3}[self.phases]

    @property
    def grid_type(self) -> int:
        """``gridType`` of the summary."""
        return {Phases.SINGLE: 1, Phases.SPLIT: 2, Phases.THREE: 4}[self.phases]

    @property
    def wiring(self) -> dict[str, str]:
        """``wiringConfiguration`` of the summary."""
        lines = {Phases.SINGLE: ("L1",), Phases.SPLIT: ("L1", "L2"), Phases.THREE: ("L1", "L2", "L3")}[self.phases]
        return {line: line for line in lines}

    def watts(self, amps: float, vehicle_phases: int) -> float:
        """Power of a current per phase, W, with a vehicle that uses so many phases."""
        if self.phases is not Phases.THREE:
            return amps * self.volts
        line_to_neutral = self.volts / math.sqrt(3) if self.volts > 300 else float(self.volts)
        return amps * line_to_neutral * min(3, vehicle_phases)

    def level_for(self, watts: float, vehicle_phases: int) -> int | None:
        """The highest level that draws no more than this power, A; None below the lowest level."""
        amps = watts / self.watts(1.0, vehicle_phases)
        if amps < self.min_amps:
            return None
        steps = int((min(amps, self.max_amps) - self.min_amps) / self.granularity)
        return self.min_amps + steps * self.granularity

    def takes(self, level: int) -> bool:
        """Whether it is one of this charger's levels."""
        return self.min_amps <= level <= self.max_amps and (level - self.min_amps) % self.granularity == 0


THREE_PHASE_32 = Hardware("IQ-EVSE-EU-3032", "IQ-EVSE-EU-3032-0105-1300", "865-02030", "GEN2_EU", 6, 32, 1, 230, Phases.THREE)
THREE_PHASE_LINE_TO_LINE = Hardware("IQ-EVSE-EU-3032", "IQ-EVSE-EU-3032-0105-1300", "865-02030", "GEN2_EU", 6, 32, 1, 400, Phases.THREE)
SINGLE_PHASE_32 = Hardware("IQ-EVSE-EU-1032", "IQ-EVSE-EU-1032-0105-1300", "865-02010", "GEN2_EU", 6, 32, 1, 230, Phases.SINGLE)
SPLIT_PHASE_48 = Hardware("IQ-EVSE-60R", "IQ-EVSE-60R-NACS-1500", "865-02060", "GEN2_NA", 6, 48, 1, 240, Phases.SPLIT)
SPLIT_PHASE_80 = Hardware("IQ-EVSE-100R", "IQ-EVSE-100R-NACS-1500", "865-02100", "GEN2_NA", 16, 80, 16, 240, Phases.SPLIT)


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


SESSION_AUTHENTICATION = "sessionAuthentication"
RFID_AUTHENTICATION = "rfidSessionAuthentication"
DEFAULT_LEVEL = "DefaultChargeLevel"
PHASE_SWITCH = "phase_switch_config"

APPLIED = 1
WAITING = 2


@dataclass
class Configuration:
    """Values by key; a key that is absent or None reads as null/null."""

    clock: Clock
    values: dict[str, str | None] = field(default_factory=dict)
    takes_s: float = 5.0
    """Until a written value is in force, simulated seconds."""
    off_is_null: bool = False
    """A key that is off reads as null/null, like one that was never set."""
    _requested: dict[str, tuple[str, float]] = field(default_factory=dict)
    _waiting: dict[str, float] = field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """The value in force."""
        self._apply()
        return self.values.get(key)

    def read(self, key: str) -> JsonObject:
        """One entry of tests/fixtures/api/charger_config.json."""
        self._apply()
        requested = self._requested.get(key)
        if self.off_is_null and (requested[0] if requested else self.values.get(key)) == "disabled":
            return {"key": key, "value": None, "reqValue": None, "status": APPLIED}
        return {
            "key": key,
            "value": self.values.get(key),
            "reqValue": requested[0] if requested else None,
            "status": WAITING if requested or key in self._waiting else APPLIED,
        }

    def write(self, key: str, value: str | int) -> None:
        """Ask the charger for a value; a number is told at once as the one in force (docs/cloud-api/chargers.md §7)."""
        due = self.clock.time() + self.takes_s
        if isinstance(value, int):
            self.values[key] = str(value)
            self._waiting[key] = due
        else:
            self._requested[key] = (value, due)

    def _apply(self) -> None:
        now = self.clock.time()
        self._waiting = {key: due for key, due in self._waiting.items() if now < due}
        for key, (value, due) in list(self._requested.items()):
            if now >= due:
                self.values[key] = value
                del self._requested[key]
