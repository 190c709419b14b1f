"""Answers that real sites give now and then, each with its switch, and sources that fail alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator import StormAlert, Vehicle

from .battery_client import BatteryClient
from .conftest import Client, Opener

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
LEVEL = {"chargingLevel": 16, "connectorId": 1}


def case(name: str) -> Any:
    """A case, of which one says what is seen."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


async def deploy(client: Client, **switches: Any) -> None:
    """Set switches as another process does."""
    status, answer = await client.ask("POST", "/_sim/deployment", json=switches)
    assert status == 200, answer


@pytest.fixture
async def home(visit: Opener) -> Client:
    client: Client = await visit("home")
    return client


@pytest.fixture
async def battery(home: Client) -> BatteryClient:
    return BatteryClient(home)


def battery_status_path(client: Client) -> str:
    return f"/pv/settings/{client.sim.site.id}/battery_status.json"


def status_path(client: Client) -> str:
    return f"/service/evse_controller/{client.sim.site.id}/ev_chargers/status"


# Each source fails alone


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_one_endpoint_fails_for_good_and_the_others_answer(home: Client, status: int) -> None:
    rule = {"path": "ev_chargers/status$", "status": status, "headers": {"Retry-After": "3600"}, "times": None}
    assert (await home.ask("POST", "/_sim/faults", json=rule))[0] == 200
    for _ in range(3):
        async with home.session.get(status_path(home)) as response:
            assert (response.status, response.headers["Retry-After"]) == (status, "3600")
    assert (await home.scheduler("GET", "{id}/preference"))[0] == 200
    assert (await BatteryClient(home).schedules())["cfg"]["count"]


async def test_an_error_repeats_what_the_client_sent(home: Client) -> None:
    home.sim.faults.add(path="stop_charging$", status=400, echo="Authorization")
    status, body = await home.charger("PUT", "stop_charging")
    assert status == 400
    for text in (body["message"], body["error"]["displayMessage"], body["error"]["status"]):
        first, second = text.splitlines()
        assert home.manager_token in second
        assert first == "Request was rejected"


# Start and stop (docs/cloud-api/chargers.md §3)


async def test_a_route_that_is_gone(home: Client) -> None:
    await deploy(home, stop_forms=["post"], start_forms=["put"], wrong_form="no_resource")
    for verb, action, body in (("PUT", "stop_charging", None), ("POST", "start_charging", LEVEL)):
        status, answer = await home.charger(verb, action, json=body)
        assert status == 404
        assert answer["error"]["displayMessage"].startswith("No static resource ")
        assert answer["error"]["errorMessageCode"] == ""
    assert home.sim.charger().charging
    assert (await home.charger("POST", "stop_charging"))[0] == 200


async def test_a_start_while_charging_without_a_reason(home: Client) -> None:
    await deploy(home, already_charging_answer="404")
    level = {"chargingLevel": home.sim.charger().level_a, "connectorId": 1}
    status, answer = await home.charger("POST", "start_charging", json=level)
    assert (status, answer["error"]["displayMessage"], answer["error"]["errorMessageCode"]) == (404, "Not Found", "")
    assert home.sim.charger().charging


async def test_out_of_order_and_then_a_dead_path(home: Client) -> None:
    out = {"error": {"errorMessageCode": "iqevc_ms-10007", "displayMessage": "Service is unavailable"}}
    home.sim.faults.add(path="stop_charging$", status=503, body=out)
    await deploy(home, wrong_form="no_resource")
    status, answer = await home.charger("PUT", "stop_charging")
    assert (status, answer) == (503, out)
    assert (await home.charger("POST", "stop_charging"))[0] == 404
    assert (await home.charger("PUT", "stop_charging"))[0] == 200


async def test_a_connector_that_is_unavailable(home: Client) -> None:
    charger = home.sim.charger()
    assert (await home.ask("POST", f"/_sim/chargers/{charger.serial}", json={"unavailable": True}))[0] == 200
    charger.report()
    told = await home.status()
    assert (told["connectors"][0]["connectorStatusType"], told["charging"]) == ("UNAVAILABLE", False)
    assert (await home.charger("POST", "start_charging", json=LEVEL))[0] == 409
    await home.ask("POST", f"/_sim/chargers/{charger.serial}", json={"unavailable": False})
    charger.report()
    assert (await home.status())["connectors"][0]["connectorStatusType"] != "UNAVAILABLE"


# Summary, configuration, modes, history (docs/cloud-api/chargers.md §2, §5, §7 and §8)


