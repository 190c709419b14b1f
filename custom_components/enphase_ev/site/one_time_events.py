"""Deletes the schedules of events that take place once, when they are over: Enphase would repeat them every week."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_track_point_in_utc_time

from ..account_issues import set_entry_issue
from ..battery.schedules import async_delete_entries
from ..const import LOGGER
from ..enlighten import BatteryFamily
from ..runtime import EnphaseRuntimeData
from ..waiting import growing_wait
from .event_notes import EventNote, EventNotes, Look

_AGAIN_AFTER = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=1)
# A cloud that is down passes by itself; after so many tries, over more than half an hour, a person should know.
_TRIES_BEFORE_TELLING = 4
_NOT_DELETED = "event_not_deleted"


class OneTimeEvents:
    """Keeps the notes about the events of one site in step with its schedules."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, runtime: EnphaseRuntimeData, notes: EventNotes) -> None:
        self._hass = hass
        self._entry = entry
        self._runtime = runtime
        self._notes = notes
        self._turn = asyncio.Lock()
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._failures = 0
        self._again_at = datetime.min.replace(tzinfo=UTC)

    @callback
    def async_start(self) -> None:
        """Look whenever the schedules were read, and when an event is over."""
        self._entry.async_on_unload(self._disarm)
        self._entry.async_on_unload(lambda: self._tell([]))
        for coordinator in (self._runtime.details, self._runtime.battery):
            self._entry.async_on_unload(coordinator.async_add_listener(self._look))
        self._look()

    @callback
    def _look(self, _now: datetime | None = None) -> None:
        if not self._turn.locked():
            self._entry.async_create_background_task(self._hass, self._async_look(), name="Enphase: events that take place once")

    async def _async_look(self) -> None:
        async with self._turn:
            now = datetime.now(UTC)
            due: list[EventNote] = []
            ends: list[datetime] = []
            for owner, there in self._schedules().items():
                await self._notes.async_settle(owner, there, are_put_back=owner not in self._runtime.details.data)
                for note in self._notes.once(owner):
                    look = there.get(note.id, note.look)
                    if look.window is None or (day := note.day_of(look)) is None:
                        # Somebody has made it weekly, elsewhere.
                        continue
                    end = look.window.on(day, self._zone(note))[1]
                    if end > now:
                        ends.append(end)
                    elif note.id in there:
                        due.append(note)
                    elif note.id and not self._is_put_back(note):
                        await self._notes.async_forget(note)
            if not due:
                self._tell([])
            elif now >= self._again_at:
                await self._delete(due, now)
            self._arm(min(ends, default=None))

    def _schedules(self) -> dict[str, dict[str, Look]]:
        """Return the schedules that were read, by their owners."""
        slots = {serial: details.slots for serial, details in self._runtime.details.data.items() if details.slots is not None}
        found = {serial: {slot.short_id: Look.of_slot(slot) for slot in of_charger} for serial, of_charger in slots.items()}
        battery = self._runtime.battery.data
        if battery is not None and battery.schedules is not None:
            for family in BatteryFamily:
                found[family.name.lower()] = {entry.id: Look.of_entry(entry) for entry in battery.schedules.of(family)}
        return found

    def _zone(self, note: EventNote) -> tzinfo:
        battery = self._runtime.battery
        if note.owner in self._runtime.details.data or battery.data is None:
            return self._runtime.site_facts.time_zone
        entry = battery.data.schedules.entry(note.id) if battery.data.schedules else None
        return battery.zone_of(entry) if entry else battery.time_zone

    def _is_put_back(self, note: EventNote) -> bool:
        """Return whether a schedule of the battery that is not there is about to be."""
        return any(one.entry.id == note.id and one.is_missing for one in self._runtime.battery.keeper.ledger.expected)

    async def _delete(self, due: list[EventNote], now: datetime) -> None:
        left = [note for note in due if not await self._is_deleted(note)]
        self._failures = self._failures + 1 if left else 0
        # The battery's keeper sees to it once it has the change; if nothing comes of that, it is asked for again.
        self._again_at = now + growing_wait(_AGAIN_AFTER, self._failures, _LONGEST_WAIT)
        self._tell(left if self._failures >= _TRIES_BEFORE_TELLING else [])

    async def _is_deleted(self, note: EventNote) -> bool:
        """Try to delete the schedule of an event that is over; return whether that was taken."""
        try:
            await self._delete_one(note)
        except ServiceValidationError as err:
            if err.translation_key != "slot_unknown":
                LOGGER.warning("The schedule of an event that is over could not be deleted: %s", err)
                return False
            await self._notes.async_forget(note)
        except HomeAssistantError as err:
            LOGGER.warning("The schedule of an event that is over could not be deleted yet: %s", err)
            return False
        return True

    @callback
    def _tell(self, left: list[EventNote]) -> None:
        """Tell a person which schedules repeat although their events are over; withdraw that once there are none."""
        lines = "\n".join(f"- {note.line}" for note in left)
        set_entry_issue(self._hass, self._entry, translation_key=_NOT_DELETED, is_so=bool(left), placeholders={"schedules": lines})

    async def _delete_one(self, note: EventNote) -> None:
        if note.owner in self._runtime.details.data:
            await self._runtime.details.async_delete_slot(note.owner, note.id)
            await self._notes.async_forget(note)
            return
        ledger = self._runtime.battery.keeper.ledger
        if not any(kept.id == note.id for intent in ledger.open_intents for kept in intent.deletes):
            await async_delete_entries(self._runtime.battery, lambda entry: entry.id == note.id)

    def _arm(self, moment: datetime | None) -> None:
        self._disarm()
        if moment is not None:
            self._cancel_timer = async_track_point_in_utc_time(self._hass, self._look, moment)

    @callback
    def _disarm(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
