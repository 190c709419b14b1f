"""Switches for what a keeper of schedules has to live with (docs/cloud-api/battery.md §3 to §6)."""

from typing import Any

import pytest

from simulator import EntryStatus

from .battery_client import CFG_ON, FAMILIES, TOGGLES, BatteryClient
from .conftest import Opener

S = "/battery/sites/{site}/schedules"
ALL = list(FAMILIES)
RBD_ON = TOGGLES["rbd"][0]


@pytest.fixture
async def client(visit: Opener) -> BatteryClient:
    client = BatteryClient(await visit("battery_site"))
    client.battery.add_schedule("rbd", "12:00", "13:00")
    return client


async def switch(client: BatteryClient, **switches: Any) -> None:
    """Set switches as another process does."""
    status, answer = await client.client.ask("POST", "/_sim/battery", json={"switches": switches})
    assert status == 200, answer


async def listed(client: BatteryClient) -> set[str]:
    """The families that reads show entries of."""
    return {family for family in FAMILIES if await client.entries(family)}


# Drops


@pytest.mark.parametrize("delay", [60, 300, 900])
async def test_a_drop_when_the_gateway_takes_over(client: BatteryClient, delay: int) -> None:
    await switch(client, gateway_delay_s=delay, drop_from="take_over", drops={"rbd": ["cfg", "dtg"]})
    await client.put(RBD_ON)
    client.settle(delay - 30)
    assert await listed(client) == set(FAMILIES)
    client.settle(31)
    assert await listed(client) == {"rbd"}
    assert client.battery.settings.restrict_discharge
    assert {entry.family for entry in client.battery.lost} == {"cfg", "dtg"}


async def test_a_drop_some_seconds_after_that(client: BatteryClient) -> None:
    await switch(client, gateway_delay_s=10, drop_from="take_over", drop_after_s=60, drops={"profile": ALL})
    await client.write("PUT", "/profile/{site}?userId={user}", {"profile": "cost_savings"})
    client.settle(35)
    assert client.battery.settings.profile == "cost_savings"
    assert await listed(client) == set(FAMILIES)
    assert not client.battery.is_settled
    client.settle(40)
    assert await listed(client) == set()


async def test_what_the_gateway_never_takes_over_drops_nothing(client: BatteryClient) -> None:
    await switch(client, gateway_delay_s=None, drop_from="take_over", drops={"rbd": ALL})
    await client.put(RBD_ON)
    client.settle(3600)
    assert await listed(client) == set(FAMILIES)


async def test_only_so_many_writes_drop(client: BatteryClient) -> None:
    await switch(client, drops={"rbd": ["cfg"]}, drops_left=1)
    await client.put(RBD_ON)
    assert await listed(client) == {"dtg", "rbd"}
    client.battery.add_schedule("cfg", "02:00", "05:00", limit=90)
    client.settle()
    await client.put({"rbdControl": {"enabled": False}})
    client.settle()
    assert await listed(client) == set(FAMILIES)


# What reads show


async def test_schedules_read_late(client: BatteryClient) -> None:
    await switch(client, schedules_lag_s=90)
    _, added = await client.add("cfg", "06:00", "08:00")
    client.settle(60)
    assert added["scheduleId"] not in {entry["scheduleId"] for entry in await client.entries("cfg")}
    client.settle(31)
    assert added["scheduleId"] in {entry["scheduleId"] for entry in await client.entries("cfg")}
    await client.write("POST", f"{S}/{added['scheduleId']}/delete", {})
    client.settle(60)
    assert added["scheduleId"] in {entry["scheduleId"] for entry in await client.entries("cfg")}
    client.settle(31)
    assert added["scheduleId"] not in {entry["scheduleId"] for entry in await client.entries("cfg")}


async def test_a_drop_reads_late(client: BatteryClient) -> None:
    await switch(client, schedules_lag_s=40, drops={"rbd": ["cfg"]}, drop_after_s=5)
    await client.put(RBD_ON)
    client.settle(20)
    assert "cfg" not in {entry.family for entry in client.battery.schedules}
    assert await listed(client) == set(FAMILIES)
    client.settle(26)
    assert await listed(client) == {"dtg", "rbd"}


async def test_settings_read_late(client: BatteryClient) -> None:
    await switch(client, settings_lag_s=60, gateway_delay_s=60)
    await client.put({"batteryBackupPercentage": 40})
    for seconds, level, pending in ((30, 20, False), (60, 20, True), (60, 40, False)):
        client.settle(seconds)
        settings = await client.read("batterySettings")
        assert settings["batteryBackupPercentage"] == level
        assert ("pendingGateways" in settings["requestedConfig"]) is pending
        assert (await client.read("siteSettings"))["isChangePending"] is pending
        assert (await client.read("profile"))["batteryBackupPercentage"] == level
    await switch(client, settings_lag_s=0)
    await client.put({"batteryBackupPercentage": 50})
    assert "pendingGateways" in (await client.read("batterySettings"))["requestedConfig"]


