"""Which chargers of the account a person wants, and their devices: kept up to date, removed when gone."""

from collections.abc import Collection, Mapping
from contextlib import suppress
import re

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, DOMAIN
from .issues import clear_gone_issue, raise_gone_issue
from .model import Charger

_MAC = re.compile(r"(?!(?:00:){5}00)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")

type Choice = dict[str, list[str] | bool]


def choice_of_chargers(chosen: Collection[str], there: Collection[str]) -> Choice:
    """Return what an entry stores about the chargers that were chosen out of those that are there.

    If all are chosen, later chargers are added by themselves. If not, later ones are offered, but not those that were left out.
    """
    return {
        CONF_CHARGERS: [serial for serial in there if serial in chosen],
        CONF_DECLINED: [serial for serial in there if serial not in chosen],
        CONF_FOLLOWS_ACCOUNT: set(there) <= set(chosen),
    }


def is_wanted(data: Mapping[str, object], serial: str) -> bool:
    """Return whether an entry wants a charger."""
    return bool(data.get(CONF_FOLLOWS_ACCOUNT, True)) or serial in _serials(data, CONF_CHARGERS)


def is_new(data: Mapping[str, object], serial: str) -> bool:
    """Return whether a person has not decided about a charger yet."""
    return not is_wanted(data, serial) and serial not in _serials(data, CONF_DECLINED)


def without(data: Mapping[str, object], serial: str) -> Choice:
    """Return the choice of an entry after a charger is gone for good."""
    return {key: [one for one in _serials(data, key) if one != serial] for key in (CONF_CHARGERS, CONF_DECLINED)}


def including(data: Mapping[str, object], serials: Collection[str]) -> Choice:
    """Return the choice of an entry with some more chargers."""
    return {CONF_CHARGERS: [*_serials(data, CONF_CHARGERS), *serials]}


def _serials(data: Mapping[str, object], key: str) -> list[str]:
    found = data.get(key)
    return [str(serial) for serial in found] if isinstance(found, list) else []


@callback
def update_charger_device(hass: HomeAssistant, entry: ConfigEntry, charger: Charger) -> None:
    """Update name, model and firmware of a charger's device, and withdraw that it is gone."""
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier((DOMAIN, charger.serial), entry.entry_id)
    summary = charger.summary
    if device is None or summary is None:
        return
    clear_gone_issue(hass, device)
    _connect(devices, device, summary.mac_addresses)
    now = (charger.name, summary.model, summary.sku, summary.firmware)
    if now != (device.name, device.model, device.model_id, device.sw_version):
        devices.async_update_device(device.id, name=charger.name, model=summary.model, model_id=summary.sku, sw_version=summary.firmware)


def _connect(devices: dr.DeviceRegistry, device: dr.DeviceEntry, mac_addresses: Collection[str]) -> None:
    """Let a charger's device have the addresses of its interfaces, by which other integrations know it, too.

    A broken answer can give two chargers one address, which then stays with the first.
    """
    found = {(dr.CONNECTION_NETWORK_MAC, dr.format_mac(one)) for one in mac_addresses if _MAC.fullmatch(dr.format_mac(one))}
    if new := found - device.connections:
        with suppress(dr.DeviceConnectionCollisionError):
            devices.async_update_device(device.id, new_connections=device.connections | new)


@callback
def remove_gone_charger(hass: HomeAssistant, entry: ConfigEntry, serial: str) -> None:
    """Remove a charger that is no longer in the account, with its entities, and tell a person."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, **without(entry.data, serial)})
    if (device := remove_charger_device(hass, entry, serial)) is not None:
        raise_gone_issue(hass, entry, device)


@callback
def remove_charger_device(hass: HomeAssistant, entry: ConfigEntry, serial: str) -> dr.DeviceEntry | None:
    """Remove the device of a charger, with its entities, and return what it was."""
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier((DOMAIN, serial), entry.entry_id)
    if device is not None:
        devices.async_remove_device(device.id)
    return device
