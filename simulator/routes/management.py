"""Charger configuration, feature flags and firmware details (docs/cloud-api/chargers.md §7)."""

from aiohttp import web

from ..charger import Charger
from ..context import charger_of, error, find_site, json_answer, now_of, read_json, site_of, world_of
from ..hardware import DEFAULT_LEVEL
from ..report import ChargeMode
from ..wire import Json, JsonObject, envelope

routes = web.RouteTableDef()

_CONFIG = r"/service/evse_controller/api/v1/{site:\d+}/ev_chargers/{sn}/ev_charger_config"


@routes.post(_CONFIG)
async def read_configuration(request: web.Request) -> web.Response:
    """Reads, though it is a POST: the keys asked for."""
    charger = charger_of(request)
    entries = _entries(await read_json(request))
    if entries is None:
        return error(request, 400, "Malformed request")
    data: list[Json] = [charger.configuration.read(key) for key, _ in entries]
    return json_answer(envelope(now_of(request), data))


@routes.put(_CONFIG)
async def write_configuration(request: web.Request) -> web.Response:
    """Writes; the values are in force a moment later."""
    charger = charger_of(request)
    entries = _entries(await read_json(request))
    if entries is None:
        return error(request, 400, "Malformed request")
    data: list[Json] = []
    for key, value in entries:
        if value is None:
            return error(request, 400, f"{key} has no value")
        if key == DEFAULT_LEVEL and isinstance(value, str) and not world_of(request).deployment.default_level_as_text:
            return error(request, 400, f"{key} is a number")
        charger.configuration.write(key, value)
        data.append(charger.configuration.read(key))
    return json_answer(envelope(now_of(request), data))


def _entries(body: object) -> list[tuple[str, str | int | None]] | None:
    """Keys with their values; None for a body that is no list of keys."""
    if not isinstance(body, list):
        return None
    entries: list[tuple[str, str | int | None]] = []
    for item in body:
        key = item.get("key") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(key, str):
            return None
        value = item.get("value")
        is_number = isinstance(value, int) and not isinstance(value, bool)
        entries.append((key, value if value is None or is_number else str(value)))
    return entries


@routes.get("/service/evse_management/api/v1/config/feature-flags")
async def feature_flags(request: web.Request) -> web.Response:
    """What the site and each charger can do."""
    site = find_site(request, world_of(request), request.query.get("site_id", ""))
    chargers = site.chargers.values()
    data: JsonObject = {
        "evse_charging_mode": True,
        "evse_green_charging": any(ChargeMode.GREEN in one.profile.modes for one in chargers),
        "evse_live_stream": site.live_stream,
    }
    data |= {charger.serial: dict(charger.quirks.features) for charger in chargers}
    return json_answer(envelope(now_of(request), data))


@routes.get(r"/service/evse_management/fwDetails/{site:\d+}")
async def firmware_details(request: web.Request) -> web.Response:
    """Firmware now and next, where the site has that."""
    site = site_of(request)
    if site.firmware_details_status != 200:
        return error(request, site.firmware_details_status, "Firmware details are not available")
    return json_answer([_firmware(charger) for charger in site.chargers.values()])


def _firmware(charger: Charger) -> JsonObject:
    current, target = charger.profile.firmware, charger.target_firmware
    return {
        "serialNumber": charger.serial,
        "currentFwVersion": current,
        "targetFwVersion": target,
        "upgradeStatus": None if current == target else "SCHEDULED",
        "isAutoOta": True,
    }
