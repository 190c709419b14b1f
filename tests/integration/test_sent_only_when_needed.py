"""A command says what is wanted: what is so already is not sent, and one charger's changes take turns."""

import asyncio

from homeassistant.exceptions import HomeAssistantError
import pytest

from simulator import Simulator
from simulator.hardware import DEFAULT_LEVEL, SESSION_AUTHENTICATION
from simulator.received import ReceivedRequest
from simulator.report import ChargeMode
from tests.integration.house import House, HouseBuilder


def _writes(house: House, path: str = "") -> list[ReceivedRequest]:
    """What was sent that changes something."""
    reads = ("ev_charger_config", "/history")
    return [
        one
        for one in house.sim.requests
        if one.method != "GET" and path in one.path and not (one.method == "POST" and one.path.endswith(reads)) and "/login" not in one.path
    ]


async def _start(house: House, **data: object) -> dict[str, object]:
    answer = await house.ask("start_charging", device_id=house.device_id(), **data)
    (charger,) = answer["chargers"]
    return charger


# --- A session that runs ---


async def test_a_start_without_a_level_leaves_a_running_session_alone(house: House) -> None:
    """The app charges at 16 A; a start raised that to the 32 A of a wish that nobody had."""
    house.sim.charger().start(16)
    for poll_later in (False, True):
        if poll_later:
            await house.live(61)
        assert (await _start(house))["outcome"] == "already_charging"
        await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
        await house.call("button", "press", entity_id=house.entity_id("button", "start_charging"))
    await house.live(120)
    assert _writes(house) == []
    assert (house.sim.charger().charging, house.sim.charger().level_a) == (True, 16)


async def test_a_start_is_sent_where_the_session_has_ended_meanwhile(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    house.sim.charger().stop()
    assert house.state("binary_sensor", "charging").state == "on"
    assert (await _start(house))["outcome"] == "accepted"
    assert house.sim.charger().charging


async def test_a_start_after_a_stop_is_sent_although_it_still_charges(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    house.sim.faults.add(path="stop_charging$", body={"status": "accepted"})
    await house.ask("stop_charging", device_id=house.device_id())
    await _start(house)
    assert [one.path.rpartition("/")[2] for one in _writes(house)] == ["stop_charging", "start_charging"]


async def test_a_start_is_sent_while_the_status_is_down_for_long(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    house.sim.faults.add(path="status$", status=503, times=None)
    await house.live(600)
    await _start(house)
    assert len(_writes(house, "start_charging")) == 1


async def test_a_level_that_is_in_force_is_not_sent(house: House) -> None:
    house.sim.charger().start(16)
    await house.live(61)
    assert (await _start(house, charging_level=16))["outcome"] == "already_charging"
    await house.see_through(house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=16))
    assert _writes(house) == []
    await house.see_through(house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=20))
    assert house.sim.charger().level_a == 20


# --- What the wish begins with ---


def _charging_at_16(sim: Simulator) -> None:
    sim.charger().start(16)


def _with_default_of_20(sim: Simulator) -> None:
    sim.charger().configuration.values[DEFAULT_LEVEL] = "20"


@pytest.mark.parametrize(("prepare", "level"), [(_charging_at_16, 16), (_with_default_of_20, 20), (lambda _: None, 32)])
async def test_the_wish_begins_with_what_the_charger_does(build_house: HouseBuilder, prepare: object, level: float) -> None:
    house = await build_house(prepare=prepare)
    assert float(house.state("number", "charging_amps").state) == level
    if house.sim.charger().charging:
        house.sim.charger().stop()
    await house.live(61)
    assert float(house.state("number", "charging_amps").state) == level
    await _start(house)
    assert house.sim.charger().level_a == level


async def test_a_wish_of_a_person_stays_what_it_is(house: House) -> None:
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=24)
    house.sim.charger().start(16)
    await house.live(61)
    assert house.state("number", "charging_amps").state == "24.0"


# --- Modes and settings ---


async def test_a_mode_that_is_chosen_already_is_not_sent(house: House) -> None:
    select = house.entity_id("select", "charge_mode")
    await house.call("select", "select_option", entity_id=select, option="manual")
    assert _writes(house) == []
    # What was chosen elsewhere a moment ago is known before anything is sent.
    house.sim.charger().mode = ChargeMode.GREEN
    await house.call("select", "select_option", entity_id=select, option="green")
    assert _writes(house) == []
    assert house.state("select", "charge_mode").state == "green"
    await house.call("select", "select_option", entity_id=select, option="manual")
    assert len(_writes(house, "preference")) == 1
    assert house.sim.charger().mode is ChargeMode.MANUAL


