"""A charging session, from plugging in to unplugging."""

from dataclasses import dataclass

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
        """The session as in api/samples/session_history.json."""
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
