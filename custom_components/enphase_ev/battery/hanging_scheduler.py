"""Finds a gateway whose scheduler hangs: a schedule is open, and the battery does not charge (docs/cloud-api/battery.md §5).

"Allowed" is not "charging": after a restart of the gateway its scheduler was seen to hang, with charge from grid allowed and 0 W.
"""

from datetime import UTC, datetime, timedelta

from homeassistant.core import callback

from ..const import LOGGER
from ..enlighten import BatteryEntry, BatteryFamily
from ..freshness import BATTERY_STATUS
from .coordinator import BatteryCoordinator
from .issues import set_scheduler_issue
from .model import OWN_POWER, Battery, is_charging
from .validation import window_of_entry

_CHARGE = BatteryFamily.CHARGE_FROM_GRID
_HANGS_AFTER = timedelta(minutes=10)
# Without live power only the batteries' lights tell, which are read every two minutes: an older reading does not count.
_LIGHT_FOR = timedelta(minutes=5)
_MOMENT = timedelta(seconds=1)
# %. A battery may stop this much below the limit; then it is full enough, and nothing hangs.
_BELOW = 1.0


class HangingSchedulerWatch:
    """Finds a scheduler that hangs: applies the schedules once more, then tells a person. It never changes a profile."""

    def __init__(self, coordinator: BatteryCoordinator) -> None:
        self._coordinator = coordinator
        self._idle_since: datetime | None = None
        self._applied_at: datetime | None = None

    @callback
    def async_start(self) -> None:
        """Watch as long as the entry is loaded."""
        self._coordinator.config_entry.async_on_unload(self._coordinator.async_add_listener(self._look))

    @callback
    def _look(self) -> None:
        coordinator, now = self._coordinator, datetime.now(UTC)
        battery = coordinator.data
        if battery is None or not self._has_to_charge(battery, now):
            self._idle_since = self._applied_at = None
            if battery is not None and battery.settings is not None and not battery.settings.runs_schedules(_CHARGE):
                self._tell(is_hanging=False)
            return
        if not self._is_idle(battery, now):
            self._idle_since = None
            if is_charging(battery, coordinator.live_power):
                self._applied_at = None
                self._tell(is_hanging=False)
            return
        self._idle_since = self._idle_since or now
        if now < self._idle_since + _HANGS_AFTER:
            return
        if self._applied_at is None:
            LOGGER.info("The battery does not charge although a schedule is open: its schedules are applied once more")
            self._applied_at, self._idle_since = now, None
            coordinator.keeper.ledger.owe(_CHARGE, now)
            coordinator.keeper.wake()
        elif battery.override is None:
            # A battery that does not follow an override has a repair issue of its own.
            self._tell(is_hanging=True)

    def _tell(self, *, is_hanging: bool) -> None:
        set_scheduler_issue(self._coordinator.hass, self._coordinator.config_entry, is_hanging=is_hanging)

    def _has_to_charge(self, battery: Battery, now: datetime) -> bool:
        """Return whether a schedule to charge is open, the battery is below its limit, and nothing else is going on."""
        settings, charge = battery.settings, battery.status.state_of_charge if battery.status else None
        if settings is None or charge is None or settings.is_busy or battery.is_settling or battery.active_alerts:
            return False
        takes_import = settings.grid_mode in {None, "ImportExport", "ImportOnly"}
        running = [entry for entry in self._open_entries(battery, now) if settings.runs_schedules(entry.family)]
        if not takes_import or not running or any(entry.family is not _CHARGE or entry.is_pending for entry in running):
            return False
        return all(charge < (100.0 if entry.limit is None else entry.limit) - _BELOW for entry in running)

    def _open_entries(self, battery: Battery, now: datetime) -> list[BatteryEntry]:
        entries = battery.schedules.entries if battery.schedules else ()
        zone_of = self._coordinator.zone_of
        return [one for one in entries if any(window_of_entry(one).occurrences(now, now + _MOMENT, zone_of(one)))]

    def _is_idle(self, battery: Battery, now: datetime) -> bool:
        power = self._coordinator.live_power
        if power is not None:
            return abs(power) <= OWN_POWER
        read_at = self._coordinator.optional.answered_at(BATTERY_STATUS.service)
        return battery.activity == "idle" and read_at is not None and now - read_at < _LIGHT_FOR
