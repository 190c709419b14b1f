"""Schedules that the cloud has dropped and does not take back: kept, told, exported, tried again, dropped."""

from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.enphase_ev.const import DOMAIN
from simulator.battery.entries import EntryStatus
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder, Says

_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_NIGHT = ("cfg", "20:00", "05:00", _ALL_DAYS, 100, True)
_NOON = ("cfg", "12:00", "13:00", (6, 7), 60, False)


@pytest.fixture
async def bereft(batteries: BatteryHouse) -> BatteryHouse:
    """A house whose cloud drops the entries of charge from grid when discharge is restricted, and does not take them back."""
    batteries.add_hold()
    batteries.battery.add_schedule("cfg", "12:00", "13:00", limit=60, days=(6, 7), enabled=False)
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    error = {"error": {"status": "CONFLICTING_SCHEDULE_RBD", "message": "Something is in the way"}}
    batteries.sim.faults.add(path="/schedules$", method="POST", status=409, body=error, times=None)
    entity_id = batteries.site_entity_id("switch", "restrict_battery_discharge")
    await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=entity_id))
    await batteries.until(lambda: batteries.issue("left_entries") is not None)
    await batteries.pass_time(minutes=2)
    return batteries


def _makes_room(house: BatteryHouse) -> None:
    """Let the cloud take everything back."""
    house.sim.faults.clear()


def _charging(house: BatteryHouse) -> set[Says]:
    return {entry for entry in house.entries if entry[0] == "cfg"}


class _Repair:
    """The repair as the front end goes through it."""

    def __init__(self, house: BatteryHouse, client: ClientSessionGenerator) -> None:
        self._house = house
        self._build_client = client

    async def choose(self, option: str) -> dict[str, Any]:
        """Open the repair, choose, and return what came of it."""
        assert await async_setup_component(self._house.hass, REPAIRS, {})
        client = await self._build_client()
        issue = self._house.issue("left_entries")
        assert issue is not None
        menu = await (await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue.issue_id})).json()
        assert (menu["type"], menu["menu_options"]) == ("menu", ["try_again", "drop"])
        assert menu["description_placeholders"] == issue.translation_placeholders
        answer = await self._house.lived_through(client.post(f"/api/repairs/issues/fix/{menu['flow_id']}", json={"next_step_id": option}))
        result: dict[str, Any] = await answer.json()
        return result


@pytest.fixture
def repair(bereft: BatteryHouse, hass_client: ClientSessionGenerator) -> _Repair:
    """The repair of the house that is bereft of its schedules."""
    return _Repair(bereft, hass_client)


async def test_a_note_shows_what_is_missing(bereft: BatteryHouse) -> None:
    issue = bereft.issue("left_entries")
    assert issue is not None
    assert (issue.severity, issue.is_fixable) == (ir.IssueSeverity.ERROR, True)
    assert issue.translation_placeholders == {
        "site": "Main Site",
        "schedules": "- Charge from grid, 20:00 - 05:00, Monday - Sunday, 100 %\n- Charge from grid, 12:00 - 13:00, Saturday, Sunday, 60 %",
    }
    assert bereft.battery.settings.restrict_discharge, "the change itself was made"


async def test_nothing_is_tried_until_a_person_wants_it(bereft: BatteryHouse) -> None:
    _makes_room(bereft)
    bereft.sim.requests.clear()
    await bereft.pass_time(minutes=30)
    assert bereft.sim.count("battery_write") == 0
    assert _charging(bereft) == set()


async def test_trying_again_puts_back_what_there_is_room_for(bereft: BatteryHouse, repair: _Repair) -> None:
    _makes_room(bereft)
    assert (await repair.choose("try_again"))["type"] == "create_entry"
    assert bereft.issue("left_entries") is None
    assert _charging(bereft) == {_NIGHT, _NOON}
    await bereft.pass_time(minutes=70)
    assert _charging(bereft) == {_NIGHT, _NOON}, "they were applied"


async def test_what_is_still_refused_stays(bereft: BatteryHouse, repair: _Repair) -> None:
    result = await repair.choose("try_again")
    assert (result["type"], result["reason"]) == ("abort", "still_left")
    assert bereft.issue("left_entries") is not None
    _makes_room(bereft)
    assert (await repair.choose("try_again"))["type"] == "create_entry"
    assert _charging(bereft) == {_NIGHT, _NOON}


async def test_what_is_refused_in_part_stays_in_part(bereft: BatteryHouse, repair: _Repair) -> None:
    bereft.sim.faults.clear()
    bereft.battery.add_schedule("dtg", "12:30", "12:45", limit=50)
    assert (await repair.choose("try_again"))["reason"] == "still_left"
    assert _charging(bereft) == {_NIGHT}
    issue = bereft.issue("left_entries")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["schedules"] == "- Charge from grid, 12:00 - 13:00, Saturday, Sunday, 60 %"


async def test_what_is_dropped_does_not_come_back(bereft: BatteryHouse, repair: _Repair) -> None:
    assert (await repair.choose("drop"))["type"] == "create_entry"
    assert bereft.issue("left_entries") is None
    _makes_room(bereft)
    await bereft.restarted(minutes=5)
    await bereft.pass_time(minutes=10)
    assert bereft.issue("left_entries") is None
    assert _charging(bereft) == set()
    assert await bereft.asked("restore_battery_schedules") == {"missing": [], "left": []}


async def test_a_cloud_that_is_down_is_no_refusal(bereft: BatteryHouse, repair: _Repair) -> None:
    _makes_room(bereft)
    await bereft.sim.stop()
    assert (await repair.choose("try_again"))["reason"] == "still_left"
    await bereft.sim.start()
    assert (await repair.choose("try_again"))["type"] == "create_entry"
    assert _charging(bereft) == {_NIGHT, _NOON}


