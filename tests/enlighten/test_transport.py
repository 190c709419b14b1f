"""One request: its headers by family, its answer, and what is counted (docs/cloud-api/auth.md §6, docs/cloud-api/README.md)."""

from contextlib import suppress
from datetime import timedelta
import re
from uuid import UUID

from freezegun.api import FrozenDateTimeFactory
import pytest
from yarl import URL

from custom_components.enphase_ev.enlighten import (
    Chargers,
    EnlightenError,
    Family,
    InvalidResponse,
    Json,
    RequestRejected,
    ServiceUnavailable,
)
from custom_components.enphase_ev.enlighten.transport import DEFAULT_URL, URL_VARIABLE, Request, enlighten_url

from .cloud import Cloud, Sent
from .conftest import OpenCloud

STATUS = "status$"


# The origin


def test_credentials_go_to_enlighten_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert enlighten_url() == URL("https://enlighten.enphaseenergy.com") == URL(DEFAULT_URL)


@pytest.mark.parametrize("value", ["http://127.0.0.1:8377", "http://127.0.0.1:8377/some/path?query=1"])
def test_unless_a_developer_names_another_origin(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(URL_VARIABLE, value)
    assert enlighten_url() == URL("http://127.0.0.1:8377")


async def test_a_redirect_is_never_followed(cloud: Cloud) -> None:
    """It would carry the cookies of the session elsewhere."""
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}, times=None)
    with pytest.raises(ServiceUnavailable):
        await chargers.status()
    assert {str(sent.url.origin()) for sent in cloud.sent} == {cloud.sim.url}


# Headers


async def last_sent(cloud: Cloud, family: Family, path: str) -> Sent:
    """Send a request of a family for the first site and return it as it left."""
    account = await cloud.signed_in()
    # Only what was sent counts here.
    with suppress(EnlightenError):
        await account.request(Request(family=family, path=path), site_id=cloud.sim.site.id)
    return next(sent for sent in reversed(cloud.sent) if sent.url.path == path)


def token(cloud: Cloud, sent: Sent, header: str) -> str:
    """Which token a header holds."""
    value = sent.headers[header].removeprefix("Bearer ")
    state = cloud.stored
    assert state is not None
    assert state.access_token is not None
    assert state.manager_token is not None
    return {state.access_token.value: "access", state.manager_token.value: "manager"}.get(value, "something else")


async def test_the_app_is_asked_as_the_web_app_asks(cloud: Cloud) -> None:
    site_id = cloud.sim.site.id
    sent = await last_sent(cloud, Family.SITES, f"/app-api/{site_id}/data.json")
    assert sent.headers["Accept"] == "application/json, text/plain, */*"
    assert sent.headers["X-Requested-With"] == "XMLHttpRequest"
    assert sent.headers["Referer"] == f"{cloud.sim.url}/pv/systems/{site_id}/summary"
    assert token(cloud, sent, "e-auth-token") == "access"
    assert "Authorization" not in sent.headers


