"""What the other public integration of this domain leaves behind: its entry, its devices and entities."""

from homeassistant.const import CONF_EMAIL, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.accounts import TokenKind

# Platform and end of a unique id there; platform is the same here, and this is the key.
COUNTERPARTS = {
    ("binary_sensor", "charging"): "charging",
    ("binary_sensor", "connected"): "connected",
    ("binary_sensor", "plugged"): "plugged_in",
    ("button", "start_charging"): "start_charging",
    ("button", "stop_charging"): "stop_charging",
    ("number", "amps_number"): "charging_amps",
    ("select", "charge_mode_select"): "charge_mode",
    ("sensor", "charge_mode"): "charge_mode",
    ("sensor", "charging_amps"): "set_amps",
    ("sensor", "connector_status"): "connector_status",
    ("sensor", "energy_today"): "energy_today",
    ("sensor", "last_rpt"): "last_reported",
    ("sensor", "lifetime_kwh"): "lifetime_energy",
    ("sensor", "power"): "power",
    ("sensor", "status"): "status",
    ("switch", "charging_switch"): "charging",
}
SITE_COUNTERPARTS = {
    ("binary_sensor", "cloud_reachable"): "cloud_reachable",
    ("sensor", "last_update"): "last_successful_update",
    ("sensor", "latency_ms"): "cloud_latency",
}
ENERGY_COUNTERPARTS = {
    "solar_production": "solar_production",
    "consumption": "house_consumption",
    "grid_import": "grid_import",
    "grid_export": "grid_export",
    "battery_charge": "battery_charged",
    "battery_discharge": "battery_discharged",
    "evse_charging": "ev_charging",
}
BATTERY_COUNTERPARTS = {
    ("button", "battery_force_refresh"): "refresh_battery",
    ("button", "cancel_pending_profile_change"): "cancel_profile_change",
    ("button", "storm_alert_opt_out"): "storm_alert_opt_out",
    ("number", "battery_reserve"): "reserve",
    ("number", "battery_shutdown_level"): "shutdown_level",
    ("select", "system_profile"): "system_profile",
    ("sensor", "battery_available_energy"): "available_energy",
    ("sensor", "battery_available_power"): "available_power",
    ("sensor", "battery_cfg_schedules"): "charge_from_grid_schedules",
    ("sensor", "battery_dtg_schedules"): "discharge_to_grid_schedules",
    ("sensor", "battery_last_reported"): "battery_last_reported",
    ("sensor", "battery_mode"): "grid_mode",
    ("sensor", "battery_overall_charge"): "state_of_charge",
    ("sensor", "battery_overall_status"): "battery_status",
    ("sensor", "battery_rbd_schedules"): "restrict_battery_discharge_schedules",
    ("sensor", "system_profile_status"): "system_profile",
    ("switch", "charge_from_grid"): "charge_from_grid",
    ("switch", "charge_from_grid_schedule"): "charge_from_grid_schedule",
    ("switch", "discharge_to_grid_schedule"): "discharge_to_grid",
    ("switch", "restrict_battery_discharge_schedule"): "restrict_battery_discharge",
    ("switch", "storm_guard"): "storm_guard",
}
UNIT_COUNTERPARTS = {
    "charge_level": "state_of_charge",
    "cycle_count": "cycle_count",
    "health": "health",
    "last_reported": "last_reported",
    "status": "status",
}
POWER_COUNTERPARTS = {"current_production_power": "solar_power", "grid_power": "grid_power", "battery_power": "battery_power"}
# What its later releases have of each charger besides.
LATER_COUNTERPARTS = {
    ("switch", "app_authentication"): "app_authentication",
    ("switch", "green_battery"): "green_battery",
    ("update", "charger_firmware"): "firmware",
}
# The same on another platform here.
OF_ANOTHER_PLATFORM = {("sensor", "grid_mode"): "Grid (`binary_sensor`)", ("sensor", "storm_alert"): "Storm alert (`binary_sensor`)"}
# What 5.0 has removed.
REMOVED_BUTTONS = {("button", "start_charging"), ("button", "stop_charging")}
WITHOUT_COUNTERPART = [("sensor", "session_miles"), ("binary_sensor", "commissioned"), ("sensor", "plugged")]
UNITS = {"lifetime_kwh": "kWh", "energy_today": "kWh", "power": "W", "charging_amps": "A", "latency_ms": "ms"}


