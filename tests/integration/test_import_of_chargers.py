"""The past of several chargers, of a part of them, and what stands in the way of an import (docs/cloud-api/chargers.md §8)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
import time

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from simulator import Charger, Simulator
from simulator.report import Session
from simulator.world import PastOfCharger, add_charger
from tests.integration.house import House, HouseBuilder
from tests.integration.imported import external_statistics, of_series

NOW = "2026-11-30T12:00:00Z"
_PAST = PastOfCharger(installed_days_ago=130, session_days=100)
_ROOM = 420


@pytest.fixture(autouse=True)
def _with_integration(
    recorder_mock: Recorder, enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]
) -> None:
    """The recorder comes before everything else."""


@pytest.fixture
async def builder(hass: HomeAssistant, build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> HouseBuilder:
    """Return a function that sets up the house in the Netherlands, with a second charger that has been there for some months."""
    await hass.config.async_set_time_zone("Europe/Amsterdam")

    async def build(prepare: Callable[[Simulator], None] = lambda _: None, **data: object) -> House:
        def prepare_all(sim: Simulator) -> None:
            add_charger(sim.world, sim.site, 2, past=_PAST)
            prepare(sim)

        freezer.move_to(NOW)
        return await build_house("sunny_home", prepare=prepare_all, **data)

    return build


async def _end_of(task: asyncio.Task[object]) -> None:
    await task


def _until_today(house: House, charger: Charger) -> float:
    """kWh that a charger has counted until last night."""
    today = house.sim.clock.now().astimezone(house.sim.site.zone).date()
    return sum(energy for day, energy in charger.daily_wh.items() if day < today) / 1000


async def _energies(house: House) -> dict[str, float]:
    """The sum of each charger's series by the charger's name."""
    found = await external_statistics(house)
    names = [charger.profile.name for charger in house.sim.site.chargers.values()]
    return {name: rows[-1]["sum"] for name in names for rows in of_series(found, f"{name} energy")}


async def test_each_charger_has_a_past_of_its_own(builder: HouseBuilder) -> None:
    house = await builder()
    answer = await house.ask("import_history")
    chargers = list(house.sim.site.chargers.values())
    assert [one["name"] for one in answer["chargers"]] == [one.profile.name for one in chargers]
    energies = await _energies(house)
    for charger in chargers:
        assert energies[charger.profile.name] == pytest.approx(_until_today(house, charger), rel=1e-3)


async def test_the_days_of_a_charger_that_is_not_wanted_are_not_the_others(builder: HouseBuilder) -> None:
    house = await builder(chargers=["EV000000000001"], follows_account=False)
    await house.ask("import_history")
    wanted = house.sim.charger("EV000000000001")
    assert await _energies(house) == {wanted.profile.name: pytest.approx(_until_today(house, wanted), rel=1e-3)}


async def test_the_days_of_a_charger_that_was_replaced_are_not_its_successors(builder: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.charger("EV000000000002").quirks.retired = True

    house = await builder(prepare, chargers=["EV000000000001"])
    assert len(house.entry.runtime_data.site_facts.account_chargers) == 1
    await house.ask("import_history")
    wanted = house.sim.charger("EV000000000001")
    assert await _energies(house) == {wanted.profile.name: pytest.approx(_until_today(house, wanted), rel=1e-3)}


async def test_only_the_charger_that_is_named(builder: HouseBuilder) -> None:
    house = await builder()
    second = house.sim.charger("EV000000000002")
    answer = await house.ask("import_history", device_id=house.device_id(second))
    assert [one["name"] for one in answer["chargers"]] == [second.profile.name]
    assert await _energies(house) == {second.profile.name: pytest.approx(_until_today(house, second), rel=1e-3)}


async def test_nothing_is_written_before_the_day_that_is_named(builder: HouseBuilder) -> None:
    house = await builder()
    await house.ask("import_history", **{"from": "2026-11-10", "to": "2026-11-20"})
    begin, end = (datetime.combine(day, datetime.min.time(), house.sim.site.zone) for day in (date(2026, 11, 10), date(2026, 11, 21)))
    for key, rows in (await external_statistics(house)).items():
        hours = [row["start"] for row in rows if row["state"]]
        assert begin.timestamp() <= min(hours) <= max(hours) < end.timestamp(), key


async def test_pages_that_overlap_and_repeat_count_once(builder: HouseBuilder) -> None:
    house = await builder()
    house.sim.world.deployment.history_overlap = 3
    house.sim.world.deployment.history_repeats = True
    answer = await house.ask("import_history")
    first = house.sim.charger()
    assert answer["chargers"][0]["sessions"] == len(first.history)
    assert (await _energies(house))[first.profile.name] == pytest.approx(_until_today(house, first), rel=1e-3)


@pytest.mark.parametrize(
    ("begin", "hours"),
    [
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), {22: 0, 23: 0.5, 0: 1, 1: 1, 2: 1, 3: 0.5, 4: 0}),
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), {21: 0, 22: 0.5, 23: 1, 0: 1, 1: 1, 2: 0.5, 3: 0}),
    ],
    ids=["23 hours", "25 hours"],
)
async def test_a_session_in_a_night_on_which_the_clocks_change(builder: HouseBuilder, begin: datetime, hours: dict[int, float]) -> None:
    """Four hours at 5 kW: Home Assistant's statistics go by UTC, in which every hour comes once."""

    def prepare(sim: Simulator) -> None:
        at = begin.timestamp()
        sim.charger().remember(
            Session(id=1, plugged_in_at=at, started_at=at, plugged_out_at=at + 7 * 3600, energy_wh=20e3, active_s=4 * 3600)
        )

    house = await builder(prepare)
    await house.ask("import_history")
    (rows,) = of_series(await external_statistics(house), f"{house.sim.charger().profile.name} energy")
    night = {
        datetime.fromtimestamp(row["start"], UTC).hour: row["state"]
        for row in rows
        if abs(row["start"] - begin.timestamp()) < 8 * 3600 and row["state"]
    }
    assert {hour: night.get(hour, 0) for hour in hours} == pytest.approx({hour: 5 * share for hour, share in hours.items()})


