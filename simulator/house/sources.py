"""What the sun gives and what the house draws beside its chargers, as functions of time; W."""

from dataclasses import dataclass
from datetime import datetime
import math
from typing import Protocol
from zoneinfo import ZoneInfo

DAY_S = 86400
_TILT_OF_THE_EARTH = math.radians(23.44)
# The winter solstice lies ten days before the turn of the year.
_SOLSTICE_DAYS = 10
_SHARE_OF_A_ROOF = 0.8


PLACES = {"AU": (-37.8, 145.0), "US": (34.0, -118.2), "NL": (52.4, 4.9)}
"""Latitude and longitude of the sites, by country."""


class Source(Protocol):
    """Something whose power depends on nothing but the time."""

    def watts(self, at: float) -> float:
        """Power at a moment, epoch seconds."""


@dataclass(frozen=True)
class Steady:
    """The same at all times."""

    power_w: float

    def watts(self, at: float) -> float:
        """The same power."""
        return self.power_w


@dataclass(frozen=True)
class Sun:
    """Panels that lie flat somewhere on the Earth, under a sky that is another one every day."""

    peak_w: float
    latitude: float
    longitude: float

    def watts(self, at: float) -> float:
        """By the sun's elevation at this moment, and by the day's clouds."""
        solar_time = at / DAY_S + self.longitude / 360
        year = 2 * math.pi * (at / DAY_S % 365.25 + _SOLSTICE_DAYS) / 365.25
        declination = -_TILT_OF_THE_EARTH * math.cos(year)
        hour_angle = 2 * math.pi * (solar_time % 1 - 0.5)
        latitude = math.radians(self.latitude)
        height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
        return self.peak_w * max(0.0, height) * self._clearness(math.floor(solar_time))

    @staticmethod
    def _clearness(day: int) -> float:
        """0.35 on a dull day, 1 on a clear one."""
        return 0.35 + 0.65 * abs(math.sin(day * 12.9898))


def by_day(source: Source, country: str) -> Source:
    """The same panels under the sky of a country: what gives one power at all times for a while has not done so for a year.

    Heat, dirt and a roof that looks elsewhere take their share.
    """
    return Sun(_SHARE_OF_A_ROOF * source.power_w, *PLACES[country]) if isinstance(source, Steady) else source


@dataclass(frozen=True)
class Household:
    """A household that gets up, cooks in the evening and sleeps; a refrigerator runs all day."""

    average_w: float
    zone: ZoneInfo

    def watts(self, at: float) -> float:
        """By the hour of the house's own day."""
        local = datetime.fromtimestamp(at, self.zone)
        hour = local.hour + local.minute / 60 + local.second / 3600
        morning = math.exp(-(((hour - 7.5) / 1.2) ** 2))
        evening = math.exp(-(((hour - 19.0) / 2.0) ** 2))
        refrigerator = 0.1 * math.sin(2 * math.pi * at / 2400)
        return self.average_w * (0.6 + morning + 1.8 * evening + refrigerator)
