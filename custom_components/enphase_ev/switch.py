"""Switches: charging."""

from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .entity import ChargerEntity, ChargerEntityDescription, add_charger_entities
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerSwitchDescription(ChargerEntityDescription, SwitchEntityDescription):
    """Describes a switch of a charger."""


CHARGER_SWITCHES = (ChargerSwitchDescription(key="charging", translation_key="charging"),)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the switches of an entry."""
    add_charger_entities(entry, async_add_entities, CHARGER_SWITCHES, ChargingSwitch)


class ChargingSwitch(ChargerEntity, SwitchEntity):
    """Starts and stops charging; shows what was asked for until the charger has done it, or has not."""

    @property
    @override
    def is_on(self) -> bool:
        return self.charger.is_charging_shown

    @property
    @override
    def extra_state_attributes(self) -> dict[str, StateType] | None:
        command = self.charger.start_stop
        return {
            "last_command": command.state.value if command else None,
            "last_command_reason": command.reason if command else None,
        }

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.coordinator.async_start(self._serial)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.coordinator.async_stop(self._serial)
