"""Asks for the energy of a site four times an hour, and counts it so that a dashboard can trust it (docs/cloud-api/energy.md)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import sun
from homeassistant.helpers.storage import Store
from mashumaro import DataClassDictMixin

from ..const import DOMAIN
from ..enlighten import Channel, EnergyOfDays, EnergyOfToday, InvalidResponse, SiteEnergy
from ..errors import OptionalServices, translated, update_error
from ..waiting import LEEWAY, TICK, SnapshotCoordinator, growing_wait, is_signed_in_just_now
from .energy_counter import EnergyCounter

# New values come every quarter hour.
_EVERY = timedelta(minutes=15) - LEEWAY
# The longest pause between questions to a site that has never answered: it may have no such service.
_LONGEST_PAUSE = timedelta(days=1)
# By then the cloud has closed the day before.
_DAYS_READ_AT = time(1)
_POLLS_UNTIL_STALE = 3
_PER_HOUR = 4.0
_STORAGE_VERSION = 1
_SAVE_DELAY = 30.0
# How long after sunset a site that counts the sun alone is still asked: the last of it is reported a little later.
_DUSK = timedelta(hours=1)


@dataclass
class EnergyMemory(DataClassDictMixin):
    """What was counted, by channel."""

    counters: dict[Channel, EnergyCounter] = field(default_factory=dict)


class EnergyCoordinator(SnapshotCoordinator[Mapping[Channel, EnergyCounter]]):
    """The energy counters of a site; only the channels in which it has ever counted anything."""

    config_entry: ConfigEntry

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, client: SiteEnergy, zone: Callable[[], tzinfo]) -> None:
        super().__init__(hass, entry, {}, name="Enphase site energy", update_interval=TICK)
        self.client = client
        self.site_id = client.site_id
        self.seen_at: datetime | None = None
        self._zone = zone
        self._optional = OptionalServices(client.account)
        self._store: Store[dict[str, object]] = energy_store(hass, entry)
        self._today_due = self._days_due = datetime.now(UTC)
        self._has_days = False
        self._misses = 0
        self._last_day: date | None = None

    @property
    def is_fresh(self) -> bool:
        """Return whether what is known is worth showing."""
        pace = self.client.account.budget.pace
        return self.seen_at is not None and datetime.now(UTC) - self.seen_at < _POLLS_UNTIL_STALE * _EVERY * pace + TICK

    async def async_load(self) -> None:
        """Read what was counted before."""
        if stored := await self._store.async_load():
            self.keep_data(EnergyMemory.from_dict(stored).counters)

    async def async_save_now(self) -> None:
        """Write what was counted, before the next start reads it."""
        if self.data:
            await self._store.async_save(self._memory())

    def _memory(self) -> dict[str, object]:
        return EnergyMemory(dict(self.data)).to_dict()

    @callback
    def go_on_from(self, channel: Channel, shown: float | None) -> None:
        """Let a new counter go on from the value (Wh) that its sensor has shown before, under this or another integration."""
        counter = self.data[channel]
        self.keep_data({**self.data, channel: counter.go_on_from(counter.value if shown is None else shown)})
        self._store.async_delay_save(self._memory, _SAVE_DELAY)

    @override
    async def _async_update_data(self) -> Mapping[Channel, EnergyCounter]:
        account = self.client.account
        if not account.budget.has_room:
            return self.data
        now = datetime.now(UTC)
        with translated(update_error):
            # A person who has just signed in looks at today first.
            if now >= self._days_due and not is_signed_in_just_now(account):
                await self._read_days(now)
            if now >= self._today_due:
                await self._read_today(now)
        account.budget.expect(f"{self.site_id}: energy", _PER_HOUR)
        return self.data

    async def _read_days(self, now: datetime) -> None:
        """Read all days once a day: the one that is over has its last values only then."""
        days = await self._optional.ask("energy history", self._not_empty(self.client.all_days()))
        zone = self._zone()
        local = now.astimezone(zone)
        at_one = datetime.combine(local.date(), _DAYS_READ_AT, zone)
        self._days_due = at_one if at_one > local else datetime.combine(local.date() + timedelta(days=1), _DAYS_READ_AT, zone)
        if days is None:
            self._days_due = min(self._days_due, now + self._pause)
            return
        self._count_days(days, local.date())
        if self._has_days:
            # This request replaces the next one of the quarter hours, so that there are never more than four an hour.
            self._today_due = max(self._today_due, now + _EVERY)
            self.seen_at = now
        self._has_days = True

    def _count_days(self, days: EnergyOfDays, today: date) -> None:
        """Count the days that are over; of today the quarter hours tell more."""
        found = [(day, energies) for day, energies in days.by_day() if day < today]
        self._count({channel: [(day, energies[channel]) for day, energies in found if channel in energies] for channel in Channel})

    async def _read_today(self, now: datetime) -> None:
        pace = self.client.account.budget.pace
        if self._is_night(now):
            self.seen_at = now
            self._today_due = now + _EVERY * pace
            return
        today = await self._optional.ask("energy", self._not_empty(self.client.today()))
        if today is None:
            self._today_due = now + self._pause * pace
            self._misses += 1
            return
        self._misses = 0
        self._today_due = now + _EVERY * pace
        self._take_today(today, now)

    async def _not_empty[T: (EnergyOfDays, EnergyOfToday)](self, question: Awaitable[T]) -> T:
        """Return an answer.

        Raises:
            InvalidResponse: It tells of no day although the site has counted something: a missed answer.
        """
        answer = await question
        if answer.is_empty and self.data:
            raise InvalidResponse("The answer holds no energy")
        return answer

    @property
    def _pause(self) -> timedelta:
        """Return how long to wait after a missed answer: longer each time where there has never been one."""
        return _EVERY if self.seen_at is not None else growing_wait(_EVERY, self._misses + 1, _LONGEST_PAUSE)

    def _take_today(self, today: EnergyOfToday, now: datetime) -> None:
        zone = self._zone()
        day = (today.started_at or now).astimezone(zone).date()
        if today.is_all_zero and (not today.buckets or day == self._last_day):
            # Zeros after a day on which something was counted are a missed answer (docs/cloud-api/energy.md §3).
            return
        if not today.is_all_zero:
            self._last_day = day
        self.seen_at = now
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        found = {one: energies for one, energies in today.by_day(zone).items() if one <= tomorrow}
        self._count({channel: [(one, energies[channel]) for one, energies in found.items() if channel in energies] for channel in Channel})

    def _count(self, found: Mapping[Channel, list[tuple[date, float]]]) -> None:
        counted = {channel: self.data.get(channel, EnergyCounter()).take(days) for channel, days in found.items()}
        data = {channel: counter for channel, counter in counted.items() if counter.value > 0}
        if data != self.data:
            self.keep_data(data)
            self._store.async_delay_save(self._memory, _SAVE_DELAY)

    def _is_night(self, now: datetime) -> bool:
        """Return whether nothing can have been counted: a site that counts the sun alone, after dark."""
        is_sun_alone = self.data.keys() == {Channel.SOLAR_PRODUCTION} and self.seen_at is not None
        return is_sun_alone and not sun.is_up(self.hass, now) and not sun.is_up(self.hass, now - _DUSK)


def energy_store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, object]]:
    """Return where the counters of a site are kept."""
    return Store(hass, _STORAGE_VERSION, f"{DOMAIN}.energy.{entry.entry_id}", private=True, atomic_writes=True)
