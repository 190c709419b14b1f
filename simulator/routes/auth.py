"""Sign-in, one-time codes and tokens (docs/cloud-api/auth.md §1 to §3)."""

from base64 import b64decode
import binascii
from html import escape

from aiohttp import hdrs, web

from ..accounts import Account, CodeResult, SignInResult, TokenKind, WebSession
from ..context import html_answer, json_answer, world_of
from ..guard import dead_session, session_cookie, set_session_cookie, signed_in
from ..switches.deployment import JsonSignIn, ManagerToken, MfaAnswer, SignInBody, TokenEndpoint, WrongPasswordAnswer
from ..wire import JsonObject

routes = web.RouteTableDef()

NONCE_COOKIE = "login_otp_nonce"
MANAGER_COOKIE = "enlighten_manager_token_production"
XSRF_COOKIE = "XSRF-TOKEN"
TOO_MANY_SESSIONS = "You have too many active sessions. Sign out of one of them first."
LOCKED = "Your account is locked."


# Sign-in (docs/cloud-api/auth.md §1)


@routes.post("/login/login.json")
async def sign_in_as_json(request: web.Request) -> web.Response:
    """The sign-in that is preferred."""
    world = world_of(request)
    available = world.deployment.json_sign_in
    if available != JsonSignIn.AVAILABLE:
        return html_answer(200 if available == JsonSignIn.HTML else int(available))
    form = await request.post()
    result, account = world.doorkeeper.check_password(str(form.get("user[email]", "")), str(form.get("user[password]", "")))
    if account is not None and result == SignInResult.SIGNED_IN:
        return _welcome(request, account)
    if account is not None and result == SignInResult.CODE_NEEDED:
        return _ask_for_code(request, account)
    return _turned_away(request, result)


def _turned_away(request: web.Request, result: SignInResult) -> web.Response:
    if result == SignInResult.LOCKED:
        return json_answer({"success": False, "isBlocked": True, "message": LOCKED})
    if result == SignInResult.TOO_MANY_SESSIONS:
        return _too_many_sessions(request)
    if world_of(request).deployment.wrong_password_answer == WrongPasswordAnswer.UNAUTHORIZED:
        return json_answer({"message": "Invalid"}, 401)
    return json_answer({"success": False, "isBlocked": False, "message": "Invalid email or password."})


def _too_many_sessions(request: web.Request) -> web.Response:
    status = world_of(request).deployment.session_quota_status
    return json_answer({"success": False, "message": TOO_MANY_SESSIONS}, status)


def _ask_for_code(request: web.Request, account: Account) -> web.Response:
    world = world_of(request)
    by_flag = world.deployment.mfa_answer == MfaAnswer.REQUIRES_MFA
    response = json_answer({"requires_mfa": True} if by_flag else {"success": True, "isBlocked": False})
    _set_code_cookies(request, response, account)
    return response


def _set_code_cookies(request: web.Request, response: web.Response, account: Account) -> None:
    doorkeeper = world_of(request).doorkeeper
    response.set_cookie(NONCE_COOKIE, doorkeeper.await_code(account), path="/", httponly=True)
    response.set_cookie(XSRF_COOKIE, doorkeeper.draw_secret(), path="/")
    set_session_cookie(request, response, doorkeeper.open_session())


def _welcome(request: web.Request, account: Account, extra: JsonObject | None = None) -> web.Response:
    """The success of a sign-in, with its cookies."""
    world = world_of(request)
    deployment, doorkeeper = world.deployment, world.doorkeeper
    session = doorkeeper.open_session(account)
    manager = doorkeeper.issue(session, TokenKind.MANAGER)
    body: JsonObject = {
        "message": "success",
        "session_id": session.cookie,
        "is_consumer": True,
        "system_id": account.site_ids[0] if account.site_ids else "",
        "redirect_url": "",
    }
    if deployment.manager_token in {ManagerToken.BODY, ManagerToken.BOTH}:
        body["manager_token"] = manager.text
    if deployment.sign_in_body == SignInBody.FULL:
        response = json_answer(body | (extra or {}))
    elif deployment.sign_in_body == SignInBody.EMPTY_OBJECT:
        response = json_answer({})
    else:
        response = web.Response(content_type="application/json")
    _set_session_cookies(request, response, session, manager.text)
    return response


def _set_session_cookies(request: web.Request, response: web.Response, session: WebSession, manager_token: str) -> None:
    set_session_cookie(request, response, session)
    if world_of(request).deployment.manager_token in {ManagerToken.COOKIE, ManagerToken.BOTH}:
        response.set_cookie(MANAGER_COOKIE, manager_token, path="/")


@routes.get("/login")
async def login_page(request: web.Request) -> web.Response:
    """The page with the form, and the anonymous session that it belongs to."""
    return _login_page(request)


@routes.post("/login/login")
async def sign_in_as_form(request: web.Request) -> web.Response:
    """The sign-in of the page."""
    world = world_of(request)
    form = await request.post()
    session = world.doorkeeper.session(session_cookie(request))
    if session is None or form.get("authenticity_token") != session.authenticity_token:
        return _login_page(request, "Your session has expired. Please try again.", 422)
    result, account = world.doorkeeper.check_password(str(form.get("user[email]", "")), str(form.get("user[password]", "")))
    if account is not None and result == SignInResult.SIGNED_IN:
        response = web.Response(status=302, headers={hdrs.LOCATION: "/"})
        opened = world.doorkeeper.open_session(account)
        _set_session_cookies(request, response, opened, world.doorkeeper.issue(opened, TokenKind.MANAGER).text)
        return response
    if account is not None and result == SignInResult.CODE_NEEDED:
        response = web.Response(status=302, headers={hdrs.LOCATION: "/login/otp"})
        _set_code_cookies(request, response, account)
        return response
    if result == SignInResult.LOCKED:
        return _login_page(request, LOCKED)
    if result == SignInResult.TOO_MANY_SESSIONS:
        return _login_page(request, TOO_MANY_SESSIONS)
    return _login_page(request, "Invalid email or password.")


