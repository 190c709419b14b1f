"""Reads the tariff of a site twice a day, and tells what a kWh costs and earns at any moment (docs/cloud-api/tariff.md)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache, reduce
from math import gcd
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util.json import JsonValueType

from ..const import LOGGER
from ..enlighten import Prices, PriceSpan, Tariff, Tariffs
from ..errors import OptionalServices, translated, update_error
from ..waiting import TICK, EdgeCoordinator, growing_wait
from .price_slot import PriceSlot

_EVERY = timedelta(hours=12)
_AGAIN_AFTER_OUTAGE = timedelta(minutes=30)
# Prices that were read this long ago may be others by now.
_STALE_AFTER = 3 * _EVERY
_ONE_DAY = timedelta(days=1)
# days. Long enough to hold every season and every day of the week.
_LOOK_AHEAD = 400
# minutes. Shorter slots would make the list too long to be of use.
_SHORTEST_SLOT = 15


@dataclass(frozen=True)
class SitePrices:
    """The prices of a site.

    Attributes:
        zone: of the site.
        export_by_day: what the cloud has by date comes before what the tariff says.
        unread: days of which the cloud could not be asked what it has by date, at a site that has such prices.
    """

    tariff: Tariff
    zone: tzinfo
    export_by_day: Mapping[date, tuple[PriceSpan, ...]] = field(default_factory=dict)
    unread: frozenset[date] = frozenset()

    @property
    def has_import(self) -> bool:
        """Return whether it is known what a kWh from the grid costs."""
        return self.tariff.purchase is not None

    @property
    def has_export(self) -> bool:
        """Return whether it is known what a kWh to the grid earns."""
        return self.tariff.buyback is not None or any(self.export_by_day.values())

    def import_price(self, moment: datetime) -> float | None:
        """Return what a kWh from the grid costs at a moment."""
        slot = self._slot_at(moment, self.imports_of)
        return slot.value if slot else None

    def import_kind(self, moment: datetime) -> str | None:
        """Return the period of the tariff at a moment: `off-peak`, `mid-peak` or `peak`, verbatim."""
        slot = self._slot_at(moment, self.imports_of)
        return slot.kind if slot else None

    def export_price(self, moment: datetime) -> float | None:
        """Return what a kWh to the grid earns at a moment."""
        slot = self._slot_at(moment, self.exports_of)
        return slot.value if slot else None

    def imports_of(self, day: date) -> Iterator[PriceSlot]:
        """Yield the prices of a day of the site for what comes from the grid."""
        return self._slots(day, _of_day(self.tariff.purchase, day))

    def exports_of(self, day: date) -> Iterator[PriceSlot]:
        """Yield the prices of a day of the site for what goes to the grid."""
        spans = () if day in self.unread else _of_day(self.tariff.buyback, day)
        return self._slots(day, self.export_by_day.get(day) or spans)

    def next_import_change(self, moment: datetime) -> datetime | None:
        """Return when the price of a kWh from the grid changes next; `None` where it never does."""
        price = self.import_price(moment)
        today = moment.astimezone(self.zone).date()
        end: datetime | None = None
        for number in range(_LOOK_AHEAD):
            for slot in self.imports_of(today + number * _ONE_DAY):
                if slot.end <= moment:
                    continue
                # A time without a price is a change, too.
                if end is not None and slot.start > end:
                    return end
                if slot.value != price and slot.start > moment:
                    return slot.start
                end = slot.end
        return None

    def next_edge(self, moment: datetime) -> datetime:
        """Return when something about the prices that are shown changes next: at midnight at the latest."""
        today = moment.astimezone(self.zone).date()
        edges = [edge for slots in (self.imports_of(today), self.exports_of(today)) for slot in slots for edge in (slot.start, slot.end)]
        return min((edge for edge in edges if edge > moment), default=_at(today + _ONE_DAY, 0, self.zone))

    def mean_import_price(self, start: datetime, end: datetime) -> float | None:
        """Return the price of a kWh from the grid over a time, each price for as long as it holds."""
        if end <= start:
            return self.import_price(start)
        cost = seconds = 0.0
        day = start.astimezone(self.zone).date()
        while day <= end.astimezone(self.zone).date():
            for slot in self.imports_of(day):
                share = (min(slot.end, end) - max(slot.start, start)).total_seconds()
                if share > 0:
                    cost += share * slot.value
                    seconds += share
            day += _ONE_DAY
        return cost / seconds if seconds else None

    def list_of(self, day: date, slots_of: Callable[[date], Iterator[PriceSlot]]) -> list[JsonValueType]:
        """Return the prices of a day in slots of one length, as integrations of power markets list them."""
        return _listed(day, tuple(slots_of(day)), self.zone)

    def _slot_at(self, moment: datetime, slots_of: Callable[[date], Iterator[PriceSlot]]) -> PriceSlot | None:
        return next((slot for slot in slots_of(moment.astimezone(self.zone).date()) if slot.start <= moment < slot.end), None)

    def _slots(self, day: date, spans: tuple[PriceSpan, ...]) -> Iterator[PriceSlot]:
        """Yield times of a day in UTC. On a day on which the clocks change they go by the clock on the wall."""
        for span in spans:
            start, end = _at(day, span.start, self.zone), _at(day, span.end, self.zone)
            if start < end:
                yield PriceSlot(start, end, span.rate, span.kind)


@lru_cache(maxsize=16)
def _listed(day: date, slots: tuple[PriceSlot, ...], zone: tzinfo) -> list[JsonValueType]:
    """Return slots of one length; kept, since they are shown again every minute and change at midnight."""
    local = [edge.astimezone(zone) for slot in slots for edge in (slot.start, slot.end)]
    length = max(reduce(gcd, (edge.hour * 60 + edge.minute for edge in local), 60), _SHORTEST_SLOT)
    listed: list[JsonValueType] = []
    start, midnight = _at(day, 0, zone), _at(day + _ONE_DAY, 0, zone)
    while start < midnight:
        end = start + timedelta(minutes=length)
        found = next((slot for slot in slots if slot.start <= start < slot.end), None)
        if found is not None:
            listed.append({"start": start.astimezone(zone).isoformat(), "end": end.astimezone(zone).isoformat(), "value": found.value})
        start = end
    return listed


def _of_day(prices: Prices | None, day: date) -> tuple[PriceSpan, ...]:
    return prices.of_day(day) if prices else ()


def _at(day: date, minute: int, zone: tzinfo) -> datetime:
    """Return a minute of a day, in UTC; 1440 is the next midnight. One that the clocks leave out comes as much later."""
    if minute >= 1440:
        day, minute = day + _ONE_DAY, minute - 1440
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


class TariffCoordinator(EdgeCoordinator[SitePrices | None]):
    """The prices of a site; `None` where there are none, or none that can be read."""

    config_entry: ConfigEntry

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, client: Tariffs, zone: Callable[[], tzinfo]) -> None:
        super().__init__(hass, entry, None, name="Enphase tariff", update_interval=TICK)
        self.client = client
        self.site_id = client.site_id
        self.seen_at: datetime | None = None
        self._zone = zone
        self._optional = OptionalServices(client.account)
        self._due = datetime.now(UTC)
        self._misses = 0
        self._is_unreadable = False
        self._has_export_by_day = False

    @property
    def is_fresh(self) -> bool:
        """Return whether what is known is worth showing."""
        return self.seen_at is not None and datetime.now(UTC) - self.seen_at < _STALE_AFTER

    @property
    def currency(self) -> str:
        """Return the currency of the prices: Home Assistant's, unless the tariff names another by its code."""
        return (self.data.tariff.currency_code if self.data else None) or self.hass.config.currency

    @override
    async def _async_update_data(self) -> SitePrices | None:
        now = datetime.now(UTC)
        account = self.client.account
        if now >= self._due and account.budget.has_room:
            with translated(update_error):
                await self._read(now)
            self.watch_edge()
        return self.data

    async def _read(self, now: datetime) -> None:
        tariff = await self._optional.ask("tariff", self.client.tariff())
        if tariff is not None:
            self._note_unreadable(tariff)
        if tariff is None or (self.data is not None and tariff.purchase is None and tariff.buyback is None):
            # Where there were prices, an answer without any is a missed one; what was read holds for its time.
            # A site that has never answered may have no tariff at all.
            self._misses += 1
            self._due = now + self._pause
            return
        zone = self._zone()
        today = now.astimezone(zone).date()
        exports, unread = await self._read_exports(today)
        prices = SitePrices(tariff, zone, exports, unread if self._has_export_by_day else frozenset())
        self._misses = self._misses + 1 if unread else 0
        self.seen_at = now
        self._due = now + (self._pause if unread and self._has_export_by_day else _EVERY)
        self.keep_data(prices if prices.has_import or prices.has_export else None)

    @property
    def _pause(self) -> timedelta:
        """Return how long to wait after an answer that did not come: longer each time, above all where there has never been one."""
        most = 2 * _EVERY if self.seen_at is None else 2 * _AGAIN_AFTER_OUTAGE
        return growing_wait(_AGAIN_AFTER_OUTAGE, self._misses, most)

    async def _read_exports(self, today: date) -> tuple[Mapping[date, tuple[PriceSpan, ...]], frozenset[date]]:
        """Return the export prices of today and tomorrow, and the days of which nothing is known because there was no answer.

        What was read of a day before holds until it can be read again. A site that has none by date is not asked for tomorrow's.
        """
        known = self.data.export_by_day if self.data else {}
        found: dict[date, tuple[PriceSpan, ...]] = {}
        unread: set[date] = set()
        for day in (today, today + _ONE_DAY):
            spans = await self._optional.ask("export prices", self.client.export_prices(day))
            if spans is None and day not in known:
                unread.add(day)
            elif not (spans := known[day] if spans is None else spans):
                break
            else:
                found[day] = spans
        self._has_export_by_day = self._has_export_by_day or bool(found)
        return found, frozenset(unread)

    def _note_unreadable(self, tariff: Tariff) -> None:
        is_unreadable = tariff.purchase is None
        if is_unreadable and not self._is_unreadable:
            LOGGER.warning("The tariff of the site cannot be read, so there is no price; its shape is in the diagnostics")
        self._is_unreadable = is_unreadable

    @override
    def next_edge(self, now: datetime) -> datetime | None:
        """Return when a price changes next."""
        return self.data.next_edge(now) if self.data is not None else None
