"""What handlers share: where the world is, who asks, and how answers are made."""

import json
from typing import Final

from aiohttp import web

from .accounts import WebSession
from .charger import Charger
from .faults import HTML_PAGE
from .site import Site
from .wire import Json, error_envelope
from .world import World

WORLD: Final = web.AppKey("world", World)
SESSION: Final = web.RequestKey("session", WebSession)


class Refused(Exception):
    """An answer that ends the request, from anywhere below a handler."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


def world_of(request: web.Request) -> World:
    """The simulated cloud."""
    return request.app[WORLD]


def now_of(request: web.Request) -> float:
    """Simulated time, epoch seconds."""
    return world_of(request).clock.time()


def site_of(request: web.Request) -> Site:
    """The site that the path names, when it is one of the account's."""
    world, site_id = world_of(request), request.match_info["site"]
    return find_site(request, world, site_id)


def find_site(request: web.Request, world: World, site_id: str) -> Site:
    """A site of the account by its id; refused where it is not one of its own."""
    account = request[SESSION].account
    site = world.sites.get(site_id)
    if account is None or site is None or site_id not in account.site_ids:
        raise Refused(error(request, world.deployment.unknown_site_status, "Unknown site"))
    return site


def charger_of(request: web.Request) -> Charger:
    """The charger that the path names."""
    charger = site_of(request).chargers.get(request.match_info["sn"])
    if charger is None:
        raise Refused(error(request, 404, "Charger not found"))
    return charger


def json_answer(data: Json, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, text=json.dumps(data), content_type="application/json")


def html_answer(status: int = 200) -> web.Response:
    """Some page of the web app."""
    return web.Response(status=status, text=HTML_PAGE, content_type="text/html")


def error(request: web.Request, status: int, message: str, code: str = "") -> web.Response:
    """An error in the envelope of the charger services."""
    return json_answer(error_envelope(now_of(request), status, message, code), status)


async def read_json(request: web.Request) -> object:
    """The body as JSON; None for an empty one. Refused with 400 where it is no JSON."""
    text = await request.text()
    if not text.strip():
        return None
    try:
        body: object = json.loads(text)
    except ValueError as err:
        raise Refused(error(request, 400, "Malformed request")) from err
    return body


async def read_object(request: web.Request) -> dict[str, object]:
    """The body as a JSON object; refused with 400 where it is none."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise Refused(error(request, 400, "Malformed request"))
    return body
