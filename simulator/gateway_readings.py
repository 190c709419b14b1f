"""What a gateway knows of the house and the batteries (docs/cloud-api/local.md §2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .battery.battery import Battery
from .battery.physics import Doing
from .house.flows import Energy
from .house.live_frame import in_phases
from .site import Site
from .switches import Switches
from .wire import Json, JsonObject

# How long after a write in the cloud the gateway shows it, seconds.
CFG_ON_S, CFG_OFF_S, LEVEL_S = 10.0, 20.0, 20.0
VOLTS = 230.0
_EIDS = {"production": 704643328, "net-consumption": 704643584, "storage": 704643840, "evse": 704644096}


class EvseMeter(StrEnum):
    """Whether a current transformer sits on the chargers' circuit."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    ABSENT = "absent"


@dataclass
class OwnerSwitches(Switches):
    """What differs between gateways in what an owner may read."""

    installer_only: set[str] = field(default_factory=set)
    """Paths for which an owner gets 401."""
    evse_meter: EvseMeter = EvseMeter.ENABLED
    unknown_numbers: bool = False
    """As after a restart: every number is the word "unknown"."""
    daily_absence_min: int | None = None
    """Minute of the site's day from which on the gateway is away; None: never."""
    absence_lasts_min: int = 5
    slow_factor: float = 1.0
    """How much of their true time the slow paths take."""
    needs_stream: bool = True
    """Without the live data's stream its meters tell nothing."""
    relay_on_grid: int = 1
    """``main_relay_state`` with a grid. No page tells the numbers."""
    relay_off_grid: int = 0
    relay_tail: str = ""
    """What stands behind the first word of a relay's state."""
    groups_are_list: bool = False
    """``response.groups`` is a list of objects with a ``name``, and no object by name."""


def live_data(site: Site, switches: OwnerSwitches, *, streams: bool) -> JsonObject:
    """``/ivp/livedata/status``."""
    power, battery = site.house.now(), site.battery
    watts = {"pv": power.solar, "storage": power.battery, "grid": power.grid, "load": power.load}
    tells = streams or not switches.needs_stream
    phases = max((charger.hardware.phase_count for charger in site.chargers.values()), default=1)
    meters: dict[str, Json] = {name: _channel(watts[name] if tells else 0.0, phases) for name in watts}
    lost = site.house.grid_lost
    meters |= {
        "soc": round(battery.state_of_charge) if battery else 0,
        "main_relay_state": switches.relay_off_grid if lost else switches.relay_on_grid,
        "gen_relay_state": 5,
        "backup_soc": battery.settings.reserve if battery else 0,
        "phase_count": phases,
    }
    return {"connection": {"mqtt_state": "connected", "sc_stream": "enabled" if streams else "disabled"}, "meters": meters}


def _channel(watts: float, phases: int) -> JsonObject:
    total = round(watts * 1000)
    parts = in_phases(total, phases)
    by_phase: dict[str, Json] = {f"agg_p_ph_{letter}_mw": part for letter, part in zip("abc", parts, strict=False)}
    return {"agg_p_mw": total, "agg_s_mva": round(abs(total) * 1.02), **by_phase}


def meters(site: Site, switches: OwnerSwitches) -> list[Json]:
    """``/ivp/meters``."""
    phases = _phases(site)
    return [
        {
            "eid": _EIDS[kind],
            "state": switches.evse_meter.value if kind == "evse" else "enabled",
            "measurementType": kind,
            "phaseMode": "three" if phases == 3 else "single",
            "phaseCount": phases,
            "meteringStatus": "normal",
            "statusFlags": [],
        }
        for kind in _kinds(site, switches)
    ]


def readings(site: Site, switches: OwnerSwitches, now: float) -> list[Json]:
    """``/ivp/meters/readings``: power W, energy Wh, each phase in ``channels``."""
    power, total = site.house.now(), sum(site.house.days(at_once=True).values(), Energy())
    evse_wh = sum(charger.lifetime_wh for charger in site.chargers.values())
    values = {
        "production": (power.solar, total.production, 0.0),
        "net-consumption": (power.grid, total.imported, total.exported),
        "storage": (power.battery, total.discharged, total.charged),
        "evse": (power.evse, evse_wh, 0.0),
    }
    phases = _phases(site)
    found: list[Json] = []
    for kind in _kinds(site, switches):
        if kind == "evse" and switches.evse_meter is EvseMeter.DISABLED:
            values[kind] = (0.0, 0.0, 0.0)
        share = [value / phases for value in values[kind]]
        parts: list[Json] = [_reading(_EIDS[kind] + number, now, share) for number in range(1, phases + 1)]
        found.append(_reading(_EIDS[kind], now, values[kind], phases) | {"channels": parts})
    return found


