"""The condition that no device class has: an override of the battery runs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import override

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityConditionBase

from .services.targets import entities_beside


class OverrideActiveCondition(EntityConditionBase):
    """Tests whether the battery charges, discharges or holds by an override."""

    _domain_specs: Mapping[str, DomainSpec] = MappingProxyType({Platform.SENSOR: DomainSpec()})

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return entities_beside(self._hass, entities, Platform.SENSOR, "override")

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        return entity_state.state != "none"


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions of this integration."""
    return {"override_active": OverrideActiveCondition}
