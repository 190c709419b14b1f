"""The battery calls: headers, token, shapes, and what the published answers mean (docs/cloud-api/battery.md)."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import time
import json
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.enphase_ev.enlighten import (
    Batteries,
    BatteryControl,
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    BatteryStatus,
    EnlightenError,
    InvalidResponse,
    Json,
    RequestRejected,
    ServiceUnavailable,
    SessionRenewed,
    SiteSettings,
    StormAlert,
)
from custom_components.enphase_ev.enlighten.battery_bodies import BatteryWish, now_as_disclaimer, settings_body
from simulator.switches.battery import DeleteForm, HeaderShape, XsrfSource
from tests.strictness import strict, strict_and_lenient

from .cloud import Cloud, sample, set_level
from .conftest import OpenCloud

_CFG, _DTG, _RBD = BatteryFamily
_ENTRY = BatteryEntry(family=_CFG, start=time(10), end=time(11), days=(1, 7), limit=55, time_zone="Australia/Melbourne")


@pytest.fixture
async def cloud(open_cloud: OpenCloud) -> Cloud:
    """A site with two batteries."""
    return await open_cloud("battery_site")


async def _batteries(cloud: Cloud) -> Batteries:
    return Batteries(await cloud.signed_in(), cloud.sim.site.id)


_WHOLE = Path(__file__).parents[1] / "fixtures" / "cases" / "whole_write_keys.json"


def _writes(cloud: Cloud) -> list[tuple[str, int]]:
    return [(one.method, one.status) for one in cloud.sim.requests if one.method != "GET" and "batteryConfig" in one.path]


# --- Token and shapes ---


@strict_and_lenient
@pytest.mark.parametrize("source", XsrfSource)
@pytest.mark.parametrize("rotates", [True, False])
@pytest.mark.parametrize("names_path", [True, False])
async def test_a_write_carries_the_newest_token_wherever_it_comes_from(
    cloud: Cloud, source: XsrfSource, rotates: bool, names_path: bool
) -> None:
    switches = cloud.sim.world.deployment.battery
    switches.xsrf_source, switches.xsrf_rotates, switches.xsrf_cookie_names_path = source, rotates, names_path
    batteries = await _batteries(cloud)
    cloud.forget()
    await batteries.settings()
    await batteries.profile()
    await set_level(batteries, 10)
    await set_level(batteries, 11)
    assert _writes(cloud) == [("PUT", 200), ("PUT", 200)]
    cloud.sim.battery.take_over()
    assert (await batteries.settings()).shutdown_level == 11


@strict
async def test_a_token_that_another_client_has_made_stale_is_read_again(cloud: Cloud) -> None:
    batteries, other = await _batteries(cloud), await _batteries(cloud)
    await set_level(batteries, 9)
    await other.settings()
    cloud.forget()
    await set_level(batteries, 10)
    assert _writes(cloud) == [("PUT", 403), ("PUT", 200)]


@strict_and_lenient
@pytest.mark.parametrize("shape", HeaderShape)
async def test_a_token_that_only_refused_writes_set_is_found_before_any_shape_is_doubted(cloud: Cloud, shape: HeaderShape) -> None:
    switches = cloud.sim.world.deployment.battery
    switches.xsrf_on_reads, switches.write_shapes = False, {shape}
    batteries = await _batteries(cloud)
    await set_level(batteries, 10)
    assert _writes(cloud)[0] == ("POST", 403)
    assert len([one for one in _writes(cloud) if one == ("PUT", 403)]) == list(HeaderShape).index(shape)
    cloud.sim.battery.take_over()
    assert (await batteries.settings()).shutdown_level == 10


@strict_and_lenient
@pytest.mark.parametrize("shape", HeaderShape)
async def test_the_shape_that_a_site_takes_is_found_and_kept_across_restarts(cloud: Cloud, shape: HeaderShape) -> None:
    cloud.sim.world.deployment.battery.write_shapes = {shape}
    batteries = await _batteries(cloud)
    await set_level(batteries, 10)
    batteries = Batteries(cloud.restarted(batteries.account), batteries.site_id)
    cloud.forget()
    await set_level(batteries, 11)
    assert _writes(cloud) == [("PUT", 200)]


@strict_and_lenient
async def test_a_read_that_breaks_down_can_have_made_the_token_stale(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    await batteries.settings()
    # The token that this answer carried is lost with it.
    cloud.sim.world.battery_tokens.clear()
    cloud.sim.faults.add(path="/profile/", status=502)
    with pytest.raises(ServiceUnavailable):
        await batteries.profile()
    cloud.forget()
    await set_level(batteries, 10)
    assert _writes(cloud) == [("PUT", 200)]


@strict_and_lenient
@pytest.mark.parametrize("status", [404, 409, 429, 500])
async def test_a_refusal_says_nothing_about_the_shape(cloud: Cloud, status: int) -> None:
    cloud.sim.world.deployment.battery.write_shapes = {HeaderShape.TOKEN_ONLY}
    batteries = await _batteries(cloud)
    await batteries.settings()
    cloud.sim.faults.add(path="isValid", status=status, body={})
    with suppress(EnlightenError):
        await batteries.check_family(_DTG)
    await set_level(batteries, 10)
    assert _writes(cloud)[-1] == ("PUT", 200)


@strict_and_lenient
async def test_a_site_that_wants_another_shape_one_day_gets_it(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    await set_level(batteries, 10)
    cloud.sim.world.deployment.battery.write_shapes = {HeaderShape.TOKEN_ONLY}
    cloud.forget()
    with pytest.raises(RequestRejected):
        await set_level(batteries, 11)
    assert len(_writes(cloud)) == 3
    await set_level(batteries, 11)
    cloud.sim.battery.take_over()
    assert (await batteries.settings()).shutdown_level == 11


@strict_and_lenient
async def test_a_check_that_a_site_refuses_makes_no_shape_doubtful(cloud: Cloud) -> None:
    cloud.sim.world.deployment.battery.write_shapes = {HeaderShape.TOKEN_ONLY}
    batteries = await _batteries(cloud)
    await set_level(batteries, 10)
    cloud.sim.faults.add(path="isValid", status=403, body={}, times=None)
    assert await batteries.check_family(_DTG)
    cloud.forget()
    await set_level(batteries, 11)
    assert _writes(cloud) == [("PUT", 200)]


@strict_and_lenient
async def test_a_site_whose_writes_want_no_cookies_is_read_with_them(cloud: Cloud) -> None:
    switches = cloud.sim.world.deployment.battery
    switches.write_shapes, switches.read_shapes = {HeaderShape.TOKEN_ONLY}, {HeaderShape.SESSION, HeaderShape.SESSION_TOKEN}
    batteries = await _batteries(cloud)
    await set_level(batteries, 10)
    cloud.forget()
    await batteries.settings()
    await set_level(batteries, 11)
    assert [(one.method, one.status) for one in cloud.sim.requests] == [("GET", 200), ("PUT", 200)]


@strict_and_lenient
@pytest.mark.parametrize("shape", HeaderShape)
async def test_reads_find_their_shape_too(cloud: Cloud, shape: HeaderShape) -> None:
    cloud.sim.world.deployment.battery.read_shapes = {shape}
    assert (await (await _batteries(cloud)).settings()).reserve == cloud.sim.battery.settings.reserve


@strict_and_lenient
async def test_a_write_that_no_shape_helps_costs_three_writes_and_three_reads(cloud: Cloud) -> None:
    cloud.sim.world.deployment.battery.write_shapes = set()
    batteries = await _batteries(cloud)
    cloud.forget()
    with pytest.raises(RequestRejected):
        await set_level(batteries, 10)
    assert len(_writes(cloud)) == 3
    assert cloud.count("siteSettings") <= 3


@strict_and_lenient
async def test_a_read_that_no_shape_helps_is_refused_in_the_clouds_words(cloud: Cloud) -> None:
    cloud.sim.world.deployment.battery.read_shapes = set()
    with pytest.raises(RequestRejected):
        await (await _batteries(cloud)).settings()


def test_the_disclaimer_is_accepted_with_the_time_to_the_millisecond(frozen: FrozenDateTimeFactory) -> None:
    frozen.tick(1.25)
    assert now_as_disclaimer() == "2026-05-20T03:00:01.250Z"


@strict_and_lenient
@pytest.mark.parametrize("fault", [{"html": True}, {"status": 302, "headers": {"Location": "/login"}}], ids=str)
async def test_a_write_that_gets_a_page_while_the_session_lives_goes_out_once(cloud: Cloud, fault: dict[str, object]) -> None:
    batteries = await _batteries(cloud)
    cloud.sim.faults.add(path="batterySettings", method="PUT", times=None, **fault)  # type: ignore[arg-type]  # one of several forms
    with pytest.raises(ServiceUnavailable) as caught:
        await set_level(batteries, 10)
    assert caught.value.may_have_arrived
    assert len(_writes(cloud)) == 1


@strict_and_lenient
async def test_a_token_that_comes_alone_and_gets_a_page_is_refused(cloud: Cloud) -> None:
    switches = cloud.sim.world.deployment.battery
    switches.write_shapes = {HeaderShape.TOKEN_ONLY}
    batteries = await _batteries(cloud)
    await set_level(batteries, 10)
    switches.write_shapes = {HeaderShape.SESSION}
    cloud.sim.faults.add(path="batterySettings", method="PUT", html=True)
    cloud.forget()
    await set_level(batteries, 11)
    assert _writes(cloud) == [("PUT", 200), ("PUT", 200)]
    cloud.sim.battery.take_over()
    assert (await batteries.settings()).shutdown_level == 11


@strict_and_lenient
@pytest.mark.parametrize("status", [401, 403])
async def test_a_write_that_is_refused_goes_out_again(cloud: Cloud, status: int) -> None:
    batteries = await _batteries(cloud)
    cloud.sim.faults.add(path="batterySettings", method="PUT", status=status)
    await set_level(batteries, 10)
    cloud.sim.battery.take_over()
    assert (await batteries.settings()).shutdown_level == 10


@strict_and_lenient
@pytest.mark.parametrize("status", [409, 429, 500])
async def test_other_refusals_try_no_other_shape(cloud: Cloud, status: int) -> None:
    batteries = await _batteries(cloud)
    cloud.sim.faults.add(path="batterySettings", method="PUT", status=status, body={"error": {"status": "NO"}}, times=None)
    cloud.forget()
    with pytest.raises(EnlightenError):
        await set_level(batteries, 10)
    assert len(_writes(cloud)) == 1


@strict_and_lenient
async def test_a_session_that_died_is_renewed_and_the_change_starts_again(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    await batteries.settings()
    cloud.sim.expire_sessions()
    with pytest.raises(SessionRenewed):
        await set_level(batteries, 10)
    await set_level(batteries, 10)


@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"broken_json": True}, {"drop": True}], ids=["breaks down", "mumbles", "does not answer"]
)
@strict_and_lenient
async def test_whether_a_service_that_breaks_down_over_a_write_has_done_it_is_open(cloud: Cloud, fault: dict[str, object]) -> None:
    batteries = await _batteries(cloud)
    cloud.sim.faults.add(path="batterySettings", method="PUT", after=True, **fault)  # type: ignore[arg-type]  # one of several forms
    with pytest.raises(ServiceUnavailable) as caught:
        await set_level(batteries, 10)
    assert caught.value.may_have_arrived


# --- Writes ---


@strict_and_lenient
async def test_entries_are_added_changed_and_deleted(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    for entry in (await batteries.schedules()).entries:
        await batteries.delete_entry(entry)
    assert (await batteries.schedules()).entries == ()
    await batteries.add_entry(_ENTRY)
    (added,) = (await batteries.schedules()).entries
    assert added.is_same_as(_ENTRY)
    assert added.is_pending
    await batteries.change_entry(replace(added, limit=60.0))
    assert (await batteries.schedules()).entry(added.id) == replace(added, limit=60.0)


@strict_and_lenient
async def test_an_entry_that_came_without_a_time_zone_means_the_sites(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    await batteries.site_settings()
    await batteries.add_entry(replace(_ENTRY, time_zone=None))
    assert cloud.sim.battery.schedules[-1].time_zone == cloud.sim.site.time_zone == "Australia/Melbourne"


@strict_and_lenient
@pytest.mark.parametrize("form", DeleteForm)
@pytest.mark.parametrize("status", [200, 204])
async def test_either_form_of_a_delete_works(cloud: Cloud, form: DeleteForm, status: int) -> None:
    cloud.sim.world.deployment.battery.update({"delete_forms": [form.value], "delete_status": status})
    batteries = await _batteries(cloud)
    (first, *others) = (await batteries.schedules()).entries
    await batteries.delete_entry(first)
    assert (await batteries.schedules()).entries == tuple(others)


@strict_and_lenient
async def test_a_conflict_keeps_the_clouds_code(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    taken = (await batteries.schedules()).entries[0]
    with pytest.raises(RequestRejected) as caught:
        await batteries.add_entry(replace(taken, id=""))
    assert (caught.value.status, caught.value.code) == (409, f"CONFLICTING_SCHEDULE_{taken.family.wire_name}")


@strict_and_lenient
@pytest.mark.parametrize("status", [403, 404])
async def test_a_site_without_the_check_of_a_family_goes_on(cloud: Cloud, status: int) -> None:
    cloud.sim.faults.add(path="isValid", status=status, body={}, times=None)
    assert await (await _batteries(cloud)).check_family(_DTG)


@strict_and_lenient
async def test_the_profile_is_chosen_and_taken_back(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    await batteries.set_profile(BatteryWish(profile="cost_savings", profile_reserve=40))
    assert (await batteries.profile()).is_change_pending
    await batteries.cancel_profile()
    assert not (await batteries.profile()).is_change_pending
    await batteries.cancel_profile()


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("cancel/profile", Batteries.cancel_profile),
        ("isValid", lambda batteries: batteries.check_family(_CFG)),
        ("/delete$", lambda batteries: batteries.delete_entry(replace(_ENTRY, id="7"))),
    ],
)
@strict_and_lenient
async def test_a_refusal_of_another_kind_is_told(cloud: Cloud, path: str, call: Callable[[Batteries], Awaitable[object]]) -> None:
    batteries = await _batteries(cloud)
    cloud.sim.faults.add(path=path, status=400, body={"error": {"status": "NO"}})
    with pytest.raises(RequestRejected) as caught:
        await call(batteries)
    assert (caught.value.status, caught.value.code) == (400, "NO")


@strict_and_lenient
async def test_storm_guard_is_switched(cloud: Cloud) -> None:
    batteries = await _batteries(cloud)
    await batteries.set_storm_guard(BatteryWish(storm_guard=False, storm_guard_ev=True), BatteryProfile())
    cloud.sim.battery.take_over()
    profile = await batteries.profile()
    assert (profile.storm_guard, profile.storm_guard_ev) == (False, True)


@strict_and_lenient
async def test_the_whole_settings_leave_the_devices_out(cloud: Cloud) -> None:
    settings = await (await _batteries(cloud)).settings()
    body = settings_body(BatteryWish(restrict_discharge=False), (), settings, (), is_whole=True)
    verified = set(json.loads(_WHOLE.read_text())["in_the_verified_body"])
    assert set(body) == verified & set(settings.data) - {"requestedConfig"}
    assert "requestedConfigMqtt" in body


# --- Models ---


def test_the_published_answers_can_be_read() -> None:
    settings = BatterySettings.read(sample("battery_settings"))
    assert settings.reserve is not None
    assert set(settings.controls) <= set(BatteryFamily)
    schedules = BatterySchedules.read(sample("battery_schedules"))
    assert all(entry.days and entry.time_zone for entry in schedules.entries)
    assert SiteSettings.read(sample("site_settings")).has_battery
    assert BatteryProfile.read(sample("battery_profile")).profile is not None
    assert BatteryStatus.read(sample("battery_status")).units


@pytest.mark.parametrize("read", [BatterySettings.read, BatterySchedules.read, SiteSettings.read, BatteryProfile.read, BatteryStatus.read])
@pytest.mark.parametrize("body", [None, {}, [], "text", {"data": None}, {"data": {}}, {"data": {"message": "busy", "a": {"b": 1}}}])
def test_an_answer_that_holds_nothing_is_no_answer(read: Callable[[object], object], body: object) -> None:
    with pytest.raises(InvalidResponse):
        read(body)


@pytest.mark.parametrize("requested", [{}, None, {"cfgControl": {}, "dtgControl": {}}, {"devices": {"iqEvse": {}}, "a": []}])
def test_what_holds_only_empty_objects_is_not_pending(requested: object) -> None:
    assert not BatterySettings.read({"data": {"profile": "expert", "requestedConfig": requested}}).is_pending  # type: ignore[dict-item]  # as the cloud says it


@pytest.mark.parametrize("details", [[], None, "absent"])
def test_a_family_without_entries_is_still_supported(details: object) -> None:
    group: dict[str, object] = {"scheduleStatus": "ACTIVE"} | ({} if details == "absent" else {"details": details})
    schedules = BatterySchedules.read({"cfg": group})  # type: ignore[dict-item]  # as the cloud says it
    assert schedules.supports(_CFG, None)
    assert schedules.entries == ()


@pytest.mark.parametrize("status", ["active", "pending", "not_supported", "none", "new_word", None])
@pytest.mark.parametrize("is_supported", [True, False, None])
def test_what_a_group_leaves_open_its_control_says(status: str | None, is_supported: bool | None) -> None:
    schedules = BatterySchedules.read({"cfg": {"scheduleStatus": status}})
    control = None if is_supported is None else BatteryControl.from_dict({"scheduleSupported": is_supported})
    expected = {"active": True, "pending": True, "not_supported": False, "none": False}
    assert schedules.supports(_CFG, control) is expected.get(status or "", bool(is_supported))


@pytest.mark.parametrize("wrap", [dict, lambda groups: {"data": groups}], ids=["bare", "wrapped"])
def test_groups_that_are_null_hold_no_entries(wrap: Callable[[dict[str, None]], Json]) -> None:
    schedules = BatterySchedules.read(wrap({"cfg": None, "dtg": None, "rbd": None}))
    assert schedules.entries == ()
    assert schedules.supports(_RBD, BatteryControl.from_dict({"scheduleSupported": True}))
    with pytest.raises(InvalidResponse):
        BatterySchedules.read({"cfg": "text"})


@pytest.mark.parametrize(("told", "in_control", "expected"), [(None, True, True), (False, True, False), (None, None, None)])
def test_where_power_match_is_not_told_its_control_says(told: bool | None, in_control: bool | None, expected: bool | None) -> None:
    data: dict[str, Json] = {"powerMatch": told, "powerMatchControl": {"show": True, "enabled": in_control}}
    settings = BatterySettings.read({"data": data})
    assert settings.power_match is expected


def test_a_deleted_entry_is_skipped_and_seconds_are_taken() -> None:
    record = {"scheduleId": "a", "startTime": "20:00:00", "endTime": "05:00:00", "days": [1], "limit": 90, "isEnabled": False}
    deleted = {**record, "scheduleId": "b", "isDeleted": True}
    schedules = BatterySchedules.read({"data": {"cfg": {"scheduleStatus": "active", "details": [record, deleted]}}})
    assert [(one.id, one.start, one.end, one.is_enabled) for one in schedules.entries] == [("a", time(20), time(5), False)]


def test_what_was_requested_may_lie_deeper_than_calls_can() -> None:
    requested: Json = {}
    for _ in range(5000):
        requested = {"a": requested}
    assert not BatterySettings.read({"data": {"requestedConfig": requested}}).is_pending


def test_what_is_expected_holds_what_was_requested() -> None:
    settings = BatterySettings.read(
        {
            "data": {
                "chargeFromGrid": False,
                "rbdControl": {"show": True, "enabled": False},
                "requestedConfig": {"chargeFromGrid": True, "rbdControl": {"enabled": True}},
            }
        }
    )
    after = settings.expected
    assert (after.is_enabled(_CFG), after.is_enabled(_RBD), after.is_enabled(_DTG)) == (True, True, False)
    assert after.control(_RBD) is not None


def test_an_alert_that_somebody_opted_out_of_is_not_active() -> None:
    assert StormAlert.from_dict({"status": "Active"}).is_active
    assert not StormAlert.from_dict({"status": "opted-out"}).is_active


type Question = Callable[[Batteries], Awaitable[object]]


@pytest.mark.parametrize(
    "ask", [Batteries.site_settings, Batteries.settings, Batteries.schedules, Batteries.profile, Batteries.storm_alerts, Batteries.status]
)
@strict_and_lenient
async def test_every_answer_of_the_simulated_cloud_can_be_read(cloud: Cloud, ask: Question) -> None:
    assert await ask(await _batteries(cloud)) is not None
