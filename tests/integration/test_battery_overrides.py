"""Charge, discharge or hold now; and afterwards all is as it was before."""

from dataclasses import asdict
from datetime import datetime

from homeassistant.helpers import storage
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.enphase_ev.battery.ledger import Override
from simulator.battery.physics import Doing
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder, Says
from tests.integration.calendars import Calendar

_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_ACTIONS = [
    ("charge", "cfg", Doing.CHARGE_FROM_GRID),
    ("discharge", "dtg", Doing.DISCHARGE_TO_GRID),
    ("hold", "rbd", Doing.HOLD),
]


@pytest.fixture
async def home(build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """A house whose battery has entries of all families around now, which is 13:10 there."""
    house = await build_battery_house()
    house.battery.add_schedule("cfg", "12:00", "13:20", limit=60, days=(1, 3, 5))
    house.battery.add_schedule("dtg", "13:30", "13:45", limit=30)
    house.battery.add_schedule("rbd", "14:00", "16:00", days=(3,), time_zone="Australia/Sydney")
    house.battery.add_schedule("rbd", "06:00", "07:00", enabled=False)
    return house


def _override(house: BatteryHouse) -> Override | None:
    return house.entry.runtime_data.overrides.active


def _settings(house: BatteryHouse) -> dict[str, object]:
    """Return what is switched on."""
    keys = ("charge_from_grid", "charge_from_grid_schedule", "discharge_to_grid", "restrict_discharge", "reserve", "profile")
    values = asdict(house.battery.settings)
    return {key: values[key] for key in keys}


def _now(house: BatteryHouse) -> datetime:
    return dt_util.utcnow()


def _temporary(house: BatteryHouse, before: set[Says]) -> Says:
    (found,) = house.entries - before
    return found


async def _is_over(house: BatteryHouse) -> None:
    """Let time pass until the override is over and the gateway has taken everything over."""
    await house.until(lambda: _override(house) is None)
    await house.pass_time(minutes=3)


# --- For a time ---


@pytest.mark.parametrize(("action", "family", "doing"), _ACTIONS)
async def test_for_a_time_it_does_what_it_is_told_and_then_all_is_as_before(
    home: BatteryHouse, action: str, family: str, doing: Doing
) -> None:
    before, settings, started = home.entries, _settings(home), _now(home)
    home.battery.state_of_charge = 50

    answer = await home.asked("set_battery_override", action=action, duration="00:50:00", wait=MOST_WAITED)

    assert (answer["state"], answer["reason"]) == ("applied", None)
    ends_at = datetime.fromisoformat(str(answer["ends_at"]))
    assert (ends_at - started).total_seconds() == 50 * 60
    await home.pass_time(minutes=1)
    assert _temporary(home, before)[:4] == (family, "13:10", "14:00", (3,))
    assert home.battery.flow.doing is doing

    await _is_over(home)

    assert 50 * 60 <= (_now(home) - started).total_seconds() < 60 * 60
    assert home.entries == before
    assert _settings(home) == settings
    assert home.battery.flow.doing is not doing
    assert home.issue("override_ignored") is None
    assert home.issue("left_entries") is None


async def test_what_is_in_its_way_is_taken_aside_and_what_is_not_stays(home: BatteryHouse) -> None:
    before, ids = home.entries, {one.id for one in home.battery.schedules if one.start in {"20:00", "18:00", "06:00"}}
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    aside = before - home.entries
    assert {one[:2] for one in aside} == {("cfg", "12:00"), ("dtg", "13:30"), ("rbd", "14:00")}
    await _is_over(home)
    assert home.entries == before
    assert ids < {one.id for one in home.battery.schedules}, "what was not in its way was left alone"
    assert {one.time_zone for one in home.battery.schedules} == {"Australia/Melbourne", "Australia/Sydney"}


async def test_overnight(home: BatteryHouse) -> None:
    before = home.entries
    answer = await home.asked("set_battery_override", action="hold", duration="23:00:00", wait=MOST_WAITED)
    assert answer["state"] == "applied"
    assert ("rbd", "13:10", "12:10", (3,), None, True) in home.entries
    home.skip(hours=22.5)
    await _is_over(home)
    assert home.entries == before


@pytest.mark.parametrize(("action", "family", "key"), [("discharge", "dtg", "discharge_to_grid"), ("hold", "rbd", "restrict_discharge")])
async def test_what_was_switched_on_before_stays_on(home: BatteryHouse, action: str, family: str, key: str) -> None:
    home.battery.set(**{key: True})
    await home.pass_time(minutes=6)
    before = home.entries
    await home.asked("set_battery_override", action=action, duration="00:20:00", wait=MOST_WAITED)
    await _is_over(home)
    assert _settings(home)[key] is True
    assert home.entries == before


@pytest.mark.parametrize("schedules_on", [True, False])
async def test_charging_from_grid_and_its_schedules_are_as_before(home: BatteryHouse, schedules_on: bool) -> None:
    home.battery.set(charge_from_grid=True, charge_from_grid_schedule=schedules_on)
    await home.pass_time(minutes=6)
    settings = _settings(home)
    await home.asked("set_battery_override", action="charge", duration="00:20:00", wait=MOST_WAITED)
    await home.pass_time(minutes=1)
    assert home.battery.flow.doing is Doing.CHARGE_FROM_GRID
    await _is_over(home)
    assert _settings(home) == settings


# --- Until a state of charge ---


@pytest.mark.parametrize(("action", "target", "charge"), [("charge", 70, 48.0), ("discharge", 30, 48.0), ("hold", 45, 48.0)])
async def test_until_a_state_of_charge(home: BatteryHouse, action: str, target: int, charge: float) -> None:
    before, settings, started = home.entries, _settings(home), _now(home)
    home.battery.state_of_charge = charge
    await home.asked("set_battery_override", action=action, until_state_of_charge=target, wait=MOST_WAITED)
    assert _override(home) is not None

    if action == "hold":
        # It keeps what it has; somebody else drains it.
        await home.pass_time(minutes=10)
        assert _override(home) is not None
        home.battery.state_of_charge = target - 1
    await _is_over(home)

    assert (_now(home) - started).total_seconds() < 60 * 60
    assert home.battery.state_of_charge == pytest.approx(target, abs=3)
    assert home.entries == before
    assert _settings(home) == settings


async def test_the_limit_is_what_it_is_to_reach(home: BatteryHouse) -> None:
    before = home.entries
    await home.asked("set_battery_override", action="charge", until_state_of_charge=70, wait=MOST_WAITED)
    assert _temporary(home, before) == ("cfg", "13:10", "01:10", (3,), 70, True)


async def test_what_is_reached_already_ends_at_the_next_look(home: BatteryHouse) -> None:
    before, started = home.entries, _now(home)
    home.battery.state_of_charge = 80
    await home.asked("set_battery_override", action="charge", until_state_of_charge=70, wait=MOST_WAITED)
    await _is_over(home)
    assert (_now(home) - started).total_seconds() < 20 * 60
    assert home.entries == before


async def test_what_is_never_reached_ends_after_twelve_hours(home: BatteryHouse) -> None:
    home.battery.stuck = True
    before, started = home.entries, _now(home)
    answer = await home.asked("set_battery_override", action="charge", until_state_of_charge=95)
    assert (datetime.fromisoformat(str(answer["ends_at"])) - started).total_seconds() == 12 * 3600
    home.skip(hours=11.5)
    await home.pass_time(minutes=5)
    assert _override(home) is not None
    await home.pass_time(minutes=30)
    assert _override(home) is None
    assert home.entries == before


# --- Ending it, and having another one ---


async def test_it_can_be_cleared(home: BatteryHouse) -> None:
    before, settings = home.entries, _settings(home)
    await home.asked("set_battery_override", action="charge", duration="04:00:00", wait=MOST_WAITED)
    assert await home.asked("clear_battery_override", wait=MOST_WAITED) == {"state": "applied", "reason": None}
    await home.pass_time(minutes=3)
    assert home.entries == before
    assert _settings(home) == settings
    home.skip(hours=4)
    await home.pass_time(minutes=10)
    assert home.entries == before


async def test_clearing_where_there_is_none_is_no_error(home: BatteryHouse) -> None:
    home.sim.requests.clear()
    assert await home.asked("clear_battery_override") == {"state": "applied", "reason": None}
    assert home.sim.count("battery_write") == 0


@pytest.mark.parametrize("second", ["charge", "discharge", "hold"])
async def test_another_one_takes_its_place(home: BatteryHouse, second: str) -> None:
    before, settings = home.entries, _settings(home)
    await home.asked("set_battery_override", action="charge", duration="04:00:00", wait=MOST_WAITED)
    await home.pass_time(minutes=20)
    await home.asked("set_battery_override", action=second, duration="00:30:00", wait=MOST_WAITED)
    family = {"charge": "cfg", "discharge": "dtg", "hold": "rbd"}[second]
    added = {one[0] for one in home.entries - before}
    assert added == {family}
    await _is_over(home)
    assert home.entries == before
    assert _settings(home) == settings


async def test_another_one_that_cannot_be_leaves_it_in_force(home: BatteryHouse) -> None:
    await home.asked("set_battery_override", action="hold", duration="01:00:00", wait=MOST_WAITED)
    in_force = _override(home)
    await home.refused("set_battery_override", action="charge", duration="23:01:00")
    assert in_force is not None
    assert _override(home) is in_force


async def test_schedules_that_a_person_changes_meanwhile_stay_as_they_want_them(home: BatteryHouse) -> None:
    before = home.entries
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    added = await home.asked("add_battery_schedule", family="dtg", start="08:00", end="09:00", limit=50, wait=MOST_WAITED)
    assert added["state"] == "applied"
    night = next(one.id for one in home.battery.schedules if one.start == "20:00")
    await home.asked("delete_battery_schedule", schedule_id=night, wait=MOST_WAITED)
    await _is_over(home)
    assert home.entries - before == {("dtg", "08:00", "09:00", _ALL_DAYS, 50, True)}
    assert before - home.entries == {("cfg", "20:00", "05:00", _ALL_DAYS, 100, True)}


async def test_one_that_the_cloud_refuses_leaves_everything_as_it_was(home: BatteryHouse) -> None:
    before, settings = home.entries, _settings(home)
    home.sim.faults.add(path="/schedules$", method="POST", status=400, body={"error": {"status": "INVALID_REQUEST"}})
    refusal = await home.refused("set_battery_override", action="hold", duration="02:00:00")
    assert refusal.translation_key == "request_rejected"
    await home.pass_time(minutes=10)
    assert _override(home) is None
    assert home.entries == before
    assert _settings(home) == settings


async def test_the_end_of_one_that_ended_early_does_not_end_the_next_one(home: BatteryHouse) -> None:
    home.battery.state_of_charge = 80
    await home.asked("set_battery_override", action="charge", until_state_of_charge=70)
    await _is_over(home)
    home.skip(hours=11)
    await home.asked("set_battery_override", action="hold", duration="06:00:00", wait=MOST_WAITED)
    home.skip(hours=2)
    await home.pass_time(minutes=10)
    assert _override(home) is not None
    assert home.battery.flow.doing is Doing.HOLD


# --- Across restarts ---


async def test_it_goes_on_after_a_restart_and_ends_when_it_should(home: BatteryHouse) -> None:
    before, settings, started = home.entries, _settings(home), _now(home)
    await home.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)
    during = home.entries
    await home.restarted(minutes=30)
    assert _override(home) is not None
    assert home.entries == during
    await _is_over(home)
    assert 2 * 3600 <= (_now(home) - started).total_seconds() < 2 * 3600 + 600
    assert home.entries == before
    assert _settings(home) == settings


