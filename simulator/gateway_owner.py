"""What an owner's token may read of a gateway (docs/cloud-api/local.md §2)."""

import asyncio

from aiohttp import web

from .battery.battery import Battery
from .context import Refused, json_answer, now_of, read_object
from .gateway_inside import GATEWAY
from .gateway_readings import live_data, meters, readings, relay, schedule, scheduler_status, security_control, without_numbers
from .wire import Json

OWNER_PATHS = frozenset(
    {
        "/ivp/livedata/status",
        "/ivp/livedata/stream",
        "/ivp/meters",
        "/ivp/meters/readings",
        "/ivp/sc/sched",
        "/ivp/sc/status",
        "/ivp/ensemble/secctrl",
        "/ivp/ensemble/relay",
        "/production.json",
        "/inventory.json",
        "/home.json",
    }
)
# Real seconds that an answer of these takes.
SLOW_S = {"production.json": 40.0, "inventory.json": 20.0, "home.json": 70.0}

routes = web.RouteTableDef()


def is_away(request: web.Request) -> bool:
    """Whether it is the time of day at which the gateway is gone for some minutes."""
    gateway = request.app[GATEWAY]
    switches = gateway.switches.owner
    begin = switches.daily_absence_min
    if begin is None:
        return False
    minute = gateway.site.minute_of_day(gateway.world.clock.time())
    return (minute - begin) % 1440 < switches.absence_lasts_min


def _answer(request: web.Request, answer: Json) -> web.Response:
    switches = request.app[GATEWAY].switches.owner
    return json_answer(without_numbers(answer) if switches.unknown_numbers else answer)


def _battery(request: web.Request) -> Battery:
    battery = request.app[GATEWAY].site.battery
    if battery is None:
        raise Refused(json_answer({"error": "404 - Not Found"}, 404))
    return battery


@routes.get("/ivp/livedata/status")
async def read_live_data(request: web.Request) -> web.Response:
    """Power now; its meters tell nothing before the stream is on."""
    gateway = request.app[GATEWAY]
    return _answer(request, live_data(gateway.site, gateway.switches.owner, streams=gateway.streams_live_data))


@routes.post("/ivp/livedata/stream")
async def stream_live_data(request: web.Request) -> web.Response:
    """``{"enable": 1}``."""
    enable = (await read_object(request)).get("enable")
    if enable not in {0, 1}:
        return json_answer({"error": "enable must be 0 or 1"}, 400)
    request.app[GATEWAY].streams_live_data = enable == 1
    return json_answer({"sc_stream": "enabled" if enable else "disabled"})


@routes.get("/ivp/meters")
async def read_meters(request: web.Request) -> web.Response:
    """What meters there are."""
    gateway = request.app[GATEWAY]
    return json_answer(meters(gateway.site, gateway.switches.owner))


@routes.get("/ivp/meters/readings")
async def read_readings(request: web.Request) -> web.Response:
    """What they count."""
    gateway = request.app[GATEWAY]
    return _answer(request, readings(gateway.site, gateway.switches.owner, now_of(request)))


@routes.get("/ivp/sc/sched")
async def read_schedule(request: web.Request) -> web.Response:
    """Charge from grid, as the gateway has it."""
    return _answer(request, schedule(_battery(request), now_of(request)))


@routes.get("/ivp/sc/status")
async def read_scheduler_status(request: web.Request) -> web.Response:
    """What the batteries are told to do."""
    return _answer(request, scheduler_status(_battery(request), request.app[GATEWAY].switches.owner))


@routes.get("/ivp/ensemble/secctrl")
async def read_security_control(request: web.Request) -> web.Response:
    """Levels and state of charge."""
    return _answer(request, security_control(_battery(request), now_of(request)))


@routes.get("/ivp/ensemble/relay")
async def read_relay(request: web.Request) -> web.Response:
    """The grid's relay."""
    gateway = request.app[GATEWAY]
    return json_answer(relay(gateway.site, gateway.switches.owner))


@routes.put("/ivp/{tail:(sc/sched|ensemble/secctrl)}")
@routes.post("/ivp/{tail:(sc/sched|ensemble/secctrl)}")
async def write(request: web.Request) -> web.Response:
    """Accepted, and ignored."""
    return json_answer({"status": "accepted"})


@routes.get("/{name:(production|inventory|home)\\.json}")
async def read_slowly(request: web.Request) -> web.Response:
    """An answer that nobody should wait for."""
    gateway = request.app[GATEWAY]
    await asyncio.sleep(SLOW_S[request.match_info["name"]] * gateway.switches.owner.slow_factor)
    return json_answer({"production": [{"type": "inverters", "wNow": round(gateway.site.house.now().solar)}]})
