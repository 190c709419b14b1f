"""What a battery site is and what is set there, and how the service refuses (docs/cloud-api/battery.md §3 and §4).

The three control families, settings, features and storm alerts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..switches import Switches
from ..wire import JsonObject, epoch_ms


class ControlFamily(StrEnum):
    """A family of settings and schedules, as groups of schedules are called."""

    CFG = "cfg"
    """Charge from grid."""
    DTG = "dtg"
    """Discharge to grid."""
    RBD = "rbd"
    """Restrict battery discharge."""

    @property
    def type_name(self) -> str:
        """``scheduleType`` of its entries."""
        return self.value.upper()


class ControlShape(StrEnum):
    """How a control is told in the settings (docs/cloud-api/battery.md §3)."""

    OBJECT = "object"
    NULL = "null"
    ABSENT = "absent"


@dataclass
class Control(Switches):
    """What the site may do with a family; whether it is on is a setting."""

    show: bool = True
    locked: bool = False
    schedule_supported: bool = True
    """Entries can be made: a group that is not supported takes none."""
    day_schedule: bool = True
    shape: ControlShape = ControlShape.OBJECT


@dataclass
class Controls(Switches):
    """The controls of a site."""

    cfg: Control = field(default_factory=Control)
    dtg: Control = field(default_factory=Control)
    rbd: Control = field(default_factory=Control)

    def of(self, family: ControlFamily) -> Control:
        """A family's control."""
        match family:
            case ControlFamily.CFG:
                return self.cfg
            case ControlFamily.DTG:
                return self.dtg
            case _:
                return self.rbd


class BatteryRefused(Exception):
    """A request that is answered with an error: an HTTP status and the text in ``error.status``."""

    def __init__(self, status: int, code: str, message: str = "", number: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.number = number

    def as_json(self) -> JsonObject:
        """The body of the answer (docs/cloud-api/battery.md §4)."""
        error: JsonObject = {"status": self.code}
        if self.number is not None:
            error["code"] = self.number
        if self.message:
            error["message"] = self.message
        return {"error": error}


def bad_request(message: str) -> BatteryRefused:
    """Input that makes no sense."""
    return BatteryRefused(400, "INVALID_REQUEST", message)


BACKUP_ONLY = "backup_only"
PROFILES = ("self-consumption", "cost_savings", BACKUP_ONLY, "expert", "ai_optimisation")


@dataclass
class Settings(Switches):
    """The settings that are in force at the gateway."""

    profile: str = "self-consumption"
    sub_type: str | None = None
    """``operationModeSubType``."""
    reserve: int = 20
    """``batteryBackupPercentage``, %."""
    very_low_soc: int = 5
    """Shutdown level, %."""
    charge_from_grid: bool = False
    charge_from_grid_schedule: bool = False
    """``chargeFromGridScheduleEnabled``."""
    force_schedule_opted: bool = True
    discharge_to_grid: bool = False
    restrict_discharge: bool = False
    dtg_begin: int | None = 960
    """Window of discharge to grid where there are no entries, minutes of the day; None: not told."""
    dtg_end: int | None = 1140
    cfg_begin: int = 120
    cfg_end: int = 300
    storm_guard: bool = True
    storm_guard_ev: bool = False
    power_match: bool = False
    battery_for_car: bool = True
    """``useBatteryForEVSE``, where the site has it."""
    battery_for_car_limit: int = 30
    """``batteryLimit``: above it the battery feeds the car, %."""
    accepted_disclaimer: str | bool | None = None
    """``acceptedItcDisclaimer``: ISO text or true; None where nobody has."""
    profile_reserves: dict[str, int] = field(
        default_factory=lambda: {"self-consumption": 20, "cost_savings": 30, BACKUP_ONLY: 100, "expert": 30, "ai_optimisation": 5}
    )
    """What each profile brings."""
    profile_charge_from_grid: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(PROFILES, False) | {"cost_savings": True})

    def is_on(self, family: ControlFamily) -> bool:
        """The family's effective state; that of CFG is whether it is allowed at all."""
        match family:
            case ControlFamily.CFG:
                return self.charge_from_grid
            case ControlFamily.DTG:
                return self.discharge_to_grid
            case _:
                return self.restrict_discharge

    def take(self, values: Mapping[str, object]) -> None:
        """Set values by name; the profile in force remembers its reserve and CFG."""
        self.update(values)
        if "reserve" in values:
            self.profile_reserves[self.profile] = self.reserve
        if "charge_from_grid" in values:
            self.profile_charge_from_grid[self.profile] = self.charge_from_grid

    @property
    def floor(self) -> int:
        """State of charge below which nothing is discharged, %."""
        return max(self.reserve, self.very_low_soc)


@dataclass
class Features(Switches):
    """What the site is and what it may do; nothing in here changes by a client's write."""

    has_encharge: bool = True
    supports_mqtt: bool = False
    is_owner: bool = True
    is_installer: bool = False
    restrict_cfg: bool = False
    grid_mode: str | None = "ImportExport"
    """``batteryGridMode``; None: not told."""
    reserve_min: int = 5
    reserve_max: int = 100
    very_low_soc_min: int = 5
    very_low_soc_max: int = 25
    very_low_soc_limits_known: bool = True
    """False: both read as ``"N/A"``."""
    hide_charge_from_grid: bool = True
    show_power_match: bool = False
    show_storm_guard: bool = True
    has_battery_for_car: bool = False
    """``isUseBatteryForEVSESupported`` (docs/cloud-api/battery.md §8)."""
    battery_for_car_min: int = 10
    """``minBatteryLimit``, %."""
    battery_for_car_owner: bool = True
    """``iqEvseHoControl``: the owner may change it."""
    battery_for_car_limited: bool = True
    """``batteryLimitSupport``."""
    polling_interval: int = 60
    system_task: bool = False
    """The cloud is working on it: writes are answered with success and come to nothing."""
    dr_event_active: bool = False
    """A demand-response event overrides everything."""
    status_code: str = "normal"
    status_text: str = "Normal"
    controls: Controls = field(default_factory=Controls)


@dataclass
class StormAlert:
    """One alert; times epoch seconds."""

    id: str
    name: str
    start: float
    end: float
    opted_out: bool = False
    critical: bool = False

    def active_at(self, at: float) -> bool:
        """Whether it is in force."""
        return self.start <= at < self.end

    def as_json(self) -> JsonObject:
        """The alert as the cloud tells it."""
        return {
            "id": self.id,
            "name": self.name,
            "source": "example",
            "status": "opted-out" if self.opted_out else "active",
            "startTime": epoch_ms(self.start),
            "endTime": epoch_ms(self.end),
            "critical": self.critical,
        }
