"""Waiting on Home Assistant's clock and for the first minutes to be over, and the time zones that the cloud names."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .enlighten import Account

_FIRST_MINUTES = timedelta(minutes=2)


def is_signed_in_just_now(account: Account) -> bool:
    """Return whether the sign-in was a moment ago: those minutes belong to what a person looks at first."""
    signed_in_at = account.state.signed_in_at
    return signed_in_at is not None and timedelta() <= datetime.now(UTC) - signed_in_at < _FIRST_MINUTES


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
