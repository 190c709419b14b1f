"""Numbers: the level that the next start uses."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberEntityDescription
from homeassistant.const import UnitOfElectricCurrent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .enlighten import LevelLimits
from .entity import ChargerEntity, ChargerEntityDescription, add_charger_entities
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerNumberDescription(ChargerEntityDescription, NumberEntityDescription):
    """Describes a number of a charger."""


CHARGER_NUMBERS = (
    ChargerNumberDescription(
        key="charging_amps",
        translation_key="charging_amps",
        device_class=NumberDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        has_fn=lambda charger: charger.summary is not None and charger.summary.limits is not None,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the numbers of an entry."""
    add_charger_entities(entry, async_add_entities, CHARGER_NUMBERS, ChargingAmps)


class ChargingAmps(ChargerEntity, NumberEntity):
    """The level that the next start uses. Setting it starts nothing."""

    @property
    def _limits(self) -> LevelLimits | None:
        summary = self.charger.summary
        return summary.limits if summary else None

    @property
    @override
    def native_min_value(self) -> float:
        return self._limits.min if self._limits else super().native_min_value

    @property
    @override
    def native_max_value(self) -> float:
        return self._limits.max if self._limits else super().native_max_value

    @property
    @override
    def native_step(self) -> float | None:
        return self._limits.step if self._limits else super().native_step

    @property
    @override
    def native_value(self) -> float:
        return self.charger.wished_level

    @override
    async def async_set_native_value(self, value: float) -> None:
        await self.coordinator.async_set_level(self._serial, value)
