"""Battery schedules: adding, changing, deleting, applying, and how the cloud loses them (docs/cloud-api/battery.md §4 and §5)."""

from typing import Any

import pytest

from simulator import Entry, EntryStatus
from tests.strictness import strict

from .battery_client import CFG_ON, TOGGLES, BatteryClient
from .conftest import Opener

S = "/battery/sites/{site}/schedules"
SUCCESS = (200, {"message": "success"})
FAMILIES = ("cfg", "dtg", "rbd")


@pytest.fixture
async def client(visit: Opener) -> BatteryClient:
    return BatteryClient(await visit("battery_site"))


def entry_of(client: BatteryClient, family: str) -> Entry:
    return next(entry for entry in client.battery.schedules if entry.family == family)


def body_of(entry: Entry, **changed: Any) -> Any:
    """What a client sends of an entry."""
    body = {
        "timezone": entry.time_zone,
        "startTime": entry.start,
        "endTime": entry.end,
        "limit": entry.limit,
        "scheduleType": entry.family.type_name,
        "days": list(entry.days),
        "isEnabled": entry.enabled,
    }
    return {key: value for key, value in (body | changed).items() if value != "left out"}


async def test_an_entry_stays_pending_until_it_is_applied(client: BatteryClient) -> None:
    status, body = await client.add("cfg", "06:00", "08:00")
    assert status == 200
    assert body["message"] == "success"
    entry = client.battery.book.find(body["scheduleId"])
    client.settle(600)
    (first, second) = await client.entries("cfg")
    assert {first["scheduleStatus"], second["scheduleStatus"]} == {"active", "pending"}
    schedules = await client.schedules()
    assert schedules["anySchedulePending"] is True
    assert (schedules["cfg"]["scheduleStatus"], schedules["cfg"]["count"], schedules["dtg"]["scheduleStatus"]) == ("pending", 2, "active")

    assert (await client.is_valid("cfg"))[0] == 200
    await client.put({"chargeFromGrid": False})
    assert entry.status is EntryStatus.PENDING
    client.settle()
    assert [one["scheduleStatus"] for one in await client.entries("cfg")] == ["active", "active"]
    assert (await client.schedules())["anySchedulePending"] is False


async def test_what_nobody_applies_disappears(client: BatteryClient) -> None:
    _, body = await client.add("rbd", "06:00", "07:00")
    client.settle(client.battery.switches.unapplied_lifetime_s - 1)
    assert [one["scheduleId"] for one in await client.entries("rbd")] == [body["scheduleId"]]
    client.settle(2)
    assert await client.entries("rbd") == []
    assert [entry.id for entry in client.battery.lost] == [body["scheduleId"]]


async def test_an_apply_that_the_gateway_never_takes_over_is_none(client: BatteryClient) -> None:
    client.battery.switches.gateway_delay_s = None
    await client.add("rbd", "06:00", "07:00")
    await client.put({"rbdControl": {"enabled": False}})
    assert [one["scheduleStatus"] for one in await client.entries("rbd")] == ["pending"]
    client.settle(4000)
    assert await client.entries("rbd") == []


async def test_applied_while_off(client: BatteryClient) -> None:
    client.battery.switches.pending_while_off = True
    await client.add("rbd", "06:00", "07:00")
    await client.put({"rbdControl": {"enabled": False}})
    client.settle(86400)
    assert [one["scheduleStatus"] for one in await client.entries("rbd")] == ["pending"]
    await client.put({"rbdControl": {"enabled": True}})
    client.settle()
    assert [one["scheduleStatus"] for one in await client.entries("rbd")] == ["active"]


