"""Small inputs that stand for what real sites do (tests/fixtures/cases): what a person sees of each, and what is sent."""

from datetime import datetime, timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.components.calendar.const import DATA_COMPONENT
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator, StormAlert
from simulator.received import ReceivedRequest
from simulator.switches.battery import EnhoRule
from simulator.switches.deployment import AlreadyCharging, StopForm, WrongForm
from tests.integration.battery_house import BatteryHouseBuilder
from tests.integration.house import House, HouseBuilder

_CASES = Path(__file__).parents[1] / "fixtures" / "cases"


def _case(name: str) -> Any:  # a payload can be of any shape
    return json.loads((_CASES / f"{name}.json").read_text(encoding="utf-8"))


def _writes(house: House, path: str) -> list[ReceivedRequest]:
    """The requests that change something; a write can be a GET nowhere, a read can be a POST."""
    return [one for one in house.sim.requests if one.method in {"PUT", "POST", "PATCH", "DELETE"} and path in one.path]


# --- Storm guard (1) ---


@pytest.mark.parametrize("word", ["active", "ACTIVE"])
async def test_storm_guard_with_an_alert_in_force_is_on(build_battery_house: BatteryHouseBuilder, word: str) -> None:
    payload = _case("storm_guard_active_profile")["payload"]
    payload["data"]["stormGuardState"] = word
    house = await build_battery_house(prepare=lambda sim: sim.faults.add(path="/profile/", method="GET", body=payload, times=None))
    assert house.battery_state("switch", "storm_guard") == "on"
    assert house.battery_state("switch", "storm_guard_ev") == "off"


async def test_charging_the_car_for_a_storm_leaves_storm_guard_on_in_a_storm(build_battery_house: BatteryHouseBuilder) -> None:
    """It sent `disabled`: storm guard off in a storm."""

    def storm(sim: Simulator) -> None:
        now = dt_util.utcnow().timestamp()
        sim.battery.storm_alerts.append(StormAlert("alert-1", "Severe wind", now - 600, now + 6 * 3600))
        sim.battery.set(storm_guard=True, storm_guard_ev=False)

    house = await build_battery_house(prepare=storm)
    assert house.battery_state("switch", "storm_guard") == "on"
    await house.lived_through(house.call("switch", "turn_on", entity_id=house.site_entity_id("switch", "storm_guard_ev")))
    await house.pass_time(minutes=3)
    assert (house.battery.settings.storm_guard, house.battery.settings.storm_guard_ev) == (True, True)
    assert [one.body for one in _writes(house, "stormGuard/toggle") if "disabled" in json.dumps(one.body)] == []


async def test_a_half_of_storm_guard_that_nobody_knows_is_not_written(build_battery_house: BatteryHouseBuilder) -> None:
    payload = _case("storm_guard_active_profile")["payload"]
    payload["data"]["stormGuardState"] = "dreaming"
    house = await build_battery_house(prepare=lambda sim: sim.faults.add(path="/profile/", method="GET", body=payload, times=None))
    assert house.battery_state("switch", "storm_guard") == "unknown"
    # This cloud wants both halves: then it is refused, rather than made up.
    with pytest.raises(HomeAssistantError):
        await house.lived_through(house.call("switch", "turn_on", entity_id=house.site_entity_id("switch", "storm_guard_ev")))
    bodies = [one.body for one in _writes(house, "stormGuard/toggle")]
    assert bodies
    assert [body for body in bodies if "stormGuardState" in body] == []  # type: ignore[operator]  # a body is an object


# --- Start and stop (8) ---


async def test_a_404_to_a_start_while_it_charges_is_nothing_to_do(build_house: HouseBuilder) -> None:
    """It took six requests through all forms, and then an error."""
    house = await build_house("single_phase", prepare=lambda sim: _deploy(sim, already_charging_answer=AlreadyCharging.NOT_FOUND))
    assert house.sim.charger().charging
    # What the charger does cannot be read before the start, which is therefore sent.
    house.sim.faults.add(path="status$", status=503, times=None)
    await house.live(600)
    house.sim.requests.clear()
    house.sim.faults.clear()
    house.sim.faults.add(path="status$", status=503)
    answer = await house.ask("start_charging", device_id=house.device_id(), charging_level=house.sim.charger().level_a)
    assert answer["chargers"][0]["outcome"] == "already_charging"
    assert len(_writes(house, "start_charging")) == 1


