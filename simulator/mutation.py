"""Breaks answers at random, in the same way for the same seed: what a cloud may send that has gone wrong, or that means harm."""

from collections.abc import Callable
import json
from random import Random

from .wire import Json

type _Container = dict[str, Json] | list[Json]

_MOST_CHANGES = 4
# One answer in so many is broken below JSON.
_DAMAGED_ONE_IN = 8
_LONG = 70_000
_DEEP = 400

ODD_NUMBERS: tuple[Json, ...] = (
    *(0, -1, 1, 7, 1440, 1441, 2**31, 2**53 + 1, -(2**63), 2**64, 10**25, 0.5, -0.0, 5e-324, 1e15, 1e308, -1e308),
    # As times: past the last year, milliseconds, nanoseconds.
    *(253402300800, 253402300800000, 1774673674360, 1774673674360000000),
)
ODD_TEXTS: tuple[Json, ...] = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e999",
        "9" * 400,
        "NaN",
        "inf",
        "48%",
        "٣٢",
        "²",
        "0x20",
        "true",
        "null",
        "[]",
        "\x00",
        "\x7f\x1b[2J",
        "é\u202e",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-29T02:30:00[Europe/Amsterdam]", "24:00", "23:60", "25:61:61"),
    *("../../etc/passwd", "a/../b", "//127.0.0.2/x", "http://127.0.0.2:9/", "?a=b#c", "%00%2f%zz", "a\r\nX-Injected: yes"),
    *("; Path=/; Domain=.", "America", "Europe/Nowhere", "tzdata.zi", "<b>bold</b>", "{placeholder}", "%s %d", "x@y " * 20),
    *("[" * _LONG, "a" * _LONG, "1a" * _LONG, "," * _LONG, "=" * _LONG, "<input " * (_LONG // 7)),
)
_ODD: tuple[Json, ...] = (None, True, False, [], {}, [None], [[]], {"": 1}, {"data": None}, [{}] * 3, *ODD_NUMBERS, *ODD_TEXTS)
_KEYS = ("", "data", "items", "result", "error", "serial", "sn", "__class__", "x" * 300, "\x00", "²")


def mutate(value: Json, random: Random) -> Json:
    """Return the value with one to four of its parts broken; the value itself stays as it is."""
    root: list[Json] = [_copy(value)]
    for _ in range(random.randint(1, _MOST_CHANGES)):
        container, key = random.choice(_places(root))
        random.choice(_CHANGES)(container, key, root, random)
        root = root or [None]
    return root[0]


def mutate_body(body: bytes, random: Random) -> bytes:
    """Return an answer with parts of it broken, now and then so badly that it is no JSON any more."""
    try:
        value: Json = json.loads(body)
    except ValueError:
        return _damage(body, random)
    broken = json.dumps(mutate(value, random)).encode()
    return broken if random.randrange(_DAMAGED_ONE_IN) else _damage(broken, random)


def deep(value: Json, random: Random) -> Json:
    """Return the value at the bottom of many lists or objects."""
    key = random.choice(("data", "items", ""))
    for _ in range(_DEEP):
        value = {key: value} if random.getrandbits(1) else [value]
    return value


def _places(root: _Container) -> list[tuple[_Container, str | int]]:
    """Return every part of a value, as where it stands in what."""
    found: list[tuple[_Container, str | int]] = []
    left: list[_Container] = [root]
    while left:
        container = left.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, item in items:
            found.append((container, key))
            if isinstance(item, dict | list):
                left.append(item)
    return found


def _copy(value: Json) -> Json:
    """Copy a value however deep it is."""
    copied: Json = json.loads(json.dumps(value))
    return copied


def _get(container: _Container, key: str | int) -> Json:
    return container[key]  # type: ignore[index]  # the key comes from this container


def _set(container: _Container, key: str | int, value: Json) -> None:
    container[key] = value  # type: ignore[index]  # the key comes from this container


def _replace(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    _set(container, key, _copy(random.choice(_ODD)))


def _drop(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    del container[key]  # type: ignore[arg-type]  # the key comes from this container


def _rename(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    if isinstance(container, dict) and isinstance(key, str):
        container[random.choice(_KEYS)] = container.pop(key)


def _repeat(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    item = _get(container, key)
    if isinstance(container, list):
        container.extend(_copy(item) for _ in range(random.choice((1, 3, 40))))
    else:
        container[random.choice(_KEYS)] = _copy(item)


def _borrow(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    """Put another part of the same answer here."""
    other, place = random.choice(_places(root))
    _set(container, key, _copy(_get(other, place)))


def _wrap(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    item = _get(container, key)
    wrapped: tuple[Json, ...] = ([item], {random.choice(_KEYS): item}, str(item), json.dumps(item))
    _set(container, key, random.choice(wrapped))


def _sink(container: _Container, key: str | int, root: list[Json], random: Random) -> None:
    _set(container, key, deep(_get(container, key), random))


type _Change = Callable[[_Container, str | int, list[Json], Random], None]
# Replacing finds the most, so that it comes most often.
_CHANGES: tuple[_Change, ...] = (_replace, _replace, _replace, _replace, _drop, _rename, _repeat, _borrow, _wrap, _sink)


def _damage(body: bytes, random: Random) -> bytes:
    """Break the bytes themselves."""
    place = random.randrange(len(body) + 1)
    head, tail = body[:place], body[place:]
    ways = (
        head,
        head + b"\xff\xfe" + tail,
        head + b"\x00" + tail,
        head + b"\\ud800" + tail,
        head + random.randbytes(20) + tail,
        b"\xef\xbb\xbf" + body,
        body + body,
        body.replace(b"null", b"NaN").replace(b"true", b"Infinity"),
        body.decode(errors="replace").encode("utf-16"),
        b'{"data":' * 2000 + b"1" + b"}" * 2000,
        b"<html><body>" + body,
        b" " * _LONG,
    )
    return random.choice(ways)
