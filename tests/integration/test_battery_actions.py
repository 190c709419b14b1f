"""The actions of the batteries: what they do, and what they answer."""

from collections.abc import Callable

from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.switches.battery import BatteryDeployment, DeleteForm, EmptyDetails, EnhoRule
from simulator.world import add_battery, add_site
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder
from tests.integration.house import entry_of

_CHARGE = ("cfg", "20:00", "05:00", (1, 2, 3, 4, 5, 6, 7), 100, True)
_DISCHARGE = ("dtg", "18:00", "20:00", (1, 2, 3, 4, 5), 25, True)
_NEW = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "days": ["mon", "tue"], "limit": 80}
_ADDED = ("cfg", "09:00", "11:30", (1, 2), 80, True)
_APPLIED = {"state": "applied", "reason": None}

CLOUDS: dict[str, Callable[[BatteryDeployment], None]] = {
    "as usual": lambda _: None,
    "terse": lambda switches: switches.update({"answer_holds_id": False, "delete_status": 204, "empty_details": EmptyDetails.ABSENT}),
    "wordy": lambda switches: switches.update(
        {"seconds_in_times": True, "upper_case_status": True, "deleted_stay_listed": True, "pending_while_off": True}
    ),
    "wants the other form": lambda switches: switches.update({"delete_forms": {DeleteForm.PUT}, "source_enho": EnhoRule.NEEDED}),
    "forgets": lambda switches: switches.update({"empty_schedules_every": 3, "empty_details": EmptyDetails.NULL}),
}


@pytest.fixture(params=CLOUDS)
async def house(request: pytest.FixtureRequest, build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """Houses whose clouds answer the same in different ways."""
    return await build_battery_house(prepare=lambda sim: CLOUDS[request.param](sim.world.deployment.battery))


# --- Looking ---


async def test_all_schedules_are_told(batteries: BatteryHouse) -> None:
    answer = await batteries.asked("get_battery_schedules")
    assert answer == await batteries.asked("export_battery_schedules")
    charge, discharge = answer["schedules"]
    assert charge == {
        "schedule_id": batteries.entry_id("cfg"),
        "family": "charge_from_grid",
        "start": "20:00",
        "end": "05:00",
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "limit": 100,
        "enabled": True,
        "time_zone": "Australia/Melbourne",
        "pending": False,
    }
    assert discharge["family"] == "discharge_to_grid"


async def test_what_was_changed_in_the_app_a_moment_ago_is_told(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("rbd", "06:00", "07:00", applied=False)
    (found,) = [one for one in (await batteries.asked("get_battery_schedules"))["schedules"] if one["limit"] is None]
    assert (found["family"], found["pending"]) == ("restrict_battery_discharge", True)


async def test_an_answer_is_optional(batteries: BatteryHouse) -> None:
    await batteries.lived_through(batteries.call(DOMAIN, "add_battery_schedule", **_NEW))
    assert _ADDED in batteries.entries


# --- Changing ---


async def test_one_is_added_and_applied(house: BatteryHouse) -> None:
    answer = await house.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED)
    assert answer == _APPLIED
    assert house.entries == {_CHARGE, _DISCHARGE, _ADDED}
    assert house.battery.book.find(next(one.id for one in house.battery.schedules if one.start == "09:00")).apply_sent


async def test_one_whose_own_idea_of_being_enabled_is_a_lie_is_applied(batteries: BatteryHouse) -> None:
    batteries.battery.switches.lying_is_enabled = True
    assert await batteries.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED) == _APPLIED


@pytest.mark.parametrize(("family", "limit"), [("CFG", 100), ("dtg", 5), ("rbd", None)])
async def test_a_limit_need_not_be_named(batteries: BatteryHouse, family: str, limit: int | None) -> None:
    await batteries.asked("add_battery_schedule", family=family, start="12:00:30", end="13:00", wait=MOST_WAITED)
    assert (family.lower(), "12:00", "13:00", (1, 2, 3, 4, 5, 6, 7), limit, True) in batteries.entries


async def test_one_is_changed_in_what_is_named(house: BatteryHouse) -> None:
    entry_id = house.entry_id("dtg")
    answer = await house.asked("update_battery_schedule", schedule_id=entry_id, limit=40, days=["sat", "sun"], wait=MOST_WAITED)
    assert answer == _APPLIED
    assert house.entries == {_CHARGE, ("dtg", "18:00", "20:00", (6, 7), 40, True)}
    assert house.entry_id("dtg") == entry_id


