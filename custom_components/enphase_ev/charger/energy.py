"""Energy counters that are safe for statistics: a lifetime that only grows, and a day that begins at the site's midnight."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

from mashumaro import DataClassDictMixin

# Small steps back are noise of the cloud's arithmetic (docs/cloud-api/chargers.md §8).
_JITTER = 20.0
# One source can lag behind the other and repeat old reports: the cloud lags behind the gateway by a report or two.
_LONGEST_LAG = timedelta(hours=1)
# More than this between two reports needs a second report to be believed: what any hardware can draw, doubled, and an allowance.
_ALLOWANCE = 1000.0
_MOST_WATTS = 25_000.0
# What is known about a charger's hardware is nominal. It is held against gaps that are longer than an hour; in shorter ones it says little.
_ABOVE_NOMINAL = 1.1
# h. No charger works at full power for longer on one day.
_MOST_HOURS_AT_FULL_POWER = 20.0
_SECONDS_PER_HOUR = 3600
# For this long a zero in place of the counter is taken for a missed answer.
_ZERO_IS_MISSED_FOR = timedelta(hours=1)
# For this long a replaced counter is remembered: it may come back.
_COMES_BACK_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class Reading(DataClassDictMixin):
    """A counter's value in Wh and when the charger reported it (UTC; `None` where the cloud does not say)."""

    energy: float
    reported_at: datetime | None

    def is_same_report(self, other: Self) -> bool:
        """Return whether two readings may be one and the same report."""
        if self.reported_at is None or other.reported_at is None:
            return self.energy == other.energy
        return self.reported_at == other.reported_at


@dataclass(frozen=True)
class LifetimeMeter(DataClassDictMixin):
    """The lifetime counter of one charger.

    Attributes:
        value: what is shown, in Wh.
        accepted: the reading behind it.
        doubted: a reading that would be a reset or a leap, until a second, different report bears it out.
        offset: Wh that are shown beyond the charger's own counter, since that was replaced by one which had counted elsewhere.
        zero_since: since when there has been a zero in place of the counter (UTC).
        before, before_offset: the last reading of the counter that was replaced, and the offset that went with it.
    """

    value: float
    accepted: Reading
    doubted: Reading | None = None
    offset: float = 0.0
    zero_since: datetime | None = None
    before: Reading | None = None
    before_offset: float = 0.0

    @classmethod
    def start(cls, reading: Reading) -> Self:
        """Begin with the first reading."""
        return cls(reading.energy, reading)

    def take(self, reading: Reading, most_watts: float | None = None) -> Self:
        """Return the meter after a reading; one that is older than what is known says nothing new.

        `most_watts` is what the charger's hardware draws at most, where that is known.
        """
        known, told = self.accepted.reported_at, reading.reported_at
        if known is not None and told is not None and timedelta(0) < known - told < _LONGEST_LAG:
            return self
        if reading.energy <= 0 and self.accepted.energy > _ALLOWANCE:
            return self._take_zero(reading)
        counted = reading.energy + self.offset
        if self.value - _JITTER <= counted <= self.value + _most_gained(self.accepted, reading, most_watts):
            return replace(self, value=max(self.value, counted), accepted=reading, doubted=None, zero_since=None)
        doubted = self.doubted
        if doubted is None or not self._bears_out(reading, doubted):
            return replace(self, doubted=reading)
        if reading.is_same_report(doubted):
            return self
        return self._start_over(reading, doubted, most_watts)

    def seconds_since(self, before: Self) -> float:
        """Return how long after another state of the meter this one was reported; 0 where the cloud does not say."""
        if self.accepted.reported_at is None or before.accepted.reported_at is None:
            return 0.0
        return (self.accepted.reported_at - before.accepted.reported_at).total_seconds()

    def _take_zero(self, reading: Reading) -> Self:
        """Return the meter after a zero beside a counter that was never near it.

        For an hour the zero is taken for a missed answer. After that the counter may have been replaced, which shows once the new one has
        counted something; until then the value stays.
        """
        if self.zero_since is None or reading.reported_at is None:
            return replace(self, zero_since=reading.reported_at)
        if reading.reported_at - self.zero_since < _ZERO_IS_MISSED_FOR or self.doubted is not None:
            return self
        return replace(self, doubted=reading)

    def _start_over(self, reading: Reading, doubted: Reading, most_watts: float | None) -> Self:
        """Return the meter after a second report has confirmed a counter that does not go on from the last one.

        If it is the counter that was replaced before, it goes on from there. If it began at zero, it is shown as it is: Home Assistant's
        statistics recognize a reset. Any other number would be a leap in the statistics, so only what it gains from here on counts.
        """
        over = replace(self, accepted=reading, doubted=None, zero_since=None, before=self.accepted)
        if self._is_back(reading, most_watts):
            value = max(self.value, reading.energy + self.before_offset)
            return replace(over, value=value, offset=value - reading.energy, before_offset=self.offset)
        if reading.energy <= min(self.value / 2, _most_gained(self.accepted, reading, most_watts)):
            return replace(over, value=reading.energy, offset=0.0, before_offset=-self.accepted.energy)
        value = self.value + max(reading.energy - doubted.energy, 0.0)
        return replace(over, value=value, offset=value - reading.energy, before_offset=self.offset)

    def _is_back(self, reading: Reading, most_watts: float | None) -> bool:
        """Return whether a reading goes on from the counter that was replaced."""
        if self.before is None or reading.reported_at is None or self.before.reported_at is None:
            return False
        gained = reading.energy - self.before.energy
        is_in_time = reading.reported_at - self.before.reported_at <= _COMES_BACK_WITHIN
        return is_in_time and -_JITTER <= gained <= _most_gained(self.before, reading, most_watts)

    def _bears_out(self, reading: Reading, doubted: Reading) -> bool:
        """Return whether a reading confirms the one in doubt: it goes on from there, and is a step back, or a leap, as that was."""
        is_reset = doubted.energy + self.offset < self.value
        return reading.energy >= doubted.energy - _JITTER and (reading.energy + self.offset < self.value) == is_reset


