"""Weekly schedules of a charger (docs/cloud-api/chargers.md §6)."""

import asyncio
from dataclasses import replace
from datetime import time

import pytest

from custom_components.enphase_ev.enlighten import InvalidResponse, Json, RequestRejected, ServiceUnavailable
from custom_components.enphase_ev.enlighten.charging_schedules import ChargingSchedules
from custom_components.enphase_ev.enlighten.models.charging_slots import ChargingSchedule, ChargingSlot, SlotType
from custom_components.enphase_ev.enlighten.parsing import read_clock_time, read_days

from .cloud import Cloud, sample
from .conftest import OpenCloud

ALL = "/schedules$"
ONE = "/schedule(/|$)"
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
EVENING = ChargingSlot(start=time(18, 30), end=time(21), days=(1, 5), level=10, is_enabled=True)


async def schedules(cloud: Cloud) -> ChargingSchedules:
    return ChargingSchedules(await cloud.signed_in(), cloud.sim.site.id)


def serial(cloud: Cloud) -> str:
    return cloud.sim.charger().serial


def times(cloud: Cloud) -> list[tuple[str | None, str | None]]:
    """What the cloud holds now."""
    return [(slot.start_time, slot.end_time) for slot in cloud.sim.charger().slots]


def only(**fields: Json) -> ChargingSlot:
    slot = ChargingSlot.read({"id": "1:EV1:a", **fields})
    assert slot is not None
    return slot


# Reading


def test_the_sample() -> None:
    schedule = ChargingSchedule.read(sample("charge_schedules"))
    assert schedule is not None
    assert schedule.stamp == "2026-01-01T00:00:00.000+00:00"
    custom, off_peak = schedule.slots
    assert (custom.start, custom.end, custom.days, custom.level) == (time(23), time(6), EVERY_DAY, 32)
    assert (custom.type, custom.is_enabled, custom.short_id) == (SlotType.CUSTOM, True, "6c1b1a8e-0000-4000-8000-000000000001")
    assert (off_peak.start, off_peak.end, off_peak.level) == (None, None, None)
    assert (off_peak.type, off_peak.is_enabled) == (SlotType.OFF_PEAK, False)


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"chargingLevel": 100, "chargingLevelAmp": None}, 32),
        ({"chargingLevel": 16}, 16),
        ({"chargingLevel": 100, "chargingLevelAmp": 24}, 24),
        ({"chargingLevel": "16", "chargingLevelAmp": "12"}, 12),
        ({"chargingLevel": None}, None),
        ({}, None),
    ],
)
def test_a_level_of_100_without_amps_means_the_most(fields: dict[str, Json], level: float | None) -> None:
    assert only(**fields).level == level


@pytest.mark.parametrize(
    ("value", "expected"),
    [("23:00", time(23)), (" 06:05:59 ", time(6, 5)), ("06:05+02:00", time(6, 5)), ("25:00", None), ("", None), (None, None), (600, None)],
)
def test_clock_times(value: Json, expected: time | None) -> None:
    assert read_clock_time(value) == expected


@pytest.mark.parametrize(
    ("value", "days"), [([7, 1, "3", 1], (1, 3, 7)), ([0, 8, None, "x", 2.0], (2,)), ([], ()), (None, ()), ("1,2", ())]
)
def test_days_are_in_order_and_each_once(value: Json, days: tuple[int, ...]) -> None:
    assert read_days(value) == days


@pytest.mark.parametrize("body", [None, {}, {"data": None}, {"data": {}}, {"data": {"slots": None}}, {"data": {"slots": {}}}])
def test_an_answer_without_a_list_is_no_proof_of_an_empty_one(body: Json) -> None:
    assert ChargingSchedule.read(body) is None


@pytest.mark.parametrize(
    "body", [[{"id": "x"}], {"data": [{"id": "x"}]}, {"items": [{"id": "x"}]}, {"data": {"slots": {"items": [{"id": "x"}]}}}]
)
def test_a_list_is_read_bare_and_in_every_wrapper(body: Json) -> None:
    schedule = ChargingSchedule.read(body)
    assert schedule is not None
    assert [slot.id for slot in schedule.slots] == ["x"]


def test_a_slot_without_an_id_is_left_out() -> None:
    schedule = ChargingSchedule.read({"data": {"slots": [{"startTime": "06:00"}, None, {"id": "x"}]}})
    assert schedule is not None
    assert [slot.id for slot in schedule.slots] == ["x"]


async def test_the_slots_of_a_charger(cloud: Cloud) -> None:
    found = await (await schedules(cloud)).read(serial(cloud))
    assert [slot.id for slot in found.slots] == [slot.id for slot in cloud.sim.charger().slots]


