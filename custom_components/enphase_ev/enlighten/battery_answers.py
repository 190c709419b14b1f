"""Listens for the answers to battery writes over MQTT: a change is confirmed in seconds instead of by a poll.

Source: docs/cloud-api/battery.md §7.

Everything works without it: whatever goes wrong here ends the listening, and nothing else.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
import logging
from random import choices
import re
import ssl
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from yarl import URL

from .exceptions import InvalidResponse, ServiceUnavailable
from .models.home_battery import AnswerStream
from .parsing import read_mapping

if TYPE_CHECKING:
    from aiomqtt import Client

_APP = "https://battery-profile-ui.enphaseenergy.com"
_ANSWERS = {"profile_change_response", "storm_change_response"}
_CLOUD_HOST = re.compile(r"[\w-]+\.iot\.[\w-]+\.amazonaws\.com")
_TIMEOUT = 10.0


def broker_of(stream: AnswerStream, origin: URL) -> URL:
    """Return where to listen: the cloud's own brokers only, or the host of the origin in development.

    The user name of the connection holds a secret, which must go nowhere else.

    Raises:
        InvalidResponse: The cloud names another place.
    """
    endpoint = stream.endpoint or ""
    if origin.scheme == "https" and _CLOUD_HOST.fullmatch(endpoint):
        return URL(f"wss://{endpoint}/mqtt")
    if origin.scheme == "http":
        with suppress(ValueError):
            broker = URL(f"ws://{endpoint}/mqtt")
            if broker.host == origin.host:
                return broker
    raise InvalidResponse("The broker of the answers is not one of the cloud's")


@asynccontextmanager
async def listening(
    stream: AnswerStream, site_id: str, origin: URL, context: Callable[[], ssl.SSLContext]
) -> AsyncIterator[AsyncIterator[str]]:
    """Subscribe, and yield the kinds of the answers that come.

    Raises:
        InvalidResponse: The stream is not one of the cloud's.
        ServiceUnavailable: The connection failed, or was lost.
    """
    # Only sites with answers need it, and it takes a while to import.
    from aiomqtt import Client, MqttError, ProtocolVersion  # noqa: PLC0415

    broker = broker_of(stream, origin)
    if stream.topic is None:
        raise InvalidResponse("The stream of the answers has no topic")
    user = (
        f"?x-amz-customauthorizer-name={stream.authorizer}&{stream.token_key}={stream.token_value}&site-id={site_id}"
        f"&x-amz-customauthorizer-signature={quote(stream.digest or '', safe='')}&env=production"
    )
    client = Client(
        broker.host or "",
        broker.port or 443,
        username=user,
        identifier="bp-paho-mqtt-" + "".join(choices(ascii_lowercase + digits, k=4)),  # noqa: S311 - a name, no secret
        protocol=ProtocolVersion.V311,
        clean_session=True,
        transport="websockets",
        websocket_path=broker.path,
        websocket_headers={"Origin": _APP},
        tls_context=context() if broker.scheme == "wss" else None,
        timeout=_TIMEOUT,
        logger=_SILENT,
    )
    try:
        async with client:
            try:
                await client.subscribe(stream.topic, qos=1)
            except ValueError:
                raise InvalidResponse("The topic of the answers is none that can be subscribed to") from None
            yield _answers(client)
    except (MqttError, OSError) as err:
        raise ServiceUnavailable(f"The answers cannot be listened to ({type(err).__name__})") from None


async def _answers(client: Client) -> AsyncIterator[str]:
    async for message in client.messages:
        kind = _kind_of(message.payload)
        if kind in _ANSWERS:
            yield kind


def _kind_of(payload: object) -> str | None:
    if not isinstance(payload, bytes | bytearray):
        return None
    try:
        kind = read_mapping(orjson.loads(payload)).get("messageType")
    except orjson.JSONDecodeError:
        return None
    return kind if isinstance(kind, str) else None


# The library logs what it connects with, which holds a secret.
_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True
