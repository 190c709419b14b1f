"""Listens to the live stream of a site for as long as that is wanted: renews it before it runs out, and comes back when it broke off.

Source: docs/cloud-api/live.md §2.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util.ssl import get_default_context

from ..const import LOGGER
from ..enlighten import (
    AuthError,
    EnlightenError,
    GridRelay,
    LiveAccess,
    LivePower,
    LiveStreams,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    live_frames,
)
from ..waiting import async_rest

# s. A stream of 900 s is renewed at 840 s; one that says that it lives for less, after most of it.
_RENEWED_BEFORE_END = 60.0
_DEAD_AFTER = 10.0
_AGAIN_AFTER = 30.0
_AGAIN_AFTER_AT_MOST = 900.0
# A stream that has lasted this long worked: the next failure counts as the first again.
_STABLE_AFTER = 120.0
_ONCE_A_DAY = timedelta(days=1)
# Statuses that mean that there is no stream (docs/cloud-api/live.md §1).
_NO_STREAM = {400, 404, 472}


class _NoStreamError(Exception):
    """No gateway of the site has a live stream."""


async def async_hear(lost: AsyncIterator[bytes], heard_at: Callable[[], float]) -> None:
    """Wait until the connection is lost, or there was no frame for too long.

    Raises:
        ServiceUnavailable: One of the two has happened.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.ensure_future(anext(lost, None))
    try:
        while not ended.done():
            left = heard_at() + _DEAD_AFTER - loop.time()
            if left <= 0:
                raise ServiceUnavailable("No frame has come")
            await asyncio.wait([ended], timeout=left)
        await ended
    finally:
        ended.cancel()


async def async_until_over(tasks: Iterable[asyncio.Future[None]], seconds: float | None) -> None:
    """Wait until one of the tasks is done, or for some seconds."""
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


class _Connection:
    """One connection to the broker."""

    def __init__(self, stream: LiveStream, access: LiveAccess, renewed_in: float) -> None:
        self.renewed_in = renewed_in
        self._stream = stream
        self._access = access
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        self._heard: asyncio.Future[None] = self._loop.create_future()
        self.task = stream.create_task(self._listen())

    async def opened(self) -> None:
        """Wait for the first frame.

        Raises:
            EnlightenError: None came.
        """
        await async_until_over((self.task, self._heard), None)
        if self.task.done():
            await self.task

    async def close(self) -> None:
        """Hang up."""
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            # The connection is over: errors of closing it do not matter.
            self.task.exception()

    async def _listen(self) -> None:
        client = self._stream.client
        origin = client.account.transport.url
        async with live_frames(
            self._access,
            site_id=client.site_id,
            origin=origin,
            context=get_default_context,
            is_wanted=self._is_wanted,
            take=self._take,
        ) as lost:
            self._heard_at = self._loop.time()
            await async_hear(lost, lambda: self._heard_at)
            raise ServiceUnavailable("The stream has ended")

    def _is_wanted(self, relay: GridRelay | None) -> bool:
        self._note_frame()
        return self._stream.is_wanted(relay)

    def _take(self, power: LivePower | None) -> None:
        self._note_frame()
        self._stream.take(power)

    def _note_frame(self) -> None:
        self._heard_at = self._loop.time()
        if not self._heard.done():
            self._heard.set_result(None)


