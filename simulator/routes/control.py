"""Start, stop, trigger message and live stream (docs/cloud-api/chargers.md §3 and §4)."""

from functools import partial
import json

from aiohttp import hdrs, web

from ..charger import Charger
from ..context import charger_of, error, json_answer, now_of, site_of, world_of
from ..report import CommandRefused, Refusal
from ..switches.deployment import AlreadyCharging, Deployment, NotPlugged, StartForm, StopForm, WrongForm
from ..wire import JsonObject, envelope, iso_nanoseconds

routes = web.RouteTableDef()

_CHARGERS = r"/service/evse_controller/{site:\d+}/{noun:ev_chargers?}/{sn}"
MESSAGES = {
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
}
_STOP_FORMS = {
    (False, True): StopForm.PUT,
    (False, False): StopForm.POST,
    (True, True): StopForm.PUT_SINGULAR,
    (True, False): StopForm.POST_SINGULAR,
}
_WAYS = {StartForm.POST, StartForm.PUT, StartForm.POST_SINGULAR}
_REPORTING_MESSAGES = {"MeterValues", "StatusNotification"}
_QUEUED = 552


@routes.post(f"{_CHARGERS}/start_charging")
@routes.put(f"{_CHARGERS}/start_charging")
async def start(request: web.Request) -> web.Response:
    """Start, in the forms that this deployment takes."""
    charger, deployment = charger_of(request), world_of(request).deployment
    body = read_body(await request.text())
    fitting = _misfit(request, deployment, body)
    if body is None or fitting is not None:
        return _wrong_form(request, deployment, fitting or 400)
    level = body.get("chargingLevel", body.get("charging_level"))
    connector = body.get("connectorId", body.get("connector_id", 1))
    if not isinstance(connector, int) or not isinstance(level, int | None):
        return error(request, 400, "Malformed request")
    if level is not None and deployment.invalid_level_500:
        return error(request, 500, "Invalid charge level")
    return _start(request, charger, level, connector)


def _start(request: web.Request, charger: Charger, level: int | None, connector: int) -> web.Response:
    deployment = world_of(request).deployment
    accepted: JsonObject = {"status": "accepted"}
    if not charger.online:
        charger.queue(partial(charger.start, level, connector_id=connector))
        return error(request, _QUEUED, "Command is queued, the charger was not reached")
    in_force = charger.level_a
    changes_level = charger.charging and level is not None and level != in_force
    if changes_level and deployment.level_change_refused:
        return refused(request, Refusal.ALREADY_CHARGING)
    try:
        if deployment.start_ignored or (changes_level and deployment.level_change_ignored):
            charger.check_start(level, connector)
            wanted = level
        else:
            wanted = charger.start(level, connector_id=connector, delay=deployment.start_delay_s)
    except CommandRefused as err:
        return refused(request, err.refusal)
    if wanted is not None:
        accepted["chargingLevel"] = wanted
    return json_answer(accepted)


def _misfit(request: web.Request, deployment: Deployment, body: dict[str, object] | None) -> int | None:
    """The status that fits what is wrong with the form of a start: 404 the path, 405 the verb, 400 the body.

    The first three forms are three ways to send the same body. The other bodies go the ways that this deployment knows,
    and as POST to the plural path.
    """
    if request.match_info["noun"] == "ev_charger":
        way = StartForm.POST_SINGULAR if request.method == hdrs.METH_POST else None
        unknown_way = 404
    else:
        way = StartForm.PUT if request.method == hdrs.METH_PUT else StartForm.POST
        unknown_way = 405
    ways = _WAYS & set(deployment.start_forms)
    shape = _shape(body)
    if way not in (ways or {StartForm.POST} if shape is None else ways | {StartForm.POST}):
        return unknown_way
    known = bool(ways) if shape is None else shape in deployment.start_forms
    return None if known and body is not None else 400


def _shape(body: dict[str, object] | None) -> StartForm | None:
    """The form that a body makes; None for the usual body, which goes several ways."""
    if not body:
        return StartForm.NO_BODY
    if "charging_level" in body or "connector_id" in body:
        return StartForm.SNAKE_CASE
    if "chargingLevel" not in body:
        return StartForm.CONNECTOR_ONLY
    return None if "connectorId" in body else StartForm.LEVEL_ONLY


