"""Repair issues of chargers: one that is new, that is gone, that goes on charging after a stop, and whose plan has to wait."""

from collections.abc import Collection

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, issue_registry as ir

from ..account_issues import offer_repair, set_entry_issue
from ..const import DOMAIN
from .model import Charger, CommandState

NEW_CHARGERS = "new_chargers"
STOP_FAILED = "stop_failed"
PLAN_WAITS = "plan_waits"
_CHARGER_GONE = "charger_gone"


@callback
def set_new_chargers_issue(hass: HomeAssistant, entry: ConfigEntry, names: Collection[str]) -> None:
    """Offer the chargers that have come to the account since a person picked some of them."""
    set_entry_issue(
        hass,
        entry,
        translation_key=NEW_CHARGERS,
        is_so=bool(names),
        placeholders={"chargers": ", ".join(sorted(names))},
        data={},
    )


@callback
def raise_gone_issue(hass: HomeAssistant, entry: ConfigEntry, device: dr.DeviceEntry) -> None:
    """Tell a person about a charger that is no longer in the account."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{_CHARGER_GONE}_{device.id}",
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_CHARGER_GONE,
        translation_placeholders={"charger": device.name_by_user or device.name or "IQ EV Charger", "site": entry.title},
    )


@callback
def clear_gone_issue(hass: HomeAssistant, device: dr.DeviceEntry) -> None:
    """Withdraw that a charger is gone."""
    ir.async_delete_issue(hass, DOMAIN, f"{_CHARGER_GONE}_{device.id}")


@callback
def set_stop_issue(hass: HomeAssistant, entry: ConfigEntry, charger: Charger) -> None:
    """Tell a person about a charger that keeps charging after a stop; withdraw it once it has stopped."""
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, charger.serial), entry.entry_id)
    if device is None:
        return
    issue_id = f"{STOP_FAILED}_{device.id}"
    command = charger.start_stop
    if command is None or command.wish or command.state is not CommandState.FAILED or not charger.status.is_charging:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    offer_repair(
        hass, entry, issue_id, translation_key=STOP_FAILED, placeholders={"charger": charger.name}, data={"serial": charger.serial}
    )


@callback
def set_plan_issue(hass: HomeAssistant, entry: ConfigEntry, charger: Charger, mode: str | None) -> None:
    """Offer manual mode for a plan that another one keeps waiting; `None` withdraws that."""
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, charger.serial), entry.entry_id)
    if device is None:
        return
    issue_id = f"{PLAN_WAITS}_{device.id}"
    if mode is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    placeholders = {"charger": charger.name, "mode": mode}
    offer_repair(hass, entry, issue_id, translation_key=PLAN_WAITS, placeholders=placeholders, data={"serial": charger.serial})


@callback
def clear_charger_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the issues of chargers when their entry is unloaded."""
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        for kind in (STOP_FAILED, PLAN_WAITS):
            ir.async_delete_issue(hass, DOMAIN, f"{kind}_{device.id}")
