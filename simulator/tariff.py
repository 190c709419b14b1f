"""What an account holds as its prices (docs/cloud-api/tariff.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
import math

from .switches import Switches
from .wire import EVERY_DAY, Json, JsonObject

WORKDAYS, WEEKEND = (1, 2, 3, 4, 5), (6, 7)
DAY_MIN = 1440
_OFF_PEAK = "off-peak"
# What nobody can read.
_A_TIME, _A_PRICE = "in the morning", "ask your utility"


class TimeForm(StrEnum):
    """How minutes of the day are written."""

    TEXT = "text"
    NUMBER = "number"
    MIXED = "mixed"
    """A beginning as text, an end as a number."""


class Unreadable(StrEnum):
    """Tariffs that nobody can read."""

    NO = "no"
    WORDS = "words"
    """Rates and times are words."""
    NO_SEASONS = "no_seasons"
    EMPTY = "empty"
    """An empty object."""
    LIST = "list"
    UNKNOWN_TYPE = "unknown_type"
    """A type that nobody has heard of, and nothing that the others have."""
    PEAK_RATE = "peak_rate"
    """Only the rates of peaks are words."""
    PEAK_TIME = "peak_time"
    """Only the times of peaks are words."""


class Preset(StrEnum):
    """Tariffs to choose from."""

    FLAT = "flat"
    TOU = "tou"
    """As tests/fixtures/api/tariff.json: cheap but from 7 to 22 h."""
    OVER_MIDNIGHT = "over_midnight"
    """A cheap period from 23 to 7 h, two others, and everything else between."""
    TIERED = "tiered"
    SEASONAL = "seasonal"
    """A summer, and a winter that wraps round the year."""
    WEEKENDS = "weekends"
    SEASONAL_AND_WEEKENDS = "seasonal_and_weekends"


@dataclass(frozen=True)
class Period:
    """A price for a part of the day, minutes; without times for everything that no other period covers."""

    id: str
    kind: str
    rate: float
    start: int | None = None
    end: int | None = None

    def covers(self, minute: int) -> bool:
        """Whether its own times hold a minute of the day."""
        if self.start is None or self.end is None:
            return False
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@dataclass(frozen=True)
class Days:
    """Days of the week with the same periods; 1 = Monday."""

    days: tuple[int, ...]
    periods: tuple[Period, ...]


@dataclass(frozen=True)
class Season:
    """Months with the same prices, both ends inclusive; may wrap round the year."""

    first_month: int
    last_month: int
    days: tuple[Days, ...]
    tiers: tuple[tuple[float, float], ...] = ()
    """From how many kWh of a month on, and the rate."""

    def holds(self, month: int) -> bool:
        """Whether a month is in it."""
        if self.first_month <= self.last_month:
            return self.first_month <= month <= self.last_month
        return month >= self.first_month or month <= self.last_month


@dataclass(frozen=True)
class Rates:
    """One side of a tariff."""

    kind: str
    """``typeKind``."""
    type: str
    """``typeId``."""
    seasons: tuple[Season, ...]

    def at(self, local: datetime) -> float | None:
        """The price at a moment of the site's time; a tiered one's first tier; None where nothing is said."""
        season = next((one for one in self.seasons if one.holds(local.month)), None)
        if season is None:
            return None
        if season.tiers:
            return season.tiers[0][1]
        days = next((one for one in season.days if local.isoweekday() in one.days), None)
        if days is None:
            return None
        minute = local.hour * 60 + local.minute
        named = next((period for period in days.periods if period.covers(minute)), None)
        rest = next((period for period in days.periods if period.start is None), None)
        period = named or rest
        return period.rate if period else None


def _week(*periods: Period) -> tuple[Days, ...]:
    return (Days(EVERY_DAY, periods),)


def _off_peak(rate: float) -> Period:
    return Period(_OFF_PEAK, _OFF_PEAK, rate)


_CHEAP_BY_NIGHT = (_off_peak(0.189), Period("peak-1", "peak", 0.312, 420, 1320))
_THREE_PRICES = (
    Period(_OFF_PEAK, _OFF_PEAK, 0.12, 1380, 420),
    Period("peak-1", "peak", 0.41, 960, 1260),
    Period("mid-peak-1", "mid-peak", 0.27),
)
_WINTER = (_off_peak(0.21), Period("peak-1", "peak", 0.35, 360, 1380))
PURCHASE = {
    Preset.FLAT: Rates("single", "flat", (Season(1, 12, _week(_off_peak(0.262))),)),
    Preset.TOU: Rates("single", "tou", (Season(1, 12, _week(*_CHEAP_BY_NIGHT)),)),
    Preset.OVER_MIDNIGHT: Rates("single", "tou", (Season(1, 12, _week(*_THREE_PRICES)),)),
    Preset.TIERED: Rates("single", "tiered", (Season(1, 12, (), tiers=((0, 0.22), (300, 0.29), (800, 0.36))),)),
    Preset.SEASONAL: Rates("seasonal", "tou", (Season(5, 9, _week(*_CHEAP_BY_NIGHT)), Season(10, 4, _week(*_WINTER)))),
    Preset.WEEKENDS: Rates("weekends", "tou", (Season(1, 12, (Days(WORKDAYS, _CHEAP_BY_NIGHT), Days(WEEKEND, (_off_peak(0.15),)))),)),
    Preset.SEASONAL_AND_WEEKENDS: Rates(
        "seasonal-and-weekends",
        "tou",
        (
            Season(5, 9, (Days(WORKDAYS, _CHEAP_BY_NIGHT), Days(WEEKEND, (_off_peak(0.15),)))),
            Season(10, 4, (Days(WORKDAYS, _THREE_PRICES), Days(WEEKEND, (_off_peak(0.18),)))),
        ),
    ),
}
BUYBACK = Rates("single", "flat", (Season(1, 12, _week(_off_peak(0.07))),))
_MUST_CHARGE: JsonObject = {"must_charge_start": "0", "must_charge_duration": "0", "must_charge_mode": "CP"}
_CURRENCIES = {"NL": "€", "US": "$", "AU": "$"}


@dataclass
class TariffSwitches(Switches):
    """The tariff of every site of a deployment, and how it is written."""

    preset: Preset = Preset.TOU
    times: TimeForm = TimeForm.TEXT
    rates_as_numbers: bool = False
    currency: str | None = None
    """None: the symbol of the site's country."""
    export_plan: str = "netFit"
    export_by_date: bool = False
    """Another export price every hour of every day."""
    unreadable: Unreadable = Unreadable.NO
    status: int = 200
    """What everything here answers with."""

    def import_price(self, local: datetime) -> float | None:
        """The truth: the price at a moment of the site's time, currency a kWh."""
        return PURCHASE[self.preset].at(local)

    def export_price(self, local: datetime) -> float | None:
        """The truth, for what is given to the grid."""
        return hourly_export_price(local.date(), local.hour) if self.export_by_date else BUYBACK.at(local)


