"""What the cloud says about the batteries of a site (docs/cloud-api/battery.md §3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, time
from enum import StrEnum
from functools import cached_property
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import (
    EVERY_DAY,
    Json,
    read_bool,
    read_clock_time,
    read_days,
    read_float,
    read_list,
    read_mapping,
    read_minutes,
    read_records,
    read_text,
    read_time,
)
from .wire import Model, derived, derived_mapping, flag, wire

# Charge from grid is switched beside its control (docs/cloud-api/battery.md §4).
_CHARGE_KEYS = ("chargeFromGrid", "chargeFromGridScheduleEnabled")


class BatteryFamily(StrEnum):
    """The three control families by their names in the cloud, with the names that people know."""

    CHARGE_FROM_GRID = "cfg"
    DISCHARGE_TO_GRID = "dtg"
    RESTRICT_BATTERY_DISCHARGE = "rbd"

    @property
    def wire_name(self) -> str:
        """Return the name that schedule entries carry."""
        return self.value.upper()

    @property
    def control(self) -> str:
        """Return the key of the family's control in the settings."""
        return f"{self.value}Control"


def _read_storm_guard(value: Json) -> bool | None:
    """Return whether storm guard is on; `active`, while an alert is in force, means on."""
    return True if isinstance(value, str) and value.strip().lower() == "active" else read_bool(value)


@dataclass(frozen=True, kw_only=True)
class BatteryControl(Model):
    """One family's control; `start` and `end` are the day window of discharge to grid, in the site's zone."""

    is_shown: bool = flag("show")
    is_enabled: bool = flag("enabled")
    is_locked: bool = flag("locked")
    supports_schedules: bool = flag("scheduleSupported")
    start: time | None = wire("startTime", read_minutes)
    end: time | None = wire("endTime", read_minutes)


@dataclass(frozen=True, kw_only=True)
class BatterySettings(Model):
    """The settings of the batteries of a site.

    Attributes:
        reserve, reserve_min, reserve_max: %.
        shutdown_level, shutdown_min, shutdown_max: %.
        charges_from_grid: whether the battery may charge from the grid at all.
        schedules_charge: whether the schedules of charge from grid are on.
        battery_for_car: whether the battery may feed the car, down to `battery_for_car_limit` (%; 0 where it may not and no level is kept),
            which is not below `battery_for_car_min`; `None` where the site has no such setting (docs/cloud-api/battery.md §8).
        controls: by family; a family that is missing or null is not in it.
        requested: what was asked for and the gateway has not taken over, by wire name.
        data: as the cloud sent it, for the writes that want it whole.
    """

    profile: str | None = wire("profile", read_text)
    reserve: float | None = wire("batteryBackupPercentage", read_float)
    reserve_min: float | None = wire("batteryBackupPercentageMin", read_float)
    reserve_max: float | None = wire("batteryBackupPercentageMax", read_float)
    shutdown_level: float | None = wire("veryLowSoc", read_float)
    shutdown_min: float | None = wire("veryLowSocMin", read_float)
    shutdown_max: float | None = wire("veryLowSocMax", read_float)
    charges_from_grid: bool | None = wire("chargeFromGrid", read_bool)
    schedules_charge: bool | None = wire("chargeFromGridScheduleEnabled", read_bool)
    grid_mode: str | None = wire("batteryGridMode", read_text)
    supports_mqtt: bool = flag("supportsMqtt")
    disclaimer: str | None = wire("acceptedItcDisclaimer", read_text)
    storm_guard: bool | None = wire("stormGuardState", _read_storm_guard)
    storm_guard_ev: bool | None = wire("evseStormEnabled", read_bool)
    has_system_task: bool = flag("systemTask")
    has_event: bool = flag("drEventActive")
    has_storm_alert: bool = flag("showStormGuardAlert")
    power_match: bool | None = wire("powerMatch", read_bool)
    controls: Mapping[BatteryFamily, BatteryControl] = derived_mapping()
    has_power_match: bool = derived(default=False)
    battery_for_car: bool | None = derived(None)
    battery_for_car_limit: float | None = derived(None)
    battery_for_car_min: float | None = derived(None)
    requested: Mapping[str, Json] = derived_mapping()
    data: Mapping[str, Json] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the settings, or the part of them that the profile repeats.

        Raises:
            InvalidResponse: There is nothing of them in the answer.
        """
        data = _data(body, cls)
        found = cls.from_dict({**data, "data": {}})
        controls = {
            family: BatteryControl.from_dict(control) for family in BatteryFamily if isinstance(control := data.get(family.control), dict)
        }
        power_match = read_mapping(data.get("powerMatchControl"))
        car = read_mapping(read_mapping(data.get("devices")).get("iqEvse"))
        return replace(
            found,
            controls=controls,
            power_match=read_bool(power_match.get("enabled")) if found.power_match is None else found.power_match,
            has_power_match=read_bool(power_match.get("show")) is True,
            battery_for_car=read_bool(car.get("useBatteryForEVSE")),
            battery_for_car_limit=read_float(car.get("batteryLimit")),
            battery_for_car_min=read_float(car.get("minBatteryLimit")),
            # The state alone can tell of an alert that the flag does not show.
            has_storm_alert=found.has_storm_alert or (read_text(data.get("stormGuardState")) or "").lower() == "active",
            requested=_requested(data),
            data=data,
        )

    def control(self, family: BatteryFamily) -> BatteryControl | None:
        """Return a family's control."""
        return self.controls.get(family)

    def is_enabled(self, family: BatteryFamily) -> bool:
        """Return whether a family is effectively on."""
        if family is BatteryFamily.CHARGE_FROM_GRID:
            return self.charges_from_grid is True
        control = self.control(family)
        return control is not None and control.is_enabled

    def is_told(self, family: BatteryFamily) -> bool:
        """Return whether an answer says if a family is on: one whose control is null is off (docs/cloud-api/battery.md §3)."""
        return family is not BatteryFamily.CHARGE_FROM_GRID or self.charges_from_grid is not None

    def runs_schedules(self, family: BatteryFamily) -> bool:
        """Return whether a family's entries are in force; those of charge from grid have a switch of their own."""
        is_on = self.is_enabled(family)
        return is_on and self.schedules_charge is not False if family is BatteryFamily.CHARGE_FROM_GRID else is_on

    @property
    def is_pending(self) -> bool:
        """Return whether the gateway has still to take something over."""
        return bool(self.requested)

    def is_requested(self, family: BatteryFamily) -> bool:
        """Return whether a write of a family's switch is on its way to the gateway."""
        keys = {family.control, *(_CHARGE_KEYS if family is BatteryFamily.CHARGE_FROM_GRID else ())}
        return not keys.isdisjoint(self.requested)

    @property
    def is_busy(self) -> bool:
        """Return whether the cloud works on the site, or an event of the grid has it: nothing is to be written then."""
        return self.has_system_task or self.has_event

    @cached_property
    def expected(self) -> Self:
        """Return the settings as they will be once the gateway has taken over what was requested."""
        if not self.requested:
            return self
        # Nothing is requested any more then.
        data = {key: {} if key in {"requestedConfig", "requestedConfigMqtt"} else value for key, value in self.data.items()}
        for key, value in self.requested.items():
            data[key] = _merged(data.get(key), value)
        return type(self).read({"data": data})


