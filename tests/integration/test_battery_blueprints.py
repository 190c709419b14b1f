"""The blueprints of the battery: what the battery does with them."""

import pytest

from simulator.battery.physics import Doing
from tests.integration.automated_house import AutomatedHouse

# --- Do not let the car empty the house battery ---

_KEEP = "keep_battery_while_car_charges"


def _keep_inputs(house: AutomatedHouse) -> dict[str, object]:
    return {"power": house.entity_id("sensor", "power"), "override": house.site_entity_id("sensor", "override")}


async def _hold(house: AutomatedHouse) -> None:
    """Let the car charge fast, and the battery be held because of it."""
    await house.automate(_KEEP, **_keep_inputs(house))
    house.sim.charger().start(32)
    await house.pass_time(minutes=8)
    assert house.battery_does() is Doing.HOLD


async def test_battery_is_held_while_the_car_charges_fast(automated: AutomatedHouse) -> None:
    automated.battery.add_schedule("dtg", "18:00", "20:00", limit=25)
    before = automated.entries
    await _hold(automated)
    charge = automated.battery.state_of_charge
    await automated.pass_time(minutes=30)
    assert automated.battery.state_of_charge == pytest.approx(charge)
    assert automated.sim.charger().power_w == pytest.approx(7360, rel=0.01)

    automated.sim.charger().stop()
    await automated.pass_time(minutes=15)

    assert automated.battery_does() is Doing.SELF_USE
    assert automated.entries == before
    assert not automated.battery.settings.restrict_discharge


async def test_battery_helps_a_car_that_charges_slowly(automated: AutomatedHouse) -> None:
    await automated.automate(_KEEP, **_keep_inputs(automated))
    automated.sim.charger().start(6)
    await automated.pass_time(minutes=20)
    assert automated.battery_does() is Doing.SELF_USE
    assert automated.entries == set()


async def test_battery_that_was_told_to_charge_is_left_alone_and_held_afterwards(automated: AutomatedHouse) -> None:
    await automated.asked("set_battery_override", action="charge", duration="00:30:00", wait=900)
    await automated.automate(_KEEP, **_keep_inputs(automated))
    automated.sim.charger().start(32)

    await automated.pass_time(minutes=15)
    assert automated.battery_does() is Doing.CHARGE_FROM_GRID
    await automated.pass_time(minutes=30)
    assert automated.battery_does() is Doing.HOLD
    automated.sim.charger().stop()
    await automated.pass_time(minutes=15)
    assert automated.battery_does() is Doing.SELF_USE


async def test_what_a_person_tells_the_battery_meanwhile_counts(automated: AutomatedHouse) -> None:
    await _hold(automated)
    await automated.asked("set_battery_override", action="charge", until_state_of_charge=95, wait=900)
    await automated.pass_time(minutes=6)
    automated.sim.charger().stop()
    await automated.pass_time(minutes=15)
    assert automated.battery_does() is Doing.CHARGE_FROM_GRID


async def test_an_outage_of_the_cloud_neither_ends_the_hold_nor_leaves_it(automated: AutomatedHouse) -> None:
    await _hold(automated)
    automated.sim.faults.add(path="", status=503, times=None)
    await automated.pass_time(minutes=40)
    assert automated.battery_does() is Doing.HOLD

    automated.sim.charger().stop()
    automated.sim.faults.clear()
    await automated.pass_time(minutes=30)
    assert automated.battery_does() is Doing.SELF_USE


async def test_end_that_fails_is_tried_again(automated: AutomatedHouse) -> None:
    await _hold(automated)
    automated.sim.faults.add(path="/delete$", status=503, times=2)
    automated.sim.charger().stop()
    await automated.pass_time(minutes=45)
    assert automated.battery_does() is Doing.SELF_USE
    assert automated.battery_state("sensor", "override") == "none"


async def test_hold_from_before_a_restart_is_ended(automated: AutomatedHouse) -> None:
    await automated.asked("set_battery_override", action="hold", duration="20:00:00", wait=900)
    await automated.automate_and_start(_KEEP, **_keep_inputs(automated))
    await automated.pass_time(minutes=15)
    assert automated.battery_does() is Doing.SELF_USE
    assert automated.entries == set()


async def test_hold_of_a_person_is_left_alone(automated: AutomatedHouse) -> None:
    await automated.automate(_KEEP, **_keep_inputs(automated))
    await automated.asked("set_battery_override", action="hold", duration="05:00:00", wait=900)
    automated.sim.charger().start(32)
    await automated.pass_time(minutes=15)
    automated.sim.charger().stop()
    await automated.pass_time(minutes=15)
    assert automated.battery_does() is Doing.HOLD


# --- The same where the site has a switch for it ---


@pytest.fixture
async def with_switch(automated: AutomatedHouse) -> AutomatedHouse:
    """A house where the battery's share of the car is a setting of the site; no sun."""
    automated.battery.features.has_battery_for_car = True
    automated.sim.site.solar_w = 0
    automated.sim.site.base_load_w = 600
    await automated.pass_time(minutes=35)
    return automated


def _switch_inputs(house: AutomatedHouse) -> dict[str, object]:
    return {**_keep_inputs(house), "car_switch": house.site_entity_id("switch", "battery_for_car")}


async def test_switch_is_off_while_the_car_charges_fast(with_switch: AutomatedHouse) -> None:
    house = with_switch
    await house.automate(_KEEP, **_switch_inputs(house))
    house.sim.charger().start(32)
    await house.pass_time(minutes=8)
    assert house.battery_state("switch", "battery_for_car") == "off"
    assert house.battery_does() is Doing.SELF_USE
    assert house.battery.power_w == pytest.approx(-600), "it goes on with the house"
    assert house.entries == set(), "no schedule is written"

    house.sim.charger().stop()
    await house.pass_time(minutes=15)
    assert house.battery.settings.battery_for_car
    house.sim.charger().start(6)
    await house.pass_time(minutes=10)
    assert house.battery.power_w < -1500, "it helps a car that charges slowly"


