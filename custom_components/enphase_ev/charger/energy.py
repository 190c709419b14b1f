"""Energy counters that can be trusted: a lifetime that only grows, and a day that begins at the site's midnight."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

from mashumaro import DataClassDictMixin

# Small steps back are noise of the cloud's arithmetic (docs/cloud-api/chargers.md §8).
_JITTER = 20.0
# A source that lags behind the other one tells again what is known already: the cloud after the gateway, by a report or two.
_LONGEST_LAG = timedelta(hours=1)
# More than this between two reports needs a second report to be believed: what the hardware can draw, doubled, and an allowance.
_ALLOWANCE = 1000.0
_MOST_WATTS = 25_000.0
_SECONDS_PER_HOUR = 3600


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
    """

    value: float
    accepted: Reading
    doubted: Reading | None = None
    offset: float = 0.0

    @classmethod
    def start(cls, reading: Reading) -> Self:
        """Begin with the first reading."""
        return cls(reading.energy, reading)

    def take(self, reading: Reading) -> Self:
        """Return the meter after a reading; one that is older than what is known says nothing new."""
        known, told = self.accepted.reported_at, reading.reported_at
        if known is not None and told is not None and timedelta(0) < known - told < _LONGEST_LAG:
            return self
        counted = reading.energy + self.offset
        if self.value - _JITTER <= counted <= self.value + self._most_gained(reading):
            return replace(self, value=max(self.value, counted), accepted=reading, doubted=None)
        doubted = self.doubted
        if doubted is None or not self._bears_out(reading, doubted):
            return replace(self, doubted=reading)
        if reading.is_same_report(doubted):
            return self
        return self._start_over(reading, doubted)

    def seconds_since(self, before: Self) -> float:
        """Return how long after another state of the meter this one was reported; 0 where the cloud does not say."""
        if self.accepted.reported_at is None or before.accepted.reported_at is None:
            return 0.0
        return (self.accepted.reported_at - before.accepted.reported_at).total_seconds()

    def _start_over(self, reading: Reading, doubted: Reading) -> Self:
        """Return the meter after a counter that does not go on from the last one was borne out.

        One that began at zero is shown as it is: Home Assistant's statistics know a reset when they see one. Any other number would be a
        leap in them, so that only what is gained from here on counts.
        """
        if reading.energy <= min(self.value / 2, self._most_gained(reading)):
            return replace(self, value=reading.energy, accepted=reading, doubted=None, offset=0.0)
        value = self.value + max(reading.energy - doubted.energy, 0.0)
        return replace(self, value=value, accepted=reading, doubted=None, offset=value - reading.energy)

    def _bears_out(self, reading: Reading, doubted: Reading) -> bool:
        """Return whether a reading tells the same story as the one in doubt: it went on from there, on the same side."""
        is_reset = doubted.energy + self.offset < self.value
        return reading.energy >= doubted.energy - _JITTER and (reading.energy + self.offset < self.value) == is_reset

    def _most_gained(self, reading: Reading) -> float:
        """Return the most that can have been counted between the reading behind the value and this one, in Wh."""
        if reading.reported_at is None or self.accepted.reported_at is None:
            return float("inf")
        seconds = max((reading.reported_at - self.accepted.reported_at).total_seconds(), 0.0)
        return _ALLOWANCE + 2 * _MOST_WATTS * seconds / _SECONDS_PER_HOUR


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
