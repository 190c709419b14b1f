"""What a charger and a battery know of the site that they stand at; the site itself knows both."""

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from .house.house import House


class Place(Protocol):
    """A site as seen from a charger or a battery."""

    id: str
    time_zone: str
    zone: ZoneInfo
    country: str
    gateway_serial: str
    price_per_kwh: float
    scheduler_up: bool
    streaming_until: float
    """Until when chargers report fast, epoch seconds."""
    solar_w: float
    base_load_w: float
    house: House

    def surplus_w(self, at: float) -> float:
        """What the sun gives beyond what the house draws beside the chargers, W."""

    def solar_share_w(self, at: float) -> float:
        """What the sun leaves for each charger that follows it, W."""

    def note_drawn(self, serial: str, begin: float, seconds: float, watts: float) -> None:
        """A charger drew so much from a moment on, epoch seconds."""

    def minute_of_day(self, at: float) -> int:
        """Minutes since midnight in the site's zone."""


def local_time(place: Place, at: float) -> datetime:
    """A moment in epoch seconds, in the zone of a place."""
    return datetime.fromtimestamp(at, place.zone)