async def test_one_that_ran_out_while_nobody_looked_is_ended_at_the_start(home: BatteryHouse) -> None:
    before, settings = home.entries, _settings(home)
    await home.asked("set_battery_override", action="charge", duration="02:00:00", wait=MOST_WAITED)
    await home.restarted(minutes=5 * 60)
    await home.pass_time(minutes=5)
    assert _override(home) is None
    assert home.entries == before
    assert _settings(home) == settings


async def test_its_end_waits_for_a_cloud_that_is_down(home: BatteryHouse) -> None:
    before, settings = home.entries, _settings(home)
    await home.asked("set_battery_override", action="discharge", duration="01:00:00", wait=MOST_WAITED)
    await home.pass_time(minutes=30)
    await home.sim.stop()
    await home.pass_time(minutes=60)
    await home.sim.start()
    await home.pass_time(minutes=20)
    assert _override(home) is None
    assert home.entries == before
    assert _settings(home) == settings


async def test_it_is_shown_until_it_has_ended(home: BatteryHouse) -> None:
    before = home.entries
    answer = await home.asked("set_battery_override", action="charge", duration="00:20:00", wait=MOST_WAITED)
    await home.pass_time(minutes=15)
    home.sim.expire_sessions()
    home.sim.expire_tokens()
    home.sim.faults.add(path="login", drop=True, times=None)
    await home.pass_time(minutes=15)
    assert home.entries != before, "its end could not be written"
    assert home.battery_state("sensor", "override") == "charge"
    assert home.battery_state("sensor", "override_ends") == answer["ends_at"]
    assert home.battery_state("binary_sensor", "override_active") == "on"
    assert home.battery_state("button", "end_override") != "unavailable"

    home.sim.faults.clear()
    await home.pass_time(minutes=45)
    assert home.entries == before
    assert home.battery_state("sensor", "override") == "none"
    assert home.battery_state("binary_sensor", "override_active") == "off"
    assert home.battery_state("button", "end_override") == "unavailable"


