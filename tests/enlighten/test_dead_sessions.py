"""The session ends while nobody looks (docs/cloud-api/auth.md §3)."""

import asyncio
from contextlib import suppress
from datetime import timedelta
import re

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.enphase_ev.enlighten import (
    Account,
    AccountState,
    Chargers,
    ChargerSettings,
    RequestRejected,
    ServiceUnavailable,
    SessionExpired,
)

from .cloud import Cloud
from .conftest import OpenCloud

SHAPES = ["redirect", "401", "403", "html", "json", "words"]


def site(cloud: Cloud, account: Account) -> Chargers:
    return Chargers(account, cloud.sim.site.id)


@pytest.mark.parametrize("shape", SHAPES)
async def test_with_a_password_a_new_session_is_opened_and_nobody_notices(open_cloud: OpenCloud, shape: str) -> None:
    cloud = await open_cloud(dead_session_answer=shape)
    account = await cloud.signed_in()
    cloud.sim.expire_sessions()
    cloud.forget()
    assert (await site(cloud, account).status()).chargers
    assert cloud.sign_ins() == 2
    assert cloud.count("status$") == 2
    assert (await site(cloud, account).status()).chargers
    assert cloud.sign_ins() == 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("restarts", [False, True])
async def test_without_a_password_the_person_is_asked_and_no_sign_in_is_tried(open_cloud: OpenCloud, shape: str, restarts: bool) -> None:
    cloud = await open_cloud(dead_session_answer=shape)
    account = await cloud.signed_in(remembers=False)
    cloud.sim.expire_sessions()
    if restarts:
        account = cloud.restarted(account)
    for _ in range(3):
        with pytest.raises(SessionExpired) as error:
            await site(cloud, account).status()
        assert error.value.retry_at is None
    assert cloud.sign_ins() == 1


@pytest.mark.parametrize("shape", SHAPES)
async def test_no_cookie_of_a_dead_answer_replaces_a_good_one(open_cloud: OpenCloud, shape: str) -> None:
    """A dead answer brings a fresh, anonymous session cookie along."""
    cloud = await open_cloud(dead_session_answer=shape)
    account = await cloud.signed_in(remembers=False)
    good = cloud.cookie(account)
    cloud.sim.expire_sessions()
    with pytest.raises(SessionExpired):
        await site(cloud, account).status()
    assert cloud.cookie(account) == good
    assert cloud.stored is not None
    assert cloud.stored.cookies == account.state.cookies


async def test_a_page_in_place_of_data_may_set_no_cookie(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    good = cloud.cookie(account)
    anonymous = {"Set-Cookie": "_enlighten_4_session=anonymous; Path=/"}
    for fault in ({"html": True}, {"status": 404, "html": True}, {"status": 302, "headers": {"Location": "/login"}}):
        headers = {**anonymous, **fault.pop("headers", {})}
        cloud.sim.faults.add(path="status$", headers=headers, **fault)
    await site(cloud, account).status()
    assert cloud.cookie(account) == good
    assert cloud.sign_ins() == 1


async def test_a_cookie_of_a_live_answer_is_kept_and_stored(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    body = {"data": {"chargers": []}}
    cloud.sim.faults.add(path="status$", body=body, headers={"Set-Cookie": "_enlighten_4_session=rotated; Path=/"})
    await site(cloud, account).status()
    assert cloud.cookie(account) == "rotated"
    assert cloud.stored is not None
    assert any(line.startswith("_enlighten_4_session=rotated") for line in cloud.stored.cookies)


async def test_an_answer_of_the_old_session_sets_no_cookie_in_the_new_one(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    late = {"Set-Cookie": "_enlighten_4_session=of-the-old-session; Path=/"}
    cloud.sim.faults.add(path="status$", body={"data": {"chargers": []}}, headers=late, delay=1.0)
    waiting = asyncio.create_task(site(cloud, account).status())
    while not any(sent.url.path.endswith("/status") for sent in cloud.sent):
        await asyncio.sleep(0.01)
    await account.sign_in(cloud.sim.account.password)
    new = cloud.cookie(account)
    assert not waiting.done()
    await waiting
    assert cloud.cookie(account) == new


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403, "body": {"message": "Forbidden"}}, RequestRejected),
        ({"html": True}, ServiceUnavailable),
        *(({"status": status, "headers": {"Location": "/sorry"}}, ServiceUnavailable) for status in (301, 302, 303, 307, 308)),
    ],
)
async def test_a_service_that_always_answers_like_that_is_not_taken_for_a_dead_session(
    cloud: Cloud, fault: dict[str, object], error: type[Exception]
) -> None:
    """A page in place of data also means that the service is down; renewing with every poll would not mend it."""
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="preference$", times=None, **fault)
    cloud.forget()
    for _ in range(3):
        with pytest.raises(error):
            await site(cloud, account).charge_mode(cloud.sim.charger().serial)
    assert cloud.count("/users/self/token") == 1
    assert cloud.count("preference$") == 4
    assert cloud.sign_ins() == 1
    # The other services go on.
    assert (await site(cloud, account).status()).chargers

    cloud.sim.faults.clear()
    assert (await site(cloud, account).charge_mode(cloud.sim.charger().serial)).mode


