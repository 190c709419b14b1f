"""Whether the house battery may feed the car, and down to what level (docs/cloud-api/battery.md §8)."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator import StormAlert

from .battery_client import BatteryClient
from .conftest import Opener

PATH = "/device/battery/preference/{site}"
SAMPLE = Path(__file__).parents[1] / "fixtures" / "api" / "battery_preference.json"


@pytest.fixture
async def client(visit: Opener) -> BatteryClient:
    """Two chargers, the first charging at 32 A; no sun, and a battery that could feed it."""
    client = BatteryClient(await visit("home"))
    client.battery.features.has_battery_for_car = True
    client.battery.site.solar_w = 0
    client.battery.site.base_load_w = 600
    return client


async def told(client: BatteryClient, query: str = "") -> Any:
    """What the settings say of the car."""
    status, body = await client.ask("GET", f"/batterySettings/{{site}}?userId={{user}}{query}")
    assert status == 200
    return body["data"].get("devices", {}).get("iqEvse")


async def write(client: BatteryClient, on: bool, limit: int) -> tuple[int, Any]:
    return await client.write("PUT", PATH, {"useBatteryForEVSE": on, "batteryLimit": limit})


async def test_a_site_that_has_it_says_so(client: BatteryClient) -> None:
    site = await client.read("siteSettings")
    assert (site["isUseBatteryForEVSESupported"], site["iqEvseHoControl"], site["batteryLimitSupport"]) == (True, True, True)
    assert await told(client) == {"useBatteryForEVSE": True, "batteryLimit": 30, "minBatteryLimit": 10}
    client.battery.features.battery_for_car_limited = False
    assert await told(client) == {"useBatteryForEVSE": True}


async def test_an_old_site(client: BatteryClient) -> None:
    client.battery.features.has_battery_for_car = False
    assert (await client.read("siteSettings"))["isUseBatteryForEVSESupported"] is False
    assert await told(client) == {"useBatteryFrSelfConsumption": True}
    assert (await write(client, True, 50))[0] == 404


async def test_both_keys_are_written(client: BatteryClient) -> None:
    status, answer = await write(client, True, 90)
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    assert (status, answer["type"], answer["data"]) == (200, sample["type"], sample["data"])
    assert await told(client) == {"useBatteryForEVSE": True, "batteryLimit": 90, "minBatteryLimit": 10}
    for body in ({"useBatteryForEVSE": True}, {"batteryLimit": 50}, {"useBatteryForEVSE": True, "batteryLimit": "50"}):
        assert (await client.write("PUT", PATH, body))[0] == 400


@pytest.mark.parametrize(("limit", "status"), [(0, 400), (9, 400), (10, 200), (100, 200), (101, 400)])
async def test_the_range(client: BatteryClient, limit: int, status: int) -> None:
    assert (await write(client, True, limit))[0] == status


@pytest.mark.parametrize("zero", [True, False])
async def test_what_off_reads(client: BatteryClient, zero: bool) -> None:
    client.battery.switches.off_reads_zero = zero
    assert (await write(client, False, 0))[0] == 200
    assert await told(client) == {"useBatteryForEVSE": False, "batteryLimit": 0 if zero else 30, "minBatteryLimit": 10}


async def test_devices_only_with_the_source(client: BatteryClient) -> None:
    client.battery.switches.devices_need_enho = True
    assert await told(client) is None
    assert await told(client, "&source=enho") == {"useBatteryForEVSE": True, "batteryLimit": 30, "minBatteryLimit": 10}


@pytest.mark.parametrize(
    ("rule", "storm", "status", "taken"),
    [
        ("in_a_storm", False, 200, True),
        ("in_a_storm", True, 400, False),
        ("false", False, 400, True),
        ("false", True, 400, True),
        ("never", True, 200, True),
    ],
)
async def test_storm_guard_refuses(client: BatteryClient, rule: str, storm: bool, status: int, taken: bool) -> None:
    client.battery.switches.update({"storm_refusal": rule})
    if storm:
        client.battery.storm_alerts.append(StormAlert("A", "Wind", client.battery.now, client.battery.now + 3600))
    found, answer = await write(client, False, 50)
    assert found == status
    if status == 400:
        assert answer["error"] == {"code": 10003, "status": "STORM_GUARD_ACTIVE"}
    assert (await told(client))["useBatteryForEVSE"] is not taken


async def test_it_can_pass_through_the_gateway(client: BatteryClient) -> None:
    client.battery.switches.update({"car_setting_pends": True, "gateway_delay_s": 120})
    assert (await write(client, False, 50))[0] == 200
    settings = await client.read("batterySettings")
    assert settings["requestedConfig"]["devices"] == {"iqEvse": {"useBatteryForEVSE": False, "batteryLimit": 50}}
    assert settings["devices"]["iqEvse"]["useBatteryForEVSE"] is True
    client.settle(121)
    assert (await told(client))["useBatteryForEVSE"] is False


async def test_above_the_level_the_battery_feeds_the_car_and_at_it_the_house_only(client: BatteryClient) -> None:
    battery, charger = client.battery, client.sim.charger()
    assert charger.power_w > 7000
    battery.state_of_charge = 60
    assert await write(client, True, 55)
    assert battery.power_w < -7000, "it feeds house and car"
    client.settle(3600)
    assert battery.power_w == pytest.approx(-600), "at the level it goes on with the house"
    assert charger.charging
    assert 45 < battery.state_of_charge <= 55.1
    assert client.sim.site.house.now().grid == pytest.approx(charger.power_w, rel=0.01)


async def test_off_means_never(client: BatteryClient) -> None:
    client.battery.state_of_charge = 90
    await write(client, False, 0)
    assert client.battery.power_w == pytest.approx(-600)
    client.battery.site.solar_w = 3000
    assert client.battery.power_w == pytest.approx(0), "the sun goes into the car, and nothing comes out of the battery"
    client.battery.site.solar_w = 12_000
    assert client.battery.power_w > 0
