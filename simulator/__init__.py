"""Enlighten in a box: a simulated cloud with chargers that behave, held to the pages under ``docs/cloud-api/``."""

from .accounts import Account
from .battery.battery import Battery
from .battery.entries import Entry, EntryStatus
from .battery.physics import BatteryUnit
from .battery.settings import ControlFamily, StormAlert
from .charger import Charger
from .clock import Clock
from .hardware import ChargerProfile
from .offers import Vehicle
from .received import Family, ReceivedRequest
from .report import ChargeMode, CommandRefused, Connector
from .scenarios import SCENARIOS
from .server import Simulator
from .site import Site
from .switches.deployment import Deployment
from .world import World

__all__ = [
    "SCENARIOS",
    "Account",
    "Battery",
    "BatteryUnit",
    "ChargeMode",
    "Charger",
    "ChargerProfile",
    "Clock",
    "CommandRefused",
    "Connector",
    "ControlFamily",
    "Deployment",
    "Entry",
    "EntryStatus",
    "Family",
    "ReceivedRequest",
    "Simulator",
    "Site",
    "StormAlert",
    "Vehicle",
    "World",
]
