"""The prices that charging is planned by: the tariff of the account."""

from datetime import datetime, timedelta

from .price_slot import PriceSlot
from .prices import TariffCoordinator

_ONE_DAY = timedelta(days=1)


class PlanPrices:
    """What a kWh from the grid costs, as far ahead as that is known."""

    def __init__(self, tariff: TariffCoordinator) -> None:
        self._tariff = tariff

    @property
    def are_there(self) -> bool:
        """Return whether the site has prices to plan by."""
        return self._tariff.data is not None and self._tariff.data.has_import

    @property
    def currency(self) -> str:
        """Return the currency of the prices."""
        return self._tariff.currency

    def of_days(self, first: datetime, last: datetime) -> tuple[PriceSlot, ...]:
        """Return the prices of the days of two moments, and of those between them; nothing where they were not read for long."""
        prices = self._tariff.data
        if prices is None or not self._tariff.is_fresh:
            return ()
        day, end = (moment.astimezone(prices.zone).date() for moment in (first, last))
        found: list[PriceSlot] = []
        while day <= end:
            found += prices.imports_of(day)
            day += _ONE_DAY
        return tuple(found)
