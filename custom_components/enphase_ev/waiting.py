"""What coordinators share: how their data become known, when something is asked for next, or means something else; waiting; time zones."""

from abc import abstractmethod
import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_point_in_utc_time
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .const import LOGGER
from .enlighten import Account

# How often a coordinator looks whether something is due; looking costs nothing.
TICK = timedelta(minutes=1)
# To subtract from an interval: a look that comes a moment early must not delay by a whole tick what is due.
LEEWAY = timedelta(seconds=5)
_FIRST_MINUTES = timedelta(minutes=2)
# More doublings than this only make the number larger.
_MOST_DOUBLINGS = 8
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass
class Due:
    """When something is asked for next (UTC): at once, unless something else is said."""

    at: datetime = _ALWAYS

    def has_come(self, now: datetime) -> bool:
        """Return whether it is time to ask."""
        return now >= self.at

    def at_once(self) -> None:
        """Ask at the next opportunity."""
        self.at = _ALWAYS

    def no_later_than(self, moment: datetime) -> None:
        """Bring it forward to this moment, unless it comes sooner."""
        self.at = min(self.at, moment)

    def no_earlier_than(self, moment: datetime) -> None:
        """Put it off to this moment, unless it comes later."""
        self.at = max(self.at, moment)


def growing_wait(first: timedelta, failures: int, most: timedelta) -> timedelta:
    """Return how long to wait after so many failures in a row: `first` after one, then twice as long each time, `most` at most."""
    doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(first * (1 << doublings), most)


def is_signed_in_just_now(account: Account) -> bool:
    """Return whether the sign-in was a moment ago: the first requests are for what a person looks at first."""
    signed_in_at = account.state.signed_in_at
    return signed_in_at is not None and timedelta() <= datetime.now(UTC) - signed_in_at < _FIRST_MINUTES


class SnapshotCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """A coordinator whose data are one snapshot, replaced as a whole, and become known in one of two ways."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, first: DataT, *, name: str, update_interval: timedelta) -> None:
        """Begin with `first`, which stands until something is read."""
        super().__init__(hass, LOGGER, config_entry=entry, name=name, update_interval=update_interval)
        self.data = first

    @callback
    def keep_data(self, data: DataT) -> None:
        """Keep what a refresh has read: at its end Home Assistant tells the listeners, once for all that was read."""
        self.data = data

    @callback
    def publish_data(self, data: DataT) -> None:
        """Keep what has become known between two refreshes, and tell the listeners at once; when the next refresh is stays as it is."""
        self.keep_data(data)
        self.async_update_listeners()


class EdgeCoordinator[DataT](SnapshotCoordinator[DataT]):
    """A coordinator whose data say when they mean something else, as a price does: its listeners are told then, not with the next read."""

    _cancel_edge: CALLBACK_TYPE | None = None

    @abstractmethod
    def next_edge(self, now: datetime) -> datetime | None:
        """Return when the data mean something else next; `None` where they say nothing about that."""

    @callback
    def watch_edge(self) -> None:
        """Wait for the next edge of what is known now, and no longer for that of what was known before."""
        self._watch_edge_after(datetime.now(UTC))

    def _watch_edge_after(self, now: datetime) -> None:
        self._forget_edge()
        if (edge := self.next_edge(now)) is not None:
            self._cancel_edge = async_track_point_in_utc_time(self.hass, self._pass_edge, edge)

    @callback
    def _pass_edge(self, edge: datetime) -> None:
        self._cancel_edge = None
        self._watch_edge_after(max(edge, datetime.now(UTC)))
        self.async_update_listeners()

    def _forget_edge(self) -> None:
        if self._cancel_edge is not None:
            self._cancel_edge()
            self._cancel_edge = None

    @override
    async def async_shutdown(self) -> None:
        """Stop, and let go of the timer."""
        self._forget_edge()
        await super().async_shutdown()


async def async_at_once(*jobs: Awaitable[object]) -> None:
    """Do what does not depend on each other at the same time; return when all of it is over.

    Raises:
        Exception: Of the first job that failed; the others have come to their end, too.
    """
    for outcome in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def async_rest(hass: HomeAssistant, seconds: float) -> None:
    """Wait for some seconds."""
    is_over = asyncio.Event()

    @callback
    def end(_now: datetime) -> None:
        is_over.set()

    cancel = async_call_later(hass, seconds, end)
    try:
        await is_over.wait()
    finally:
        cancel()


async def async_zone(name: str) -> tzinfo | None:
    """Return a time zone by its name; `None` also for what can be no name of one, which is looked for as a file."""
    with suppress(ValueError, OSError):
        return await dt_util.async_get_time_zone(name)
    return None
