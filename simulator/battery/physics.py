"""What a battery does: follows sun, house and vehicles, settings and schedules."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from .schedules import ScheduleBook
from .settings import ControlFamily, Settings

CHARGE_EFFICIENCY = 0.96
"""Share of the energy taken in that can be given back."""


@dataclass
class BatteryUnit:
    """One battery of a site."""

    id: int
    serial: str
    capacity_wh: float = 5000.0
    rated_w: float = 3840.0
    cycle_count: int = 115
    health: int = 100
    """%."""
    error_code: str | None = None
    excluded: bool = False

    @property
    def working(self) -> bool:
        """Whether it takes part."""
        return self.error_code is None and not self.excluded


class Doing(StrEnum):
    """Why the battery does what it does."""

    SELF_USE = "self_use"
    CHARGE_FROM_GRID = "charge_from_grid"
    DISCHARGE_TO_GRID = "discharge_to_grid"
    HOLD = "hold"
    """It does not discharge into the home, and takes what the sun leaves."""
    STORM = "storm"


@dataclass(frozen=True)
class Order:
    """What settings and schedules want of the battery now."""

    doing: Doing
    limit: float
    """State of charge at which it ends, %: charge up to it, discharge down to it."""


@dataclass(frozen=True)
class Moment:
    """When somebody asks what the battery is to do."""

    at: float
    """Epoch seconds."""
    minute_of_day: int
    """In the site's zone."""
    state_of_charge: float
    """%."""


def order(settings: Settings, grid_mode: str | None, book: ScheduleBook, now: Moment) -> Order:
    """What families and profile want of the battery now."""
    mode = grid_mode or "ImportExport"
    if settings.charge_from_grid and settings.charge_from_grid_schedule and mode in {"ImportExport", "ImportOnly"}:
        entry = book.running(ControlFamily.CFG, now.at)
        if entry is not None:
            return Order(Doing.CHARGE_FROM_GRID, float(entry.limit or 100))
    if settings.discharge_to_grid and mode in {"ImportExport", "ExportOnly"}:
        limit = _export_limit(settings, book, now)
        if limit is not None and now.state_of_charge > limit + 1e-6:
            return Order(Doing.DISCHARGE_TO_GRID, limit)
    if settings.restrict_discharge and book.running(ControlFamily.RBD, now.at) is not None:
        return Order(Doing.HOLD, 100.0)
    return Order(Doing.SELF_USE, float(settings.floor))


def _export_limit(settings: Settings, book: ScheduleBook, now: Moment) -> float | None:
    """Down to what state of charge it exports now, %; None: it does not."""
    entry = book.running(ControlFamily.DTG, now.at)
    if entry is not None:
        return float(max(entry.limit or 0, settings.floor))
    if book.knows_any(ControlFamily.DTG) or settings.dtg_begin is None or settings.dtg_end is None:
        return None
    begin, end = settings.dtg_begin, settings.dtg_end
    minute = now.minute_of_day
    inside = begin <= minute < end if begin < end else minute >= begin or minute < end
    return float(settings.floor) if inside else None


@dataclass(frozen=True)
class Flow:
    """What flows; W, positive into the battery."""

    power_w: float
    doing: Doing


@dataclass
class HomeLoad:
    """What the chargers have drawn, until the battery has lived through it."""

    _drawn: dict[str, deque[tuple[float, float, float]]] = field(default_factory=dict)

    def note(self, serial: str, begin: float, end: float, watts: float) -> None:
        """A charger drew so much between two moments, epoch seconds."""
        drawn = self._drawn.setdefault(serial, deque())
        if drawn and drawn[-1][1:] == (begin, watts):
            begin = drawn.pop()[0]
        drawn.append((begin, end, watts))

    def average_w(self, begin: float, end: float) -> float:
        """What all chargers drew on average; forgets what was before."""
        energy = 0.0
        for drawn in self._drawn.values():
            while drawn and drawn[0][1] <= begin:
                drawn.popleft()
            for since, until, watts in drawn:
                if since >= end:
                    break
                energy += max(0.0, min(end, until) - max(begin, since)) * watts
        return energy / (end - begin)


def flow(order: Order, state_of_charge: float, surplus_w: float, most_w: float) -> Flow:
    """The battery's power under an order: state of charge in %, the sun's surplus over the load in W (negative: a lack)."""
    match order.doing:
        case Doing.CHARGE_FROM_GRID | Doing.STORM:
            # Above its limit it still takes the sun, and gives nothing: the entry is there to fill it.
            wanted = most_w if state_of_charge < order.limit else max(0.0, surplus_w)
        case Doing.DISCHARGE_TO_GRID:
            wanted = -most_w
        case Doing.HOLD:
            wanted = max(0.0, surplus_w)
        case _:
            wanted = surplus_w
    if state_of_charge >= 100:
        wanted = min(0.0, wanted)
    gives = order.doing in {Doing.DISCHARGE_TO_GRID, Doing.SELF_USE} and state_of_charge > order.limit
    lowest = -most_w if gives else 0.0
    return Flow(max(lowest, min(most_w, wanted)), order.doing)


def without_car(surplus_w: float, cars_w: float) -> float:
    """What is left for the battery where it does not feed the cars, W: they take the sun first, and the grid for the rest."""
    left = surplus_w - cars_w
    return left if left >= 0 else min(0.0, surplus_w)


def seconds_until(state_of_charge: float, target: float, power_w: float, capacity_wh: float) -> float:
    """How long until a state of charge is reached, in either direction; infinite where it never is."""
    energy = (target - state_of_charge) / 100 * capacity_wh
    rate = stored_w(power_w)
    return energy / rate * 3600 if rate and energy / rate > 0 else float("inf")


def stored_w(power_w: float) -> float:
    """What of a power changes the stored energy, W."""
    return power_w * CHARGE_EFFICIENCY if power_w > 0 else power_w