async def test_an_hour_that_is_full_is_waited_for(builder: HouseBuilder) -> None:
    house = await builder()
    budget = house.entry.runtime_data.account.budget
    budget.sent[int(time.time() // 60)] = _ROOM
    passed = len(house.sim.requests)
    task = house.hass.async_create_task(house.ask("import_history"))
    await house.live(300)
    assert not task.done()
    assert len(house.sim.requests) - passed <= 480 - _ROOM
    house.freezer.tick(timedelta(minutes=56))
    await house.live(120)
    await house.see_through(_end_of(task))
    first = house.sim.charger()
    assert (await _energies(house))[first.profile.name] == pytest.approx(_until_today(house, first), rel=1e-3)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"from": "2026-11-20", "to": "2026-11-10"}, "dates_in_wrong_order"),
        ({"from": "2026-12-24"}, "first_day_in_future"),
        ({"from": "2026-12-24", "to": "2026-12-31"}, "first_day_in_future"),
    ],
)
async def test_days_that_cannot_be(builder: HouseBuilder, days: dict[str, str], told: str) -> None:
    house = await builder()
    passed = len(house.sim.requests)
    with pytest.raises(ServiceValidationError) as caught:
        await house.ask("import_history", **days)
    assert caught.value.translation_key == told
    assert len(house.sim.requests) == passed


async def test_a_site_without_a_charger_has_the_past_of_its_energy(
    hass: HomeAssistant, build_house: HouseBuilder, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to(NOW)
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    house = await build_house("solar_only")
    house.sim.requests.clear()
    answer = await house.ask("import_history")
    assert answer["chargers"] == []
    days = house.sim.site.house.days(at_once=True)
    today = house.sim.clock.now().astimezone(house.sim.site.zone).date()
    assert answer["sites"] == [{"site_id": house.sim.site.id, "days": sum(day < today for day in days)}]
    # No request for the chargers that it does not have.
    assert len(house.sim.requests) == 1
    (rows,) = of_series(await external_statistics(house), "Main Site Solar production (imported)")
    truth = sum(energy.production for day, energy in days.items() if day < today) / 1000
    assert rows[-1]["sum"] == pytest.approx(truth, rel=1e-3)
    assert timedelta(seconds=rows[-1]["start"]) > timedelta()
