"""A long time in a house where everything happens: at its end nothing is wrong, nothing is left over, and nobody was signed in too often.

Each of the two nights in which the clocks change; `--thorough` makes it a week from each.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, pairwise
import logging
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import Charger, Vehicle
from simulator.report import ChargeMode
from tests.idle_buttons import IDLE_BUTTONS
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import is_thorough

LOGGER = logging.getLogger(__name__)

_HOUR = 3600
_ZONE = ZoneInfo("Australia/Melbourne")
# The afternoons before the clocks go forward and back.
_AFTERNOONS = (datetime(2027, 10, 2, 16, tzinfo=_ZONE), datetime(2028, 4, 1, 16, tzinfo=_ZONE))
# What a charger can have drawn between two of its reports, in kWh.
_OF_A_REPORT = 0.7


@dataclass
class Counter:
    """What Home Assistant's statistics make of a counter that only grows, in kWh."""

    last: float | None = None
    total: float = 0.0

    def take(self, value: float) -> None:
        """Take in a state, by the rules of long-term statistics: a fall by more than a tenth is a counter that began anew."""
        if self.last is not None:
            self.total += value if value < 0.9 * self.last else value - self.last
        self.last = value


@dataclass
class Soak:
    """A house, and what is known about its past."""

    house: House
    begin: dict[str, float] = field(default_factory=dict)
    lifetime: dict[str, Counter] = field(default_factory=dict)
    today: dict[str, Counter] = field(default_factory=dict)
    sign_ins: list[datetime] = field(default_factory=list)
    expired_at: datetime | None = None

    @property
    def now(self) -> datetime:
        """The time at the house."""
        return datetime.now(_ZONE)

    @property
    def chargers(self) -> list[Charger]:
        """All chargers."""
        return list(self.house.sim.site.chargers.values())

    async def begin_to_count(self) -> None:
        """Let the statistics begin."""
        counters: dict[str, Counter] = {}
        await self.house.live(400)
        for charger in self.chargers:
            charger.report()
        await self.house.live(125)
        for charger in self.chargers:
            self.begin[charger.serial] = charger.reported.lifetime_wh / 1000
            for key, kept in (("lifetime_energy", self.lifetime), ("energy_today", self.today)):
                counter = kept[charger.serial] = Counter()
                counter.take(float(self.house.state("sensor", key, charger).state))
                counters[self.house.entity_id("sensor", key, charger)] = counter

        @callback
        def count(event: Event[EventStateChangedData]) -> None:
            state, counter = event.data["new_state"], counters.get(event.data["entity_id"])
            if state is not None and counter is not None and state.state not in {"unavailable", "unknown"}:
                counter.take(float(state.state))

        self.house.hass.bus.async_listen("state_changed", count)

    async def live(self, seconds: float) -> None:
        """Let time pass, and note when somebody was signed in."""
        left = seconds
        while left > 0:
            before = self.house.sim.sign_ins
            await self.house.live(min(left, 600))
            self.sign_ins += [datetime.now(UTC)] * (self.house.sim.sign_ins - before)
            self.house.sim.requests.clear()
            left -= 600

    # --- What people do ---

    async def keep_house(self) -> None:
        """Plug in and charge in the evening, drive away in the morning."""
        charger, hour = self.chargers[0], self.now.hour
        if 7 <= hour < 17:
            charger.unplug()
        elif not charger.plugged_in:
            charger.plug_in(Vehicle(battery_wh=60_000, state_of_charge=0.3, target=0.9, max_amps=32))
        if charger.plugged_in and not charger.charging and hour in {18, 19, 20, 3, 4}:
            await self.act("switch", "turn_on", entity_id=self.house.entity_id("switch", "charging", charger))
        elif charger.charging and hour in {23, 0}:
            await self.act("switch", "turn_off", entity_id=self.house.entity_id("switch", "charging", charger))
        reserve = 20 + self.now.hour
        await self.act("number", "set_value", entity_id=self.house.site_entity_id("number", "reserve"), value=reserve)

    async def act(self, domain: str, service: str, **data: object) -> None:
        """Do something and see it through."""
        await self.house.see_through(self.house.call(domain, service, **data))

    # --- What happens ---

    async def outage_of_minutes(self) -> None:
        """503 for everything."""
        await self._broken(4 * 60, status=503, html=True)

    async def outage_of_hours(self) -> None:
        """Nobody listens."""
        await self.house.sim.stop()
        await self.live(2.5 * _HOUR)
        await self.house.sim.start()

    async def throttled(self) -> None:
        """Far fewer requests are allowed than are wanted."""
        self.house.sim.world.deployment.requests_per_hour = 40
        await self.live(1.2 * _HOUR)
        self.house.sim.world.deployment.requests_per_hour = None
        # The silence that was asked for.
        await self.live(_HOUR)

    async def expired(self) -> None:
        """The session ends, once a day at most."""
        if self.expired_at is None or datetime.now(UTC) > self.expired_at + timedelta(days=1):
            self.expired_at = datetime.now(UTC)
            self.house.sim.expire_sessions()
        self.house.sim.expire_tokens()

    async def login_wall(self) -> None:
        """A page for people wherever one asks."""
        await self._broken(40 * 60, html=True)

    async def wall_before_services(self) -> None:
        """A page for people where the services should be; the session lives."""
        await self._broken(40 * 60, path="service", html=True)

    async def restart(self) -> None:
        """Home Assistant starts again."""
        await self.house.restart(after=60)

    async def away_for_hours(self) -> None:
        """Home Assistant is off for a while."""
        await self.house.restart(after=0, hours=5)

    async def clock_ahead(self) -> None:
        """The clock of Home Assistant is put forward by an hour, and an hour later put right: the cloud goes on as before."""
        self.house.freezer.tick(_HOUR)
        self.house.sim.clock.turn_back(_HOUR)
        await self.live(_HOUR)
        self.house.sim.clock.advance(_HOUR)

    async def thin_answers(self) -> None:
        """Lists come empty, and without what they should hold."""
        self.house.sim.world.deployment.empty_charger_lists = 5
        self.house.sim.world.deployment.missing_level_details = 8
        await self.live(_HOUR / 2)

    async def charger_off_line(self) -> None:
        """A charger is cut off and goes on charging."""
        self.chargers[0].go_offline()
        await self.live(_HOUR)
        self.chargers[0].come_back()

    async def broken_answers(self) -> None:
        """Parts of the answers are broken at random."""
        await self._broken(_HOUR / 2, path="batterySettings|schedules|summary|preference|energy", mutate=self.now.toordinal())
        # Until everything was asked for again.
        await self.live(_HOUR)

    async def somebody_else(self) -> None:
        """The app changes a mode and the battery."""
        charger = self.chargers[1]
        charger.mode = ChargeMode.GREEN if charger.mode is ChargeMode.MANUAL else ChargeMode.MANUAL
        self.house.sim.battery.drop_schedules("dtg")
        await self.live(_HOUR / 4)

    async def _broken(self, seconds: float, **fault: object) -> None:
        self.house.sim.faults.add(**{"path": "", "times": None, **fault})  # type: ignore[arg-type]  # options by name
        await self.live(seconds)
        self.house.sim.faults.clear()

    @property
    def incidents(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """Everything that happens, in an order that takes the long ones through a night."""
        return (
            *(self.expired, self.outage_of_minutes, self.throttled, self.wall_before_services, self.clock_ahead, self.restart),
            *(self.thin_answers, self.outage_of_hours, self.somebody_else, self.login_wall, self.charger_off_line),
            *(self.broken_answers, self.away_for_hours),
        )

    # --- What must be so ---

    async def check(self) -> None:
        """Compare everything that is shown with the world as it is."""
        for charger in self.chargers:
            charger.report()
        # Longer than anything waits after an outage, but for the charge modes.
        await self.live(660)
        for charger in self.chargers:
            charger.report()
        await self.live(125)
        house, sim = self.house, self.house.sim
        entities = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)
        # After a month without a session there is none to show.
        of_last_session = ("_last_session", "_last_session_cost", "_last_session_range")
        without = {f"{charger.serial}{key}" for charger in self.chargers for key in of_last_session}
        without |= {one.unique_id for one in entities if one.unique_id.endswith(IDLE_BUTTONS)}
        there = [one.entity_id for one in entities if one.disabled_by is None and one.unique_id not in without]
        assert [one for one in there if (state := house.hass.states.get(one)) is None or state.state == "unavailable"] == []
        for charger in self.chargers:
            self._check_charger(charger)
        assert float(house.site_state("sensor", "state_of_charge").state) == pytest.approx(sim.battery.state_of_charge, abs=3)
        assert float(house.site_state("number", "reserve").state) == sim.battery.settings.reserve
        assert house.site_state("switch", "charge_from_grid").state == ("on" if sim.battery.settings.charge_from_grid else "off")

    def _check_charger(self, charger: Charger) -> None:
        house = self.house

        def shown(platform: str, key: str) -> str:
            return house.state(platform, key, charger).state

        assert shown("binary_sensor", "plugged_in") == ("on" if charger.plugged_in else "off")
        assert shown("binary_sensor", "charging") == shown("switch", "charging") == ("on" if charger.charging else "off")
        assert shown("select", "charge_mode") == charger.mode.name.lower()
        assert float(shown("sensor", "power")) == pytest.approx(charger.power_w, abs=0.06 * charger.power_w + 1)
        lifetime, counted = charger.reported.lifetime_wh / 1000, charger.reported.lifetime_wh / 1000 - self.begin[charger.serial]
        assert float(shown("sensor", "lifetime_energy")) == pytest.approx(lifetime, abs=0.4)
        assert float(shown("sensor", "energy_today")) == pytest.approx(charger.daily_wh.get(self.now.date(), 0) / 1000, abs=_OF_A_REPORT)
        assert self.lifetime[charger.serial].total == pytest.approx(counted, abs=0.4)
        # What was drawn on a day on which nobody looked is in no day.
        assert self.today[charger.serial].total <= counted + _OF_A_REPORT


