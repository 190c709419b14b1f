"""What a site made, used, took and gave, by quarter hour and by day (docs/cloud-api/energy.md)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Self

from ..parsing import Json, read_float, read_int, read_mapping, read_records, read_text, read_time, read_unwrapped

_QUARTER_HOUR = 900
# A day of 25 hours by the minute, and fifty years of days: what is longer is nothing that a site has counted.
_MOST_BUCKETS = 1500
_MOST_DAYS = 20_000
_ONE_DAY = timedelta(days=1)


class Channel(StrEnum):
    """What is counted."""

    SOLAR_PRODUCTION = "solar_production"
    HOUSE_CONSUMPTION = "house_consumption"
    GRID_IMPORT = "grid_import"
    GRID_EXPORT = "grid_export"
    BATTERY_CHARGED = "battery_charged"
    BATTERY_DISCHARGED = "battery_discharged"
    EV_CHARGING = "ev_charging"


# Each channel is the sum of the arrays of the first of these of which the cloud has any.
_ARRAYS: Mapping[Channel, Sequence[Sequence[str]]] = {
    Channel.SOLAR_PRODUCTION: (("production",),),
    Channel.HOUSE_CONSUMPTION: (("consumption",),),
    Channel.GRID_IMPORT: (("import",),),
    # Not the sun's alone (docs/cloud-api/energy.md §3).
    Channel.GRID_EXPORT: (("solar_grid", "battery_grid", "generator_grid"), ("export",)),
    Channel.BATTERY_CHARGED: (("charge",),),
    Channel.BATTERY_DISCHARGED: (("discharge",),),
    Channel.EV_CHARGING: (("evse",),),
}

type Energies = Mapping[Channel, float]


def _values(record: Mapping[str, Json], channel: Channel, most: int) -> list[float | None]:
    """Return the values (Wh) of a channel in their order; `None` for an empty one, an empty list for a channel that is not there."""
    for names in _ARRAYS[channel]:
        series_of = (_series(record.get(name), most) for name in names)
        found = [series for series in series_of if any(value is not None for value in series)]
        if found:
            length = max(len(series) for series in found)
            columns = ([series[index] for series in found if index < len(series)] for index in range(length))
            return [sum(known) if (known := [value for value in column if value is not None]) else None for column in columns]
    return []


def _series(values: Json, most: int) -> list[float | None]:
    if not isinstance(values, list):
        return []
    # Energy is counted up; less than nothing is none.
    return [value if value is not None and value >= 0 else None for value in map(read_float, values[:most])]


@dataclass(frozen=True)
class EnergyOfToday:
    """The day so far.

    Attributes:
        started_at: UTC; when the first bucket begins, which is the site's midnight. `None` where the cloud does not say.
        bucket: how long each one is.
        buckets: Wh in each, by channel; only channels that the site has. `None` for an empty bucket.
        reported_at: UTC.
    """

    started_at: datetime | None
    bucket: timedelta
    buckets: Mapping[Channel, Sequence[float | None]]
    reported_at: datetime | None = None

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read an answer; without any buckets it says nothing (docs/cloud-api/energy.md §1)."""
        answer = read_unwrapped(body)
        record: Mapping[str, Json] = next(iter(read_records(answer.get("stats"))), {})
        length = read_int(record.get("interval_length"))
        found = {channel: _values(record, channel, _MOST_BUCKETS) for channel in Channel}
        return cls(
            started_at=read_time(record.get("start_time")),
            bucket=timedelta(seconds=length if length is not None and 60 <= length <= 86400 else _QUARTER_HOUR),
            buckets={channel: values for channel, values in found.items() if any(value is not None for value in values)},
            reported_at=read_time(answer.get("last_report_date")),
        )

    @property
    def is_empty(self) -> bool:
        """Return whether it tells of no day at all, not even of one that has no buckets yet."""
        return self.started_at is None and not self.buckets

    @property
    def is_all_zero(self) -> bool:
        """Return whether nothing at all was counted, which can be a missed answer."""
        return not any(value for values in self.buckets.values() for value in values)

    def by_day(self, zone: tzinfo) -> Mapping[date, Energies]:
        """Return the energy (Wh) by day of the site's zone.

        A day on which the clocks change has 92 or 100 quarter hours, and whether the arrays follow is open (docs/cloud-api/energy.md §3):
        the buckets of 24 hours are those of the day that they begin with, and what is beyond them goes by its time.
        """
        found: defaultdict[date, dict[Channel, float]] = defaultdict(dict)
        if self.started_at is None:
            return found
        first = self.started_at.astimezone(zone).date()
        for channel, values in self.buckets.items():
            for index, value in enumerate(values):
                if value is not None:
                    since = index * self.bucket
                    day = found[first if since < _ONE_DAY else (self.started_at + since).astimezone(zone).date()]
                    day[channel] = day.get(channel, 0.0) + value
        return found


