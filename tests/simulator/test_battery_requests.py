"""Requests that published clients send to real sites: each gets the answer that its case names (tests/fixtures/cases)."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator.switches.battery import HeaderShape

from .battery_client import COOKIE, ORIGIN, BatteryClient
from .conftest import Opener

CASES = json.loads((Path(__file__).parents[1] / "fixtures" / "cases" / "request_shapes.json").read_text(encoding="utf-8"))
HEADER_CASES = [case for case in CASES["shapes"] if "request" not in case]
REQUEST_CASES = [case for case in CASES["shapes"] if "request" in case]

BASE = "/service/batteryConfig/api/v1"
SETTINGS = "/batterySettings/{site}?userId={user}"
S = "/battery/sites/{site}/schedules"
LEVEL = {"veryLowSoc": 15}
ENLIGHTEN = "https://enlighten.enphaseenergy.com"


@pytest.fixture
async def client(visit: Opener) -> BatteryClient:
    return BatteryClient(await visit("battery_site"))


class Sender:
    """Sends a read and a write as a case describes its headers and cookies."""

    def __init__(self, client: BatteryClient, case: dict[str, Any]) -> None:
        self.client = client
        self.case = case
        told = " ".join(case.get("headers", ["requestid"]))
        self.origin = None if "no Origin" in told else ENLIGHTEN if "enlighten itself" in told else ORIGIN
        self.username = None if "no Username" in told else client.user
        self.query = "" if "no query" in told else f"?userId={client.user}"
        self.told = told

    async def headers(self) -> dict[str, str]:
        """Headers of a read."""
        headers = {"User-Agent": "tests/1"}
        if self.username is not None:
            headers["Username"] = self.username
        if self.origin is not None:
            headers |= {"Origin": self.origin, "Referer": f"{self.origin}/"}
        if "requestid" in self.told:
            headers["requestid"] = "0b9f0c0e-0000-4000-8000-000000000001"
        if "X-Requested-With" in self.told:
            headers["X-Requested-With"] = "XMLHttpRequest"
        if "e-auth-token" in self.told:
            headers["e-auth-token"] = await self._token()
        if "Authorization" in self.told:
            headers["Authorization"] = f"Bearer {self.client.client.manager_token}"
        return headers

    async def _token(self) -> str:
        if "session id" in self.told:
            return self.client.client.cookie("_enlighten_4_session") or ""
        if "manager JWT" in self.told:
            return self.client.client.manager_token
        _, body = await self.client.client.ask("GET", "/users/self/token")
        return str(body["token"])

    def jar(self, token: str) -> dict[str, str]:
        """The cookies of the case, with an XSRF token."""
        jar = {cookie.key: cookie.value for cookie in self.client.client.session.cookie_jar if cookie.key != COOKIE}
        named = self.case.get("cookies", ["whole jar"])
        kept = jar if {"whole jar", "session"} & set(named) else {}
        return kept | {COOKIE: token}

    async def statuses(self) -> tuple[int, int]:
        """What a read and a write get."""
        headers = await self.headers()
        made_up = "made by the client itself" in " ".join(self.case.get("cookies", []))
        token = "made-up"
        if not made_up:
            await self.client.read("siteSettings")
            token = self.client.token or ""
        path = BASE + f"/batterySettings/{self.client.site}{self.query}"
        async with aiohttp.ClientSession(self.client.sim.url, cookies=self.jar(token)) as bare:
            write = headers | {"X-XSRF-Token": token}
            async with bare.put(path, headers=write, json=LEVEL, allow_redirects=False) as response:
                written = response.status
            async with bare.get(path, headers=headers, allow_redirects=False) as response:
                return response.status, written


@pytest.mark.parametrize("case", HEADER_CASES, ids=lambda case: case["who"])
async def test_headers_of_published_clients(client: BatteryClient, case: dict[str, Any]) -> None:
    sender = Sender(client, case)
    match case["wanted"].split():
        case ["taken"]:
            assert await sender.statuses() == (200, 200)
            return
        case ["401", "by", "default", *_]:
            assert await sender.statuses() == (401, 401)
            every = set(HeaderShape)
            client.battery.switches.read_shapes, client.battery.switches.write_shapes = every, every
        case ["weak", "evidence:", "a", "switch"]:
            assert 403 in await sender.statuses()
            client.battery.switches.update({"username_needed": False, "xsrf_own_pairs": True})
        case _:
            pytest.fail("no answer is named")
    assert await sender.statuses() == (200, 200)


@pytest.mark.parametrize("case", REQUEST_CASES, ids=lambda case: case["who"])
async def test_queries_of_published_clients(client: BatteryClient, case: dict[str, Any]) -> None:
    assert case["wanted"] == "taken"
    verb, path = case["request"].partition(" (")[0].split()
    path = "/" + path.replace("<site>", "{site}")
    if verb == "GET":
        status, body = await client.ask("GET", path)
        assert (status, "data" in body) == (200, True)
    else:
        assert await client.write("PUT", path, {"profile": "cost_savings"}) == (200, {"message": "success"})
        client.settle()
        assert client.battery.settings.profile == "cost_savings"


def _entry(client: BatteryClient, family: str, **more: object) -> dict[str, object]:
    zone = client.battery.site.time_zone
    return {"timezone": zone, "startTime": "06:00", "endTime": "08:00", "scheduleType": family, "days": [1, 2], **more}


async def _send_body(client: BatteryClient, number: int) -> int:
    match number:
        case 0:
            return (await client.write("POST", S, _entry(client, "CFG", limit=90)))[0]
        case 1:
            return (await client.write("POST", S, _entry(client, "RBD", limit=6, isEnabled=True)))[0]
        case _:
            body = {"chargeFromGrid": True, "acceptedItcDisclaimer": "2026-11-30T21:54:29.123456+00:00"}
            return (await client.put(body))[0]


@pytest.mark.parametrize(
    ("number", "switch", "refusal"),
    [(0, "is_enabled_needed", 409), (1, "rbd_limit_refused", 400), (2, "strict_disclaimer_time", 400)],
)
async def test_bodies_of_published_clients(client: BatteryClient, number: int, switch: str, refusal: int) -> None:
    case = CASES["bodies"][number]
    assert case["wanted"] == "taken; a refusal that was seen once is a switch"
    client.battery.switches.update({switch: True})
    assert await _send_body(client, number) == refusal
    client.battery.switches.update({switch: False})
    assert await _send_body(client, number) == 200
    client.settle()
    assert [entry for entry in client.battery.schedules if entry.start == "06:00"] or client.battery.settings.charge_from_grid


async def test_the_whole_body_that_worked_live(client: BatteryClient) -> None:
    """Its keys and no others switch restrict discharge off where a lean body is ignored (docs/cloud-api/battery.md §4)."""
    path = Path(__file__).parents[1] / "fixtures" / "cases" / "whole_write_keys.json"
    keys = json.loads(path.read_text(encoding="utf-8"))["in_the_verified_body"]
    client.battery.set(restrict_discharge=True)
    client.battery.switches.partial_rbd_off_ignored = True
    await client.put({"rbdControl": {"enabled": False}})
    client.settle()
    assert client.battery.settings.restrict_discharge
    told = await client.read("batterySettings")
    body = {key: told[key] for key in keys if key in told}
    body["rbdControl"] = body["rbdControl"] | {"enabled": False}
    assert await client.put(body) == (200, {"message": "success"})
    client.settle()
    assert not client.battery.settings.restrict_discharge


async def test_an_older_pair_is_taken_unless_told_otherwise(client: BatteryClient) -> None:
    await client.read("siteSettings")
    token = client.token
    await client.read("siteSettings")
    assert token != client.token
    jar = client.client.session.cookie_jar
    for only_newest, status in ((False, 200), (True, 403)):
        client.battery.switches.xsrf_only_newest = only_newest
        jar.clear(lambda morsel: morsel.key == COOKIE)
        jar.update_cookies({COOKIE: token or ""})
        assert (await client.ask("PUT", SETTINGS, headers=client.headers(**{"X-XSRF-Token": token}), json=LEVEL))[0] == status