class LiveStream:
    """The stream of one site.

    `known_gateways` returns the serial numbers of gateways that are known without a request. `is_wanted` is asked about every frame, by the
    state of the relay, and `on_frame` gets those that are.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: LiveStreams,
        *,
        known_gateways: Callable[[], Iterable[str]],
        is_wanted: Callable[[GridRelay | None], bool],
        on_frame: Callable[[LivePower], None],
        on_access: Callable[[LiveAccess], None],
    ) -> None:
        self.client = client
        self.is_offered: bool | None = None
        self._hass = hass
        self._entry = entry
        self._known_gateways = known_gateways
        self._is_wanted = is_wanted
        self._on_frame = on_frame
        self._on_access = on_access
        self._task: asyncio.Task[None] | None = None
        self._gateway: str | None = None
        self._offer_due = datetime.now(UTC)
        self._access: LiveAccess | None = None
        self._renewal_due = datetime.now(UTC)
        self._silent_since: datetime | None = None
        self._is_down = False
        self._is_nonsense = False

    # --- From outside ---

    @property
    def is_running(self) -> bool:
        """Return whether somebody listens, or tries to."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to listen, where nobody does."""
        if not self.is_running:
            self._task = self._entry.async_create_background_task(self._hass, self._run(), name="Enphase live power")

    def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def create_task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do something in the background until the listening, which ends with the entry, ends it."""
        return self._hass.async_create_background_task(work, name="Enphase live power: connection")

    def is_wanted(self, relay: GridRelay | None) -> bool:
        """Return whether a frame is to be read whole, also to see whether frames make sense again."""
        return self._is_nonsense or self._silent_since is not None or self._is_wanted(relay)

    def take(self, power: LivePower | None) -> None:
        """Take in a frame; `None` is one that makes no sense, of which the first is logged."""
        if power is None:
            if not self._is_nonsense:
                self._is_nonsense = True
                LOGGER.warning("The live stream sends frames that make no sense")
            return
        if self._is_nonsense:
            self._is_nonsense = False
            LOGGER.info("The frames of the live stream make sense again")
        self._silent_since = None
        if self._is_down:
            self._is_down = False
            LOGGER.info("The live stream is back")
        self._on_frame(power)

    # --- Listening ---

    async def _run(self) -> None:
        failures = 0
        while True:
            began = self._hass.loop.time()
            wait = _AGAIN_AFTER_AT_MOST
            try:
                if await self._offered():
                    await self._listen()
            except _NoStreamError:
                LOGGER.debug("No gateway of the site has a live stream")
                self.is_offered, self._gateway = False, None
            except RateLimited as err:
                wait = max(err.retry_after or 0.0, _AGAIN_AFTER_AT_MOST)
                self._note_outage(err)
            except AuthError as err:
                # A session that has ended is noticed by the polls, which ask a person to sign in.
                self._note_outage(err)
            except EnlightenError as err:
                failures = 1 if self._hass.loop.time() - began > _STABLE_AFTER else failures + 1
                wait = min(_AGAIN_AFTER * 2 ** min(failures - 1, 8), _AGAIN_AFTER_AT_MOST)
                self._note_outage(err)
            await async_rest(self._hass, wait)

    async def _offered(self) -> bool:
        """Return whether the site has a stream, which is asked once a day."""
        now = datetime.now(UTC)
        if now >= self._offer_due:
            try:
                self.is_offered = await self.client.is_offered()
            except RequestRejected as err:
                if err.status not in _NO_STREAM:
                    raise
                self.is_offered = False
            self._offer_due = now + _ONCE_A_DAY
        return self.is_offered is True

    async def _listen(self) -> None:
        """Listen without a gap, until the stream breaks off.

        Raises:
            EnlightenError: It broke off, and why.
        """
        connection = await self._connect()
        try:
            while True:
                await async_until_over((connection.task,), connection.renewed_in)
                if connection.task.done():
                    # Raises what it was broken off by.
                    await connection.task
                    return
                # The credentials run out soon: connect anew with others.
                self._access = None
                try:
                    successor = await self._connect()
                except EnlightenError as err:
                    LOGGER.debug("The live stream could not be renewed: %s", type(err).__name__)
                    connection.renewed_in = _AGAIN_AFTER
                    continue
                old, connection = connection, successor
                await old.close()
        finally:
            await connection.close()

    async def _connect(self) -> _Connection:
        """Connect, and wait for the first frame.

        Raises:
            EnlightenError: There are no credentials, no connection, or no frame.
            _NoStreamError: No gateway of the site has a stream.
        """
        now = datetime.now(UTC)
        if self._access is None or now >= self._renewal_due:
            self._access = await self._new_access()
            lives_for = self._access.lives_for
            self._renewal_due = now + timedelta(seconds=max(lives_for - _RENEWED_BEFORE_END, lives_for / 2))
            self._on_access(self._access)
        connection = _Connection(self, self._access, (self._renewal_due - now).total_seconds())
        is_open = False
        try:
            await connection.opened()
            is_open = True
        finally:
            if not is_open:
                # Credentials with which the broker lets nobody in are not used again.
                self._access = None
                await connection.close()
        return connection

    async def _new_access(self) -> LiveAccess:
        """Return new credentials, for the first gateway that the cloud knows a stream of."""
        tried: set[str] = set()
        gateway = self._gateway
        for candidate in [gateway] if gateway else self._known_gateways():
            if candidate not in tried:
                tried.add(candidate)
                if (access := await self._access_of(candidate)) is not None:
                    return access
        listed = await self.client.gateway_serial()
        access = await self._access_of(listed) if listed and listed not in tried else None
        if access is None:
            raise _NoStreamError
        return access

    async def _access_of(self, gateway: str) -> LiveAccess | None:
        try:
            access = await self.client.access(gateway)
        except RequestRejected as err:
            if err.status not in _NO_STREAM:
                raise
            LOGGER.debug("A gateway has no live stream: %s", err.status)
            return None
        self._gateway = gateway
        return access

    def _note_outage(self, err: EnlightenError) -> None:
        self._silent_since = self._silent_since or datetime.now(UTC)
        # While nothing of the account answers, that the cloud is gone is said elsewhere.
        if not self._is_down and self.client.account.answered_at > self._silent_since:
            self._is_down = True
            LOGGER.warning("The live stream does not answer: %s", err)