async def test_a_mode_is_sent_where_it_cannot_be_read(house: House) -> None:
    house.sim.faults.add(path="preference$", method="GET", status=503, times=None)
    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="manual")
    assert len(_writes(house, "preference")) == 1


async def test_a_setting_that_is_so_already_is_not_sent(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=_with_default_of_20)
    house.sim.charger().configuration.values[SESSION_AUTHENTICATION] = "enabled"
    await house.see_through(house.call("switch", "turn_on", entity_id=house.entity_id("switch", "app_authentication")))
    await house.see_through(house.call("number", "set_value", entity_id=house.entity_id("number", "default_charge_level"), value=20))
    assert _writes(house) == []
    assert house.state("switch", "app_authentication").state == "on"


# --- A charger that takes no level ---


async def test_a_level_that_is_refused_is_not_sent_again_until_the_firmware_changes(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"invalid_level_500": True}))

    async def bodies() -> list[object]:
        if house.sim.charger().charging:
            house.sim.charger().stop()
        await house.live(61)
        house.sim.requests.clear()
        await _start(house, charging_level=16)
        return [one.body for one in _writes(house, "start_charging")]

    assert await bodies() == [{"chargingLevel": 16, "connectorId": 1}, {"connectorId": 1}]
    assert await bodies() == [{"connectorId": 1}]
    await house.restart()
    assert await bodies() == [{"connectorId": 1}]
    assert house.state("number", "charging_amps").attributes["in_force"] is False

    house.sim.world.deployment.update({"invalid_level_500": False})
    summary = {"serialNumber": house.sim.charger().serial, "firmwareVersion": "99.1"}
    house.sim.faults.add(path="summary", body={"data": [summary]}, times=None)
    house.sim.charger().go_offline()
    await house.live(61)
    house.sim.charger().come_back()
    await house.live(400)
    assert await bodies() == [{"chargingLevel": 16, "connectorId": 1}]


# --- One turn a charger ---


async def test_green_mode_and_a_start_at_the_same_moment(house: House) -> None:
    """32 A went into green mode: drawn from the grid, and paid for (docs/cloud-api/chargers.md §3)."""
    mode = house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="green")
    await asyncio.gather(mode, _start(house, charging_level=32))
    assert house.sim.charger().mode is ChargeMode.GREEN
    assert [one.body for one in _writes(house, "start_charging")] == [{"connectorId": 1}]


@pytest.mark.parametrize(("scenario", "mode"), [("one_charger", ChargeMode.GREEN), ("smart_site", ChargeMode.SMART)])
async def test_a_mode_that_the_app_has_just_chosen_counts(build_house: HouseBuilder, scenario: str, mode: ChargeMode) -> None:
    """The status gives a hint of green mode alone; of the others only the preference tells."""
    house = await build_house(scenario, prepare=lambda sim: setattr(sim.charger(), "mode", ChargeMode.MANUAL))
    assert house.state("select", "charge_mode").state == "manual"
    if house.sim.charger().charging:
        house.sim.charger().stop()
        await house.live(61)
    house.sim.charger().mode = mode
    await _start(house, charging_level=32)
    assert [one.body for one in _writes(house, "start_charging")] == [{"connectorId": 1}]


async def test_three_schedules_deleted_at_once_stay_deleted(build_house: HouseBuilder) -> None:
    house = await build_house()
    for hour in (1, 3, 5):
        times = {"start": f"0{hour}:00:00", "end": f"0{hour + 1}:00:00"}
        await house.see_through(house.ask("add_charging_schedule", device_id=house.device_id(), **times))
    answer = await house.ask("get_charging_schedules", device_id=house.device_id())
    slots = answer["chargers"][0]["schedules"]
    assert isinstance(slots, list)
    ids = [slot["schedule_id"] for slot in slots if slot["type"] == "custom"][-3:]
    deleted, last = ids[:2], ids[2]

    async def change() -> list[object]:
        device = house.device_id()
        return await asyncio.gather(
            *(house.ask("delete_charging_schedule", device_id=device, schedule_id=one) for one in deleted),
            house.ask("update_charging_schedule", device_id=device, schedule_id=last, enabled=False),
            return_exceptions=True,
        )

    answers = await house.see_through(change())
    assert [one for one in answers if isinstance(one, HomeAssistantError)] == []
    answer = await house.ask("get_charging_schedules", device_id=house.device_id())
    slots = answer["chargers"][0]["schedules"]
    assert isinstance(slots, list)
    left = {slot["schedule_id"]: slot["enabled"] for slot in slots}
    assert not set(deleted) & set(left)
    assert left[last] is False
