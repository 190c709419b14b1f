"""Sensors: what a charger does, draws and has counted, and how the cloud answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorEntityDescription, SensorStateClass
from homeassistant.const import EntityCategory, Platform, UnitOfElectricCurrent, UnitOfEnergy, UnitOfPower, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .battery_entity import (
    add_battery_entities,
    add_unit_entities,
)
from .battery_sensors import BATTERY_SENSORS, UNIT_SENSORS, BatterySensor, UnitSensor
from .charger.coordinator import ChargerCoordinator
from .charger.model import Charger, ChargerState, DataSource
from .const import DOMAIN
from .enlighten import (
    MOST_PER_HOUR,
    ChargeMode,
    ChargerSummary,
    ConfigurationKey,
    Feature,
    PastSession,
    PhaseMode,
)
from .entity import ChargerEntity, ChargerEntityDescription, SiteEntity, add_charger_entities
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 0

_LAST_SESSION = "last_session"
_DATA_SOURCE = "data_source"

_CONNECTOR_STATES = [
    "available",
    "preparing",
    "charging",
    "suspended",
    "suspended_ev",
    "suspended_evse",
    "finishing",
    "reserved",
    "unavailable",
    "faulted",
]
_CONNECTIONS = ["ethernet", "wifi", "cellular"]


@dataclass(frozen=True, kw_only=True)
class ChargerSensorDescription(ChargerEntityDescription, SensorEntityDescription):
    """Describes a sensor of a charger; an enum's value outside its options counts as unknown."""

    value_fn: Callable[[Charger], StateType | datetime]
    attributes_fn: Callable[[Charger], Mapping[str, StateType | datetime]] | None = None


@dataclass(frozen=True, kw_only=True)
class SiteSensorDescription(SensorEntityDescription):
    """Describes a sensor of the site."""

    value_fn: Callable[[ChargerCoordinator], StateType | datetime]
    attributes_fn: Callable[[ChargerCoordinator], Mapping[str, StateType]] = lambda _: {}


def _of_summary(read: Callable[[ChargerSummary], StateType]) -> Callable[[Charger], StateType]:
    return lambda charger: read(charger.summary) if charger.summary else None


def _has_mode(charger: Charger) -> bool:
    return charger.mode is not None


def _session_attributes(session: PastSession | None) -> Mapping[str, StateType | datetime]:
    """Return the figures of a session: times in UTC, the active time in seconds, the range in miles, the cost in the account's currency."""
    if session is None:
        return {}
    return {
        "start": session.started_at,
        "end": session.ended_at,
        "active_time": session.active_seconds,
        "cost": session.cost,
        "range_added": session.range_added,
    }


CHARGER_SENSORS = (
    ChargerSensorDescription(
        key="power",
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        value_fn=lambda charger: charger.power.watts if charger.power else None,
        attributes_fn=lambda charger: {"estimated": charger.power.is_estimated if charger.power else None},
    ),
    ChargerSensorDescription(
        key="session_energy",
        translation_key="session_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        value_fn=lambda charger: charger.status.session.energy if charger.status.session else None,
    ),
    ChargerSensorDescription(
        key="session_duration",
        translation_key="session_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        # Shown as 6h 7m, not as 367m.
        suggested_unit_of_measurement=UnitOfTime.HOURS,
        value_fn=lambda charger: None if charger.session_duration is None else charger.session_duration.total_seconds() / 60,
    ),
    ChargerSensorDescription(
        key="set_amps",
        translation_key="set_amps",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        value_fn=lambda charger: charger.set_level,
    ),
    ChargerSensorDescription(
        key="charge_mode",
        translation_key="charge_mode",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[mode.name.lower() for mode in ChargeMode],
        has_fn=_has_mode,
        value_fn=lambda charger: charger.mode_shown.name.lower() if charger.mode_shown else None,
    ),
    ChargerSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in ChargerState],
        value_fn=lambda charger: charger.state.value,
        attributes_fn=lambda charger: {"reason": charger.status.connector_reason},
    ),
    ChargerSensorDescription(
        key="lifetime_energy",
        translation_key="lifetime_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        value_fn=lambda charger: charger.lifetime_energy,
    ),
    ChargerSensorDescription(
        key="energy_today",
        translation_key="energy_today",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        value_fn=lambda charger: charger.energy_today,
    ),
    ChargerSensorDescription(
        key=_LAST_SESSION,
        translation_key="last_session",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        has_fn=lambda charger: charger.details.last_session is not None,
        value_fn=lambda charger: charger.details.last_session.energy if charger.details.last_session else None,
        attributes_fn=lambda charger: _session_attributes(charger.details.last_session),
    ),
    ChargerSensorDescription(
        key="connector_status",
        translation_key="connector_status",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=_CONNECTOR_STATES,
        value_fn=lambda charger: (charger.status.connector_status or "").lower() or None,
    ),
    ChargerSensorDescription(
        key="phase_mode",
        translation_key="phase_mode",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[mode.value for mode in PhaseMode],
        value_fn=_of_summary(lambda summary: summary.phase_mode),
    ),
    ChargerSensorDescription(
        key="min_amps",
        translation_key="min_amps",
        device_class=SensorDeviceClass.CURRENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        value_fn=_of_summary(lambda summary: summary.limits.min if summary.limits else None),
    ),
    ChargerSensorDescription(
        key="max_amps",
        translation_key="max_amps",
        device_class=SensorDeviceClass.CURRENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        value_fn=_of_summary(lambda summary: summary.limits.max if summary.limits else None),
    ),
    ChargerSensorDescription(
        key="connection",
        translation_key="connection",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=_CONNECTIONS,
        value_fn=_of_summary(lambda summary: (summary.connection or "").lower() or None),
    ),
    ChargerSensorDescription(
        key="ip_address",
        translation_key="ip_address",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_of_summary(lambda summary: summary.ip_address),
    ),
    ChargerSensorDescription(
        key="reporting_interval",
        translation_key="reporting_interval",
        device_class=SensorDeviceClass.DURATION,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_display_precision=0,
        value_fn=_of_summary(lambda summary: summary.reporting_interval),
    ),
    ChargerSensorDescription(
        key="last_reported",
        translation_key="last_reported",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda charger: charger.status.last_reported or (charger.summary.last_reported if charger.summary else None),
    ),
    ChargerSensorDescription(
        key="phase_switch_mode",
        translation_key="phase_switch_mode",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        has_fn=lambda charger: Feature.PHASE_SWITCH in charger.details.features,
        value_fn=lambda charger: charger.details.setting(ConfigurationKey.PHASE_SWITCH),
    ),
    ChargerSensorDescription(
        key=_DATA_SOURCE,
        translation_key="data_source",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[source.value for source in DataSource],
        has_fn=lambda charger: charger.source is not None,
        value_fn=lambda charger: charger.source.source if charger.source else None,
        attributes_fn=lambda charger: {"local_refused": charger.source.refusal if charger.source else None},
    ),
)

