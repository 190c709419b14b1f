"""The MQTT broker that tells what gateways take over and houses do (docs/cloud-api/battery.md §7, docs/cloud-api/live.md).

A real broker, behind a websocket of the simulator's own port, that lets in only who keeps to the page.
"""

import asyncio
from collections.abc import Callable, Iterable
import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
import json
import logging
from ssl import SSLObject
from typing import override

from aiohttp import WSMsgType, hdrs, web
from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext, BrokerConfig, ListenerConfig, ListenerType
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from .battery.battery import Battery
from .battery.changes import ChangeKind
from .battery.guard import ORIGIN
from .house.live_frame import varint
from .live import Door, LiveStreams, StreamEnd
from .mqtt import AnswerStreams, SignedStream

ENLIGHTEN = "https://enlighten.enphaseenergy.com"
_LISTENER = "default"
# How often the gateways are looked at, real seconds: an answer is to arrive within two.
_PULSE_S = 0.1
# How long a broker that does not answer keeps a connection, real seconds.
_MUTE_S = 60.0
_PUBLISH = 0x30


@dataclass
class Visitor:
    """Somebody at the websocket."""

    socket: web.WebSocketResponse
    origin: str
    stream: SignedStream | None = None
    """What it was let in to."""
    is_live: bool = False
    """It is a live stream, and no answers."""
    listens: bool = False
    """It has subscribed."""
    frames: int = 0
    """Frames that it got."""


# Whose connection the broker works on.
_VISITOR: ContextVar[Visitor] = ContextVar("visitor")


class StreamGate(BaseAuthPlugin, BaseTopicPlugin):
    """Lets in who has signed a stream, and lets it hear that stream and nothing else."""

    @dataclass
    class Config:
        """What the broker hands to the gate."""

        answers: AnswerStreams
        live: LiveStreams

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        # The broker has put a plugin's own configuration where its type says the broker's is.
        config: object = context.config
        if not isinstance(config, self.Config):
            raise TypeError("The gate needs streams")
        self._answers, self._live = config.answers, config.live

    @override
    async def authenticate(self, *, session: Session) -> bool | None:
        visitor = _VISITOR.get()
        client_id, user_name = session.client_id or "", session.username or ""
        visitor.is_live = client_id.startswith("em-")
        book = self._live if visitor.is_live else self._answers
        polite = bool(session.clean_session) and session.password is None and (visitor.origin == ORIGIN) is not visitor.is_live
        visitor.stream = book.find(client_id, user_name) if polite else None
        book.knocks.append(visitor.stream is not None)
        return visitor.stream is not None

    @override
    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        if action is Action.RECEIVE:
            return True
        stream = _VISITOR.get().stream
        return action is not Action.PUBLISH and stream is not None and stream.allows(topic)

    async def on_broker_client_subscribed(self, *, client_id: str, topic: str, qos: int) -> None:
        """Remember who listens."""
        visitor = _VISITOR.get()
        visitor.listens = True
        (self._live if visitor.is_live else self._answers).subscriptions.append((topic, qos))


