"""What most people never need is there, and off until somebody enables it."""

from homeassistant.helpers import entity_registry as er

from simulator.schedules import OFF_PEAK
from tests.integration.house import House, HouseBuilder

_OF_CHARGER = {
    "app_authentication",
    "charge_mode",
    "connected",
    "connection",
    "connector_status",
    "default_charge_level",
    "dynamic_load_balancing",
    "ip_address",
    "last_reported",
    "max_amps",
    "min_amps",
    "phase_mode",
    "phase_switch_mode",
    "reporting_interval",
    "rfid_authentication",
    "safe_limit",
    "schedule_open",
    "start_charging",
    "stop_charging",
}
_OF_SITE = {"ev_charging", "next_import_price_change", "cloud_latency", "last_sign_in", "requests_last_hour", "session_expires"}
_OF_BATTERY = {
    *(f"{family}_schedules" for family in ("charge_from_grid", "discharge_to_grid", "restrict_battery_discharge")),
    *("available_power", "battery_last_reported", "cancel_profile_change", "charging", "demand_response", "grid_mode", "override_active"),
    *("refresh_battery", "restore_schedules", "schedule_open", "shutdown_level", "storm_guard_ev", "system_profile"),
}


async def test_what_is_off_until_somebody_wants_it(as_installed: None, build_house: HouseBuilder) -> None:
    house = await build_house("battery_site")
    expected = {f"{house.sim.charger().serial}_{key}" for key in _OF_CHARGER}
    expected |= {f"{house.sim.site.id}_{key}" for key in _OF_SITE | _OF_BATTERY}
    expected |= {
        f"{unit.serial}_{key}"
        for unit in house.sim.battery.units
        for key in ("available_power", "charging", "cycle_count", "health", "last_reported", "status")
    }

    # An off-peak schedule that is off.
    (off_peak,) = (slot for slot in house.sim.charger().slots if slot.schedule_type == OFF_PEAK)
    expected.add(f"{house.sim.charger().serial}_slot_{off_peak.id.rpartition(':')[2]}")

    entities = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)

    off = {entity.unique_id: entity.disabled_by for entity in entities if entity.disabled_by is not None}
    assert off == dict.fromkeys(expected, er.RegistryEntryDisabler.INTEGRATION)


async def test_it_says_something_once_it_is_enabled(house: House) -> None:
    er.async_get(house.hass).async_update_entity(house.entity_id("sensor", "max_amps"), disabled_by=None)

    await house.reload()

    assert house.state("sensor", "max_amps").state == "32.0"


async def test_two_chargers_and_two_batteries_have_eighty_on(as_installed: None, sign_in_house: HouseBuilder) -> None:
    """Where prices are known, the switch of each planner comes on top: the rest of it comes when it is used."""
    house = await sign_in_house("home")
    await house.live(600)
    entities = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)

    assert len(entities) > 150
    on = [entity.unique_id for entity in entities if entity.disabled_by is None]
    planners = [unique_id for unique_id in on if unique_id.endswith("_planner")]
    assert len(planners) == 2
    assert len(on) - len(planners) <= 80


async def test_what_is_on_already_stays_on(as_installed: None, build_house: HouseBuilder) -> None:
    """An installation of before had these on, and so has one that was taken over: they are in the registry."""
    house = await build_house("battery_site")
    registry = er.async_get(house.hass)
    sensor = house.entity_id("sensor", "connector_status")
    registry.async_update_entity(sensor, disabled_by=None)
    await house.reload()

    assert registry.async_get(sensor) is not None
    assert house.state("sensor", "connector_status").state == "preparing"
