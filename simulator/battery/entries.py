"""Schedule entries: what they are, when they run and which of them overlap (docs/cloud-api/battery.md §3 and §4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
import re
from zoneinfo import ZoneInfo, available_timezones

from ..switches.battery import BatteryDeployment
from ..wire import EVERY_DAY, JsonObject, epoch_ms
from .settings import BatteryRefused, ControlFamily, bad_request

DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN
LOWEST_LIMIT = 5

_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_ZONES = available_timezones()


class EntryStatus(StrEnum):
    """Whether the gateway runs an entry as it is listed."""

    PENDING = "pending"
    ACTIVE = "active"


@dataclass(frozen=True)
class Wanted:
    """What a client may say of an entry."""

    family: ControlFamily
    start: str
    """``HH:MM`` in the entry's zone."""
    end: str
    """The same; at or before the start: on the next day."""
    days: tuple[int, ...] = EVERY_DAY
    """Days on which it starts, 1 = Monday … 7 = Sunday."""
    limit: int | None = None
    """State of charge, %; None where the family has none."""
    enabled: bool = True
    time_zone: str = "UTC"


@dataclass
class Entry:
    """One entry as the cloud has it."""

    id: str
    family: ControlFamily
    start: str
    end: str
    days: tuple[int, ...]
    limit: int | None
    enabled: bool
    time_zone: str
    created_at: float
    """Epoch seconds."""
    updated_at: float
    user_id: int
    """Who made it."""
    status: EntryStatus = EntryStatus.PENDING
    apply_sent: bool = False
    """The toggle write that applies it has been taken; the gateway may still be at it."""
    deleted: bool = False

    def take(self, wanted: Wanted, now: float) -> None:
        """Become what a client wants; it has to be applied again."""
        self.start, self.end, self.days = wanted.start, wanted.end, wanted.days
        self.limit, self.enabled, self.time_zone = wanted.limit, wanted.enabled, wanted.time_zone
        self.updated_at = now
        self.status = EntryStatus.PENDING
        self.apply_sent = False

    def wanted(self) -> Wanted:
        """What a client would say of it."""
        return Wanted(self.family, self.start, self.end, self.days, self.limit, self.enabled, self.time_zone)

    def copy(self) -> Entry:
        """The entry as it is now, for the gateway to keep."""
        return replace(self)

    def windows(self) -> list[tuple[int, int]]:
        """When it runs, in minutes of the week that begins on Monday; split at the end of the week."""
        start, end = _minute(self.start), _minute(self.end)
        length = (end - start) % DAY_MIN or DAY_MIN
        found = []
        for day in self.days:
            begin = (day - 1) * DAY_MIN + start
            found.append((begin, min(begin + length, WEEK_MIN)))
            if begin + length > WEEK_MIN:
                found.append((0, begin + length - WEEK_MIN))
        return found

    def runs_at(self, at: float) -> bool:
        """Whether its window is open at this moment, epoch seconds."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.time_zone))
        minute = local.weekday() * DAY_MIN + local.hour * 60 + local.minute
        return any(begin <= minute < end for begin, end in self.windows())

    def overlaps(self, other: Entry) -> bool:
        """Whether both would run at the same minute of a week, each in its own zone's local time."""
        return any(begin < until and since < end for begin, end in self.windows() for since, until in other.windows())

    def as_json(self, *, lying: bool = False, seconds: bool = False) -> JsonObject:
        """The entry as in tests/fixtures/api/battery_schedules.json."""
        tail = ":00" if seconds else ""
        return {
            "createdBy": str(self.user_id),
            "updatedBy": str(self.user_id),
            "createdAt": str(epoch_ms(self.created_at)),
            "updatedAt": str(epoch_ms(self.updated_at)),
            "scheduleId": self.id,
            "timezone": self.time_zone,
            "startTime": self.start + tail,
            "endTime": self.end + tail,
            "limit": self.limit,
            "scheduleType": self.family.type_name,
            "scheduleStatus": self.status.value,
            "days": list(self.days),
            "isDeleted": self.deleted,
            "isEnabled": self.enabled is not lying,
        }


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def read_wanted(body: Mapping[str, object], very_low_soc: int, switches: BatteryDeployment) -> Wanted:
    """Read the body of a new or changed entry; raises `BatteryRefused`."""
    family = read_family(body)
    start, end = _read_time(body.get("startTime")), _read_time(body.get("endTime"))
    if start == end:
        raise bad_request("startTime and endTime must differ")
    zone = body.get("timezone")
    if not isinstance(zone, str) or zone not in _ZONES:
        raise bad_request("timezone is unknown")
    days = _read_days(body.get("days"))
    if family is ControlFamily.RBD:
        limit = _read_rbd_limit(body.get("limit"), strict=switches.rbd_limit_refused)
    else:
        limit = _read_limit(family, body.get("limit"), very_low_soc)
    enabled = body.get("isEnabled", None if switches.is_enabled_needed else True)
    if not isinstance(enabled, bool):
        raise BatteryRefused(409, "INVALID_SCHEDULE", "isEnabled is missing")
    return Wanted(family, start, end, days, limit, enabled, zone)


def read_family(body: Mapping[str, object]) -> ControlFamily:
    """``scheduleType`` in either case; raises `BatteryRefused`."""
    name = body.get("scheduleType")
    if not isinstance(name, str) or name.lower() not in ControlFamily:
        raise bad_request("scheduleType is unknown")
    return ControlFamily(name.lower())


def _read_time(text: object) -> str:
    if not isinstance(text, str) or not _CLOCK_TIME.fullmatch(text):
        raise bad_request("startTime and endTime must be HH:MM")
    return text


def _read_days(days: object) -> tuple[int, ...]:
    if not isinstance(days, list) or not days or any(isinstance(day, bool) or day not in EVERY_DAY for day in days):
        raise bad_request("days must be a list of 1 to 7")
    return tuple(sorted(set(days)))


def _read_rbd_limit(limit: object, *, strict: bool) -> int | None:
    """It means nothing; 100 is taken everywhere."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or (strict and limit != 100):
        raise bad_request("limit does not apply")
    return limit


def _read_limit(family: ControlFamily, limit: object, very_low_soc: int) -> int:
    lowest = max(LOWEST_LIMIT, very_low_soc) if family is ControlFamily.DTG else LOWEST_LIMIT
    if isinstance(limit, bool) or not isinstance(limit, int) or not lowest <= limit <= 100:
        raise bad_request(f"limit must be {lowest} to 100")
    return limit
