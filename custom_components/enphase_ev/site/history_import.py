"""Brings the past of a site into Home Assistant's statistics: sessions by the hour, energy of the site by the day."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from hashlib import sha256

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfEnergy
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.storage import Store

from ..account_issues import set_entry_issue
from ..const import DOMAIN, LOGGER
from ..enlighten import Channel, ChargedDays, ChargerHistory, EnlightenError, RequestRejected, ServiceUnavailable, SiteEnergy
from ..errors import translated
from ..texts import common_text, text_of
from ..waiting import async_rest
from .past_store import ChargerPast, SitePast, UnfinishedImport, first_hour
from .statistics import Series, async_write, has_recorder

IMPORT_HISTORY = "import_history"
# The import begins here: no IQ EV Charger was sold before.
BEGINNING = date(2020, 1, 1)
_STORAGE_VERSION = 1
_SAVE_DELAY = 10.0
_LOOK_FOR_ROOM_EVERY = 60.0
# The first minutes after a start belong to what a person looks at.
_AFTER_START = 600.0
_AGAIN_AFTER = 3600.0
_WH_PER_KWH = 1000
_DAYS_PER_MONTH = 30.4


@dataclass(frozen=True)
class ImportedCharger:
    """What an import has found of a charger in its days: sessions, kWh, cost, and on how many days it charged."""

    sessions: int
    energy: float
    cost: float | None
    days: int


@dataclass(frozen=True)
class Imported:
    """What an import has found: of each charger by serial number, and on how many days the site has counted something."""

    chargers: Mapping[str, ImportedCharger]
    site_days: int


class HistoryImport:
    """Reads the past page by page, as the requests of the account allow, and writes it into the statistics.

    What was read is kept, so that an import that was interrupted goes on where it stopped.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        history: ChargerHistory,
        energy: SiteEnergy | None,
        *,
        zone: Callable[[], tzinfo],
        names: Callable[[], Mapping[str, str]],
        all_serials: Callable[[], Collection[str]],
        currency: Callable[[], str],
    ) -> None:
        self.hass = hass
        self._entry = entry
        self._history = history
        self._energy = energy
        self._zone = zone
        self._names = names
        self._all_serials = all_serials
        self._currency = currency
        self._store = history_store(hass, entry)
        self._past = SitePast()
        self._lock = asyncio.Lock()

    async def async_load(self) -> None:
        """Read what was kept."""
        if stored := await self._store.async_load():
            self._past = SitePast.from_dict(stored)

    @property
    def is_under_way(self) -> bool:
        """Return whether an import has not come to its end."""
        return self._past.unfinished is not None

    @callback
    def async_start(self) -> None:
        """Go on with an import that was interrupted; else offer one, once."""
        self._entry.async_create_background_task(self.hass, self._go_on(), f"{DOMAIN} history")

    @callback
    def async_begin(self, last: date) -> None:
        """Import everything up to a day, in the background."""
        self._past.unfinished = UnfinishedImport(BEGINNING, last)
        self._save()
        self._entry.async_create_background_task(self.hass, self._finish(), f"{DOMAIN} history import")

    async def async_run(self, first: date, last: date, serials: Collection[str]) -> Imported:
        """Read the days from the first to the last, and write them into the statistics.

        Raises:
            ServiceValidationError: There is no recorder.
            HomeAssistantError: The cloud did not answer. What was read until then is written; the rest comes with the next call.
        """
        if not has_recorder(self.hass):
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="recorder_off")
        async with self._lock:
            unfinished = self._past.unfinished
            if unfinished is None or (unfinished.first, unfinished.last) != (first, last):
                self._past.unfinished = unfinished = UnfinishedImport(first, last)
            try:
                with translated():
                    for serial in serials:
                        await self._read_sessions(serial, unfinished)
                    are_days_known = await self._read_days(serials, unfinished)
            finally:
                self._save()
                await self._write_chargers(serials)
            with translated():
                site_days = await self._import_site(first, last)
            self._past.unfinished = None
            if first <= BEGINNING and are_days_known and set(serials) >= self._names().keys():
                # There is nothing left to offer.
                self._past.was_offered = True
                clear_history_issue(self.hass, self._entry)
            self._save()
            return Imported({serial: self._found(serial, first, last) for serial in serials}, site_days)

    # --- Reading ---

    async def _read_sessions(self, serial: str, unfinished: UnfinishedImport) -> None:
        past = self._past.chargers.setdefault(serial, ChargerPast())
        await self._history.account.user_id(self._history.site_id)
        for _ in range(self._history.most_pages):
            passed = unfinished.passed.get(serial, 0)
            await self._wait_for_room()
            page = await self._history.page(serial, unfinished.first, unfinished.last, str(self._zone()), passed)
            for session in page.sessions:
                past.add(session)
            if not page.has_more:
                break
            unfinished.passed[serial] = passed + self._history.per_page
            self._save()

    async def _read_days(self, serials: Collection[str], asked: UnfinishedImport) -> bool:
        """Read the energy by day from before the first session, where there is any and it is clear to which charger it belongs.

        The answer holds all days that there are. Those that nobody has asked for stay out of the statistics.
        Return whether that is all: an answer that tells of no day was missed.
        """
        if not serials:
            return True
        await self._wait_for_room()
        every = {*self._all_serials(), *serials}
        try:
            days = await self._history.charged_days(every)
        except (RequestRejected, ServiceUnavailable) as err:
            LOGGER.debug("The days before the sessions cannot be had: %s", err)
            return True
        is_only = len(days.serials | every) == 1
        for serial in serials:
            past = self._past.chargers.setdefault(serial, ChargerPast())
            for day, energy in days.of(serial, is_only=is_only):
                if asked.first <= day <= asked.last:
                    past.days[day] = energy / _WH_PER_KWH
        return not days.is_empty

    async def _wait_for_room(self) -> None:
        while not self._history.account.budget.has_room:
            await async_rest(self.hass, _LOOK_FOR_ROOM_EVERY)

    # --- Writing ---

    async def _write_chargers(self, serials: Collection[str]) -> None:
        for serial in serials:
            past = self._past.chargers.get(serial, ChargerPast())
            name = self._names().get(serial, "IQ EV Charger")
            key = f"charger_{_short(serial)}"
            energy = Series(f"{key}_energy", f"{name} energy", UnitOfEnergy.KILO_WATT_HOUR, past.energy_by_hour(self._zone()))
            await async_write(self.hass, energy)
            if cost := past.cost_by_hour():
                await async_write(self.hass, Series(f"{key}_cost", f"{name} cost", self._currency(), cost))

    async def _import_site(self, first: date, last: date) -> int:
        """Write the energy of the site by day; return of how many days. Today goes on, so that it is not among them."""
        if self._energy is None:
            return 0
        await self._wait_for_room()
        try:
            days = await self._energy.all_days()
        except RequestRejected as err:
            LOGGER.debug("The site has no energy history: %s", err)
            return 0
        zone = self._zone()
        today = datetime.now(UTC).astimezone(zone).date()
        found = [(day, energies) for day, energies in days.by_day() if first <= day <= last and day < today]
        for channel in Channel:
            amounts = {first_hour(day, zone): energies[channel] / _WH_PER_KWH for day, energies in found if channel in energies}
            if any(amounts.values()):
                name = common_text("statistic_imported", name=f"{self._entry.title} {_name_of(channel)}")
                key = f"site_{_short(self._energy.site_id)}_{channel.value}"
                await async_write(self.hass, Series(key, name, UnitOfEnergy.KILO_WATT_HOUR, amounts), keeps_others=True)
        return sum(1 for _, energies in found if any(energies.values()))

    def _found(self, serial: str, first: date, last: date) -> ImportedCharger:
        past, zone = self._past.chargers.get(serial, ChargerPast()), self._zone()
        sessions = past.within(first, last, zone)
        costs = [one.cost for one in sessions if one.cost is not None]
        hours = past.energy_by_hour(zone)
        days = {day for hour, energy in hours.items() if energy > 0 and first <= (day := hour.astimezone(zone).date()) <= last}
        return ImportedCharger(
            len(sessions), round(sum(one.energy for one in sessions), 3), round(sum(costs), 2) if costs else None, len(days)
        )

    # --- In the background ---

    async def _go_on(self) -> None:
        await async_rest(self.hass, _AFTER_START)
        if self._past.unfinished is not None:
            await self._finish()
        elif not self._past.was_offered and has_recorder(self.hass):
            await self._offer()

    async def _finish(self) -> None:
        """Bring an import to its end, however often the cloud fails."""
        while (unfinished := self._past.unfinished) is not None:
            try:
                await self.async_run(unfinished.first, unfinished.last, list(self._names()))
            except HomeAssistantError as err:
                LOGGER.debug("The import of the history is interrupted: %s", err)
                await async_rest(self.hass, _AGAIN_AFTER)

    async def _offer(self) -> None:
        """Offer to bring the past into the statistics, where there is more than a month of it."""
        if not self._names() or not self._history.account.budget.has_room:
            return
        try:
            days: ChargedDays = await self._history.charged_days()
        except EnlightenError as err:
            LOGGER.debug("How far the past reaches cannot be had: %s", err)
            return
        if days.is_empty:
            # No answer about the past: the next start asks again.
            return
        first = next((day for day, energy in days.by_day() if energy > 0), None)
        months = round((datetime.now(UTC).date() - first).days / _DAYS_PER_MONTH) if first else 0
        self._past.was_offered = True
        self._save()
        if months >= 1:
            set_entry_issue(
                self.hass,
                self._entry,
                translation_key=IMPORT_HISTORY,
                placeholders={"months": str(months)},
                is_persistent=True,
                data={},
            )

    def _save(self) -> None:
        self._store.async_delay_save(self._past.to_dict, _SAVE_DELAY)

    async def async_save_now(self) -> None:
        """Write what was read, before the next start reads it."""
        await self._store.async_save(self._past.to_dict())


@callback
def clear_history_issue(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back the offer of a site that goes."""
    set_entry_issue(hass, entry, translation_key=IMPORT_HISTORY, is_so=False)


def history_store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, object]]:
    """Return where the past of a site is kept."""
    return Store(hass, _STORAGE_VERSION, f"{DOMAIN}.history.{entry.entry_id}", private=True, atomic_writes=True)


def day_before(moment: datetime, zone: tzinfo) -> date:
    """Return the day before the one of a moment, in the site's zone."""
    return moment.astimezone(zone).date() - timedelta(days=1)


def _name_of(channel: Channel) -> str:
    """Return the name of a channel's sensor."""
    return text_of("entity", "sensor", channel.value, "name") or channel.value.replace("_", " ")


def _short(number: str) -> str:
    """Return what stands for a serial or site number in the ids of statistics, which logs can show."""
    return sha256(number.encode()).hexdigest()[:8]
