"""The battery service: what it tells, and what it takes (docs/cloud-api/battery.md §3, §4, §7 and §8)."""

from aiohttp import web

from ..battery.answers import battery_profile, battery_schedules, battery_settings, battery_status, site_settings, storm_alert
from ..battery.battery import Battery
from ..battery.changes import ChangeKind, WantedChange
from ..battery.entries import Entry, Wanted, read_family, read_wanted
from ..battery.guard import BASE
from ..battery.settings import BatteryRefused, ControlFamily, bad_request
from ..battery.wishes import read_battery_for_car, read_profile, read_settings, read_storm_guard
from ..context import SESSION, json_answer, now_of, read_object, site_of, world_of
from ..switches.battery import BatteryRequest, DeleteForm, StormRefusal
from ..wire import JsonObject, iso_milliseconds

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
async def tell_profile(request: web.Request) -> web.Response:
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


SUCCESS: JsonObject = {"message": "success"}


def writable_battery_of(request: web.Request) -> Battery:
    """The battery of the path, for somebody who may write."""
    battery = battery_of(request)
    if not (battery.features.is_owner or battery.features.is_installer):
        raise BatteryRefused(403, "FORBIDDEN", "Only the owner and the installer may write")
    battery.catch_up()
    battery.note_write()
    return battery


def with_enho(request: web.Request) -> bool:
    """Whether the query has ``source=enho``."""
    return request.query.get("source") == "enho"


def _take(request: web.Request, battery: Battery, wanted: WantedChange) -> web.Response:
    """Success in any case; whether something comes of it is up to the deployment."""
    battery.refuse_in_200(wanted.requests)
    switches, features = battery.switches, battery.features
    ignored = features.system_task or features.dr_event_active
    if wanted.kind is not ChangeKind.SETTINGS:
        # Of settings each part has been looked at.
        ignored |= any(battery.ignores(kind, with_enho=with_enho(request)) for kind in wanted.requests)
    if switches.ignored_writes > 0:
        switches.ignored_writes -= 1
        ignored = True
    if not ignored and (wanted.values or wanted.families):
        battery.request(wanted)
    return json_answer(SUCCESS)


@routes.put(BASE + r"/batterySettings/{site:\d+}")
async def write_settings(request: web.Request) -> web.Response:
    """Change settings; a toggle applies its family's schedules."""
    battery = writable_battery_of(request)
    return _take(request, battery, read_settings(battery, await read_object(request), with_enho=with_enho(request)))


@routes.post(BASE + r"/batterySettings/acceptDisclaimer/{site:\d+}")
async def accept_disclaimer(request: web.Request) -> web.Response:
    """Accept what has to be accepted before charging from the grid."""
    battery = writable_battery_of(request)
    if (await read_object(request)).get("disclaimer-type") != "itc":
        raise bad_request("disclaimer-type is unknown")
    battery.set(accepted_disclaimer=iso_milliseconds(now_of(request)))
    return json_answer(SUCCESS)


@routes.put(BASE + r"/device/battery/preference/{site:\d+}")
async def write_battery_for_car(request: web.Request) -> web.Response:
    """Let the battery feed the car, down to a level (docs/cloud-api/battery.md §8)."""
    battery = writable_battery_of(request)
    wanted = read_battery_for_car(battery, await read_object(request))
    refusal, storm = battery.switches.storm_refusal, battery.active_alert() is not None and battery.settings.storm_guard
    refused = BatteryRefused(400, "STORM_GUARD_ACTIVE", number=10003)
    if storm and refusal is StormRefusal.IN_A_STORM:
        raise refused
    if battery.switches.car_setting_pends:
        _take(request, battery, wanted)
    else:
        battery.refuse_in_200(wanted.requests)
        battery.set(**wanted.values)
    if refusal is StormRefusal.FALSE:
        raise refused
    answer: JsonObject = {"type": "iqevse-battery-preference", "timestamp": iso_milliseconds(now_of(request)), "data": SUCCESS}
    return json_answer(answer)


@routes.put(BASE + r"/profile/{site:\d+}")
async def write_profile(request: web.Request) -> web.Response:
    """Choose a profile."""
    battery = writable_battery_of(request)
    return _take(request, battery, read_profile(battery, await read_object(request)))


@routes.put(BASE + r"/cancel/profile/{site:\d+}")
async def cancel_profile(request: web.Request) -> web.Response:
    """Take the choice of a profile back while the gateway has not taken it over."""
    battery = writable_battery_of(request)
    if not battery.cancel(ChangeKind.PROFILE):
        raise BatteryRefused(409, "ALREADY_PROCESSED")
    return json_answer(SUCCESS)


