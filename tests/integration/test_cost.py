"""What the integration costs the account: the goals behind the figures of `python -m benchmarks.requests`."""

import pytest

from simulator import Simulator
from simulator.received import Family
from tests.integration.house import HouseBuilder

_HOUR = 3600
_SIGN_IN = {Family.SIGN_IN, Family.TOKEN}


def _let_all_cars_rest(sim: Simulator) -> None:
    for charger in sim.site.chargers.values():
        if charger.charging:
            charger.stop()


@pytest.mark.parametrize(("scenario", "most"), [("battery_site", 18), ("home", 21)])
async def test_the_first_two_minutes(sign_in_house: HouseBuilder, scenario: str, most: int) -> None:
    """With the energy of the day and the price, which a person looks for in the first minute."""
    house = await sign_in_house(scenario)
    _let_all_cars_rest(house.sim)
    await house.live(119)

    requests = [request for request in house.sim.requests if request.family not in _SIGN_IN]
    assert len(requests) <= most
    # What a person looks at first is there.
    for entity in (house.state("sensor", "status"), house.state("select", "charge_mode"), house.state("calendar", "charging_schedule")):
        assert entity.state not in {"unknown", "unavailable"}
    for key in ("state_of_charge", "system_profile"):
        assert house.site_state("sensor", key).state not in {"unknown", "unavailable"}

    await house.live(240)
    assert house.state("switch", "app_authentication").state == "off"
    assert house.state("sensor", "energy_today").state != "unknown"
    assert house.state("update", "firmware").state == "off"


@pytest.mark.parametrize(("scenario", "most"), [("battery_site", 134), ("home", 136), ("ten_chargers", 264), ("battery_only", 79)])
async def test_an_hour_in_which_nothing_happens(build_house: HouseBuilder, scenario: str, most: int) -> None:
    house = await build_house(scenario, prepare=_let_all_cars_rest)
    await house.live(900)
    house.sim.requests.clear()

    await house.live(_HOUR)

    assert len(house.sim.requests) <= most


async def test_an_hour_in_which_a_car_charges(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site")
    house.sim.charger().vehicle.battery_wh = 1e6
    house.sim.charger().start(16)
    await house.live(900)
    house.sim.requests.clear()

    await house.live(_HOUR)

    assert len(house.sim.requests) <= 230
    # The energy is as new as the charger's reports.
    assert house.sim.count("summary") in {11, 12, 13}


async def test_a_command_costs_itself_and_what_confirms_it(build_house: HouseBuilder) -> None:
    house = await build_house(options={"live_power": "off"})
    await house.live(30)
    house.sim.requests.clear()

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(3)

    # What it does is decided by what is read in its turn: whether the car charges already, and in which mode.
    assert [request.family for request in house.sim.requests] == [Family.STATUS, Family.SCHEDULER, Family.CONTROL, Family.STATUS]
    assert house.state("switch", "charging").attributes["last_command"] == "confirmed"


async def test_an_outage_costs_less_than_an_hour_in_which_nothing_happens(build_house: HouseBuilder) -> None:
    """The status is asked for at its usual pace, so that a cloud that is back shows within one poll; all else is asked for ever less."""
    house = await build_house("battery_site")
    house.sim.faults.add(path="", status=503, times=None)
    house.sim.requests.clear()

    await house.live(_HOUR)

    assert len(house.sim.requests) <= 100
