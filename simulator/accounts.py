"""Accounts, web sessions, tokens and one-time codes (docs/cloud-api/auth.md §1 to §3)."""

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from uuid import UUID

import jwt

from .clock import Clock
from .switches.deployment import Deployment

WRONG_CODES_UNTIL_BLOCKED = 5
CODES_UNTIL_BLOCKED = 10
_SIGNING_KEY = "the signature of the simulator says nothing"


class Secrets(set[str]):
    """Every secret or personal value used so far, for tests that search logs."""

    def keep(self, value: str) -> str:
        """Remember a value and pass it on."""
        self.add(value)
        return value


@dataclass
class Account:
    """A person's account."""

    email: str
    password: str
    user_id: int
    site_ids: list[str]
    mfa: bool = False
    """A sign-in needs a one-time code."""
    locked: bool = False
    """Locked by Enphase: ``isBlocked``."""
    lock_after: int | None = 5
    """So many wrong passwords in a row lock the account."""
    session_quota: int | None = 30
    """Sessions that may be alive at once."""
    one_time_code: str = ""
    """The code that was sent last, or that will be sent first."""
    code_blocked: bool = False
    """Too many wrong codes or too many codes asked for."""
    wrong_passwords: int = 0
    wrong_codes: int = 0
    codes_sent: int = 0
    code_sent_at: float | None = None
    """When the code went out, wall time; None before one was asked for."""


class TokenKind(StrEnum):
    """The two JWTs of docs/cloud-api/auth.md §3."""

    MANAGER = "manager"
    ACCESS = "access"


@dataclass
class WebSession:
    """A session as the cookie names it; without an account it is anonymous."""

    cookie: str
    expires_at: float
    """Wall time, epoch seconds."""
    account: Account | None = None
    claim_id: str = ""
    """The session id in its JWTs; stays when the cookie rotates."""
    authenticity_token: str = ""


@dataclass(frozen=True)
class Token:
    """A JWT that was issued."""

    text: str
    kind: TokenKind
    session: WebSession
    expires_at: float
    """Wall time, epoch seconds."""


class SignInResult(StrEnum):
    """What comes of an e-mail and a password."""

    SIGNED_IN = "signed_in"
    CODE_NEEDED = "code_needed"
    WRONG = "wrong"
    LOCKED = "locked"
    TOO_MANY_SESSIONS = "too_many_sessions"


class CodeResult(StrEnum):
    """What comes of a one-time code."""

    SIGNED_IN = "signed_in"
    WRONG = "wrong"
    BLOCKED = "blocked"
    START_OVER = "start_over"
    TOO_MANY_SESSIONS = "too_many_sessions"


