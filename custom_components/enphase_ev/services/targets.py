"""Finds what the target of an action means, and checks who may call it."""

from dataclasses import dataclass

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID, ENTITY_MATCH_ALL, Platform
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import config_validation as cv, device_registry as dr, entity_registry as er
from homeassistant.helpers.target import SelectedEntities, TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.typing import VolDictType
import voluptuous as vol

from ..charger.details_coordinator import DetailsCoordinator
from ..charger.model import Charger
from ..const import DOMAIN
from ..enlighten import BatteryFamily
from ..runtime import EnphaseConfigEntry, EnphaseRuntimeData

ATTR_CONFIG_ENTRY_ID = "config_entry_id"
ATTR_SITE_ID = "site_id"

SITE_FIELDS: VolDictType = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string, vol.Optional(ATTR_SITE_ID): cv.string}
"""The two ways to name a site instead of a target: by its config entry, as the form does, or by its number."""


@dataclass(frozen=True)
class ChargerTarget:
    """A charger that an action is for."""

    site: EnphaseRuntimeData
    serial: str
    device_id: str

    @property
    def charger(self) -> Charger:
        """Return the charger as it stands."""
        return self.site.chargers.data[self.serial]

    @property
    def name(self) -> str:
        """Return the charger's name."""
        return self.charger.name

    @property
    def details(self) -> DetailsCoordinator:
        """Return what changes schedules and settings."""
        return self.site.details


def entities_beside(hass: HomeAssistant, entity_ids: set[str], platform: Platform, key: str) -> set[str]:
    """Return the entities of a kind on the devices of ours that these entities are on, so that a target may name any entity of a device."""
    registry = er.async_get(hass)
    named = (registry.async_get(entity_id) for entity_id in entity_ids)
    devices = {entry.device_id for entry in named if entry is not None and entry.platform == DOMAIN and entry.device_id is not None}
    beside = (entry for device_id in devices for entry in er.async_entries_for_device(registry, device_id))
    return {entry.entity_id for entry in beside if (entry.platform, entry.domain, entry.translation_key) == (DOMAIN, platform, key)}


async def async_chargers(call: ServiceCall) -> list[ChargerTarget]:
    """Return the chargers that a call means: through any of their entities or devices, or all of a site that is named.

    Raises:
        ServiceValidationError: It means none.
        Unauthorized: The person may not control one of them.
    """
    user = await _async_user(call)
    devices = _devices(call)
    if _names_a_site(call):
        _require_admin(call, user)
        registry = dr.async_get(call.hass)
        for named in _named_entries(call):
            devices |= {device.id: device for device in dr.async_entries_for_config_entry(registry, named.entry_id)}
    targets = [
        ChargerTarget(entry.runtime_data, serial, device.id)
        for device in devices.values()
        if (entry := _loaded_entry(call.hass, device.config_entry_id)) is not None
        for serial in _identifiers(device)
        if serial in entry.runtime_data.chargers.data
    ]
    if not targets:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_charger_targeted")
    for target in targets:
        _require_control(call, user, target.serial)
    return targets


async def async_entries(call: ServiceCall, *, admin_only: bool = False) -> list[EnphaseConfigEntry]:
    """Return the config entries that a call means, each once, loaded or not; the only one there is, where it names none.

    A site that is named by itself, by its number or by its own device needs an administrator: it affects the whole account.

    Raises:
        ServiceValidationError: It means none.
        Unauthorized: The person may not.
    """
    user = await _async_user(call)
    found: dict[str, EnphaseConfigEntry] = {}
    for device in _devices(call).values():
        entry = call.hass.config_entries.async_get_entry(device.config_entry_id)
        if entry is None or entry.domain != DOMAIN:
            continue
        serials = [serial for serial in _identifiers(device) if serial != entry.unique_id]
        if admin_only or not serials:
            _require_admin(call, user)
        for serial in serials:
            _require_control(call, user, serial)
        found[entry.entry_id] = entry
    named: list[EnphaseConfigEntry] = []
    if _names_a_site(call):
        named = _named_entries(call)
    elif not TargetSelection(call.data).has_any_target:
        every = call.hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        named = every if len(every) == 1 else []
    if named:
        _require_admin(call, user)
        found |= {entry.entry_id: entry for entry in named}
    if not found:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_site_targeted")
    return list(found.values())


async def async_sites(call: ServiceCall) -> list[EnphaseRuntimeData]:
    """Return the loaded sites that a call means.

    Raises:
        ServiceValidationError: It means none that is loaded.
        Unauthorized: The person may not.
    """
    entries = [entry for entry in await async_entries(call) if entry.state is ConfigEntryState.LOADED]
    if not entries:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_site_targeted")
    return [entry.runtime_data for entry in entries]


