"""The batteries of a site as entities see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .battery_changes import ChangeState
from .enlighten import (
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    BatteryStatus,
    SiteSettings,
    StormAlert,
)

type Wish = bool | float | str


@dataclass(frozen=True, kw_only=True)
class PendingChange:
    """The change of the battery that was asked for last."""

    what: str
    since: datetime
    state: ChangeState
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Battery:
    """What is known; `None` is what was not answered yet. `wishes` are what was asked for and is not so yet, by key."""

    site: SiteSettings
    settings: BatterySettings | None = None
    schedules: BatterySchedules | None = None
    profile: BatteryProfile | None = None
    status: BatteryStatus | None = None
    alerts: tuple[StormAlert, ...] = ()
    change: PendingChange | None = None
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    kept_entries: int = 0

    @property
    def may_write(self) -> bool:
        """Return whether the signed-in person may change anything."""
        return self.site.may_write and self.settings is not None

    def has_family(self, family: BatteryFamily) -> bool:
        """Return whether the site has a control family."""
        if self.settings is None:
            return False
        if family is BatteryFamily.CHARGE_FROM_GRID:
            return not self.site.is_charge_from_grid_restricted
        control = self.settings.control(family)
        return (control is not None and control.is_shown) or self.has_schedules(family)

    def has_schedules(self, family: BatteryFamily) -> bool:
        """Return whether the site can have entries of a family."""
        found = self.schedules.families.get(family) if self.schedules else None
        return found is not None and found.is_supported

    @property
    def active_alerts(self) -> tuple[StormAlert, ...]:
        """Return the storm alerts that are in force."""
        return tuple(alert for alert in self.alerts if alert.is_active)

    @property
    def is_pending(self) -> bool:
        """Return whether the gateway has still to take something over."""
        parts = (self.settings is not None and self.settings.is_pending, self.schedules is not None and self.schedules.is_pending)
        return any(parts) or self.site.is_change_pending or (self.profile is not None and self.profile.is_change_pending)
