"""What flows between sun, house, grid and battery, and the quarter hours that count it (docs/cloud-api/energy.md §1)."""

from copy import copy
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Power:
    """A moment in the house, W, with the signs of docs/cloud-api/live.md §3: ``load`` = ``solar`` + ``grid`` + ``battery``."""

    solar: float
    battery: float
    """Positive discharges."""
    grid: float
    """Positive is import."""
    load: float
    """Everything that the house draws, chargers among it."""
    evse: float
    """What the chargers draw of it."""


def balanced(solar: float, battery: float, base: float, evse: float, *, grid_lost: bool) -> Power:
    """A moment in which everything adds up; without a grid the sun is held back, or the house does without."""
    load = base + evse
    if not grid_lost:
        return Power(solar, battery, load - solar - battery, load, evse)
    solar = max(0.0, min(solar, load - battery))
    served = max(0.0, solar + battery)
    return Power(solar, battery, 0.0, served, min(evse, served))


@dataclass
class Energy:
    """What flowed from where to where, Wh; the names are those of docs/cloud-api/energy.md §1."""

    solar_home: float = 0.0
    solar_battery: float = 0.0
    solar_grid: float = 0.0
    battery_home: float = 0.0
    battery_grid: float = 0.0
    grid_home: float = 0.0
    grid_battery: float = 0.0
    evse: float = 0.0

    @property
    def production(self) -> float:
        """What the panels made."""
        return self.solar_home + self.solar_battery + self.solar_grid

    @property
    def consumption(self) -> float:
        """What the house used, chargers among it."""
        return self.solar_home + self.battery_home + self.grid_home

    @property
    def imported(self) -> float:
        """What was taken from the grid."""
        return self.grid_home + self.grid_battery

    @property
    def exported(self) -> float:
        """What was given to the grid."""
        return self.solar_grid + self.battery_grid

    @property
    def charged(self) -> float:
        """What went into the battery."""
        return self.solar_battery + self.grid_battery

    @property
    def discharged(self) -> float:
        """What came out of the battery."""
        return self.battery_home + self.battery_grid

    def add(self, power: Power, seconds: float) -> None:
        """Count a power over a time: the sun serves the house first, then the battery, then the grid."""
        hours = seconds / 3600
        charge, discharge = max(0.0, -power.battery), max(0.0, power.battery)
        solar_home = min(power.solar, power.load)
        solar_battery = min(power.solar - solar_home, charge)
        battery_home = min(power.load - solar_home, discharge)
        self.solar_home += solar_home * hours
        self.solar_battery += solar_battery * hours
        self.solar_grid += max(0.0, power.solar - solar_home - solar_battery) * hours
        self.battery_home += battery_home * hours
        self.battery_grid += (discharge - battery_home) * hours
        self.grid_home += max(0.0, power.load - solar_home - battery_home) * hours
        self.grid_battery += (charge - solar_battery) * hours
        self.evse += power.evse * hours

    def __add__(self, other: Energy) -> Energy:
        return Energy(*(mine + yours for mine, yours in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __mul__(self, factor: float) -> Energy:
        return Energy(*(mine * factor for mine in vars(self).values()))

    def copy(self) -> Energy:
        """The same, apart."""
        return copy(self)


QUARTER_S = 900
"""Length of a bucket, seconds."""


@dataclass
class Quarter:
    """A quarter hour of the meters."""

    energy: Energy = field(default_factory=Energy)
    soc: float | None = None
    """State of charge at its end, %; None without a battery."""

    def copy(self) -> Quarter:
        """The same, apart."""
        return Quarter(self.energy.copy(), self.soc)


def quarter_of(at: float) -> int:
    """The beginning of the quarter hour of a moment, epoch seconds."""
    return int(at // QUARTER_S) * QUARTER_S