async def test_switch_of_a_person_stays_off(with_switch: AutomatedHouse) -> None:
    house = with_switch
    switch = house.site_entity_id("switch", "battery_for_car")
    await house.automate(_KEEP, **_switch_inputs(house))
    await house.lived_through(house.call("switch", "turn_off", entity_id=switch))
    house.sim.charger().start(32)
    await house.pass_time(minutes=15)
    house.sim.charger().stop()
    await house.pass_time(minutes=15)
    assert not house.battery.settings.battery_for_car


async def test_switch_that_is_off_since_before_a_restart_is_turned_on(with_switch: AutomatedHouse) -> None:
    house = with_switch
    house.battery.set(battery_for_car=False)
    await house.pass_time(minutes=6)
    await house.automate_and_start(_KEEP, **_switch_inputs(house))
    await house.pass_time(minutes=15)
    assert house.battery.settings.battery_for_car


# --- Charge the battery before an expensive evening ---

_BEFORE = "charge_battery_before_expensive_evening"
_FORECAST = "sensor.tomorrow"


def _before_inputs(house: AutomatedHouse, **inputs: object) -> dict[str, object]:
    return {
        "override": house.site_entity_id("sensor", "override"),
        "state_of_charge": house.site_entity_id("sensor", "state_of_charge"),
        "forecast": _FORECAST,
        **inputs,
    }


@pytest.fixture
async def dull(automated: AutomatedHouse) -> AutomatedHouse:
    """A house with a battery that is half full, on the eve of a dull day."""
    automated.hass.states.async_set(_FORECAST, "4.2", {"unit_of_measurement": "kWh"})
    automated.battery.state_of_charge = 50
    automated.sim.site.solar_w = 0
    await automated.pass_time(minutes=5)
    return automated


async def test_battery_is_charged_in_time_when_tomorrow_is_dull(dull: AutomatedHouse) -> None:
    await dull.automate(_BEFORE, **_before_inputs(dull))

    seen = await dull.at(dull.battery_does, "13:55", "14:05")
    assert seen == [Doing.SELF_USE, Doing.CHARGE_FROM_GRID]
    await dull.pass_until("15:00")

    assert dull.battery.state_of_charge == pytest.approx(90, abs=4)
    assert dull.battery_state("sensor", "override") == "none"
    assert dull.entries == set()


async def test_charging_ends_when_the_expensive_hours_begin(dull: AutomatedHouse) -> None:
    dull.battery.state_of_charge = 10
    await dull.automate(_BEFORE, **_before_inputs(dull, begin="14:00:00", evening="14:40:00"))

    seen = await dull.at(dull.battery_does, "14:35", "14:42", "15:05")

    assert seen == [Doing.CHARGE_FROM_GRID, Doing.SELF_USE, Doing.SELF_USE]
    assert dull.battery.state_of_charge < 80


@pytest.mark.parametrize("forecast", ["10", "25.5", "unavailable", "unknown"])
async def test_battery_is_left_alone_when_tomorrow_is_bright_or_nobody_knows(dull: AutomatedHouse, forecast: str) -> None:
    dull.hass.states.async_set(_FORECAST, forecast)
    await dull.automate(_BEFORE, **_before_inputs(dull))
    assert await dull.at(dull.battery_does, "14:05", "14:20") == [Doing.SELF_USE] * 2
    assert dull.entries == set()


async def test_forecast_that_comes_late_counts(dull: AutomatedHouse) -> None:
    dull.hass.states.async_set(_FORECAST, "unavailable")
    await dull.automate(_BEFORE, **_before_inputs(dull))
    await dull.pass_until("14:05")
    dull.hass.states.async_set(_FORECAST, "3")
    assert await dull.at(dull.battery_does, "14:20") == [Doing.CHARGE_FROM_GRID]


async def test_days_on_which_the_evening_is_cheap_are_left_out(dull: AutomatedHouse) -> None:
    # It is a Wednesday.
    await dull.automate(_BEFORE, **_before_inputs(dull, days=["mon", "tue", "thu"]))
    assert await dull.at(dull.battery_does, "14:05") == [Doing.SELF_USE]


async def test_full_battery_is_not_charged(dull: AutomatedHouse) -> None:
    dull.battery.state_of_charge = 92
    await dull.automate(_BEFORE, **_before_inputs(dull))
    await dull.pass_until("14:20")
    assert dull.entries == set()


async def test_charging_that_a_person_began_goes_on(dull: AutomatedHouse) -> None:
    dull.battery.state_of_charge = 10
    await dull.asked("set_battery_override", action="charge", until_state_of_charge=95, wait=900)
    await dull.automate(_BEFORE, **_before_inputs(dull, begin="13:30:00", evening="14:00:00"))
    assert await dull.at(dull.battery_does, "13:35", "14:05") == [Doing.CHARGE_FROM_GRID] * 2


async def test_window_over_midnight(dull: AutomatedHouse) -> None:
    await dull.automate(_BEFORE, **_before_inputs(dull, begin="23:30:00", evening="00:15:00", target=100))
    seen = await dull.at(dull.battery_does, "23:20", "23:35", "00:05", "00:18")
    assert seen == [Doing.SELF_USE, Doing.CHARGE_FROM_GRID, Doing.CHARGE_FROM_GRID, Doing.SELF_USE]
