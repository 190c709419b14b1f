"""The power of chargers as it is measured: by the charger itself, by a meter of the gateway, or by a power sensor that a person has chosen.

The cloud tells none in its answers (docs/cloud-api/live.md §5), so what is measured goes before what is derived from energy.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, UnitOfPower
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util.unit_conversion import PowerConverter

from ..const import LOGGER
from ..enlighten import ChargerMeter
from .model import Charger
from .power import PowerReading, PowerSource

# Readings older than this are not the power of now.
_METER_FRESH_FOR = timedelta(seconds=60)
# W. A charger that does not charge draws less; a sensor that goes on to show more measures something else.
_MOST_IDLE = 100.0
# The cloud can be so late to say that a charger charges.
_DOUBTED_AFTER = timedelta(minutes=5)
# W. A reading outside of this is wrong: no charger draws more, and a clamp that is the wrong way round measures less than zero.
_MOST, _LEAST = 30_000.0, -50.0
_BETWEEN_STATES = timedelta(seconds=5)


class _ChosenSensor:
    """A power sensor, and whether it can be that of its charger."""

    def __init__(self, entity_id: str) -> None:
        self.entity_id = entity_id
        self._too_much_since: datetime | None = None
        self._is_implausible = False

    def power(self, state: State | None, *, is_charging: bool, now: datetime) -> float | None:
        """Return the power in W; `None` where the sensor shows none, or one that its charger cannot have."""
        watts = _watts(state)
        if watts is None or not _LEAST <= watts <= _MOST:
            return None
        if is_charging or watts <= _MOST_IDLE:
            self._too_much_since = None
        else:
            self._too_much_since = self._too_much_since or now
        is_proven_wrong = self._too_much_since is not None and now - self._too_much_since >= _DOUBTED_AFTER
        if is_proven_wrong and not self._is_implausible:
            LOGGER.warning("%s shows power while its charger does not charge: it is not used", self.entity_id)
        is_proven_right = not is_charging and watts <= _MOST_IDLE
        self._is_implausible = is_proven_wrong or (self._is_implausible and not is_proven_right)
        return None if self._is_implausible else max(watts, 0.0)


class MeasuredPower:
    """What is measured of the chargers of a site."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, sensors: Mapping[str, str], on_change: Callable[[], None]) -> None:
        self._hass = hass
        self._sensors = {serial: _ChosenSensor(entity_id) for serial, entity_id in sensors.items()}
        self._on_change = on_change
        # W that chargers have told themselves, and when, by serial number.
        self._streamed: dict[str, tuple[float, datetime]] = {}
        self._meter: ChargerMeter | None = None
        self._meter_at = self._shown_at = datetime.min.replace(tzinfo=UTC)
        if sensors:
            entry.async_on_unload(async_track_state_change_event(hass, set(sensors.values()), self._sensor_changed))

    @callback
    def take_meters(self, meters: list[ChargerMeter]) -> None:
        """Take in the readings of the gateway's meters, which do not say whose they are: where there are several, none counts."""
        before, now = self._meter, datetime.now(UTC)
        if len(meters) == 1:
            self._meter, self._meter_at = meters[0], now
        elif now - self._meter_at >= _METER_FRESH_FOR:
            self._meter = None
        if self._meter != before:
            self._on_change()

    @callback
    def take_stream(self, serial: str, watts: float) -> None:
        """Take in what a charger tells on its own topic, as often as once a second."""
        now = datetime.now(UTC)
        self._streamed[serial] = watts, now
        self._show_now_and_then(now)

    def measured(self, charger: Charger, *, is_only: bool) -> Charger:
        """Return a charger with its measured power, from the first source that has one."""
        now = datetime.now(UTC)
        is_fresh = now - self._meter_at < _METER_FRESH_FOR
        meter = self._meter if is_only and is_fresh else None
        streamed, streamed_at = self._streamed.get(charger.serial, (None, now))
        if streamed is not None and now - streamed_at < _METER_FRESH_FOR and _LEAST <= streamed <= _MOST:
            reading = PowerReading(round(max(streamed, 0.0)), is_estimated=False, source=PowerSource.CHARGER_STREAM)
            return replace(charger, meter=meter, power=reading)
        if meter is not None and meter.power is not None and _LEAST <= meter.power <= _MOST:
            reading = PowerReading(round(max(meter.power, 0.0)), is_estimated=False, source=PowerSource.GATEWAY_METER)
            return replace(charger, meter=meter, power=reading)
        power, sensor = charger.power, self._sensors.get(charger.serial)
        if sensor is not None:
            watts = sensor.power(self._hass.states.get(sensor.entity_id), is_charging=charger.status.is_charging, now=now)
            if watts is not None:
                power = PowerReading(round(watts), is_estimated=False, source=PowerSource.POWER_SENSOR)
        return replace(charger, meter=meter, power=power)

    @callback
    def _sensor_changed(self, event: Event[EventStateChangedData]) -> None:
        self._show_now_and_then(datetime.now(UTC))

    def _show_now_and_then(self, now: datetime) -> None:
        # A stream tells a power every second: states are not written that often.
        if now - self._shown_at >= _BETWEEN_STATES:
            self._shown_at = now
            self._on_change()


def _watts(state: State | None) -> float | None:
    if state is None:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    try:
        value = float(state.state)
    except ValueError:
        return None
    return PowerConverter.convert(value, unit, UnitOfPower.WATT) if unit in PowerConverter.VALID_UNITS else None
