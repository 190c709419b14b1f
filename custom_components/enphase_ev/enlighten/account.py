"""One Enlighten account: opens, keeps and renews its session, and sends the requests of everything that builds on it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
import logging

from aiohttp import CookieJar, hdrs

from . import sign_in as conversation
from .access_token import fetch_access_token
from .budget import RequestBudget
from .exceptions import (
    AuthError,
    CodeRequired,
    EnlightenError,
    InvalidCredentials,
    InvalidResponse,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    SessionExpired,
    SessionRenewed,
)
from .family_backoff import Refusals
from .headers import RequestHeaders, Session, prefers_manager_token, request_headers
from .parsing import Json
from .recorder import Recorder
from .sites import Site, read_sites, read_user_id, site_in_path
from .state import AccountState, StoredToken
from .tokens import Token
from .transport import Answer, Family, Request, Transport
from .xsrf import Xsrf

_LOGGER = logging.getLogger(__name__)

# How soon an early renewal that failed is tried again while the token still lives.
_BETWEEN_EARLY_RENEWALS = timedelta(minutes=5)
_MOST_REDIRECTS = 5
_RESEND_CODE_AFTER = timedelta(seconds=30)


class Account:
    """An account and its session.

    `password` is kept in memory only; without it a dead session ends in `SessionExpired`. `state` is what `on_change` was called with
    last; it is to be stored privately, and holds the session across restarts. `answered_at` is when a request last succeeded (UTC).
    """

    def __init__(
        self,
        transport: Transport,
        email: str,
        *,
        password: str | None = None,
        state: AccountState | None = None,
        on_change: Callable[[AccountState], None] | None = None,
    ) -> None:
        self.transport = transport
        self.email = email
        self.password = password
        self.state = state or AccountState()
        self.latency: float | None = None
        self.answered_at = datetime.min.replace(tzinfo=UTC)
        self.recorder = Recorder()
        self.xsrf = Xsrf()
        self._on_change = on_change
        self._session = self._restore_session()
        self._code_jar: CookieJar | None = None
        self._code_requested_at: datetime | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._renewal_is_by_password = False
        self._renewal_failed_at: datetime | None = None
        # Why only a person can open a session, and the password that this was found out with.
        self._person_needed: tuple[EnlightenError, str | None] | None = None
        self._refusals = Refusals()
        transport.uses_browser_user_agent = self.state.uses_browser_user_agent
        transport.budget = self.budget

    @property
    def budget(self) -> RequestBudget:
        """Return the budget of requests that the account may send."""
        return self.state.budget

    # --- Sign-in by a person ---

    async def sign_in(self, password: str) -> None:
        """Open a session because a person asked for it. The caller decides whether the password is remembered.

        Raises:
            CodeRequired: Go on with `request_code` and `submit_code`.
            AuthError: Refused, or tried again too soon (`RetryLater`).
            ServiceUnavailable: The cloud is out of order.
        """
        self.state.limits.check_person()
        await self._open_session(password)

    async def request_code(self) -> datetime:
        """Let the cloud send a one-time code; return when the next one may be asked for. Sooner than that nothing is sent.

        Raises:
            AuthError: Codes are blocked, or the sign-in has to start over.
        """
        now = datetime.now(UTC)
        if self._code_requested_at is None or now >= self._code_requested_at + _RESEND_CODE_AFTER:
            await conversation.request_code(self.transport, self._jar_for_code())
            self._code_requested_at = now
        return self._code_requested_at + _RESEND_CODE_AFTER

    async def submit_code(self, code: str) -> None:
        """Finish the sign-in with a one-time code.

        Raises:
            CodeRequired: The code was wrong (`rejected`).
            AuthError: Codes are blocked, or the sign-in has to start over.
        """
        jar = self._jar_for_code()
        try:
            signed_in = await conversation.submit_code(self.transport, jar, self.email, code.strip())
        except AuthError as err:
            self._record_failure(err)
            raise
        await self._establish(jar, signed_in, by_code=True)

    def _jar_for_code(self) -> CookieJar:
        if self._code_jar is None:
            raise SessionExpired("The sign-in has to start over")
        return self._code_jar

    # --- Requests ---

    @property
    def session_expires_at(self) -> datetime | None:
        """Return when the access token runs out (UTC); it is renewed before that as long as the session lives."""
        token = self._session.access_token
        return token.expires_at if token else None

    @property
    def manager_token(self) -> str | None:
        """Return the manager JWT while it is valid. Another origin accepts only this one; that it is missing is no reason to sign in."""
        token = self._session.manager_token
        return token.value if token is not None and token is not self._session.refused_token and token.is_alive() else None

    @property
    def generation(self) -> int:
        """Return a number that changes whenever the session is renewed."""
        return self._session.generation

    async def request(self, request: Request, *, site_id: str | None = None) -> Json:
        """Send a request of a signed-in account and return the decoded answer.

        A dead session is renewed once, for all requests that wait. A write that a dead session refused did nothing, so it is sent again.
        While the cloud asks a family to slow down, none of its reads is sent; a write, which a person asked for, waits only
        where it was throttled itself.

        Raises:
            EnlightenError: Of the kind that tells what went wrong.
        """

        def headers_of(session: Session) -> RequestHeaders:
            return RequestHeaders(request_headers(request.family, session, self.transport.url, site_id), session.cookies)

        return (await self.ask(request, headers_of)).json

    async def ask(self, request: Request, headers_of: Callable[[Session], RequestHeaders]) -> Answer:
        """Send a request with headers of its own, as `request` does, and return the whole answer.

        Raises:
            EnlightenError: Of the kind that tells what went wrong.
        """
        try:
            answer = await self._answer(request, headers_of)
            self.recorder.answers[request.family] = answer.json
        except EnlightenError as err:
            self.recorder.add_error(request.family, err)
            raise
        finally:
            if self.budget.is_worth_storing:
                self._changed()
        return answer

    async def send_as_is(self, request: Request, headers_of: Callable[[Session], RequestHeaders]) -> Answer:
        """Send a request once and return its answer, refusals included: the caller finds out what a refusal means.

        Raises:
            ServiceUnavailable: No answer.
        """
        await self._ensure_session()
        session = self._session
        sent_with = headers_of(session)
        answer = await self.transport.send(request, headers=sent_with.headers, cookies=sent_with.cookies)
        if answer.status < 400 and not answer.looks_dead(request):
            self._keep_cookies(session, answer)
        return answer

    async def _answer(self, request: Request, headers_of: Callable[[Session], RequestHeaders]) -> Answer:
        """Send a request, with a renewed session where the one that is there is dead, and return the answer if it is a success."""

        async def send() -> tuple[Answer, Session]:
            session = self._session
            sent_with = headers_of(session)
            answer = await self.transport.send(request, headers=sent_with.headers, cookies=sent_with.cookies)
            self.latency = answer.seconds
            return answer, session

        self._check(request)
        await self._ensure_session()
        generation = self._session.generation
        answer, session = await send()
        if answer.looks_dead(request) and not self._refusals.is_settled(request):
            manager = session.manager_token
            await self._renew(generation)
            if answer.status == 401 and prefers_manager_token(request.family):
                # Cookies renew only the access token, but the cloud may have refused the manager token.
                session.refused_token = manager
            if request.builds_on_read:
                raise SessionRenewed("The session was renewed in the middle of a change")
            answer, session = await send()
            if answer.status == 401 and not request.is_optional and not self._refusals.is_doubted(request):
                # The session is refused although the cookies gave a token: only a new session can help.
                await self._replace(session)
                answer, session = await send()
            if answer.looks_dead(request):
                # Not even what was renewed, or opened, just now is taken: it is this family that refuses, and the token is not to blame.
                if session.refused_token is manager:
                    session.refused_token = None
                self._refusals.settle(request)
        self._refusals.note(request, is_refused=answer.looks_dead(request))
        if not answer.looks_dead(request):
            self._keep_cookies(session, answer)
        if answer.status == 429:
            self.state.silences.note(request, answer.retry_after)
        answer.raise_for_status()
        if answer.is_excuse and not request.is_write:
            raise ServiceUnavailable("The service answered with words instead of data", cloud_message=answer.rejection().message)
        self.answered_at = datetime.now(UTC)
        return answer

    def _check(self, request: Request) -> None:
        """Leave the cloud alone where it asked for silence; send no read where only a person can open a session."""
        if (seconds := self.state.silences.seconds_left(request)) is not None:
            raise RateLimited(seconds)
        error, password = self._person_needed or (None, None)
        # A refused password is tried again, within the limits, by what a site cannot do without.
        is_tried_again = isinstance(error, InvalidCredentials) and not request.is_optional
        if error is not None and password == self.password and not (is_tried_again or request.is_write):
            raise error.with_traceback(None)

    def refuses(self, request: Request) -> bool:
        """Return whether the cloud has refused this lately although the session is alive."""
        return self._refusals.is_known(request)

    def known_form(self, key: str) -> str | None:
        """Return the form of a command that this deployment accepted before."""
        return self.state.forms.get(key)

    def remember_form(self, key: str, form: str) -> None:
        """Remember the form of a command that this deployment accepts."""
        if self.state.forms.get(key) != form:
            self.state.forms[key] = form
            self._changed()

    # --- Sites and user ---

    async def sites(self) -> list[Site]:
        """Return the sites of the account; empty where none can be found (docs/cloud-api/auth.md §5)."""
        found: list[Site] = []
        try:
            params = {"searchText": "", "favourite": "false"}
            request = Request(family=Family.SITES, path="/app-api/search_sites.json", params=params, is_optional=True)
            found = read_sites(await self.request(request))
        except ServiceUnavailable, RequestRejected, InvalidResponse:
            _LOGGER.debug("The list of sites cannot be had")
        if found:
            self.state.known_sites.update({site.id: site.name or "" for site in found})
            self._changed()
            return found
        if self.state.known_sites:
            return [Site(site_id, name or None) for site_id, name in self.state.known_sites.items()]
        site_id = await self._site_of_start_page()
        return [Site(site_id)] if site_id else []

    async def user_id(self, site_id: str) -> str | None:
        """Return the numeric user id, from a token's claims or else from the app's data; `None` where neither tells it."""
        if self._session.user_id is None:
            params = {"app": "1", "device_status": "non_retired", "is_mobile": "0"}
            request = Request(family=Family.SITES, path=f"/app-api/{site_id}/data.json", params=params, is_optional=True)
            try:
                body = await self.request(request, site_id=site_id)
            except ServiceUnavailable, RequestRejected, InvalidResponse:
                _LOGGER.debug("The app does not tell the user")
                return None
            self._session.user_id = self.state.user_id = read_user_id(body)
            self._changed()
        return self._session.user_id

    async def _site_of_start_page(self) -> str | None:
        """Follow the start page to the site that it shows."""
        path = "/"
        for _ in range(_MOST_REDIRECTS):
            request = Request(family=Family.SITES, path=path)
            answer = await self.transport.send(request, headers={hdrs.ACCEPT: "text/html,*/*"}, cookies=self._session.cookies)
            target = answer.redirect_target
            if target is None or target.origin() != self.transport.url:
                return None
            path = target.raw_path_qs
            if site_id := site_in_path(target.path):
                return site_id
        return None

    # --- The session ---

    async def _ensure_session(self) -> None:
        """Renew the session before it runs out; open one where there is none."""
        session = self._session
        if not self.state.has_session:
            await self._renew(session.generation)
            return
        token = session.access_token or session.manager_token
        if token is None or not token.wants_renewal():
            return
        now = datetime.now(UTC)
        is_alive = token.is_alive(now)
        if is_alive and self._renewal_failed_at and now < self._renewal_failed_at + _BETWEEN_EARLY_RENEWALS:
            return
        try:
            await self._renew(session.generation)
        except ServiceUnavailable, RateLimited:
            if not is_alive:
                raise
            self._renewal_failed_at = now

    async def _renew(self, generation: int) -> None:
        """Renew the session unless another request has done so since `generation`."""
        if self._session.generation == generation:
            await self._share_renewal(by_password=False)

    async def _replace(self, refused: Session) -> None:
        """Open a new session unless another request has done so since this one was refused."""
        while self._renewal is not None and not self._renewal.done() and not self._renewal_is_by_password:
            # Cookies would bring back the tokens that were refused.
            await asyncio.wait([self._renewal])
        if self._session is refused:
            await self._share_renewal(by_password=True)

    async def _share_renewal(self, *, by_password: bool) -> None:
        """Let all requests that wait share one renewal and its outcome."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._do_renew(by_password=by_password))
            self._renewal_is_by_password = by_password
        try:
            await asyncio.shield(self._renewal)
        except (SessionExpired, CodeRequired, InvalidCredentials) as err:
            if err.retry_at is None:
                self._person_needed = (err, self.password)
            raise

    async def _do_renew(self, *, by_password: bool) -> None:
        if not by_password and self.state.has_session and await self._renew_with_cookies(self._session, is_new=False):
            _LOGGER.debug("The session was renewed")
            self._take_over(self._session)
            return
        if not by_password and self.state.has_session:
            # While no other session may be opened, nothing is asked with this one: not even after a restart.
            self.state.is_session_dead = True
            self._changed()
        if self.password is None:
            raise SessionExpired("The session has ended and no password is remembered")
        if self.state.wants_code:
            raise CodeRequired("The session has ended and a one-time code is needed for a new one")
        self.state.limits.check_automatic()
        self.state.limits.record_automatic()
        self._changed()
        await self._open_session(self.password, is_automatic=True)

    def close(self) -> None:
        """Cancel the renewal that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()

    async def _renew_with_cookies(self, session: Session, *, is_new: bool) -> bool:
        source = await fetch_access_token(self.transport, session, self.state.token_source, is_new=is_new)
        if source is None:
            return False
        self.state.token_source = source
        return True

    async def _open_session(self, password: str, *, is_automatic: bool = False) -> None:
        """Sign in with e-mail and password, into a separate cookie jar: a refused attempt must not touch the session that is there."""
        jar = self.empty_jar()
        try:
            signed_in = await conversation.sign_in_with_json(self.transport, jar, self.email, password)
            if signed_in is None:
                jar = self.empty_jar()
                signed_in = await conversation.sign_in_with_form(self.transport, jar, self.email, password)
        except CodeRequired:
            self._code_jar, self._code_requested_at = jar, None
            self.state.wants_code = True
            self._changed()
            raise
        except AuthError as err:
            self._record_failure(err)
            raise
        except (ServiceUnavailable, RateLimited) as err:
            if is_automatic:
                self._record_failure(err)
            raise
        await self._establish(jar, signed_in, by_code=False)

    async def _establish(self, jar: CookieJar, signed_in: conversation.SignedIn, *, by_code: bool) -> None:
        """Take over a session that was opened just now."""
        now = datetime.now(UTC)
        session = Session(jar, signed_in_at=now)
        if manager := signed_in.manager_token or conversation.cookie_value(jar, conversation.MANAGER_COOKIE):
            session.manager_token = Token.read(manager, obtained_at=now)
        try:
            await self._renew_with_cookies(session, is_new=True)
        except ServiceUnavailable, RateLimited:
            # The cloud counts every session that is opened, so one is not thrown away while another token can be used.
            if session.manager_token is None:
                raise
        if session.access_token is None and session.manager_token is None:
            raise ServiceUnavailable("The sign-in gave no token")
        if signed_in.system_id:
            self.state.known_sites.setdefault(signed_in.system_id, "")
        self.state.wants_code = by_code
        self.state.limits.record_success()
        self._code_jar = None
        self._refusals.clear()
        self._take_over(session)

    def _take_over(self, session: Session) -> None:
        """Make a new or renewed session the one that is used."""
        manager = conversation.cookie_value(session.cookies, conversation.MANAGER_COOKIE)
        if manager and (session.manager_token is None or manager != session.manager_token.value):
            session.manager_token = Token.read(manager, obtained_at=datetime.now(UTC))
        session.user_id = session.token_user_id or self.state.user_id
        session.generation = self._session.generation + 1
        self._session = session
        self._renewal_failed_at = self._person_needed = None
        self.state.user_id = session.user_id
        self.state.signed_in_at = session.signed_in_at
        self.state.is_session_dead = False
        self._changed()

    # --- State ---

    def empty_jar(self) -> CookieJar:
        """Return an empty jar.

        A jar takes no cookies of bare addresses by itself, and sends no secure ones without TLS; in development the origin is such a one.
        """
        origin = self.transport.url
        return CookieJar(unsafe=_is_address(origin.host), quote_cookie=False, treat_as_secure_origin=origin)

    def _restore_session(self) -> Session:
        jar = self.empty_jar()
        jar.update_cookies_from_headers(self.state.cookies, self.transport.url)
        session = Session(jar, user_id=self.state.user_id, signed_in_at=self.state.signed_in_at)
        if stored := self.state.access_token:
            session.access_token = _restore_token(stored)
        if stored := self.state.manager_token:
            session.manager_token = _restore_token(stored)
        return session

    def _keep_cookies(self, session: Session, answer: Answer) -> None:
        """Keep the cookies of a service's answer in the session that it answers, but not those of a page for people."""
        if answer.set_cookies and not answer.is_html:
            conversation.keep_cookies(session.cookies, answer)
            self._changed()

    def _record_failure(self, error: AuthError | ServiceUnavailable | RateLimited) -> None:
        self.state.limits.record_failure(error)
        self._changed()

    def _changed(self) -> None:
        """Bring the state up to date and hand it over to be stored."""
        session = self._session
        self.state.cookies = [morsel.OutputString() for morsel in session.cookies]
        self.state.access_token = StoredToken.store(session.access_token)
        self.state.manager_token = StoredToken.store(session.manager_token)
        self.state.uses_browser_user_agent = self.transport.uses_browser_user_agent
        self.budget.note_stored()
        if self._on_change is not None:
            self._on_change(self.state)


def _is_address(host: str | None) -> bool:
    try:
        ip_address(host or "")
    except ValueError:
        return False
    return True


def _restore_token(stored: StoredToken) -> Token:
    return Token.read(stored.value, obtained_at=stored.obtained_at, expires_at=stored.expires_at)