@dataclass(frozen=True, kw_only=True)
class BatteryEntry:
    """One entry of a schedule.

    Attributes:
        id: empty for an entry that the cloud has not seen yet.
        time_zone: IANA name, `None` where the cloud does not say.
        start, end: in that zone; the end is on the next day where it is not after the start.
        days: 1 = Monday … 7 = Sunday, on which it starts.
        limit: %, `None` for restrict discharge.
        is_enabled: what the entry says of itself, which is not the effective state.
        is_pending: it has not settled.
        record: as the cloud sent it.
    """

    id: str = ""
    family: BatteryFamily
    start: time
    end: time
    days: tuple[int, ...]
    limit: float | None
    time_zone: str | None
    is_enabled: bool = True
    is_pending: bool = False
    record: Mapping[str, Json] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read(cls, record: dict[str, Json], family: BatteryFamily) -> Self | None:
        """Read an entry; `None` where it is deleted, or has no id or no times."""
        entry_id = read_text(record.get("scheduleId"))
        start, end = read_clock_time(record.get("startTime")), read_clock_time(record.get("endTime"))
        if entry_id is None or start is None or end is None or read_bool(record.get("isDeleted")) is True:
            return None
        return cls(
            id=entry_id,
            family=family,
            start=start,
            end=end,
            # One that names no days is one of every day.
            days=EVERY_DAY if record.get("days") is None else read_days(record.get("days")),
            limit=None if family is BatteryFamily.RESTRICT_BATTERY_DISCHARGE else read_float(record.get("limit")),
            time_zone=read_text(record.get("timezone")),
            is_enabled=read_bool(record.get("isEnabled")) is not False,
            is_pending=(read_text(record.get("scheduleStatus")) or "").lower() == "pending",
            record=record,
        )

    def is_same_as(self, other: Self) -> bool:
        """Return whether two entries say the same, whatever their ids, their own idea of being enabled, and how settled they are."""
        return self.says == other.says

    @cached_property
    def says(self) -> tuple[BatteryFamily, time, time, tuple[int, ...], float | None]:
        """Return what the entry is about."""
        limit = None if self.limit is None else round(self.limit)
        return self.family, self.start, self.end, self.days, limit


