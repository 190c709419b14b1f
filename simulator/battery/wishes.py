"""What a client's write of settings asks for, and what this deployment makes of it (docs/cloud-api/battery.md §4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
import re

from ..switches.battery import BatteryDeployment, BatteryRequest, UnknownKeys
from ..wire import Json, JsonObject
from .answers import settings_data
from .battery import Battery
from .changes import ChangeKind, WantedChange
from .settings import PROFILES, BatteryRefused, ControlFamily, bad_request

US = "US"
DAY_MIN = 24 * 60

LEFT_OUT_OF_THE_WHOLE = {
    "devices",
    "drEventActive",
    "drEventMode",
    "pollingInterval",
    "previousBatteryBackupPercentage",
    "supportsMqtt",
    "powerMatch",
    "powerMatchControl",
    "siteProfileStatus",
    "requestedConfig",
}
"""Keys of the settings that the whole body needs not have (docs/cloud-api/battery.md §4)."""

_DISCLAIMER_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_STATES = {"enabled": True, "disabled": False}


@dataclass
class _Wish:
    """A write of settings while it is read."""

    battery: Battery
    body: Mapping[str, object]
    values: dict[str, object] = field(default_factory=dict)
    """Fields of `Settings` that belong to no family."""
    of_family: dict[ControlFamily, dict[str, object]] = field(default_factory=dict)
    """Fields by the family whose toggle they are."""

    def group(self, name: str) -> Mapping[str, object]:
        """An object in the body; empty where there is none."""
        value = self.body.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise bad_request(f"{name} is no object")
        return value


def read_settings(battery: Battery, body: Mapping[str, object], *, with_enho: bool) -> WantedChange:
    """Read a write of settings; raises `BatteryRefused`. What this deployment ignores is not in the answer."""
    if "devices" in body:
        raise bad_request("devices cannot be written")
    told = settings_data(battery, battery.told(0))
    # Whether the whole body holds requestedConfig is told both ways (tests/fixtures/cases/whole_write_keys.json): neither is refused.
    unknown = set(body) - set(told) - set(_MEANS) | set(body) & LEFT_OUT_OF_THE_WHOLE - {"powerMatch", "requestedConfig"}
    if unknown and battery.switches.unknown_keys is UnknownKeys.REFUSED:
        raise bad_request(f"{', '.join(sorted(unknown))} cannot be written")
    if unknown and battery.switches.unknown_keys is UnknownKeys.LOST:
        return WantedChange(ChangeKind.SETTINGS)
    whole = set(told) - LEFT_OUT_OF_THE_WHOLE <= set(body)
    wish = _Wish(battery, body)
    _read_cfg(wish)
    _read_dtg(wish)
    _read_rbd(wish, whole=whole)
    _read_levels(wish)
    _forget_unchecked(wish)
    toggled = {family for family, values in wish.of_family.items() if _changes(battery, values)}
    for family in toggled:
        if battery.features.controls.of(family).locked:
            raise BatteryRefused(400, "CONTROL_LOCKED")
    requests = {_request_of(family, toggled) for family in wish.of_family}
    if wish.values:
        requests.add(BatteryRequest.SETTINGS)
    _forget_other_source(wish, toggled, with_enho=with_enho)
    values = dict(wish.values)
    for part in wish.of_family.values():
        values |= part
    return WantedChange(
        ChangeKind.SETTINGS,
        values,
        _shown(wish, told if whole else {}),
        families=frozenset(wish.of_family),
        toggled=frozenset(toggled & set(wish.of_family)),
        requests=frozenset(requests),
    )


def _request_of(family: ControlFamily, toggled: set[ControlFamily]) -> BatteryRequest:
    return BatteryRequest.TOGGLE if family in toggled else BatteryRequest.APPLY


def _forget_other_source(wish: _Wish, toggled: set[ControlFamily], *, with_enho: bool) -> None:
    """Leave out what this deployment takes only with ``source=enho``, or only without."""
    for family in list(wish.of_family):
        if wish.battery.ignores(_request_of(family, toggled), with_enho=with_enho):
            del wish.of_family[family]
    if wish.battery.ignores(BatteryRequest.SETTINGS, with_enho=with_enho):
        wish.values.clear()


def _changes(battery: Battery, values: Mapping[str, object]) -> bool:
    """Whether a toggle write changes its family's state."""
    states = ("charge_from_grid", "charge_from_grid_schedule", "discharge_to_grid", "restrict_discharge")
    return any(name in values and values[name] != battery.expected(name) for name in states)


# The families


