"""The devices of chargers: kept up to date, offered when new, removed when gone."""

from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from ..const import DOMAIN
from .choice import is_new, without
from .model import Charger

NEW_CHARGERS = "new_chargers"
CHARGER_GONE = "charger_gone"


@callback
def update_charger_device(hass: HomeAssistant, entry: ConfigEntry, charger: Charger) -> None:
    """Bring name, model and firmware of a charger's device up to date, and take back that it is gone."""
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier((DOMAIN, charger.serial), entry.entry_id)
    summary = charger.summary
    if device is None or summary is None:
        return
    ir.async_delete_issue(hass, DOMAIN, f"{CHARGER_GONE}_{device.id}")
    now = (charger.name, summary.model, summary.sku, summary.firmware)
    if now != (device.name, device.model, device.model_id, device.sw_version):
        devices.async_update_device(device.id, name=charger.name, model=summary.model, model_id=summary.sku, sw_version=summary.firmware)


@callback
def remove_gone_charger(hass: HomeAssistant, entry: ConfigEntry, serial: str) -> None:
    """Remove a charger that the account has no more, with its entities, and say so."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, **without(entry.data, serial)})
    if (device := remove_charger_device(hass, entry, serial)) is None:
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{CHARGER_GONE}_{device.id}",
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=CHARGER_GONE,
        translation_placeholders={"charger": device.name_by_user or device.name or "IQ EV Charger", "site": entry.title},
    )


@callback
def remove_charger_device(hass: HomeAssistant, entry: ConfigEntry, serial: str) -> dr.DeviceEntry | None:
    """Remove the device of a charger, with its entities, and return what it was."""
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier((DOMAIN, serial), entry.entry_id)
    if device is not None:
        devices.async_remove_device(device.id)
    return device


@callback
def offer_new_chargers(hass: HomeAssistant, entry: ConfigEntry, names: Mapping[str, str]) -> None:
    """Offer the chargers that have come to the account since a person picked some of them."""
    new = [name for serial, name in names.items() if is_new(entry.data, serial)]
    issue_id = f"{NEW_CHARGERS}_{entry.entry_id}"
    if not new:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={"entry_id": entry.entry_id},
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=NEW_CHARGERS,
        translation_placeholders={"chargers": ", ".join(sorted(new)), "site": entry.title},
    )