# What a group's status says of whether the site can have entries of the family.
_STATUSES = {"active": True, "pending": True, "not_supported": False, "none": False}


@dataclass(frozen=True, kw_only=True)
class FamilySchedules:
    """A family's entries by id; `status` is in lower case.

    `is_told` is false where the cloud said nothing of the family; `unreadable` are ids of entries whose times nobody understands.
    """

    status: str | None
    entries: tuple[BatteryEntry, ...]
    is_told: bool = True
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BatterySchedules:
    """All entries of a site; `is_pending` says that some have not settled."""

    families: Mapping[BatteryFamily, FamilySchedules]
    is_pending: bool

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the schedules.

        Raises:
            InvalidResponse: The answer holds none of the families: that is no proof that there are no entries.
        """
        envelope = read_mapping(body)
        groups = _groups(envelope) or _groups(read_mapping(envelope.get("data")))
        if not groups:
            raise InvalidResponse("The battery schedules make no sense")
        families = {family: _read_family(group, family) for family, group in groups.items()}
        return cls(families=families, is_pending=read_bool(envelope.get("anySchedulePending")) is True)

    @cached_property
    def entries(self) -> tuple[BatteryEntry, ...]:
        """Return the entries of all families."""
        return tuple(entry for family in self.families.values() for entry in family.entries)

    def of(self, family: BatteryFamily) -> tuple[BatteryEntry, ...]:
        """Return the entries of a family."""
        found = self.families.get(family)
        return found.entries if found else ()

    def filled_from(self, before: Self | None) -> Self:
        """Return them with the families that they lack as they were: a missing group is no answer (docs/cloud-api/battery.md §5)."""
        if before is None:
            return self
        told = {family: found for family, found in self.families.items() if found.is_told or family not in before.families}
        return replace(self, families={**before.families, **told})

    def supports(self, family: BatteryFamily, control: BatteryControl | None) -> bool:
        """Return whether the site can have entries of a family; what its group leaves open its control says."""
        found = self.families.get(family)
        if found is not None and found.entries:
            return True
        told = _STATUSES.get(found.status or "") if found else None
        return told if told is not None else control is not None and control.supports_schedules

    def entry(self, entry_id: str) -> BatteryEntry | None:
        """Return an entry by its id."""
        return next((entry for entry in self.entries if entry.id == entry_id), None)


@dataclass(frozen=True, kw_only=True)
class SiteSettings(Model):
    """What a site has and what the signed-in person may do there; `None` where the answer does not say."""

    time_zone: str | None = wire("timezone", read_text)
    country: str | None = wire("countryCode", read_text)
    has_battery: bool | None = wire("hasEncharge", read_bool)
    is_charge_from_grid_restricted: bool = flag("restrictCfg")
    is_change_pending: bool = flag("isChangePending")
    shows_storm_guard: bool = flag("showStormGuard")
    has_battery_for_car: bool = flag("isUseBatteryForEVSESupported")
    may_change_battery_for_car: bool | None = wire("iqEvseHoControl", read_bool)
    has_battery_for_car_limit: bool | None = wire("batteryLimitSupport", read_bool)
    may_write: bool | None = derived(None)

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the settings of a site.

        Raises:
            InvalidResponse: There is nothing of them in the answer.
        """
        data = _data(body, cls)
        person = read_mapping(data.get("userDetails"))
        roles = {read_bool(person.get("isOwner")), read_bool(person.get("isInstaller"))}
        return replace(cls.from_dict(data), may_write=None if roles == {None} else True in roles)

    def after(self, before: Self) -> Self:
        """Return the settings with what this answer leaves out as it was before."""
        return replace(self, **{one.name: getattr(before, one.name) for one in fields(self) if getattr(self, one.name) is None})


