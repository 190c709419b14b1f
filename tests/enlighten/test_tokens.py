"""Access tokens: where they come from, and that they are renewed before they run out (docs/cloud-api/auth.md §3)."""

import asyncio
from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from hypothesis import given, strategies as st
import jwt
import pytest

from custom_components.enphase_ev.enlighten import (
    Account,
    AuthError,
    Chargers,
    RateLimited,
    ServiceUnavailable,
    SessionExpired,
)
from custom_components.enphase_ev.enlighten.tokens import Token

from .cloud import Cloud
from .conftest import OpenCloud

SELF = "/users/self/token"
JWT = "/app-api/jwt_token.json"
AUTH_MS = "/service/auth_ms_enho/api/v1/session/token"
SOURCES = (SELF, JWT, AUTH_MS)


def asked(cloud: Cloud) -> list[str]:
    """The token sources that were asked, in order."""
    return [one.path for one in cloud.sim.requests if one.path in SOURCES]


async def poll(cloud: Cloud, account: Account) -> None:
    """A read that needs a live access token."""
    await Chargers(account, cloud.sim.site.id).status()


# Where from


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        (["users_self", "jwt_token", "auth_ms"], [SELF]),
        (["jwt_token", "auth_ms"], [SELF, JWT]),
        (["auth_ms"], [SELF, JWT, AUTH_MS]),
    ],
)
async def test_the_sources_are_asked_in_order_and_the_one_that_works_is_remembered(
    open_cloud: OpenCloud, endpoints: list[str], expected: list[str]
) -> None:
    cloud = await open_cloud(token_endpoints=endpoints, reads_need_access_token=True)
    account = await cloud.signed_in()
    assert asked(cloud) == expected
    await poll(cloud, account)

    # After a restart too, the next renewal goes straight to it.
    again = cloud.restarted(account)
    cloud.forget()
    cloud.sim.expire_tokens()
    await poll(cloud, again)
    assert asked(cloud) == expected[-1:]
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize("key", ["token", "auth_token", "access_token"])
@pytest.mark.parametrize("expiry", ["expires_at", "expiresAt"])
async def test_the_token_has_many_names(open_cloud: OpenCloud, key: str, expiry: str) -> None:
    cloud = await open_cloud(token_key=key, token_expiry_key=expiry, token_endpoints=["users_self"], reads_need_access_token=True)
    await poll(cloud, await cloud.signed_in())
    assert asked(cloud) == [SELF]


async def test_a_token_that_is_no_jwt_is_taken_with_the_expiry_beside_it(cloud: Cloud) -> None:
    expires_at = datetime(2035, 1, 1, tzinfo=UTC)
    cloud.sim.faults.add(path=SELF, body={"data": {"token": "opaque"}, "expires_at": expires_at.timestamp()})
    assert (await cloud.signed_in()).session_expires_at == expires_at


@pytest.mark.parametrize(
    "fault",
    [
        {"body": {}},
        {"body": {"token": None}},
        {"body": ["no object"]},
        {"broken_json": True},
        {"html": True},
        {"status": 404},
        {"status": 500},
    ],
)
async def test_a_source_without_a_token_makes_way_for_the_next(cloud: Cloud, fault: dict[str, object]) -> None:
    cloud.sim.faults.add(path=SELF, **fault)
    await cloud.signed_in()
    assert asked(cloud) == [SELF, JWT]


async def test_a_source_that_breaks_off_makes_way_for_the_next(cloud: Cloud) -> None:
    cloud.sim.faults.add(path=SELF, drop=True, times=None)
    account = await cloud.signed_in()
    assert account.state.token_source == "jwt"
    assert cloud.sign_ins() == 1