@routes.put(BASE + r"/stormGuard/toggle/{site:\d+}")
async def write_storm_guard(request: web.Request) -> web.Response:
    """Switch storm guard."""
    battery = writable_battery_of(request)
    return _take(request, battery, read_storm_guard(await read_object(request)))


@routes.put(BASE + r"/stormGuard/{site:\d+}/stormAlert")
async def write_storm_alert(request: web.Request) -> web.Response:
    """Opt out of alerts."""
    battery = writable_battery_of(request)
    alerts = (await read_object(request)).get("stormAlerts")
    known = {(alert.id, alert.name): alert for alert in battery.storm_alerts}
    chosen = []
    for alert in alerts if isinstance(alerts, list) and alerts else [None]:
        if not isinstance(alert, dict) or alert.get("status") != "opted-out":
            raise bad_request("stormAlerts must be a list of alerts to opt out of")
        found = known.get((str(alert.get("id")), str(alert.get("name"))))
        if found is None:
            raise bad_request("No such alert")
        chosen.append(found)
    for alert in chosen:
        alert.opted_out = True
    return json_answer(SUCCESS)


_SCHEDULES = BASE + r"/battery/sites/{site:\d+}/schedules"


@routes.post(f"{_SCHEDULES}/isValid")
async def is_valid(request: web.Request) -> web.Response:
    """Check a family, not a window."""
    battery = writable_battery_of(request)
    body = await read_object(request)
    family = read_family(body)
    if family is ControlFamily.CFG and not isinstance(body.get("forceScheduleOpted"), bool):
        raise bad_request("forceScheduleOpted is missing")
    battery.refuse_in_200({BatteryRequest.IS_VALID})
    if not battery.ignores(BatteryRequest.IS_VALID, with_enho=with_enho(request)):
        battery.checked.add(family)
    return json_answer({"isValid": battery.features.controls.of(family).schedule_supported})


@routes.post(_SCHEDULES)
async def add(request: web.Request) -> web.Response:
    """A new entry; it stays pending until its family is applied."""
    battery = writable_battery_of(request)
    wanted = _read(battery, await read_object(request))
    account = request[SESSION].account
    if _comes_to_nothing(request, battery, BatteryRequest.ADD):
        return json_answer(SUCCESS)
    entry = battery.book.add(wanted, now_of(request), account.user_id if account else 0)
    return json_answer({**SUCCESS, "scheduleId": entry.id} if battery.switches.answer_holds_id else SUCCESS)


@routes.put(f"{_SCHEDULES}/{{schedule}}")
async def change(request: web.Request) -> web.Response:
    """An entry changed, or deleted where the body says so."""
    battery = writable_battery_of(request)
    entry = battery.book.find(request.match_info["schedule"])
    body = await read_object(request)
    if body.get("isDeleted") is True:
        if DeleteForm.PUT not in battery.switches.delete_forms:
            raise bad_request("isDeleted cannot be written")
        return _delete(request, battery, entry)
    wanted = _read(battery, body)
    if wanted.family is not entry.family:
        raise bad_request("scheduleType cannot be changed")
    if not _comes_to_nothing(request, battery, BatteryRequest.CHANGE):
        battery.book.change(entry, wanted, now_of(request))
    return json_answer(entry.as_json(lying=battery.switches.lying_is_enabled))


@routes.post(f"{_SCHEDULES}/{{schedule}}/delete")
async def delete(request: web.Request) -> web.Response:
    """An entry less."""
    battery = writable_battery_of(request)
    if DeleteForm.POST not in battery.switches.delete_forms:
        raise BatteryRefused(404, "NOT_FOUND")
    return _delete(request, battery, battery.book.find(request.match_info["schedule"]))


def _delete(request: web.Request, battery: Battery, entry: Entry) -> web.Response:
    if not _comes_to_nothing(request, battery, BatteryRequest.DELETE):
        battery.book.delete(entry, now_of(request))
        battery.deleted_at[entry.family] = battery.now
    if battery.switches.delete_status == 204:
        return web.Response(status=204)
    return json_answer(SUCCESS, battery.switches.delete_status)


def _read(battery: Battery, body: dict[str, object]) -> Wanted:
    wanted = read_wanted(body, battery.settings.very_low_soc, battery.switches)
    if not battery.features.controls.of(wanted.family).schedule_supported:
        raise BatteryRefused(400, "SCHEDULE_NOT_SUPPORTED")
    return wanted


def _comes_to_nothing(request: web.Request, battery: Battery, kind: BatteryRequest) -> bool:
    """Whether a request is answered with success and lost; refused where it gets an error with 200."""
    battery.refuse_in_200({kind})
    # The cloud is busy with something that overrides every write (docs/cloud-api/battery.md §3).
    busy = battery.features.system_task or battery.features.dr_event_active
    return busy or battery.ignores(kind, with_enho=with_enho(request)) or battery.loses_entry_write()