async def test_they_are_kept_and_told_across_a_restart(bereft: BatteryHouse, repair: _Repair) -> None:
    await bereft.restarted(minutes=20)
    assert bereft.issue("left_entries") is not None
    _makes_room(bereft)
    assert (await repair.choose("try_again"))["type"] == "create_entry"
    assert _charging(bereft) == {_NIGHT, _NOON}


async def test_a_site_that_is_not_loaded_says_so(bereft: BatteryHouse, repair: _Repair) -> None:
    await bereft.lived_through(bereft.hass.config_entries.async_unload(bereft.entry.entry_id))
    assert (await repair.choose("try_again"))["reason"] == "not_loaded"
    assert (await repair.choose("drop"))["reason"] == "not_loaded"


# --- Without the note ---


async def test_the_button_does_the_same(bereft: BatteryHouse) -> None:
    entity_id = bereft.site_entity_id("button", "restore_schedules")
    with pytest.raises(HomeAssistantError) as caught:
        await bereft.lived_through(bereft.call("button", "press", entity_id=entity_id))
    assert (caught.value.translation_key, caught.value.translation_placeholders) == ("entries_left", {"count": "2"})
    _makes_room(bereft)
    await bereft.lived_through(bereft.call("button", "press", entity_id=entity_id))
    assert bereft.issue("left_entries") is None
    assert _charging(bereft) == {_NIGHT, _NOON}


async def test_the_action_tells_and_restores(bereft: BatteryHouse) -> None:
    bereft.sim.requests.clear()
    told = await bereft.asked("restore_battery_schedules", dry_run=True)
    assert [(one["start"], one["days"], one["limit"], one["enabled"]) for one in told["missing"]] == [
        ("20:00", ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 100, True),
        ("12:00", ["sat", "sun"], 60, False),
    ]
    assert told["left"] == told["missing"]
    assert bereft.sim.count("battery_write") == 0
    assert await bereft.asked("restore_battery_schedules") == told

    _makes_room(bereft)
    assert await bereft.asked("restore_battery_schedules") == {"missing": told["missing"], "left": []}
    assert bereft.issue("left_entries") is None
    assert _charging(bereft) == {_NIGHT, _NOON}


# --- Keeping a copy meanwhile ---


def _meaning(schedules: object) -> list[str]:
    """Return what exported entries say, whatever their ids."""
    assert isinstance(schedules, list)
    return [str({**one, "schedule_id": ""}) for one in schedules]


async def test_a_copy_holds_what_is_kept(bereft: BatteryHouse, repair: _Repair) -> None:
    there = (await bereft.asked("get_battery_schedules"))["schedules"]
    saved = (await bereft.asked("export_battery_schedules"))["schedules"]
    assert {one["start"] for one in there} == {"16:30", "18:00"}
    assert {one["start"] for one in saved} == {"16:30", "18:00", "20:00", "12:00"}
    await repair.choose("drop")
    _makes_room(bereft)
    assert (await bereft.asked("import_battery_schedules", schedules=saved, wait=MOST_WAITED))["state"] == "applied"
    assert _charging(bereft) == {_NIGHT, _NOON}


async def test_what_a_person_adds_again_is_not_missing_any_more(bereft: BatteryHouse) -> None:
    saved = (await bereft.asked("export_battery_schedules"))["schedules"]
    _makes_room(bereft)
    await bereft.asked("import_battery_schedules", schedules=saved, wait=MOST_WAITED)
    assert len((await bereft.asked("export_battery_schedules"))["schedules"]) == len(saved)
    assert bereft.issue("left_entries") is None
    assert _charging(bereft) == {_NIGHT, _NOON}
    assert len(bereft.battery.schedules) == 4


async def test_a_copy_during_an_override_is_of_what_is_there_otherwise(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("dtg", "13:30", "14:00", limit=30)
    before = (await batteries.asked("export_battery_schedules"))["schedules"]
    await batteries.asked("set_battery_override", action="charge", duration="02:00:00", wait=MOST_WAITED)
    there = (await batteries.asked("get_battery_schedules"))["schedules"]
    assert {one["start"] for one in there} == {"20:00", "18:00", "13:10"}
    during = (await batteries.asked("export_battery_schedules"))["schedules"]
    assert sorted(_meaning(during)) == sorted(_meaning(before))


async def test_an_apply_that_was_refused_is_tried_again_though_all_is_there(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house()
    house.sim.faults.add(path="batterySettings", method="PUT", status=400, times=3)
    await house.asked("add_battery_schedule", family="discharge_to_grid", start="12:00", end="13:00", wait=MOST_WAITED)
    house.battery.set(discharge_to_grid=True)
    (entry,) = (one for one in house.battery.schedules if one.start == "12:00")
    assert entry.status is EntryStatus.PENDING
    await house.pass_time(minutes=25)

    assert entry.status is EntryStatus.ACTIVE
    assert house.entry.runtime_data.battery.keeper.ledger.is_at_rest


async def test_what_is_never_applied_is_given_up_after_an_hour(
    build_battery_house: BatteryHouseBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    house = await build_battery_house()
    house.sim.faults.add(path="batterySettings", method="PUT", status=400, times=None)
    await house.asked("add_battery_schedule", family="discharge_to_grid", start="12:00", end="13:00")
    await house.pass_time(minutes=40)
    assert not house.entry.runtime_data.battery.keeper.ledger.is_at_rest
    await house.pass_time(minutes=40)

    assert house.entry.runtime_data.battery.keeper.ledger.is_at_rest
    assert "could not be applied" in caplog.text
