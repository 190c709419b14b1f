"""The three control families, and how the battery service refuses (docs/cloud-api/battery.md)."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..switches.group import Switches
from ..wire import JsonObject


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