def _read_cfg(wish: _Wish) -> None:
    battery, body = wish.battery, wish.body
    on, scheduled = _flag(body, "chargeFromGrid"), _flag(body, "chargeFromGridScheduleEnabled")
    opted = _flag(wish.group("cfgControl"), "forceScheduleOpted")
    _read_disclaimer(wish)
    if opted is not None:
        wish.values["force_schedule_opted"] = opted
    if on is None and scheduled is None:
        return
    values: dict[str, object] = {}
    if on is not None:
        if on and battery.features.restrict_cfg:
            raise BatteryRefused(400, "CFG_RESTRICTED")
        if on and not battery.expected("charge_from_grid"):
            _check_disclaimer(wish)
        values["charge_from_grid"] = on
    if scheduled is not None:
        values["charge_from_grid_schedule"] = scheduled
    elif on and battery.book.of(ControlFamily.CFG) and not battery.switches.cfg_schedule_flag_needed:
        values["charge_from_grid_schedule"] = True
    wish.of_family[ControlFamily.CFG] = values


def _read_disclaimer(wish: _Wish) -> None:
    accepted = wish.body.get("acceptedItcDisclaimer")
    if accepted is None:
        return
    if accepted is not True and not (isinstance(accepted, str) and _is_time(accepted, wish.battery.switches)):
        raise bad_request("acceptedItcDisclaimer must be a time or true")
    if wish.battery.site.country != US:
        wish.values["accepted_disclaimer"] = accepted


def _is_time(text: str, switches: BatteryDeployment) -> bool:
    """Whether a text is a time as it is taken here."""
    if switches.strict_disclaimer_time:
        return _DISCLAIMER_TIME.fullmatch(text) is not None
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _check_disclaimer(wish: _Wish) -> None:
    """Charging from the grid needs a disclaimer: in the body, in the US by acceptDisclaimer first."""
    if wish.battery.settings.accepted_disclaimer is None and "accepted_disclaimer" not in wish.values:
        raise BatteryRefused(400, "DISCLAIMER_NOT_ACCEPTED")


def _read_dtg(wish: _Wish) -> None:
    battery, control = wish.battery, wish.group("dtgControl")
    on = _flag(control, "enabled")
    begin, end = _minute(control, "startTime"), _minute(control, "endTime")
    if control.get("scheduleSupported") is True and (begin is None or end is None):
        raise BatteryRefused(500, "INTERNAL_ERROR")
    if on is None:
        return
    without_window = begin is None or end is None
    if on and without_window and battery.switches.dtg_needs_window and not battery.book.of(ControlFamily.DTG):
        return
    values: dict[str, object] = {"discharge_to_grid": on}
    if not without_window:
        values |= {"dtg_begin": begin, "dtg_end": end}
    wish.of_family[ControlFamily.DTG] = values


def _read_rbd(wish: _Wish, *, whole: bool) -> None:
    on = _flag(wish.group("rbdControl"), "enabled")
    if on is None or (not on and not whole and wish.battery.switches.partial_rbd_off_ignored):
        return
    if on and wish.battery.switches.rbd_needs_entry and not wish.battery.book.of(ControlFamily.RBD):
        return
    wish.of_family[ControlFamily.RBD] = {"restrict_discharge": on}


def _forget_unchecked(wish: _Wish) -> None:
    """Leave out toggles that this deployment ignores: without isValid before, or off right after a delete."""
    battery = wish.battery
    settle = battery.switches.toggle_off_after_delete_ignored_s
    for family, values in list(wish.of_family.items()):
        unchecked = battery.switches.toggle_needs_is_valid and family not in battery.checked
        since_delete = battery.now - battery.deleted_at.get(family, float("-inf"))
        goes_off = False in values.values() and _changes(battery, values)
        if unchecked or (goes_off and since_delete < settle):
            del wish.of_family[family]


# The rest


def _read_levels(wish: _Wish) -> None:
    battery, body = wish.battery, wish.body
    features = battery.features
    _read_level(wish, "veryLowSoc", "very_low_soc", (features.very_low_soc_min, features.very_low_soc_max))
    _read_level(wish, "batteryBackupPercentage", "reserve", (features.reserve_min, features.reserve_max))
    match = _flag(body, "powerMatch")
    if match is not None and features.show_power_match:
        wish.values["power_match"] = match
    for key, name in (("chargeBeginTime", "cfg_begin"), ("chargeEndTime", "cfg_end")):
        minute = _minute(body, key)
        if minute is not None:
            wish.values[name] = minute


