"""What most people never need is there, and off until somebody enables it."""

from homeassistant.helpers import entity_registry as er

from tests.integration.house import House, HouseBuilder

_OF_CHARGER = {
    "connection",
    "dynamic_load_balancing",
    "ip_address",
    "last_reported",
    "max_amps",
    "min_amps",
    "phase_switch_mode",
    "reporting_interval",
}
_OF_SITE = {"cloud_latency", "last_sign_in", "requests_last_hour", "session_expires"}
_OF_BATTERY = {f"{family}_schedules" for family in ("charge_from_grid", "discharge_to_grid", "restrict_battery_discharge")}


async def test_what_is_off_until_somebody_wants_it(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site")
    expected = {f"{house.sim.charger().serial}_{key}" for key in _OF_CHARGER}
    expected |= {f"{house.sim.site.id}_{key}" for key in _OF_SITE | _OF_BATTERY}
    expected |= {f"{unit.serial}_{key}" for unit in house.sim.battery.units for key in ("available_power", "charging", "cycle_count")}

    entities = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)

    off = {entity.unique_id: entity.disabled_by for entity in entities if entity.disabled_by is not None}
    assert off == dict.fromkeys(expected, er.RegistryEntryDisabler.INTEGRATION)


async def test_it_says_something_once_it_is_enabled(house: House) -> None:
    er.async_get(house.hass).async_update_entity(house.entity_id("sensor", "max_amps"), disabled_by=None)

    await house.reload()

    assert house.state("sensor", "max_amps").state == "32.0"
