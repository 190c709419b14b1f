"""What an account knows of its requests, and what of it is stored (docs/cloud-api/auth.md §3, §5)."""

from contextlib import suppress
from datetime import UTC, datetime

import aiohttp
import pytest

from custom_components.enphase_ev.enlighten import Account, Batteries, Chargers, CodeRequired, EnlightenError
from custom_components.enphase_ev.enlighten.transport import Family

from .cloud import Cloud, sample, set_level
from .conftest import OpenCloud


async def _poll(cloud: Cloud, account: Account) -> None:
    await Chargers(account, cloud.sim.site.id).status()


async def test_it_knows_the_last_answer_and_how_long_it_took(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    assert account.latency is None
    cloud.sim.faults.add(path="status$", body=sample("status_idle"), delay=0.05)
    await _poll(cloud, account)
    assert account.latency is not None
    assert 0.05 <= account.latency < 5
    assert account.recorder.answers == {Family.STATUS: sample("status_idle")}


async def test_when_a_person_signed_in_is_stored(cloud: Cloud) -> None:
    before = datetime.now(UTC)
    account = await cloud.signed_in()
    assert cloud.stored is not None
    assert cloud.stored.signed_in_at is not None
    assert before <= cloud.stored.signed_in_at <= datetime.now(UTC)
    assert cloud.restarted(account).state.signed_in_at == cloud.stored.signed_in_at


async def test_a_cookie_that_an_answer_sets_is_stored_at_once(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="status$", body=sample("status_idle"), headers={"Set-Cookie": "locale=en; Path=/"})
    await _poll(cloud, account)
    assert cloud.stored is not None
    assert [line.partition(";")[0] for line in cloud.stored.cookies if line.startswith("locale")] == ["locale=en"]


async def test_a_manager_token_and_when_it_came_outlive_a_restart(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    assert account.state.manager_token is not None
    again = cloud.restarted(account)
    await _poll(cloud, again)
    # Every answer that sets a cookie has the state written anew from what is in memory.
    cloud.sim.faults.add(path="status$", body=sample("status_idle"), headers={"Set-Cookie": "locale=en; Path=/"})
    await _poll(cloud, again)
    assert cloud.stored is not None
    assert cloud.stored.manager_token == account.state.manager_token
    assert cloud.stored.access_token == account.state.access_token


async def test_the_questions_about_sites_and_user_are_those_of_the_page(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("no_site_list", sign_in_body="empty_object", jwt_user_claim="nobody")
    account = await cloud.signed_in()
    cloud.forget()
    (site,) = await account.sites()
    await account.user_id(site.id)
    assert [(one.path, one.query) for one in cloud.sim.requests if one.path.startswith("/app-api/")] == [
        ("/app-api/search_sites.json", {"searchText": "", "favourite": "false"}),
        (f"/app-api/{site.id}/data.json", {"app": "1", "device_status": "non_retired", "is_mobile": "0"}),
    ]
    page = next(one for one in cloud.sent if one.url.path == "/")
    assert page.headers["Accept"] == "text/html,*/*"


async def test_it_says_who_it_is_until_that_is_refused(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    assert {one.headers["User-Agent"] for one in cloud.sent} == {f"enphase-ev aiohttp/{aiohttp.__version__}"}
    cloud.forget()
    cloud.sim.faults.add(path="status$", status=406)
    await _poll(cloud, account)
    await _poll(cloud, cloud.restarted(account))
    assert [one.headers["User-Agent"].partition("/")[0] for one in cloud.sent] == ["enphase-ev aiohttp", "Mozilla", "Mozilla"]


async def test_a_cookie_goes_back_as_it_came(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="status$", body=sample("status_idle"), headers={"Set-Cookie": "odd=a/b+c==:d@e(f); Path=/"})
    await _poll(cloud, account)
    again = cloud.restarted(account)
    for one in (account, again):
        await _poll(cloud, one)
        assert "odd=a/b+c==:d@e(f)" in cloud.sent[-1].headers["Cookie"].split("; ")


@pytest.mark.parametrize(("status", "is_kept"), [(200, True), (302, False), (403, False), (500, False)])
async def test_only_a_write_that_was_taken_may_set_cookies(open_cloud: OpenCloud, status: int, is_kept: bool) -> None:
    cloud = await open_cloud("battery_site")
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    await batteries.settings()
    cloud.sim.faults.add(path="batterySettings", method="PUT", status=status, body={}, headers={"Set-Cookie": "locale=en; Path=/"})
    with suppress(EnlightenError):
        await set_level(batteries, 15)
    assert any(line.startswith("locale=") for line in batteries.account.state.cookies) is is_kept


async def test_that_a_code_is_wanted_is_stored_at_once(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("mfa_account")
    account = cloud.account()
    with pytest.raises(CodeRequired):
        await account.sign_in(cloud.sim.account.password)
    assert cloud.stored is not None
    assert cloud.stored.wants_code


async def test_a_page_for_people_may_set_no_cookies(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="summary$", status=404, html=True, headers={"Set-Cookie": "locale=en; Path=/"}, times=None)
    with suppress(EnlightenError):
        await Chargers(account, cloud.sim.site.id).summaries()
    assert not any(line.startswith("locale=") for line in account.state.cookies)
