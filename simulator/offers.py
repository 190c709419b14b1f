"""A vehicle, what current a mode offers it, what somebody asked for, and what the charger does of it."""

from dataclasses import dataclass

from .hardware import Hardware
from .report import INSUFFICIENT_SOLAR, Connector
from .schedules import Slot

# Below this share of its full power a vehicle does not charge at all.
LOWEST_TAPER = 0.2


@dataclass
class Vehicle:
    """What hangs on the cable.

    Energies are Wh at the battery; `efficiency` is what of the energy drawn gets there.
    """

    battery_wh: float = 75_000.0
    """Size of the battery, Wh."""
    state_of_charge: float = 0.4
    """Share of the battery that is full, 0 … 1."""
    target: float = 0.8
    """Share at which the vehicle stops asking for energy, 0 … 1."""
    max_amps: float = 32.0
    """What its on-board charger takes, A per phase."""
    phases: int = 3
    """Phases of its on-board charger, 1 … 3."""
    efficiency: float = 0.92
    """Share of the energy drawn that reaches the battery."""
    taper_from: float = 0.95
    """State of charge from which it takes less and less."""
    miles_per_kwh: float = 3.9
    """Range gained, miles per kWh drawn."""

    @property
    def satisfied(self) -> bool:
        """Whether it has what it wants."""
        return self.state_of_charge >= min(self.target, 1.0) - 1e-9

    @property
    def full(self) -> bool:
        """Whether nothing more fits in."""
        return self.state_of_charge >= 1.0 - 1e-9

    def amps_wanted(self, offered: float) -> float:
        """What it draws of the current offered, A per phase."""
        if self.satisfied:
            return 0.0
        share = 1.0
        if self.state_of_charge > self.taper_from:
            left = (1.0 - self.state_of_charge) / (1.0 - self.taper_from)
            share = max(LOWEST_TAPER, left)
        return min(offered, self.max_amps * share)

    def room_wh(self) -> float:
        """Energy that can still be drawn until it is satisfied, Wh at the plug."""
        return max(0.0, (min(self.target, 1.0) - self.state_of_charge) * self.battery_wh / self.efficiency)

    def take(self, energy_wh: float) -> None:
        """Put energy that was drawn into the battery, Wh at the plug."""
        self.state_of_charge = min(1.0, self.state_of_charge + energy_wh * self.efficiency / self.battery_wh)


# The hours in which a smart charger uses the grid, site's time.
SMART_HOURS = range(6)


@dataclass(frozen=True)
class Offer:
    """The level offered now, A; 0 with the reason (``connectorStatusReason``)."""

    level: int
    reason: str = ""


NO_OFFER = Offer(0)


@dataclass(frozen=True)
class Command:
    """A level that somebody asked for, A, and from when on it holds, epoch seconds."""

    level: int
    from_time: float


@dataclass
class State:
    """What the charger is doing at the moment it has lived up to."""

    connector: Connector = Connector.AVAILABLE
    offer: Offer = NO_OFFER
    amps: float = 0.0
    """Current drawn, A per phase."""


def scheduled_offer(hardware: Hardware, slot: Slot | None) -> Offer:
    """The level of the slot in force."""
    if slot is None:
        return NO_OFFER
    return Offer(min(slot.level or hardware.max_amps, hardware.max_amps))


def solar_offer(hardware: Hardware, watts: float, vehicle: Vehicle) -> Offer:
    """As much as the sun leaves, or nothing below the lowest level."""
    level = hardware.level_for(watts, vehicle.phases)
    return Offer(0, INSUFFICIENT_SOLAR) if level is None else Offer(level)


def smart_offer(hardware: Hardware, watts: float, vehicle: Vehicle, hour: int) -> Offer:
    """Everything in the cheap hours, else as much as the sun leaves."""
    if hour in SMART_HOURS:
        return Offer(hardware.max_amps)
    return Offer(solar_offer(hardware, watts, vehicle).level)
