"""The bodies of the writes to the battery service: of the settings, for each wish, and of a schedule.

A wish is what somebody wants to be so; also here: how it is seen to be so. `battery/settings.py` is where people's wishes come from.

Source: docs/cloud-api/battery.md §4.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, time
from functools import cached_property
from typing import Self

from mashumaro import DataClassDictMixin
from mashumaro.config import BaseConfig

from .models.home_battery import BatteryEntry, BatteryFamily, BatteryProfile, BatterySettings
from .parsing import Json, read_mapping

type WishValue = bool | int | str | time

# The keys of the whole body that was seen to work, and no others.
_WHOLE_KEYS = frozenset(
    {
        *("acceptedItcDisclaimer", "batteryBackupPercentage", "batteryBackupPercentageMax", "batteryBackupPercentageMin"),
        *("batteryGridMode", "cfgControl", "chargeBeginTime", "chargeEndTime", "chargeFromGrid", "chargeFromGridScheduleEnabled"),
        *("dtgControl", "envoySupportsVls", "hideChargeFromGrid", "profile", "rbdControl", "requestedConfigMqtt"),
        *("showStormGuardAlert", "stormGuardState", "systemTask", "veryLowSoc", "veryLowSocMax", "veryLowSocMin"),
    }
)

# Where a site tells no lowest level for the car: the higher of those that were seen, so that it is in every site's range.
_HIGHEST_LOWEST_LEVEL = 20


@dataclass(frozen=True, kw_only=True)
class BatteryWish(DataClassDictMixin):
    """What is wished for of the settings; `None` is what nobody wishes for.

    Attributes:
        charge_from_grid, charge_schedules, discharge_to_grid, restrict_discharge, power_match: switched on or off.
        reserve, shutdown_level: %.
        window_start, window_end: the day window of discharge to grid, in the site's zone.
        profile: the cloud's name of the system profile; `profile_reserve` is the reserve in % that goes with it.
        storm_guard, storm_guard_ev: whether storm guard is on, and whether it charges the car.
        battery_for_car: whether the battery may feed the car; `battery_for_car_limit` is the level in % down to which it may.
    """

    charge_from_grid: bool | None = None
    charge_schedules: bool | None = None
    discharge_to_grid: bool | None = None
    restrict_discharge: bool | None = None
    power_match: bool | None = None
    reserve: int | None = None
    shutdown_level: int | None = None
    window_start: time | None = None
    window_end: time | None = None
    profile: str | None = None
    profile_reserve: int | None = None
    storm_guard: bool | None = None
    storm_guard_ev: bool | None = None
    battery_for_car: bool | None = None
    battery_for_car_limit: int | None = None

    class Config(BaseConfig):
        """Build the reader when it is first used, and leave out what nobody wishes for."""

        lazy_compilation = True
        omit_none = True

    @classmethod
    def to_switch(cls, family: BatteryFamily, *, is_on: bool) -> Self:
        """Return the wish to switch a family on or off."""
        match family:
            case BatteryFamily.CHARGE_FROM_GRID:
                return cls(charge_from_grid=is_on)
            case BatteryFamily.DISCHARGE_TO_GRID:
                return cls(discharge_to_grid=is_on)
            case BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
                return cls(restrict_discharge=is_on)

    @cached_property
    def named(self) -> Mapping[str, WishValue]:
        """Return what is wished for, by the names of the fields."""
        return {name: value for name in _FIELDS if (value := getattr(self, name)) is not None}

    @property
    def families(self) -> tuple[BatteryFamily, ...]:
        """Return the families that are switched."""
        names = self.named.keys()
        return tuple(family for family, touching in _OF_FAMILY.items() if names & touching)

    @property
    def is_settings(self) -> bool:
        """Return whether it goes into a write of settings; profile, storm guard and what the car gets have writes of their own."""
        return not self.shows_in_profile and not self.is_battery_for_car and bool(self.named)

    @property
    def shows_in_profile(self) -> bool:
        """Return whether the profile shows if it is so."""
        return self.chooses_profile or self.is_storm_guard

    @property
    def is_battery_for_car(self) -> bool:
        """Return whether it is about the car's share of the battery."""
        return self.battery_for_car is not None or self.battery_for_car_limit is not None

    @property
    def chooses_profile(self) -> bool:
        """Return whether it chooses a profile."""
        return self.profile is not None

    @property
    def is_storm_guard(self) -> bool:
        """Return whether it is about storm guard."""
        return self.storm_guard is not None or self.storm_guard_ev is not None

    def over(self, earlier: Self) -> Self:
        """Return both as one; where both wish for the same, this one counts."""
        return replace(earlier, **self.named)  # type: ignore[arg-type]  # its own fields

    def may_undo(self, other: Self) -> bool:
        """Return whether this wish, sent before another one, can make that not so: by its own value, or by what a profile brings.

        Source: docs/cloud-api/battery.md §5.
        """
        mine, others = self.named, other.named
        brings = _BROUGHT_BY_PROFILES if self.chooses_profile else frozenset()
        return any(mine[name] != value if name in mine else name in brings for name, value in others.items())

    def without(self, names: Iterable[str]) -> Self:
        """Return the wish without some of its fields."""
        return replace(self, **dict.fromkeys(names))

    def is_so(self, settings: BatterySettings | None, profile: BatteryProfile | None) -> bool | None:
        """Return whether everything is as wished for, with nothing on its way that undoes it; `None` where it was not read."""
        if self.shows_in_profile:
            return None if profile is None else self._is_told(settings, profile)
        if settings is None:
            return None
        return self._is_told(settings, profile) and self._is_told(settings.expected, profile)

    def is_shown(self, settings: BatterySettings | None, profile: BatteryProfile | None) -> bool:
        """Return whether everything shows as wished for, whatever is on its way."""
        return self._is_told(settings, None if profile is None else replace(profile, is_change_pending=False))

    def is_requested(self, settings: BatterySettings) -> bool:
        """Return whether everything is as wished for, or will be once the gateway has taken over what was requested."""
        return self._is_told(settings.expected, None)

    def _is_told(self, settings: BatterySettings | None, profile: BatteryProfile | None) -> bool:
        return all(_READERS[name](settings, profile) == value for name, value in self.named.items() if name in _READERS)

    def switched(self, family: BatteryFamily) -> bool | None:
        """Return whether a family is wished on or off."""
        (name,) = self.to_switch(family, is_on=True).named
        value = self.named.get(name)
        return value if isinstance(value, bool) else None


