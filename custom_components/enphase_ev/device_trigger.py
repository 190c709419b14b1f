"""The device triggers that the other integration of this domain has, so that automations made with them go on working.

They are offered to nobody anew: the binary sensors that they rest on can be chosen in the editor.
"""

from homeassistant.components.device_automation import DEVICE_TRIGGER_BASE_SCHEMA
from homeassistant.const import CONF_DEVICE_ID, CONF_ENTITY_ID, CONF_TYPE, STATE_OFF, STATE_ON, Platform
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HassJob, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, device_registry as dr, entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.trigger import TriggerActionType, TriggerInfo
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN

# Which binary sensor of the charger each rests on, and what that changes to.
_CHANGES = {
    "charging_started": ("charging", STATE_ON),
    "charging_stopped": ("charging", STATE_OFF),
    "plugged_in": ("plugged_in", STATE_ON),
    "unplugged": ("plugged_in", STATE_OFF),
}

TRIGGER_SCHEMA = DEVICE_TRIGGER_BASE_SCHEMA.extend(
    {vol.Required(CONF_TYPE): vol.In(_CHANGES), vol.Optional(CONF_ENTITY_ID): cv.entity_id_or_uuid}
)


async def async_get_triggers(hass: HomeAssistant, device_id: str) -> list[dict[str, str]]:
    """Offer none."""
    return []


async def async_attach_trigger(
    hass: HomeAssistant, config: ConfigType, action: TriggerActionType, trigger_info: TriggerInfo
) -> CALLBACK_TYPE:
    """Run an automation whenever its charger does what the trigger says.

    Raises:
        HomeAssistantError: The device is no charger, or its binary sensor is disabled, so that nothing would ever be seen.
    """
    key, wanted = _CHANGES[config[CONF_TYPE]]
    entity_id = _entity_id(hass, config[CONF_DEVICE_ID], key)
    job = HassJob(action, f"device trigger {trigger_info}")
    last = _known(hass.states.get(entity_id))

    @callback
    def follow(event: Event[EventStateChangedData]) -> None:
        nonlocal last
        state = _known(event.data["new_state"])
        if state is None:
            # An outage or a restart says nothing about the car: what was known before it is compared with what is known after it.
            return
        before, last = last, state
        if before is None or before.state == state.state or state.state != wanted:
            return
        trigger = {
            **trigger_info["trigger_data"],
            "platform": "device",
            "entity_id": entity_id,
            "from_state": before,
            "to_state": state,
            "description": f"state of {entity_id}",
        }
        hass.async_run_hass_job(job, {"trigger": trigger}, event.context)

    return async_track_state_change_event(hass, entity_id, follow)


def _known(state: State | None) -> State | None:
    """Return a state that says something."""
    return state if state is not None and state.state in {STATE_ON, STATE_OFF} else None


def _entity_id(hass: HomeAssistant, device_id: str, key: str) -> str:
    """Return the binary sensor of a charger's device, by its unique id."""
    device = dr.async_get(hass).async_get(device_id)
    identifiers = device.identifiers if device is not None else ()
    entities = er.async_get(hass)
    for domain, serial in identifiers:
        if domain == DOMAIN and (entity_id := entities.async_get_entity_id(Platform.BINARY_SENSOR, DOMAIN, f"{serial}_{key}")):
            entity = entities.async_get(entity_id)
            if entity is not None and entity.disabled_by is not None:
                raise HomeAssistantError(
                    translation_domain=DOMAIN, translation_key="trigger_entity_disabled", translation_placeholders={"entity": entity_id}
                )
            return entity_id
    raise HomeAssistantError(translation_domain=DOMAIN, translation_key="no_charger_targeted")
