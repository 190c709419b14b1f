"""The gateway in the house: asked where it answers, over real TLS, and the cloud where it does not (docs/cloud-api/local.md)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
import json

import aiohttp
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.enphase_ev import diagnostics, repairs
from custom_components.enphase_ev.const import DOMAIN
from simulator import Charger, Simulator
from simulator.gateway_inside import ListShape, LocalShape, Role, SignIn
from simulator.gateway_readings import EvseMeter
from simulator.report import ChargeMode
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import one_in

_DAY = 24 * 3600
# For what takes days.
_SELDOM = {"slow_interval": 1800, "fast_interval": 1800}


class _SystemResolver(aiohttp.ThreadedResolver):
    """Instead of the resolver of the tests, which belongs to another loop."""

    async def real_close(self) -> None:
        """Close as Home Assistant closes its own."""


@pytest.fixture
def build_house(build_house: HouseBuilder) -> HouseBuilder:
    """Set up houses whose gateway is asked for its chargers alone: what else it tells is tested elsewhere."""

    async def build(
        *scenario: str, prepare: Callable[[Simulator], None] = lambda _: None, options: dict[str, object] | None = None, **more: object
    ) -> House:
        def without_meter(sim: Simulator) -> None:
            if more.get("gateway") is not None:
                sim.gateway.switches.owner.evse_meter = EvseMeter.ABSENT
            prepare(sim)

        return await build_house(*scenario, prepare=without_meter, options={"live_power": "off", **(options or {})}, **more)

    return build


@pytest.fixture
async def local(build_house: HouseBuilder) -> House:
    """Two chargers, the first charging, behind a gateway that is open."""
    return await build_house("two_chargers", gateway=Role.INSTALLER)


def _source(house: House, charger: Charger | None = None) -> tuple[str, str | None]:
    state = house.state("sensor", "data_source", charger)
    return state.state, state.attributes["local_refused"]


def _polls(house: House, since: datetime) -> int:
    """How often the cloud's status was asked for."""
    return sum(request.family == "status" and request.at > since for request in house.sim.requests)


def _local_paths(house: House, since: datetime | None = None) -> list[str]:
    of_chargers = (one for one in house.sim.gateway.requests if not one.path.startswith("/ivp/meters"))
    return [one.path for one in of_chargers if since is None or one.at > since]


def _issue(house: House, key: str) -> ir.IssueEntry | None:
    return ir.async_get(house.hass).async_get_issue(DOMAIN, f"{key}_{house.entry.entry_id}")


def _commands(house: House) -> tuple[list[str], list[str]]:
    """The commands that the gateway and the cloud have got."""

    def of(paths: list[tuple[str, str]]) -> list[str]:
        return [path.rpartition("/")[2] for method, path in paths if method != "GET" and path.endswith("_charging")]

    return (
        of([(one.method, one.path) for one in house.sim.gateway.requests]),
        of([(one.method, one.path) for one in house.sim.requests]),
    )


# An open gateway


async def test_an_open_gateway_answers_for_its_chargers(local: House) -> None:
    assert _source(local) == ("local", None)
    first = local.sim.charger()
    assert local.state("binary_sensor", "charging").state == "on"

    # What the cloud learns after five minutes is there with the next poll.
    first.stop()
    since = local.sim.clock.now()
    await local.live(31)

    assert local.state("binary_sensor", "charging").state == "off"
    assert _polls(local, since) == 0


async def test_the_cloud_is_asked_less_while_the_gateway_answers(local: House) -> None:
    await local.live(60)
    local.sim.requests.clear()
    since = local.sim.clock.now()

    await local.live(3600)

    # A charging hour by the cloud alone has 120 polls and 24 summaries.
    assert _polls(local, since) == 4
    assert local.sim.count("summary") == 0
    assert local.sim.count(path="preference$") == 0
    status = [one.at for one in local.sim.gateway.requests if one.path.endswith(f"{local.sim.charger().serial}/status") and one.at > since]
    assert {round((later - earlier).total_seconds()) for earlier, later in pairwise(status)} == {30}


async def test_requests_to_the_gateway_do_not_count_as_the_clouds(local: House) -> None:
    await local.live(600)
    requests = local.entry.runtime_data.account.transport.requests
    assert requests.total.total() == local.sim.count()
    assert local.entry.runtime_data.chargers.client.gateway.transport.requests.total.total() == len(local.sim.gateway.requests)