@routes.get("/login/otp")
async def code_page(_request: web.Request) -> web.Response:
    """The page where a person types the one-time code."""
    return html_answer()


def _login_page(request: web.Request, message: str = "", status: int = 200) -> web.Response:
    session = world_of(request).doorkeeper.open_session()
    response = web.Response(
        status=status,
        content_type="text/html",
        text=f"""<!DOCTYPE html>
<html><head><title>Enlighten</title></head><body>
<p class="flash">{escape(message)}</p>
<form class="new_user" action="/login/login" accept-charset="UTF-8" method="post">
<input name="utf8" type="hidden" value="&#x2713;" />
<input type="hidden" name="authenticity_token" value="{session.authenticity_token}" autocomplete="off" />
<input type="email" name="user[email]" id="user_email" />
<input type="password" name="user[password]" id="user_password" />
<input type="submit" name="commit" value="Sign In" />
</form></body></html>
""",
    )
    set_session_cookie(request, response, session)
    return response


# One-time codes (docs/cloud-api/auth.md §2)


@routes.post("/app-api/generate_mfa_login_otp")
async def generate_code(request: web.Request) -> web.Response:
    """Send a code, and rotate the nonce."""
    doorkeeper = world_of(request).doorkeeper
    nonce = doorkeeper.send_code(request.cookies.get(NONCE_COOKIE, ""))
    account = doorkeeper.waiting(nonce) if nonce else None
    if nonce is None or account is None:
        return json_answer({"message": "Unauthorized"}, 401)
    if account.code_blocked:
        response = _blocked(request, {"success": False, "isBlocked": True})
    else:
        response = json_answer({"success": True, "isBlocked": False})
    response.set_cookie(NONCE_COOKIE, nonce, path="/", httponly=True)
    return response


@routes.post("/app-api/validate_login_otp")
async def validate_code(request: web.Request) -> web.Response:
    """Take a code."""
    world = world_of(request)
    xsrf = request.cookies.get(XSRF_COOKIE)
    if xsrf and request.headers.get("X-CSRF-Token") != xsrf:
        return json_answer({"message": "Forbidden"}, 403)
    form = await request.post()
    nonce = request.cookies.get(NONCE_COOKIE, "")
    account = world.doorkeeper.waiting(nonce)
    email, code = _decoded(str(form.get("email", ""))), _decoded(str(form.get("otp", "")))
    result = world.doorkeeper.check_code(nonce, email, code)
    if account is None or result == CodeResult.START_OVER:
        return json_answer({"message": "Unauthorized"}, 401)
    match result:
        case CodeResult.SIGNED_IN:
            response = _welcome(request, account, {"isValidMobileNumber": True})
            response.del_cookie(NONCE_COOKIE)
            return response
        case CodeResult.TOO_MANY_SESSIONS:
            return _too_many_sessions(request)
        case CodeResult.BLOCKED:
            return _blocked(request, {"isValid": False, "isBlocked": True})
        case _:
            return json_answer({"isValid": False, "isBlocked": False}, world.deployment.wrong_code_status)


def _blocked(request: web.Request, body: JsonObject) -> web.Response:
    return json_answer(body, world_of(request).deployment.code_blocked_status)


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except binascii.Error, UnicodeDecodeError:
        return ""


# Tokens (docs/cloud-api/auth.md §3)


@routes.get("/users/self/token")
async def users_self_token(request: web.Request) -> web.Response:
    """The access JWT of the web app; may rotate the session cookie, and may bring a new manager JWT."""
    world = world_of(request)
    deployment = world.deployment
    if TokenEndpoint.USERS_SELF not in deployment.token_endpoints:
        return html_answer(404)
    session = signed_in(request)
    token = world.doorkeeper.issue(session, TokenKind.ACCESS)
    response = json_answer({deployment.token_key: token.text, deployment.token_expiry_key: int(token.expires_at)})
    if deployment.rotate_session_on_token:
        world.doorkeeper.rotate(session)
        set_session_cookie(request, response, session)
    if deployment.renews_manager_token:
        response.set_cookie(MANAGER_COOKIE, world.doorkeeper.issue(session, TokenKind.MANAGER).text, path="/")
    return response


@routes.get("/app-api/jwt_token.json")
async def jwt_token(request: web.Request) -> web.Response:
    """The access JWT of older web apps."""
    world = world_of(request)
    if TokenEndpoint.JWT_TOKEN not in world.deployment.token_endpoints:
        return html_answer(404)
    return json_answer({"token": world.doorkeeper.issue(signed_in(request), TokenKind.ACCESS).text})


@routes.get("/service/auth_ms_enho/api/v1/session/token")
async def session_token(request: web.Request) -> web.Response:
    """The access JWT for a session id in ``e-auth-token``."""
    world = world_of(request)
    if TokenEndpoint.AUTH_MS not in world.deployment.token_endpoints:
        return html_answer(404)
    session = world.doorkeeper.session(request.headers.get("e-auth-token"))
    if session is None or session.account is None or "X-Requested-With" not in request.headers:
        return dead_session(request)
    return json_answer({"token": world.doorkeeper.issue(session, TokenKind.ACCESS).text})
