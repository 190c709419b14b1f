"""Nothing lost, whatever happens, and nobody waits: what once went wrong, each a test.

Shown elsewhere: an entry that is removed after a toggle, and a call at the moment of a reload (`test_battery_reloads.py`); a stored
file of another shape (`test_battery_ledger.py`); a change of the clocks (`test_battery_overrides.py`); generated worlds
(`test_battery_properties.py`, `units/test_battery_worlds.py`); interruptions (`test_battery_kill_points.py`).
"""

import asyncio

from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.enphase_ev.const import DOMAIN
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import DropMoment, EnhoRule, MissingGroup, WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse

_FAMILIES = {ControlFamily.CFG, ControlFamily.DTG}
_NOBODY_WAITS_LONGER = 20.5


async def _switch(house: BatteryHouse, key: str, *, is_on: bool = True) -> None:
    entity_id = house.site_entity_id("switch", key)
    await house.lived_through(house.call("switch", "turn_on" if is_on else "turn_off", entity_id=entity_id))


def _at_rest(house: BatteryHouse) -> bool:
    ledger = house.entry.runtime_data.battery.keeper.ledger
    return bool(ledger.is_at_rest and ledger.override is None)


@pytest.mark.parametrize("seconds", [20, 60, 120, 300])
async def test_what_is_dropped_when_the_gateway_takes_over_comes_back(batteries: BatteryHouse, seconds: float) -> None:
    batteries.add_hold()
    before = batteries.entries
    switches = batteries.battery.switches
    switches.gateway_delay_s, switches.drop_from = seconds, DropMoment.TAKE_OVER
    switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}

    await _switch(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=15)

    assert batteries.entries == before
    assert batteries.battery.settings.restrict_discharge


@pytest.mark.parametrize("seconds", [0, 1, 5, 16, 30])
async def test_an_override_whose_call_is_cancelled_ends_all_the_same(batteries: BatteryHouse, seconds: float) -> None:
    before = batteries.entries
    data = {"action": "charge", "duration": "01:00:00", "wait": MOST_WAITED}
    call = batteries.hass.async_create_task(batteries.hass.services.async_call("enphase_ev", "set_battery_override", data, blocking=True))
    await batteries.pass_time(minutes=seconds / 60)
    call.cancel()
    await batteries.pass_time(minutes=80)

    assert batteries.entries == before
    assert _at_rest(batteries)


@pytest.mark.parametrize("seconds", [0, 0.5, 1])
@pytest.mark.parametrize("second", ["hold", "clear"])
async def test_two_calls_about_the_override_lose_nothing(batteries: BatteryHouse, second: str, seconds: float) -> None:
    before, is_on = batteries.entries, batteries.battery.settings.restrict_discharge

    async def call(service: str, **data: object) -> None:
        await batteries.hass.services.async_call("enphase_ev", service, data, blocking=True)

    first = batteries.hass.async_create_task(call("set_battery_override", action="charge", duration="01:00:00"))
    await batteries.pass_time(minutes=seconds / 60)
    if second == "clear":
        await batteries.lived_through(call("clear_battery_override"))
    else:
        await batteries.lived_through(call("set_battery_override", action="hold", duration="01:00:00"))
    await batteries.until(first.done)
    await batteries.pass_time(minutes=5)
    assert (batteries.battery_state("sensor", "override") == "none") is (second == "clear")
    await batteries.pass_time(minutes=75)

    assert batteries.entries == before
    assert batteries.battery.settings.restrict_discharge is is_on
    assert _at_rest(batteries)


@pytest.mark.parametrize("is_offline", [False, True], ids=["a slow gateway", "an offline gateway"])
async def test_nobody_waits_for_the_gateway(batteries: BatteryHouse, *, is_offline: bool) -> None:
    batteries.add_hold()
    batteries.battery.switches.gateway_delay_s = 300
    batteries.battery.switches.gateway_offline = is_offline
    waited = []
    for key in ("restrict_battery_discharge", "discharge_to_grid", "charge_from_grid"):
        began = batteries.hass.loop.time()
        await _switch(batteries, key)
        waited.append(batteries.hass.loop.time() - began)

    assert [seconds for seconds in waited if seconds > _NOBODY_WAITS_LONGER] == []


