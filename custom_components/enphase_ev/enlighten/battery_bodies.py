"""What is written to change the battery's settings (docs/cloud-api/battery.md §4)."""

from collections.abc import Mapping
from datetime import time

from . import BatteryFamily, BatterySchedules, BatterySettings, Json, now_as_disclaimer


def toggle_body(family: BatteryFamily, settings: BatterySettings, schedules: BatterySchedules, *, is_enabled: bool) -> Mapping[str, Json]:
    """Return the lean write that switches a family."""
    match family:
        case BatteryFamily.CHARGE_FROM_GRID if is_enabled:
            return charge_from_grid_on()
        case BatteryFamily.CHARGE_FROM_GRID:
            return {"chargeFromGrid": False}
        case BatteryFamily.DISCHARGE_TO_GRID:
            # Without an entry the day window is what is switched, and it wants its times along.
            window = {} if schedules.of(family) else discharge_window(settings)
            return {family.control: {**window, "enabled": is_enabled}}
        case BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
            return {family.control: {"enabled": is_enabled}}


def apply_body(family: BatteryFamily, settings: BatterySettings, schedules: BatterySchedules, *, has_entries: bool) -> Mapping[str, Json]:
    """Return the write that makes a family's entries count: its toggle, with the state that it has already.

    `has_entries` says whether it has some, or will have once they are put back. Deleting the last entry of charge from grid leaves its
    schedules switched on: then they are switched off instead.
    """
    if family is BatteryFamily.CHARGE_FROM_GRID and settings.schedules_charge and not has_entries:
        return charge_schedules_off(settings)
    return toggle_body(family, settings, schedules, is_enabled=settings.is_enabled(family))


def discharge_window(settings: BatterySettings) -> dict[str, Json]:
    """Return what a write says of the day window of discharge to grid; nothing where there is none. At its end midnight is 1440."""
    control = settings.control(BatteryFamily.DISCHARGE_TO_GRID)
    if control is None or control.start is None or control.end is None:
        return {}
    return {"scheduleSupported": True, "startTime": minutes(control.start), "endTime": minutes(control.end) or 1440}


def minutes(moment: time) -> int:
    """Return the minutes since midnight."""
    return moment.hour * 60 + moment.minute


def charge_from_grid_on() -> Mapping[str, Json]:
    """Return the write that allows charging from the grid."""
    return {"chargeFromGrid": True, "acceptedItcDisclaimer": now_as_disclaimer()}


def charge_schedules_off(settings: BatterySettings) -> Mapping[str, Json]:
    """Return the write that switches the schedules of charge from grid off, and nothing else."""
    as_it_is: Mapping[str, Json] = {} if settings.charges_from_grid is None else {"chargeFromGrid": settings.charges_from_grid}
    return {
        "chargeFromGridScheduleEnabled": False,
        **as_it_is,
        "acceptedItcDisclaimer": now_as_disclaimer(),
        BatteryFamily.CHARGE_FROM_GRID.control: {"forceScheduleOpted": False},
    }
