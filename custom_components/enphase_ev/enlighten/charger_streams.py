"""The own topic of a charger, which tells its power where it speaks: every published probe was silent (docs/cloud-api/live.md §5)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
import ssl
import time

import orjson
from yarl import URL

from .broker import Listener, subscribed
from .models.broker_access import LiveAccess
from .parsing import read_float, read_mapping

_TOPIC = "v1/evse/prod/live-stream/{serial}"
_POWER = "power_W"
# Two connections of the same millisecond need different names.
_numbers = count()


@asynccontextmanager
async def charger_power(
    access: LiveAccess, serial: str, *, site_id: str, origin: URL, context: Callable[[], ssl.SSLContext], take: Callable[[float], None]
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Connect, and hand over the power of a charger in W as often as its topic tells it. What is yielded ends with the connection.

    Raises:
        InvalidResponse: The stream is not one of the cloud's.
        ServiceUnavailable: The connection failed, or was lost.
    """

    def read(message: bytes) -> None:
        try:
            watts = read_float(read_mapping(orjson.loads(message)).get(_POWER))
        except orjson.JSONDecodeError:
            return
        if watts is not None:
            take(watts)

    # It is of the page of the live status, as that of the site.
    listener = Listener(client_id=f"em-paho-mqtt-{int(time.time() * 1000) + next(_numbers)}", origin=str(origin.origin()), qos=0)
    own = replace(access, topic=_TOPIC.format(serial=serial))
    async with subscribed(own, listener, site_id=site_id, origin=origin, context=context, take=read) as lost:
        yield lost