async def test_energy_and_power_go_on(local: House) -> None:
    await local.live(300)
    charger = local.sim.charger()
    assert float(local.state("sensor", "lifetime_energy").state) == pytest.approx(charger.lifetime_wh / 1000, abs=0.1)
    assert float(local.state("sensor", "power").state) == pytest.approx(charger.power_w, rel=0.1)


@pytest.mark.parametrize("shape", LocalShape)
@pytest.mark.parametrize("sign_in", SignIn)
async def test_whatever_is_open_works(build_house: HouseBuilder, shape: LocalShape, sign_in: SignIn) -> None:
    def prepare(sim: Simulator) -> None:
        switches = sim.gateway.switches
        switches.status_shape, switches.sign_in, switches.tells_now = shape, sign_in, shape is LocalShape.OBJECT
        switches.list_shape = ListShape.OBJECTS if sign_in is SignIn.COOKIE else ListShape.ENVELOPE

    house = await build_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)
    await house.live(61)

    assert _source(house) == ("local", None)
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    assert _commands(house) == (["stop_charging"], [])
    assert not house.sim.charger().charging


async def test_a_gateway_can_have_a_name(build_house: HouseBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up the way Home Assistant looks names up, for commands as well."""
    monkeypatch.setattr("homeassistant.helpers.aiohttp_client._async_make_resolver", lambda _: _SystemResolver())
    house = await build_house("two_chargers", gateway=Role.INSTALLER)
    port = house.sim.gateway.address.partition(":")[2]
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, "gateway_address": f"localhost:{port}"})
    await house.reload()

    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))

    assert _source(house) == ("local", None)
    assert _commands(house) == (["stop_charging"], [])


@pytest.mark.usefixtures("all_entities_enabled")
async def test_what_the_gateway_does_not_tell_the_cloud_does(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.faults.add(path="(summary|schedule)$", status=500, times=None)

    house = await build_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)

    assert _source(house) == ("local", None)
    assert house.state("sensor", "max_amps").state == "32.0"
    assert house.state("select", "charge_mode").state == "manual"
    assert house.sim.count("summary") == 1


async def test_without_a_gateway_there_is_no_sensor(house: House) -> None:
    with pytest.raises(AssertionError, match="data_source does not exist"):
        house.state("sensor", "data_source")


# A closed gateway


async def test_an_owner_becomes_an_installer_while_it_runs(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", gateway=Role.OWNER, options=_SELDOM)
    assert _source(house) == ("cloud", "closed")
    asked = _local_paths(house).count("/ivp/pdm/chargers")
    house.sim.gateway.switches.role = Role.INSTALLER

    # It is probed once a day.
    await house.live(_DAY - 3600)
    assert _local_paths(house).count("/ivp/pdm/chargers") == asked
    assert _source(house) == ("cloud", "closed")
    await house.live(3600 + 1801)

    assert _source(house) == ("local", None)
    assert house.state("sensor", "data_source", house.sim.charger("EV000000000002")).state == "local"


async def test_another_firmware_may_have_opened_it(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", gateway=Role.OWNER)
    await house.sim.gateway.update_firmware("8.0.1")
    house.sim.gateway.switches.role = Role.INSTALLER

    await house.live(3700)

    assert _source(house) == ("local", None)


async def test_a_gateway_that_closes_again(local: House) -> None:
    local.sim.gateway.switches.role = Role.OWNER

    await local.live(31)
    assert _source(local) == ("cloud", "closed")
    assert local.state("binary_sensor", "charging").state == "on"
    heard = len(_local_paths(local))
    await local.live(3000)

    # Left alone, but for a look at its firmware.
    assert len(_local_paths(local)) <= heard + 1


async def test_a_token_that_runs_out(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", gateway=Role.INSTALLER)
    token = house.sim.gateway.issue_token(lifetime_s=600)
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, "gateway_token": token})
    await house.reload()
    assert _source(house) == ("local", None)

    await house.live(700)

    assert _source(house) == ("cloud", "token_expired")
    assert _issue(house, "gateway_token") is not None
    renewed = {**house.entry.options, "gateway_token": house.sim.gateway.issue_token()}
    house.hass.config_entries.async_update_entry(house.entry, options=renewed)
    await house.reload()
    assert _source(house) == ("local", None)
    assert _issue(house, "gateway_token") is None


# Half of the chargers


@pytest.mark.parametrize(("switch", "reason"), one_in(2, [("closed_chargers", "closed"), ("absent_chargers", "not_listed")]))
async def test_half_of_the_chargers_are_local(build_house: HouseBuilder, switch: str, reason: str) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.update({switch: ["EV000000000002"]})

    house = await build_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)
    first, second = house.sim.site.chargers.values()
    await house.live(61)
    assert _source(house, first) == ("local", None)
    assert _source(house, second) == ("cloud", reason)

    since = house.sim.clock.now()
    first.stop()
    second.start(16)
    await house.live(61)
    assert house.state("binary_sensor", "charging", first).state == "off"
    assert house.state("binary_sensor", "charging", second).state == "on"
    assert _polls(house, since) == 2

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging", first))
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging", second))
    assert _commands(house) == (["start_charging"], ["stop_charging"])

    # One day the other half is there, too.
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, **_SELDOM})
    await house.reload()
    await house.live(1801)
    house.sim.gateway.switches.update({switch: []})
    await house.live(_DAY / 2)
    assert _source(house, second) == ("cloud", reason)
    await house.live(_DAY / 2 + 1801)
    assert _source(house, second) == ("local", None)


async def test_one_charger_that_the_gateway_cannot_reach(local: House) -> None:
    first, second = local.sim.site.chargers.values()
    local.sim.gateway.faults.add(path=f"{second.serial}/status", status=503, times=None)

    await local.live(61)
    assert _source(local, first) == ("local", None)
    assert _source(local, second) == ("cloud", "no_answer")
    local.sim.gateway.faults.clear()
    await local.live(400)

    assert _source(local, second) == ("local", None)


async def test_a_gateway_that_keeps_silent_is_waited_for_once(local: House) -> None:
    """Ten chargers must not mean ten time-outs before the cloud is asked."""
    local.sim.gateway.faults.add(path="status$", drop=True, times=None)
    since = local.sim.clock.now()

    await local.live(31)

    assert _source(local) == ("cloud", "no_answer")
    assert local.state("binary_sensor", "charging").state == "on"
    assert {path for path in _local_paths(local, since) if path.endswith("/status")} == {
        f"/ivp/pdm/charger/{local.sim.charger().serial}/status"
    }


async def test_a_charger_that_keeps_silent_does_not_speak_for_the_gateway(local: House) -> None:
    first, second = local.sim.site.chargers.values()
    local.sim.gateway.faults.add(path=f"{first.serial}/status", drop=True, times=None)

    await local.live(120)

    assert _source(local, first) == ("cloud", "no_answer")
    assert _source(local, second) == ("local", None)


async def test_a_charger_of_somebody_else_is_left_alone(build_house: HouseBuilder) -> None:
    """A gateway may list what the site does not have."""

    def prepare(sim: Simulator) -> None:
        listed = {"serial_nums": [*sim.site.chargers, "EV000000000099"]}
        sim.gateway.faults.add(path="pdm/chargers$", status=200, body=listed, times=None)

    house = await build_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)
    await house.live(120)

    assert not [path for path in _local_paths(house) if "EV000000000099" in path]
    assert set(house.entry.runtime_data.chargers.data) == set(house.sim.site.chargers)


# Pulled out, and plugged in again


async def test_pulled_out_in_mid_session(local: House) -> None:
    await local.live(61)
    since = local.sim.clock.now()
    await local.sim.gateway.pull_out()

    # The very next poll goes to the cloud.
    await local.live(31)
    assert _source(local) == ("cloud", "unreachable")
    assert _polls(local, since) >= 1
    await local.live(300)
    assert local.state("binary_sensor", "charging").state == "on"
    assert float(local.state("sensor", "power").state) > 5000

    await local.sim.gateway.plug_in()
    await local.live(310)
    assert _source(local) == ("local", None)


async def test_the_meter_does_not_waver_when_the_source_changes(local: House) -> None:
    """The cloud's last report is older than what the gateway has told."""
    shown: list[float] = []
    for _ in range(3):
        await local.live(250)
        shown.append(float(local.state("sensor", "lifetime_energy").state))
        await local.sim.gateway.pull_out()
        await local.live(340)
        shown.append(float(local.state("sensor", "lifetime_energy").state))
        await local.sim.gateway.plug_in()
    await local.live(400)

    assert shown == sorted(shown)
    truth = local.sim.charger().lifetime_wh / 1000
    assert float(local.state("sensor", "lifetime_energy").state) == pytest.approx(truth, abs=0.2)


async def test_the_gateway_does_without_the_internet(local: House) -> None:
    await local.live(61)
    await local.sim.stop()
    first, second = local.sim.site.chargers.values()

    await local.live(2 * 3600)
    assert local.state("binary_sensor", "charging", first).state == "on"
    assert _source(local) == ("local", None)
    assert local.site_state("binary_sensor", "cloud_reachable").state == "off"
    await local.call("switch", "turn_on", entity_id=local.entity_id("switch", "charging", second))
    await local.live(31)
    assert local.state("binary_sensor", "charging", second).state == "on"
    assert local.state("switch", "charging", second).attributes["last_command"] == "confirmed"

    await local.sim.start()
    await local.live(1000)
    assert local.site_state("binary_sensor", "cloud_reachable").state == "on"


async def test_a_start_of_home_assistant_without_the_internet(local: House) -> None:
    await local.live(61)
    await local.sim.stop()

    await local.restart()

    assert local.entry.state is ConfigEntryState.LOADED
    assert _source(local) == ("local", None)
    assert local.state("binary_sensor", "charging").state == "on"


async def test_a_session_that_has_ended_is_told_while_the_gateway_goes_on(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", gateway=Role.INSTALLER, password="wrong by now")
    assert house.entry.state is ConfigEntryState.LOADED

    await house.live(61)

    assert _source(house) == ("local", None)
    assert list(house.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH}))


