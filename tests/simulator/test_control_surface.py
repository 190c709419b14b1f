"""Faults, the record of requests, and the control surface for other processes."""

import asyncio
import logging
import sys
import time
from typing import Any

import aiohttp
import pytest

from simulator import SCENARIOS, Simulator

from .conftest import Client, Opener

STATUS = "/service/evse_controller/1234567/ev_chargers/status"


async def test_faults_answer_in_the_clouds_place(visit: Opener) -> None:
    client = await visit()
    faults = client.sim.faults
    faults.add(path="status$", status=503, body="down", headers={"Retry-After": "7"})
    faults.add(path="status$", html=True)
    faults.add(path="status$", broken_json=True)
    faults.add(path="status$", method="POST", status=418, times=None)
    async with client.session.get(STATUS) as response:
        assert (response.status, await response.text(), response.headers["Retry-After"]) == (503, "down", "7")
    async with client.session.get(STATUS) as response:
        assert (response.status, response.content_type) == (200, "text/html")
    async with client.session.get(STATUS) as response:
        with pytest.raises(ValueError, match=r"Unterminated|Expecting|Invalid"):
            await response.json()
    assert (await client.ask("GET", STATUS))[0] == 200
    assert [(await client.ask("POST", STATUS))[0] for _ in range(2)] == [418, 418]
    faults.clear()
    assert (await client.ask("POST", STATUS))[0] == 405


async def test_dropped_and_delayed(visit: Opener) -> None:
    client = await visit()
    client.sim.faults.add(path="start_charging", drop=True, after=True)
    client.sim.faults.add(path="start_charging", drop=True)
    for expected in (True, False):
        with pytest.raises(aiohttp.ClientError):
            await client.charger("POST", "start_charging", json={"chargingLevel": 16})
        assert client.sim.charger().charging is expected
        assert client.sim.requests[-1].status == 0
        if expected:
            client.sim.charger().stop()
    client.sim.faults.add(path="status", delay=0.2)
    began = time.perf_counter()
    assert (await client.ask("GET", STATUS))[0] == 200
    assert time.perf_counter() - began >= 0.2


async def test_answer_replaced_after_the_deed(visit: Opener) -> None:
    client = await visit()
    client.sim.faults.add(path="start_charging", status=504, body={"message": "late"}, after=True)
    assert (await client.charger("POST", "start_charging", json={"chargingLevel": 16}))[0] == 504
    assert client.sim.charger().charging


async def test_requests_are_recorded_without_secrets(visit: Opener, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = await visit("mfa_account", signed_in=False)
    await client.sign_in()
    client.sim.account.mfa = False
    await client.sign_in()
    client.sim.requests.clear()
    await client.sign_in("wrong")
    await client.ask("GET", "/users/self/token")
    await client.charger("POST", "start_charging", json={"chargingLevel": 16, "connectorId": 1})
    await client.ask("GET", f"/nowhere/{client.sim.charger().serial}")
    assert [(one.method, one.family, one.status) for one in client.sim.requests] == [
        ("POST", "sign_in", 200),
        ("GET", "token", 200),
        ("POST", "control", 401),
        ("GET", "other", 404),
    ]
    assert client.sim.requests[2].body == {"chargingLevel": 16, "connectorId": 1}
    assert (client.sim.count(), client.sim.count("control"), client.sim.count(path="token", method="get")) == (4, 1, 1)
    secrets = client.sim.secrets()
    assert {client.sim.account.email, client.sim.account.password, client.sim.account.one_time_code} < secrets
    recorded = repr([(one.query, one.body) for one in client.sim.requests])
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("simulator"))
    assert "POST /login/login.json → 200" in logged
    assert [secret for secret in secrets if secret in recorded or secret in logged] == []


async def sim_call(client: Client, method: str, path: str, body: object = None) -> Any:
    status, answer = await client.ask(method, f"/_sim/{path}", json=body)
    assert status == 200, answer
    return answer


