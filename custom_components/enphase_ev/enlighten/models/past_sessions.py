"""Sessions that are over, and energy by day (docs/cloud-api/chargers.md §8)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from ..parsing import Json, first_of, read_bool, read_float, read_mapping, read_records, read_text, read_time, read_unwrapped
from .wire import Model, wire


@dataclass(frozen=True, kw_only=True)
class PastSession(Model):
    """A session that is over.

    Attributes:
        id: the cloud's own; `None` where it gives none.
        started_at, ended_at: UTC.
        energy: kWh.
        active_seconds: s of charging.
        range_added: miles.
        cost: in the account's currency.
    """

    id: str | None = wire("id", read_text)
    started_at: datetime | None = wire("startTime", read_time)
    ended_at: datetime | None = wire("endTime", read_time)
    energy: float | None = wire("aggEnergyValue", read_float)
    active_seconds: float | None = wire("activeChargeTime", read_float)
    range_added: float | None = wire("milesAdded", read_float)
    cost: float | None = wire("sessionCost", read_float)

    @property
    def minutes(self) -> int | None:
        """Return how long it charged, as events and attributes tell it."""
        return None if self.active_seconds is None else round(self.active_seconds / 60)

    @property
    def miles(self) -> float | None:
        """Return the range added in miles, to a tenth: the cloud's figure has a dozen digits."""
        return None if self.range_added is None else round(self.range_added, 1)


def each_once(sessions: Iterable[PastSession]) -> list[PastSession]:
    """Return each session once: pages can overlap, and what has the same id, or the same beginning and end, is one."""
    seen: set[object] = set()
    found: list[PastSession] = []
    for session in sessions:
        times = (session.started_at, session.ended_at) if session.started_at and session.ended_at else None
        marks = {mark for mark in (session.id, times) if mark is not None}
        if marks.isdisjoint(seen):
            found.append(session)
        seen |= marks
    return found


@dataclass(frozen=True, kw_only=True)
class SessionPage:
    """A page of sessions; `has_more` says that there is another."""

    sessions: tuple[PastSession, ...]
    has_more: bool

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read a page; what stands beside the list may stand around it, too."""
        records = read_records(body)
        sessions = tuple(PastSession.from_dict({**record, "id": first_of(record, "id", "sessionId")}) for record in records)
        has_more = read_bool(read_unwrapped(body).get("hasMore")) is True
        return cls(sessions=sessions, has_more=has_more and bool(sessions))


@dataclass(frozen=True)
class EnergyOfDay:
    """The energy of one day. No answer with more than one charger is published, so several shapes are read.

    `by_charger` holds Wh by serial number; `site` those of all chargers together.
    """

    by_charger: Mapping[str, float]
    site: float | None

    @classmethod
    def read(cls, body: Json, day: date) -> Self:
        """Read a day from series that are lists of days from `start_date` on, or objects by date, under each charger or around them."""
        series = read_unwrapped(body)
        first_day = read_text(series.get("start_date"))
        chargers = read_mapping(series.get("charger_iqevc"))
        found = {serial: _value_on(day, values, first_day) for serial, values in chargers.items()}
        found |= {serial: read_float(energy) for serial, energy in read_mapping(chargers.get(day.isoformat())).items()}
        by_charger = {serial: energy for serial, energy in found.items() if energy is not None}
        return cls(by_charger, _value_on(day, series.get("iqevc"), first_day))

    def of(self, serial: str, *, is_only: bool) -> float | None:
        """Return the energy (Wh) of a charger; what the site has counted counts for the only one that it has."""
        return self.site if is_only and not self.by_charger else self.by_charger.get(serial)


def _value_on(day: date, values: Json, first_day: str | None) -> float | None:
    if isinstance(values, dict):
        return read_float(values.get(day.isoformat()))
    if not isinstance(values, list) or first_day is None:
        return None
    try:
        index = (day - date.fromisoformat(first_day)).days
    except ValueError:
        return None
    return read_float(values[index]) if 0 <= index < len(values) else None