async def test_without_both_entities_become_unavailable(local: House) -> None:
    await local.live(61)
    await local.sim.stop()
    await local.sim.gateway.pull_out()

    await local.live(300)

    assert local.state("binary_sensor", "charging").state == "unavailable"
    await local.sim.gateway.plug_in()
    await local.live(310)
    assert local.state("binary_sensor", "charging").state == "on"


# Commands


async def test_commands_go_where_the_data_comes_from(local: House) -> None:
    first, second = local.sim.site.chargers.values()
    await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging", first))
    await local.call("number", "set_value", entity_id=local.entity_id("number", "charging_amps", second), value=10)
    await local.call("switch", "turn_on", entity_id=local.entity_id("switch", "charging", second))
    await local.call("select", "select_option", entity_id=local.entity_id("select", "charge_mode", first), option="green")
    await local.ask("trigger_message", device_id=local.device_id(first), requested_message="Heartbeat")
    await local.live(10)

    assert (first.charging, second.charging, second.level_a) == (False, True, 10)
    assert first.mode is ChargeMode.GREEN
    assert local.state("switch", "charging", second).attributes["last_command"] == "confirmed"
    assert local.state("select", "charge_mode", first).state == "green"
    # What was done here, the cloud has heard of.
    assert second.reported.charging
    assert [one.method for one in local.sim.requests if one.method != "GET" and one.family in {"control", "scheduler"}] == []


