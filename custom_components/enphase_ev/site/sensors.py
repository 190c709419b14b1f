"""Sensors of a site as a whole: its energy, its prices, and the events of a grid program."""

from datetime import datetime
from typing import override

from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import UnitOfEnergy
from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo

from ..charger.coordinator import ChargerCoordinator
from ..charger.costs import ChargerCosts
from ..const import DOMAIN
from ..enlighten import Channel
from ..entity import GridEntity, SiteFactEntity
from ..figures import EnphaseSensor
from .charging_costs import ChargingCosts
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


class GridSensor(GridEntity, EnphaseSensor[GridEventsCoordinator, GridSchedule]):
    """A sensor of the events of a grid program."""


class CostSensor(EnphaseSensor[ChargerCoordinator, ChargerCosts]):
    """A sensor of what the charging of a charger costs, on its device."""

    @property
    def _costs(self) -> ChargingCosts:
        costs: ChargingCosts = self.coordinator.config_entry.runtime_data.site.costs
        return costs

    @property
    @override
    def subject(self) -> ChargerCosts | None:
        return self._costs.present.get(self._subject_id)

    @property
    @override
    def available(self) -> bool:
        is_read = self.coordinator.is_source_fresh(self._subject_id, self._source)
        return is_read and self.subject is not None and self.coordinator.is_fresh(self._subject_id)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        # The device of a charger that is gone is about to be removed, and its entities with it.
        if self.subject is not None:
            super()._handle_coordinator_update()

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        return self._costs.currency

    @property
    @override
    def last_reset(self) -> datetime | None:
        is_total = self.entity_description.state_class is SensorStateClass.TOTAL
        return self.subject.month_began_at if is_total and self.subject else None

    @override
    def _device_info(self) -> DeviceInfo:
        return DeviceInfo(identifiers={(DOMAIN, self._subject_id)})
