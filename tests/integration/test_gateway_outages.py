"""The gateway in the house pulled out and plugged in, and the cloud gone, one without the other (docs/cloud-api/local.md)."""

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
import pytest

from simulator.gateway_inside import Role
from tests.integration.house import House, HouseBuilder
from tests.integration.local_house import cloud_polls, source_of


async def test_pulled_out_in_mid_session(local: House) -> None:
    await local.live(61)
    since = local.sim.clock.now()
    await local.sim.gateway.pull_out()

    # The very next poll goes to the cloud.
    await local.live(31)
    assert source_of(local) == ("cloud", "unreachable")
    assert cloud_polls(local, since) >= 1
    await local.live(300)
    assert local.state("binary_sensor", "charging").state == "on"
    assert float(local.state("sensor", "power").state) > 5000

    await local.sim.gateway.plug_in()
    await local.live(310)
    assert source_of(local) == ("local", None)


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
    assert source_of(local) == ("local", None)
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
    assert source_of(local) == ("local", None)
    assert local.state("binary_sensor", "charging").state == "on"


async def test_a_session_that_has_ended_is_told_while_the_gateway_goes_on(build_local_house: HouseBuilder) -> None:
    house = await build_local_house("two_chargers", gateway=Role.INSTALLER, password="wrong by now")
    assert house.entry.state is ConfigEntryState.LOADED

    await house.live(61)

    assert source_of(house) == ("local", None)
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
