"""An asyncio client for the Enlighten cloud, and for a gateway in the house. It knows nothing of Home Assistant."""

from .account import Account
from .battery import Batteries, now_as_disclaimer, whole_settings
from .budget import MOST_PER_HOUR
from .calls import ChargerCalls
from .chargers import Chargers
from .commands import CommandReply, Outcome
from .exceptions import (
    AccountBlocked,
    AuthError,
    CertificateChanged,
    CodeRequired,
    EnlightenError,
    InvalidCredentials,
    InvalidResponse,
    RateLimited,
    RequestCeiling,
    RequestRejected,
    RetryLater,
    ServiceUnavailable,
    SessionExpired,
    SessionRenewed,
    TooManySessions,
    Unreachable,
)
from .fields import Json
from .gateway import Gateway, gateway_url, shown_certificate
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
from .shapes import Recorder
from .sites import Site
from .state import AccountState
from .transport import Family, RequestCounter, Transport

__all__ = [
    "MOST_PER_HOUR",
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
    "CertificateChanged",
    "ChargeMode",
    "ChargeModePreference",
    "ChargerCalls",
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
    "Gateway",
    "InvalidCredentials",
    "InvalidResponse",
    "Json",
    "LevelLimits",
    "Outcome",
    "PastSession",
    "PhaseMode",
    "RateLimited",
    "Recorder",
    "RequestCeiling",
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
    "Unreachable",
    "gateway_url",
    "now_as_disclaimer",
    "shown_certificate",
    "whole_settings",
]