async def test_a_stop_whose_route_is_gone_is_not_taken_for_a_stop(build_house: HouseBuilder) -> None:
    """The car charged on, and nobody was told."""
    house = await build_house("single_phase")
    switch = house.entity_id("switch", "charging")
    await house.call("switch", "turn_off", entity_id=switch)
    house.sim.charger().start(16)
    await house.live(120)
    _deploy(house.sim, stop_forms={StopForm.POST}, wrong_form=WrongForm.NO_RESOURCE)
    house.sim.requests.clear()
    await house.call("switch", "turn_off", entity_id=switch)
    assert not house.sim.charger().charging
    assert [one.method for one in _writes(house, "stop_charging")] == ["PUT", "POST"]


async def test_a_stop_that_is_out_of_order_now_stays_possible(build_house: HouseBuilder) -> None:
    """A client that went on to a dead path after the 503 remembered it as the form that works, and could not stop the car any more."""
    house = await build_house("single_phase")
    out = {"error": {"errorMessageCode": "iqevc_ms-10007", "displayMessage": "Service is unavailable"}}
    house.sim.faults.add(path="stop_charging$", method="PUT", status=503, body=out)
    house.sim.faults.add(path="stop_charging$", method="POST", status=404, times=None)
    switch = house.entity_id("switch", "charging")
    with pytest.raises(HomeAssistantError) as refused:
        await house.call("switch", "turn_off", entity_id=switch)
    assert refused.value.translation_key == "service_unavailable"
    assert house.state("switch", "charging").state == "on"
    assert [one.method for one in _writes(house, "stop_charging")] == ["PUT"]
    await house.call("switch", "turn_off", entity_id=switch)
    assert not house.sim.charger().charging


def _deploy(sim: Simulator, **switches: object) -> None:
    sim.world.deployment.update(switches)


# --- Writes (9, 12) ---


async def test_what_is_so_of_the_battery_is_not_written(build_battery_house: BatteryHouseBuilder) -> None:
    """Reserve 20 when it was 20, charge from grid off when off, and the profile were written each time."""
    house = await build_battery_house()
    for platform, key in (
        ("number", "reserve"),
        ("switch", "charge_from_grid"),
        ("switch", "discharge_to_grid"),
        ("switch", "storm_guard"),
        ("select", "system_profile"),
    ):
        state = house.battery_state(platform, key)
        call = {
            "number": ("set_value", {"value": state}),
            "switch": (f"turn_{state}", {}),
            "select": ("select_option", {"option": state}),
        }
        service, data = call[platform]
        await house.lived_through(house.call(platform, service, entity_id=house.site_entity_id(platform, key), **data))
    await house.pass_time(minutes=3)
    assert [one for one in _writes(house, "batteryConfig") if not one.path.endswith("/isValid")] == []
    # The same calls write where it is not so.
    await house.lived_through(house.call("number", "set_value", entity_id=house.site_entity_id("number", "reserve"), value=33))
    await house.pass_time(minutes=3)
    assert house.battery.settings.reserve == 33


async def test_the_whole_of_a_write_has_no_keys_but_those_that_worked(build_battery_house: BatteryHouseBuilder) -> None:
    """Five keys too many were sent."""

    def whole(sim: Simulator) -> None:
        sim.battery.set(restrict_discharge=True)
        sim.battery.switches.update({"source_enho": EnhoRule.NEEDED, "partial_rbd_off_ignored": True})

    house = await build_battery_house(prepare=whole)
    await house.lived_through(house.call("switch", "turn_off", entity_id=house.site_entity_id("switch", "restrict_battery_discharge")))
    await house.pass_time(minutes=10)
    assert not house.battery.settings.restrict_discharge
    bodies = [one.body for one in _writes(house, "batterySettings/") if one.method == "PUT" and isinstance(one.body, dict)]
    longest = max(bodies, key=len)
    assert len(longest) > 10
    assert set(longest) - set(_case("whole_write_keys")["in_the_verified_body"]) == set()


