"""What current a mode offers a vehicle, what somebody asked for, and what the charger does of it."""

from dataclasses import dataclass

from .hardware import Hardware
from .modes import INSUFFICIENT_SOLAR, Connector
from .schedules import Slot
from .vehicle import Vehicle

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
