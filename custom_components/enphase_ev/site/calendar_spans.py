"""What Home Assistant's calendar can hold of a time: it compares the clock on the wall, which shows an hour twice when it is set back."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from homeassistant.util import dt as dt_util

_SECOND = timedelta(seconds=1)


def calendar_spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield a time as one span, or as two where it would end before it begins by the clock on the wall.

    From 2:55 to 2:10 on the night on which clocks are set back is a quarter of an hour: one event from 2:55 to 2:59:59, and one from 2:00.
    """
    if _on_the_wall(end) >= _on_the_wall(start):
        yield start, end
        return
    change = _change_between(start, end)
    yield start, max(change - _SECOND, start)
    yield change, end


def _on_the_wall(moment: datetime) -> datetime:
    return dt_util.as_local(moment).replace(tzinfo=None)


def _change_between(start: datetime, end: datetime) -> datetime:
    """Return when clocks are set back between two moments (UTC): on a whole minute."""
    before, after = dt_util.as_utc(start), dt_util.as_utc(end)
    offset = dt_util.as_local(start).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if dt_util.as_local(middle).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(second=0, microsecond=0)
