"""An asyncio client for the Enlighten cloud, and for a gateway in the house. It knows nothing of Home Assistant."""

from .account import Account
from .batteries import Batteries
from .battery_bodies import BatteryWish, has_whole_form
from .budget import MOST_PER_HOUR
from .calls import ChargerCalls
from .charger_settings import ChargerSettings
from .charger_streams import charger_power
from .chargers import Chargers
from .charging_schedules import ChargingSchedules
from .energy_readings import SiteEnergy
from .exceptions import (
    STORM_GUARD_ACTIVE,
    AccountBlocked,
    AuthError,
    CertificateChanged,
    CodeRequired,
    ConnectionsClosed,
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
from .gateway import Gateway, gateway_url, shown_certificate
from .gateway_reads import GatewayReads
from .grid_services import GridServices
from .live_streams import LiveStreams, live_frames
from .models.battery_status import BatteryStatus, BatteryUnit
from .models.broker_access import AnswerStream, LiveAccess
from .models.charge_mode import ChargeMode, ChargeModePreference
from .models.charger_configuration import ChargerConfiguration, ConfigurationKey, Feature, FirmwareDetails
from .models.charging_slots import ChargingSchedule, ChargingSlot, SlotType
from .models.energy_channels import Channel, ChargedDays, Energies, EnergyOfDays, EnergyOfToday
from .models.gateway_readings import ChargerMeter, GatewayScheduler, GatewayStorage, MeterPhase
from .models.grid_events import EventState, GridEvent, Outage
from .models.home_battery import (
    BatteryControl,
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    FamilySchedules,
    SiteSettings,
    StormAlert,
)
from .models.live_power import GridRelay, LiveChannel, LivePower
from .models.past_sessions import PastSession
from .models.status import ChargerStatus, ChargingSession, SiteStatus
from .models.summary import ChargerSummary, LevelLimits, PhaseMode
from .models.tariff import Prices, PriceSpan, Tariff, rate_at
from .parsing import EVERY_DAY, Json
from .recorder import Recorder
from .session_history import ChargerHistory
from .sites import Site, site_page
from .start_stop import CommandReply, Outcome
from .state import AccountState
from .tariffs import Tariffs
from .transport import Family, RequestCounter, Transport

__all__ = [
    "EVERY_DAY",
    "MOST_PER_HOUR",
    "STORM_GUARD_ACTIVE",
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
    "BatteryWish",
    "CertificateChanged",
    "Channel",
    "ChargeMode",
    "ChargeModePreference",
    "ChargedDays",
    "ChargerCalls",
    "ChargerConfiguration",
    "ChargerHistory",
    "ChargerMeter",
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
    "ConnectionsClosed",
    "Energies",
    "EnergyOfDays",
    "EnergyOfToday",
    "EnlightenError",
    "EventState",
    "Family",
    "FamilySchedules",
    "Feature",
    "FirmwareDetails",
    "Gateway",
    "GatewayReads",
    "GatewayScheduler",
    "GatewayStorage",
    "GridEvent",
    "GridRelay",
    "GridServices",
    "InvalidCredentials",
    "InvalidResponse",
    "Json",
    "LevelLimits",
    "LiveAccess",
    "LiveChannel",
    "LivePower",
    "LiveStreams",
    "MeterPhase",
    "Outage",
    "Outcome",
    "PastSession",
    "PhaseMode",
    "PriceSpan",
    "Prices",
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
    "SiteEnergy",
    "SiteSettings",
    "SiteStatus",
    "SlotType",
    "StormAlert",
    "Tariff",
    "Tariffs",
    "TooManySessions",
    "Transport",
    "Unreachable",
    "charger_power",
    "gateway_url",
    "has_whole_form",
    "live_frames",
    "rate_at",
    "shown_certificate",
    "site_page",
]
