"""What a charger tells the cloud."""

from dataclasses import dataclass

from .modes import Connector
from .session import Session


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
