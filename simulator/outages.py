"""Outages, the owner's events, and the cloud's own health (docs/cloud-api/events.md §2 and §3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .site import Site
from .switches.group import Switches
from .wire import Json, JsonObject


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
