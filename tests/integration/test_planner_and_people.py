"""The planner leaves alone what a person does, here and in the app, against the simulated cloud."""

import random

from homeassistant.exceptions import HomeAssistantError
import pytest

from simulator import Charger
from simulator.offers import Vehicle
from tests.integration.house import House, HouseBuilder
from tests.integration.planned_house import commands, reason, turn, until
from tests.thoroughness import one_in


async def test_a_car_that_a_person_stopped_is_not_started_until_it_is_plugged_in_again(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:50")
    await turn(house, on=True)
    charger = house.sim.charger()
    await until(house, "2026-11-30T22:10")
    assert charger.charging

    charger.stop()
    await until(house, "2026-11-30T22:12")
    assert reason(house) == "stopped_by_hand"
    await house.restart()
    await until(house, "2026-12-01T00:30")
    assert commands(house) == [("22:00", "start")]

    charger.unplug()
    await house.live(70)
    assert reason(house) == "no_car"
    charger.plug_in(Vehicle(battery_wh=1e6))
    await house.live(200)
    assert charger.charging
    assert reason(house) == "charging"


@pytest.mark.parametrize("here", [True, False], ids=["here", "in the app"])
async def test_a_charge_that_a_person_started_is_not_stopped(build_planned: HouseBuilder, here: bool) -> None:
    """It is dear, the car has what was wanted, and the plan goes on to say who decides."""
    house = await build_planned("2026-11-30T18:00")
    await turn(house, on=True)
    await house.call("number", "set_value", entity_id=house.entity_id("number", "energy_wanted"), value=1)
    await house.live(130)
    if here:
        await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    else:
        house.sim.charger().start(32)
    house.sim.requests.clear()
    await house.live(70)
    assert reason(house) == "started_by_hand"
    await house.restart()
    await house.live(1200)
    assert house.sim.charger().charging
    assert house.sim.charger().session_wh > 1000
    assert commands(house) == []


async def test_a_stop_here_counts_as_much_as_one_in_the_app(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:58")
    await turn(house, on=True)
    await house.live(300)
    assert house.sim.charger().charging
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    await house.live(3600)
    assert commands(house) == [("22:00", "start"), ("22:03", "stop")]
    assert reason(house) == "stopped_by_hand"

    # Turned on anew, it plans anew: only that takes back what a person did while the car is plugged in.
    await turn(house, on=False)
    await turn(house, on=True)
    await house.live(130)
    assert house.sim.charger().charging


async def test_what_charges_when_it_is_turned_on_goes_on(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T18:00")
    house.sim.charger().start(16)
    await house.live(120)
    await turn(house, on=True)
    await house.live(900)
    assert house.sim.charger().charging
    assert commands(house) == []
    assert reason(house) == "started_by_hand"


async def test_what_begins_with_the_plug_waits_for_the_plan(build_planned: HouseBuilder) -> None:
    """Nobody has started it. If it is started again, somebody has."""
    house = await build_planned("2026-11-30T18:00", prepare=lambda sim: sim.charger().unplug())
    await turn(house, on=True)
    charger = house.sim.charger()
    charger.plug_in(Vehicle(battery_wh=1e6))
    charger.start(16)
    await house.live(200)
    assert not charger.charging
    assert [what for _, what in commands(house)] == ["stop"]
    assert reason(house) == "planned"

    charger.start(16)
    await house.live(900)
    assert charger.charging
    assert reason(house) == "started_by_hand"


class _Person:
    """Somebody who starts, stops, plugs and unplugs at random, in the app and here, and remembers what they wanted last."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.wanted: bool | None = None
        self._random = random.Random(seed)

    async def act(self) -> None:
        """Do something, or nothing, and let some minutes pass."""
        # Mostly the planner is left time to begin; what a person has done is left for some time, too.
        usual = (self._start, self._stop, self._stop, self._stop_here, self._start_here, self._restart)
        acts = usual + ((self._plug_again,) * 4 if self.wanted is not None else (self._wait,) * 8)
        await self._random.choice(acts)()
        await self.house.live(self._random.choice((95, 240, 600)))

    @property
    def _charger(self) -> Charger:
        return self.house.sim.charger()

    async def _start(self) -> None:
        if not self._charger.charging:
            self._charger.start(32)
            self.wanted = True

    async def _stop(self) -> None:
        if self._charger.charging:
            self._charger.stop()
            self.wanted = False

    async def _start_here(self) -> None:
        if not self._charger.charging:
            self.wanted = True
            await self.house.call("switch", "turn_on", entity_id=self.house.entity_id("switch", "charging"))

    async def _stop_here(self) -> None:
        if self._charger.charging:
            self.wanted = False
            await self.house.call("switch", "turn_off", entity_id=self.house.entity_id("switch", "charging"))

    async def _plug_again(self) -> None:
        self._charger.unplug()
        self.wanted = None
        await self.house.live(95)
        self._charger.plug_in(Vehicle(battery_wh=1e6))

    async def _restart(self) -> None:
        await self.house.restart()

    async def _wait(self) -> None:
        pass


@pytest.mark.parametrize("seed", one_in(3, range(9)))
async def test_whatever_a_person_does_the_planner_never_acts_against_it(build_planned: HouseBuilder, seed: int) -> None:
    house = await build_planned("2026-11-30T20:30")
    await turn(house, on=True)
    await house.call("number", "set_value", entity_id=house.entity_id("number", "energy_wanted"), value=6)
    person = _Person(house, seed)
    for _ in range(50):
        await person.act()
        if person.wanted is not None:
            assert house.sim.charger().charging is person.wanted
    assert {what for _, what in commands(house)} >= {"start"}


@pytest.mark.parametrize("answer", ["refused", "ignored"])
async def test_a_start_by_a_person_that_comes_to_nothing_leaves_the_plan_as_it_was(build_planned: HouseBuilder, answer: str) -> None:
    house = await build_planned("2026-11-30T21:30")
    await turn(house, on=True)
    start = house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    if answer == "refused":
        house.sim.faults.add(path="start_charging$", status=503)
        with pytest.raises(HomeAssistantError):
            await start
    else:
        house.sim.world.deployment.start_ignored = True
        await start
        house.sim.world.deployment.start_ignored = False
    await until(house, "2026-11-30T21:35")
    assert reason(house) == "started_by_hand"
    await until(house, "2026-11-30T21:50")
    assert reason(house) == "planned"
    await until(house, "2026-11-30T22:05")
    assert house.sim.charger().charging
