"""The sensors of live power: what each of them shows, and when a change is worth a state (docs/cloud-api/live.md §3)."""

from collections.abc import Callable
from dataclasses import dataclass

from ..enlighten import GridRelay, LiveChannel, LivePower
from ..figures import ENUM, WATTS, EnphaseSensorDescription, Place, Value, sensor, sensor_of_phase
from .live import LiveCoordinator

# A change of one of these is worth a state.
_WATTS_WORTH_SHOWING = 10.0
_SHARE_WORTH_SHOWING = 0.01

_METERS: dict[str, Callable[[LivePower], LiveChannel]] = {
    "solar_power": lambda power: power.solar,
    "grid_power": lambda power: power.grid,
    "battery_power": lambda power: power.battery,
    "house_power": lambda power: power.house,
    "generator_power": lambda power: power.generator,
}
_BY_PHASE = ("solar_power", "grid_power", "battery_power", "house_power")
_PHASES = 3


@dataclass(frozen=True)
class _Power:
    """Reads the power of a meter, or of one of its phases, in W."""

    meter: Callable[[LivePower], LiveChannel]
    phase: int | None = None

    def __call__(self, live: LiveCoordinator) -> Value:
        if live.power is None:
            return None
        channel = self.meter(live.power)
        if self.phase is None:
            return round(channel.power)
        return round(channel.phases[self.phase]) if self.phase < len(channel.phases) else None


def _has(key: str) -> Callable[[LiveCoordinator], bool]:
    def has(live: LiveCoordinator) -> bool:
        if live.power is None:
            return False
        is_there = {"battery_power": live.has_battery, "generator_power": live.power.has_generator}
        return is_there.get(key, True)

    return has


def _has_phase(key: str, phase: int) -> Callable[[LiveCoordinator], bool]:
    has_meter = _has(key)

    def has(live: LiveCoordinator) -> bool:
        # On one phase each is all there is.
        phases = len(_METERS[key](live.power).phases) if live.power else 0
        return phases > max(phase, 1) and has_meter(live)

    return has


def _relay(live: LiveCoordinator) -> Value:
    return live.relay.name.lower() if live.relay else None


LIVE_SENSORS: tuple[EnphaseSensorDescription[LiveCoordinator], ...] = (
    *(sensor(key, WATTS, _Power(meter), has_fn=_has(key)) for key, meter in _METERS.items()),
    *(
        sensor_of_phase(key, phase, WATTS, _Power(_METERS[key], phase), _has_phase(key, phase))
        for key in _BY_PHASE
        for phase in range(_PHASES)
    ),
    sensor(
        "grid_relay",
        ENUM,
        _relay,
        place=Place.DIAGNOSTIC,
        options=[relay.name.lower() for relay in GridRelay],
        has_fn=lambda live: live.relay is not None,
    ),
)


def is_worth_showing(shown: Value, value: Value) -> bool:
    """Return whether a value differs so much from the one that is shown that it is worth a state."""
    if not isinstance(shown, int | float) or not isinstance(value, int | float):
        return shown != value
    change = abs(value - shown)
    return change >= _WATTS_WORTH_SHOWING or change > abs(shown) * _SHARE_WORTH_SHOWING
