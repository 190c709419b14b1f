"""Energy of a site: what the meters count adds up, and every switch of docs/cloud-api/energy.md §3."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator import Simulator, Site
from simulator.house.answers import ClockChange, Lacking

from .conftest import Client
from .live_client import pv_headers
from .test_shapes import differences, sample

FLOWS = ("solar_home", "solar_battery", "solar_grid", "battery_home", "battery_grid", "grid_home", "grid_battery")
CHANNELS = ("production", "consumption", "import", "export", "charge", "discharge", "evse", *FLOWS)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


class EnergyClient:
    """Asks for the energy of a site."""

    def __init__(self, client: Client, headers: dict[str, str]) -> None:
        self.sim = client.sim
        self.site: Site = client.sim.site
        self.switches = client.sim.world.deployment.energy
        self.ask = client.ask
        self.headers = headers

    async def read(self, name: str) -> Any:
        status, body = await self.ask("GET", f"/pv/systems/{self.site.id}/{name}", headers=self.headers)
        assert status == 200, body
        return body

    async def today(self) -> Any:
        (stats,) = (await self.read("today"))["stats"]
        return stats


@pytest.fixture
async def open_house(socket_enabled: None) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def open_scenario(scenario: str = "sunny_home") -> EnergyClient:
            sim = await stack.enter_async_context(Simulator(scenario))
            sim.world.deployment.jwt_lifetime_s = 7 * 86400
            session = await stack.enter_async_context(
                aiohttp.ClientSession(sim.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"User-Agent": "tests/1"})
            )
            client = Client(sim, session)
            assert (await client.sign_in())[0] == 200
            return EnergyClient(client, await pv_headers(client))

        yield open_scenario


def at(freezer: FrozenDateTimeFactory, text: str) -> None:
    """Stand still at the site's time."""
    freezer.move_to(datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM))


