"""The control surface of the local gateway, for tests in other processes and for the demo: no part of it."""

from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from ..context import Refused, json_answer, read_object
from ..gateway import Gateway
from ..gateway_inside import Role

_ACTIONS: dict[str, Callable[[Gateway], Awaitable[None]]] = {
    "plug_in": Gateway.plug_in,
    "pull_out": Gateway.pull_out,
    "renew_certificate": Gateway.renew_certificate,
    "move": Gateway.move,
}


def add_gateway_controls(app: web.Application, gateway: Gateway) -> None:
    """Add ``/_sim/gateway`` to the cloud's application."""
    app.router.add_get("/_sim/gateway", partial(_show, gateway))
    app.router.add_post("/_sim/gateway", partial(_change, gateway))
    app.router.add_post("/_sim/gateway/{action}", partial(_act, gateway))


async def _show(gateway: Gateway, request: web.Request) -> web.Response:
    """What it is, with a token of its role."""
    return _state(gateway)


async def _change(gateway: Gateway, request: web.Request) -> web.Response:
    """Set switches by name; another firmware starts it again."""
    changes, before = await read_object(request), gateway.switches.firmware
    try:
        gateway.switches.update(changes)
    except (ValueError, LookupError, TypeError) as err:
        raise Refused(json_answer({"error": str(err)}, 400)) from err
    if gateway.switches.firmware != before:
        await gateway.update_firmware(gateway.switches.firmware)
    return _state(gateway)


async def _act(gateway: Gateway, request: web.Request) -> web.Response:
    """plug_in, pull_out, renew_certificate, move."""
    action = _ACTIONS.get(request.match_info["action"])
    if action is None:
        raise Refused(json_answer({"error": "No such action"}, 404))
    await action(gateway)
    return _state(gateway)


def _state(gateway: Gateway) -> web.Response:
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