async def test_a_rotated_session_cookie_is_taken_over_and_stored(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(rotate_session_on_token=True)
    account = await cloud.signed_in()
    first = cloud.cookie(account)
    cloud.sim.expire_tokens()
    chargers = Chargers(account, cloud.sim.site.id)
    await chargers.charge_mode(cloud.sim.charger().serial)
    assert cloud.cookie(account) != first
    assert cloud.stored is not None
    assert cloud.stored.cookies == account.state.cookies
    await poll(cloud, cloud.restarted(account))
    assert cloud.sign_ins() == 1


async def test_a_manager_token_that_comes_along_with_a_renewal_is_taken_over(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    rotated = signed({"exp": 4_000_000_000})
    cookie = {"Set-Cookie": f"enlighten_manager_token_production={rotated}; Path=/"}
    cloud.sim.faults.add(path=SELF, body={"token": signed({"exp": 4_000_000_000})}, headers=cookie)
    cloud.sim.faults.add(path="status$", status=401)
    await poll(cloud, account)
    assert cloud.stored is not None
    assert cloud.stored.manager_token is not None
    assert cloud.stored.manager_token.value == rotated


# Before they run out


async def test_tokens_are_renewed_an_hour_before_they_run_out_without_a_sign_in(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud
) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    first = account.session_expires_at
    assert first == datetime.now(UTC) + timedelta(hours=12)
    cloud.forget()

    frozen.tick(timedelta(hours=10, minutes=49))
    await poll(cloud, account)
    assert asked(cloud) == []
    frozen.tick(timedelta(minutes=1))
    await poll(cloud, account)
    assert asked(cloud) == [SELF]
    assert account.session_expires_at == first + timedelta(hours=10, minutes=50)
    assert (cloud.sign_ins(), cloud.count("^/login")) == (1, 0)


async def test_a_week_of_polls_costs_one_sign_in(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    refused_before = 0
    for _ in range(6 * 24):
        frozen.tick(timedelta(hours=1))
        await poll(cloud, account)
        refused_before += sum(one.status != 200 for one in cloud.sim.requests)
        cloud.forget()
    assert cloud.sign_ins() == 1
    # Renewed ahead of time, no poll ever met a dead token.
    assert refused_before == 0


async def test_after_a_long_sleep_the_token_is_renewed_before_the_first_request(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud
) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = cloud.restarted(await cloud.signed_in())
    frozen.tick(timedelta(days=3))
    cloud.forget()
    await poll(cloud, account)
    assert [one.status for one in cloud.sim.requests] == [200, 200]
    assert cloud.sign_ins() == 1


async def test_a_token_that_lives_shortly_is_renewed_at_half_its_life(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(jwt_lifetime_s=600, reads_need_access_token=True)
    account = await cloud.signed_in()
    cloud.forget()
    frozen.tick(timedelta(seconds=299))
    await poll(cloud, account)
    assert asked(cloud) == []
    frozen.tick(timedelta(seconds=1))
    await poll(cloud, account)
    assert asked(cloud) == [SELF]


async def test_while_the_token_lives_a_failing_renewal_hurts_nobody(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    frozen.tick(timedelta(hours=11))
    cloud.sim.faults.add(path="token", status=503, times=None)
    cloud.forget()
    await poll(cloud, account)
    assert asked(cloud) == list(SOURCES)
    # It is not tried again with every poll.
    await poll(cloud, account)
    assert asked(cloud) == list(SOURCES)
    frozen.tick(timedelta(minutes=5))
    cloud.sim.faults.clear()
    await poll(cloud, account)
    assert asked(cloud) == [*SOURCES, SELF]


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"status": 503}, ServiceUnavailable), ({"status": 429, "headers": {"Retry-After": "60"}}, RateLimited)],
)
async def test_once_the_token_is_dead_a_failing_renewal_is_told(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud, fault: dict[str, object], error: type[Exception]
) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    frozen.tick(timedelta(hours=13))
    cloud.sim.faults.add(path="token", times=None, **fault)
    with pytest.raises(error):
        await poll(cloud, account)
    # The session may well be alive: no sign-in is spent on an outage.
    assert cloud.sign_ins() == 1


async def test_a_source_that_is_gone_for_good_does_not_cost_the_session(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("mfa_account", reads_need_access_token=True)
    account = cloud.account()
    with pytest.raises(AuthError):
        await account.sign_in(cloud.sim.account.password)
    await account.request_code()
    await account.submit_code(cloud.sim.account.one_time_code)
    assert account.state.token_source == "self"

    cloud.sim.world.deployment.update({"token_endpoints": ["jwt_token"]})
    cloud.sim.expire_tokens()
    await poll(cloud, account)
    assert account.state.token_source == "jwt"
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 403}, {"html": True}, {"body": {}}])
async def test_a_source_that_refuses_a_live_session_does_not_cost_a_sign_in(open_cloud: OpenCloud, fault: dict[str, object]) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    good = cloud.cookie(account)
    anonymous = {"Set-Cookie": "_enlighten_4_session=anonymous; Path=/"}
    cloud.sim.faults.add(path=SELF, headers=anonymous, times=None, **fault)
    cloud.sim.expire_tokens()
    await poll(cloud, account)
    assert account.state.token_source == "jwt"
    assert cloud.cookie(account) == good
    assert cloud.sign_ins() == 1


