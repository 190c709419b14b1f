"""Session history and energy series (docs/cloud-api/chargers.md §8)."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from aiohttp import web

from ..charger import Charger
from ..context import Refused, charger_of, error, find_site, json_answer, now_of, read_object, world_of
from ..site import Site
from ..wire import Json, JsonObject, iso_nanoseconds

routes = web.RouteTableDef()


@routes.post(r"/service/enho_historical_events_ms/{site:\d+}/sessions/{sn}/history")
async def session_history(request: web.Request) -> web.Response:
    """Sessions that are over and began in a range of days, newest first, a page at a time."""
    charger = charger_of(request)
    body = await read_object(request)
    params = body.get("params")
    if body.get("source") != "evse" or not isinstance(params, dict):
        return error(request, 400, "Malformed request")
    offset, limit = params.get("offset", 0), params.get("limit", 20)
    if not isinstance(offset, int) or not isinstance(limit, int) or offset < 0 or limit < 1:
        return error(request, 400, "offset and limit are out of range")
    first, last = (_read_day(request, params.get(name)) for name in ("startDate", "endDate"))
    if params.get("timezone") != charger.site.time_zone:
        return error(request, 400, "timezone is not the site's")
    charger.catch_up()
    found = [
        session
        for session in reversed(charger.history)
        if first <= datetime.fromtimestamp(session.started_at or session.plugged_in_at, charger.site.zone).date() <= last
    ]
    number = charger.serial.removeprefix("EV").rjust(12, "1")
    deployment = world_of(request).deployment
    if deployment.history_repeats:
        found = [session for session in found for _ in range(2)]
    begin = max(0, offset - deployment.history_overlap)
    result: list[Json] = [session.as_history(number) for session in found[begin : begin + limit]]
    data: JsonObject = {
        "result": result,
        "hasMore": len(found) > begin + limit,
        "startDate": params["startDate"],
        "endDate": params["endDate"],
        "offset": offset,
        "limit": limit,
    }
    return json_answer({"source": "evse", "timestamp": iso_nanoseconds(now_of(request)), "data": data})


def _read_day(request: web.Request, text: object) -> date:
    try:
        return datetime.strptime(str(text), "%d-%m-%Y").replace(tzinfo=UTC).date()
    except ValueError as err:
        raise Refused(error(request, 400, "Dates must be DD-MM-YYYY")) from err


@routes.get("/service/timeseries/evse/timeseries/lifetime_energy")
async def lifetime_energy(request: web.Request) -> web.Response:
    """Energy of all days since the first, and of each charger by year."""
    site = _queried_site(request)
    by_charger = {charger: charger.daily_wh for charger in site.chargers.values()}
    today = datetime.fromtimestamp(now_of(request), site.zone).date()
    first = min((day for days in by_charger.values() for day in days), default=today)
    by_year: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for charger, days in by_charger.items():
        for year in range(first.year, today.year + 1):
            energy = sum(energy for day, energy in days.items() if day.year == year)
            by_year[str(year)][charger.serial] = round(energy, 2)
    yearly: JsonObject = {year: dict(chargers) for year, chargers in by_year.items()}
    return json_answer(_series(site, first, today) | {"charger_iqevc": yearly})


@routes.get("/service/timeseries/evse/timeseries/daily_energy")
async def daily_energy(request: web.Request) -> web.Response:
    """Energy of each day since the one asked for, for the site and for each charger."""
    site = _queried_site(request)
    try:
        first = date.fromisoformat(request.query.get("start_date", ""))
    except ValueError:
        return error(request, 400, "start_date is mandatory, YYYY-MM-DD")
    today = datetime.fromtimestamp(now_of(request), site.zone).date()
    by_charger: JsonObject = {
        charger.serial: [round(charger.daily_wh.get(day, 0), 2) for day in _days(first, today)] for charger in site.chargers.values()
    }
    return json_answer(_series(site, first, today) | {"charger_iqevc": by_charger})


def _series(site: Site, first: date, today: date) -> JsonObject:
    """What both series have in common, as in tests/fixtures/api/evse_lifetime.json."""
    chargers: list[Charger] = list(site.chargers.values())
    totals: defaultdict[date, float] = defaultdict(float)
    for charger in chargers:
        for day, energy in charger.daily_wh.items():
            totals[day] += energy
    return {
        "iqevc": [round(totals[day], 2) if totals[day] else 0 for day in _days(first, today)],
        "system_id": int(site.id),
        "start_date": first.isoformat(),
        "last_report_date": int(max((one.reported.at for one in chargers), default=0)),
        "update_pending": False,
    }


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _queried_site(request: web.Request) -> Site:
    site_id = request.query.get("site_id", "")
    if not site_id:
        raise Refused(error(request, 400, "site_id is mandatory"))
    return find_site(request, world_of(request), site_id)