def read_body(text: str) -> dict[str, object] | None:
    """A body as an object, empty without a body; None where it is something else."""
    if not text.strip():
        return {}
    try:
        body: object = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


@routes.post(f"{_CHARGERS}/stop_charging")
@routes.put(f"{_CHARGERS}/stop_charging")
async def stop(request: web.Request) -> web.Response:
    """Stop, in the forms that this deployment takes."""
    charger, deployment = charger_of(request), world_of(request).deployment
    singular, put = request.match_info["noun"] == "ev_charger", request.method == hdrs.METH_PUT
    form = _STOP_FORMS[singular, put]
    if form not in deployment.stop_forms:
        return _wrong_form(request, deployment, 404 if singular else 405)
    if not charger.online:
        charger.queue(charger.stop)
        return error(request, _QUEUED, "Command is queued, the charger was not reached")
    try:
        if deployment.stop_ignored:
            charger.check_stop()
        else:
            charger.stop()
    except CommandRefused as err:
        return refused(request, err.refusal)
    return json_answer({"status": "accepted"})


def _wrong_form(request: web.Request, deployment: Deployment, fitting: int) -> web.Response:
    if deployment.wrong_form is WrongForm.NO_RESOURCE:
        return error(request, 404, f"No static resource {request.path.lstrip('/')}.")
    status = fitting if deployment.wrong_form == WrongForm.FITTING else int(deployment.wrong_form)
    return error(request, status, {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}[status])


def refused(request: web.Request, refusal: Refusal) -> web.Response:
    """What a command gets that the charger does not take."""
    deployment = world_of(request).deployment
    status = 400
    if refusal is Refusal.ALREADY_CHARGING and deployment.already_charging_answer is AlreadyCharging.NOT_FOUND:
        return error(request, 404, "Not Found")
    if refusal is Refusal.NOT_PLUGGED_IN:
        status = int(deployment.not_plugged_answer)
    elif refusal is Refusal.NOT_CHARGING:
        status = int(deployment.stop_idle_answer)
    elif refusal is Refusal.FAULTED:
        status = int(NotPlugged.CONFLICT)
    return error(request, status, refusal.message, refusal.code)


# Trigger message and live stream (docs/cloud-api/chargers.md §4)


@routes.post(r"/service/evse_controller/{site:\d+}/ev_charger/{sn}/trigger_message")
async def trigger_message(request: web.Request) -> web.Response:
    """Ask the charger for an OCPP message; two of them are reports."""
    charger = charger_of(request)
    body = read_body(await request.text()) or {}
    message = body.get("requestedMessage")
    if not isinstance(message, str) or message not in MESSAGES:
        return error(request, 400, "Unknown requestedMessage")
    if not charger.online:
        return error(request, _QUEUED, "Command is queued, the charger was not reached")
    return message_taken(request, charger, message)


def message_taken(request: web.Request, charger: Charger, message: str) -> web.Response:
    """Carry an OCPP message out, and say so."""
    if message in _REPORTING_MESSAGES:
        charger.report()
    world = world_of(request)
    details: JsonObject = {"initiatedAt": iso_nanoseconds(now_of(request)), "trackingId": str(world.draw_uuid())}
    return json_answer({"status": "accepted", "message": message, "details": details})


@routes.get(r"/service/evse_controller/{site:\d+}/ev_chargers/start_live_stream")
async def start_live_stream(request: web.Request) -> web.Response:
    """Let the cloud refresh faster for a while."""
    site = site_of(request)
    if not site.live_stream:
        return error(request, 472, "Live stream is not supported at this site")
    granted = site.start_live_stream()
    topics = [f"v1/evse/prod/live-stream/{serial}" for serial in site.chargers]
    return json_answer(envelope(now_of(request), {"liveStreamTopicList": topics, "liveStreamDuration": granted}))


@routes.get(r"/service/evse_controller/{site:\d+}/ev_chargers/stop_live_stream")
async def stop_live_stream(request: web.Request) -> web.Response:
    """Back to the usual rhythm."""
    site = site_of(request)
    if not site.live_stream:
        return error(request, 472, "Live stream is not supported at this site")
    site.stop_live_stream()
    if world_of(request).deployment.stop_stream_accepted:
        return json_answer({"status": "accepted"})
    return json_answer(envelope(now_of(request), None))