async def test_one_is_switched_off_and_moved(batteries: BatteryHouse) -> None:
    answer = await batteries.asked(
        "update_battery_schedule", schedule_id=batteries.entry_id("cfg"), start="22:00", end="02:00", enabled=False, wait=MOST_WAITED
    )
    assert answer == _APPLIED
    assert ("cfg", "22:00", "02:00", (1, 2, 3, 4, 5, 6, 7), 100, False) in batteries.entries


async def test_one_is_deleted_by_its_id(house: BatteryHouse) -> None:
    answer = await house.asked("delete_battery_schedule", schedule_id=house.entry_id("cfg"), wait=MOST_WAITED)
    assert answer == _APPLIED
    assert house.entries == {_DISCHARGE}


async def test_a_family_is_deleted(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("cfg", "09:00", "10:00", limit=50)
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    answer = await batteries.asked("delete_battery_schedule", family="charge_from_grid", wait=MOST_WAITED)
    assert answer == _APPLIED
    assert batteries.entries == {_DISCHARGE}
    assert not batteries.battery.settings.charge_from_grid_schedule, "the last one leaves its schedules switched on"
    assert batteries.battery.settings.charge_from_grid


async def test_all_are_deleted_and_do_not_come_back(house: BatteryHouse) -> None:
    answer = await house.asked("delete_battery_schedule", all=True, wait=MOST_WAITED)
    assert answer == _APPLIED
    await house.pass_time(minutes=70)
    assert house.entries == set()


async def test_what_was_changed_and_gets_lost_comes_back_as_it_was_changed(batteries: BatteryHouse) -> None:
    schedule_id = batteries.entry_id("cfg")
    assert (await batteries.asked("update_battery_schedule", schedule_id=schedule_id, limit=70))["state"] == "requested"
    batteries.battery.drop_schedules("cfg")
    await batteries.pass_time(minutes=10)
    assert batteries.entries == {(*_CHARGE[:4], 70, True), _DISCHARGE}


async def test_what_was_added_and_gets_lost_comes_back(batteries: BatteryHouse) -> None:
    assert (await batteries.asked("add_battery_schedule", **_NEW))["state"] == "requested"
    batteries.battery.drop_schedules("cfg")
    await batteries.pass_time(minutes=10)
    assert batteries.entries == {_CHARGE, _DISCHARGE, _ADDED}


@pytest.mark.usefixtures("all_entities_enabled")
async def test_what_the_change_has_read_shows_at_once(batteries: BatteryHouse) -> None:
    await batteries.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED)
    assert batteries.battery_state("sensor", "charge_from_grid_schedules") == "2"


async def test_what_was_exported_and_deleted_is_the_same_after_importing(house: BatteryHouse) -> None:
    house.battery.add_schedule("rbd", "06:00", "07:00", days=(6,), time_zone="Australia/Perth")
    house.battery.add_schedule("cfg", "09:00", "10:00", limit=50, enabled=False)
    before, zones = house.entries, {one.time_zone for one in house.battery.schedules}
    saved = (await house.asked("export_battery_schedules"))["schedules"]
    assert await house.asked("delete_battery_schedule", all=True, wait=MOST_WAITED) == _APPLIED
    assert house.entries == set()

    assert await house.asked("import_battery_schedules", schedules=saved, wait=MOST_WAITED) == _APPLIED

    assert house.entries == before
    assert {one.time_zone for one in house.battery.schedules} == zones


async def test_importing_what_is_there_changes_nothing(batteries: BatteryHouse) -> None:
    saved = (await batteries.asked("export_battery_schedules"))["schedules"]
    batteries.sim.requests.clear()
    assert await batteries.asked("import_battery_schedules", schedules=saved) == _APPLIED
    assert batteries.sim.count("battery_write") == 0


async def test_importing_adds_only_what_is_missing(batteries: BatteryHouse) -> None:
    saved = (await batteries.asked("export_battery_schedules"))["schedules"]
    (charge,) = [one for one in batteries.battery.schedules if one.family.value == "cfg"]
    batteries.battery.delete_schedule(charge.id)
    batteries.battery.add_schedule("rbd", "06:00", "07:00")
    await batteries.asked("import_battery_schedules", schedules=saved, wait=MOST_WAITED)
    assert batteries.entries == {_CHARGE, _DISCHARGE, ("rbd", "06:00", "07:00", (1, 2, 3, 4, 5, 6, 7), None, True)}


# --- What the answer says ---


async def test_requested_where_nobody_waits(batteries: BatteryHouse) -> None:
    assert await batteries.asked("add_battery_schedule", **_NEW) == {"state": "requested", "reason": None}
    await batteries.pass_time(minutes=2)
    assert batteries.battery_state("sensor", "pending_change") == "none"


