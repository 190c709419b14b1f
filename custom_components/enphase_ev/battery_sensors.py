"""The sensors of the batteries: what they hold, do and were asked to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorEntityDescription, SensorStateClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfEnergy, UnitOfPower
from homeassistant.helpers.typing import StateType

from .battery.model import ACTIVITIES, PROFILES, Battery, activity_of, profile_shown
from .battery.override import OverrideAction
from .battery.tickets import ChangeState
from .battery_entity import BatteryEntity, BatteryEntityDescription, UnitEntity, UnitEntityDescription
from .enlighten import BatteryFamily, BatteryStatus, BatteryUnit


@dataclass(frozen=True, kw_only=True)
class BatterySensorDescription(BatteryEntityDescription, SensorEntityDescription):
    """Describes a sensor of all batteries; an enum's value outside its options counts as unknown."""

    value_fn: Callable[[Battery], StateType]
    attributes_fn: Callable[[Battery], Mapping[str, StateType | datetime]] | None = None


@dataclass(frozen=True, kw_only=True)
class UnitSensorDescription(UnitEntityDescription, SensorEntityDescription):
    """Describes a sensor of one battery."""

    value_fn: Callable[[BatteryUnit], StateType]


def _of_status(read: Callable[[BatteryStatus], StateType]) -> Callable[[Battery], StateType]:
    return lambda battery: read(battery.status) if battery.status else None


def _count_schedules(family: BatteryFamily, battery: Battery) -> int | None:
    return len(battery.schedules.of(family)) if battery.schedules else None


def _change_attributes(battery: Battery) -> Mapping[str, StateType | datetime]:
    change = battery.change
    return {"what": change.what, "since": change.since, "reason": change.reason} if change else {}


def _pending_state(battery: Battery) -> str:
    change = battery.change
    if change is None or change.state is ChangeState.APPLIED:
        return ChangeState.WAITING.value if battery.is_pending else "none"
    return change.state.value


_OVERRIDES = {action.family: action.value for action in OverrideAction}


def _override_attributes(battery: Battery) -> Mapping[str, StateType | datetime]:
    override = battery.override
    if override is None:
        return {}
    return {"since": override.started_at, "ends_at": override.ends_at, "until_state_of_charge": override.until_charge}


_GRID_MODES = {
    "ImportExport": "import_export",
    "ImportOnly": "import_only",
    "ExportOnly": "export_only",
    "NoImportOrExport": "no_import_or_export",
}

BATTERY_SENSORS = (
    BatterySensorDescription(
        key="state_of_charge",
        translation_key="state_of_charge",
        device_class=SensorDeviceClass.BATTERY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=0,
        value_fn=_of_status(lambda status: status.state_of_charge),
    ),
    BatterySensorDescription(
        key="available_energy",
        translation_key="available_energy",
        device_class=SensorDeviceClass.ENERGY_STORAGE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        value_fn=_of_status(lambda status: status.available_energy),
    ),
    BatterySensorDescription(
        key="capacity",
        translation_key="capacity",
        device_class=SensorDeviceClass.ENERGY_STORAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=1,
        value_fn=_of_status(lambda status: status.capacity),
    ),
    BatterySensorDescription(
        key="available_power",
        translation_key="available_power",
        device_class=SensorDeviceClass.POWER,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfPower.KILO_WATT,
        suggested_display_precision=2,
        value_fn=_of_status(lambda status: status.available_power),
    ),
    BatterySensorDescription(
        key="battery_status",
        translation_key="battery_status",
        device_class=SensorDeviceClass.ENUM,
        options=list(ACTIVITIES),
        value_fn=lambda battery: battery.activity,
    ),
    BatterySensorDescription(
        key="grid_mode",
        translation_key="grid_mode",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=list(_GRID_MODES.values()),
        has_fn=lambda battery: battery.settings is not None and battery.settings.grid_mode is not None,
        value_fn=lambda battery: _GRID_MODES.get((battery.settings.grid_mode if battery.settings else None) or ""),
    ),
    BatterySensorDescription(
        key="system_profile",
        translation_key="system_profile",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=list(PROFILES),
        value_fn=profile_shown,
    ),
    BatterySensorDescription(
        key="pending_change",
        translation_key="pending_change",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=["none", "requested", "waiting_for_gateway", "failed"],
        value_fn=_pending_state,
        attributes_fn=_change_attributes,
    ),
    BatterySensorDescription(
        key="override",
        translation_key="override",
        device_class=SensorDeviceClass.ENUM,
        options=["none", *_OVERRIDES.values()],
        has_fn=lambda battery: battery.may_write,
        value_fn=lambda battery: _OVERRIDES[battery.override.entry.family] if battery.override else "none",
        attributes_fn=_override_attributes,
    ),
    *(
        BatterySensorDescription(
            key=f"{family.name.lower()}_schedules",
            translation_key=f"{family.name.lower()}_schedules",
            entity_category=EntityCategory.DIAGNOSTIC,
            entity_registry_enabled_default=False,
            has_fn=partial(Battery.has_schedules, family=family),
            value_fn=partial(_count_schedules, family),
        )
        for family in BatteryFamily
    ),
)

UNIT_SENSORS = (
    UnitSensorDescription(
        key="state_of_charge",
        translation_key="state_of_charge",
        device_class=SensorDeviceClass.BATTERY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=0,
        value_fn=lambda unit: unit.state_of_charge,
    ),
    UnitSensorDescription(
        key="health",
        translation_key="health",
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=0,
        has_fn=lambda unit: unit.health is not None,
        value_fn=lambda unit: unit.health,
    ),
    UnitSensorDescription(
        key="cycle_count",
        translation_key="cycle_count",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        has_fn=lambda unit: unit.cycle_count is not None,
        value_fn=lambda unit: unit.cycle_count,
    ),
    UnitSensorDescription(
        key="status",
        translation_key="unit_status",
        device_class=SensorDeviceClass.ENUM,
        options=list(ACTIVITIES),
        value_fn=activity_of,
    ),
    UnitSensorDescription(
        key="available_power",
        translation_key="available_power",
        device_class=SensorDeviceClass.POWER,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfPower.KILO_WATT,
        suggested_display_precision=2,
        has_fn=lambda unit: unit.available_power is not None,
        value_fn=lambda unit: unit.available_power,
    ),
)


class BatterySensor(BatteryEntity, SensorEntity):
    """A sensor of all batteries."""

    entity_description: BatterySensorDescription

    @property
    @override
    def shown_values(self) -> object:
        return self.native_value, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> StateType:
        value = self.entity_description.value_fn(self.battery)
        options = self.entity_description.options
        return value if options is None or value in options else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType | datetime] | None:
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.battery) if attributes_fn else None


class UnitSensor(UnitEntity, SensorEntity):
    """A sensor of one battery."""

    entity_description: UnitSensorDescription

    @property
    @override
    def shown_values(self) -> object:
        return self.native_value, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value_fn(self.unit) if self.unit else None
