"""What a year of following the sun gives a car: `python -m benchmarks.sun`.

Sun and clouds are made up, minute by minute, always the same ones; the house takes what houses take. The car is at home all day and takes
all it gets. Compared are our rules; charging at whatever level the surplus is enough for, each minute anew, as green mode does in the
simulated cloud (how Enphase decides is not known); and as much energy as by our rules, at the highest level from sunrise on.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, floor, pi, sin
from random import Random

from benchmarks.sun_rules import SunCommand, SunWatch, follow_sun
from custom_components.enphase_ev.charger.plan import ChargeLimits

_SEED = 17
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTES_A_DAY = 1440
# W, at noon in June
_PEAK = 8000.0


@dataclass
class _Sums:
    """kWh from the sun and from the grid, and how often something was sent or began."""

    sun: float = 0.0
    grid: float = 0.0
    starts: int = 0
    commands: int = 0

    def add(self, power: float, surplus: float) -> None:
        """Count a minute of charging, both in W."""
        of_sun = max(0.0, min(power, surplus))
        self.sun += of_sun / 60000
        self.grid += (power - of_sun) / 60000


def _day(random: Random, day: int) -> Iterator[float]:
    """Yield the surplus of each minute of a day, in W: sun behind clouds that come and go, less what the house takes."""
    season = 0.5 - 0.5 * cos(2 * pi * (day + 10) / 365)
    length, peak = 8 + 8 * season, _PEAK * (0.3 + 0.7 * season)
    cloudiness, cover, house = random.random(), 1.0, 300.0
    for minute in range(_MINUTES_A_DAY):
        hour = minute / 60 - 12
        if random.random() < 0.05:
            cover = random.uniform(0.1, 0.5) if random.random() < cloudiness else random.uniform(0.8, 1.0)
        if random.random() < 0.02:
            house = random.choice([200.0, 300.0, 500.0, 1500.0, 2500.0])
        height = sin(pi * (hour / length + 0.5)) if abs(hour) < length / 2 else 0.0
        yield peak * height * cover - house


def _by_rules(surpluses: list[float], limits: ChargeLimits, now: datetime, sums: _Sums) -> float:
    """Count a day by our rules, and return its kWh."""
    watch, level, energy = SunWatch(), None, 0.0
    for minute, surplus in enumerate(surpluses):
        step = follow_sun(watch, surplus, limits, level, now + timedelta(minutes=minute))
        watch = step.watch
        if step.command is not None:
            sums.commands += 1
            sums.starts += step.command is SunCommand.START
            level = step.level
        power = (level or 0.0) * limits.watts_per_ampere
        sums.add(power, surplus)
        energy += power / 60000
    return energy


def _as_green(surpluses: list[float], limits: ChargeLimits, sums: _Sums) -> None:
    """Count a day on which each minute has the level that its surplus is enough for."""
    before = 0.0
    for surplus in surpluses:
        level = min(floor(surplus / limits.watts_per_ampere), limits.most)
        level = level if level >= limits.least else 0.0
        sums.starts += level > 0 and before <= 0
        sums.commands += level != before
        sums.add(level * limits.watts_per_ampere, surplus)
        before = level


def _at_once(surpluses: list[float], limits: ChargeLimits, energy: float, sums: _Sums) -> None:
    """Count a day on which so many kWh are charged at the highest level from the first sun on."""
    sums.starts += energy > 0
    sums.commands += 2 * (energy > 0)
    sunrise = next((minute for minute, surplus in enumerate(surpluses) if surplus > 0), 0)
    power = limits.most * limits.watts_per_ampere
    for surplus in surpluses[sunrise:]:
        if energy <= 0:
            break
        sums.add(min(power, energy * 60000), surplus)
        energy -= power / 60000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    days = parser.parse_args().days
    print("| charger | by | kWh from the sun | kWh from the grid | from the sun | starts a day | commands a day |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, limits in (("6 to 32 A, one phase", ChargeLimits(6, 32, 230)), ("6 to 16 A, three phases", ChargeLimits(6, 16, 690))):
        random, rules, green, at_once = Random(_SEED), _Sums(), _Sums(), _Sums()
        for day in range(days):
            surpluses = list(_day(random, day))
            energy = _by_rules(surpluses, limits, _FIRST + timedelta(days=day), rules)
            _as_green(surpluses, limits, green)
            _at_once(surpluses, limits, energy, at_once)
        for who, sums in (("our rules", rules), ("each minute anew", green), ("at once", at_once)):
            share = 100 * sums.sun / (sums.sun + sums.grid)
            often = f"{sums.starts / days:.1f} | {sums.commands / days:.1f}"
            print(f"| {name} | {who} | {sums.sun:.0f} | {sums.grid:.0f} | {share:.0f} % | {often} |", flush=True)


if __name__ == "__main__":
    main()