@dataclass
class Doorkeeper:
    """Signs people in, hands out sessions and tokens, and knows which of them are alive."""

    clock: Clock
    deployment: Deployment
    random: Random
    secrets: Secrets
    accounts: list[Account] = field(default_factory=list)
    sign_ins: int = 0
    """Attempts with an e-mail and a password, as JSON and as form."""
    failed_sign_ins: int = 0
    codes_sent: int = 0
    _sessions: dict[str, WebSession] = field(default_factory=dict)
    _tokens: dict[str, Token] = field(default_factory=dict)
    _waiting: dict[str, Account] = field(default_factory=dict)

    def add(self, account: Account) -> Account:
        """Open an account."""
        account.one_time_code = account.one_time_code or self._draw_code()
        self.secrets.update((account.email, account.password, account.one_time_code))
        self.accounts.append(account)
        return account

    # Passwords

    def check_password(self, email: str, password: str) -> tuple[SignInResult, Account | None]:
        """Judge an e-mail and a password; counts, and locks after too many."""
        self.sign_ins += 1
        account = next((one for one in self.accounts if one.email.lower() == email.strip().lower()), None)
        result = self._judge(account, password)
        if result not in {SignInResult.SIGNED_IN, SignInResult.CODE_NEEDED}:
            self.failed_sign_ins += 1
        return result, account

    def _judge(self, account: Account | None, password: str) -> SignInResult:
        if account is None:
            return SignInResult.WRONG
        if account.locked:
            return SignInResult.LOCKED
        if account.password != password:
            account.wrong_passwords += 1
            if account.lock_after is not None and account.wrong_passwords >= account.lock_after:
                account.locked = True
                return SignInResult.LOCKED
            return SignInResult.WRONG
        account.wrong_passwords = 0
        if not self._has_room(account):
            return SignInResult.TOO_MANY_SESSIONS
        return SignInResult.CODE_NEEDED if account.mfa else SignInResult.SIGNED_IN

    def _has_room(self, account: Account) -> bool:
        if account.session_quota is None:
            return True
        now = self.clock.wall_time()
        alive = [one for one in self._sessions.values() if one.account is account and one.expires_at > now]
        return len(alive) < account.session_quota

    # One-time codes

    def await_code(self, account: Account) -> str:
        """Let an account wait for its one-time code; answers the nonce for ``login_otp_nonce``."""
        nonce = self.secrets.keep(self._draw_id())
        self._waiting[nonce] = account
        return nonce

    def send_code(self, nonce: str) -> str | None:
        """Send a new code and answer the rotated nonce; None: start over. See `Account.code_blocked` as well."""
        account = self._waiting.pop(nonce, None)
        if account is None:
            return None
        if account.codes_sent >= CODES_UNTIL_BLOCKED:
            account.code_blocked = True
        if not account.code_blocked:
            if account.code_sent_at is not None:
                account.one_time_code = self.secrets.keep(self._draw_code())
            account.codes_sent += 1
            account.code_sent_at = self.clock.wall_time()
            self.codes_sent += 1
        return self.await_code(account)

    def waiting(self, nonce: str) -> Account | None:
        """The account that waits for its code under this nonce."""
        return self._waiting.get(nonce)

    def check_code(self, nonce: str, email: str, code: str) -> CodeResult:
        """Judge a one-time code."""
        account = self._waiting.get(nonce)
        if account is None or account.email.lower() != email.lower():
            return CodeResult.START_OVER
        if account.code_blocked:
            return CodeResult.BLOCKED
        sent = account.code_sent_at
        alive = sent is not None and self.clock.wall_time() < sent + self.deployment.code_lifetime_s
        if not alive or code != account.one_time_code:
            account.wrong_codes += 1
            account.code_blocked = account.wrong_codes >= WRONG_CODES_UNTIL_BLOCKED
            return CodeResult.BLOCKED if account.code_blocked else CodeResult.WRONG
        if not self._has_room(account):
            return CodeResult.TOO_MANY_SESSIONS
        account.wrong_codes = account.codes_sent = 0
        account.code_sent_at = None
        account.one_time_code = self.secrets.keep(self._draw_code())
        del self._waiting[nonce]
        return CodeResult.SIGNED_IN

    # Sessions

    def open_session(self, account: Account | None = None) -> WebSession:
        """Open a session; anonymous without an account."""
        session = WebSession(
            cookie=self.secrets.keep(self._draw_id()),
            expires_at=self.clock.wall_time() + self.deployment.session_lifetime_s,
            account=account,
            claim_id=self.secrets.keep(self._draw_id()),
            authenticity_token=self.secrets.keep(self._draw_id()),
        )
        self._sessions[session.cookie] = session
        return session

    def session(self, cookie: str | None) -> WebSession | None:
        """The live session, anonymous or not, that a cookie's value names."""
        session = self._sessions.get(cookie or "")
        return session if session is not None and session.expires_at > self.clock.wall_time() else None

    def rotate(self, session: WebSession) -> None:
        """Give a session a new cookie; the old one is dead."""
        del self._sessions[session.cookie]
        session.cookie = self.secrets.keep(self._draw_id())
        self._sessions[session.cookie] = session

    def expire_sessions(self) -> None:
        """Every session is dead."""
        self._sessions.clear()

    # Tokens

    def issue(self, session: WebSession, kind: TokenKind) -> Token:
        """Sign a JWT for a signed-in session."""
        if session.account is None:
            raise ValueError("An anonymous session gets no token")
        now = self.clock.wall_time()
        expires_at = now + self.deployment.jwt_lifetime_s
        claims: dict[str, object] = {
            "exp": int(expires_at),
            "iat": int(now),
            self.deployment.jwt_user_claim: str(session.account.user_id)
            if self.deployment.jwt_user_claim == "sub"
            else session.account.user_id,
            self.deployment.jwt_session_claim: session.claim_id,
            "jti": self._draw_id(),
        }
        payload = {"data": claims} if self.deployment.jwt_claims_under_data else claims
        text = self.secrets.keep(jwt.encode(payload, _SIGNING_KEY, algorithm="HS256"))
        token = Token(text, kind, session, expires_at)
        self._tokens[text] = token
        return token

    def token(self, text: str | None) -> Token | None:
        """The live token of this text."""
        token = self._tokens.get(text or "")
        return token if token is not None and token.expires_at > self.clock.wall_time() else None

    def expire_tokens(self) -> None:
        """Every JWT is dead; the sessions live on."""
        self._tokens.clear()

    def draw_secret(self) -> str:
        """A new secret value, for cookies that nobody checks the meaning of."""
        return self.secrets.keep(self._draw_id())

    def _draw_id(self) -> str:
        return UUID(int=self.random.getrandbits(128), version=4).hex

    def _draw_code(self) -> str:
        return f"{self.random.randrange(100_000, 1_000_000)}"