@pytest.mark.parametrize("path", ["fwDetails", "fwDetails|feature-flags"], ids=["one of a family", "all of it"])
async def test_a_family_that_refuses_for_good_is_looked_into_less_and_less_often(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud, path: str
) -> None:
    """It cost a renewal every quarter of an hour, and with every poll where another path of the family answered."""
    cloud = await open_cloud()
    account = await cloud.signed_in()
    chargers, settings = site(cloud, account), ChargerSettings(account, cloud.sim.site.id)
    cloud.sim.faults.add(path=path, status=401, times=None)
    cloud.forget()
    renewals: list[int] = []
    for minute in range(360):
        before = cloud.count("/users/self/token")
        await settings.firmware()
        with suppress(RequestRejected):
            await settings.features()
        assert (await chargers.status()).chargers
        if cloud.count("/users/self/token") > before:
            renewals.append(minute)
        frozen.tick(timedelta(minutes=1))
    assert renewals == [0, 15, 45, 105, 225]

    cloud.sim.faults.clear()
    assert await settings.firmware()
    assert await settings.features()
    cloud.sim.faults.add(path="fwDetails", status=401, times=1)
    before = cloud.count("/users/self/token")
    assert await settings.firmware()
    assert cloud.count("/users/self/token") == before + 1


async def test_where_renewed_tokens_are_refused_too_a_new_session_is_opened(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="status$", status=401, times=2)
    assert (await site(cloud, account).status()).chargers
    assert cloud.count("/users/self/token") == 3
    assert cloud.sign_ins() == 2


async def test_where_even_a_new_session_is_refused_it_is_the_service_that_refuses(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud
) -> None:
    """The person was asked to sign in, which had just been done, and nothing asked for the chargers any more."""
    cloud = await open_cloud()
    account = await cloud.signed_in()
    chargers = site(cloud, account)
    cloud.sim.faults.add(path="status$", status=401, times=None)
    cloud.forget()
    for minute in range(360):
        with pytest.raises(RequestRejected):
            await chargers.status()
        if minute == 0:
            assert cloud.count("status$") == 3
        frozen.tick(timedelta(minutes=1))
    assert cloud.sign_ins() == 2
    # One with the new session; then after 15 minutes, after 30 more, and every hour.
    assert cloud.count("/users/self/token") == 2 + 7
    cloud.sim.faults.clear()
    assert (await chargers.status()).chargers


async def test_a_renewal_with_cookies_that_runs_is_not_taken_for_the_new_session_that_is_needed(cloud: Cloud) -> None:
    """One request already knows that the cookies are worth nothing when another one renews with them."""
    account = await cloud.signed_in()
    chargers = site(cloud, account)
    # The first is refused again after the renewal, while the second is on its way to the same end.
    cloud.sim.faults.add(path="status$", status=401, times=1)
    # These are real seconds, far enough from each other for a busy machine.
    cloud.sim.faults.add(path="status$", status=401, times=1, delay=0.75)
    cloud.sim.faults.add(path="summary$", status=401, times=1, delay=0.5)
    cloud.sim.faults.add(path="/users/self/token", times=1, delay=0.0)
    cloud.sim.faults.add(path="/users/self/token", times=1, delay=1.5)

    async def late() -> object:
        await asyncio.sleep(0.25)
        return await chargers.summaries()

    status, summaries = await asyncio.gather(chargers.status(), late())
    assert status.chargers
    assert summaries
    assert cloud.sign_ins() == 2


async def test_a_session_that_nobody_opened_is_asked_for(cloud: Cloud) -> None:
    with pytest.raises(SessionExpired):
        await site(cloud, cloud.account()).status()
    assert cloud.sim.requests == []


async def test_with_a_remembered_password_the_first_request_opens_the_session(cloud: Cloud) -> None:
    account = cloud.account(password=cloud.sim.account.password)
    assert (await site(cloud, account).status()).chargers
    assert cloud.sign_ins() == 1


async def test_a_restart_costs_no_sign_in_and_no_token(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(reads_need_access_token=True)
    account = cloud.restarted(await cloud.signed_in())
    cloud.forget()
    assert (await site(cloud, account).status()).chargers
    assert [one.family for one in cloud.sim.requests] == ["status"]
    assert re.search("_enlighten_4_session=", cloud.sent[0].headers["Cookie"])


async def test_secure_cookies_go_to_the_origin_and_outlive_a_restart(cloud: Cloud) -> None:
    """The real cloud may mark its cookies so; the simulated one speaks without TLS."""
    account = await cloud.signed_in()
    body = {"data": {"chargers": []}}
    cloud.sim.faults.add(path="status$", body=body, headers={"Set-Cookie": "locale=en; Path=/; Secure"})
    await site(cloud, account).status()
    for one in (account, cloud.restarted(account)):
        await site(cloud, one).status()
        assert "locale=en" in cloud.sent[-1].headers["Cookie"].split("; ")


async def test_a_host_with_a_name_keeps_its_cookies_as_well(cloud: Cloud) -> None:
    """Jars treat bare addresses differently, and the real cloud has a name."""
    transport = cloud.transport()
    transport.url = transport.url.with_host("localhost")
    account = Account(transport, cloud.sim.account.email)
    await account.sign_in(cloud.sim.account.password)
    again = Account(transport, cloud.sim.account.email, state=AccountState.from_dict(account.state.to_dict()))
    assert (await site(cloud, again).status()).chargers
    assert cloud.sign_ins() == 1
