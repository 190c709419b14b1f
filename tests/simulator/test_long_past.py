"""Fourteen months of charging: sessions by days and in pages, and the daily series before them (docs/cloud-api/chargers.md §8)."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from .conftest import Client, Opener
from .test_shapes import history_headers


async def sessions(client: Client, first: date, last: date, limit: int = 20) -> tuple[list[Any], int]:
    """Entries as they came, and how many pages they took."""
    headers, charger = await history_headers(client), client.sim.charger()
    path = f"/service/enho_historical_events_ms/{client.sim.site.id}/sessions/{charger.serial}/history"
    found: list[Any] = []
    for page in range(1000):
        params = {
            "offset": page * limit,
            "limit": limit,
            "startDate": f"{first:%d-%m-%Y}",
            "endDate": f"{last:%d-%m-%Y}",
            "timezone": client.sim.site.time_zone,
        }
        status, body = await client.ask("POST", path, headers=headers, json={"source": "evse", "params": params})
        assert status == 200, body
        found += body["data"]["result"]
        if not body["data"]["hasMore"]:
            return found, page + 1
    raise AssertionError("no end")


def today(client: Client) -> date:
    return client.sim.clock.now().astimezone(client.sim.site.zone).date()


async def test_sessions_of_fourteen_months(visit: Opener) -> None:
    client = await visit("sunny_home")
    last = today(client)
    found, pages = await sessions(client, last - timedelta(days=500), last)
    history = client.sim.charger().history
    assert [entry["sessionId"] for entry in found] == [session.id for session in reversed(history)]
    assert pages == -(-len(history) // 20)
    oldest = datetime.fromisoformat(found[-1]["startTime"].removesuffix("[UTC]")).date()
    assert last - timedelta(days=426) <= oldest < last - timedelta(days=410)
    assert sum(entry["aggEnergyValue"] for entry in found) == pytest.approx(sum(one.energy_wh for one in history) / 1000, rel=0.001)
    assert all(entry["sessionCost"] > 0 for entry in found)


async def test_a_month_of_last_year(visit: Opener) -> None:
    client = await visit("sunny_home")
    first = today(client) - timedelta(days=400)
    found, _ = await sessions(client, first, first + timedelta(days=30))
    assert 5 < len(found) < 31
    zone = client.sim.site.zone
    begun = [datetime.fromisoformat(entry["startTime"].removesuffix("[UTC]")).astimezone(zone).date() for entry in found]
    assert first <= min(begun) <= max(begun) <= first + timedelta(days=30)


async def test_pages_that_overlap(visit: Opener) -> None:
    client = await visit("sunny_home")
    client.sim.world.deployment.history_overlap = 3
    last = today(client)
    found, pages = await sessions(client, last - timedelta(days=100), last, limit=10)
    ids = [entry["id"] for entry in found]
    assert len(ids) - len(set(ids)) == 3
    assert pages > 2
    client.sim.world.deployment.history_overlap = 0
    assert list(dict.fromkeys(ids)) == [entry["id"] for entry in (await sessions(client, last - timedelta(days=100), last))[0]]


async def test_the_daily_series_reaches_further_back_than_the_sessions(visit: Opener) -> None:
    client = await visit("sunny_home")
    charger = client.sim.charger()
    path = f"/service/timeseries/evse/timeseries/lifetime_energy?site_id={client.sim.site.id}&source=evse&requestId=1"
    _, body = await client.ask("GET", path, headers=await history_headers(client))
    first = date.fromisoformat(body["start_date"])
    by_day = {first + timedelta(days=number): energy for number, energy in enumerate(body["iqevc"])}
    assert by_day == pytest.approx({day: charger.daily_wh.get(day, 0) for day in by_day}, abs=0.01)
    assert sum(by_day.values()) == pytest.approx(charger.lifetime_wh, rel=1e-6)
    began = datetime.fromtimestamp(charger.history[0].plugged_in_at, client.sim.site.zone).date()
    assert sum(energy for day, energy in by_day.items() if day < began) > 10_000
    by_year = {int(year): chargers[charger.serial] for year, chargers in body["charger_iqevc"].items()}
    assert by_year == pytest.approx({year: sum(energy for day, energy in by_day.items() if day.year == year) for year in by_year}, abs=0.5)