@pytest.mark.slow
@pytest.mark.timeout(3 * _HOUR)
async def test_a_long_time(hass: HomeAssistant, sign_in_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    await hass.config.async_set_time_zone(_ZONE.key)
    freezer.move_to(_AFTERNOONS[0])
    house = await sign_in_house("home")
    soak = Soak(house)
    await soak.begin_to_count()
    incidents = cycle(soak.incidents)
    for afternoon in _AFTERNOONS:
        if datetime.now(UTC) < afternoon - timedelta(days=1):
            away = afternoon - datetime.now(UTC)
            await house.restart(hours=away / timedelta(hours=1))
        end = afternoon + timedelta(hours=7 * 24 if is_thorough() else 12)
        while soak.now < end:
            await soak.keep_house()
            await soak.check()
            incident = next(incidents)
            LOGGER.info("%s: %s after %s sign-ins", soak.now, incident.__name__, house.sim.sign_ins)
            await incident()
            if is_thorough():
                await soak.live(2 * _HOUR)
    await soak.check()

    signed_in = sorted(soak.sign_ins)
    assert [b - a for a, b in pairwise(signed_in) if b - a < timedelta(days=1) - timedelta(minutes=20)] == []
    assert hass.config_entries.flow.async_progress() == []
    assert await hass.config_entries.async_unload(house.entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [task for task in asyncio.all_tasks() if "nphase" in task.get_name()] == []
