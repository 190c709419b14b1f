"""What the meters counted before the world began: the same sun, house and sessions, and a battery that evens them out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ..battery.physics import CHARGE_EFFICIENCY
from .flows import Energy, balanced
from .meters import QUARTER_S, Quarter, quarter_of
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
    """Work out the past of a house."""
    past, cars = Past(), _by_quarter(charging, house.began)
    battery = _Battery(house.capacity_wh, house.rated_w, house.capacity_wh / 2)
    today = datetime.fromtimestamp(house.began, house.zone).date()
    first, fine_from = (midnight(today - timedelta(days=days), house.zone) for days in (DAYS, _FINE_DAYS))
    for begin, end in _steps(first, fine_from, house.began):
        middle, seconds = (begin + end) / 2, end - begin
        evse = sum(cars.get(quarter, 0.0) for quarter in range(int(begin), int(end), QUARTER_S)) / seconds * 3600
        sun, base = house.sun.watts(middle), house.household.watts(middle)
        power = balanced(sun, battery.live(sun - base - evse, seconds), base, evse, grid_lost=False)
        if begin < fine_from:
            day = datetime.fromtimestamp(begin, house.zone).date()
            past.days.setdefault(day, Energy()).add(power, seconds)
        else:
            past.quarters[quarter_of(begin)] = quarter = Quarter(soc=battery.percent)
            quarter.energy.add(power, seconds)
    return past


def _steps(first: float, fine_from: float, end: float) -> Iterator[tuple[float, float]]:
    at = first
    while at < end:
        until = min(end, at + (_COARSE_S if at < fine_from else QUARTER_S))
        yield at, until
        at = until


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
