"""The batteries of a site as entities see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

from ..enlighten import (
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    BatteryStatus,
    BatteryUnit,
    SiteSettings,
    StormAlert,
)
from .ledger import ChangeState, Override

type Wish = bool | float | str | time

# What a battery's light means (docs/cloud-api/battery.md §3). All batteries together do the first of `ACTIVITIES` that one of them does.
_ACTIVITY_OF_LED = {7: "error", 12: "charging", 13: "discharging", 14: "idle", 15: "idle", 17: "idle"}
ACTIVITIES = ("error", "charging", "discharging", "idle")
# W. What batteries take for themselves can be as much as this: it is neither charging nor discharging.
OWN_POWER = 50.0
# The cloud's names of the profiles, by ours.
PROFILES = {
    "self_consumption": "self-consumption",
    "cost_savings": "cost_savings",
    "backup_only": "backup_only",
    "ai_optimisation": "ai_optimisation",
    "expert": "expert",
}
# What a person can choose; the expert profile is made elsewhere.
CHOOSABLE = ("self_consumption", "cost_savings", "backup_only", "ai_optimisation")


def activity_of(unit: BatteryUnit) -> str | None:
    """Return what one battery does."""
    return _ACTIVITY_OF_LED.get(unit.led) if unit.led is not None else None


@dataclass(frozen=True, kw_only=True)
class PendingChange:
    """The change of the battery that was asked for last; `waiting` are the names of all that has not been sent yet.

    `is_ahead`: the gateway has it already, and the cloud still shows it as pending.
    """

    what: str
    since: datetime
    state: ChangeState
    reason: str | None
    waiting: tuple[str, ...] = ()
    is_ahead: bool = False


@dataclass(frozen=True, kw_only=True)
class Battery:
    """What is known; `None` is what was not answered yet. `wishes` are what was asked for and is not so yet, by key."""

    site: SiteSettings
    settings: BatterySettings | None = None
    schedules: BatterySchedules | None = None
    profile: BatteryProfile | None = None
    status: BatteryStatus | None = None
    alerts: tuple[StormAlert, ...] | None = None
    change: PendingChange | None = None
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    override: Override | None = None

    @property
    def may_write(self) -> bool:
        """Return whether the signed-in person may change anything; where the cloud does not say, it refuses by itself."""
        return self.site.may_write is not False and self.settings is not None

    def has_family(self, family: BatteryFamily) -> bool:
        """Return whether the site has a control family."""
        if self.settings is None:
            return False
        if family is BatteryFamily.CHARGE_FROM_GRID:
            return not self.site.is_charge_from_grid_restricted
        control = self.settings.control(family)
        return (control is not None and control.is_shown) or self.has_schedules(family)

    def has_schedules(self, family: BatteryFamily) -> bool:
        """Return whether the site can have entries of a family, and may use it."""
        if family is BatteryFamily.CHARGE_FROM_GRID and self.site.is_charge_from_grid_restricted:
            return False
        control = self.settings.control(family) if self.settings else None
        return self.schedules is not None and self.schedules.supports(family, control)

    @property
    def may_feed_car(self) -> bool:
        """Return whether this person can choose if the battery feeds the car (docs/cloud-api/battery.md §8)."""
        is_told = self.settings is not None and self.settings.battery_for_car is not None
        return self.may_write and self.site.has_battery_for_car and self.site.may_change_battery_for_car is not False and is_told

    @property
    def activity(self) -> str | None:
        """Return what the batteries do: charging or discharging where one of them does, idle where all are."""
        activities = {activity_of(unit) for unit in self.status.units.values()} if self.status else set()
        return next((activity for activity in ACTIVITIES if activity in activities), None)

    @property
    def active_alerts(self) -> tuple[StormAlert, ...]:
        """Return the storm alerts that are in force; one that is over can still be listed as active."""
        now = datetime.now(UTC)
        return tuple(alert for alert in self.alerts or () if alert.is_active and (alert.ends_at is None or alert.ends_at > now))

    @property
    def has_storm_alert(self) -> bool | None:
        """Return whether there is a storm alert: the settings say so as well, and are read first."""
        if self.alerts is None:
            return self.settings.has_storm_alert if self.settings else None
        return bool(self.active_alerts)

    @property
    def is_profile_changing(self) -> bool:
        """Return whether a change of the profile was asked for that the gateway has not taken over."""
        return "system_profile" in self.wishes or (self.profile is not None and self.profile.is_change_pending)

    def is_running(self, family: BatteryFamily) -> bool:
        """Return whether a family's entries are in force: it is switched on, and so are its schedules."""
        return self.settings is not None and self.settings.runs_schedules(family)

    @property
    def is_settling(self) -> bool:
        """Return whether settings or schedules say that the gateway has still to take something over."""
        return (self.settings is not None and self.settings.is_pending) or self._are_schedules_settling

    @property
    def is_pending(self) -> bool:
        """Return whether the gateway has still to take something over."""
        return self.is_settling or self.site.is_change_pending or (self.profile is not None and self.profile.is_change_pending)

    @property
    def _are_schedules_settling(self) -> bool:
        """Return whether entries have still to settle; those of a family that is off may never do, so they do not count.

        Source: docs/cloud-api/battery.md §4.
        """
        if self.schedules is None or not self.schedules.is_pending:
            return False
        families = {entry.family for entry in self.schedules.entries if entry.is_pending}
        return not families or self.settings is None or any(self.settings.is_enabled(family) for family in families)


def is_charging(battery: Battery, power: float | None) -> bool:
    """Return whether the batteries charge: by their power (W, discharging +), or by their lights where that is not known."""
    return battery.activity == "charging" if power is None else power < -OWN_POWER


def is_discharging(battery: Battery, power: float | None) -> bool:
    """Return whether the batteries discharge: by their power (W, discharging +), or by their lights where that is not known."""
    return battery.activity == "discharging" if power is None else power > OWN_POWER


def profile_name(wire_name: str | None) -> str | None:
    """Return our name of a profile."""
    return next((name for name, wire in PROFILES.items() if wire == wire_name), None)


def profile_shown(battery: Battery) -> str | None:
    """Return our name of the profile in force."""
    return profile_name(profile_word(battery))


def profile_word(battery: Battery) -> str | None:
    """Return the profile in force in the cloud's word."""
    settings, profile = battery.settings, battery.profile
    return (profile.profile if profile else None) or (settings.profile if settings else None)


def unknown_profile(battery: Battery) -> str | None:
    """Return the profile in force in the cloud's word, where it is one that is not known here."""
    return profile_word(battery) if profile_shown(battery) is None else None
