"""What the entities of a charger and of a site have in common, and how they come into being."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity, DataUpdateCoordinator

from .charger.coordinator import ChargerCoordinator
from .charger.details_coordinator import DetailsCoordinator
from .charger.model import Charger
from .const import DOMAIN, MANUFACTURER
from .runtime import EnphaseConfigEntry


@dataclass(frozen=True, kw_only=True)
class ChargerEntityDescription(EntityDescription):
    """Describes an entity of a charger; `has_fn` says which chargers have it."""

    has_fn: Callable[[Charger], bool] = lambda _: True


def site_device_info(coordinator: ChargerCoordinator) -> DeviceInfo:
    """Return the device that stands for the site."""
    return DeviceInfo(
        identifiers={(DOMAIN, coordinator.site_id)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        name=coordinator.config_entry.title,
    )


@callback
def add_charger_entities[DescriptionT: ChargerEntityDescription](
    entry: EnphaseConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    descriptions: Iterable[DescriptionT],
    build: Callable[[ChargerCoordinator, DescriptionT, str], Entity],
) -> None:
    """Add the entities of all chargers, now and whenever a charger or something that it can do shows up."""
    coordinator = entry.runtime_data.chargers
    known: set[tuple[str, str]] = set()

    @callback
    def add_new() -> None:
        # A charger that is gone and comes back one day is a new one.
        known.intersection_update({key for key in known if key[0] in coordinator.data})
        new = [
            (serial, description)
            for serial, charger in coordinator.data.items()
            for description in descriptions
            if (serial, description.key) not in known and description.has_fn(charger)
        ]
        known.update((serial, description.key) for serial, description in new)
        async_add_entities(build(coordinator, description, serial) for serial, description in new)

    add_new()
    entry.async_on_unload(coordinator.async_add_listener(add_new))


class QuietEntity[CoordinatorT: DataUpdateCoordinator[Any]](CoordinatorEntity[CoordinatorT]):
    """An entity that writes its state only when what it shows has changed: most polls bring nothing new."""

    _attr_has_entity_name = True
    _shown: object = None

    @property
    def shown_values(self) -> object:
        """Return what the entity shows."""
        return self.state, self.state_attributes, self.capability_attributes, self.extra_state_attributes

    @callback
    @override
    def _async_write_ha_state(self) -> None:
        # Home Assistant writes by itself, too: when an entity is added, and when an event of a calendar begins or ends.
        self._shown = (self.available, self.shown_values)
        super()._async_write_ha_state()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if (self.available, self.shown_values) != self._shown:
            self.async_write_ha_state()


class ChargerEntity(QuietEntity[ChargerCoordinator]):
    """An entity of a charger."""

    def __init__(self, coordinator: ChargerCoordinator, description: ChargerEntityDescription, serial: str) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._serial = serial
        self._attr_unique_id = f"{serial}_{description.key}"
        self._attr_device_info = self._device_info()

    @property
    def _details(self) -> DetailsCoordinator:
        """Return what changes schedules and settings."""
        return self.coordinator.config_entry.runtime_data.details

    @property
    def charger(self) -> Charger:
        """Return the charger as it stands."""
        return self.coordinator.data[self._serial]

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.is_fresh(self._serial)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        # One that is gone has a device that is about to be removed.
        if self._serial in self.coordinator.data:
            super()._handle_coordinator_update()

    def _device_info(self) -> DeviceInfo:
        charger = self.charger
        summary = charger.summary
        entry = self.coordinator.config_entry
        site = (DOMAIN, self.coordinator.site_id)
        return DeviceInfo(
            identifiers={(DOMAIN, self._serial)},
            manufacturer=MANUFACTURER,
            model=summary.model if summary else None,
            model_id=summary.sku if summary else None,
            name=charger.name,
            serial_number=self._serial,
            sw_version=summary.firmware if summary else None,
            via_device_id=dr.async_get_device_id_by_identifier(self.coordinator.hass, site, config_entry_id=entry.entry_id),
        )


class SiteEntity(QuietEntity[ChargerCoordinator]):
    """An entity of the site, about how the cloud answers; it has something to say when the cloud is silent, too."""

    def __init__(self, coordinator: ChargerCoordinator, description: EntityDescription) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.site_id}_{description.key}"
        self._attr_device_info = site_device_info(coordinator)

    @property
    @override
    def available(self) -> bool:
        return True
