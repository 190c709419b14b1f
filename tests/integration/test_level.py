"""The level of a charger: wished for, in force, and changed during a session."""

from homeassistant.exceptions import ServiceValidationError
import pytest

from simulator import Simulator
from simulator.report import ChargeMode
from tests.integration.conftest import House, HouseBuilder


async def _set(house: House, level: float) -> None:
    await house.see_through(house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=level))


def _in_force(house: House) -> float:
    return float(house.state("sensor", "set_amps").state)


def _commands(house: House) -> list[str]:
    """Starts and stops that the cloud has taken, in their order."""
    return [request.path.rpartition("/")[2] for request in house.sim.requests if "_charging" in request.path and request.status == 200]


# --- The number ---


async def test_it_has_the_steps_of_the_charger(build_house: HouseBuilder) -> None:
    house = await build_house("eighty_amps")

    number = house.state("number", "charging_amps")
    assert (number.attributes["min"], number.attributes["max"], number.attributes["step"]) == (16, 80, 16)
    # 32 A, unless a person has wished for something else.
    assert number.state == "32.0"
    await _set(house, 64)
    assert house.state("number", "charging_amps").state == "64.0"

    with pytest.raises(ServiceValidationError, match="steps of 16"):
        await _set(house, 40)
    assert house.state("number", "charging_amps").state == "64.0"


async def test_a_wish_starts_nothing_and_outlives_a_restart(house: House) -> None:
    await _set(house, 10)
    await house.restart()

    assert _commands(house) == []
    assert house.state("number", "charging_amps").state == "10.0"
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    assert house.sim.charger().level_a == 10


# --- During a session ---


async def test_a_change_during_a_session_is_applied_and_confirmed(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")

    await _set(house, 10)
    assert _in_force(house) == 10
    await house.live(10)

    assert house.sim.charger().level_a == 10
    assert _in_force(house) == 10
    assert _commands(house) == ["start_charging"]
    await house.live(300)
    assert _commands(house) == ["start_charging"]


async def test_a_change_while_the_start_is_under_way_is_applied(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"start_delay_s": 20.0}))

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await _set(house, 10)
    await house.live(90)

    assert house.sim.charger().level_a == 10
    assert _in_force(house) == 10


async def test_a_scheduled_session_takes_the_change_and_keeps_its_schedule(build_house: HouseBuilder) -> None:
    def scheduled(sim: Simulator) -> None:
        charger = sim.charger()
        charger.mode = ChargeMode.SCHEDULED
        charger.start(16)

    house = await build_house(prepare=scheduled)

    await _set(house, 10)
    await house.live(10)

    assert house.sim.charger().level_a == 10
    assert not house.sim.charger().schedule_overridden


@pytest.mark.parametrize("scenario", ["green_site", "smart_site"])
async def test_a_mode_that_decides_keeps_the_wish_for_later(build_house: HouseBuilder, scenario: str) -> None:
    house = await build_house(scenario)
    level = house.sim.charger().level_a

    await _set(house, 8)
    await house.live(120)

    assert house.sim.charger().level_a == level
    assert not house.sim.charger().grid_billed
    assert _commands(house) == []
    number = house.state("number", "charging_amps")
    assert number.state == "8.0"
    assert number.attributes["in_force"] is False
    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="manual")
    assert house.state("number", "charging_amps").attributes["in_force"] is True