@pytest.mark.parametrize("form", ["group_absent", "group_null", "details_absent", "details_null"])
async def test_a_group_is_missing_for_a_while(client: BatteryClient, form: str) -> None:
    status, _ = await client.client.ask("POST", "/_sim/battery/hide_groups", json={"seconds": 60, "families": ["dtg"], "form": form})
    assert status == 200
    schedules = await client.schedules()
    if form.startswith("group"):
        assert schedules.get("dtg", "absent") == {"group_absent": "absent", "group_null": None}[form]
    else:
        assert schedules["dtg"]["count"] == 1
        assert schedules["dtg"].get("details", "absent") == {"details_absent": "absent", "details_null": None}[form]
    assert schedules["cfg"]["details"]
    client.settle(61)
    assert await listed(client) == set(FAMILIES)


async def test_groups_are_missing_after_writes(client: BatteryClient) -> None:
    await switch(client, missing_groups=dict.fromkeys(FAMILIES, "group_absent"), missing_after_write_s=60)
    assert await listed(client) == set(FAMILIES)
    await client.put(RBD_ON)
    assert not set(await client.schedules()) & set(FAMILIES)
    client.settle(61)
    assert await listed(client) == set(FAMILIES)
    await switch(client, missing_after_write_s=None)
    assert not set(await client.schedules()) & set(FAMILIES)


# The gateway


async def test_an_offline_gateway_takes_over_when_it_is_back(client: BatteryClient) -> None:
    await client.client.ask("POST", "/_sim/battery", json={"gateway_offline_s": 3 * 3600})
    await switch(client, drop_from="take_over", drops={"rbd": ["cfg"]})
    await client.put(RBD_ON)
    client.settle(3 * 3600 - 60)
    assert "rbdControl" in (await client.read("batterySettings"))["requestedConfig"]
    assert not client.battery.settings.restrict_discharge
    assert await listed(client) == set(FAMILIES)
    client.settle(61)
    assert (await client.read("batterySettings"))["rbdControl"]["enabled"] is True
    assert await listed(client) == {"dtg", "rbd"}


async def test_a_gateway_that_is_off_line_until_further_notice(client: BatteryClient) -> None:
    await switch(client, gateway_offline=True)
    await client.put({"batteryBackupPercentage": 40})
    client.settle(86400)
    assert (await client.read("batterySettings"))["batteryBackupPercentage"] == 20
    await switch(client, gateway_offline=False)
    assert (await client.read("batterySettings"))["batteryBackupPercentage"] == 40


# What comes to nothing


@pytest.mark.parametrize(
    ("switches", "seconds", "reserve", "restricted"),
    [
        ({}, 1, 40, True),
        ({"lost_while_pending": True}, 60, 20, True),
        ({"lost_while_pending": True}, 121, 40, True),
        ({"lost_while_pending": True, "collision_s": 30}, 1, 20, True),
        ({"lost_while_pending": True, "collision_s": 30}, 60, 40, True),
        ({"lost_while_pending": True, "earlier_is_lost": True}, 60, 40, False),
    ],
    ids=str,
)
async def test_two_writes_collide(client: BatteryClient, switches: dict[str, Any], seconds: int, reserve: int, restricted: bool) -> None:
    await switch(client, gateway_delay_s=120, **switches)
    assert (await client.put(RBD_ON))[0] == 200
    client.settle(seconds)
    assert await client.put({"batteryBackupPercentage": 40}) == (200, {"message": "success"})
    client.settle(121)
    assert client.battery.settings.reserve == reserve
    assert client.battery.settings.restrict_discharge is restricted


async def test_entries_are_lost_while_a_write_is_pending(client: BatteryClient) -> None:
    await switch(client, entries_lost_while_pending=True, gateway_delay_s=60)
    await client.put(RBD_ON)
    ids = {entry.id for entry in client.battery.schedules}
    assert (await client.add("cfg", "06:00", "08:00")) == (200, {"message": "success"})
    assert (await client.write("POST", f"{S}/{client.battery.schedules[0].id}/delete", {}))[0] == 200
    assert {entry.id for entry in client.battery.schedules} == ids
    client.settle(61)
    await client.add("cfg", "06:00", "08:00")
    assert len(client.battery.schedules) == len(ids) + 1