async def test_a_command_in_the_moment_in_which_the_gateway_goes(local: House) -> None:
    """Nothing was sent, so the cloud carries it out; once."""
    await local.live(61)
    await local.sim.gateway.pull_out()

    await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))

    assert _commands(local) == ([], ["stop_charging"])
    assert _source(local) == ("cloud", "unreachable")
    await local.live(31)
    assert local.state("switch", "charging").state == "off"
    assert local.state("switch", "charging").attributes["last_command"] == "confirmed"


async def test_a_command_in_the_moment_in_which_the_gateway_closes(local: House) -> None:
    local.sim.gateway.switches.role = Role.OWNER

    await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))

    # The gateway has refused it, which is no carrying out.
    assert _commands(local) == (["stop_charging"], ["stop_charging"])
    assert not local.sim.charger().charging
    assert _source(local) == ("cloud", "closed")


@pytest.mark.parametrize("arrives", [False, True])
async def test_a_command_that_may_have_arrived_is_not_sent_twice(local: House, arrives: bool) -> None:
    local.sim.gateway.faults.add(path="stop_charging$", drop=True, after=arrives)

    with pytest.raises(HomeAssistantError, match="may have arrived"):
        await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))
    await local.live(31)

    assert _commands(local) == (["stop_charging"], [])
    assert local.sim.charger().charging is not arrives
    # The confirming polls show what came of it.
    assert local.state("binary_sensor", "charging").state == ("off" if arrives else "on")


