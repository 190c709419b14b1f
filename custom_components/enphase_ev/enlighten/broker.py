"""The one place that connects to the cloud's brokers: for the battery's answers, and for the live power of a site.

Sources: docs/cloud-api/battery.md §7, docs/cloud-api/live.md §2.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
import logging
import re
import ssl
from typing import TYPE_CHECKING, override
from urllib.parse import quote

from yarl import URL

from .exceptions import InvalidResponse, ServiceUnavailable
from .models.broker_access import BrokerAccess

if TYPE_CHECKING:
    from aiomqtt import Client, Message

_CLOUD_HOST = re.compile(r"[\w-]+\.iot\.[\w-]+\.amazonaws\.com")
# s, for a connection and for each step of it.
_TIMEOUT = 10.0
_PARTING = 1.0
_KEEP_ALIVE = 30
# Honest messages are far smaller, and come one a second at most.
_LARGEST_MESSAGE = 64 * 1024
_MOST_WAITING = 120


type Take = Callable[[bytes], None]


@dataclass(frozen=True, kw_only=True)
class Listener:
    """How one kind of listener introduces itself.

    Attributes:
        client_id: of this connection.
        origin: the page that the cloud expects to listen.
        suffix: what its user name ends in.
        qos: with which quality of service it subscribes.
    """

    client_id: str
    origin: str
    suffix: str = ""
    qos: int = 1


def broker_of(access: BrokerAccess, origin: URL) -> URL:
    """Return where to listen: the cloud's own brokers only, or the host of the origin in development.

    The user name of the connection holds a secret, which must go nowhere else.

    Raises:
        InvalidResponse: The cloud names another place.
    """
    endpoint = access.endpoint or ""
    if origin.scheme == "https" and _CLOUD_HOST.fullmatch(endpoint):
        return URL(f"wss://{endpoint}/mqtt")
    if origin.scheme == "http":
        with suppress(ValueError):
            broker = URL(f"ws://{endpoint}/mqtt")
            if broker.host == origin.host:
                return broker
    raise InvalidResponse("The broker is not one of the cloud's")


@asynccontextmanager
async def subscribed(
    access: BrokerAccess, listener: Listener, *, site_id: str, origin: URL, context: Callable[[], ssl.SSLContext], take: Take | None = None
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Connect and subscribe, and yield the messages of the topic as they come.

    Where `take` is given, it gets them, without a task for each; what is yielded then only ends when the connection is lost.

    Raises:
        InvalidResponse: What the cloud has signed is none of its streams.
        ServiceUnavailable: The connection failed, or was lost.
    """
    from aiomqtt import Client, MqttError, ProtocolVersion  # noqa: PLC0415 - it takes a while

    broker = broker_of(access, origin)
    topic = access.topic
    if topic is None:
        raise InvalidResponse("The stream has no topic")
    client = Client(
        broker.host or "",
        broker.port or 443,
        username=_user_name(access, site_id) + listener.suffix,
        identifier=listener.client_id,
        protocol=ProtocolVersion.V311,
        clean_session=True,
        transport="websockets",
        websocket_path=broker.path,
        websocket_headers={"Origin": listener.origin},
        tls_context=context() if broker.scheme == "wss" else None,
        timeout=_TIMEOUT,
        keepalive=_KEEP_ALIVE,
        max_queued_incoming_messages=_MOST_WAITING,
        queue_type=partial(_Handover, topic, take) if take else None,  # type: ignore[arg-type]  # it is only ever called
        logger=_SILENT,
    )
    try:
        async with _connected(client):
            try:
                await client.subscribe(topic, qos=listener.qos)
            except ValueError:
                raise InvalidResponse("The topic is none that can be subscribed to") from None
            yield _messages(client, topic)
    except (MqttError, OSError) as err:
        raise ServiceUnavailable(f"The broker cannot be listened to ({type(err).__name__})") from None


def _user_name(access: BrokerAccess, site_id: str) -> str:
    return (
        f"?x-amz-customauthorizer-name={access.authorizer}&{access.token_key}={access.token_value}&site-id={site_id}"
        f"&x-amz-customauthorizer-signature={quote(access.digest or '', safe='')}"
    )


@asynccontextmanager
async def _connected(client: Client) -> AsyncIterator[None]:
    """Connect, and hang up afterwards.

    The library breaks when it is stopped while it connects, so that it goes on by itself and is sent away as soon as it is through. It is
    not shielded: what goes wrong in what was shielded and given up is an error in the log.
    """
    from aiomqtt import MqttError  # noqa: PLC0415 - it takes a while

    opening = asyncio.ensure_future(client.__aenter__())
    is_through = False
    try:
        await asyncio.wait([opening], timeout=_TIMEOUT)
        is_through = opening.done()
    finally:
        if not is_through:
            await asyncio.wait([opening], timeout=_PARTING)
            opening.add_done_callback(lambda _: _send_away(client, opening))
    if not is_through:
        raise TimeoutError
    await opening
    try:
        yield
    finally:
        with suppress(MqttError):
            await client.__aexit__(None, None, None)
        ended = client._disconnected  # noqa: SLF001 - an error that nobody has looked at would be logged
        if ended.done() and not ended.cancelled():
            ended.exception()


def _send_away(client: Client, opening: asyncio.Future[Client]) -> None:
    """Hang up a connection that came about when nobody wanted it any more."""
    if opening.cancelled() or opening.exception() is not None:
        return
    leaving = asyncio.ensure_future(client.__aexit__(None, None, None))
    _LEAVING.add(leaving)
    leaving.add_done_callback(_LEAVING.discard)


async def _messages(client: Client, topic: str) -> AsyncIterator[bytes]:
    async for message in client.messages:
        if (payload := _payload(message, topic)) is not None:
            yield payload


def _payload(message: Message, topic: str) -> bytes | None:
    """Return what a message says; `None` where it is of another topic, or far too large."""
    payload = message.payload
    if isinstance(payload, bytes | bytearray) and len(payload) <= _LARGEST_MESSAGE and message.topic.value == topic:
        return bytes(payload)
    return None


class _Handover(asyncio.Queue["Message"]):
    """Hands messages over at once where the library would queue them, which takes a task and two futures each."""

    def __init__(self, topic: str, take: Take, maxsize: int) -> None:
        super().__init__(maxsize)
        self._topic = topic
        self._take = take

    @override
    def put_nowait(self, item: Message) -> None:
        if (payload := _payload(item, self._topic)) is not None:
            self._take(payload)


# Somebody has to hold them until they are done.
_LEAVING: set[asyncio.Future[None]] = set()
# The library logs what it connects with, which holds a secret.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True
