"""What the meters counted before the world began: the same panels, house and sessions, and a battery that evens them out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..battery.physics import CHARGE_EFFICIENCY
from .flows import QUARTER_S, Energy, Power, Quarter, balanced, quarter_of
from .sources import Source

DAYS = 425
"""How far back the site's energy reaches: fourteen months."""
# Days before the world's beginning that are remembered by the quarter hour; older ones only as days.
_FINE_DAYS = 2
_COARSE_S = 1800


@dataclass(frozen=True)
class Charged:
    """What a charger drew: from a moment on, epoch seconds, for how long, Wh."""

    begin: float
    seconds: float
    energy_wh: float


@dataclass(frozen=True)
class PastHouse:
    """What the past is worked out from."""

    sun: Source
    household: Source
    capacity_wh: float
    """What the battery holds; 0 without one."""
    rated_w: float
    zone: ZoneInfo
    began: float
    """When the world began, epoch seconds."""


@dataclass
class Past:
    """Quarter hours of the last days before the world began, and whole days before them."""

    quarters: dict[int, Quarter] = field(default_factory=dict)
    days: dict[date, Energy] = field(default_factory=dict)


def midnight(day: date, zone: ZoneInfo) -> float:
    """When a day begins in a zone, epoch seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def relive(house: PastHouse, charging: Iterable[Charged]) -> Past:
    """Work out the past of a house.

    Whole days are the same for every world that begins on the same day with the same house, as those of a test run do: they are kept.
    """
    today = datetime.fromtimestamp(house.began, house.zone).date()
    fine_from = midnight(today - timedelta(days=_FINE_DAYS), house.zone)
    drawn = _by_quarter(charging, house.began)
    coarse = tuple((quarter, energy) for quarter, energy in sorted(drawn.items()) if quarter < fine_from)
    days, stored_wh = _whole_days(replace(house, began=0.0), today, coarse)
    past = Past(days={day: energy.copy() for day, energy in days.items()})
    battery = _Battery(house.capacity_wh, house.rated_w, stored_wh)
    for begin, seconds in _steps(fine_from, house.began, QUARTER_S):
        power = _power(house, battery, begin, seconds, drawn.get(quarter_of(begin), 0.0))
        past.quarters[quarter_of(begin)] = quarter = Quarter(soc=battery.percent)
        quarter.energy.add(power, seconds)
    return past


@lru_cache(maxsize=32)
def _whole_days(house: PastHouse, today: date, charging: tuple[tuple[int, float], ...]) -> tuple[Mapping[date, Energy], float]:
    """Return what flowed on each day until shortly before today, and what the battery held then, Wh."""
    days: dict[date, Energy] = {}
    drawn = dict(charging)
    battery = _Battery(house.capacity_wh, house.rated_w, house.capacity_wh / 2)
    for ago in range(DAYS, _FINE_DAYS, -1):
        day = today - timedelta(days=ago)
        flowed = days[day] = Energy()
        for begin, seconds in _steps(midnight(day, house.zone), midnight(day + timedelta(days=1), house.zone), _COARSE_S):
            evse_wh = sum(drawn.get(quarter, 0.0) for quarter in range(quarter_of(begin), int(begin + seconds), QUARTER_S))
            flowed.add(_power(house, battery, begin, seconds, evse_wh), seconds)
    return days, battery.stored_wh


def _steps(first: float, end: float, length: float) -> Iterator[tuple[float, float]]:
    """Cut a time into steps: when each begins, epoch seconds, and how many seconds it takes."""
    at = first
    while at < end:
        yield at, min(end - at, length)
        at += length


def _power(house: PastHouse, battery: _Battery, begin: float, seconds: float, evse_wh: float) -> Power:
    """Let the battery live through a step, and return what flowed meanwhile."""
    middle, evse = begin + seconds / 2, evse_wh / seconds * 3600
    sun, base = house.sun.watts(middle), house.household.watts(middle)
    return balanced(sun, battery.live(sun - base - evse, seconds), base, evse, grid_lost=False)


@dataclass
class _Battery:
    """As much of a battery as the past needs."""

    capacity_wh: float
    rated_w: float
    stored_wh: float

    @property
    def percent(self) -> float | None:
        return self.stored_wh / self.capacity_wh * 100 if self.capacity_wh else None

    def live(self, surplus_w: float, seconds: float) -> float:
        """What it gives, W, negative where it takes; it keeps a fifth."""
        hours = seconds / 3600
        room = (self.capacity_wh - self.stored_wh) / CHARGE_EFFICIENCY / hours
        spare = max(0.0, self.stored_wh - self.capacity_wh / 5) / hours
        taken = max(-min(spare, self.rated_w), min(surplus_w, room, self.rated_w))
        self.stored_wh += taken * hours * (CHARGE_EFFICIENCY if taken > 0 else 1.0)
        return -taken


def _by_quarter(charging: Iterable[Charged], before: float) -> dict[int, float]:
    """What was drawn before a moment, Wh by quarter hour."""
    drawn: defaultdict[int, float] = defaultdict(float)
    for charged in charging:
        end = min(charged.begin + charged.seconds, before - 1)
        quarters = range(quarter_of(charged.begin), quarter_of(end) + 1, QUARTER_S)
        for quarter in quarters:
            drawn[quarter] += charged.energy_wh / len(quarters)
    return drawn
