"""Waits for the answer of the gateway to a change of the battery, where the site has such answers (docs/cloud-api/battery.md §7)."""

import asyncio
from contextlib import suppress

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util.ssl import get_default_context

from ..const import LOGGER
from ..enlighten import Batteries, EnlightenError
from ..enlighten.battery_answers import listening

# s. How long a change waits at most until its answer is listened for: then it is sent all the same.
_READY_WITHIN = 5.0


class AnswerWatch:
    """Listens for the answers to one change, from before it is sent until nobody needs them any more."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, client: Batteries) -> None:
        self._arrived = asyncio.Event()
        self._client = client
        self._is_ready = asyncio.Event()
        self._hass = hass
        self._entry = entry
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; return when that works, or as soon as it is clear that it does not."""
        self._task = self._entry.async_create_background_task(self._hass, self._listen(), name="Enphase battery: answers")
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_WITHIN):
                await self._is_ready.wait()

    async def next(self) -> None:
        """Wait for the next answer, or return at once where one has come since the last."""
        await self._arrived.wait()
        self._arrived.clear()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self) -> None:
        try:
            stream = await self._client.answer_stream()
            origin = self._client.account.transport.url
            async with listening(stream, self._client.site_id, origin, get_default_context) as answers:
                self._is_ready.set()
                async for _ in answers:
                    self._arrived.set()
        except EnlightenError as err:
            LOGGER.debug("The battery's answers cannot be listened to: %s", type(err).__name__)
        finally:
            self._is_ready.set()
