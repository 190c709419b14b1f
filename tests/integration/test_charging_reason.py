"""Why a charger does not charge, in one line; and a command that it did not follow is told."""

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.exceptions import ServiceValidationError
import pytest

from simulator import Simulator, Vehicle
from simulator.report import ChargeMode
from tests.integration.house import House, HouseBuilder


def _reason(house: House) -> str:
    return house.state("sensor", "charging_status_reason").state


async def _press(house: House, what: str) -> None:
    await house.call("button", "press", entity_id=house.entity_id("button", what))


async def test_not_started_and_no_car(house: House) -> None:
    assert _reason(house) == "not_started"
    house.sim.charger().unplug()
    await house.live(61)
    assert _reason(house) == "no_car"
    assert house.state("sensor", "status").state == "available"


async def test_sent_and_then_charging(house: House) -> None:
    await _press(house, "start_charging")
    assert _reason(house) == "command_sent"
    await house.live(20)
    assert _reason(house) == "charging"


async def test_no_sun(build_house: HouseBuilder) -> None:
    house = await build_house("green_site", prepare=lambda sim: setattr(sim.site, "solar_w", 0))
    await house.live(120)
    assert _reason(house) == "waiting_for_sun"


async def test_the_schedule_is_not_open_yet(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: setattr(sim.charger(), "mode", ChargeMode.SCHEDULED))
    assert _reason(house) == "waiting_for_schedule"


async def test_a_mode_that_was_not_told_for_long_is_no_reason(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: setattr(sim.charger(), "mode", ChargeMode.SCHEDULED))
    house.sim.faults.add(path="preference", status=503, times=None)

    await house.live(1800)
    assert _reason(house) == "waiting_for_schedule"
    await house.live(2 * 3600)

    assert _reason(house) == "paused_by_charger"


async def test_somebody_has_to_authorize(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.charger().configuration.values.update({"sessionAuthentication": "enabled"}))
    await house.live(120)
    assert _reason(house) == "waiting_for_authorization"


async def test_a_charger_that_is_offline(house: House) -> None:
    house.sim.charger().go_offline()
    await house.live(61)
    assert _reason(house) == "charger_offline"


async def test_a_fault(house: House) -> None:
    house.sim.charger().fault()
    await house.live(61)
    assert _reason(house) == "fault"


async def test_a_silent_cloud_is_a_reason_while_all_else_is_unavailable(house: House) -> None:
    house.sim.faults.add(status=503, times=None)
    await house.live(300)
    assert house.state("sensor", "status").state == STATE_UNAVAILABLE
    assert _reason(house) == "cloud_unreachable"

    house.sim.faults.clear()
    await house.live(301)
    assert _reason(house) == "not_started"


async def test_a_car_that_has_not_charged_and_takes_nothing(build_house: HouseBuilder) -> None:
    house = await build_house()
    house.sim.charger().plug_in(Vehicle(battery_wh=60_000, state_of_charge=1.0, target=1.0, phases=1))
    house.sim.faults.clear()
    await house.live(61)
    await _press(house, "start_charging")
    await house.live(200)
    assert _reason(house) != "charging"
    assert house.state("sensor", "status").state != "full", "it has not charged since it was plugged in"


@pytest.mark.parametrize(
    ("command", "scenario", "ignored"), [("start", "one_charger", "start_ignored"), ("stop", "single_phase", "stop_ignored")]
)
async def test_a_command_that_was_not_followed_is_told(build_house: HouseBuilder, command: str, scenario: str, ignored: str) -> None:
    def ignore(sim: Simulator) -> None:
        sim.world.deployment.update({ignored: True})

    house = await build_house(scenario, prepare=ignore)
    await _press(house, f"{command}_charging")
    await house.live(120)

    told = house.state("event", "session")
    assert told.attributes["event_type"] == f"{command}_failed"
    assert told.attributes["reason"] == ("charging" if command == "stop" else "preparing")
    assert _reason(house) == "command_not_followed"
    # It is told once.
    await house.live(300)
    assert house.state("event", "session").state == told.state


async def test_who_has_stopped_it_reads_that_and_not_that_the_charger_pauses(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await _press(house, "stop_charging")
    await house.live(120)
    assert house.state("sensor", "connector_status").state == "suspended_evse"
    assert _reason(house) == "stopped"
    # Somebody starts it in the app, and the charger pauses by itself.
    house.sim.charger().start()
    await house.live(61)
    assert _reason(house) == "charging"
    house.sim.charger().stop()
    await house.live(61)
    assert _reason(house) == "paused_by_charger"


async def test_a_car_that_is_full_after_somebody_has_started_it_again_is_full(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await _press(house, "stop_charging")
    await house.live(61)
    charger = house.sim.charger()
    charger.start()
    await house.live(61)
    assert charger.vehicle is not None
    charger.vehicle.state_of_charge = charger.vehicle.target
    await house.live(120)
    assert (house.state("sensor", "status").state, _reason(house)) == ("full", "car_full")


async def test_after_a_refusal_because_there_is_no_car_that_is_seen_at_once(house: House) -> None:
    house.sim.charger().unplug()
    with pytest.raises(ServiceValidationError):
        await _press(house, "start_charging")
    assert house.state("binary_sensor", "plugged_in").state == "off"
    assert _reason(house) == "no_car"


async def test_a_command_that_waits_for_the_charger(house: House) -> None:
    house.sim.charger().go_offline()
    await house.live(61)
    house.sim.faults.add(path="stop_charging", status=552, body={"message": "Command is queued"})
    await _press(house, "stop_charging")
    await house.live(10)
    assert _reason(house) in {"command_queued", "charger_offline"}
