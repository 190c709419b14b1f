"""Energy and power of a site (docs/cloud-api/energy.md)."""

from aiohttp import web

from ..context import Refused, error, json_answer, now_of, site_of, world_of
from ..energy import EnergySwitches, all_days, today
from ..wire import JsonObject

routes = web.RouteTableDef()


def _switches(request: web.Request) -> EnergySwitches:
    switches = world_of(request).deployment.energy
    if switches.retry_status is not None:
        raise Refused(error(request, switches.retry_status, "Gateway is not reporting"))
    return switches


@routes.get(r"/pv/systems/{site:\d+}/today")
async def read_today(request: web.Request) -> web.Response:
    """The quarter hours of today."""
    return json_answer(today(site_of(request), _switches(request), now_of(request)))


@routes.get(r"/pv/systems/{site:\d+}/lifetime_energy")
async def read_all_days(request: web.Request) -> web.Response:
    """All days."""
    return json_answer(all_days(site_of(request), _switches(request), now_of(request)))


@routes.get(r"/app-api/{site:\d+}/get_latest_power")
async def read_latest_power(request: web.Request) -> web.Response:
    """What the sun gives. That it is the sun's is told, no more."""
    site = site_of(request)
    power: JsonObject = {"value": round(site.house.now().solar), "units": "W", "precision": 0, "time": round(now_of(request))}
    return json_answer({"latest_power": power})
