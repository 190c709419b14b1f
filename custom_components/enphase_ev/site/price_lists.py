"""Reads the prices that other integrations list in the attributes of a sensor or an event.

Known shapes, each a list of mappings with a start, a price and in most cases an end:

| integration | attributes | start, end, price |
| --- | --- | --- |
| ours, Nord Pool (HACS) | `raw_today`, `raw_tomorrow` | `start`, `end`, `value` |
| Energi Data Service | `raw_today`, `raw_tomorrow` | `hour`, none, `price` |
| ENTSO-e | `prices`, or `prices_today` and `prices_tomorrow` | `time`, none, `price` |
| Tibber by REST, as in its API | `today`, `tomorrow` | `startsAt`, none, `total` |
| EPEX Spot | `data` | `start_time`, `end_time`, `price_per_kwh` |
| Octopus Energy | `rates` | `start`, `end`, `value_inc_vat` |

Nothing that is read can fail: what is no price is left out. Numbers are never guessed from their size: the unit says what they are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import islice, pairwise, zip_longest
from math import isfinite
import re

from .price_slot import PriceSlot

_LISTS = ("raw_today", "raw_tomorrow", "prices_today", "prices_tomorrow", "prices", "today", "tomorrow", "data", "rates")
_STARTS = ("start", "start_time", "startsAt", "time", "hour", "valid_from")
_ENDS = ("end", "end_time", "valid_to")
# By key: what makes it a price of a kWh in the whole currency; `None` where the unit of the sensor says so.
_PRICES: Mapping[str, float | None] = {
    "value": None,
    "price": None,
    "total": None,
    "price_per_kwh": None,
    "value_inc_vat": None,
    "price_eur_per_kwh": 1.0,
    "price_ct_per_kwh": 0.01,
    "price_eur_per_mwh": 0.001,
}
# What a hundred of make one of the currency; which currency, where that is the only one.
_HUNDREDTHS: Mapping[str, str | None] = {
    **dict.fromkeys(("c", "ct", "cent", "cents", "¢", "öre", "øre", "ore", "oere", "gr", "snt"), None),
    **dict.fromkeys(("p", "pence"), "GBP"),
    **dict.fromkeys(("c€", "€c", "ct€", "€ct", "eurocent", "eurocents"), "EUR"),
}
_SYMBOLS: Mapping[str, str] = {"€": "EUR", "euro": "EUR", "£": "GBP", "zł": "PLN", "kč": "CZK", "ft": "HUF"}
# Words for currencies that several countries use.
_ANY_CURRENCY = ("$", "kr", "kr.", "")
_ENERGIES: Mapping[str, float] = {"wh": 1000.0, "kwh": 1.0, "mwh": 0.001, "gwh": 0.000001}
# Two days in steps of five minutes are 576.
_MOST_ENTRIES = 3000
_LONGEST_STEP = timedelta(hours=1)
_LONGEST_SLOT = timedelta(days=7)


class PriceListProblem(StrEnum):
    """Why no prices can be read."""

    # No attribute has a list of times and prices.
    NO_LIST = "no_list"
    # It is none of money for energy, such as EUR/m³ or %.
    UNKNOWN_UNIT = "unknown_unit"


@dataclass(frozen=True)
class PriceList:
    """The prices that a sensor lists.

    Attributes:
        slots: in UTC, in order, apart from each other; in the whole currency a kWh.
        currency: its code, such as `EUR`; `None` where the sensor does not say which one.
        problem: why there are none.
    """

    slots: tuple[PriceSlot, ...] = ()
    currency: str | None = None
    problem: PriceListProblem | None = None


@dataclass(frozen=True)
class PriceUnit:
    """What a number of a list means: times `factor` it is the whole currency a kWh."""

    factor: float
    currency: str | None


def read_price_list(attributes: Mapping[str, object], zone: tzinfo) -> PriceList:
    """Return the prices in the attributes of a state; those of two sensors, such as today's and tomorrow's rates, are read one by one.

    Args:
        attributes: of the state, as Home Assistant has them.
        zone: of Home Assistant, in which times without a zone are.
    """
    unit = read_price_unit(attributes)
    if unit is None:
        return PriceList(problem=PriceListProblem.UNKNOWN_UNIT)
    # Some lists come twice, alone and with the other day's.
    slots = _each_once(slot for name in _LISTS for slot in _read_list(attributes.get(name), unit, zone))
    return PriceList(slots, unit.currency, None if slots else PriceListProblem.NO_LIST)


def joined_price_lists(lists: Sequence[PriceList]) -> PriceList:
    """Return the prices of several sensors as one: where two have a price from the same moment on, the first one counts."""
    slots = _each_once(slot for one in lists for slot in one.slots)
    currency = next((one.currency for one in lists if one.currency), None)
    return PriceList(slots, currency, None if slots else next((one.problem for one in lists), PriceListProblem.NO_LIST))


def _each_once(slots: Iterable[PriceSlot]) -> tuple[PriceSlot, ...]:
    """Return slots in order: of those that begin together the first one, each until the next one begins at the latest."""
    found: dict[datetime, PriceSlot] = {}
    for slot in slots:
        found.setdefault(slot.start, slot)
    ordered = [found[start] for start in sorted(found)]
    cut = [PriceSlot(slot.start, min(slot.end, following.start), slot.value) for slot, following in pairwise(ordered)]
    return (*cut, *ordered[-1:])


def read_price_unit(attributes: Mapping[str, object]) -> PriceUnit | None:
    """Return what the numbers mean, by the unit of the sensor: without one, currency a kWh; `None` where it is none of money for energy."""
    text = attributes.get("unit_of_measurement")
    money, _, energy = (text if isinstance(text, str) else "").strip().partition("/")
    per = _ENERGIES.get(energy.strip().lower() or "kwh")
    word = money.strip()
    named = attributes.get("currency")
    currency = _code(named.strip()) if isinstance(named, str) else None
    if per is None or not _is_money(word):
        return None
    is_hundredth = word.lower() in _HUNDREDTHS
    # The custom Nord Pool integration calls the unit by the whole currency and says here that it means hundredths.
    factor = 0.01 * per if is_hundredth or attributes.get("price_in_cents") is True else per
    return PriceUnit(factor, currency or (_HUNDREDTHS[word.lower()] if is_hundredth else _code(word)))


def _is_money(word: str) -> bool:
    return word.lower() in _HUNDREDTHS or word.lower() in _ANY_CURRENCY or _code(word) is not None


def _code(word: str) -> str | None:
    """Return the code of a currency, given as such or by a sign that only one has."""
    return word if re.fullmatch("[A-Z]{3}", word) else _SYMBOLS.get(word.lower())


def _read_list(value: object, unit: PriceUnit, zone: tzinfo) -> Iterator[PriceSlot]:
    """Yield the prices of one list in order; without an end, one ends where the next begins or after the usual time."""
    entries = [entry for entry in islice(value, _MOST_ENTRIES) if isinstance(entry, Mapping)] if isinstance(value, list | tuple) else []
    read: dict[datetime, tuple[datetime | None, float]] = {}
    walls: set[datetime] = set()
    for entry in entries:
        start, price = _read_time(_first(entry, _STARTS), zone, walls), _read_price(entry, unit)
        if start is not None and price is not None:
            read.setdefault(start, (_read_time(_first(entry, _ENDS), zone, set()), price))
    starts = sorted(read)
    step = _usual_step(starts)
    for start, following in zip_longest(starts, starts[1:]):
        end, price = read[start]
        if end is None:
            end = following if following is not None and following - start <= _LONGEST_STEP else _ahead(start, step)
        if end is not None and timedelta() < end - start <= _LONGEST_SLOT:
            yield PriceSlot(start, end, price)


def _usual_step(starts: Sequence[datetime]) -> timedelta:
    """Return how long after another most of the times come, an hour where there is no telling."""
    steps = Counter(step for earlier, later in pairwise(starts) if (step := later - earlier) <= _LONGEST_STEP)
    return max(steps, key=lambda step: (steps[step], step), default=_LONGEST_STEP)


def _first(entry: Mapping[object, object], names: Sequence[str]) -> object:
    return next((entry[name] for name in names if entry.get(name) is not None), None)


def _read_time(value: object, zone: tzinfo, walls: set[datetime]) -> datetime | None:
    """Return a time in UTC, to the minute; `walls` are the times without a zone that this list had before.

    In the night in which the clocks go back, such a list has an hour twice.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    value = value.replace(second=0, microsecond=0)
    try:
        if value.tzinfo is None:
            is_second = value in walls
            walls.add(value)
            value = value.replace(tzinfo=zone, fold=int(is_second))
        return value.astimezone(UTC)
    except OverflowError, ValueError:
        # At the very ends of the calendar.
        return None


def _read_price(entry: Mapping[object, object], unit: PriceUnit) -> float | None:
    """Return the price in the whole currency a kWh."""
    for name, factor in _PRICES.items():
        if (number := _read_number(entry.get(name))) is not None:
            price = number * (unit.factor if factor is None else factor)
            return price if isfinite(price) else None
    return None


def _read_number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value.strip().replace(",", "."))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _ahead(start: datetime, span: timedelta) -> datetime | None:
    try:
        return start + span
    except OverflowError:
        return None
