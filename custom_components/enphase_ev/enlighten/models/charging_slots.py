"""A charger's weekly schedule (docs/cloud-api/chargers.md §6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Self

from ..parsing import EVERY_DAY, Json, read_bool, read_clock_time, read_days, read_float, read_list, read_mapping, read_records, read_text

# The cloud keeps a level of 100 without amps as "the most", and shows 32 for it (seen).
_LEVEL_OF_ALL = 100
_AMPS_OF_ALL = 32.0


class SlotType(StrEnum):
    """Where a slot's times come from."""

    CUSTOM = "CUSTOM"
    OFF_PEAK = "OFF_PEAK"


@dataclass(frozen=True, kw_only=True)
class ChargingSlot:
    """One slot of the week.

    Attributes:
        id: `<site>:<serial>:<uuid>`, empty for a slot that the cloud has not seen yet.
        start, end: in the site's zone; both `None` for an off-peak slot, whose times come from the tariff.
        days: 1 = Monday … 7 = Sunday, on which the slot starts.
        level: A; `None` where the charger decides.
        record: the slot as the cloud sent it: what is not being changed is sent back as it came.
    """

    id: str = ""
    start: time | None
    end: time | None
    days: tuple[int, ...]
    level: float | None
    is_enabled: bool
    type: SlotType = SlotType.CUSTOM
    record: Mapping[str, Json] = field(default_factory=dict, compare=False, repr=False)

    @property
    def short_id(self) -> str:
        """Return the part of the id that tells neither site nor charger."""
        return self.id.rpartition(":")[2]

    @classmethod
    def read(cls, record: dict[str, Json]) -> Self | None:
        """Read a slot; `None` where it has no id."""
        slot_id = read_text(record.get("id"))
        if slot_id is None:
            return None
        level = read_float(record.get("chargingLevelAmp"))
        if level is None:
            level = read_float(record.get("chargingLevel"))
            level = _AMPS_OF_ALL if level == _LEVEL_OF_ALL else level
        return cls(
            id=slot_id,
            start=read_clock_time(record.get("startTime")),
            end=read_clock_time(record.get("endTime")),
            # One that names no days is one of every day.
            days=EVERY_DAY if record.get("days") is None else read_days(record.get("days")),
            level=level,
            is_enabled=read_bool(record.get("enabled")) is True,
            type=SlotType.OFF_PEAK if read_text(record.get("scheduleType")) == SlotType.OFF_PEAK else SlotType.CUSTOM,
            record=record,
        )

    def to_json(self) -> dict[str, Json]:
        """Return the slot as the cloud wants it; fields that stay what they were keep their form."""
        before = type(self).read(dict(self.record)) if self.record else None
        record: dict[str, Json] = {**(self.record or _NEW_SLOT)}
        if before is None or before.id != self.id:
            record["id"] = self.id
        if before is None or (before.start, before.end) != (self.start, self.end):
            record["startTime"] = _clock_text(self.start)
            record["endTime"] = _clock_text(self.end)
        if before is None or before.days != self.days:
            record["days"] = list(self.days)
        if before is None or before.level != self.level:
            record["chargingLevel"] = record["chargingLevelAmp"] = None if self.level is None else round(self.level)
        if before is None or before.is_enabled != self.is_enabled:
            record["enabled"] = self.is_enabled
        if not record.get("id"):
            record.pop("id", None)
        return record


@dataclass(frozen=True, kw_only=True)
class ChargingSchedule:
    """All slots of a charger; `stamp` is the cloud's own word for when, which a change of all slots sends back."""

    slots: tuple[ChargingSlot, ...]
    stamp: Json = None

    @classmethod
    def read(cls, body: Json) -> Self | None:
        """Read the slots; `None` where the answer holds no list of them, which is not the same as an empty one."""
        envelope = read_mapping(body)
        data = read_mapping(envelope.get("data"))
        found = data.get("slots", body)
        if read_list(found) is None:
            return None
        slots = (ChargingSlot.read(record) for record in read_records(found))
        stamp = read_mapping(envelope.get("meta")).get("serverTimeStamp")
        return cls(slots=tuple(slot for slot in slots if slot is not None), stamp=stamp)


_NEW_SLOT: dict[str, Json] = {
    "scheduleType": SlotType.CUSTOM.value,
    "remindTime": 10,
    "remindFlag": False,
    "recurringKind": "Recurring",
    "chargeLevelType": "Weekly",
    "sourceType": "SYSTEM",
    "reminderTimeUtc": None,
    "serializedDays": None,
}


def _clock_text(value: time | None) -> str | None:
    return None if value is None else value.strftime("%H:%M")
