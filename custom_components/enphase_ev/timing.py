"""Waiting on Home Assistant's clock, and the time zones that the cloud names."""

import asyncio
from contextlib import suppress
from datetime import datetime, tzinfo

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util


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
