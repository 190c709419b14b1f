"""Reads what seldom changes about the chargers of a site (schedules, settings, firmware, sessions), and writes it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN, LOGGER
from ..enlighten import (
    ChargeMode,
    ChargerHistory,
    ChargerSettings,
    ChargingSchedules,
    ChargingSlot,
    ConfigurationKey,
    Feature,
    FirmwareDetails,
    PastSession,
    RequestRejected,
)
from ..errors import translated, update_error
from ..freshness import CHARGER_CONFIGURATION, CHARGING_SCHEDULE, FIRMWARE, GREEN_MODE_SETTINGS, SESSION_HISTORY
from ..waiting import LEEWAY, TICK, Due, SnapshotCoordinator, async_rest, is_signed_in_just_now
from .coordinator import ChargerCoordinator
from .model import Charger, ChargerDetails
from .store import SiteStore

_SCHEDULES_EVERY = timedelta(hours=1) - LEEWAY
_SETTINGS_EVERY = timedelta(hours=1) - LEEWAY
_BATTERY_HELP_EVERY = timedelta(hours=3) - LEEWAY
_SITE_EVERY = timedelta(days=1)
_HISTORY_EVERY = timedelta(hours=6)
_AGAIN_AFTER_OUTAGE = timedelta(minutes=10)
# The first moment after a start is for what a person looks at first.
_FIRST_HISTORY_AFTER = timedelta(seconds=30)
# A session appears in the history a little after it has ended.
_HISTORY_AFTER_SESSION = timedelta(minutes=2)
# A month of sessions, for what it costs.
_LAST_SESSION_WITHIN = timedelta(days=31)
# The cloud is slow to confirm: how long to wait (s) before looking for a change again.
_LOOK_AGAIN_AFTER = (2.0, 5.0)


@dataclass
class _ChargerDue:
    """When the parts of one charger are asked for next, and what it did at the last look: once it stops, its session is asked for."""

    slots: Due
    settings: Due
    history: Due
    battery_help: Due = field(default_factory=Due)
    was_charging: bool = False
    was_plugged_in: bool = False


@dataclass
class _OfAllChargers:
    """What one answer says about all chargers of the site, and which chargers those are."""

    due: Due
    serials: Set[str] = frozenset()
    features: Mapping[str, frozenset[Feature]] = field(default_factory=dict)
    firmware: Mapping[str, FirmwareDetails] = field(default_factory=dict)


class DetailsCoordinator(SnapshotCoordinator[Mapping[str, ChargerDetails]]):
    """The details of the chargers by serial number.

    Its questions and changes raise `HomeAssistantError` when the cloud refuses, does not answer, or does not apply a change.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        schedules: ChargingSchedules,
        settings: ChargerSettings,
        history: ChargerHistory,
        chargers: ChargerCoordinator,
        store: SiteStore,
        reads_history: bool,
    ) -> None:
        super().__init__(hass, entry, {}, name="Enphase charger details", update_interval=TICK)
        self.schedules = schedules
        self.settings = settings
        self.history = history
        self._chargers = chargers
        self._store = store
        self._reads_history = reads_history
        self._optional = chargers.optional
        self._started_at = datetime.now(UTC)
        self._site = _OfAllChargers(Due())
        self._due: dict[str, _ChargerDue] = {}

    # --- Reading ---

    @override
    async def _async_update_data(self) -> Mapping[str, ChargerDetails]:
        if not self._chargers.last_update_success or not self.settings.account.budget.has_room:
            # The cloud does not answer the poll either. That is logged there, and more requests would not help.
            return self.data
        before = self.data
        found: dict[str, ChargerDetails] = {}
        # If a charger is gone and comes back one day, it is asked about at once.
        self._due = {serial: due for serial, due in self._due.items() if serial in self._chargers.data}
        with translated(update_error):
            await self._refresh_site()
            for serial, charger in self._chargers.data.items():
                found[serial] = await self._refresh(serial, charger)
        return {serial: self._with_changes_since(before.get(serial), serial, details) for serial, details in found.items()}

    def _with_changes_since(self, before: ChargerDetails | None, serial: str, found: ChargerDetails) -> ChargerDetails:
        """Return what was found, but keep what a person has changed meanwhile."""
        changed = self.data.get(serial)
        if changed is None or changed is before:
            return found
        return replace(found, slots=changed.slots, configuration=changed.configuration, battery_help=changed.battery_help)

    async def _refresh_site(self) -> None:
        now = datetime.now(UTC)
        serials = self._chargers.data.keys()
        if (
            (not self._site.due.has_come(now) and serials <= self._site.serials)
            or not serials
            or is_signed_in_just_now(self.settings.account)
        ):
            return
        self._site.serials = set(serials)
        features = await self._optional.ask("feature flags", self.settings.features())
        firmware = await self._optional.ask(FIRMWARE.service, self.settings.firmware())
        self._site.features = features or self._site.features
        self._site.firmware = firmware or self._site.firmware
        for serial in firmware or ():
            self._optional.note_answer(FIRMWARE.service, serial)
        self._site.due.at = now + (_SITE_EVERY if features is not None and firmware is not None else _AGAIN_AFTER_OUTAGE)

    async def _refresh(self, serial: str, charger: Charger) -> ChargerDetails:
        now = datetime.now(UTC)
        pace = self.settings.account.budget.pace
        details = self.data.get(serial, ChargerDetails())
        due = self._due.setdefault(serial, _ChargerDue(Due(), Due(), Due(self._started_at + _FIRST_HISTORY_AFTER)))
        if due.slots.has_come(now):
            schedule = await self._optional.ask(CHARGING_SCHEDULE.service, self.schedules.read(serial), serial)
            due.slots.at = now + (_SCHEDULES_EVERY * pace if schedule else _AGAIN_AFTER_OUTAGE)
            details = replace(details, slots=schedule.slots) if schedule else details
        if due.settings.has_come(now) and not is_signed_in_just_now(self.settings.account):
            details = await self._refresh_settings(serial, charger, details)
            due.settings.at = now + (_SETTINGS_EVERY * pace if details.configuration else _AGAIN_AFTER_OUTAGE)
        status = charger.status
        if (due.was_charging and not status.is_charging) or (due.was_plugged_in and not status.is_plugged_in):
            due.history.no_later_than(now + _HISTORY_AFTER_SESSION)
        due.was_charging, due.was_plugged_in = status.is_charging, status.is_plugged_in
        if self._reads_history and due.history.has_come(now) and not is_signed_in_just_now(self.settings.account):
            zone = self._chargers.site.time_zone
            today = now.astimezone(zone).date()
            question = self.history.sessions(serial, today - _LAST_SESSION_WITHIN, today, str(zone))
            sessions = await self._optional.ask(SESSION_HISTORY.service, question, serial)
            due.history.at = now + (_HISTORY_EVERY if sessions is not None else _AGAIN_AFTER_OUTAGE)
            if sessions is not None:
                details = replace(details, sessions=tuple(sessions), last_session=sessions[0] if sessions else details.last_session)
        features = self._site.features.get(serial, frozenset()) | self._site.features.get("", frozenset())
        return replace(details, features=features, firmware=self._site.firmware.get(serial))

    async def _refresh_settings(self, serial: str, charger: Charger, details: ChargerDetails) -> ChargerDetails:
        configuration = await self._optional.ask(CHARGER_CONFIGURATION.service, self.settings.configuration(serial), serial)
        details = replace(details, configuration=configuration or details.configuration)
        summary, preference = charger.summary, charger.preference
        if self._store.has_battery_for_car:
            # The site has a switch of its own, and this one has no effect (docs/cloud-api/battery.md §8).
            return replace(details, battery_help=None)
        has_green = preference is None or ChargeMode.GREEN in preference.offered
        now, due = datetime.now(UTC), self._due[serial].battery_help
        # In other modes this setting does nothing, but the app may change it.
        is_worth_asking = details.battery_help is None or charger.mode is ChargeMode.GREEN or due.has_come(now)
        if has_green and is_worth_asking and summary is not None and summary.supports_battery_use:
            battery_help = await self._optional.ask(GREEN_MODE_SETTINGS.service, self.settings.battery_help(serial), serial)
            due.at = now + (_AGAIN_AFTER_OUTAGE if battery_help is None else _BATTERY_HELP_EVERY)
            details = replace(details, battery_help=details.battery_help if battery_help is None else battery_help)
        return details

    # --- Settings ---

    async def async_set_battery_help(self, serial: str, *, is_enabled: bool) -> None:
        """Choose whether the house battery helps in green mode, and check that it is in force."""

        async def is_so() -> bool:
            actual = await self._send(self.settings.battery_help(serial))
            self._optional.note_answer(GREEN_MODE_SETTINGS.service, serial)
            self._publish(serial, replace(self._details(serial), battery_help=actual))
            return actual is is_enabled

        await self._make_so(serial, is_so, lambda: self.settings.set_battery_help(serial, is_enabled=is_enabled))

    async def async_set_configuration(self, serial: str, key: ConfigurationKey, value: bool | float) -> None:
        """Switch a key of the charger's configuration on or off, or set its level (A), and check it.

        A value that waits for the charger counts as written.
        """

        async def is_so() -> bool:
            actual = await self._send(self.settings.configuration(serial))
            self._optional.note_answer(CHARGER_CONFIGURATION.service, serial)
            self._publish(serial, replace(self._details(serial), configuration=actual))
            return actual.holds(key, value)

        await self._make_so(serial, is_so, lambda: self.settings.set_configuration(serial, key, value))

    async def _make_so(self, serial: str, is_so: Callable[[], Awaitable[bool]], write: Callable[[], Awaitable[None]]) -> None:
        """Write a setting in the charger's turn unless it is so already, and look whether it is so then."""
        async with self._chargers.turn(serial):
            try:
                if await is_so():
                    return
            except HomeAssistantError as err:
                # A setting that cannot be read now is written all the same. Afterwards it has to be readable.
                LOGGER.debug("A setting could not be read before it was changed: %s", err)
            await self._write(serial, write())
            await self._confirm(is_so)

    # --- Schedules ---

    async def async_add_slot(self, serial: str, slot: ChargingSlot) -> ChargingSlot:
        """Add a slot to a charger's schedule and return it with the id that the cloud gave it.

        Slots may overlap, which the cloud takes; the same slot twice is nobody's wish, but comes from two callers at once.

        Raises:
            ServiceValidationError: There is one that is the same.
        """
        async with self._chargers.turn(serial):
            before = await self._read_slots(serial)
            if any(replace(one, id=slot.id) == slot for one in before):
                raise ServiceValidationError(translation_domain=DOMAIN, translation_key="charging_schedule_exists")
            known = {one.id for one in before}
            await self._write(serial, self.schedules.add(serial, slot))
            found: list[ChargingSlot] = []

            def is_there(after: Iterable[ChargingSlot]) -> bool:
                found[:] = [one for one in after if one.id not in known and replace(one, id=slot.id) == slot]
                return bool(found)

            await self._confirm_slots(serial, before, is_there)
            return found[0]

    async def async_change_slot(self, serial: str, slot_id: str, change: Callable[[ChargingSlot], ChargingSlot]) -> None:
        """Change a slot; fields that `change` does not touch keep their values.

        Raises:
            ServiceValidationError: There is no such slot.
        """
        async with self._chargers.turn(serial):
            before = await self._read_slots(serial)
            slot = _find(before, slot_id)
            wanted = change(slot)
            if wanted == slot:
                return
            if replace(wanted, is_enabled=slot.is_enabled) == slot:
                await self._write(serial, self.schedules.switch(serial, slot.id, is_enabled=wanted.is_enabled))
            else:
                await self._write(serial, self.schedules.change(serial, wanted))
            others = [one for one in before if one.id != slot.id]
            await self._confirm_slots(serial, others, lambda after: wanted in after)

    async def async_delete_slot(self, serial: str, slot_id: str) -> None:
        """Delete a slot.

        Raises:
            ServiceValidationError: There is no such slot.
        """
        async with self._chargers.turn(serial):
            before = await self._read_slots(serial)
            slot = _find(before, slot_id)
            await self._write(serial, self.schedules.delete(serial, slot.id))
            others = [one for one in before if one.id != slot.id]
            await self._confirm_slots(serial, others, lambda after: all(one.id != slot.id for one in after))

    async def async_read_slots(self, serial: str) -> tuple[ChargingSlot, ...]:
        """Read all slots of a charger now."""
        slots = await self._read_slots(serial)
        self._optional.note_answer(CHARGING_SCHEDULE.service, serial)
        self._publish(serial, replace(self._details(serial), slots=slots))
        return slots

    async def _read_slots(self, serial: str) -> tuple[ChargingSlot, ...]:
        return (await self._send(self.schedules.read(serial))).slots

    async def _confirm_slots(
        self, serial: str, untouched: Iterable[ChargingSlot], is_done: Callable[[tuple[ChargingSlot, ...]], bool]
    ) -> None:
        """Check that a change is in force and that all other slots are still there; put back those that are missing."""
        others = list(untouched)
        was_put_back = False

        async def is_taken_over() -> bool:
            nonlocal was_put_back
            after = await self.async_read_slots(serial)
            ids = {slot.id for slot in after}
            lost = [slot for slot in others if slot.id not in ids]
            if lost and not was_put_back:
                was_put_back = True
                LOGGER.warning("A change of the charging schedule made %s other slots disappear; they are put back", len(lost))
                await self._write(serial, self.schedules.replace_all(serial, [*after, *lost]))
            return not lost and is_done(after)

        await self._confirm(is_taken_over)

    # --- Sessions ---

    async def async_read_sessions(self, serial: str, first: date, last: date) -> list[PastSession]:
        """Read the sessions of a charger from the first day to the last, both in the site's zone, the newest first."""
        return await self._send(self.history.sessions(serial, first, last, str(self._chargers.site.time_zone)))

    # --- Writing in general ---

    def _details(self, serial: str) -> ChargerDetails:
        return self.data.get(serial, ChargerDetails())

    def _publish(self, serial: str, details: ChargerDetails) -> None:
        self.publish_data({**self.data, serial: details})

    async def _send[T](self, request: Awaitable[T]) -> T:
        with translated():
            return await request

    async def _write(self, serial: str, request: Awaitable[None]) -> None:
        """Send a write. If the cloud queues it for the charger, that is an error; the next tick reads whether it came into force."""
        with translated():
            try:
                await request
            except RequestRejected as err:
                if err.is_queued and (due := self._due.get(serial)) is not None:
                    due.slots.at_once()
                    due.settings.at_once()
                raise

    async def _confirm(self, is_taken_over: Callable[[], Awaitable[bool]]) -> None:
        """Check a few times whether a change is in force: the cloud is slow to confirm."""
        for seconds in _LOOK_AGAIN_AFTER:
            if await is_taken_over():
                return
            await async_rest(self.hass, seconds)
        if not await is_taken_over():
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_taken_over")


def _find(slots: Iterable[ChargingSlot], slot_id: str) -> ChargingSlot:
    found = next((slot for slot in slots if slot_id in {slot.id, slot.short_id}), None)
    if found is None:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="slot_unknown")
    return found
