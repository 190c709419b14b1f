"""Migrates entries of earlier releases, and those of the other public integration of this domain.

From the latter it keeps site, chargers, session, devices, and entities with their history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .account_issues import raise_taken_over_issue
from .accounts import async_get_accounts
from .const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, CONF_SITE, DOMAIN, ENTRY_VERSION, LOGGER
from .enlighten import AccountState
from .entity import battery_identifier
from .options import CONF_FAST_INTERVAL, CONF_FAST_WHILE_STREAMING, CONF_NOMINAL_VOLTAGE, CONF_REQUEST_TIMEOUT, CONF_SLOW_INTERVAL

# What the other integration calls things in its entry's data.
_COOKIE = "cookie"
_ACCESS_TOKEN = "e_auth_token"  # noqa: S105 - the name of a key
_SESSION_ID = "session_id"
_SERIALS = "serials"
_SITE = "site_id"
_NO_CHARGERS = "site_only"
# Until when nobody may sign in, by what it knows of the account.
_BLOCKED_UNTIL = "auth_blocked_until"
_SUSPENDED_UNTIL = "auth_refresh_suspended_until"

# Its options that mean the same as one of ours, with the limits of ours.
_NUMBERS: Mapping[str, tuple[str, float, float]] = {
    "fast_poll_interval": (CONF_FAST_INTERVAL, 30, 3600),
    "slow_poll_interval": (CONF_SLOW_INTERVAL, 60, 3600),
    "api_timeout": (CONF_REQUEST_TIMEOUT, 5, 120),
    "nominal_voltage": (CONF_NOMINAL_VOLTAGE, 100, 500),
}

# How its unique ids end, and how ours end on the same platform. Only entities with the same meaning are listed.
_OF_CHARGERS: Mapping[tuple[Platform, str], str] = {
    (Platform.BINARY_SENSOR, "charging"): "charging",
    (Platform.BINARY_SENSOR, "connected"): "connected",
    (Platform.BINARY_SENSOR, "plugged"): "plugged_in",
    (Platform.BUTTON, "start_charging"): "start_charging",
    (Platform.BUTTON, "stop_charging"): "stop_charging",
    (Platform.NUMBER, "amps_number"): "charging_amps",
    (Platform.SELECT, "charge_mode_select"): "charge_mode",
    (Platform.SENSOR, "charge_mode"): "charge_mode",
    (Platform.SENSOR, "charging_amps"): "set_amps",
    (Platform.SENSOR, "connector_status"): "connector_status",
    (Platform.SENSOR, "energy_today"): "energy_today",
    (Platform.SENSOR, "last_rpt"): "last_reported",
    (Platform.SENSOR, "lifetime_kwh"): "lifetime_energy",
    (Platform.SENSOR, "power"): "power",
    (Platform.SENSOR, "status"): "status",
    (Platform.SWITCH, "app_authentication"): "app_authentication",
    (Platform.SWITCH, "charging_switch"): "charging",
    (Platform.SWITCH, "green_battery"): "green_battery",
    (Platform.UPDATE, "charger_firmware"): "firmware",
}
_OF_SITES: Mapping[tuple[Platform, str], str] = {
    (Platform.BINARY_SENSOR, "cloud_reachable"): "cloud_reachable",
    (Platform.SENSOR, "last_update"): "last_successful_update",
    (Platform.SENSOR, "latency_ms"): "cloud_latency",
    # These stand in people's Energy dashboards.
    (Platform.SENSOR, "solar_production"): "solar_production",
    (Platform.SENSOR, "consumption"): "house_consumption",
    (Platform.SENSOR, "grid_import"): "grid_import",
    (Platform.SENSOR, "grid_export"): "grid_export",
    (Platform.SENSOR, "battery_charge"): "battery_charged",
    (Platform.SENSOR, "battery_discharge"): "battery_discharged",
    (Platform.SENSOR, "evse_charging"): "ev_charging",
    # These stand there, too, as power.
    (Platform.SENSOR, "current_production_power"): "solar_power",
    (Platform.SENSOR, "grid_power"): "grid_power",
    (Platform.SENSOR, "battery_power"): "battery_power",
}
# Of all batteries of a site. Their unique ids are the site's, their device is one of its own.
_OF_BATTERIES: Mapping[tuple[Platform, str], str] = {
    (Platform.BUTTON, "battery_force_refresh"): "refresh_battery",
    (Platform.BUTTON, "cancel_pending_profile_change"): "cancel_profile_change",
    (Platform.BUTTON, "storm_alert_opt_out"): "storm_alert_opt_out",
    (Platform.NUMBER, "battery_reserve"): "reserve",
    (Platform.NUMBER, "battery_shutdown_level"): "shutdown_level",
    (Platform.SELECT, "system_profile"): "system_profile",
    (Platform.SENSOR, "battery_available_energy"): "available_energy",
    (Platform.SENSOR, "battery_available_power"): "available_power",
    (Platform.SENSOR, "battery_cfg_schedules"): "charge_from_grid_schedules",
    (Platform.SENSOR, "battery_dtg_schedules"): "discharge_to_grid_schedules",
    (Platform.SENSOR, "battery_last_reported"): "battery_last_reported",
    (Platform.SENSOR, "battery_mode"): "grid_mode",
    (Platform.SENSOR, "battery_overall_charge"): "state_of_charge",
    (Platform.SENSOR, "battery_overall_status"): "battery_status",
    (Platform.SENSOR, "battery_rbd_schedules"): "restrict_battery_discharge_schedules",
    (Platform.SENSOR, "system_profile_status"): "system_profile",
    (Platform.SWITCH, "charge_from_grid"): "charge_from_grid",
    (Platform.SWITCH, "charge_from_grid_schedule"): "charge_from_grid_schedule",
    (Platform.SWITCH, "discharge_to_grid_schedule"): "discharge_to_grid",
    (Platform.SWITCH, "restrict_battery_discharge_schedule"): "restrict_battery_discharge",
    (Platform.SWITCH, "storm_guard"): "storm_guard",
}
# Of each battery, by its serial number.
_OF_UNITS: Mapping[tuple[Platform, str], str] = {
    (Platform.SENSOR, "charge_level"): "state_of_charge",
    (Platform.SENSOR, "cycle_count"): "cycle_count",
    (Platform.SENSOR, "health"): "health",
    (Platform.SENSOR, "last_reported"): "last_reported",
    (Platform.SENSOR, "status"): "status",
}

# Of a site, with a counterpart on another platform: that is named where they are listed.
_OF_ANOTHER_PLATFORM: Mapping[tuple[Platform, str], tuple[Platform, str]] = {
    (Platform.SENSOR, "grid_mode"): (Platform.BINARY_SENSOR, "on_grid"),
    (Platform.SENSOR, "storm_alert"): (Platform.BINARY_SENSOR, "storm_alert"),
}

type _UniqueIds = dict[tuple[str, str], tuple[str, str]]


async def async_migrate(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Bring an entry of ours up to date; its data is the same in all versions."""
    if entry.version < ENTRY_VERSION:
        await er.async_migrate_entries(hass, entry.entry_id, _with_todays_unique_id)
        hass.config_entries.async_update_entry(entry, version=ENTRY_VERSION, minor_version=1)


