"""The sensors of the meter on a charger's circuit, where the gateway has one (docs/cloud-api/local.md §2)."""

from collections.abc import Callable

from ..enlighten import ChargerMeter, MeterPhase
from ..figures import COUNTED_WH, MEASURED_AMPERES, MEASURED_VOLTS, WATTS, EnphaseSensorDescription, Value, sensor, sensor_of_phase
from .model import Charger

_PHASES = 3
_OF_PHASE = {
    "power": (WATTS, lambda phase: phase.power),
    "current": (MEASURED_AMPERES, lambda phase: phase.current),
    "voltage": (MEASURED_VOLTS, lambda phase: phase.voltage),
}


def _of_meter(read: Callable[[ChargerMeter], Value]) -> Callable[[Charger], Value]:
    return lambda charger: read(charger.meter) if charger.meter else None


def _of_phase(phase: int, read: Callable[[MeterPhase], Value]) -> Callable[[Charger], Value]:
    return lambda charger: read(charger.meter.phases[phase]) if charger.meter and phase < len(charger.meter.phases) else None


def _has_meter(charger: Charger) -> bool:
    return charger.meter is not None


def _has_phase(phase: int) -> Callable[[Charger], bool]:
    # On one phase each is all there is.
    return lambda charger: charger.meter is not None and len(charger.meter.phases) > max(phase, 1)


METER_SENSORS: tuple[EnphaseSensorDescription[Charger], ...] = (
    sensor("meter_power", WATTS, _of_meter(lambda meter: meter.power), has_fn=_has_meter),
    sensor("meter_energy", COUNTED_WH, _of_meter(lambda meter: meter.energy), has_fn=_has_meter),
    sensor("meter_current", MEASURED_AMPERES, _of_meter(lambda meter: meter.current), has_fn=_has_meter),
    sensor("meter_voltage", MEASURED_VOLTS, _of_meter(lambda meter: meter.voltage), has_fn=_has_meter),
    *(
        sensor_of_phase(f"meter_{what}", phase, figure, _of_phase(phase, read), _has_phase(phase))
        for what, (figure, read) in _OF_PHASE.items()
        for phase in range(_PHASES)
    ),
)