def hourly_export_price(day: date, hour: int) -> float:
    """A price that is another one every hour."""
    return round(0.06 + 0.05 * math.sin(day.toordinal() * 0.7 + hour * math.pi / 12), 4)


def tariff(site_id: str, country: str, switches: TariffSwitches) -> Json:
    """The whole tariff, as in tests/fixtures/api/tariff.json."""
    match switches.unreadable:
        case Unreadable.EMPTY:
            return {}
        case Unreadable.LIST:
            return []
    purchase: JsonObject = {"source": "manual", **_rates(PURCHASE[switches.preset], switches, _MUST_CHARGE)}
    buyback: JsonObject = {"source": switches.export_plan, "exportPlan": switches.export_plan, **_rates(BUYBACK, switches, {})}
    return {
        "site_id": int(site_id),
        "country": country,
        "currency": _CURRENCIES.get(country, "€") if switches.currency is None else switches.currency,
        "chargeFromGrid": False,
        "chargeBeginTime": 120,
        "chargeEndTime": 300,
        "purchase": purchase,
        "buyback": buyback,
    }


def _rates(rates: Rates, switches: TariffSwitches, more: JsonObject) -> JsonObject:
    """One side; `more` is what each group of days has beside its periods."""
    if switches.unreadable is Unreadable.UNKNOWN_TYPE:
        return {"typeKind": "lunar", "typeId": "auction", "auctions": [{"id": "1"}]}
    seasons: list[Json] = [_season(season, switches, more) for season in rates.seasons]
    data: JsonObject = {"typeKind": rates.kind, "typeId": rates.type}
    return data if switches.unreadable is Unreadable.NO_SEASONS else data | {"seasons": seasons}


