"""How the cloud writes times and envelopes (docs/cloud-api/README.md)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None
type JsonObject = dict[str, Json]

# Days of the week as the cloud counts them: 1 = Monday … 7 = Sunday.
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def iso_bracketed(at: float) -> str:
    """Epoch seconds as ``2026-03-28T04:54:34.360Z[UTC]``."""
    return f"{datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z[UTC]"


def iso_bracketed_or_none(at: float | None) -> str | None:
    """As `iso_bracketed`, null for what has not happened."""
    return None if at is None else iso_bracketed(at)


def iso_milliseconds(at: float) -> str:
    """Epoch seconds as ``2026-03-28T04:54:34.360Z``."""
    return iso_bracketed(at).removesuffix("[UTC]")


def iso_offset(at: float) -> str:
    """Epoch seconds as the scheduler writes them: ``2026-03-28T05:13:14.438+00:00``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def iso_nanoseconds(at: float) -> str:
    """Epoch seconds with nine fractional digits, as the history service writes them."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def epoch_ms(at: float) -> int:
    """Epoch seconds as epoch milliseconds."""
    return int(at * 1000)


def envelope(at: float, data: Json) -> JsonObject:
    """``{"meta", "data", "error"}`` of the charger services; ``rowCount`` where the data is a list."""
    meta: JsonObject = {"serverTimeStamp": epoch_ms(at)}
    if isinstance(data, list):
        meta["rowCount"] = len(data)
    return {"meta": meta, "data": data, "error": {}}


def scheduler_envelope(at: float, data: Json) -> JsonObject:
    """The same from the scheduler service, whose time stamp is text."""
    meta: JsonObject = {"serverTimeStamp": iso_offset(at)}
    if isinstance(data, list):
        meta["rowCount"] = len(data)
    return {"meta": meta, "data": data, "error": {}}


def error_envelope(at: float, status: int, message: str, code: str = "") -> JsonObject:
    """The error body of the charger services (tests/fixtures/api/error_already_charging.json)."""
    error: JsonObject = {"displayMessage": message, "code": str(status), "errorMessageCode": code}
    return {"meta": {"serverTimeStamp": epoch_ms(at)}, "data": None, "error": error}
