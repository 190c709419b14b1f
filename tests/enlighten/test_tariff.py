"""The tariff of a site (docs/cloud-api/tariff.md)."""

from collections.abc import Iterable
from datetime import date, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import Json, PriceSpan, Tariff, rate_at
from custom_components.enphase_ev.enlighten.models.tariff import read_export_prices

from .cloud import sample

MONDAY = date(2026, 11, 16)
SATURDAY = date(2026, 11, 21)


def _period(rate: Json, start: Json = "", end: Json = "", kind: str = "off-peak") -> Json:
    return {"id": kind, "type": kind, "startTime": start, "endTime": end, "rate": rate}


def _season(*days: Json, first: Json = "1", last: Json = "12") -> Json:
    return {"id": "default", "startMonth": first, "endMonth": last, "days": list(days)}


def _day(*periods: Json, days: Iterable[int] = (1, 2, 3, 4, 5, 6, 7)) -> Json:
    return {"id": "week", "days": [*days], "periods": list(periods)}


def _tariff(*seasons: Json, **purchase: Json) -> Tariff:
    return Tariff.read({"currency": "EUR", "purchase": {"typeKind": "single", "typeId": "tou", "seasons": list(seasons), **purchase}})


def _rates(tariff: Tariff, day: date) -> list[tuple[int, int, float]]:
    assert tariff.purchase is not None
    return [(span.start, span.end, span.rate) for span in tariff.purchase.of_day(day)]


def test_the_sample() -> None:
    tariff = Tariff.read(sample("tariff"))
    assert tariff.purchase is not None
    assert tariff.buyback is not None
    assert tariff.purchase.of_day(MONDAY) == (
        PriceSpan(0, 420, 0.189, "off-peak"),
        PriceSpan(420, 1320, 0.312, "peak"),
        PriceSpan(1320, 1440, 0.189, "off-peak"),
    )
    assert tariff.buyback.of_day(MONDAY) == (PriceSpan(0, 1440, 0.07, "off-peak"),)
    assert (tariff.currency, tariff.currency_code, tariff.export_plan) == ("€", None, "netFit")
    assert (tariff.purchase.kind, tariff.purchase.structure, tariff.purchase.is_tiered) == ("single", "tou", False)


@pytest.mark.parametrize(
    ("currency", "code"), [("EUR", "EUR"), ("AUD", "AUD"), ("$", None), ("A$", None), ("eur", None), ("", None), (None, None)]
)
def test_a_symbol_is_no_code(currency: Json, code: str | None) -> None:
    assert Tariff.read({"currency": currency}).currency_code == code


@pytest.mark.parametrize(("start", "end"), [("1320", "420"), (1320, 420), ("1320.0", 420)])
def test_a_period_runs_over_midnight(start: Json, end: Json) -> None:
    tariff = _tariff(_season(_day(_period("0.1", start, end), _period("0.3", kind="peak"))))
    assert _rates(tariff, MONDAY) == [(0, 420, 0.1), (420, 1320, 0.3), (1320, 1440, 0.1)]


@pytest.mark.parametrize(("start", "end"), [(1320, 1440), ("1320", "0")])
def test_a_period_ends_at_midnight(start: Json, end: Json) -> None:
    tariff = _tariff(_season(_day(_period("0.1", start, end), _period("0.3", kind="peak"))))
    assert _rates(tariff, MONDAY) == [(0, 1320, 0.3), (1320, 1440, 0.1)]


@pytest.mark.parametrize("order", [1, -1])
def test_everything_else_is_what_no_other_period_covers(order: int) -> None:
    periods = [_period("0.1"), _period("0.3", 420, 600, "peak"), _period(0.2, "600", "720", "mid-peak")][::order]
    assert _rates(_tariff(_season(_day(*periods))), MONDAY) == [(0, 420, 0.1), (420, 600, 0.3), (600, 720, 0.2), (720, 1440, 0.1)]


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_an_empty_time_is_told_in_many_ways(empty: Json) -> None:
    assert _rates(_tariff(_season(_day(_period("0.25", empty, empty)))), MONDAY) == [(0, 1440, 0.25)]


def test_what_nothing_covers_has_no_price() -> None:
    assert _rates(_tariff(_season(_day(_period("0.3", 420, 600)))), MONDAY) == [(420, 600, 0.3)]


