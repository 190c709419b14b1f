"""The errors of the client; it raises no others.

Every error keeps the cloud's own code and message where it gave one. None of them carries a password, a token, a cookie, an e-mail
address, a serial number or a URL.
"""

from datetime import datetime

# The code of a refusal while storm guard is active (docs/cloud-api/battery.md §8).
STORM_GUARD_ACTIVE = "STORM_GUARD_ACTIVE"


class EnlightenError(Exception):
    """Something about the Enlighten cloud went wrong."""


class AuthError(EnlightenError):
    """The account is not signed in.

    `retry_at` (UTC) is set when the client will try again by itself then; until that time it sends no sign-in. Without it a person has
    to sign in.
    """

    def __init__(self, message: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class InvalidCredentials(AuthError):
    """The e-mail address or the password is wrong (docs/cloud-api/auth.md §1)."""


class CodeRequired(AuthError):
    """A one-time code is needed; `rejected` says that the code just given was wrong (docs/cloud-api/auth.md §2)."""

    def __init__(self, message: str, *, rejected: bool = False) -> None:
        super().__init__(message)
        self.rejected = rejected


class AccountBlocked(AuthError):
    """Enphase has locked the account, or its one-time codes, for a while (docs/cloud-api/auth.md §1)."""


class TooManySessions(AuthError):
    """The account has too many active sessions; trying again makes it worse (docs/cloud-api/auth.md §1)."""


class SessionExpired(AuthError):
    """The session is gone and could not be renewed without a person (docs/cloud-api/auth.md §3)."""


class SessionRenewed(AuthError):
    """The session was found dead in the middle of a change and is renewed: the change starts again from its first read.

    Source: docs/cloud-api/auth.md §3.
    """


class RetryLater(AuthError):
    """A person tried to sign in again too soon; nothing was sent (docs/cloud-api/auth.md §4)."""


class RateLimited(EnlightenError):
    """The cloud throttles this account. `retry_after` is in seconds, `None` where the cloud named no time."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__("The Enlighten cloud asks to slow down")
        self.retry_after = retry_after


class RequestCeiling(RateLimited):
    """Nothing was sent: this account has reached the limit of requests in an hour."""


class ServiceUnavailable(EnlightenError):
    """The cloud, or one of its services, cannot be reached or is out of order.

    `may_have_arrived` says that a request was under way when the connection broke or the time ran out: a write may have taken effect.
    `cloud_message` are the cloud's own words about it.
    """

    def __init__(self, message: str, *, may_have_arrived: bool = False, cloud_message: str | None = None) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived
        self.cloud_message = cloud_message


class Unreachable(ServiceUnavailable):
    """There was no connection: nothing was sent."""


class CertificateChanged(Unreachable):
    """A gateway has another certificate than the one that a person accepted. `fingerprint` is that of the new one (SHA-256, hex)."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__("The gateway shows another certificate")
        self.fingerprint = fingerprint


class ConnectionsClosed(EnlightenError):
    """Nothing was sent: the last entry of the account was unloaded a moment ago, as at a reload."""


class RequestRejected(EnlightenError):
    """The cloud understood the request and refused it.

    `status` is the HTTP status, `code` the cloud's own error code (`iqevc_ms-10012`), `message` its own words; both can be `None`.
    `is_route_gone` says that the path does not exist at this deployment, not that what it names is missing.
    """

    def __init__(self, status: int, code: str | None = None, message: str | None = None, *, is_route_gone: bool = False) -> None:
        super().__init__(message or code or f"HTTP {status}")
        self.is_route_gone = is_route_gone
        self.status = status
        self.code = code
        self.message = message

    @property
    def is_unknown(self) -> bool:
        """Return whether the cloud does not know what the path names; that it does not know the path says nothing of it."""
        return self.status == 404 and not self.is_route_gone

    @property
    def is_queued(self) -> bool:
        """Return whether the cloud queued the command: it could not reach the charger, which may still carry it out.

        Source: docs/cloud-api/README.md.
        """
        return self.status == 552


class InvalidResponse(EnlightenError):
    """The cloud answered with something that makes no sense at all."""
