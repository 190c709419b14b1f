"""Who may ask the battery service what: sessions, header shapes, and the XSRF token (docs/cloud-api/battery.md §1 and §2)."""

import re

from aiohttp import hdrs, web

from ..accounts import Account, WebSession
from ..context import SESSION, WORLD, Refused, json_answer, world_of
from ..guard import Handler, dead_session, session_cookie, signed_in
from ..switches.battery import BatteryDeployment, HeaderShape, XsrfSource
from .settings import BatteryRefused

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


def _shape(request: web.Request) -> HeaderShape:
    """The shape of a request's headers."""
    if "e-auth-token" not in request.headers:
        return HeaderShape.SESSION
    return HeaderShape.TOKEN_ONLY if session_cookie(request) is None else HeaderShape.SESSION_TOKEN


def _session(request: web.Request, shape: HeaderShape) -> WebSession:
    """Whose session it is; a dead one is refused as everywhere else."""
    if shape is HeaderShape.SESSION:
        return signed_in(request)
    token = world_of(request).doorkeeper.token(request.headers.get("e-auth-token"))
    if shape is HeaderShape.TOKEN_ONLY:
        if token is None:
            raise Refused(dead_session(request))
        return token.session
    session = signed_in(request)
    if world_of(request).deployment.battery.token_checked and (token is None or token.session.account is not session.account):
        raise Refused(json_answer(_UNAUTHORIZED.as_json(), 401))
    return session


_UNAUTHORIZED = BatteryRefused(401, "UNAUTHORIZED", "e-auth-token is missing or expired")


def _signed_in_account(session: WebSession) -> Account:
    if session.account is None:
        raise _UNAUTHORIZED
    return session.account


def _check(request: web.Request, account: Account, shape: HeaderShape) -> None:
    """Refuse what docs/cloud-api/battery.md §1 and §2 say is refused."""
    if request.method == hdrs.METH_DELETE:
        raise Refused(web.Response(status=403, text="Invalid CORS request"))
    switches = world_of(request).deployment.battery
    reads = request.method in _READS
    if shape not in (switches.read_shapes if reads else switches.write_shapes):
        if shape is HeaderShape.TOKEN_ONLY and switches.token_only_status == 401:
            raise _UNAUTHORIZED
        raise _forbidden("This shape is not taken here")
    _check_headers(request, shape, switches)
    _check_user(request, str(account.user_id), switches)
    if not reads:
        _check_token(request, account, switches)


def _check_headers(request: web.Request, shape: HeaderShape, switches: BatteryDeployment) -> None:
    headers = request.headers
    if switches.authorization_refused and hdrs.AUTHORIZATION in headers:
        raise _forbidden("This shape is not taken here")
    alone = shape is HeaderShape.SESSION_TOKEN and headers.get("X-Requested-With") != "XMLHttpRequest"
    if switches.requested_with_needed and alone:
        raise _forbidden("This shape is not taken here")
    ours = headers.get(hdrs.ORIGIN) == ORIGIN and headers.get(hdrs.REFERER, "").startswith(f"{ORIGIN}/")
    if switches.origin_needed and not ours:
        raise _forbidden("Origin or Referer is wrong")
    if switches.request_id_needed and not headers.get("requestid"):
        raise BatteryRefused(400, "INVALID_REQUEST", "requestid is missing")


def _check_user(request: web.Request, user: str, switches: BatteryDeployment) -> None:
    name = request.headers.get("Username", None if switches.username_needed else user)
    written_so = switches.user_id_needed and _NEEDS_USER.search(request.path) is not None
    if name != user or request.query.get("userId", None if written_so else user) != user:
        raise _forbidden("This is not the user who is signed in")


def _check_token(request: web.Request, account: Account, switches: BatteryDeployment) -> None:
    cookie, header = request.cookies.get(XSRF_COOKIE), request.headers.get(XSRF_HEADER)
    given = world_of(request).battery_tokens.get(account.user_id, [])
    known = given[-1:] if switches.xsrf_only_newest else given
    if not cookie or cookie != header or (cookie not in known and not switches.xsrf_own_pairs):
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
    given = world.battery_tokens.setdefault(account.user_id, [])
    if switches.xsrf_rotates or not given:
        given.append(world.doorkeeper.draw_secret())
    token = given[-1]
    if as_cookie:
        # An empty path is left out.
        response.set_cookie(XSRF_COOKIE, token, path="/" if switches.xsrf_cookie_names_path else "")
    if as_header:
        response.headers[XSRF_ANSWER_HEADER] = token
