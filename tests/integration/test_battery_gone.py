"""Entries that the cloud has dropped meanwhile, while reads still show them: what is deleted, changed or added then."""

import pytest

from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse

_LAG = 90.0
_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_NIGHT = ("cfg", "20:00", "05:00", _ALL_DAYS, 100, True)


def _told(house: BatteryHouse) -> str:
    """Return what the persistent notifications say."""
    return "\n".join(str(one["message"]) for one in house.hass.data.get("persistent_notification", {}).values())


async def _hold_of_which_the_entry_is_gone(house: BatteryHouse) -> None:
    """Begin an override, and let the cloud drop its entry a moment ago: late reads still show it."""
    house.battery.switches.schedules_lag_s = _LAG
    await house.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)
    await house.pass_time(minutes=10)
    house.battery.drop_schedules(ControlFamily.RBD)


async def test_an_override_whose_entry_is_gone_can_be_ended(batteries: BatteryHouse) -> None:
    before = batteries.entries
    await _hold_of_which_the_entry_is_gone(batteries)

    answer = await batteries.asked("clear_battery_override", wait=MOST_WAITED)

    assert answer == {"state": "applied", "reason": None}
    assert batteries.battery_state("sensor", "override") == "none"
    await batteries.pass_time(minutes=20)
    assert batteries.entries == before
    assert not batteries.battery.settings.restrict_discharge
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest


@pytest.mark.parametrize("by", ["action", "calendar"])
async def test_a_schedule_that_is_gone_already_can_be_deleted(batteries: BatteryHouse, by: str) -> None:
    batteries.battery.switches.schedules_lag_s = _LAG
    await batteries.pass_time(minutes=10)
    gone = batteries.entry_id("cfg")
    batteries.battery.drop_schedules(ControlFamily.CFG)

    if by == "action":
        answer = await batteries.asked("delete_battery_schedule", schedule_id=gone, wait=MOST_WAITED)
        assert answer == {"state": "applied", "reason": None}
    else:
        calendar = batteries.hass.data["calendar"].get_entity(batteries.site_entity_id("calendar", "charge_from_grid"))
        await batteries.lived_through(calendar.async_delete_event(gone))
    await batteries.pass_time(minutes=20)

    assert {entry[0] for entry in batteries.entries} == {"dtg"}
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest


async def test_the_entry_of_an_override_that_could_not_be_ended_is_not_missed_at_a_removal(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("rbd", "13:00", "15:00")
    before = batteries.entries
    await _hold_of_which_the_entry_is_gone(batteries)
    batteries.sim.faults.add(path="/delete$", method="POST", status=400, times=None)
    await batteries.refused("clear_battery_override")
    await batteries.pass_time(minutes=3)

    await batteries.removed()

    assert "Restrict battery discharge, 13:1" not in _told(batteries)
    assert batteries.entries == before


async def test_an_override_that_could_not_be_ended_a_moment_ago_is_ended_at_a_removal(batteries: BatteryHouse) -> None:
    before = batteries.entries
    await batteries.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)
    await batteries.pass_time(minutes=10)
    batteries.sim.faults.add(path="/delete$", method="POST", status=400, times=1)
    await batteries.refused("clear_battery_override")

    await batteries.removed()

    assert batteries.entries == before
    assert not batteries.battery.settings.restrict_discharge


async def test_what_a_refused_change_was_about_is_named_at_a_removal(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.switches.schedules_lag_s = _LAG
    await batteries.pass_time(minutes=10)
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    gone = batteries.entry_id("cfg")
    await batteries.lived_through(
        batteries.call("switch", "turn_on", entity_id=batteries.site_entity_id("switch", "restrict_battery_discharge"))
    )
    batteries.sim.faults.add(path=f"/schedules/{gone}$", method="PUT", status=500, times=None)
    await batteries.refused("update_battery_schedule", schedule_id=gone, limit=70)
    batteries.sim.faults.add(path="/schedules$", method="POST", status=500, times=None)
    await batteries.pass_time(minutes=2)

    await batteries.removed()

    assert "Charge from grid, 20:00 - 05:00" in _told(batteries)
