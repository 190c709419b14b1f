"""What the battery service and the site tell about batteries (docs/cloud-api/battery.md §3 and §7)."""

from aiohttp import web

from ..battery.answers import battery_profile, battery_schedules, battery_settings, battery_status, site_settings, storm_alert
from ..battery.battery import Battery
from ..battery.guard import BASE
from ..battery.refusal import BatteryRefused
from ..context import SESSION, json_answer, now_of, site_of, world_of

routes = web.RouteTableDef()


def battery_of(request: web.Request) -> Battery:
    """The battery of the site that the path names."""
    battery = site_of(request).battery
    if battery is None:
        raise BatteryRefused(404, "NO_BATTERY")
    return battery


@routes.get(BASE + r"/siteSettings/{site:\d+}")
async def read_site_settings(request: web.Request) -> web.Response:
    """What the site is."""
    site, account = site_of(request), request[SESSION].account
    if account is None:
        raise BatteryRefused(401, "UNAUTHORIZED")
    return json_answer(site_settings(site, account, now_of(request)))


@routes.get(BASE + r"/batterySettings/{site:\d+}")
async def read_battery_settings(request: web.Request) -> web.Response:
    """The settings, and what is wanted of them."""
    with_enho = request.query.get("source") == "enho"
    return json_answer(battery_settings(battery_of(request), now_of(request), with_enho=with_enho))


@routes.get(BASE + r"/profile/{site:\d+}")
async def read_profile(request: web.Request) -> web.Response:
    """The profile."""
    return json_answer(battery_profile(battery_of(request), now_of(request)))


@routes.get(BASE + r"/battery/sites/{site:\d+}/schedules")
async def read_schedules(request: web.Request) -> web.Response:
    """The schedules of all families."""
    return json_answer(battery_schedules(battery_of(request)))


@routes.get(BASE + r"/stormGuard/{site:\d+}/stormAlert")
async def read_storm_alert(request: web.Request) -> web.Response:
    """The storm alerts."""
    return json_answer(storm_alert(battery_of(request)))


@routes.get(r"/pv/settings/{site:\d+}/battery_status.json")
async def read_battery_status(request: web.Request) -> web.Response:
    """State of charge, energy and power, of all and of each."""
    return json_answer(battery_status(site_of(request).battery, now_of(request)))


@routes.get(BASE + r"/mqttSignedUrl/{site:\d+}")
async def read_mqtt_signed_url(request: web.Request) -> web.Response:
    """Where the answers to writes can be heard."""
    battery = battery_of(request)
    streams = world_of(request).streams
    if not battery.features.supports_mqtt:
        raise BatteryRefused(404, "MQTT_NOT_SUPPORTED")
    if streams is None:
        raise BatteryRefused(503, "MQTT_UNAVAILABLE")
    return json_answer(streams.sign(battery.site.id))
