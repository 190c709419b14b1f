"""The charger calls against a gateway in the house, over real TLS (docs/cloud-api/local.md)."""

import asyncio
from collections.abc import AsyncIterator
import logging
from socket import AF_INET

import aiohttp
import pytest
from yarl import URL

from custom_components.enphase_ev.enlighten import (
    Account,
    CertificateChanged,
    ChargeMode,
    Chargers,
    Gateway,
    InvalidResponse,
    LevelLimits,
    Outcome,
    RequestRejected,
    ServiceUnavailable,
    Transport,
    Unreachable,
    gateway_url,
    shown_certificate,
)
from simulator import Simulator
from simulator.gateway_inside import ListShape, LocalShape, Role, SignIn


class Local:
    """The simulated gateway, open to installers, and the client of it."""

    def __init__(self, sim: Simulator, read: aiohttp.ClientSession, write: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.sessions = (read, write)
        sim.gateway.switches.role = Role.INSTALLER
        self.serials = list(sim.site.chargers)
        self.client = self.open()

    def open(self, token: str | None = None) -> Gateway:
        """A client that has accepted the certificate that is shown now."""
        gateway = self.sim.gateway
        transport = Transport(*self.sessions, url=URL(gateway.url), certificate=bytes.fromhex(gateway.fingerprint))
        return Gateway(transport, token or gateway.issue_token())

    def asked(self) -> list[tuple[str, str, object]]:
        """What came to the gateway."""
        return [(one.method, one.path, one.body) for one in self.sim.gateway.requests]


@pytest.fixture
async def local(socket_enabled: None, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Local]:
    """Two chargers, the first charging. When the test is over, no secret may stand in any log."""
    async with (
        Simulator("two_chargers", gateway=True) as sim,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(family=AF_INET), cookie_jar=aiohttp.DummyCookieJar()) as read,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(family=AF_INET, force_close=True), cookie_jar=aiohttp.DummyCookieJar()
        ) as write,
    ):
        with caplog.at_level(logging.DEBUG):
            yield Local(sim, read, write)
        text = "\n".join(record.getMessage() for record in caplog.get_records("call"))
        assert sorted(secret for secret in sim.secrets() if secret in text) == []


# Reading


@pytest.mark.parametrize("shape", ListShape)
async def test_the_list_of_chargers_in_any_shape(local: Local, shape: ListShape) -> None:
    local.sim.gateway.switches.list_shape = shape
    assert await local.client.serials() == local.serials


@pytest.mark.parametrize("body", [{"serial_nums": []}, {"error": "404 - Not Found"}, [], {}, None, {"data": {"chargers": [{}, 7]}}])
async def test_a_list_that_says_little(local: Local, body: object) -> None:
    local.sim.gateway.faults.add(path="chargers$", body=body, status=200)
    assert await local.client.serials() in ([], ["7"])


@pytest.mark.parametrize("shape", LocalShape)
async def test_a_status_in_any_shape(local: Local, shape: LocalShape) -> None:
    local.sim.gateway.switches.status_shape = shape
    local.sim.clock.advance(100)
    found = await local.client.status(local.serials[0])
    status = found.chargers[local.serials[0]]
    assert list(found.chargers) == local.serials[:1]
    assert (status.is_charging, status.is_plugged_in, status.is_connected) == (True, True, True)
    assert status.session is not None
    assert status.session.energy == pytest.approx(local.sim.charger().session_wh / 1000, abs=0.01)
    assert found.server_time is not None


async def test_a_status_of_another_charger_counts_as_none(local: Local) -> None:
    local.sim.gateway.faults.add(path="status$", status=200, body={"data": {"sn": "EV000000000009", "charging": True}})
    with pytest.raises(InvalidResponse):
        await local.client.status(local.serials[0])


async def test_a_summary(local: Local) -> None:
    summary = await local.client.summary(local.serials[0])
    assert summary is not None
    assert summary.limits == LevelLimits(min=6, max=32, step=1)
    assert summary.lifetime_energy == pytest.approx(local.sim.charger().lifetime_wh, abs=1)


async def test_the_firmware_is_there_for_everybody(local: Local) -> None:
    assert await local.open("no token").firmware() == "D7.6.175"
    local.sim.gateway.faults.add(path="/info", status=404)
    assert await local.client.firmware() is None


# Commands


