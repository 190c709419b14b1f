"""The prices of a site (docs/cloud-api/tariff.md)."""

from datetime import date

from aiohttp import web

from ..context import Refused, error, json_answer, now_of, site_of, world_of
from ..tariff import TariffSwitches, export_prices, tariff

routes = web.RouteTableDef()
BASE = r"/service/tariff/tariff-ms/systems/{site:\d+}"


def _switches(request: web.Request) -> TariffSwitches:
    switches = world_of(request).deployment.tariff
    if switches.status != 200:
        raise Refused(error(request, switches.status, "Tariff is not available"))
    return switches


@routes.get(BASE + "/tariff")
async def read_tariff(request: web.Request) -> web.Response:
    """The whole tariff, in no envelope."""
    site = site_of(request)
    return json_answer(tariff(site.id, site.country, _switches(request)))


@routes.get(BASE + "/tariffs")
async def read_export_prices(request: web.Request) -> web.Response:
    """The export prices of a day."""
    site, switches = site_of(request), _switches(request)
    try:
        day = date.fromisoformat(request.query.get("date", ""))
    except ValueError:
        return error(request, 400, "date must be YYYY-MM-DD")
    if request.query.get("rateType") != "BUYBACK":
        return error(request, 400, "Unknown rateType")
    return json_answer({"data": export_prices(day, site.time_zone, switches)})


@routes.get(BASE + "/billing-details")
async def read_billing_details(request: web.Request) -> web.Response:
    """The billing period. No page knows its shape: a month from the first, in names that say so."""
    site = site_of(request)
    _switches(request)
    first = site.house.local_day(now_of(request)).replace(day=1)
    return json_answer({"data": {"billingFrequency": "MONTH", "billingIntervalValue": 1, "billingStartDate": first.isoformat()}})
