"""Weekly windows as calendar events, and calendar events as weekly windows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from dateutil.rrule import WEEKLY, rrule
from homeassistant.components.calendar.const import EVENT_END, EVENT_RRULE, EVENT_START
from homeassistant.const import WEEKDAYS
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .enlighten import EVERY_DAY

_DAY_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ONE_DAY = timedelta(days=1)
_THIS_AND_FUTURE = "THISANDFUTURE"


@dataclass(frozen=True)
class WeeklyWindow:
    """A time of day on days of the week (1 = Monday … 7 = Sunday, the day on which it starts), in the site's zone.

    It ends on the next day where the end is not after the start.
    """

    start: time
    end: time
    days: tuple[int, ...]

    def on(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return when it begins on a day, and when it ends."""
        return _moment(day, self.start, zone), _moment(day if self.end > self.start else day + _ONE_DAY, self.end, zone)

    def occurrences(self, first: datetime, last: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield the times at which it is open between two moments, including one that began earlier."""
        for day in days_between(self.days, first.astimezone(zone).date() - _ONE_DAY, last.astimezone(zone).date()):
            start, end = self.on(day, zone)
            # A window within the hour that a change of the clocks leaves out is not open on that day. Home Assistant counts an event by
            # the clock on its wall and takes none that ends before it starts, as one in the hour that comes twice can seem to.
            if start < last and end > first and dt_util.as_local(start) <= dt_util.as_local(end) and start.astimezone(UTC) < end:
                yield start, end


def are_open(windows: Iterable[tuple[WeeklyWindow, tzinfo]], now: datetime) -> tuple[bool, datetime | None]:
    """Return whether one of some windows is open, and when the next one of them begins or ends."""
    times = [times for window, zone in windows for times in window.occurrences(now, now + timedelta(days=8), zone)]
    edges = [edge for times_of_one in times for edge in times_of_one if edge > now]
    return any(start <= now < end for start, end in times), min(edges, default=None)


def _moment(day: date, clock_time: time, zone: tzinfo) -> datetime:
    """Return a time of day on a day; one that is left out when the clocks go forward comes as much later."""
    return datetime.combine(day, clock_time, zone).astimezone(UTC).astimezone(zone)


def day_numbers(names: Iterable[str]) -> tuple[int, ...]:
    """Return days of the week by number, 1 = Monday, from their names as Home Assistant's actions take them."""
    return tuple(sorted(WEEKDAYS.index(name) + 1 for name in set(names)))


def day_names(numbers: Iterable[int]) -> list[JsonValueType]:
    """Return days of the week by the names that Home Assistant's actions take."""
    return [WEEKDAYS[number - 1] for number in numbers]


def days_between(days: tuple[int, ...], first: date, last: date) -> Iterator[date]:
    """Yield the dates from the first to the last that fall on these days of the week."""
    if not days:
        return
    begin = datetime.combine(first, time.min)
    for moment in rrule(WEEKLY, dtstart=begin, until=datetime.combine(last, time.min), byweekday=[day - 1 for day in days]):
        yield moment.date()


def rule_of(days: tuple[int, ...], start: date) -> str:
    """Return the recurrence rule of the event that starts then, in Home Assistant's zone, where it can start on another day."""
    shown = dt_util.as_local(start).date() if isinstance(start, datetime) else start
    own = start.date() if isinstance(start, datetime) else start
    return "FREQ=WEEKLY;BYDAY=" + ",".join(_DAY_CODES[day - 1] for day in _moved(days, shown - own))


def _moved(days: tuple[int, ...], by: timedelta) -> tuple[int, ...]:
    """Return days of the week some days later."""
    return tuple(sorted((day - 1 + by.days) % 7 + 1 for day in days))


def day_of(event: Mapping[str, Any], zone: tzinfo) -> date | None:
    """Return the only day of an event that has no rule, as those of `calendar.create_event`; `None` where it repeats."""
    start = event[EVENT_START]
    return None if event.get(EVENT_RRULE) or not isinstance(start, datetime) else start.astimezone(zone).date()


def window_of(event: Mapping[str, Any], zone: tzinfo) -> WeeklyWindow:
    """Return the weekly window that a calendar event stands for; one that takes place once is on the day of the week of that day.

    Raises:
        ServiceValidationError: The event cannot be a weekly window.
    """
    start, end = event[EVENT_START], event[EVENT_END]
    if not isinstance(start, datetime) or not isinstance(end, datetime) or not timedelta(0) < end - start < _ONE_DAY:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="calendar_not_within_a_day")
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    days: tuple[int, ...] = (local_start.isoweekday(),)
    if rule := event.get(EVENT_RRULE):
        days = _moved(_days_of_rule(rule, start.isoweekday()), local_start.date() - start.date())
    return WeeklyWindow(local_start.time().replace(second=0, microsecond=0), local_end.time().replace(second=0, microsecond=0), days)


def require_series(recurrence_id: str | None, recurrence_range: str | None) -> None:
    """Refuse a change of a single day of a weekly window.

    Raises:
        ServiceValidationError: Only one occurrence is meant.
    """
    if recurrence_id and recurrence_range != _THIS_AND_FUTURE:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="calendar_single_day")


def _days_of_rule(rule: str, weekday: int) -> tuple[int, ...]:
    parts = dict(part.split("=", 1) for part in rule.removeprefix("RRULE:").upper().split(";") if "=" in part)
    frequency = parts.pop("FREQ", "")
    codes = parts.pop("BYDAY", "")
    parts.pop("WKST", None)
    if frequency not in {"WEEKLY", "DAILY"} or parts.pop("INTERVAL", "1") != "1" or parts:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="calendar_not_weekly")
    if not codes:
        return EVERY_DAY if frequency == "DAILY" else (weekday,)
    if not set(codes.split(",")) <= set(_DAY_CODES):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="calendar_not_weekly")
    return tuple(sorted(_DAY_CODES.index(code) + 1 for code in set(codes.split(","))))


_MINUTES_A_DAY = 24 * 60
_MINUTES_A_WEEK = 7 * _MINUTES_A_DAY


def overlap(one: WeeklyWindow, other: WeeklyWindow) -> bool:
    """Return whether two windows are ever open at the same time; an overnight window continues on the next day, Sunday's on Monday."""
    return any(first < last_other and first_other < last for first, last in _spans(one) for first_other, last_other in _spans(other))


def _spans(window: WeeklyWindow) -> Iterator[tuple[int, int]]:
    """Yield the minutes of the week, from Monday's midnight on, between which a window is open."""
    start, end = (moment.hour * 60 + moment.minute for moment in (window.start, window.end))
    length = (end - start) % _MINUTES_A_DAY or _MINUTES_A_DAY
    for day in window.days:
        first = (day - 1) * _MINUTES_A_DAY + start
        last = first + length
        yield first, min(last, _MINUTES_A_WEEK)
        if last > _MINUTES_A_WEEK:
            yield 0, last - _MINUTES_A_WEEK
