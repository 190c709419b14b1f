"""Sends one HTTP request to Enlighten and reads the whole answer before it is interpreted."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import cached_property
import logging
import os
import re
import time
from typing import Self

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDictProxy
import orjson
from yarl import URL

from .budget import RequestBudget
from .cloud_words import safe_code, safe_message
from .exceptions import (
    CertificateChanged,
    ConnectionsClosed,
    InvalidResponse,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    Unreachable,
)
from .parsing import Json, first_of, read_float, read_mapping, read_text

_LOGGER = logging.getLogger(__name__)

DEFAULT_URL = "https://enlighten.enphaseenergy.com"
DEFAULT_TIMEOUT = 15.0
URL_VARIABLE = "ENPHASE_EV_ENLIGHTEN_URL"
GRID_SERVICES_URL = "https://gs.enphaseenergy.com"
GRID_SERVICES_URL_VARIABLE = "ENPHASE_EV_GRID_SERVICES_URL"

_HOUR = 3600
# Headers by which one session differs from another.
_SECRET_HEADERS = (hdrs.AUTHORIZATION, "e-auth-token", "X-XSRF-Token", "username")
# The charger services' own codes, which appear under different keys.
_SERVICE_CODE = re.compile(r"iqevc_[a-z]+[-_]\d{1,10}")
# How the cloud's framework says that a path does not exist (docs/cloud-api/README.md).
_NO_ROUTE = "no static resource"
# A sign-in page as JSON: its keys, or words in its keys and texts. What brings data is none.
_SIGN_IN_KEYS = frozenset({"isBlocked", "requires_mfa", "manager_token", "session_id", "authenticity_token"})
_SIGN_IN_WORDS = re.compile(r"\blog[ _-]?in|\bsign[ _-]?in\b|unauthori[sz]ed|not authenticated|session (?:has )?expired", re.IGNORECASE)
_PAYLOAD_KEYS = frozenset({"data", "meta", "items", "result", "sites", "systems"})
# What an object holds that tells about a request and brings nothing of what was asked for.
_EXCUSE_KEYS = frozenset({"message", "error", "errors", "detail", "reason", "status", "statusCode", "code", "success", "path", "timestamp"})
_EXCUSES = frozenset({"message", "error", "errors", "detail", "reason"})
_CODE_KEYS = ("errorMessageCode", "errorCode", "status", "code")
# The longest wait, whatever the cloud asks for: otherwise an error of its clock would silence an account forever.
_LONGEST_WAIT = 24.0 * _HOUR
# If there is no connection after this share of the time, the request fails, and it is certain that nothing was sent.
_CONNECTED_WITHIN = 2 / 3
# The largest honest answer, a summary of fifty chargers, is below 200 kB.
_LARGEST_BODY = 4 * 1024 * 1024
_HONEST_USER_AGENT = f"enphase-ev aiohttp/{aiohttp.__version__}"
_BROWSER_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


class Family(StrEnum):
    """What a request is for; requests are counted by it, and the log names it instead of the path, which holds personal numbers."""

    SIGN_IN = "sign_in"
    SESSION = "session"
    SITES = "sites"
    STATUS = "status"
    SUMMARY = "summary"
    CONTROL = "control"
    LIVE_STREAM = "live_stream"
    CHARGE_MODE = "charge_mode"
    SCHEDULE = "schedule"
    CONFIGURATION = "configuration"
    MANAGEMENT = "management"
    HISTORY = "history"
    BATTERY = "battery"
    BATTERY_WRITE = "battery_write"
    BATTERY_STATUS = "battery_status"
    LIVE_POWER = "live_power"
    GATEWAY = "gateway"
    ENERGY = "energy"
    OUTAGES = "outages"
    TARIFF = "tariff"
    EXPORT_PRICES = "export_prices"
    GRID_EVENTS = "grid_events"
    GATEWAY_LIVE = "gateway_live"
    GATEWAY_METERS = "gateway_meters"
    GATEWAY_BATTERY = "gateway_battery"


def enlighten_url() -> URL:
    """Return the origin of the cloud: Enlighten, or what `ENPHASE_EV_ENLIGHTEN_URL` names for development and tests."""
    return URL(os.environ.get(URL_VARIABLE) or DEFAULT_URL).origin()


def grid_services_url() -> URL | None:
    """Return the origin of the grid events, the only other one that gets a token (docs/cloud-api/events.md §1).

    `None` where Enlighten is replaced and this one is not: what stands for the one has no business with the real other one.
    """
    if named := os.environ.get(GRID_SERVICES_URL_VARIABLE):
        return URL(named).origin()
    return None if os.environ.get(URL_VARIABLE) else URL(GRID_SERVICES_URL)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to send. `path` may carry a query. A write is sent once, whatever happens to the connection.

    What is optional can be refused with 401 by a site that does not have it, or by a service that is out of order: once the session was
    renewed, that says nothing about it. A change that builds on a read is not sent again after a renewal: it raises `SessionRenewed`.
    """

    family: Family
    method: str = "GET"
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Json = None
    form: Mapping[str, str] | None = None
    is_write: bool = False
    is_optional: bool = False
    builds_on_read: bool = False


