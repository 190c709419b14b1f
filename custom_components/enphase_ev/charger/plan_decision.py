"""What the planner of a charger does at a moment, and what it says about that."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ..waiting import growing_wait
from .visit import Hand, Sight, Visit

# kWh. The counter of a session comes in steps.
ENOUGH = 0.05
# Starts leave one command of the hour for the stop that belongs to them.
MOST_COMMANDS = 6
_MOST_BEFORE_START = MOST_COMMANDS - 1
_HOUR = timedelta(hours=1)
# Longer than the charger takes to show what it makes of a command.
_REST = timedelta(minutes=2)
_LONGEST_REST = timedelta(minutes=15)


class PlanState(StrEnum):
    """What the planner of a charger does or waits for."""

    OFF = "off"
    NO_DATA = "no_data"
    CHARGER_UNAVAILABLE = "charger_unavailable"
    NO_CAR = "no_car"
    OTHER_MODE = "other_mode"
    STARTED_BY_HAND = "started_by_hand"
    STOPPED_BY_HAND = "stopped_by_hand"
    DONE = "done"
    TIME_IS_OVER = "time_is_over"
    NO_PRICES = "no_prices"
    PLANNED = "planned"
    CHARGING = "charging"
    CAR_TAKES_NOTHING = "car_takes_nothing"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What the planner decides by.

    Attributes:
        sight: the charger as it was read last; `None` where that is too old to decide by.
        is_manual: its charge mode is known to be manual.
        remaining: kWh that the car is still to get.
        is_now: a planned time is now.
        has_prices: the plan rests on prices. Without them it is as late as possible, and a charge that runs goes on.
    """

    now: datetime
    sight: Sight | None
    visit: Visit
    is_manual: bool
    remaining: float
    deadline: datetime
    is_now: bool
    has_prices: bool


@dataclass(frozen=True)
class Decision:
    """The state of a plan, and whether to start or to stop; `None` leaves the charger alone."""

    state: PlanState
    is_start: bool | None = None


def decide(situation: Situation) -> Decision:
    """Return what to do now. Whatever is in doubt leaves the charger alone."""
    sight, visit = situation.sight, situation.visit
    if sight is None:
        return Decision(PlanState.NO_DATA)
    if sight.is_offline or sight.is_out_of_order:
        return Decision(PlanState.CHARGER_UNAVAILABLE)
    if not sight.is_plugged_in:
        return Decision(PlanState.NO_CAR)
    if not situation.is_manual:
        return Decision(PlanState.OTHER_MODE)
    if visit.hand is not Hand.NOTHING:
        return Decision(PlanState.STARTED_BY_HAND if visit.hand is Hand.STARTED else PlanState.STOPPED_BY_HAND)
    return _by_plan(situation, sight, is_offered=visit.is_offered)


def _by_plan(situation: Situation, sight: Sight, *, is_offered: bool) -> Decision:
    """Return what to do with a car that no person has started or stopped."""
    now = situation.now
    stop = False if is_offered else None
    if situation.remaining <= ENOUGH:
        return Decision(PlanState.DONE, stop)
    if now >= situation.deadline:
        # What is late goes on; nothing begins any more.
        return Decision(PlanState.CHARGING if sight.is_charging else PlanState.TIME_IS_OVER)
    if not situation.is_now:
        return Decision(PlanState.PLANNED, stop) if situation.has_prices else Decision(PlanState.NO_PRICES)
    if sight.is_charging:
        return Decision(PlanState.CHARGING)
    return Decision(PlanState.CAR_TAKES_NOTHING) if is_offered else Decision(PlanState.PLANNED, is_start=True)


@dataclass
class Patience:
    """When the next command may be sent: six an hour at most, later and later after failures, and no sooner back than forth.

    Attributes:
        commands: when commands were sent (UTC), oldest first; shared with what is stored.
        wait_until: no command before (UTC).
        failures: in a row.
    """

    commands: list[datetime] = field(default_factory=list)
    wait_until: datetime | None = None
    failures: int = 0

    def rest(self, now: datetime) -> None:
        """Note that a command was tried, and wait before the next one: longer each time until one of them is followed."""
        self.failures += 1
        self.wait_until = now + growing_wait(_REST, self.failures, _LONGEST_REST)

    def next_at(self, now: datetime, *, is_start: bool) -> datetime:
        """Return when a start or a stop may be sent: now, or later (UTC)."""
        while self.commands and now - self.commands[0] >= _HOUR:
            self.commands.pop(0)
        most = _MOST_BEFORE_START if is_start else MOST_COMMANDS
        of_hour = self.commands[-most] + _HOUR if len(self.commands) >= most else now
        return max(now, of_hour, self.wait_until or now)