_FIELDS = tuple(one.name for one in fields(BatteryWish))
# Each profile has its own (docs/cloud-api/battery.md §4).
_BROUGHT_BY_PROFILES = frozenset({"charge_from_grid", "charge_schedules", "reserve"})
_OF_FAMILY = {
    BatteryFamily.CHARGE_FROM_GRID: {"charge_from_grid", "charge_schedules"},
    BatteryFamily.DISCHARGE_TO_GRID: {"discharge_to_grid", "window_start", "window_end"},
    BatteryFamily.RESTRICT_BATTERY_DISCHARGE: {"restrict_discharge"},
}

type _Reader = Callable[[BatterySettings | None, BatteryProfile | None], WishValue | float | None]


def _setting(read: Callable[[BatterySettings], WishValue | float | None]) -> _Reader:
    return lambda settings, _: None if settings is None else read(settings)


def _of_profile(read: Callable[[BatteryProfile], WishValue | None]) -> _Reader:
    return lambda _, profile: None if profile is None else read(profile)


def _dtg_edge(settings: BatterySettings, *, is_start: bool) -> time | None:
    control = settings.control(BatteryFamily.DISCHARGE_TO_GRID)
    return None if control is None else control.start if is_start else control.end


_READERS: dict[str, _Reader] = {
    "charge_from_grid": _setting(lambda settings: settings.charges_from_grid is True),
    "charge_schedules": _setting(lambda settings: settings.schedules_charge),
    "discharge_to_grid": _setting(lambda settings: settings.is_enabled(BatteryFamily.DISCHARGE_TO_GRID)),
    "restrict_discharge": _setting(lambda settings: settings.is_enabled(BatteryFamily.RESTRICT_BATTERY_DISCHARGE)),
    "power_match": _setting(lambda settings: settings.power_match),
    "reserve": _setting(lambda settings: settings.reserve),
    "shutdown_level": _setting(lambda settings: settings.shutdown_level),
    "window_start": _setting(lambda settings: _dtg_edge(settings, is_start=True)),
    "window_end": _setting(lambda settings: _dtg_edge(settings, is_start=False)),
    "battery_for_car": _setting(lambda settings: settings.battery_for_car),
    "battery_for_car_limit": _setting(lambda settings: settings.battery_for_car_limit),
    "profile": _of_profile(lambda profile: None if profile.is_change_pending else profile.profile),
    "storm_guard": _of_profile(lambda profile: profile.storm_guard),
    "storm_guard_ev": _of_profile(lambda profile: profile.storm_guard_ev),
}


