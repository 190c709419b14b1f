"""An asyncio client for the Enlighten cloud. It knows nothing of Home Assistant."""

from .account import Account
from .chargers import Chargers
from .commands import CommandReply, Outcome
from .exceptions import (
    AccountBlocked,
    AuthError,
    CodeRequired,
    EnlightenError,
    InvalidCredentials,
    InvalidResponse,
    RateLimited,
    RequestRejected,
    RetryLater,
    ServiceUnavailable,
    SessionExpired,
    TooManySessions,
)
from .fields import Json
from .models.charge_mode import ChargeMode, ChargeModePreference
from .models.status import ChargerStatus, ChargingSession, SiteStatus
from .models.summary import ChargerSummary, LevelLimits, PhaseMode
from .sites import Site
from .state import AccountState
from .transport import Family, RequestCounter, Transport

__all__ = [
    "Account",
    "AccountBlocked",
    "AccountState",
    "AuthError",
    "ChargeMode",
    "ChargeModePreference",
    "ChargerStatus",
    "ChargerSummary",
    "Chargers",
    "ChargingSession",
    "CodeRequired",
    "CommandReply",
    "EnlightenError",
    "Family",
    "InvalidCredentials",
    "InvalidResponse",
    "Json",
    "LevelLimits",
    "Outcome",
    "PhaseMode",
    "RateLimited",
    "RequestCounter",
    "RequestRejected",
    "RetryLater",
    "ServiceUnavailable",
    "SessionExpired",
    "Site",
    "SiteStatus",
    "TooManySessions",
    "Transport",
]
