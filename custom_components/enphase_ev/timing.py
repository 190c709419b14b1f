"""Waiting on Home Assistant's clock."""

import asyncio

from homeassistant.core import HomeAssistant
from homeassistant.helpers.event import async_call_later


async def async_rest(hass: HomeAssistant, seconds: float) -> None:
    """Wait for some seconds."""
    is_over = asyncio.Event()
    cancel = async_call_later(hass, seconds, lambda _: is_over.set())
    try:
        await is_over.wait()
    finally:
        cancel()