@strict
@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"isEnabled": "left out"}, 409),
        ({"timezone": "Mars/Olympus"}, 400),
        ({"startTime": "2:00"}, 400),
        ({"startTime": "05:00", "endTime": "05:00"}, 400),
        ({"days": []}, 400),
        ({"days": [8]}, 400),
        ({"limit": 4}, 400),
        ({"limit": 101}, 400),
        ({"limit": None}, 400),
        ({"scheduleType": "XYZ"}, 400),
        ({"scheduleType": "RBD", "limit": 50}, 400),
        ({"scheduleType": "DTG", "limit": 14}, 400),
        ({"scheduleType": "DTG", "limit": 15}, 200),
        ({"scheduleType": "RBD", "limit": 100}, 200),
        ({"limit": 5}, 200),
    ],
    ids=str,
)
async def test_what_an_entry_must_be(client: BatteryClient, changed: Any, status: int) -> None:
    client.battery.set(very_low_soc=15)
    entry = body_of(entry_of(client, "cfg"), startTime="07:00", endTime="08:00", limit=90)
    body = {key: value for key, value in (entry | changed).items() if value != "left out"}
    assert (await client.write("POST", S, body))[0] == status
    assert len(client.battery.schedules) == 2 + (status == 200)


async def test_an_entry_changes_whole(client: BatteryClient) -> None:
    entry = entry_of(client, "dtg")
    status, answer = await client.write("PUT", f"{S}/{entry.id}", body_of(entry, startTime="17:00", limit=40, days=[6, 7]))
    assert status == 200
    assert (answer["scheduleId"], answer["scheduleStatus"]) == (entry.id, "pending")
    assert (answer["startTime"], answer["endTime"], answer["limit"], answer["days"]) == ("17:00", "20:00", 40, [6, 7])
    assert (await client.entries("dtg"))[0] == answer
    assert (await client.write("PUT", f"{S}/{entry.id}", body_of(entry, scheduleType="CFG")))[0] == 400
    assert (await client.write("PUT", f"{S}/nothing", body_of(entry)))[0] == 404


@pytest.mark.parametrize("form", ["post", "put"])
@pytest.mark.parametrize("status", [200, 204])
async def test_two_forms_of_a_delete(client: BatteryClient, form: str, status: int) -> None:
    client.battery.switches.delete_status = status
    entry = entry_of(client, "cfg")

    async def delete() -> int:
        if form == "post":
            return (await client.write("POST", f"{S}/{entry.id}/delete", {}))[0]
        return (await client.write("PUT", f"{S}/{entry.id}", body_of(entry) | {"isDeleted": True}))[0]

    client.battery.switches.update({"delete_forms": [{"post": "put", "put": "post"}[form]]})
    assert await delete() in {400, 404}
    client.battery.switches.update({"delete_forms": [form]})
    assert await delete() == status
    assert await client.entries("cfg") == []
    assert await delete() == 404
    assert client.battery.lost == []


async def test_deleting_the_last_leaves_the_schedule_on(client: BatteryClient) -> None:
    await client.put(CFG_ON)
    client.settle()
    assert (await client.read("batterySettings"))["chargeFromGridScheduleEnabled"] is True
    entry = entry_of(client, "cfg")
    await client.write("POST", f"{S}/{entry.id}/delete", {})
    await client.put(CFG_ON)
    client.settle()
    assert (await client.read("batterySettings"))["chargeFromGridScheduleEnabled"] is True
    off = {
        "chargeFromGridScheduleEnabled": False,
        "chargeFromGrid": True,
        "acceptedItcDisclaimer": "2026-09-24T19:13:11.950Z",
        "cfgControl": {"forceScheduleOpted": False},
    }
    await client.put(off)
    client.settle()
    data = await client.read("batterySettings")
    assert (data["chargeFromGrid"], data["chargeFromGridScheduleEnabled"]) == (True, False)


async def test_off_right_after_a_delete_fails(client: BatteryClient) -> None:
    client.battery.switches.toggle_off_after_delete_ignored_s = 3
    client.battery.set(discharge_to_grid=True)
    entry = entry_of(client, "dtg")
    await client.write("POST", f"{S}/{entry.id}/delete", {})
    await client.put({"dtgControl": {"enabled": False}})
    client.settle()
    assert client.battery.settings.discharge_to_grid is True
    await client.put({"dtgControl": {"enabled": False}})
    client.settle()
    assert client.battery.settings.discharge_to_grid is False


