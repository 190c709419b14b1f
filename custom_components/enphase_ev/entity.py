"""What entities have in common, whatever they are about, and the one way in which all of them are added."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity, DataUpdateCoordinator

from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery
from .charger.coordinator import ChargerCoordinator
from .charger.model import Charger
from .const import DOMAIN, MANUFACTURER
from .enlighten import BatteryFamily, BatteryUnit, site_page
from .freshness import BATTERY_STATUS, Source
from .runtime import EnphaseConfigEntry, EnphaseRuntimeData
from .site.energy_coordinator import EnergyCoordinator
from .site.grid_schedule import GridEventsCoordinator, GridSchedule
from .site.live import LiveCoordinator
from .site.model import SiteFacts
from .site.prices import SitePrices, TariffCoordinator


@dataclass(frozen=True, kw_only=True)
class SubjectDescription[SubjectT](EntityDescription):
    """Describes an entity of each subject of one kind.

    Attributes:
        has_fn: which of them have it.
        source: where its value comes from; `None` is the one that says how the subject is as a whole.
        reported_every: so often it is written although it has not changed, as long as its source answers.
    """

    source: Source | None = None
    reported_every: timedelta | None = None
    has_fn: Callable[[SubjectT], bool] = lambda _: True


@dataclass(frozen=True, kw_only=True)
class Subjects[CoordinatorT: DataUpdateCoordinator[Any], SubjectT]:
    """One kind of thing that has entities.

    Attributes:
        coordinator: which of a site's coordinators knows about them.
        present: the ones that are there now, by what their unique ids begin with.
        return_as_new: whether a subject that is gone loses its device, so that it gets new entities when it comes back.
    """

    coordinator: Callable[[EnphaseRuntimeData], CoordinatorT]
    present: Callable[[EnphaseRuntimeData], Mapping[str, SubjectT]]
    return_as_new: bool = False


def _batteries(runtime: EnphaseRuntimeData) -> Mapping[str, Battery]:
    battery = runtime.battery.data
    return {} if battery is None else {runtime.battery.site_id: battery}


def _units(runtime: EnphaseRuntimeData) -> Mapping[str, BatteryUnit]:
    status = runtime.battery.data.status if runtime.battery.data else None
    # A broken answer can give a battery the serial number of a charger.
    return {serial: unit for serial, unit in (status.units if status else {}).items() if serial not in runtime.chargers.data}


def _prices(runtime: EnphaseRuntimeData) -> Mapping[str, SitePrices]:
    prices = runtime.site.tariff.data
    return {} if prices is None else {runtime.site.tariff.site_id: prices}


SITE = Subjects(
    coordinator=lambda runtime: runtime.chargers,
    present=lambda runtime: {runtime.site_facts.site_id: runtime.site_facts},
)
CHARGERS = Subjects(coordinator=lambda runtime: runtime.chargers, present=lambda runtime: runtime.chargers.data, return_as_new=True)
# All batteries of a site together, and each of them.
BATTERY = Subjects(coordinator=lambda runtime: runtime.battery, present=_batteries)
LIVE = Subjects(coordinator=lambda runtime: runtime.live, present=lambda runtime: {runtime.live.site_id: runtime.live})
BATTERY_UNITS = Subjects(coordinator=lambda runtime: runtime.battery, present=_units)

# What is known of the grid's events, and the prices, of a site.
GRID = Subjects(
    coordinator=lambda runtime: runtime.site.grid_events,
    present=lambda runtime: {runtime.site.grid_events.site_id: runtime.site.grid_events.data},
)
# What the charging of each charger costs.
COSTS = Subjects(coordinator=lambda runtime: runtime.chargers, present=lambda runtime: runtime.site.costs.present, return_as_new=True)
# The planner of each charger, where there are prices to plan by.
PLANS = Subjects(coordinator=lambda runtime: runtime.chargers, present=lambda runtime: runtime.planner.present, return_as_new=True)
PRICES = Subjects(coordinator=lambda runtime: runtime.site.tariff, present=_prices)


@callback
def add_entities[CoordinatorT: DataUpdateCoordinator[Any], SubjectT, DescriptionT: SubjectDescription[Any]](
    entry: EnphaseConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    subjects: Subjects[CoordinatorT, SubjectT],
    descriptions: Iterable[DescriptionT],
    build: Callable[[CoordinatorT, DescriptionT, str], Entity],
) -> None:
    """Add the entities of all subjects of one kind: now, and whenever a subject or something that it can do shows up."""
    runtime = entry.runtime_data
    coordinator = subjects.coordinator(runtime)
    known: set[tuple[str, str]] = set()

    @callback
    def add_new() -> None:
        present = subjects.present(runtime)
        if subjects.return_as_new:
            known.intersection_update({key for key in known if key[0] in present})
        new = [
            (subject_id, description)
            for subject_id, subject in present.items()
            for description in descriptions
            if (subject_id, description.key) not in known and description.has_fn(subject)
        ]
        if not new:
            return
        known.update((subject_id, description.key) for subject_id, description in new)
        async_add_entities(build(coordinator, description, subject_id) for subject_id, description in new)

    add_new()
    entry.async_on_unload(coordinator.async_add_listener(add_new))


class SubjectEntity[CoordinatorT: DataUpdateCoordinator[Any], SubjectT](CoordinatorEntity[CoordinatorT]):
    """An entity of one subject. It writes its state only when what it shows has changed: most polls bring nothing new."""

    _attr_has_entity_name = True
    _shown: object = None
    _written_at: datetime | None = None

    def __init__(self, coordinator: CoordinatorT, description: SubjectDescription[SubjectT], subject_id: str) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._source = description.source
        self._reported_every = description.reported_every
        self._subject_id = subject_id
        self._attr_unique_id = f"{subject_id}_{description.key}"
        self._attr_device_info = self._device_info()

    @abstractmethod
    def _device_info(self) -> DeviceInfo:
        """Return the device that the entity belongs to."""

    @property
    @abstractmethod
    def subject(self) -> SubjectT | None:
        """Return what the entity is about as it stands; `None` where it is gone."""

    @property
    def shown_values(self) -> object:
        """Return what the entity shows."""
        return self.state, self.state_attributes, self.capability_attributes, self.extra_state_attributes

    @callback
    @override
    def _async_write_ha_state(self) -> None:
        # Home Assistant writes by itself, too: when an entity is added, and when an event of a calendar begins or ends.
        self._shown = (self.available, self.shown_values)
        self._written_at = datetime.now(UTC)
        super()._async_write_ha_state()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        if (self.available, self.shown_values) != self._shown or self._is_report_due:
            self.async_write_ha_state()

    @property
    def read_at(self) -> datetime | None:
        """Return when the source of the value last answered (UTC)."""
        return None

    @property
    def _is_report_due(self) -> bool:
        """Return whether a value that stands still is to be written, so that it is seen to be fresh."""
        every, written_at = self._reported_every, self._written_at
        if every is None or written_at is None or (read_at := self.read_at) is None:
            return False
        return read_at > written_at and datetime.now(UTC) >= written_at + every


class SiteEntity(SubjectEntity[ChargerCoordinator, SiteFacts]):
    """An entity of the site, about how the cloud answers. It is available while the cloud is silent, too."""

    @property
    @override
    def subject(self) -> SiteFacts:
        return self.coordinator.site

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    def _device_info(self) -> DeviceInfo:
        return site_device_info(self.coordinator.config_entry, self.subject)


class LiveEntity(SubjectEntity[LiveCoordinator, LiveCoordinator]):
    """An entity of the site, about its power at this moment."""

    @property
    @override
    def subject(self) -> LiveCoordinator:
        return self.coordinator

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.is_fresh

    @override
    def _device_info(self) -> DeviceInfo:
        return site_device_info(self.coordinator.config_entry, self.coordinator.chargers.site)


class SiteFactEntity[CoordinatorT: EnergyCoordinator | TariffCoordinator | GridEventsCoordinator, SubjectT](
    SubjectEntity[CoordinatorT, SubjectT]
):
    """An entity about the site as a whole, on its device."""

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.is_fresh and self.subject is not None

    @override
    def _device_info(self) -> DeviceInfo:
        return site_device_info(self.coordinator.config_entry, self.coordinator.config_entry.runtime_data.site_facts)


class GridEntity(SiteFactEntity[GridEventsCoordinator, GridSchedule]):
    """An entity of the events of a grid program."""

    @property
    @override
    def subject(self) -> GridSchedule:
        return self.coordinator.data


class ChargerEntity(SubjectEntity[ChargerCoordinator, Charger]):
    """An entity of a charger."""

    @property
    def _runtime(self) -> EnphaseRuntimeData:
        """Return what commands are sent with, and what changes schedules and settings."""
        entry: EnphaseConfigEntry = self.coordinator.config_entry
        return entry.runtime_data

    @property
    def charger(self) -> Charger:
        """Return the charger as it stands."""
        return self.coordinator.data[self._subject_id]

    @property
    @override
    def subject(self) -> Charger:
        return self.charger

    @property
    @override
    def available(self) -> bool:
        is_read = self.coordinator.is_source_fresh(self._subject_id, self._source)
        return is_read and self.coordinator.is_fresh(self._subject_id)

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        # The device of a charger that is gone is about to be removed, and its entities with it.
        if self._subject_id in self.coordinator.data:
            super()._handle_coordinator_update()

    @override
    def _device_info(self) -> DeviceInfo:
        charger, summary = self.charger, self.charger.summary
        return DeviceInfo(
            identifiers={(DOMAIN, charger.serial)},
            configuration_url=site_page(self.coordinator.site.site_id),
            manufacturer=MANUFACTURER,
            model=summary.model if summary else None,
            model_id=summary.sku if summary else None,
            name=charger.name,
            serial_number=charger.serial,
            sw_version=summary.firmware if summary else None,
            via_device_id=_device_id(self.coordinator, (DOMAIN, self.coordinator.site.site_id)),
        )


class BatteryEntity(SubjectEntity[BatteryCoordinator, Battery]):
    """An entity of all batteries of a site."""

    def __init__(self, coordinator: BatteryCoordinator, description: SubjectDescription[Battery], subject_id: str) -> None:
        super().__init__(coordinator, description, subject_id)
        if coordinator.data is None:
            raise LookupError("The site has no battery")
        self._battery = coordinator.data

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # Changes queue where they are made. If Home Assistant ran one entity after the other, they could never go out together.
        self.parallel_updates = None

    @property
    def battery(self) -> Battery:
        """Return the batteries as they stand, or stood last where there are none any more."""
        self._battery = self.coordinator.data or self._battery
        return self._battery

    @property
    @override
    def subject(self) -> Battery:
        return self.battery

    @property
    @override
    def available(self) -> bool:
        is_read = self.coordinator.optional.is_fresh(self._source, pace=self.coordinator.client.account.budget.pace)
        return is_read and self.coordinator.data is not None and self.coordinator.is_fresh

    @property
    @override
    def read_at(self) -> datetime | None:
        return self.coordinator.optional.answered_at(self._source.service) if self._source else self.coordinator.seen_at

    @override
    def _device_info(self) -> DeviceInfo:
        return battery_device_info(self.coordinator)


class LockableEntity(BatteryEntity):
    """A control of all batteries that Enphase can lock: then it is unavailable, and an attribute says why."""

    @property
    @abstractmethod
    def family(self) -> BatteryFamily | None:
        """Return whose control it is; `None` is never locked."""

    @property
    def _is_locked(self) -> bool:
        settings, family = self.battery.settings, self.family
        control = settings.control(family) if settings is not None and family is not None else None
        return control is not None and control.is_locked

    @property
    @override
    def available(self) -> bool:
        return super().available and not self._is_locked

    @property
    @override
    def capability_attributes(self) -> dict[str, Any] | None:
        attributes = super().capability_attributes
        # An entity that is unavailable has no other attributes.
        return {**(attributes or {}), "unavailable_reason": "locked"} if self._is_locked else attributes


class UnitEntity(SubjectEntity[BatteryCoordinator, BatteryUnit]):
    """An entity of one battery."""

    @property
    @override
    def subject(self) -> BatteryUnit | None:
        status = self.coordinator.data.status if self.coordinator.data else None
        return status.units.get(self._subject_id) if status else None

    @property
    @override
    def available(self) -> bool:
        is_read = self.coordinator.optional.is_fresh(BATTERY_STATUS, pace=self.coordinator.client.account.budget.pace)
        return is_read and self.subject is not None and self.coordinator.is_fresh

    @property
    @override
    def read_at(self) -> datetime | None:
        return self.coordinator.optional.answered_at(BATTERY_STATUS.service)

    @override
    def _device_info(self) -> DeviceInfo:
        serial = self._subject_id
        return DeviceInfo(
            identifiers={(DOMAIN, serial)},
            configuration_url=site_page(self.coordinator.site_id),
            manufacturer=MANUFACTURER,
            model="IQ Battery",
            # There are often several: their labels show the serial numbers.
            name=f"IQ Battery {serial[-4:]}",
            serial_number=serial,
            via_device_id=_device_id(self.coordinator, battery_identifier(self.coordinator.site_id)),
        )


def site_device_info(entry: ConfigEntry, site: SiteFacts) -> DeviceInfo:
    """Return the device that stands for the site."""
    return DeviceInfo(
        identifiers={(DOMAIN, site.site_id)},
        configuration_url=site_page(site.site_id),
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        name=entry.title,
    )


def battery_identifier(site_id: str) -> tuple[str, str]:
    """Return the identifier of the device that stands for all batteries of a site."""
    return DOMAIN, f"{site_id}_battery"


def battery_device_info(coordinator: BatteryCoordinator) -> DeviceInfo:
    """Return the device that stands for all batteries of a site."""
    return DeviceInfo(
        identifiers={battery_identifier(coordinator.site_id)},
        configuration_url=site_page(coordinator.site_id),
        manufacturer=MANUFACTURER,
        model="IQ Battery",
        translation_key="battery",
        via_device_id=_device_id(coordinator, (DOMAIN, coordinator.site_id)),
    )


def _device_id(coordinator: ChargerCoordinator | BatteryCoordinator, identifier: tuple[str, str]) -> str:
    """Return the id of a device of the same site."""
    entry_id = coordinator.config_entry.entry_id
    return dr.async_get_device_id_by_identifier(coordinator.hass, identifier, config_entry_id=entry_id)
