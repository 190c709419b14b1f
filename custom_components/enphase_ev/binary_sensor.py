"""Binary sensors: yes or no about a charger, the batteries and the grid, and whether the cloud answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .battery.model import Battery
from .charger.model import Charger
from .entity import (
    BATTERY,
    CHARGERS,
    GRID,
    LIVE,
    SITE,
    BatteryEntity,
    ChargerEntity,
    LiveEntity,
    SiteEntity,
    SiteFactEntity,
    SubjectDescription,
    add_entities,
)
from .freshness import BATTERY_SETTINGS, STORM_ALERT
from .runtime import EnphaseConfigEntry
from .site.grid_schedule import GridEventsCoordinator, GridSchedule
from .site.live import LiveCoordinator
from .site.model import SiteFacts

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargerBinarySensorDescription(SubjectDescription[Charger], BinarySensorEntityDescription):
    """Describes a binary sensor of a charger."""

    value_fn: Callable[[Charger], bool | None]


CHARGER_BINARY_SENSORS = (
    ChargerBinarySensorDescription(
        key="plugged_in",
        translation_key="plugged_in",
        device_class=BinarySensorDeviceClass.PLUG,
        value_fn=lambda charger: charger.status.is_plugged_in,
    ),
    ChargerBinarySensorDescription(
        key="charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        value_fn=lambda charger: charger.status.is_charging,
    ),
    ChargerBinarySensorDescription(
        key="faulted",
        translation_key="faulted",
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=lambda charger: charger.status.is_faulted,
    ),
    ChargerBinarySensorDescription(
        key="connected",
        translation_key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda charger: charger.status.is_connected,
    ),
    ChargerBinarySensorDescription(
        key="dynamic_load_balancing",
        translation_key="dynamic_load_balancing",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda charger: charger.status.is_load_balanced,
    ),
    ChargerBinarySensorDescription(
        key="safe_limit",
        translation_key="safe_limit",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda charger: charger.is_at_safe_limit,
    ),
)


@dataclass(frozen=True, kw_only=True)
class SiteBinarySensorDescription(SubjectDescription[SiteFacts], BinarySensorEntityDescription):
    """Describes a binary sensor of the site."""


CLOUD_REACHABLE = SiteBinarySensorDescription(
    key="cloud_reachable",
    translation_key="cloud_reachable",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


@dataclass(frozen=True, kw_only=True)
class LiveBinarySensorDescription(SubjectDescription[LiveCoordinator], BinarySensorEntityDescription):
    """Describes a binary sensor about the site at this moment."""


ON_GRID = LiveBinarySensorDescription(
    key="on_grid",
    translation_key="on_grid",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    has_fn=lambda live: live.is_on_grid is not None,
)


@dataclass(frozen=True, kw_only=True)
class BatteryBinarySensorDescription(SubjectDescription[Battery], BinarySensorEntityDescription):
    """Describes a binary sensor of all batteries."""

    value_fn: Callable[[Battery], bool | None]


BATTERY_BINARY_SENSORS = (
    BatteryBinarySensorDescription(
        key="storm_alert",
        translation_key="storm_alert",
        source=STORM_ALERT,
        device_class=BinarySensorDeviceClass.SAFETY,
        value_fn=lambda battery: bool(battery.active_alerts),
    ),
    BatteryBinarySensorDescription(
        key="demand_response",
        translation_key="demand_response",
        source=BATTERY_SETTINGS,
        device_class=BinarySensorDeviceClass.RUNNING,
        has_fn=lambda battery: battery.settings is not None,
        value_fn=lambda battery: battery.settings.has_event if battery.settings else None,
    ),
)


@dataclass(frozen=True, kw_only=True)
class GridBinarySensorDescription(SubjectDescription[GridSchedule], BinarySensorEntityDescription):
    """Describes a binary sensor of the events of a grid program."""


GRID_EVENT_ACTIVE = GridBinarySensorDescription(
    key="grid_event_active",
    translation_key="grid_event_active",
    device_class=BinarySensorDeviceClass.RUNNING,
    has_fn=lambda grid: grid.program is not None,
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the binary sensors of an entry."""
    add_entities(entry, async_add_entities, SITE, [CLOUD_REACHABLE], CloudReachable)
    add_entities(entry, async_add_entities, LIVE, [ON_GRID], OnGrid)
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_BINARY_SENSORS, ChargerBinarySensor)
    add_entities(entry, async_add_entities, BATTERY, BATTERY_BINARY_SENSORS, BatteryBinarySensor)
    add_entities(entry, async_add_entities, GRID, [GRID_EVENT_ACTIVE], GridEventActive)


class ChargerBinarySensor(ChargerEntity, BinarySensorEntity):
    """A binary sensor of a charger."""

    entity_description: ChargerBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.charger)


class CloudReachable(SiteEntity, BinarySensorEntity):
    """Whether the cloud answered when it was asked last."""

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.last_update_success and self.coordinator.client.cloud_answers


class OnGrid(LiveEntity, BinarySensorEntity):
    """Whether the home is connected to the grid; known without live power, too, where anything tells it."""

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.is_on_grid is not None

    @property
    @override
    def is_on(self) -> bool | None:
        return self.coordinator.is_on_grid


class BatteryBinarySensor(BatteryEntity, BinarySensorEntity):
    """A binary sensor of all batteries."""

    entity_description: BatteryBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.battery)


class GridEventActive(SiteFactEntity[GridEventsCoordinator, GridSchedule], BinarySensorEntity):
    """Whether an event of a grid program is going on."""

    @property
    @override
    def subject(self) -> GridSchedule:
        return self.coordinator.data

    @property
    @override
    def is_on(self) -> bool:
        return self.subject.current(dt_util.utcnow()) is not None
