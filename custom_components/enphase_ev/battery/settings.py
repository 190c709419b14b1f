"""The settings of the battery that a person can change, an async function each: what is refused at once, and what is wished for.

How a wish is written, and how a read shows that it is fulfilled, is in `enlighten/battery_bodies.py`.

All raise `HomeAssistantError` where the cloud refuses or does not answer, and `ServiceValidationError`, before anything is sent, where a
person may not write or the setting is locked.

Source: docs/cloud-api/battery.md §4.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time
from enum import StrEnum

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN
from ..enlighten import BatteryFamily, BatterySchedules, BatterySettings, BatteryWish, SessionRenewed
from ..errors import translated
from .change import Change
from .coordinator import BatteryCoordinator
from .ledger import Intent
from .model import Battery, Wish
from .not_put_back import async_restore
from .restriction import all_day_entry, restriction
from .validation import check_idle


class WindowEdge(StrEnum):
    """Where the day window of discharge to grid begins and ends, by the keys of the entities."""

    START = "discharge_to_grid_start"
    END = "discharge_to_grid_end"

    @property
    def other(self) -> WindowEdge:
        """Return the other one."""
        return WindowEdge.END if self is WindowEdge.START else WindowEdge.START

    def of(self, settings: BatterySettings) -> time | None:
        """Return the time in the site's zone."""
        control = settings.control(BatteryFamily.DISCHARGE_TO_GRID)
        return None if control is None else control.start if self is WindowEdge.START else control.end


async def async_switch_family(coordinator: BatteryCoordinator, family: BatteryFamily, *, is_on: bool) -> Change:
    """Switch a control family on or off.

    Raises:
        ServiceValidationError: Locked, or it would have no effect: nothing was written.
    """
    if family is BatteryFamily.RESTRICT_BATTERY_DISCHARGE and is_on:
        return await async_restrict_discharge(coordinator, creates_entry=False)
    _, settings = writable(coordinator)
    require_unlocked(settings, family)
    return await _wish(coordinator, family.name.lower(), is_on, BatteryWish.to_switch(family, is_on=is_on))


async def async_restrict_discharge(coordinator: BatteryCoordinator, *, creates_entry: bool) -> Change:
    """Turn on restrict discharge. Read first whether it has an entry; where it has none, add the all-day one if `creates_entry`.

    Raises:
        ServiceValidationError: Locked, or without an entry it would have no effect: nothing was written.
    """
    family, keeper = BatteryFamily.RESTRICT_BATTERY_DISCHARGE, coordinator.keeper
    _, settings = writable(coordinator)
    require_unlocked(settings, family)
    entry = all_day_entry(coordinator.time_zone) if creates_entry else None
    asked_at = datetime.now(UTC)

    def build(settings: BatterySettings, schedules: BatterySchedules) -> Intent:
        return restriction(keeper.ledger, settings, schedules, asked_at, entry=entry)

    return await coordinator.async_wish(family.name.lower(), True, lambda: keeper.async_intend(build))


async def async_set_discharge_window(coordinator: BatteryCoordinator, edge: WindowEdge, moment: time) -> Change:
    """Set when the day window of discharge to grid begins or ends, in the site's zone.

    Raises:
        ServiceValidationError: It would begin when it ends.
    """
    _, settings = writable(coordinator)
    require_unlocked(settings, BatteryFamily.DISCHARGE_TO_GRID)
    if edge.other.of(settings) == moment:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_without_duration")
    wish = BatteryWish(window_start=moment) if edge is WindowEdge.START else BatteryWish(window_end=moment)
    return await _wish(coordinator, edge.value, moment, wish)


async def async_switch_charge_schedules(coordinator: BatteryCoordinator, *, is_on: bool) -> Change:
    """Switch the schedules of charge from grid on or off."""
    _, settings = writable(coordinator)
    require_unlocked(settings, BatteryFamily.CHARGE_FROM_GRID)
    return await _wish(coordinator, "charge_from_grid_schedule", is_on, BatteryWish(charge_schedules=is_on))


async def async_set_power_match(coordinator: BatteryCoordinator, *, is_on: bool) -> Change:
    """Switch PowerMatch."""
    return await _wish(coordinator, "power_match", is_on, BatteryWish(power_match=is_on))


async def async_set_reserve(coordinator: BatteryCoordinator, percent: float) -> Change:
    """Set the reserve in %."""
    return await _wish(coordinator, "reserve", percent, BatteryWish(reserve=round(percent)))


async def async_set_shutdown_level(coordinator: BatteryCoordinator, percent: float) -> Change:
    """Set the level in % at which the battery shuts down."""
    return await _wish(coordinator, "shutdown_level", percent, BatteryWish(shutdown_level=round(percent)))


