"""What the cloud tells about a house, and what it gets wrong.

Energy (docs/cloud-api/energy.md), and outages and the owner's events (docs/cloud-api/events.md §2 and §3).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from ..site import Site
from ..switches import Switches
from ..wire import Json, JsonObject
from .flows import QUARTER_S, Energy, Quarter
from .house import House


class Lacking(StrEnum):
    """How a channel is told that the site lacks."""

    ABSENT = "absent"
    NULL = "null"
    ZEROS = "zeros"


class ClockChange(StrEnum):
    """How many quarter hours a day has that the clocks change on. Open."""

    FOLLOWED = "followed"
    """92 or 100, from the site's midnight without a gap."""
    ALWAYS_96 = "always_96"
    """By the clock on the wall: an hour of zeros, or two hours in one."""


@dataclass
class EnergySwitches(Switches):
    """What docs/cloud-api/energy.md §3 warns of."""

    at_once: bool = False
    """The cloud hears of every moment, and not once a quarter hour."""
    zero_answers: int = 0
    """So many of the next answers hold nothing but zeros."""
    null_flows: bool = False
    """What flows from where to where is null; the channels are there."""
    null: set[str] = field(default_factory=set)
    """Names that are told as null."""
    missing: set[str] = field(default_factory=set)
    """Names that are left out."""
    lacking: Lacking = Lacking.ABSENT
    open_bucket_factor: float = 1.0
    """What the last quarter hour tells is so many times too much, until it is closed: then it is corrected."""
    empty_buckets: set[int] = field(default_factory=set)
    """Quarter hours of the day that are told as zero in every channel, by their index; 0 is midnight."""
    totals_nonsense: bool = False
    clock_change: ClockChange = ClockChange.FOLLOWED
    lifetime_has_today: bool = True
    """The series of all days ends with the day that is not over."""
    retry_status: int | None = None
    """Everything here answers with this status, for example 473: the gateway does not report."""


_CHANNELS: dict[str, Callable[[Energy], float]] = {
    "production": attrgetter("production"),
    "consumption": attrgetter("consumption"),
    "import": attrgetter("imported"),
    "export": attrgetter("exported"),
    "charge": attrgetter("charged"),
    "discharge": attrgetter("discharged"),
    "evse": attrgetter("evse"),
}
_FLOWS = ("solar_home", "solar_battery", "solar_grid", "battery_home", "battery_grid", "grid_home", "grid_battery")
_OF_THE_BATTERY = {"charge", "discharge", "soc", "solar_battery", "battery_home", "battery_grid", "grid_battery"}
_NOWHERE = ("generator", "generator_home", "generator_battery", "generator_grid", "heatpump", "water_heater")


def today(site: Site, switches: EnergySwitches, now: float) -> JsonObject:
    """The quarter hours of the site's day, as in tests/fixtures/api/energy_today.json."""
    house = site.house
    begin, buckets = _buckets_of_today(house, switches, now)
    stats = _series(site, switches, [quarter.energy for quarter in buckets])
    if site.battery:
        stats["soc"] = [round(quarter.soc or 0) for quarter in buckets]
    stats = _twisted(switches, stats)
    stats |= {"start_time": round(begin), "interval_length": QUARTER_S, "totals": _totals(switches, stats)}
    battery = site.battery
    answer: JsonObject = {
        "system_id": int(site.id),
        "siteStatus": "normal",
        "last_report_date": round(now if switches.at_once else house.report_at()),
        "stats": [stats],
        "connectionDetails": [
            {"serial_num": site.gateway_serial, "ethernet": True, "wifi": False, "cellular": False, "interface_ip": "192.0.2.17"}
        ],
    }
    if battery is not None:
        spent = sum(energy.consumption for energy in _last_day(house, now)) / 1000
        reserve_wh = max(0.0, battery.state_of_charge - battery.settings.reserve) / 100 * battery.capacity_wh
        answer["battery_details"] = {
            "aggregate_soc": round(battery.state_of_charge),
            "estimated_time": round(reserve_wh / max(1.0, house.now().load) * 60),
            "last_24h_consumption": round(spent, 1),
        }
    return answer


def all_days(site: Site, switches: EnergySwitches, now: float) -> JsonObject:
    """The days since the first, one value each."""
    house = site.house
    days = house.days(at_once=switches.at_once)
    last = house.local_day(now) - timedelta(days=0 if switches.lifetime_has_today else 1)
    first = min(days)
    listed = [days.get(first + timedelta(days=number), Energy()) for number in range((last - first).days + 1)]
    return _twisted(switches, _series(site, switches, listed)) | {
        "system_id": int(site.id),
        "start_date": first.isoformat(),
        "last_report_date": round(now if switches.at_once else house.report_at()),
    }


def _buckets_of_today(house: House, switches: EnergySwitches, now: float) -> tuple[float, list[Quarter]]:
    """The site's midnight, and its quarter hours since then as far as the cloud knows them."""
    day = house.local_day(now)
    begin, end = house.midnight(day), house.midnight(day + timedelta(days=1))
    known = {at: quarter for at, quarter in house.told(at_once=switches.at_once).items() if begin <= at < end}
    last = max(known, default=begin - QUARTER_S)
    buckets = [known.get(at, Quarter()).copy() for at in range(round(begin), round(last) + 1, QUARTER_S)]
    if buckets and last + QUARTER_S > now:
        buckets[-1].energy = buckets[-1].energy * switches.open_bucket_factor
    if switches.clock_change is ClockChange.ALWAYS_96 and end - begin != 24 * 3600:
        buckets = _by_the_clock_on_the_wall(house, begin, buckets)
    for index in switches.empty_buckets & set(range(len(buckets))):
        buckets[index].energy = Energy()
    return begin, buckets


