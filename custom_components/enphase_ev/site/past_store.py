"""What was read of a site's past: sessions and days. The statistics are worked out from it, so that reading twice changes nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Self

from mashumaro import DataClassDictMixin

from ..enlighten import PastSession

_HOUR = timedelta(hours=1)
_LONGEST_SESSION = timedelta(days=31)


@dataclass(frozen=True)
class StoredSession(DataClassDictMixin):
    """A session that is over: when it began and ended (UTC), s of charging, kWh, and its cost where that is known."""

    id: str | None
    started_at: datetime
    ended_at: datetime
    seconds: float
    energy: float
    cost: float | None

    @classmethod
    def of(cls, session: PastSession) -> Self | None:
        """Return what is kept of a session; `None` where its times or its energy are not known."""
        started_at = session.started_at or session.ended_at
        if started_at is None or session.energy is None or session.energy < 0:
            return None
        ended_at = max(session.ended_at or started_at, started_at)
        whole = min(ended_at - started_at, _LONGEST_SESSION).total_seconds()
        active = session.active_seconds
        seconds = active if active is not None and 0 < active <= whole else whole
        return cls(session.id, started_at, ended_at, seconds, session.energy, session.cost)

    def is_same(self, other: Self) -> bool:
        """Return whether two are one session: the same id, or the same beginning and end (docs/cloud-api/chargers.md §8)."""
        return (self.id is not None and self.id == other.id) or (self.started_at, self.ended_at) == (other.started_at, other.ended_at)

    def shares(self) -> Iterator[tuple[datetime, float]]:
        """Yield the hours (UTC) over which its active time runs, each with its share of it."""
        end = self.started_at + timedelta(seconds=self.seconds)
        hour = self.started_at.replace(minute=0, second=0, microsecond=0)
        if self.seconds <= 0:
            yield hour, 1.0
            return
        while hour < end:
            lasts = (min(end, hour + _HOUR) - max(self.started_at, hour)).total_seconds()
            yield hour, lasts / self.seconds
            hour += _HOUR


@dataclass
class ChargerPast(DataClassDictMixin):
    """The past of a charger: its sessions, and kWh of days for the time before them."""

    sessions: list[StoredSession] = field(default_factory=list)
    days: dict[date, float] = field(default_factory=dict)

    def add(self, session: PastSession) -> None:
        """Add a session; one that is there already is replaced by what is known of it now."""
        stored = StoredSession.of(session)
        if stored is not None:
            self.sessions = [*(one for one in self.sessions if not one.is_same(stored)), stored]

    def within(self, first: date, last: date, zone: tzinfo) -> list[StoredSession]:
        """Return the sessions that began from the first day to the last of the site."""
        return [one for one in self.sessions if first <= one.started_at.astimezone(zone).date() <= last]

    def energy_by_hour(self, zone: tzinfo) -> Mapping[datetime, float]:
        """Return kWh by hour (UTC); the days before the first session stand in the first hour of theirs."""
        found: defaultdict[datetime, float] = defaultdict(float)
        for session in self.sessions:
            for hour, share in session.shares():
                found[hour] += share * session.energy
        begin = min((one.started_at.astimezone(zone).date() for one in self.sessions), default=None)
        for day, energy in self.days.items():
            if begin is None or day < begin:
                found[first_hour(day, zone)] += energy
        return found

    def cost_by_hour(self) -> Mapping[datetime, float]:
        """Return the cost by hour (UTC) of the sessions whose cost is known."""
        found: defaultdict[datetime, float] = defaultdict(float)
        for session in self.sessions:
            if session.cost is not None:
                for hour, share in session.shares():
                    found[hour] += share * session.cost
        return found


def first_hour(day: date, zone: tzinfo) -> datetime:
    """Return the first whole hour (UTC) of a day of the site."""
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    hour = midnight.replace(minute=0, second=0, microsecond=0)
    return hour if hour == midnight else hour + _HOUR


@dataclass
class UnfinishedImport(DataClassDictMixin):
    """An import that is not finished: its days, and how many sessions of each charger have been read."""

    first: date
    last: date
    passed: dict[str, int] = field(default_factory=dict)


@dataclass
class SitePast(DataClassDictMixin):
    """The past of a site, by serial number of the charger, and whether a person was offered to read it."""

    chargers: dict[str, ChargerPast] = field(default_factory=dict)
    unfinished: UnfinishedImport | None = None
    was_offered: bool = False