async def test_today_keeps_to_the_sample(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 15:02")
    house = await open_house()
    body = await house.read("today")
    assert differences(sample("energy_today"), body) == []
    (stats,) = body["stats"]
    assert (stats["start_time"], stats["interval_length"]) == (datetime(2026, 6, 10, tzinfo=AMSTERDAM).timestamp(), 900)
    # The cloud heard of the meters at 14:52: the quarter hour from 14:45 is not closed.
    assert body["last_report_date"] == datetime(2026, 6, 10, 14, 52, tzinfo=AMSTERDAM).timestamp()
    assert {len(stats[name]) for name in (*CHANNELS, "soc")} == {60}
    assert all(0 <= soc <= 100 for soc in stats["soc"])
    assert body["connectionDetails"][0]["serial_num"] == house.site.gateway_serial


async def test_the_flows_add_up(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 08:00")
    house = await open_house()
    house.sim.charger().start(8)
    house.sim.clock.advance(9 * 3600)
    stats = await house.today()
    whole = {name: sum(stats[name]) for name in CHANNELS}
    assert whole["production"] == pytest.approx(whole["solar_home"] + whole["solar_battery"] + whole["solar_grid"], abs=2)
    assert whole["consumption"] == pytest.approx(whole["solar_home"] + whole["battery_home"] + whole["grid_home"], abs=2)
    assert whole["import"] == pytest.approx(whole["grid_home"] + whole["grid_battery"], abs=2)
    assert whole["export"] == pytest.approx(whole["solar_grid"] + whole["battery_grid"], abs=2)
    assert whole["charge"] == pytest.approx(whole["solar_battery"] + whole["grid_battery"], abs=2)
    assert whole["discharge"] == pytest.approx(whole["battery_home"] + whole["battery_grid"], abs=2)
    gained = whole["production"] + whole["import"] + whole["discharge"]
    assert gained == pytest.approx(whole["consumption"] + whole["export"] + whole["charge"], abs=2)
    assert min(whole[name] for name in ("production", "consumption", "charge", "evse")) > 1000
    assert stats["totals"] == {"production": whole["production"], "consumption": whole["consumption"]}
    # Dark in the morning, bright at noon.
    assert sum(stats["production"][:16]) == 0
    assert max(stats["production"]) == max(stats["production"][48:60])


async def test_evse_is_what_the_chargers_drew(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 08:00")
    house = await open_house()
    house.switches.at_once = True
    before, lifetime = await house.today(), house.sim.charger().lifetime_wh
    house.sim.charger().start(10)
    house.sim.clock.advance(5 * 3600 + 100)
    drawn = house.sim.charger().lifetime_wh - lifetime
    assert drawn > 10_000
    assert sum((await house.today())["evse"]) - sum(before["evse"]) == pytest.approx(drawn, abs=2)


async def test_the_battery_keeps_its_books(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-12-10 19:00")
    house = await open_house()
    house.switches.at_once = True
    before, percent = await house.today(), house.sim.battery.state_of_charge
    house.sim.clock.advance(3 * 3600)
    after = await house.today()
    given, taken = (sum(after[name]) - sum(before[name]) for name in ("discharge", "charge"))
    assert given > 300
    lost = (percent - house.sim.battery.state_of_charge) / 100 * house.sim.battery.capacity_wh
    assert lost == pytest.approx(given - taken * 0.96, rel=0.01)
    assert after["soc"][-1] == round(house.sim.battery.state_of_charge)


async def test_what_was_told_is_closed_a_quarter_hour_at_a_time(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 12:08")
    house = await open_house()
    first = await house.today()
    freezer.tick(600)
    assert await house.today() == first
    freezer.tick(300)
    second = await house.today()
    assert len(second["production"]) == len(first["production"]) + 1
    assert second["consumption"][:-2] == first["consumption"][:-1]
    assert second["consumption"][-2] > first["consumption"][-1]


async def test_a_new_day_begins_with_nothing(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 23:58")
    house = await open_house()
    assert len((await house.today())["consumption"]) == 96
    freezer.tick(240)
    stats = await house.today()
    assert stats["start_time"] == datetime(2026, 6, 11, tzinfo=AMSTERDAM).timestamp()
    assert stats["consumption"] == []
    freezer.tick(600)
    assert len((await house.today())["consumption"]) == 1


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-10-25", 100), ("2026-06-10", 96)])
async def test_days_that_the_clocks_change_on(
    freezer: FrozenDateTimeFactory, open_house: Callable[..., Any], day: str, quarters: int
) -> None:
    at(freezer, f"{day} 23:59:30")
    house = await open_house()
    house.switches.at_once = True
    stats = await house.today()
    assert len(stats["consumption"]) == quarters
    whole = sum(stats["consumption"])
    house.switches.clock_change = ClockChange.ALWAYS_96
    stats = await house.today()
    assert len(stats["consumption"]) == 96
    assert sum(stats["consumption"]) == whole
    assert (stats["consumption"].count(0) == 4) is (quarters == 92)


async def test_all_days_and_today_agree(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 15:02")
    house = await open_house()
    body, stats = await house.read("lifetime_energy"), await house.today()
    first = date.fromisoformat(body["start_date"])
    assert first < date(2025, 4, 15)
    days = (date(2026, 6, 10) - first).days + 1
    assert {len(body[name]) for name in CHANNELS} == {days}
    for name in CHANNELS:
        assert body[name][-1] == pytest.approx(sum(stats[name]), abs=2)
    # Summer makes more than winter.
    index = (date(2025, 12, 21) - first).days
    assert sum(body["production"][-7:]) > 2 * sum(body["production"][index : index + 7])
    # A day after midnight nothing of it has changed.
    freezer.tick(24 * 3600)
    later = await house.read("lifetime_energy")
    assert later["consumption"][: days - 1] == pytest.approx(body["consumption"][:-1], abs=1)
    assert len(later["consumption"]) == days + 1
    house.switches.lifetime_has_today = False
    assert len((await house.read("lifetime_energy"))["consumption"]) == days


async def test_the_chargers_past_is_in_the_sites_past(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 15:02")
    house = await open_house()
    body = await house.read("lifetime_energy")
    first = date.fromisoformat(body["start_date"])
    days = house.sim.charger().daily_wh
    since = sum(energy for day, energy in days.items() if day >= first)
    assert sum(body["evse"]) == pytest.approx(since, rel=0.001)
    assert sum(body["evse"]) < sum(body["consumption"])
    busiest = max(range(len(body["evse"]) - 60, len(body["evse"])), key=body["evse"].__getitem__)
    assert body["evse"][busiest] == pytest.approx(days[first + timedelta(days=busiest)], rel=0.001)


async def test_what_is_answered_wrongly(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 15:02")
    house = await open_house()
    right = await house.today()
    house.switches.zero_answers = 1
    stats = await house.today()
    assert {sum(stats[name]) for name in CHANNELS} == {0}
    assert len(stats["production"]) == 60
    assert await house.today() == right
    house.switches.null_flows = True
    stats = await house.today()
    assert [stats[name] for name in FLOWS] == [None] * 7
    assert stats["export"] == right["export"]
    house.switches.null_flows = False
    house.switches.missing, house.switches.null = {"charge"}, {"production"}
    stats = await house.today()
    assert "charge" not in stats
    assert stats["production"] is None
    house.switches.missing, house.switches.null = set(), set()
    house.switches.totals_nonsense = True
    assert (await house.today())["totals"]["production"] != sum(right["production"])
    house.switches.empty_buckets = {3}
    stats = await house.today()
    assert [stats[name][3] for name in CHANNELS] == [0] * len(CHANNELS)
    house.switches.retry_status = 473
    assert (await house.ask("GET", f"/pv/systems/{house.site.id}/today", headers=house.headers))[0] == 473


async def test_the_last_quarter_hour_is_corrected_down(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 12:14:30")
    house = await open_house()
    house.switches.at_once, house.switches.open_bucket_factor = True, 1.5
    told = (await house.today())["production"]
    freezer.tick(60)
    after = (await house.today())["production"]
    assert after[len(told) - 1] < told[-1]
    assert sum(after) < sum(told)


@pytest.mark.parametrize(
    ("scenario", "lacks", "has"),
    [
        (
            "solar_only",
            ("charge", "discharge", "soc", "evse", "battery_home", "solar_battery"),
            ("production", "consumption", "solar_grid"),
        ),
        ("car_only", ("charge", "soc", "heatpump", "generator"), ("evse", "import")),
    ],
)
async def test_channels_that_a_site_lacks(
    open_house: Callable[..., Any], scenario: str, lacks: tuple[str, ...], has: tuple[str, ...]
) -> None:
    house = await open_house(scenario)
    house.switches.at_once = True
    stats = await house.today()
    assert [name for name in lacks if name in stats] == []
    assert [name for name in has if name not in stats] == []
    house.switches.lacking = Lacking.NULL
    stats = await house.today()
    assert [stats[name] for name in lacks] == [None] * len(lacks)
    house.switches.lacking = Lacking.ZEROS
    stats = await house.today()
    assert {sum(stats[name]) for name in lacks} == {0}
    assert len(stats[lacks[0]]) == len(stats["consumption"])
    assert "battery_details" not in await house.read("today")


async def test_latest_power_and_the_family(freezer: FrozenDateTimeFactory, open_house: Callable[..., Any]) -> None:
    at(freezer, "2026-06-10 13:00")
    house = await open_house()
    status, body = await house.ask("GET", f"/app-api/{house.site.id}/get_latest_power", headers=house.headers)
    assert status == 200
    assert body["latest_power"]["value"] == round(house.site.solar_w) > 500
    assert house.sim.count("energy") == 1


async def test_without_the_headers_of_the_family_there_is_a_page(open_house: Callable[..., Any]) -> None:
    house = await open_house("solar_only")
    del house.headers["Referer"]
    assert "<html>" in (await house.ask("GET", f"/pv/systems/{house.site.id}/today", headers=house.headers))[1]
