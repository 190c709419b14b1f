"""Who may ask the battery service what: sessions, shapes of headers, the XSRF token (docs/cloud-api/battery.md §1 and §2)."""

from typing import Any

import aiohttp
import pytest

from tests.strictness import strict, strict_and_lenient

from .battery_client import BASE, COOKIE, BatteryClient
from .conftest import Opener

SETTINGS = "/batterySettings/{site}?userId={user}"
SITE_SETTINGS = "/siteSettings/{site}?userId={user}"
IS_VALID = "/battery/sites/{site}/schedules/isValid"
LEVEL = {"veryLowSoc": 15}


@pytest.fixture
async def client(visit: Opener) -> BatteryClient:
    return BatteryClient(await visit("battery_site"))


async def put_with(client: BatteryClient, cookie: str | None, header: str | None) -> int:
    """A write with a cookie and a header of one's choice."""
    jar = client.client.session.cookie_jar
    jar.clear(lambda morsel: morsel.key == COOKIE)
    if cookie is not None:
        jar.update_cookies({COOKIE: cookie})
    return (await client.ask("PUT", SETTINGS, headers=client.headers(**{"X-XSRF-Token": header}), json=LEVEL))[0]


@strict
async def test_a_write_needs_the_newest_token_as_cookie_and_as_header(client: BatteryClient) -> None:
    assert await put_with(client, None, None) == 403
    token = client.token
    assert token is not None
    assert await put_with(client, token, None) == 403
    await client.ask("GET", SETTINGS)
    token = client.token
    assert await put_with(client, token, "other") == 403
    assert await put_with(client, token, token) == 403, "the 403 before has set a newer one"
    token = client.token
    assert await put_with(client, token, token) == 200
    assert await put_with(client, token, token) == 403, "used up"


@strict
@pytest.mark.parametrize("path", [SITE_SETTINGS, SETTINGS, "/profile/{site}?userId={user}", "/battery/sites/{site}/schedules"])
async def test_every_read_rotates_the_token(client: BatteryClient, path: str) -> None:
    await client.ask("GET", SITE_SETTINGS)
    token = client.token
    assert token in client.sim.secrets()
    assert (await client.ask("GET", path))[0] == 200
    assert client.token != token
    assert await put_with(client, token, token) == 403


async def test_errors_rotate_it_too(client: BatteryClient) -> None:
    await client.ask("GET", SITE_SETTINGS)
    seen = {client.token}
    for body, status in ((LEVEL, 403), ({"veryLowSoc": 99}, 400)):
        headers = client.headers(**{"X-XSRF-Token": client.token if status == 400 else "stale"})
        assert (await client.ask("PUT", SETTINGS, headers=headers, json=body))[0] == status
        seen.add(client.token)
    assert (await client.ask("GET", "/batterySettings/7?userId={user}"))[0] == 468
    assert len(seen | {client.token}) == 4


@strict
async def test_the_header_alone_in_europe(visit: Opener) -> None:
    client = BatteryClient(await visit("battery_eu"))
    async with client.client.session.get(
        BASE + SITE_SETTINGS.format(site=client.site, user=client.user), headers=client.headers()
    ) as response:
        token = response.headers["x-csrf-token"]
        assert COOKIE not in response.cookies
    async with client.client.session.get(BASE + SETTINGS.format(site=client.site, user=client.user), headers=client.headers()) as response:
        assert "x-csrf-token" not in response.headers
    assert await put_with(client, token, token) == 200
    assert await put_with(client, token, token) == 200, "only an answer that carries a token brings a new one"
    client.battery.switches.xsrf_header_everywhere = True
    assert await put_with(client, token, token) == 200
    assert await put_with(client, token, token) == 403


async def test_both_sources_agree(client: BatteryClient) -> None:
    client.battery.switches.update({"xsrf_source": "both"})
    path = BASE + SITE_SETTINGS.format(site=client.site, user=client.user)
    async with client.client.session.get(path, headers=client.headers()) as response:
        assert response.headers["x-csrf-token"] == response.cookies[COOKIE].value


async def test_where_reads_bring_no_token_a_refused_check_does(client: BatteryClient) -> None:
    client.battery.switches.xsrf_on_reads = False
    await client.ask("GET", SITE_SETTINGS)
    assert client.token is None
    assert (await client.ask("POST", IS_VALID, json={"scheduleType": "dtg"}))[0] == 403
    assert await put_with(client, client.token, client.token) == 200


async def test_a_token_that_stays(client: BatteryClient) -> None:
    client.battery.switches.xsrf_rotates = False
    await client.ask("GET", SITE_SETTINGS)
    token = client.token
    await client.ask("GET", SETTINGS)
    assert client.token == token
    assert [await put_with(client, token, token) for _ in range(2)] == [200, 200]