async def test_what_is_so_already_is_not_written(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    await _switch(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=10)
    batteries.sim.requests.clear()

    await _switch(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=2)

    assert batteries.sim.count("battery_write") == 0


async def test_a_profile_and_a_reserve_at_the_same_moment_are_both_so(batteries: BatteryHouse) -> None:
    profile, reserve = (batteries.site_entity_id(platform, key) for platform, key in (("select", "system_profile"), ("number", "reserve")))
    calls = [
        batteries.hass.async_create_task(batteries.call("select", "select_option", entity_id=profile, option="cost_savings")),
        batteries.hass.async_create_task(batteries.call("number", "set_value", entity_id=reserve, value=45)),
    ]
    await batteries.until(lambda: all(call.done() for call in calls))
    await asyncio.gather(*calls)
    await batteries.pass_time(minutes=15)

    settings = batteries.battery.settings
    assert (settings.profile, settings.reserve) == ("cost_savings", 45)


async def test_a_schedule_that_is_deleted_before_its_change_is_confirmed_can_be_made_again(batteries: BatteryHouse) -> None:
    changes = async_capture_events(batteries.hass, "enphase_ev_battery_change")
    slot = {"family": "charge_from_grid", "start": "11:00", "end": "12:00", "days": ["sat", "sun"], "limit": 90}
    await batteries.asked("add_battery_schedule", **slot, wait=MOST_WAITED)
    schedule_id = next(entry.id for entry in batteries.battery.schedules if entry.start == "11:00")
    before = batteries.entries

    await batteries.asked("update_battery_schedule", schedule_id=schedule_id, limit=80)
    await batteries.asked("delete_battery_schedule", schedule_id=schedule_id, wait=MOST_WAITED)
    assert len(batteries.entries) == len(before) - 1
    await batteries.asked("add_battery_schedule", **slot, wait=MOST_WAITED)
    await batteries.pass_time(minutes=20)

    assert batteries.entries == before
    assert {event.data.get("reason") for event in changes if event.data["event_type"] == "failed"} <= {"replaced"}


async def test_a_restart_goes_on_with_the_form_that_the_site_needs(batteries: BatteryHouse) -> None:
    batteries.battery.switches.source_enho = EnhoRule.NEEDED
    entity_id = batteries.site_entity_id("select", "system_profile")
    await batteries.lived_through(batteries.call("select", "select_option", entity_id=entity_id, option="cost_savings"))
    await batteries.pass_time(minutes=4 / 60)
    await batteries.restarted(minutes=0.2)
    await batteries.pass_time(minutes=15)

    assert batteries.battery.settings.profile == "cost_savings"


async def test_a_cloud_that_answers_an_add_with_nothing_is_not_hammered(batteries: BatteryHouse) -> None:
    batteries.sim.faults.add(path="/schedules$", method="POST", status=200, body={"error": {"message": "Something went wrong"}}, times=None)
    batteries.sim.requests.clear()
    data = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "limit": 80}
    call = batteries.hass.services.async_call("enphase_ev", "add_battery_schedule", data, blocking=True)
    task = batteries.hass.async_create_task(call)
    await batteries.until(task.done)
    task.exception()
    await batteries.pass_time(minutes=180)

    assert batteries.sim.count("battery_write") <= 12


@pytest.mark.parametrize("is_missing_before", [True, False])
async def test_schedules_of_which_a_group_is_missing_are_not_doubled(batteries: BatteryHouse, is_missing_before: bool) -> None:
    batteries.add_hold()
    before, switches = batteries.entries, batteries.battery.switches
    switches.own_family_conflicts = switches.cross_family_conflicts = False
    if is_missing_before:
        batteries.battery.hide_groups(20, ControlFamily.CFG, ControlFamily.DTG)
    else:
        switches.missing_groups = dict.fromkeys(ControlFamily, MissingGroup.GROUP_ABSENT)
        switches.missing_after_write_s = 20

    await _switch(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=20)

    assert batteries.entries == before
    assert len(batteries.battery.schedules) == len(before)


async def test_two_profiles_in_a_row_after_deletes_in_the_app(batteries: BatteryHouse) -> None:
    batteries.battery.switches.update({"lost_while_pending": True, "drop_after_s": 8, "drops": {"profile": ["cfg", "dtg", "rbd"]}})
    for start, end in (("01:00", "02:00"), ("03:00", "04:00"), ("09:00", "10:00")):
        batteries.battery.add_schedule("rbd", start, end)
    await batteries.pass_time(minutes=6)
    for entry in [entry for entry in batteries.battery.schedules if entry.start in {"01:00", "03:00"}]:
        batteries.battery.delete_schedule(entry.id)
    before = batteries.entries
    select = batteries.site_entity_id("select", "system_profile")
    for option in ("cost_savings", "self_consumption"):
        await batteries.lived_through(batteries.call("select", "select_option", entity_id=select, option=option))
    await batteries.pass_time(minutes=40)

    assert batteries.entries == before
    assert batteries.battery_state("select", "system_profile") == "self_consumption"


