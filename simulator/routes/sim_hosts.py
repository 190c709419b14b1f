"""The control surface of the gateway in the house and of the grid events: no part of either."""

from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from ..context import Refused, json_answer, read_object, world_of
from ..gateway import Gateway
from ..gateway_inside import Role
from ..grid_services import GridServices
from ..site import Site

_ACTIONS: dict[str, Callable[[Gateway], Awaitable[None]]] = {
    "plug_in": Gateway.plug_in,
    "pull_out": Gateway.pull_out,
    "renew_certificate": Gateway.renew_certificate,
    "move": Gateway.move,
}


def add_gateway_controls(app: web.Application, gateway: Gateway) -> None:
    """Add ``/_sim/gateway`` to the cloud's application."""
    app.router.add_get("/_sim/gateway", partial(_show_gateway, gateway))
    app.router.add_post("/_sim/gateway", partial(_change_gateway, gateway))
    app.router.add_post("/_sim/gateway/{action}", partial(_act_on_gateway, gateway))


async def _show_gateway(gateway: Gateway, request: web.Request) -> web.Response:
    """What it is, with a token of its role."""
    return _state_of_gateway(gateway)


async def _change_gateway(gateway: Gateway, request: web.Request) -> web.Response:
    """Set switches by name; another firmware starts it again."""
    changes, before = await read_object(request), gateway.switches.firmware
    try:
        gateway.switches.update(changes)
    except (ValueError, LookupError, TypeError) as err:
        raise Refused(json_answer({"error": str(err)}, 400)) from err
    if gateway.switches.firmware != before:
        await gateway.update_firmware(gateway.switches.firmware)
    return _state_of_gateway(gateway)


async def _act_on_gateway(gateway: Gateway, request: web.Request) -> web.Response:
    """plug_in, pull_out, renew_certificate, move."""
    action = _ACTIONS.get(request.match_info["action"])
    if action is None:
        raise Refused(json_answer({"error": "No such action"}, 404))
    await action(gateway)
    return _state_of_gateway(gateway)


def _state_of_gateway(gateway: Gateway) -> web.Response:
    return json_answer(
        {
            "address": gateway.address,
            "fingerprint": gateway.fingerprint,
            "plugged_in": gateway.plugged_in,
            "requests": len(gateway.requests),
            "tokens": {role.value: gateway.issue_token(role) for role in Role},
            "switches": gateway.switches.as_json(),
        }
    )


def add_grid_controls(app: web.Application, grid: GridServices) -> None:
    """Register them; without a second host there are none."""
    app.router.add_get("/_sim/grid", partial(_show_grid, grid))
    app.router.add_post("/_sim/grid", partial(_change_grid, grid))
    app.router.add_post("/_sim/grid/events", partial(_add_grid_event, grid))


async def _show_grid(grid: GridServices, request: web.Request) -> web.Response:
    """Address and switches."""
    return json_answer({"url": grid.url, "requests": len(grid.requests), "switches": grid.switches.as_json()})


async def _change_grid(grid: GridServices, request: web.Request) -> web.Response:
    """Set switches by name."""
    try:
        grid.switches.update(await read_object(request))
    except (ValueError, LookupError, TypeError) as err:
        raise Refused(json_answer({"error": str(err)}, 400)) from err
    return await _show_grid(grid, request)


async def _add_grid_event(grid: GridServices, request: web.Request) -> web.Response:
    """``{"in_s": 600, "for_s": 3600}``, of the first site or of ``site``."""
    body, now = await read_object(request), grid.world.clock.time()
    begin, lasts = body.get("in_s", 0), body.get("for_s", 3600)
    if not isinstance(begin, int | float) or not isinstance(lasts, int | float):
        raise Refused(json_answer({"error": "in_s and for_s are seconds"}, 400))
    event = grid.add_event(_site_of_event(request, body), now + begin, now + begin + lasts)
    return json_answer(event.as_json(now, grid.switches.active_word))


def _site_of_event(request: web.Request, body: dict[str, object]) -> Site:
    sites = world_of(request).sites
    site = sites.get(str(body.get("site", next(iter(sites)))))
    if site is None:
        raise Refused(json_answer({"error": "No such site"}, 404))
    return site