def _read_level(wish: _Wish, key: str, name: str, bounds: tuple[int, int]) -> None:
    level = wish.body.get(key)
    if level is None:
        return
    if isinstance(level, bool) or not isinstance(level, int) or not bounds[0] <= level <= bounds[1]:
        raise bad_request(f"{key} must be {bounds[0]} to {bounds[1]}")
    wish.values[name] = level


_MEANS = {
    "chargeFromGrid": "charge_from_grid",
    "chargeFromGridScheduleEnabled": "charge_from_grid_schedule",
    "dtgControl": "discharge_to_grid",
    "rbdControl": "restrict_discharge",
    "cfgControl": "force_schedule_opted",
    "veryLowSoc": "very_low_soc",
    "batteryBackupPercentage": "reserve",
    "powerMatch": "power_match",
    "chargeBeginTime": "cfg_begin",
    "chargeEndTime": "cfg_end",
}
"""Keys of a write, and the fields of `Settings` that they are about."""


def _shown(wish: _Wish, told: JsonObject) -> dict[str, Json]:
    """The keys that ``requestedConfig`` will hold: those of the body that mean something here and are not told already."""
    values = set(wish.values).union(*wish.of_family.values())
    body = _as_json(wish.body)
    return {key: value for key, value in body.items() if _MEANS.get(key) in values and (key not in told or told[key] != value)}


def _as_json(body: Mapping[str, object]) -> JsonObject:
    """A body that came as JSON."""
    return {key: value for key, value in body.items() if isinstance(value, bool | int | float | str | Mapping | list)}


def read_profile(battery: Battery, body: Mapping[str, object]) -> WantedChange:
    """Read the choice of a profile; raises `BatteryRefused`."""
    if "devices" in body:
        raise bad_request("devices cannot be written")
    profile, reserve, sub_type = body.get("profile"), body.get("batteryBackupPercentage"), body.get("operationModeSubType")
    if not isinstance(profile, str) or profile not in PROFILES:
        raise bad_request("profile is unknown")
    features = battery.features
    values: dict[str, object] = {"profile": profile, "sub_type": sub_type if isinstance(sub_type, str) else None}
    if reserve is not None:
        if isinstance(reserve, bool) or not isinstance(reserve, int) or not features.reserve_min <= reserve <= features.reserve_max:
            raise bad_request(f"batteryBackupPercentage must be {features.reserve_min} to {features.reserve_max}")
        values["reserve"] = reserve
    return WantedChange(ChangeKind.PROFILE, values, _as_json(body), requests=frozenset({BatteryRequest.PROFILE}))


def read_storm_guard(body: Mapping[str, object]) -> WantedChange:
    """Read a change of storm guard; raises `BatteryRefused`."""
    state = body.get("stormGuardState")
    if not isinstance(state, str) or state not in _STATES:
        raise bad_request("stormGuardState must be enabled or disabled")
    values: dict[str, object] = {"storm_guard": _STATES[state]}
    with_vehicles = _flag(body, "evseStormEnabled")
    if with_vehicles is not None:
        values["storm_guard_ev"] = with_vehicles
    return WantedChange(ChangeKind.STORM, values, _as_json(body), requests=frozenset({BatteryRequest.STORM}))


def read_battery_for_car(battery: Battery, body: Mapping[str, object]) -> WantedChange:
    """Read whether the battery may feed the car, and down to what level; raises `BatteryRefused`."""
    features = battery.features
    if not features.has_battery_for_car:
        raise BatteryRefused(404, "NOT_FOUND")
    if not features.battery_for_car_owner:
        raise BatteryRefused(403, "FORBIDDEN", "The owner may not change it")
    wanted, limit = _flag(body, "useBatteryForEVSE"), body.get("batteryLimit")
    lowest = features.battery_for_car_min if wanted else 0
    if wanted is None or isinstance(limit, bool) or not isinstance(limit, int) or not lowest <= limit <= 100:
        raise bad_request(f"useBatteryForEVSE and a batteryLimit of {lowest} to 100 are needed")
    values: dict[str, object] = {"battery_for_car": wanted}
    if limit:
        values["battery_for_car_limit"] = limit
    return WantedChange(ChangeKind.SETTINGS, values, {"devices": {"iqEvse": _as_json(body)}}, requests=frozenset({BatteryRequest.SETTINGS}))


def _flag(body: Mapping[str, object], key: str) -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{key} must be true or false")
    return value


def _minute(body: Mapping[str, object], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= DAY_MIN:
        raise bad_request(f"{key} must be minutes of the day")
    return value
