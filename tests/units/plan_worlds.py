"""Worlds for the planner, cut into steps of five minutes, and the best plan that there can be in one: slow, and without any of our code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import inf
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from custom_components.enphase_ev.charger.plan import ChargeLimits, ChargePlan, Wanted
from custom_components.enphase_ev.site.price_slot import PriceSlot

STEP = timedelta(minutes=5)
BERLIN = ZoneInfo("Europe/Berlin")
# A charger is on for ten minutes at least, and off for ten.
SHORTEST = 2
# The evenings before the clocks change, and one on which nothing happens.
EVENINGS = [datetime(2026, 3, 28, 16, tzinfo=UTC), datetime(2026, 10, 24, 16, tzinfo=UTC), datetime(2026, 5, 20, 16, tzinfo=UTC)]


@dataclass(frozen=True)
class World:
    """What is known, and what is wanted; `prices` by step, `None` where none is known."""

    now: datetime
    prices: tuple[float | None, ...]
    steps_wanted: int
    limits: ChargeLimits

    @property
    def power(self) -> float:
        """kW."""
        return self.limits.most * self.limits.watts_per_ampere / 1000

    @property
    def ready_by(self) -> datetime:
        return self.now + len(self.prices) * STEP

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.steps_wanted * self.power / 12, self.ready_by.astimezone(BERLIN))

    @property
    def slots(self) -> list[PriceSlot]:
        """The prices as a list has them: by the clock on the wall, a slot for each time with one price."""
        found: list[PriceSlot] = []
        first = 0
        for price, group in groupby(self.prices):
            last = first + len(list(group))
            if price is not None:
                # Two moments of one hour that comes twice are equal for Python: nothing is compared here.
                start, end = ((self.now + step * STEP).astimezone(BERLIN) for step in (first, last))
                found.append(PriceSlot(start, end, price))
            first = last
        return found

    def cost(self, steps: Sequence[int]) -> float | None:
        """What it costs to charge in these steps."""
        prices = [self.prices[step] for step in steps]
        return None if None in prices else sum(price for price in prices if price is not None) * self.power / 12

    def known(self, steps: int) -> World:
        """The same with prices for so many steps only."""
        return replace(self, prices=tuple(price if step < steps else None for step, price in enumerate(self.prices)))

    def later(self, steps: int, steps_wanted: int) -> World:
        return replace(self, now=self.now + steps * STEP, prices=self.prices[steps:], steps_wanted=steps_wanted)


def steps_of(plan: ChargePlan, world: World) -> list[int]:
    """In which steps a plan charges; it begins and ends with steps."""
    steps: list[int] = []
    for one in plan.times:
        first, last = (one.start - world.now) / STEP, (one.end - world.now) / STEP
        assert (first, last) == (int(first), int(last))
        steps.extend(range(int(first), int(last)))
    return steps


def starts_in(steps: Sequence[int]) -> int:
    return sum(step - 1 not in steps for step in steps)


def best_costs(world: World, most_times: int) -> list[float]:
    """The least cost with one time of charging at most, with two, … : every way there is, by dynamic programming over steps."""
    wanted, count = world.steps_wanted, len(world.prices)
    shortest = min(SHORTEST, wanted)
    prices = [inf if price is None else price * world.power / 12 for price in world.prices]
    # By step and steps charged until then, with all times ended.
    before = [[0.0] + [inf] * wanted for _ in range(count + 1)]
    costs: list[float] = []
    for _ in range(most_times):
        ended = [list(row) for row in before]
        on = [inf] * (wanted + 1)
        for end in range(1, count + 1):
            begun = [inf] * (wanted + 1)
            if end >= shortest:
                cost = sum(prices[end - shortest : end])
                ended_before = before[max(0, end - shortest - SHORTEST)]
                begun[shortest:] = [total + cost for total in ended_before[: wanted + 1 - shortest]]
            on = [min(begun[charged], on[charged - 1] + prices[end - 1] if charged else inf) for charged in range(wanted + 1)]
            ended[end] = [min(three) for three in zip(ended[end], ended[end - 1], on, strict=True)]
        before = ended
        costs.append(ended[count][wanted])
    return costs


values = st.one_of(st.sampled_from([0.1, 0.2, 0.3]), st.floats(-0.1, 0.5).map(lambda value: round(value, 3)))


@st.composite
def worlds(draw: st.DrawFn, *, most_slots: int = 12, gaps: bool = False, least: float = -0.1) -> World:
    """Prices by the quarter, the half hour or the hour; the present is anywhere in the first one, and what is wanted fits."""
    length = draw(st.sampled_from([3, 6, 12]))
    price = values.filter(lambda value: value >= least)
    slots = draw(st.lists(st.one_of(st.none(), price) if gaps else price, min_size=1, max_size=most_slots))
    prices = [value for value in slots for _ in range(length)]
    prices = prices[draw(st.integers(0, length - 1)) :]
    prices = prices[: len(prices) - draw(st.integers(0, min(length, len(prices)) - 1))]
    now = draw(st.sampled_from(EVENINGS)) + draw(st.integers(0, 12 * 12)) * STEP
    most = draw(st.sampled_from([16, 32]))
    limits = ChargeLimits(6, most, draw(st.sampled_from([230, 240, 690])))
    return World(now, tuple(prices), draw(st.integers(1, len(prices))), limits)