SITE_SENSORS = (
    SiteSensorDescription(
        key="last_successful_update",
        translation_key="last_successful_update",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.last_success,
    ),
    SiteSensorDescription(
        key="cloud_latency",
        translation_key="cloud_latency",
        device_class=SensorDeviceClass.DURATION,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=0,
        value_fn=lambda coordinator: None if coordinator.latency is None else round(coordinator.latency * 1000),
    ),
    SiteSensorDescription(
        key="requests_last_hour",
        translation_key="requests_last_hour",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.client.account.transport.requests.last_hour().total(),
        attributes_fn=lambda coordinator: {"limit": MOST_PER_HOUR, "slowed_down": round(coordinator.client.account.budget.pace, 1)},
    ),
    SiteSensorDescription(
        key="session_expires",
        translation_key="session_expires",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.client.account.session_expires_at,
    ),
    SiteSensorDescription(
        key="last_sign_in",
        translation_key="last_sign_in",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.client.account.state.signed_in_at,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the sensors of an entry."""
    coordinator = entry.runtime_data.chargers
    async_add_entities(SiteSensor(coordinator, description) for description in SITE_SENSORS)
    # What an earlier choice has brought, and this one does not have.
    if not entry.runtime_data.options.session_history:
        _remove_sensors(hass, coordinator, _LAST_SESSION)
    if coordinator.client.gateway is None:
        _remove_sensors(hass, coordinator, _DATA_SOURCE)
    add_charger_entities(entry, async_add_entities, CHARGER_SENSORS, ChargerSensor)
    add_battery_entities(entry, async_add_entities, BATTERY_SENSORS, BatterySensor)
    add_unit_entities(entry, async_add_entities, UNIT_SENSORS, UnitSensor)


@callback
def _remove_sensors(hass: HomeAssistant, coordinator: ChargerCoordinator, key: str) -> None:
    entities = er.async_get(hass)
    for serial in coordinator.data:
        if entity_id := entities.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{serial}_{key}"):
            entities.async_remove(entity_id)


class ChargerSensor(ChargerEntity, SensorEntity):
    """A sensor of a charger."""

    entity_description: ChargerSensorDescription

    @property
    @override
    def shown_values(self) -> object:
        return self.native_value, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> StateType | datetime:
        value = self.entity_description.value_fn(self.charger)
        options = self.entity_description.options
        return value if options is None or value in options else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType | datetime] | None:
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.charger) if attributes_fn else None


class SiteSensor(SiteEntity, SensorEntity):
    """A sensor of the site."""

    entity_description: SiteSensorDescription

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType]:
        return self.entity_description.attributes_fn(self.coordinator)

    @property
    @override
    def shown_values(self) -> object:
        return self.native_value, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> StateType | datetime:
        return self.entity_description.value_fn(self.coordinator)