async def test_a_session_that_its_source_refuses_is_dead_though_another_source_is_out_of_order(open_cloud: OpenCloud) -> None:
    """A source that was shut down for good may answer like that for ever."""
    cloud = await open_cloud(dead_session_answer="401")
    account = await cloud.signed_in()
    cloud.sim.faults.add(path=AUTH_MS, status=503, times=None)
    cloud.sim.expire_sessions()
    cloud.forget()
    await poll(cloud, account)
    assert asked(cloud) == [SELF, JWT, AUTH_MS, SELF]
    assert cloud.sign_ins() == 2


# One renewal for all


async def test_many_requests_that_find_the_token_dead_cause_one_renewal(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("multi_site", reads_need_access_token=True)
    account = await cloud.signed_in()
    cloud.forget()
    cloud.sim.expire_tokens()
    answers = await asyncio.gather(*(Chargers(account, site_id).status() for site_id in cloud.sim.account.site_ids * 4))
    assert len(answers) == 12
    assert asked(cloud) == [SELF]
    assert cloud.sign_ins() == 1


async def test_many_requests_that_find_the_session_dead_cause_one_sign_in(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("multi_site")
    account = await cloud.signed_in()
    cloud.sim.expire_sessions()
    cloud.sim.expire_tokens()
    answers = await asyncio.gather(*(Chargers(account, site_id).status() for site_id in cloud.sim.account.site_ids * 4))
    assert len(answers) == 12
    assert cloud.sign_ins() == 2


async def test_all_who_wait_for_a_renewal_share_its_failure(cloud: Cloud) -> None:
    account = await cloud.signed_in(remembers=False)
    cloud.sim.expire_sessions()
    chargers = Chargers(account, cloud.sim.site.id)
    outcomes = await asyncio.gather(*(chargers.status() for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SessionExpired] * 5
    assert cloud.sign_ins() == 1


async def test_one_who_gives_up_waiting_takes_the_renewal_from_nobody(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    cloud.sim.expire_tokens()
    cloud.forget()
    cloud.sim.faults.add(path=SELF, delay=1.0)
    chargers = Chargers(account, cloud.sim.site.id)
    hasty, patient = asyncio.create_task(chargers.status()), asyncio.create_task(chargers.status())
    while not any(sent.url.path == SELF for sent in cloud.sent):
        await asyncio.sleep(0.01)
    # Both wait for it by then.
    await asyncio.sleep(0.2)
    hasty.cancel()
    assert (await patient).chargers
    with pytest.raises(asyncio.CancelledError):
        await hasty
    assert cloud.sign_ins() == 1


async def test_closing_lets_go_of_a_renewal_that_is_under_way(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = await cloud.signed_in()
    cloud.forget()
    cloud.sim.expire_tokens()
    cloud.sim.faults.add(path=SELF, delay=0.5)
    waiting = asyncio.create_task(poll(cloud, account))
    while not any(sent.url.path == SELF for sent in cloud.sent):
        await asyncio.sleep(0.01)
    account.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_write_that_met_a_dead_session_is_carried_out_after_the_renewal(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.expire_tokens()
    cloud.forget()
    await chargers.start(cloud.sim.charger().serial, mode=None, level=16)
    assert cloud.sim.charger().charging
    assert [one.status for one in cloud.sim.requests if one.family == "control"] == [401, 200]


# What a token says


NOW = datetime(2026, 5, 20, 3, tzinfo=UTC)


def signed(claims: dict[str, object]) -> str:
    return jwt.encode(claims, "a key that nobody checks against, long enough", algorithm="HS256")


@pytest.mark.parametrize("key", ["user_id", "userId", "userid", "sub"])
@pytest.mark.parametrize("session_key", ["session_id", "sessionId"])
@pytest.mark.parametrize("under_data", [False, True])
def test_claims_have_many_names_and_two_places(key: str, session_key: str, under_data: bool) -> None:
    claims = {key: "42", session_key: "abc", "exp": int(NOW.timestamp()) + 60}
    token = Token.read(signed({"data": claims} if under_data else claims), obtained_at=NOW)
    assert (token.user_id, token.session_id, token.expires_at) == ("42", "abc", NOW + timedelta(minutes=1))


@pytest.mark.parametrize("header", ["opaque", "", "eyJraWQiOjd9", "!!"])
@pytest.mark.parametrize("signature", ["", "no base64!", ".more.parts"])
def test_neither_header_nor_signature_matter(header: str, signature: str) -> None:
    claims = signed({"exp": int(NOW.timestamp()) + 60, "user_id": 42, "session_id": "abc"}).split(".")[1]
    token = Token.read(f"{header}.{claims}.{signature}", obtained_at=NOW)
    assert (token.user_id, token.session_id, token.expires_at) == ("42", "abc", NOW + timedelta(minutes=1))


def test_a_claim_that_is_null_hides_none_under_data() -> None:
    claims = {"exp": int(NOW.timestamp()) + 60, "user_id": "42", "session_id": "abc"}
    token = Token.read(signed({**dict.fromkeys(claims), "data": claims}), obtained_at=NOW)
    assert (token.user_id, token.session_id, token.expires_at) == ("42", "abc", NOW + timedelta(minutes=1))


async def test_a_token_that_is_null_hides_none_under_data(cloud: Cloud) -> None:
    cloud.sim.faults.add(path=SELF, body={"token": None, "data": {"token": "opaque"}})
    await cloud.signed_in()
    assert asked(cloud) == [SELF]


def test_a_subject_that_is_no_number_is_no_user_id() -> None:
    assert Token.read(signed({"sub": "alex@example.com"}), obtained_at=NOW).user_id is None


def test_a_token_that_says_nothing_is_taken_to_live_twelve_hours() -> None:
    assert Token.read("opaque", obtained_at=NOW).expires_at == NOW + timedelta(hours=12)


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_can_be_a_token_and_shows_in_no_representation(text: str) -> None:
    token = Token.read(f"secret{text}", obtained_at=NOW)
    assert token.value == f"secret{text}"
    assert "secret" not in repr(token)


@given(
    st.dictionaries(
        st.sampled_from(["exp", "user_id", "sub", "data", "session_id", "iat"]), st.none() | st.integers() | st.text() | st.booleans()
    )
)
def test_strange_claims_do_no_harm(claims: dict[str, object]) -> None:
    header, _, signature = signed({}).split(".")
    payload = jwt.utils.base64url_encode(jwt.api_jws.json.dumps(claims).encode()).decode()
    token = Token.read(f"{header}.{payload}.{signature}", obtained_at=NOW)
    assert token.expires_at.tzinfo is UTC
    assert token.wants_renewal(NOW) in {True, False}
