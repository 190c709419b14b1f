"""Whether the battery may feed the car: where the site has one switch for it, that replaces the chargers' own.

On such sites a charger's own switch, for green mode, has no effect (docs/cloud-api/battery.md §8). Its entity id goes to the site's switch,
so that automations and dashboards keep working; where automations or scripts use it, a repair issue says what it switches now.
"""

from collections.abc import Iterable
from datetime import datetime

from homeassistant.components.automation import automations_with_entity
from homeassistant.components.script import scripts_with_entity
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from ..account_issues import set_entry_issue
from ..battery.coordinator import BatteryCoordinator
from ..charger.store import SiteStore

_OF_CHARGER = "_green_battery"
_OF_SITE = "battery_for_car"
_ISSUE = "car_switch_moved"
# Entities that show up at the same look are still being added (s).
_RELOAD_AFTER = 10.0


@callback
def async_follow_car_switch(hass: HomeAssistant, entry: ConfigEntry, store: SiteStore, battery: BatteryCoordinator) -> None:
    """Hand the entity id over before entities are added; reload an entry whose site turns out later to have the new switch."""
    if battery.data is not None:
        store.has_battery_for_car = battery.data.site.has_battery_for_car
    if store.has_battery_for_car:
        _hand_over(hass, entry, battery)

    @callback
    def look() -> None:
        if battery.data is not None and battery.data.site.has_battery_for_car and not store.has_battery_for_car:
            store.has_battery_for_car = True
            entry.async_on_unload(async_call_later(hass, _RELOAD_AFTER, reload))

    @callback
    def reload(_now: datetime) -> None:
        hass.config_entries.async_schedule_reload(entry.entry_id)

    entry.async_on_unload(battery.async_add_listener(look))


@callback
def _hand_over(hass: HomeAssistant, entry: ConfigEntry, battery: BatteryCoordinator) -> None:
    site = battery.data.site if battery.data else None
    if site is not None and (site.may_write is False or site.may_change_battery_for_car is False):
        # There is nobody to hand it to.
        return
    registry = er.async_get(hass)
    switches = [one for one in er.async_entries_for_config_entry(registry, entry.entry_id) if one.domain == Platform.SWITCH]
    old = sorted((one for one in switches if one.unique_id.endswith(_OF_CHARGER)), key=lambda one: (one.disabled, one.entity_id))
    if not old:
        return
    unique_id = f"{battery.site_id}_{_OF_SITE}"
    for one in switches:
        if one.unique_id == unique_id:
            # The site's switch was added a moment ago under another entity id, beside the old one.
            registry.async_remove(one.entity_id)
    kept, *others = old
    registry.async_update_entity(kept.entity_id, new_unique_id=unique_id)
    for one in others:
        registry.async_remove(one.entity_id)
    names = [one.entity_id for one in old]

    @callback
    def tell(_: HomeAssistant) -> None:
        _tell(hass, entry, kept.entity_id, names)

    entry.async_on_unload(async_at_started(hass, tell))


@callback
def _tell(hass: HomeAssistant, entry: ConfigEntry, kept: str, names: Iterable[str]) -> None:
    """Tell a person which automations and scripts use the old switches. It is called once all of them are loaded."""
    used_in = sorted({user for name in names for user in (*automations_with_entity(hass, name), *scripts_with_entity(hass, name))})
    if not used_in:
        return
    set_entry_issue(
        hass,
        entry,
        translation_key=_ISSUE,
        placeholders={
            "kept": f"`{kept}`",
            "old": "\n".join(f"- `{name}`" for name in names),
            "used_in": "\n".join(f"- `{user}`" for user in used_in),
        },
        is_persistent=True,
    )
