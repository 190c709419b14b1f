"""The charging schedule through actions and switches: what is not being changed is still there afterwards."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import Simulator
from simulator.schedules import OFF_PEAK, Slot
from tests.integration.conftest import HouseBuilder
from tests.integration.house import House

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def _slots(house: House) -> list[Slot]:
    return house.sim.charger().slots


def _short(slot: Slot) -> str:
    return slot.id.rpartition(":")[2]


async def _ask(house: House, action: str, **data: object) -> dict[str, object]:
    """Perform an action of the one charger and return its answer."""
    answer = await house.see_through(house.ask(f"{action}_charging_schedule", device_id=house.device_id(), **data))
    [charger] = answer["chargers"]
    return charger


async def _schedules(house: House) -> list[dict[str, object]]:
    answer = await house.ask("get_charging_schedules", device_id=house.device_id())
    schedules = answer["chargers"][0]["schedules"]
    assert isinstance(schedules, list)
    return schedules


def _switches(house: House) -> dict[str, str]:
    """The switches of slots: their names and states."""
    serial = house.sim.charger().serial
    entries = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)
    found = [house.hass.states.get(one.entity_id) for one in entries if one.unique_id.startswith(f"{serial}_slot_")]
    return {state.name.removeprefix("IQ EV Charger_ABCD "): state.state for state in found if state is not None}


def _switch(house: House, slot: Slot) -> str:
    return house.entity_id("switch", f"slot_{_short(slot)}")


def _forget_single_slots(sim: Simulator, status: int) -> None:
    """Make it a deployment that has no requests for one slot."""
    sim.faults.add(path=r"SCHEDULED_CHARGING/.*/schedule(/|$)", status=status, times=None)


# --- Reading ---


async def test_all_slots_are_told(house: House) -> None:
    night, off_peak = _slots(house)

    assert await _schedules(house) == [
        {
            "schedule_id": _short(night),
            "start": "23:00",
            "end": "06:00",
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "level": 32.0,
            "enabled": True,
            "type": "custom",
        },
        {
            "schedule_id": _short(off_peak),
            "start": None,
            "end": None,
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "level": None,
            "enabled": False,
            "type": "off_peak",
        },
    ]


async def test_a_slot_of_the_app_is_told_at_once(house: House) -> None:
    charger = house.sim.charger()
    charger.set_slots([*charger.slots, replace(charger.slots[0], id=f"{charger.slots[0].id}0", start_time="12:00", end_time="13:00")])

    assert len(await _schedules(house)) == 3
    assert "Schedule 12:00 to 13:00" in _switches(house)


# --- Adding, changing, deleting ---


@pytest.mark.parametrize("answer_of_single_slots", [None, 404, 405])
@pytest.mark.parametrize("deletes_what_is_left_out", [True, False])
async def test_a_slot_from_its_birth_to_its_end(
    build_house: HouseBuilder, answer_of_single_slots: int | None, deletes_what_is_left_out: bool
) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"left_out_slots_deleted": deletes_what_is_left_out}))
    if answer_of_single_slots is not None:
        _forget_single_slots(house.sim, answer_of_single_slots)
    untouched = list(_slots(house))

    added = await _ask(house, "add", start="12:00", end="14:00", days=WEEKDAYS, level=10)
    schedule = added["schedule"]
    assert isinstance(schedule, dict)
    assert {key: schedule[key] for key in ("start", "end", "days", "level", "enabled", "type")} == {
        "start": "12:00",
        "end": "14:00",
        "days": WEEKDAYS,
        "level": 10.0,
        "enabled": True,
        "type": "custom",
    }
    assert _slots(house)[:-1] == untouched
    assert _slots(house)[-1].days == (1, 2, 3, 4, 5)

    before = _slots(house)[-1]
    await _ask(house, "update", schedule_id=schedule["schedule_id"], end="15:30", level=16)
    assert _slots(house) == [*untouched, replace(before, end_time="15:30", level=16)]

    if answer_of_single_slots is not None and not deletes_what_is_left_out:
        # Nothing can delete a slot there, and that is said.
        with pytest.raises(HomeAssistantError, match="didn't apply it"):
            await _ask(house, "delete", schedule_id=schedule["schedule_id"])
        return
    await _ask(house, "delete", schedule_id=schedule["schedule_id"])
    assert _slots(house) == untouched


async def test_a_change_keeps_every_field_that_it_is_not_about(house: House) -> None:
    charger = house.sim.charger()
    slot = replace(charger.slots[0], remind_flag=True, remind_time=45, source_type="USER", days=(2, 4), level=24)
    charger.set_slots([slot, charger.slots[1]])

    await _ask(house, "update", schedule_id=_short(slot), start="22:15")

    assert _slots(house)[0] == replace(slot, start_time="22:15")


async def test_a_slot_is_switched_off_by_its_own_request(house: House) -> None:
    house.sim.requests.clear()

    await _ask(house, "update", schedule_id=_short(_slots(house)[0]), enabled=False)

    [write] = [request for request in house.sim.requests if request.method != "GET"]
    assert write.body == {_slots(house)[0].id: "DISABLED"}
    assert not _slots(house)[0].enabled


async def test_a_change_that_changes_nothing_sends_nothing(house: House) -> None:
    house.sim.requests.clear()

    await _ask(house, "update", schedule_id=_short(_slots(house)[0]), start="23:00", enabled=True)

    assert [request.method for request in house.sim.requests] == ["GET"]


async def test_the_full_id_will_do_too(house: House) -> None:
    await _ask(house, "update", schedule_id=_slots(house)[0].id, level=8)

    assert _slots(house)[0].level == 8


@pytest.mark.parametrize(
    ("action", "data", "reason"),
    [
        ("add", {"start": "12:00", "end": "12:00"}, "start and end at the same time"),
        ("add", {"start": "12:00", "end": "14:00", "level": 50}, "Choose 6 to 32 A"),
        ("add", {"start": "12:00", "end": "14:00", "level": 6.5}, "steps of 1"),
        ("update", {"schedule_id": "nobody", "start": "12:00"}, "Schedule not found"),
        ("delete", {"schedule_id": "nobody"}, "Schedule not found"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(house: House, action: str, data: dict[str, object], reason: str) -> None:
    before = list(_slots(house))
    house.sim.requests.clear()

    with pytest.raises(ServiceValidationError, match=reason):
        await _ask(house, action, **data)

    assert _slots(house) == before
    assert {request.method for request in house.sim.requests} <= {"GET"}


async def test_times_that_become_the_same_are_refused(house: House) -> None:
    with pytest.raises(ServiceValidationError, match="same time"):
        await _ask(house, "update", schedule_id=_short(_slots(house)[0]), start="06:00")


async def test_the_off_peak_slot_has_its_times_from_the_tariff(house: House) -> None:
    off_peak = _slots(house)[1]

    with pytest.raises(ServiceValidationError, match="tariff"):
        await _ask(house, "update", schedule_id=_short(off_peak), start="01:00", end="05:00")
    await _ask(house, "update", schedule_id=_short(off_peak), level=12, days=["sat", "sun"])

    assert _slots(house)[1] == replace(off_peak, level=12, days=(6, 7))
    assert _slots(house)[1].schedule_type == OFF_PEAK
    with pytest.raises(HomeAssistantError, match="cannot be deleted"):
        await _ask(house, "delete", schedule_id=_short(off_peak))


async def test_the_right_one_of_two_chargers_is_changed(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    first, second = house.sim.site.chargers.values()

    await house.see_through(
        house.call(
            "enphase_ev",
            "update_charging_schedule",
            device_id=[house.device_id(first), house.device_id(second)],
            schedule_id=_short(second.slots[0]),
            level=9,
        )
    )

    assert (first.slots[0].level, second.slots[0].level) == (32, 9)


async def test_the_same_from_two_callers_at_once_is_there_once(house: House) -> None:
    before = list(_slots(house))

    async def both() -> list[object]:
        window = {"device_id": house.device_id(), "start": "12:00", "end": "13:00", "level": 16}
        return await asyncio.gather(*(house.ask("add_charging_schedule", **window) for _ in range(2)), return_exceptions=True)

    answers = await house.see_through(both())

    (refusal,) = (answer for answer in answers if isinstance(answer, ServiceValidationError))
    assert refusal.translation_key == "charging_schedule_exists"
    assert len(_slots(house)) == len(before) + 1
    # What only overlaps is a wish of its own, and named in the answer.
    twin = _slots(house)[-1]
    assert (await _ask(house, "add", start="12:30", end="14:00", level=10))["overlaps"] == [_short(twin)]
    assert len(_slots(house)) == len(before) + 2
    assert (await _ask(house, "add", start="15:00", end="16:00", level=10))["overlaps"] == []


# --- When things go wrong ---


async def test_slots_that_a_change_made_disappear_are_put_back(house: House, caplog: pytest.LogCaptureFixture) -> None:
    charger = house.sim.charger()
    night, off_peak = charger.slots
    lunch = replace(night, id=f"{night.id[:-4]}aaaa", start_time="12:00", end_time="13:00", remind_flag=True)
    charger.set_slots([night, lunch, off_peak])
    # A charger that loses another slot with a write of one of them.
    house.sim.world.deployment.slots_lost_by_writes = 1

    await _ask(house, "update", schedule_id=_short(off_peak), level=12)

    assert sorted(_slots(house), key=lambda slot: slot.id) == sorted([night, lunch, replace(off_peak, level=12)], key=lambda slot: slot.id)
    assert "put back" in caplog.text


async def test_a_change_that_is_not_taken_over_is_an_error(house: House) -> None:
    before = list(_slots(house))
    fault = house.sim.faults.add(path="/schedule/", method="PATCH", status=200, body={"data": {}}, times=None)

    with pytest.raises(HomeAssistantError, match="didn't apply it"):
        await _ask(house, "update", schedule_id=_short(before[0]), level=12)

    assert fault.used == 1, "a write is sent once"
    assert _slots(house) == before
    assert (await _schedules(house))[0]["level"] == 32


async def test_a_slow_cloud_is_looked_at_again(house: House) -> None:
    """The first answer after the write is that of before."""
    old = await house.see_through(_raw(house))
    house.sim.faults.add(path="/schedules$", method="GET", status=200, body=old, times=2)

    await _ask(house, "update", schedule_id=_short(_slots(house)[0]), level=12)

    assert _slots(house)[0].level == 12
    assert (await _schedules(house))[0]["level"] == 12


def _raw(house: House) -> Awaitable[object]:
    """What the cloud answers about the schedule."""
    client = house.entry.runtime_data.details.schedules
    return client._send("GET", house.sim.charger().serial, "schedules")  # noqa: SLF001 - the answer as it comes


@pytest.mark.parametrize("status", [400, 409, 422, 500, 503])
async def test_a_refusal_is_an_error_and_leaves_everything_as_it_was(house: House, status: int) -> None:
    before = list(_slots(house))
    house.sim.faults.add(path="SCHEDULED_CHARGING", method="POST", status=status, times=None)

    with pytest.raises(HomeAssistantError):
        await _ask(house, "add", start="12:00", end="14:00")

    assert _slots(house) == before
    assert len([request for request in house.sim.requests if request.path.endswith("/schedule")]) == 1


async def test_an_answer_without_slots_is_no_empty_schedule(house: House) -> None:
    house.sim.faults.add(path="/schedules$", method="GET", status=200, body={"data": {}}, times=None)

    with pytest.raises(HomeAssistantError, match="unexpected response"):
        await _ask(house, "add", start="12:00", end="14:00")
    await house.live(1900)

    house.sim.faults.clear()
    assert len(_switches(house)) == 2
    assert len(_slots(house)) == 2


# --- Switches ---


async def test_every_slot_has_a_switch(house: House) -> None:
    assert _switches(house) == {"Schedule 23:00 to 06:00": "on", "Off-peak schedule": "off"}
    state = house.hass.states.get(_switch(house, _slots(house)[0]))
    assert state is not None
    assert state.attributes["days"] == [1, 2, 3, 4, 5, 6, 7]
    assert state.attributes["level"] == 32


async def test_a_switch_turns_its_slot_on_and_off(house: House) -> None:
    night, off_peak = _slots(house)

    await house.see_through(house.call("switch", "turn_off", entity_id=_switch(house, night)))
    await house.see_through(house.call("switch", "turn_on", entity_id=_switch(house, off_peak)))

    assert _slots(house) == [replace(night, enabled=False), replace(off_peak, enabled=True)]
    assert _switches(house) == {"Schedule 23:00 to 06:00": "off", "Off-peak schedule": "on"}


async def test_switches_come_are_renamed_and_go_with_their_slots(house: House) -> None:
    await _ask(house, "add", start="12:00", end="14:00", level=10)
    new = _slots(house)[-1]
    entity_id = _switch(house, new)
    assert _switches(house)["Schedule 12:00 to 14:00"] == "on"

    await _ask(house, "update", schedule_id=_short(new), end="15:30")
    await house.hass.async_block_till_done()
    assert "Schedule 12:00 to 15:30" in _switches(house)
    assert "Schedule 12:00 to 14:00" not in _switches(house)
    # It is still the same one for whoever uses it.
    assert _switch(house, new) == entity_id
    await house.see_through(house.call("switch", "turn_off", entity_id=entity_id))
    assert not _slots(house)[-1].enabled

    await _ask(house, "delete", schedule_id=_short(new))
    assert set(_switches(house)) == {"Schedule 23:00 to 06:00", "Off-peak schedule"}
    assert house.hass.states.get(entity_id) is None


async def test_a_slot_that_went_while_home_assistant_was_down(house: House) -> None:
    night = _slots(house)[0]
    entity_id = _switch(house, night)
    house.sim.charger().set_slots(_slots(house)[1:])

    await house.restart()

    assert set(_switches(house)) == {"Off-peak schedule"}
    assert er.async_get(house.hass).async_get(entity_id) is None


async def test_a_switch_that_was_switched_off_in_home_assistant_stays_so(house: House) -> None:
    entity_id = _switch(house, _slots(house)[0])
    er.async_get(house.hass).async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await house.live(31)

    await _ask(house, "update", schedule_id=_short(_slots(house)[0]), end="05:00")
    await house.live(61)

    entry = er.async_get(house.hass).async_get(entity_id)
    assert entry is not None
    assert entry.disabled


async def test_many_renames_at_once(house: House) -> None:
    charger = house.sim.charger()
    charger.set_slots([replace(charger.slots[0], id=f"{charger.slots[0].id}{number}", start_time=f"1{number}:00") for number in range(8)])
    await _schedules(house)

    for minute in ("10", "20", "30"):
        charger.set_slots([replace(slot, start_time=f"{slot.start_time[:2]}:{minute}") for slot in charger.slots if slot.start_time])
        await _schedules(house)
    await house.hass.async_block_till_done()

    assert _switches(house) == {f"Schedule 1{number}:30 to 06:00": "on" for number in range(8)}
