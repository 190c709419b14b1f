"""Follows one charger from poll to poll: its counters, and whether it does what it was asked to."""

from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo

from ..const import LOGGER
from ..enlighten import ChargeMode, ChargeModePreference, ChargerStatus, ChargerSummary, CommandReply, Outcome
from ..waiting import Due
from .energy import DayMeter, LifetimeMeter, Reading, is_believable_day
from .model import Charger, ChargerDetails, Command, CommandState, SourceState
from .power import PowerMeter, most_watts
from .store import SiteStore

_DEFAULT_LEVEL = 32.0
# A charger that does not apply a new level within this time has to be stopped and started (docs/cloud-api/chargers.md §3).
# The poll half a minute after the command is late enough to notice that.
_LEVEL_TAKEN_OVER_WITHIN = timedelta(seconds=25)

# Two reports around midnight that are further apart than this may hold hours of energy: the cloud says how much belongs to which day.
_LONGEST_WATCHED_GAP = timedelta(minutes=15)

# For this long after session, plug or connection have changed, summaries are asked for: the charger reports twice in it.
_SETTLES_WITHIN = timedelta(minutes=11)

_MISSED_ANSWERS_OF_GONE = 3
_MISSING_TIME_OF_GONE = timedelta(hours=1)


class ChargerTracker:
    """What is kept about one charger.

    Attributes:
        status, seen_at: the last answer that held it, and when (UTC).
        missing_since, missed_answers: since when and how often good answers have not held it.
        summary_of_report: the report that the summary was asked for after.
        modes_due: when the charge mode is asked for next.
        start_stop, mode_change, level_change: what was asked for last.
        restarts_with: the level (A) with which it is about to be started again, after it was stopped because it ignored that level.
        details: what is asked for at a slower rhythm.
    """

    def __init__(self, serial: str, store: SiteStore) -> None:
        self.serial = serial
        self.status: ChargerStatus | None = None
        self.seen_at: datetime | None = None
        self.missing_since: datetime | None = None
        self.missed_answers = 0
        self.summary: ChargerSummary | None = None
        self.summary_of_report: datetime | None = None
        self.preference: ChargeModePreference | None = None
        self.is_preference_outdated = False
        self.modes_due = Due()
        self.start_stop: Command[bool] | None = None
        self.mode_change: Command[ChargeMode] | None = None
        self.level_change: Command[float] | None = None
        self.restarts_with: float | None = None
        self.details = ChargerDetails()
        self._store = store
        self._memory = store.charger(serial)
        self._power = PowerMeter()
        self._busy_at: datetime | None = None
        self._was_stopped = False
        # The level (A) that the charger has taken last in this session, and whether it has refused the one that was asked for.
        self._taken_level: float | None = None
        self._is_level_refused = False
        # The levels (A) that a charger can be at which ignores the one that was asked for last; `None` where it tells none.
        self._levels_before: frozenset[float | None] = frozenset()
        # The report before a gain that nobody watched, until the day has counted it.
        self._unwatched_since: datetime | None = None

    # --- What is asked for ---

    @property
    def gives_up_at(self) -> datetime | None:
        """Return when the next command that has not been seen yet counts as failed; `None` where there is none."""
        commands = (self.start_stop, self.mode_change, self.level_change)
        return min((command.gives_up_at for command in commands if command is not None and command.is_pending), default=None)

    @property
    def wished_level(self) -> float:
        """Return the stored wish, else a level of the charger's own, else 32 A or its most; on one of the charger's steps.

        A charger that takes no level goes by its own, whatever a person has wished for.
        """
        wished = None if self.refuses_level else self._memory.wished_level
        level = wished or self._own_level or _DEFAULT_LEVEL
        limits = self.summary.limits if self.summary else None
        return limits.nearest_below(level) if limits else level

    @property
    def _own_level(self) -> float | None:
        """Return the level (A) that is in force, or the one that it starts with by itself, or that of its last session.

        A level that nobody has chosen here is never above what was chosen elsewhere.
        """
        status, summary = self.status, self.summary
        in_force = status.level if status else None
        default = self.details.default_level or (summary.default_level if summary else None)
        of_session = status.session.level if status and status.session else None
        return in_force or default or of_session or self._memory.seen_level

    @property
    def refuses_level(self) -> bool:
        """Return whether the charger has refused every level with the firmware that it has (docs/cloud-api/chargers.md §3)."""
        refused_by = self._memory.level_refused_by
        return refused_by is not None and (self.summary is None or refused_by == (self.summary.firmware or ""))

    def wish(self, level: float) -> None:
        """Store the level (A) that the next start uses."""
        self._memory.wished_level = level
        self._store.save()

    def take_level_reply(self, before: Charger, level: float, reply: CommandReply, now: datetime, *, is_change: bool) -> None:
        """Take in the reply to a start with a level (A). If it changes a running session, the level has to be confirmed.

        `before` is the charger as it was when the start was sent.

        A charger that says no more than that it charges already keeps the level that it has. That is this one where it has taken it before;
        otherwise only its own word can confirm it.
        """
        if reply.is_level_refused:
            self._memory.level_refused_by = (self.summary.firmware if self.summary else None) or ""
            self._store.save()
        self._levels_before = self._levels_of_one_that_ignores(before)
        self.level_change = Command(wish=level, requested_at=now) if is_change and not reply.is_level_left_out else None
        self._is_level_refused = reply.outcome is Outcome.ALREADY_CHARGING and level != self._taken_level
        if reply.outcome is Outcome.ACCEPTED and not reply.is_level_left_out:
            self._taken_level = level

    def _levels_of_one_that_ignores(self, before: Charger) -> frozenset[float | None]:
        """Return the level that a charger had before a command, and those that were on their way to it from here."""
        levels = {before.status.level}
        if before.level_change is not None and before.level_change.is_pending:
            levels |= {before.level_change.wish, *self._levels_before}
        if not before.status.is_charging:
            # A start is under way.
            levels.add(self._taken_level)
        return frozenset(levels)

    def is_level_of_others(self, status: ChargerStatus, wish: float) -> bool:
        """Return whether a charger charges at a level that neither was asked for here nor was there before: somebody else has chosen it."""
        return status.is_charging and status.level is not None and status.level != wish and status.level not in self._levels_before

    @property
    def ignores_level(self) -> bool:
        """Return whether the last status shows a charging charger at its level of before although another was asked for some time ago."""
        change = self.level_change
        return (
            change is not None
            and change.is_pending
            and self.status is not None
            and self.status.is_charging
            and self.status.level in self._levels_before
            and self.seen_at is not None
            and self.seen_at >= change.requested_at + _LEVEL_TAKEN_OVER_WITHIN
        )

    def is_settled(self, now: datetime) -> bool:
        """Return whether the charger is idle, so that counter and connection stay as the summary has them."""
        is_doubted = self._memory.lifetime is not None and self._memory.lifetime.doubted is not None
        is_busy = self._busy_at is not None and now < self._busy_at + _SETTLES_WITHIN
        return self.summary is not None and not is_doubted and not is_busy

    # --- What the cloud says ---

    def take_status(self, status: ChargerStatus, now: datetime, cloud_time: datetime) -> None:
        """Take in a status, and compare it with what was asked for. Durations use the cloud's clock, as its times do."""
        before = self.status or status
        if before.looks_green is not status.looks_green:
            # The mode was changed elsewhere: a start must not send a level in green mode (docs/cloud-api/chargers.md §3).
            self.is_preference_outdated = True
            self.modes_due.at_once()
        is_other_situation = (before.is_plugged_in, before.is_connected) != (status.is_plugged_in, status.is_connected)
        if is_other_situation or before.schedule_types != status.schedule_types:
            self.modes_due.at_once()
        if is_other_situation or status.is_charging:
            self._busy_at = now
        self.status, self.seen_at = status, now
        if status.level and status.level != self._memory.seen_level:
            self._memory.seen_level = status.level
            self._store.save()
        self.missing_since, self.missed_answers = None, 0
        if status.is_charging:
            # It goes to the disk with the energy that is counted meanwhile.
            self._memory.charging_seen_at = cloud_time
        if not status.is_plugged_in:
            self._taken_level = None
        if status.is_charging or not status.is_plugged_in:
            self._was_stopped = False
        reason = (status.connector_status or "").lower() or None
        if (command := self.start_stop) is not None:
            self.start_stop = command.observe(status.is_charging, now, reason)
            if command.is_pending and self.start_stop.state is CommandState.FAILED:
                wish = "start" if command.wish else "stop"
                # Whether the cloud has taken the command, queued it or found nothing to do: what counts is what the charger says.
                LOGGER.warning("The charger was asked to %s charging and has not done it: it says %s", wish, reason)
            if command.is_pending and self.start_stop.state is CommandState.CONFIRMED:
                self._was_stopped = not command.wish
        if (mode_change := self.mode_change) is not None:
            self.mode_change = mode_change.observe(self.preference.mode if self.preference else None, now)
        self._observe_level(before, status, now)

    def _observe_level(self, before: ChargerStatus, status: ChargerStatus, now: datetime) -> None:
        """Compare a status with the level that was asked for."""
        if (level_change := self.level_change) is None:
            return
        is_over = before.is_charging and not status.is_charging
        if level_change.is_pending and (is_over or self.is_level_of_others(status, level_change.wish)):
            LOGGER.debug("The level %s is overtaken: the session has ended, or the level was chosen elsewhere", level_change.wish)
            self.level_change = None
            return
        # Many chargers do not report their level: then the cloud's reply counts.
        is_vouched_for = status.is_charging and status.level is None and not self._is_level_refused
        level = level_change.wish if is_vouched_for else status.level
        self.level_change = level_change.observe(level, now, (status.connector_status or "").lower() or None)

    def take_preference(self, preference: ChargeModePreference) -> None:
        """Take in how the charger decides when to charge."""
        self.preference, self.is_preference_outdated = preference, False

    def take_summary(self, summary: ChargerSummary) -> None:
        """Take in a summary; limits that are missing from it stay what they were."""
        is_first = self.summary is None
        limits = summary.limits or (self.summary.limits if self.summary else None)
        self.summary = replace(summary, limits=limits)
        self.summary_of_report = self.status.last_reported if self.status else None
        if summary.lifetime_energy is None:
            return
        reading = Reading(summary.lifetime_energy, summary.last_reported or self.summary_of_report)
        meter = self._memory.lifetime
        now = self._memory.lifetime = meter.take(reading, most_watts(self.summary)) if meter else LifetimeMeter.start(reading)
        if now == meter:
            return
        self._store.save()
        if meter is not None and now.value != meter.value and (is_first or now.seconds_since(meter) > _LONGEST_WATCHED_GAP.total_seconds()):
            self._unwatched_since = meter.accepted.reported_at

    def miss_summary(self) -> None:
        """Note that the summaries left the charger out: it is looked for again after its next report."""
        self.summary_of_report = self.status.last_reported if self.status else None

    def miss(self, now: datetime) -> None:
        """Note that an answer did not list the charger."""
        self.missed_answers += 1
        self.missing_since = self.missing_since or now

    def is_missing_for_long(self, now: datetime) -> bool:
        """Return whether the charger was missing from enough answers, for long enough, that it may be gone."""
        return (
            self.missing_since is not None
            and self.missed_answers >= _MISSED_ANSWERS_OF_GONE
            and now >= self.missing_since + _MISSING_TIME_OF_GONE
        )

    # --- The day ---

    @property
    def lifetime_energy(self) -> float | None:
        """Return the lifetime counter in Wh."""
        return self._memory.lifetime.value if self._memory.lifetime else None

    def wants_day(self, zone: tzinfo, today: date) -> bool:
        """Return whether the day's beginning has to be asked for: it was not counted, or midnight fell into a long gap between reports."""
        if self.lifetime_energy is None:
            return False
        since = self._unwatched_since
        return self._memory.day is None or (since is not None and since.astimezone(zone).date() != today)

    def begin_day(self, zone: tzinfo, now: datetime, energy: float | None) -> None:
        """Begin a day with the energy (Wh) that the cloud has counted for it, from zero where it does not tell, or tells too much."""
        if (lifetime := self.lifetime_energy) is not None:
            today = now.astimezone(zone)
            elapsed = now - today.replace(hour=0, minute=0, second=0, microsecond=0)
            if energy is not None and not is_believable_day(energy, elapsed, most_watts(self.summary)):
                LOGGER.warning("The cloud tells more energy for today than the charger can have drawn; it is left out")
                energy = None
            self._memory.day = DayMeter(today.date(), energy or 0.0, lifetime)
            self._unwatched_since = None
            self._store.save()

    def count_day(self, zone: tzinfo, now: datetime) -> None:
        """Count what the charger has gained for the day on which it reported it."""
        meter, lifetime = self._memory.day, self._memory.lifetime
        if meter is None or lifetime is None:
            return
        reported_on = (lifetime.accepted.reported_at or now).astimezone(zone).date()
        counted = meter.take(lifetime.value, reported_on, now.astimezone(zone).date())
        self._unwatched_since = None
        if counted != meter:
            self._memory.day = counted
            self._store.save()

    # --- The charger as a whole ---

    def build(self, nominal_voltage: float, source: SourceState | None) -> Charger | None:
        """Return the charger as entities see it; `None` before it was first seen."""
        status = self.status
        if status is None or self.seen_at is None:
            return None
        charger = Charger(
            status=status,
            summary=self.summary,
            preference=self.preference,
            is_preference_outdated=self.is_preference_outdated,
            power=None,
            lifetime_energy=self.lifetime_energy,
            energy_today=self._memory.day.energy if self._memory.day else None,
            wished_level=self.wished_level,
            refuses_level=self.refuses_level,
            taken_level=self._taken_level,
            session_duration=_session_duration(status, self._memory.charging_seen_at),
            start_stop=self.start_stop,
            was_stopped=self._was_stopped,
            mode_change=self.mode_change,
            level_change=self.level_change,
            details=self.details,
            source=source,
        )
        return replace(charger, power=self._power.read(status, self.seen_at, self.summary, nominal_voltage, charger.level_in_force))


def _session_duration(status: ChargerStatus, charging_seen_at: datetime | None) -> timedelta | None:
    """Return how long the session has charged, to the minute: until now, until it was last seen charging, or until the plug was pulled."""
    session = status.session
    if session is None or session.started_at is None:
        return None
    ended_at = charging_seen_at or session.unplugged_at
    if ended_at is None or ended_at < session.started_at:
        ended_at = session.unplugged_at or session.started_at
    return timedelta(minutes=max((ended_at - session.started_at) // timedelta(minutes=1), 0))