def _by_the_clock_on_the_wall(house: House, begin: float, buckets: list[Quarter]) -> list[Quarter]:
    placed: dict[int, Quarter] = {}
    for number, quarter in enumerate(buckets):
        local = house.local_time(begin + number * QUARTER_S)
        there = placed.setdefault((local.hour * 60 + local.minute) // 15, Quarter())
        there.energy, there.soc = there.energy + quarter.energy, quarter.soc
    return [placed.get(index, Quarter()) for index in range(max(placed, default=-1) + 1)]


def _last_day(house: House, now: float) -> list[Energy]:
    return [quarter.energy for at, quarter in house.told(at_once=True).items() if now - 86400 <= at < now]


def _series(site: Site, switches: EnergySwitches, energies: list[Energy]) -> dict[str, Json]:
    """All channels that the site has, in whole Wh whose sum is right; and those that it lacks, as the deployment tells them."""
    lacking = set(_NOWHERE)
    if site.battery is None:
        lacking |= _OF_THE_BATTERY
    if not site.chargers:
        lacking.add("evse")
    readers: Mapping[str, Callable[[Energy], float]] = _CHANNELS | {name: attrgetter(name) for name in _FLOWS}
    series: dict[str, Json] = {name: _whole([read(energy) for energy in energies]) for name, read in readers.items() if name not in lacking}
    match switches.lacking:
        case Lacking.NULL:
            series |= dict.fromkeys(lacking)
        case Lacking.ZEROS:
            series |= {name: [0] * len(energies) for name in lacking}
    return series


def _whole(values: list[float]) -> list[int]:
    """Whole numbers; what is rounded off one is left to the next, so that the sum stays right."""
    told, sum_of_values, sum_told = [], 0.0, 0
    for value in values:
        sum_of_values += value
        told.append(round(sum_of_values) - sum_told)
        sum_told += told[-1]
    return told


def _twisted(switches: EnergySwitches, series: dict[str, Json]) -> dict[str, Json]:
    """What the switches make of a right answer."""
    if switches.zero_answers > 0:
        switches.zero_answers -= 1
        series = {name: [0] * len(values) if isinstance(values, list) else values for name, values in series.items()}
    nothing = switches.null | (set(_FLOWS) if switches.null_flows else set())
    series |= dict.fromkeys(nothing & set(series))
    return {name: values for name, values in series.items() if name not in switches.missing}


def _totals(switches: EnergySwitches, series: dict[str, Json]) -> JsonObject:
    totals: dict[str, Json] = {}
    for name in ("production", "consumption"):
        values = series.get(name)
        total = sum(value for value in values if isinstance(value, int)) if isinstance(values, list) else 0
        totals[name] = 7 * total + 123456 if switches.totals_nonsense else total
    return totals


@dataclass
class EventsSwitches(Switches):
    """What docs/cloud-api/events.md §2 and §3 can answer."""

    show_grid_connect: bool | None = None
    """None: what the house's grid is."""
    health_status: int = 200
    status: int = 200
    """What the outages and the owner's events answer with."""


def grid_outage(site: Site, switches: EventsSwitches) -> JsonObject:
    """Whether the site is off grid now."""
    lost = site.house.grid_lost if switches.show_grid_connect is None else switches.show_grid_connect
    return {"is_grid_outage": lost, "show_grid_connect": lost, "has_battery": site.battery is not None}


def backup_history(site: Site) -> JsonObject:
    """The outages that are over, newest first."""
    site.catch_up()
    over = [(outage.begin, outage.end - outage.begin) for outage in site.house.outages if outage.end is not None]
    histories: list[Json] = [
        {"start_time": datetime.fromtimestamp(begin, site.zone).isoformat(timespec="seconds"), "duration": round(seconds)}
        for begin, seconds in reversed(over)
    ]
    return {"total_records": len(over), "total_backup": round(sum(seconds for _begin, seconds in over)), "histories": histories}


@dataclass(frozen=True)
class _Told:
    at: float
    key: str
    serial: str
    text: str
    params: str


def owners_events(site: Site, offset: int, page_size: int) -> JsonObject:
    """A page of what happened, newest first; ``next`` is where the next one begins, null at the end."""
    site.catch_up()
    found = sorted(_happened(site), key=lambda one: one.at, reverse=True)
    events: list[Json] = [
        {
            "id": f"{site.id}-{len(found) - number}",
            "status": "closed",
            "type": "info",
            "description": one.text,
            "event_key": one.key,
            "event_date": int(one.at),
            "serial_num": one.serial,
            "message_params": one.params,
        }
        for number, one in enumerate(found[offset : offset + page_size], start=offset)
    ]
    more = offset + page_size < len(found)
    return {"events": events, "next": str(offset + page_size) if more else None}


def _happened(site: Site) -> Iterator[_Told]:
    for charger in site.chargers.values():
        sessions = [*charger.history, *([charger.session] if charger.session and charger.session not in charger.history else [])]
        for session in sessions:
            if session.started_at is not None:
                mode = "Charge Now" if session.by_hand or charger.mode.key == "manualCharging" else charger.mode.key
                params = f"Charge Level = --, Mode = {mode}"
                yield _Told(session.started_at, "evse_start_charging", charger.serial, "Charging started", params)
            if session.plugged_out_at is not None:
                yield _Told(session.plugged_out_at, "evse_unplugged", charger.serial, "Vehicle unplugged", "")
    for outage in site.house.outages:
        yield _Told(outage.begin, "grid_outage", site.gateway_serial, "Grid outage", "")
