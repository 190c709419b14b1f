"""The kinds of figures that sensors show, and how a line about one becomes a description for Home Assistant."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorEntityDescription, SensorStateClass
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfLength,
    UnitOfPower,
    UnitOfTime,
)
from homeassistant.helpers.typing import UNDEFINED, StateType, UndefinedType
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util.json import JsonValueType

from .entity import SubjectDescription, SubjectEntity
from .freshness import SOURCE_OF_SENSOR

type Value = StateType | datetime
type Attributes = Mapping[str, Value | JsonValueType]


@dataclass(frozen=True, kw_only=True)
class EnphaseSensorDescription[SubjectT](SubjectDescription[SubjectT], SensorEntityDescription):
    """Describes a sensor; an enum's value outside its options counts as unknown. `placeholders` are those of its name."""

    value_fn: Callable[[SubjectT], Value]
    attributes_fn: Callable[[SubjectT], Attributes] | None = None
    placeholders: Mapping[str, str] | None = None


class Place(Enum):
    """Where a person finds a sensor: among the main ones, among the diagnostic ones, or in one of both after enabling it."""

    MAIN = auto()
    DIAGNOSTIC = auto()
    MAIN_BUT_OFF = auto()
    OFF_BY_DEFAULT = auto()


@dataclass(frozen=True)
class Figure:
    """What kind of figure a sensor shows, for Home Assistant to show, convert and keep.

    Attributes:
        unit: in which the value comes.
        shown_in: the unit to show it in, where that is another one.
        digits: after the decimal point.
        reported_every: how often it is written although it has not changed.
    """

    device_class: SensorDeviceClass | None = None
    unit: str | None = None
    state_class: SensorStateClass | None = None
    digits: int | None = None
    shown_in: str | None = None
    reported_every: timedelta | None = None


_MEASURED, _COUNTED = SensorStateClass.MEASUREMENT, SensorStateClass.TOTAL_INCREASING
PLAIN = Figure()
ENUM = Figure(SensorDeviceClass.ENUM)
TIMESTAMP = Figure(SensorDeviceClass.TIMESTAMP)
AMPERES = Figure(SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, _MEASURED, digits=0)
LIMIT_AMPERES = Figure(SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, digits=0)
MEASURED_AMPERES = Figure(SensorDeviceClass.CURRENT, UnitOfElectricCurrent.AMPERE, _MEASURED, digits=1)
MEASURED_VOLTS = Figure(SensorDeviceClass.VOLTAGE, UnitOfElectricPotential.VOLT, _MEASURED, digits=0)
WATTS = Figure(SensorDeviceClass.POWER, UnitOfPower.WATT, _MEASURED, digits=0)
MOST_KILOWATTS = Figure(SensorDeviceClass.POWER, UnitOfPower.KILO_WATT, digits=2)
ENERGY_OF_SESSION = Figure(SensorDeviceClass.ENERGY, UnitOfEnergy.KILO_WATT_HOUR, digits=2)
COUNTED_KWH = Figure(SensorDeviceClass.ENERGY, UnitOfEnergy.KILO_WATT_HOUR, _COUNTED, digits=2)
COUNTED_WH = Figure(SensorDeviceClass.ENERGY, UnitOfEnergy.WATT_HOUR, _COUNTED, digits=2, shown_in=UnitOfEnergy.KILO_WATT_HOUR)
STORED_KWH = Figure(SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, _MEASURED, digits=2)
CAPACITY = Figure(SensorDeviceClass.ENERGY_STORAGE, UnitOfEnergy.KILO_WATT_HOUR, _MEASURED, digits=1)
# Who steers by it takes it for true when it was written within ten minutes, as a rule. It is read every two.
STATE_OF_CHARGE = Figure(SensorDeviceClass.BATTERY, PERCENTAGE, _MEASURED, digits=0, reported_every=timedelta(minutes=4))
PERCENT = Figure(unit=PERCENTAGE, state_class=_MEASURED, digits=0)
COUNT_UP = Figure(state_class=_COUNTED)
COUNT = Figure(state_class=_MEASURED)
# Shown as 6h 7m, not as 367m.
MINUTES = Figure(SensorDeviceClass.DURATION, UnitOfTime.MINUTES, shown_in=UnitOfTime.HOURS)
SECONDS = Figure(SensorDeviceClass.DURATION, UnitOfTime.SECONDS, digits=0)
MILES = Figure(SensorDeviceClass.DISTANCE, UnitOfLength.MILES, digits=0)
# In the currency that only the tariff and Home Assistant know.
COST = Figure(SensorDeviceClass.MONETARY, digits=2)
TOTAL_COST = Figure(SensorDeviceClass.MONETARY, state_class=SensorStateClass.TOTAL, digits=2)
LATENCY = Figure(SensorDeviceClass.DURATION, UnitOfTime.MILLISECONDS, _MEASURED, digits=0)


