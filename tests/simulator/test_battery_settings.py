"""Writes of settings, profile and storm guard, and how they come to be in force (docs/cloud-api/battery.md §4 to §6)."""

from typing import Any

import pytest

from simulator import StormAlert

from .battery_client import CFG_ON, TOGGLES, BatteryClient
from .conftest import Opener

PROFILE = "/profile/{site}?userId={user}"
CANCEL = "/cancel/profile/{site}?userId={user}"
TOGGLE_STORM = "/stormGuard/toggle/{site}?userId={user}"
DISCLAIMER = "/batterySettings/acceptDisclaimer/{site}"
SUCCESS = (200, {"message": "success"})


@pytest.fixture
async def client(visit: Opener) -> BatteryClient:
    return BatteryClient(await visit("battery_site"))


async def test_the_old_value_stays_until_the_gateway_has_taken_over(client: BatteryClient) -> None:
    assert await client.put({"veryLowSoc": 15}) == SUCCESS
    data = await client.read("batterySettings")
    assert data["veryLowSoc"] == 5
    assert data["requestedConfig"] == {"veryLowSoc": 15, "pendingGateways": [client.battery.site.gateway_serial]}
    assert (await client.read("siteSettings"))["isChangePending"] is True
    profile = await client.read("profile")
    assert (profile["isBatteryChangePending"], profile["requestedConfig"]) == (True, {})
    client.settle(19)
    assert (await client.read("batterySettings"))["veryLowSoc"] == 5
    client.settle(2)
    data = await client.read("batterySettings")
    assert (data["veryLowSoc"], data["requestedConfig"]) == (15, {})
    assert (await client.read("siteSettings"))["isChangePending"] is False


async def test_a_change_that_is_never_taken_over(client: BatteryClient) -> None:
    client.battery.switches.gateway_delay_s = None
    assert await client.put({"veryLowSoc": 15}) == SUCCESS
    data = await client.read("batterySettings")
    assert (data["veryLowSoc"], data["requestedConfig"]) == (5, {})
    client.battery.switches.gateway_gives_up_s = None
    await client.put({"veryLowSoc": 15})
    client.settle(86400)
    assert (await client.read("batterySettings"))["requestedConfig"]["veryLowSoc"] == 15
    client.battery.take_over()
    assert (await client.read("batterySettings"))["veryLowSoc"] == 15


