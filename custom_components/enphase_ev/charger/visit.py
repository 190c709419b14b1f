"""A car at the plug, as the planner has seen it: who started or stopped its charge last, and how much it has taken.

The planner never starts a car that a person stopped, and never stops one that a person started. The cloud does not tell who did it
(docs/cloud-api/chargers.md §1), so that everything counts as a person's that is not known to be something else.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Self

from mashumaro import DataClassDictMixin

from ..enlighten import ChargeMode
from .model import Charger, ChargerState

# What begins so soon after the plug went in has begun by itself.
_BEGINS_WITH_PLUG = timedelta(minutes=1)
# A charger follows a command that was sent so long ago; what it does later has another reason.
_FOLLOWS_WITHIN = timedelta(minutes=10)
# The same where the cloud has failed when it was sent: as a rule it has not passed the command on, and a person may help out.
_FOLLOWS_IN_DOUBT_WITHIN = timedelta(minutes=2)
# Times of one session that differ by less than this are the same: the cloud does not always tell the same second.
_SAME_TIME = timedelta(seconds=90)
# The connector's word for a car that takes nothing of what is offered. "FINISHING" is also said after a stop.
_CAR_PAUSES = "SUSPENDED_EV"
_OUT_OF_ORDER = {ChargerState.FAULTED, ChargerState.OUT_OF_SERVICE}


class Hand(StrEnum):
    """What a person has done last to the charge of a car since it was plugged in."""

    NOTHING = "nothing"
    STARTED = "started"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the planner looks at in a status.

    Attributes:
        at: when it was read (UTC).
        is_under_way: a start was sent from here, and nothing is seen of it yet.
        is_pausing: energy is offered, and car or load balancing let nothing flow at the moment.
        is_offline: what it shows may be old.
        is_out_of_order: it is faulted or out of service.
        is_by_mode: it is in a charge mode that starts and stops it, which is every one but manual.
        plugged_in_at, started_at: of a session that is not over (UTC).
        energy: kWh that the session has counted.
    """

    at: datetime
    is_plugged_in: bool
    is_charging: bool
    is_pausing: bool = False
    is_offline: bool = False
    is_out_of_order: bool = False
    is_by_mode: bool = False
    is_under_way: bool = False
    plugged_in_at: datetime | None = None
    started_at: datetime | None = None
    energy: float | None = None

    @classmethod
    def of(cls, charger: Charger, at: datetime, *, is_restarting: bool = False) -> Self:
        """Return what a charger shows; `is_restarting` is whether the integration stops and starts it for a new level."""
        command = charger.start_stop
        is_under_way = is_restarting or (command is not None and command.is_pending and command.wish)
        status, session = charger.status, charger.status.session
        is_over = session is None or session.unplugged_at is not None
        is_waiting = (status.connector_status or "").upper() == _CAR_PAUSES or status.is_load_balanced
        return cls(
            at=at,
            is_plugged_in=status.is_plugged_in,
            is_charging=status.is_charging,
            is_pausing=not status.is_charging and is_waiting,
            is_offline=status.is_connected is False,
            is_out_of_order=charger.state in _OUT_OF_ORDER,
            is_by_mode=charger.unknown_mode is not None or charger.mode not in {None, ChargeMode.MANUAL},
            is_under_way=is_under_way and not status.is_charging,
            plugged_in_at=None if is_over or session is None else session.plugged_in_at,
            started_at=None if is_over or session is None else session.started_at,
            energy=session.energy if session else None,
        )