async def test_requested_where_the_gateway_is_slower_than_the_person(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    batteries.battery.switches.gateway_delay_s = 400.0
    started = batteries.hass.loop.time()
    assert await batteries.asked("add_battery_schedule", **_NEW, wait=120) == {"state": "requested", "reason": None}
    assert 120 <= batteries.hass.loop.time() - started < 150
    await batteries.pass_time(minutes=8)
    assert batteries.battery_state("sensor", "pending_change") == "none"


@pytest.mark.parametrize("gives_up", [0.0, None])
async def test_failed_where_the_gateway_never_takes_it_over(batteries: BatteryHouse, gives_up: float | None) -> None:
    switches = batteries.battery.switches
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    switches.gateway_delay_s, switches.gateway_gives_up_s = None, gives_up
    await batteries.asked("add_battery_schedule", **_NEW)
    await batteries.until(lambda: batteries.battery_state("sensor", "pending_change") == "failed")
    assert batteries.site_state("sensor", "pending_change").attributes["reason"] == "not_applied"


async def test_failed_with_the_reason_where_somebody_waits(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    batteries.battery.switches.unapplied_lifetime_s = 30.0
    batteries.battery.switches.gateway_delay_s = None
    answer = await batteries.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED)
    assert answer == {"state": "failed", "reason": "not_applied"}


# --- Checking without changing ---


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"start": "04:00", "end": "06:00"}, "schedule_conflict"),
        ({"end": "09:00"}, "schedule_without_duration"),
        ({"limit": 4}, "limit_out_of_range"),
        ({"family": "restrict_battery_discharge"}, "family_locked"),
    ],
)
async def test_one_is_checked_and_nothing_is_changed(batteries: BatteryHouse, fields: dict[str, object], reason: str | None) -> None:
    batteries.battery.features.controls.rbd.locked = True
    answer = await batteries.asked("validate_battery_schedule", **{**_NEW, **fields})
    assert answer == {"valid": reason is None, "reason": reason}
    assert batteries.entries == {_CHARGE, _DISCHARGE}


async def test_what_the_cloud_says_of_a_family_counts(batteries: BatteryHouse) -> None:
    batteries.sim.faults.add(path="isValid", status=200, body={"isValid": False})
    assert await batteries.asked("validate_battery_schedule", **_NEW) == {"valid": False, "reason": "refused_by_cloud"}


# --- Putting back ---


async def test_nothing_is_missing_where_nothing_was_lost(batteries: BatteryHouse) -> None:
    assert await batteries.asked("restore_battery_schedules", dry_run=True) == {"missing": [], "left": []}
    assert await batteries.asked("restore_battery_schedules") == {"missing": [], "left": []}
    assert batteries.sim.count("battery_write") == 0


# --- Several sites ---


async def _with_second(build: BatteryHouseBuilder) -> BatteryHouse:
    def prepare(sim: Simulator) -> None:
        site = add_site(sim.world, 1)
        add_battery(sim.world, site)
        sim.account.site_ids.append(site.id)

    house = await build(prepare=prepare)
    _, second = house.sim.world.sites
    entry = entry_of(house.sim, second)
    entry.add_to_hass(house.hass)
    await house.lived_through(house.hass.config_entries.async_setup(entry.entry_id))
    return house


async def test_of_two_batteries_one_has_to_be_named(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _with_second(build_battery_house)
    assert (await house.refused("get_battery_schedules")).translation_key == "no_battery_targeted"
    assert (await house.refused("get_battery_schedules", site_id="1")).translation_key == "no_battery_targeted"
    assert (await house.refused("get_battery_schedules", config_entry_id="1")).translation_key == "no_battery_targeted"
    await house.asked("get_battery_schedules", site_id=house.sim.site.id)
    await house.asked("get_battery_schedules", config_entry_id=house.entry.entry_id)
    entity_id = house.site_entity_id("sensor", "state_of_charge")
    await house.asked("get_battery_schedules", entity_id=entity_id)
    device_id = er.async_get(house.hass).async_get(entity_id).device_id
    await house.asked("get_battery_schedules", device_id=device_id)


async def test_one_that_fails_does_not_keep_the_other_from_its_turn(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _with_second(build_battery_house)
    first, second = house.sim.world.sites.values()
    first.battery.features.dr_event_active = True
    refusal = await house.refused("add_battery_schedule", entity_id="all", **_NEW, wait=MOST_WAITED)
    assert refusal.translation_key == "battery_event"
    assert "09:00" in {one.start for one in second.battery.schedules}
    assert "09:00" not in {one.start for one in first.battery.schedules}
