"""Sets and clears the override of a site, and watches what the battery makes of it."""

from datetime import UTC, datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.event import async_track_point_in_utc_time

from ..const import DOMAIN
from ..enlighten import BatteryFamily, BatterySchedules, BatterySettings
from .change import Change
from .coordinator import BatteryCoordinator
from .issues import set_override_issue
from .ledger import Intent, KeptEntry, Override, OverrideWish
from .model import Battery, is_charging, is_discharging
from .override import OverrideAction, check_override, end, temporary_entry
from .settings import require_family
from .validation import default_limit

# An entry has times of day and no date: with 24 hours or more, one that runs could not be told from one that has not begun.
_LONGEST = timedelta(hours=23)
_LONGEST_UNTIL_CHARGE = timedelta(hours=12)
# "Allowed" is not "charging": a battery that does something else after this time, and has for a while, does not follow
# (docs/cloud-api/battery.md §5).
_FOLLOWED_WITHIN = timedelta(minutes=15)
_ELSE_FOR = timedelta(minutes=3)


class BatteryOverrides:
    """The override of one site: at most one at a time."""

    def __init__(self, coordinator: BatteryCoordinator) -> None:
        self._coordinator = coordinator
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._armed_for: datetime | None = None
        self._else_since: datetime | None = None

    @property
    def active(self) -> Override | None:
        """Return the override that is in force."""
        return self._coordinator.keeper.ledger.active_override

    @callback
    def async_start(self) -> None:
        """Watch the state of charge, and wake the keeper when the override is over."""
        entry = self._coordinator.config_entry
        entry.async_on_unload(self._disarm)
        entry.async_on_unload(self._coordinator.async_add_listener(self._look))
        self._look()

    async def async_set(self, action: OverrideAction, *, duration: timedelta | None, until_charge: float | None) -> tuple[Change, datetime]:
        """Let the battery charge, discharge or hold for a time, or until a state of charge in %; return the change and when it ends (UTC).

        Raises:
            ServiceValidationError: It cannot be; nothing was written.
            HomeAssistantError: The cloud refused the temporary schedule or what it needs, or could not be asked.
        """
        coordinator = self._coordinator
        family = action.family
        require_family(coordinator, family)
        length = duration or _LONGEST_UNTIL_CHARGE
        if not timedelta(minutes=1) <= length <= _LONGEST:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="override_too_long")
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        ends_at = now + length
        limit = None if family is BatteryFamily.RESTRICT_BATTERY_DISCHARGE else until_charge or default_limit(family, coordinator.settings)
        entry = temporary_entry(family, now, ends_at, limit, coordinator.time_zone)

        def build(settings: BatterySettings, schedules: BatterySchedules) -> Intent:
            check_override(entry, settings, schedules)
            wish = OverrideWish(KeptEntry.keep(entry), ends_at, until_charge)
            return Intent(f"override_{action.value}", datetime.now(UTC), override=wish)

        return await coordinator.keeper.async_intend(build), ends_at

    async def async_clear(self) -> Change | None:
        """End the override: the temporary entry goes, and what was before comes back. `None` where there is none.

        Raises:
            HomeAssistantError: The end could not be written now; the keeper tries again until it is.
        """
        ledger = self._coordinator.keeper.ledger
        if ledger.override is None and not any(intent.override for intent in ledger.open_intents):
            return None
        if ledger.override is not None:
            ledger.override.is_ending = True
        set_override_issue(self._coordinator.hass, self._coordinator.config_entry, is_ignored=False)
        return await self._coordinator.keeper.async_end_override("override_end")

    # --- Its end ---

    def _arm(self) -> None:
        """Wake the keeper at the second at which the override is over; the coordinator's tick would be up to a minute late."""
        ends_at = self.active.ends_at if self.active is not None else None
        if ends_at == self._armed_for:
            return
        self._disarm()
        if ends_at is not None:
            moment = max(ends_at, datetime.now(UTC) + timedelta(seconds=1))
            self._armed_for = ends_at
            self._cancel_timer = async_track_point_in_utc_time(self._coordinator.hass, self._end, moment)

    @callback
    def _disarm(self) -> None:
        self._armed_for = None
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _end(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._coordinator.keeper.wake()

    @callback
    def _look(self) -> None:
        """End the override where its state of charge is reached, and tell a person where the battery does not follow it."""
        self._arm()
        override, battery = self.active, self._coordinator.data
        charge = battery.status.state_of_charge if battery and battery.status else None
        if override is None or battery is None or charge is None or not override.is_begun:
            if override is None:
                set_override_issue(self._coordinator.hass, self._coordinator.config_entry, is_ignored=False)
            return
        if override.until_charge is not None and _is_reached(override, override.until_charge, charge):
            override.is_ending = True
            end(self._coordinator.keeper.ledger, datetime.now(UTC))
            self._coordinator.keeper.wake()
        now = datetime.now(UTC)
        does_else = not _is_followed(override, battery, charge, self._coordinator.live_power)
        self._else_since = None if not does_else else max(self._else_since or now, override.started_at)
        is_overdue = now >= override.started_at + _FOLLOWED_WITHIN
        is_ignored = is_overdue and self._else_since is not None and now >= self._else_since + _ELSE_FOR
        set_override_issue(self._coordinator.hass, self._coordinator.config_entry, is_ignored=is_ignored)


def _is_reached(override: Override, target: float, charge: float) -> bool:
    return charge >= target if override.entry.family is BatteryFamily.CHARGE_FROM_GRID else charge <= target


def _is_followed(override: Override, battery: Battery, charge: float, power: float | None) -> bool:
    """Return whether the battery does what it was told, by its power (W, discharging +) where that is known, or has nothing left to do."""
    match override.entry.family:
        case BatteryFamily.CHARGE_FROM_GRID:
            return is_charging(battery, power) or charge >= (override.entry.limit or 100) - 1
        case BatteryFamily.DISCHARGE_TO_GRID:
            return is_discharging(battery, power) or charge <= (override.entry.limit or 0) + 1
        case BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
            return not is_discharging(battery, power)
