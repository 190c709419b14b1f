"""Prices as other integrations list them, whole and broken."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.enphase_ev.site.price_lists import PriceListProblem, joined_price_lists, read_price_list
from tests.thoroughness import examples

BERLIN = ZoneInfo("Europe/Berlin")
# Midnight in Berlin.
DAY = datetime(2026, 5, 19, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def read(attributes: Mapping[str, object]) -> list[tuple[float, float, float]]:
    """The prices of a list: from and until which hour of the day, and how much."""
    slots = read_price_list(attributes, BERLIN).slots
    return [((slot.start - DAY) / HOUR, (slot.end - DAY) / HOUR, pytest.approx(slot.value)) for slot in slots]


TWO_HOURS = [(0, 1, 0.25), (1, 2, -0.01)]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(
            {
                "unit_of_measurement": "EUR/kWh",
                "currency": "EUR",
                "today": [0.25, -0.01],
                "raw_today": [
                    {"start": DAY.astimezone(BERLIN), "end": (DAY + HOUR).astimezone(BERLIN), "value": 0.25},
                    {"start": "2026-05-20T01:00:00+02:00", "end": "2026-05-20T02:00:00+02:00", "value": -0.01},
                ],
                "raw_tomorrow": [{"start": None, "end": None, "value": None}],
            },
            id="nord pool",
        ),
        pytest.param(
            {"raw_today": [{"hour": "2026-05-20T00:00:00+02:00", "price": 0.25}, {"hour": "2026-05-20T01:00:00+02:00", "price": -0.01}]},
            id="energi data service",
        ),
        pytest.param(
            {
                "unit_of_measurement": "€/kWh",
                "prices_today": [{"time": "2026-05-20 00:00:00+02:00", "price": 0.25}],
                "prices_tomorrow": [],
                "prices": [{"time": "2026-05-20 00:00:00+02:00", "price": 0.25}, {"time": "2026-05-20 01:00:00+02:00", "price": -0.01}],
            },
            id="entso-e",
        ),
        pytest.param(
            {
                "today": [
                    {"total": 0.25, "startsAt": "2026-05-20T00:00:00.000+02:00", "level": "NORMAL"},
                    {"total": -0.01, "startsAt": "2026-05-20T01:00:00.000+02:00"},
                ],
                "tomorrow": [],
            },
            id="tibber",
        ),
        pytest.param(
            {
                "data": [
                    {"start_time": "2026-05-20T00:00:00+02:00", "end_time": "2026-05-20T01:00:00+02:00", "price_per_kwh": 0.25},
                    {"start_time": "2026-05-20T01:00:00+02:00", "end_time": "2026-05-20T02:00:00+02:00", "price_per_kwh": -0.01},
                ]
            },
            id="epex spot",
        ),
        pytest.param(
            {
                "data": [
                    {"start_time": "2026-05-20T00:00:00+02:00", "end_time": "2026-05-20T01:00:00+02:00", "price_ct_per_kwh": 25},
                    {"start_time": "2026-05-20T01:00:00+02:00", "end_time": "2026-05-20T02:00:00+02:00", "price_eur_per_mwh": -10},
                ]
            },
            id="epex spot of earlier",
        ),
        pytest.param(
            {
                "rates": [
                    {"start": "2026-05-19T23:00:00+01:00", "end": "2026-05-20T00:00:00+01:00", "value_inc_vat": 0.25, "is_capped": False},
                    {"start": "2026-05-20T00:00:00+01:00", "end": "2026-05-20T01:00:00+01:00", "value_inc_vat": -0.01},
                ]
            },
            id="octopus",
        ),
        pytest.param(
            {"prices": [{"time": "2026-05-20 01:00", "price": "-0,01"}, {"time": "2026-05-20 00:00", "price": " 0.25 "}]},
            id="without a zone, as texts, in any order",
        ),
    ],
)
def test_known_lists_are_read(attributes: Mapping[str, object]) -> None:
    assert read(attributes) == TWO_HOURS


@pytest.mark.parametrize(
    ("attributes", "price", "currency"),
    [
        ({"unit_of_measurement": "EUR/MWh"}, 0.02, "EUR"),
        ({"unit_of_measurement": "ct/kWh"}, 0.2, None),
        ({"unit_of_measurement": "p/kWh"}, 0.2, "GBP"),
        ({"unit_of_measurement": "öre/kWh", "currency": "SEK"}, 0.2, "SEK"),
        ({"unit_of_measurement": "SEK/kWh", "price_in_cents": True}, 0.2, "SEK"),
        ({"unit_of_measurement": "c/kWh", "currency": "EUR", "price_in_cents": True}, 0.2, "EUR"),
        ({"unit_of_measurement": "EUR/Wh"}, 20000, "EUR"),
        ({"unit_of_measurement": "kr/kWh"}, 20, None),
        ({"unit_of_measurement": "Kč/kWh"}, 20, "CZK"),
        ({"unit_of_measurement": "$/kWh"}, 20, None),
        ({"unit_of_measurement": " GBP / kWh "}, 20, "GBP"),
        ({"unit_of_measurement": "EUR"}, 20, "EUR"),
        ({}, 20, None),
        ({"unit_of_measurement": 7, "currency": ["EUR"]}, 20, None),
    ],
)
def test_the_unit_says_what_a_number_means(attributes: Mapping[str, object], price: float, currency: str | None) -> None:
    found = read_price_list({**attributes, "data": [{"start": DAY.isoformat(), "price": 20}]}, BERLIN)
    assert [slot.value for slot in found.slots] == [pytest.approx(price)]
    assert (found.currency, found.problem) == (currency, None)


@pytest.mark.parametrize("unit", ["%", "W", "kWh", "EUR/m³", "EUR/kW", "h/kWh"])
def test_what_is_no_price_of_energy_is_not_read(unit: str) -> None:
    found = read_price_list({"unit_of_measurement": unit, "data": [{"start": DAY.isoformat(), "price": 20}]}, BERLIN)
    assert (found.slots, found.problem) == ((), PriceListProblem.UNKNOWN_UNIT)


def test_a_sensor_without_a_list_says_so() -> None:
    assert read_price_list({"unit_of_measurement": "EUR/kWh"}, BERLIN).problem is PriceListProblem.NO_LIST
    assert read_price_list({"today": [0.1, 0.2], "data": "none", "rates": [{"value_inc_vat": 1}]}, BERLIN).slots == ()


def test_gaps_stay_gaps() -> None:
    """A price without an end holds until the next one, or for as long as the others do."""
    quarters = [{"time": f"2026-05-20 {clock}", "price": 1} for clock in ("00:00", "00:15", "00:30", "02:00", "02:15")]
    assert [(start, end) for start, end, _ in read({"prices": quarters})] == [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (2, 2.25), (2.25, 2.5)]


def test_of_two_prices_for_a_time_the_first_one_counts() -> None:
    twice = [{"start": "2026-05-20 00:00", "end": "2026-05-20 03:00", "value": 1}, {"start": "2026-05-20 00:00", "value": 2}]
    assert read({"raw_today": twice, "data": [{"start": "2026-05-20 02:00", "value": 3}]}) == [(0, 2, 1), (2, 3, 3)]


def test_the_hour_that_comes_twice_is_read_twice() -> None:
    """A list without zones has it twice on the night in which the clocks go back."""
    clocks = ("01:00", "02:00", "02:00", "03:00")
    found = read_price_list({"prices": [{"time": f"2026-10-25 {clock}", "price": n} for n, clock in enumerate(clocks)]}, BERLIN)
    assert [(slot.start.hour, slot.value) for slot in found.slots] == [(23, 0), (0, 1), (1, 2), (2, 3)]
    assert {slot.end - slot.start for slot in found.slots} == {HOUR}


def test_the_rates_of_today_and_of_tomorrow_are_joined() -> None:
    """Octopus Energy has an event for each day, and neither says its currency."""
    days = [[{"start": (DAY + n * HOUR).isoformat(), "end": (DAY + (n + 1) * HOUR).isoformat(), "value_inc_vat": n}] for n in (0, 24)]
    lists = [read_price_list({"rates": rates}, BERLIN) for rates in days]
    joined = joined_price_lists([*lists, read_price_list({"unit_of_measurement": "%"}, BERLIN)])
    assert [slot.value for slot in joined.slots] == [0, 24]
    assert (joined.currency, joined.problem) == (None, None)
    assert joined_price_lists([]).problem is PriceListProblem.NO_LIST


texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["EUR/kWh", "ct/kWh", "2026-05-20T00:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "1e999", "nan", "-0.1"]),
)
times = st.datetimes(timezones=st.sampled_from([None, UTC, BERLIN]))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, times)
names = st.sampled_from(["start", "end", "value", "price", "time", "startsAt", "total", "hour", "price_per_kwh", "price_eur_per_mwh"])
entries = st.one_of(scalars, st.dictionaries(names, scalars, max_size=5), st.dictionaries(st.integers(), scalars, max_size=1))
lists = st.sampled_from(["raw_today", "raw_tomorrow", "prices", "today", "data", "unit_of_measurement", "currency", "price_in_cents"])


@given(st.dictionaries(lists, st.one_of(scalars, st.lists(entries, max_size=8)), max_size=6))
@settings(max_examples=examples(2000))
def test_whatever_a_sensor_has_is_read_without_an_error(attributes: dict[str, object]) -> None:
    found = read_price_list(attributes, BERLIN)
    assert (found.problem is None) == bool(found.slots)
    for slot in found.slots:
        assert slot.start.tzinfo is UTC
        assert slot.start < slot.end
        assert -1e400 < slot.value < 1e400
    for slot, following in zip(found.slots, found.slots[1:], strict=False):
        assert slot.end <= following.start
