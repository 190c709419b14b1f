"""Charger status and summary (docs/cloud-api/chargers.md §1 and §2)."""

from aiohttp import web

from ..charger import Charger
from ..context import charger_of, error, json_answer, now_of, site_of, world_of
from ..report import ChargeMode, Report
from ..site import Site
from ..switches.deployment import StatusShape
from ..wire import Json, JsonObject, envelope, epoch_ms, iso_bracketed, iso_bracketed_or_none

routes = web.RouteTableDef()

GREEN_WINDOW_S = 7 * 86400
"""How long the cloud's green schedule runs, seconds."""


@routes.get(r"/service/evse_controller/{site:\d+}/ev_chargers/status")
async def status(request: web.Request) -> web.Response:
    """The poll."""
    site = site_of(request)
    now = now_of(request)
    match world_of(request).deployment.status_shape:
        case StatusShape.MAP:
            return error(request, 404, "Not found")
        case StatusShape.LEGACY:
            return json_answer(
                {
                    "evChargerData": [legacy_status(one, one.reported, connected=one.online) for one in _listed(request, site)],
                    "ts": int(now),
                }
            )
        case _:
            chargers: list[Json] = [charger_status(one, one.reported, now, connected=one.online) for one in _listed(request, site)]
            body = envelope(now, {"site": site.id, "tz": site.time_zone, "chargers": chargers})
            return json_answer(body)


@routes.get(r"/service/evse_controller/api/v2/{site:\d+}/ev_chargers/status")
async def status_map(request: web.Request) -> web.Response:
    """The map by serial."""
    site = site_of(request)
    if world_of(request).deployment.status_shape == StatusShape.LEGACY:
        return error(request, 404, "Not found")
    data: JsonObject = {
        charger.serial: {
            "connected": charger.online,
            "pluggedIn": charger.reported.plugged_in,
            "charging": charger.reported.charging,
            "lst_rpt_at": epoch_ms(charger.reported.at),
        }
        for charger in _listed(request, site)
    }
    return json_answer(envelope(now_of(request), data))


def _listed(request: web.Request, site: Site) -> list[Charger]:
    deployment = world_of(request).deployment
    if deployment.empty_charger_lists > 0:
        deployment.empty_charger_lists -= 1
        return []
    return [charger for charger in site.chargers.values() if not charger.quirks.retired]


def charger_status(charger: Charger, report: Report, now: float, *, connected: bool) -> JsonObject:
    """One entry of tests/fixtures/api/status_charging.json, as a report tells."""
    level = report.level if report.charging and charger.mode is not ChargeMode.GREEN else None
    item: JsonObject = {
        "smartEV": {"hasToken": False, "hasEVDetails": False},
        "evManufacturerName": "Example OEM",
        "offGrid": "OFF_GRID" if charger.site.house.grid_lost else "ON_GRID",
        "sn": charger.serial,
        "name": charger.profile.name,
        "lst_rpt_at": iso_bracketed(report.at),
        "offlineAt": iso_bracketed_or_none(charger.offline_at),
        "connected": connected,
        "auth_token": None,
        "mode": 1 if charger.mode is ChargeMode.GREEN else 0,
        "charging": report.charging,
        "pluggedIn": report.plugged_in,
        "faulted": report.faulted,
        "commissioned": 1,
        "isEVDetailsSet": True,
        "sch_d": _schedule_in_force(charger, now),
        "session_d": _session(report, level),
        "connectors": [
            {
                "connectorId": 1,
                "connectorStatusType": report.connector.value,
                "connectorStatusInfo": "",
                "connectorStatusReason": report.reason,
                # Idle chargers say 1 as well (seen): it counts only while charging.
                "safeLimitState": int(report.safe_limit or not report.charging),
                "dlbActive": report.charging and report.dlb_active,
                "pluggedIn": report.plugged_in,
            }
        ],
    }
    if level is not None:
        item["chargingLevel"] = level
    return item


def _session(report: Report, level: int | None) -> JsonObject:
    session = report.session
    started = session.started_at if session else None
    return {
        "plg_in_at": iso_bracketed_or_none(session.plugged_in_at if session else None),
        "strt_chrg": None if started is None else epoch_ms(started),
        "plg_out_at": iso_bracketed_or_none(session.plugged_out_at if session else None),
        "e_c": round(session.energy_wh) if session else 0,
        "miles": round(session.miles, 5) if session else 0.0,
        "session_cost": session.cost if session else None,
        "auth_status": 4,
        "auth_type": None,
        "auth_id": None,
        "charge_level": level,
    }


def _schedule_in_force(charger: Charger, now: float) -> JsonObject:
    slot = charger.slot_in_force()
    if charger.mode is ChargeMode.GREEN:
        info: JsonObject = {"type": "greencharging", "limit": 0}
    elif slot is not None:
        info = {"type": "customcharging", "limit": slot.level or charger.hardware.max_amps}
    else:
        return {"status": 0, "info": []}
    begin = int(now - now % 86400)
    info |= {"startTime": begin, "endTime": begin + GREEN_WINDOW_S}
    return {"status": 1, "info": [info]}


def legacy_status(charger: Charger, report: Report, *, connected: bool) -> JsonObject:
    """One entry of tests/fixtures/api/status_legacy.json, whose energy is kWh."""
    session = report.session
    started = session.started_at if session else None
    return {
        "sn": charger.serial,
        "name": charger.profile.name,
        "connected": connected,
        "pluggedIn": report.plugged_in,
        "charging": report.charging,
        "faulted": report.faulted,
        "connectorStatusType": report.connector.value,
        "session_d": {
            "e_c": round(session.energy_wh / 1000, 2) if session else 0.0,
            "start_time": None if started is None else int(started),
        },
    }


