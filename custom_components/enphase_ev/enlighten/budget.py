"""How many requests an account sends in an hour at most, and how much slower its polls go so that they fit in (docs/cloud-api/README.md).

The counts live in the account's state, so they hold across restarts.
"""

from dataclasses import dataclass, field
import time

from mashumaro import DataClassDictMixin

from .exceptions import RequestCeiling

# Accounts were seen to get into trouble at about 600.
MOST_PER_HOUR = 480
# What polls leave free for commands, for what confirms them, and for the session; and commands for polls, so that entities stay available.
_RESERVE = 60
# Polls are not slowed down more than this: values would be too old. If that is still too much, requests are refused.
_MOST_STRETCHED = 5.0
_NOTEWORTHY = 1.25
_EXPECTED_FOR = 15
_STORED_EVERY = 10
_HOUR = 60


@dataclass
class RequestBudget(DataClassDictMixin):
    """The requests of the last hour by minute since the epoch: all of them, and the writes among them.

    A minute counts until all of it is more than an hour ago.
    """

    sent: dict[int, int] = field(default_factory=dict)
    writes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # How many polls an hour each part wants to send, and in which minute it said so.
        self._expected: dict[str, tuple[int, float]] = {}
        self._refused_in: int | None = None
        self._strained_since: int | None = None
        self._unstored = 0
        self.pace = 1.0

    def spend(self, *, is_write: bool) -> None:
        """Count a request that is about to be sent.

        Raises:
            RequestCeiling: It would be one too many.
        """
        now = self._forget_old()
        writes, others = self._writes_and_others
        if writes + (max(others, _RESERVE) if is_write else others) >= MOST_PER_HOUR:
            raise self._refusal(now)
        self.sent[now] = self.sent.get(now, 0) + 1
        if is_write:
            self.writes[now] = self.writes.get(now, 0) + 1
        self._unstored += 1

    @property
    def has_room(self) -> bool:
        """Return whether a poll may be sent. When little more than the reserve is left, one poll a minute may be sent."""
        now = self._forget_old()
        writes, others = self._writes_and_others
        is_plenty = writes + others < MOST_PER_HOUR - _RESERVE or self.sent.get(now, 0) == self.writes.get(now, 0)
        return is_plenty and others + max(writes, _RESERVE) < MOST_PER_HOUR

    def check_poll(self) -> None:
        """Allow a poll.

        Raises:
            RequestCeiling: Not now.
        """
        if not self.has_room:
            raise self._refusal(_minute())

    def expect(self, poll: str, per_hour: float) -> float:
        """Say how many requests an hour a poll sends at its usual rhythm; return by how much all of them have to be stretched."""
        now = self._forget_old()
        self._expected[poll] = now, per_hour
        expected = sum(wanted for said_in, wanted in self._expected.values() if said_in > now - _EXPECTED_FOR)
        sustainable = self._sustainable(now)
        self.pace = min(max(expected / sustainable, 1.0), _MOST_STRETCHED) if sustainable > 0 else _MOST_STRETCHED
        self._strained_since = (self._strained_since or now) if self.pace >= _NOTEWORTHY else None
        return self.pace

    @property
    def is_strained(self) -> bool:
        """Return whether polls have been slow for more than an hour, or something was refused in the last one."""
        now = _minute()
        since = self._strained_since
        return (since is not None and now > since + _HOUR) or (self._refused_in is not None and now <= self._refused_in + _HOUR)

    @property
    def is_worth_storing(self) -> bool:
        """Return whether so many requests were counted since the last save that they should be saved, to be known after a restart."""
        return self._unstored >= _STORED_EVERY

    def note_stored(self) -> None:
        """Note that what was counted is being stored."""
        self._unstored = 0

    @property
    def _writes_and_others(self) -> tuple[int, int]:
        writes = sum(self.writes.values())
        return writes, sum(self.sent.values()) - writes

    def _sustainable(self, now: int) -> float:
        """Return how many polls an hour can be sent from now on without ever meeting the reserve.

        What was sent lately stays in the account for most of the coming hour, what was sent long ago makes room soon.
        """
        share = MOST_PER_HOUR - _RESERVE
        rates = [float(share)]
        newer = 0
        for ago in range(_HOUR):
            newer += self.sent.get(now - ago, 0)
            rates.append((share - newer) * _HOUR / (_HOUR - ago))
        return max(min(rates), 0.0)

    def _forget_old(self) -> int:
        """Forget minutes that are more than an hour old, and minutes in the future that a wrong clock has counted."""
        now = _minute()
        for counts in (self.sent, self.writes):
            for minute in [minute for minute in counts if abs(now - minute) > _HOUR]:
                del counts[minute]
        return now

    def _refusal(self, now: int) -> RequestCeiling:
        self._refused_in = now
        return RequestCeiling((min(self.sent) + _HOUR + 1) * 60 - time.time())


def _minute() -> int:
    return int(time.time() // 60)