async def async_batteries(call: ServiceCall) -> list[EnphaseRuntimeData]:
    """Return the loaded sites with batteries that a call means; the only one there is, where it names none.

    Raises:
        ServiceValidationError: It means none, or does not say which.
        Unauthorized: The person may not control its batteries.
    """
    user = await _async_user(call)
    loaded: list[EnphaseConfigEntry] = call.hass.config_entries.async_loaded_entries(DOMAIN)
    with_battery = [entry for entry in loaded if entry.runtime_data.battery.data is not None]
    names_some = _names_a_site(call) or TargetSelection(call.data).has_any_target
    if names_some:
        named = {device.config_entry_id for device in _devices(call).values()}
        named |= {entry.entry_id for entry in _named_entries(call)}
        with_battery = [entry for entry in with_battery if entry.entry_id in named]
    if not with_battery or (not names_some and len(with_battery) > 1):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_battery_targeted")
    for entry in with_battery:
        _require_control_of_battery(call, user, entry)
    return [entry.runtime_data for entry in with_battery]


def _require_control_of_battery(call: ServiceCall, user: User | None, entry: EnphaseConfigEntry) -> None:
    """Allow only people who may control the switches of the schedules."""
    if user is None or user.is_admin:
        return
    entities = er.async_get(call.hass)
    for family in BatteryFamily:
        switch = entities.async_get_entity_id(Platform.SWITCH, DOMAIN, f"{entry.unique_id}_{family.name.lower()}")
        if switch is not None and not user.permissions.check_entity(switch, POLICY_CONTROL):
            raise Unauthorized(context=call.context, entity_id=switch, permission=POLICY_CONTROL)


def _devices(call: ServiceCall) -> dict[str, dr.DeviceEntry]:
    """Return the devices behind a target, by id."""
    devices = dr.async_get(call.hass)
    entities = er.async_get(call.hass)
    if call.data.get(ATTR_ENTITY_ID) == ENTITY_MATCH_ALL:
        entries = call.hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        return {device.id: device for entry in entries for device in dr.async_entries_for_config_entry(devices, entry.entry_id)}
    selected = async_extract_referenced_entity_ids(call.hass, TargetSelection(call.data))
    _require_there(call, selected)
    ids = set(selected.referenced_devices)
    for entity_id in selected.referenced | selected.indirectly_referenced:
        entity = entities.async_get(entity_id)
        if entity is not None and entity.platform == DOMAIN and entity.device_id is not None:
            ids.add(entity.device_id)
    return {device_id: device for device_id in sorted(ids) if isinstance(device := devices.async_get(device_id), dr.DeviceEntry)}


def _require_there(call: ServiceCall, selected: SelectedEntities) -> None:
    """Refuse a target that names what is not there: the action would do less than was asked for, and nobody would notice.

    Raises:
        ServiceValidationError: With the name.
    """
    entities = er.async_get(call.hass)
    unknown = {one for one in selected.referenced if entities.async_get(one) is None and call.hass.states.get(one) is None}
    if missing := sorted(unknown | selected.missing_devices):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="target_unknown", translation_placeholders={"target": missing[0][:100]}
        )


def _names_a_site(call: ServiceCall) -> bool:
    return ATTR_SITE_ID in call.data or ATTR_CONFIG_ENTRY_ID in call.data


def _named_entries(call: ServiceCall) -> list[EnphaseConfigEntry]:
    """Return the entries that are named by themselves, or by the number of their site."""
    site_id, entry_id = call.data.get(ATTR_SITE_ID), call.data.get(ATTR_CONFIG_ENTRY_ID)
    entries = call.hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    return [entry for entry in entries if (site_id and entry.unique_id == site_id) or entry.entry_id == entry_id]


def _loaded_entry(hass: HomeAssistant, entry_id: str) -> EnphaseConfigEntry | None:
    entry: EnphaseConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    is_ours = entry is not None and entry.domain == DOMAIN and entry.state is ConfigEntryState.LOADED
    return entry if is_ours else None


def _identifiers(device: dr.DeviceEntry) -> list[str]:
    return [identifier for domain, identifier in device.identifiers if domain == DOMAIN]


async def _async_user(call: ServiceCall) -> User | None:
    """Return the person who asks; `None` for an automation and for Home Assistant itself."""
    if call.context.user_id is None:
        return None
    user = await call.hass.auth.async_get_user(call.context.user_id)
    if user is None:
        raise UnknownUser(context=call.context)
    return user


def _require_admin(call: ServiceCall, user: User | None) -> None:
    if user is not None and not user.is_admin:
        raise Unauthorized(context=call.context)


def _require_control(call: ServiceCall, user: User | None, serial: str) -> None:
    """Allow only people who may control the charger's switch."""
    if user is None or user.is_admin:
        return
    switch = er.async_get(call.hass).async_get_entity_id(Platform.SWITCH, DOMAIN, f"{serial}_charging")
    if switch is None or not user.permissions.check_entity(switch, POLICY_CONTROL):
        raise Unauthorized(context=call.context, entity_id=switch, permission=POLICY_CONTROL)
