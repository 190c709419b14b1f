"""The house of a site: one world from which both the live power and the meters are told (docs/cloud-api/live.md §4).

Nothing runs in the background, as everywhere in the simulator: `catch_up` first lives through the time since the last look.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from ..battery.physics import HomeLoad
from ..clock import Clock
from .flows import Energy, Power, balanced
from .sources import Source, Steady

if TYPE_CHECKING:
    from ..site import Site

QUARTER_S = 900
"""Length of a bucket of the meters, seconds (docs/cloud-api/energy.md §1)."""
# The cloud gets the meters every quarter hour, but not on the quarter.
REPORT_OFFSET_S = 420
# Steps of the meters, simulated seconds; longer ones when so much time has passed that there would be too many.
STEP_S = 30.0
MOST_STEPS = 3000
_BATTERY = "battery"


@dataclass
class Quarter:
    """A quarter hour of the meters."""

    energy: Energy = field(default_factory=Energy)
    soc: float | None = None
    """State of charge at its end, %; None without a battery."""


@dataclass
class Outage:
    """A time without grid, epoch seconds; not over while `end` is None."""

    begin: float
    end: float | None = None


class House:
    """Sun, household, grid and meters of one site."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.sun: Source = Steady(0.0)
        self.household: Source = Steady(500.0)
        self.quarters: dict[int, Quarter] = {}
        """By their beginning, epoch seconds; those that the world has lived through."""
        self.reported: dict[int, Quarter] = {}
        """The quarter hour that was open at the last report, as it was then."""
        self.outages: list[Outage] = []
        """Oldest first."""
        self._clock = clock
        self._at = self.began = clock.time()
        self._reported_at = self._at
        self._drawn = HomeLoad()
        self._given = HomeLoad()
        self._soc: dict[int, float] = {}

    # What flows now

    def now(self) -> Power:
        """This very moment."""
        self.site.catch_up()
        at = self._clock.time()
        evse = sum(charger.power_w for charger in self.site.chargers.values())
        battery = -self.site.battery.power_w if self.site.battery else 0.0
        return balanced(self.sun.watts(at), battery, self.household.watts(at), evse, grid_lost=self.grid_lost)

    @property
    def state_of_charge(self) -> float | None:
        """State of charge of all batteries, %; None without any."""
        return self.site.battery.state_of_charge if self.site.battery else None

    # The grid

    @property
    def grid_lost(self) -> bool:
        """Whether the house is on its own. Set it to cut the grid, or to bring it back."""
        return bool(self.outages) and self.outages[-1].end is None

    @grid_lost.setter
    def grid_lost(self, lost: bool) -> None:
        self.site.catch_up()
        if lost and not self.grid_lost:
            self.outages.append(Outage(self._at))
        elif self.grid_lost and not lost:
            self.outages[-1].end = self._at
        for charger in self.site.chargers.values():
            charger.report()

    # The meters

    def note_drawn(self, serial: str, begin: float, end: float, watts: float) -> None:
        """A charger drew so much between two moments, epoch seconds."""
        self._drawn.note(serial, begin, end, watts)

    def note_battery(self, begin: float, seconds: float, watts: float, soc: float) -> None:
        """The battery took so much from a moment on, W (negative: it gave), and was left with a state of charge, %."""
        self._given.note(_BATTERY, begin, begin + seconds, watts)
        self._soc[_quarter_of(begin)] = soc

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
        begin = _quarter_of(at)
        quarter = self.quarters.setdefault(begin, Quarter())
        quarter.energy.add(power, until - at)
        quarter.soc = self._soc.get(begin, quarter.soc)
        self._at = until
        if (until - REPORT_OFFSET_S) % QUARTER_S == 0:
            self._reported_at = until
            self.reported = {begin: Quarter(quarter.energy.copy(), quarter.soc)}

    def total(self) -> Energy:
        """Everything since the world began, Wh."""
        self.site.catch_up()
        return sum((quarter.energy for quarter in self.quarters.values()), Energy())

    def report_at(self) -> float:
        """When the cloud heard of the meters last, epoch seconds."""
        self.site.catch_up()
        return self._reported_at

    def told(self, *, at_once: bool) -> Iterator[tuple[int, Quarter]]:
        """The quarter hours that the cloud knows, oldest first, with their beginning; up to this moment where it hears of all at once."""
        self.site.catch_up()
        for begin, quarter in sorted(self.quarters.items()):
            if at_once or begin + QUARTER_S <= self._reported_at:
                yield begin, quarter
            elif begin in self.reported:
                yield begin, self.reported[begin]

    def local_day(self, at: float) -> date:
        """The site's day of a moment."""
        return datetime.fromtimestamp(at, self.site.zone).date()


def _quarter_of(at: float) -> int:
    return int(at // QUARTER_S) * QUARTER_S


def _next(at: float, period: float, offset: float) -> float:
    """The next multiple of a period, moved by an offset, after a moment."""
    return ((at - offset) // period + 1) * period + offset
