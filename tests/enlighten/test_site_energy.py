"""The energy of a site: quarter hours and days (docs/cloud-api/energy.md)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import Channel, ChargedDays, EnergyOfDays, EnergyOfToday, Json

from .cloud import sample

BERLIN = ZoneInfo("Europe/Berlin")
_READINGS = st.lists(st.one_of(st.none(), st.floats(0, 5000)), max_size=100)


def _today(**arrays: Json) -> EnergyOfToday:
    return EnergyOfToday.read({"stats": [{"start_time": 1793923200, "interval_length": 900, **arrays}]})


def _sums(today: EnergyOfToday) -> dict[Channel, float]:
    days = today.by_day(UTC)
    assert len(days) <= 1
    return dict(next(iter(days.values()), {}))


def test_the_sample_of_today() -> None:
    today = EnergyOfToday.read(sample("energy_today"))
    assert today.started_at == datetime(2026, 11, 6, tzinfo=UTC)
    assert (today.bucket, today.is_all_zero) == (timedelta(minutes=15), False)
    assert _sums(today) == {
        Channel.SOLAR_PRODUCTION: 152,
        Channel.HOUSE_CONSUMPTION: 345,
        Channel.GRID_IMPORT: 135,
        Channel.GRID_EXPORT: 35,
        Channel.BATTERY_CHARGED: 55,
        Channel.BATTERY_DISCHARGED: 148,
        Channel.EV_CHARGING: 90,
    }


def test_totals_are_nothing_to_go_by() -> None:
    assert _sums(_today(production=[1, 2], totals={"production": 99999})) == {Channel.SOLAR_PRODUCTION: 3}


def test_what_goes_to_the_grid_comes_from_three_sources() -> None:
    flows = {"solar_grid": [10, None, 5], "battery_grid": [None, 4, 1], "generator_grid": [2, 0]}
    assert _sums(_today(**flows, export=[10, 0, 5]))[Channel.GRID_EXPORT] == 22
    assert _sums(_today(solar_grid=None, battery_grid=[None], export=[7, 8]))[Channel.GRID_EXPORT] == 15


@pytest.mark.parametrize("absent", [None, [], [None, None], "", {"0": 5}, 7])
def test_a_channel_that_the_site_lacks_is_not_there(absent: Json) -> None:
    assert Channel.BATTERY_CHARGED not in _today(production=[1], charge=absent).buckets


def test_an_empty_bucket_is_no_zero() -> None:
    assert _today(production=[1, None, -5, "2"]).buckets[Channel.SOLAR_PRODUCTION] == [1, None, None, 2]


@pytest.mark.parametrize("body", [None, [], {}, {"stats": None}, {"stats": [None]}, {"stats": [{"start_time": "soon"}]}, "<html>"])
def test_what_says_nothing_says_nothing(body: Json) -> None:
    today = EnergyOfToday.read(body)
    assert (dict(today.by_day(BERLIN)), today.is_all_zero) == ({}, True)
    assert list(EnergyOfDays.read(body).by_day()) == []


@pytest.mark.parametrize("quarters", [92, 96], ids=["by the hours", "by the clock on the wall"])
def test_a_day_of_23_hours(quarters: int) -> None:
    midnight = datetime(2026, 3, 29, tzinfo=BERLIN)
    record: Json = {"start_time": int(midnight.timestamp()), "interval_length": 900, "production": [1] * quarters}
    found = EnergyOfToday.read({"stats": [record]}).by_day(BERLIN)
    assert found == {date(2026, 3, 29): {Channel.SOLAR_PRODUCTION: quarters}}


@pytest.mark.parametrize(("quarters", "today"), [(96, 96), (100, 100), (104, 100)])
def test_a_day_of_25_hours(quarters: int, today: int) -> None:
    """What begins after the next midnight is another day's."""
    midnight = datetime(2026, 10, 25, tzinfo=BERLIN)
    record: Json = {"start_time": int(midnight.timestamp()), "interval_length": 900, "production": [1] * quarters}
    found = EnergyOfToday.read({"stats": [record]}).by_day(BERLIN)
    assert found[date(2026, 10, 25)][Channel.SOLAR_PRODUCTION] == today
    assert sum(day[Channel.SOLAR_PRODUCTION] for day in found.values()) == quarters


def test_another_length_of_a_bucket_counts() -> None:
    midnight = int(datetime(2026, 6, 1, tzinfo=BERLIN).timestamp())
    found = EnergyOfToday.read({"stats": [{"start_time": midnight, "interval_length": "3600", "import": [2] * 25}]}).by_day(BERLIN)
    assert found[date(2026, 6, 1)][Channel.GRID_IMPORT] == 48


@given(values=_READINGS, offset=st.integers(0, 86400))
def test_nothing_gets_lost_between_the_days(values: list[float | None], offset: int) -> None:
    record: Json = {"start_time": 1793923200 + offset, "consumption": [*values]}
    found = EnergyOfToday.read({"stats": [record]}).by_day(BERLIN)
    counted = sum(day.get(Channel.HOUSE_CONSUMPTION, 0.0) for day in found.values())
    assert counted == pytest.approx(sum(value for value in values if value is not None))


# All days


def test_all_days_are_counted_from_the_first() -> None:
    body: Json = {
        "start_date": "2026-10-24",
        "production": [1000, None, 3000],
        "solar_grid": [1, 2],
        "battery_grid": [1, None, 5],
        "evse": None,
    }
    assert list(EnergyOfDays.read(body).by_day()) == [
        (date(2026, 10, 24), {Channel.SOLAR_PRODUCTION: 1000, Channel.GRID_EXPORT: 2}),
        (date(2026, 10, 25), {Channel.GRID_EXPORT: 2}),
        (date(2026, 10, 26), {Channel.SOLAR_PRODUCTION: 3000, Channel.GRID_EXPORT: 5}),
    ]


@pytest.mark.parametrize("first", ["2026-10-24T00:00:00+02:00", 1792800000, "1792800000"])
def test_the_first_day_comes_in_many_forms(first: Json) -> None:
    assert EnergyOfDays.read({"start_date": first, "production": [1]}).first_day == date(2026, 10, 24)


@pytest.mark.parametrize("first", [None, "soon", [], "2026-13-01"])
def test_without_a_first_day_nothing_is_known_of_when(first: Json) -> None:
    assert list(EnergyOfDays.read({"start_date": first, "production": [1]}).by_day()) == []


def test_what_the_chargers_have_counted_by_day() -> None:
    days = list(ChargedDays.read(sample("evse_lifetime")).by_day())
    assert days == [(date(2025, 8, 11), 11882.44), (date(2025, 8, 12), 17529.02), (date(2025, 8, 16), 9350.11)]
