"""Commands with a gateway in the house: where they go, and that none is sent twice (docs/cloud-api/local.md)."""

from homeassistant.exceptions import HomeAssistantError
import pytest

from simulator.gateway_inside import Role
from simulator.report import ChargeMode
from tests.integration.house import House
from tests.integration.local_house import commands_of, source_of


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

    assert commands_of(local) == ([], ["stop_charging"])
    assert source_of(local) == ("cloud", "unreachable")
    await local.live(31)
    assert local.state("switch", "charging").state == "off"
    assert local.state("switch", "charging").attributes["last_command"] == "confirmed"


async def test_a_command_in_the_moment_in_which_the_gateway_closes(local: House) -> None:
    local.sim.gateway.switches.role = Role.OWNER

    await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))

    # The gateway has refused it, which is no carrying out.
    assert commands_of(local) == (["stop_charging"], ["stop_charging"])
    assert not local.sim.charger().charging
    assert source_of(local) == ("cloud", "closed")


@pytest.mark.parametrize("arrives", [False, True])
async def test_a_command_that_may_have_arrived_is_not_sent_twice(local: House, arrives: bool) -> None:
    local.sim.gateway.faults.add(path="stop_charging$", drop=True, after=arrives)

    with pytest.raises(HomeAssistantError, match="may have arrived"):
        await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))
    await local.live(31)

    assert commands_of(local) == (["stop_charging"], [])
    assert local.sim.charger().charging is not arrives
    # The confirming polls show what came of it.
    assert local.state("binary_sensor", "charging").state == ("off" if arrives else "on")


async def test_a_command_that_the_gateway_fails_at_is_not_sent_twice(local: House) -> None:
    local.sim.gateway.faults.add(path="stop_charging$", status=500)

    with pytest.raises(HomeAssistantError):
        await local.call("switch", "turn_off", entity_id=local.entity_id("switch", "charging"))

    assert commands_of(local) == (["stop_charging"], [])


async def test_what_the_gateway_says_about_the_car_is_believed(local: House) -> None:
    second = local.sim.charger("EV000000000002")
    second.unplug()

    with pytest.raises(HomeAssistantError, match="no car is plugged in"):
        await local.call("switch", "turn_on", entity_id=local.entity_id("switch", "charging", second))

    assert commands_of(local) == (["start_charging"], [])
