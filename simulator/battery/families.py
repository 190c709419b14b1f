"""The three control families (docs/cloud-api/battery.md)."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..switches import Switches


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
