"""The tariff of one site (docs/cloud-api/tariff.md)."""

from datetime import date

from .account import Account
from .calls import NOT_HERE
from .exceptions import RequestRejected
from .models.tariff import PriceSpan, Tariff, read_export_prices
from .transport import Family, Request

_SYSTEMS = "/service/tariff/tariff-ms/systems"


class Tariffs:
    """Reads what the account holds as its prices. Writing would replace all of it, so nothing is written."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    async def tariff(self) -> Tariff:
        """Return the tariff."""
        params = {"include-site-details": "true"}
        request = Request(family=Family.TARIFF, path=f"{_SYSTEMS}/{self.site_id}/tariff", params=params, is_optional=True)
        return Tariff.read(await self.account.request(request, site_id=self.site_id))

    async def export_prices(self, day: date) -> tuple[PriceSpan, ...] | None:
        """Return what a kWh to the grid earns on a day; empty where the cloud has no prices by date, `None` where it does not say."""
        params = {"rateType": "BUYBACK", "date": day.isoformat(), "includeUtility": ""}
        path = f"{_SYSTEMS}/{self.site_id}/tariffs"
        request = Request(family=Family.EXPORT_PRICES, path=path, params=params, is_optional=True)
        try:
            return read_export_prices(await self.account.request(request, site_id=self.site_id))
        except RequestRejected as err:
            if err.status in NOT_HERE:
                return ()
            raise
