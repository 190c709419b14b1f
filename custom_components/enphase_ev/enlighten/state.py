"""What an account remembers across restarts."""

from dataclasses import dataclass, field
from datetime import datetime

from mashumaro import DataClassDictMixin

from .limits import SignInLimits


@dataclass
class StoredToken(DataClassDictMixin):
    """A token with the times that the cloud gave for it."""

    value: str = field(repr=False)
    obtained_at: datetime
    expires_at: datetime


@dataclass
class AccountState(DataClassDictMixin):
    """The session of an account and what was learned about its deployment. It holds secrets: store it privately.

    `cookies` are `Set-Cookie` lines. `forms` holds the form of a command that a site accepts (api/chargers.md §3), `known_sites` the
    names of sites by number, for the times when the list of sites comes empty.
    """

    cookies: list[str] = field(default_factory=list, repr=False)
    access_token: StoredToken | None = None
    manager_token: StoredToken | None = None
    user_id: str | None = None
    wants_code: bool = False
    signed_in_at: datetime | None = None
    uses_browser_user_agent: bool = False
    token_source: str | None = None
    forms: dict[str, str] = field(default_factory=dict)
    known_sites: dict[str, str] = field(default_factory=dict)
    limits: SignInLimits = field(default_factory=SignInLimits)

    @property
    def has_session(self) -> bool:
        """Return whether there is a session to try."""
        return bool(self.cookies)
