"""What a kWh costs at any moment of a site's day, also where the clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import Json, PriceSpan, Tariff
from custom_components.enphase_ev.site.prices import SitePrices
from tests.enlighten.cloud import sample

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 16)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def _prices(*periods: tuple[float, Json, Json]) -> SitePrices:
    records: list[Json] = [{"rate": rate, "startTime": start, "endTime": end} for rate, start, end in periods]
    return SitePrices(Tariff.read({"purchase": {"seasons": [{"days": [{"periods": records}]}]}}), BERLIN)


def _sample() -> SitePrices:
    return SitePrices(Tariff.read(sample("tariff")), BERLIN)


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def test_the_sample_from_hour_to_hour() -> None:
    prices = _sample()
    assert [prices.import_price(_at(DAY, hour)) for hour in (0, 6, 7, 21, 22, 23)] == [0.189, 0.189, 0.312, 0.312, 0.189, 0.189]
    assert prices.import_kind(_at(DAY, 12)) == "peak"
    assert prices.export_price(_at(DAY, 12)) == 0.07
    assert prices.next_import_change(_at(DAY, 12)) == _at(DAY, 22)
    assert prices.next_import_change(_at(DAY, 22)) == _at(DAY + timedelta(days=1), 7)


def test_a_flat_tariff_never_changes() -> None:
    prices = _prices((0.25, "", ""))
    assert (prices.import_price(_at(DAY, 3)), prices.next_import_change(_at(DAY, 3))) == (0.25, None)


def test_the_next_season_is_a_change() -> None:
    seasons: list[Json] = [
        {"startMonth": first, "endMonth": last, "days": [{"periods": [{"rate": rate}]}]}
        for first, last, rate in (("11", "3", "0.4"), ("4", "10", "0.2"))
    ]
    prices = SitePrices(Tariff.read({"purchase": {"seasons": seasons}}), BERLIN)
    assert prices.next_import_change(_at(DAY, 3)) == _at(date(2027, 4, 1), 0)


def test_prices_by_date_come_before_those_of_the_tariff() -> None:
    prices = SitePrices(Tariff.read(sample("tariff")), BERLIN, {DAY: (PriceSpan(0, 720, 0.02), PriceSpan(720, 1440, 0.11))})
    assert [prices.export_price(_at(DAY, hour)) for hour in (11, 12)] == [0.02, 0.11]
    assert prices.export_price(_at(DAY + timedelta(days=1), 12)) == 0.07


@pytest.mark.parametrize(
    ("periods", "slots"), [([(0.1, "", "")], 24), ([(0.1, "", ""), (0.3, 450, 600)], 48), ([(0.1, "", ""), (0.3, 455, 600)], 96)]
)
def test_the_list_of_a_day_has_slots_of_one_length(periods: list[tuple[float, Json, Json]], slots: int) -> None:
    prices = _prices(*periods)
    listed = prices.list_of(DAY, prices.imports_of)
    assert len(listed) == slots
    starts = [datetime.fromisoformat(slot["start"]) for slot in listed]  # type: ignore[arg-type, index, call-overload]  # an attribute can be anything that JSON can; these are known
    assert {after - before for before, after in pairwise(starts)} == {timedelta(days=1) / slots}


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (DAY, 24)], ids=["spring", "autumn", "november"])
def test_a_day_is_as_long_as_its_clocks_say(day: date, hours: int) -> None:
    prices = _prices((0.1, "120", "180"), (0.3, "", ""))
    listed = prices.list_of(day, prices.imports_of)
    assert len(listed) == hours
    # From two to three it is cheap: an hour that is left out in spring, and comes twice in autumn.
    cheap = [slot for slot in listed if slot["value"] == 0.1]  # type: ignore[index, call-overload]  # an attribute can be anything that JSON can; these are known
    assert len(cheap) == hours - 23


def test_the_price_of_a_time_weighs_each_price_by_how_long_it_holds() -> None:
    prices = _sample()
    assert prices.mean_import_price(_at(DAY, 6), _at(DAY, 8)) == pytest.approx((0.189 + 0.312) / 2)
    assert prices.mean_import_price(_at(DAY, 21), _at(DAY + timedelta(days=1), 7)) == pytest.approx((0.312 + 9 * 0.189) / 10)
    assert prices.mean_import_price(_at(DAY, 8), _at(DAY, 8)) == 0.312


@given(
    start=st.integers(0, 1439),
    length=st.integers(1, 1439),
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    minute=st.integers(0, 1439),
)
def test_a_change_is_a_change(start: int, length: int, day: date, minute: int) -> None:
    prices = _prices((0.1, start, (start + length) % 1440), (0.3, "", ""))
    moment = _at(day, minute // 60, minute % 60)
    change = prices.next_import_change(moment)
    assert change is not None
    assert moment < change <= moment + timedelta(hours=49)
    assert prices.import_price(change) != prices.import_price(change - timedelta(seconds=1)) == prices.import_price(moment)
    assert moment < prices.next_edge(moment) <= change
