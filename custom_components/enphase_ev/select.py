"""Selects: the charge mode."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .enlighten import ChargeMode
from .entity import ChargerEntity, ChargerEntityDescription, add_charger_entities
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerSelectDescription(ChargerEntityDescription, SelectEntityDescription):
    """Describes a select of a charger."""


CHARGER_SELECTS = (
    ChargerSelectDescription(
        key="charge_mode",
        translation_key="charge_mode",
        has_fn=lambda charger: charger.preference is not None,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the selects of an entry."""
    add_charger_entities(entry, async_add_entities, CHARGER_SELECTS, ChargeModeSelect)


class ChargeModeSelect(ChargerEntity, SelectEntity):
    """How the charger decides when to charge, out of the modes that it offers."""

    @property
    @override
    def options(self) -> list[str]:
        offered = self.charger.preference.offered if self.charger.preference else ()
        return [mode.name.lower() for mode in offered]

    @property
    @override
    def current_option(self) -> str | None:
        mode = self.charger.mode_shown
        return mode.name.lower() if mode else None

    @override
    async def async_select_option(self, option: str) -> None:
        await self.coordinator.async_set_mode(self._serial, ChargeMode[option.upper()])