class _Interrupted(aiohttp.ClientError):
    """A request broke off while it was under way."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT or DELETE again by itself, which it does on these two errors."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as err:
        raise _Interrupted("The connection broke off") from err


@dataclass(frozen=True)
class Answer:
    """An answer of the cloud, read to its end; `secrets` are those that were sent along, which its words may repeat."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: URL
    seconds: float
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_redirect(self) -> bool:
        """Return whether the answer is a redirect; from a service path this means a dead session."""
        return self.status in {301, 302, 303, 307, 308}

    @property
    def redirect_target(self) -> URL | None:
        """Return the address that the answer redirects to."""
        try:
            target = self.url.join(URL(self.headers.get(hdrs.LOCATION, "")))
        except ValueError:
            return None
        return target if self.is_redirect and target.host else None

    @property
    def is_html(self) -> bool:
        """Return whether the answer is an HTML page instead of data."""
        return self.headers.get(hdrs.CONTENT_TYPE, "").startswith("text/html") or self.body.lstrip()[:1] == b"<"

    @property
    def is_sign_in_page(self) -> bool:
        """Return whether the answer leads to the sign-in page, or is one: HTML or JSON in place of data (docs/cloud-api/auth.md §3)."""
        return self.is_redirect or (self.status == 200 and (self.is_html or self._is_sign_in_json))

    @property
    def _is_sign_in_json(self) -> bool:
        body = self.json_or_none()
        if not isinstance(body, dict) or not body or _PAYLOAD_KEYS & body.keys():
            return False
        words = (*body, *(value for value in body.values() if isinstance(value, str)))
        return bool(_SIGN_IN_KEYS & body.keys()) or any(_SIGN_IN_WORDS.search(word) for word in words)

    @property
    def is_excuse(self) -> bool:
        """Return whether an answer with 200 is words in place of data."""
        body = self.json_or_none() if self.status == 200 else None
        return isinstance(body, dict) and body.keys() <= _EXCUSE_KEYS and bool(_EXCUSES & body.keys())

    def looks_dead(self, request: Request) -> bool:
        """Return whether the cloud answers a dead session like this (docs/cloud-api/auth.md §3); to a write, words can be a success."""
        return self.status in {401, 403} or self.is_sign_in_page or (self.is_excuse and not request.is_write)

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode(errors="replace")

    @property
    def set_cookies(self) -> Sequence[str]:
        """Return the cookies that the cloud wants to set, as header lines."""
        return self.headers.getall(hdrs.SET_COOKIE, ())

    @cached_property
    def json(self) -> Json:
        """Return the decoded body; 204, 205 and an empty body are an empty object.

        Raises:
            InvalidResponse: The body is not JSON.
        """
        if self.status in {204, 205} or not self.body.strip():
            return {}
        try:
            decoded: Json = orjson.loads(self.body)
        except orjson.JSONDecodeError as err:
            raise InvalidResponse("The answer is not JSON") from err
        return decoded

    def json_or_none(self) -> Json:
        """Return the decoded body, `None` where it is not JSON."""
        try:
            return self.json
        except InvalidResponse:
            return None

    @property
    def retry_after(self) -> float | None:
        """Return the seconds to wait that `Retry-After` names as a number or as a date, a day at most."""
        value = self.headers.get(hdrs.RETRY_AFTER)
        if value is None:
            return None
        seconds = read_float(value)
        if seconds is None:
            try:
                seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
            except ValueError, TypeError:
                return None
        return min(max(seconds, 0.0), _LONGEST_WAIT)

    def rejection(self) -> RequestRejected:
        """Return the cloud's own code and words about a request that it refused.

        Sources: docs/cloud-api/chargers.md §3, docs/cloud-api/battery.md §4.
        """
        body = read_mapping(self.json_or_none())
        nested = body.get("error")
        error = read_mapping(nested)
        codes = [read_text(record.get(key)) for record in (error, body) for key in _CODE_KEYS]
        code = next((one for one in codes if one and _SERVICE_CODE.fullmatch(one)), None)
        code = code or read_text(first_of(error, "errorMessageCode", "status", "code")) or read_text(body.get("code"))
        message = read_text(first_of(error, "displayMessage", "message", "errorMessage"))
        if message is None:
            # A bare `error` beside a message is the name of the status ("Not Found").
            message = read_text(first_of(body, "message", "displayMessage", "detail")) or read_text(nested) or self._plain_words()
        words = None if message is None else safe_message(message, self.secrets)
        is_route_gone = self.status == 404 and _NO_ROUTE in self.text.lower()
        return RequestRejected(self.status, safe_code(code, self.secrets), words or None, is_route_gone=is_route_gone)

    def _plain_words(self) -> str | None:
        """Return what an answer says that is plain text, or JSON that is nothing but a text."""
        if self.is_html:
            return None
        try:
            words = self.json
        except InvalidResponse:
            # Broken JSON is not worth showing.
            words = None if self.body.lstrip()[:1] in {b"{", b"["} else " ".join(self.text.split())
        return read_text(words) if isinstance(words, str) else None

    def raise_for_status(self) -> None:
        """Raise the error that an unsuccessful answer means, once it is known that the session is alive.

        Raises:
            RateLimited: 429.
            ServiceUnavailable: 5xx, 406, or a page for people where data was expected.
            RequestRejected: Any other refusal.
        """
        if self.status == 429:
            raise RateLimited(self.retry_after)
        if self.status == 406:
            raise ServiceUnavailable("The cloud refuses this client (HTTP 406)")
        if self.status == 552:
            # The command is queued, the charger was not reached (docs/cloud-api/README.md): said by the cloud in its own words.
            raise self.rejection()
        if self.status >= 500:
            words = self.rejection().message
            raise ServiceUnavailable(f"The service is out of order (HTTP {self.status})", cloud_message=words)
        if self.is_sign_in_page or (self.status < 400 and self.is_html):
            raise ServiceUnavailable("The service answered with a page instead of data")
        if self.status >= 400:
            raise self.rejection()