def settings_body(
    wish: BatteryWish,
    applied: Iterable[BatteryFamily],
    settings: BatterySettings,
    with_entries: Collection[BatteryFamily],
    *,
    is_whole: bool = False,
) -> dict[str, Json]:
    """Return the write of settings that a wish, and the entries of families that want their apply, come to.

    A family is applied by its toggle with the state that it has already. Of charge from grid, deleting the last entry leaves the schedules
    switched on: then they are switched off instead. `with_entries` are the families that have entries. `is_whole` is the form for sites
    that say success to the lean one and do nothing.
    """
    body: dict[str, Json] = {}
    for family in applied:
        if family not in wish.families:
            _merge(body, _applied(family, settings, with_entries))
    for family in wish.families:
        if (is_on := wish.switched(family)) is not None:
            _merge(body, _toggled(family, settings, with_entries, is_on=is_on))
    if wish.charge_schedules is not None:
        _merge(body, _charge_schedules(wish, settings, with_flag=is_whole))
    if wish.window_start is not None or wish.window_end is not None:
        _merge(body, _window(wish, settings))
    levels = {"powerMatch": wish.power_match, "batteryBackupPercentage": wish.reserve, "veryLowSoc": wish.shutdown_level}
    _merge(body, {key: value for key, value in levels.items() if value is not None})
    if is_whole and body.get("rbdControl") == {"enabled": False}:
        whole: dict[str, Json] = {key: value for key, value in settings.data.items() if key in _WHOLE_KEYS}
        rbd = {**read_mapping(whole.get("rbdControl")), "enabled": False}
        body = {**whole, **body, "rbdControl": rbd}
    return body


def has_whole_form(wish: BatteryWish) -> bool:
    """Return whether a wish has a form for sites that ignore the lean one."""
    return wish.restrict_discharge is False or wish.charge_schedules is True


def accepts_disclaimer(body: Mapping[str, Json]) -> bool:
    """Return whether a write wants something to have been accepted before, where the country asks for it."""
    return body.get("chargeFromGrid") is True and "acceptedItcDisclaimer" in body


def entry_body(entry: BatteryEntry) -> dict[str, Json]:
    """Return the addition or the change of a schedule."""
    body: dict[str, Json] = {
        "startTime": f"{entry.start:%H:%M}",
        "endTime": f"{entry.end:%H:%M}",
        "scheduleType": entry.family.wire_name,
        "days": list(entry.days),
        "isEnabled": entry.is_enabled,
    }
    if entry.limit is not None and entry.family is not BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
        body["limit"] = round(entry.limit)
    if entry.time_zone is not None:
        body["timezone"] = entry.time_zone
    return body


def profile_body(wish: BatteryWish) -> dict[str, Json]:
    """Return the choice of a profile."""
    body: dict[str, Json] = {"profile": wish.profile}
    if wish.profile_reserve is not None:
        body["batteryBackupPercentage"] = wish.profile_reserve
    return body


def storm_guard_body(wish: BatteryWish, profile: BatteryProfile) -> dict[str, Json]:
    """Return the write of storm guard. The half that nobody wishes for is as it was read, and left out where it was not read."""
    guard = profile.storm_guard if wish.storm_guard is None else wish.storm_guard
    for_ev = profile.storm_guard_ev if wish.storm_guard_ev is None else wish.storm_guard_ev
    body: dict[str, Json] = {} if guard is None else {"stormGuardState": "enabled" if guard else "disabled"}
    return body if for_ev is None else {**body, "evseStormEnabled": for_ev}


