"""Scenarios with batteries, and their control surface for other processes."""

from typing import Any

import pytest

from simulator import ControlFamily, Simulator
from simulator.switches.battery import WriteKind

from .battery_client import CFG_ON, TOGGLES, BatteryClient
from .conftest import Client, Opener

SCENARIOS = {"battery_site": 1, "battery_only": 0, "battery_eu": 1, "battery_us": 1, "battery_hostile": 1, "home": 2}


@pytest.mark.parametrize(("scenario", "chargers"), SCENARIOS.items())
async def test_what_is_there(visit: Opener, scenario: str, chargers: int) -> None:
    client = BatteryClient(await visit(scenario))
    assert len(client.sim.site.chargers) == chargers
    assert 20 < client.battery.state_of_charge < 100
    assert [(entry.family, entry.start, entry.end) for entry in client.battery.schedules] == [
        (ControlFamily.CFG, "20:00", "05:00"),
        (ControlFamily.DTG, "18:00", "20:00"),
    ]
    assert (await client.read("siteSettings"))["hasEncharge"] is True
    assert {unit.serial for unit in client.battery.units} <= client.sim.secrets()


def test_without_a_battery_there_is_none() -> None:
    with pytest.raises(LookupError):
        _ = Simulator("two_chargers").battery
    with pytest.raises(LookupError):
        _ = Simulator("battery_site").streams


async def hostile_write(client: BatteryClient, method: str, path: str, body: Any) -> tuple[int, Any]:
    """In the shape that the hostile site takes."""
    _, token = await client.client.ask("GET", "/users/self/token")
    extra = {"e-auth-token": token["token"], "X-Requested-With": "XMLHttpRequest"}
    return await client.write(method, path, body, **extra)


async def hostile_toggle(client: BatteryClient, family: str, body: Any) -> None:
    check = {"scheduleType": family} | ({"forceScheduleOpted": True} if family == "cfg" else {})
    assert (await hostile_write(client, "POST", "/battery/sites/{site}/schedules/isValid", check))[0] == 200
    assert (await hostile_write(client, "PUT", "/batterySettings/{site}?userId={user}", body))[0] == 200
    client.settle(60)


async def test_a_patient_client_gets_everything_done_at_a_hostile_site(visit: Opener) -> None:
    """What was dropped can be put back for good, and every family can be switched."""
    client = BatteryClient(await visit("battery_hostile"))
    wanted = {(entry.family, entry.start, entry.end) for entry in client.battery.schedules}
    await hostile_toggle(client, "rbd", TOGGLES["rbd"][0])
    assert client.families() == set(), "switching one family on has dropped the two others"
    for _ in range(4):
        missing = wanted - {(entry.family, entry.start, entry.end) for entry in client.battery.schedules}
        for family, start, end in missing:
            body = {
                "timezone": client.battery.site.time_zone,
                "startTime": start,
                "endTime": end,
                "limit": 80,
                "scheduleType": family.type_name,
                "days": [1, 2, 3, 4, 5],
                "isEnabled": True,
            }
            answer = await hostile_write(client, "POST", "/battery/sites/{site}/schedules", body)
            assert answer == (200, {"message": "success"})
            await hostile_toggle(client, family.value, TOGGLES[family.value][1])
    assert {(entry.family, entry.start, entry.end) for entry in client.battery.schedules} == wanted
    await hostile_toggle(client, "cfg", CFG_ON)
    settings = client.battery.settings
    assert (settings.charge_from_grid, settings.charge_from_grid_schedule, settings.restrict_discharge) == (True, False, True)
    await hostile_toggle(client, "rbd", TOGGLES["rbd"][1])
    assert client.battery.settings.restrict_discharge is True, "off wants the whole data"


# The control surface


async def control(client: Client, method: str, path: str, body: Any = None) -> Any:
    status, answer = await client.ask(method, f"/_sim/battery{path}", json=body)
    assert status == 200, answer
    return answer


