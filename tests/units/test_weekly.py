"""Weekly windows as calendar events and back, in any zone, on any day of the year."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from homeassistant.components.calendar import CalendarEvent
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from hypothesis import assume, example, given, strategies as st
import pytest

from custom_components.enphase_ev.weekly import WeeklyWindow, day_of, require_series, rule_of, window_of

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [AMSTERDAM, *(ZoneInfo(name) for name in ("Australia/Melbourne", "America/Los_Angeles", "Pacific/Apia", "Asia/Kathmandu", "UTC"))]

clock_times = st.times().map(lambda moment: moment.replace(second=0, microsecond=0, fold=0))
windows = st.builds(
    WeeklyWindow, clock_times, clock_times, st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))
).filter(lambda window: window.start != window.end)
zones = st.sampled_from(ZONES)
moments = st.integers(0, 2 * 365 * 24).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


@pytest.fixture(autouse=True)
def _home_zone() -> Iterator[None]:
    before = dt_util.get_default_time_zone()
    yield
    dt_util.set_default_time_zone(before)


@given(window=windows, site=zones, home=zones, at=moments)
def test_a_window_comes_back_from_its_event(window: WeeklyWindow, site: ZoneInfo, home: ZoneInfo, at: datetime) -> None:
    dt_util.set_default_time_zone(home)
    start, end = next(window.occurrences(at, at + timedelta(days=15), site))
    # On the day of a change of the clocks an event can start later than usual, and the wall of a house elsewhere can leave out an hour.
    assume((start.time(), end.time()) == (window.start, window.end))
    event = {"dtstart": dt_util.as_local(start), "dtend": dt_util.as_local(end), "rrule": rule_of(window.days, start)}
    assume(timedelta(0) < event["dtend"] - event["dtstart"] < timedelta(days=1))

    assert window_of(event, site) == window


@given(window=windows, site=zones, home=zones, at=moments)
@example(window=WeeklyWindow(time(2, 30), time(3, 0), (7,)), site=AMSTERDAM, home=ZONES[1], at=datetime(2026, 3, 27, tzinfo=UTC))
@example(window=WeeklyWindow(time(10, 45), time(11, 15), (7,)), site=ZONES[1], home=AMSTERDAM, at=datetime(2026, 10, 23, tzinfo=UTC))
def test_every_day_of_the_window_has_its_event(window: WeeklyWindow, site: ZoneInfo, home: ZoneInfo, at: datetime) -> None:
    dt_util.set_default_time_zone(home)
    until = at + timedelta(days=14)

    found = list(window.occurrences(at, until, site))

    for start, end in found:
        CalendarEvent(start=start, end=end, summary="32 A", rrule=rule_of(window.days, start))
        length = end.astimezone(UTC) - start.astimezone(UTC)
        assert timedelta(0) < length <= timedelta(hours=25)
        assert start < until
        assert end > at
        # Clocks go forward by an hour at most where chargers stand.
        assert start.isoweekday() in window.days or start.time() < time(1)
    # Two weeks hold two of each day, one more may have begun before, and one may be lost with an hour that is left out.
    assert 2 * len(window.days) - 1 <= len(found) <= 2 * len(window.days) + 1
    assert len({start.date() for start, _ in found}) == len(found)


def test_an_overnight_window_that_is_open_is_found() -> None:
    window = WeeklyWindow(time(23), time(6), (7,))
    monday_night = datetime(2026, 5, 4, 3, tzinfo=AMSTERDAM)

    assert list(window.occurrences(monday_night, monday_night + timedelta(hours=1), AMSTERDAM)) == [
        (datetime(2026, 5, 3, 23, tzinfo=AMSTERDAM), datetime(2026, 5, 4, 6, tzinfo=AMSTERDAM))
    ]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 6), (date(2026, 3, 27), 7), (date(2026, 10, 24), 8)],
    ids=["clocks go forward", "an ordinary night", "clocks go back"],
)
def test_a_night_is_as_long_as_the_clocks_make_it(day: date, hours: int) -> None:
    window = WeeklyWindow(time(23), time(6), (day.isoweekday(),))
    midday = datetime.combine(day, time(12), AMSTERDAM)

    [(start, end)] = window.occurrences(midday, midday + timedelta(days=1), AMSTERDAM)

    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
    assert (start.hour, end.hour) == (23, 6)


def test_a_window_in_the_hour_that_is_left_out_is_not_open_that_day() -> None:
    window = WeeklyWindow(time(2), time(3), (7,))
    before = datetime(2026, 3, 28, tzinfo=AMSTERDAM)

    assert list(window.occurrences(before, before + timedelta(days=2), AMSTERDAM)) == []


def test_the_day_of_the_week_is_that_of_the_site() -> None:
    # Monday evening in Amsterdam is Tuesday morning in Melbourne.
    monday = datetime(2026, 5, 4, 22, tzinfo=AMSTERDAM)
    event = {"dtstart": monday, "dtend": monday + timedelta(hours=1), "rrule": "FREQ=WEEKLY;BYDAY=MO,SU"}

    window = window_of(event, ZONES[1])

    assert window == WeeklyWindow(time(6), time(7), (1, 2))


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY", (3,)),
        ("FREQ=DAILY", (1, 2, 3, 4, 5, 6, 7)),
        ("FREQ=DAILY;BYDAY=SA,SU", (6, 7)),
        ("RRULE:FREQ=WEEKLY;INTERVAL=1;WKST=SU;BYDAY=FR,MO,FR", (1, 5)),
    ],
)
def test_rules_that_a_week_can_say(rule: str, days: tuple[int, ...]) -> None:
    start = datetime(2026, 5, 6, 20, tzinfo=AMSTERDAM)

    assert window_of({"dtstart": start, "dtend": start + timedelta(hours=2), "rrule": rule}, AMSTERDAM).days == days


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY",
        "FREQ=YEARLY",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=WEEKLY;COUNT=4",
        "FREQ=WEEKLY;UNTIL=20261231",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=DAILY;BYMONTH=6",
    ],
)
def test_rules_that_a_week_cannot_say(rule: str) -> None:
    start = datetime(2026, 5, 6, 20, tzinfo=AMSTERDAM)

    with pytest.raises(ServiceValidationError) as refused:
        window_of({"dtstart": start, "dtend": start + timedelta(hours=2), "rrule": rule}, AMSTERDAM)

    assert refused.value.translation_key == "calendar_not_weekly"


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=1), timedelta(days=3)])
def test_a_window_is_shorter_than_a_day(length: timedelta) -> None:
    start = datetime(2026, 5, 6, 20, tzinfo=AMSTERDAM)

    with pytest.raises(ServiceValidationError) as refused:
        window_of({"dtstart": start, "dtend": start + length}, AMSTERDAM)

    assert refused.value.translation_key == "calendar_not_within_a_day"


def test_whole_days_are_no_window() -> None:
    with pytest.raises(ServiceValidationError):
        window_of({"dtstart": date(2026, 5, 6), "dtend": date(2026, 5, 7)}, AMSTERDAM)


def test_an_event_without_a_rule_has_one_day() -> None:
    start = datetime(2026, 5, 6, 23, 30, tzinfo=AMSTERDAM)
    event = {"dtstart": start, "dtend": start + timedelta(hours=2)}

    assert window_of(event, AMSTERDAM).days == (3,)
    assert day_of(event, AMSTERDAM) == date(2026, 5, 6)
    assert day_of(event, ZoneInfo("Australia/Melbourne")) == date(2026, 5, 7)
    assert day_of({**event, "rrule": "FREQ=WEEKLY"}, AMSTERDAM) is None


def test_a_single_day_cannot_be_changed() -> None:
    require_series(None, None)
    require_series("2026-05-06", "THISANDFUTURE")
    with pytest.raises(ServiceValidationError):
        require_series("2026-05-06", None)