def entry_of_the_other(hass: HomeAssistant, sim: Simulator, *, site_id: str | None = None, **data: object) -> MockConfigEntry:
    """Return an entry as the other integration made it, with a session that is alive; `data` takes precedence."""
    site = sim.world.sites[site_id or sim.site.id]
    session = sim.world.doorkeeper.open_session(sim.account)
    manager = sim.world.doorkeeper.issue(session, TokenKind.MANAGER)
    entry = MockConfigEntry(
        domain=DOMAIN,
        version=1,
        minor_version=1,
        title=f"Enphase EV {site.id}",
        unique_id=f"site:{site.id}",
        data={
            CONF_EMAIL: sim.account.email,
            "site_id": site.id,
            "serials": list(site.chargers),
            "cookie": f"_enlighten_4_session={session.cookie}; enlighten_manager_token_production={manager.text}",
            "e_auth_token": sim.world.doorkeeper.issue(session, TokenKind.ACCESS).text,
            "session_id": session.cookie,
            **data,
        },
        options={"scan_interval": 15, "slow_interval": "a text that means something else there"},
    )
    entry.add_to_hass(hass)
    return entry


def energy_of_the_other(hass: HomeAssistant, sim: Simulator, entry: MockConfigEntry) -> dict[str, str]:
    """Add its entities of energy and batteries, as its later releases have them; return entity ids by unique id there."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    site = sim.site
    cloud = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"site:{site.id}")}, name="Enphase Cloud")
    battery = devices.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"type:{site.id}:encharge")}, name="Battery"
    )
    serials = [unit.serial for unit in site.battery.units] if site.battery else []
    wanted = [("sensor", f"site_{site.id}_{old}", cloud, "kWh") for old in ENERGY_COUNTERPARTS]
    wanted += [(domain, f"site_{site.id}_{old}", battery, None) for domain, old in BATTERY_COUNTERPARTS]
    wanted += [("sensor", f"site_{site.id}_battery_{serial}_{old}", battery, None) for serial in serials for old in UNIT_COUNTERPARTS]
    ids: dict[str, str] = {}
    for domain, old, device, unit in wanted:
        made = entities.async_get_or_create(
            domain,
            DOMAIN,
            f"enphase_ev_{old}",
            config_entry=entry,
            device_id=device.id,
            suggested_object_id=f"the_other_{old}",
            unit_of_measurement=unit,
        )
        ids[f"{domain}.{old}"] = made.entity_id
    return ids


def registries_of_the_other(hass: HomeAssistant, sim: Simulator, entry: MockConfigEntry) -> dict[str, str]:
    """Fill the registries as the other integration does, with what a person changed since; return entity ids by unique id there."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    garage = ar.async_get(hass).async_get_or_create("Garage")
    site = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"site:{sim.site.id}")}, name="Enphase Cloud")
    gateway = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, "gateway")}, name="IQ Gateway")
    ids: dict[str, str] = {}

    def add(domain: str, unique_id: str, device: dr.DeviceEntry, category: EntityCategory | None = None) -> None:
        suffix = unique_id.split("_", 3)[-1]
        key = f"{domain}.{unique_id}"
        made = entities.async_get_or_create(
            domain,
            DOMAIN,
            unique_id,
            config_entry=entry,
            device_id=device.id,
            suggested_object_id=f"the_other_{unique_id}",
            unit_of_measurement=UNITS.get(suffix.removeprefix(f"{sim.site.id}_")),
            entity_category=category,
        )
        ids[key] = made.entity_id

    for domain, suffix in SITE_COUNTERPARTS:
        add(domain, f"enphase_ev_site_{sim.site.id}_{suffix}", site, EntityCategory.DIAGNOSTIC)
    add("sensor", f"enphase_ev_site_{sim.site.id}_grid_power", gateway)
    add("sensor", f"enphase_ev_site_{sim.site.id}_last_error_code", site)
    for serial in sim.site.chargers:
        charger = devices.async_get_or_create(
            config_entry_id=entry.entry_id, identifiers={(DOMAIN, serial)}, name="Its name there", via_device_id=site.id
        )
        devices.async_update_device(charger.id, name_by_user=f"Wallbox {serial[-1]}", area_id=garage.id)
        for domain, suffix in [*COUNTERPARTS, *WITHOUT_COUNTERPART]:
            add(domain, f"enphase_ev_{serial}_{suffix}", charger)
    return ids
