"""What goes out to the battery service: methods, paths, queries, bodies and headers as in docs/cloud-api/battery.md §1 to §4 and §7."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import time
from http.cookies import SimpleCookie
from uuid import UUID

import pytest

from custom_components.enphase_ev.enlighten import (
    Batteries,
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySettings,
    BatteryWish,
    InvalidResponse,
    Json,
    StormAlert,
)
from simulator.switches.battery import HeaderShape

from .cloud import Cloud, Sent, set_level
from .conftest import OpenCloud

_CFG, _DTG, _RBD = BatteryFamily
_BC = "/service/batteryConfig/api/v1"
_APP = "https://battery-profile-ui.enphaseenergy.com"
_ENTRY = BatteryEntry(id="7", family=_CFG, start=time(2), end=time(5), days=(1, 7), limit=90, time_zone="Europe/London")
_ENTRY_BODY: dict[str, Json] = {
    "timezone": "Europe/London",
    "startTime": "02:00",
    "endTime": "05:00",
    "limit": 90,
    "scheduleType": "CFG",
    "days": [1, 7],
    "isEnabled": True,
}
_ALERT = StormAlert(id="a", name="Storm", status="active")

type Call = Callable[[Batteries], Awaitable[object]]


@pytest.fixture
async def cloud(open_cloud: OpenCloud) -> Cloud:
    """A site with two batteries."""
    return await open_cloud("battery_site")


@pytest.mark.parametrize(
    ("call", "method", "path", "names_user", "body"),
    [
        (Batteries.site_settings, "GET", "siteSettings/{site}", True, None),
        (Batteries.settings, "GET", "batterySettings/{site}", True, None),
        (Batteries.schedules, "GET", "battery/sites/{site}/schedules", False, None),
        (Batteries.profile, "GET", "profile/{site}", True, None),
        (Batteries.storm_alerts, "GET", "stormGuard/{site}/stormAlert", False, None),
        (Batteries.answer_stream, "GET", "mqttSignedUrl/{site}", False, None),
        (lambda it: set_level(it, 15), "PUT", "batterySettings/{site}", True, {"veryLowSoc": 15}),
        *(
            (lambda it, family=family: it.check_family(family), "POST", "battery/sites/{site}/schedules/isValid", False, body)
            for family, body in (
                (_CFG, {"scheduleType": "cfg", "forceScheduleOpted": True}),
                (_DTG, {"scheduleType": "dtg"}),
                (_RBD, {"scheduleType": "rbd"}),
            )
        ),
        (lambda it: it.add_entry(_ENTRY), "POST", "battery/sites/{site}/schedules", False, _ENTRY_BODY),
        (lambda it: it.change_entry(_ENTRY), "PUT", "battery/sites/{site}/schedules/7", False, _ENTRY_BODY),
        (lambda it: it.delete_entry(_ENTRY), "POST", "battery/sites/{site}/schedules/7/delete", False, {}),
        (
            lambda it: it.set_profile(BatteryWish(profile="self-consumption", profile_reserve=20)),
            *("PUT", "profile/{site}", True, {"profile": "self-consumption", "batteryBackupPercentage": 20}),
        ),
        (lambda it: it.set_profile(BatteryWish(profile="backup_only")), "PUT", "profile/{site}", True, {"profile": "backup_only"}),
        (Batteries.cancel_profile, "PUT", "cancel/profile/{site}", True, {}),
        (
            lambda it: it.set_storm_guard(BatteryWish(storm_guard=True), BatteryProfile(storm_guard_ev=False)),
            *("PUT", "stormGuard/toggle/{site}", True, {"stormGuardState": "enabled", "evseStormEnabled": False}),
        ),
        (
            lambda it: it.opt_out((_ALERT,)),
            *("PUT", "stormGuard/{site}/stormAlert", False, {"stormAlerts": [{"id": "a", "name": "Storm", "status": "opted-out"}]}),
        ),
    ],
)
async def test_a_call_is_sent_as_the_service_wants_it(
    cloud: Cloud, call: Call, method: str, path: str, names_user: bool, body: Json
) -> None:
    account = await cloud.signed_in()
    batteries = Batteries(account, cloud.sim.site.id)
    await batteries.settings()
    user = await account.user_id(cloud.sim.site.id)
    path = f"{_BC}/{path.format(site=cloud.sim.site.id)}"
    cloud.sim.faults.add(path=path, method=method, body={})
    cloud.forget()
    # An empty answer is none to a question.
    with suppress(InvalidResponse):
        await call(batteries)
    (sent,) = cloud.sim.requests
    assert (sent.method, sent.path, sent.body) == (method, path, body)
    assert sent.query == ({"userId": user} if names_user else {})


async def test_source_is_named_in_the_query_where_it_is_wanted(cloud: Cloud) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    await batteries.write_settings(BatteryWish(shutdown_level=15), (), BatterySettings(), (), names_source=True)
    user = await batteries.account.user_id(cloud.sim.site.id)
    assert cloud.sim.requests[-1].query == {"userId": user, "source": "enho"}


@pytest.mark.parametrize(("said", "expected"), [(True, True), (False, False), (None, True)])
async def test_the_check_of_a_family_is_answered(cloud: Cloud, said: bool | None, expected: bool) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    cloud.sim.faults.add(path="isValid", body={"isValid": said})
    assert await batteries.check_family(_DTG) is expected


def _cookies(sent: Sent) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(sent.headers.get("Cookie", "")).items()}


@pytest.mark.parametrize("shape", HeaderShape)
async def test_each_shape_has_its_headers_and_cookies(cloud: Cloud, shape: HeaderShape) -> None:
    switches = cloud.sim.world.deployment.battery
    switches.read_shapes, switches.write_shapes = {shape}, {shape}
    account = await cloud.signed_in()
    batteries = Batteries(account, cloud.sim.site.id)
    await batteries.settings()
    await set_level(batteries, 15)
    read, write = (next(one for one in reversed(cloud.sent) if one.method == method) for method in ("GET", "PUT"))
    manager = account.state.manager_token
    assert manager is not None
    names_token, has_session = shape is not HeaderShape.SESSION, shape is not HeaderShape.TOKEN_ONLY
    for sent in (read, write):
        assert sent.headers["Accept"] == "application/json, text/plain, */*"
        assert (sent.headers["Origin"], sent.headers["Referer"]) == (_APP, f"{_APP}/")
        assert sent.headers["Username"] == await account.user_id(cloud.sim.site.id)
        assert UUID(sent.headers["requestid"]).version == 4
        assert sent.headers.get("e-auth-token") == (manager.value if names_token else None)
        assert sent.headers.get("X-Requested-With") == ("XMLHttpRequest" if names_token and has_session else None)
        assert ("_enlighten_4_session" in _cookies(sent)) is has_session
    assert read.headers["requestid"] != write.headers["requestid"]
    assert "X-XSRF-Token" not in read.headers
    assert write.headers["X-XSRF-Token"] == _cookies(write)["BP-XSRF-Token"]
    assert set(_cookies(write)) == {"BP-XSRF-Token"} or has_session


async def test_the_state_of_charge_is_asked_for_as_the_web_app_does(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    await Batteries(account, cloud.sim.site.id).status()
    sent, token = cloud.sent[-1], account.state.access_token
    assert token is not None
    assert sent.headers["Accept"] == "application/json, text/plain, */*"
    assert sent.headers["Referer"] == f"{cloud.sim.url}/pv/systems/{cloud.sim.site.id}/summary"
    assert (sent.headers["X-Requested-With"], sent.headers["e-auth-token"]) == ("XMLHttpRequest", token.value)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_read_that_is_refused_is_asked_in_another_shape(cloud: Cloud, status: int) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    await batteries.settings()
    # Refused, and refused again with a renewed session.
    cloud.sim.faults.add(path="/profile/", status=status, times=2)
    assert (await batteries.profile()).profile is not None
    assert cloud.count("/profile/") == 3


async def test_an_answer_with_a_token_that_is_no_cookie_is_read_all_the_same(cloud: Cloud) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    cloud.sim.faults.add(path="/profile/", after=True, body={"data": {"profile": "expert"}}, headers={"Set-Cookie": "a\tb=c"})
    assert (await batteries.profile()).profile == "expert"
