"""Gets an access token with the cookies of a session (docs/cloud-api/auth.md §3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import hdrs
from yarl import URL

from .exceptions import RateLimited, ServiceUnavailable
from .headers import Session, request_headers
from .parsing import first_of, read_secret, read_time, read_unwrapped
from .sign_in import SESSION_COOKIES, cookie_value, keep_cookies
from .tokens import Token
from .transport import Answer, Family, Request, Transport


@dataclass(frozen=True)
class TokenSource:
    """A request that returns an access token to those who hold the cookies of a session."""

    name: str
    path: str
    headers: Callable[[Session, URL], dict[str, str]]


def _plain(_session: Session, _origin: URL) -> dict[str, str]:
    return {hdrs.ACCEPT: "application/json, text/plain, */*", "X-Requested-With": "XMLHttpRequest"}


def _of_the_app(session: Session, origin: URL) -> dict[str, str]:
    return request_headers(Family.SITES, session, origin, None)


def _with_session_id(session: Session, origin: URL) -> dict[str, str]:
    return {**_plain(session, origin), "e-auth-token": cookie_value(session.cookies, *SESSION_COOKIES) or ""}


SOURCES = (
    TokenSource("self", "/users/self/token", _plain),
    TokenSource("jwt", "/app-api/jwt_token.json", _of_the_app),
    TokenSource("auth_ms", "/service/auth_ms_enho/api/v1/session/token", _with_session_id),
)

_GONE = {404, 405, 410}


async def fetch_access_token(transport: Transport, session: Session, known_source: str | None, *, is_new: bool) -> str | None:
    """Get a new access token and store it in the session; return the name of its source, or `None` where the session has ended.

    The sources are asked in turn until one returns a token:

    - The source that returned a token last time (`known_source`) is asked first.
    - A source that refuses does not prove that the session has ended: it may have been shut down. So the others are asked, too, because
      the next step, signing in again, is expensive.
    - If none returns a token and one is out of order, the session may still be alive, so this raises. But if the known source itself has
      refused a session that it served before (not `is_new`), the session counts as ended, even while another source is out of order.
    - Cookies are taken only from the answer with the token. The other answers could replace a good session with an anonymous one.

    Raises:
        RateLimited: The cloud asks to slow down.
        ServiceUnavailable: No source returned a token, and at least one of them was out of order.
    """
    out_of_order: ServiceUnavailable | None = None
    is_refused = False
    for source in sorted(SOURCES, key=lambda source: source.name != known_source):
        try:
            request = Request(family=Family.SESSION, path=source.path)
            answer = await transport.send(request, headers=source.headers(session, transport.url), cookies=session.cookies)
        except ServiceUnavailable as err:
            out_of_order = err
            continue
        if answer.status == 429:
            raise RateLimited(answer.retry_after)
        if token := _read_token(answer):
            keep_cookies(session.cookies, answer)
            session.access_token = token
            return source.name
        if answer.status >= 500:
            out_of_order = ServiceUnavailable(f"The token service is out of order (HTTP {answer.status})")
        elif source.name == known_source and not is_new and answer.status not in _GONE:
            is_refused = True
    if out_of_order is not None and not is_refused:
        raise out_of_order
    return None


def _read_token(answer: Answer) -> Token | None:
    if answer.status != 200:
        return None
    body = read_unwrapped(answer.json_or_none())
    value = read_secret(first_of(body, "token", "auth_token", "access_token"))
    if value is None:
        return None
    expires_at = read_time(first_of(body, "expires_at", "expiresAt"))
    return Token.read(value, obtained_at=datetime.now(UTC), expires_at=expires_at)
