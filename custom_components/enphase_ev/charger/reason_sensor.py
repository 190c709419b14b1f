"""The sensor that says why a charger does not charge."""

from dataclasses import replace
from typing import override

from homeassistant.util import dt as dt_util

from ..entity import ChargerEntity
from ..figures import ENUM, EnphaseSensor, EnphaseSensorDescription, Value, sensor
from ..freshness import CHARGE_MODE
from .coordinator import ChargerCoordinator
from .model import Charger
from .plan_decision import PlanState
from .reason import ChargingReason, reason_of

CHARGING_REASON: EnphaseSensorDescription[Charger] = sensor(
    "charging_status_reason", ENUM, lambda _: None, options=[reason.value for reason in ChargingReason]
)


class ReasonSensor(ChargerEntity, EnphaseSensor[ChargerCoordinator, Charger]):
    """Why a charger does not charge; that the cloud is silent is one of the reasons."""

    @property
    @override
    def available(self) -> bool:
        return self._subject_id in self.coordinator.data

    @property
    @override
    def native_value(self) -> Value:
        is_known = self.coordinator.last_update_success and self.coordinator.is_fresh(self._subject_id)
        # A mode that nobody has told for long is no reason.
        is_mode_known = self.coordinator.is_source_fresh(self._subject_id, CHARGE_MODE)
        charger = self.charger if is_mode_known else replace(self.charger, preference=None)
        plan = self._runtime.planner.present.get(self._subject_id)
        waits_for_plan = plan is not None and plan.state in {PlanState.PLANNED, PlanState.NO_PRICES}
        zone = self.coordinator.site.time_zone
        return reason_of(charger, is_known=is_known, waits_for_plan=waits_for_plan, now=dt_util.utcnow(), zone=zone).value