async def test_what_is_put_back_is_applied_where_the_source_is_needed(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.switches.source_enho = EnhoRule.NEEDED
    batteries.battery.switches.drops = {WriteKind.RBD: _FAMILIES}
    batteries.battery.set(charge_from_grid=True, discharge_to_grid=True)
    before = batteries.entries
    await batteries.pass_time(minutes=6)
    batteries.sim.requests.clear()
    await _switch(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=60)

    assert batteries.entries == before
    assert batteries.battery.is_settled
    # Two adds, with an isValid each, and applies in two forms for two families.
    assert batteries.sim.count("battery_write") <= 14


async def test_an_override_whose_caller_leaves_while_it_waits_ends_when_it_should(batteries: BatteryHouse) -> None:
    before = batteries.entries
    await _switch(batteries, "discharge_to_grid")
    data = {"action": "hold", "duration": "00:12:00", "wait": MOST_WAITED}
    call = batteries.hass.async_create_task(batteries.hass.services.async_call(DOMAIN, "set_battery_override", data, blocking=True))
    await batteries.pass_time(minutes=2 / 60)
    call.cancel()
    await batteries.pass_time(minutes=3)
    # Whoever asked has left; the wish stays.
    assert batteries.battery_state("sensor", "override") == "hold"

    await batteries.pass_time(minutes=20)

    assert batteries.entries == before
    assert not batteries.battery.settings.restrict_discharge


async def test_a_removal_during_an_override_ends_it(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("rbd", "13:00", "15:00")
    before = batteries.entries
    await batteries.asked("set_battery_override", action="hold", duration="00:30:00", wait=MOST_WAITED)
    await batteries.pass_time(minutes=5)
    assert batteries.entries != before

    lasted = await batteries.removed()

    assert lasted <= 65
    assert batteries.entries == before
    await batteries.pass_time(minutes=2)
    assert not batteries.battery.settings.restrict_discharge


async def test_a_script_that_continues_on_errors_goes_on_after_a_reload(batteries: BatteryHouse) -> None:
    ended = async_capture_events(batteries.hass, "people_go_on")
    data = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "limit": 80, "wait": MOST_WAITED}
    call = {"action": f"{DOMAIN}.add_battery_schedule", "data": data, "continue_on_error": True}
    assert await async_setup_component(batteries.hass, "script", {"script": {"people": {"sequence": [call, {"event": "people_go_on"}]}}})
    await batteries.hass.services.async_call("script", "turn_on", {"entity_id": "script.people"})
    await batteries.pass_time(minutes=3 / 60)
    await batteries.lived_through(batteries.hass.config_entries.async_reload(batteries.entry.entry_id))
    await batteries.pass_time(minutes=5)

    assert len(ended) == 1
    assert ("cfg", "09:00", "11:30", (1, 2, 3, 4, 5, 6, 7), 80, True) in batteries.entries


async def test_an_override_whose_time_is_over_before_its_turn_is_not_written(batteries: BatteryHouse) -> None:
    before = batteries.entries
    await _switch(batteries, "discharge_to_grid")
    data = {"action": "hold", "duration": "00:12:00"}
    call = batteries.hass.async_create_task(batteries.hass.services.async_call(DOMAIN, "set_battery_override", data, blocking=True))
    await batteries.pass_time(minutes=3 / 60)
    # It waits for its turn, whoever asked has left, and Enphase begins a task of its own.
    call.cancel()
    batteries.battery.features.system_task = True
    await batteries.pass_time(minutes=10)
    assert [intent.what for intent in batteries.entry.runtime_data.battery.keeper.waiting] == ["override_hold"]
    await batteries.pass_time(minutes=10)
    batteries.battery.features.system_task = False
    await batteries.pass_time(minutes=20)

    assert batteries.entries == before
    assert not batteries.battery.settings.restrict_discharge
    assert batteries.battery_state("sensor", "override") == "none"
    assert _at_rest(batteries)
