"""A counter that holds its value while the cloud corrects what it said, and misses nothing while Home Assistant is off."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Self

from mashumaro import DataClassDictMixin

# How many days are remembered: the cloud does not correct older ones by anything that matters.
_DAYS_KEPT = 8
# Wh. No site counts more on a day: a wrong number beyond it would stay in people's statistics for good.
_MOST_PER_DAY = 20e6
# Wh. A counter goes on from where another one stood only if the two are this near to each other: more would be a leap in the statistics.
_LONGEST_STEP = 100e3


@dataclass(frozen=True)
class EnergyCounter(DataClassDictMixin):
    """The energy of one channel of a site (docs/cloud-api/energy.md §3).

    Attributes:
        value: what is shown, in Wh; it only grows.
        counted: Wh of each of the last days that are in the value.
        continues: whether it has been compared with what was shown before it began.
    """

    value: float = 0.0
    counted: dict[date, float] = field(default_factory=dict)
    continues: bool = False

    @classmethod
    def start(cls, days: Iterable[tuple[date, float]]) -> Self:
        """Begin with all days that are known."""
        return cls().take(days)

    def take(self, days: Iterable[tuple[date, float]]) -> Self:
        """Return the counter after days were read, each with its energy (Wh).

        A day that has more than was counted adds the difference. One that has less changes nothing: the cloud corrects itself, or the
        answer was missed. Days before those that are remembered were counted long ago.
        """
        value, counted = self.value, dict(self.counted)
        for day, energy in sorted(days):
            if not 0 < energy <= _MOST_PER_DAY or (counted and day < min(counted)):
                continue
            value += max(energy - counted.get(day, 0.0), 0.0)
            counted[day] = max(energy, counted.get(day, 0.0))
            oldest = max(counted) - timedelta(days=_DAYS_KEPT)
            counted = {one: known for one, known in counted.items() if one > oldest}
        return replace(self, value=value, counted=counted)

    def go_on_from(self, shown: float) -> Self:
        """Return the counter as the successor of one that stood at a value (Wh): a step back or a leap would be counted as energy."""
        value = self.value if shown <= self.value <= shown + _LONGEST_STEP else shown
        return replace(self, value=value, continues=True)