async def test_start_and_stop(local: Local) -> None:
    first, second = local.sim.site.chargers.values()
    assert (await local.client.stop(first.serial)).outcome is Outcome.ACCEPTED
    assert (await local.client.start(second.serial, mode=ChargeMode.MANUAL, level=16)).outcome is Outcome.ACCEPTED
    assert (first.charging, second.charging, second.level_a) == (False, True, 16)
    assert local.asked() == [
        ("POST", f"/ivp/pdm/charger/{first.serial}/stop_charging", None),
        ("POST", f"/ivp/pdm/charger/{second.serial}/start_charging", {"chargingLevel": 16, "connectorId": 1}),
    ]
    assert local.sim.requests == []
    assert (await local.client.stop(first.serial)).outcome is Outcome.NOT_CHARGING
    assert (await local.client.start(second.serial, mode=ChargeMode.MANUAL, level=16)).outcome is Outcome.ALREADY_CHARGING
    second.unplug()
    assert (await local.client.start(second.serial, mode=ChargeMode.MANUAL, level=16)).outcome is Outcome.NOT_PLUGGED_IN


async def test_a_start_in_green_mode_names_no_level(local: Local) -> None:
    second = local.sim.charger(local.serials[1])
    second.mode = ChargeMode.GREEN.value
    await local.client.start(second.serial, mode=ChargeMode.GREEN, level=16)
    assert local.asked()[-1][2] == {"connectorId": 1}
    assert not second.grid_billed


async def test_a_start_in_scheduled_mode_leaves_the_schedule_in_force(local: Local) -> None:
    second = local.sim.charger(local.serials[1])
    await local.client.set_charge_mode(second.serial, ChargeMode.SCHEDULED)
    assert (await local.client.start(second.serial, mode=ChargeMode.SCHEDULED, level=16)).is_schedule_kept
    assert not second.schedule_overridden


async def test_the_charge_mode(local: Local) -> None:
    assert (await local.client.charge_mode(local.serials[0])).mode is ChargeMode.MANUAL
    answered = await local.client.set_charge_mode(local.serials[0], ChargeMode.GREEN)
    assert answered is not None
    assert answered.mode is ChargeMode.GREEN
    assert (await local.client.charge_mode(local.serials[0])).mode is ChargeMode.GREEN


async def test_a_message(local: Local) -> None:
    assert (await local.client.trigger_message(local.serials[0], "Heartbeat"))["status"] == "accepted"


async def test_a_stop_that_the_gateway_knows_no_more_is_no_stop(local: Local) -> None:
    """A 404 of the cloud's known form means that nothing was charging; here it means that the path has closed."""
    first = local.sim.charger()
    await local.client.stop(first.serial)
    first.start(16)
    local.sim.gateway.switches.absent_chargers = {first.serial}
    with pytest.raises(RequestRejected) as error:
        await local.client.stop(first.serial)
    assert error.value.status == 404
    assert first.charging


@pytest.mark.parametrize("arrives", [False, True])
async def test_a_command_that_breaks_off_is_sent_once(local: Local, arrives: bool) -> None:
    local.sim.gateway.faults.add(path="stop_charging$", drop=True, after=arrives, times=None)
    with pytest.raises(ServiceUnavailable) as error:
        await local.client.stop(local.serials[0])
    assert error.value.may_have_arrived
    assert not isinstance(error.value, Unreachable)
    assert len(local.asked()) == 1


async def test_a_gateway_that_is_pulled_out_is_not_reached(local: Local) -> None:
    await local.client.status(local.serials[0])
    await local.sim.gateway.pull_out()
    with pytest.raises(Unreachable) as error:
        await local.client.stop(local.serials[0])
    assert not error.value.may_have_arrived


async def test_what_accepts_connections_and_says_nothing_has_got_nothing(local: Local) -> None:
    """A connection that hangs is none: a command can go elsewhere."""
    is_over = asyncio.Event()

    async def keep_silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await is_over.wait()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    transport = Transport(*local.sessions, url=URL.build(scheme="https", host=host, port=port), certificate=bytes(32), request_timeout=0.3)
    with pytest.raises(Unreachable):
        await Gateway(transport, "token").stop(local.serials[0])
    is_over.set()
    server.close()


# Who is let in


async def test_a_closed_gateway_refuses(local: Local) -> None:
    local.sim.gateway.switches.role = Role.OWNER
    for question in (local.client.serials(), local.client.status(local.serials[0]), local.client.stop(local.serials[0])):
        with pytest.raises(RequestRejected) as error:
            await question
        assert error.value.status == 401
    local.sim.gateway.switches.role = Role.INSTALLER
    assert await local.client.serials() == local.serials


