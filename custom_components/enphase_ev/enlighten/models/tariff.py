"""What a site pays for energy, and gets for it (docs/cloud-api/tariff.md)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Self

from ..parsing import (
    EVERY_DAY,
    Json,
    first_of,
    read_days,
    read_float,
    read_int,
    read_list,
    read_mapping,
    read_records,
    read_text,
    read_unwrapped,
)

MINUTES_PER_DAY = 1440


@dataclass(frozen=True)
class PriceSpan:
    """A time of a day with one price: minutes of the site's day, the end exclusive. `rate` is in the currency a kWh."""

    start: int
    end: int
    rate: float
    kind: str | None = None


@dataclass(frozen=True)
class _Period:
    """A period of the cloud's; without times it is everything that no other period of the day covers. It can run over midnight.

    One whose price cannot be read still covers its time: that time has no price, rather than that of everything else.
    """

    rate: float | None
    kind: str | None
    start: int | None
    end: int | None

    @classmethod
    def read(cls, record: dict[str, Json]) -> Self | None:
        """Read a period; `None` where its time cannot be read."""
        rate = read_float(record.get("rate"))
        times = [record.get("startTime"), record.get("endTime")]
        start, end = map(_read_minute, times)
        kind = read_text(first_of(record, "type", "id"))
        if any(read_text(value) is None for value in times):
            return cls(rate, kind, None, None)
        return None if start is None or end is None else cls(rate, kind, start, end)

    def covers(self, minute: int) -> bool:
        """Return whether a minute of the day falls into it."""
        if self.start is None or self.end is None:
            return True
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def _read_minute(value: Json) -> int | None:
    minute = read_int(value)
    return minute if minute is not None and 0 <= minute <= MINUTES_PER_DAY else None


@dataclass(frozen=True)
class _DayOfWeek:
    """The periods of some days of the week."""

    days: tuple[int, ...]
    periods: tuple[_Period, ...]

    def spans(self) -> Iterator[PriceSpan]:
        """Yield the times of the day with their prices; what nothing covers has none."""
        timed = [period for period in self.periods if period.start is not None]
        # What has times of its own comes before what has everything else, whatever their order.
        ordered = [*timed, *(period for period in self.periods if period.start is None)]
        edges = sorted({0, MINUTES_PER_DAY, *(edge for period in timed for edge in (period.start, period.end) if edge is not None)})
        for start, end in pairwise(edges):
            found = next((period for period in ordered if period.covers(start)), None)
            if found is not None and found.rate is not None:
                yield PriceSpan(start, end, found.rate, found.kind)


@dataclass(frozen=True)
class _Season:
    """A part of the year, which can wrap round its end."""

    first_month: int
    last_month: int
    days: tuple[_DayOfWeek, ...]

    @classmethod
    def read(cls, record: dict[str, Json]) -> Self:
        """Read a season; one that names no months is the whole year. A tiered one without periods costs its rate at any time."""
        first, last = (_read_month(record.get(key)) for key in ("startMonth", "endMonth"))
        days: list[_DayOfWeek] = []
        for day in read_records(record.get("days")):
            periods = _read_periods(day)
            if not periods and (rate := _rate_at_any_time(day)) is not None:
                periods = (_Period(rate, None, None, None),)
            days.append(_DayOfWeek(read_days(day.get("days")) or EVERY_DAY, periods))
        if not any(day.periods for day in days) and (rate := _rate_at_any_time(record)) is not None:
            days = [_DayOfWeek(EVERY_DAY, (_Period(rate, None, None, None),))]
        return cls(first or 1, last or 12, tuple(day for day in days if day.periods))

    def includes(self, month: int) -> bool:
        """Return whether a month belongs to it."""
        if self.first_month <= self.last_month:
            return self.first_month <= month <= self.last_month
        return month >= self.first_month or month <= self.last_month


def _read_periods(day: dict[str, Json]) -> tuple[_Period, ...]:
    """Return the periods of some days; none where one of them is at a time that cannot be read: it could be any."""
    found = [_Period.read(one) for one in read_records(day.get("periods"))]
    periods = tuple(period for period in found if period is not None)
    is_read = len(periods) == len(found) and any(period.rate is not None for period in periods)
    return periods if is_read else ()


def _read_month(value: Json) -> int | None:
    month = read_int(value)
    return month if month is not None and 1 <= month <= 12 else None


