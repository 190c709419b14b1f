"""What the simulator tells of batteries carries the same keys and types as the samples."""

from typing import Any

import pytest

from simulator import StormAlert

from .battery_client import BatteryClient
from .conftest import Opener
from .test_shapes import differences, sample

# What the page says can be absent, and what only some of the sample's entries have.
OPTIONAL = frozenset({"acceptedItcDisclaimer", "createdBy", "updatedBy", "createdAt", "updatedAt"})


def held_to(expected: Any, actual: Any, *, maps: tuple[str, ...] = ()) -> list[str]:
    """Differences but in objects whose keys are data."""
    found = differences(expected, actual, optional=OPTIONAL)
    return [line for line in found if not any(f".{name}." in line for name in maps)]


async def test_site_settings(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_site"))
    status, body = await client.ask("GET", "/siteSettings/{site}?userId={user}")
    assert status == 200
    assert held_to(sample("site_settings"), body) == []
    assert body["data"]["timezone"] == client.battery.site.time_zone
    assert client.sim.account.email not in str(body)


async def test_settings_at_rest_and_while_pending(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_site"))
    expected = sample("battery_settings")
    _, body = await client.ask("GET", "/batterySettings/{site}?userId={user}")
    assert held_to(expected, body) == []
    assert (await client.put({"veryLowSoc": 15}))[0] == 200
    _, body = await client.ask("GET", "/batterySettings/{site}?userId={user}")
    assert body["data"]["requestedConfig"] == sample("battery_settings_pending")["data"]["requestedConfig"]
    assert held_to(expected, body, maps=("requestedConfig",)) == []
    assert body["data"]["veryLowSoc"] == 5


async def test_profile(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_site"))
    _, body = await client.ask("GET", "/profile/{site}?userId={user}")
    assert held_to(sample("battery_profile"), body) == []
    assert [one["deviceName"] for one in body["data"]["devices"]["iqEvse"]] == [client.sim.charger().profile.name]


async def test_schedules(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_site"))
    expected, body = sample("battery_schedules"), await client.schedules()
    assert held_to(expected, body) == []
    for family in ("cfg", "dtg", "rbd"):
        assert body[family]["count"] == expected[family]["count"]
    keys = ("timezone", "startTime", "endTime", "limit", "days", "scheduleType", "scheduleStatus")
    for family in ("cfg", "dtg"):
        theirs, ours = expected[family]["details"][0], body[family]["details"][0]
        assert {key: ours[key] for key in keys} == {key: theirs[key] for key in keys}


async def test_storm_alert(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_site"))
    _, body = await client.ask("GET", "/stormGuard/{site}/stormAlert")
    assert body == {"criticalAlertsOverride": True, "stormAlerts": [], "criticalAlertActive": False}
    now = client.sim.clock.time()
    client.battery.storm_alerts.append(StormAlert("IDV21037", "Severe Weather", now, now + 3600))
    _, body = await client.ask("GET", "/stormGuard/{site}/stormAlert")
    assert held_to(sample("storm_alert"), body) == []
    assert (await client.read("batterySettings"))["showStormGuardAlert"] is True


@pytest.mark.parametrize("percent", [0, 48, 100])
async def test_battery_status(visit: Opener, percent: int) -> None:
    client = BatteryClient(await visit("battery_site"))
    client.battery.state_of_charge = percent
    status, body = await client.client.ask("GET", f"/pv/settings/{client.site}/battery_status.json")
    assert status == 200
    assert held_to(sample("battery_status"), body) == []
    assert body["current_charge"] == f"{percent}%"
    assert body["available_energy"] == pytest.approx(percent / 10, abs=0.01)
    assert len(body["storages"]) == body["included_count"] == 2


async def test_a_site_without_a_battery_says_so(visit: Opener) -> None:
    client = await visit("one_charger")
    account, site = client.sim.account, client.sim.site
    # Any battery client will do: it only lends its headers.
    headers = {
        "Username": str(account.user_id),
        "requestid": "1",
        "Origin": "https://battery-profile-ui.enphaseenergy.com",
        "Referer": "https://battery-profile-ui.enphaseenergy.com/",
    }
    base = "/service/batteryConfig/api/v1"
    status, body = await client.ask("GET", f"{base}/siteSettings/{site.id}?userId={account.user_id}", headers=headers)
    assert (status, body["data"]["hasEncharge"]) == (200, False)
    assert (await client.ask("GET", f"{base}/batterySettings/{site.id}?userId={account.user_id}", headers=headers))[0] == 404
    status, body = await client.ask("GET", f"/pv/settings/{site.id}/battery_status.json")
    assert (status, body["storages"]) == (200, [])
