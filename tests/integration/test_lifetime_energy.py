"""The lifetime counter: it follows the charger, and only grows."""

from datetime import datetime

import pytest

from simulator import Simulator
from tests.integration.conftest import House, HouseBuilder

REPORT = 300
"""Seconds between two reports of a charger."""


def _shown(house: House) -> float:
    """The counter in kWh."""
    return float(house.state("sensor", "lifetime_energy").state)


def _reported(house: House) -> float:
    """What the charger has told the cloud, in kWh."""
    return house.sim.charger().reported.lifetime_wh / 1000


async def _come_back(house: House) -> None:
    """Cut the charger off and connect it again: for some minutes each of its reports is worth asking about."""
    house.sim.charger().go_offline()
    await house.live(61)
    house.sim.charger().come_back()
    await house.live(61)


async def test_it_follows_the_charger(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")

    await house.live(3600 + 31)

    assert _shown(house) == pytest.approx(_reported(house), abs=0.01)
    state = house.state("sensor", "lifetime_energy")
    assert state.attributes["unit_of_measurement"] == "kWh"
    assert state.attributes["state_class"] == "total_increasing"
    assert state.attributes["device_class"] == "energy"


async def test_jitter_is_held_back(house: House) -> None:
    house.sim.charger().quirks.jitter_wh = 9.0
    await _come_back(house)
    await house.live(2 * REPORT)
    seen = [_shown(house)]

    for _ in range(6):
        await _come_back(house)
        await house.live(REPORT)
        seen.append(_shown(house))

    assert len(set(seen)) == 1
    assert seen[0] == pytest.approx(house.sim.charger().lifetime_wh / 1000, abs=0.01)


async def test_a_reset_is_taken_over_with_the_second_report_of_it(house: House) -> None:
    await _come_back(house)
    before = _shown(house)
    charger = house.sim.charger()
    charger.lifetime_wh = 40.0

    charger.report()
    await house.live(61)
    assert _shown(house) == before
    charger.lifetime_wh = 60.0
    charger.report()
    await house.live(61)

    assert _shown(house) == 0.06


async def test_doubt_outlives_a_restart(house: House) -> None:
    await _come_back(house)
    before = _shown(house)
    charger = house.sim.charger()
    charger.lifetime_wh = 40.0
    charger.report()
    await house.live(61)

    await house.restart()
    assert _shown(house) == before
    charger.report()
    await house.live(61)

    assert _shown(house) == 0.04


async def test_a_number_that_does_not_last_changes_nothing(house: House) -> None:
    charger = house.sim.charger()
    await _come_back(house)
    before, true = _shown(house), charger.lifetime_wh

    for wrong in (0.0, 9e9, 17.0):
        charger.lifetime_wh = wrong
        charger.report()
        await house.live(61)
        charger.lifetime_wh = true
        charger.report()
        await house.live(61)
        assert _shown(house) == before


async def test_a_counter_that_counted_elsewhere_goes_on_from_here(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    charger = house.sim.charger()
    before = _shown(house)

    charger.lifetime_wh = 700_000.0
    await house.live(3600 + 31)

    gained = _shown(house) - before
    # Up to two reports go by in doubt.
    assert 7.36 - 2 * 7.36 / 12 - 0.1 <= gained <= 7.36 + 0.1


async def test_it_is_not_less_after_a_restart(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(3600)
    house.sim.charger().stop()
    await house.live(61)
    before = _shown(house)
    # The cloud lags behind what it has told already.
    house.sim.charger().lifetime_wh -= 15.0

    await house.restart(hours=3)

    assert _shown(house) == before


async def test_what_was_charged_while_home_assistant_was_down_counts(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(REPORT)
    before = _shown(house)

    await house.restart(hours=3)

    assert _shown(house) == pytest.approx(_reported(house), abs=0.01)
    assert _shown(house) > before + 20


def _summary(house: House, lifetime: float) -> dict[str, object]:
    """What the cloud answers about the charger, with this counter and without anything else that matters here."""
    return {"data": [{"serialNumber": house.sim.charger().serial, "lifeTimeConsumption": lifetime}]}


async def test_a_zero_in_some_reports_is_a_missed_answer(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(REPORT)
    before = _shown(house)

    house.sim.faults.add(path="summary", body=_summary(house, 0), times=None)
    for _ in range(8):
        await house.live(REPORT)
        assert _shown(house) == before
    house.sim.faults.clear()
    await house.live(2 * REPORT + 31)

    assert _shown(house) == pytest.approx(_reported(house), abs=0.01)
    assert _shown(house) > before + 4
    assert float(house.state("sensor", "energy_today").state) > 4


async def test_a_counter_that_comes_back_goes_on_from_where_it_was(build_house: HouseBuilder) -> None:
    """Another counter was told for some reports; what was charged meanwhile was missing for good.

    Statistics have taken the other one for a counter that began anew: they go on with what was gained since, without a leap.
    """
    house = await build_house("single_phase")
    await house.live(REPORT)
    before = _shown(house)

    for energy in (100, 700, 1300, 1900):
        house.sim.faults.clear()
        house.sim.faults.add(path="summary", body=_summary(house, energy), times=None)
        await house.live(REPORT)
    assert _shown(house) < before
    house.sim.faults.clear()
    await house.live(3 * REPORT + 31)

    assert _shown(house) == pytest.approx(_reported(house) - before, abs=0.01)
    assert _shown(house) > 2


async def test_a_day_that_the_charger_cannot_have_drawn_is_not_believed(
    build_house: HouseBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    def claim(sim: Simulator) -> None:
        today = f"{datetime.now(sim.site.zone):%Y-%m-%d}"
        day: dict[str, object] = {"start_date": today, "charger_iqevc": {sim.charger().serial: {today: 150_000}}}
        sim.faults.add(path="daily_energy", body={"data": day}, times=None)

    house = await build_house("single_phase", prepare=claim)
    await house.live(REPORT + 31)

    assert house.sim.count(path="daily_energy") == 1
    assert float(house.state("sensor", "energy_today").state) < 2
    assert "more energy for today than the charger can have drawn" in caplog.text