async def test_the_truth_and_the_switches_over_http(visit: Opener) -> None:
    client = await visit("battery_site", signed_in=False)
    state = await control(client, "GET", "")
    assert {"state_of_charge", "power_w", "doing", "settings", "features", "switches", "schedules", "lost", "pending"} <= set(state)
    assert state["state_of_charge"] == pytest.approx(client.sim.battery.state_of_charge, abs=0.01)
    changes = {
        "switches": {"gateway_delay_s": None, "drops": {"cfg": ["dtg"]}},
        "settings": {"charge_from_grid": True, "reserve": 35},
        "features": {"controls": {"rbd": {"locked": True}}},
        "state_of_charge": 77,
        "stuck": True,
    }
    state = await control(client, "POST", "", changes)
    battery = client.sim.battery
    assert battery.state_of_charge == pytest.approx(77, abs=0.01)
    assert (battery.stuck, battery.settings.reserve) == (True, 35)
    assert battery.switches.drops == {WriteKind.CFG: {ControlFamily.DTG}}
    assert battery.switches is client.sim.world.deployment.battery
    assert battery.features.controls.rbd.locked
    assert not battery.features.controls.cfg.locked
    assert (await control(client, "GET", "?site=1234567"))["switches"]["drops"] == {"cfg": ["dtg"]}
    assert client.sim.requests == []


async def test_a_person_in_the_app_over_http(visit: Opener) -> None:
    client = await visit("battery_site", signed_in=False)
    entry = await control(client, "POST", "/schedules", {"family": "rbd", "start": "06:00", "end": "07:00", "days": [1]})
    assert (entry["scheduleType"], entry["scheduleStatus"], entry["days"]) == ("RBD", "active", [1])
    state = await control(client, "DELETE", f"/schedules/{entry['scheduleId']}")
    assert len(state["schedules"]) == 2
    state = await control(client, "POST", "/drop", {"families": ["cfg"]})
    assert [one["scheduleType"] for one in state["schedules"]] == ["DTG"]
    assert [one["scheduleType"] for one in state["lost"]] == ["CFG"]
    state = await control(client, "POST", "/storm")
    assert state["doing"] == "storm"
    assert (await control(client, "POST", "/storm", {"over": True}))["storm_alerts"] == []


async def test_the_gateway_over_http(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_site"))
    await client.put({"veryLowSoc": 15})
    (pending,) = (await control(client.client, "GET", ""))["pending"]
    assert (pending["kind"], pending["requested"]) == ("settings", {"veryLowSoc": 15})
    state = await control(client.client, "POST", "/take_over")
    assert (state["pending"], state["settings"]["very_low_soc"]) == ([], 15)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"nothing": 1}),
        ("", {"switches": {"nothing": 1}}),
        ("", {"switches": {"xsrf_source": "nothing"}}),
        ("", {"switches": 1}),
        ("", {"settings": {"nothing": 1}}),
        ("", {"features": {"controls": 1}}),
        ("", {"state_of_charge": 101}),
        ("/schedules", {"family": "rbd"}),
        ("/drop", {"families": ["nothing"]}),
    ],
    ids=str,
)
async def test_nonsense_is_refused(visit: Opener, path: str, body: Any) -> None:
    client = await visit("battery_site", signed_in=False)
    before = client.sim.battery.switches.as_json()
    status, answer = await client.ask("POST", f"/_sim/battery{path}", json=body)
    assert status == 400
    assert answer["error"]
    assert client.sim.battery.switches.as_json() == before
    assert (await client.ask("GET", "/_sim/battery?site=1"))[0] == 404
    assert (await client.ask("DELETE", "/_sim/battery/schedules/none"))[0] == 404


async def test_battery_switches_are_a_group_of_the_deployments(visit: Opener) -> None:
    client = await visit("battery_site", signed_in=False)
    status, body = await client.ask("POST", "/_sim/deployment", json={"battery": {"xsrf_rotates": False}})
    assert (status, body["battery"]["xsrf_rotates"], body["battery"]["xsrf_source"]) == (200, False, "cookie")
    assert client.sim.battery.switches.xsrf_rotates is False
    assert (await client.ask("POST", "/_sim/deployment", json={"battery": {"nothing": 1}}))[0] == 400