def _reading(eid: int, now: float, values: Sequence[float], phases: int = 1) -> JsonObject:
    watts, delivered, received = values
    return {
        "eid": eid,
        "timestamp": int(now),
        "actEnergyDlvd": round(delivered, 3),
        "actEnergyRcvd": round(received, 3),
        "activePower": round(watts, 3),
        "voltage": round(VOLTS * phases, 3),
        "current": round(watts / VOLTS, 3),
        "freq": 50.0,
    }


def _phases(site: Site) -> int:
    return max((charger.hardware.phase_count for charger in site.chargers.values()), default=1)


def _kinds(site: Site, switches: OwnerSwitches) -> list[str]:
    kinds = ["production", "net-consumption"]
    if site.battery:
        kinds.append("storage")
    if site.chargers and switches.evse_meter is not EvseMeter.ABSENT:
        kinds.append("evse")
    return kinds


# The batteries' settings, as the gateway has them


def shown(battery: Battery, name: str, now: float) -> object:
    """A setting as the gateway has it: a write of the cloud shows here some seconds later, long before the cloud itself tells it."""
    value = getattr(battery.settings, name)
    for change in battery.pending:
        if name in change.wanted.values and change.due is not None:
            wanted = change.wanted.values[name]
            lag = LEVEL_S if name != "charge_from_grid" else CFG_ON_S if wanted else CFG_OFF_S
            if now >= change.at + lag:
                value = wanted
    return value


def schedule(battery: Battery, now: float) -> JsonObject:
    """``/ivp/sc/sched``."""
    return {
        "Charge From Grid Allowed": bool(shown(battery, "charge_from_grid", now)),
        "acb_current_mode": {"backup_only": 0, "self-consumption": 1, "cost_savings": 2}.get(str(shown(battery, "profile", now)), 3),
        "sched_mode_key": ["full-backup", "self-consumption", "savings", "other"],
    }


def security_control(battery: Battery, now: float) -> JsonObject:
    """``/ivp/ensemble/secctrl``; energies in Wh."""
    reserve = shown(battery, "reserve", now)
    percent = battery.state_of_charge
    return {
        "VLS_Limit": int(str(shown(battery, "very_low_soc", now))),
        "configured_backup_soc": int(str(reserve)),
        "adjusted_backup_soc": int(str(reserve)),
        "agg_soc": round(percent),
        "ENC_agg_avail_energy": round(percent / 100 * battery.capacity_wh),
        "Max_energy": round(battery.capacity_wh),
    }


def scheduler_status(battery: Battery, switches: OwnerSwitches) -> JsonObject:
    """``/ivp/sc/status``: -100 charges with all it has, 0 does nothing."""
    flow = battery.flow
    fills = flow.doing in {Doing.CHARGE_FROM_GRID, Doing.STORM} and flow.power_w > 0
    group: JsonObject = {"setpoint_val": -100 if fills else 0}
    groups: Json = [{"name": "ENC", **group}] if switches.groups_are_list else {"ENC": group}
    return {"response": {"groups": groups}}


def relay(site: Site, switches: OwnerSwitches) -> JsonObject:
    """``/ivp/ensemble/relay``: what is wanted, and what is."""
    word = "open" if site.house.grid_lost else "closed"
    return {"mains_admin_state": f"closed{switches.relay_tail}", "mains_oper_state": f"{word}{switches.relay_tail}"}


def without_numbers(answer: Json) -> Json:
    """An answer in which every number is the word "unknown"."""
    if isinstance(answer, dict):
        return {name: without_numbers(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [without_numbers(value) for value in answer]
    return "unknown" if isinstance(answer, int | float) and not isinstance(answer, bool) else answer
