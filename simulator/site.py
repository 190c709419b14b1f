"""A site: where chargers and batteries stand, what the sun gives and which optional services it has."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from .battery.battery import Battery
from .charger import Charger
from .clock import Clock
from .hardware import ChargerProfile
from .house.house import House
from .house.past import Charged, midnight
from .house.sources import Steady
from .report import ChargeMode

LIVE_STREAM_S = 900
"""What the cloud grants a live stream, seconds (docs/cloud-api/chargers.md §4)."""

# When a car charged of whose day nothing but the energy is known, site's time, and for how long.
EVENING_H, EVENING_S = 18, 4 * 3600


class Site:
    """One site of an account."""

    def __init__(self, site_id: str, name: str, clock: Clock, *, time_zone: str, country: str) -> None:
        self.id = site_id
        self.name = name
        self.time_zone = time_zone
        self.zone = ZoneInfo(time_zone)
        self.country = country
        self.chargers: dict[str, Charger] = {}
        self.battery: Battery | None = None
        self.price_per_kwh = 0.26
        self.gateway_serial = "120000000001"
        self.scheduler_up = True
        """The scheduler service fails on its own (docs/cloud-api/chargers.md §5)."""
        self.live_stream = True
        """False: 472, not supported at this site (docs/cloud-api/chargers.md §4)."""
        self.firmware_details_status = 200
        """401, 403 or 404: firmware details are not available at this site (docs/cloud-api/chargers.md §7)."""
        self.streaming_until = 0.0
        """Until when chargers report fast, epoch seconds."""
        self._clock = clock
        self.house = House(self, clock)
        """Sun, household, grid and meters."""

    @property
    def base_load_w(self) -> float:
        """What the house draws beside the chargers, W."""
        return self.house.household.watts(self._clock.time())

    @base_load_w.setter
    def base_load_w(self, watts: float) -> None:
        self.catch_up()
        self.house.household = Steady(watts)

    @property
    def solar_w(self) -> float:
        """What the panels give, W."""
        return self.house.sun.watts(self._clock.time())

    @solar_w.setter
    def solar_w(self, watts: float) -> None:
        self.catch_up()
        self.house.sun = Steady(watts)
        for charger in self.chargers.values():
            charger.surroundings_changed()

    def surplus_w(self, at: float) -> float:
        """What the sun gives beyond what the house draws beside the chargers, at a moment in epoch seconds; W."""
        return self.house.sun.watts(at) - self.house.household.watts(at)

    def solar_share_w(self, at: float) -> float:
        """What the sun leaves for each charger that follows it, at a moment in epoch seconds; W."""
        following = [
            charger for charger in self.chargers.values() if charger.mode in {ChargeMode.GREEN, ChargeMode.SMART} and charger.plugged_in
        ]
        return max(0.0, self.surplus_w(at)) / max(1, len(following))

    def add_charger(self, profile: ChargerProfile, *, lifetime_wh: float = 0.0) -> Charger:
        """Put up a charger."""
        charger = Charger(profile, self, self._clock, lifetime_wh=lifetime_wh)
        self.chargers[charger.serial] = charger
        return charger

    def start_live_stream(self) -> int:
        """Let the chargers report fast for the time that the cloud grants; answers that time, seconds."""
        self.streaming_until = self._clock.time() + LIVE_STREAM_S
        for charger in self.chargers.values():
            charger.report()
        return LIVE_STREAM_S

    def stop_live_stream(self) -> None:
        """Back to the usual rhythm."""
        self.catch_up()
        self.streaming_until = 0.0

    def catch_up(self) -> None:
        """Let every charger and the battery live up to the clock."""
        for charger in self.chargers.values():
            charger.catch_up()
        if self.battery is not None:
            self.battery.catch_up()
        self.house.catch_up()

    def chargers_w(self) -> float:
        """What all chargers draw now, W."""
        return sum(charger.power_w for charger in self.chargers.values())

    def battery_w(self) -> float:
        """What the battery takes now, W; negative: it gives."""
        return self.battery.power_w if self.battery else 0.0

    def battery_size(self) -> tuple[float, float]:
        """What the battery holds, Wh, and the most that it takes or gives, W; zeros without one."""
        return (self.battery.capacity_wh, self.battery.rated_w) if self.battery else (0.0, 0.0)

    def past_charging(self, before: float) -> Iterator[Charged]:
        """What the chargers drew before a moment: each session, and in the evening what else is known of a day."""
        last = datetime.fromtimestamp(before, self.zone).date()
        for charger in self.chargers.values():
            left = dict(charger.daily_wh)
            for session in charger.history:
                begin = session.started_at or session.plugged_in_at
                if begin < before:
                    yield Charged(begin, session.active_s, session.energy_wh)
                    left[datetime.fromtimestamp(session.plugged_in_at, self.zone).date()] -= session.energy_wh
            for day, energy in left.items():
                if energy > 1 and day < last:
                    yield Charged(midnight(day, self.zone) + EVENING_H * 3600, EVENING_S, energy)

    def grid_changed(self) -> None:
        """The grid has gone or come back: every charger tells it."""
        for charger in self.chargers.values():
            charger.report()

    def note_drawn(self, serial: str, begin: float, seconds: float, watts: float) -> None:
        """A charger drew so much from a moment on, epoch seconds: the battery has to live with it."""
        self.house.note_drawn(serial, begin, begin + seconds, watts)
        if self.battery is not None:
            self.battery.load.note(serial, begin, begin + seconds, watts)

    def minute_of_day(self, at: float) -> int:
        """Minutes since midnight in the site's zone, at a moment in epoch seconds."""
        local = datetime.fromtimestamp(at, self.zone)
        return local.hour * 60 + local.minute
