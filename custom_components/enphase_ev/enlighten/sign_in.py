"""The conversations that open a session: JSON sign-in, form sign-in and one-time code (docs/cloud-api/auth.md §1 and §2).

Each function gets a cookie jar of its own for the session that it opens; none of them retries.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import override

from aiohttp import CookieJar, hdrs

from .exceptions import (
    AccountBlocked,
    CodeRequired,
    InvalidCredentials,
    RateLimited,
    ServiceUnavailable,
    SessionExpired,
    TooManySessions,
)
from .parsing import Json, read_bool, read_digits, read_mapping, read_secret
from .transport import Answer, Family, Request, Transport

NONCE_COOKIE = "login_otp_nonce"
SESSION_COOKIES = ("_enlighten_4_session", "enlighten_session", "_enlighten_session")
MANAGER_COOKIE = "enlighten_manager_token_production"
_XSRF_COOKIE = "XSRF-TOKEN"
# The form stands near the beginning; pages of megabytes take a second to read.
_LONGEST_PAGE = 200_000
_QUOTA_WORDS = "too many active sessions"


@dataclass(frozen=True)
class SignedIn:
    """What the answer to a sign-in held: the manager token where it came in the body, and the site of the account where it named one."""

    manager_token: str | None = field(default=None, repr=False)
    system_id: str | None = None


def cookie_value(jar: CookieJar, *names: str) -> str | None:
    """Return the value of the first of these cookies that is there."""
    values = {morsel.key: morsel.value for morsel in jar}
    return next((values[name] for name in names if values.get(name)), None)


async def sign_in_with_json(transport: Transport, jar: CookieJar, email: str, password: str) -> SignedIn | None:
    """Sign in by the JSON call; `None` where this deployment wants the form instead.

    Raises:
        AuthError: Refused; `CodeRequired` where the account has one-time codes.
        ServiceUnavailable: The cloud is out of order; the credentials are not to blame.
    """
    request = _post("/login/login.json", {"user[email]": email, "user[password]": password})
    answer = await transport.send(request, headers=_form_headers(transport), cookies=jar)
    _raise_for_quota(answer)
    if answer.status in {404, 405, 406}:
        return None
    _raise_for_outage(answer)
    body = answer.json_or_none()
    if not isinstance(body, dict):
        if answer.status == 401:
            raise InvalidCredentials("The e-mail address or the password was refused")
        raise ServiceUnavailable("The sign-in answered with something that is not JSON")
    keep_cookies(jar, answer)
    return _read_sign_in(body, jar, status=answer.status)


async def sign_in_with_form(transport: Transport, jar: CookieJar, email: str, password: str) -> SignedIn:
    """Sign in as a browser does: read the hidden token of the form, then post it.

    Raises:
        AuthError: Refused; `CodeRequired` where the account has one-time codes.
        ServiceUnavailable: The cloud is out of order.
    """
    headers: dict[str, str] = {hdrs.ACCEPT: "text/html,application/xhtml+xml,*/*"}
    page = await transport.send(Request(family=Family.SIGN_IN, path="/login"), headers=headers, cookies=jar)
    _raise_for_quota(page)
    _raise_for_outage(page)
    form_token = _form_token(page.text)
    if page.status != 200 or form_token is None:
        raise ServiceUnavailable("The sign-in page holds no form")
    keep_cookies(jar, page)
    form = {"utf8": "✓", "authenticity_token": form_token, "user[email]": email, "user[password]": password}
    headers[hdrs.REFERER] = f"{transport.url}/login"
    answer = await transport.send(_post("/login/login", form), headers=headers, cookies=jar)
    _raise_for_quota(answer)
    _raise_for_outage(answer)
    if answer.status in {401, 403} or (answer.status == 200 and _form_token(answer.text) is not None):
        raise InvalidCredentials("The e-mail address or the password was refused")
    keep_cookies(jar, answer)
    if cookie_value(jar, NONCE_COOKIE):
        raise CodeRequired("A one-time code is needed")
    if not answer.is_redirect and answer.status != 200:
        raise ServiceUnavailable(f"The sign-in form was answered with HTTP {answer.status}")
    return SignedIn()


async def request_code(transport: Transport, jar: CookieJar) -> None:
    """Let the cloud send a (new) one-time code, which lives for about five minutes.

    Raises:
        AccountBlocked: Too many codes were asked for.
        SessionExpired: The sign-in has to start over.
    """
    request = _post("/app-api/generate_mfa_login_otp", {"locale": "en"})
    answer = await transport.send(request, headers=_code_headers(transport, jar), cookies=jar)
    body = read_mapping(answer.json_or_none())
    if answer.status == 429 or read_bool(body.get("isBlocked")):
        raise AccountBlocked("Too many one-time codes were asked for")
    _raise_for_outage(answer)
    if answer.status != 200 or not body or read_bool(body.get("success")) is False:
        raise SessionExpired("The sign-in has to start over")
    keep_cookies(jar, answer)


async def submit_code(transport: Transport, jar: CookieJar, email: str, code: str) -> SignedIn:
    """Finish the sign-in with a one-time code.

    Raises:
        CodeRequired: The code was wrong (`rejected`).
        AccountBlocked: Too many wrong codes.
        SessionExpired: The sign-in has to start over.
    """
    form = {"email": _base64(email), "otp": _base64(code), "xhrFields[withCredentials]": "true"}
    answer = await transport.send(_post("/app-api/validate_login_otp", form), headers=_code_headers(transport, jar), cookies=jar)
    body = read_mapping(answer.json_or_none())
    _raise_for_quota(answer)
    if answer.status == 429 or read_bool(body.get("isBlocked")):
        raise AccountBlocked("Too many wrong one-time codes")
    _raise_for_outage(answer)
    if answer.status in {401, 403} or answer.is_redirect:
        raise SessionExpired("The sign-in has to start over")
    if answer.status in {400, 404, 409, 422} or read_bool(body.get("isValid")) is False:
        raise CodeRequired("The one-time code is wrong", rejected=True)
    if answer.status != 200 or not body:
        raise ServiceUnavailable("The one-time code could not be checked")
    keep_cookies(jar, answer)
    jar.clear(lambda morsel: morsel.key == NONCE_COOKIE)
    return _read_sign_in(body, jar, status=answer.status)


def keep_cookies(jar: CookieJar, answer: Answer) -> None:
    """Keep the cookies of an answer of a live session; a cookie that no header can carry is left out."""
    jar.update_cookies_from_headers(answer.set_cookies, answer.url)
    jar.clear(lambda morsel: read_secret(morsel.value) is None)


def _read_sign_in(body: dict[str, Json], jar: CookieJar, *, status: int) -> SignedIn:
    """Interpret the answer to a sign-in by the table of docs/cloud-api/auth.md §1."""
    if read_bool(body.get("isBlocked")):
        raise AccountBlocked("Enphase has locked the account")
    if read_bool(body.get("requires_mfa")):
        raise CodeRequired("A one-time code is needed")
    success = read_bool(body.get("success"))
    if success is False or status == 401:
        raise InvalidCredentials("The e-mail address or the password was refused")
    if status >= 400:
        raise ServiceUnavailable(f"The sign-in was answered with HTTP {status}")
    if body.get("message") != "success" and cookie_value(jar, NONCE_COOKIE):
        raise CodeRequired("A one-time code is needed")
    return SignedIn(read_secret(body.get("manager_token")), read_digits(body.get("system_id")))


def _raise_for_quota(answer: Answer) -> None:
    if _QUOTA_WORDS in answer.text.lower():
        raise TooManySessions("The account has too many active sessions")


def _raise_for_outage(answer: Answer) -> None:
    if answer.status == 429:
        raise RateLimited(answer.retry_after)
    if answer.status >= 500 or answer.status == 406:
        raise ServiceUnavailable(f"The sign-in is out of order (HTTP {answer.status})")


def _post(path: str, form: dict[str, str]) -> Request:
    """Return a request that must be sent only once: every attempt counts towards locking the account."""
    return Request(family=Family.SIGN_IN, method="POST", path=path, form=form, is_write=True)


def _form_headers(transport: Transport) -> dict[str, str]:
    return {
        hdrs.ACCEPT: "*/*",
        hdrs.CONTENT_TYPE: "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Requested-With": "XMLHttpRequest",
        hdrs.REFERER: f"{transport.url}/",
    }


def _code_headers(transport: Transport, jar: CookieJar) -> dict[str, str]:
    headers = _form_headers(transport)
    if xsrf := cookie_value(jar, _XSRF_COOKIE):
        headers["X-CSRF-Token"] = xsrf
    return headers


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


class _FormTokenFinder(HTMLParser):
    """Finds the hidden `authenticity_token` of the sign-in form."""

    def __init__(self) -> None:
        super().__init__()
        self.token: str | None = None

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("name") == "authenticity_token":
            self.token = found.get("value")


def _form_token(page: str) -> str | None:
    finder = _FormTokenFinder()
    finder.feed(page[:_LONGEST_PAGE])
    return finder.token
