"""Limits on trying to sign in: what keeps an account from being locked (docs/cloud-api/auth.md §4).

The limits live in the account's state, so they hold across restarts.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from mashumaro import DataClassDictMixin

from .exceptions import (
    AccountBlocked,
    AuthError,
    InvalidCredentials,
    RateLimited,
    RetryLater,
    ServiceUnavailable,
    SessionExpired,
    TooManySessions,
)

_AFTER_REJECTION = timedelta(minutes=5)
_AFTER_THREE_REJECTIONS = timedelta(hours=24)
_AFTER_BLOCK_OR_QUOTA = timedelta(hours=24)
_AFTER_OUTAGE = timedelta(minutes=5)
_LONGEST_HOLD = timedelta(days=31)
_BETWEEN_TRIES_OF_A_PERSON = timedelta(minutes=1)
_DAY = timedelta(hours=24)
# A session lives about a week. Where sessions die young the cloud has a bad day, and every sign-in opens one more session: after the first
# renewal by password of a day come longer and longer waits.
_BETWEEN_AUTOMATIC_SIGN_INS = (timedelta(0), timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))


class HoldReason(StrEnum):
    """Why the client does not sign in by itself for a while."""

    REJECTED = "rejected"
    BLOCKED = "blocked"
    TOO_MANY_SESSIONS = "too_many_sessions"
    OUTAGE = "outage"


_WORSE_THAN_A_SLIP = {HoldReason.BLOCKED, HoldReason.TOO_MANY_SESSIONS}


@dataclass
class SignInLimits(DataClassDictMixin):
    """What is known about earlier tries. Times are aware UTC; `rejected_at` is that of the last refusal of any kind."""

    rejections: int = 0
    rejected_at: datetime | None = None
    hold_until: datetime | None = None
    hold_reason: HoldReason | None = None
    automatic_sign_ins: list[datetime] = field(default_factory=list)

    @classmethod
    def held(cls, blocked_until: datetime | None, suspended_until: datetime | None) -> Self:
        """Return limits that hold until the later of two times (UTC), as another program knew them.

        A time that is over, or more than a month away, holds nothing.
        """
        now = datetime.now(UTC)
        found = [(blocked_until, HoldReason.BLOCKED), (suspended_until, HoldReason.OUTAGE)]
        holds = [(until, reason) for until, reason in found if until is not None and now < until < now + _LONGEST_HOLD]
        until, reason = max(holds, default=(None, None))
        return cls(hold_until=until, hold_reason=reason)

    def check_person(self) -> None:
        """Allow a sign-in that a person asked for.

        A first refused password may be corrected at once, since a slip of the finger is the usual reason; from the second on, and after
        any other refusal, it is once a minute.

        Raises:
            RetryLater: The last refused try was less than a minute ago.
        """
        is_first_slip = self.rejections < 2 and self.hold_reason not in _WORSE_THAN_A_SLIP
        if is_first_slip or self.rejected_at is None:
            return
        allowed_at = self.rejected_at + _BETWEEN_TRIES_OF_A_PERSON
        if datetime.now(UTC) < allowed_at:
            raise RetryLater("Tried again too soon", retry_at=allowed_at)

    def check_automatic(self) -> None:
        """Allow a sign-in that no person asked for.

        Raises:
            AuthError: Not now; of the kind that tells why.
        """
        now = datetime.now(UTC)
        if self.hold_until is not None and now < self.hold_until:
            raise self._held()
        self.automatic_sign_ins = [moment for moment in self.automatic_sign_ins if moment > now - _DAY]
        tries = len(self.automatic_sign_ins)
        if tries == 0:
            return
        if tries < len(_BETWEEN_AUTOMATIC_SIGN_INS):
            allowed_at = self.automatic_sign_ins[-1] + _BETWEEN_AUTOMATIC_SIGN_INS[tries]
        else:
            allowed_at = self.automatic_sign_ins[0] + _DAY
        if now < allowed_at:
            raise SessionExpired("The sessions of this account end too soon", retry_at=allowed_at)

    def record_automatic(self) -> None:
        """Count a sign-in that no person asked for."""
        self.automatic_sign_ins.append(datetime.now(UTC))

    def record_success(self) -> None:
        """Forget what went wrong before."""
        self.rejections = 0
        self.rejected_at = self.hold_until = self.hold_reason = None

    def record_failure(self, error: AuthError | ServiceUnavailable | RateLimited) -> None:
        """Remember a sign-in that was refused, or one that no person asked for and that met an outage."""
        now = datetime.now(UTC)
        if isinstance(error, InvalidCredentials | AccountBlocked | TooManySessions):
            self.rejected_at = now
        if isinstance(error, InvalidCredentials):
            self.rejections += 1
            self.hold_reason = HoldReason.REJECTED
            self.hold_until = now + (_AFTER_REJECTION if self.rejections < 3 else _AFTER_THREE_REJECTIONS)
        elif isinstance(error, AccountBlocked):
            self.hold_reason, self.hold_until = HoldReason.BLOCKED, now + _AFTER_BLOCK_OR_QUOTA
        elif isinstance(error, TooManySessions):
            self.hold_reason, self.hold_until = HoldReason.TOO_MANY_SESSIONS, now + _AFTER_BLOCK_OR_QUOTA
        elif isinstance(error, RateLimited):
            self._record_outage(max(_AFTER_OUTAGE, timedelta(seconds=error.retry_after or 0)))
        elif isinstance(error, ServiceUnavailable) and not error.may_have_arrived:
            self._record_outage(_AFTER_OUTAGE)

    def _record_outage(self, wait: timedelta) -> None:
        """Do not count the attempt, since no session was opened, but let the next one wait."""
        self.automatic_sign_ins = self.automatic_sign_ins[:-1]
        self.hold_reason, self.hold_until = HoldReason.OUTAGE, datetime.now(UTC) + wait

    def _held(self) -> AuthError:
        match self.hold_reason:
            case HoldReason.BLOCKED:
                return AccountBlocked("Enphase has locked the account", retry_at=self.hold_until)
            case HoldReason.TOO_MANY_SESSIONS:
                return TooManySessions("The account has too many active sessions", retry_at=self.hold_until)
            case HoldReason.OUTAGE:
                return SessionExpired("The session has ended and the sign-in is out of order", retry_at=self.hold_until)
            case _:
                return InvalidCredentials("The e-mail address or the password was refused")
