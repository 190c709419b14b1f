"""Who may ask what: sessions and tokens by family of request (docs/cloud-api/auth.md §3 and §6)."""

from collections.abc import Awaitable, Callable
from enum import Enum, auto
import re

from aiohttp import hdrs, web

from .accounts import Token, WebSession
from .context import SESSION, WORLD, Refused, error, html_answer, json_answer
from .received import Family, family_of
from .switches.deployment import DeadSession

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Need(Enum):
    """What a family of requests must bring."""

    PV_OR_SESSION_ID = auto()
    """The headers of the ``/pv`` family, or a bearer and the session id as ``e-auth-token`` (docs/cloud-api/tariff.md)."""

    SESSION = auto()
    """A live session cookie."""
    ACCESS_TOKEN = auto()
    """A live ``e-auth-token``, where the deployment wants one for reads."""
    BEARER = auto()
    """A live JWT as ``Authorization: Bearer``."""
    SESSION_CLAIM = auto()
    """The headers of session history and energy series."""
    PV_HEADERS = auto()
    """What the web app sends with everything below ``/pv``, a live ``e-auth-token`` among it."""


_NEEDS = {
    Family.SITE: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.LIVE: (Need.SESSION, Need.PV_HEADERS),
    Family.ENERGY: (Need.SESSION, Need.PV_HEADERS),
    Family.OUTAGES: (Need.SESSION, Need.PV_HEADERS),
    Family.EVENTS: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.TARIFF: (Need.SESSION, Need.PV_OR_SESSION_ID),
    Family.BATTERY_STATUS: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.STATUS: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.SUMMARY: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.LIVE_STREAM: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.MANAGEMENT: (Need.SESSION, Need.ACCESS_TOKEN),
    Family.CONTROL: (Need.SESSION, Need.BEARER),
    Family.SCHEDULER: (Need.SESSION, Need.BEARER),
    Family.CONFIG: (Need.SESSION, Need.BEARER),
    Family.HISTORY: (Need.SESSION, Need.BEARER, Need.SESSION_CLAIM),
    Family.SERIES: (Need.SESSION, Need.BEARER, Need.SESSION_CLAIM),
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through that brings what its family needs."""
    try:
        needs = _NEEDS.get(family_of(request.path), ())
        if Need.SESSION in needs:
            request[SESSION] = signed_in(request)
        if Need.ACCESS_TOKEN in needs and request.app[WORLD].deployment.reads_need_access_token:
            _live_token(request, request.headers.get("e-auth-token"))
        if Need.PV_HEADERS in needs:
            _check_pv_headers(request)
        if Need.PV_OR_SESSION_ID in needs:
            _check_pv_headers_or_session_id(request)
        if Need.BEARER in needs:
            token = _bearer(request)
            if Need.SESSION_CLAIM in needs:
                _check_session_claim(request, token)
        return await handler(request)
    except Refused as refusal:
        return refusal.response


def session_cookie(request: web.Request) -> str | None:
    """The value of the session cookie."""
    return request.cookies.get(request.app[WORLD].deployment.session_cookie)


def signed_in(request: web.Request) -> WebSession:
    """The signed-in session that the cookie names; refused as the deployment refuses dead ones."""
    session = request.app[WORLD].doorkeeper.session(session_cookie(request))
    if session is None or session.account is None:
        raise Refused(dead_session(request))
    return session


def set_session_cookie(request: web.Request, response: web.StreamResponse, session: WebSession) -> None:
    """Hand a session to the client."""
    response.set_cookie(request.app[WORLD].deployment.session_cookie, session.cookie, path="/", httponly=True, samesite="Lax")


def dead_session(request: web.Request) -> web.Response:
    """What a dead session gets: in any form with a fresh, anonymous session cookie (docs/cloud-api/auth.md §3)."""
    world = request.app[WORLD]
    match world.deployment.dead_session_answer:
        case DeadSession.UNAUTHORIZED:
            response = error(request, 401, "Unauthorized")
        case DeadSession.FORBIDDEN:
            response = error(request, 403, "Forbidden")
        case DeadSession.HTML:
            response = html_answer()
        case DeadSession.JSON:
            response = json_answer({"success": False, "isBlocked": False, "redirect_url": "/login"})
        case DeadSession.WORDS:
            response = json_answer({"message": "Invalid"})
        case _:
            response = web.Response(status=302, headers={hdrs.LOCATION: "/login"})
    set_session_cookie(request, response, world.doorkeeper.open_session())
    return response


def _bearer(request: web.Request) -> Token:
    scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return _live_token(request, text if scheme.lower() == "bearer" else None)


def _live_token(request: web.Request, text: str | None) -> Token:
    """The live token of the same account as the session; refused with 401."""
    token = request.app[WORLD].doorkeeper.token(text)
    if token is None or token.session.account is not request[SESSION].account:
        raise Refused(error(request, 401, "Token is missing or expired"))
    return token


def _check_pv_headers(request: web.Request) -> None:
    """A live token, and the marks of the web app: without them a page comes (docs/cloud-api/auth.md §6)."""
    _live_token(request, request.headers.get("e-auth-token"))
    marked = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    accepted = "application/json" in request.headers.get(hdrs.ACCEPT, "")
    if not (marked and accepted and re.search(r"/pv/systems/\d+/summary$", request.headers.get(hdrs.REFERER, ""))):
        raise Refused(html_answer())


def _check_pv_headers_or_session_id(request: web.Request) -> None:
    if hdrs.AUTHORIZATION not in request.headers:
        _check_pv_headers(request)
        return
    token = _bearer(request)
    if request.headers.get("e-auth-token") not in {request[SESSION].cookie, token.session.claim_id, token.text}:
        raise Refused(error(request, 401, "e-auth-token does not fit the token"))


def _check_session_claim(request: web.Request, token: Token) -> None:
    account = token.session.account
    if account is None or request.headers.get("e-auth-token") != token.session.claim_id:
        raise Refused(error(request, 401, "e-auth-token does not fit the token"))
    if request.headers.get("username") != str(account.user_id):
        raise Refused(error(request, 401, "username does not fit the token"))
    if not request.headers.get("requestid"):
        raise Refused(error(request, 400, "requestid is missing"))