@pytest.mark.parametrize("times", [None, 2])
async def test_an_error_in_a_200(client: BatteryClient, times: int | None) -> None:
    await switch(client, error_in_200=["add"], error_in_200_times=times)
    for _ in range(2):
        status, answer = await client.add("cfg", "06:00", "08:00")
        assert (status, "error" in answer, "message" in answer) == (200, True, False)
    assert len(await client.entries("cfg")) == 1
    _, answer = await client.add("cfg", "06:00", "08:00")
    assert ("error" in answer) is (times is None)
    assert "error" not in (await client.put(RBD_ON))[1]


@pytest.mark.parametrize("kind", ["toggle", "apply", "settings", "profile", "storm", "is_valid", "change", "delete"])
async def test_an_error_in_a_200_to_anything(client: BatteryClient, kind: str) -> None:
    await switch(client, error_in_200=[kind])
    entry = client.battery.schedules[0]
    asked = {
        "apply": lambda: client.put({"rbdControl": {"enabled": False}}),
        "toggle": lambda: client.put(RBD_ON),
        "settings": lambda: client.put({"batteryBackupPercentage": 40}),
        "profile": lambda: client.write("PUT", "/profile/{site}?userId={user}", {"profile": "cost_savings"}),
        "storm": lambda: client.write("PUT", "/stormGuard/toggle/{site}?userId={user}", {"stormGuardState": "disabled"}),
        "is_valid": lambda: client.is_valid("dtg"),
        "change": lambda: client.write("PUT", f"{S}/{entry.id}", entry.as_json() | {"isEnabled": False}),
        "delete": lambda: client.write("POST", f"{S}/{entry.id}/delete", {}),
    }
    for name, ask in asked.items():
        status, answer = await ask()
        assert (status, "error" in answer) == (200, name == kind), name
    client.settle()
    settings = client.battery.settings
    assert settings.restrict_discharge is (kind != "toggle")
    assert settings.profile == ("self-consumption" if kind == "profile" else "cost_savings")
    assert settings.storm_guard is (kind == "storm")
    assert (entry in client.battery.schedules) is (kind == "delete")
    assert entry.enabled is (kind == "change")


async def test_an_apply_that_needs_a_source(client: BatteryClient) -> None:
    await switch(client, source_enho_of={"apply": "needed"})
    _, added = await client.add("cfg", "06:00", "08:00")
    entry = client.battery.book.find(added["scheduleId"])
    await client.put({"chargeFromGrid": False})
    client.settle(300)
    assert client.battery.schedule(entry.id).status is EntryStatus.PENDING
    await client.put({"chargeFromGrid": False}, source="enho")
    client.settle()
    assert client.battery.schedule(entry.id).status is EntryStatus.ACTIVE
    # Switching it on needs none.
    await client.put(CFG_ON)
    client.settle()
    assert client.battery.settings.charge_from_grid


async def test_a_toggle_that_needs_a_source(client: BatteryClient) -> None:
    await switch(client, source_enho_of={"toggle": "needed"})
    await client.put(RBD_ON | {"batteryBackupPercentage": 40})
    client.settle()
    assert (client.battery.settings.restrict_discharge, client.battery.settings.reserve) == (False, 40)
    await client.put(RBD_ON, source="enho")
    client.settle()
    assert client.battery.settings.restrict_discharge


async def test_entries_that_need_a_source(client: BatteryClient) -> None:
    await switch(client, source_enho_of={"add": "needed"})
    assert (await client.add("cfg", "06:00", "08:00")) == (200, {"message": "success"})
    assert len(await client.entries("cfg")) == 1
    entry = client.battery.schedules[0].as_json() | {"startTime": "06:00", "endTime": "08:00"}
    await client.write("POST", f"{S}?source=enho", entry)
    assert len(client.battery.schedules) == 4


async def test_nobody_looks_at_conflicts(client: BatteryClient) -> None:
    await switch(client, own_family_conflicts=False, cross_family_conflicts=False)
    for _ in range(3):
        assert (await client.add("cfg", "02:00", "05:00"))[0] == 200
    assert len(await client.entries("cfg")) == 4


# In the app


async def test_a_person_changes_an_entry_in_the_app(client: BatteryClient) -> None:
    entry = client.battery.schedules[0]
    path = f"/_sim/battery/schedules/{entry.id}"
    status, answer = await client.client.ask("PUT", path, json={"start": "03:00", "days": [6, 7], "enabled": False})
    assert (status, answer["startTime"], answer["days"], answer["isEnabled"]) == (200, "03:00", [6, 7], False)
    assert (await client.entries(entry.family))[0] == answer
    assert answer["scheduleStatus"] == "active"
    assert (await client.client.ask("PUT", path, json={"family": "rbd"}))[0] == 400
    assert (await client.client.ask("PUT", path, json={"nothing": 1}))[0] == 400
    assert (await client.client.ask("PUT", "/_sim/battery/schedules/none", json={}))[0] == 404
