"""An asyncio client for the Enlighten cloud. It knows nothing of Home Assistant."""

from .account import Account
from .battery import Batteries, now_as_disclaimer, whole_settings
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
    SessionRenewed,
    TooManySessions,
)
from .fields import Json
from .history import ChargerHistory
from .models.battery import (
    AnswerStream,
    BatteryControl,
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    BatteryStatus,
    BatteryUnit,
    FamilySchedules,
    SiteSettings,
    StormAlert,
)
from .models.charge_mode import ChargeMode, ChargeModePreference
from .models.history import PastSession
from .models.schedule import ChargingSchedule, ChargingSlot, SlotType
from .models.settings import ChargerConfiguration, ConfigurationKey, Feature, FirmwareDetails
from .models.status import ChargerStatus, ChargingSession, SiteStatus
from .models.summary import ChargerSummary, LevelLimits, PhaseMode
from .schedules import ChargingSchedules
from .settings import ChargerSettings
from .sites import Site
from .state import AccountState
from .transport import Family, RequestCounter, Transport

__all__ = [
    "Account",
    "AccountBlocked",
    "AccountState",
    "AnswerStream",
    "AuthError",
    "Batteries",
    "BatteryControl",
    "BatteryEntry",
    "BatteryFamily",
    "BatteryProfile",
    "BatterySchedules",
    "BatterySettings",
    "BatteryStatus",
    "BatteryUnit",
    "ChargeMode",
    "ChargeModePreference",
    "ChargerConfiguration",
    "ChargerHistory",
    "ChargerSettings",
    "ChargerStatus",
    "ChargerSummary",
    "Chargers",
    "ChargingSchedule",
    "ChargingSchedules",
    "ChargingSession",
    "ChargingSlot",
    "CodeRequired",
    "CommandReply",
    "ConfigurationKey",
    "EnlightenError",
    "Family",
    "FamilySchedules",
    "Feature",
    "FirmwareDetails",
    "InvalidCredentials",
    "InvalidResponse",
    "Json",
    "LevelLimits",
    "Outcome",
    "PastSession",
    "PhaseMode",
    "RateLimited",
    "RequestCounter",
    "RequestRejected",
    "RetryLater",
    "ServiceUnavailable",
    "SessionExpired",
    "SessionRenewed",
    "Site",
    "SiteSettings",
    "SiteStatus",
    "SlotType",
    "StormAlert",
    "TooManySessions",
    "Transport",
    "now_as_disclaimer",
    "whole_settings",
]