# Summary (docs/cloud-api/chargers.md §2)


@routes.get(r"/service/evse_controller/api/v2/{site:\d+}/ev_chargers/summary")
@routes.get(r"/service/evse_controller/{site:\d+}/ev_chargers/summary")
async def summary(request: web.Request) -> web.Response:
    """What the chargers are."""
    site = site_of(request)
    all_of_them = request.query.get("filter_retired") != "true"
    level_details = _with_level_details(request)
    data: list[Json] = [
        charger_summary(charger, charger.reported, connected=charger.online, level_details=level_details)
        for charger in site.chargers.values()
        if all_of_them or not charger.quirks.retired
    ]
    return json_answer(envelope(now_of(request), data))


@routes.get(r"/service/evse_controller/api/v2/{site:\d+}/ev_chargers/{sn}/summary")
async def summary_of_one(request: web.Request) -> web.Response:
    """What one charger is."""
    charger = charger_of(request)
    data = charger_summary(charger, charger.reported, connected=charger.online, level_details=_with_level_details(request))
    return json_answer(envelope(now_of(request), data))


def _with_level_details(request: web.Request) -> bool:
    deployment = world_of(request).deployment
    if deployment.missing_level_details > 0:
        deployment.missing_level_details -= 1
        return False
    world, now = world_of(request), now_of(request)
    if world.first_summary_at is None:
        world.first_summary_at = now
    return now >= world.first_summary_at + deployment.missing_level_details_s


def charger_summary(charger: Charger, report: Report, *, connected: bool, level_details: bool = True) -> JsonObject:
    """One entry of tests/fixtures/api/summary.json, as a report tells."""
    profile, hardware, site = charger.profile, charger.hardware, charger.site
    item: JsonObject = {
        "serialNumber": charger.serial,
        "displayName": profile.name,
        "modelName": hardware.model,
        "sku": hardware.sku,
        "partNumber": hardware.part_number,
        "isConnected": connected,
        "isLocallyConnected": connected,
        "isRetired": charger.quirks.retired,
        "hoControl": True,
        "supportsUseBattery": ChargeMode.GREEN in profile.modes,
        "activeConnection": profile.connection,
        "reportingInterval": profile.reporting_interval,
        "dlbEnabled": 1,
        "maxCurrent": hardware.max_amps,
        "breakerRating": hardware.max_amps,
        "ratedCurrent": str(hardware.max_amps),
        "operatingVoltage": str(hardware.volts),
        "firmwareVersion": profile.firmware,
        "systemVersion": profile.firmware,
        "processorBoardVersion": "2.0.713.0",
        "bootloaderVersion": "2024.04",
        "lifeTimeConsumption": round(report.lifetime_wh, 2),
        "phaseMode": hardware.phase_mode,
        "phaseCount": hardware.phase_count,
        "gridType": hardware.grid_type,
        "wiringConfiguration": dict(hardware.wiring),
        "skuScope": hardware.scope,
        "status": "NORMAL",
        "commissioningStatus": 1,
        "timezone": site.time_zone,
        "lastReportedAt": iso_bracketed(report.at),
        "createdAt": iso_bracketed(charger.created_at),
        "warrantyStartDate": iso_bracketed(charger.created_at),
        "warrantyDueDate": iso_bracketed(charger.created_at + 5 * 365.25 * 86400),
        "warrantyPeriod": 5,
        "networkConfig": _network(charger),
        "wifiConfig": _wifi(charger),
        "cellularConfig": "signalStrength=0, status=disconnected",
        "defaultRoute": f"interface_name={_interface(charger)}, ip_address=192.0.2.1",
        "gatewayConnectivityDetails": [
            {
                "gwSerialNum": site.gateway_serial,
                "gwConnStatus": 0 if charger.online else 1,
                "gwConnFailureReason": 0,
                "lastConnTime": epoch_ms(report.at),
            }
        ],
        "functionalValDetails": {"state": 1, "lastUpdatedTimestamp": epoch_ms(charger.created_at)},
        "rmaDetails": None,
    }
    if level_details:
        item["chargeLevelDetails"] = {
            "min": str(hardware.min_amps),
            "max": str(hardware.max_amps),
            "granularity": str(hardware.granularity),
            "defaultChargeLevel": charger.default_level_setting(),
        }
    return item


def _interface(charger: Charger) -> str:
    return "mlan0" if charger.profile.connection == "wifi" else "eth0"


def _network(charger: Charger) -> str:
    """Two interfaces as lines of ``key=value``, in a string that looks like a list (seen)."""
    lines = []
    # Every charger has addresses of its own, of those that are set aside for examples.
    own = sum(charger.serial.encode()) * 2
    for number, interface in enumerate(("eth0", "mlan0"), start=1):
        up = interface == _interface(charger)
        lines.append(
            f"netmask={'255.255.255.0' if up else ''},mac_addr=00:00:5e:00:53:{(own + number) % 256:02x},interface_name={interface},"
            f"connectionStatus={int(up)},ipaddr={charger.profile.address if up else ''},bootproto=dhcp,"
            f"gateway={'192.0.2.1' if up else ''}"
        )
    return "[\n" + ",\n".join(f'"{line}"' for line in lines) + "\n]"


def _wifi(charger: Charger) -> str:
    if charger.profile.connection == "wifi":
        return "connectionStatus=1, wifiMode=client, SSID=Example, status=connected"
    return "connectionStatus=0, wifiMode=client, SSID=, status=disconnected"
