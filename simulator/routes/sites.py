"""Sites: which ones an account has (docs/cloud-api/auth.md §5), and what each tells: energy, prices, outages, events, live stream."""

from datetime import date

from aiohttp import hdrs, web

from ..context import SESSION, Refused, error, html_answer, json_answer, now_of, site_of, world_of
from ..guard import signed_in
from ..house.answers import EnergySwitches, EventsSwitches, all_days, backup_history, grid_outage, owners_events, today
from ..switches.deployment import Deployment, HomePath, SitesShape, UserIdShape
from ..tariff import TariffSwitches, export_prices, tariff
from ..wire import Json, JsonObject

routes = web.RouteTableDef()


@routes.get("/app-api/search_sites.json")
async def search_sites(request: web.Request) -> web.Response:
    """The account's sites, in the deployment's shape."""
    world, account = world_of(request), request[SESSION].account
    deployment = world.deployment
    site_ids = account.site_ids if account else []
    if deployment.empty_site_lists > 0:
        deployment.empty_site_lists -= 1
        site_ids = []
    wanted = request.query.get("searchText", "").lower()
    names = [(site_id, world.sites[site_id].name) for site_id in site_ids]
    entries: list[Json] = [_entry(deployment, site_id, name) for site_id, name in names if wanted in name.lower()]
    if deployment.duplicate_sites:
        entries = [entry for entry in entries for _ in range(2)]
    match deployment.sites_shape:
        case SitesShape.LIST:
            return json_answer(entries)
        case SitesShape.EMPTY:
            return json_answer({"sites": []})
        case shape:
            return json_answer({str(shape): entries})


def _entry(deployment: Deployment, site_id: str, name: str) -> JsonObject:
    return {
        deployment.site_id_key: site_id if deployment.site_ids_as_text else int(site_id),
        deployment.site_name_key: name,
        "path": f"/web/{site_id}?v=3.4.0",
        "favourite": False,
    }


@routes.get(r"/app-api/{site:\d+}/data.json")
async def site_data(request: web.Request) -> web.Response:
    """What the app starts with: here only whose it is."""
    site, account = site_of(request), request[SESSION].account
    user_id = account.user_id if account else None
    match world_of(request).deployment.user_id_shape:
        case UserIdShape.SNAKE:
            app: JsonObject = {"user_id": user_id}
        case UserIdShape.NESTED:
            app = {"user": {"id": user_id}}
        case _:
            app = {"userId": user_id}
    return json_answer({"app": app, "system_id": int(site.id)})


@routes.get("/")
async def home(request: web.Request) -> web.Response:
    """Leads to the account's first site, or to the sign-in."""
    account = signed_in(request).account
    site_id = account.site_ids[0] if account and account.site_ids else ""
    match world_of(request).deployment.home_path:
        case HomePath.PV_SYSTEMS:
            target = f"/pv/systems/{site_id}/summary"
        case HomePath.SYSTEMS:
            target = f"/systems/{site_id}/devices"
        case _:
            target = f"/web/{site_id}/today/graph/hours"
    return web.Response(status=302, headers={hdrs.LOCATION: target if site_id else "/web/"})


@routes.get(r"/web/{tail:.*}")
@routes.get(r"/pv/systems/{site:\d+}/summary")
@routes.get(r"/systems/{site:\d+}/devices")
async def page(_request: web.Request) -> web.Response:
    """A page of the web app."""
    return html_answer()


def _energy(request: web.Request) -> EnergySwitches:
    switches = world_of(request).deployment.energy
    if switches.retry_status is not None:
        raise Refused(error(request, switches.retry_status, "Gateway is not reporting"))
    return switches


@routes.get(r"/pv/systems/{site:\d+}/today")
async def read_today(request: web.Request) -> web.Response:
    """The quarter hours of today."""
    return json_answer(today(site_of(request), _energy(request), now_of(request)))


@routes.get(r"/pv/systems/{site:\d+}/lifetime_energy")
async def read_all_days(request: web.Request) -> web.Response:
    """All days."""
    return json_answer(all_days(site_of(request), _energy(request), now_of(request)))


@routes.get(r"/app-api/{site:\d+}/get_latest_power")
async def read_latest_power(request: web.Request) -> web.Response:
    """What the sun gives. That it is the sun's is told, no more."""
    site = site_of(request)
    power: JsonObject = {"value": round(site.house.now().solar), "units": "W", "precision": 0, "time": round(now_of(request))}
    return json_answer({"latest_power": power})


_TARIFF = r"/service/tariff/tariff-ms/systems/{site:\d+}"


def _prices(request: web.Request) -> TariffSwitches:
    switches = world_of(request).deployment.tariff
    if switches.status != 200:
        raise Refused(error(request, switches.status, "Tariff is not available"))
    return switches


@routes.get(_TARIFF + "/tariff")
async def read_tariff(request: web.Request) -> web.Response:
    """The whole tariff, in no envelope."""
    site = site_of(request)
    return json_answer(tariff(site.id, site.country, _prices(request)))


@routes.get(_TARIFF + "/tariffs")
async def read_export_prices(request: web.Request) -> web.Response:
    """The export prices of a day."""
    site, switches = site_of(request), _prices(request)
    try:
        day = date.fromisoformat(request.query.get("date", ""))
    except ValueError:
        return error(request, 400, "date must be YYYY-MM-DD")
    if request.query.get("rateType") != "BUYBACK":
        return error(request, 400, "Unknown rateType")
    return json_answer({"data": export_prices(day, site.time_zone, switches)})


@routes.get(_TARIFF + "/billing-details")
async def read_billing_details(request: web.Request) -> web.Response:
    """The billing period. No page knows its shape: a month from the first, in names that say so."""
    site = site_of(request)
    _prices(request)
    first = site.house.local_day(now_of(request)).replace(day=1)
    return json_answer({"data": {"billingFrequency": "MONTH", "billingIntervalValue": 1, "billingStartDate": first.isoformat()}})


def _events(request: web.Request) -> EventsSwitches:
    switches = world_of(request).deployment.events
    if switches.status != 200:
        raise Refused(error(request, switches.status, "Not available"))
    return switches


@routes.get(r"/app-api/{site:\d+}/off_grid_due_to_grid_outage")
async def read_grid_outage(request: web.Request) -> web.Response:
    """Whether the site is off grid."""
    return json_answer(grid_outage(site_of(request), _events(request)))


@routes.get(r"/app-api/{site:\d+}/battery_backup_history.json")
async def read_backup_history(request: web.Request) -> web.Response:
    """Outages that are over."""
    _events(request)
    return json_answer(backup_history(site_of(request)))


@routes.get(r"/service/events-platform-service/v1.0/{site:\d+}/events/homeowner")
async def read_owners_events(request: web.Request) -> web.Response:
    """What happened, a page at a time."""
    site, query = site_of(request), request.query
    _events(request)
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