async def test_an_answer_that_makes_no_sense_is_told(cloud: Cloud) -> None:
    calls = await schedules(cloud)
    cloud.sim.faults.add(path=ALL, body={"data": None})
    with pytest.raises(InvalidResponse):
        await calls.read(serial(cloud))


async def test_the_scheduler_can_be_down(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("scheduler_down")
    with pytest.raises(ServiceUnavailable):
        await (await schedules(cloud)).read(serial(cloud))


# Writing: what is not being changed goes back as it came


def test_a_slot_that_is_not_changed_goes_back_as_it_came() -> None:
    schedule = ChargingSchedule.read(sample("charge_schedules"))
    assert schedule is not None
    for slot in schedule.slots:
        assert slot.to_json() == slot.record


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"start": time(22, 15)}, {"startTime": "22:15", "endTime": "06:00"}),
        ({"days": (6, 7)}, {"days": [6, 7]}),
        ({"level": 16.0}, {"chargingLevel": 16, "chargingLevelAmp": 16}),
        ({"level": None}, {"chargingLevel": None, "chargingLevelAmp": None}),
        ({"is_enabled": False}, {"enabled": False}),
    ],
)
def test_a_change_touches_its_own_fields_alone(changes: dict[str, object], expected: dict[str, Json]) -> None:
    record: dict[str, Json] = {
        "id": "1:EV1:a",
        "startTime": "23:00",
        "endTime": "06:00",
        "days": ["1", 2],
        "chargingLevel": 100,
        "chargingLevelAmp": None,
        "enabled": 1,
        "somethingNew": {"kept": True},
    }
    slot = replace(only(**record), **changes)
    assert slot.to_json() == {**record, **expected}


def test_a_new_slot_has_no_id_and_every_field_that_the_app_sends() -> None:
    record = EVENING.to_json()
    assert "id" not in record
    published = sample("charge_schedules")["data"]["slots"][0]
    assert set(record) == set(published) - {"id"}
    assert {type(record[key]) for key in ("startTime", "days", "chargingLevel")} == {str, list, int}


@pytest.mark.parametrize("missing_status", [None, 404, 405])
async def test_a_slot_is_added(cloud: Cloud, missing_status: int | None) -> None:
    if missing_status:
        cloud.sim.faults.add(path=ONE, status=missing_status, times=None)
    before = list(cloud.sim.charger().slots)
    await (await schedules(cloud)).add(serial(cloud), EVENING)
    assert cloud.sim.charger().slots[:2] == before
    added = cloud.sim.charger().slots[2]
    assert (added.start_time, added.end_time, added.days, added.level, added.enabled) == ("18:30", "21:00", (1, 5), 10, True)


@pytest.mark.parametrize("missing_status", [None, 404, 405])
async def test_a_slot_is_changed_and_the_others_stay(cloud: Cloud, missing_status: int | None) -> None:
    if missing_status:
        cloud.sim.faults.add(path=ONE, status=missing_status, times=None)
    calls = await schedules(cloud)
    custom, _ = (await calls.read(serial(cloud))).slots
    off_peak = cloud.sim.charger().slots[1]
    await calls.change(serial(cloud), replace(custom, start=time(1), end=time(5)))
    assert times(cloud) == [("01:00", "05:00"), (None, None)]
    assert cloud.sim.charger().slots[1] == off_peak


@pytest.mark.parametrize("missing_status", [None, 404, 405])
async def test_a_slot_is_deleted_and_the_others_stay(cloud: Cloud, missing_status: int | None) -> None:
    if missing_status:
        cloud.sim.faults.add(path=ONE, status=missing_status, times=None)
    calls = await schedules(cloud)
    custom, off_peak = (await calls.read(serial(cloud))).slots
    await calls.delete(serial(cloud), custom.id)
    assert [slot.id for slot in cloud.sim.charger().slots] == [off_peak.id]


async def test_a_slot_that_is_gone_cannot_be_changed_and_nothing_is_rewritten(cloud: Cloud) -> None:
    calls = await schedules(cloud)
    gone = replace(EVENING, id=f"{cloud.sim.site.id}:{serial(cloud)}:gone")
    with pytest.raises(RequestRejected) as error:
        await calls.change(serial(cloud), gone)
    assert error.value.status == 404
    assert cloud.count(ALL, "PATCH") == 0


async def test_a_slot_that_is_gone_already_is_deleted(cloud: Cloud) -> None:
    before = list(cloud.sim.charger().slots)
    await (await schedules(cloud)).delete(serial(cloud), f"{cloud.sim.site.id}:{serial(cloud)}:gone")
    assert cloud.sim.charger().slots == before


