"""Power: derived from energy reports, and never more than the hardware can draw."""

import pytest

from simulator import Charger, Simulator
from simulator.offers import Vehicle
from tests.integration.conftest import House, HouseBuilder


def _power(house: House, charger: Charger | None = None) -> tuple[float, bool]:
    """What is shown, in W, and whether it is an estimate."""
    state = house.state("sensor", "power", charger)
    return float(state.state), state.attributes["estimated"]


async def test_it_is_estimated_until_two_reports_tell_it(house: House) -> None:
    assert _power(house) == (0, False)
    # The car takes less than the charger offers.
    house.sim.charger().plug_in(Vehicle(max_amps=10))

    house.sim.charger().start(32)
    await house.live(61)
    assert _power(house) == (32 * 230, True)
    await house.live(300)

    assert _power(house) == (pytest.approx(10 * 230, rel=0.01), False)


async def test_three_phases(build_house: HouseBuilder) -> None:
    """One charger tells 230 V line to neutral, the other one 400 V line to line: 16 A are 11 kW with both."""
    house = await build_house("three_phase")
    chargers = list(house.sim.site.chargers.values())
    # How the charger came to be charging an hour ago is not known: the level is a guess.
    for charger, watts in zip(chargers, (3 * 16 * 230, 3**0.5 * 16 * 400), strict=True):
        assert _power(house, charger) == (pytest.approx(watts, abs=1), True)

    await house.live(331)

    for charger in chargers:
        assert charger.power_w == pytest.approx(11_040, rel=0.01)
        assert _power(house, charger) == (pytest.approx(charger.power_w, rel=0.01), False)


async def test_split_phase_in_steps_of_sixteen_amps(build_house: HouseBuilder) -> None:
    house = await build_house("eighty_amps")
    house.sim.charger().start(80)

    await house.live(61)
    assert _power(house) == (80 * 240, True)
    await house.live(331)

    assert _power(house) == (pytest.approx(80 * 240, rel=0.01), False)


async def test_a_car_that_uses_one_of_three_phases(build_house: HouseBuilder) -> None:
    house = await build_house("three_phase", prepare=lambda sim: sim.charger().plug_in(Vehicle(phases=1)))
    house.sim.charger().start(16)

    await house.live(600)

    assert _power(house) == (pytest.approx(16 * 230, rel=0.01), False)


async def test_it_is_zero_as_soon_as_charging_stops(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(400)
    assert _power(house)[0] > 7000

    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    await house.live(5)

    assert _power(house) == (0, False)


async def test_nothing_decays_after_the_plug_is_pulled(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(400)

    house.sim.charger().unplug()
    await house.live(31)
    assert _power(house) == (0, False)
    # The energy of the last session stays in the answers.
    await house.live(1200)

    assert _power(house) == (0, False)


async def test_a_new_session_does_not_inherit_the_power_of_the_last(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(400)

    house.sim.charger().unplug()
    await house.live(31)
    house.sim.charger().plug_in(Vehicle(max_amps=6))
    house.sim.charger().start(6)
    await house.live(61)

    assert _power(house) == (6 * 230, True)


async def test_a_leap_of_the_counter_is_capped_by_the_hardware(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(331)
    session = house.sim.charger()._session  # noqa: SLF001  # a counter that goes wrong has no switch of its own
    assert session is not None

    session.energy_wh += 50_000
    house.sim.charger().report()
    await house.live(300)

    assert _power(house) == (32 * 230, False)


async def test_the_safe_limit_is_the_estimate(build_house: HouseBuilder) -> None:
    def fall_back(sim: Simulator) -> None:
        sim.charger().quirks.safe_limit = True
        sim.charger().report()

    house = await build_house("single_phase", prepare=fall_back)

    assert _power(house) == (6 * 230, True)
    assert house.state("binary_sensor", "safe_limit").state == "on"
    assert house.state("sensor", "set_amps").state == "6.0"


async def test_the_old_flat_status_tells_power_too(build_house: HouseBuilder) -> None:
    house = await build_house("legacy_status")

    await house.live(1300)

    # Reports come every five minutes, energy in steps of 10 Wh, and nobody tells when.
    watts, is_estimated = _power(house)
    assert watts == pytest.approx(16 * 230, rel=0.12)
    assert not is_estimated


async def test_what_the_status_does_not_tell_is_what_was_sent_last(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.update({"status_shape": "legacy"})
        sim.charger().stop()

    house = await build_house("single_phase", prepare=prepare)
    await house.ask("start_charging", device_id=house.device_id(), charging_level=10)
    await house.live(20)
    assert (house.state("sensor", "set_amps").state, _power(house)) == ("10.0", (10 * 230, True))

    await house.see_through(house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=12))
    await house.live(20)
    assert (house.state("sensor", "set_amps").state, _power(house)) == ("12.0", (12 * 230, True))
    assert house.sim.charger().level_a == 12


async def test_without_a_summary_the_country_gives_the_voltage(build_house: HouseBuilder) -> None:
    def no_summaries(sim: Simulator) -> None:
        sim.faults.add(path="summary", status=500, times=None)
        sim.charger().start(16)

    house = await build_house(prepare=no_summaries)
    assert _power(house) == (16 * 230, True)

    house.hass.config.country = "US"
    await house.reload()

    assert _power(house) == (16 * 240, True)