@pytest.mark.parametrize(
    ("how", "told"),
    [("empty", {}), ("holds_empty", {"cfgControl": {}, "dtgControl": {}, "rbdControl": {}}), ("null", None), ("absent", "absent")],
)
async def test_how_nothing_pending_reads(client: BatteryClient, how: str, told: Any) -> None:
    client.battery.switches.update({"nothing_pending": how})
    assert (await client.read("batterySettings")).get("requestedConfig", "absent") == told


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        (CFG_ON, "charge_from_grid", True),
        ({"chargeFromGrid": True, "acceptedItcDisclaimer": True}, "charge_from_grid", True),
        ({"dtgControl": {"enabled": True}}, "discharge_to_grid", True),
        ({"rbdControl": {"enabled": True}}, "restrict_discharge", True),
        ({"veryLowSoc": 25}, "very_low_soc", 25),
        ({"batteryBackupPercentage": 30}, "reserve", 30),
        ({"cfgControl": {"forceScheduleOpted": False}}, "force_schedule_opted", False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_settings_that_can_be_written(client: BatteryClient, body: Any, name: str, value: object) -> None:
    before = client.battery.settings.to_dict()
    assert before[name] != value
    assert await client.put(body) == SUCCESS
    client.settle()
    after = client.battery.settings.to_dict()
    assert after[name] == value
    others = {"accepted_disclaimer", "charge_from_grid_schedule", "profile_reserves", "profile_charge_from_grid", name}
    assert {key for key in after if after[key] != before[key]} <= others


@pytest.mark.parametrize(
    "body",
    [
        {"veryLowSoc": 4},
        {"veryLowSoc": 26},
        {"veryLowSoc": "15"},
        {"batteryBackupPercentage": 101},
        {"chargeFromGrid": "yes", "acceptedItcDisclaimer": True},
        {"chargeFromGrid": True},
        {"chargeFromGrid": True, "acceptedItcDisclaimer": "today"},
        {"devices": {}},
        {"dtgControl": True},
    ],
    ids=str,
)
async def test_settings_that_are_refused(client: BatteryClient, body: Any) -> None:
    before = client.battery.settings.to_dict()
    assert (await client.put(body))[0] == 400
    client.settle()
    assert client.battery.pending == []
    assert client.battery.settings.to_dict() == before


async def test_the_disclaimer_in_the_us(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_us"))
    assert (await client.read("siteSettings"))["countryCode"] == "US"
    assert (await client.put(CFG_ON))[0] == 400
    assert (await client.write("POST", DISCLAIMER, {"disclaimer-type": "x"}))[0] == 400
    assert await client.write("POST", DISCLAIMER, {"disclaimer-type": "itc"}) == SUCCESS
    assert await client.put(CFG_ON) == SUCCESS
    client.settle()
    assert (await client.read("batterySettings"))["chargeFromGrid"] is True


async def test_charging_from_the_grid_can_be_restricted_and_locked(client: BatteryClient) -> None:
    client.battery.features.update({"restrict_cfg": True, "controls": {"dtg": {"locked": True}}})
    assert (await client.put(CFG_ON))[0] == 400
    status, body = await client.put({"dtgControl": {"enabled": True}})
    assert (status, body["error"]["status"]) == (400, "CONTROL_LOCKED")
    data = await client.read("batterySettings")
    assert data["dtgControl"]["locked"] is True
    assert data["cfgControl"]["locked"] is False


async def test_controls_can_be_null_or_absent(client: BatteryClient) -> None:
    client.battery.features.update({"controls": {"rbd": {"shape": "null"}, "dtg": {"shape": "absent"}}})
    data = await client.read("batterySettings")
    assert data["rbdControl"] is None
    assert "dtgControl" not in data
    assert (await client.schedules())["rbd"]["scheduleStatus"] == "none"


async def test_the_schedules_of_cfg_may_need_a_second_write(client: BatteryClient) -> None:
    client.battery.switches.cfg_schedule_flag_needed = True
    await client.put(CFG_ON)
    client.settle()
    assert (await client.read("batterySettings"))["chargeFromGridScheduleEnabled"] is False
    await client.put({**CFG_ON, "chargeFromGridScheduleEnabled": True})
    client.settle()
    data = await client.read("batterySettings")
    assert (data["chargeFromGrid"], data["chargeFromGridScheduleEnabled"]) == (True, True)


async def test_discharge_to_grid_by_window(client: BatteryClient) -> None:
    for entry in list(client.battery.schedules):
        client.battery.delete_schedule(entry.id)
    await client.put({"dtgControl": {"enabled": True}})
    client.settle()
    assert client.battery.settings.discharge_to_grid is False, "without entries it wants the times"
    assert (await client.put({"dtgControl": {"enabled": True, "scheduleSupported": True}}))[0] == 500
    assert await client.put({"dtgControl": {"enabled": True, "scheduleSupported": True, "startTime": 600, "endTime": 720}}) == SUCCESS
    client.settle()
    control = (await client.read("batterySettings"))["dtgControl"]
    assert (control["enabled"], control["startTime"], control["endTime"]) == (True, 600, 720)


async def test_rbd_off_may_want_the_whole(client: BatteryClient) -> None:
    client.battery.set(restrict_discharge=True)
    client.battery.switches.partial_rbd_off_ignored = True
    assert await client.put({"rbdControl": {"enabled": False}}) == SUCCESS
    client.settle()
    data = await client.read("batterySettings")
    assert data["rbdControl"]["enabled"] is True
    data.pop("devices")
    data["rbdControl"]["enabled"] = False
    assert await client.put(data) == SUCCESS
    assert set((await client.read("batterySettings"))["requestedConfig"]) == {"rbdControl", "pendingGateways"}
    client.settle()
    assert (await client.read("batterySettings"))["rbdControl"]["enabled"] is False


@pytest.mark.parametrize(
    ("rule", "mqtt", "source", "taken"),
    [
        ("indifferent", True, "enho", True),
        ("ignored", True, "enho", False),
        ("ignored", True, None, True),
        ("ignored", False, "enho", True),
        ("needed", True, None, False),
        ("needed", True, "enho", True),
    ],
)
async def test_the_source_in_the_query(client: BatteryClient, rule: str, mqtt: bool, source: str | None, taken: bool) -> None:
    client.battery.features.supports_mqtt = mqtt
    client.battery.switches.update({"source_enho": rule})
    assert await client.put({"veryLowSoc": 15}, source=source) == SUCCESS
    client.settle()
    assert (client.battery.settings.very_low_soc == 15) is taken


@pytest.mark.parametrize("family", TOGGLES)
async def test_a_toggle_may_want_a_check_before(client: BatteryClient, family: str) -> None:
    client.battery.switches.toggle_needs_is_valid = True
    on, off = TOGGLES[family]
    name = {"cfg": "charge_from_grid", "dtg": "discharge_to_grid", "rbd": "restrict_discharge"}[family]
    assert await client.put(on) == SUCCESS
    client.settle()
    assert client.battery.settings.to_dict()[name] is False
    assert await client.is_valid(family) == (200, {"isValid": True})
    await client.put(on)
    client.settle()
    assert client.battery.settings.to_dict()[name] is True
    await client.put(off)
    client.settle()
    assert client.battery.settings.to_dict()[name] is True, "one check is good for one toggle"


@pytest.mark.parametrize("busy", ["system_task", "dr_event_active"])
async def test_a_busy_cloud_takes_nothing(client: BatteryClient, busy: str) -> None:
    client.battery.features.update({busy: True})
    data = await client.read("batterySettings")
    assert data["systemTask" if busy == "system_task" else "drEventActive"] is True
    assert await client.put({"veryLowSoc": 15}) == SUCCESS
    client.settle()
    assert client.battery.settings.very_low_soc == 5


async def test_writes_collide(client: BatteryClient) -> None:
    client.battery.switches.lost_while_pending = True
    await client.put({"veryLowSoc": 15})
    await client.put({"batteryBackupPercentage": 40})
    client.settle()
    assert (client.battery.settings.very_low_soc, client.battery.settings.reserve) == (15, 20)
    client.battery.switches.ignored_writes = 1
    await client.put({"batteryBackupPercentage": 40})
    client.settle()
    assert client.battery.settings.reserve == 20
    await client.put({"batteryBackupPercentage": 40})
    client.settle()
    assert client.battery.settings.reserve == 40


async def test_power_match(client: BatteryClient) -> None:
    assert "powerMatchControl" not in await client.read("batterySettings")
    client.battery.features.show_power_match = True
    assert (await client.read("batterySettings"))["powerMatchControl"] == {"show": True, "enabled": False}
    await client.put({"powerMatchControl": {"enabled": True}})
    client.settle()
    assert client.battery.settings.power_match is False
    await client.put({"powerMatch": True})
    client.settle()
    assert (await client.read("batterySettings"))["powerMatchControl"]["enabled"] is True


async def test_limits_that_are_not_known(client: BatteryClient) -> None:
    client.battery.features.update({"very_low_soc_limits_known": False, "grid_mode": None})
    data = await client.read("batterySettings")
    assert (data["veryLowSocMin"], data["veryLowSocMax"]) == ("N/A", "N/A")
    assert "batteryGridMode" not in data


# Profile


async def test_a_profile_brings_its_own(client: BatteryClient) -> None:
    assert await client.write("PUT", PROFILE, {"profile": "cost_savings"}) == SUCCESS
    data = await client.read("profile")
    assert (data["profile"], data["requestedConfig"]["profile"]) == ("self-consumption", "cost_savings")
    assert (await client.read("batterySettings"))["requestedConfig"]["profile"] == "cost_savings"
    client.settle()
    data = await client.read("batterySettings")
    assert (data["profile"], data["batteryBackupPercentage"], data["chargeFromGrid"]) == ("cost_savings", 30, True)
    await client.put({"chargeFromGrid": False})
    client.settle()
    await client.write("PUT", PROFILE, {"profile": "self-consumption", "batteryBackupPercentage": 35})
    client.settle()
    await client.write("PUT", PROFILE, {"profile": "cost_savings", "batteryBackupPercentage": 10})
    client.settle()
    data = await client.read("batterySettings")
    assert (data["chargeFromGrid"], data["batteryBackupPercentage"]) == (False, 10)
    assert data["previousBatteryBackupPercentage"]["self-consumption"] == 35
    client.battery.switches.profile_reserve_wins = True
    await client.write("PUT", PROFILE, {"profile": "self-consumption", "batteryBackupPercentage": 50})
    client.settle()
    assert client.battery.settings.reserve == 35
    await client.write("PUT", PROFILE, {"profile": "backup_only"})
    client.settle()
    assert client.battery.settings.reserve == 100


async def test_a_profile_that_is_refused_and_one_that_is_taken_back(client: BatteryClient) -> None:
    for body in ({"profile": "x"}, {"profile": "cost_savings", "devices": {}}, {"profile": "cost_savings", "batteryBackupPercentage": 4}):
        assert (await client.write("PUT", PROFILE, body))[0] == 400
    await client.write("PUT", PROFILE, {"profile": "cost_savings", "batteryBackupPercentage": 30})
    assert await client.write("PUT", CANCEL, {}) == SUCCESS
    status, body = await client.write("PUT", CANCEL, {})
    assert (status, body["error"]["status"]) == (409, "ALREADY_PROCESSED")
    client.settle()
    assert client.battery.settings.profile == "self-consumption"


# Storms


async def test_storm_guard(client: BatteryClient) -> None:
    assert (await client.write("PUT", TOGGLE_STORM, {"stormGuardState": "maybe"}))[0] == 400
    body = {"stormGuardState": "disabled", "evseStormEnabled": True}
    assert await client.write("PUT", TOGGLE_STORM, body) == SUCCESS
    assert (await client.read("profile"))["requestedConfig"]["stormGuardState"] == "disabled"
    client.settle()
    data = await client.read("profile")
    assert (data["stormGuardState"], data["evseStormEnabled"]) == ("disabled", True)


async def test_opting_out_of_an_alert(client: BatteryClient) -> None:
    now = client.sim.clock.time()
    client.battery.storm_alerts += [StormAlert("A", "Wind", now, now + 3600), StormAlert("B", "Snow", now, now + 3600)]
    path = "/stormGuard/{site}/stormAlert"
    for alert in ({"id": "A", "name": "Snow", "status": "opted-out"}, {"id": "A", "name": "Wind", "status": "active"}):
        assert (await client.write("PUT", path, {"stormAlerts": [alert]}))[0] == 400
    assert (await client.write("PUT", path, {}))[0] == 400
    assert await client.write("PUT", path, {"stormAlerts": [{"id": "A", "name": "Wind", "status": "opted-out"}]}) == SUCCESS
    _, body = await client.ask("GET", path)
    assert [alert["status"] for alert in body["stormAlerts"]] == ["opted-out", "active"]
