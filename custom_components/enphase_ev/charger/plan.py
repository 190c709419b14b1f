"""Plans when a car is charged: what is wanted by a time, for little money, with few starts.

Nothing here knows Home Assistant, a clock or a charger: the same arguments give the same plan. What it is made by:

- A car charges at the most that its limits allow, since a kWh costs the same at every level.
- As few times as cost 2 % more than the cheapest ones at most; of equal ones, the earliest.
- None is shorter than ten minutes, unless less is wanted.
- It is never dearer than charging at once.
- Only times with a known price are chosen. Where what is wanted does not fit into them before it has to be ready, it is charged at once.
- A former plan is followed as long as it is as good by these rules, so that times do not wander while the car charges.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from math import ceil, floor

from ..site.price_slot import PriceSlot
from .plan_search import FEWER_STARTS_ARE_WORTH, SHORTEST_BLOCK, Block, PricedTime, Span, find_blocks, fit

_SECONDS_PER_HOUR = 3600
# A kWh costs less in every currency; what is above it is no price.
_HIGHEST_PRICE = 1e6
# seconds. A car that is so much behind or ahead charges as planned.
_AS_PLANNED = 60
# Differences in time (s) and in cost that are none.
_NO_TIME = 1e-6
_NO_COST = 1e-9


class PlanNote(StrEnum):
    """What a person should know about a plan."""

    # Nothing is planned: the car should have been ready already.
    READY_BY_PAST = "ready_by_past"
    # What is wanted takes longer than there is time, by more than a minute; it is charged at once, as much as fits.
    DOES_NOT_FIT = "does_not_fit"
    # The price is not known all through the time until the car is to be ready.
    PRICES_MISSING = "prices_missing"
    # All prices are of the past.
    PRICES_STALE = "prices_stale"
    NO_PRICES = "no_prices"


@dataclass(frozen=True)
class ChargeLimits:
    """What a charger and its car can take.

    Attributes:
        least: A; below it they do not charge.
        most: A.
        watts_per_ampere: such as 230 for one phase, 690 for three, 240 for a split one.
    """

    least: float
    most: float
    watts_per_ampere: float

    @property
    def most_power(self) -> float:
        """Return kW at the highest level; 0 where there is no level to charge at."""
        return self.most * self.watts_per_ampere / 1000 if 0 <= self.least <= self.most and self.watts_per_ampere > 0 else 0.0


@dataclass(frozen=True)
class Wanted:
    """What a person wants.

    Attributes:
        energy: kWh still wanted, from now on.
        ready_by: with a time zone.
    """

    energy: float
    ready_by: datetime


@dataclass(frozen=True)
class PlannedTime:
    """A time of charging at one level.

    Attributes:
        start, end: in UTC, whole seconds.
        level: A.
        cost: in the currency of the prices; `None` where the price is not known all through.
    """

    start: datetime
    end: datetime
    level: float
    cost: float | None


@dataclass(frozen=True)
class PlanBasis:
    """What a plan was made from: the prices that were known, and when the car is to be ready (s since 1970)."""

    time: PricedTime
    ready_by: int

    def holds(self, later: PlanBasis, now: int) -> bool:
        """Return whether nothing is different now."""
        return self.ready_by == later.ready_by and self.time.since(now) == later.time


@dataclass(frozen=True)
class ChargePlan:
    """When a car is to charge.

    Attributes:
        times: in order, apart from each other.
        energy: kWh that the times take.
        missing: kWh that do not fit before the car is to be ready.
        cost: in the currency of the prices; `None` where a price is not known.
        cost_at_once: what the same energy would cost if it were charged from now on; `None` where a price is not known.
        notes: what a person should know.
        basis: for the plan that follows this one; need not be kept.
    """

    times: tuple[PlannedTime, ...]
    energy: float
    missing: float
    cost: float | None
    cost_at_once: float | None
    notes: frozenset[PlanNote] = frozenset()
    basis: PlanBasis | None = field(default=None, repr=False, compare=False)

    def time_at(self, moment: datetime) -> PlannedTime | None:
        """Return the time of charging that a moment lies in."""
        return next((time for time in self.times if time.start <= moment < time.end), None)


def plan_charging(
    prices: Sequence[PriceSlot], wanted: Wanted, limits: ChargeLimits, now: datetime, former: ChargePlan | None = None
) -> ChargePlan:
    """Return when to charge.

    Args:
        prices: in any order, with gaps or without; where two overlap, the one that begins first holds.
        wanted: what is still wanted; less than that fits where the time is too short.
        limits: of the charger and its car.
        now: with a time zone; nothing is planned before it.
        former: the plan that was followed until now, if there is one: hand it in whenever a plan is made anew. Its times stay where nothing
            has changed, and otherwise too unless others save more than 2 %.
    """
    window = (ceil(now.timestamp()), floor(wanted.ready_by.timestamp()))
    power = limits.most_power
    needed = ceil(wanted.energy * _SECONDS_PER_HOUR / power - _NO_TIME) if power and wanted.energy > 0 else 0
    seconds = max(0, min(needed, window[1] - window[0]))
    time = PricedTime(tuple(_spans(prices, window)))
    at_once = (window[0], window[0] + seconds)
    basis = PlanBasis(time, window[1])
    blocks = _choose(basis, at_once, former) if seconds else ()
    energy = min(wanted.energy, seconds * power / _SECONDS_PER_HOUR) if seconds else 0.0
    cost_at_once = _cost(time, at_once, power) if seconds else 0.0
    times = tuple(_planned(time, block, limits) for block in blocks)
    return ChargePlan(
        times=times,
        energy=energy,
        missing=max(0.0, wanted.energy - energy) if needed > seconds or not power else 0.0,
        cost=_together([one.cost for one in times]),
        cost_at_once=cost_at_once,
        notes=frozenset(_notes(prices, time, window, does_not_fit=needed > seconds + _AS_PLANNED or (not power and wanted.energy > 0))),
        basis=basis,
    )


def _spans(prices: Sequence[PriceSlot], window: Block) -> Iterator[Span]:
    """Yield the prices within a time, in order and apart from each other; equal ones that touch are one."""
    last: Span | None = None
    until = window[0]
    for slot in sorted(prices, key=lambda slot: (slot.start.timestamp(), slot.end.timestamp())):
        start, end = max(round(slot.start.timestamp()), until), min(round(slot.end.timestamp()), window[1])
        if start >= end or not abs(slot.value) <= _HIGHEST_PRICE:
            continue
        until = end
        if last is not None and last.end == start and last.price == slot.value:
            last = Span(last.start, end, last.price)
            continue
        if last is not None:
            yield last
        last = Span(start, end, slot.value)
    if last is not None:
        yield last


def _choose(basis: PlanBasis, at_once: Block, former: ChargePlan | None) -> tuple[Block, ...]:
    """Return when to charge: as before, if that is still good; else the best that is found; without enough prices at once."""
    time, (start, end) = basis.time, at_once
    if time.seconds < end - start:
        return (at_once,)
    followed = _followed(time, start, end - start, former) if former is not None else None
    if former is None or not followed:
        return find_blocks(time, end - start) or (at_once,)
    left = sum(max(0.0, one.end.timestamp() - max(one.start.timestamp(), start)) for one in former.times)
    is_as_planned = former.basis is not None and former.basis.holds(basis, start)
    if is_as_planned and abs(left - (end - start)) <= _AS_PLANNED:
        return followed
    return _follow_or_leave(time, followed, at_once, is_running=_is_running(former, start) and followed[0][0] == start)


def _is_running(former: ChargePlan, moment: int) -> bool:
    """Return whether a time of a plan has begun before a moment, and goes on."""
    return any(one.start.timestamp() < moment < one.end.timestamp() for one in former.times)


def _follow_or_leave(time: PricedTime, followed: tuple[Block, ...], at_once: Block, *, is_running: bool) -> tuple[Block, ...]:
    """Return what is left of the former plan, unless there is something better."""
    found = find_blocks(time, at_once[1] - at_once[0]) or (at_once,)
    if time.covers(at_once) and time.cost_of(followed) > time.cost(at_once) + _NO_COST * max(1.0, abs(time.cost(at_once))):
        return found
    stops_now = is_running and found[0][0] != at_once[0]
    if stops_now and time.cost_of(followed) - time.cost_of(found) <= SHORTEST_BLOCK * time.spread:
        # No price is worth a stop, and another start for so little.
        return followed
    starts, other_starts = len(followed) - is_running, len(found) - (is_running and not stops_now)
    return followed if _is_as_good(time, followed, found, has_more_starts=starts > other_starts) else found


def _is_as_good(time: PricedTime, followed: Sequence[Block], found: Sequence[Block], *, has_more_starts: bool) -> bool:
    """Return whether there is no reason to leave a former plan: neither 2 % to save, nor fewer starts for nothing."""
    if not all(time.covers(block) for block in found):
        return True
    cost, others = time.cost_of(followed), time.cost_of(found)
    slack = _NO_COST * max(1.0, abs(others))
    if cost <= others + slack:
        return not has_more_starts or cost < others - slack
    least = time.least_cost(sum(end - start for start, end in found))
    return cost <= least + abs(least) * FEWER_STARTS_ARE_WORTH


def _followed(time: PricedTime, start: int, seconds: int, former: ChargePlan) -> tuple[Block, ...] | None:
    """Return what is left of a former plan, as long as is wanted now: its last times end earlier or later than planned."""
    blocks = [(max(floor(one.start.timestamp()), start), floor(one.end.timestamp())) for one in former.times]
    blocks = [block for block in blocks if block[0] < block[1]]
    if not blocks or not all(time.covers(block) for block in blocks):
        return None
    blocks = _ending_later(time, _ending_earlier(blocks, seconds), seconds)
    is_whole = sum(block[1] - block[0] for block in blocks) == seconds
    # A time that runs may have less than ten minutes left.
    if is_whole and all(block[1] - block[0] >= SHORTEST_BLOCK for block in blocks if block[0] > start):
        return tuple(blocks)
    return fit(time, blocks, seconds)


def _ending_earlier(blocks: Sequence[Block], seconds: int) -> list[Block]:
    """Return the first so many seconds of blocks."""
    kept: list[Block] = []
    for start, end in blocks:
        if seconds > 0:
            kept.append((start, min(end, start + seconds)))
        seconds -= end - start
    return kept


def _ending_later(time: PricedTime, blocks: Sequence[Block], seconds: int) -> list[Block]:
    """Return blocks that end later until they are so long together, the last ones first, as far as there is time with a price."""
    longer = list(blocks)
    missing = seconds - sum(end - start for start, end in blocks)
    limit: int | None = None
    for index in reversed(range(len(longer))):
        start, end = longer[index]
        stretch_end = next(last for first, last in time.stretches if first <= start < last)
        # It stays apart from the next one.
        room = (stretch_end if limit is None else min(stretch_end, limit - SHORTEST_BLOCK)) - end
        added = max(0, min(missing, room))
        longer[index] = (start, end + added)
        missing -= added
        limit = start
    return longer


def _planned(time: PricedTime, block: Block, limits: ChargeLimits) -> PlannedTime:
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in block)
    return PlannedTime(start, end, limits.most, _cost(time, block, limits.most_power))


def _cost(time: PricedTime, block: Block, power: float) -> float | None:
    """Return what a block costs at a power in kW; `None` where the price is not known all through."""
    return time.cost(block) * power / _SECONDS_PER_HOUR if time.covers(block) else None


def _together(costs: Sequence[float | None]) -> float | None:
    """Return the sum of costs, `None` where one is not known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _notes(prices: Sequence[PriceSlot], time: PricedTime, window: Block, *, does_not_fit: bool) -> Iterator[PlanNote]:
    """Yield what a person should know."""
    if window[1] <= window[0]:
        yield PlanNote.READY_BY_PAST
        return
    if does_not_fit:
        yield PlanNote.DOES_NOT_FIT
    if not prices:
        yield PlanNote.NO_PRICES
    elif all(slot.end.timestamp() <= window[0] for slot in prices):
        yield PlanNote.PRICES_STALE
    elif time.seconds < window[1] - window[0]:
        yield PlanNote.PRICES_MISSING
