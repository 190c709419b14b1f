"""What a local gateway answers (docs/cloud-api/local.md)."""

from http import HTTPStatus
import time

from aiohttp import hdrs, web

from .app import answer_or_break, json_body
from .charger import Charger
from .context import WORLD, Refused, error, json_answer, now_of, read_object
from .gateway_inside import GATEWAY, GatewayInside, ListShape, LocalShape, Role, SignIn
from .gateway_owner import OWNER_PATHS, is_away, routes as owner_routes
from .guard import Handler
from .received import Family, ReceivedRequest
from .report import CommandRefused
from .routes.control import MESSAGES, message_taken, read_body, refused
from .routes.scheduler import choose_mode, preference_data, replaced_slots, schedules_data
from .routes.status import charger_status, charger_summary, legacy_status
from .wire import Json, envelope, scheduler_envelope

SESSION_COOKIE = "sessionId"

_UNAUTHORIZED = "<html>\n<head><title>401 Authorization Required</title></head>\n<body></body>\n</html>\n"
# What exists for everybody, or answers the same to everybody.
_CLOSED = ("/ivp/peb/ev_charger", "/ivp/peb/evse", "/ivp/peb/energy_router", "/ivp/peb/managed_loads")
_GUARDED = ("/ivp/pdm/", "/ivp/peb/charger/")

routes = web.RouteTableDef()


def make_gateway_app(gateway: GatewayInside) -> web.Application:
    """Make the application of a gateway."""
    app = web.Application(middlewares=[_record, _break_by_fault, _guard])
    app[GATEWAY], app[WORLD] = gateway, gateway.world
    app.add_routes(routes)
    app.add_routes(owner_routes)
    return app


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    gateway = request.app[GATEWAY]
    at, body = gateway.world.clock.now(), await json_body(request)
    gateway.heard.append(
        "\n".join([request.path_qs, *(f"{name}: {value}" for name, value in request.headers.items()), await request.text()])
    )
    status = 500
    try:
        response = await handler(request)
        status = 0 if request.transport is None or request.transport.is_closing() else response.status
    finally:
        gateway.requests.append(ReceivedRequest(at, request.method, request.path, dict(request.query), Family.OTHER, status, body))
    return response


