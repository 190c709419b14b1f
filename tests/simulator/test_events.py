"""Grid events on their own host, outages, and the owner's events (docs/cloud-api/events.md)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from simulator import Simulator
from simulator.grid_services import Enrolment, EventStatus, GridServices

from .conftest import Client, Opener
from .live_client import pv_headers
from .test_shapes import differences, sample

type Ask = Callable[..., Awaitable[tuple[int, Any]]]
ENROLLED = "/enrollment-mgr/api/v1/enrollment/enrolled/1234567"


class GridClient:
    """Asks the second host as the page tells."""

    def __init__(self, client: Client) -> None:
        self.sim = client.sim
        self.grid: GridServices = client.sim.grid_services
        self.client = client
        self.headers = {
            "Authorization": client.manager_token,
            "Origin": client.sim.url,
            "Referer": f"{client.sim.url}/pv/systems/1234567/summary",
        }

    async def ask(self, path: str, **headers: str | None) -> tuple[int, Any]:
        sent = {name: value for name, value in (self.headers | headers).items() if value is not None}
        async with aiohttp.ClientSession() as session, session.get(self.grid.url + path, headers=sent) as response:
            return response.status, await response.json()

    async def events(self, **query: str) -> Any:
        enrolment = (await self.ask(ENROLLED))[1]["data"]
        program = (await self.ask(f"/enrollment-mgr/api/v1/enrollment/{enrolment}"))[1]["data"]["program_id"]
        tail = "".join(f"&{name}={value}" for name, value in query.items())
        status, body = await self.ask(f"/vpp-mgr/api/v1/events/get?site_id=1234567&programId={program}{tail}")
        assert status == 200, body
        return body


@pytest.fixture
async def grid(socket_enabled: None) -> AsyncIterator[GridClient]:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator("battery_site", grid_services=True))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(sim.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"User-Agent": "tests/1"})
        )
        client = Client(sim, session)
        assert (await client.sign_in())[0] == 200
        yield GridClient(client)


async def test_an_event_from_its_announcement_to_its_end(grid: GridClient) -> None:
    now = grid.sim.clock.time()
    grid.grid.add_event(grid.sim.site, now + 3600, now + 7200)
    body = await grid.events()
    assert differences(sample("grid_events"), body) == []
    assert body["data"][0]["status"] == "scheduled"
    assert datetime.fromisoformat(body["data"][0]["start_time"]).timestamp() == int(now + 3600)
    for seconds, status in ((3700, "active"), (3700, "completed")):
        grid.sim.clock.advance(seconds)
        assert (await grid.events())["data"][0]["status"] == status
    assert {len(one) for one in (grid.grid.enrolment_of("1234567"), grid.grid.program_of("1234567"))} == {24}


async def test_events_that_come_to_nothing(grid: GridClient) -> None:
    now = grid.sim.clock.time()
    first, second = (grid.grid.add_event(grid.sim.site, now + hour * 3600, now + hour * 3600 + 600) for hour in (1, 2))
    grid.grid.cancel(first)
    grid.grid.cancel(second, EventStatus.SUPERSEDED)
    data = (await grid.events(ascending="false"))["data"]
    assert [one["status"] for one in data] == ["superseded", "cancelled"]
    assert [one["superceded"] for one in data] == [True, False]
    assert data[0]["cancellation_timestamp"]


async def test_days_are_kept_to(grid: GridClient) -> None:
    now = grid.sim.clock.time()
    grid.grid.add_event(grid.sim.site, now - 20 * 86400, now - 20 * 86400 + 600)
    grid.grid.add_event(grid.sim.site, now + 600, now + 1200)
    today = grid.sim.clock.now().date()
    assert len((await grid.events())["data"]) == 2
    assert len((await grid.events(start_date=str(today)))["data"]) == 1
    assert len((await grid.events(start_date=str(round(now * 1000))))["data"]) == 1
    status, _ = await grid.ask(
        f"/vpp-mgr/api/v1/events/get?site_id=1234567&programId={grid.grid.program_of('1234567')}&start_date=yesterday"
    )
    assert status == 400


@pytest.mark.parametrize("enrolment", [Enrolment.NULL, Enrolment.EMPTY])
async def test_a_site_in_no_programme(grid: GridClient, enrolment: Enrolment) -> None:
    grid.grid.switches.enrolment = enrolment
    assert not (await grid.ask(ENROLLED))[1]["data"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer {manager}"},
        {"Authorization": "{access}"},
        {"Origin": None},
        {"Origin": "https://example.com"},
        {"Referer": None},
        {"Cookie": "_enlighten_4_session=x"},
        {"e-auth-token": "x"},
        {"X-XSRF-Token": "x"},
    ],
    ids=str,
)
async def test_nothing_of_the_session_reaches_it(grid: GridClient, headers: dict[str, str | None]) -> None:
    access = (await pv_headers(grid.client))["e-auth-token"]
    sent = {
        name: None if value is None else value.format(manager=grid.client.manager_token, access=access) for name, value in headers.items()
    }
    assert (await grid.ask(ENROLLED, **sent))[0] == 401
    assert (await grid.ask(ENROLLED))[0] == 200


async def test_its_401_says_nothing_about_the_session(grid: GridClient) -> None:
    grid.grid.switches.unauthorized = True
    assert (await grid.ask(ENROLLED))[0] == 401
    assert (await grid.client.ask("GET", "/app-api/search_sites.json"))[0] == 200
    grid.grid.switches.unauthorized = False
    grid.sim.expire_tokens()
    assert (await grid.ask(ENROLLED))[0] == 401
    assert len(grid.grid.requests) == 2
    grid.grid.faults.add(path="enrolled", status=503)
    assert grid.grid.requests[-1].status == 401


async def test_it_is_stopped_with_the_cloud_and_keeps_its_port(grid: GridClient) -> None:
    url = grid.grid.url
    await grid.sim.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await grid.ask(ENROLLED)
    await grid.sim.start()
    assert grid.grid.url == url
    assert (await grid.ask(ENROLLED))[0] == 200


async def test_grid_events_from_another_process(grid: GridClient) -> None:
    path = "/_sim/grid"
    status, body = await grid.client.ask("POST", f"{path}/events", json={"in_s": 600, "for_s": 900})
    assert (status, body["status"]) == (200, "scheduled")
    assert (await grid.client.ask("GET", path))[1]["url"] == grid.grid.url
    assert (await grid.client.ask("POST", path, json={"enrolment": "null"}))[0] == 200
    assert (await grid.ask(ENROLLED))[1] == {"data": None}
    assert (await grid.client.ask("POST", path, json={"enrolment": "perhaps"}))[0] == 400
    assert (await grid.client.ask("POST", f"{path}/events", json={"in_s": "soon"}))[0] == 400


async def test_an_outage(visit: Opener) -> None:
    client = await visit("battery_site")
    headers = await pv_headers(client)
    sim = client.sim
    path = "/app-api/1234567/off_grid_due_to_grid_outage"
    assert (await client.ask("GET", path, headers=headers))[1] == {
        "is_grid_outage": False,
        "show_grid_connect": False,
        "has_battery": True,
    }
    assert (await client.status())["offGrid"] == "ON_GRID"
    status, _ = await client.ask("POST", "/_sim/sites/1234567", json={"grid_lost": True})
    assert status == 200
    assert (await client.ask("GET", path, headers=headers))[1]["show_grid_connect"] is True
    assert (await client.status())["offGrid"] == "OFF_GRID"
    history = "/app-api/1234567/battery_backup_history.json"
    assert (await client.ask("GET", history, headers=headers))[1]["total_records"] == 0
    sim.clock.advance(3600)
    sim.site.house.grid_lost = False
    _, body = await client.ask("GET", history, headers=headers)
    assert (body["total_records"], body["total_backup"]) == (1, pytest.approx(3600, abs=2))
    began = datetime.fromisoformat(body["histories"][0]["start_time"])
    assert began.utcoffset() is not None
    assert began.timestamp() == pytest.approx(sim.clock.time() - 3600, abs=5)
    client.sim.world.deployment.events.status = 404
    assert (await client.ask("GET", history, headers=headers))[0] == 404


async def test_the_owners_events_in_pages(visit: Opener) -> None:
    client = await visit("single_phase")
    path = "/service/events-platform-service/v1.0/1234567/events/homeowner?page_size=20&locale=en&next="
    found: list[Any] = []
    following = ""
    while following is not None:
        _, body = await client.ask("GET", path + following, headers=await pv_headers(client))
        found += body["events"]
        following = body["next"]
    assert len(found) > 20
    assert len({one["id"] for one in found}) == len(found)
    assert [one["event_date"] for one in found] == sorted((one["event_date"] for one in found), reverse=True)
    starts = [one for one in found if one["event_key"] == "evse_start_charging"]
    assert "Charge Level = --, Mode = Charge Now" in {one["message_params"] for one in starts}
    assert {one["serial_num"] for one in starts} == {client.sim.charger().serial}


async def test_the_cloud_tells_whether_it_is_up(visit: Opener) -> None:
    client = await visit(signed_in=False)
    assert (await client.ask("GET", "/healthcheck"))[1]["STATUS"] == "UP"
    client.sim.world.deployment.events.health_status = 503
    assert (await client.ask("GET", "/healthcheck"))[0] == 503
