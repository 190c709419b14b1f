"""Decides when requests of one family (battery, tariff, …) have to wait, and when the whole account has to.

`Silences` keeps track of HTTP 429: the cloud asks to slow down. `Refusals` keeps track of 401 and the like: the cloud refuses a family
although the session is alive, so signing in again would not help.

Source: docs/cloud-api/README.md, its paragraph on HTTP 429.
"""

from datetime import UTC, datetime, timedelta

from .transport import Family, Request

# Where this many families are throttled at the same time, the account waits as a whole (docs/cloud-api/README.md).
_FAMILIES_OF_AN_ACCOUNT = 3
# How long to wait after a 429 without `Retry-After`. Not used for the status: the charger's coordinator chooses a better time.
_SILENCE = timedelta(minutes=1)
# How long a refusal by a live session is believed before the session is checked again. This doubles each time, up to a day.
_SETTLED_FOR = timedelta(minutes=15)
_SETTLED_FOR_AT_MOST = timedelta(days=1)
_MOST_DOUBLINGS = 7


class Silences:
    """The families that the cloud has throttled, and until when each has to wait.

    A 429 stops its own family only: a throttled state of charge says nothing about the chargers. All families wait while the status is
    throttled, or while three families are.
    """

    def __init__(self) -> None:
        self._until: dict[Family, datetime] = {}

    def note(self, family: Family, retry_after: float | None) -> None:
        """Note a 429; `retry_after` is in seconds, `None` where the answer did not say."""
        unnamed = timedelta() if family is Family.STATUS else _SILENCE
        silence = unnamed if retry_after is None else timedelta(seconds=retry_after)
        self._until[family] = datetime.now(UTC) + silence

    def seconds_left(self, family: Family) -> float | None:
        """Return for how many more seconds a family must not be read; `None` where it may be read now."""
        now = datetime.now(UTC)
        self._until = {one: until for one, until in self._until.items() if until > now}
        ends = [until for one, until in self._until.items() if one in {family, Family.STATUS}]
        every = sorted(self._until.values(), reverse=True)
        ends += every[_FAMILIES_OF_AN_ACCOUNT - 1 : _FAMILIES_OF_AN_ACCOUNT]
        return (max(ends) - now).total_seconds() if ends else None


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

    def settle(self, request: Request) -> None:
        """Note that a request was refused although the session had just been renewed."""
        refused = self._families.setdefault(request.family, _Refused())
        refused.until = datetime.now(UTC) + min(_SETTLED_FOR * 2 ** min(refused.times, _MOST_DOUBLINGS), _SETTLED_FOR_AT_MOST)
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
