"""Where values come from, and how old they may be: a value whose own source has not answered for long is not shown as if it were true.

As a rule, that is three of the source's own intervals.
"""

from dataclasses import dataclass
from datetime import timedelta

from .enlighten import BatteryFamily


@dataclass(frozen=True)
class Source:
    """A service of the cloud; a value of it is shown for so long after its last answer."""

    service: str
    shown_for: timedelta


CHARGER_SUMMARY = Source("summary", timedelta(hours=3, minutes=10))
# Three chargers take turns.
CHARGE_MODE = Source("charge mode", timedelta(minutes=95))
CHARGING_SCHEDULE = Source("charging schedule", timedelta(hours=3, minutes=10))
CHARGER_CONFIGURATION = Source("charger configuration", timedelta(hours=3, minutes=10))
GREEN_MODE_SETTINGS = Source("green mode settings", timedelta(hours=9, minutes=10))
SESSION_HISTORY = Source("session history", timedelta(hours=18, minutes=10))
FIRMWARE = Source("firmware", timedelta(days=3, minutes=10))
BATTERY_STATUS = Source("battery status", timedelta(minutes=16))
BATTERY_SETTINGS = Source("battery settings", timedelta(minutes=16))
BATTERY_SCHEDULES = Source("battery schedules", timedelta(minutes=16))
BATTERY_PROFILE = Source("battery profile", timedelta(minutes=95))
STORM_ALERT = Source("storm alert", timedelta(hours=3, minutes=10))

# The sensors whose values do not come from the status of the charger, or from the battery service as a whole, by their keys.
SOURCE_OF_SENSOR = {
    **dict.fromkeys(("lifetime_energy", "energy_today", "phase_mode", "min_amps", "max_amps"), CHARGER_SUMMARY),
    **dict.fromkeys(("connection", "ip_address", "reporting_interval"), CHARGER_SUMMARY),
    "charge_mode": CHARGE_MODE,
    "phase_switch_mode": CHARGER_CONFIGURATION,
    **dict.fromkeys(("last_session", "last_session_range", "last_session_cost", "cost_this_month"), SESSION_HISTORY),
    **dict.fromkeys(
        ("state_of_charge", "available_energy", "capacity", "available_power", "battery_status", "battery_last_reported"), BATTERY_STATUS
    ),
    "battery_last_successful_update": BATTERY_STATUS,
    "grid_mode": BATTERY_SETTINGS,
    "system_profile": BATTERY_PROFILE,
    **dict.fromkeys((f"{family.name.lower()}_schedules" for family in BatteryFamily), BATTERY_SCHEDULES),
}
