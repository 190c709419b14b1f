"""Sensors of a site as a whole: its energy, its prices, and the events of a grid program."""

from typing import override

from homeassistant.const import UnitOfEnergy

from ..enlighten import Channel
from ..entity import SiteFactEntity
from ..figures import EnphaseSensor
from .descriptions import EnergyCounters
from .energy_coordinator import EnergyCoordinator
from .grid_schedule import GridEventsCoordinator, GridSchedule
from .prices import SitePrices, TariffCoordinator
from .statistics import async_last_energy


class EnergySensor(SiteFactEntity[EnergyCoordinator, EnergyCounters], EnphaseSensor[EnergyCoordinator, EnergyCounters]):
    """A sensor of the energy of a site."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        channel = Channel(self.entity_description.key)
        if not self.coordinator.data[channel].continues:
            self.coordinator.go_on_from(channel, await async_last_energy(self.hass, self.entity_id))

    @property
    @override
    def subject(self) -> EnergyCounters:
        return self.coordinator.data


class PriceSensor(SiteFactEntity[TariffCoordinator, SitePrices], EnphaseSensor[TariffCoordinator, SitePrices]):
    """A sensor of a price."""

    _unrecorded_attributes = frozenset({"raw_today", "raw_tomorrow"})

    @property
    @override
    def subject(self) -> SitePrices | None:
        return self.coordinator.data

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        return f"{self.coordinator.currency}/{UnitOfEnergy.KILO_WATT_HOUR}"


class NextPriceSensor(SiteFactEntity[TariffCoordinator, SitePrices], EnphaseSensor[TariffCoordinator, SitePrices]):
    """A sensor of when the price changes."""

    @property
    @override
    def subject(self) -> SitePrices | None:
        return self.coordinator.data


class GridSensor(SiteFactEntity[GridEventsCoordinator, GridSchedule], EnphaseSensor[GridEventsCoordinator, GridSchedule]):
    """A sensor of the events of a grid program."""

    @property
    @override
    def subject(self) -> GridSchedule:
        return self.coordinator.data
