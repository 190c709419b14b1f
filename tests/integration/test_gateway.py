"""The gateway in the house: asked where it answers, over real TLS, and the cloud where it does not (docs/cloud-api/local.md)."""

from datetime import timedelta
from itertools import pairwise
import json

import aiohttp
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.enphase_ev import diagnostics
from simulator import Simulator
from simulator.gateway_inside import ListShape, LocalShape, Role, SignIn
from tests.integration.house import House, HouseBuilder
from tests.integration.local_house import DAY, SELDOM, cloud_polls, commands_of, local_paths, source_of
from tests.thoroughness import one_in


class _SystemResolver(aiohttp.ThreadedResolver):
    """Instead of the resolver of the tests, which belongs to another loop."""

    async def real_close(self) -> None:
        """Close as Home Assistant closes its own."""


async def test_an_open_gateway_answers_for_its_chargers(local: House) -> None:
    assert source_of(local) == ("local", None)
    first = local.sim.charger()
    assert local.state("binary_sensor", "charging").state == "on"

    # What the cloud learns after five minutes is there with the next poll.
    first.stop()
    since = local.sim.clock.now()
    await local.live(31)

    assert local.state("binary_sensor", "charging").state == "off"
    assert cloud_polls(local, since) == 0


async def test_the_cloud_is_asked_less_while_the_gateway_answers(local: House) -> None:
    await local.live(60)
    local.sim.requests.clear()
    since = local.sim.clock.now()

    await local.live(3600)

    # A charging hour by the cloud alone has 120 polls and 24 summaries.
    assert cloud_polls(local, since) == 4
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
async def test_whatever_is_open_works(build_local_house: HouseBuilder, shape: LocalShape, sign_in: SignIn) -> None:
    def prepare(sim: Simulator) -> None:
        switches = sim.gateway.switches
        switches.status_shape, switches.sign_in, switches.tells_now = shape, sign_in, shape is LocalShape.OBJECT
        switches.list_shape = ListShape.OBJECTS if sign_in is SignIn.COOKIE else ListShape.ENVELOPE

    house = await build_local_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)
    await house.live(61)

    assert source_of(house) == ("local", None)
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    assert commands_of(house) == (["stop_charging"], [])
    assert not house.sim.charger().charging


async def test_a_gateway_can_have_a_name(build_local_house: HouseBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up the way Home Assistant looks names up, for commands as well."""
    monkeypatch.setattr("homeassistant.helpers.aiohttp_client._async_make_resolver", lambda _: _SystemResolver())
    house = await build_local_house("two_chargers", gateway=Role.INSTALLER)
    port = house.sim.gateway.address.partition(":")[2]
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, "gateway_address": f"localhost:{port}"})
    await house.reload()

    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))

    assert source_of(house) == ("local", None)
    assert commands_of(house) == (["stop_charging"], [])


@pytest.mark.usefixtures("all_entities_enabled")
async def test_what_the_gateway_does_not_tell_the_cloud_does(build_local_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.faults.add(path="(summary|schedule)$", status=500, times=None)

    house = await build_local_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)

    assert source_of(house) == ("local", None)
    assert house.state("sensor", "max_amps").state == "32.0"
    assert house.state("select", "charge_mode").state == "manual"
    assert house.sim.count("summary") == 1


async def test_without_a_gateway_there_is_no_sensor(house: House) -> None:
    with pytest.raises(AssertionError, match="data_source does not exist"):
        house.state("sensor", "data_source")


# Half of the chargers


@pytest.mark.parametrize(("switch", "reason"), one_in(2, [("closed_chargers", "closed"), ("absent_chargers", "not_listed")]))
async def test_half_of_the_chargers_are_local(build_local_house: HouseBuilder, switch: str, reason: str) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.update({switch: ["EV000000000002"]})

    house = await build_local_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)
    first, second = house.sim.site.chargers.values()
    await house.live(61)
    assert source_of(house, first) == ("local", None)
    assert source_of(house, second) == ("cloud", reason)

    since = house.sim.clock.now()
    first.stop()
    second.start(16)
    await house.live(61)
    assert house.state("binary_sensor", "charging", first).state == "off"
    assert house.state("binary_sensor", "charging", second).state == "on"
    assert cloud_polls(house, since) == 2

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging", first))
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging", second))
    assert commands_of(house) == (["start_charging"], ["stop_charging"])

    # One day the other half is there, too.
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, **SELDOM})
    await house.reload()
    await house.live(1801)
    house.sim.gateway.switches.update({switch: []})
    await house.live(DAY / 2)
    assert source_of(house, second) == ("cloud", reason)
    await house.live(DAY / 2 + 1801)
    assert source_of(house, second) == ("local", None)


async def test_one_charger_that_the_gateway_cannot_reach(local: House) -> None:
    first, second = local.sim.site.chargers.values()
    local.sim.gateway.faults.add(path=f"{second.serial}/status", status=503, times=None)

    await local.live(61)
    assert source_of(local, first) == ("local", None)
    assert source_of(local, second) == ("cloud", "no_answer")
    local.sim.gateway.faults.clear()
    await local.live(400)

    assert source_of(local, second) == ("local", None)


async def test_a_gateway_that_keeps_silent_is_waited_for_once(local: House) -> None:
    """Ten chargers must not mean ten time-outs before the cloud is asked."""
    local.sim.gateway.faults.add(path="status$", drop=True, times=None)
    since = local.sim.clock.now()

    await local.live(31)

    assert source_of(local) == ("cloud", "no_answer")
    assert local.state("binary_sensor", "charging").state == "on"
    assert {path for path in local_paths(local, since) if path.endswith("/status")} == {
        f"/ivp/pdm/charger/{local.sim.charger().serial}/status"
    }


async def test_a_charger_that_keeps_silent_does_not_speak_for_the_gateway(local: House) -> None:
    first, second = local.sim.site.chargers.values()
    local.sim.gateway.faults.add(path=f"{first.serial}/status", drop=True, times=None)

    await local.live(120)

    assert source_of(local, first) == ("cloud", "no_answer")
    assert source_of(local, second) == ("local", None)


async def test_a_charger_of_somebody_else_is_left_alone(build_local_house: HouseBuilder) -> None:
    """A gateway may list what the site does not have."""

    def prepare(sim: Simulator) -> None:
        listed = {"serial_nums": [*sim.site.chargers, "EV000000000099"]}
        sim.gateway.faults.add(path="pdm/chargers$", status=200, body=listed, times=None)

    house = await build_local_house("two_chargers", gateway=Role.INSTALLER, prepare=prepare)
    await house.live(120)

    assert not [path for path in local_paths(house) if "EV000000000099" in path]
    assert set(house.entry.runtime_data.chargers.data) == set(house.sim.site.chargers)


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
    asked = len(local_paths(local))
    local.freezer.tick(timedelta(hours=1))
    await hass.async_block_till_done()
    assert len(local_paths(local)) == asked
