"""What a charger tells the cloud: the words of the charger services, its sessions, and its last report."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from .wire import JsonObject, iso_bracketed, iso_bracketed_or_none


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


@dataclass
class Session:
    """What one visit of a vehicle came to; times epoch seconds, energy Wh."""

    id: int
    plugged_in_at: float
    started_at: float | None = None
    plugged_out_at: float | None = None
    energy_wh: float = 0.0
    active_s: float = 0.0
    miles: float = 0.0
    cost: float | None = None
    """In the account's currency; known once the session is over."""
    by_hand: bool = False
    """Whether somebody started or stopped it against the mode."""

    def as_history(self, charger_number: str) -> JsonObject:
        """The session as in tests/fixtures/api/session_history.json."""
        kwh = round(self.energy_wh / 1000, 2)
        return {
            "id": f"{charger_number}:{self.id}",
            "sessionId": self.id,
            "startTime": iso_bracketed(self.started_at or self.plugged_in_at),
            "endTime": iso_bracketed_or_none(self.plugged_out_at),
            "authType": None,
            "authIdentifier": None,
            "authToken": None,
            "aggEnergyValue": kwh,
            "activeChargeTime": int(self.active_s),
            "milesAdded": round(self.miles, 1),
            "sessionCost": self.cost,
            "costCalculated": self.cost is not None,
            "manualOverridden": self.by_hand,
            "avgCostPerUnitEnergy": round(self.cost / kwh, 2) if self.cost is not None and kwh else None,
            "sessionCostState": "COST_CALCULATED" if self.cost is not None else "COST_PENDING",
            "chargeProfileStackLevel": 4,
        }


@dataclass(frozen=True)
class Report:
    """What the charger last told the cloud; energy Wh, times epoch seconds."""

    at: float
    lifetime_wh: float
    connector: Connector
    reason: str
    level: int | None
    safe_limit: bool
    dlb_active: bool
    session: Session | None
    """A copy: it does not move until the next report."""

    @property
    def plugged_in(self) -> bool:
        """Whether a vehicle hangs on the cable."""
        return self.session is not None and self.session.plugged_out_at is None

    @property
    def charging(self) -> bool:
        """Whether energy flows."""
        return self.connector is Connector.CHARGING

    @property
    def faulted(self) -> bool:
        """Whether the charger is out of order."""
        return self.connector is Connector.FAULTED
