"""Charge, discharge or hold now: a temporary entry, with what was before put back when it ends, across restarts too."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_track_point_in_utc_time

from ..const import DOMAIN, LOGGER
from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings, FamilySchedules
from ..weekly import overlap
from .coordinator import BatteryCoordinator
from .issues import set_override_issue
from .journal import KeptEntry, Override
from .model import Battery
from .settings import async_switch_charge_schedules, async_switch_family, require_family
from .tickets import EntriesChange, ScheduleWrites, Ticket
from .validation import check_entry, default_limit, window_of_entry

# An entry stands for a time of day: one that lasts a whole day or longer could not be told from one that has not begun.
_LONGEST = timedelta(hours=23)
_LONGEST_UNTIL_CHARGE = timedelta(hours=12)
# "Allowed" is not "charging": after this time a battery that does something else does not follow (docs/cloud-api/battery.md §5).
_FOLLOWED_WITHIN = timedelta(minutes=15)
_AGAIN_AFTER_FAILURE = timedelta(minutes=5)


class OverrideAction(StrEnum):
    """What the battery is to do."""

    CHARGE = "charge"
    DISCHARGE = "discharge"
    HOLD = "hold"

    @property
    def family(self) -> BatteryFamily:
        """Return the control family that does it."""
        return _FAMILIES[self]


_FAMILIES = {
    OverrideAction.CHARGE: BatteryFamily.CHARGE_FROM_GRID,
    OverrideAction.DISCHARGE: BatteryFamily.DISCHARGE_TO_GRID,
    OverrideAction.HOLD: BatteryFamily.RESTRICT_BATTERY_DISCHARGE,
}


class BatteryOverrides:
    """The override of one site: at most one at a time."""

    def __init__(self, coordinator: BatteryCoordinator) -> None:
        self._coordinator = coordinator
        self._journal = coordinator.changes.journal
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._is_ending = False

    @property
    def active(self) -> Override | None:
        """Return the override that is in force."""
        return self._journal.override

    @callback
    def async_start(self) -> None:
        """Take up an override that was in force before a restart, and watch the state of charge."""
        self._arm()
        entry = self._coordinator.config_entry
        entry.async_on_unload(self._disarm)
        entry.async_on_unload(self._coordinator.async_add_listener(self._look))

    async def async_set(self, action: OverrideAction, *, duration: timedelta | None, until_charge: float | None) -> Ticket:
        """Let the battery charge, discharge or hold for a time, or until a state of charge in %.

        Raises:
            ServiceValidationError: It cannot be; nothing was written.
            HomeAssistantError: Refused, or not answered.
        """
        coordinator = self._coordinator
        require_family(coordinator, action.family)
        length = duration or _LONGEST_UNTIL_CHARGE
        if not timedelta(minutes=1) <= length <= _LONGEST:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="override_too_long")
        if self.active is not None:
            await self.async_clear()
        zone = coordinator.time_zone
        # From the minute that runs: an entry that begins in the next one would wait for it.
        now = datetime.now(UTC).astimezone(zone).replace(second=0, microsecond=0)
        end = now + length
        family = action.family
        limit = None if family is BatteryFamily.RESTRICT_BATTERY_DISCHARGE else until_charge or default_limit(family, coordinator.settings)
        temporary = BatteryEntry(
            family=family, start=now.time(), end=end.time(), days=(now.isoweekday(),), limit=limit, time_zone=str(zone)
        )

        def plan(settings: BatterySettings, schedules: BatterySchedules) -> ScheduleWrites:
            aside = [entry for entry in schedules.entries if overlap(window_of_entry(entry), window_of_entry(temporary))]
            check_entry(temporary, settings, replace(schedules, families=_without(schedules, aside)))
            self._journal.override = Override(
                entry=KeptEntry.keep(temporary),
                started_at=datetime.now(UTC),
                ends_at=end.astimezone(UTC),
                until_charge=until_charge,
                aside=[KeptEntry.keep(entry) for entry in aside],
                was_on=settings.is_enabled(family),
                were_schedules_on=settings.schedules_charge is True,
            )
            return ScheduleWrites(deletes=aside, writes=[temporary])

        try:
            ticket = await coordinator.changes.async_change_entries(f"override_{action.value}", EntriesChange(plan=plan))
            coordinator.show_override()
            await self._switch_on(family)
            await self._mark_begun(is_begun=True)
            self._arm()
        except HomeAssistantError:
            # What was taken aside for it comes back.
            await self._end(datetime.now(UTC))
            raise
        return ticket

    async def async_clear(self) -> Ticket | None:
        """End the override: the temporary entry goes, and what was before comes back. `None` where there is none.

        Raises:
            HomeAssistantError: Refused, or not answered; it is tried again.
        """
        override = self.active
        if override is None:
            return None
        temporary = override.entry.entry()
        aside = [kept.entry() for kept in override.aside]

        def plan(_: BatterySettings, schedules: BatterySchedules) -> ScheduleWrites:
            gone = [entry for entry in schedules.of(temporary.family) if entry.is_same_as(temporary)]
            there = schedules.entries
            missing = [one for one in aside if not any(one.is_same_as(other) for other in there)]
            return ScheduleWrites(deletes=gone, back=missing)

        await self._mark_begun(is_begun=False)
        try:
            ticket = await self._coordinator.changes.async_change_entries("override_end", EntriesChange(plan=plan))
            await self._switch_back(override)
        except HomeAssistantError:
            self._arm(datetime.now(UTC) + _AGAIN_AFTER_FAILURE)
            raise
        self._journal.override = None
        await self._journal.async_save()
        self._disarm()
        self._coordinator.show_override()
        set_override_issue(self._coordinator.hass, self._coordinator.config_entry, is_ignored=False)
        return ticket

    async def _mark_begun(self, *, is_begun: bool) -> None:
        if (override := self.active) is not None:
            override.is_begun = is_begun
            await self._journal.async_save()

    async def _switch_on(self, family: BatteryFamily) -> None:
        settings = self._coordinator.data.settings if self._coordinator.data else None
        if settings is None:
            return
        if not settings.is_enabled(family):
            await async_switch_family(self._coordinator, family, is_on=True)
        if family is BatteryFamily.CHARGE_FROM_GRID and settings.schedules_charge is not True:
            await async_switch_charge_schedules(self._coordinator, is_on=True)

    async def _switch_back(self, override: Override) -> None:
        """Switch the family to what it was before."""
        family = override.entry.family
        settings = self._coordinator.data.settings if self._coordinator.data else None
        if settings is None:
            return
        if family is BatteryFamily.CHARGE_FROM_GRID and settings.schedules_charge and not override.were_schedules_on:
            await async_switch_charge_schedules(self._coordinator, is_on=False)
        if settings.is_enabled(family) and not override.was_on:
            await async_switch_family(self._coordinator, family, is_on=False)

    # --- Its end ---

    def _arm(self, at: datetime | None = None) -> None:
        """End the override then: at its end, or at once where it was interrupted before it had begun or while it ended."""
        self._disarm()
        if (override := self.active) is not None:
            soon = datetime.now(UTC) + timedelta(seconds=1)
            moment = at or (max(override.ends_at, soon) if override.is_begun else soon)
            self._cancel_timer = async_track_point_in_utc_time(self._coordinator.hass, self._end, moment)

    def _disarm(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    async def _end(self, _now: datetime) -> None:
        if self._is_ending or self.active is None:
            return
        # One that ends early must not end the next one at its own time.
        self._disarm()
        self._is_ending = True
        try:
            await self.async_clear()
        except HomeAssistantError as err:
            LOGGER.warning("The battery's override could not be ended and is tried again: %s", err)
        finally:
            self._is_ending = False

    @callback
    def _look(self) -> None:
        """Look what the battery makes of the override: end it where its state of charge is reached, say so where it does not follow."""
        override, battery = self.active, self._coordinator.data
        charge = battery.status.state_of_charge if battery and battery.status else None
        if override is None or battery is None or charge is None or self._is_ending:
            return
        if override.until_charge is not None and _is_reached(override, override.until_charge, charge):
            self._coordinator.config_entry.async_create_background_task(
                self._coordinator.hass, self._end(datetime.now(UTC)), name="Enphase battery: end the override"
            )
        is_overdue = datetime.now(UTC) >= override.started_at + _FOLLOWED_WITHIN
        is_ignored = is_overdue and not _is_followed(override, battery, charge)
        set_override_issue(self._coordinator.hass, self._coordinator.config_entry, is_ignored=is_ignored)


def _is_reached(override: Override, target: float, charge: float) -> bool:
    return charge >= target if override.entry.family is BatteryFamily.CHARGE_FROM_GRID else charge <= target


def _is_followed(override: Override, battery: Battery, charge: float) -> bool:
    """Return whether the battery does what it was told, or has nothing left to do."""
    match override.entry.family:
        case BatteryFamily.CHARGE_FROM_GRID:
            return battery.activity == "charging" or charge >= (override.entry.limit or 100) - 1
        case BatteryFamily.DISCHARGE_TO_GRID:
            return battery.activity == "discharging" or charge <= (override.entry.limit or 0) + 1
        case BatteryFamily.RESTRICT_BATTERY_DISCHARGE:
            return battery.activity != "discharging"


def _without(schedules: BatterySchedules, gone: Iterable[BatteryEntry]) -> dict[BatteryFamily, FamilySchedules]:
    ids = {entry.id for entry in gone}
    return {
        family: replace(found, entries=tuple(entry for entry in found.entries if entry.id not in ids))
        for family, found in schedules.families.items()
    }