def _most_gained(before: Reading, reading: Reading, most_watts: float | None) -> float:
    """Return the most that can have been counted between two readings, in Wh."""
    if reading.reported_at is None or before.reported_at is None:
        return float("inf")
    hours = max((reading.reported_at - before.reported_at).total_seconds(), 0.0) / _SECONDS_PER_HOUR
    usual = 2 * _MOST_WATTS if most_watts is None else _ABOVE_NOMINAL * most_watts
    return _ALLOWANCE + 2 * _MOST_WATTS * min(hours, 1.0) + usual * max(hours - 1.0, 0.0)


def is_believable_day(energy: float, elapsed: timedelta, most_watts: float | None) -> bool:
    """Return whether a charger can have counted so much (Wh) since the day began."""
    hours = min(elapsed.total_seconds() / _SECONDS_PER_HOUR, _MOST_HOURS_AT_FULL_POWER)
    return 0.0 <= energy <= _ALLOWANCE + (most_watts or _MOST_WATTS) * hours


@dataclass(frozen=True)
class DayMeter(DataClassDictMixin):
    """The energy of one day of the site.

    Attributes:
        day: in the site's zone.
        energy: Wh counted so far.
        lifetime: the lifetime counter's value, in Wh, up to which the day has counted.
    """

    day: date
    energy: float
    lifetime: float

    def take(self, lifetime: float, reported_on: date, today: date) -> Self:
        """Return the meter after the lifetime counter was read.

        What it gained belongs to the day on which the charger reported it. A counter that stepped back began at zero: what it shows now
        was counted since.
        """
        gained = lifetime - self.lifetime if lifetime >= self.lifetime else lifetime
        before = self.energy if today == self.day else 0.0
        return replace(self, day=today, energy=before + gained if reported_on == today else before, lifetime=lifetime)
