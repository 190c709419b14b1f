"""The device actions that the other integration of this domain has, so that automations made with them go on working.

They are offered to nobody anew: the actions of the same names take the charger's device as their target.
"""

from collections.abc import Mapping

from homeassistant.const import CONF_DEVICE_ID, CONF_TYPE
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN
from .services.charger import ATTR_CHARGING_LEVEL, ATTR_CONNECTOR_ID, START_FIELDS

_START, _STOP = "start_charging", "stop_charging"

# One schema for both: the fields of a start that stand at a stop, too, mean nothing there.
ACTION_SCHEMA = cv.DEVICE_ACTION_BASE_SCHEMA.extend({vol.Required(CONF_TYPE): vol.In([_START, _STOP]), **START_FIELDS})


async def async_get_actions(hass: HomeAssistant, device_id: str) -> list[dict[str, str]]:
    """Offer none."""
    return []


async def async_get_action_capabilities(hass: HomeAssistant, config: ConfigType) -> dict[str, vol.Schema]:
    """Return the fields that the editor shows of an action that is there."""
    return {"extra_fields": vol.Schema(START_FIELDS)} if config.get(CONF_TYPE) == _START else {}


async def async_call_action_from_config(
    hass: HomeAssistant, config: ConfigType, variables: Mapping[str, object], context: Context | None
) -> None:
    """Call the action of the same name for the device's charger.

    Raises:
        HomeAssistantError: As that action does.
    """
    fields = (ATTR_CHARGING_LEVEL, ATTR_CONNECTOR_ID) if config[CONF_TYPE] == _START else ()
    data = {field: config[field] for field in (CONF_DEVICE_ID, *fields) if field in config}
    await hass.services.async_call(DOMAIN, config[CONF_TYPE], data, blocking=True, context=context)
