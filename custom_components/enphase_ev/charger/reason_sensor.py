"""The sensor that says why a charger does not charge."""

from typing import override

from homeassistant.util import dt as dt_util

from ..entity import ChargerEntity
from ..figures import ENUM, EnphaseSensor, EnphaseSensorDescription, Value, sensor
from .coordinator import ChargerCoordinator
from .model import Charger
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
        return reason_of(self.charger, is_known=is_known, now=dt_util.utcnow(), zone=self.coordinator.site.time_zone).value
