"""What happens beside a change of the battery: other changes, the app, grid events, answers that never come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import override

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from simulator import Simulator, StormAlert
from simulator.battery.settings import ControlFamily
from simulator.faults import Fault
from simulator.received import ReceivedRequest
from simulator.switches.battery import EnhoRule, WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder

_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_NEW = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "limit": 80}
_ADDED = ("cfg", "09:00", "11:30", _ALL_DAYS, 80, True)
_SETTINGS = "v1/batterySettings/"


async def _switch(house: BatteryHouse, key: str, *, is_on: bool) -> None:
    entity_id = house.site_entity_id("switch", key)
    await house.lived_through(house.call("switch", "turn_on" if is_on else "turn_off", entity_id=entity_id))


def _writes(house: BatteryHouse) -> int:
    return house.sim.count(path=_SETTINGS, method="PUT")


async def test_two_wishes_at_once_do_not_undo_each_other(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    await batteries.pass_time(minutes=6)
    both = [batteries.site_entity_id("switch", key) for key in ("charge_from_grid", "charge_from_grid_schedule")]
    first = batteries.hass.async_create_task(batteries.call("switch", "turn_off", entity_id=both[0]))
    await batteries.lived_through(batteries.call("switch", "turn_off", entity_id=both[1]))
    await first
    await batteries.pass_time(minutes=3)
    settings = batteries.battery.settings
    assert (settings.charge_from_grid, settings.charge_from_grid_schedule) == (False, False)


async def test_what_goes_along_is_as_it_is_now_and_not_as_it_was(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    await batteries.pass_time(minutes=6)
    batteries.battery.set(charge_from_grid=False)
    await _switch(batteries, "charge_from_grid_schedule", is_on=False)
    await batteries.pass_time(minutes=3)
    assert not batteries.battery.settings.charge_from_grid, "the app has switched it off meanwhile"


async def test_storm_guard_leaves_the_car_as_the_app_has_it_now(batteries: BatteryHouse) -> None:
    batteries.battery.set(storm_guard=False, storm_guard_ev=False)
    await batteries.pass_time(minutes=31)
    batteries.battery.set(storm_guard_ev=True)
    await _switch(batteries, "storm_guard", is_on=True)
    await batteries.pass_time(minutes=3)
    assert (batteries.battery.settings.storm_guard, batteries.battery.settings.storm_guard_ev) == (True, True)


def _set_back(house: BatteryHouse, monkeypatch: pytest.MonkeyPatch, *, hours: float) -> None:
    """Set the clock of Home Assistant back; the loop's own and the cloud's go on."""
    loop, seconds = house.hass.loop, hours * 3600
    by_loop = loop.time
    monkeypatch.setattr(loop, "time", lambda: by_loop() + seconds)
    house.freezer.tick(timedelta(hours=-hours))
    house.sim.clock.advance(seconds)


@pytest.mark.parametrize("since", [1, 20, 60])
@pytest.mark.parametrize("status", [None, 503], ids=["answered", "refused meanwhile"])
async def test_a_clock_that_is_set_back_keeps_no_change_waiting(
    batteries: BatteryHouse, monkeypatch: pytest.MonkeyPatch, since: float, status: int | None
) -> None:
    before = batteries.entries
    batteries.battery.switches.drops, batteries.battery.switches.drops_left = {WriteKind.DTG: {ControlFamily.CFG}}, 1
    await _switch(batteries, "discharge_to_grid", is_on=True)
    await batteries.pass_time(minutes=since / 60)
    if status is not None:
        batteries.sim.faults.add(path="batteryConfig", status=status, times=1)
        await batteries.pass_time(minutes=1)
    _set_back(batteries, monkeypatch, hours=1)

    await batteries.pass_time(minutes=8)

    assert batteries.battery_state("switch", "discharge_to_grid") == "on"
    assert batteries.battery_state("sensor", "pending_change") == "none"
    assert batteries.entries == before
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest


@pytest.mark.parametrize("feature", ["system_task", "dr_event_active"])
async def test_nothing_is_written_again_while_somebody_else_has_the_battery(batteries: BatteryHouse, feature: str) -> None:
    batteries.add_hold()
    batteries.sim.world.deployment.battery.ignored_writes = 1
    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    assert _writes(batteries) == 1
    batteries.battery.features.update({feature: True})
    await batteries.pass_time(minutes=5)
    assert _writes(batteries) == 1
    batteries.battery.features.update({feature: False})
    await batteries.pass_time(minutes=5)
    assert batteries.battery.settings.restrict_discharge


async def test_a_write_without_an_answer_is_looked_for_and_not_sent_again(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.sim.faults.add(path=_SETTINGS, method="PUT", drop=True, times=None)
    entity_id = batteries.site_entity_id("switch", "restrict_battery_discharge")
    with pytest.raises(HomeAssistantError) as refusal:
        await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=entity_id))
    assert refusal.value.translation_key == "no_answer"
    await batteries.pass_time(minutes=20)
    assert _writes(batteries) == 1
    assert batteries.battery_state("sensor", "pending_change") == "failed"


async def test_a_site_that_wants_the_source_named_and_the_whole_gets_both(batteries: BatteryHouse) -> None:
    batteries.battery.set(restrict_discharge=True)
    await batteries.pass_time(minutes=6)
    batteries.battery.switches.source_enho = EnhoRule.NEEDED
    batteries.battery.switches.partial_rbd_off_ignored = True
    await _switch(batteries, "restrict_battery_discharge", is_on=False)
    await batteries.pass_time(minutes=10)
    assert not batteries.battery.settings.restrict_discharge


async def test_a_change_that_is_lost_behind_one_of_the_app_is_sent_again(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.features.update({"supports_mqtt": True})
    batteries.battery.switches.source_enho = EnhoRule.IGNORED
    batteries.battery.switches.lost_while_pending = True
    batteries.battery.switches.gateway_delay_s = 60.0
    await _switch(batteries, "discharge_to_grid", is_on=True)
    # Somebody else asked for it, as far as this process knows.
    await batteries.reload()
    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    await batteries.pass_time(minutes=10)
    assert batteries.battery.settings.restrict_discharge


async def test_the_schedules_of_charge_from_grid_end_with_the_last_entry_where_the_source_is_wanted(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    batteries.battery.switches.source_enho = EnhoRule.NEEDED
    await batteries.asked("delete_battery_schedule", family="cfg", wait=MOST_WAITED)
    await batteries.pass_time(minutes=5)
    assert not batteries.battery.settings.charge_from_grid_schedule


async def test_in_the_united_states_an_entry_is_applied_after_what_is_to_be_accepted(batteries: BatteryHouse) -> None:
    batteries.sim.site.country = "US"
    await batteries.pass_time(minutes=31)
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True, accepted_disclaimer=None)
    batteries.sim.requests.clear()
    assert (await batteries.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED))["state"] == "applied"
    assert batteries.sim.count(path="acceptDisclaimer") == 1
    assert batteries.battery.settings.accepted_disclaimer is not None


@dataclass
class _Collision(Fault):
    """Refuses an entry that is written right after another one, with no read in between."""

    received: Sequence[ReceivedRequest] = ()

    @override
    def matches(self, method: str, path: str) -> bool:
        last = self.received[-1]
        return super().matches(method, path) and (last.method, last.path) == (method, path)


async def test_what_collides_on_its_way_back_is_tried_once_more(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    for hour in range(6, 15):
        batteries.battery.add_schedule("cfg", f"{hour:02}:00", f"{hour:02}:30", limit=60)
    before = batteries.entries
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    error = {"error": {"status": "CONFLICTING_SCHEDULE_CFG"}}
    collision = _Collision(path="/schedules$", method="POST", status=409, body=error, times=None, received=batteries.sim.requests)
    batteries.sim.faults.rules.append(collision)
    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    await batteries.pass_time(minutes=5)
    assert collision.used > 3
    assert batteries.entries == before
    assert batteries.issue("left_entries") is None


async def test_what_a_person_deletes_in_the_app_stays_away_while_an_apply_is_tried_again(batteries: BatteryHouse) -> None:
    rule = batteries.sim.faults.add(path=_SETTINGS, method="PUT", status=409, times=None)
    await batteries.asked("add_battery_schedule", **_NEW)
    await batteries.pass_time(minutes=2)
    assert not batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest, "the apply is still to be made"
    batteries.battery.delete_schedule(batteries.entry_id("dtg"))
    await batteries.pass_time(minutes=12)
    assert ("dtg" in {entry[0] for entry in batteries.entries}) is False
    rule.times = 0
    batteries.sim.faults.clear()
    await batteries.pass_time(minutes=70)
    assert {entry[0] for entry in batteries.entries} == {"cfg"}
    assert _ADDED in batteries.entries


async def test_opting_out_of_a_storm_survives_the_end_of_a_session(batteries: BatteryHouse) -> None:
    batteries.entry.runtime_data.account.password = batteries.sim.account.password
    now = batteries.sim.clock.now().timestamp()
    alert = StormAlert("alert-1", "Wind", now - 600, now + 3600)
    batteries.battery.storm_alerts.append(alert)
    await batteries.pass_time(minutes=5.1)
    batteries.sim.expire_sessions()
    await batteries.lived_through(batteries.call("button", "press", entity_id=batteries.site_entity_id("button", "storm_alert_opt_out")))
    assert alert.opted_out


# --- The day window of a site without schedules for discharge to grid ---


@pytest.fixture
async def windowed(build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """A house whose batteries discharge to the grid in one window of the day."""

    def prepare(sim: Simulator) -> None:
        for entry in list(sim.battery.schedules):
            sim.battery.delete_schedule(entry.id)
        sim.battery.features.controls.dtg.schedule_supported = False
        sim.battery.set(dtg_begin=960, dtg_end=1440)

    return await build_battery_house(prepare=prepare)


async def test_the_day_window_is_shown_and_can_be_changed(windowed: BatteryHouse) -> None:
    start, end = (windowed.site_entity_id("time", f"discharge_to_grid_{edge}") for edge in ("start", "end"))
    assert (windowed.battery_state("time", "discharge_to_grid_start"), windowed.battery_state("time", "discharge_to_grid_end")) == (
        "16:00:00",
        "00:00:00",
    )
    windowed.sim.requests.clear()
    both = [
        windowed.hass.async_create_task(windowed.call("time", "set_value", entity_id=entity_id, time=moment))
        for entity_id, moment in ((start, "17:30:00"), (end, "20:15:00"))
    ]
    await windowed.until(lambda: all(one.done() for one in both))
    assert windowed.battery_state("time", "discharge_to_grid_start") == "17:30:00"
    assert _writes(windowed) == 1
    await _switch(windowed, "discharge_to_grid", is_on=True)
    await windowed.pass_time(minutes=5)
    settings = windowed.battery.settings
    assert (settings.dtg_begin, settings.dtg_end, settings.discharge_to_grid) == (1050, 1215, True)
    assert windowed.battery_state("time", "discharge_to_grid_end") == "20:15:00"


async def test_a_window_without_a_length_is_refused(windowed: BatteryHouse) -> None:
    windowed.sim.requests.clear()
    with pytest.raises(ServiceValidationError):
        await windowed.call("time", "set_value", entity_id=windowed.site_entity_id("time", "discharge_to_grid_end"), time="16:00:00")
    assert windowed.sim.count() == 0


async def test_where_there_are_schedules_no_window_is_shown(batteries: BatteryHouse) -> None:
    assert batteries.hass.states.async_entity_ids("time") == []


# --- What nobody may use ---


@pytest.mark.parametrize(
    ("service", "fields"), [("add_battery_schedule", _NEW), ("set_battery_override", {"action": "charge", "duration": "01:00:00"})]
)
async def test_nothing_charges_from_the_grid_where_that_is_restricted(
    build_battery_house: BatteryHouseBuilder, service: str, fields: dict[str, object]
) -> None:
    house = await build_battery_house(prepare=lambda sim: sim.battery.features.update({"restrict_cfg": True}))
    house.sim.requests.clear()
    assert (await house.refused(service, **fields)).translation_key == "family_not_supported"
    assert house.sim.count("battery_write") == 0


async def test_an_open_journal_waits_until_the_battery_is_ours_again(batteries: BatteryHouse) -> None:
    batteries.sim.faults.add(path=_SETTINGS, method="PUT", status=409, times=None)
    await batteries.asked("add_battery_schedule", **_NEW)
    await batteries.pass_time(minutes=2)
    batteries.battery.features.update({"dr_event_active": True})
    batteries.sim.faults.clear()
    await batteries.pass_time(minutes=6)
    batteries.sim.requests.clear()
    await batteries.pass_time(minutes=20)
    assert batteries.sim.count("battery_write") == 0
    batteries.battery.features.update({"dr_event_active": False})
    await batteries.pass_time(minutes=15)
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest
    assert _ADDED in batteries.entries