async def test_is_valid_checks_the_family(client: BatteryClient) -> None:
    path = f"{S}/isValid"
    assert (await client.write("POST", path, {"scheduleType": "cfg"}))[0] == 400
    assert (await client.write("POST", path, {"scheduleType": "what"}))[0] == 400
    for family in FAMILIES:
        assert await client.is_valid(family) == (200, {"isValid": True})
    client.battery.features.update({"controls": {"rbd": {"schedule_supported": False}}})
    assert await client.is_valid("rbd") == (200, {"isValid": False})
    assert (await client.add("rbd", "06:00", "07:00"))[0] == 400
    assert (await client.schedules())["rbd"]["scheduleStatus"] == "not_supported"


# Conflicts


def conflict(answer: tuple[int, Any]) -> str:
    status, body = answer
    assert status == 409
    return str(body["error"]["status"])


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [("19:00", "21:00", [3]), ("04:59", "05:30", [1]), ("23:00", "01:00", [7]), ("21:00", "22:00", [5, 6]), ("03:00", "04:00", [1])],
)
async def test_overlaps_within_a_family(client: BatteryClient, start: str, end: str, days: list[int]) -> None:
    entry_of(client, "cfg").enabled = False
    assert conflict(await client.add("cfg", start, end, days=days)) == "CONFLICTING_SCHEDULE_CFG"
    assert len(client.battery.schedules) == 2


async def test_the_neighbour_is_no_overlap(client: BatteryClient) -> None:
    client.battery.delete_schedule(entry_of(client, "dtg").id)
    for start, end in (("05:00", "06:00"), ("19:00", "20:00")):
        assert (await client.add("cfg", start, end))[0] == 200
    entry = entry_of(client, "cfg")
    assert (await client.write("PUT", f"{S}/{entry.id}", body_of(entry, limit=80)))[0] == 200, "not in its own way"
    assert conflict(await client.write("PUT", f"{S}/{entry.id}", body_of(entry, startTime="19:30"))) == "CONFLICTING_SCHEDULE_CFG"
    assert entry.start == "20:00"


async def test_pending_entries_are_in_the_way_as_well(client: BatteryClient) -> None:
    await client.add("rbd", "06:00", "07:00", days=[1])
    client.battery.switches.cross_family_conflicts = False
    assert conflict(await client.add("rbd", "06:30", "07:30", days=[1, 2])) == "CONFLICTING_SCHEDULE_RBD"


async def test_overlaps_across_families(client: BatteryClient) -> None:
    assert conflict(await client.add("rbd", "18:30", "19:00", days=[1])) == "CONFLICTING_SCHEDULE_DTG"
    assert (await client.add("rbd", "18:30", "19:00", days=[6]))[0] == 200
    client.battery.switches.wrong_family_named = True
    assert conflict(await client.add("rbd", "18:00", "18:30", days=[1])) == "CONFLICTING_SCHEDULE_CFG"
    client.battery.switches.cross_family_conflicts = False
    assert (await client.add("rbd", "18:00", "18:30", days=[1]))[0] == 200


async def test_a_site_that_has_overlaps_shows_them(client: BatteryClient) -> None:
    client.battery.add_schedule("dtg", "18:00", "23:59", limit=20, days=(6, 7))
    client.battery.add_schedule("rbd", "01:00", "16:00")
    assert {family: len(await client.entries(family)) for family in FAMILIES} == {"cfg": 1, "dtg": 2, "rbd": 1}


# What is told, and how


async def test_the_order_turns_with_every_write(client: BatteryClient) -> None:
    for number, start in enumerate(("06:00", "07:00", "08:00")):
        client.battery.add_schedule("rbd", start, f"{start[:3]}30", days=(number + 1,))
        client.sim.clock.advance(1)
    first = [one["startTime"] for one in await client.entries("rbd")]
    assert first == [one["startTime"] for one in await client.entries("rbd")]
    await client.add("rbd", "09:00", "09:30")
    second = [one["startTime"] for one in await client.entries("rbd")]
    assert second == ["09:00", *reversed(first)]


