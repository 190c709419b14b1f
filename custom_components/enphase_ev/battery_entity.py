"""What the entities of the batteries have in common, and how they come into being."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery
from .const import DOMAIN, MANUFACTURER
from .enlighten import BatteryUnit
from .entity import QuietEntity
from .runtime import EnphaseConfigEntry


@dataclass(frozen=True, kw_only=True)
class BatteryEntityDescription(EntityDescription):
    """Describes an entity of all batteries of a site; `has_fn` says which sites have it."""

    has_fn: Callable[[Battery], bool] = lambda _: True


@dataclass(frozen=True, kw_only=True)
class UnitEntityDescription(EntityDescription):
    """Describes an entity of one battery; `has_fn` says which batteries have it."""

    has_fn: Callable[[BatteryUnit], bool] = lambda _: True


def battery_identifier(site_id: str) -> tuple[str, str]:
    """Return the identifier of the device that stands for all batteries of a site."""
    return DOMAIN, f"{site_id}_battery"


@callback
def add_battery_entities[DescriptionT: BatteryEntityDescription](
    entry: EnphaseConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Iterable[DescriptionT],
    build: Callable[[BatteryCoordinator, DescriptionT], Entity],
) -> None:
    """Add the entities of the batteries, now and whenever the site turns out to have something."""
    coordinator = entry.runtime_data.battery
    known: set[str] = set()

    @callback
    def add_new() -> None:
        battery = coordinator.data
        new = [one for one in descriptions if battery is not None and one.key not in known and one.has_fn(battery)]
        known.update(description.key for description in new)
        async_add_entities(build(coordinator, description) for description in new)

    add_new()
    entry.async_on_unload(coordinator.async_add_listener(add_new))


@callback
def add_unit_entities[DescriptionT: UnitEntityDescription](
    entry: EnphaseConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Iterable[DescriptionT],
    build: Callable[[BatteryCoordinator, DescriptionT, str], Entity],
) -> None:
    """Add the entities of each battery, now and whenever one shows up."""
    coordinator = entry.runtime_data.battery
    known: set[tuple[str, str]] = set()

    @callback
    def add_new() -> None:
        status = coordinator.data.status if coordinator.data else None
        new = [
            (serial, description)
            for serial, unit in (status.units if status else {}).items()
            # A broken answer can give a battery the number of a charger.
            if serial not in entry.runtime_data.chargers.data
            for description in descriptions
            if (serial, description.key) not in known and description.has_fn(unit)
        ]
        known.update((serial, description.key) for serial, description in new)
        async_add_entities(build(coordinator, description, serial) for serial, description in new)

    add_new()
    entry.async_on_unload(coordinator.async_add_listener(add_new))


class BatteryEntity(QuietEntity[BatteryCoordinator]):
    """An entity of all batteries of a site."""

    def __init__(self, coordinator: BatteryCoordinator, description: BatteryEntityDescription) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        if coordinator.data is None:
            raise LookupError("The site has no battery")
        self._battery = coordinator.data
        self._attr_unique_id = f"{coordinator.site_id}_{description.key}"
        self._attr_device_info = battery_device_info(coordinator)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # Changes queue behind each other where they are made. One entity after the other, they could never go out together.
        self.parallel_updates = None

    @property
    def battery(self) -> Battery:
        """Return the batteries as they stand, or stood last where there are none any more."""
        self._battery = self.coordinator.data or self._battery
        return self._battery

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.data is not None and self.coordinator.is_fresh


class UnitEntity(QuietEntity[BatteryCoordinator]):
    """An entity of one battery."""

    def __init__(self, coordinator: BatteryCoordinator, description: UnitEntityDescription, serial: str) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._serial = serial
        self._attr_unique_id = f"{serial}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, serial)},
            manufacturer=MANUFACTURER,
            model="IQ Battery",
            # As on its label: there are often several.
            name=f"IQ Battery {serial[-4:]}",
            serial_number=serial,
            via_device_id=dr.async_get_device_id_by_identifier(
                coordinator.hass, battery_identifier(coordinator.site_id), config_entry_id=coordinator.config_entry.entry_id
            ),
        )

    @property
    def unit(self) -> BatteryUnit | None:
        """Return the battery as it stands."""
        status = self.coordinator.data.status if self.coordinator.data else None
        return status.units.get(self._serial) if status else None

    @property
    @override
    def available(self) -> bool:
        return self.unit is not None and self.coordinator.is_fresh


def battery_device_info(coordinator: BatteryCoordinator) -> DeviceInfo:
    """Return the device that stands for all batteries of a site."""
    return DeviceInfo(
        identifiers={battery_identifier(coordinator.site_id)},
        manufacturer=MANUFACTURER,
        model="IQ Battery",
        translation_key="battery",
        via_device_id=dr.async_get_device_id_by_identifier(
            coordinator.hass, (DOMAIN, coordinator.site_id), config_entry_id=coordinator.config_entry.entry_id
        ),
    )
