"""Binary sensors: yes or no about a charger, the batteries and the grid, and whether the cloud answers."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery, activity_of
from .battery.validation import window_of_entry
from .charger.coordinator import ChargerCoordinator
from .charger.model import Charger
from .enlighten import BatteryFamily, BatteryUnit
from .entity import (
    BATTERY,
    BATTERY_UNITS,
    CHARGERS,
    GRID,
    LIVE,
    SITE,
    BatteryEntity,
    ChargerEntity,
    GridEntity,
    LiveEntity,
    SiteEntity,
    SubjectDescription,
    SubjectEntity,
    UnitEntity,
    add_entities,
)
from .freshness import BATTERY_SCHEDULES, BATTERY_SETTINGS, BATTERY_STATUS, CHARGE_MODE, CHARGING_SCHEDULE, STORM_ALERT
from .runtime import EnphaseConfigEntry
from .site.grid_schedule import GridSchedule
from .site.live import LiveCoordinator
from .site.model import SiteFacts
from .site.refresh import async_ask_for_everything
from .weekly import WeeklyWindow, are_open

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
        # Without its class the editor would not offer "battery started charging" for a car. But the blueprint of the cheapest hours, as
        # people have imported it, finds it by its class when it runs, and automations with what was offered so far would fall silent.
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
        entity_registry_enabled_default=False,
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda charger: charger.status.is_connected,
    ),
    ChargerBinarySensorDescription(
        key="dynamic_load_balancing",
        translation_key="dynamic_load_balancing",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda charger: charger.status.is_load_balanced,
    ),
    ChargerBinarySensorDescription(
        key="safe_limit",
        translation_key="safe_limit",
        entity_registry_enabled_default=False,
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
        value_fn=lambda battery: battery.has_storm_alert,
    ),
    BatteryBinarySensorDescription(
        key="demand_response",
        translation_key="demand_response",
        entity_registry_enabled_default=False,
        source=BATTERY_SETTINGS,
        device_class=BinarySensorDeviceClass.RUNNING,
        has_fn=lambda battery: battery.settings is not None,
        value_fn=lambda battery: battery.settings.has_event if battery.settings else None,
    ),
    BatteryBinarySensorDescription(
        # Its status says the same, and so it does of each battery below.
        key="charging",
        entity_registry_enabled_default=False,
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        source=BATTERY_STATUS,
        value_fn=lambda battery: None if battery.activity is None else battery.activity == "charging",
    ),
    BatteryBinarySensorDescription(
        key="override_active",
        translation_key="override_active",
        entity_registry_enabled_default=False,
        device_class=BinarySensorDeviceClass.RUNNING,
        has_fn=lambda battery: battery.may_write,
        value_fn=lambda battery: battery.override is not None,
    ),
)

CHARGER_SCHEDULE_OPEN = ChargerBinarySensorDescription(
    key="schedule_open",
    translation_key="schedule_open",
    entity_registry_enabled_default=False,
    device_class=BinarySensorDeviceClass.RUNNING,
    source=CHARGING_SCHEDULE,
    has_fn=lambda charger: charger.details.slots is not None,
    value_fn=lambda _: None,
)

BATTERY_SCHEDULE_OPEN = BatteryBinarySensorDescription(
    key="schedule_open",
    translation_key="schedule_open",
    entity_registry_enabled_default=False,
    device_class=BinarySensorDeviceClass.RUNNING,
    source=BATTERY_SCHEDULES,
    has_fn=lambda battery: any(battery.has_schedules(family) for family in BatteryFamily),
    value_fn=lambda _: None,
)


@dataclass(frozen=True, kw_only=True)
class UnitBinarySensorDescription(SubjectDescription[BatteryUnit], BinarySensorEntityDescription):
    """Describes a binary sensor of one battery."""


UNIT_CHARGING = UnitBinarySensorDescription(
    key="charging", device_class=BinarySensorDeviceClass.BATTERY_CHARGING, entity_registry_enabled_default=False
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
    add_entities(entry, async_add_entities, CHARGERS, [CHARGER_SCHEDULE_OPEN], ChargerScheduleOpen)
    add_entities(entry, async_add_entities, BATTERY, [BATTERY_SCHEDULE_OPEN], BatteryScheduleOpen)
    add_entities(entry, async_add_entities, BATTERY_UNITS, [UNIT_CHARGING], UnitCharging)
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
        return self.coordinator.is_reachable

    @override
    async def async_update(self) -> None:
        """Ask for everything now, as a person wants who calls `homeassistant.update_entity`."""
        entry: EnphaseConfigEntry = self.coordinator.config_entry
        await async_ask_for_everything(entry.runtime_data)


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


class UnitCharging(UnitEntity, BinarySensorEntity):
    """Whether one battery charges."""

    @property
    @override
    def is_on(self) -> bool | None:
        activity = activity_of(self.subject) if self.subject else None
        return None if activity is None else activity == "charging"


class _ScheduleOpen[CoordinatorT: DataUpdateCoordinator[Any], SubjectT](SubjectEntity[CoordinatorT, SubjectT], BinarySensorEntity):
    """Whether a schedule that is in force is open now. It is written when one begins or ends, to the second."""

    _cancel: CALLBACK_TYPE | None = None

    @abstractmethod
    def _windows(self) -> Iterator[tuple[WeeklyWindow, tzinfo]]:
        """Yield the windows of the schedules that are in force."""

    @property
    @override
    def is_on(self) -> bool:
        return are_open(self._windows(), dt_util.utcnow())[0]

    @override
    async def async_will_remove_from_hass(self) -> None:
        self._disarm()

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._arm()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._arm()
        super()._handle_coordinator_update()

    @callback
    def _at_edge(self, _now: datetime) -> None:
        self._cancel = None
        self.async_write_ha_state()
        self._arm()

    def _arm(self) -> None:
        self._disarm()
        _, next_edge = are_open(self._windows(), dt_util.utcnow())
        if next_edge is not None:
            self._cancel = async_track_point_in_utc_time(self.hass, self._at_edge, next_edge)

    def _disarm(self) -> None:
        if self._cancel is not None:
            self._cancel()
        self._cancel = None


class ChargerScheduleOpen(ChargerEntity, _ScheduleOpen[ChargerCoordinator, Charger]):
    """Whether the charger is in scheduled mode, and one of its schedules is open."""

    @property
    @override
    def available(self) -> bool:
        return super().available and self.coordinator.is_source_fresh(self._subject_id, CHARGE_MODE)

    @override
    def _windows(self) -> Iterator[tuple[WeeklyWindow, tzinfo]]:
        for slot in self.charger.details.slots or ():
            if slot.is_enabled and self.charger.runs_schedules and slot.start is not None and slot.end is not None:
                yield WeeklyWindow(slot.start, slot.end, slot.days), self.coordinator.site.time_zone


class BatteryScheduleOpen(BatteryEntity, _ScheduleOpen[BatteryCoordinator, Battery]):
    """Whether a schedule of the batteries is open whose kind is switched on."""

    @property
    @override
    def available(self) -> bool:
        pace = self.coordinator.client.account.budget.pace
        return super().available and self.coordinator.optional.is_fresh(BATTERY_SETTINGS, pace=pace)

    @override
    def _windows(self) -> Iterator[tuple[WeeklyWindow, tzinfo]]:
        schedules = self.battery.schedules
        for entry in schedules.entries if schedules else ():
            # What an entry says of itself is not in force (docs/cloud-api/battery.md §4).
            if self.battery.is_running(entry.family):
                yield window_of_entry(entry), self.coordinator.zone_of(entry)


class GridEventActive(GridEntity, BinarySensorEntity):
    """Whether an event of a grid program is going on."""

    @property
    @override
    def is_on(self) -> bool:
        return self.subject.current(dt_util.utcnow()) is not None