@callback
def _with_todays_unique_id(entity: er.RegistryEntry) -> dict[str, str] | None:
    """Return what changes about an entity: 0.1 called a battery's available power its power."""
    name, _, key = entity.unique_id.partition("_")
    return {"new_unique_id": f"{name}_available_power"} if key == "power" and entity.translation_key == "available_power" else None


def is_of_the_other(entry: ConfigEntry) -> bool:
    """Return whether the other integration made an entry; the versions of both began at 1.1, so its data tells."""
    return _SITE in entry.data and CONF_SITE not in entry.data


@callback
def was_taken_over(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether an entry is one of the other integration, or was: entities that were taken over remember their old unique ids."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return is_of_the_other(entry) or any((entity.previous_unique_id or "").startswith(f"{DOMAIN}_") for entity in entities)


async def async_take_over(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Make an entry of the other integration one of ours.

    The entry itself is changed last, and what was done before is found done, so that this can begin again after a failure halfway.
    """
    site_id, email = str(entry.data[_SITE]), str(entry.data.get(CONF_EMAIL) or "").strip()
    if not email or any(other.unique_id == site_id and not is_of_the_other(other) for other in _others(hass, entry)):
        LOGGER.error("The other integration's entry cannot be taken over: it has no e-mail address, or its site is here already")
        return False
    state = AccountState.of_other_program(
        cookies=_text(entry, _COOKIE),
        access_token=_text(entry, _ACCESS_TOKEN),
        session_id=_text(entry, _SESSION_ID),
        blocked_until=entry.data.get(_BLOCKED_UNTIL),
        suspended_until=entry.data.get(_SUSPENDED_UNTIL),
    )
    await async_get_accounts(hass).async_adopt(email, state)
    serials = [str(serial) for serial in entry.data.get(_SERIALS) or ()]
    unique_ids = _unique_ids(site_id, serials) | _unit_ids(hass, entry, site_id)
    _take_over_entities(hass, entry, _Devices(site_id, frozenset(serials)), unique_ids)
    is_without_chargers = entry.data.get(_NO_CHARGERS) is True
    password = _text(entry, CONF_PASSWORD)
    hass.config_entries.async_update_entry(
        entry,
        unique_id=site_id,
        data={
            CONF_EMAIL: email,
            CONF_SITE: site_id,
            CONF_CHARGERS: [] if is_without_chargers else serials,
            CONF_DECLINED: serials if is_without_chargers else [],
            CONF_FOLLOWS_ACCOUNT: False,
            **({CONF_PASSWORD: password} if password else {}),
        },
        options=_options(entry.options),
        version=ENTRY_VERSION,
        minor_version=1,
    )
    return True


def _options(theirs: Mapping[str, object]) -> dict[str, object]:
    """Return the options of the other that mean what ours mean, within our limits."""
    ours: dict[str, object] = {}
    for name, (key, lowest, highest) in _NUMBERS.items():
        value = theirs.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            ours[key] = min(max(value, lowest), highest)
    if isinstance(streaming := theirs.get(CONF_FAST_WHILE_STREAMING), bool):
        ours[CONF_FAST_WHILE_STREAMING] = streaming
    return ours


@dataclass
class _Devices:
    """Which of our devices each device of the other becomes, by device id: it can hold entities that belong to several of ours."""

    site_id: str
    chargers: frozenset[str]
    identifiers: dict[str, str] = field(default_factory=dict)

    def note(self, device_id: str | None, identifier: str) -> None:
        """Note where an entity of it belongs: a charger's comes before all batteries', a single battery's, and the site's."""
        if device_id is not None:
            known = self.identifiers.get(device_id)
            if known is None or self._rank(identifier) > self._rank(known):
                self.identifiers[device_id] = identifier

    def _rank(self, identifier: str) -> int:
        ranks = {self.site_id: 0, battery_identifier(self.site_id)[1]: 2}
        return 3 if identifier in self.chargers else ranks.get(identifier, 1)


def _unique_ids(site_id: str, serials: list[str]) -> _UniqueIds:
    """Return our unique id, and the identifier of the device that it belongs to, by platform and unique id of the other."""
    of_chargers: _UniqueIds = {
        (platform, f"{DOMAIN}_{serial}_{old}"): (f"{serial}_{key}", serial)
        for serial in serials
        for (platform, old), key in _OF_CHARGERS.items()
    }
    of_site: _UniqueIds = {
        (platform, f"{DOMAIN}_site_{site_id}_{old}"): (f"{site_id}_{key}", site_id) for (platform, old), key in _OF_SITES.items()
    }
    battery = battery_identifier(site_id)[1]
    of_battery: _UniqueIds = {
        (platform, f"{DOMAIN}_site_{site_id}_{old}"): (f"{site_id}_{key}", battery) for (platform, old), key in _OF_BATTERIES.items()
    }
    # The other has one at each charger; it is the site's, and the first one is taken.
    storm: _UniqueIds = {
        (Platform.SWITCH, f"{DOMAIN}_{serial}_storm_guard_evse_charge"): (f"{site_id}_storm_guard_ev", battery) for serial in serials
    }
    return of_site | of_battery | of_chargers | storm


def _unit_ids(hass: HomeAssistant, entry: ConfigEntry, site_id: str) -> _UniqueIds:
    """Return the same for each battery: only the unique ids themselves tell their serial numbers."""
    found: _UniqueIds = {}
    for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
        for (platform, old), key in _OF_UNITS.items():
            named = re.fullmatch(rf"{DOMAIN}_site_{re.escape(site_id)}_battery_([0-9A-Z]*[0-9][0-9A-Z]*)_{old}", entity.unique_id)
            if named is not None and entity.domain == platform:
                serial = named.group(1)
                found[platform, entity.unique_id] = f"{serial}_{key}", serial
    return found


@callback
def _take_over_entities(hass: HomeAssistant, entry: ConfigEntry, devices: _Devices, unique_ids: _UniqueIds) -> None:
    """Give entities our unique ids and devices our identifiers; remove entities without a counterpart, and tell a person."""
    entities = er.async_get(hass)
    known: dict[tuple[str, str], str] = {(platform, new): identifier for (platform, _), (new, identifier) in unique_ids.items()}
    left: dict[str, tuple[str, str] | None] = {}
    elsewhere: dict[tuple[str, str], tuple[str, str]] = {
        (platform, f"{DOMAIN}_site_{devices.site_id}_{old}"): ours for (platform, old), ours in _OF_ANOTHER_PLATFORM.items()
    }
    for entity in er.async_entries_for_config_entry(entities, entry.entry_id):
        new, identifier = unique_ids.get((entity.domain, entity.unique_id), (entity.unique_id, None))
        if identifier is not None and entities.async_get_entity_id(entity.domain, DOMAIN, new) is None:
            entities.async_update_entity(entity.entity_id, new_unique_id=new)
        elif (identifier := known.get((entity.domain, entity.unique_id))) is None:
            left[entity.entity_id] = elsewhere.get((entity.domain, entity.unique_id))
            continue
        devices.note(entity.device_id, identifier)
    if left:
        raise_taken_over_issue(hass, entry, left)
    for entity_id in left:
        entities.async_remove(entity_id)
    _take_over_devices(hass, entry, devices.identifiers)


@callback
def _take_over_devices(hass: HomeAssistant, entry: ConfigEntry, identifiers: Mapping[str, str]) -> None:
    """Give devices our identifiers, so that names and areas stay; remove devices that are left without entities."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        identifier = identifiers.get(device.id)
        if identifier is None:
            devices.async_remove_device(device.id)
        elif (ours := devices.async_get_device_by_identifier((DOMAIN, identifier), entry.entry_id)) is None:
            devices.async_update_device(device.id, new_identifiers={(DOMAIN, identifier)})
        elif ours.id != device.id:
            # Several of its devices are one of ours. Entities would go with the device.
            for entity in er.async_entries_for_device(entities, device.id, include_disabled_entities=True):
                entities.async_update_entity(entity.entity_id, device_id=ours.id)
            devices.async_remove_device(device.id)


def _others(hass: HomeAssistant, entry: ConfigEntry) -> list[ConfigEntry]:
    return [other for other in hass.config_entries.async_entries(DOMAIN) if other.entry_id != entry.entry_id]


def _text(entry: ConfigEntry, key: str) -> str:
    value = entry.data.get(key)
    return value.strip() if isinstance(value, str) else ""
