"""Schedules that cannot run as things stand: what has to be turned on for them, the repair issue that offers it, and doing it."""

from collections.abc import Collection

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..account_issues import offer_repair
from ..battery.change import Change
from ..battery.coordinator import BatteryCoordinator
from ..battery.settings import async_switch_charge_schedules, async_switch_family
from ..battery.words import entry_line
from ..const import DOMAIN
from ..enlighten import BatteryFamily, ChargeMode
from ..runtime import EnphaseRuntimeData
from ..weekly import WeeklyWindow
from .calendar_titles import mode_in_the_way, slot_line, switch_in_the_way

INACTIVE = "schedule_inactive"


async def async_activate_charger(runtime: EnphaseRuntimeData, serial: str) -> None:
    """Let a charger's schedules count: choose scheduled mode unless it is chosen.

    Raises:
        HomeAssistantError: The cloud has refused it, or does not answer.
    """
    if not runtime.chargers.data[serial].runs_schedules:
        await runtime.charger_commands.async_set_mode(serial, ChargeMode.SCHEDULED)


async def async_activate_battery(coordinator: BatteryCoordinator, family: BatteryFamily) -> list[Change]:
    """Let the schedules of a kind count: turn on the kind, and for charge from grid its schedules, unless they are on.

    Returns:
        What was asked of the keeper for it.

    Raises:
        HomeAssistantError: The kind is locked, or the cloud has refused it, or does not answer.
    """
    battery = coordinator.data
    if battery is None or battery.settings is None or battery.settings.runs_schedules(family):
        return []
    changes: list[Change] = []
    if not battery.settings.is_enabled(family):
        changes.append(await async_switch_family(coordinator, family, is_on=True))
    if family is BatteryFamily.CHARGE_FROM_GRID and battery.settings.schedules_charge is False:
        changes.append(await async_switch_charge_schedules(coordinator, is_on=True))
    return changes


def schedules_of_charger(runtime: EnphaseRuntimeData, serial: str) -> list[str]:
    """Return the schedules of a charger that run in scheduled mode, a line for each."""
    charger = runtime.chargers.data.get(serial)
    slots = (charger.details.slots if charger else None) or ()
    return [slot_line(slot, charger) for slot in slots if slot.is_enabled] if charger else []


def schedules_of_battery(coordinator: BatteryCoordinator, family: BatteryFamily) -> list[str]:
    """Return the schedules of a kind, which run while it is on, a line for each."""
    schedules = coordinator.data.schedules if coordinator.data else None
    return [entry_line(entry) for entry in (schedules.of(family) if schedules else ())]


class Offers:
    """The schedules of one calendar that were made there and cannot run, until they are seen to be gone."""

    def __init__(self) -> None:
        self._was_seen: dict[WeeklyWindow, bool] = {}

    def add(self, windows: Collection[WeeklyWindow]) -> None:
        """Note what was just made or changed; the cloud may show it later."""
        self._was_seen |= dict.fromkeys(windows, False)

    def are_gone(self, present: Collection[WeeklyWindow]) -> bool:
        """Look at the schedules that are there; return whether the last one that was made here has gone with this look."""
        before, self._was_seen = (
            self._was_seen,
            {window: was_seen or window in present for window, was_seen in self._was_seen.items() if window in present or not was_seen},
        )
        return bool(before) and not self._was_seen


@callback
def withdraw_issue(hass: HomeAssistant, entry: ConfigEntry, subject: str) -> None:
    """Withdraw the offer about a charger, by its serial number, or about a kind of schedules of the battery, by its name."""
    ir.async_delete_issue(hass, DOMAIN, f"{INACTIVE}_{entry.entry_id}_{subject}")


@callback
def set_charger_issue(hass: HomeAssistant, entry: ConfigEntry, serial: str, *, is_new: bool) -> None:
    """Offer to choose scheduled mode where a schedule was just made that does not count; withdraw that where it counts."""
    charger = entry.runtime_data.chargers.data.get(serial)
    mode = mode_in_the_way(charger) if charger else None
    issue_id = f"{INACTIVE}_{entry.entry_id}_{serial}"
    if charger is None or mode is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
    elif is_new:
        offer_repair(
            hass,
            entry,
            issue_id,
            translation_key="charger_schedule_inactive",
            placeholders={"charger": charger.name, "mode": mode},
            data={"serial": serial},
        )


@callback
def set_battery_issue(hass: HomeAssistant, entry: ConfigEntry, family: BatteryFamily, *, is_new: bool) -> None:
    """Offer to turn on a kind of schedules where one was just made that does not count; withdraw that where it counts, or is locked."""
    battery = entry.runtime_data.battery.data
    switch = switch_in_the_way(family, battery) if battery else None
    control = battery.settings.control(family) if battery and battery.settings else None
    issue_id = f"{INACTIVE}_{entry.entry_id}_{family.name.lower()}"
    if switch is None or (control is not None and control.is_locked):
        ir.async_delete_issue(hass, DOMAIN, issue_id)
    elif is_new:
        offer_repair(
            hass,
            entry,
            issue_id,
            translation_key="battery_schedule_inactive",
            placeholders={"site": entry.title, "switch": switch},
            data={"family": family.name},
        )
