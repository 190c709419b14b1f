"""Which sites an account has, and whose it is (docs/cloud-api/auth.md §5)."""

import pytest

from custom_components.enphase_ev.enlighten import Json, ServiceUnavailable, SessionExpired, Site
from custom_components.enphase_ev.enlighten.sites import read_sites, read_user_id, site_in_path

from .cloud import Cloud
from .conftest import OpenCloud

SEARCH = "search_sites"
THREE = [Site("1234567", "Main Site"), Site("1234568", "Cabin"), Site("1234569", "Office")]


@pytest.mark.parametrize("shape", ["sites", "list", "data", "items", "systems"])
@pytest.mark.parametrize("id_key", ["id", "site_id", "siteId", "system_id"])
@pytest.mark.parametrize("as_text", [False, True])
async def test_the_list_is_read_in_every_shape(open_cloud: OpenCloud, shape: str, id_key: str, as_text: bool) -> None:
    cloud = await open_cloud("multi_site", sites_shape=shape, site_id_key=id_key, site_ids_as_text=as_text)
    account = await cloud.signed_in()
    assert await account.sites() == THREE
    assert cloud.sent[-1].url.query_string == "searchText=&favourite=false"


@pytest.mark.parametrize("name_key", ["title", "name", "site_name", "siteName", "displayName"])
async def test_names_have_many_names(open_cloud: OpenCloud, name_key: str) -> None:
    cloud = await open_cloud("multi_site", site_name_key=name_key)
    assert await (await cloud.signed_in()).sites() == THREE


async def test_a_site_that_is_listed_twice_is_one_site(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("multi_site", duplicate_sites=True)
    assert await (await cloud.signed_in()).sites() == THREE


async def test_where_the_list_comes_empty_the_sites_known_before_count(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("multi_site")
    account = await cloud.signed_in()
    assert await account.sites() == THREE
    cloud.sim.world.deployment.empty_site_lists = 2
    assert await account.sites() == THREE
    assert await cloud.restarted(account).sites() == THREE


async def test_where_nothing_is_known_the_sign_in_names_the_site(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("no_site_list")
    assert await (await cloud.signed_in()).sites() == [Site(cloud.sim.site.id)]
    assert cloud.count("^/$") == 0


@pytest.mark.parametrize("home_path", ["web", "pv_systems", "systems"])
async def test_where_the_sign_in_names_none_the_start_page_leads_there(open_cloud: OpenCloud, home_path: str) -> None:
    cloud = await open_cloud("no_site_list", sign_in_body="empty_object", home_path=home_path)
    assert await (await cloud.signed_in()).sites() == [Site(cloud.sim.site.id)]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 404, "body": {"message": "Not Found"}},
        {"status": 302, "headers": {"Location": "/sorry"}},
        {"broken_json": True},
        {"drop": True},
    ],
)
async def test_a_list_that_cannot_be_had_is_made_up_for_too(cloud: Cloud, fault: dict[str, object]) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path=SEARCH, times=None, **fault)
    assert [one.id for one in await account.sites()] == [cloud.sim.site.id]


@pytest.mark.parametrize(
    "fault",
    [
        {"html": True},
        {"status": 404},
        {"status": 302, "headers": {"Location": "/login"}},
        {"status": 302, "headers": {"Location": "https://example.com/web/1/today"}},
        {"status": 302, "headers": {"Location": "mailto:somebody@example.com"}},
        {"status": 302, "headers": {"Location": "http://[broken/web/1"}},
        {"status": 302, "headers": {"Location": "/"}},
        {"status": 302},
    ],
)
async def test_a_start_page_that_leads_nowhere_leaves_the_number_to_the_person(open_cloud: OpenCloud, fault: dict[str, object]) -> None:
    cloud = await open_cloud("no_site_list", sign_in_body="empty_object")
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="^/$", times=None, **fault)
    assert await account.sites() == []
    assert cloud.count("^/$") <= 5


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("remembers", [False, True])
async def test_a_list_that_is_refused_makes_way_for_the_start_page(open_cloud: OpenCloud, status: int, remembers: bool) -> None:
    cloud = await open_cloud("no_site_list", sign_in_body="empty_object")
    account = await cloud.signed_in(remembers=remembers)
    cloud.sim.faults.add(path=SEARCH, status=status, times=None)
    assert await account.sites() == [Site(cloud.sim.site.id)]
    assert cloud.sign_ins() == 1


async def test_a_session_that_is_dead_is_found_out_by_the_list(cloud: Cloud) -> None:
    account = await cloud.signed_in(remembers=False)
    cloud.sim.expire_sessions()
    with pytest.raises(SessionExpired):
        await account.sites()


async def test_an_outage_is_told_when_nothing_is_known(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("no_site_list", sign_in_body="empty_object")
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="^/$", drop=True, times=None)
    with pytest.raises(ServiceUnavailable):
        await account.sites()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"sites": []}, []),
        ({}, []),
        (None, []),
        ("text", []),
        ([None, 3, "x", {"title": "no number"}, {"id": "not-a-number"}, {"id": True}], []),
        ([{"id": 7, "title": None}, {"id": 7, "title": " Cabin "}], [Site("7", "Cabin")]),
        ([{"id": 7, "title": "Cabin"}, {"id": 7}], [Site("7", "Cabin")]),
        ({"result": {"items": [{"siteId": "7"}]}}, [Site("7")]),
    ],
)
def test_lists_of_sites(body: Json, expected: list[Site]) -> None:
    assert read_sites(body) == expected


@pytest.mark.parametrize(
    ("path", "site_id"),
    [
        ("/web/1234567", "1234567"),
        ("/web/1234567/today/graph/hours", "1234567"),
        ("/pv/systems/1234567/summary", "1234567"),
        ("/systems/1234567/devices", "1234567"),
        ("/web/", None),
        ("/login", None),
        ("/web/12x/today", None),
    ],
)
def test_paths_of_the_web_app_name_the_site(path: str, site_id: str | None) -> None:
    assert site_in_path(path) == site_id


# The user


async def test_the_user_id_is_in_the_token(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.forget()
    assert await account.user_id(cloud.sim.site.id) == str(cloud.sim.account.user_id)
    assert cloud.sim.requests == []


@pytest.mark.parametrize("shape", ["userId", "user_id", "user.id"])
async def test_else_the_app_tells_the_user_id_once(open_cloud: OpenCloud, shape: str) -> None:
    cloud = await open_cloud(user_id_shape=shape, jwt_user_claim="nobody")
    account = await cloud.signed_in()
    assert await account.user_id(cloud.sim.site.id) == str(cloud.sim.account.user_id)
    again = cloud.restarted(account)
    assert await again.user_id(cloud.sim.site.id) == str(cloud.sim.account.user_id)
    assert cloud.count(r"data\.json") == 1


@pytest.mark.parametrize("body", [None, [], {}, {"app": []}, {"app": {"userId": "x1"}}, {"app": {"user": 3}}, {"app": {"userId": True}}])
def test_a_user_id_that_is_no_number_is_none(body: Json) -> None:
    assert read_user_id(body) is None