@web.middleware
async def _break_by_fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await answer_or_break(request.app[GATEWAY].faults, request, handler)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let installers through, and say what others get."""
    if is_away(request) and request.transport is not None:
        request.transport.abort()
    try:
        return _closed(request) or await handler(request)
    except Refused as refusal:
        return refusal.response
    except web.HTTPNotFound:
        return _not_found()


def _closed(request: web.Request) -> web.Response | None:
    """What a path answers that is closed for who asks; None where it is open."""
    path = request.path
    if path in OWNER_PATHS:
        role, closed = _role(request), request.app[GATEWAY].switches.owner.installer_only
        return None if role is Role.INSTALLER or (role is Role.OWNER and path not in closed) else _unauthorized()
    if path.startswith("/ivp/ocpp/"):
        return _not_found()
    if path.startswith("/ivp/ensemble/"):
        return json_answer({"serial_nums": []})
    if path.startswith(_GUARDED) and request.method == hdrs.METH_OPTIONS:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    is_let_in = path.startswith(_GUARDED) and _role(request) is Role.INSTALLER
    return None if is_let_in or not path.startswith(_GUARDED + _CLOSED) else _unauthorized()


def _not_found() -> web.Response:
    return json_answer({"error": "404 - Not Found"}, HTTPStatus.NOT_FOUND)


def _unauthorized() -> web.Response:
    return web.Response(status=HTTPStatus.UNAUTHORIZED, text=_UNAUTHORIZED, content_type="text/html")


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def _role(request: web.Request) -> Role | None:
    gateway = request.app[GATEWAY]
    if gateway.switches.sign_in == SignIn.COOKIE:
        return gateway.role_of_session(request.cookies.get(SESSION_COOKIE))
    return gateway.role_of_token(_bearer(request))


def _charger(request: web.Request) -> Charger:
    gateway, serial = request.app[GATEWAY], request.match_info["sn"]
    if serial in gateway.switches.closed_chargers:
        raise Refused(_unauthorized())
    charger = gateway.chargers.get(serial)
    if charger is None:
        raise Refused(_not_found())
    return charger


# Not in the notes: where a token becomes a session, and where the firmware stands


@routes.get("/auth/check_jwt")
async def check_token(request: web.Request) -> web.Response:
    """A session for a token."""
    gateway, token = request.app[GATEWAY], _bearer(request)
    if token is None or gateway.role_of_token(token) is None:
        return _unauthorized()
    response = web.Response(text="<!DOCTYPE html><h2>Valid token.</h2>\n", content_type="text/html")
    if gateway.switches.sign_in == SignIn.COOKIE:
        response.set_cookie(SESSION_COOKIE, gateway.open_session(token), path="/", secure=True, httponly=True)
    return response


@routes.get("/info")
async def info(request: web.Request) -> web.Response:
    """What the gateway is; for everybody."""
    gateway = request.app[GATEWAY]
    text = (
        "<?xml version='1.0' encoding='UTF-8'?>\n<envoy_info>\n"
        f"<time>{int(time.time())}</time>\n<device>\n<sn>{gateway.site.gateway_serial}</sn>\n<pn>800-00654-r08</pn>\n"
        f"<software>D{gateway.switches.firmware}</software>\n</device>\n</envoy_info>\n"
    )
    return web.Response(text=text, content_type="text/xml")


# The chargers


@routes.get("/ivp/pdm/chargers")
async def chargers(request: web.Request) -> web.Response:
    """The chargers of the gateway."""
    gateway = request.app[GATEWAY]
    serials = list(gateway.chargers)
    match gateway.switches.list_shape:
        case ListShape.OBJECTS:
            return json_answer([{"sn": serial} for serial in serials])
        case ListShape.ENVELOPE:
            return json_answer(envelope(now_of(request), [{"serialNumber": serial} for serial in serials]))
        case _:
            return json_answer({"serial_nums": serials})


@routes.get("/ivp/pdm/charger/{sn}/status")
async def status(request: web.Request) -> web.Response:
    """The status of one charger, as the cloud tells it."""
    charger, now = _charger(request), now_of(request)
    report = request.app[GATEWAY].report_of(charger)
    one: Json = charger_status(charger, report, now, connected=True)
    match request.app[GATEWAY].switches.status_shape:
        case LocalShape.LEGACY:
            return json_answer({"evChargerData": [legacy_status(charger, report, connected=True)], "ts": int(now)})
        case LocalShape.OBJECT:
            return json_answer(envelope(now, one))
        case _:
            return json_answer(envelope(now, {"site": charger.site.id, "tz": charger.site.time_zone, "chargers": [one]}))


@routes.get("/ivp/pdm/charger/{sn}/summary")
async def summary(request: web.Request) -> web.Response:
    """What one charger is."""
    charger = _charger(request)
    return json_answer(envelope(now_of(request), charger_summary(charger, request.app[GATEWAY].report_of(charger), connected=True)))


@routes.post("/ivp/pdm/charger/{sn}/start_charging")
async def start(request: web.Request) -> web.Response:
    """Start; a body with a level, one without, or none."""
    charger, body = _charger(request), read_body(await request.text())
    level, connector = (None, 1) if body is None else (body.get("chargingLevel"), body.get("connectorId", 1))
    if body is None or not isinstance(connector, int) or not isinstance(level, int | None):
        return error(request, HTTPStatus.BAD_REQUEST, "Malformed request")
    try:
        charger.start(level, connector_id=connector)
    except CommandRefused as err:
        return refused(request, err.refusal)
    return json_answer({"status": "accepted"})


@routes.post("/ivp/pdm/charger/{sn}/stop_charging")
async def stop(request: web.Request) -> web.Response:
    """Stop."""
    try:
        _charger(request).stop()
    except CommandRefused as err:
        return refused(request, err.refusal)
    return json_answer({"status": "accepted"})


@routes.post("/ivp/pdm/charger/{sn}/trigger_message")
async def trigger_message(request: web.Request) -> web.Response:
    """An OCPP message."""
    charger, message = _charger(request), (await read_object(request)).get("requestedMessage")
    if not isinstance(message, str) or message not in MESSAGES:
        return error(request, HTTPStatus.BAD_REQUEST, "Unknown requestedMessage")
    return message_taken(request, charger, message)


@routes.get("/ivp/peb/charger/{sn}/schedule")
async def schedule(request: web.Request) -> web.Response:
    """Schedule and charge mode in one."""
    return _schedule(request, _charger(request))


@routes.put("/ivp/peb/charger/{sn}/schedule")
async def change_schedule(request: web.Request) -> web.Response:
    """A charge mode, or all slots; the bodies are those of the cloud's scheduler."""
    charger, body = _charger(request), await read_object(request)
    if "mode" in body:
        choose_mode(request, charger, body)
    elif "data" in body:
        charger.set_slots(replaced_slots(request, charger, body))
    else:
        return error(request, HTTPStatus.BAD_REQUEST, "Malformed request")
    return _schedule(request, charger)


def _schedule(request: web.Request, charger: Charger) -> web.Response:
    data = {**schedules_data(charger), **preference_data(charger)}
    return json_answer(scheduler_envelope(now_of(request), data))
