"""Sites and the user (docs/cloud-api/auth.md §5)."""

from aiohttp import hdrs, web

from ..context import SESSION, html_answer, json_answer, site_of, world_of
from ..guard import signed_in
from ..switches.deployment import Deployment, HomePath, SitesShape, UserIdShape
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
