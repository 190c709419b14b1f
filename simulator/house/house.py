"""The house of a site: one world from which both the live power and the meters are told (docs/cloud-api/live.md §4).

Nothing runs in the background, as everywhere in the simulator: `catch_up` first lives through the time since the last look.
`Surroundings` is what a house knows of its site, `Place` what chargers and batteries know of theirs; the site itself knows them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from ..battery.physics import HomeLoad
from ..clock import Clock
from .flows import QUARTER_S, Energy, Power, Quarter, balanced, quarter_of
from .past import Charged, Past, PastHouse, midnight, relive
from .sources import Source, Steady, by_day

# The cloud gets the meters every quarter hour, but not on the quarter.
REPORT_OFFSET_S = 420
# Steps of the meters, simulated seconds; longer ones when so much time has passed that there would be too many.
STEP_S = 30.0
MOST_STEPS = 3000
_BATTERY = "battery"


class Surroundings(Protocol):
    """What a house knows of the site that it stands on."""

    zone: ZoneInfo
    country: str

    def catch_up(self) -> None:
        """Let chargers, battery and meters live up to the clock."""

    def chargers_w(self) -> float:
        """What all chargers draw now, W."""

    def battery_w(self) -> float:
        """What the battery takes now, W; negative: it gives."""

    def battery_size(self) -> tuple[float, float]:
        """What the battery holds, Wh, and the most that it takes or gives, W; zeros without one."""

    def past_charging(self, before: float) -> Iterable[Charged]:
        """What the chargers drew before a moment, epoch seconds."""

    def grid_changed(self) -> None:
        """The grid has gone or come back."""


@dataclass
class Outage:
    """A time without grid, epoch seconds; not over while `end` is None."""

    begin: float
    end: float | None = None


class House:
    """Sun, household, grid and meters of one site."""

    def __init__(self, around: Surroundings, clock: Clock) -> None:
        self._around = around
        self.sun: Source = Steady(0.0)
        self.household: Source = Steady(500.0)
        self.quarters: dict[int, Quarter] = {}
        """By their beginning, epoch seconds; those that the world has lived through."""
        self.outages: list[Outage] = []
        """Oldest first."""
        self._clock = clock
        self._at = self.began = clock.time()
        self._reported_at = self._at
        self._drawn = HomeLoad()
        self._given = HomeLoad()
        # The quarter hour that was open at the last report, as it was then.
        self._reported: dict[int, Quarter] = {}
        self._past: Past | None = None
        self._soc: dict[int, float] = {}

    # What flows now

    def now(self) -> Power:
        """This very moment."""
        self._around.catch_up()
        at = self._clock.time()
        battery, evse = -self._around.battery_w(), self._around.chargers_w()
        return balanced(self.sun.watts(at), battery, self.household.watts(at), evse, grid_lost=self.grid_lost)

    # The grid

    @property
    def grid_lost(self) -> bool:
        """Whether the house is on its own. Set it to cut the grid, or to bring it back."""
        return bool(self.outages) and self.outages[-1].end is None

    @grid_lost.setter
    def grid_lost(self, lost: bool) -> None:
        self._around.catch_up()
        if lost and not self.grid_lost:
            self.outages.append(Outage(self._at))
        elif self.grid_lost and not lost:
            self.outages[-1].end = self._at
        self._around.grid_changed()

    # The meters

    def note_drawn(self, serial: str, begin: float, end: float, watts: float) -> None:
        """A charger drew so much between two moments, epoch seconds."""
        self._drawn.note(serial, begin, end, watts)

    def note_battery(self, begin: float, seconds: float, watts: float, soc: float) -> None:
        """The battery took so much from a moment on, W (negative: it gave), and was left with a state of charge, %."""
        self._given.note(_BATTERY, begin, begin + seconds, watts)
        self._soc[quarter_of(begin)] = soc

    def catch_up(self) -> None:
        """Live up to the clock; the chargers and the battery have done so before."""
        now = self._clock.time()
        # Somebody may have frozen the clock in the past: life goes on from there.
        self._at = min(self._at, now)
        longest = max(STEP_S, (now - self._at) / MOST_STEPS)
        while self._at < now:
            until = min(now, self._at + longest, _next(self._at, QUARTER_S, 0), _next(self._at, QUARTER_S, REPORT_OFFSET_S))
            self._step(until)

    def _step(self, until: float) -> None:
        at, middle = self._at, (self._at + until) / 2
        power = balanced(
            self.sun.watts(middle),
            -self._given.average_w(at, until),
            self.household.watts(middle),
            self._drawn.average_w(at, until),
            grid_lost=self.grid_lost,
        )
        begin = quarter_of(at)
        quarter = self.quarters.setdefault(begin, Quarter())
        quarter.energy.add(power, until - at)
        quarter.soc = self._soc.get(begin, quarter.soc)
        self._at = until
        if (until - REPORT_OFFSET_S) % QUARTER_S == 0:
            self._reported_at = until
            self._reported = {begin: quarter.copy()}

    def total(self) -> Energy:
        """Everything since the world began, Wh."""
        self._around.catch_up()
        return sum((quarter.energy for quarter in self.quarters.values()), Energy())

    def report_at(self) -> float:
        """When the cloud heard of the meters last, epoch seconds."""
        self._around.catch_up()
        return self._reported_at

    def told(self, *, at_once: bool) -> dict[int, Quarter]:
        """The quarter hours that the cloud knows, by their beginning: those of the past, and those up to its last report.

        With `at_once` it has heard of everything up to this moment.
        """
        self._around.catch_up()
        known = {begin: quarter.copy() for begin, quarter in self.past.quarters.items()}
        for begin, counted in sorted(self.quarters.items()):
            closed = at_once or begin + QUARTER_S <= self._reported_at
            quarter = counted if closed else self._reported.get(begin)
            if quarter is not None:
                before = known.get(begin, Quarter())
                known[begin] = Quarter(before.energy + quarter.energy, quarter.soc)
        return known

    def days(self, *, at_once: bool) -> dict[date, Energy]:
        """What the cloud knows, by the site's days."""
        days = {day: energy.copy() for day, energy in self.past.days.items()}
        for begin, quarter in self.told(at_once=at_once).items():
            day = self.local_day(begin)
            days[day] = days.get(day, Energy()) + quarter.energy
        return days

    @property
    def past(self) -> Past:
        """What was before the world began; worked out when somebody asks."""
        if self._past is None:
            size = self._around.battery_size()
            house = PastHouse(by_day(self.sun, self._around.country), self.household, *size, self._around.zone, self.began)
            self._past = relive(house, self._around.past_charging(self.began))
        return self._past

    # The site's days

    def local_time(self, at: float) -> datetime:
        """The site's time of a moment."""
        return datetime.fromtimestamp(at, self._around.zone)

    def local_day(self, at: float) -> date:
        """The site's day of a moment."""
        return self.local_time(at).date()

    def midnight(self, day: date) -> float:
        """When a day of the site begins, epoch seconds."""
        return midnight(day, self._around.zone)


def _next(at: float, period: float, offset: float) -> float:
    """The next multiple of a period, moved by an offset, after a moment."""
    return ((at - offset) // period + 1) * period + offset


class Place(Protocol):
    """A site as seen from a charger or a battery."""

    id: str
    time_zone: str
    zone: ZoneInfo
    country: str
    gateway_serial: str
    price_per_kwh: float
    scheduler_up: bool
    streaming_until: float
    """Until when chargers report fast, epoch seconds."""
    solar_w: float
    base_load_w: float
    house: House

    def surplus_w(self, at: float) -> float:
        """What the sun gives beyond what the house draws beside the chargers, W."""

    def solar_share_w(self, at: float) -> float:
        """What the sun leaves for each charger that follows it, W."""

    def note_drawn(self, serial: str, begin: float, seconds: float, watts: float) -> None:
        """A charger drew so much from a moment on, epoch seconds."""

    def minute_of_day(self, at: float) -> int:
        """Minutes since midnight in the site's zone."""


def local_time(place: Place, at: float) -> datetime:
    """A moment in epoch seconds, in the zone of a place."""
    return datetime.fromtimestamp(at, place.zone)