async def async_set_profile(coordinator: BatteryCoordinator, profile: str) -> Change:
    """Choose the system profile with the reserve that it had before; it brings its own charge-from-grid state along."""
    battery, _ = writable(coordinator)
    reserve = 100.0 if profile == "backup_only" else (battery.profile.reserves.get(profile) if battery.profile else None)
    wish = BatteryWish(profile=profile, profile_reserve=None if reserve is None else round(reserve))
    return await _wish(coordinator, "system_profile", profile, wish)


async def async_set_storm_guard(coordinator: BatteryCoordinator, *, is_on: bool, is_for_ev: bool = False) -> Change:
    """Switch storm guard, or whether the car is charged for a storm; the other one stays as it is."""
    if is_for_ev:
        return await _wish(coordinator, "storm_guard_ev", is_on, BatteryWish(storm_guard_ev=is_on))
    return await _wish(coordinator, "storm_guard", is_on, BatteryWish(storm_guard=is_on))


async def async_switch_battery_for_car(coordinator: BatteryCoordinator, *, is_on: bool) -> Change:
    """Choose whether the battery may feed the car."""
    return await _wish(coordinator, "battery_for_car", is_on, BatteryWish(battery_for_car=is_on))


async def async_set_battery_for_car_limit(coordinator: BatteryCoordinator, percent: float) -> Change:
    """Set the level in % down to which the battery may feed the car.

    Raises:
        ServiceValidationError: The battery may not feed the car, and the site keeps no level until it may.
    """
    battery, settings = writable(coordinator)
    is_on = battery.wishes.get("battery_for_car", settings.battery_for_car)
    # One write holds both switch and level: where the switch is not known, it must not be written as off.
    if is_on is None or (not is_on and not settings.battery_for_car_limit):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="battery_for_car_off")
    return await _wish(coordinator, "battery_for_car_limit", percent, BatteryWish(battery_for_car_limit=round(percent)))


async def _wish(coordinator: BatteryCoordinator, key: str, shown: Wish, wish: BatteryWish) -> Change:
    writable(coordinator)
    return await coordinator.async_wish(key, shown, lambda: coordinator.keeper.async_wish(key, wish))


async def async_refresh_battery(coordinator: BatteryCoordinator) -> None:
    """Ask for everything now."""
    coordinator.refresh_soon()
    await coordinator.async_refresh()


async def async_restore_schedules(coordinator: BatteryCoordinator) -> None:
    """Try again to put back what was lost and could not be put back.

    Raises:
        HomeAssistantError: Something could not be put back, or the cloud did not answer.
    """
    left = await async_restore(coordinator.keeper)
    if left:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="entries_left", translation_placeholders={"count": str(len(left))}
        )


async def async_cancel_profile_change(coordinator: BatteryCoordinator) -> None:
    """Cancel a change of the profile that the gateway has not taken over."""

    async def cancel() -> None:
        coordinator.keeper.withdraw("system_profile")
        await coordinator.client.cancel_profile()

    await _directly(coordinator, cancel)


async def async_opt_out_of_storm_alerts(coordinator: BatteryCoordinator) -> None:
    """Opt out of the storm alerts that are in force.

    Raises:
        ServiceValidationError: There is none.
    """
    battery, _ = writable(coordinator)
    if not battery.active_alerts:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_storm_alert")
    await _directly(coordinator, lambda: coordinator.client.opt_out(battery.active_alerts))


async def _directly(coordinator: BatteryCoordinator, write: Callable[[], Awaitable[None]]) -> None:
    """Make a write that touches no schedule, and look at once what came of it."""
    _, settings = writable(coordinator)
    check_idle(settings)
    with translated():
        try:
            await write()
        except SessionRenewed:
            # The session had died, and nothing was written.
            await write()
    await async_refresh_battery(coordinator)


def require_family(coordinator: BatteryCoordinator, family: BatteryFamily) -> None:
    """Refuse charge from grid where the site may not use it at all.

    Raises:
        ServiceValidationError: With the reason.
    """
    battery, _ = writable(coordinator)
    if family is BatteryFamily.CHARGE_FROM_GRID and battery.site.is_charge_from_grid_restricted:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="family_not_supported")


def require_unlocked(settings: BatterySettings, family: BatteryFamily) -> None:
    """Refuse to change a family that is locked.

    Raises:
        ServiceValidationError: With the reason.
    """
    control = settings.control(family)
    if control is not None and control.is_locked:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="family_locked")


def writable(coordinator: BatteryCoordinator) -> tuple[Battery, BatterySettings]:
    """Return the batteries and their settings, if the signed-in person may change them.

    Raises:
        ServiceValidationError: They may not.
    """
    battery = coordinator.data
    if battery is None or battery.settings is None or not battery.may_write:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="battery_not_allowed")
    return battery, battery.settings
