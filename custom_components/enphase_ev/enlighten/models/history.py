"""Sessions that are over, and energy by day (api/chargers.md §8)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from ..fields import Json, read_bool, read_float, read_mapping, read_records, read_text, read_time
from .wire import Model, wire


@dataclass(frozen=True, kw_only=True)
class PastSession(Model):
    """A session that is over.

    Attributes:
        started_at, ended_at: UTC.
        energy: kWh.
        active_seconds: s of charging.
        range_added: miles.
        cost: in the account's currency.
    """

    started_at: datetime | None = wire("startTime", read_time)
    ended_at: datetime | None = wire("endTime", read_time)
    energy: float | None = wire("aggEnergyValue", read_float)
    active_seconds: float | None = wire("activeChargeTime", read_float)
    range_added: float | None = wire("milesAdded", read_float)
    cost: float | None = wire("sessionCost", read_float)


@dataclass(frozen=True, kw_only=True)
class SessionPage:
    """A page of sessions; `has_more` says that there is another."""

    sessions: tuple[PastSession, ...]
    has_more: bool

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read a page."""
        data = read_mapping(read_mapping(body).get("data"))
        sessions = tuple(PastSession.from_dict(record) for record in read_records(data.get("result")))
        return cls(sessions=sessions, has_more=read_bool(data.get("hasMore")) is True and bool(sessions))


def read_energy_of_day(body: Json, serial: str, day: date) -> float | None:
    """Return the energy (Wh) that one charger counted on a day, from the answer about daily energy.

    No answer with more than one charger is published: the numbers of a charger may come as a list of days from `start_date` on or by date;
    the list of the whole site counts where it has only this charger.
    """
    series = read_mapping(body)
    by_charger = read_mapping(series.get("charger_iqevc"))
    values = by_charger.get(serial)
    if values is None and not set(by_charger) - {serial}:
        values = series.get("iqevc")
    if isinstance(values, dict):
        return read_float(values.get(day.isoformat()))
    if not isinstance(values, list):
        return None
    try:
        index = (day - date.fromisoformat(read_text(series.get("start_date")) or "")) // timedelta(days=1)
    except ValueError:
        return None
    return read_float(values[index]) if 0 <= index < len(values) else None