@dataclass(frozen=True, kw_only=True)
class Visit(DataClassDictMixin):
    """A car from the moment it is plugged in until the plug is pulled.

    Attributes:
        began_at: when the planner has seen it first (UTC).
        plugged_in_at: by the cloud (UTC).
        is_offered: energy flows, or flows again by itself.
        is_gone: the plug was pulled.
        has_charged: energy has flowed since then.
        counted: what the session's counter showed last, in kWh.
        taken: kWh that count against the energy wanted.
        sent, sent_at: what the planner has sent last: start or stop, and when (UTC).
        is_followed: the charger was seen to have done it.
        is_in_doubt: the cloud failed when it was sent, and may have passed it on.
        asked_at: when a person has asked here for a start that is not seen yet (UTC).
        hand_before: what a person had done last before that.
    """

    began_at: datetime
    seen_at: datetime
    is_charging: bool
    is_offered: bool = False
    hand: Hand = Hand.NOTHING
    plugged_in_at: datetime | None = None
    is_gone: bool = False
    has_charged: bool = False
    counted: float = 0.0
    taken: float = 0.0
    sent: bool | None = None
    sent_at: datetime | None = None
    is_followed: bool = False
    is_in_doubt: bool = False
    asked_at: datetime | None = None
    hand_before: Hand = Hand.NOTHING

    @classmethod
    def turned_on_at(cls, sight: Sight) -> Self:
        """Return the visit of a car that is there when the planner is turned on: only what it takes from now on counts.

        A charge that runs already is a person's.
        """
        return cls(
            began_at=sight.at,
            seen_at=sight.at,
            is_charging=sight.is_charging,
            is_offered=sight.is_charging,
            hand=Hand.STARTED if sight.is_charging else Hand.NOTHING,
            plugged_in_at=sight.plugged_in_at,
            is_gone=not sight.is_plugged_in,
            has_charged=sight.is_charging or bool(sight.energy),
            counted=sight.energy or 0.0,
        )

    def after(self, sight: Sight) -> Self:
        """Return the visit, or the next one, after a look at the charger."""
        if sight.is_offline:
            return replace(self, seen_at=sight.at)
        if sight.is_out_of_order:
            # Nobody has stopped it, and what starts it afterwards is not what was sent before.
            is_interrupted = self.is_charging and not sight.is_charging
            sent = None if is_interrupted else self.sent
            return replace(self, seen_at=sight.at, is_charging=sight.is_charging, is_offered=sight.is_charging, sent=sent)
        if not sight.is_plugged_in:
            return replace(self, seen_at=sight.at, is_charging=False, is_offered=False, is_gone=True)
        if self._is_another(sight):
            return self._next(sight)
        return self._counted(sight).looked_at(sight)

    def looked_at(self, sight: Sight) -> Self:
        """Return the same visit after a look that has found the car at the plug."""
        if sight.is_by_mode:
            return self._looked_at_in_mode(sight)
        is_as_sent = self.sent is sight.is_charging or (self.sent is True and sight.is_pausing)
        return replace(
            self,
            seen_at=sight.at,
            is_charging=sight.is_charging,
            is_offered=self._is_offered_in(sight),
            hand=self._hand_after(sight),
            plugged_in_at=self.plugged_in_at or sight.plugged_in_at,
            is_gone=False,
            has_charged=self.has_charged or sight.is_charging,
            is_followed=self.is_followed or is_as_sent,
            asked_at=None if sight.is_charging or sight.is_pausing or self._is_asked_in_vain(sight) else self.asked_at,
        )

    def _looked_at_in_mode(self, sight: Sight) -> Self:
        """Return the visit after a look at a charger that starts and stops by itself: that is nobody's.

        What has begun there counts as a person's where it goes on in manual mode.
        """
        return replace(
            self,
            seen_at=sight.at,
            is_charging=self.is_charging and sight.is_charging,
            is_offered=self.is_offered and sight.is_charging,
            plugged_in_at=self.plugged_in_at or sight.plugged_in_at,
            is_gone=False,
            has_charged=self.has_charged or sight.is_charging,
            asked_at=None if sight.is_charging or sight.is_pausing else self.asked_at,
        )

    def asked_by_hand(self, at: datetime, *, is_start: bool) -> Self:
        """Return the visit after a person, or an automation, has asked for a start or a stop here."""
        if not is_start:
            return replace(self, hand=Hand.STOPPED, asked_at=None)
        return replace(self, hand=Hand.STARTED, asked_at=at, hand_before=self.hand if self.asked_at is None else self.hand_before)

    def commanded(self, at: datetime, *, is_start: bool) -> Self:
        """Return the visit after the planner has sent a start or a stop."""
        return replace(self, sent=is_start, sent_at=at, is_followed=False, is_in_doubt=False)

    def not_commanded(self, before: Self) -> Self:
        """Return the visit after a command that has not arrived: what was sent before still counts."""
        return replace(self, sent=before.sent, sent_at=before.sent_at, is_followed=before.is_followed, is_in_doubt=before.is_in_doubt)

    def doubted(self) -> Self:
        """Return the visit after a command that the cloud has failed to answer: it may have arrived."""
        return replace(self, is_in_doubt=True)

    def _is_another(self, sight: Sight) -> bool:
        """Return whether the car was plugged in after this visit: the plug was pulled, seen or not."""
        if self.plugged_in_at is None or sight.plugged_in_at is None:
            return self.is_gone
        return abs(sight.plugged_in_at - self.plugged_in_at) > _SAME_TIME

    def _next(self, sight: Sight) -> Self:
        # The counter may still show the session before: what is less than that was counted by the new one.
        energy = sight.energy or 0.0
        taken = energy if sight.plugged_in_at is not None or energy < self.counted else 0.0
        begun = type(self)(
            began_at=sight.at, seen_at=sight.at, is_charging=False, plugged_in_at=sight.plugged_in_at, counted=energy, taken=taken
        )
        return begun.looked_at(sight)

    def _counted(self, sight: Sight) -> Self:
        if sight.energy is None or sight.energy == self.counted:
            return self
        gained = sight.energy - self.counted if sight.energy > self.counted else sight.energy
        return replace(self, counted=sight.energy, taken=self.taken + gained)

    def _is_offered_in(self, sight: Sight) -> bool:
        """Return whether energy flows, or will as soon as the car wants it or the start is there that is under way.

        A charge that runs goes on when the car takes nothing for a while, whoever started it, unless a stop of the planner is on its way.
        """
        is_running = self.is_offered and (self.sent is None or self.is_followed)
        return sight.is_charging or (sight.is_pausing and (self.sent is True or is_running)) or (sight.is_under_way and self.is_offered)

    def _is_asked_in_vain(self, sight: Sight) -> bool:
        """Return whether nothing came of a start that a person has asked for here: then the plan goes on, so that the car gets ready."""
        if self.asked_at is None or sight.is_charging or sight.is_pausing or sight.is_under_way:
            return False
        return sight.at - self.asked_at > _FOLLOWS_WITHIN

    def _hand_after(self, sight: Sight) -> Hand:
        if self._is_asked_in_vain(sight):
            return self.hand_before
        if self._follows(sight):
            return self.hand
        if sight.is_charging and not self.is_charging:
            return self.hand if self.is_offered or self._begins_with_plug(sight) else Hand.STARTED
        return Hand.STOPPED if self.is_offered and not self._is_offered_in(sight) else self.hand

    def _follows(self, sight: Sight) -> bool:
        """Return whether the charger does what the planner has sent."""
        if self.is_followed or self.sent is not sight.is_charging or self.sent_at is None:
            return False
        within = _FOLLOWS_IN_DOUBT_WITHIN if self.is_in_doubt else _FOLLOWS_WITHIN
        return self.sent_at >= self.seen_at or sight.at - self.sent_at <= within

    def _begins_with_plug(self, sight: Sight) -> bool:
        """Return whether a charge began with the plug, and by itself as far as is known: the first one, at once, with nothing asked."""
        if self.has_charged or self.sent is not None or self.hand is not Hand.NOTHING:
            return False
        if sight.started_at is None or sight.plugged_in_at is None:
            return False
        return timedelta() <= sight.started_at - sight.plugged_in_at <= _BEGINS_WITH_PLUG


@dataclass
class StoredPlan(DataClassDictMixin):
    """What is remembered about the planner of one charger.

    Attributes:
        ready_by: a time of day of the site.
        energy: kWh that a car is to get.
        deadline: the moment of `ready_by` that counts (UTC); `None` before a car was there.
        watts_per_ampere: as measured while a car charged.
        commands: when commands were sent in the last hour (UTC).
        times: beginnings and ends of the planned times (UTC), to go on with after a restart.
    """

    is_on: bool = False
    ready_by: time = time(7)
    energy: float = 10.0
    deadline: datetime | None = None
    visit: Visit | None = None
    watts_per_ampere: float | None = None
    commands: list[datetime] = field(default_factory=list)
    times: list[tuple[datetime, datetime]] = field(default_factory=list)
