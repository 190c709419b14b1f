"""Listens for the answers to battery writes over MQTT: a change is confirmed in seconds instead of by a poll.

Source: docs/cloud-api/battery.md §7.

Everything works without it: whatever goes wrong here ends the listening, and nothing else.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import choices
import ssl
from string import ascii_lowercase, digits

import orjson
from yarl import URL

from .broker import Listener, subscribed
from .models.broker_access import AnswerStream
from .parsing import read_mapping

_APP = "https://battery-profile-ui.enphaseenergy.com"
_ANSWERS = {"profile_change_response", "storm_change_response"}


@asynccontextmanager
async def listening(
    stream: AnswerStream, site_id: str, origin: URL, context: Callable[[], ssl.SSLContext]
) -> AsyncIterator[AsyncIterator[str]]:
    """Subscribe, and yield the kinds of the answers that come.

    Raises:
        InvalidResponse: The stream is not one of the cloud's.
        ServiceUnavailable: The connection failed, or was lost.
    """
    name = "".join(choices(ascii_lowercase + digits, k=4))  # noqa: S311 - a name, no secret
    listener = Listener(client_id=f"bp-paho-mqtt-{name}", origin=_APP, suffix="&env=production")
    async with subscribed(stream, listener, site_id=site_id, origin=origin, context=context) as messages:
        yield _answers(messages)


async def _answers(messages: AsyncIterator[bytes]) -> AsyncIterator[str]:
    async for message in messages:
        kind = _kind_of(message)
        if kind in _ANSWERS:
            yield kind


def _kind_of(payload: bytes) -> str | None:
    try:
        kind = read_mapping(orjson.loads(payload)).get("messageType")
    except orjson.JSONDecodeError:
        return None
    return kind if isinstance(kind, str) else None