async def test_limits_come_minutes_later(home: Client) -> None:
    await deploy(home, missing_level_details_s=300)
    path = f"/service/evse_controller/api/v2/{home.sim.site.id}/ev_chargers/summary"
    for seconds, known in ((0, False), (200, False), (101, True)):
        home.sim.clock.advance(seconds)
        _, body = await home.ask("GET", path)
        assert [("chargeLevelDetails" in one) for one in body["data"]] == [known, known]


async def configure(client: Client, verb: str, entry: Any) -> tuple[int, Any]:
    path = f"/service/evse_controller/api/v1/{client.sim.site.id}/ev_chargers/{client.sim.charger().serial}/ev_charger_config"
    return await client.ask(verb, path, headers=client.bearer, json=[entry])


async def test_the_default_level_is_written_as_a_number(home: Client) -> None:
    written = case("default_charge_level_write")
    await deploy(home, default_level_as_text=False)
    (seen,) = written["seen"]
    assert (await configure(home, "PUT", seen | {"value": str(seen["value"])}))[0] == 400
    status, answer = await configure(home, "PUT", seen)
    assert (status, answer["data"]) == (200, written["answer_seen"]["data"])
    home.sim.clock.advance(60)
    _, answer = await configure(home, "POST", {"key": "DefaultChargeLevel"})
    assert answer["data"] == [{"key": "DefaultChargeLevel", "value": "30", "reqValue": None, "status": 1}]
    # As text, it is asked for first.
    await deploy(home, default_level_as_text=True)
    _, answer = await configure(home, "PUT", {"key": "DefaultChargeLevel", "value": "16"})
    assert answer["data"] == [{"key": "DefaultChargeLevel", "value": "30", "reqValue": "16", "status": 2}]


async def test_modes_without_their_word(home: Client) -> None:
    await deploy(home, modes_without_word=True)
    home.sim.charger().mode = next(mode for mode in home.sim.charger().profile.modes if mode.key == "greenCharging")
    _, body = await home.scheduler("GET", "{id}/preference")
    assert body["data"] == case("preference_without_charging_mode")["payload"]["data"]


async def test_a_mode_that_nobody_knows(home: Client) -> None:
    await deploy(home, unknown_mode="lunar")
    _, body = await home.scheduler("GET", "{id}/preference")
    assert {key for key, mode in body["data"]["modes"].items() if mode["enabled"]} == {"lunarCharging"}
    assert body["data"]["modes"]["lunarCharging"]["chargingMode"] == "LUNAR_CHARGING"
    assert body["data"]["modes"]["manualCharging"]["enabled"] is False


async def pages(client: Client, limit: int) -> list[list[str]]:
    """The ids of every page of the history."""
    found: list[list[str]] = []
    site, serial = client.sim.site, client.sim.charger().serial
    _, token = await client.ask("GET", "/users/self/token")
    claims = client.sim.world.doorkeeper.token(token["token"])
    assert claims is not None
    headers = client.bearer | {
        "e-auth-token": claims.session.claim_id,
        "username": str(client.sim.account.user_id),
        "requestid": "0b9f0c0e-0000-4000-8000-000000000001",
    }
    params = {"startDate": "01-01-2020", "endDate": "31-12-2037", "timezone": site.time_zone, "limit": limit}
    while True:
        body = {"source": "evse", "params": params | {"offset": limit * len(found)}}
        path = f"/service/enho_historical_events_ms/{site.id}/sessions/{serial}/history"
        status, answer = await client.ask("POST", path, headers=headers, json=body)
        assert status == 200, answer
        found.append([one["id"] for one in answer["data"]["result"]])
        if not answer["data"]["hasMore"]:
            return found


async def test_pages_of_the_history_overlap(home: Client) -> None:
    every = [one for page in await pages(home, 1000) for one in page]
    assert len(every) == len(set(every)) > 12
    await deploy(home, history_overlap=2)
    overlapping = await pages(home, 5)
    assert overlapping[1][:2] == overlapping[0][-2:]
    assert [one for page in overlapping[:2] for one in page] == every[:5] + every[3:8]
    assert set().union(*overlapping) == set(every)
    await deploy(home, history_overlap=0, history_repeats=True)
    assert [one for page in await pages(home, 1000) for one in page][:4] == [every[0], every[0], every[1], every[1]]


# Batteries (docs/cloud-api/battery.md §3 and §4)


async def test_storm_guard_is_active_while_an_alert_is_in_force(battery: BatteryClient) -> None:
    world = battery.battery
    assert (await battery.read("profile"))["stormGuardState"] == "enabled"
    world.storm_alerts.append(StormAlert("A", "Wind", world.now, world.now + 3600))
    for name in ("profile", "batterySettings"):
        assert (await battery.read(name))["stormGuardState"] == case("storm_guard_active_profile")["payload"]["data"]["stormGuardState"]
    world.switches.storm_guard_active = False
    assert (await battery.read("profile"))["stormGuardState"] == "enabled"
    world.switches.storm_guard_active = True
    world.set(storm_guard=False)
    assert (await battery.read("profile"))["stormGuardState"] == "disabled"
    answer = await battery.write("PUT", "/stormGuard/toggle/{site}?userId={user}", {"stormGuardState": "active"})
    assert answer[0] == 400


