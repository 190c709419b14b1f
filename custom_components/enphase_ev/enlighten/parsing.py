"""Reads times, numbers, booleans and lists in every form in which the cloud sends them.

No reader raises: what cannot be read is `None` (docs/cloud-api/README.md, "Rules that hold everywhere").
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
import re

type Json = dict[str, Json] | list[Json] | str | int | float | bool | None

# Where lists are wrapped, the list sits under one of these keys.
_LIST_KEYS = ("data", "items", "result", "sites", "systems")
_TRUE = {"true", "1", "yes", "on", "enabled"}
_FALSE = {"false", "0", "no", "off", "disabled"}
# Epoch milliseconds of any date after 1973 are larger than epoch seconds of any date before 5138.
_SMALLEST_MILLISECONDS = 1e11
_ZONE_SUFFIX = re.compile(r"\[[^\]]*\]$")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")
# Longer texts, larger numbers and longer lists are never honest. Each is read many times over, and sums and times of them would overflow.
_LONGEST_TEXT = 10_000
_LONGEST_WORD = 64
_LARGEST_NUMBER = 1e13
_MOST_RECORDS = 1000
# What would begin a line of its own in a log, or turn the direction of what follows.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# Longer names than this are cut.
_LONGEST_LABEL = 60
_SERIAL = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def read_text(value: Json) -> str | None:
    """Return a text on one line, without blanks at its ends; numbers become their digits, an empty text is `None`."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    text = _CONTROL.sub(" ", str(value)).strip()
    return text if 0 < len(text) <= _LONGEST_TEXT else None


def read_label(value: Json) -> str | None:
    """Return a name that an owner gave, or a word of the cloud, short enough to be a part of a sentence."""
    text = read_text(value)
    if text is None or len(text) <= _LONGEST_LABEL:
        return text
    return f"{text[: _LONGEST_LABEL - 1].rstrip()}…"


def read_serial(value: Json) -> str | None:
    """Return a serial number: it becomes part of a path."""
    text = read_text(value)
    return text if text and len(text) <= _LONGEST_WORD and _SERIAL.fullmatch(text) else None


def read_digits(value: Json) -> str | None:
    """Return the number of a site or a person as text."""
    text = read_text(value)
    return text if text and len(text) <= _LONGEST_WORD and text.isascii() and text.isdecimal() else None


def read_secret(value: Json) -> str | None:
    """Return a token: it becomes the value of a header."""
    text = None if isinstance(value, str) and not value.strip().isprintable() else read_text(value)
    return text if text and text.isascii() and text.isprintable() else None


def read_float(value: Json) -> float | None:
    """Return a number of honest size from `32`, `"32"` or `"48%"`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip().removesuffix("%").rstrip()
        if len(text) > _LONGEST_WORD or not _NUMBER.fullmatch(text):
            return None
        value = float(text)
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) <= _LARGEST_NUMBER else None


def read_int(value: Json) -> int | None:
    """Return a whole number from `32`, `32.0` or `"32"`."""
    number = read_float(value)
    return None if number is None else round(number)


def read_bool(value: Json) -> bool | None:
    """Return a boolean from `true`, `1`, `"1"`, `"true"` or `"enabled"`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    return None


def read_time(value: Json) -> datetime | None:
    """Return an aware UTC time from ISO-8601, with or without a bracketed zone, or from epoch seconds or milliseconds."""
    number = read_float(value)
    try:
        if number is not None:
            seconds = number / 1000 if abs(number) >= _SMALLEST_MILLISECONDS else number
            return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
        if not isinstance(value, str) or len(value) > _LONGEST_WORD:
            return None
        text = _LONG_FRACTION.sub(r"\1", _ZONE_SUFFIX.sub("", value.strip()))
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError, OverflowError, OSError:
        return None


def read_clock_time(value: Json) -> time | None:
    """Return a time of day from `HH:MM`, `H:MM` or `HH:MM:SS`."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        return time.fromisoformat(f"0{text}" if text[1:2] == ":" else text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        return None


def read_minutes(value: Json) -> time | None:
    """Return a time of day from minutes since midnight; 1440 is midnight again."""
    minutes = read_int(value)
    return time(minutes // 60 % 24, minutes % 60) if minutes is not None and 0 <= minutes <= 1440 else None


# Days of the week as the cloud counts them: 1 = Monday … 7 = Sunday.
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def read_days(value: Json) -> tuple[int, ...]:
    """Return days of the week, 1 = Monday … 7 = Sunday, in their order and each once."""
    numbers = (read_int(item) for item in value) if isinstance(value, list) else ()
    return tuple(sorted({number for number in numbers if number is not None and 1 <= number <= 7}))


def read_mapping(value: Json) -> dict[str, Json]:
    """Return the object, or an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def read_unwrapped(value: Json) -> dict[str, Json]:
    """Return what an object holds itself or under `data`; what it holds itself counts, unless that is null."""
    record = read_mapping(value)
    own = {key: item for key, item in record.items() if item is not None and key != "data"}
    return {**read_mapping(record.get("data")), **own}


def read_list(value: Json) -> list[Json] | None:
    """Return a list that comes bare or wrapped in `data`, `items`, `result`, `sites` or `systems`; `None` is no proof of an empty one."""
    while isinstance(value, dict):
        wrapper = value
        value = next((wrapper[key] for key in _LIST_KEYS if isinstance(wrapper.get(key), dict | list)), None)
    return value if isinstance(value, list) else None


def read_records(value: Json) -> list[dict[str, Json]]:
    """Return the objects of a list that comes bare or wrapped."""
    return [item for item in (read_list(value) or [])[:_MOST_RECORDS] if isinstance(item, dict)]


def first_of(record: Mapping[str, Json], *keys: str) -> Json:
    """Return the first value that is there and not null, by the order of the keys."""
    return next((record[key] for key in keys if record.get(key) is not None), None)


def read_model[T](build: Callable[[dict[str, Json]], T]) -> Callable[[Json], T | None]:
    """Return a reader of a nested object that may be null, missing or no object at all."""

    def read(value: Json) -> T | None:
        return build(value) if isinstance(value, dict) else None

    return read


def read_assignments(value: Json) -> dict[str, str]:
    """Return the pairs of one line of comma-separated `key=value` parts."""
    if not isinstance(value, str):
        return {}
    pairs = (part.partition("=") for part in value.split(","))
    return {key.strip(): text.strip() for key, equals, text in pairs if equals}
