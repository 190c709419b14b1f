"""The live stream of a site, over REST (docs/cloud-api/live.md §1)."""

from aiohttp import web

from ..context import SESSION, error, json_answer, site_of, world_of

routes = web.RouteTableDef()


@routes.get(r"/app-api/{site:\d+}/show_livestream")
async def show_live_stream(request: web.Request) -> web.Response:
    """Whether the site has one."""
    site_of(request)
    world = world_of(request)
    switches, there = world.deployment.live, world.live_streams is not None
    return json_answer({"live_status": there and switches.live_status, "live_vitals": there and switches.live_vitals})


@routes.get(r"/service/evse_controller/api/v1/aws_sigv4/livestream/{site:\d+}")
@routes.get(r"/service/evse_controller/{site:\d+}/ev_chargers/{serial}/retry_start_live_stream")
async def charger_credentials(request: web.Request) -> web.Response:
    """Credentials for the chargers' own topics (docs/cloud-api/live.md §5)."""
    world, site = world_of(request), site_of(request)
    if world.live_streams is None or not world.deployment.live.supported or not site.live_stream:
        return error(request, 472, "Live stream is not supported at this site")
    return json_answer(world.live_streams.sign(site.id, for_chargers=True))


@routes.get("/pv/aws_sigv4/livestream.json")
async def credentials(request: web.Request) -> web.Response:
    """Credentials for the site whose gateway has this serial number."""
    world, account = world_of(request), request[SESSION].account
    serial = request.query.get("serial_num", "")
    sites = [world.sites[site_id] for site_id in account.site_ids] if account else []
    site = next((one for one in sites if one.gateway_serial == serial), None)
    if site is None:
        return error(request, 400, "Envoy not found")
    if world.live_streams is None or not world.deployment.live.supported or not site.live_stream:
        return error(request, 472, "Live stream is not supported at this site")
    return json_answer(world.live_streams.sign(site.id))