@pytest.mark.parametrize(("key", "named"), [("serial_number", "serial_number"), ("serial_num", "serial_num"), ("id", None)])
async def test_where_a_battery_says_its_serial(home: Client, key: str, named: str | None) -> None:
    await deploy(home, battery={"serial_key": key, "shows_available_power": False, "charge_as_number": True})
    _, body = await home.ask("GET", battery_status_path(home), headers=await pv_headers(home))
    unit = home.sim.battery.units[0]
    (first, _) = body["storages"]
    assert {name for name in first if "serial" in name} == ({named} if named else set())
    assert first["id"] == unit.id
    assert named is None or first[named] == unit.serial
    assert not {"available_power"} & (set(first) | set(body))
    assert body["max_power"] == 7.68
    assert isinstance(body["current_charge"], int)


async def pv_headers(client: Client) -> dict[str, str]:
    """Headers of everything below /pv."""
    _, body = await client.ask("GET", "/users/self/token")
    return {"e-auth-token": body["token"], "X-Requested-With": "XMLHttpRequest", "Accept": "application/json"}


async def test_entries_without_days(battery: BatteryClient) -> None:
    battery.battery.switches.entries_without_days = True
    battery.battery.add_schedule("cfg", "12:00", "13:00", limit=50, days=(1, 2), time_zone="Europe/London")
    (told,) = [entry for entry in await battery.entries("cfg") if "days" in entry]
    assert (told["days"], told["timezone"]) == ([1, 2], "Europe/London")
    every = await battery.entries("dtg")
    assert every
    assert all("timezone" not in entry for entry in every)


async def test_a_locked_control_refuses(battery: BatteryClient) -> None:
    body = {"features": {"controls": {"rbd": {"locked": True}}}}
    assert (await battery.client.ask("POST", "/_sim/battery", json=body))[0] == 200
    assert (await battery.read("batterySettings"))["rbdControl"]["locked"] is True
    assert (await battery.put({"rbdControl": {"enabled": True}}))[0] == 400


async def test_restricting_without_an_entry_comes_to_nothing(battery: BatteryClient) -> None:
    battery.battery.switches.rbd_needs_entry = True
    on = {"rbdControl": {"enabled": True}}
    assert await battery.put(on) == (200, {"message": "success"})
    battery.settle()
    assert not battery.battery.settings.restrict_discharge
    battery.battery.add_schedule("rbd", "00:00", "12:00")
    await battery.put(on)
    battery.settle()
    assert battery.battery.settings.restrict_discharge


@pytest.mark.parametrize(("rule", "status", "taken"), [("ignored", 200, True), ("refused", 400, False), ("lost", 200, False)])
async def test_keys_that_cannot_be_written(battery: BatteryClient, rule: str, status: int, taken: bool) -> None:
    battery.battery.switches.update({"unknown_keys": rule})
    assert (await battery.put({"batteryBackupPercentage": 35, "pollingInterval": 60}))[0] == status
    battery.settle()
    assert (battery.battery.settings.reserve == 35) is taken
    # The body that worked live holds none of them.
    told = await battery.read("batterySettings")
    body = {key: told[key] for key in case("whole_write_keys")["in_the_verified_body"] if key in told}
    assert (await battery.put(body | {"batteryBackupPercentage": 45, "requestedConfig": {}}))[0] == 200
    battery.settle()
    assert battery.battery.settings.reserve == 45


async def test_a_profile_that_nobody_knows(battery: BatteryClient) -> None:
    battery.battery.set(profile="lunar")
    assert (await battery.read("profile"))["profile"] == "lunar"
    assert (await battery.client.ask("GET", battery_status_path(battery.client), headers=await pv_headers(battery.client)))[0] == 200
    await battery.write("PUT", "/profile/{site}?userId={user}", {"profile": "cost_savings"})
    battery.settle()
    assert battery.battery.settings.profile == "cost_savings"


async def test_a_vehicle_at_an_unavailable_charger_stays_as_it_is(home: Client) -> None:
    charger = home.sim.charger()
    charger.quirks.unavailable = True
    charger.unplug()
    charger.plug_in(Vehicle(battery_wh=50_000, state_of_charge=0.5))
    before = charger.lifetime_wh
    home.sim.clock.advance(3600)
    assert charger.lifetime_wh == before
