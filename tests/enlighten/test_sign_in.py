"""A person signs in with e-mail and password (docs/cloud-api/auth.md §1)."""

import jwt
import pytest

from custom_components.enphase_ev.enlighten import (
    AccountBlocked,
    AuthError,
    CodeRequired,
    EnlightenError,
    InvalidCredentials,
    Json,
    RateLimited,
    ServiceUnavailable,
    TooManySessions,
)

from .cloud import Cloud
from .conftest import OpenCloud

LOGIN = r"/login/login\.json$"


async def test_a_right_password_opens_a_session_with_one_request(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]
    assert (cloud.sign_ins(), cloud.count("^/login")) == (1, 1)
    assert account.state.has_session
    assert account.session_expires_at is not None


async def test_the_request_looks_like_the_web_apps(cloud: Cloud) -> None:
    await cloud.signed_in()
    sent = cloud.sent[0]
    assert sent.url.path == "/login/login.json"
    assert sent.headers["X-Requested-With"] == "XMLHttpRequest"
    assert sent.headers["Accept"] == "*/*"
    assert sent.headers["Referer"] == f"{cloud.sim.url}/"
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert "HomeAssistant" not in sent.headers["User-Agent"]
    assert "Cookie" not in sent.headers


@pytest.mark.parametrize("body", ["full", "empty_object", "empty"])
@pytest.mark.parametrize("manager_token", ["cookie", "body", "both"])
@pytest.mark.parametrize("cookie", ["_enlighten_4_session", "enlighten_session", "_enlighten_session"])
async def test_every_form_of_success_is_understood(open_cloud: OpenCloud, body: str, manager_token: str, cookie: str) -> None:
    cloud = await open_cloud(sign_in_body=body, manager_token=manager_token, session_cookie=cookie)
    account = await cloud.signed_in()
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize("answer", ["success_false", "401"])
async def test_a_wrong_password_is_said_to_be_wrong(open_cloud: OpenCloud, answer: str) -> None:
    cloud = await open_cloud(wrong_password_answer=answer)
    account = cloud.account()
    with pytest.raises(InvalidCredentials):
        await account.sign_in("not the password")
    assert cloud.sign_ins() == 1
    assert not account.state.has_session


async def test_a_401_without_a_word_is_a_wrong_password_too(cloud: Cloud) -> None:
    cloud.sim.faults.add(path=LOGIN, status=401, html=True)
    with pytest.raises(InvalidCredentials):
        await cloud.signed_in()


async def test_a_locked_account_is_said_to_be_locked(cloud: Cloud) -> None:
    cloud.sim.account.locked = True
    with pytest.raises(AccountBlocked):
        await cloud.signed_in()


@pytest.mark.parametrize("status", [200, 401, 422, 500])
async def test_too_many_sessions_are_understood_whatever_the_status(open_cloud: OpenCloud, status: int) -> None:
    cloud = await open_cloud(session_quota_status=status)
    cloud.sim.account.session_quota = 0
    with pytest.raises(TooManySessions):
        await cloud.signed_in()
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize("answer", ["requires_mfa", "success_nonce"])
async def test_an_account_with_codes_asks_for_one(open_cloud: OpenCloud, answer: str) -> None:
    cloud = await open_cloud("mfa_account", mfa_answer=answer)
    account = cloud.account()
    with pytest.raises(CodeRequired) as error:
        await account.sign_in(cloud.sim.account.password)
    assert not error.value.rejected
    assert account.state.wants_code
    assert not account.state.has_session
    # Asking for the code is the person's next step, not the sign-in's.
    assert cloud.sim.codes_sent == 0


async def test_a_nonce_beside_a_plain_success_wants_no_code(cloud: Cloud) -> None:
    """Only the older form, which has no such message, says by its cookie alone that a code is needed."""
    body: Json = {"message": "success", "manager_token": jwt.encode({"exp": 2_000_000_000}, "k" * 32, algorithm="HS256")}
    cloud.sim.faults.add(path=LOGIN, body=body, headers={"Set-Cookie": "login_otp_nonce=left-over; Path=/"})
    account = await cloud.signed_in()
    assert account.state.has_session
    assert not account.state.wants_code


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, ServiceUnavailable),
        ({"status": 503, "html": True}, ServiceUnavailable),
        ({"status": 504, "body": {"message": "Gateway Timeout"}}, ServiceUnavailable),
        ({"html": True}, ServiceUnavailable),
        ({"broken_json": True}, ServiceUnavailable),
        ({"body": ["a", "list"]}, ServiceUnavailable),
        ({"status": 403, "body": {"message": "Forbidden"}}, ServiceUnavailable),
        ({"drop": True}, ServiceUnavailable),
        ({"status": 429, "headers": {"Retry-After": "30"}}, RateLimited),
        ({"status": 302, "headers": {"Location": "/maintenance"}}, ServiceUnavailable),
    ],
)
async def test_an_outage_is_not_blamed_on_the_password(cloud: Cloud, fault: dict[str, object], error: type[EnlightenError]) -> None:
    cloud.sim.faults.add(path=LOGIN, **fault)
    account = cloud.account()
    with pytest.raises(error) as raised:
        await account.sign_in(cloud.sim.account.password)
    assert not isinstance(raised.value, AuthError)
    assert cloud.count(LOGIN) == 1
    # Nothing stands in the way of the next try.
    await account.sign_in(cloud.sim.account.password)
    assert account.state.has_session


