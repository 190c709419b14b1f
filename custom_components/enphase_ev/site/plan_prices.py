"""The prices that charging is planned by: those of sensors that a person has chosen, or else the tariff of the account."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State
from homeassistant.util import dt as dt_util

from .price_lists import PriceList, joined_price_lists, read_price_list
from .price_slot import PriceSlot
from .prices import TariffCoordinator

_ONE_DAY = timedelta(days=1)


class PlanPrices:
    """What a kWh from the grid costs, as far ahead as that is known."""

    def __init__(self, hass: HomeAssistant, tariff: TariffCoordinator, sensors: Sequence[str]) -> None:
        self._hass = hass
        self._tariff = tariff
        self._sensors = sensors
        self._read_from: list[State] = []
        self._list = PriceList()

    @property
    def are_there(self) -> bool:
        """Return whether the site has prices to plan by."""
        return bool(self._sensors) or (self._tariff.data is not None and self._tariff.data.has_import)

    @property
    def currency(self) -> str:
        """Return the currency of the prices."""
        return (self._listed().currency or self._hass.config.currency) if self._sensors else self._tariff.currency

    def of_days(self, first: datetime, last: datetime) -> tuple[PriceSlot, ...]:
        """Return the prices of the days of two moments, and of those between them; nothing where they were not read for long."""
        if self._sensors:
            return self._listed().slots
        prices = self._tariff.data
        if prices is None or not self._tariff.is_fresh:
            return ()
        day, end = (moment.astimezone(prices.zone).date() for moment in (first, last))
        found: list[PriceSlot] = []
        while day <= end:
            found += prices.imports_of(day)
            day += _ONE_DAY
        return tuple(found)

    def _listed(self) -> PriceList:
        """Return all prices that the sensors list; they are read again when one of them was written."""
        states = _states(self._hass, self._sensors)
        if len(states) != len(self._read_from) or any(one is not other for one, other in zip(states, self._read_from, strict=True)):
            self._read_from, self._list = states, _read(states)
        return self._list


def list_prices(hass: HomeAssistant, sensors: Sequence[str]) -> bool:
    """Return whether there is nothing in the way of prices from these sensors: those that are available list some."""
    states = _states(hass, sensors)
    return not states or _read(states).problem is None


def _states(hass: HomeAssistant, sensors: Sequence[str]) -> list[State]:
    found = (hass.states.get(entity_id) for entity_id in sensors)
    return [state for state in found if state is not None and state.state != STATE_UNAVAILABLE]


def _read(states: Sequence[State]) -> PriceList:
    zone = dt_util.get_default_time_zone()
    return joined_price_lists([read_price_list(state.attributes, zone) for state in states])
