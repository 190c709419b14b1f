"""Restricting the battery's discharge, which has no effect without an entry: refused in words, or done with the all-day entry."""

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import BatteryFamily
from custom_components.enphase_ev.site.activation import async_activate_battery
from simulator import Simulator
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder, Says
from tests.strictness import strict_and_lenient

_ACTION = "restrict_battery_discharge"
_WITHOUT = "restriction_without_schedule"
_ALL_DAY: Says = ("rbd", "00:00", "23:59", (1, 2, 3, 4, 5, 6, 7), None, True)


@pytest.fixture
async def bare(build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """A house whose battery has no entry at all, at a cloud where restricting discharge stays off without one."""

    def prepare(sim: Simulator) -> None:
        for entry in list(sim.battery.schedules):
            sim.battery.delete_schedule(entry.id)
        sim.battery.switches.rbd_needs_entry = True

    return await build_battery_house(prepare=prepare)


def _writes(house: BatteryHouse) -> list[str]:
    return [f"{one.method} {one.path}" for one in house.sim.requests if one.family.value == "battery_write"]


def _restricts(house: BatteryHouse) -> bool:
    return house.battery.settings.restrict_discharge


async def _switch(house: BatteryHouse, *, is_on: bool = True) -> None:
    entity_id = house.site_entity_id("switch", _ACTION)
    await house.lived_through(house.call("switch", "turn_on" if is_on else "turn_off", entity_id=entity_id))


async def _refused(house: BatteryHouse) -> None:
    """See the switch refuse, in words that name what to do, with nothing sent and nothing shown."""
    house.sim.requests.clear()
    with pytest.raises(ServiceValidationError) as caught:
        await _switch(house)
    assert caught.value.translation_key == _WITHOUT
    assert "Create schedule" in str(caught.value)
    await house.pass_time(minutes=3)
    assert _writes(house) == []
    assert house.battery_state("switch", _ACTION) == "off"
    assert house.battery_state("sensor", "pending_change") == "none"


async def test_the_switch_refuses_what_would_have_no_effect(batteries: BatteryHouse) -> None:
    await _refused(batteries)


async def test_the_switch_refuses_where_the_site_has_no_entry_at_all(bare: BatteryHouse) -> None:
    await _refused(bare)


async def test_the_action_refuses_as_the_switch_does(batteries: BatteryHouse) -> None:
    batteries.sim.requests.clear()
    assert (await batteries.refused(_ACTION)).translation_key == _WITHOUT
    await batteries.pass_time(minutes=3)
    assert _writes(batteries) == []


@strict_and_lenient
async def test_with_the_all_day_entry_it_is_on_and_twice_is_as_once(bare: BatteryHouse) -> None:
    answer = await bare.asked(_ACTION, create_schedule=True, wait=MOST_WAITED)
    assert answer == {"state": "applied", "reason": None}
    assert bare.entries == {_ALL_DAY}
    assert _restricts(bare)
    assert bare.battery_state("switch", _ACTION) == "on"
    await bare.pass_time(minutes=10)
    bare.sim.requests.clear()

    assert (await bare.asked(_ACTION, create_schedule=True, wait=MOST_WAITED))["state"] == "applied"

    await bare.pass_time(minutes=10)
    assert _writes(bare) == []
    assert bare.entries == {_ALL_DAY}
    assert len(bare.battery.schedules) == 1
    assert _restricts(bare)


async def test_two_at_the_same_moment_add_one_entry(bare: BatteryHouse) -> None:
    calls = [bare.hass.async_create_task(bare.call(DOMAIN, _ACTION, create_schedule=True)) for _ in range(2)]
    await bare.until(lambda: all(call.done() for call in calls))
    await bare.pass_time(minutes=10)
    assert len(bare.battery.schedules) == 1
    assert bare.entries == {_ALL_DAY}
    assert _restricts(bare)


async def test_with_an_entry_it_is_just_on(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    before = batteries.entries
    assert (await batteries.asked(_ACTION, create_schedule=True, wait=MOST_WAITED))["state"] == "applied"
    assert _restricts(batteries)
    assert batteries.entries == before

    assert (await batteries.asked(_ACTION, enabled=False, wait=MOST_WAITED))["state"] == "applied"
    assert not _restricts(batteries)
    assert batteries.entries == before


async def test_off_is_just_off(batteries: BatteryHouse) -> None:
    batteries.battery.set(restrict_discharge=True)
    before = batteries.entries
    answer = await batteries.asked(_ACTION, enabled=False, create_schedule=True, wait=MOST_WAITED)
    assert answer["state"] == "applied"
    assert not _restricts(batteries)
    assert batteries.entries == before


async def test_an_entry_that_waits_counts(bare: BatteryHouse) -> None:
    window = {"family": "rbd", "start": "06:00", "end": "07:00"}
    calls = [
        bare.hass.async_create_task(bare.call(DOMAIN, "add_battery_schedule", **window)),
        bare.hass.async_create_task(bare.call("switch", "turn_on", entity_id=bare.site_entity_id("switch", _ACTION))),
    ]
    await bare.until(lambda: all(call.done() for call in calls))
    for call in calls:
        call.result()
    await bare.pass_time(minutes=10)
    assert _restricts(bare)


async def test_the_entry_of_an_override_does_not_count_and_the_override_goes_on(bare: BatteryHouse) -> None:
    await bare.asked("set_battery_override", action="hold", duration="01:00:00", wait=MOST_WAITED)
    assert _restricts(bare)

    assert (await bare.refused(_ACTION)).translation_key == _WITHOUT

    await bare.pass_time(minutes=75)
    assert bare.entries == set()
    assert not _restricts(bare)


async def test_what_makes_way_for_an_override_counts(bare: BatteryHouse) -> None:
    bare.battery.add_schedule("rbd", "13:00", "15:00")
    before = bare.entries
    await bare.asked("set_battery_override", action="hold", duration="01:00:00", wait=MOST_WAITED)
    assert bare.entries != before

    await bare.asked(_ACTION, wait=MOST_WAITED)

    await bare.pass_time(minutes=75)
    assert bare.entries == before
    assert _restricts(bare)


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 1.5, 3.0, 20.0])
async def test_off_that_comes_between_counts_and_no_more_than_the_entry_is_left(bare: BatteryHouse, seconds: float) -> None:
    bare.battery.switches.gateway_delay_s = 60
    on = bare.hass.async_create_task(bare.call(DOMAIN, _ACTION, create_schedule=True))
    await bare.pass_time(minutes=seconds / 60)

    await _switch(bare, is_on=False)

    await bare.until(on.done)
    on.exception()
    await bare.pass_time(minutes=20)
    assert not _restricts(bare)
    assert bare.battery_state("switch", _ACTION) == "off"
    assert bare.entries in ({_ALL_DAY}, set())
    assert bare.entry.runtime_data.battery.keeper.ledger.is_at_rest


