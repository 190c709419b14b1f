"""A person with one-time codes signs in (docs/cloud-api/auth.md §2)."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.enphase_ev.enlighten import (
    Account,
    AccountBlocked,
    CodeRequired,
    ServiceUnavailable,
    SessionExpired,
    TooManySessions,
)

from .cloud import Cloud
from .conftest import OpenCloud

GENERATE = "generate_mfa_login_otp"
VALIDATE = "validate_login_otp"


async def at_the_code_step(cloud: Cloud, *, password: str | None = None) -> Account:
    """Sign in as far as the code, and have one sent."""
    account = cloud.account(password=password)
    with pytest.raises(CodeRequired):
        await account.sign_in(cloud.sim.account.password)
    await account.request_code()
    return account


@pytest.fixture
async def cloud(open_cloud: OpenCloud) -> Cloud:
    return await open_cloud("mfa_account")


@pytest.mark.parametrize("answer", ["requires_mfa", "success_nonce"])
async def test_password_then_code_opens_a_session(cloud: Cloud, answer: str) -> None:
    cloud.sim.world.deployment.update({"mfa_answer": answer})
    account = await at_the_code_step(cloud)
    assert cloud.sim.codes_sent == 1
    await account.submit_code(f" {cloud.sim.account.one_time_code} ")
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]
    assert (cloud.sign_ins(), cloud.count(VALIDATE)) == (1, 1)
    # The nonce is used up; it has no business in the store.
    assert cloud.cookie(account, "login_otp_nonce") is None


async def test_the_session_outlives_a_restart(cloud: Cloud) -> None:
    account = await at_the_code_step(cloud)
    await account.submit_code(cloud.sim.account.one_time_code)
    assert await cloud.restarted(account).sites()
    assert (cloud.sign_ins(), cloud.sim.codes_sent) == (1, 1)


@pytest.mark.parametrize("status", [200, 400, 404, 409, 422])
async def test_a_wrong_code_can_be_corrected(cloud: Cloud, status: int) -> None:
    cloud.sim.world.deployment.update({"wrong_code_status": status})
    account = await at_the_code_step(cloud)
    with pytest.raises(CodeRequired) as error:
        await account.submit_code("000000")
    assert error.value.rejected
    await account.submit_code(cloud.sim.account.one_time_code)
    assert await account.sites()
    assert cloud.sign_ins() == 1


async def test_a_code_lives_five_minutes_and_a_new_one_can_be_asked_for(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("mfa_account")
    account = await at_the_code_step(cloud)
    old = cloud.sim.account.one_time_code
    frozen.tick(timedelta(minutes=6))
    with pytest.raises(CodeRequired):
        await account.submit_code(old)
    await account.request_code()
    await account.submit_code(cloud.sim.account.one_time_code)
    assert await account.sites()


async def test_codes_are_asked_for_once_in_thirty_seconds(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("mfa_account")
    account = await at_the_code_step(cloud)
    allowed_at = await account.request_code()
    frozen.tick(timedelta(seconds=29))
    assert await account.request_code() == allowed_at
    assert cloud.sim.codes_sent == 1
    frozen.tick(timedelta(seconds=1))
    assert await account.request_code() == allowed_at + timedelta(seconds=30)
    assert cloud.sim.codes_sent == 2


async def test_a_new_sign_in_may_ask_for_its_code_at_once(cloud: Cloud) -> None:
    await at_the_code_step(cloud)
    account = await at_the_code_step(cloud)
    assert cloud.sim.codes_sent == 2
    await account.submit_code(cloud.sim.account.one_time_code)


async def test_a_code_without_a_sign_in_means_to_start_over(cloud: Cloud) -> None:
    account = cloud.account()
    with pytest.raises(SessionExpired):
        await account.request_code()
    with pytest.raises(SessionExpired):
        await account.submit_code("123456")
    assert cloud.sim.requests == []


@pytest.mark.parametrize("status", [200, 429])
async def test_too_many_wrong_codes_block_for_a_day(cloud: Cloud, status: int) -> None:
    cloud.sim.world.deployment.update({"code_blocked_status": status})
    account = await at_the_code_step(cloud)
    for _ in range(4):
        with pytest.raises(CodeRequired):
            await account.submit_code("000000")
    with pytest.raises(AccountBlocked):
        await account.submit_code("000000")
    assert account.state.limits.hold_until is not None


@pytest.mark.parametrize("status", [200, 429])
async def test_too_many_codes_asked_for_are_said_to_be_blocked(cloud: Cloud, status: int) -> None:
    cloud.sim.world.deployment.update({"code_blocked_status": status})
    cloud.sim.account.code_blocked = True
    account = cloud.account()
    with pytest.raises(CodeRequired):
        await account.sign_in(cloud.sim.account.password)
    with pytest.raises(AccountBlocked):
        await account.request_code()


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        (VALIDATE, {"status": 401, "body": {"message": "Unauthorized"}}, SessionExpired),
        (VALIDATE, {"status": 403, "body": {"message": "Forbidden"}}, SessionExpired),
        (VALIDATE, {"status": 302, "headers": {"Location": "/login"}}, SessionExpired),
        (VALIDATE, {"status": 429}, AccountBlocked),
        (VALIDATE, {"status": 503}, ServiceUnavailable),
        (VALIDATE, {"html": True}, ServiceUnavailable),
        (VALIDATE, {"status": 200, "body": {"message": "You have too many active sessions."}}, TooManySessions),
        (VALIDATE, {"status": 200, "body": {"isValid": False, "isBlocked": True}}, AccountBlocked),
        (GENERATE, {"status": 401, "body": {"message": "Unauthorized"}}, SessionExpired),
        (GENERATE, {"status": 429}, AccountBlocked),
        (GENERATE, {"html": True}, SessionExpired),
        (GENERATE, {"body": {"success": False, "isBlocked": False}}, SessionExpired),
        (GENERATE, {"status": 500}, ServiceUnavailable),
    ],
)
async def test_answers_of_the_code_step(cloud: Cloud, path: str, fault: dict[str, object], error: type[Exception]) -> None:
    cloud.sim.faults.add(path=path, **fault)
    account = cloud.account()
    with pytest.raises(CodeRequired):
        await account.sign_in(cloud.sim.account.password)
    if path == GENERATE:
        with pytest.raises(error):
            await account.request_code()
    else:
        await account.request_code()
        with pytest.raises(error):
            await account.submit_code(cloud.sim.account.one_time_code)
    assert cloud.count(path) == 1
    assert not account.state.has_session


async def test_without_an_xsrf_cookie_no_such_header_is_sent(cloud: Cloud) -> None:
    nonce = {"Set-Cookie": "login_otp_nonce=of-another-kind; Path=/"}
    cloud.sim.faults.add(path="^/login/login", body={"requires_mfa": True}, headers=nonce)
    account = cloud.account()
    with pytest.raises(CodeRequired):
        await account.sign_in(cloud.sim.account.password)
    with pytest.raises(SessionExpired):
        await account.submit_code("123456")
    assert cloud.sent[-1].headers["Cookie"] == "login_otp_nonce=of-another-kind"
    assert "X-CSRF-Token" not in cloud.sent[-1].headers


async def test_a_dead_session_is_not_renewed_without_the_person(cloud: Cloud) -> None:
    account = await at_the_code_step(cloud, password=cloud.sim.account.password)
    await account.submit_code(cloud.sim.account.one_time_code)
    cloud.sim.expire_sessions()
    for _ in range(3):
        with pytest.raises(CodeRequired) as error:
            await account.sites()
        assert error.value.retry_at is None
    # Neither a sign-in nor a code: both would only bother the person.
    assert (cloud.sign_ins(), cloud.sim.codes_sent) == (1, 1)