def test_weekends_have_prices_of_their_own() -> None:
    tariff = _tariff(_season(_day(_period("0.3"), days=(1, 2, 3, 4, 5)), _day(_period("0.1"), days=(6, 7))), typeKind="weekends")
    assert [_rates(tariff, MONDAY + timedelta(days=number))[0][2] for number in range(7)] == [0.3] * 5 + [0.1] * 2


def test_a_season_wraps_round_the_year() -> None:
    winter, summer = _season(_day(_period("0.4")), first="11", last="3"), _season(_day(_period("0.2")), first=4, last=10)
    tariff = _tariff(winter, summer, typeKind="seasonal")
    rates = [_rates(tariff, date(2026, month, 15))[0][2] for month in range(1, 13)]
    assert rates == [0.4] * 3 + [0.2] * 7 + [0.4] * 2


@pytest.mark.parametrize(
    "tiered",
    [
        {"seasons": [{"startMonth": "1", "endMonth": "12", "offPeak": "0.21", "tiers": [{"rate": "0.3"}]}]},
        {"seasons": [_season({"days": [1, 2, 3, 4, 5, 6, 7], "periods": [], "offPeak": "0.21"})]},
        {"seasons": [], "offPeak": 0.21},
        {"tiers": [{"rate": "0.21", "endValue": "300"}, {"rate": "0.35"}]},
    ],
)
def test_a_tariff_by_tiers_costs_the_rate_that_it_names(tiered: dict[str, Json]) -> None:
    tariff = Tariff.read({"purchase": {"typeId": "tiered", **tiered}})
    assert tariff.purchase is not None
    assert tariff.purchase.is_tiered
    assert _rates(tariff, SATURDAY) == [(0, 1440, 0.21)]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        "<html>",
        {"purchase": None},
        {"purchase": {"seasons": None}},
        {"purchase": {"seasons": [{"days": [{"periods": [{"startTime": "", "endTime": "", "rate": "free"}]}]}]}},
        {"purchase": {"seasons": [{"days": [{"periods": [{"startTime": "7 am", "endTime": "8 am", "rate": "0.3"}]}]}]}},
    ],
)
def test_a_tariff_that_nobody_can_read_has_no_prices(body: Json) -> None:
    tariff = Tariff.read(body)
    assert (tariff.purchase, tariff.buyback) == (None, None)


def test_prices_by_date_count_their_end_in() -> None:
    body: Json = {
        "data": {
            "timezone": "US/Pacific",
            "buyback": [
                {"start": 60, "end": 119, "rate": "0.05"},
                {"start": "0", "end": "59", "rate": 0.04},
                {"start": 120, "end": 1439, "rate": "0.05"},
                {"start": 5, "end": 4, "rate": 1},
                {"start": None, "end": 4, "rate": 1},
            ],
        }
    }
    spans = read_export_prices(body)
    assert spans == (PriceSpan(0, 60, 0.04), PriceSpan(60, 1440, 0.05))
    assert [rate_at(spans, minute) for minute in (59, 60, 1439, 1440)] == [0.04, 0.05, 0.05, None]
    assert read_export_prices({"data": {"buyback": []}}) == ()
    assert read_export_prices({}) is read_export_prices({"data": {"buyback": None}}) is None


_MINUTES = st.one_of(st.integers(0, 1440), st.integers(0, 1440).map(str), st.just(""))


@given(
    periods=st.lists(st.tuples(st.floats(0, 1), _MINUTES, _MINUTES), min_size=1, max_size=6),
    months=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    day=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
)
def test_a_day_never_has_two_prices_at_a_time(periods: list[tuple[float, Json, Json]], months: tuple[int, int], day: date) -> None:
    season = _season(_day(*(_period(rate, start, end) for rate, start, end in periods)), first=months[0], last=str(months[1]))
    tariff = _tariff(season)
    assert tariff.purchase is not None
    spans = tariff.purchase.of_day(day)
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.end <= 1440 for span in spans)
    first, last = months
    is_inside = first <= day.month <= last if first <= last else not last < day.month < first
    assert bool(spans) is is_inside
    # With a period for everything else, every minute has a price.
    if is_inside and any("" in (start, end) for _, start, end in periods):
        assert sum(span.end - span.start for span in spans) == 1440