@dataclass(frozen=True, kw_only=True)
class BatteryProfile(Model):
    """The system profile; `reserves` are those that each profile brings back, in %, by profile."""

    profile: str | None = wire("profile", read_text)
    reserve: float | None = wire("batteryBackupPercentage", read_float)
    is_change_pending: bool = flag("isBatteryChangePending")
    storm_guard: bool | None = wire("stormGuardState", _read_storm_guard)
    storm_guard_ev: bool | None = wire("evseStormEnabled", read_bool)
    requested: Mapping[str, Json] = derived_mapping()
    reserves: Mapping[str, float] = derived_mapping()

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the profile.

        Raises:
            InvalidResponse: There is nothing of it in the answer.
        """
        data = _data(body, cls)
        previous = read_mapping(data.get("previousBatteryBackupPercentage"))
        reserves = {name: value for name, raw in previous.items() if (value := read_float(raw)) is not None}
        return replace(cls.from_dict(data), requested=_requested(data), reserves=reserves)


@dataclass(frozen=True, kw_only=True)
class StormAlert(Model):
    """One alert; times are UTC, `status` is verbatim."""

    id: str | None = wire("id", read_text)
    name: str | None = wire("name", read_text)
    status: str | None = wire("status", read_text)
    starts_at: datetime | None = wire("startTime", read_time)
    ends_at: datetime | None = wire("endTime", read_time)

    @property
    def is_active(self) -> bool:
        """Return whether it is in force and nobody has opted out."""
        return (self.status or "").lower() == "active"


def read_storm_alerts(body: Json) -> tuple[StormAlert, ...]:
    """Read the alerts of a site.

    Raises:
        InvalidResponse: There is no list at all, which is no proof that there are no alerts.
    """
    found = read_mapping(body)
    places = (found.get("stormAlerts"), read_mapping(found.get("data")).get("stormAlerts"))
    lists = [place for place in places if read_list(place) is not None]
    if not lists:
        raise InvalidResponse("The answer holds no list of storm alerts")
    return tuple(StormAlert.from_dict(record) for place in lists for record in read_records(place))


# What is read beside the fields of the models.
_READ_BY_HAND = ("userDetails", "devices", "powerMatchControl", "requestedConfig", "requestedConfigMqtt")


def _data(body: Json, model: type[Model]) -> dict[str, Json]:
    """Return the data of an answer that holds anything of a model: words in place of data are no answer."""
    data = read_mapping(read_mapping(body).get("data"))
    aliases = (one.metadata.get("alias") for one in fields(model))
    controls = (family.control for family in BatteryFamily)
    if not any(data.get(key) is not None for key in (*aliases, *controls, *_READ_BY_HAND) if key):
        raise InvalidResponse("The battery settings make no sense")
    return data


def _requested(data: Mapping[str, Json]) -> dict[str, Json]:
    """Return what the gateway has not taken over; an object that holds only empty objects is nothing (docs/cloud-api/battery.md §6)."""
    merged = {**read_mapping(data.get("requestedConfig")), **read_mapping(data.get("requestedConfigMqtt"))}
    return {key: value for key, value in merged.items() if not _is_empty(value)}


def _merged(before: Json, value: Json) -> Json:
    """Return what was there with what was requested over it; a request names only what it changes, at whatever depth."""
    if not isinstance(value, dict):
        return value
    result = {**read_mapping(before), **value}
    for key, inner in read_mapping(before).items():
        if isinstance(inner, dict) and isinstance(new := value.get(key), dict):
            # No answer has more than two levels here.
            result[key] = {**inner, **new}
    return result


def _is_empty(value: Json) -> bool:
    # One after the other: an answer can lie deeper than calls can.
    inside = [value]
    while inside:
        one = inside.pop()
        if isinstance(one, dict):
            inside.extend(one.values())
        elif one is not None and one != []:
            return False
    return True


def _groups(envelope: dict[str, Json]) -> dict[BatteryFamily, Json]:
    """Return the groups that an answer holds; one that is null has no entries."""
    keys = ((family, family.value) for family in BatteryFamily)
    return {family: envelope[key] for family, key in keys if key in envelope and isinstance(envelope[key], dict | None)}


def _read_family(answer: Json, family: BatteryFamily) -> FamilySchedules:
    group = read_mapping(answer)
    records = [record for record in read_records(group.get("details")) if read_bool(record.get("isDeleted")) is not True]
    read = {read_text(record.get("scheduleId")) or "": BatteryEntry.read(record, family) for record in records}
    # The order flips on every write: by id nobody sees it.
    entries = tuple(entry for _, entry in sorted(read.items()) if entry is not None)
    unreadable = tuple(sorted(entry_id for entry_id, entry in read.items() if entry is None))
    status = read_text(group.get("scheduleStatus"))
    # A group that counts entries and lists none does not tell of them.
    is_told = isinstance(answer, dict) and (group.get("details") or not read_float(group.get("count")))
    return FamilySchedules(status=status.lower() if status else None, entries=entries, is_told=bool(is_told), unreadable=unreadable)
