"""The settings of the battery that a person can change: what is written for each, and how it is seen to be so.

Source: docs/cloud-api/battery.md §4.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import time
from enum import StrEnum

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN
from ..enlighten import (
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    EnlightenError,
    Json,
    SessionRenewed,
    whole_settings,
)
from ..enlighten.battery_bodies import charge_from_grid_on, charge_schedules_off, discharge_window, minutes, toggle_body
from ..errors import command_error
from .coordinator import BatteryCoordinator
from .model import Battery
from .tickets import Progress, SettingsChange, Ticket
from .validation import check_idle


class WindowEdge(StrEnum):
    """Where the day window of discharge to grid begins and ends, by the keys of the entities."""

    START = "discharge_to_grid_start"
    END = "discharge_to_grid_end"

    @property
    def other(self) -> WindowEdge:
        """Return the other one."""
        return WindowEdge.END if self is WindowEdge.START else WindowEdge.START

    @property
    def wire_name(self) -> str:
        """Return the key in the control."""
        return "startTime" if self is WindowEdge.START else "endTime"

    def of(self, settings: BatterySettings) -> time | None:
        """Return the time in the site's zone."""
        control = settings.control(BatteryFamily.DISCHARGE_TO_GRID)
        return None if control is None else control.start if self is WindowEdge.START else control.end


_NO_SCHEDULES = BatterySchedules(families={}, is_pending=False)


async def async_switch_family(coordinator: BatteryCoordinator, family: BatteryFamily, *, is_on: bool) -> Ticket:
    """Switch a control family on or off.

    Raises:
        HomeAssistantError: Locked, refused, or not answered.
    """
    battery, settings = writable(coordinator)
    require_unlocked(settings, family)
    instead = (lambda now: whole_settings(now, family, is_enabled=is_on),) if _can_be_ignored(family, is_on=is_on) else ()
    schedules = battery.schedules or _NO_SCHEDULES
    is_charge = family is BatteryFamily.CHARGE_FROM_GRID
    change = SettingsChange(
        body={"chargeFromGrid": is_on} if is_charge else {family.control: {"enabled": is_on}},
        beside=lambda now: toggle_body(family, now, schedules, is_enabled=is_on),
        is_so=lambda now: now.is_enabled(family) is is_on,
        families=(family,),
        instead=instead,
    )
    return await coordinator.async_change(family.name.lower(), is_on, change)


async def async_set_discharge_window(coordinator: BatteryCoordinator, edge: WindowEdge, moment: time) -> Ticket:
    """Set when the day window of discharge to grid begins or ends, in the site's zone.

    Raises:
        ServiceValidationError: It would begin when it ends.
        HomeAssistantError: Locked, refused, or not answered.
    """
    _, settings = writable(coordinator)
    family = BatteryFamily.DISCHARGE_TO_GRID
    require_unlocked(settings, family)
    if edge.other.of(settings) == moment:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="schedule_without_duration")
    value = minutes(moment) or (1440 if edge is WindowEdge.END else 0)
    change = SettingsChange(
        body={family.control: {edge.wire_name: value}},
        beside=lambda now: {family.control: {**discharge_window(now), "enabled": now.is_enabled(family)}},
        is_so=lambda now: edge.of(now) == moment,
        families=(family,),
    )
    return await coordinator.async_change(edge.value, moment, change)


def _can_be_ignored(family: BatteryFamily, *, is_on: bool) -> bool:
    """Return whether the lean write was seen to be answered with success and ignored."""
    return family is BatteryFamily.RESTRICT_BATTERY_DISCHARGE and not is_on


async def async_switch_charge_schedules(coordinator: BatteryCoordinator, *, is_on: bool) -> Ticket:
    """Switch the schedules of charge from grid on or off.

    Raises:
        HomeAssistantError: Locked, refused, or not answered.
    """
    _, settings = writable(coordinator)
    require_unlocked(settings, BatteryFamily.CHARGE_FROM_GRID)

    def with_flag(_: BatterySettings) -> Mapping[str, Json]:
        return {**charge_from_grid_on(), "chargeFromGridScheduleEnabled": True}

    change = SettingsChange(
        body=charge_from_grid_on() if is_on else {"chargeFromGridScheduleEnabled": False},
        beside=(lambda _: {}) if is_on else charge_schedules_off,
        is_so=lambda now: now.schedules_charge is is_on,
        families=(BatteryFamily.CHARGE_FROM_GRID,),
        instead=(with_flag,) if is_on else (),
    )
    return await coordinator.async_change("charge_from_grid_schedule", is_on, change)


async def async_set_power_match(coordinator: BatteryCoordinator, *, is_on: bool) -> Ticket:
    """Switch PowerMatch.

    Raises:
        HomeAssistantError: Refused, or not answered.
    """
    writable(coordinator)
    change = SettingsChange(body={"powerMatch": is_on}, is_so=lambda now: now.power_match is is_on)
    return await coordinator.async_change("power_match", is_on, change)


