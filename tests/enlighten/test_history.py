"""Sessions that are over, and energy by day (docs/cloud-api/chargers.md §8)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.enphase_ev.enlighten import Json, ServiceUnavailable
from custom_components.enphase_ev.enlighten.models.past_sessions import EnergyOfDay, SessionPage
from custom_components.enphase_ev.enlighten.session_history import ChargerHistory

from .cloud import Cloud, sample
from .conftest import OpenCloud

SERIAL = "EV000000000001"
DAY = date(2026, 5, 20)
ZONE = "Australia/Melbourne"


async def history(cloud: Cloud) -> ChargerHistory:
    return ChargerHistory(await cloud.signed_in(), cloud.sim.site.id)


def today(cloud: Cloud) -> date:
    return cloud.sim.clock.now().astimezone(ZoneInfo(ZONE)).date()


# Sessions


def test_the_sample_of_a_page() -> None:
    page = SessionPage.read(sample("session_history"))
    (session,) = page.sessions
    assert not page.has_more
    assert session.started_at == datetime(2025, 10, 16, 0, 2, 8, 826000, tzinfo=UTC)
    assert session.ended_at == datetime(2025, 10, 16, 4, 39, 50, 618000, tzinfo=UTC)
    assert (session.energy, session.active_seconds, session.range_added, session.cost) == (29.94, 15284, 120.7, 0.77)


@pytest.mark.parametrize(
    ("body", "has_more"),
    [
        ([{"aggEnergyValue": 1}], False),
        ({"data": [{"aggEnergyValue": 1}], "hasMore": True}, True),
        ({"result": [{"aggEnergyValue": 1}], "hasMore": "true"}, True),
        ({"data": {"items": [{"aggEnergyValue": 1}], "hasMore": True}}, True),
    ],
)
def test_a_page_is_read_bare_and_in_every_wrapper(body: Json, has_more: bool) -> None:
    page = SessionPage.read(body)
    assert ([session.energy for session in page.sessions], page.has_more) == ([1], has_more)


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": {"result": None, "hasMore": True}}])
def test_a_page_of_nothing_is_the_last(body: Json) -> None:
    page = SessionPage.read(body)
    assert (page.sessions, page.has_more) == ((), False)


async def test_all_pages_are_read_the_newest_first(cloud: Cloud) -> None:
    calls = await history(cloud)
    last = today(cloud)
    charger = cloud.sim.charger()
    for number in range(45):
        charger.remember(replace(charger.history[0], id=number, plugged_out_at=charger.history[0].started_at + number))
    sessions = await calls.sessions(SERIAL, last - timedelta(days=60), last, ZONE)
    expected = charger.history
    assert len(sessions) == len(expected) > 45
    ends = [session.ended_at for session in sessions if session.ended_at]
    assert ends == sorted(ends, reverse=True)
    assert sum(session.energy or 0 for session in sessions) == pytest.approx(sum(one.energy_wh for one in expected) / 1000, abs=0.5)
    assert cloud.count("/history$") == -(-len(expected) // 20)
    body = cloud.sim.requests[-1].body
    assert isinstance(body, dict)
    params = body["params"]
    assert (body["source"], params["limit"], params["timezone"]) == ("evse", 20, ZONE)
    assert (params["startDate"], params["endDate"]) == (f"{last - timedelta(days=60):%d-%m-%Y}", f"{last:%d-%m-%Y}")


def session(number: int, *, times: bool = True, name: str | None = "id") -> dict[str, Json]:
    start = {"startTime": f"2026-11-01T{number:02}:00:00Z", "endTime": f"2026-11-01T{number + 1:02}:00:00Z"} if times else {}
    return {"aggEnergyValue": number, **start, **({name: f"EV000000000001:{number}"} if name else {})}


@pytest.mark.parametrize(
    ("first", "second", "energies"),
    [
        ([session(1), session(1)], [session(1)], [1]),
        ([session(2), session(1)], [session(1), session(0)], [2, 1, 0]),
        ([session(1, name="sessionId")], [session(1, name="sessionId", times=False)], [1]),
        ([session(1, name=None)], [session(1, name=None)], [1]),
        ([session(1, name=None)], [session(1)], [1]),
        # Nothing says that these are the same.
        ([session(1, name=None, times=False)], [session(1, name=None, times=False)], [1, 1]),
    ],
)
async def test_a_session_on_two_pages_is_one(cloud: Cloud, first: list[Json], second: list[Json], energies: list[float]) -> None:
    calls = await history(cloud)
    cloud.sim.faults.add(path="/history$", body={"data": {"result": first, "hasMore": True}})
    cloud.sim.faults.add(path="/history$", body={"data": {"result": second, "hasMore": False}})
    assert [one.energy for one in await calls.sessions(SERIAL, DAY, DAY, ZONE)] == energies


async def test_pages_that_never_end_are_given_up(cloud: Cloud) -> None:
    calls = await history(cloud)
    cloud.sim.faults.add(path="/history$", body={"data": {"result": [{"aggEnergyValue": 1}], "hasMore": True}}, times=None)
    sessions = await calls.sessions(SERIAL, DAY, DAY, ZONE)
    assert len(sessions) == cloud.count("/history$") == 200


async def test_a_history_that_cannot_be_had_is_told(cloud: Cloud) -> None:
    calls = await history(cloud)
    cloud.sim.faults.add(path="/history$", status=502, html=True)
    with pytest.raises(ServiceUnavailable):
        await calls.sessions(SERIAL, DAY, DAY, ZONE)


async def test_the_history_wants_to_know_whose_it_is(open_cloud: OpenCloud) -> None:
    """Where no token tells the user, the app is asked first."""
    cloud = await open_cloud(jwt_user_claim="nobody")
    calls = await history(cloud)
    await calls.sessions(SERIAL, DAY, DAY, ZONE)
    await calls.energy_of_day(today(cloud))
    assert cloud.count(r"data\.json") == 1


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 404}, {"status": 503}, {"html": True}, {"broken_json": True}, {"body": {}}])
async def test_where_nobody_tells_whose_it_is_the_history_is_asked_for_without(open_cloud: OpenCloud, fault: dict[str, object]) -> None:
    cloud = await open_cloud(jwt_user_claim="nobody")
    calls = await history(cloud)
    cloud.sim.faults.add(path=r"data\.json", times=None, **fault)
    cloud.sim.faults.add(path="/history$", body=sample("session_history"))
    assert len(await calls.sessions(SERIAL, DAY, DAY, ZONE)) == 1
    assert "username" not in cloud.sent[-1].headers
    assert cloud.sign_ins() == 1


# Energy by day


@pytest.mark.parametrize(
    ("body", "by_charger", "site"),
    [
        ({"start_date": "2026-05-19", "iqevc": [1, 2, 3], "charger_iqevc": {"A": [4, 5.5], "B": [6]}}, {"A": 5.5}, 2),
        ({"start_date": "2026-05-20", "iqevc": ["7.5"]}, {}, 7.5),
        ({"iqevc": {"2026-05-20": 8}, "charger_iqevc": {"A": {"2026-05-20": "9"}, "B": {}}}, {"A": 9}, 8),
        ({"iqevc": {"2026-05-20": 8}, "charger_iqevc": {"2026-05-19": {"A": 3}, "2026-05-20": {"A": "9", "B": None}}}, {"A": 9}, 8),
        ({"meta": {}, "data": {"start_date": "2026-05-20", "iqevc": [8], "charger_iqevc": {"A": [9]}}, "error": {}}, {"A": 9}, 8),
        ({"start_date": "2026-05-21", "iqevc": [1, 2, 3]}, {}, None),
        ({"start_date": "soon", "iqevc": [1]}, {}, None),
        ({"iqevc": [1]}, {}, None),
        ({"start_date": "2026-05-20", "iqevc": [None], "charger_iqevc": [1]}, {}, None),
        ({}, {}, None),
        (None, {}, None),
    ],
)
def test_a_day_is_read_from_lists_and_from_objects(body: Json, by_charger: dict[str, float], site: float | None) -> None:
    assert EnergyOfDay.read(body, DAY) == EnergyOfDay(by_charger, site)


@pytest.mark.parametrize(
    ("by_charger", "is_only", "expected"),
    [({"A": 5.0}, True, 5.0), ({"A": 5.0, "B": 6.0}, False, 5.0), ({"B": 6.0}, True, None), ({}, True, 9.0), ({}, False, None)],
)
def test_what_the_site_has_counted_is_that_of_its_only_charger(by_charger: dict[str, float], is_only: bool, expected: float | None) -> None:
    assert EnergyOfDay(by_charger, 9.0).of("A", is_only=is_only) == expected


async def test_the_energy_of_today(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("single_phase")
    calls = await history(cloud)
    day = datetime.now(ZoneInfo(cloud.sim.site.time_zone)).date()
    found = await calls.energy_of_day(day)
    truth = cloud.sim.charger().daily_wh.get(day, 0.0)
    assert found.of(SERIAL, is_only=False) == pytest.approx(truth, abs=1)
    query = cloud.sent[-1].url.query
    assert (query["site_id"], query["source"], query["start_date"]) == (cloud.sim.site.id, "evse", day.isoformat())
    assert query["requestId"]
