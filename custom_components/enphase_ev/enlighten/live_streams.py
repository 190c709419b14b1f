"""The live stream of one site: whether it has one, what is signed for it, and its frames (docs/cloud-api/live.md)."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
import ssl
import time

from yarl import URL

from .account import Account
from .broker import Listener, subscribed
from .exceptions import InvalidResponse, RequestRejected
from .models.broker_access import LiveAccess
from .models.live_power import GridRelay, LiveFrame, LivePower
from .parsing import Json, first_of, read_bool, read_mapping, read_serial
from .transport import Family, Request

_GATEWAY = "envoy"
# What stands under these is about gateways.
_ABOUT_GATEWAYS = {_GATEWAY, "envoys", "connectiondetails"}
# Two connections of the same millisecond need different names.
_numbers = count()


class LiveStreams:
    """Asks for what a live stream needs."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    async def is_offered(self) -> bool:
        """Return whether the site has a live stream (docs/cloud-api/live.md §1)."""
        answer = read_mapping(await self._read(f"/app-api/{self.site_id}/show_livestream"))
        return read_bool(answer.get("live_status")) is True

    async def gateway_serial(self) -> str | None:
        """Return the serial number of the site's gateway, for sites whose chargers do not name it (docs/cloud-api/live.md §1)."""
        for path in (f"/pv/systems/{self.site_id}/today", f"/app-api/{self.site_id}/devices.json"):
            try:
                answer = await self._read(path)
            except RequestRejected:
                # Not every site has both.
                continue
            if (serial := next(_serials_of_gateways(answer), None)) is not None:
                return serial
        return None

    async def access(self, gateway_serial: str) -> LiveAccess:
        """Return what the cloud signs for the stream of a gateway (docs/cloud-api/live.md §1); each costs one request.

        Raises:
            RequestRejected: 472 where the site cannot, 400 where the number is not that of a gateway.
            InvalidResponse: The answer names no topic.
        """
        answer = await self._read(f"/pv/aws_sigv4/livestream.json?serial_num={gateway_serial}")
        access = LiveAccess.from_dict(read_mapping(answer))
        if access.topic is None:
            raise InvalidResponse("The stream has no topic")
        return access

    async def is_off_grid(self) -> bool | None:
        """Return whether the home is off the grid now (docs/cloud-api/events.md §2); `None` where the cloud does not say."""
        answer = read_mapping(await self._read(f"/app-api/{self.site_id}/off_grid_due_to_grid_outage"))
        return read_bool(answer.get("show_grid_connect"))

    async def _read(self, path: str) -> Json:
        return await self.account.request(Request(family=Family.LIVE_POWER, path=path, is_optional=True), site_id=self.site_id)


@asynccontextmanager
async def live_frames(
    access: LiveAccess,
    *,
    site_id: str,
    origin: URL,
    context: Callable[[], ssl.SSLContext],
    is_wanted: Callable[[GridRelay | None], bool],
    take: Callable[[LivePower | None], None],
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Connect, and hand over the frames, of which one comes a second (docs/cloud-api/live.md §2); `None` for one that makes no sense.

    Of every frame `is_wanted` is asked, by the state of the relay: one that is not wanted is not read further, which is most of the work.
    What is yielded ends when the connection is lost.

    Raises:
        InvalidResponse: The stream is not one of the cloud's.
        ServiceUnavailable: The connection failed, or was lost.
    """
    name = f"em-paho-mqtt-{int(time.time() * 1000) + next(_numbers)}"
    # A frame that is lost is followed by the next one: nobody has to acknowledge each.
    listener = Listener(client_id=name, origin=str(origin.origin()), qos=0)

    def read(message: bytes) -> None:
        try:
            frame = LiveFrame(message)
            if not is_wanted(frame.grid_relay):
                return
            power = frame.read()
        except InvalidResponse:
            take(None)
        else:
            take(power)

    async with subscribed(access, listener, site_id=site_id, origin=origin, context=context, take=read) as lost:
        yield lost


def _serials_of_gateways(devices: Json) -> Iterator[str]:
    """Yield the serial numbers of the entries that are about a gateway, wherever in the list they stand."""
    waiting: deque[tuple[Json, bool]] = deque([(devices, False)])
    while waiting:
        value, is_gateway = waiting.popleft()
        if isinstance(value, list):
            waiting += [(one, is_gateway) for one in value]
        elif isinstance(value, dict):
            is_one = is_gateway or any(value.get(key) == _GATEWAY for key in ("type", "device_type", "deviceType"))
            serial = read_serial(first_of(value, "serial_num", "serial_number", "serialNumber", "sn")) if is_one else None
            if serial is not None:
                yield serial
            waiting += [(one, is_one or key.lower() in _ABOUT_GATEWAYS) for key, one in value.items()]
