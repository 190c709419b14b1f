"""What a year of planned charging costs, against charging at once and against the best there could be: `python -m benchmarks.plan`.

The prices are made up, by the quarter of an hour, always the same ones; those of tomorrow become known at 13:00, as on the European
markets. The plan is made anew every quarter of an hour and followed; the best there could be knows all prices from the beginning and
starts and stops as often as it likes. A curve is looked at twice: a car that is plugged in in the evening and has to be ready at 7:00,
and one that is plugged in in the morning and has to be ready at 7:00 of the next day, when it is to be planned without half of the prices.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random
import time

from custom_components.enphase_ev.charger.plan import ChargeLimits, ChargePlan, Wanted, plan_charging
from custom_components.enphase_ev.site.price_slot import PriceSlot

_SEED = 17
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)
_QUARTERS_A_DAY = 96
# 7.36 kW
_LIMITS = ChargeLimits(6, 32, 230)
_KWH_A_QUARTER = _LIMITS.most_power / 4
_KNOWN_FROM = 13 * 4
# kWh
_NO_ENERGY = 0.1
_READY = 7 * 4


def _hill(hour: float, top: float, width: float) -> float:
    return exp(-(((hour - top) / width) ** 2))


def _double_peak(random: Random) -> list[float]:
    """Return a day with a peak in the morning and a higher one in the evening, in the currency a kWh."""
    level = random.uniform(0.7, 1.4)
    hours = [quarter / 4 for quarter in range(_QUARTERS_A_DAY)]
    return [level * (0.2 + 0.08 * _hill(hour, 8, 1.5) + 0.15 * _hill(hour, 19, 2)) + random.gauss(0, 0.006) for hour in hours]


def _solar_valley(random: Random) -> list[float]:
    """Return the same with a valley at noon, some days a deep one."""
    depth = random.uniform(0, 0.2)
    return [price - depth * _hill(quarter / 4, 13, 2.5) for quarter, price in enumerate(_double_peak(random))]


def _flat(random: Random) -> list[float]:
    return [0.28] * _QUARTERS_A_DAY


def _two_prices(random: Random) -> list[float]:
    """Return a cheap night from 22:00 to 6:00."""
    return [0.22 if quarter < 24 or quarter >= 88 else 0.31 for quarter in range(_QUARTERS_A_DAY)]


def _negative(random: Random) -> list[float]:
    """Return a windy day: below zero for some hours, at any time of it."""
    top, depth = random.uniform(0, 24), random.uniform(0.1, 0.4)
    return [price - depth * _hill(quarter / 4, top, 3) for quarter, price in enumerate(_double_peak(random))]


def _spikes(random: Random) -> list[float]:
    """Return a day on which a quarter in twenty-five is far off."""
    return [price + (random.uniform(-0.2, 0.6) if random.random() < 0.04 else 0) for price in _double_peak(random)]


def _hourly(random: Random) -> list[float]:
    """Return a day whose hours have little to do with each other."""
    return [price for _ in range(24) for price in [random.uniform(0.05, 0.4)] * 4]


_CURVES: dict[str, Callable[[Random], list[float]]] = {
    "two peaks": _double_peak,
    "solar valley": _solar_valley,
    "always the same": _flat,
    "cheap night": _two_prices,
    "below zero": _negative,
    "spikes": _spikes,
    "any price each hour": _hourly,
}


@dataclass
class _Year:
    """Sums of a year; costs in the currency."""

    days: int = 0
    at_once: float = 0.0
    planned: float = 0.0
    best: float = 0.0
    starts: int = 0
    commands: int = 0
    late: int = 0
    seconds: list[float] = field(default_factory=list)


def _slots(prices: Sequence[float], first: int, end: int) -> list[PriceSlot]:
    return [PriceSlot(_FIRST + number * _QUARTER, _FIRST + (number + 1) * _QUARTER, prices[number]) for number in range(first, end)]


def _live(prices: Sequence[float], plugged: int, ready: int, energy: float, takes: float, year: _Year) -> None:
    """Live through one stay of a car, by quarters and by the edges of the plan; it takes a share of what it is offered."""
    now, until = _FIRST + plugged * _QUARTER, _FIRST + ready * _QUARTER
    left, former, was_on, limits = energy, None, False, _LIMITS
    while now < until and left > _NO_ENERGY:
        quarter = (now - _FIRST) // _QUARTER
        known = (quarter // _QUARTERS_A_DAY + (2 if quarter % _QUARTERS_A_DAY >= _KNOWN_FROM else 1)) * _QUARTERS_A_DAY
        slots = _slots(prices, quarter, min(known, len(prices)))
        began = time.thread_time()
        former = plan_charging(slots, Wanted(left, until), limits, now, former)
        year.seconds.append(time.thread_time() - began)
        is_on = former.time_at(now) is not None
        year.starts += is_on and not was_on
        year.commands += is_on != was_on
        following = _next_moment(former, now, quarter)
        if is_on:
            taken = min(left, takes * _LIMITS.most_power * ((following - now) / timedelta(hours=1)))
            year.planned += taken * prices[quarter]
            left -= taken
            # From now on it is known what it takes.
            limits = replace(_LIMITS, watts_per_ampere=takes * _LIMITS.watts_per_ampere)
        now, was_on = following, is_on
    year.commands += was_on
    year.late += left > _NO_ENERGY


def _next_moment(plan: ChargePlan, now: datetime, quarter: int) -> datetime:
    """Return when the plan is looked at next."""
    edges = [edge for one in plan.times for edge in (one.start, one.end) if edge > now]
    return min([_FIRST + (quarter + 1) * _QUARTER, *edges])


def _cheapest(prices: Sequence[float], energy: float) -> float:
    """Return what energy costs in the cheapest quarters."""
    cost = 0.0
    for price in sorted(prices):
        taken = min(energy, _KWH_A_QUARTER)
        cost += taken * price
        energy -= taken
    return cost


def _at_once(prices: Sequence[float], energy: float) -> float:
    cost = 0.0
    for price in prices:
        taken = min(energy, _KWH_A_QUARTER)
        cost += taken * price
        energy -= taken
    return cost


def _year_of(curve: Callable[[Random], list[float]], days: int, *, stays: bool) -> _Year:
    """Live through a year: every day a car comes, in the evening or in the morning."""
    random = Random(_SEED)
    prices = [price for _ in range(days + 3) for price in curve(random)]
    year = _Year(days=days)
    for day in range(days):
        midnight = day * _QUARTERS_A_DAY
        plugged = midnight + (random.randint(7 * 4, 11 * 4) if stays else random.randint(16 * 4, 21 * 4))
        ready = midnight + _QUARTERS_A_DAY + _READY
        energy = random.uniform(5, 50)
        # One car in five takes less than it is offered.
        takes = random.uniform(0.8, 1) if random.random() < 0.2 else 1.0
        _live(prices, plugged, ready, energy, takes, year)
        year.at_once += _at_once(prices[plugged:ready], energy)
        year.best += _cheapest(prices[plugged:ready], energy)
    return year


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    days = parser.parse_args().days
    print("| prices | car | at once | planned | best | above the best | starts a day | commands a day | not ready | ms a plan, longest |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, curve in _CURVES.items():
        for stays in (False, True):
            year = _year_of(curve, days, stays=stays)
            over = (year.planned - year.best) / abs(year.best) * 100
            mean, most = 1000 * sum(year.seconds) / len(year.seconds), 1000 * max(year.seconds)
            costs = f"{year.at_once:.0f} | {year.planned:.0f} | {year.best:.0f} | {over:.1f} %"
            often = f"{year.starts / days:.1f} | {year.commands / days:.1f}"
            print(
                f"| {name} | {'morning' if stays else 'evening'} | {costs} | {often} | {year.late} | {mean:.2f}, {most:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
