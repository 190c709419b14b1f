"""What an owner's token may read of a gateway (docs/cloud-api/local.md §2)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator import Simulator
from simulator.gateway import Gateway
from simulator.gateway_inside import Role, SignIn
from simulator.gateway_owner import SLOW_S
from simulator.gateway_readings import EvseMeter

from .battery_client import CFG_ON, BatteryClient
from .conftest import Client
from .gateway_client import Ask, asking

READS = (
    "/ivp/livedata/status",
    "/ivp/meters",
    "/ivp/meters/readings",
    "/ivp/sc/sched",
    "/ivp/sc/status",
    "/ivp/ensemble/secctrl",
    "/ivp/ensemble/relay",
)


@pytest.fixture
async def sim(socket_enabled: None) -> AsyncIterator[Simulator]:
    """A house with a battery, and a charger that charges."""
    async with Simulator("home", gateway=True) as sim:
        yield sim


@pytest.fixture
def gateway(sim: Simulator) -> Gateway:
    return sim.gateway


@pytest.fixture
async def ask(sim: Simulator) -> AsyncIterator[Ask]:
    async with asking(sim, sim.gateway.issue_token(Role.OWNER)) as ask:
        yield ask


@pytest.fixture
async def cloud(sim: Simulator) -> AsyncIterator[BatteryClient]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(sim.url, cookie_jar=jar, headers={"User-Agent": "tests/1"}) as session:
        client = Client(sim, session)
        assert (await client.sign_in())[0] == 200
        yield BatteryClient(client)


@pytest.mark.parametrize("path", READS)
async def test_an_owner_reads_path_by_path(sim: Simulator, gateway: Gateway, ask: Ask, path: str) -> None:
    assert (await ask("GET", path))[0] == 200
    assert (await ask("GET", path, bearer=None))[0] == 401
    assert (await ask("GET", path, bearer="somebody's"))[0] == 401
    gateway.switches.owner.installer_only = {path}
    assert (await ask("GET", path))[0] == 401
    gateway.switches.role = Role.INSTALLER
    assert (await ask("GET", path))[0] == 200
    gateway.switches.sign_in = SignIn.COOKIE
    assert (await ask("GET", path))[0] == 401


async def test_live_data_tells_the_house_once_its_stream_is_on(sim: Simulator, ask: Ask) -> None:
    _, body = await ask("GET", "/ivp/livedata/status")
    assert body["connection"]["sc_stream"] == "disabled"
    assert body["meters"]["load"]["agg_p_mw"] == 0
    assert (await ask("POST", "/ivp/livedata/stream", json={"enable": 2}))[0] == 400
    assert await ask("POST", "/ivp/livedata/stream", json={"enable": 1}) == (200, {"sc_stream": "enabled"})
    _, body = await ask("GET", "/ivp/livedata/status")
    meters = body["meters"]
    watts = {name: meters[name]["agg_p_mw"] / 1000 for name in ("pv", "storage", "grid", "load")}
    truth = sim.site.house.now()
    assert watts == pytest.approx({"pv": truth.solar, "storage": truth.battery, "grid": truth.grid, "load": truth.load}, rel=0.001, abs=0.1)
    assert watts["storage"] < 0 < watts["load"]
    assert (meters["soc"], meters["main_relay_state"]) == (round(sim.battery.state_of_charge), 1)


async def test_the_evse_meter_counts_what_the_chargers_draw(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    async def evse() -> Any:
        _, meters = await ask("GET", "/ivp/meters")
        (meter,) = [one for one in meters if one["measurementType"] == "evse"]
        _, readings = await ask("GET", "/ivp/meters/readings")
        return meter["state"], next(one for one in readings if one["eid"] == meter["eid"])

    state, before = await evse()
    assert (state, before["activePower"]) == ("enabled", pytest.approx(sim.charger().power_w))
    assert sum(channel["activePower"] for channel in before["channels"]) == pytest.approx(before["activePower"], abs=0.01)
    assert sum(channel["current"] for channel in before["channels"]) == pytest.approx(before["current"], abs=0.01)
    assert [channel["voltage"] for channel in before["channels"]] == [230.0] * 3
    sim.clock.advance(600)
    _, after = await evse()
    assert after["actEnergyDlvd"] - before["actEnergyDlvd"] == pytest.approx(before["activePower"] / 6, rel=0.01)
    gateway.switches.owner.evse_meter = EvseMeter.DISABLED
    state, reading = await evse()
    assert (state, reading["activePower"]) == ("disabled", 0)
    gateway.switches.owner.evse_meter = EvseMeter.ABSENT
    assert "evse" not in {one["measurementType"] for one in (await ask("GET", "/ivp/meters"))[1]}


async def test_it_shows_a_write_of_the_cloud_long_before_the_cloud_does(sim: Simulator, ask: Ask, cloud: BatteryClient) -> None:
    sim.battery.switches.gateway_delay_s = 600

    async def allowed() -> bool:
        _, body = await ask("GET", "/ivp/sc/sched")
        assert body["sched_mode_key"][body["acb_current_mode"]] == "self-consumption"
        told = body["Charge From Grid Allowed"]
        assert isinstance(told, bool)
        return told

    async def limit() -> int:
        _, body = await ask("GET", "/ivp/ensemble/secctrl")
        told = body["VLS_Limit"]
        assert isinstance(told, int)
        return told

    assert (await cloud.put(CFG_ON))[0] == 200
    sim.clock.advance(8)
    assert await allowed() is False
    sim.clock.advance(3)
    assert await allowed() is True
    assert (await cloud.read("batterySettings"))["chargeFromGrid"] is False
    sim.clock.advance(600)
    assert (await cloud.read("batterySettings"))["chargeFromGrid"] is True
    await cloud.put({"chargeFromGrid": False})
    sim.clock.advance(18)
    assert await allowed() is True
    sim.clock.advance(3)
    assert await allowed() is False
    assert await limit() == 5
    await cloud.put({"veryLowSoc": 15})
    sim.clock.advance(18)
    assert await limit() == 5
    sim.clock.advance(3)
    assert await limit() == 15


async def test_a_change_that_is_never_taken_over_never_shows(sim: Simulator, ask: Ask, cloud: BatteryClient) -> None:
    sim.battery.switches.gateway_delay_s, sim.battery.switches.gateway_gives_up_s = None, 900
    await cloud.put({"veryLowSoc": 15})
    sim.clock.advance(60)
    assert (await ask("GET", "/ivp/ensemble/secctrl"))[1]["VLS_Limit"] == 5


async def test_levels_and_energies(sim: Simulator, ask: Ask) -> None:
    _, body = await ask("GET", "/ivp/ensemble/secctrl")
    assert body == {
        "VLS_Limit": 5,
        "configured_backup_soc": 20,
        "adjusted_backup_soc": 20,
        "agg_soc": round(sim.battery.state_of_charge),
        "ENC_agg_avail_energy": pytest.approx(sim.battery.state_of_charge / 100 * 10_000, abs=2),
        "Max_energy": 10_000,
    }


async def test_a_scheduler_that_hangs(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    sim.site.solar_w = 0
    sim.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    sim.battery.drop_schedules()
    # At any time of the day.
    sim.battery.add_schedule("cfg", "00:00", "12:00", limit=100)
    sim.battery.add_schedule("cfg", "12:00", "00:00", limit=100)
    assert (await ask("GET", "/ivp/sc/status"))[1]["response"]["groups"]["ENC"]["setpoint_val"] == -100
    sim.battery.stuck = True
    assert (await ask("GET", "/ivp/sc/status"))[1]["response"]["groups"]["ENC"]["setpoint_val"] == 0
    assert (await ask("GET", "/ivp/sc/sched"))[1]["Charge From Grid Allowed"] is True
    await ask("POST", "/ivp/livedata/stream", json={"enable": 1})
    assert (await ask("GET", "/ivp/livedata/status"))[1]["meters"]["storage"]["agg_p_mw"] == 0
    gateway.switches.owner.groups_are_list = True
    assert (await ask("GET", "/ivp/sc/status"))[1]["response"]["groups"][0] == {"name": "ENC", "setpoint_val": 0}


async def test_the_grid_is_gone(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    assert (await ask("GET", "/ivp/ensemble/relay"))[1] == {"mains_admin_state": "closed", "mains_oper_state": "closed"}
    sim.site.house.grid_lost = True
    gateway.switches.owner.relay_tail = " by itself"
    assert (await ask("GET", "/ivp/ensemble/relay"))[1]["mains_oper_state"] == "open by itself"
    assert (await ask("GET", "/ivp/livedata/status"))[1]["meters"]["main_relay_state"] == 0


async def test_numbers_that_are_a_word(gateway: Gateway, ask: Ask) -> None:
    gateway.switches.owner.unknown_numbers = True
    assert (await ask("GET", "/ivp/ensemble/secctrl"))[1]["VLS_Limit"] == "unknown"
    assert (await ask("GET", "/ivp/livedata/status"))[1]["meters"]["pv"]["agg_p_mw"] == "unknown"
    assert (await ask("GET", "/ivp/sc/sched"))[1]["Charge From Grid Allowed"] is False


async def test_it_goes_away_for_some_minutes_a_day(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    minute = sim.site.minute_of_day(sim.clock.time())
    gateway.switches.owner.daily_absence_min = minute
    with pytest.raises(aiohttp.ClientError):
        await ask("GET", "/ivp/sc/sched")
    with pytest.raises(aiohttp.ClientError):
        await ask("GET", "/info", bearer=None)
    sim.clock.advance(5 * 60)
    assert (await ask("GET", "/ivp/sc/sched"))[0] == 200


async def test_what_is_written_here_is_accepted_and_comes_to_nothing(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    assert (await ask("PUT", "/ivp/ensemble/secctrl", json={"VLS_Limit": 20}))[0] == 200
    sim.clock.advance(600)
    assert (await ask("GET", "/ivp/ensemble/secctrl"))[1]["VLS_Limit"] == 5
    assert [one.method for one in gateway.requests] == ["PUT", "GET"]


@pytest.mark.parametrize("name", list(SLOW_S))
async def test_slow_paths(gateway: Gateway, ask: Ask, name: str) -> None:
    gateway.switches.owner.slow_factor = 0.01
    began = asyncio.get_running_loop().time()
    assert (await ask("GET", f"/{name}"))[0] == 200
    assert asyncio.get_running_loop().time() - began >= SLOW_S[name] / 100 >= 0.2


async def test_the_chargers_stay_closed_to_owners(ask: Ask) -> None:
    assert (await ask("GET", "/ivp/pdm/chargers"))[0] == 401
    assert await ask("GET", "/ivp/ensemble/evse") == (200, {"serial_nums": []})