async def test_chargers_from_another_process(visit: Opener) -> None:
    client = await visit("two_chargers")
    scenario = await sim_call(client, "GET", "scenario")
    assert scenario["account"]["email"] == client.sim.account.email
    first, second = scenario["chargers"]["1234567"]
    state = (await sim_call(client, "GET", "state"))["sites"]["1234567"]["chargers"]
    assert (state[first]["charging"], state[second]["charging"]) == (True, False)
    assert (await sim_call(client, "POST", f"chargers/{second}/unplug"))["plugged_in"] is False
    car = {"battery_wh": 50_000, "state_of_charge": 0.5, "phases": 1}
    assert (await sim_call(client, "POST", f"chargers/{second}/plug", car))["state_of_charge"] == 0.5
    assert (await sim_call(client, "POST", f"chargers/{second}/start", {"level": 10}))["power_w"] == 2300
    assert (await sim_call(client, "POST", f"chargers/{second}/stop"))["charging"] is False
    assert (await sim_call(client, "POST", f"chargers/{second}/fault"))["connector"] == "FAULTED"
    assert (await sim_call(client, "POST", f"chargers/{second}/clear_fault"))["faulted"] is False
    assert (await sim_call(client, "POST", f"chargers/{second}/offline"))["online"] is False
    assert (await sim_call(client, "POST", f"chargers/{second}/online"))["online"] is True
    reported = await sim_call(client, "POST", f"chargers/{first}/report")
    assert reported["reported_lifetime_wh"] == pytest.approx(reported["lifetime_wh"], abs=1)
    changed = await sim_call(client, "POST", f"chargers/{first}", {"mode": "green", "safe_limit": True})
    assert changed["mode"] == "GREEN_CHARGING"
    await sim_call(client, "POST", "sites/1234567", {"solar_w": 5000})
    assert client.sim.charger().charging


async def test_cloud_from_another_process(visit: Opener) -> None:
    client = await visit()
    await sim_call(client, "POST", "deployment", {"status_shape": "legacy", "start_forms": ["put"]})
    assert client.sim.world.deployment.start_forms == {"put"}
    await sim_call(client, "POST", "faults", {"path": "status", "status": 502, "times": None})
    assert (await client.ask("GET", STATUS))[0] == 502
    assert (await sim_call(client, "GET", "faults"))[0]["used"] == 1
    await sim_call(client, "DELETE", "faults")
    assert "evChargerData" in (await client.ask("GET", STATUS))[1]
    assert (await sim_call(client, "GET", "counts?path=status"))["total"] == 2
    assert (await sim_call(client, "GET", "requests"))[-1]["family"] == "status"
    await sim_call(client, "DELETE", "requests")
    assert client.sim.requests == []
    before = client.sim.clock.time()
    assert (await sim_call(client, "POST", "clock", {"advance": 600, "speed": 2}))["speed"] == 2
    assert client.sim.clock.time() - before >= 600
    await sim_call(client, "POST", "account", {"locked": True})
    assert (await client.sign_in())[1]["isBlocked"] is True
    assert client.sim.account.email in await sim_call(client, "GET", "secrets")
    await sim_call(client, "POST", "expire/tokens")
    assert (await client.charger("POST", "start_charging", json={"chargingLevel": 16}))[0] == 401
    await sim_call(client, "POST", "expire/sessions")
    assert (await client.ask("GET", STATUS))[0] == 302


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("deployment", {"no_such_switch": 1}),
        ("deployment", {"status_shape": "round"}),
        ("faults", {"no_such_field": 1}),
        ("faults", {"path": "("}),
        ("chargers/EV000000000001", {"mode": "no_such_mode"}),
        ("chargers/EV000000000001/start", {"level": 33}),
        ("chargers/EV000000000001/plug", {"battery_wh": "big"}),
        ("clock", {"advance": -1}),
        ("account", {"locked": "yes"}),
    ],
)
async def test_control_surface_refuses_what_makes_no_sense(visit: Opener, path: str, body: object) -> None:
    client = await visit()
    status, answer = await client.ask("POST", f"/_sim/{path}", json=body)
    assert status == 400
    assert answer["error"]


async def test_stopped_and_started_again_at_the_same_address(visit: Opener) -> None:
    client = await visit()
    await client.sim.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.ask("GET", STATUS)
    await client.sim.start()
    assert (await client.ask("GET", STATUS))[0] == 200


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_can_be_built(scenario: str) -> None:
    sim = Simulator(scenario)
    assert sim.account.site_ids
    sim.clock.advance(3600)
    sim.world.settle()
    for charger in sim.site.chargers.values():
        assert charger.reported.at > sim.clock.time() - charger.profile.reporting_interval


async def test_command_line(socket_enabled: None, unused_tcp_port: int) -> None:
    command = [sys.executable, "-m", "simulator", "--port", str(unused_tcp_port), "--scenario", "mfa_account"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode() + (await process.stdout.readline()).decode()
        assert f"http://127.0.0.1:{unused_tcp_port}" in said
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{unused_tcp_port}/_sim/scenario") as response,
        ):
            account = (await response.json())["account"]
        assert account["mfa"] is True
        assert f"{account['email']} / {account['password']}" in said
    finally:
        process.terminate()
        await process.wait()
