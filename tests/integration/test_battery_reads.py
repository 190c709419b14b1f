"""What actions read of the battery's schedules is what there is, whatever the cloud leaves out; and how long they wait."""

from datetime import timedelta

from homeassistant.util import dt as dt_util
import pytest

from simulator.battery.settings import ControlFamily
from simulator.switches.battery import MissingGroup, WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse

_NEW = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "days": ["mon", "tue"], "limit": 80}
_BOTH = {"charge_from_grid", "discharge_to_grid"}
_READS = ("get_battery_schedules", "export_battery_schedules")


async def _families(batteries: BatteryHouse, action: str) -> set[object]:
    answer = await batteries.asked(action)
    schedules = answer["schedules"]
    assert isinstance(schedules, list)
    return {one["family"] for one in schedules}


@pytest.mark.parametrize("action", _READS)
@pytest.mark.parametrize("form", MissingGroup)
async def test_a_group_that_is_missing_is_no_answer(batteries: BatteryHouse, form: MissingGroup, action: str) -> None:
    batteries.sim.world.deployment.battery.missing_groups = {ControlFamily.CFG: form}

    assert await _families(batteries, action) == _BOTH
    await batteries.pass_time(minutes=6)
    assert batteries.battery_state("calendar", "charge_from_grid") != "unavailable"
    assert await _families(batteries, action) == _BOTH


@pytest.mark.parametrize("action", _READS)
async def test_an_empty_answer_is_believed_when_another_one_agrees(batteries: BatteryHouse, action: str) -> None:
    switches = batteries.sim.world.deployment.battery
    switches.empty_schedule_reads = 1
    assert await _families(batteries, action) == _BOTH

    for entry in list(batteries.battery.schedules):
        batteries.battery.delete_schedule(entry.id)
    assert await _families(batteries, action) == set()


@pytest.mark.parametrize("action", _READS)
async def test_what_was_dropped_and_is_not_back_yet_is_told(batteries: BatteryHouse, action: str) -> None:
    batteries.sim.world.deployment.battery.update({"drops": {WriteKind.DTG: {ControlFamily.CFG, ControlFamily.DTG}}, "drops_left": 1})
    await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=batteries.site_entity_id("switch", "discharge_to_grid")))
    assert batteries.entries == set()

    answer = await batteries.asked(action)

    assert [one["family"] for one in answer["schedules"]] == ["charge_from_grid", "discharge_to_grid"]
    if action == "get_battery_schedules":
        assert [one["pending"] for one in answer["schedules"]] == [True, True]


async def test_nothing_is_added_twice_where_a_group_is_missing(batteries: BatteryHouse) -> None:
    exported = (await batteries.asked("export_battery_schedules"))["schedules"]
    batteries.sim.world.deployment.battery.missing_groups = {ControlFamily.CFG: MissingGroup.GROUP_ABSENT}

    await batteries.asked("import_battery_schedules", schedules=exported)

    assert len(batteries.battery.schedules) == 2


async def test_the_time_until_the_cloud_takes_a_change_counts_as_waiting(batteries: BatteryHouse) -> None:
    batteries.sim.world.deployment.battery.gateway_delay_s = 600
    await batteries.asked("add_battery_schedule", **_NEW)

    began = dt_util.utcnow()
    answer = await batteries.asked("delete_battery_schedule", schedule_id=batteries.entry_id("dtg"), wait=20)

    assert answer["state"] in {"queued", "requested"}
    assert dt_util.utcnow() - began <= timedelta(seconds=20.5)


async def test_it_is_applied_when_what_it_activates_is(batteries: BatteryHouse) -> None:
    """The answer is about both: the schedule, and the kind that it needs."""
    switches = batteries.sim.world.deployment.battery
    switches.gateway_delay_s = 60
    settings = batteries.battery.settings
    assert not settings.is_on(ControlFamily.CFG)

    answer = await batteries.asked("add_battery_schedule", **_NEW, activate=True, wait=MOST_WAITED)

    assert answer == {"state": "applied", "reason": None}
    assert batteries.battery_state("switch", "charge_from_grid_schedule") == "on"
    assert batteries.battery_state("sensor", "pending_change") == "none"
