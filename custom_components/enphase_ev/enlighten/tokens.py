"""What a JSON Web Token of the cloud says about itself (docs/cloud-api/auth.md §3)."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, override

import orjson

from .parsing import Json, first_of, read_digits, read_secret, read_time, read_unwrapped

# A token counts as expired one hour before it is, and is renewed a little before that.
_USED_UP_BEFORE_EXPIRY = timedelta(hours=1)
_RENEWED_BEFORE_USED_UP = timedelta(minutes=10)
# Assumed lifetime of a token that does not say when it ends.
_ASSUMED_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Token:
    """A token with the claims that matter. The signature cannot be checked by a client, so only the claims are read.

    `value` is the secret itself; it is kept out of the representation.
    """

    value: str
    obtained_at: datetime
    expires_at: datetime
    user_id: str | None
    session_id: str | None

    @override
    def __repr__(self) -> str:
        """Return a representation without the secret."""
        return f"Token(expires_at={self.expires_at.isoformat()})"

    @classmethod
    def read(cls, value: str, *, obtained_at: datetime, expires_at: datetime | None = None) -> Self:
        """Read the claims of a token, which sit at the top level or under `data`. An unreadable token is kept as it is."""
        claims = read_unwrapped(_payload(value))
        return cls(
            value=value,
            obtained_at=obtained_at,
            expires_at=read_time(claims.get("exp")) or expires_at or obtained_at + _ASSUMED_LIFETIME,
            # On some accounts `sub` is not the user id.
            user_id=read_digits(first_of(claims, "user_id", "userId", "userid", "sub")),
            session_id=read_secret(first_of(claims, "session_id", "sessionId")),
        )

    def is_alive(self, now: datetime | None = None) -> bool:
        """Return whether the token has not run out."""
        return (now or datetime.now(UTC)) < self.expires_at

    def wants_renewal(self, now: datetime | None = None) -> bool:
        """Return whether it is time to ask for a new one.

        That is 70 minutes before it runs out; for a token that lives for less than that, once half of its life is over.
        """
        half_life = (self.expires_at - self.obtained_at) / 2
        margin = min(_USED_UP_BEFORE_EXPIRY + _RENEWED_BEFORE_USED_UP, half_life)
        return (now or datetime.now(UTC)) >= self.expires_at - margin


def _payload(token: str) -> Json:
    """Return the middle part of a token; `None` where there is none. A client cannot use the other two parts."""
    _, _, rest = token.partition(".")
    part = rest.partition(".")[0]
    try:
        payload: Json = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return payload