class RequestCounter:
    """Counts the requests of an account by family, in all and over the last hour."""

    def __init__(self) -> None:
        self.total: Counter[Family] = Counter()
        self._recent: deque[tuple[float, Family]] = deque()

    def add(self, family: Family) -> None:
        """Count a request that is about to be sent."""
        self.total[family] += 1
        self._recent.append((time.time(), family))
        self._forget_old()

    def last_hour(self) -> Counter[Family]:
        """Return the number of requests of the last sixty minutes by family."""
        self._forget_old()
        return Counter(family for _, family in self._recent)

    def _forget_old(self) -> None:
        while self._recent and self._recent[0][0] < time.time() - _HOUR:
            self._recent.popleft()


class Transport:
    """The connection to one origin.

    Both sessions must have an `aiohttp.DummyCookieJar`: which cookies are sent and which are kept is decided by the account, answer by
    answer. `write_session` must not reuse connections, so that a write never fails over one that the cloud has already closed.
    `certificate` is the SHA-256 of the only certificate that is accepted; without it, any that the authorities vouch for. `budget` limits
    what is sent.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        write_session: aiohttp.ClientSession,
        *,
        url: URL | None = None,
        request_timeout: float = DEFAULT_TIMEOUT,
        certificate: bytes | None = None,
    ) -> None:
        self.url = url or enlighten_url()
        self.requests = RequestCounter()
        self.budget: RequestBudget | None = None
        self.request_timeout = request_timeout
        self.uses_browser_user_agent = False
        self._session = session
        self._write_session = write_session
        self._tls = aiohttp.Fingerprint(certificate) if certificate else True

    def to(self, url: URL) -> Self:
        """Return a connection to another origin that shares what is counted and what may be sent."""
        other = type(self)(self._session, self._write_session, url=url, request_timeout=self.request_timeout)
        other.requests = self.requests
        other.budget = self.budget
        other.uses_browser_user_agent = self.uses_browser_user_agent
        return other

    async def send(self, request: Request, *, headers: Mapping[str, str], cookies: aiohttp.CookieJar) -> Answer:
        """Send a request and return its answer, whatever its status. Redirects are not followed.

        A client whose user agent is refused (406, docs/cloud-api/README.md) becomes a browser from then on. The refused request
        did nothing, so it is sent again.

        Raises:
            RequestCeiling, ConnectionsClosed: Nothing was sent.
            ServiceUnavailable: No answer could be had in time.
            InvalidResponse: The answer is larger than any honest one.
        """
        answer = await self._send(request, headers, cookies)
        if answer.status == 406 and not self.uses_browser_user_agent:
            self.uses_browser_user_agent = True
            answer = await self._send(request, headers, cookies)
        return answer

    async def _send(self, request: Request, headers: Mapping[str, str], cookies: aiohttp.CookieJar) -> Answer:
        session = self._write_session if request.is_write else self._session
        if session.closed:
            raise ConnectionsClosed("The connections of this account are closed")
        if self.budget is not None:
            self.budget.spend(is_write=request.is_write)
        self.requests.add(request.family)
        # The URL is not joined: a path that begins with two slashes would name another host.
        url = URL(f"{self.url.origin()}{request.path}").update_query(request.params)
        agent = _BROWSER_USER_AGENT if self.uses_browser_user_agent else _HONEST_USER_AGENT
        sent: dict[str, str] = {hdrs.USER_AGENT: agent, **headers}
        if cookie_line := cookies.filter_cookies(url).output(header="", sep=";").strip():
            sent[hdrs.COOKIE] = cookie_line
        body: bytes | aiohttp.FormData | None = None
        if request.json is not None:
            body = orjson.dumps(request.json)
            sent[hdrs.CONTENT_TYPE] = "application/json"
        elif request.form is not None:
            body = aiohttp.FormData(request.form)
        started = time.monotonic()
        try:
            async with session.request(
                request.method,
                url,
                headers=sent,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self.request_timeout, sock_connect=self.request_timeout * _CONNECTED_WITHIN),
                ssl=self._tls,
                middlewares=(_send_once,) if request.is_write else None,
            ) as response:
                content = await _read_body(response)
        except aiohttp.ServerFingerprintMismatch as err:
            # The certificate is checked before anything is sent.
            raise CertificateChanged(err.got.hex()) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
            _LOGGER.debug("%s %s: no connection (%s)", request.method, request.family, type(err).__name__)
            raise Unreachable("The service cannot be reached") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as err:
            _LOGGER.debug("%s %s: no answer (%s)", request.method, request.family, type(err).__name__)
            raise ServiceUnavailable("There was no answer in time", may_have_arrived=True) from None
        seconds = time.monotonic() - started
        _LOGGER.debug("%s %s: HTTP %s in %.0f ms", request.method, request.family, response.status, seconds * 1000)
        return Answer(response.status, response.headers, content, url, seconds, _secrets(request, headers, cookies))


def _secrets(request: Request, headers: Mapping[str, str], cookies: aiohttp.CookieJar) -> frozenset[str]:
    """Return what a request sends along that must not come back in an error: the session, and what a person has typed in."""
    of_headers = {headers.get(name, "").removeprefix("Bearer ") for name in _SECRET_HEADERS}
    of_cookies = {morsel.value for morsel in cookies}
    return frozenset(of_headers | of_cookies | set((request.form or {}).values()))


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    """Read the body, but no more than the largest honest answer."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > _LARGEST_BODY:
            response.close()
            raise InvalidResponse("The answer is far too large")
    return bytes(body)
