"""Who may ask the battery service what: sessions, header shapes, and the XSRF token (docs/cloud-api/battery.md §1 and §2)."""

import re

from aiohttp import hdrs, web

from ..accounts import Account, WebSession
from ..context import SESSION, WORLD, Refused, json_answer, world_of
from ..guard import Handler, dead_session, session_cookie, signed_in
from .refusal import BatteryRefused
from .switches import HeaderShape, XsrfSource

BASE = "/service/batteryConfig/api/v1"
ORIGIN = "https://battery-profile-ui.enphaseenergy.com"
XSRF_COOKIE = "BP-XSRF-Token"
XSRF_HEADER = "X-XSRF-Token"
XSRF_ANSWER_HEADER = "x-csrf-token"

_NEEDS_USER = re.compile(rf"^{BASE}/(siteSettings|batterySettings|profile|cancel/profile|stormGuard/toggle)/\d+$")
_SITE_SETTINGS = re.compile(rf"^{BASE}/siteSettings/\d+$")
_READS = {hdrs.METH_GET, hdrs.METH_HEAD}


@web.middleware
async def guard_battery(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request to the battery service through that brings what it must, and give it the next token."""
    if not request.path.startswith(f"{BASE}/"):
        return await handler(request)
    shape = _shape(request)
    session = _session(request, shape)
    request[SESSION] = session
    response: web.StreamResponse
    try:
        account = _signed_in_account(session)
        _check(request, account, shape)
        response = await handler(request)
    except BatteryRefused as refusal:
        response = json_answer(refusal.as_json(), refusal.status)
    except Refused as refusal:
        response = refusal.response
    _give_token(request, response, session)
    return response


def _shape(request: web.Request) -> HeaderShape | None:
    """The shape of a request's headers; None for one that nobody knows."""
    has_token = "e-auth-token" in request.headers
    if hdrs.AUTHORIZATION in request.headers:
        return None
    if session_cookie(request) is None:
        alone = set(request.cookies) <= {XSRF_COOKIE}
        return HeaderShape.TOKEN_ONLY if has_token and alone else None
    if not has_token:
        return HeaderShape.SESSION
    return HeaderShape.SESSION_TOKEN if request.headers.get("X-Requested-With") == "XMLHttpRequest" else None


def _session(request: web.Request, shape: HeaderShape | None) -> WebSession:
    """Whose session it is; a dead one is refused as everywhere else."""
    session = None if shape is HeaderShape.TOKEN_ONLY else signed_in(request)
    if "e-auth-token" not in request.headers and session is not None:
        return session
    token = world_of(request).doorkeeper.token(request.headers.get("e-auth-token"))
    if token is None or (session is not None and token.session.account is not session.account):
        raise Refused(dead_session(request) if session is None else json_answer(_UNAUTHORIZED.as_json(), 401))
    return session or token.session


_UNAUTHORIZED = BatteryRefused(401, "UNAUTHORIZED", "e-auth-token is missing or expired")


def _signed_in_account(session: WebSession) -> Account:
    if session.account is None:
        raise _UNAUTHORIZED
    return session.account


def _check(request: web.Request, account: Account, shape: HeaderShape | None) -> None:
    """Refuse what docs/cloud-api/battery.md §1 and §2 say is refused."""
    if request.method == hdrs.METH_DELETE:
        raise Refused(web.Response(status=403, text="Invalid CORS request"))
    switches = world_of(request).deployment.battery
    reads = request.method in _READS
    if shape is None or shape not in (switches.read_shapes if reads else switches.write_shapes):
        raise _forbidden("This shape is not taken here")
    if request.headers.get(hdrs.ORIGIN) != ORIGIN or not request.headers.get(hdrs.REFERER, "").startswith(f"{ORIGIN}/"):
        raise _forbidden("Origin or Referer is wrong")
    if not request.headers.get("requestid"):
        raise BatteryRefused(400, "INVALID_REQUEST", "requestid is missing")
    user = str(account.user_id)
    needs_user = _NEEDS_USER.search(request.path) is not None
    if request.headers.get("Username") != user or request.query.get("userId", None if needs_user else user) != user:
        raise _forbidden("This is not the user who is signed in")
    if not reads:
        newest = world_of(request).battery_tokens.get(account.user_id)
        if newest is None or request.cookies.get(XSRF_COOKIE) != newest or request.headers.get(XSRF_HEADER) != newest:
            raise _forbidden("XSRF token is missing or stale")


def _forbidden(message: str) -> BatteryRefused:
    return BatteryRefused(403, "FORBIDDEN", message)


def _give_token(request: web.Request, response: web.StreamResponse, session: WebSession) -> None:
    """Hand out the XSRF token where this deployment does; one that is handed out is a new one where they rotate."""
    world = request.app[WORLD]
    switches, account = world.deployment.battery, session.account
    if account is None or (request.method in _READS and not switches.xsrf_on_reads):
        return
    as_cookie = switches.xsrf_source in {XsrfSource.COOKIE, XsrfSource.BOTH}
    told_here = switches.xsrf_header_everywhere or _SITE_SETTINGS.search(request.path) is not None
    as_header = switches.xsrf_source in {XsrfSource.HEADER, XsrfSource.BOTH} and told_here
    if not as_cookie and not as_header:
        return
    if switches.xsrf_rotates or account.user_id not in world.battery_tokens:
        world.battery_tokens[account.user_id] = world.doorkeeper.draw_secret()
    token = world.battery_tokens[account.user_id]
    if as_cookie:
        # An empty path is left out.
        response.set_cookie(XSRF_COOKIE, token, path="/" if switches.xsrf_cookie_names_path else "")
    if as_header:
        response.headers[XSRF_ANSWER_HEADER] = token