def _rate_at_any_time(record: dict[str, Json]) -> float | None:
    """Return the price of a tariff by tiers: the rate that it names, else that of its first tier."""
    tiers = read_records(record.get("tiers"))
    rates = (read_float(rate) for rate in (first_of(record, "offPeak", "rate"), *(tier.get("rate") for tier in tiers)))
    return next((rate for rate in rates if rate is not None), None)


@dataclass(frozen=True)
class Prices:
    """Prices of one direction.

    Attributes:
        kind: `single`, `seasonal`, `weekends` or `seasonal-and-weekends`, verbatim.
        structure: `flat`, `tou` or `tiered`, verbatim.
    """

    kind: str | None
    structure: str | None
    seasons: tuple[_Season, ...]

    @classmethod
    def read(cls, value: Json) -> Self | None:
        """Read prices; `None` where there are none that can be read."""
        record = read_mapping(value)
        seasons = tuple(season for one in read_records(record.get("seasons")) if (season := _Season.read(one)).days)
        if not seasons:
            whole_year = _Season.read({key: item for key, item in record.items() if key != "seasons"})
            seasons = (whole_year,) if whole_year.days else ()
        return cls(read_text(record.get("typeKind")), read_text(record.get("typeId")), seasons) if seasons else None

    @property
    def is_tiered(self) -> bool:
        """Return whether the price depends on how much was used before; then the one that is known is the lowest tier's."""
        return self.structure == "tiered"

    def of_day(self, day: date) -> tuple[PriceSpan, ...]:
        """Return the prices of a day; neighbors of one price are one."""
        for season in self.seasons:
            if season.includes(day.month) and (found := next((one for one in season.days if day.isoweekday() in one.days), None)):
                return _joined(found.spans())
        return ()


def _joined(spans: Iterator[PriceSpan]) -> tuple[PriceSpan, ...]:
    joined: list[PriceSpan] = []
    for span in spans:
        if joined and joined[-1].end == span.start and (joined[-1].rate, joined[-1].kind) == (span.rate, span.kind):
            joined[-1] = PriceSpan(joined[-1].start, span.end, span.rate, span.kind)
        else:
            joined.append(span)
    return tuple(joined)


@dataclass(frozen=True)
class Tariff:
    """What the account holds as its prices.

    Attributes:
        currency: verbatim; a symbol, or a code.
        purchase, buyback: what a kWh from the grid costs, and what one to the grid earns; `None` where that cannot be read.
        export_plan: `nem`, `netFit` or `grossFit`, verbatim.
    """

    currency: str | None
    purchase: Prices | None
    buyback: Prices | None
    export_plan: str | None = None

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read a tariff, which comes without an envelope, or in one."""
        record = read_unwrapped(body)
        buyback = read_mapping(record.get("buyback"))
        return cls(
            currency=read_text(record.get("currency")),
            purchase=Prices.read(record.get("purchase")),
            buyback=Prices.read(buyback),
            export_plan=read_text(buyback.get("exportPlan")),
        )

    @property
    def currency_code(self) -> str | None:
        """Return the currency where it is a code such as `EUR`; of a symbol nobody knows whose dollars they are."""
        text = self.currency or ""
        return text if len(text) == 3 and text.isascii() and text.isalpha() and text.isupper() else None


def read_export_prices(body: Json) -> tuple[PriceSpan, ...] | None:
    """Return the prices of one day for what goes to the grid; the cloud counts the end in. `None` where there is no list of them."""
    records = read_list(read_unwrapped(body).get("buyback"))
    if records is None:
        return None
    spans: list[PriceSpan] = []
    for record in records[:MINUTES_PER_DAY]:
        fields = read_mapping(record)
        start, end, rate = _read_minute(fields.get("start")), _read_minute(fields.get("end")), read_float(fields.get("rate"))
        if start is not None and end is not None and rate is not None and start <= end:
            spans.append(PriceSpan(start, min(end + 1, MINUTES_PER_DAY), rate))
    return _joined(iter(sorted(spans, key=lambda span: span.start)))


def rate_at(spans: Sequence[PriceSpan], minute: int) -> float | None:
    """Return the price at a minute of the day; `None` where there is none."""
    return next((span.rate for span in spans if span.start <= minute < span.end), None)