def battery_for_car_body(wish: BatteryWish, settings: BatterySettings) -> dict[str, Json]:
    """Return the write of the car's share of the battery: always both keys, the one that nobody wishes for as it was read.

    Where it is on, the level is not below the lowest: what is off can read 0 (docs/cloud-api/battery.md §8).
    """
    is_on = settings.battery_for_car is True if wish.battery_for_car is None else wish.battery_for_car
    limit = settings.battery_for_car_limit if wish.battery_for_car_limit is None else wish.battery_for_car_limit
    lowest = _HIGHEST_LOWEST_LEVEL if settings.battery_for_car_min is None else settings.battery_for_car_min
    level = lowest if limit is None or (is_on and limit < lowest) else limit
    return {"useBatteryForEVSE": is_on, "batteryLimit": round(level)}


def now_as_disclaimer() -> str:
    """Return the present moment in the form in which the disclaimer is accepted."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _toggled(
    family: BatteryFamily, settings: BatterySettings, with_entries: Collection[BatteryFamily], *, is_on: bool
) -> Mapping[str, Json]:
    """Return the lean write that switches a family."""
    if family is BatteryFamily.CHARGE_FROM_GRID:
        return _charge_on() if is_on else {"chargeFromGrid": False}
    # Without an entry the day window is what is switched, and it wants its times along.
    window = _day_window(settings) if family is BatteryFamily.DISCHARGE_TO_GRID and family not in with_entries else {}
    return {family.control: {**window, "enabled": is_on}}


def _applied(family: BatteryFamily, settings: BatterySettings, with_entries: Collection[BatteryFamily]) -> Mapping[str, Json]:
    is_on = settings.is_enabled(family)
    if family is BatteryFamily.CHARGE_FROM_GRID:
        is_last_gone = settings.schedules_charge and family not in with_entries
        # Allowing charging again would switch schedules on that somebody has switched off.
        if is_last_gone or (is_on and settings.schedules_charge is False):
            return _schedules_off(settings)
    return _toggled(family, settings, with_entries, is_on=is_on)


def _charge_on() -> dict[str, Json]:
    return {"chargeFromGrid": True, "acceptedItcDisclaimer": now_as_disclaimer()}


def _charge_schedules(wish: BatteryWish, settings: BatterySettings, *, with_flag: bool) -> Mapping[str, Json]:
    if wish.charge_schedules:
        return {**_charge_on(), "chargeFromGridScheduleEnabled": True} if with_flag else _charge_on()
    body = _schedules_off(settings)
    return body if wish.charge_from_grid is None else {**body, "chargeFromGrid": wish.charge_from_grid}


def _schedules_off(settings: BatterySettings) -> dict[str, Json]:
    """Return the write that switches the schedules of charge from grid off, and nothing else."""
    as_it_is: dict[str, Json] = {} if settings.charges_from_grid is None else {"chargeFromGrid": settings.charges_from_grid}
    return {
        "chargeFromGridScheduleEnabled": False,
        **as_it_is,
        "acceptedItcDisclaimer": now_as_disclaimer(),
        BatteryFamily.CHARGE_FROM_GRID.control: {"forceScheduleOpted": False},
    }


def _window(wish: BatteryWish, settings: BatterySettings) -> Mapping[str, Json]:
    family = BatteryFamily.DISCHARGE_TO_GRID
    is_on = wish.discharge_to_grid
    control: dict[str, Json] = {**_day_window(settings), "enabled": settings.is_enabled(family) if is_on is None else is_on}
    if wish.window_start is not None:
        control["startTime"] = _minutes(wish.window_start)
    if wish.window_end is not None:
        control["endTime"] = _minutes(wish.window_end) or 1440
    return {family.control: control}


def _day_window(settings: BatterySettings) -> dict[str, Json]:
    """Return what a write says of the day window of discharge to grid; nothing where there is none. At its end midnight is 1440."""
    control = settings.control(BatteryFamily.DISCHARGE_TO_GRID)
    if control is None or control.start is None or control.end is None:
        return {}
    return {"scheduleSupported": True, "startTime": _minutes(control.start), "endTime": _minutes(control.end) or 1440}


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _merge(body: dict[str, Json], more: Mapping[str, Json]) -> None:
    """Add to a body, the objects in it together; what is added counts."""
    for key, value in more.items():
        before = body.get(key)
        body[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