async def test_shapes_of_empty_groups(client: BatteryClient) -> None:
    told = []
    for shape in ("list", "null", "absent"):
        client.battery.switches.update({"empty_details": shape})
        told.append((await client.schedules())["rbd"].get("details", "absent"))
    assert told == [[], None, "absent"]


async def test_an_empty_answer_is_no_proof(client: BatteryClient) -> None:
    client.battery.switches.empty_schedule_reads = 1
    assert [len(await client.entries("cfg")) for _ in range(2)] == [0, 1]
    client.battery.switches.empty_schedules_every = 3
    assert sorted([len(await client.entries("cfg")) for _ in range(6)]) == [0, 0, 1, 1, 1, 1]


async def test_odd_forms(client: BatteryClient) -> None:
    client.battery.switches.update(
        {"seconds_in_times": True, "upper_case_status": True, "lying_is_enabled": True, "answer_holds_id": False}
    )
    schedules = await client.schedules()
    entry = schedules["cfg"]["details"][0]
    assert (schedules["cfg"]["scheduleStatus"], entry["startTime"], entry["isEnabled"]) == ("ACTIVE", "20:00:00", False)
    assert await client.add("rbd", "06:00", "07:00", isEnabled=False) == SUCCESS
    assert [one["isEnabled"] for one in await client.entries("rbd")] == [True]
    client.battery.switches.deleted_stay_listed = True
    await client.write("POST", f"{S}/{entry['scheduleId']}/delete", {})
    group = (await client.schedules())["cfg"]
    assert (group["count"], [one["isDeleted"] for one in group["details"]]) == (0, [True])


# Schedules that get lost


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("after", [0, 8])
async def test_a_toggle_drops_families(client: BatteryClient, family: str, after: float) -> None:
    client.battery.add_schedule("rbd", "06:00", "07:00")
    client.battery.switches.update({"drops": {family: ["dtg", "rbd"]}, "drop_after_s": after})
    on, _ = TOGGLES[family]
    other = next(name for name in FAMILIES if name != family)
    await client.put(TOGGLES[other][1])
    client.settle()
    assert client.families() == set(FAMILIES), "no toggle of this family"
    await client.put(on)
    if after:
        assert client.families() == set(FAMILIES)
        client.sim.clock.advance(after + 0.5)
    assert client.families() == {"cfg"}
    assert {entry.family for entry in client.battery.lost} == {"dtg", "rbd"}
    client.settle()
    client.battery.add_schedule("dtg", "18:00", "20:00", limit=25)
    await client.put(on)
    client.settle(60)
    assert client.families() == {"cfg", "dtg"}, "the same state again is an apply and no toggle"


async def test_an_apply_and_a_profile_drop_families(client: BatteryClient) -> None:
    client.battery.switches.update({"drops": {"apply": ["dtg"], "profile": ["cfg"]}, "apply_drops_every": 2})
    for left in ({"cfg", "dtg"}, {"cfg"}):
        await client.put({"chargeFromGrid": False})
        client.settle()
        assert client.families() == left
    await client.write("PUT", "/profile/{site}?userId={user}", {"profile": "cost_savings"})
    assert client.families() == set()


async def test_a_person_in_the_app(client: BatteryClient) -> None:
    entry = client.battery.add_schedule("rbd", "06:00", "07:00", days=(1,))
    assert [one["scheduleStatus"] for one in await client.entries("rbd")] == ["active"]
    client.battery.delete_schedule(entry.id)
    assert await client.entries("rbd") == []
    assert client.battery.lost == []
    with pytest.raises(LookupError):
        client.battery.delete_schedule(entry.id)
    client.battery.drop_schedules("cfg")
    assert client.families() == {"dtg"}
