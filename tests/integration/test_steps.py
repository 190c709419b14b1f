"""Steps of a number: sixteen taps on minus are one request."""

import asyncio

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.exceptions import HomeAssistantError
import pytest

from simulator import ReceivedRequest
from tests.integration.conftest import BatteryHouse, BatteryHouseBuilder, House, HouseBuilder


def _starts(house: House) -> list[ReceivedRequest]:
    return [one for one in house.sim.requests if one.path.endswith("start_charging")]


def _stops(house: House) -> list[ReceivedRequest]:
    return [one for one in house.sim.requests if one.path.endswith("stop_charging")]


def _tap(house: House, level: float, key: str = "charging_amps") -> asyncio.Task[object]:
    return house.hass.async_create_task(house.call("number", "set_value", entity_id=house.entity_id("number", key), value=level))


@pytest.fixture
async def charging(build_house: HouseBuilder) -> House:
    """A house with a charger that charges at 32 A and tells its level."""
    return await build_house("single_phase")


# --- The charger ---


async def test_sixteen_taps_are_one_start_and_are_shown_at_once(charging: House) -> None:
    calls = []
    for level in range(31, 15, -1):
        calls.append(_tap(charging, level))
        await charging.live(0.2)
        assert float(charging.state("number", "charging_amps").state) == level
    assert _starts(charging) == []
    assert [call.done() for call in calls] == [True] * 15 + [False]
    await charging.live(1.2)
    assert _starts(charging) == []
    await charging.live(0.5)

    assert len(_starts(charging)) == 1
    assert charging.sim.charger().level_a == 16
    assert all(call.done() and call.exception() is None for call in calls)


async def test_a_level_that_is_refused_is_told_to_whoever_set_it_last(charging: House) -> None:
    charging.sim.faults.add(path="start_charging", status=400, body={"error": {"displayMessage": "Not this one"}}, times=None)
    first = _tap(charging, 20)
    await charging.live(0.5)
    last = _tap(charging, 16)
    await charging.live(3)

    assert first.exception() is None
    assert isinstance(last.exception(), HomeAssistantError)
    # It is what the next start uses.
    assert charging.state("number", "charging_amps").state == "16.0"


async def test_a_stop_meanwhile_wins(charging: House) -> None:
    tap = _tap(charging, 16)
    await charging.live(0.5)
    await charging.call("switch", "turn_off", entity_id=charging.entity_id("switch", "charging"))
    await charging.live(60)

    assert tap.done()
    assert (len(_starts(charging)), len(_stops(charging))) == (0, 1)
    assert not charging.sim.charger().charging
    assert charging.state("number", "charging_amps").state == "16.0"


async def test_an_action_with_a_level_goes_at_once_and_is_the_last_word(charging: House) -> None:
    tap = _tap(charging, 16)
    await charging.live(0.5)
    await charging.ask("start_charging", device_id=charging.device_id(), charging_level=24)
    assert charging.sim.charger().level_a == 24
    await charging.live(60)

    assert tap.done()
    assert len(_starts(charging)) == 1
    assert charging.sim.charger().level_a == 24


async def test_a_start_without_a_level_leaves_the_step_to_come(charging: House) -> None:
    _tap(charging, 16)
    await charging.live(0.5)
    await charging.ask("start_charging", device_id=charging.device_id())
    await charging.live(3)

    assert len(_starts(charging)) == 1
    assert charging.sim.charger().level_a == 16


async def test_a_start_that_takes_the_step_along_is_all_that_is_sent(charging: House) -> None:
    """The car has stopped by itself, and that is not known yet."""
    tap = _tap(charging, 16)
    charging.sim.charger().stop()
    await charging.live(0.5)
    await charging.ask("start_charging", device_id=charging.device_id())
    await charging.live(3)

    assert tap.done()
    assert len(_starts(charging)) == 1
    assert charging.sim.charger().level_a == 16


async def test_what_was_set_a_moment_before_a_reload_goes_out(charging: House) -> None:
    tap = _tap(charging, 16)
    await charging.live(0.5)
    await charging.reload()

    assert tap.done()
    assert tap.exception() is None
    assert len(_starts(charging)) == 1
    assert charging.sim.charger().level_a == 16
    assert charging.state("number", "charging_amps").state == "16.0"


async def test_what_was_set_a_moment_before_the_end_goes_out(charging: House) -> None:
    _tap(charging, 16)
    await charging.live(0.5)
    charging.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await charging.hass.async_block_till_done()

    assert charging.sim.charger().level_a == 16


async def test_a_script_that_is_cancelled_has_set_what_it_has_set(charging: House) -> None:
    tap = _tap(charging, 16)
    await charging.live(0.5)
    tap.cancel()
    await charging.live(2)

    assert charging.sim.charger().level_a == 16


async def test_the_default_level_is_gathered_and_shown_at_once(house: House) -> None:
    house.sim.requests.clear()
    for level in (29, 28, 27, 26):
        last = _tap(house, level, "default_charge_level")
        await house.live(0.3)
        assert float(house.state("number", "default_charge_level").state) == level
    await house.live(30)

    assert last.done()
    assert house.sim.charger().default_level() == 26
    assert len([one for one in house.sim.requests if one.method == "PUT"]) == 1
    assert house.state("number", "default_charge_level").state == "26.0"


# --- The battery: its keeper gathers, and what waits there is on the disk ---


@pytest.mark.parametrize(("key", "name"), [("reserve", "reserve"), ("shutdown_level", "very_low_soc")])
async def test_taps_on_a_number_of_the_battery_are_one_write(build_battery_house: BatteryHouseBuilder, key: str, name: str) -> None:
    house: BatteryHouse = await build_battery_house()
    house.sim.requests.clear()
    entity_id = house.site_entity_id("number", key)
    calls = []
    for level in range(24, 8, -1):
        calls.append(house.hass.async_create_task(house.call("number", "set_value", entity_id=entity_id, value=level)))
        await house.pass_time(minutes=0.6 / 60)
        assert float(house.battery_state("number", key)) == level
    await house.pass_time(minutes=20)

    assert all(call.done() and call.exception() is None for call in calls)
    assert len([one for one in house.sim.requests if one.method == "PUT"]) == 1
    assert getattr(house.battery.settings, name) == 9
