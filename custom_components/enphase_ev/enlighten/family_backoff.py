"""Decides when requests of one kind have to wait, and when the whole account has to.

`Silences` keeps track of HTTP 429, path by path: the cloud asks to slow down. `Refusals` keeps track of 401 and the like: the cloud
refuses a family although the session is alive, so signing in again would not help.

Source: docs/cloud-api/README.md, its paragraph on HTTP 429.
"""

from datetime import UTC, datetime, timedelta
import re

from .transport import Family, Request

# Where this many families are throttled at the same time, the account waits as a whole (docs/cloud-api/README.md).
_FAMILIES_OF_AN_ACCOUNT = 3
# How long to wait after a 429 without `Retry-After`. Not used for the status: the charger's coordinator chooses a better time.
_SILENCE = timedelta(minutes=1)
# How long a refusal by a live session is believed before the session is checked again. This doubles each time, up to a day.
_SETTLED_FOR = timedelta(minutes=15)
_SETTLED_FOR_AT_MOST = timedelta(days=1)
_MOST_DOUBLINGS = 7
# What nothing works without is looked into more often.
_SETTLED_STATUS_FOR_AT_MOST = timedelta(hours=1)
# Parts of a path that say which site or which charger: what is throttled for one charger is for all.
_NUMBERED = re.compile(r"[^/]*\d[^/]*")


class Silences:
    """What the cloud has throttled, and until when each has to wait.

    A 429 stops what was asked for only: a throttled state of charge says nothing about the chargers, and a throttled storm alert nothing
    about the battery's settings. Every read waits while the status is throttled, or while three families are. A command waits only where
    it was throttled itself, for the time that the cloud has named.
    """

    def __init__(self) -> None:
        self._until: dict[tuple[Family, str], datetime] = {}
        self._commands_until: dict[tuple[str, str], datetime] = {}

    def note(self, request: Request, retry_after: float | None) -> None:
        """Note a 429; `retry_after` is in seconds, `None` where the answer did not say."""
        unnamed = timedelta() if request.family is Family.STATUS else _SILENCE
        silence = unnamed if retry_after is None else timedelta(seconds=retry_after)
        self._until[_kind(request)] = datetime.now(UTC) + silence
        if request.is_write and retry_after is not None:
            self._commands_until[_command(request)] = datetime.now(UTC) + silence

    def seconds_left(self, request: Request) -> float | None:
        """Return for how many more seconds a request must not be sent; `None` where it may be sent now."""
        now = datetime.now(UTC)
        if request.is_write:
            until = self._commands_until.get(_command(request), now)
            return (until - now).total_seconds() if until > now else None
        self._until = {one: until for one, until in self._until.items() if until > now}
        ends = [until for one, until in self._until.items() if one == _kind(request) or one[0] is Family.STATUS]
        of_family: dict[Family, datetime] = {}
        for (family, _), until in self._until.items():
            of_family[family] = max(until, of_family.get(family, until))
        every = sorted(of_family.values(), reverse=True)
        ends += every[_FAMILIES_OF_AN_ACCOUNT - 1 : _FAMILIES_OF_AN_ACCOUNT]
        return (max(ends) - now).total_seconds() if ends else None


def _kind(request: Request) -> tuple[Family, str]:
    """Return what a request asks for, whichever site and charger it is about."""
    return request.family, _NUMBERED.sub("*", request.path.partition("?")[0])


def _command(request: Request) -> tuple[str, str]:
    """Return which command a request gives, whichever site and charger it is for."""
    return request.method, _kind(request)[1]


class _Refused:
    """A family that refuses a live session: the refused paths, how often this was checked, and when it is due to be checked again."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.times = 0
        self.until = datetime.min.replace(tzinfo=UTC)


class Refusals:
    """The families that refuse although the session is alive: for a while, their refusals do not cause the session to be renewed."""

    def __init__(self) -> None:
        self._families: dict[Family, _Refused] = {}

    def is_settled(self, request: Request) -> bool:
        """Return whether a refusal of this family was checked recently and the session was not the reason."""
        refused = self._families.get(request.family)
        return refused is not None and datetime.now(UTC) < refused.until

    def is_known(self, request: Request) -> bool:
        """Return whether this very request was refused, and that this was checked recently."""
        return self.is_settled(request) and request.path in self._families[request.family].paths

    def is_doubted(self, request: Request) -> bool:
        """Return whether this family has refused a session that was new, and has not answered since."""
        return request.family in self._families

    def settle(self, request: Request) -> None:
        """Note that a request was refused although the session had just been renewed."""
        refused = self._families.setdefault(request.family, _Refused())
        at_most = _SETTLED_FOR_AT_MOST if request.is_optional else _SETTLED_STATUS_FOR_AT_MOST
        refused.until = datetime.now(UTC) + min(_SETTLED_FOR * 2 ** min(refused.times, _MOST_DOUBLINGS), at_most)
        refused.times += 1
        refused.paths.add(request.path)

    def note(self, request: Request, *, is_refused: bool) -> None:
        """Note whether a request was refused or answered.

        In one family, some paths can be refused while others are answered: it is forgotten once every refused path was answered again.
        """
        refused = self._families.get(request.family)
        if refused is None:
            return
        if is_refused:
            refused.paths.add(request.path)
            return
        refused.paths.discard(request.path)
        if not refused.paths:
            del self._families[request.family]

    def clear(self) -> None:
        """Forget everything: there is a new session."""
        self._families.clear()
