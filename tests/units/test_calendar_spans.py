"""Times as Home Assistant's calendar can hold them, on the nights on which clocks change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from homeassistant.components.calendar import CalendarEvent
from homeassistant.util import dt as dt_util
from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.site.calendar_spans import calendar_spans

BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When it is 3:00 in Amsterdam, and then 2:00."""


@pytest.fixture(autouse=True)
def _in_amsterdam() -> Iterator[None]:
    before = dt_util.get_default_time_zone()
    dt_util.set_default_time_zone(ZoneInfo("Europe/Amsterdam"))
    yield
    dt_util.set_default_time_zone(before)


_SECONDS = st.integers(-3 * 3600, 3 * 3600)


@given(st.sampled_from([BACK, datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 7, 1, 1, tzinfo=UTC)]), _SECONDS, _SECONDS)
def test_the_calendar_takes_every_time_and_nothing_of_it_is_lost(around: datetime, first: int, second: int) -> None:
    start, end = (around + timedelta(seconds=seconds) for seconds in sorted((first, second)))
    spans = list(calendar_spans(start, end))
    for begin, finish in spans:
        CalendarEvent(start=begin, end=finish, summary="Takes it")
    assert (spans[0][0], spans[-1][1]) == (start, end)
    assert all(later[0] - earlier[1] <= timedelta(seconds=1) for earlier, later in pairwise(spans))


def test_a_time_over_the_hour_that_comes_twice_is_two() -> None:
    start, end = BACK - timedelta(minutes=5), BACK + timedelta(minutes=10)
    assert list(calendar_spans(start, end)) == [(start, BACK - timedelta(seconds=1)), (BACK, end)]
    assert list(calendar_spans(start, end + timedelta(hours=1))) == [(start, end + timedelta(hours=1))]
