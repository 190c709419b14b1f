"""The rules of the blueprint *Follow the sun*, as a function: when a car begins and stops, and at which level it charges.

Nothing here knows Home Assistant, a clock or a charger. What it goes by:

- The surplus is what would go to the grid if the car took nothing. What a battery discharges is never surplus.
- Charging begins when there is enough for the lowest level, and a margin, for as long as the patience lasts; it stops when there is less
  than the lowest level, less a margin, for as long.
- In between the level follows the surplus by whole steps, up only where there is a little more than the next step takes.
- There is one command in five minutes at most. Where the surplus is not known, there is none.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor, isfinite

from custom_components.enphase_ev.charger.plan import ChargeLimits

# A, which there have to be above the next step, so that the level does not go up and down with every cloud.
_FOR_A_STEP_UP = 0.3
# What a level may be off by and still be on a step (A).
_NO_LEVEL = 1e-6


class First(StrEnum):
    """What the sun is for before anything else."""

    CAR = "car"
    BATTERY = "battery"


class SunCommand(StrEnum):
    """What the charger is to be sent."""

    START = "start"
    SET_LEVEL = "set_level"
    STOP = "stop"


@dataclass(frozen=True)
class SunRules:
    """How the sun is followed.

    Attributes:
        margin: W, with which charging begins above the lowest level, and stops below it.
        patience: how long there has to be enough, or too little, before charging begins or stops.
        pause: between two commands.
        step: A, of the levels.
    """

    margin: float = 300.0
    patience: timedelta = timedelta(minutes=10)
    pause: timedelta = timedelta(minutes=5)
    step: float = 1.0


@dataclass(frozen=True)
class SunWatch:
    """What has to be remembered from one look to the next.

    Attributes:
        enough_since: when there began to be enough to begin with; `None` while there is not.
        too_little_since: when there began to be too little to go on; `None` while there is not.
        sent_at: the last command.
    """

    enough_since: datetime | None = None
    too_little_since: datetime | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True)
class SunStep:
    """What is to be done now: nothing where `command` is `None`. `level` (A) goes with a start and a new level."""

    watch: SunWatch
    command: SunCommand | None = None
    level: float | None = None


def surplus_for_car(grid: float | None, car: float, battery: float, first: First) -> float | None:
    """Return what the car could take from the sun in W; `None` where the grid is not known.

    Args:
        grid: W, positive where it is imported.
        car: W that the car takes.
        battery: W, positive where it discharges; 0 without one.
        first: a battery that comes first keeps what it charges with.
    """
    if grid is None:
        return None
    return car - grid - (max(battery, 0.0) if first is First.BATTERY else battery)


def follow_sun(
    watch: SunWatch, surplus: float | None, limits: ChargeLimits, level: float | None, now: datetime, rules: SunRules | None = None
) -> SunStep:
    """Return what is to be done, for a car that is plugged in; look every minute or so.

    Args:
        watch: of the look before.
        surplus: W that the car could take, what it takes now included.
        limits: the smallest and the largest level that are wanted, on steps of the charger.
        level: A that the car charges at; `None` while it does not charge.
        now: with a time zone.
        rules: the usual ones where there are none.
    """
    rules = rules or SunRules()
    if not (0 < limits.least <= limits.most and limits.watts_per_ampere > 0):
        return SunStep(watch)
    power = surplus if surplus is not None and isfinite(surplus) else 0.0
    watch = _seen(watch, power, limits.least * limits.watts_per_ampere, now, rules)
    may_send = watch.sent_at is None or now - watch.sent_at >= rules.pause
    wanted = _level_for(power, limits, level, rules)
    if may_send and level is None and _has_lasted(watch.enough_since, now, rules):
        return SunStep(SunWatch(sent_at=now), SunCommand.START, wanted)
    if may_send and level is not None and _has_lasted(watch.too_little_since, now, rules):
        return SunStep(SunWatch(sent_at=now), SunCommand.STOP)
    if may_send and level is not None and abs(wanted - level) >= _NO_LEVEL:
        return SunStep(replace(watch, sent_at=now), SunCommand.SET_LEVEL, wanted)
    return SunStep(watch)


def _seen(watch: SunWatch, power: float, least: float, now: datetime, rules: SunRules) -> SunWatch:
    """Return since when there is enough, and too little, after another look."""
    is_enough, is_too_little = power >= least + rules.margin, power < least - rules.margin
    return replace(
        watch,
        enough_since=(watch.enough_since or now) if is_enough else None,
        too_little_since=(watch.too_little_since or now) if is_too_little else None,
    )


def _has_lasted(since: datetime | None, now: datetime, rules: SunRules) -> bool:
    return since is not None and now - since >= rules.patience


def _level_for(power: float, limits: ChargeLimits, level: float | None, rules: SunRules) -> float:
    """Return the level (A) that a power is enough for, within the limits; the present one where hardly more is there."""
    amps = power / limits.watts_per_ampere
    fits = _on_a_step(amps, limits, rules)
    if level is None or fits <= level or level < limits.least:
        return fits
    return max(level, _on_a_step(amps - _FOR_A_STEP_UP, limits, rules))


def _on_a_step(amps: float, limits: ChargeLimits, rules: SunRules) -> float:
    """Return the highest level up to some A that is one, at least the lowest."""
    steps = floor((min(amps, limits.most) - limits.least) / rules.step + _NO_LEVEL)
    return limits.least + max(steps, 0) * rules.step
