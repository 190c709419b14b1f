"""The entities of the planner of a charger. All but the switch come when somebody has used it."""

from dataclasses import dataclass
from datetime import time
from typing import Any, override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberEntityDescription, NumberMode
from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.components.time import TimeEntity, TimeEntityDescription
from homeassistant.const import UnitOfEnergy
from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.util.dt import as_local
from homeassistant.util.json import JsonValueType

from ..const import DOMAIN
from ..entity import SubjectDescription, SubjectEntity
from ..figures import COST, TIMESTAMP, Attributes, EnphaseSensor, EnphaseSensorDescription, Value, sensor
from .coordinator import ChargerCoordinator
from .planner import ChargePlanner, PlanShown

_LEAST_ENERGY, _MOST_ENERGY, _STEP_OF_ENERGY = 0.5, 200.0, 0.5


@dataclass(frozen=True, kw_only=True)
class PlanSwitchDescription(SubjectDescription[PlanShown], SwitchEntityDescription):
    """Describes the switch of a planner."""


@dataclass(frozen=True, kw_only=True)
class PlanTimeDescription(SubjectDescription[PlanShown], TimeEntityDescription):
    """Describes a time of a planner."""


@dataclass(frozen=True, kw_only=True)
class PlanNumberDescription(SubjectDescription[PlanShown], NumberEntityDescription):
    """Describes a number of a planner."""


def _is_known(shown: PlanShown) -> bool:
    return shown.is_known


PLAN_SWITCH = PlanSwitchDescription(key="planner", translation_key="planner")
PLAN_READY_BY = PlanTimeDescription(key="ready_by", translation_key="ready_by", has_fn=_is_known)
PLAN_ENERGY = PlanNumberDescription(
    key="energy_wanted",
    translation_key="energy_wanted",
    device_class=NumberDeviceClass.ENERGY,
    native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
    native_min_value=_LEAST_ENERGY,
    native_max_value=_MOST_ENERGY,
    native_step=_STEP_OF_ENERGY,
    mode=NumberMode.BOX,
    has_fn=_is_known,
)


def _planned_start(shown: PlanShown) -> Value:
    """Return when the charge that runs has begun, or else the next planned one begins."""
    if shown.started_at is not None:
        return shown.started_at
    return shown.plan.times[0].start if shown.plan is not None and shown.plan.times else None


def _start_attributes(shown: PlanShown) -> Attributes:
    times = shown.plan.times if shown.plan else ()
    listed: list[JsonValueType] = [{"start": as_local(one.start).isoformat(), "end": as_local(one.end).isoformat()} for one in times]
    notes: list[JsonValueType] = [note.value for note in sorted(shown.plan.notes)] if shown.plan else []
    return {
        "reason": shown.state.value,
        "times": listed,
        "ends_at": times[-1].end if times else None,
        "ready_by": shown.deadline,
        "energy": None if shown.remaining is None else round(shown.remaining, 1),
        "missing": round(shown.plan.missing, 1) if shown.plan else None,
        "notes": notes,
    }


def _cost_attributes(shown: PlanShown) -> Attributes:
    at_once = shown.plan.cost_at_once if shown.plan else None
    return {"cost_at_once": None if at_once is None else round(at_once, 2)}


PLAN_SENSORS: tuple[EnphaseSensorDescription[PlanShown], ...] = (
    sensor("planned_start", TIMESTAMP, _planned_start, has_fn=_is_known, attributes_fn=_start_attributes),
    sensor(
        "planned_cost",
        COST,
        lambda shown: shown.plan.cost if shown.plan else None,
        has_fn=_is_known,
        attributes_fn=_cost_attributes,
    ),
)


class PlanEntity(SubjectEntity[ChargerCoordinator, PlanShown]):
    """An entity of the planner of a charger, on its device. It has something to say while the cloud is silent, too."""

    @property
    def planner(self) -> ChargePlanner:
        """Return the planner of the site."""
        planner: ChargePlanner = self.coordinator.config_entry.runtime_data.planner
        return planner

    @property
    @override
    def subject(self) -> PlanShown | None:
        return self.planner.present.get(self._subject_id)

    @property
    @override
    def available(self) -> bool:
        return self.subject is not None

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        # The device of a charger that is gone is about to be removed, and its entities with it.
        if self.subject is not None:
            super()._handle_coordinator_update()

    @override
    def _device_info(self) -> DeviceInfo:
        return DeviceInfo(identifiers={(DOMAIN, self._subject_id)})


class PlanSwitch(PlanEntity, SwitchEntity):
    """Turns the planner of a charger on and off. What charges goes on."""

    @property
    @override
    def is_on(self) -> bool | None:
        return self.subject.is_on if self.subject else None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        if not self.is_on:
            self.planner.async_turn_on(self._subject_id)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self.planner.async_turn_off(self._subject_id)


class PlanReadyBy(PlanEntity, TimeEntity):
    """By which time of day of the site the car is to be ready."""

    @property
    @override
    def native_value(self) -> time | None:
        return self.subject.ready_by if self.subject else None

    @override
    async def async_set_value(self, value: time) -> None:
        self.planner.async_set_ready_by(self._subject_id, value.replace(second=0, microsecond=0))


class PlanEnergy(PlanEntity, NumberEntity):
    """How much the car is to get."""

    @property
    @override
    def native_value(self) -> float | None:
        return self.subject.energy if self.subject else None

    @override
    async def async_set_native_value(self, value: float) -> None:
        self.planner.async_set_energy(self._subject_id, value)


class PlanSensor(PlanEntity, EnphaseSensor[ChargerCoordinator, PlanShown]):
    """A sensor of a plan."""

    _unrecorded_attributes = frozenset({"times"})

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        is_cost = self.entity_description.key == "planned_cost"
        return self.subject.currency if is_cost and self.subject else super().native_unit_of_measurement