async def async_set_reserve(coordinator: BatteryCoordinator, percent: float) -> Ticket:
    """Set the reserve in %.

    Raises:
        HomeAssistantError: Refused, or not answered.
    """
    writable(coordinator)
    change = SettingsChange(body={"batteryBackupPercentage": round(percent)}, is_so=lambda now: now.reserve == round(percent))
    return await coordinator.async_change("reserve", percent, change)


async def async_set_shutdown_level(coordinator: BatteryCoordinator, percent: float) -> Ticket:
    """Set the level in % at which the battery shuts down.

    Raises:
        HomeAssistantError: Refused, or not answered.
    """
    writable(coordinator)
    change = SettingsChange(body={"veryLowSoc": round(percent)}, is_so=lambda now: now.shutdown_level == round(percent))
    return await coordinator.async_change("shutdown_level", percent, change)


async def async_set_profile(coordinator: BatteryCoordinator, profile: str) -> Ticket:
    """Choose the system profile with the reserve that it had before; it brings its own charge-from-grid state along.

    Raises:
        HomeAssistantError: Refused, or not answered.
    """
    battery, _ = writable(coordinator)
    reserve = 100.0 if profile == "backup_only" else (battery.profile.reserves.get(profile) if battery.profile else None)
    client = coordinator.client

    async def check() -> Progress:
        found = await coordinator.async_read_profile()
        if found.profile == profile and not found.is_change_pending:
            return Progress.SO
        return Progress.PENDING if found.is_change_pending or found.requested else Progress.NOT_SO

    async def write(names_source: bool) -> None:
        await client.set_profile(profile, reserve, names_source=names_source)

    return await coordinator.async_write("system_profile", profile, lambda: coordinator.changes.async_write("system_profile", write, check))


async def async_set_storm_guard(coordinator: BatteryCoordinator, *, is_on: bool, is_for_ev: bool = False) -> Ticket:
    """Switch storm guard, or whether the car is charged for a storm; the other one stays as it is.

    Raises:
        HomeAssistantError: Refused, or not answered.
    """
    writable(coordinator)
    key = "storm_guard_ev" if is_for_ev else "storm_guard"

    async def write(names_source: bool) -> None:
        # Both are written together: the other one as it is now, which somebody may have changed in the app.
        guard, guard_for_ev = _storm_guard(await coordinator.async_read_profile())
        await coordinator.client.set_storm_guard(
            is_enabled=guard if is_for_ev else is_on,
            is_enabled_for_ev=is_on if is_for_ev else guard_for_ev,
            names_source=names_source,
        )

    async def check() -> Progress:
        found = await coordinator.async_read_profile()
        if _storm_guard(found)[is_for_ev] is is_on:
            return Progress.SO
        return Progress.PENDING if found.is_change_pending or found.requested else Progress.NOT_SO

    return await coordinator.async_write(key, is_on, lambda: coordinator.changes.async_write(key, write, check))


def _storm_guard(profile: BatteryProfile) -> tuple[bool, bool]:
    """Return whether storm guard is on, and whether it charges the car: both are written together."""
    return bool(profile.storm_guard), bool(profile.storm_guard_ev)


async def async_refresh_battery(coordinator: BatteryCoordinator) -> None:
    """Ask for everything now."""
    coordinator.refresh_soon()
    await coordinator.async_refresh()


async def async_restore_schedules(coordinator: BatteryCoordinator) -> None:
    """Try again to put back what was lost and could not be put back.

    Raises:
        HomeAssistantError: Something still could not, or the cloud did not answer.
    """
    try:
        left = await coordinator.changes.async_take_up()
    except EnlightenError as err:
        raise command_error(err) from err
    if left:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="entries_left", translation_placeholders={"count": str(len(left))}
        )


async def async_cancel_profile_change(coordinator: BatteryCoordinator) -> None:
    """Cancel a change of the profile that the gateway has not taken over.

    Raises:
        HomeAssistantError: Refused, or not answered.
    """

    async def cancel() -> None:
        coordinator.changes.withdraw("system_profile")
        await coordinator.client.cancel_profile()

    await _directly(coordinator, cancel)


async def async_opt_out_of_storm_alerts(coordinator: BatteryCoordinator) -> None:
    """Opt out of the storm alerts that are in force.

    Raises:
        ServiceValidationError: There is none.
        HomeAssistantError: Refused, or not answered.
    """
    battery, _ = writable(coordinator)
    if not battery.active_alerts:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_storm_alert")
    await _directly(coordinator, lambda: coordinator.client.opt_out(battery.active_alerts))


async def _directly(coordinator: BatteryCoordinator, write: Callable[[], Awaitable[None]]) -> None:
    """Make a write that touches no schedule, and look at once what came of it."""
    _, settings = writable(coordinator)
    check_idle(settings)
    try:
        try:
            await write()
        except SessionRenewed:
            # It found the session dead and did nothing.
            await write()
    except EnlightenError as err:
        raise command_error(err) from err
    await async_refresh_battery(coordinator)


def require_family(coordinator: BatteryCoordinator, family: BatteryFamily) -> None:
    """Refuse a family that nobody may use there: charging from the grid can be restricted as a whole.

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
