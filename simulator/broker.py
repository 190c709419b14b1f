"""The MQTT broker that tells what the gateway has taken over (docs/cloud-api/battery.md §7).

A real broker, behind a websocket of the simulator's own port, that lets in only who keeps to the page.
"""

import asyncio
from collections.abc import Callable, Iterable
import contextlib
from dataclasses import dataclass
import json
import logging
import re
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
from .mqtt import AnswerStream, AnswerStreams

_CLIENT_ID = re.compile(r"bp-paho-mqtt-[0-9A-Za-z]{4}")
_LISTENER = "default"
# How often the gateways are looked at, real seconds: an answer is to arrive within two.
_PULSE_S = 0.1


class StreamGate(BaseAuthPlugin, BaseTopicPlugin):
    """Lets in who has signed a stream, and lets it hear that stream and nothing else."""

    @dataclass
    class Config:
        """What the broker hands to the gate."""

        streams: AnswerStreams

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        # The broker has put a plugin's own configuration where its type says the broker's is.
        config: object = context.config
        if not isinstance(config, self.Config):
            raise TypeError("The gate needs streams")
        self._streams = config.streams

    def _stream(self, session: Session | None) -> AnswerStream | None:
        name = session.username if session else None
        return next((stream for stream in self._streams.live() if stream.user_name == name), None)

    @override
    async def authenticate(self, *, session: Session) -> bool | None:
        known = _CLIENT_ID.fullmatch(session.client_id or "") is not None
        let_in = known and bool(session.clean_session) and session.password is None and self._stream(session) is not None
        self._streams.knocks.append(let_in)
        return let_in

    @override
    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        stream = self._stream(session)
        return action is not Action.PUBLISH and stream is not None and topic == stream.topic

    async def on_broker_client_subscribed(self, *, client_id: str, topic: str, qos: int) -> None:
        """Remember who listens."""
        self._streams.subscriptions.append((topic, qos))


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


class AnswerBroker:
    """Listens to gateways and tells their answers to those who may hear them."""

    def __init__(self, streams: AnswerStreams, batteries: Iterable[Battery]) -> None:
        self._streams = streams
        self._batteries = list(batteries)
        self._taken: list[tuple[str, ChangeKind]] = []
        self._pulse: asyncio.Task[None] | None = None
        config = BrokerConfig(
            listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={f"{StreamGate.__module__}.{StreamGate.__name__}": {"streams": streams}},
        )
        self._broker = Broker(config)
        for battery in self._batteries:
            battery.listeners.append(self._note(battery))

    def _note(self, battery: Battery) -> Callable[[ChangeKind], None]:
        return lambda kind: self._taken.append((battery.site.id, kind))

    async def start(self) -> None:
        """Let listeners in, and look at the gateways."""
        for talkative in ("amqtt", "transitions"):
            logging.getLogger(talkative).setLevel(logging.ERROR)
        await self._broker.start()
        self._pulse = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Send everybody away."""
        if self._pulse is not None:
            self._pulse.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pulse
        await self._broker.shutdown()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Take a listener on, until it leaves."""
        if request.headers.get(hdrs.ORIGIN) != ORIGIN:
            return web.Response(status=403, text="Forbidden")
        if "mqtt" not in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, ""):
            return web.Response(status=400, text="No subprotocol")
        socket = web.WebSocketResponse(protocols=("mqtt",))
        await socket.prepare(request)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        host, port = peer[:2] if peer else ("", 0)
        await self._broker.external_connected(_SocketReader(socket), _SocketWriter(socket, (host, port)), _LISTENER)
        return socket

    async def _beat(self) -> None:
        """Gateways take changes over only when somebody looks."""
        while True:
            for battery in self._batteries:
                battery.catch_up()
            taken, self._taken = self._taken, []
            for site_id, kind in taken:
                data = json.dumps(self._streams.answer(site_id, kind.message_type)).encode()
                for stream in self._streams.live(site_id):
                    await self._broker.internal_message_broadcast(stream.topic, data, qos=1)
            await asyncio.sleep(_PULSE_S)
