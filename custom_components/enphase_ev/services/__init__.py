"""The actions of the integration."""

from homeassistant.core import HomeAssistant, callback

from .battery import async_setup_battery_services
from .charger import async_setup_charger_services
from .old_names import async_setup_old_actions
from .site import async_setup_site_services


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register all actions."""
    async_setup_charger_services(hass)
    async_setup_site_services(hass)
    async_setup_battery_services(hass)
    async_setup_old_actions(hass)