@pytest.mark.parametrize("is_cleared", [False, True], ids=["over", "cleared"])
async def test_a_full_disk_does_not_keep_it_from_ending(home: BatteryHouse, monkeypatch: pytest.MonkeyPatch, *, is_cleared: bool) -> None:
    before, settings = home.entries, _settings(home)
    await home.asked("set_battery_override", action="discharge", duration="00:20:00", wait=MOST_WAITED)
    await home.pass_time(minutes=1)

    async def refuse(*_: object) -> None:
        raise WriteError("No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(storage.Store, "_async_write_data", refuse)
        refusal = await home.refused("add_battery_schedule", family="dtg", start="08:00", end="09:00", limit=50)
        assert refusal.translation_key == "ledger_not_saved"
        if is_cleared:
            assert (await home.asked("clear_battery_override", wait=MOST_WAITED))["state"] == "applied"
        await home.pass_time(minutes=3 if is_cleared else 30)
        assert (home.entries, _settings(home)) == (before, settings)
        # What it finds on the disk then is from before the end.
        await home.restarted(minutes=2)

    await home.pass_time(minutes=20)
    assert (home.entries, _settings(home)) == (before, settings)
    assert home.battery_state("sensor", "override") == "none"


# --- Its schedule, and those that make way for it ---


async def test_its_schedule_is_not_for_a_person_to_change(home: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    before = home.entries
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    during, own = home.entries, next(one.id for one in home.battery.schedules if one.start == "13:10")
    home.sim.requests.clear()
    calendar = Calendar(home, home.site_entity_id("calendar", "charge_from_grid"))

    for service, data in (("delete_battery_schedule", {}), ("update_battery_schedule", {"end": "17:00"})):
        refusal = await home.refused(service, schedule_id=own, **data)
        assert str(refusal) == "This schedule belongs to the battery override. End the override instead"
    answer = await calendar.page(hass_ws_client)("delete", uid=own)
    assert (answer["success"], "End the override instead" in answer["error"]["message"]) == (False, True)

    assert (home.sim.count("battery_write"), home.entries) == (0, during)
    await _is_over(home)
    assert home.entries == before


@pytest.mark.parametrize("named", [{"family": "charge_from_grid"}, {"all": True}], ids=["a kind", "all"])
async def test_what_is_aside_is_deleted_with_the_others(home: BatteryHouse, named: dict[str, object]) -> None:
    before = home.entries
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    own = next(one for one in home.entries if one[1] == "13:10")

    answer = await home.asked("delete_battery_schedule", wait=MOST_WAITED, **named)

    assert answer == {"state": "applied", "reason": None}
    assert own in home.entries, "the override goes on"
    await _is_over(home)
    assert home.entries == {one for one in before if "family" in named and one[0] != "cfg"}


async def test_one_that_is_aside_is_there_for_whoever_asks(home: BatteryHouse) -> None:
    before, aside = home.entries, next(one.id for one in home.battery.schedules if one.start == "13:30")
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)

    in_the_way = await home.refused("add_battery_schedule", family="dtg", start="13:40", end="14:30", limit=50)
    assert (in_the_way.translation_key, (in_the_way.translation_placeholders or {})["start"]) == ("schedule_conflict", "13:30")
    asked = await home.asked("validate_battery_schedule", family="dtg", start="13:40", end="14:30", days=["thu"], limit=50)
    assert asked == {"valid": False, "reason": "schedule_conflict"}
    refusal = await home.refused("update_battery_schedule", schedule_id=aside, end="13:50")
    assert str(refusal) == "This schedule is suspended for the battery override until 14:10. End the override first"
    answer = await home.asked("delete_battery_schedule", schedule_id=aside, wait=MOST_WAITED)
    assert answer == {"state": "applied", "reason": None}

    await _is_over(home)
    assert before - home.entries == {("dtg", "13:30", "13:45", _ALL_DAYS, 30, True)}
    assert home.entries <= before


@pytest.mark.parametrize("lag", [0, 45], ids=["at once", "reads are late"])
@pytest.mark.parametrize("since", [0, 1, 10, 40], ids="{} s".format)
async def test_one_that_was_aside_is_deleted_by_the_id_that_it_had_before(home: BatteryHouse, since: float, lag: float) -> None:
    before, aside = home.entries, next(one.id for one in home.battery.schedules if one.start == "13:30")
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    home.battery.switches.schedules_lag_s = lag
    await home.until(lambda: any(one.start == "13:30" for one in home.battery.schedules), at_most=2 * 3600)
    assert aside not in {one.id for one in home.battery.schedules}, "it was put back under a new id"
    await home.pass_time(minutes=since / 60)

    answer = await home.asked("delete_battery_schedule", schedule_id=aside, wait=MOST_WAITED)
    await home.pass_time(minutes=30)

    assert answer == {"state": "applied", "reason": None}
    assert before - home.entries == {("dtg", "13:30", "13:45", _ALL_DAYS, 30, True)}
    assert home.entries <= before


async def test_one_that_was_aside_is_changed_by_the_id_that_it_had_before(home: BatteryHouse) -> None:
    before, aside = home.entries, next(one.id for one in home.battery.schedules if one.start == "13:30")
    await home.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    await home.until(lambda: any(one.start == "13:30" for one in home.battery.schedules), at_most=2 * 3600)

    answer = await home.asked("update_battery_schedule", schedule_id=aside, end="13:50", wait=MOST_WAITED)

    assert answer == {"state": "applied", "reason": None}
    assert home.entries - before == {("dtg", "13:30", "13:50", _ALL_DAYS, 30, True)}
    assert before - home.entries == {("dtg", "13:30", "13:45", _ALL_DAYS, 30, True)}


# --- A battery that does something else ---


async def test_a_battery_that_does_not_follow_is_told(home: BatteryHouse) -> None:
    home.battery.stuck = True
    await home.asked("set_battery_override", action="charge", duration="03:00:00", wait=MOST_WAITED)
    await home.pass_time(minutes=10)
    assert home.issue("override_ignored") is None
    await home.pass_time(minutes=10)
    issue = home.issue("override_ignored")
    assert issue is not None
    assert issue.translation_placeholders == {"site": "Main Site"}

    home.battery.stuck = False
    await home.pass_time(minutes=5)
    assert home.issue("override_ignored") is None


async def test_it_is_not_told_any_more_when_the_override_is_over(home: BatteryHouse) -> None:
    home.battery.stuck = True
    await home.asked("set_battery_override", action="charge", duration="03:00:00")
    await home.pass_time(minutes=20)
    assert home.issue("override_ignored") is not None
    await home.asked("clear_battery_override")
    assert home.issue("override_ignored") is None


async def test_a_battery_that_has_nothing_left_to_do_follows(home: BatteryHouse) -> None:
    home.battery.state_of_charge = 100
    await home.asked("set_battery_override", action="charge", duration="02:00:00", wait=MOST_WAITED)
    await home.pass_time(minutes=60)
    assert home.issue("override_ignored") is None


async def test_what_the_cloud_does_not_take_back_is_kept_and_the_override_is_over(
    build_battery_house: BatteryHouseBuilder,
) -> None:
    """A published site has entries of different families on top of each other, which the cloud would not take again."""
    house = await build_battery_house()
    house.battery.add_schedule("rbd", "01:00", "16:00")
    before, settings = house.entries, _settings(house)
    await house.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    await house.until(lambda: house.issue("left_entries") is not None and _override(house) is None)
    assert before - house.entries == {("rbd", "01:00", "16:00", _ALL_DAYS, None, True)}
    await house.pass_time(minutes=5)
    assert house.entries < before
    assert _settings(house) == settings

    house.battery.delete_schedule(house.entry_id("cfg"))
    restored = await house.asked("restore_battery_schedules")
    assert (len(restored["missing"]), restored["left"]) == (1, [])
    assert ("rbd", "01:00", "16:00", _ALL_DAYS, None, True) in house.entries
