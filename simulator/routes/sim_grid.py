"""The control surface of the grid events."""

from functools import partial

from aiohttp import web

from ..context import Refused, json_answer, read_object, world_of
from ..grid_services import GridServices
from ..site import Site


def add_grid_controls(app: web.Application, grid: GridServices) -> None:
    """Register them; without a second host there are none."""
    app.router.add_get("/_sim/grid", partial(_read, grid))
    app.router.add_post("/_sim/grid", partial(_change, grid))
    app.router.add_post("/_sim/grid/events", partial(_add_event, grid))


async def _read(grid: GridServices, request: web.Request) -> web.Response:
    """Address and switches."""
    return json_answer({"url": grid.url, "requests": len(grid.requests), "switches": grid.switches.as_json()})


async def _change(grid: GridServices, request: web.Request) -> web.Response:
    """Set switches by name."""
    try:
        grid.switches.update(await read_object(request))
    except (ValueError, LookupError, TypeError) as err:
        raise Refused(json_answer({"error": str(err)}, 400)) from err
    return await _read(grid, request)


async def _add_event(grid: GridServices, request: web.Request) -> web.Response:
    """``{"in_s": 600, "for_s": 3600}``, of the first site or of ``site``."""
    body, now = await read_object(request), grid.world.clock.time()
    begin, lasts = body.get("in_s", 0), body.get("for_s", 3600)
    if not isinstance(begin, int | float) or not isinstance(lasts, int | float):
        raise Refused(json_answer({"error": "in_s and for_s are seconds"}, 400))
    event = grid.add_event(_site(request, body), now + begin, now + begin + lasts)
    return json_answer(event.as_json(now, grid.switches.active_word))


def _site(request: web.Request, body: dict[str, object]) -> Site:
    sites = world_of(request).sites
    site = sites.get(str(body.get("site", next(iter(sites)))))
    if site is None:
        raise Refused(json_answer({"error": "No such site"}, 404))
    return site