async def test_a_session_without_any_token_is_no_session(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(sign_in_body="empty_object", manager_token="body", token_endpoints=[])
    account = cloud.account()
    with pytest.raises(ServiceUnavailable):
        await account.sign_in(cloud.sim.account.password)
    assert not account.state.has_session


async def test_a_manager_token_alone_is_enough(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(token_endpoints=[])
    account = await cloud.signed_in()
    assert await account.user_id(cloud.sim.site.id) == str(cloud.sim.account.user_id)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"drop": True}])
async def test_a_session_that_was_opened_is_kept_while_the_token_service_is_down(cloud: Cloud, fault: dict[str, object]) -> None:
    """Sessions are counted, and a one-time code would be lost with it."""
    cloud.sim.faults.add(path="token", times=None, **fault)
    account = await cloud.signed_in()
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize(("fault", "error"), [({"status": 503}, ServiceUnavailable), ({"status": 429}, RateLimited)])
async def test_where_no_other_token_came_that_is_an_outage(
    open_cloud: OpenCloud, fault: dict[str, object], error: type[EnlightenError]
) -> None:
    cloud = await open_cloud(sign_in_body="empty_object", manager_token="body")
    cloud.sim.faults.add(path="token", times=None, **fault)
    with pytest.raises(error):
        await cloud.signed_in()


async def test_a_refused_try_leaves_the_session_that_is_there_alone(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    with pytest.raises(InvalidCredentials):
        await account.sign_in("a slip of the finger")
    assert await account.sites()
    assert cloud.sign_ins() == 2


# The user agent (docs/cloud-api/README.md)


async def test_the_honest_user_agent_is_tried_first_and_a_browsers_remembered(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(refused_user_agents=["aiohttp"])
    account = await cloud.signed_in()
    agents = [sent.headers["User-Agent"] for sent in cloud.sent]
    assert agents[0].startswith("enphase-ev aiohttp/")
    assert all(agent.startswith("Mozilla/5.0") for agent in agents[1:])
    # The refused request did nothing and was no try.
    assert cloud.sign_ins() == 1

    again = cloud.restarted(account)
    cloud.forget()
    assert await again.sites()
    assert [sent.headers["User-Agent"][:7] for sent in cloud.sent] == ["Mozilla"]


async def test_a_406_for_every_agent_is_an_outage(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(refused_user_agents=[""])
    with pytest.raises(ServiceUnavailable):
        await cloud.signed_in()
    assert cloud.sign_ins() == 0


# The form (the fallback)


@pytest.mark.parametrize("json_sign_in", ["406", "404"])
async def test_where_json_is_refused_the_form_is_used(open_cloud: OpenCloud, json_sign_in: str) -> None:
    cloud = await open_cloud("form_sign_in", json_sign_in=json_sign_in)
    account = await cloud.signed_in()
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]
    assert (cloud.sign_ins(), cloud.count("^/login$", "GET"), cloud.count("^/login/login$", "POST")) == (1, 1, 1)


async def test_the_form_says_that_a_password_is_wrong(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("form_sign_in")
    account = cloud.account()
    with pytest.raises(InvalidCredentials):
        await account.sign_in("not the password")
    assert (cloud.sign_ins(), account.state.has_session) == (1, False)


@pytest.mark.parametrize("status", [401, 403])
async def test_the_form_may_refuse_by_status(open_cloud: OpenCloud, status: int) -> None:
    cloud = await open_cloud("form_sign_in")
    cloud.sim.faults.add(path="^/login/login$", status=status)
    with pytest.raises(InvalidCredentials):
        await cloud.signed_in()


async def test_the_form_of_an_account_with_codes_asks_for_one(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("mfa_account", json_sign_in="406")
    account = cloud.account()
    with pytest.raises(CodeRequired):
        await account.sign_in(cloud.sim.account.password)
    await account.request_code()
    await account.submit_code(cloud.sim.account.one_time_code)
    assert await account.sites()


async def test_the_form_names_too_many_sessions(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("form_sign_in")
    cloud.sim.account.session_quota = 0
    with pytest.raises(TooManySessions):
        await cloud.signed_in()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("^/login$", {"status": 503}),
        ("^/login$", {"html": True}),
        ("^/login$", {"status": 302, "headers": {"Location": "/maintenance"}}),
        ("^/login/login$", {"status": 502, "html": True}),
        ("^/login/login$", {"status": 422, "html": True}),
        ("^/login/login$", {"status": 406, "html": True}),
    ],
)
async def test_an_outage_of_the_form_is_not_blamed_on_the_password(open_cloud: OpenCloud, path: str, fault: dict[str, object]) -> None:
    cloud = await open_cloud("form_sign_in")
    cloud.sim.faults.add(path=path, times=None, **fault)
    account = cloud.account()
    with pytest.raises(ServiceUnavailable):
        await account.sign_in(cloud.sim.account.password)
    assert account.state.limits.rejections == 0