@pytest.mark.parametrize("is_enabled", [False, True])
async def test_a_slot_is_switched_by_its_id_alone(cloud: Cloud, is_enabled: bool) -> None:
    slot = cloud.sim.charger().slots[0]
    await (await schedules(cloud)).switch(serial(cloud), slot.id, is_enabled=is_enabled)
    assert cloud.sim.charger().slots[0] == replace(slot, enabled=is_enabled)
    assert cloud.sim.requests[-1].body == {slot.id: "ENABLED" if is_enabled else "DISABLED"}


async def test_all_slots_go_with_the_clouds_own_stamp(cloud: Cloud) -> None:
    calls = await schedules(cloud)
    cloud.sim.faults.add(path=ALL, method="GET", body=sample("charge_schedules"), times=None)
    slots = (await calls.read(serial(cloud))).slots
    await calls.replace_all(serial(cloud), slots)
    body = cloud.sim.requests[-1].body
    assert isinstance(body, dict)
    assert body["meta"] == {"serverTimeStamp": "2026-01-01T00:00:00.000+00:00", "rowCount": 2}
    assert body["data"] == sample("charge_schedules")["data"]["slots"]


@pytest.mark.parametrize("change", ["add", "change", "delete"])
async def test_after_a_renewal_a_change_of_all_slots_starts_again_from_its_read(cloud: Cloud, change: str) -> None:
    """Else it would undo what happened to the other slots meanwhile."""
    calls = await schedules(cloud)
    custom, off_peak = cloud.sim.charger().slots
    cloud.sim.faults.add(path=ONE, status=404, times=None)
    cloud.sim.faults.add(path=ALL, method="PATCH", status=401)
    cloud.sim.faults.add(path="/users/self/token", delay=0.8)
    slot = replace(EVENING, id=custom.id)
    actions = {"add": calls.add, "change": calls.change, "delete": lambda sn, one: calls.delete(sn, one.id)}
    cloud.forget()
    waiting = asyncio.create_task(actions[change](serial(cloud), slot))
    while not any(sent.url.path == "/users/self/token" for sent in cloud.sent):
        await asyncio.sleep(0.01)
    cloud.sim.charger().set_slots([custom, replace(off_peak, enabled=not off_peak.enabled)])
    await waiting
    assert [(one.method, one.status) for one in cloud.sim.requests if one.path.endswith("/schedules")] == [
        ("GET", 200),
        ("PATCH", 401),
        ("GET", 200),
        ("PATCH", 200),
    ]
    after = {one.id: one for one in cloud.sim.charger().slots}
    assert after[off_peak.id].enabled is not off_peak.enabled
    assert len(after) == {"add": 3, "change": 2, "delete": 1}[change]
    assert cloud.sign_ins() == 1


async def test_a_change_of_all_slots_that_is_always_refused_is_told(cloud: Cloud) -> None:
    calls = await schedules(cloud)
    slots = (await calls.read(serial(cloud))).slots
    cloud.sim.faults.add(path=ALL, method="PATCH", status=403, body={"message": "Not allowed"}, times=None)
    with pytest.raises(RequestRejected, match="Not allowed"):
        await calls.replace_all(serial(cloud), slots)
    assert cloud.count(ALL, "PATCH") == 3
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize("change", ["add", "change", "delete"])
async def test_another_refusal_is_told_with_one_request(cloud: Cloud, change: str) -> None:
    calls = await schedules(cloud)
    cloud.sim.faults.add(path=ONE, status=409, body={"message": "Overlaps"}, times=None)
    slot = replace(EVENING, id=cloud.sim.charger().slots[0].id)
    actions = {"add": calls.add, "change": calls.change, "delete": lambda sn, one: calls.delete(sn, one.id)}
    with pytest.raises(RequestRejected, match="Overlaps"):
        await actions[change](serial(cloud), slot)
    assert (cloud.count(ONE), cloud.count(ALL)) == (1, 0)


async def test_a_change_that_breaks_off_is_not_sent_again(cloud: Cloud) -> None:
    calls = await schedules(cloud)
    cloud.sim.faults.add(path=ONE, drop=True, after=True, times=None)
    with pytest.raises(ServiceUnavailable) as error:
        await calls.add(serial(cloud), EVENING)
    assert error.value.may_have_arrived
    assert (cloud.count(ONE), len(cloud.sim.charger().slots)) == (1, 3)


@pytest.mark.parametrize("days", [{}, {"days": None}])
def test_a_slot_without_days_is_one_of_every_day_and_stays_as_it_is(days: dict[str, Json]) -> None:
    record: dict[str, Json] = {"id": "1:EV1:x", "startTime": "01:00", "endTime": "02:00", "enabled": True, **days}
    slot = ChargingSlot.read(record)
    assert slot is not None
    assert slot.days == (1, 2, 3, 4, 5, 6, 7)
    assert slot.to_json() == record
