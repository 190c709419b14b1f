"""The steps of the keeper, what was read last, and how long things take in the cloud.

Source: docs/cloud-api/battery.md §4 to §6.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ..enlighten import BatteryEntry, BatteryFamily, BatteryProfile, BatterySchedules, BatterySettings, BatteryWish, has_whole_form
from .ledger import ChangeState, Expected, Intent

# The cloud drops entries some seconds after a write: a read before that would still show them.
SETTLE = timedelta(seconds=15)
# Two reads must be at least this far apart to prove something together.
APART = timedelta(seconds=20)
# Reads can lag behind by a minute and a half: a read shows everything that is older than this.
LAG = timedelta(seconds=100)
UNSEEN_FOR = timedelta(minutes=3)
LOOK_EVERY = timedelta(seconds=60)
CONFIRMED_WITHIN = timedelta(minutes=15)
MOST_WRITES = 6
# After so many empty answers in a row, a write believes that there are no entries.
SURELY_EMPTY = 3
# When an apply that was refused is tried again, counted from the write that made it necessary.
APPLY_AGAIN = tuple(timedelta(minutes=minutes) for minutes in (0, 5, 10, 20, 35, 55))
APPLY_FOR = timedelta(hours=1)


@dataclass
class Reading:
    """What was read last of the cloud, and when (UTC).

    Attributes:
        last_told: the entries of each family in the last answer that told of it and can be believed.
        empty_since, empty_reads: since when all answers had no entry at all, and how many they were.
        has_shown: whether any answer has ever had an entry.
    """

    settings: BatterySettings | None = None
    settings_at: datetime | None = None
    schedules: BatterySchedules | None = None
    schedules_at: datetime | None = None
    profile: BatteryProfile | None = None
    profile_at: datetime | None = None
    last_told: dict[BatteryFamily, tuple[BatteryEntry, ...]] = field(default_factory=dict)
    empty_since: datetime | None = None
    empty_reads: int = 0
    has_shown: bool = False

    @property
    def is_sure(self) -> bool:
        """Return whether an entry that the last answer lacks is gone: one empty answer is no proof, nor are two right after one another."""
        if self.empty_since is None or self.schedules_at is None:
            return True
        return self.schedules_at - self.empty_since >= APART or (self.empty_reads >= SURELY_EMPTY and not self.has_shown)

    def take(
        self,
        now: datetime,
        *,
        settings: BatterySettings | None = None,
        schedules: BatterySchedules | None = None,
        profile: BatteryProfile | None = None,
    ) -> None:
        """Take what was read now."""
        if settings is not None:
            self.settings, self.settings_at = settings, now
        if profile is not None:
            self.profile, self.profile_at = profile, now
        if schedules is not None:
            both = [one for one in (self.schedules, schedules) if one is not None]
            lacks_group = any(not is_told(one, family) for one in both for family in self.last_told)
            self.schedules, self.schedules_at = schedules, now
            is_empty = not schedules.entries
            self.has_shown = self.has_shown or not is_empty
            # A group that is missing may hold what there is: the time in which all was empty begins after it.
            self.empty_since = (now if lacks_group else self.empty_since or now) if is_empty else None
            self.empty_reads = self.empty_reads + 1 if is_empty else 0
            is_doubtful = is_empty and (self.empty_reads < SURELY_EMPTY or not self.is_sure)
            for family, found in schedules.families.items():
                if found.is_told and not is_doubtful:
                    self.last_told[family] = found.entries


class Read(NamedTuple):
    """Read one or several of these."""

    settings: bool = False
    schedules: bool = False
    profile: bool = False


class Rest(NamedTuple):
    """Do nothing until then, or until somebody wants something."""

    until: datetime


class AtRest(NamedTuple):
    """Nothing is left to do or to wait for."""


class DeleteEntry(NamedTuple):
    """Delete an entry for an intent."""

    entry: BatteryEntry
    intent: Intent | None


class WriteEntry(NamedTuple):
    """Add an entry (without an id) or change one (with its id), for an intent; or put one back."""

    entry: BatteryEntry
    intent: Intent | None = None
    expected: Expected | None = None


class WriteSettings(NamedTuple):
    """Write settings for intents, and apply families."""

    wish: BatteryWish
    applied: tuple[BatteryFamily, ...]
    intents: tuple[Intent, ...]
    names_source: bool
    is_whole: bool


class WriteAlone(NamedTuple):
    """Choose a profile, switch storm guard, or set the car's share: each has a write of its own, for one intent and nothing else."""

    intent: Intent
    names_source: bool


type Write = DeleteEntry | WriteEntry | WriteSettings | WriteAlone


type Step = Write | Read | Rest | AtRest


class WishForm(NamedTuple):
    """How a wish is sent: with all settings instead of what it changes alone, and with the other `source` than the form before."""

    is_whole: bool = False
    is_other_source: bool = False


PLAIN_FORM = WishForm()


def forms(intent: Intent) -> list[WishForm]:
    """Return the forms of a wish in the order in which they are tried."""
    whole = [WishForm(is_whole=True)] if has_whole_form(intent.wish) else []
    plain = [PLAIN_FORM] * (2 if intent.was_pending else 1)
    if intent.wish.is_battery_for_car:
        # Its write has no query in which a source could stand.
        return plain
    return [*plain, *whole, WishForm(is_other_source=True), *whole]


def is_just_sent(intent: Intent, now: datetime) -> bool:
    """Return whether an intent was sent so lately that a late read may not show it yet; one that has failed does not count."""
    return intent.sent_at is not None and now - intent.sent_at < UNSEEN_FOR and intent.state is not ChangeState.FAILED


def is_unseen(one: Expected) -> bool:
    """Return whether an entry was written here and has not been seen since."""
    return one.written_at is not None and one.seen_at is None


def is_told(schedules: BatterySchedules, family: BatteryFamily) -> bool:
    """Return whether an answer says anything of a family."""
    found = schedules.families.get(family)
    return found is not None and found.is_told
