"""A client of the live stream that knows nothing but docs/cloud-api/live.md, with a decoder of its own."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiomqtt

from .conftest import Client

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


@dataclass
class Message:
    """A protobuf message as it is on the wire."""

    numbers: dict[int, int] = field(default_factory=dict)
    parts: dict[int, list[bytes]] = field(default_factory=dict)

    def inside(self, number: int) -> Message:
        return decode(self.parts[number][0])


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value - (1 << 64) if value >> 63 else value, at


def decode(data: bytes) -> Message:
    """Raises IndexError or ValueError for what is no message."""
    message, at = Message(), 0
    while at < len(data):
        key, at = read_varint(data, at)
        match key & 7:
            case 0:
                message.numbers[key >> 3], at = read_varint(data, at)
            case 2:
                length, at = read_varint(data, at)
                if at + length > len(data):
                    raise ValueError("cut off")
                message.parts.setdefault(key >> 3, []).append(data[at : at + length])
                at += length
            case 1:
                at += 8
            case 5:
                at += 4
            case other:
                raise ValueError(f"wire type {other}")
    return message


def packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        values.append(value)
    return values


@dataclass
class Seen:
    """What a frame tells, mW."""

    pv: int
    storage: int
    grid: int
    load: int
    soc: int
    relay: int
    message: Message


def read_frame(data: bytes) -> Seen:
    message = decode(data)
    meters = message.inside(3)
    pv, storage, grid, load = (meters.inside(number).numbers.get(1, 0) for number in (1, 2, 3, 4))
    return Seen(pv, storage, grid, load, meters.numbers.get(6, 0), meters.numbers.get(5, 0), message)


async def pv_headers(client: Client) -> dict[str, str]:
    """The headers of docs/cloud-api/auth.md §6."""
    _, body = await client.ask("GET", "/users/self/token")
    return {
        "Accept": "application/json, text/plain, */*",
        "X-Requested-With": "XMLHttpRequest",
        "Referer": f"{client.sim.url}/pv/systems/{client.sim.site.id}/summary",
        "e-auth-token": body["token"],
    }


async def sign(client: Client, serial: str | None = None) -> Any:
    serial = client.sim.site.gateway_serial if serial is None else serial
    path = f"/pv/aws_sigv4/livestream.json?serial_num={serial}"
    status, body = await client.ask("GET", path, headers=await pv_headers(client))
    assert status == 200, body
    return body


def listener(client: Client, signed: Any, *, tail: str = "", site: str = "&site-id=1234567", **changed: Any) -> aiomqtt.Client:
    """Connects as the page tells."""
    host, _, port = signed["aws_iot_endpoint"].partition(":")
    user = (
        f"?x-amz-customauthorizer-name={signed['aws_authorizer']}&{signed['aws_token_key']}={signed['aws_token_value']}"
        f"{site}&x-amz-customauthorizer-signature={quote(signed['aws_digest'], safe='')}{tail}"
    )
    options = {
        "identifier": "em-paho-mqtt-1793980800123",
        "username": user,
        "protocol": aiomqtt.ProtocolVersion.V311,
        "clean_session": True,
        "transport": "websockets",
        "websocket_path": "/mqtt",
        "websocket_headers": {"Origin": client.sim.url},
        "timeout": 3,
    } | changed
    return aiomqtt.Client(host, int(port), **options)
