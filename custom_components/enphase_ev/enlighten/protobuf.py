"""Reads the wire format of protobuf: the fields of a message by their number, without a schema.

The library has its types in generated code, or none at all, and a release of Home Assistant bears one exact version of it: too much for one
message of 170 bytes (docs/cloud-api/live.md §3). As there, a field that is repeated although it is single counts as it came last, a message
that comes in parts is one, and what is not known is passed over.
"""

from collections.abc import Iterator
from itertools import chain

from .exceptions import InvalidResponse

_VARINT, _FIXED_64, _BYTES, _GROUP, _END_OF_GROUP, _FIXED_32 = range(6)
_LARGEST_SIGNED = (1 << 63) - 1
_ALL_BITS = (1 << 64) - 1
_SIZE_OF = {_FIXED_64: 8, _FIXED_32: 4}
# A varint holds 64 bits.
_MOST_SHIFT = 63
# Set in each byte of a varint but the last.
_MORE = 0x80
_MOST_GROUPS = 100


class Message:
    """The fields of one message. Whatever is absent, or of another type than expected, is zero or empty."""

    __slots__ = ("_bytes", "_numbers")

    def __init__(self, data: bytes) -> None:
        """Read a message.

        Raises:
            InvalidResponse: It is no message, or was cut off.
        """
        self._numbers: dict[int, list[int]] = {}
        self._bytes: dict[int, list[bytes]] = {}
        numbers, texts = self._numbers, self._bytes
        for number, value in _fields(data):
            if isinstance(value, int):
                numbers.setdefault(number, []).append(value)
            else:
                texts.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._bytes or number in self._numbers

    def number(self, number: int) -> int:
        """Return a plain number, signed 64 bit; absent is zero."""
        return _signed(self._numbers[number][-1]) if number in self._numbers else 0

    def numbers(self, number: int) -> tuple[int, ...]:
        """Return a list of plain numbers, signed 64 bit, whether it comes packed or not.

        Raises:
            InvalidResponse: It was cut off.
        """
        packed = self._bytes.get(number)
        if packed is None:
            return tuple(_signed(value) for value in self._numbers.get(number, ()))
        return tuple(chain.from_iterable(map(_varints, packed)))

    def message(self, number: int) -> Message:
        """Return a message inside this one.

        Raises:
            InvalidResponse: It is no message, or was cut off.
        """
        parts = self._bytes.get(number)
        return _EMPTY if parts is None else Message(parts[0] if len(parts) == 1 else b"".join(parts))


def _signed(value: int) -> int:
    return value - (1 << 64) if value > _LARGEST_SIGNED else value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and where it ends."""
    value = shift = 0
    try:
        if data[at] < _MORE:
            # Most are that short.
            return data[at], at + 1
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < _MORE:
                return value & _ALL_BITS, at
            shift += 7
            if shift > _MOST_SHIFT:
                raise InvalidResponse("A message holds a number that never ends")
    except IndexError:
        raise InvalidResponse("A message was cut off") from None


def _varints(data: bytes) -> list[int]:
    """Return the numbers that stand packed one after the other, signed 64 bit."""
    found: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            found.append(_signed(value & _ALL_BITS))
            value = shift = 0
            continue
        shift += 7
        if shift > _MOST_SHIFT:
            raise InvalidResponse("A message holds a number that never ends")
    if shift:
        raise InvalidResponse("A message was cut off")
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields in their order: numbers, and what has a length. The others are no part of what is read here."""
    at = groups = 0
    end = len(data)
    while at < end:
        tag = data[at]
        # Most are one byte; there is one for each field of each frame.
        tag, at = (tag, at + 1) if tag < _MORE else _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            if not groups:
                yield tag >> 3, value
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if length > end - at:
                raise InvalidResponse("A message was cut off")
            if not groups:
                yield tag >> 3, data[at : at + length]
            at += length
        elif kind in _SIZE_OF:
            at += _SIZE_OF[kind]
        elif kind in {_GROUP, _END_OF_GROUP}:
            groups += 1 if kind == _GROUP else -1
            if not 0 <= groups <= _MOST_GROUPS:
                raise InvalidResponse("A message is not nested as it says")
        else:
            raise InvalidResponse("A message holds a type that there is not")
    if at > end or groups:
        raise InvalidResponse("A message was cut off")


# A message that is not there; nobody writes into it.
_EMPTY = Message(b"")
