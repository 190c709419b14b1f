"""Listens to the chargers' own topics while a live stream runs, which a person has started (docs/cloud-api/live.md §5).

Nobody has seen chargers send anything there, so nothing depends on it. If one does, its power counts more than any that is derived.
"""

import asyncio
from contextlib import suppress

from homeassistant.core import callback
from homeassistant.util.ssl import get_default_context

from ..const import LOGGER
from ..enlighten import Chargers, EnlightenError, LiveAccess, charger_power
from .coordinator import ChargerCoordinator


class ChargerStreams:
    """The own topics of the chargers of one site."""

    def __init__(self, coordinator: ChargerCoordinator, cloud: Chargers) -> None:
        self._coordinator = coordinator
        self._cloud = cloud
        self._task: asyncio.Task[None] | None = None

    @callback
    def start(self, seconds: float) -> None:
        """Listen for so long, anew where somebody listens already."""
        self.stop()
        hass, entry = self._coordinator.hass, self._coordinator.config_entry
        self._task = entry.async_create_background_task(hass, self._run(seconds), name="Enphase charger: own topics")

    @callback
    def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                try:
                    access = await self._cloud.stream_access()
                except EnlightenError as err:
                    LOGGER.debug("The chargers have no topics of their own: %s", type(err).__name__)
                    return
                await asyncio.gather(*(self._listen(access, serial) for serial in self._coordinator.data))

    async def _listen(self, access: LiveAccess, serial: str) -> None:
        measured, cloud = self._coordinator.measured_power, self._cloud
        origin = cloud.account.transport.url
        try:
            async with charger_power(
                access,
                serial,
                site_id=cloud.site_id,
                origin=origin,
                context=get_default_context,
                take=lambda watts: measured.take_stream(serial, watts),
            ) as lost:
                await anext(lost, None)
        except EnlightenError as err:
            LOGGER.debug("A charger's own topic cannot be listened to: %s", type(err).__name__)