# --- Payloads as they come (15, 16) ---


def _state_of(house: House, unique_id: str) -> str:
    entity_id = er.async_get(house.hass).async_get_entity_id("sensor", DOMAIN, unique_id)
    assert entity_id is not None
    state = house.hass.states.get(entity_id)
    assert state is not None
    return state.state


async def test_a_session_of_two_pages_is_one(build_house: HouseBuilder) -> None:
    """In the list that the action gives, in the last session and in what this month has cost."""
    payload = _case("overlapping_session_pages")["payload"]
    house = await build_house(prepare=lambda sim: sim.faults.add(path="/history$", body=payload, times=None))
    answer = await house.ask("get_charging_sessions", device_id=house.device_id(), **{"from": "2026-11-01", "to": "2026-11-01"})
    (session,) = answer["chargers"][0]["sessions"]  # type: ignore[misc]  # the answer of this action
    assert session["energy"] == 7.2


async def test_batteries_with_another_spelling_of_their_serial(build_battery_house: BatteryHouseBuilder) -> None:
    payload = _case("battery_status_serial_num")["payload"]
    payload["storages"][1]["led_status"] = 12
    house = await build_battery_house(prepare=lambda sim: sim.faults.add(path="battery_status", body=payload, times=None))
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    assert {one.serial_number for one in devices} >= {"BT0000000011", "BT0000000012"}
    assert house.battery_state("sensor", "available_power") == "3.84"
    assert house.battery_state("sensor", "state_of_charge") == "61.0"
    assert house.battery_state("sensor", "battery_status") == "charging"


async def test_batteries_with_nothing_but_an_id(build_battery_house: BatteryHouseBuilder) -> None:
    payload = _case("battery_status_serial_num")["payload"]
    for storage in payload["storages"]:
        del storage["serial_num"]
    house = await build_battery_house(prepare=lambda sim: sim.faults.add(path="battery_status", body=payload, times=None))
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    assert {one.serial_number for one in devices} >= {"11", "12"}
    assert [_state_of(house, f"{unit}_state_of_charge") for unit in ("11", "12")] == ["60.0", "62.0"]


async def test_a_preference_without_words_tells_the_mode_by_its_keys(build_house: HouseBuilder) -> None:
    payload = _case("preference_without_charging_mode")["payload"]
    house = await build_house(prepare=lambda sim: sim.faults.add(path="preference$", method="GET", body=payload, times=None))
    select = house.state("select", "charge_mode")
    assert select.state == "green"
    assert set(select.attributes["options"]) == {"manual", "scheduled", "green"}


async def test_an_entry_without_days_is_one_of_every_day(build_battery_house: BatteryHouseBuilder) -> None:
    payload = _case("schedules_without_days")["payload"]
    house = await build_battery_house(prepare=lambda sim: sim.faults.add(path="/schedules$", method="GET", body=payload, times=None))
    zone = house.sim.site.zone
    begin = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    entity = house.hass.data[DATA_COMPONENT].get_entity(house.site_entity_id("calendar", "charge_from_grid"))
    assert entity is not None
    events = await entity.async_get_events(house.hass, begin, begin + timedelta(days=7))
    times = [(one.start.astimezone(zone), one.end.astimezone(zone)) for one in events]  # type: ignore[union-attr]  # no whole days
    begins = [begin + timedelta(days=day, hours=3, minutes=30) for day in range(7)]
    assert times == [(one, one + timedelta(minutes=20)) for one in begins]
    # It is in the way of another one on any day.
    refusal = await house.refused("add_battery_schedule", family="cfg", start="03:40", end="04:40", days=["wed"], limit=50, wait=30)
    assert refusal.translation_key == "schedule_conflict"
    assert _writes(house, "schedules") == []