async def test_the_app_is_asked_for_a_token_in_the_same_way(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(token_endpoints=["jwt_token"])
    account = await cloud.signed_in()
    manager = account.state.manager_token
    assert manager is not None
    sent = next(sent for sent in cloud.sent if sent.url.path == "/app-api/jwt_token.json")
    assert sent.headers["Referer"] == f"{cloud.sim.url}/"
    # The only token that lives by then.
    assert sent.headers["e-auth-token"] == manager.value


@pytest.mark.parametrize("family", [Family.STATUS, Family.SUMMARY, Family.LIVE_STREAM])
async def test_charger_reads_carry_the_access_token(cloud: Cloud, family: Family) -> None:
    site_id = cloud.sim.site.id
    sent = await last_sent(cloud, family, f"/service/evse_controller/{site_id}/ev_chargers/status")
    assert sent.headers["Accept"] == "*/*"
    assert sent.headers["Referer"] == f"{cloud.sim.url}/web/{site_id}/today/graph/hours"
    assert token(cloud, sent, "e-auth-token") == "access"
    assert "Authorization" not in sent.headers


@pytest.mark.parametrize("family", [Family.CONTROL, Family.CHARGE_MODE])
async def test_control_and_scheduler_carry_the_manager_token_as_well(cloud: Cloud, family: Family) -> None:
    path = f"/service/evse_scheduler/api/v1/iqevc/charging-mode/{cloud.sim.site.id}/{cloud.sim.charger().serial}/preference"
    sent = await last_sent(cloud, family, path)
    assert sent.headers["Accept"] == "application/json, text/javascript, */*; q=0.01"
    assert token(cloud, sent, "Authorization") == "manager"
    assert sent.headers["Authorization"].startswith("Bearer ")
    assert token(cloud, sent, "e-auth-token") == "access"


@pytest.mark.parametrize("claims", ["session_id", "sessionId"])
async def test_history_carries_the_access_token_its_session_and_the_user(open_cloud: OpenCloud, claims: str) -> None:
    cloud = await open_cloud(jwt_session_claim=claims)
    sent = await last_sent(cloud, Family.HISTORY, f"/service/enho_historical_events_ms/{cloud.sim.site.id}/sessions/x/history")
    assert token(cloud, sent, "Authorization") == "access"
    assert token(cloud, sent, "e-auth-token") == "something else"
    assert sent.headers["username"] == str(cloud.sim.account.user_id)
    assert UUID(sent.headers["requestid"]).version == 4


async def test_without_a_token_that_names_user_and_session_history_makes_do(cloud: Cloud) -> None:
    opaque = {"body": {"token": "opaque"}}
    login = {"body": {"message": "success"}, "headers": {"Set-Cookie": "_enlighten_4_session=a; Path=/"}}
    cloud.sim.faults.add(path="^/login", **login)
    cloud.sim.faults.add(path="/users/self/token", **opaque)
    path = f"/service/enho_historical_events_ms/{cloud.sim.site.id}/sessions/x/history"
    cloud.sim.faults.add(path=path, body={})
    sent = await last_sent(cloud, Family.HISTORY, path)
    assert (sent.headers["Authorization"], sent.headers["e-auth-token"]) == ("Bearer opaque", "opaque")
    assert "username" not in sent.headers


async def test_without_a_manager_token_the_access_token_controls(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(sign_in_body="empty_object", manager_token="body")
    chargers = await cloud.chargers()
    await chargers.start(cloud.sim.charger().serial, mode=None, level=16)
    assert cloud.sim.charger().charging


async def test_an_access_token_that_has_run_out_is_not_sent(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(token_endpoints=["users_self"])
    account = await cloud.signed_in()
    frozen.tick(timedelta(hours=13))
    cloud.sim.world.deployment.update({"token_endpoints": []})
    # No token can be had, and the session lives: with a password it is opened anew, and the manager token of that is all there is.
    assert (await Chargers(account, cloud.sim.site.id).status()).chargers
    assert cloud.stored is not None
    assert cloud.stored.access_token is None
    assert cloud.stored.manager_token is not None
    assert cloud.sent[-1].headers["e-auth-token"] == cloud.stored.manager_token.value


async def test_the_cookies_of_the_session_go_with_every_request(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    await account.sites()
    cookies = dict(part.split("=", 1) for part in re.split(r"; *", cloud.sent[-1].headers["Cookie"]))
    assert cookies.keys() == {"_enlighten_4_session", "enlighten_manager_token_production"}


async def test_two_accounts_share_no_cookie(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud()
    first, second = await cloud.signed_in(), await cloud.signed_in()
    assert cloud.cookie(first) != cloud.cookie(second)
    assert await first.sites() == await second.sites()


# Answers


async def test_an_answer_that_is_far_too_large_is_given_up(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, body="[" + "1," * 2_200_000 + "1]", content_type="application/json")
    with pytest.raises(InvalidResponse, match="too large"):
        await chargers.status()
    assert (await chargers.status()).chargers


async def test_a_large_honest_answer_is_read(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    body = {"data": {"chargers": [{"sn": f"EV{number:012d}", "name": "x" * 1000} for number in range(1000)]}}
    cloud.sim.faults.add(path=STATUS, body=body)
    assert len((await chargers.status()).chargers) == 1000


@pytest.mark.parametrize(
    "fault",
    [
        {"broken_json": True},
        {"body": "no JSON", "content_type": "application/json"},
        {"body": "[1,", "content_type": "text/plain"},
        {"body": "NaN"},
        {"body": "[" * 2000 + "]" * 2000},
        {"body": '{"data": "\\ud800"}'},
        {},
        {"status": 204},
        {"status": 205},
        {"body": "   "},
    ],
)
async def test_what_is_no_status_is_an_invalid_response(cloud: Cloud, fault: dict[str, object]) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, **{"status": 200, **fault})
    with pytest.raises(InvalidResponse):
        await chargers.status()
    assert cloud.count(STATUS) == 1


@pytest.mark.parametrize("depth", [50, 1000])
async def test_deep_answers_do_no_harm(cloud: Cloud, depth: int) -> None:
    account = await cloud.signed_in()
    text = '{"data":' * depth + "{}" + "}" * depth
    cloud.sim.faults.add(path="search_sites", body=text, content_type="application/json")
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"displayMessage": "Words", "code": "400", "errorMessageCode": "iqevc_x"}}, "iqevc_x", "Words"),
        ({"error": {"message": "Words", "status": "INVALID"}}, "INVALID", "Words"),
        ({"error": {"errorMessage": "Words"}}, None, "Words"),
        ({"error": "Words"}, None, "Words"),
        ({"message": "Words", "code": 7}, "7", "Words"),
        ({"displayMessage": "Words"}, None, "Words"),
        ({"error": {"status": 400, "code": "iqevc_ms-10012", "message": "Words"}}, "iqevc_ms-10012", "Words"),
        ({"error": {"code": "400", "errorMessageCode": "no code"}, "status": "iqevc_sch_10031"}, "iqevc_sch_10031", None),
        ({"errorMessageCode": "iqevc_sch_10031", "code": 400}, "iqevc_sch_10031", None),
        ({"error": {"errorCode": "iqevc_sch_10031"}}, "iqevc_sch_10031", None),
        ("Words of\n EV000000000001 ", None, "Words of …"),
        ('"Words"', None, "Words"),
        ("{broken", None, None),
        ("42", None, None),
        ({"error": {}}, None, None),
        ({}, None, None),
        (["Words"], None, None),
        (None, None, None),
    ],
)
async def test_a_refusal_keeps_the_clouds_own_code_and_words(cloud: Cloud, body: Json, code: str | None, message: str | None) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=466, body=body)
    with pytest.raises(RequestRejected) as error:
        await chargers.status()
    assert (error.value.status, error.value.code, error.value.message) == (466, code, message)
    assert str(error.value) == (message or code or "HTTP 466")


