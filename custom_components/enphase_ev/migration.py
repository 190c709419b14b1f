"""Brings what earlier releases have left up to date."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import ENTRY_VERSION


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