def _season(season: Season, switches: TariffSwitches, more: JsonObject) -> JsonObject:
    names = {(1, 12): "default", (5, 9): "summer"}
    data: JsonObject = {
        "id": names.get((season.first_month, season.last_month), "winter"),
        "startMonth": str(season.first_month),
        "endMonth": str(season.last_month),
        "days": [_days(days, switches) | more for days in season.days],
    }
    if season.tiers:
        data["offPeak"] = _rate(season.tiers[0][1], switches)
        ends = [start for start, _rate_of_it in season.tiers[1:]] + [None]
        data["tiers"] = [
            {"id": f"tier-{number}", "startValue": start, "endValue": "" if end is None else end, "rate": _rate(rate, switches)}
            for number, ((start, rate), end) in enumerate(zip(season.tiers, ends, strict=True), start=1)
        ]
    return data


def _days(days: Days, switches: TariffSwitches) -> JsonObject:
    return {
        "id": {EVERY_DAY: "week", WORKDAYS: "weekdays"}.get(days.days, "weekend"),
        "days": list(days.days),
        "periods": [_period(period, switches) for period in days.periods],
    }


def _period(period: Period, switches: TariffSwitches) -> JsonObject:
    start = _minutes(period.start, switches, is_text=switches.times is not TimeForm.NUMBER)
    end = _minutes(period.end, switches, is_text=switches.times is TimeForm.TEXT)
    rate = _rate(period.rate, switches)
    if period.kind == "peak":
        start = _A_TIME if switches.unreadable is Unreadable.PEAK_TIME else start
        rate = _A_PRICE if switches.unreadable is Unreadable.PEAK_RATE else rate
    return {"id": period.id, "type": period.kind, "startTime": start, "endTime": end, "rate": rate, "rateComponents": []}


def _minutes(minute: int | None, switches: TariffSwitches, *, is_text: bool) -> Json:
    if minute is None:
        return ""
    if switches.unreadable is Unreadable.WORDS:
        return _A_TIME
    return str(minute) if is_text else minute


def _rate(rate: float, switches: TariffSwitches) -> Json:
    if switches.unreadable is Unreadable.WORDS:
        return _A_PRICE
    return rate if switches.rates_as_numbers else f"{rate:g}"


def export_prices(day: date, time_zone: str, switches: TariffSwitches) -> JsonObject:
    """``data`` of the export prices of a day; the ends are inclusive."""
    prices: list[Json] = [{"start": start, "end": end, "rate": _rate(rate, switches)} for start, end, rate in _stretches(day, switches)]
    return {"buyback": prices, "timezone": time_zone}


def _stretches(day: date, switches: TariffSwitches) -> Iterator[tuple[int, int, float]]:
    """Minutes of a day with the same export price."""
    begin, price = 0, None
    for minute in range(DAY_MIN):
        # A moment of no zone: it stands for the clock on the wall.
        local = datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - local time
        now = switches.export_price(local)
        if now != price and minute:
            if price is not None:
                yield begin, minute - 1, price
            begin = minute
        price = now
    if price is not None:
        yield begin, DAY_MIN - 1, price
