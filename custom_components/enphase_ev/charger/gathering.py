"""Gathers the steps of a number: what a person taps sixteen times goes out once, a moment after the last tap."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

# A tap that comes sooner (s) after the one before belongs to it.
_MOMENT = 1.5
# How long a reload, or the end of Home Assistant, waits for what goes out because of it (s).
_LAST_WORDS = 10.0


@dataclass(eq=False)
class _Step:
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    is_dropped: bool = False

    def drop(self) -> None:
        self.is_dropped = True
        self.is_over.set()


class Steps:
    """The steps of the numbers of one entry, by what they set.

    What was set is sent, also where the script that did it is cancelled meanwhile. When the entry is reloaded or Home Assistant ends, it
    goes out at once.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._waiting: dict[str, _Step] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._async_end))

    async def async_gather[T](self, what: str, send: Callable[[], Awaitable[T]]) -> T | None:
        """Send when no other step of the same has come for a moment, and return the answer; `None` where another has taken its place.

        Raises:
            HomeAssistantError: What `send` raises.
        """
        self.drop(what)
        step = self._waiting[what] = _Step()
        task = self._entry.async_create_background_task(self._hass, self._send(what, step, send), name="Enphase: steps of a number")
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    @callback
    def drop(self, what: str) -> None:
        """Leave out a step that waits: something newer says what holds."""
        if (step := self._waiting.pop(what, None)) is not None:
            step.drop()

    async def async_send_now(self) -> None:
        """Send everything that waits, before nothing can be sent any more."""
        for step in self._waiting.values():
            step.is_over.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_WORDS)

    async def _send[T](self, what: str, step: _Step, send: Callable[[], Awaitable[T]]) -> T | None:
        @callback
        def end(_now: datetime) -> None:
            step.is_over.set()

        cancel = async_call_later(self._hass, _MOMENT, end)
        try:
            await step.is_over.wait()
        finally:
            cancel()
        if step.is_dropped:
            return None
        del self._waiting[what]
        return await send()

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Whoever set it may be gone, and then nobody asks for the error.
            task.exception()

    async def _async_end(self, _event: Event) -> None:
        await self.async_send_now()