@dataclass(frozen=True)
class EnergyOfDays:
    """All days of a site, today included where the cloud counts it in.

    Attributes:
        first_day: of the site's zone; `None` where the cloud does not say.
        days: Wh on each day from the first one on, by channel; only channels that the site has. `None` for an empty one.
    """

    first_day: date | None
    days: Mapping[Channel, Sequence[float | None]]

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read an answer; without a first day it says nothing (docs/cloud-api/energy.md §2)."""
        answer = read_unwrapped(body)
        # Where they are wrapped as those of today are, the first one counts.
        record = {**next(iter(read_records(answer.get("stats"))), {}), **answer}
        found = {channel: _values(record, channel, _MOST_DAYS) for channel in Channel}
        return cls(
            first_day=_read_day(record.get("start_date")),
            days={channel: values for channel, values in found.items() if any(value is not None for value in values)},
        )

    @property
    def is_empty(self) -> bool:
        """Return whether it tells of no day at all."""
        return self.first_day is None

    def by_day(self) -> Iterator[tuple[date, Energies]]:
        """Yield each day with its energy (Wh)."""
        if self.first_day is None:
            return
        for index in range(max(map(len, self.days.values()), default=0)):
            energies = {
                channel: value for channel, values in self.days.items() if index < len(values) and (value := values[index]) is not None
            }
            yield self.first_day + index * _ONE_DAY, energies


@dataclass(frozen=True)
class ChargedDays:
    """What the chargers of a site have counted, by day, for the time from which no sessions are known (docs/cloud-api/chargers.md §8).

    Attributes:
        first_day: of the site's zone; `None` where the cloud does not say.
        site: Wh on each day from the first one on, of all chargers together.
        by_charger: the same of each charger, by serial number, where the answer tells them apart.
        serials: of all chargers that the site has or had, as far as the answer names them.
    """

    first_day: date | None
    site: Sequence[float | None]
    by_charger: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    serials: frozenset[str] = frozenset()

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read an answer: `charger_iqevc` holds days by charger, or chargers by year."""
        answer = read_unwrapped(body)
        chargers = read_mapping(answer.get("charger_iqevc"))
        by_charger = {serial: found for serial, values in chargers.items() if (found := _series(values, _MOST_DAYS))}
        of_years = {serial for values in chargers.values() for serial in read_mapping(values)}
        site = _series(answer.get("iqevc"), _MOST_DAYS)
        return cls(_read_day(answer.get("start_date")), site, by_charger, frozenset(by_charger.keys() | of_years))

    @property
    def is_empty(self) -> bool:
        """Return whether the answer tells of no day at all, as one that was missed does: a site without charging has days of zeros."""
        return not self.site and not self.by_charger

    def by_day(self) -> Iterator[tuple[date, float]]:
        """Yield each day on which something was charged at the site with its energy (Wh)."""
        return self._days(self.site)

    def of(self, serial: str, *, is_only: bool) -> Iterator[tuple[date, float]]:
        """Yield the days of a charger; what the site has counted is that of the only one that it has."""
        return self._days(self.site if is_only and serial not in self.by_charger else self.by_charger.get(serial, ()))

    def _days(self, values: Sequence[float | None]) -> Iterator[tuple[date, float]]:
        if self.first_day is not None:
            for index, energy in enumerate(values):
                if energy:
                    yield self.first_day + index * _ONE_DAY, energy


def _read_day(value: Json) -> date | None:
    """Return a day from `YYYY-MM-DD`, also where a time follows, or from a time since the epoch."""
    text = read_text(value)
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        moment = read_time(value)
        return moment.astimezone(UTC).date() if moment else None
