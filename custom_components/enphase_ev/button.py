"""Buttons: start and stop charging, for dashboards that want no switch."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import ChargerCoordinator
from .enlighten import CommandReply
from .entity import ChargerEntity, ChargerEntityDescription, add_charger_entities
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerButtonDescription(ChargerEntityDescription, ButtonEntityDescription):
    """Describes a button of a charger."""

    press_fn: Callable[[ChargerCoordinator, str], Awaitable[CommandReply]]


CHARGER_BUTTONS = (
    ChargerButtonDescription(
        key="start_charging",
        translation_key="start_charging",
        press_fn=lambda coordinator, serial: coordinator.async_start(serial),
    ),
    ChargerButtonDescription(
        key="stop_charging",
        translation_key="stop_charging",
        press_fn=lambda coordinator, serial: coordinator.async_stop(serial),
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the buttons of an entry."""
    add_charger_entities(entry, async_add_entities, CHARGER_BUTTONS, ChargerButton)


class ChargerButton(ChargerEntity, ButtonEntity):
    """A button of a charger."""

    entity_description: ChargerButtonDescription

    @override
    async def async_press(self) -> None:
        await self.entity_description.press_fn(self.coordinator, self._serial)