def sensor[SubjectT](
    key: str,
    figure: Figure,
    value_fn: Callable[[SubjectT], Value],
    *,
    translation_key: str | UndefinedType | None = UNDEFINED,
    place: Place = Place.MAIN,
    options: Sequence[str] | None = None,
    has_fn: Callable[[SubjectT], bool] = lambda _: True,
    attributes_fn: Callable[[SubjectT], Attributes] | None = None,
) -> EnphaseSensorDescription[SubjectT]:
    """Describe a sensor; it is translated by its key unless something else is said, and `None` leaves its name to its device class."""
    return EnphaseSensorDescription(
        key=key,
        translation_key=key if translation_key is UNDEFINED else translation_key,
        device_class=figure.device_class,
        native_unit_of_measurement=figure.unit,
        suggested_unit_of_measurement=figure.shown_in,
        suggested_display_precision=figure.digits,
        state_class=figure.state_class,
        entity_category=None if place in {Place.MAIN, Place.MAIN_BUT_OFF} else EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=place in {Place.MAIN, Place.DIAGNOSTIC},
        options=None if options is None else list(options),
        reported_every=figure.reported_every,
        has_fn=has_fn,
        value_fn=value_fn,
        attributes_fn=attributes_fn,
    )


def sensor_of_phase[SubjectT](
    key: str, phase: int, figure: Figure, value_fn: Callable[[SubjectT], Value], has_fn: Callable[[SubjectT], bool]
) -> EnphaseSensorDescription[SubjectT]:
    """Describe the sensor of one phase, counted from 0, of what another sensor shows of all phases; it is off until a person enables it."""
    name = f"L{phase + 1}"
    description = sensor(
        f"{key}_{name.lower()}", figure, value_fn, translation_key=f"{key}_phase", place=Place.OFF_BY_DEFAULT, has_fn=has_fn
    )
    return replace(description, placeholders={"phase": name})


def sourced[SubjectT](descriptions: Iterable[EnphaseSensorDescription[SubjectT]]) -> list[EnphaseSensorDescription[SubjectT]]:
    """Return sensors with the sources that their values come from."""
    return [replace(description, source=SOURCE_OF_SENSOR.get(description.key)) for description in descriptions]


class EnphaseSensor[CoordinatorT: DataUpdateCoordinator[Any], SubjectT](SubjectEntity[CoordinatorT, SubjectT], SensorEntity):
    """A sensor, whatever it is about."""

    entity_description: EnphaseSensorDescription[SubjectT]

    def __init__(self, coordinator: CoordinatorT, description: EnphaseSensorDescription[SubjectT], subject_id: str) -> None:
        super().__init__(coordinator, description, subject_id)
        if description.placeholders is not None:
            self._attr_translation_placeholders = dict(description.placeholders)

    @property
    @override
    def shown_values(self) -> object:
        return self.native_value, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> Value:
        if self.subject is None:
            return None
        value, options = self.entity_description.value_fn(self.subject), self.entity_description.options
        return value if options is None or value in options else None

    @property
    @override
    def extra_state_attributes(self) -> Attributes | None:
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None or self.subject is None else attributes_fn(self.subject)
