"""The trigger that an event entity cannot be chosen for: a session that ended with so much energy."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import override

from homeassistant.const import CONF_OPTIONS, Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    ENTITY_STATE_TRIGGER_SCHEMA,
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
    TriggerConfig,
)
import probatio

from .event import SessionEvent
from .services.targets import entities_beside

_ENERGY = "energy"
_SCHEMA = ENTITY_STATE_TRIGGER_SCHEMA.extend(
    {probatio.Required(CONF_OPTIONS): {probatio.Required(_ENERGY): probatio.All(probatio.Coerce(float), probatio.Range(min=0))}}
)


class SessionEndedTrigger(StatelessEntityTriggerBase):
    """Triggers when the plug is pulled after a session with at least so much energy, in kWh."""

    _domain_specs: Mapping[str, DomainSpec] = MappingProxyType({Platform.EVENT: DomainSpec()})
    _schema = _SCHEMA

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        super().__init__(hass, config)
        self._least: float = self._options[_ENERGY]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return entities_beside(self._hass, entities, Platform.EVENT, "session")

    @override
    def is_valid_state(self, state: State, report_not_triggered: NotTriggeredReasonReporter) -> bool:
        energy = state.attributes.get(_ENERGY)
        if state.attributes.get("event_type") != SessionEvent.UNPLUGGED:
            return False
        if energy is None:
            report_not_triggered("energy_not_known", entity_id=state.entity_id)
            return False
        return float(energy) >= self._least


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers of this integration."""
    return {"session_ended": SessionEndedTrigger}