async def test_a_call_that_is_cancelled_leaves_nothing_half(bare: BatteryHouse) -> None:
    call = bare.hass.async_create_task(bare.call(DOMAIN, _ACTION, create_schedule=True, wait=MOST_WAITED))
    await bare.until(lambda: bool(bare.battery.schedules))
    call.cancel()
    await bare.pass_time(minutes=10)
    assert bare.entries == {_ALL_DAY}
    assert _restricts(bare)


async def test_an_entry_that_the_cloud_refuses_leaves_it_off(bare: BatteryHouse) -> None:
    bare.sim.faults.add(path="/schedules$", method="POST", status=400, body={"error": {"message": "No"}}, times=None)
    assert (await bare.refused(_ACTION, create_schedule=True)).translation_key == "request_rejected"
    await bare.pass_time(minutes=10)
    assert bare.entries == set()
    assert not _restricts(bare)


async def test_what_the_app_deletes_makes_the_repair_refuse_in_words(batteries: BatteryHouse) -> None:
    coordinator = batteries.entry.runtime_data.battery
    with pytest.raises(ServiceValidationError) as caught:
        await batteries.lived_through(async_activate_battery(coordinator, BatteryFamily.RESTRICT_BATTERY_DISCHARGE))
    assert caught.value.translation_key == _WITHOUT


async def test_schedules_that_were_not_read_yet_are_read_before_it_is_refused(build_battery_house: BatteryHouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.battery.add_schedule("rbd", "16:30", "17:00")
        sim.faults.add(path="/schedules$", method="GET", status=503, times=None)

    house = await build_battery_house(prepare=prepare)
    assert house.entry.runtime_data.battery.data.schedules is None
    house.sim.faults.clear()
    await _switch(house)
    await house.pass_time(minutes=3)
    assert _restricts(house)


async def test_a_site_without_schedules_of_it_is_not_refused(build_battery_house: BatteryHouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.battery.features.controls.rbd.schedule_supported = False

    house = await build_battery_house(prepare=prepare)
    await _switch(house)
    await house.pass_time(minutes=3)
    assert _restricts(house)