async def test_tokens_that_differ_by_role(local: Local) -> None:
    gateway = local.sim.gateway
    gateway.switches.tokens_differ = True
    with pytest.raises(RequestRejected):
        await local.open(gateway.issue_token(Role.OWNER)).serials()
    assert await local.open(gateway.issue_token(Role.INSTALLER)).serials() == local.serials


async def test_a_session_is_opened_where_a_token_alone_does_not_do(local: Local) -> None:
    local.sim.gateway.switches.sign_in = SignIn.COOKIE
    assert await local.client.serials() == local.serials
    assert (await local.client.stop(local.serials[0])).outcome is Outcome.ACCEPTED
    asked = [path for _, path, _ in local.asked()]
    assert asked == ["/ivp/pdm/chargers", "/auth/check_jwt", "/ivp/pdm/chargers", f"/ivp/pdm/charger/{local.serials[0]}/stop_charging"]
    # It runs out when it is not used.
    local.sim.clock.advance(700)
    await local.client.status(local.serials[0])
    assert [path for _, path, _ in local.asked()].count("/auth/check_jwt") == 2


async def test_a_closed_gateway_is_not_asked_for_session_after_session(local: Local) -> None:
    local.sim.gateway.switches.role, local.sim.gateway.switches.sign_in = Role.OWNER, SignIn.COOKIE
    for _ in range(3):
        with pytest.raises(RequestRejected):
            await local.client.status(local.serials[0])
    assert [path for _, path, _ in local.asked()].count("/auth/check_jwt") == 1


async def test_a_token_that_has_run_out_says_so(local: Local) -> None:
    token = local.sim.gateway.issue_token(lifetime_s=3600)
    assert local.open(token).has_live_token
    assert not local.open(local.sim.gateway.issue_token(lifetime_s=-1)).has_live_token
    # One that cannot be read may be good for all we know.
    assert local.open("opaque").has_live_token


# The certificate


async def test_another_certificate_gets_nothing(local: Local) -> None:
    gateway = local.sim.gateway
    await local.client.serials()
    before, heard = gateway.fingerprint, len(gateway.heard)
    await gateway.renew_certificate()
    for question in (local.client.serials(), local.client.stop(local.serials[0])):
        with pytest.raises(CertificateChanged) as error:
            await question
        assert error.value.fingerprint == gateway.fingerprint != before
        assert not error.value.may_have_arrived
    assert len(gateway.heard) == heard


async def test_a_certificate_is_looked_at_without_a_word(local: Local) -> None:
    gateway = local.sim.gateway
    assert await shown_certificate(local.sessions[0], URL(gateway.url)) == gateway.fingerprint
    assert gateway.heard == []
    await gateway.pull_out()
    with pytest.raises(ServiceUnavailable):
        await shown_certificate(local.sessions[0], URL(gateway.url))


async def test_a_place_without_a_certificate_is_no_gateway(local: Local) -> None:
    cloud = URL(local.sim.url)
    with pytest.raises(ServiceUnavailable):
        await shown_certificate(local.sessions[0], cloud)
    with pytest.raises(ServiceUnavailable):
        await shown_certificate(local.sessions[0], cloud.with_scheme("https"))


async def test_nothing_of_the_cloud_goes_to_the_gateway(local: Local) -> None:
    account = Account(Transport(*local.sessions, url=URL(local.sim.url)), local.sim.account.email)
    await account.sign_in(local.sim.account.password)
    await Chargers(account, local.sim.site.id).status()
    of_cloud = local.sim.secrets() - set(local.serials)
    token = local.sim.gateway.issue_token()
    client = local.open(token)
    await client.serials()
    await client.stop(local.serials[0])
    text = "\n".join(local.sim.gateway.heard)
    assert token in text
    assert [secret for secret in of_cloud if secret in text] == []
    account.close()


# Addresses


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("envoy.local", "https://envoy.local"),
        (" 192.0.2.7 ", "https://192.0.2.7"),
        ("https://192.0.2.7/", "https://192.0.2.7"),
        ("192.0.2.7:8443", "https://192.0.2.7:8443"),
        ("[2001:db8::7]", "https://[2001:db8::7]"),
    ],
)
def test_addresses(typed: str, url: str) -> None:
    assert gateway_url(typed) == URL(url)


@pytest.mark.parametrize("typed", ["", " ", "http://192.0.2.7", "192.0.2.7/path", "you@192.0.2.7", "192.0.2.7?x=1", "192.0.2.7:port"])
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of yarl or ours
        gateway_url(typed)
