"""Waiting on Home Assistant's clock."""

import asyncio
from datetime import datetime

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_call_later


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