class _SocketReader(ReaderAdapter):
    """Bytes from a websocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._buffer = bytearray()

    @override
    async def read(self, n: int = -1) -> bytes:
        while len(self._buffer) < n:
            message = await self._socket.receive()
            if message.type is not WSMsgType.BINARY:
                break
            self._buffer.extend(message.data)
        taken = bytes(self._buffer[:n])
        del self._buffer[: len(taken)]
        return taken

    @override
    def feed_eof(self) -> None:
        self._buffer.clear()


class _SocketWriter(WriterAdapter):
    """Bytes to a websocket, one message a drain."""

    def __init__(self, socket: web.WebSocketResponse, peer: tuple[str, int]) -> None:
        self._socket = socket
        self._peer = peer
        self._buffer = bytearray()

    @override
    def write(self, data: bytes) -> None:
        self._buffer.extend(data)

    @override
    async def drain(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        if data and not self._socket.closed:
            await self._socket.send_bytes(data)

    @override
    def get_peer_info(self) -> tuple[str, int] | None:
        return self._peer

    @override
    def get_ssl_info(self) -> SSLObject | None:
        return None

    @override
    async def close(self) -> None:
        await self._socket.close()


class StreamBroker:
    """Listens to gateways and houses, and tells what they say to those who may hear it."""

    def __init__(self, answers: AnswerStreams, live: LiveStreams, batteries: Iterable[Battery]) -> None:
        self._answers, self._live = answers, live
        self._batteries = list(batteries)
        self._taken: list[tuple[str, ChangeKind]] = []
        self._pulses: list[asyncio.Task[None]] = []
        self._visitors: list[Visitor] = []
        config = BrokerConfig(
            listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={f"{StreamGate.__module__}.{StreamGate.__name__}": {"answers": answers, "live": live}},
        )
        self._broker = Broker(config)
        for battery in self._batteries:
            battery.listeners.append(self._note(battery))

    def _note(self, battery: Battery) -> Callable[[ChangeKind], None]:
        return lambda kind: self._taken.append((battery.site.id, kind))

    @property
    def listeners(self) -> int:
        """How many listen to a house now."""
        return sum(visitor.is_live and visitor.listens and not visitor.socket.closed for visitor in self._visitors)

    async def start(self) -> None:
        """Let listeners in, and look at gateways and houses."""
        for talkative in ("amqtt", "transitions"):
            logging.getLogger(talkative).setLevel(logging.ERROR)
        await self._broker.start()
        self._pulses = [asyncio.create_task(self._tell_answers()), asyncio.create_task(self._tell_power())]

    async def stop(self) -> None:
        """Send everybody away."""
        for pulse in self._pulses:
            pulse.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pulse
        await self._broker.shutdown()

    async def hang_up(self) -> None:
        """Close every connection without a word."""
        for visitor in list(self._visitors):
            await visitor.socket.close()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Take a listener on, until it leaves."""
        origin, door = request.headers.get(hdrs.ORIGIN, ""), self._live.switches.door
        if door is Door.CLOSED:
            return web.Response(status=503)
        if origin not in {ORIGIN, ENLIGHTEN, str(request.url.origin())}:
            return web.Response(status=403, text="Forbidden")
        if "mqtt" not in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, ""):
            return web.Response(status=400, text="No subprotocol")
        socket = web.WebSocketResponse(protocols=("mqtt",))
        await socket.prepare(request)
        visitor = Visitor(socket, origin)
        self._visitors.append(visitor)
        try:
            await self._attend(request, visitor, door)
        finally:
            self._visitors.remove(visitor)
        return socket

    async def _attend(self, request: web.Request, visitor: Visitor, door: Door) -> None:
        socket = visitor.socket
        if door is Door.OTHER_PROTOCOL:
            await socket.send_bytes(b"HTTP/1.1 200 OK\r\n\r\n")
        if door is not Door.OPEN:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MUTE_S):
                    while not (await socket.receive()).type.value >= WSMsgType.CLOSE:
                        pass
            return
        _VISITOR.set(visitor)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        host, port = peer[:2] if peer else ("", 0)
        await self._broker.external_connected(_SocketReader(socket), _SocketWriter(socket, (host, port)), _LISTENER)

    async def _tell_answers(self) -> None:
        """Gateways take changes over only when somebody looks."""
        while True:
            for battery in self._batteries:
                battery.catch_up()
            taken, self._taken = self._taken, []
            for site_id, kind in taken:
                data = json.dumps(self._answers.answer(site_id, kind.message_type)).encode()
                for stream in self._answers.live(site_id):
                    await self._broker.internal_message_broadcast(stream.topic, data, qos=1)
            await asyncio.sleep(_PULSE_S)

    async def _tell_power(self) -> None:
        """A frame to everybody who listens to a house, once a second."""
        while True:
            for visitor in [one for one in self._visitors if one.is_live and one.listens and not one.socket.closed]:
                with contextlib.suppress(ConnectionError):
                    await self._send_frame(visitor)
            await asyncio.sleep(self._live.switches.rhythm_s)

    async def _send_frame(self, visitor: Visitor) -> None:
        live, stream, switches = self._live, visitor.stream, self._live.switches
        if stream is None:
            return
        if live.is_over(stream):
            if switches.end is StreamEnd.HANG_UP:
                await visitor.socket.close()
            return
        if switches.hang_up_after is not None and visitor.frames >= switches.hang_up_after:
            await visitor.socket.close()
            return
        for topic, data in live.messages(stream):
            visitor.frames += 1
            live.frames_sent += 1
            await visitor.socket.send_bytes(publish_packet(topic, data))


def publish_packet(topic: str, data: bytes) -> bytes:
    """A PUBLISH of MQTT 3.1.1 with QoS 0; sent past the broker, which would drop a topic that nobody has subscribed to."""
    name = topic.encode()
    body = len(name).to_bytes(2) + name + data
    # MQTT writes lengths as protobuf writes numbers.
    return bytes([_PUBLISH]) + varint(len(body)) + body