async def test_a_command_that_the_gateway_fails_at_is_not_sent_twice(local: House) -> None:
    local.sim.gateway.faults.add(path="stop_charging$", status=500)

    with pytest.raises(HomeAssistantError):
        await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))

    assert _commands(local) == (["stop_charging"], [])


async def test_what_the_gateway_says_about_the_car_is_believed(local: House) -> None:
    second = local.sim.charger("EV000000000002")
    second.unplug()

    with pytest.raises(HomeAssistantError, match="no car is plugged in"):
        await local.call("switch", "turn_on", entity_id=local.entity_id("switch", "charging", second))

    assert _commands(local) == (["start_charging"], [])


# The certificate


async def test_another_certificate_is_for_a_person_to_accept(local: House) -> None:
    gateway = local.sim.gateway
    old = gateway.fingerprint
    await gateway.renew_certificate()
    heard = len(gateway.heard)

    await local.live(3600)

    assert _source(local) == ("cloud", "certificate_changed")
    assert len(gateway.heard) == heard
    issue = _issue(local, "gateway_certificate")
    assert issue is not None
    assert issue.is_fixable
    assert issue.translation_placeholders == {
        "site": local.sim.site.name,
        "old": bytes.fromhex(old).hex(":").upper(),
        "new": bytes.fromhex(gateway.fingerprint).hex(":").upper(),
    }

    flow = await repairs.async_create_fix_flow(local.hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = local.hass, issue.issue_id
    form = await flow.async_step_init()
    assert form["description_placeholders"] == issue.translation_placeholders
    assert (await flow.async_step_confirm({}))["type"] == "create_entry"
    await local.hass.async_block_till_done()

    assert local.entry.options["gateway_fingerprint"] == gateway.fingerprint
    assert _source(local) == ("local", None)
    assert _issue(local, "gateway_certificate") is None


async def test_the_old_certificate_comes_back(local: House) -> None:
    gateway = local.sim.gateway
    before = gateway.certificate
    await gateway.renew_certificate()
    await local.live(61)
    assert _issue(local, "gateway_certificate") is not None
    gateway.certificate = before
    await gateway.pull_out()
    await gateway.plug_in()

    await local.live(310)

    assert _source(local) == ("local", None)
    assert _issue(local, "gateway_certificate") is None


async def test_what_is_accepted_is_what_was_shown(local: House) -> None:
    gateway = local.sim.gateway
    await gateway.renew_certificate()
    await local.live(61)
    issue = _issue(local, "gateway_certificate")
    assert issue is not None
    flow = await repairs.async_create_fix_flow(local.hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = local.hass, issue.issue_id
    await gateway.renew_certificate()

    await flow.async_step_confirm({})
    await local.hass.async_block_till_done()

    assert _source(local) == ("cloud", "certificate_changed")
    assert _issue(local, "gateway_certificate") is not None


# What must not get about


async def test_nothing_personal_and_no_token(local: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await local.live(600)
    await local.sim.gateway.renew_certificate()
    await local.live(600)

    found = await diagnostics.async_get_config_entry_diagnostics(local.hass, local.entry)

    gateway = found["gateway"]
    assert gateway["certificate"] == f"{local.entry.options['gateway_fingerprint'][:8]}…"
    assert gateway["firmware"] == "D7.6.175"
    assert gateway["requests_total"]["status"] >= 20
    text = json.dumps(found, cls=ExtendedJSONEncoder)
    personal = local.sim.secrets() | {local.sim.gateway.address, local.entry.options["gateway_fingerprint"]}
    assert [value for value in personal if value in text] == []
    log = "\n".join(line.getMessage() for line in caplog.records if line.name.startswith("custom_components"))
    assert [value for value in personal if value in log] == []
    # And nothing of the cloud has come to the gateway.
    heard = "\n".join(local.sim.gateway.heard)
    own = {value for value in local.sim.secrets() if value in heard} - set(local.sim.site.chargers)
    assert own == {local.entry.options["gateway_token"]}


async def test_it_goes_with_the_entry(hass: HomeAssistant, local: House) -> None:
    assert await hass.config_entries.async_unload(local.entry.entry_id)
    asked = len(_local_paths(local))
    local.freezer.tick(timedelta(hours=1))
    await hass.async_block_till_done()
    assert len(_local_paths(local)) == asked
