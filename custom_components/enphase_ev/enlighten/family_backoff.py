"""What the refusals of one family of requests mean for that family, and when they mean the whole account."""

from datetime import UTC, datetime, timedelta

from .transport import Family, Request

# So many families that are throttled at the same time are the account's affair (docs/cloud-api/README.md).
_FAMILIES_OF_AN_ACCOUNT = 3
# Where the cloud names no time. For the status its coordinator knows a better one.
_SILENCE = timedelta(minutes=1)
# How long a refusal counts as the answer of a family, after the session was proven alive, before it is looked into again: longer each time.
_SETTLED_FOR = timedelta(minutes=15)
_SETTLED_FOR_AT_MOST = timedelta(days=1)
_MOST_DOUBLINGS = 7


class Silences:
    """Which families the cloud asks to slow down, and until when.

    A silence is that of one family: a throttled state of charge says nothing about the chargers. It is the account's where the status is
    throttled, or three families are.
    """

    def __init__(self) -> None:
        self._until: dict[Family, datetime] = {}

    def note(self, family: Family, retry_after: float | None) -> None:
        """Note a 429; `retry_after` in seconds, `None` where the cloud named no time."""
        unnamed = timedelta() if family is Family.STATUS else _SILENCE
        silence = unnamed if retry_after is None else timedelta(seconds=retry_after)
        self._until[family] = datetime.now(UTC) + silence

    def seconds_left(self, family: Family) -> float | None:
        """Return how long nothing may be read of a family; `None` where it may."""
        now = datetime.now(UTC)
        self._until = {one: until for one, until in self._until.items() if until > now}
        ends = [until for one, until in self._until.items() if one in {family, Family.STATUS}]
        every = sorted(self._until.values(), reverse=True)
        ends += every[_FAMILIES_OF_AN_ACCOUNT - 1 : _FAMILIES_OF_AN_ACCOUNT]
        return (max(ends) - now).total_seconds() if ends else None


class _Refused:
    """A family that refuses a session that is alive: from when on that is looked into again, how often it was, and for which paths."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.times = 0
        self.until = datetime.min.replace(tzinfo=UTC)


class Refusals:
    """Which families refuse although the session is alive: none of their refusals is worth a renewal for a while."""

    def __init__(self) -> None:
        self._families: dict[Family, _Refused] = {}

    def is_settled(self, request: Request) -> bool:
        """Return whether a refusal of this family was looked into lately and was not about the session."""
        refused = self._families.get(request.family)
        return refused is not None and datetime.now(UTC) < refused.until

    def settle(self, request: Request) -> None:
        """Note that a request was refused with a session that was just renewed."""
        refused = self._families.setdefault(request.family, _Refused())
        refused.until = datetime.now(UTC) + min(_SETTLED_FOR * 2 ** min(refused.times, _MOST_DOUBLINGS), _SETTLED_FOR_AT_MOST)
        refused.times += 1
        refused.paths.add(request.path)

    def note(self, request: Request, *, is_refused: bool) -> None:
        """Note how a request ended. Of a family some paths can answer and others not; it is well when all of them do."""
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
