"""Enphase IQ EV Chargers and IQ Batteries through the Enlighten cloud."""

from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .accounts import async_get_accounts
from .const import CONF_SITE, DOMAIN
from .coordinator import ChargerCoordinator, EnphaseConfigEntry, EnphaseRuntimeData
from .enlighten import Chargers
from .entity import site_device_info
from .issues import clear_account_issues
from .memory import SiteMemoryStore
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [Platform.BINARY_SENSOR, Platform.BUTTON, Platform.NUMBER, Platform.SELECT, Platform.SENSOR, Platform.SWITCH]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> bool:
    """Set up a site."""
    accounts = async_get_accounts(hass)
    account = await accounts.async_acquire(entry.data[CONF_EMAIL])
    is_set_up = False
    try:
        if password := entry.data.get(CONF_PASSWORD):
            account.password = password
        memory = SiteMemoryStore(hass, entry.entry_id)
        await memory.async_load()
        coordinator = ChargerCoordinator(hass, entry, Chargers(account, entry.data[CONF_SITE]), memory)
        await coordinator.async_config_entry_first_refresh()
        entry.runtime_data = EnphaseRuntimeData(account, memory, coordinator)
        # The chargers' devices refer to it, so it has to be there first.
        dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **site_device_info(coordinator))
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
        is_set_up = True
    finally:
        if not is_set_up:
            await accounts.async_release(account)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> bool:
    """Unload a site; the account's connections close with the last site that uses it."""
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await async_get_accounts(hass).async_release(entry.runtime_data.account)
    return True


async def async_remove_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> None:
    """Forget a site, and its account's session when no other site uses it."""
    clear_account_issues(hass, entry)
    await SiteMemoryStore(hass, entry.entry_id).async_remove()
    email = entry.data[CONF_EMAIL]
    if all(other.data.get(CONF_EMAIL) != email for other in hass.config_entries.async_entries(DOMAIN)):
        await async_get_accounts(hass).async_forget(email)