async def test_the_safe_limit_is_what_is_in_force(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    assert house.state("binary_sensor", "safe_limit").state == "off"

    house.sim.charger().quirks.safe_limit = True
    house.sim.charger().report()
    await house.live(31)

    assert _in_force(house) == 6
    assert house.state("binary_sensor", "safe_limit").state == "on"
    # An idle charger says so as well, and means nothing by it.
    house.sim.charger().stop()
    await house.live(31)
    assert house.state("binary_sensor", "safe_limit").state == "off"


# --- A charger that does not take it over ---


@pytest.fixture
async def stubborn(build_house: HouseBuilder) -> House:
    """A house with a charging charger that keeps its level until it is stopped."""
    return await build_house("single_phase", prepare=lambda sim: sim.world.deployment.update({"level_change_ignored": True}))


async def test_it_is_stopped_and_started(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(20)
    assert stubborn.sim.charger().charging

    await stubborn.live(30)
    assert not stubborn.sim.charger().charging
    assert _commands(stubborn) == ["start_charging", "stop_charging"]
    await stubborn.live(60)

    assert _commands(stubborn) == ["start_charging", "stop_charging", "start_charging"]
    _, stop, start = (request.at for request in stubborn.sim.requests if request.path.endswith("_charging"))
    assert 30 <= (start - stop).total_seconds() <= 32
    assert stubborn.sim.charger().level_a == 10
    await stubborn.live(300)
    assert _in_force(stubborn) == 10
    assert len(_commands(stubborn)) == 3


@pytest.fixture
async def silent(build_house: HouseBuilder) -> House:
    """A house with a charging charger that refuses another level until it is stopped, and does not tell which one it has."""
    switches = {"level_change_refused": True, "status_shape": "legacy"}
    return await build_house("single_phase", prepare=lambda sim: sim.world.deployment.update(switches))


async def test_one_that_refuses_and_tells_no_level_is_stopped_and_started(silent: House) -> None:
    await _set(silent, 10)
    await silent.live(120)

    assert _commands(silent) == ["stop_charging", "start_charging"]
    assert silent.sim.charger().level_a == 10
    # It charges already, and with this level: nothing to do.
    await _set(silent, 10)
    await silent.call("switch", "turn_on", entity_id=silent.entity_id("switch", "charging"))
    await silent.live(300)
    assert len(_commands(silent)) == 2
    assert silent.sim.charger().charging


async def test_one_that_refuses_and_does_not_stop_is_left_alone(silent: House, caplog: pytest.LogCaptureFixture) -> None:
    silent.sim.world.deployment.update({"stop_ignored": True})
    await _set(silent, 10)
    await silent.live(600)

    assert _commands(silent) == ["stop_charging"]
    assert "the charger did not stop" in caplog.text


async def test_one_that_takes_no_level_at_all_is_not_stopped_for_one(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase", prepare=lambda sim: sim.world.deployment.update({"invalid_level_500": True}))
    await _set(house, 10)
    # It goes on with the level that it had, and so does the number.
    number = house.state("number", "charging_amps")
    assert (float(number.state), number.attributes["in_force"]) == (32, False)
    await house.live(300)

    assert _commands(house) == []
    assert house.sim.charger().charging
    assert float(house.state("number", "charging_amps").state) == _in_force(house) == house.sim.charger().level_a == 32


async def test_a_stop_in_between_wins(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(50)
    assert _commands(stubborn)[-1] == "stop_charging"

    await stubborn.call("switch", "turn_off", entity_id=stubborn.entity_id("switch", "charging"))
    await stubborn.live(600)

    assert not stubborn.sim.charger().charging
    assert "start_charging" not in _commands(stubborn)[1:]


async def test_a_start_in_between_wins(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(50)

    await stubborn.call("enphase_ev", "start_charging", device_id=stubborn.device_id(), charging_level=20)
    await stubborn.live(600)

    assert stubborn.sim.charger().level_a == 20
    assert _commands(stubborn).count("stop_charging") == 1


async def test_a_newer_level_in_between_wins(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(50)

    await _set(stubborn, 12)
    await stubborn.live(120)

    assert stubborn.sim.charger().level_a == 12
    assert _commands(stubborn) == ["start_charging", "stop_charging", "start_charging"]


async def test_a_level_named_by_the_action_is_put_in_force_too(stubborn: House) -> None:
    await stubborn.call("enphase_ev", "start_charging", device_id=stubborn.device_id(), charging_level=20)
    await stubborn.live(120)

    assert stubborn.sim.charger().level_a == 20
    # Nobody has set the number: it shows what the charger does.
    assert stubborn.state("number", "charging_amps").state == "20.0"


async def test_a_plug_that_is_pulled_in_between(stubborn: House, caplog: pytest.LogCaptureFixture) -> None:
    await _set(stubborn, 10)
    await stubborn.live(50)

    stubborn.sim.charger().unplug()
    await stubborn.live(300)

    assert stubborn.state("sensor", "status").state == "available"
    assert "no car is plugged in" in caplog.text


async def test_a_car_that_is_full_before_the_level_is_in_force(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(10)

    vehicle = stubborn.sim.charger().vehicle
    assert vehicle is not None
    vehicle.state_of_charge = vehicle.target
    await stubborn.live(300)

    assert _commands(stubborn) == ["start_charging"]


# --- Somebody else sets a level meanwhile ---


@pytest.mark.parametrize(("after", "is_ignored"), [(1.6, False), (2.4, False), (3.0, False), (1.6, True), (10.0, True)])
async def test_a_level_of_the_app_after_ours_stays(build_house: HouseBuilder, after: float, is_ignored: bool) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"level_change_ignored": is_ignored}))
    house.sim.charger().start(16)
    await house.live(100)

    asked = house.hass.async_create_task(house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=24))
    await house.live(after)
    house.sim.charger().start(8)
    await house.live(180)

    await asked
    assert house.sim.charger().level_a == 8
    assert _commands(house) == ["start_charging"]
    assert _in_force(house) == 8


async def test_a_level_that_replaces_one_under_way_is_put_in_force_too(stubborn: House) -> None:
    await _set(stubborn, 10)
    # The first one is taken over late, after the second one was sent, which is ignored.
    await _set(stubborn, 12)
    stubborn.sim.charger().start(10)
    await stubborn.live(120)

    assert _commands(stubborn) == ["start_charging", "start_charging", "stop_charging", "start_charging"]
    assert stubborn.sim.charger().level_a == 12


async def test_a_start_by_the_app_while_it_rests_stays(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(50)
    assert _commands(stubborn)[-1] == "stop_charging"

    stubborn.sim.charger().start(8)
    await stubborn.live(180)

    assert stubborn.sim.charger().level_a == 8
    assert _commands(stubborn) == ["start_charging", "stop_charging"]


async def test_a_stop_by_the_app_ends_the_change(stubborn: House) -> None:
    await _set(stubborn, 10)
    await stubborn.live(5)
    stubborn.sim.charger().stop()
    await stubborn.live(10)
    # The level that it had before, chosen once more.
    stubborn.sim.charger().start(32)
    await stubborn.live(180)

    assert stubborn.sim.charger().level_a == 32
    assert _commands(stubborn) == ["start_charging"]
