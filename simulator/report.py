"""What a charger tells the cloud: its sessions, from plugging in to unplugging, and its last report."""

from dataclasses import dataclass

from .modes import Connector
from .wire import JsonObject, iso_bracketed, iso_bracketed_or_none


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
