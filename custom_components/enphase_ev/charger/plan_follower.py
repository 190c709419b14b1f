"""Follows the plan of one charger: what it has seen, when to charge, and what to do now. It sends nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from ..enlighten import ChargeMode, LevelLimits
from ..freshness import CHARGE_MODE
from ..site.plan_prices import PlanPrices
from ..site.price_slot import PriceSlot
from .coordinator import ChargerCoordinator
from .model import Charger
from .plan import ChargeLimits, ChargePlan, PlannedTime, PlanNote, Wanted, plan_charging
from .plan_decision import Decision, Patience, PlanState, Situation, decide
from .power import watts_per_ampere
from .store import SiteStore
from .visit import Hand, Sight, StoredPlan, Visit

_REPLANNED_EVERY = timedelta(minutes=15)
# While a car charges, what it has taken is reported so often.
_REPLANNED_WHILE_CHARGING_EVERY = timedelta(minutes=5)
# A power that was counted is the car's where it is such a share of what the charger's voltage and phases give: a car can use one phase of
# three, and takes less when it is nearly full.
_LEAST_SHARE, _MOST_SHARE = 0.3, 1.1
# The charger counts in steps: for so long after its last report, what has flowed since then is estimated.
_LONGEST_ESTIMATE = timedelta(minutes=10)
# Without prices a charge begins so much earlier than it has to.
_MARGIN = timedelta(minutes=15)
_NO_PRICES = frozenset({PlanNote.NO_PRICES, PlanNote.PRICES_STALE})
_DAYS_AHEAD = 3


@dataclass(frozen=True)
class _Basis:
    """What a plan rests on, but for the time that passes and the energy that flows: a former plan is good as long as it is the same."""

    energy: float
    deadline: datetime
    most: float
    came_at: datetime


class PlanFollower:
    """The plan of one charger whose planner is on.

    Attributes:
        memory: what outlives a restart.
        plan: when to charge; `None` without a car, or where a person decides.
        patience: when the next command may be sent.
        is_busy: a command is on its way.
    """

    def __init__(
        self, serial: str, memory: StoredPlan, chargers: ChargerCoordinator, prices: PlanPrices, store: SiteStore, nominal_voltage: float
    ) -> None:
        self.memory = memory
        self.patience = Patience(commands=memory.commands)
        self.is_busy = False
        self._serial = serial
        self._chargers = chargers
        self._prices = prices
        self._store = store
        self._nominal_voltage = nominal_voltage
        self._basis: _Basis | None = None
        self._planned_at: datetime | None = None
        self._planned_with: Sequence[PriceSlot] = ()
        times = tuple(PlannedTime(start, end, 0.0, None) for start, end in memory.times)
        # Its times are followed after a restart, unless others are better.
        self.plan = ChargePlan(times, 0.0, 0.0, None, None) if times else None
        if (visit := memory.visit) is not None and visit.sent_at is not None and not visit.is_followed:
            self.patience.rest(visit.sent_at)

    @property
    def charger(self) -> Charger:
        """Return the charger as it stands."""
        return self._chargers.data[self._serial]

    def look(self, now: datetime) -> Decision:
        """Take in what the charger shows, plan, and return what to do."""
        charger = self.charger
        tracker = self._chargers.tracker(self._serial)
        limits = charger.summary.limits if charger.summary else None
        if tracker.seen_at is None or not self._chargers.is_fresh(self._serial):
            return Decision(PlanState.NO_DATA)
        sight = Sight.of(charger, tracker.seen_at, is_restarting=tracker.restarts_with is not None)
        visit, deadline = self._visit_after(sight)
        if visit.is_gone or visit.hand is not Hand.NOTHING:
            self.plan = self._basis = None
        elif limits is None:
            return Decision(PlanState.NO_DATA)
        else:
            self._measure(charger)
            self._plan(charger, limits, visit, deadline, now)
        plan = self.plan
        return decide(
            Situation(
                now=now,
                sight=sight,
                visit=visit,
                is_manual=is_manual(self._chargers, charger),
                remaining=self.remaining(now),
                deadline=deadline,
                is_now=plan is not None and plan.time_at(now) is not None,
                has_prices=plan is not None and not plan.notes & _NO_PRICES,
            )
        )

    def remaining(self, now: datetime) -> float:
        """Return how many kWh are missing, with what has flowed since the last report by estimate."""
        charger, visit = self.charger, self.memory.visit
        taken = visit.taken if visit else 0.0
        reported_at = charger.status.last_reported
        if charger.status.is_charging and charger.power is not None and reported_at is not None:
            since = min(max(now - reported_at, timedelta()), _LONGEST_ESTIMATE)
            taken += charger.power.watts / 1000 * (since / timedelta(hours=1))
        return max(self.memory.energy - taken, 0.0)

    def next_edge(self, now: datetime) -> datetime | None:
        """Return when a planned time begins or ends next, or when the car has to be ready."""
        times = self.plan.times if self.plan else ()
        edges = [edge for one in times for edge in (one.start, one.end)] + ([self.memory.deadline] if self.memory.deadline else [])
        return min((edge for edge in edges if edge > now), default=None)

    def person_has_set(self, now: datetime) -> None:
        """Take in what a person has set: a time of day that is over means tomorrow's."""
        if self.memory.visit is not None:
            self.memory.deadline = self._next_ready(now)

    def _visit_after(self, sight: Sight) -> tuple[Visit, datetime]:
        """Return the visit after a look, and when its car is to be ready: a new one by the next such time of day. Both are kept."""
        memory, before = self.memory, self.memory.visit
        visit = Visit.turned_on_at(sight) if before is None else before.after(sight)
        is_new = before is None or visit.began_at != before.began_at
        deadline = memory.deadline
        if deadline is None or is_new:
            came_at = visit.plugged_in_at if before is not None else None
            deadline = self._next_ready(came_at or visit.began_at)
        if is_new and before is not None:
            # What was planned for the car before is no plan for this one.
            self.plan = self._basis = None
        if is_new or before is None or replace(before, seen_at=visit.seen_at) != visit:
            self._store.save()
        memory.visit, memory.deadline = visit, deadline
        return visit, deadline

    def _next_ready(self, after: datetime) -> datetime:
        return next_moment(self.memory.ready_by, after, self._chargers.site.time_zone)

    def _measure(self, charger: Charger) -> None:
        """Learn what an ampere amounts to with this car, from energy that was counted while it charged."""
        power, level = charger.power, charger.level_in_force
        if power is None or power.is_estimated or not level or not charger.status.is_charging:
            return
        expected = watts_per_ampere(charger.summary, self._nominal_voltage)
        measured = power.watts / level
        if _LEAST_SHARE * expected <= measured <= _MOST_SHARE * expected:
            self.memory.watts_per_ampere = measured

    def _plan(self, charger: Charger, limits: LevelLimits, visit: Visit, deadline: datetime, now: datetime) -> None:
        """Plan anew where something has changed, and now and then."""
        prices = self._prices.of_days(now, deadline)
        basis = _Basis(self.memory.energy, deadline, charger.wished_level, visit.began_at)
        is_same = self._basis in {None, basis}
        if self._basis == basis and prices == self._planned_with and not self._is_due(visit, now):
            return
        watts = self.memory.watts_per_ampere or watts_per_ampere(charger.summary, self._nominal_voltage)
        amps = ChargeLimits(limits.min, charger.wished_level, watts)
        # A plan is made of whole seconds: the one that runs is the first that it can use.
        this_second = now.replace(microsecond=0)
        plan = plan_charging(prices, Wanted(self.remaining(now), deadline), amps, this_second, self.plan if is_same else None)
        self.plan = _late(plan, deadline, now) if plan.notes & _NO_PRICES else plan
        self._basis, self._planned_at, self._planned_with = basis, now, prices
        times = [(one.start, one.end) for one in self.plan.times]
        if times != self.memory.times:
            self.memory.times = times
            self._store.save()

    def _is_due(self, visit: Visit, now: datetime) -> bool:
        """Return whether to plan anew although nothing has changed but the energy that flowed: above all before a charge is stopped."""
        if self._planned_at is None or self.plan is None:
            return True
        every = _REPLANNED_WHILE_CHARGING_EVERY if visit.is_offered else _REPLANNED_EVERY
        return now >= self._planned_at + every or (visit.is_offered and now > self._planned_at and self.plan.time_at(now) is None)


def is_manual(chargers: ChargerCoordinator, charger: Charger) -> bool:
    """Return whether a charger is known to be in manual mode: in the others it decides itself when to charge."""
    is_known = chargers.is_source_fresh(charger.serial, CHARGE_MODE) and not charger.is_preference_outdated
    return is_known and charger.mode is ChargeMode.MANUAL and charger.mode_shown is ChargeMode.MANUAL


def next_moment(ready_by: time, after: datetime, zone: tzinfo) -> datetime:
    """Return when it is a time of day next in a zone, in UTC."""
    today = after.astimezone(zone).date()
    moments = (datetime.combine(today + timedelta(days=number), ready_by, zone).astimezone(UTC) for number in range(_DAYS_AHEAD))
    return next(moment for moment in moments if moment > after)


def _late(plan: ChargePlan, deadline: datetime, now: datetime) -> ChargePlan:
    """Return a plan without prices: as late as possible, since prices may come until then."""
    if not plan.times:
        return plan
    length = plan.times[-1].end - plan.times[0].start
    start = max(now, deadline - length - _MARGIN)
    return replace(plan, times=(replace(plan.times[0], start=start, end=min(start + length + _MARGIN, deadline)),))
