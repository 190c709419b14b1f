"""Start and stop, from the dashboard and by action."""

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from tests.integration.house import House, HouseBuilder


async def test_switch_starts_and_the_charger_is_seen_charging(house: House) -> None:
    switch = house.entity_id("switch", "charging")
    assert house.state("switch", "charging").state == "off"
    house.sim.requests.clear()

    await house.call("switch", "turn_on", entity_id=switch)

    assert house.sim.charger().charging
    assert house.state("switch", "charging").state == "on"
    assert house.state("switch", "charging").attributes["last_command"] == "requested"
    assert house.sim.count("control") == 1
    await house.live(3)
    assert house.state("switch", "charging").attributes["last_command"] == "confirmed"
    assert house.state("binary_sensor", "charging").state == "on"
    assert house.state("sensor", "status").state == "charging"
    assert house.sim.charger().level_a == 32


async def test_switch_stops(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    charging = next(charger for charger in house.sim.site.chargers.values() if charger.charging)

    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging", charging))
    await house.live(3)

    assert not charging.charging
    assert house.state("switch", "charging", charging).state == "off"
    assert house.state("sensor", "power", charging).state == "0"


async def test_start_without_a_vehicle_says_so(house: House) -> None:
    house.sim.charger().unplug()
    house.sim.requests.clear()

    with pytest.raises(ServiceValidationError) as refusal:
        await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))

    assert refusal.value.translation_key == "not_plugged_in"
    assert house.sim.count("control") == 1
    assert house.state("switch", "charging").state == "off"


async def test_start_by_action_answers_what_the_cloud_said(house: House) -> None:
    answer = await house.ask("start_charging", device_id=house.device_id(), charging_level=16)

    (reply,) = answer["chargers"]
    assert reply["outcome"] == "accepted"
    assert reply["requested"] == {"charging": True, "charging_level": 16.0, "connector_id": 1}
    assert house.sim.charger().level_a == 16


async def test_level_outside_the_limits_is_refused_before_anything_is_sent(house: House) -> None:
    house.sim.requests.clear()

    with pytest.raises(ServiceValidationError) as refusal:
        await house.ask("start_charging", device_id=house.device_id(), charging_level=99)

    assert refusal.value.translation_placeholders is not None
    assert refusal.value.translation_placeholders["max"] == "32"
    assert house.sim.count() == 0


async def test_a_start_that_nobody_answers_is_an_error_and_is_watched(house: House) -> None:
    house.sim.faults.add(path="start_charging", drop=True, after=True)

    with pytest.raises(HomeAssistantError) as failure:
        await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))

    assert failure.value.translation_key == "no_answer"
    assert house.sim.count("control") == 1
    await house.live(3)
    assert house.state("switch", "charging").state == "on"
