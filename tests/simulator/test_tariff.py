"""The prices of a site as docs/cloud-api/tariff.md tells them, in every form."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator.tariff import Preset, TimeForm, Unreadable

from .conftest import Client, Opener
from .live_client import pv_headers
from .test_shapes import differences, sample

BASE = "/service/tariff/tariff-ms/systems/1234567"
ZONE = ZoneInfo("Europe/Amsterdam")


async def read(client: Client, path: str = "tariff?include-site-details=true") -> Any:
    status, body = await client.ask("GET", f"{BASE}/{path}", headers=await pv_headers(client))
    assert status == 200, body
    return body


def price(side: Any, at: datetime) -> float:
    """A reader that knows nothing but the page."""
    for season in side["seasons"]:
        first, last = int(season["startMonth"]), int(season["endMonth"])
        inside = first <= at.month <= last if first <= last else at.month >= first or at.month <= last
        if not inside:
            continue
        if side["typeId"] == "tiered":
            return float(season["offPeak"])
        periods = next(group["periods"] for group in season["days"] if at.isoweekday() in group["days"])
        rest = [period for period in periods if period["startTime"] == ""]
        for period in periods:
            if period in rest:
                continue
            start, end, minute = int(period["startTime"]), int(period["endTime"]), at.hour * 60 + at.minute
            if start <= minute < end if start < end else minute >= start or minute < end:
                return float(period["rate"])
        return float(rest[0]["rate"])
    raise LookupError(at)


async def test_the_tariff_keeps_to_the_sample(visit: Opener) -> None:
    client = await visit("sunny_home")
    body = await read(client)
    assert differences(sample("tariff"), body) == []
    assert body["purchase"] == sample("tariff")["purchase"]
    assert (body["currency"], body["country"]) == ("€", "NL")
    assert client.sim.count("tariff") == 1


@pytest.mark.parametrize("times", list(TimeForm))
@pytest.mark.parametrize("preset", list(Preset))
async def test_what_is_told_is_what_holds(visit: Opener, preset: Preset, times: TimeForm) -> None:
    client = await visit("solar_only")
    switches = client.sim.world.deployment.tariff
    switches.preset, switches.times = preset, times
    body = await read(client)
    begin = datetime(2026, 1, 1, tzinfo=ZONE)
    moments = [begin + timedelta(hours=hour, minutes=hour % 60) for hour in range(0, 365 * 24, 7)]
    assert [price(body["purchase"], at) for at in moments] == [switches.import_price(at) for at in moments]
    assert {price(body["buyback"], at) for at in moments} == {0.07}
    found = {
        type(period[name])
        for season in body["purchase"]["seasons"]
        for group in season["days"]
        for period in group["periods"]
        for name in ("startTime", "endTime")
        if period[name] != ""
    }
    assert found <= {TimeForm.TEXT: {str}, TimeForm.NUMBER: {int}, TimeForm.MIXED: {str, int}}[times]
    assert found or preset in {Preset.FLAT, Preset.TIERED}


async def test_some_period_runs_over_midnight_and_one_is_everything_else(visit: Opener) -> None:
    client = await visit("solar_only")
    switches = client.sim.world.deployment.tariff
    switches.preset = Preset.OVER_MIDNIGHT
    prices = [switches.import_price(datetime(2026, 6, 10, hour, 30, tzinfo=ZONE)) for hour in (23, 3, 7, 15, 16, 20, 21)]
    assert prices == [0.12, 0.12, 0.27, 0.27, 0.41, 0.41, 0.27]
    switches.preset = Preset.SEASONAL_AND_WEEKENDS
    assert switches.import_price(datetime(2026, 1, 3, 12, tzinfo=ZONE)) == 0.18
    assert switches.import_price(datetime(2026, 7, 4, 12, tzinfo=ZONE)) == 0.15


async def test_export_prices_by_date(visit: Opener) -> None:
    client = await visit("solar_only")
    switches = client.sim.world.deployment.tariff
    path = "tariffs?rateType=BUYBACK&date=2026-06-10&includeUtility="
    data = (await read(client, path))["data"]
    assert data == {"buyback": [{"start": 0, "end": 1439, "rate": "0.07"}], "timezone": "Europe/Amsterdam"}
    switches.export_by_date, switches.rates_as_numbers = True, True
    stretches = (await read(client, path))["data"]["buyback"]
    assert [(one["start"], one["end"]) for one in stretches[:2]] == [(0, 59), (60, 119)]
    for hour in range(24):
        at = datetime(2026, 6, 10, hour, 30, tzinfo=ZONE)
        (held,) = [one["rate"] for one in stretches if one["start"] <= hour * 60 + 30 <= one["end"]]
        assert held == switches.export_price(at)
    headers = await pv_headers(client)
    for wrong in ("tariffs?rateType=BUYBACK&date=10-06-2026", "tariffs?rateType=SALE&date=2026-06-10"):
        assert (await client.ask("GET", f"{BASE}/{wrong}", headers=headers))[0] == 400


@pytest.mark.parametrize("unreadable", [one for one in Unreadable if one is not Unreadable.NO])
async def test_a_tariff_that_nobody_can_read(visit: Opener, unreadable: Unreadable) -> None:
    client = await visit("solar_only")
    client.sim.world.deployment.tariff.unreadable = unreadable
    body = await read(client)
    with pytest.raises((KeyError, TypeError, ValueError)):
        price(body["purchase"], datetime(2026, 6, 10, 12, tzinfo=ZONE))


async def test_currency_and_billing(visit: Opener) -> None:
    client = await visit("solar_only")
    client.sim.world.deployment.tariff.currency = "CHF"
    assert (await read(client))["currency"] == "CHF"
    assert (await read(client, "billing-details"))["data"]
    client.sim.world.deployment.tariff.status = 404
    assert (await client.ask("GET", f"{BASE}/tariff", headers=await pv_headers(client)))[0] == 404


async def test_who_is_let_in(visit: Opener) -> None:
    client = await visit("solar_only")
    path = f"{BASE}/tariff?include-site-details=true"
    assert (await client.ask("GET", path))[0] == 401
    session = client.cookie("_enlighten_4_session")
    assert session
    for token, status in ((session, 200), ("somebody's", 401)):
        assert (await client.ask("GET", path, headers=client.bearer | {"e-auth-token": token}))[0] == status
