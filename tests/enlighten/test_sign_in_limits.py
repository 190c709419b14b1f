"""Limits on trying: what keeps an account from being locked, across restarts too (docs/cloud-api/auth.md §4)."""

from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.enphase_ev.enlighten import (
    Account,
    AccountBlocked,
    AuthError,
    Chargers,
    InvalidCredentials,
    RateLimited,
    RetryLater,
    ServiceUnavailable,
    SessionExpired,
    TooManySessions,
)

from .cloud import Cloud
from .conftest import OpenCloud

type Step = tuple[timedelta, int]


@pytest.fixture
async def cloud(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> Cloud:
    """One charger; time stands still."""
    cloud = await open_cloud()
    cloud.sim.account.lock_after = None
    return cloud


async def poll(cloud: Cloud, account: Account) -> None:
    await Chargers(account, cloud.sim.site.id).status()


async def forgotten_by_the_cloud(cloud: Cloud) -> Account:
    """An account whose session ended, and whose password was changed on the web."""
    account = await cloud.signed_in()
    cloud.sim.account.password = "changed on the web"
    cloud.sim.expire_sessions()
    return account


# Rejected


@pytest.mark.parametrize("restarts", [False, True])
async def test_after_a_rejection_nothing_is_tried_for_five_minutes(cloud: Cloud, frozen: FrozenDateTimeFactory, restarts: bool) -> None:
    account = await cloud.signed_in()
    with pytest.raises(InvalidCredentials):
        await account.sign_in("a slip of the finger")
    cloud.sim.expire_sessions()
    if restarts:
        account = cloud.restarted(account)

    frozen.tick(timedelta(minutes=4, seconds=59))
    with pytest.raises(InvalidCredentials) as error:
        await poll(cloud, account)
    # Only a person can mend a refused password.
    assert error.value.retry_at is None
    assert cloud.sign_ins() == 2
    frozen.tick(timedelta(seconds=1))
    await poll(cloud, account)
    assert cloud.sign_ins() == 3


@pytest.mark.parametrize("restarts", [False, True])
async def test_after_three_rejections_in_a_row_nothing_is_tried_for_a_day(
    cloud: Cloud, frozen: FrozenDateTimeFactory, restarts: bool
) -> None:
    account = await forgotten_by_the_cloud(cloud)
    account.password = cloud.sim.account.password
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await account.sign_in("wrong again")
        frozen.tick(timedelta(minutes=1))
    if restarts:
        account = cloud.restarted(account)
    frozen.tick(timedelta(hours=23, minutes=58))
    with pytest.raises(InvalidCredentials):
        await poll(cloud, account)
    assert cloud.sign_ins() == 4
    frozen.tick(timedelta(minutes=1))
    await poll(cloud, account)
    assert cloud.sign_ins() == 5


async def test_a_wrong_remembered_password_is_hardly_ever_tried(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    """A poll every ten minutes for two days, over a password that was changed on the web."""
    account = await forgotten_by_the_cloud(cloud)
    for _ in range(2 * 24 * 6):
        with pytest.raises(AuthError):
            await poll(cloud, account)
        frozen.tick(timedelta(minutes=10))
    assert 2 <= cloud.sign_ins() - 1 <= 5
    assert not cloud.sim.account.locked


async def test_a_person_may_correct_a_slip_at_once_and_then_once_a_minute(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    account = cloud.account()
    with pytest.raises(InvalidCredentials):
        await account.sign_in("first slip")
    with pytest.raises(InvalidCredentials):
        await account.sign_in("second slip")
    allowed_at = datetime.now(UTC) + timedelta(minutes=1)
    account = cloud.restarted(account)
    for seconds in (0, 59):
        frozen.move_to(allowed_at - timedelta(minutes=1) + timedelta(seconds=seconds))
        with pytest.raises(RetryLater) as error:
            await account.sign_in(cloud.sim.account.password)
        assert error.value.retry_at == allowed_at
    assert cloud.sign_ins() == 2
    frozen.move_to(allowed_at)
    await account.sign_in(cloud.sim.account.password)
    assert cloud.sign_ins() == 3


async def test_a_success_makes_up_for_all_rejections(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    account = cloud.account()
    for _ in range(2):
        with pytest.raises(InvalidCredentials):
            await account.sign_in("slip")
    frozen.tick(timedelta(minutes=1))
    await account.sign_in(cloud.sim.account.password)
    with pytest.raises(InvalidCredentials):
        await account.sign_in("slip")
    await account.sign_in(cloud.sim.account.password)
    limits = account.state.limits
    assert (limits.rejections, limits.rejected_at, limits.hold_until, limits.hold_reason) == (0, None, None, None)


# Blocked, quota


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("trouble", "error"), [("locked", AccountBlocked), ("quota", TooManySessions)])
async def test_a_locked_account_and_a_quota_are_left_alone_for_a_day(
    cloud: Cloud, frozen: FrozenDateTimeFactory, trouble: str, error: type[AuthError], restarts: bool
) -> None:
    account = await cloud.signed_in()
    cloud.sim.expire_sessions()
    cloud.sim.account.locked = trouble == "locked"
    cloud.sim.account.session_quota = 0 if trouble == "quota" else None
    with pytest.raises(error):
        await poll(cloud, account)
    held_until = datetime.now(UTC) + timedelta(hours=24)
    if restarts:
        account = cloud.restarted(account)

    cloud.sim.account.locked, cloud.sim.account.session_quota = False, None
    frozen.tick(timedelta(hours=23, minutes=59))
    with pytest.raises(error) as raised:
        await poll(cloud, account)
    # Here the client goes on by itself, so it says when.
    assert raised.value.retry_at == held_until
    assert cloud.sign_ins() == 2
    frozen.tick(timedelta(minutes=1))
    await poll(cloud, account)
    assert cloud.sign_ins() == 3


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("trouble", "error"), [("locked", AccountBlocked), ("quota", TooManySessions)])
async def test_a_person_may_try_a_locked_account_and_a_quota_once_a_minute(
    cloud: Cloud, frozen: FrozenDateTimeFactory, trouble: str, error: type[AuthError], restarts: bool
) -> None:
    account = cloud.account()
    cloud.sim.account.locked = trouble == "locked"
    cloud.sim.account.session_quota = 0 if trouble == "quota" else None
    for tries in (1, 2):
        with pytest.raises(error):
            await account.sign_in(cloud.sim.account.password)
        allowed_at = datetime.now(UTC) + timedelta(minutes=1)
        if restarts:
            account = cloud.restarted(account)
        for seconds in (0, 59):
            frozen.move_to(allowed_at - timedelta(minutes=1) + timedelta(seconds=seconds))
            with pytest.raises(RetryLater) as later:
                await account.sign_in(cloud.sim.account.password)
            assert later.value.retry_at == allowed_at
        assert cloud.sign_ins() == tries
        frozen.move_to(allowed_at)
    cloud.sim.account.locked, cloud.sim.account.session_quota = False, None
    await account.sign_in(cloud.sim.account.password)
    assert cloud.sign_ins() == 3


async def test_a_person_need_not_wait_for_that_day_to_end(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    account = await cloud.signed_in()
    cloud.sim.account.locked = True
    cloud.sim.expire_sessions()
    with pytest.raises(AccountBlocked):
        await poll(cloud, account)
    cloud.sim.account.locked = False
    frozen.tick(timedelta(minutes=1))
    await account.sign_in(cloud.sim.account.password)
    await poll(cloud, account)
    assert cloud.sign_ins() == 3


# Sessions that die young


@pytest.mark.parametrize("restarts", [False, True])
async def test_sign_ins_that_no_person_asked_for_are_spaced(cloud: Cloud, frozen: FrozenDateTimeFactory, restarts: bool) -> None:
    """Each one opens one more session, and sessions are counted."""
    account = await cloud.signed_in()
    signed_in_after = []
    told: list[tuple[datetime, datetime | None]] = []
    started = datetime.now(UTC)
    for _ in range(25 * 12):
        cloud.sim.expire_sessions()
        before = cloud.sign_ins()
        try:
            await poll(cloud, account)
        except SessionExpired as err:
            told.append((datetime.now(UTC), err.retry_at))
        if cloud.sign_ins() > before:
            signed_in_after.append(datetime.now(UTC) - started)
        if restarts:
            account = cloud.restarted(account)
        frozen.tick(timedelta(minutes=5))
    quarter, two_hours, twelve_hours = timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12)
    assert signed_in_after == [
        timedelta(0),
        quarter,
        quarter + two_hours,
        quarter + two_hours + twelve_hours,
        # By then the first two are forgotten.
        timedelta(hours=24) + quarter,
    ]
    # Every poll between them was told when the next one is due.
    assert told
    assert all(retry_at is not None and retry_at > at for at, retry_at in told)


async def test_a_session_that_dies_every_week_is_renewed_at_once(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    account = await cloud.signed_in()
    for _ in range(4):
        frozen.tick(timedelta(days=7, hours=1))
        await poll(cloud, account)
    assert cloud.sign_ins() == 5


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"), [({"status": 503}, ServiceUnavailable), ({"status": 429, "headers": {"Retry-After": "60"}}, RateLimited)]
)
async def test_an_outage_of_the_sign_in_is_tried_again_every_five_minutes(
    cloud: Cloud, frozen: FrozenDateTimeFactory, fault: dict[str, object], error: type[Exception], restarts: bool
) -> None:
    """No session was opened, so nothing adds up, however long it takes."""
    account = await cloud.signed_in()
    cloud.sim.expire_sessions()
    cloud.sim.faults.add(path="^/login", times=None, **fault)
    for _ in range(12):
        with pytest.raises(error):
            await poll(cloud, account)
        if restarts:
            account = cloud.restarted(account)
        due = datetime.now(UTC) + timedelta(minutes=5)
        frozen.tick(timedelta(minutes=4, seconds=59))
        with pytest.raises(SessionExpired) as held:
            await poll(cloud, account)
        assert held.value.retry_at == due
        frozen.tick(timedelta(seconds=1))
    assert cloud.count("^/login") == 1 + 12
    cloud.sim.faults.clear()
    await poll(cloud, account)
    assert account.state.limits.rejections == 0


async def test_a_throttled_sign_in_waits_as_long_as_the_cloud_says(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    account = await cloud.signed_in()
    cloud.sim.expire_sessions()
    cloud.sim.faults.add(path="^/login", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(RateLimited):
        await poll(cloud, account)
    frozen.tick(timedelta(minutes=59))
    with pytest.raises(SessionExpired):
        await poll(cloud, account)
    frozen.tick(timedelta(minutes=1))
    await poll(cloud, account)


async def test_a_sign_in_that_may_have_opened_a_session_counts(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    account = await cloud.signed_in()
    cloud.sim.expire_sessions()
    cloud.sim.faults.add(path="^/login", drop=True, after=True)
    with pytest.raises(ServiceUnavailable):
        await poll(cloud, account)
    frozen.tick(timedelta(minutes=14))
    with pytest.raises(SessionExpired):
        await poll(cloud, account)
    frozen.tick(timedelta(minutes=1))
    await poll(cloud, account)


async def test_an_outage_that_a_person_met_holds_nothing(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="^/login", status=503)
    with pytest.raises(ServiceUnavailable):
        await account.sign_in(cloud.sim.account.password)
    cloud.sim.expire_sessions()
    await poll(cloud, account)