async def test_a_page_with_an_error_status_is_a_refusal_without_words(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=466, html=True)
    with pytest.raises(RequestRejected, match="HTTP 466"):
        await chargers.status()


async def test_an_outage_keeps_the_clouds_words(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=503, body={"message": "Back at noon"})
    with pytest.raises(ServiceUnavailable) as error:
        await chargers.status()
    assert (error.value.cloud_message, error.value.may_have_arrived) == ("Back at noon", False)


async def test_a_read_that_gets_no_answer_is_an_outage(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    account.transport.request_timeout = 0.2
    cloud.sim.faults.add(path=STATUS, delay=0.5, status=200)
    with pytest.raises(ServiceUnavailable) as error:
        await Chargers(account, cloud.sim.site.id).status()
    assert error.value.may_have_arrived


# Counting


async def test_requests_are_counted_by_family_and_hour(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud()
    chargers = await cloud.chargers()
    requests = chargers.account.transport.requests
    await chargers.status()
    frozen.tick(timedelta(minutes=40))
    await chargers.status()
    assert requests.total == {Family.SIGN_IN: 1, Family.SESSION: 1, Family.STATUS: 2}
    assert requests.last_hour() == requests.total
    frozen.tick(timedelta(minutes=30))
    assert requests.last_hour() == {Family.STATUS: 1}
    assert requests.total[Family.STATUS] == 2
    frozen.tick(timedelta(minutes=31))
    assert not requests.last_hour()


async def test_the_time_that_an_answer_took_is_known(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    assert account.latency is None
    cloud.sim.faults.add(path=STATUS, delay=0.1)
    await Chargers(account, cloud.sim.site.id).status()
    assert account.latency is not None
    assert 0.1 <= account.latency < 5
