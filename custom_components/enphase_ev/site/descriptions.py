"""What the sensors of a site as a whole show: its energy, its prices, its next grid event. A line or two for each."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from homeassistant.components.sensor import SensorStateClass

from ..charger.costs import ChargerCosts
from ..enlighten import Channel
from ..figures import COST, COUNTED_KWH, TIMESTAMP, TOTAL_COST, Attributes, EnphaseSensorDescription, Figure, Place, sensor
from .energy_counter import EnergyCounter
from .grid_schedule import GridSchedule
from .prices import SitePrices

_WH_PER_KWH = 1000
# In the currency a kWh, which only the tariff and Home Assistant know.
_PRICE = Figure(state_class=SensorStateClass.MEASUREMENT, digits=4)

type EnergyCounters = Mapping[Channel, EnergyCounter]


def _energy(channel: Channel) -> EnphaseSensorDescription[EnergyCounters]:
    def value(counters: EnergyCounters) -> float | None:
        return round(counters[channel].value / _WH_PER_KWH, 3) if channel in counters else None

    # What the cars get is what the lifetime energy of the chargers says: in the Energy dashboard, a person takes one or the other.
    place = Place.MAIN_BUT_OFF if channel is Channel.EV_CHARGING else Place.MAIN
    return sensor(channel.value, COUNTED_KWH, value, place=place, has_fn=lambda counters: channel in counters)


ENERGY_SENSORS: tuple[EnphaseSensorDescription[EnergyCounters], ...] = tuple(map(_energy, Channel))


def _import_attributes(prices: SitePrices) -> Attributes:
    """Return the prices of today and tomorrow in the form that the blueprint of the cheapest hours reads."""
    today = datetime.now(UTC).astimezone(prices.zone).date()
    return {
        "raw_today": prices.list_of(today, prices.imports_of),
        "raw_tomorrow": prices.list_of(today + timedelta(days=1), prices.imports_of),
        "period": prices.import_kind(datetime.now(UTC)),
        "tiered": prices.tariff.purchase is not None and prices.tariff.purchase.is_tiered,
    }


def _export_attributes(prices: SitePrices) -> Attributes:
    today = datetime.now(UTC).astimezone(prices.zone).date()
    return {
        "raw_today": prices.list_of(today, prices.exports_of),
        "raw_tomorrow": prices.list_of(today + timedelta(days=1), prices.exports_of),
    }


PRICE_SENSORS: tuple[EnphaseSensorDescription[SitePrices], ...] = (
    sensor(
        "import_price",
        _PRICE,
        lambda prices: prices.import_price(datetime.now(UTC)),
        has_fn=lambda prices: prices.has_import,
        attributes_fn=_import_attributes,
    ),
    sensor(
        "export_price",
        _PRICE,
        lambda prices: prices.export_price(datetime.now(UTC)),
        has_fn=lambda prices: prices.has_export,
        attributes_fn=_export_attributes,
    ),
)
NEXT_PRICE_SENSORS: tuple[EnphaseSensorDescription[SitePrices], ...] = (
    sensor(
        "next_import_price_change",
        TIMESTAMP,
        lambda prices: prices.next_import_change(datetime.now(UTC)),
        place=Place.MAIN_BUT_OFF,
        has_fn=lambda prices: prices.has_import,
    ),
)


def _next_event(grid: GridSchedule) -> datetime | None:
    event = grid.upcoming(datetime.now(UTC))
    return event.starts_at if event else None


def _next_event_attributes(grid: GridSchedule) -> Attributes:
    event = grid.upcoming(datetime.now(UTC))
    return {"end": event.ends_at, "type": event.kind, "subtype": event.subkind} if event else {}


COST_SENSORS: tuple[EnphaseSensorDescription[ChargerCosts], ...] = (
    sensor("session_cost", COST, lambda costs: costs.session, has_fn=lambda costs: costs.session is not None),
    sensor(
        "last_session_cost",
        COST,
        lambda costs: costs.last_session,
        place=Place.MAIN_BUT_OFF,
        has_fn=lambda costs: costs.last_session is not None,
    ),
    sensor(
        "cost_this_month",
        TOTAL_COST,
        lambda costs: costs.month,
        has_fn=lambda costs: costs.month is not None,
        attributes_fn=lambda costs: {"sessions_without_cost": costs.unpriced},
    ),
)


GRID_SENSORS: tuple[EnphaseSensorDescription[GridSchedule], ...] = (
    sensor(
        "next_grid_event",
        TIMESTAMP,
        _next_event,
        has_fn=lambda grid: grid.program is not None,
        attributes_fn=_next_event_attributes,
    ),
)
