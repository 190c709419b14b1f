"""Asks for the events of a grid program, and for the outages that are over (docs/cloud-api/events.md)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..charger.store import SiteStore, StoredEnrollment
from ..const import LOGGER
from ..enlighten import EnlightenError, GridEvent, GridServices, Outage, RequestRejected, SiteEnergy
from ..errors import OptionalServices, translated, update_error
from ..waiting import LEEWAY, TICK, EdgeCoordinator, is_signed_in_just_now

_ENROLLMENT_EVERY = timedelta(days=1)
_EVENTS_EVERY = timedelta(minutes=30) - LEEWAY
_SOON_EVERY = timedelta(minutes=5) - LEEWAY
_SOON = timedelta(hours=1)
_OUTAGES_EVERY = timedelta(days=1)
_AGAIN_AFTER_OUTAGE = timedelta(minutes=30)
_POLLS_UNTIL_STALE = 3
_SERVICE = "grid events"
# Says nothing about the session, and is quiet (docs/cloud-api/events.md §1).
_UNAUTHORIZED = 401
# What the calendar holds of the past and of what is ahead.
_PAST = timedelta(days=90)
_AHEAD = timedelta(days=90)


@dataclass(frozen=True)
class GridSchedule:
    """What is known of the grid.

    Attributes:
        program: that the site takes part in; `None` where it is in none, or that is not known yet.
        events, outages: the earliest first.
    """

    program: str | None = None
    events: tuple[GridEvent, ...] = ()
    outages: tuple[Outage, ...] = ()

    def current(self, now: datetime) -> GridEvent | None:
        """Return the event that is going on."""
        return next((event for event in self.events if event.is_on(now)), None)

    def upcoming(self, now: datetime) -> GridEvent | None:
        """Return the event that begins next."""
        return next((event for event in self.events if event.is_ahead(now)), None)


class GridEventsCoordinator(EdgeCoordinator[GridSchedule]):
    """The events and outages of a site."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: GridServices,
        energy: SiteEnergy,
        store: SiteStore,
        has_battery: Callable[[], bool],
    ) -> None:
        # A restart does not ask again what is asked once a day.
        enrollment = store.enrollment
        first = GridSchedule(program=enrollment.program if enrollment else None)
        super().__init__(hass, entry, first, name="Enphase grid events", update_interval=TICK)
        self.client = client
        self.site_id = client.site_id
        self.seen_at: datetime | None = None
        self._energy = energy
        self._store = store
        self._has_battery = has_battery
        self._optional = OptionalServices(client.account)
        self._events_due = self._outages_due = now = datetime.now(UTC)
        self._enrollment_due = min(enrollment.due, now + _ENROLLMENT_EVERY) if enrollment else now

    @property
    def is_fresh(self) -> bool:
        """Return whether what is known of the events is worth showing."""
        return self.seen_at is not None and datetime.now(UTC) - self.seen_at < _POLLS_UNTIL_STALE * _EVENTS_EVERY

    @override
    async def _async_update_data(self) -> GridSchedule:
        account = self.client.account
        if not account.budget.has_room or is_signed_in_just_now(account):
            return self.data
        now = datetime.now(UTC)
        with translated(update_error):
            await self._refresh_events(now)
            if now >= self._outages_due and self._has_battery():
                outages = await self._optional.ask("outages", self._energy.outages())
                self._outages_due = now + _OUTAGES_EVERY
                if outages is not None:
                    self.keep_data(replace(self.data, outages=outages))
        return self.data

    async def _refresh_events(self, now: datetime) -> None:
        """Ask the host of the grid services, whose answers say nothing about the session at Enlighten: they neither renew nor end it."""
        if not self.client.may_ask:
            return
        try:
            if now >= self._enrollment_due:
                self._enrollment_due = now + _AGAIN_AFTER_OUTAGE
                program = await self.client.program(is_enrolled=self.data.program is not None)
                self.keep_data(replace(self.data, program=program, events=self.data.events if program else ()))
                self._enrollment_due = now + _ENROLLMENT_EVERY
                self._store.enrollment = StoredEnrollment(program, self._enrollment_due)
                if program is None:
                    self._optional.note_answer(_SERVICE)
            if self.data.program is not None and now >= self._events_due:
                self._events_due = now + _AGAIN_AFTER_OUTAGE
                await self._read_events(self.data.program, now)
        except RequestRejected as err:
            LOGGER.debug("The grid events are refused: %s", err)
            self._enrollment_due = now + _ENROLLMENT_EVERY
            if err.status != _UNAUTHORIZED:
                self._optional.note_outage(_SERVICE, err)
        except EnlightenError as err:
            LOGGER.debug("The grid events cannot be had: %s", err)
            self._optional.note_outage(_SERVICE, err)

    async def _read_events(self, program: str, now: datetime) -> None:
        events = await self.client.events(program, (now - _PAST).date(), (now + _AHEAD).date())
        self.keep_data(replace(self.data, events=events))
        self.seen_at = now
        self._optional.note_answer(_SERVICE)
        ahead = self.data.upcoming(now)
        is_soon = self.data.current(now) is not None or (ahead is not None and ahead.starts_at - now <= _SOON)
        self._events_due = now + (_SOON_EVERY if is_soon else _EVENTS_EVERY)
        if ahead is not None and not is_soon:
            # From one hour before it begins, it is asked for more often.
            self._events_due = min(self._events_due, max(ahead.starts_at - _SOON, now + _SOON_EVERY))
        self.watch_edge()

    @override
    def next_edge(self, now: datetime) -> datetime | None:
        """Return when an event begins or ends next."""
        edges = (edge for event in self.data.events if event.takes_place for edge in (event.starts_at, event.ends_at))
        return min((edge for edge in edges if edge > now), default=None)
