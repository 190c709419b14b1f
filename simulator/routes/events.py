"""Outages, the owner's events, and the cloud's own health (docs/cloud-api/events.md §2 and §3)."""

from aiohttp import web

from ..context import Refused, error, json_answer, site_of, world_of
from ..outages import EventsSwitches, backup_history, grid_outage, owners_events

routes = web.RouteTableDef()


def _switches(request: web.Request) -> EventsSwitches:
    switches = world_of(request).deployment.events
    if switches.status != 200:
        raise Refused(error(request, switches.status, "Not available"))
    return switches


@routes.get(r"/app-api/{site:\d+}/off_grid_due_to_grid_outage")
async def read_grid_outage(request: web.Request) -> web.Response:
    """Whether the site is off grid."""
    return json_answer(grid_outage(site_of(request), _switches(request)))


@routes.get(r"/app-api/{site:\d+}/battery_backup_history.json")
async def read_backup_history(request: web.Request) -> web.Response:
    """Outages that are over."""
    _switches(request)
    return json_answer(backup_history(site_of(request)))


@routes.get(r"/service/events-platform-service/v1.0/{site:\d+}/events/homeowner")
async def read_owners_events(request: web.Request) -> web.Response:
    """What happened, a page at a time."""
    site, query = site_of(request), request.query
    _switches(request)
    try:
        offset, page_size = int(query.get("next") or 0), int(query.get("page_size") or 20)
    except ValueError:
        return error(request, 400, "Malformed request")
    return json_answer(owners_events(site, max(0, offset), max(1, page_size)))


@routes.get("/healthcheck")
async def health(request: web.Request) -> web.Response:
    """Whether the cloud is up; for everybody."""
    status = world_of(request).deployment.events.health_status
    return json_answer({"STATUS": "UP" if status == 200 else "DOWN", "VERSION": "5.12.0"}, status)
