"""The application: routes, and what every request passes on its way in."""

import asyncio
from collections import defaultdict, deque
from datetime import UTC, datetime
from email.utils import format_datetime
import json
import logging
import time
from typing import Final

from aiohttp import hdrs, web

from .battery.guard import guard_battery
from .context import WORLD, html_answer, json_answer
from .faults import Faults
from .guard import Handler, guard, session_cookie
from .received import Family, ReceivedRequest, family_of
from .routes import auth, battery, control, history, management, scheduler, sim, sim_battery, sites, status
from .switches.deployment import RetryAfter
from .wire import Json
from .world import World

_LOGGER = logging.getLogger(__name__)

CONTROL_SURFACE = "/_sim"


class Traffic(defaultdict[str, deque[float]]):
    """When the requests of the last hour came, by account."""

    __slots__ = ()


_TRAFFIC: Final = web.AppKey("traffic", Traffic)


def make_app(world: World) -> web.Application:
    """Make the application of a world."""
    app = web.Application(middlewares=[record, break_by_fault, refuse_user_agent, throttle, guard, guard_battery])
    app[WORLD] = world
    app[_TRAFFIC] = Traffic(deque)
    for subject in (auth, sites, status, control, scheduler, management, history, battery, sim, sim_battery):
        app.add_routes(subject.routes)
    return app


def _is_control_surface(request: web.Request) -> bool:
    return request.path == CONTROL_SURFACE or request.path.startswith(f"{CONTROL_SURFACE}/")


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Remember and log every request to the cloud, without anything secret."""
    if _is_control_surface(request):
        return await handler(request)
    world = request.app[WORLD]
    at, began = world.clock.now(), time.perf_counter()
    family = family_of(request.path, request.method)
    body = None if family in {Family.SIGN_IN, Family.TOKEN} else await json_body(request)
    status = 500
    try:
        response = await handler(request)
        status = 0 if request.transport is None or request.transport.is_closing() else response.status
    except web.HTTPException as err:
        status = err.status
        raise
    finally:
        received = ReceivedRequest(at, request.method, request.path, dict(request.query), family, status, body)
        world.requests.append(received)
        took = (time.perf_counter() - began) * 1000
        _LOGGER.info("%s %s → %d (%s, %.0f ms)", request.method, _log_path(request), status, family, took)
    return response


@web.middleware
async def break_by_fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Delay, drop or replace answers by rule."""
    if _is_control_surface(request):
        return await handler(request)
    return await answer_or_break(request.app[WORLD].faults, request, handler)


async def answer_or_break(faults: Faults, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the handler answer, unless a rule says otherwise."""
    fault = faults.take(request.method, request.path)
    if fault is None:
        return await handler(request)
    await request.read()
    if fault.after:
        response = await handler(request)
        await asyncio.sleep(fault.delay)
    else:
        await asyncio.sleep(fault.delay)
        if not fault.answers:
            return fault.broken(await handler(request))
    if fault.endless:
        return await fault.pour(request)
    if fault.drop and request.transport is not None:
        request.transport.abort()
    return fault.response(request) if fault.answers else fault.broken(response)


@web.middleware
async def refuse_user_agent(request: web.Request, handler: Handler) -> web.StreamResponse:
    """406 for refused user agents, on every path (docs/cloud-api/README.md)."""
    agent = request.headers.get(hdrs.USER_AGENT, "")
    refused = request.app[WORLD].deployment.refused_user_agents
    if not _is_control_surface(request) and any(part in agent for part in refused):
        return html_answer(406)
    return await handler(request)


@web.middleware
async def throttle(request: web.Request, handler: Handler) -> web.StreamResponse:
    """429 for more requests in a rolling hour than the deployment allows (docs/cloud-api/README.md)."""
    world = request.app[WORLD]
    allowed = world.deployment.requests_per_hour
    if allowed is None or _is_control_surface(request):
        return await handler(request)
    now = world.clock.wall_time()
    session = world.doorkeeper.session(session_cookie(request))
    times = request.app[_TRAFFIC][session.account.email if session and session.account else ""]
    while times and times[0] <= now - 3600:
        times.popleft()
    if len(times) >= allowed:
        wait = max(1, int(times[0] + 3600 - now) + 1) if times else 3600
        headers = _retry_after(world.deployment.retry_after, now, wait)
        response = json_answer({"message": "Too many requests"}, 429)
        response.headers.update(headers)
        return response
    times.append(now)
    return await handler(request)


def _retry_after(form: RetryAfter, now: float, wait: int) -> dict[str, str]:
    match form:
        case RetryAfter.SECONDS:
            return {hdrs.RETRY_AFTER: str(wait)}
        case RetryAfter.DATE:
            return {hdrs.RETRY_AFTER: format_datetime(datetime.fromtimestamp(now + wait, UTC), usegmt=True)}
        case _:
            return {}


async def json_body(request: web.Request) -> Json:
    """The body as JSON; None where it is none."""
    try:
        body: Json = json.loads(await request.text())
    except ValueError:
        return None
    return body


def _log_path(request: web.Request) -> str:
    """The path as it was registered: it names no site and no charger."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(no such path)"
