"""What an account remembers across restarts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from mashumaro import DataClassDictMixin, field_options

from .budget import RequestBudget
from .exceptions import AuthError
from .family_backoff import Silences
from .parsing import Json, read_time
from .sign_in import MANAGER_COOKIE, SESSION_COOKIES
from .sign_in_limits import SignInLimits
from .tokens import Token


@dataclass
class StoredToken(DataClassDictMixin):
    """A token with the times that the cloud gave for it."""

    value: str = field(repr=False)
    obtained_at: datetime
    expires_at: datetime

    @classmethod
    def store(cls, token: Token | None) -> Self | None:
        """Return what is kept of a token."""
        return cls(token.value, token.obtained_at, token.expires_at) if token else None


@dataclass
class AccountState(DataClassDictMixin):
    """The session of an account and what was learned about its deployment. It holds secrets: store it privately.

    `cookies` are `Set-Cookie` lines; `is_session_dead` says that they were found to be of no use any more, until there is a new session.
    `forms` holds the form of a command that a site accepts (docs/cloud-api/chargers.md §3), `known_sites` the names of sites by number,
    for the times when the list of sites comes empty. `silences` are kept in memory alone, from one try to set a site up to the next.
    """

    cookies: list[str] = field(default_factory=list, repr=False)
    access_token: StoredToken | None = None
    manager_token: StoredToken | None = None
    user_id: str | None = None
    wants_code: bool = False
    signed_in_at: datetime | None = None
    is_session_dead: bool = False
    uses_browser_user_agent: bool = False
    token_source: str | None = None
    forms: dict[str, str] = field(default_factory=dict)
    known_sites: dict[str, str] = field(default_factory=dict)
    limits: SignInLimits = field(default_factory=SignInLimits)
    budget: RequestBudget = field(default_factory=RequestBudget)
    silences: Silences = field(default_factory=Silences, init=False, repr=False, compare=False, metadata=field_options(serialize="omit"))

    @property
    def has_session(self) -> bool:
        """Return whether there is a session to try."""
        return bool(self.cookies) and not self.is_session_dead

    @property
    def signs_in_at(self) -> datetime | None:
        """Return when the client may sign in by itself (UTC), where there is no session and it has to wait; else `None`."""
        if self.has_session or self.wants_code:
            return None
        try:
            self.limits.check_automatic()
        except AuthError as err:
            return err.retry_at
        return None

    @classmethod
    def of_other_program(
        cls, *, cookies: str, access_token: str, session_id: str, blocked_until: Json = None, suspended_until: Json = None
    ) -> Self:
        """Return the session that another program kept: `Cookie` header, access JWT, session id; each may be empty.

        Until the two times, ISO 8601 or epoch, nobody may sign in automatically: Enphase has locked the account, or its sign-in is out of
        order.
        """
        pairs = dict(pair.strip().split("=", 1) for pair in cookies.split(";") if "=" in pair)
        if session_id and not pairs.keys() & set(SESSION_COOKIES):
            pairs[SESSION_COOKIES[0]] = session_id
        now = datetime.now(UTC)
        access, manager = (Token.read(value, obtained_at=now) if value else None for value in (access_token, pairs.get(MANAGER_COOKIE)))
        return cls(
            cookies=[f"{name}={value}; Path=/" for name, value in pairs.items()],
            access_token=StoredToken.store(access),
            manager_token=StoredToken.store(manager),
            user_id=access.user_id if access else None,
            limits=SignInLimits.held(read_time(blocked_until), read_time(suspended_until)),
        )
