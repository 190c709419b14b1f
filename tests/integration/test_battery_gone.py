"""Entries that the cloud has dropped meanwhile, while reads still show them: what is deleted, changed or added then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import override

import pytest

from simulator.battery.settings import ControlFamily
from simulator.faults import Fault
from simulator.received import ReceivedRequest
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse

_LAG = 90.0
_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_WHERE_THE_NIGHT_IS = {"family": "dtg", "start": "02:30", "end": "03:00"}
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


async def _switch_on_plainly(house: BatteryHouse, key: str) -> None:
    await house.call("switch", "turn_on", entity_id=house.site_entity_id("switch", key))


async def _switch_on(house: BatteryHouse, key: str) -> None:
    await house.lived_through(_switch_on_plainly(house, key))


async def _drop_the_night(house: BatteryHouse, *, lag: float = _LAG) -> str:
    """Turn a switch on, for which the cloud drops the schedule of charge from grid; return the id that this had."""
    house.add_hold()
    await house.pass_time(minutes=10)
    house.battery.switches.schedules_lag_s = lag
    house.battery.switches.drops, house.battery.switches.drops_left = {WriteKind.RBD: {ControlFamily.CFG}}, 1
    gone = house.entry_id("cfg")
    await _switch_on(house, "restrict_battery_discharge")
    assert _NIGHT not in house.entries
    return gone


@pytest.mark.parametrize("lag", [0.0, _LAG], ids=["reads at once", "late reads"])
async def test_a_change_of_what_was_dropped_lets_it_come_back_changed(batteries: BatteryHouse, lag: float) -> None:
    before = batteries.entries
    gone = await _drop_the_night(batteries, lag=lag)

    answer = await batteries.asked("update_battery_schedule", schedule_id=gone, limit=70, end="05:20", wait=MOST_WAITED)
    await batteries.pass_time(minutes=20)

    assert answer == {"state": "applied", "reason": None}
    hold = ("rbd", "16:30", "17:00", _ALL_DAYS, None, True)
    assert batteries.entries == (before - {_NIGHT}) | {("cfg", "20:00", "05:20", _ALL_DAYS, 70, True), hold}
    assert len(batteries.battery.schedules) == len(before) + 1
    assert batteries.issue("left_entries") is None
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest


async def test_a_change_of_what_somebody_else_deleted_says_that_it_is_not_there(batteries: BatteryHouse) -> None:
    batteries.battery.switches.schedules_lag_s = _LAG
    await batteries.pass_time(minutes=10)
    gone = batteries.entry_id("cfg")
    batteries.battery.delete_schedule(gone)

    refusal = await batteries.refused("update_battery_schedule", schedule_id=gone, limit=70)

    assert refusal.translation_key == "slot_unknown"


@pytest.mark.parametrize("lag", [0.0, _LAG], ids=["reads at once", "late reads"])
@pytest.mark.parametrize("seconds", [0, 16, 30])
async def test_nothing_new_takes_the_place_of_what_was_dropped(batteries: BatteryHouse, lag: float, seconds: float) -> None:
    await _drop_the_night(batteries, lag=lag)
    await batteries.pass_time(minutes=seconds / 60)

    refusal = await batteries.refused("add_battery_schedule", family="dtg", start="02:30", end="03:00")

    assert refusal.translation_key == "schedule_conflict"
    assert (refusal.translation_placeholders or {})["start"] == "20:00"
    await batteries.pass_time(minutes=15)
    assert _NIGHT in batteries.entries
    assert batteries.issue("left_entries") is None


async def test_what_was_asked_for_at_the_same_moment_does_not_take_the_place_of_what_is_dropped(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    await batteries.pass_time(minutes=10)
    batteries.battery.switches.drops, batteries.battery.switches.drops_left = {WriteKind.RBD: {ControlFamily.CFG}}, 1
    switch = batteries.hass.async_create_task(_switch_on_plainly(batteries, "restrict_battery_discharge"))
    await batteries.refused("add_battery_schedule", **_WHERE_THE_NIGHT_IS)
    await batteries.until(switch.done)
    await batteries.pass_time(minutes=20)

    assert _NIGHT in batteries.entries
    assert batteries.issue("left_entries") is None


@dataclass
class _NoReads(Fault):
    """Lets reads of schedules fail as soon as one was added, or refused."""

    received: Sequence[ReceivedRequest] = ()

    @override
    def matches(self, method: str, path: str) -> bool:
        return super().matches(method, path) and any(one.method == "POST" and one.path == path for one in self.received)


async def test_what_is_in_the_way_is_named_also_where_it_cannot_be_read(batteries: BatteryHouse) -> None:
    """A site that has entries of different families on top of each other is asked, and refuses others."""
    batteries.battery.add_schedule("rbd", "17:00", "19:00")
    await batteries.pass_time(minutes=10)
    await _switch_on(batteries, "discharge_to_grid")
    batteries.sim.requests.clear()
    batteries.sim.faults.rules.append(_NoReads(path="/schedules$", method="GET", status=503, times=None, received=batteries.sim.requests))

    refusal = await batteries.refused("add_battery_schedule", **_WHERE_THE_NIGHT_IS)

    assert refusal.translation_key == "schedule_conflict"
    assert (refusal.translation_placeholders or {})["start"] == "20:00"


async def test_what_is_put_back_keeps_the_id_by_which_people_know_it(batteries: BatteryHouse) -> None:
    gone = await _drop_the_night(batteries, lag=0.0)
    await batteries.pass_time(minutes=0.5)
    batteries.battery.switches.schedules_lag_s = _LAG
    await batteries.until(lambda: _NIGHT in batteries.entries)
    await batteries.pass_time(minutes=0.1)

    (missing,) = (await batteries.asked("restore_battery_schedules", dry_run=True))["missing"]  # type: ignore[misc]  # a list
    assert missing["schedule_id"] == gone
    await batteries.asked("update_battery_schedule", schedule_id=gone, limit=70)
    await batteries.pass_time(minutes=20)

    assert [entry for entry in batteries.entries if entry[0] == "cfg"] == [("cfg", "20:00", "05:00", _ALL_DAYS, 70, True)]


async def test_the_sensor_shows_a_change_that_is_open_while_an_earlier_one_is_applied(batteries: BatteryHouse) -> None:
    batteries.battery.switches.gateway_delay_s = 40
    reserve, level = (batteries.site_entity_id("number", key) for key in ("reserve", "shutdown_level"))
    batteries.battery.switches.lost_while_pending = True
    first = batteries.hass.async_create_task(batteries.call("number", "set_value", entity_id=reserve, value=35))
    await batteries.pass_time(minutes=0.1)
    second = batteries.hass.async_create_task(batteries.call("number", "set_value", entity_id=level, value=12))
    await batteries.until(lambda: first.done() and second.done())
    shown = []
    while batteries.battery.settings.very_low_soc != 12:
        await batteries.pass_time(minutes=0.1)
        shown.append(batteries.battery_state("sensor", "pending_change"))
        assert len(shown) < 200

    assert "none" not in shown[:-1]
