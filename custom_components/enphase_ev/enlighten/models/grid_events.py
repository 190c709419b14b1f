"""Events of a grid program, and the times at which the grid was away (docs/cloud-api/events.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import (
    Json,
    first_of,
    read_bool,
    read_float,
    read_list,
    read_mapping,
    read_records,
    read_serial,
    read_text,
    read_time,
    read_unwrapped,
)

_LONGEST = timedelta(days=366)


class EventState(StrEnum):
    """What has become of an event."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUPERSEDED = "superseded"


_STATES = {
    "scheduled": EventState.SCHEDULED,
    "completed": EventState.COMPLETED,
    "cancelled": EventState.CANCELLED,
    "canceled": EventState.CANCELLED,
    "failed": EventState.FAILED,
    "superseded": EventState.SUPERSEDED,
    # So spelt by the cloud elsewhere.
    "superceded": EventState.SUPERSEDED,
}


@dataclass(frozen=True, kw_only=True)
class GridEvent:
    """An event of a program.

    Attributes:
        starts_at, ends_at: UTC.
        kind, subkind: verbatim, such as `battery_discharge` and `Discharge_To_Load_Grid`.
        state: any word that is not known is one of an active event.
    """

    id: str
    starts_at: datetime
    ends_at: datetime
    kind: str | None
    subkind: str | None
    state: EventState

    @classmethod
    def read(cls, record: dict[str, Json]) -> Self | None:
        """Read an event; `None` where it has no beginning or no end."""
        starts_at, ends_at = read_time(record.get("start_time")), read_time(record.get("end_time"))
        if starts_at is None or ends_at is None or not starts_at < ends_at <= starts_at + _LONGEST:
            return None
        word = (read_text(record.get("status")) or "scheduled").lower()
        state = _STATES.get(word, EventState.ACTIVE)
        if not _is_over(state):
            if read_bool(first_of(record, "superceded", "superseded")):
                state = EventState.SUPERSEDED
            elif read_time(record.get("cancellation_timestamp")) is not None:
                state = EventState.CANCELLED
        return cls(
            id=read_text(record.get("id")) or starts_at.isoformat(),
            starts_at=starts_at,
            ends_at=ends_at,
            kind=read_text(record.get("type")),
            subkind=read_text(record.get("subtype")),
            state=state,
        )

    @property
    def takes_place(self) -> bool:
        """Return whether it takes place, or did: not what was called off or replaced by another."""
        return self.state not in {EventState.CANCELLED, EventState.FAILED, EventState.SUPERSEDED}

    def is_on(self, now: datetime) -> bool:
        """Return whether it is going on."""
        return not _is_over(self.state) and self.starts_at <= now < self.ends_at

    def is_ahead(self, now: datetime) -> bool:
        """Return whether it is yet to begin."""
        return not _is_over(self.state) and self.starts_at > now


def _is_over(state: EventState) -> bool:
    return state in {EventState.COMPLETED, EventState.CANCELLED, EventState.FAILED, EventState.SUPERSEDED}


@dataclass(frozen=True)
class Outage:
    """A time, in UTC, at which the batteries backed the house up."""

    started_at: datetime
    duration: timedelta


def read_program(body: Json) -> str | None:
    """Return the enrolment, or the program, that an answer names; `None` where there is none.

    Raises:
        InvalidResponse: What it says is neither a name nor nothing.
    """
    data = read_mapping(body).get("data")
    if data is not None and not isinstance(data, str | dict):
        raise InvalidResponse("The grid program makes no sense")
    return read_serial(read_mapping(data).get("program_id")) if isinstance(data, dict) else read_serial(data)


def read_grid_events(body: Json) -> tuple[GridEvent, ...]:
    """Return the events, the earliest first, each once.

    Raises:
        InvalidResponse: There is no list at all, which is no proof that there are no events.
    """
    if read_list(body) is None:
        raise InvalidResponse("The answer holds no list of grid events")
    events = {event.id: event for record in read_records(body) if (event := GridEvent.read(record)) is not None}
    return tuple(sorted(events.values(), key=lambda event: (event.starts_at, event.id)))


def read_outages(body: Json) -> tuple[Outage, ...]:
    """Return the outages, the earliest first, each once.

    Raises:
        InvalidResponse: There is no list, and nothing that says that there are none.
    """
    answer = read_unwrapped(body)
    records = read_list(answer.get("histories"))
    if records is None and read_float(answer.get("total_records")) != 0:
        raise InvalidResponse("The answer holds no list of outages")
    found: dict[datetime, Outage] = {}
    for record in (records or [])[:1000]:
        started_at, seconds = read_time(read_mapping(record).get("start_time")), read_float(read_mapping(record).get("duration"))
        if started_at is not None and seconds is not None and 0 < seconds <= _LONGEST.total_seconds():
            found[started_at] = Outage(started_at, timedelta(seconds=seconds))
    return tuple(found[moment] for moment in sorted(found))