@strict
@pytest.mark.parametrize(
    "changed",
    [
        {"Username": "1"},
        {"Username": None},
        {"Origin": None},
        {"Origin": "https://example.com"},
        {"Referer": None},
        {"Authorization": "Bearer x"},
    ],
    ids=lambda changed: "-".join(f"{name}={value}" for name, value in changed.items()),
)
async def test_headers_that_must_be_there(client: BatteryClient, changed: dict[str, Any]) -> None:
    headers = client.headers(**changed)
    assert (await client.ask("GET", SETTINGS, headers=headers))[0] == 403
    assert client.token is not None
    assert (await client.ask("GET", SETTINGS))[0] == 200


@strict
async def test_request_id_and_user_id(client: BatteryClient) -> None:
    assert (await client.ask("GET", SETTINGS, headers=client.headers(requestid=None)))[0] == 400
    assert (await client.ask("GET", "/batterySettings/{site}"))[0] == 403
    assert (await client.ask("GET", "/batterySettings/{site}?userId=1"))[0] == 403
    assert (await client.ask("GET", "/battery/sites/{site}/schedules"))[0] == 200


@strict_and_lenient
async def test_shapes(client: BatteryClient, strict: bool) -> None:
    _, body = await client.client.ask("GET", "/users/self/token")
    token = body["token"]
    switches = client.battery.switches
    shapes: dict[str, dict[str, str]] = {
        "session": {},
        "session_token": {"e-auth-token": token, "X-Requested-With": "XMLHttpRequest"},
        "token_only": {"e-auth-token": token},
    }
    for taken in shapes:
        switches.update({"write_shapes": [taken], "gateway_delay_s": 0})
        for shape, extra in shapes.items():
            await client.ask("GET", SITE_SETTINGS)
            before = client.token
            headers = client.headers(**{"X-XSRF-Token": before}, **extra)
            if shape == "token_only":
                async with aiohttp.ClientSession(client.sim.url, cookies={COOKIE: before or ""}) as bare:
                    path = BASE + SETTINGS.format(site=client.site, user=client.user)
                    headers["User-Agent"] = "tests/1"
                    async with bare.put(path, headers=headers, json=LEVEL) as response:
                        status = response.status
                        fresh = response.cookies[COOKIE].value
            else:
                status, _ = await client.ask("PUT", SETTINGS, headers=headers, json=LEVEL)
                fresh = client.token or ""
            refusal = 401 if shape == "token_only" and not strict else 403
            assert status == (200 if shape == taken else refusal), (taken, shape)
            assert fresh != before


@strict
async def test_a_token_that_is_dead_or_of_nobody(client: BatteryClient) -> None:
    extra = {"e-auth-token": "nonsense", "X-Requested-With": "XMLHttpRequest"}
    assert (await client.ask("GET", SETTINGS, headers=client.headers(**extra)))[0] == 401
    client.client.session.cookie_jar.clear()
    assert (await client.ask("GET", SETTINGS, headers=client.headers(**extra)))[0] == 302


@pytest.mark.parametrize(("answer", "status"), [("redirect", 302), ("401", 401), ("403", 403), ("html", 200)])
async def test_a_dead_session_shows_at_the_read(client: BatteryClient, answer: str, status: int) -> None:
    client.sim.world.deployment.update({"dead_session_answer": answer})
    client.sim.expire_sessions()
    assert (await client.ask("GET", SITE_SETTINGS))[0] == status
    assert client.token is None


async def test_who_is_no_owner_reads_and_writes_nothing(client: BatteryClient) -> None:
    client.battery.features.is_owner = False
    assert (await client.read("siteSettings"))["userDetails"]["isOwner"] is False
    assert (await client.put(LEVEL))[0] == 403
    client.battery.features.is_installer = True
    assert (await client.put(LEVEL))[0] == 200


async def test_families_of_requests(client: BatteryClient) -> None:
    await client.put(LEVEL)
    await client.client.ask("GET", f"/pv/settings/{client.site}/battery_status.json")
    sim = client.sim
    assert (sim.count("battery"), sim.count("battery_write"), sim.count("battery_status")) == (1, 1, 1)
    assert sim.requests[1].family == "battery"
    assert sim.requests[2].body == LEVEL


async def test_the_verb_delete(client: BatteryClient) -> None:
    entry = client.battery.schedules[0].id
    answer = await client.write("DELETE", f"/battery/sites/{{site}}/schedules/{entry}", None)
    assert answer == (403, "Invalid CORS request")
    assert client.battery.schedules[0].id == entry
