"""Charging schedules: weekly slots in the site's time zone (docs/cloud-api/chargers.md §6)."""

from dataclasses import dataclass, replace
from datetime import datetime
import re
from uuid import UUID

from .wire import EVERY_DAY, Json, JsonObject

CUSTOM = "CUSTOM"
OFF_PEAK = "OFF_PEAK"
# The site's cheap hours, which an off-peak slot stands for.
OFF_PEAK_HOURS = ("00:00", "06:00")

_CLOCK_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class BadSlot(ValueError):
    """A slot that the scheduler refuses, with what is wrong with it."""


@dataclass(frozen=True)
class Slot:
    """One slot as the cloud keeps it; times ``HH:MM`` in the site's zone, days 1 = Monday … 7 = Sunday."""

    id: str
    start_time: str | None
    end_time: str | None
    level: int | None
    days: tuple[int, ...] = EVERY_DAY
    enabled: bool = True
    schedule_type: str = CUSTOM
    remind_flag: bool = False
    remind_time: int | None = 10
    recurring_kind: str | None = "Recurring"
    level_type: str | None = "Weekly"
    source_type: str = "SYSTEM"

    def covers(self, local: datetime) -> bool:
        """Whether the slot, were it enabled, is running at this local time."""
        start, end = (self.start_time, self.end_time) if self.schedule_type == CUSTOM else OFF_PEAK_HOURS
        if start is None or end is None:
            return False
        clock_time, today = local.strftime("%H:%M"), local.isoweekday()
        if start < end:
            return today in self.days and start <= clock_time < end
        yesterday = 7 if today == 1 else today - 1
        return (today in self.days and clock_time >= start) or (yesterday in self.days and clock_time < end)

    def as_json(self) -> JsonObject:
        """The slot as in tests/fixtures/api/charge_schedules.json."""
        return {
            "id": self.id,
            "startTime": self.start_time,
            "endTime": self.end_time,
            "chargingLevel": self.level,
            "chargingLevelAmp": self.level,
            "scheduleType": self.schedule_type,
            "days": list(self.days),
            "remindTime": self.remind_time,
            "remindFlag": self.remind_flag,
            "enabled": self.enabled,
            "recurringKind": self.recurring_kind,
            "chargeLevelType": self.level_type,
            "sourceType": self.source_type,
            "reminderTimeUtc": None,
            "serializedDays": None,
        }


def new_slot_id(site_id: str, serial: str, uuid: UUID) -> str:
    """A slot's id as the cloud makes it: ``<site>:<sn>:<uuid>``."""
    return f"{site_id}:{serial}:{uuid}"


def slot_in_force(slots: list[Slot], local: datetime) -> Slot | None:
    """The first enabled slot that runs at this local time."""
    return next((slot for slot in slots if slot.enabled and slot.covers(local)), None)


def read_slot(body: object, slot_id: str, max_amps: int) -> Slot:
    """Read a slot that a client sent.

    A missing field gets the cloud's default: a client that does not send back what it read loses it.
    """
    if not isinstance(body, dict):
        raise BadSlot("A slot must be an object")
    schedule_type = body.get("scheduleType", CUSTOM)
    if schedule_type not in {CUSTOM, OFF_PEAK}:
        raise BadSlot("Unknown scheduleType")
    custom = schedule_type == CUSTOM
    remind_time = body.get("remindTime")
    return Slot(
        id=slot_id,
        start_time=_read_time(body.get("startTime")) if custom else None,
        end_time=_read_time(body.get("endTime")) if custom else None,
        level=_read_level(body, max_amps),
        days=_read_days(body.get("days")),
        enabled=body.get("enabled") is True,
        schedule_type=schedule_type,
        remind_flag=body.get("remindFlag") is True,
        remind_time=remind_time if isinstance(remind_time, int) else None,
        recurring_kind=_read_text(body.get("recurringKind")),
        level_type=_read_text(body.get("chargeLevelType")),
        source_type=_read_text(body.get("sourceType")) or "SYSTEM",
    )


def switched(slot: Slot, *, enabled: bool) -> Slot:
    """The slot, on or off."""
    return replace(slot, enabled=enabled)


def slots_as_json(slots: list[Slot]) -> list[Json]:
    """All slots as the cloud lists them."""
    return [slot.as_json() for slot in slots]


def _read_time(text: object) -> str:
    if not isinstance(text, str) or not _CLOCK_TIME.fullmatch(text):
        raise BadSlot("startTime and endTime must be HH:MM")
    return text


def _read_text(text: object) -> str | None:
    return text if isinstance(text, str) else None


def _read_days(days: object) -> tuple[int, ...]:
    if not isinstance(days, list) or not days or any(day not in EVERY_DAY for day in days):
        raise BadSlot("days must be a list of 1 to 7")
    return tuple(sorted(set(days)))


def _read_level(body: dict[str, object], max_amps: int) -> int | None:
    level, amps = body.get("chargingLevel"), body.get("chargingLevelAmp")
    if level == 100 and amps is None:
        # Read back as the highest level (seen, docs/cloud-api/chargers.md §6): 100 is a share here.
        return max_amps
    if level is None and amps is None:
        return None
    wanted = amps if amps is not None else level
    if not isinstance(wanted, int) or not 0 < wanted <= max_amps:
        raise BadSlot("chargingLevel is out of range")
    return wanted
