"""What was asked of the cloud, without anything secret, and the family that a path belongs to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
import re

from .wire import Json, JsonObject, iso_offset


class Family(StrEnum):
    """Families of requests, after docs/cloud-api/auth.md §6."""

    SIGN_IN = "sign_in"
    TOKEN = "token"  # noqa: S105 - the name of a family, no secret
    SITE = "site"
    LIVE = "live"
    ENERGY = "energy"
    TARIFF = "tariff"
    OUTAGES = "outages"
    EVENTS = "events"
    STATUS = "status"
    SUMMARY = "summary"
    CONTROL = "control"
    LIVE_STREAM = "live_stream"
    SCHEDULER = "scheduler"
    CONFIG = "config"
    MANAGEMENT = "management"
    HISTORY = "history"
    SERIES = "series"
    BATTERY = "battery"
    BATTERY_WRITE = "battery_write"
    BATTERY_STATUS = "battery_status"
    MQTT = "mqtt"
    PAGE = "page"
    OTHER = "other"


_FAMILIES = [
    (re.compile(pattern), family)
    for pattern, family in (
        (r"^/login\b|^/app-api/(validate_login_otp|generate_mfa_login_otp)$", Family.SIGN_IN),
        (r"^/users/self/token$|^/app-api/jwt_token\.json$|^/service/auth_ms_enho/", Family.TOKEN),
        (r"^/app-api/\d+/show_livestream$|^/pv/aws_sigv4/", Family.LIVE),
        (r"^/app-api/\d+/get_latest_power$|^/pv/systems/\d+/(today|lifetime_energy)$", Family.ENERGY),
        (r"^/app-api/\d+/(off_grid_due_to_grid_outage|battery_backup_history\.json)$", Family.OUTAGES),
        (r"^/service/tariff/", Family.TARIFF),
        (r"^/service/events-platform-service/", Family.EVENTS),
        (r"^/app-api/|^/pv/systems/\d+/.+", Family.SITE),
        (r"^/pv/settings/\d+/battery_status\.json$", Family.BATTERY_STATUS),
        (r"^/service/batteryConfig/", Family.BATTERY),
        (r"^/mqtt$", Family.MQTT),
        (r"^/service/evse_controller/.+/ev_chargers/status$", Family.STATUS),
        (r"^/service/evse_controller/.+/summary$", Family.SUMMARY),
        (r"^/service/evse_controller/.+/ev_charger_config$", Family.CONFIG),
        (r"^/service/evse_controller/.+_live_stream$|^/service/evse_controller/api/v1/aws_sigv4/", Family.LIVE_STREAM),
        (r"^/service/evse_controller/", Family.CONTROL),
        (r"^/service/evse_scheduler/", Family.SCHEDULER),
        (r"^/service/evse_management/", Family.MANAGEMENT),
        (r"^/service/enho_historical_events_ms/", Family.HISTORY),
        (r"^/service/timeseries/evse/", Family.SERIES),
        (r"^/$|^/web/|^/pv/|^/systems/", Family.PAGE),
    )
]


def family_of(path: str, method: str = "GET") -> Family:
    """The family of a path; the battery service's depends on the method as well."""
    family = next((family for pattern, family in _FAMILIES if pattern.search(path)), Family.OTHER)
    return Family.BATTERY_WRITE if family is Family.BATTERY and method != "GET" else family


@dataclass(frozen=True)
class ReceivedRequest:
    """One request, everything but ``/_sim``."""

    at: datetime
    """Simulated time, UTC."""
    method: str
    path: str
    query: dict[str, str]
    family: Family
    status: int
    """What was answered; 0 for a connection that was cut."""
    body: Json
    """The JSON body; None without one, and always None for sign-in and tokens."""

    def as_json(self) -> JsonObject:
        """For ``/_sim/requests``."""
        return {
            "at": iso_offset(self.at.timestamp()),
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "family": self.family.value,
            "status": self.status,
            "body": self.body,
        }
