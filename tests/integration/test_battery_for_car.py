"""Whether the house battery may feed the car, and down to what level (docs/cloud-api/battery.md §8)."""

import json
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.entity import battery_identifier
from simulator import Simulator, StormAlert
from simulator.received import ReceivedRequest
from simulator.switches.battery import StormRefusal
from tests.integration.battery_house import BatteryHouse, BatteryHouseBuilder
from tests.strictness import strict_and_lenient

_SWITCH = ("switch", "battery_for_car")
_LIMIT = ("number", "battery_for_car_limit")


def _has_it(sim: Simulator) -> None:
    """The car charges at 7.4 kW, and the battery is half full."""
    sim.battery.features.has_battery_for_car = True
    sim.site.solar_w = 0
    sim.site.base_load_w = 600
    sim.battery.state_of_charge = 60
    for entry in list(sim.battery.schedules):
        sim.battery.delete_schedule(entry.id)
    sim.charger().start(32)


@pytest.fixture
async def house(build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """A house where the battery's share of the car is a setting of the site."""
    return await build_battery_house("battery_site", prepare=_has_it)


async def _turn(house: BatteryHouse, *, on: bool) -> None:
    call = house.call("switch", "turn_on" if on else "turn_off", entity_id=house.site_entity_id(*_SWITCH))
    await house.lived_through(call)


async def _set(house: BatteryHouse, percent: float) -> None:
    await house.lived_through(house.call("number", "set_value", entity_id=house.site_entity_id(*_LIMIT), value=percent))


def _writes(house: BatteryHouse) -> list[ReceivedRequest]:
    return [one for one in house.sim.requests if one.method == "PUT" and "/device/battery/preference/" in one.path]


def _bodies(house: BatteryHouse) -> list[tuple[bool, int]]:
    """Return what was written: always both keys."""
    bodies = [one.body for one in _writes(house) if isinstance(one.body, dict)]
    assert all(set(body) == {"useBatteryForEVSE", "batteryLimit"} for body in bodies)
    return [(body["useBatteryForEVSE"] is True, int(str(body["batteryLimit"]))) for body in bodies]


# --- What it does ---


@strict_and_lenient
@pytest.mark.parametrize("zero", [True, False], ids=["off reads 0", "off keeps the level"])
@pytest.mark.parametrize("pends", [True, False], ids=["through the gateway", "at once"])
async def test_battery_feeds_the_car_or_not(house: BatteryHouse, pends: bool, zero: bool) -> None:
    house.battery.switches.update({"car_setting_pends": pends, "off_reads_zero": zero})
    assert house.battery.power_w < -7000
    assert (house.battery_state(*_SWITCH), house.battery_state(*_LIMIT)) == ("on", "30.0")

    await _turn(house, on=False)
    assert house.battery_state(*_SWITCH) == "off"
    await house.pass_time(minutes=4)
    assert house.battery.power_w == pytest.approx(-600), "it goes on with the house"
    assert house.battery_state(*_SWITCH) == "off"
    assert house.battery_state(*_LIMIT) == ("unknown" if zero else "30.0")

    await _turn(house, on=True)
    await house.pass_time(minutes=4)
    assert house.battery.power_w < -7000
    assert house.battery_state(*_SWITCH) == "on"
    # What reads 0 begins with the lowest level.
    assert house.battery_state(*_LIMIT) == ("10.0" if zero else "30.0")
    assert _bodies(house) == [(False, 30), (True, 10 if zero else 30)]
    assert all(not one.query for one in _writes(house)), "this write has no query"
    assert house.battery_state("sensor", "pending_change") == "none"


async def test_the_car_gets_what_is_above_the_level(house: BatteryHouse) -> None:
    state = house.site_state(*_LIMIT)
    assert (state.attributes["min"], state.attributes["max"], state.attributes["step"]) == (10, 100, 1)
    await _set(house, 55)
    await house.pass_time(minutes=2)
    assert _bodies(house) == [(True, 55)]
    assert house.battery_state(*_LIMIT) == "55.0"
    assert house.battery.power_w < -7000

    await house.pass_time(minutes=20)
    assert 52 < house.battery.state_of_charge <= 55.1, "the house has gone on with what is below"
    assert house.battery.power_w == pytest.approx(-600)
    assert house.sim.charger().charging


@pytest.mark.parametrize("pends", [True, False], ids=["through the gateway", "at once"])
async def test_both_wishes_at_once_do_not_undo_each_other(house: BatteryHouse, pends: bool) -> None:
    house.battery.set(battery_for_car=False)
    house.battery.switches.update({"car_setting_pends": pends, "settings_lag_s": 60})
    await house.pass_time(minutes=6)
    switch, limit = house.site_entity_id(*_SWITCH), house.site_entity_id(*_LIMIT)
    first = house.hass.async_create_task(house.call("switch", "turn_on", entity_id=switch))
    second = house.hass.async_create_task(house.call("number", "set_value", entity_id=limit, value=50))
    await house.until(lambda: first.done() and second.done())
    await house.pass_time(minutes=12)
    assert (house.battery.settings.battery_for_car, house.battery.settings.battery_for_car_limit) == (True, 50)
    assert (house.battery_state(*_SWITCH), house.battery_state(*_LIMIT)) == ("on", "50.0")
    assert set(_bodies(house)) == {(True, 50)}


async def test_a_level_is_refused_where_none_is_kept(house: BatteryHouse) -> None:
    house.battery.switches.off_reads_zero = True
    await _turn(house, on=False)
    await house.pass_time(minutes=4)
    with pytest.raises(ServiceValidationError) as caught:
        await _set(house, 50)
    assert caught.value.translation_key == "battery_for_car_off"
    assert len(_writes(house)) == 1


async def test_a_half_that_is_not_known_is_not_written_as_off(house: BatteryHouse) -> None:
    told = json.loads((Path(__file__).parents[1] / "fixtures" / "api" / "battery_settings.json").read_text(encoding="utf-8"))
    told["data"]["devices"] = {"iqEvse": {"batteryLimit": 60, "minBatteryLimit": 20}}
    house.sim.faults.add(path="batterySettings", method="GET", body=told, times=None)
    await house.pass_time(minutes=6)
    assert (house.battery_state(*_SWITCH), house.battery_state(*_LIMIT)) == ("unknown", "60.0")
    with pytest.raises(ServiceValidationError) as caught:
        await _set(house, 50)
    assert caught.value.translation_key == "battery_for_car_off"
    assert _writes(house) == []


async def test_what_is_so_already_is_not_written(house: BatteryHouse) -> None:
    await _turn(house, on=True)
    await house.pass_time(minutes=4)
    assert _writes(house) == []


async def test_changed_in_the_app(house: BatteryHouse) -> None:
    house.battery.set(battery_for_car=False, battery_for_car_limit=70)
    await house.pass_time(minutes=6)
    assert (house.battery_state(*_SWITCH), house.battery_state(*_LIMIT)) == ("off", "70.0")


# --- Refusals ---


async def test_a_false_refusal_is_none(house: BatteryHouse) -> None:
    house.battery.switches.storm_refusal = StormRefusal.FALSE
    await _turn(house, on=False)
    await house.pass_time(minutes=4)
    assert not house.battery.settings.battery_for_car
    assert house.battery_state(*_SWITCH) == "off"
    assert house.battery_state("sensor", "pending_change") == "none"
    assert len(_writes(house)) == 1


async def test_what_a_false_refusal_has_shown_is_known_at_once(house: BatteryHouse) -> None:
    house.battery.switches.update({"car_setting_pends": False, "off_reads_zero": True})
    house.battery.set(battery_for_car=False)
    await house.pass_time(minutes=6)
    assert (house.battery_state(*_SWITCH), house.battery_state(*_LIMIT)) == ("off", "unknown")
    house.battery.switches.storm_refusal = StormRefusal.FALSE
    write = house.battery.set

    def write_slowly(**values: object) -> None:
        write(**values)
        house.freezer.tick(0.2)

    house.battery.set = write_slowly  # type: ignore[method-assign]  # a write takes its time
    await _turn(house, on=True)

    assert house.battery_state(*_SWITCH) == "on"
    assert house.battery_state(*_LIMIT) != "unknown"
    assert house.battery_state("sensor", "pending_change") == "none"


async def test_a_true_refusal_is_told(house: BatteryHouse) -> None:
    now = house.battery.now
    house.battery.storm_alerts.append(StormAlert("A", "Wind", now, now + 86400))
    with pytest.raises(ServiceValidationError) as caught:
        await _turn(house, on=False)
    assert caught.value.translation_key == "storm_guard_active"
    await house.pass_time(minutes=4)
    assert house.battery.settings.battery_for_car
    assert house.battery_state(*_SWITCH) == "on"
    assert len(_writes(house)) == 1


async def test_a_refusal_whose_outcome_cannot_be_read_is_looked_for(house: BatteryHouse) -> None:
    house.battery.switches.storm_refusal = StormRefusal.FALSE

    write = house.battery.set

    def write_and_fall_silent(**values: object) -> None:
        write(**values)
        house.sim.faults.add(path="/batterySettings/", status=503, times=6)

    house.battery.set = write_and_fall_silent  # type: ignore[method-assign]  # the moment between write and read
    with pytest.raises(HomeAssistantError) as caught:
        await _turn(house, on=False)
    assert caught.value.translation_key == "no_answer"
    house.sim.faults.clear()
    await house.pass_time(minutes=10)
    assert house.battery_state(*_SWITCH) == "off"
    assert house.battery_state("sensor", "pending_change") == "none"
    assert len(_writes(house)) == 1, "it is not sent again"


# --- Which sites have it ---


async def test_some_sites_tell_it_only_where_the_source_is_named(build_battery_house: BatteryHouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        _has_it(sim)
        sim.battery.switches.devices_need_enho = True

    house = await build_battery_house("battery_site", prepare=prepare)
    assert house.battery_state(*_SWITCH) == "on"
    await _turn(house, on=False)
    await house.pass_time(minutes=30)
    assert house.battery_state(*_SWITCH) == "off"
    reads = [one for one in house.sim.requests if one.method == "GET" and "/batterySettings/" in one.path]
    assert len([one for one in reads if "source" not in one.query]) == 1, "it is found out once"


def _without_level(sim: Simulator) -> None:
    _has_it(sim)
    sim.battery.features.battery_for_car_limited = False


def _not_the_owners(sim: Simulator) -> None:
    _has_it(sim)
    sim.battery.features.battery_for_car_owner = False


def _exists(house: BatteryHouse, platform: str, key: str) -> bool:
    return er.async_get(house.hass).async_get_entity_id(platform, DOMAIN, f"{house.sim.site.id}_{key}") is not None


async def test_a_site_without_a_level(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site", prepare=_without_level)
    assert not _exists(house, *_LIMIT)
    await _turn(house, on=False)
    await house.pass_time(minutes=4)
    assert not house.battery.settings.battery_for_car
    assert house.battery_state(*_SWITCH) == "off"


async def test_what_is_not_the_owners_is_not_offered(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site", prepare=_not_the_owners)
    assert not _exists(house, *_SWITCH)
    assert not _exists(house, *_LIMIT)


async def test_an_old_site_has_neither(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    assert not _exists(house, *_SWITCH)
    assert house.state("switch", "green_battery").state == "on"


# --- The switch of each charger makes way ---


async def _automate(hass: HomeAssistant, entity_id: str) -> None:
    action = {"action": "switch.turn_off", "target": {"entity_id": entity_id}}
    automation = {"id": "evening", "alias": "Evening", "triggers": [], "actions": [action]}
    assert await async_setup_component(hass, "automation", {"automation": automation})


async def _old_house(build: BatteryHouseBuilder) -> tuple[BatteryHouse, str]:
    house = await build("battery_site")
    return house, house.entity_id("switch", "green_battery")


async def _restart_with_it(house: BatteryHouse) -> None:
    house.battery.features.has_battery_for_car = True
    await house.restarted(minutes=1)


async def test_its_entity_id_goes_on_and_a_person_is_told(build_battery_house: BatteryHouseBuilder) -> None:
    house, entity_id = await _old_house(build_battery_house)
    await _automate(house.hass, entity_id)
    er.async_get(house.hass).async_update_entity(entity_id, name="My own name")
    await _restart_with_it(house)

    assert house.site_entity_id(*_SWITCH) == entity_id
    entity = er.async_get(house.hass).async_get(entity_id)
    assert entity is not None
    device = dr.async_get(house.hass).async_get_device_by_identifier(battery_identifier(house.sim.site.id), house.entry.entry_id)
    assert device is not None
    assert (entity.device_id, entity.name, entity.translation_key) == (device.id, "My own name", "battery_for_car")
    issue = house.issue("car_switch_moved")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["used_in"] == "- `automation.evening`"
    assert issue.translation_placeholders["kept"] == f"`{entity_id}`"

    await _turn(house, on=False)
    await house.pass_time(minutes=4)
    assert not house.battery.settings.battery_for_car
    # It is once and for all.
    await house.restarted(minutes=1)
    assert house.site_entity_id(*_SWITCH) == entity_id
    assert not [
        one for one in er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id) if "green" in one.unique_id
    ]


async def test_nobody_is_told_who_does_not_use_it(build_battery_house: BatteryHouseBuilder) -> None:
    house, _ = await _old_house(build_battery_house)
    await _restart_with_it(house)
    assert house.battery_state(*_SWITCH) == "on"
    assert house.issue("car_switch_moved") is None


async def test_a_site_that_gets_it_while_home_assistant_runs(build_battery_house: BatteryHouseBuilder) -> None:
    house, entity_id = await _old_house(build_battery_house)
    await _automate(house.hass, entity_id)
    house.battery.features.has_battery_for_car = True
    await house.pass_time(minutes=35)
    assert house.site_entity_id(*_SWITCH) == entity_id
    assert house.battery_state(*_SWITCH) == "on"
    assert house.issue("car_switch_moved") is not None


async def test_the_green_settings_are_not_read_any_more(house: BatteryHouse) -> None:
    await house.pass_time(minutes=90)
    assert not [one for one in house.sim.requests if "green" in one.path.lower()]


async def test_a_battery_that_is_silent_at_a_start_does_not_bring_the_old_switch_back(house: BatteryHouse) -> None:
    house.sim.faults.add(path="batteryConfig", status=503, times=None)
    await house.restarted(minutes=1)
    registry = er.async_get(house.hass)
    assert not [
        one for one in er.async_entries_for_config_entry(registry, house.entry.entry_id) if one.unique_id.endswith("_green_battery")
    ]
    house.sim.faults.clear()
    await house.pass_time(minutes=10)
    assert house.battery_state(*_SWITCH) == "on"
