"""The local gateway: who is let in, what is told, and that it is the same world as the cloud's (docs/cloud-api/local.md)."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
import ssl
from typing import Any

import aiohttp
import pytest

from simulator import Simulator
from simulator.gateway import Gateway
from simulator.gateway_inside import ListShape, LocalShape, Role, SignIn
from simulator.report import ChargeMode

from .gateway_client import Ask, asking


@pytest.fixture
async def sim(socket_enabled: None) -> AsyncIterator[Simulator]:
    """Two chargers, the first one charging, and a gateway."""
    async with Simulator("two_chargers", gateway=True) as sim:
        yield sim


@pytest.fixture
def gateway(sim: Simulator) -> Gateway:
    sim.gateway.switches.role = Role.INSTALLER
    return sim.gateway


@pytest.fixture
async def ask(sim: Simulator) -> AsyncIterator[Ask]:
    """Ask the gateway with a token of its own, and return status and body."""
    async with asking(sim, sim.gateway.issue_token(), keeps_cookies=True) as ask:
        yield ask


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/ivp/pdm/chargers", 401, None),
        ("GET", "/ivp/pdm/charger/EV000000000001/status", 401, None),
        ("POST", "/ivp/pdm/charger/EV000000000001/stop_charging", 401, None),
        ("OPTIONS", "/ivp/pdm/chargers", 204, ""),
        ("GET", "/ivp/peb/charger/EV000000000001/schedule", 401, None),
        ("GET", "/ivp/ocpp/chargers", 404, {"error": "404 - Not Found"}),
        ("GET", "/ivp/ensemble/evse", 200, {"serial_nums": []}),
        *(("GET", f"/ivp/peb/{path}", 401, None) for path in ("ev_charger", "ev_chargers", "evse", "energy_router", "managed_loads")),
    ],
)
async def test_what_an_owner_gets(sim: Simulator, ask: Ask, method: str, path: str, status: int, body: object) -> None:
    found = await ask(method, path)
    assert found[0] == status
    assert body is None or found[1] == body
    assert sim.charger().charging


async def test_an_installer_is_let_in_while_it_runs(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    gateway.switches.role = Role.OWNER
    assert (await ask("GET", "/ivp/pdm/chargers"))[0] == 401
    gateway.switches.role = Role.INSTALLER
    assert await ask("GET", "/ivp/pdm/chargers") == (200, {"serial_nums": list(sim.site.chargers)})
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=None))[0] == 401
    assert (await ask("GET", "/ivp/pdm/chargers", bearer="somebody's"))[0] == 401


async def test_tokens_that_differ(gateway: Gateway, ask: Ask) -> None:
    gateway.switches.tokens_differ = True
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=gateway.issue_token(Role.OWNER)))[0] == 401
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=gateway.issue_token(Role.INSTALLER)))[0] == 200


async def test_a_token_runs_out(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    token = gateway.issue_token(lifetime_s=3600)
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=token))[0] == 200
    sim.clock.advance(3601)
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=token))[0] == 401


async def test_a_session_cookie_where_a_token_alone_does_not_do(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    gateway.switches.sign_in = SignIn.COOKIE
    assert (await ask("GET", "/ivp/pdm/chargers"))[0] == 401
    assert (await ask("GET", "/auth/check_jwt", bearer="somebody's"))[0] == 401
    assert (await ask("GET", "/auth/check_jwt"))[0] == 200
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=None))[0] == 200
    sim.clock.advance(601)
    assert (await ask("GET", "/ivp/pdm/chargers", bearer=None))[0] == 401


async def test_it_tells_what_is_now(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    serial = sim.charger().serial
    sim.clock.advance(100)
    _, body = await ask("GET", f"/ivp/pdm/charger/{serial}/summary")
    assert body["data"]["serialNumber"] == serial
    assert body["data"]["lifeTimeConsumption"] == pytest.approx(sim.charger().lifetime_wh, abs=1)
    assert body["data"]["lifeTimeConsumption"] > sim.charger().reported.lifetime_wh + 100

    gateway.switches.tells_now = False
    _, body = await ask("GET", f"/ivp/pdm/charger/{serial}/summary")
    assert body["data"]["lifeTimeConsumption"] == round(sim.charger().reported.lifetime_wh, 2)


async def test_the_shapes_that_are_open(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    serial = sim.charger().serial
    path = f"/ivp/pdm/charger/{serial}/status"
    assert (await ask("GET", path))[1]["data"]["chargers"][0]["charging"] is True
    gateway.switches.status_shape = LocalShape.OBJECT
    assert (await ask("GET", path))[1]["data"]["sn"] == serial
    gateway.switches.status_shape = LocalShape.LEGACY
    assert (await ask("GET", path))[1]["evChargerData"][0]["sn"] == serial
    gateway.switches.list_shape = ListShape.OBJECTS
    assert (await ask("GET", "/ivp/pdm/chargers"))[1][0] == {"sn": serial}
    gateway.switches.list_shape = ListShape.ENVELOPE
    assert (await ask("GET", "/ivp/pdm/chargers"))[1]["data"][0] == {"serialNumber": serial}


async def test_what_is_done_here_is_seen_in_the_cloud(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    first, second = sim.site.chargers.values()
    assert await ask("POST", f"/ivp/pdm/charger/{first.serial}/stop_charging") == (200, {"status": "accepted"})
    assert not first.reported.charging
    start = {"chargingLevel": 16, "connectorId": 1}
    assert await ask("POST", f"/ivp/pdm/charger/{second.serial}/start_charging", json=start) == (200, {"status": "accepted"})
    assert second.reported.charging
    assert second.level_a == 16
    status, body = await ask("POST", f"/ivp/pdm/charger/{second.serial}/start_charging", json=start)
    assert (status, body["error"]["errorMessageCode"]) == (400, "iqevc_ms-10012")
    assert (await ask("POST", f"/ivp/pdm/charger/{second.serial}/start_charging", json=[1]))[0] == 400
    assert (await ask("POST", f"/ivp/pdm/charger/{first.serial}/stop_charging"))[0] == 409
    message = {"requestedMessage": "MeterValues"}
    assert (await ask("POST", f"/ivp/pdm/charger/{first.serial}/trigger_message", json=message))[1]["status"] == "accepted"
    assert (await ask("POST", f"/ivp/pdm/charger/{first.serial}/trigger_message", json={}))[0] == 400
    assert sim.requests == []
    assert len(gateway.requests) == 7


async def test_it_does_without_the_cloud(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    await sim.stop()
    sim.charger().go_offline()
    assert (await ask("POST", f"/ivp/pdm/charger/{sim.charger().serial}/stop_charging"))[0] == 200
    assert not sim.charger().charging


async def test_schedule_and_mode_in_one(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    charger = sim.charger()
    path = f"/ivp/peb/charger/{charger.serial}/schedule"
    _, body = await ask("GET", path)
    assert [slot["id"] for slot in body["data"]["slots"]] == [slot.id for slot in charger.slots]
    assert body["data"]["modes"]["manualCharging"]["enabled"] is True
    _, body = await ask("PUT", path, json={"mode": "GREEN_CHARGING"})
    assert body["data"]["modes"]["greenCharging"]["enabled"] is True
    assert charger.mode is ChargeMode.GREEN
    slots = body["data"]["slots"][:1]
    await ask("PUT", path, json={"meta": {"serverTimeStamp": body["meta"]["serverTimeStamp"], "rowCount": 1}, "data": slots})
    assert len(charger.slots) == 1
    assert (await ask("PUT", path, json={"mode": "SOMETIMES"}))[0] == 400
    assert (await ask("PUT", path, json={"else": 1}))[0] == 400


async def test_chargers_that_are_closed_or_elsewhere(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    first, second = sim.site.chargers
    gateway.switches.closed_chargers, gateway.switches.absent_chargers = {first}, {second}
    assert (await ask("GET", "/ivp/pdm/chargers"))[1] == {"serial_nums": [first]}
    assert (await ask("GET", f"/ivp/pdm/charger/{first}/status"))[0] == 401
    assert (await ask("GET", f"/ivp/pdm/charger/{second}/status"))[0] == 404
    assert (await ask("GET", "/ivp/pdm/nothing"))[0] == 404


async def test_it_can_be_pulled_out_and_moved(gateway: Gateway, ask: Ask) -> None:
    address = gateway.address
    await gateway.pull_out()
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask("GET", "/info")
    await gateway.plug_in()
    assert gateway.address == address
    assert (await ask("GET", "/info"))[0] == 200
    await gateway.move()
    assert gateway.address != address
    assert (await ask("GET", "/info"))[0] == 200


async def test_it_shows_a_certificate_of_its_own(gateway: Gateway, ask: Ask) -> None:
    async def shown() -> str:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, _, port = gateway.address.partition(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return sha256(certificate).hexdigest()

    before = await shown()
    assert before == gateway.fingerprint
    await gateway.renew_certificate()
    assert await shown() == gateway.fingerprint != before
    with pytest.raises(aiohttp.ServerFingerprintMismatch):
        await ask("GET", "/info", ssl=aiohttp.Fingerprint(bytes.fromhex(before)))


async def test_the_firmware_stands_where_everybody_can_read_it(gateway: Gateway, ask: Ask) -> None:
    assert "<software>D7.6.175</software>" in (await ask("GET", "/info", bearer=None))[1]
    await gateway.update_firmware("8.0.1")
    assert "<software>D8.0.1</software>" in (await ask("GET", "/info", bearer=None))[1]


async def test_it_can_be_driven_from_another_process(sim: Simulator, ask: Ask) -> None:
    async with aiohttp.ClientSession(sim.url) as session:

        async def control(path: str = "", **body: object) -> tuple[int, Any]:
            async with session.post(f"/_sim/gateway{path}", json=body) as response:
                return response.status, await response.json()

        async with session.get("/_sim/gateway") as response:
            state = await response.json()
        assert state["address"] == sim.gateway.address
        assert (await ask("GET", "/ivp/pdm/chargers", bearer=state["tokens"]["owner"]))[0] == 401
        _, state = await control(role="installer", firmware="8.0.1")
        assert (await ask("GET", "/ivp/pdm/chargers", bearer=state["tokens"]["owner"]))[0] == 200
        assert "D8.0.1" in (await ask("GET", "/info"))[1]
        assert (await control(role="neighbour"))[0] == 400
        assert (await control("/explode"))[0] == 404
        _, state = await control("/renew_certificate")
        assert state["fingerprint"] == sim.gateway.fingerprint
        assert (await control("/pull_out"))[1]["plugged_in"] is False
        assert (await control("/plug_in"))[1]["plugged_in"] is True


async def test_faults_and_secrets(sim: Simulator, gateway: Gateway, ask: Ask) -> None:
    gateway.faults.add(path="chargers$", status=503)
    assert (await ask("GET", "/ivp/pdm/chargers"))[0] == 503
    assert (await ask("GET", "/ivp/pdm/chargers"))[0] == 200
    assert gateway.issue_token() in sim.secrets()


def test_without_one() -> None:
    with pytest.raises(LookupError):
        assert Simulator().gateway
