"""Charge modes, connector states and refusals: the words of the charger services."""

from enum import Enum, StrEnum


class ChargeMode(StrEnum):
    """What decides when the charger charges (docs/cloud-api/chargers.md §5)."""

    MANUAL = "MANUAL_CHARGING"
    SCHEDULED = "SCHEDULED_CHARGING"
    GREEN = "GREEN_CHARGING"
    SMART = "SMART_CHARGING"

    @classmethod
    def read(cls, text: str) -> ChargeMode:
        """A mode from the cloud's word or from a short one (``green``)."""
        return cls(text) if text in cls else cls(f"{text.upper()}_CHARGING")

    @property
    def key(self) -> str:
        """Its key in ``data.modes`` of the preference."""
        return f"{self.name.lower()}Charging"


class Connector(StrEnum):
    """``connectorStatusType`` (docs/cloud-api/chargers.md §1)."""

    AVAILABLE = "AVAILABLE"
    PREPARING = "PREPARING"
    CHARGING = "CHARGING"
    SUSPENDED_EV = "SUSPENDED_EV"
    SUSPENDED_EVSE = "SUSPENDED_EVSE"
    FINISHING = "FINISHING"
    UNAVAILABLE = "UNAVAILABLE"
    FAULTED = "FAULTED"


INSUFFICIENT_SOLAR = "INSUFFICIENT_SOLAR"


class Refusal(Enum):
    """Why a charger does not take a command, with the cloud's words and code where docs/cloud-api/chargers.md §3 knows one."""

    ALREADY_CHARGING = ("Charger is already in charging state", "iqevc_ms-10012")
    NOT_PLUGGED_IN = ("Charger is not plugged in", "iqevc_ms-10008")
    BAD_LEVEL = ("Charging level is out of range", "")
    BAD_CONNECTOR = ("Connector id is out of range", "")
    FAULTED = ("Charger is not ready", "")
    NOT_CHARGING = ("Charger is not in charging state", "")

    @property
    def message(self) -> str:
        """The words of the cloud."""
        return self.value[0]

    @property
    def code(self) -> str:
        """``errorMessageCode``, empty where none is known."""
        return self.value[1]


class CommandRefused(Exception):
    """The charger did not take a start or a stop."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
