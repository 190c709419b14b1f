"""What charging costs: the running session, the last one, and this month (docs/cloud-api/chargers.md §1 and §8)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Protocol, Self

from mashumaro import DataClassDictMixin

from ..enlighten import ChargingSession, PastSession

# A session is told by when the plug went in or by when charging began: two that begin this near to each other are one.
_SAME_SESSION_WITHIN = timedelta(minutes=10)


class PriceOverTime(Protocol):
    """Whoever knows the prices of the site."""

    def mean_import_price(self, start: datetime, end: datetime) -> float | None:
        """Return the price of a kWh over a time."""


@dataclass(frozen=True)
class SessionCost(DataClassDictMixin):
    """What a session has cost by the price, for sessions of which Enphase names no cost.

    Attributes:
        started_at: when it began (UTC).
        counted_at: up to when its energy is priced (UTC).
        energy: kWh that are priced.
        cost: in the currency of the price.
    """

    started_at: datetime
    counted_at: datetime
    energy: float = 0.0
    cost: float = 0.0

    @classmethod
    def start(cls, started_at: datetime) -> Self:
        """Begin with a session."""
        return cls(started_at, started_at)

    def take(self, energy: float, until: datetime, prices: PriceOverTime) -> Self:
        """Return the cost after a session has counted `energy` (kWh); what was added since the last time is priced as of that time."""
        gained = energy - self.energy
        price = prices.mean_import_price(self.counted_at, max(until, self.counted_at))
        if gained <= 0 or price is None:
            return self
        return replace(self, counted_at=max(until, self.counted_at), energy=energy, cost=self.cost + gained * price)


@dataclass(frozen=True, kw_only=True)
class ChargerCosts:
    """What the charging of one charger costs.

    Attributes:
        session: of the running or the last session, by Enphase or else by the price.
        last_session: of the newest session of the history.
        month: of the sessions that began in this month, and of the running one; `None` where no cost is known.
        month_began_at: UTC.
        unpriced: how many sessions of this month are not in it, because nobody knows what they cost.
    """

    session: float | None = None
    last_session: float | None = None
    month: float | None = None
    month_began_at: datetime | None = None
    unpriced: int = 0


def cost_of(session: PastSession, prices: PriceOverTime | None) -> float | None:
    """Return what a session of the history has cost: by Enphase, or else by the price while it charged."""
    if session.cost is not None or session.energy is None:
        return session.cost
    if prices is None or session.started_at is None:
        return None
    end = session.ended_at or session.started_at
    if session.active_seconds:
        end = min(end, session.started_at + timedelta(seconds=session.active_seconds))
    price = prices.mean_import_price(session.started_at, end)
    return None if price is None else price * session.energy


def month_of(
    now: datetime,
    zone: tzinfo,
    sessions: Iterable[PastSession],
    running: ChargingSession | None,
    running_cost: float | None,
    prices: PriceOverTime | None,
) -> ChargerCosts:
    """Return the cost of this month of the site; the running session counts as long as the history does not have it."""
    began_at = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    known = list(sessions)
    costs = [cost_of(one, prices) for one in known if one.started_at is not None and one.started_at >= began_at and one.energy]
    is_priced = prices is not None or any(one.cost is not None for one in known)
    started_at = running.started_at or running.plugged_in_at if running else None
    if running is not None and started_at is not None and started_at >= began_at and running.energy and not _is_among(started_at, known):
        costs.append(running_cost)
    is_priced = is_priced or running_cost is not None
    priced = [cost for cost in costs if cost is not None]
    return ChargerCosts(month=round(sum(priced), 4) if is_priced else None, month_began_at=began_at, unpriced=len(costs) - len(priced))


def _is_among(started_at: datetime, sessions: Iterable[PastSession]) -> bool:
    for one in sessions:
        if one.started_at is not None:
            ended_at = max(one.ended_at or one.started_at, one.started_at + _SAME_SESSION_WITHIN)
            if one.started_at - _SAME_SESSION_WITHIN <= started_at <= ended_at:
                return True
    return False
