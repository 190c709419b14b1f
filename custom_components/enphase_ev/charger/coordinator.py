"""Polls the chargers of one site: faster while something happens and after a command, more slowly after failures."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..account_issues import THROTTLED_FOR, clear_account_issues, raise_account_issue, raise_throttled_issue, set_ceiling_issue
from ..const import CONF_CHARGERS, LOGGER
from ..enlighten import (
    AuthError,
    ChargerHistory,
    ChargerStatus,
    ChargerSummary,
    EnlightenError,
    InvalidResponse,
    RateLimited,
    RequestCeiling,
    SiteStatus,
)
from ..errors import OptionalServices, update_error
from ..freshness import CHARGE_MODE, CHARGER_SUMMARY, Source
from ..options import SiteOptions
from ..site.model import SiteFacts
from ..waiting import SnapshotCoordinator, async_at_once, growing_wait
from .devices import is_new, is_wanted, remove_charger_device, remove_gone_charger, update_charger_device
from .issues import set_new_chargers_issue, set_stop_issue
from .local_first import LocalFirstChargers
from .measured_power import MeasuredPower
from .model import Charger, ChargerDetails
from .store import SiteStore
from .tracker import ChargerTracker

_HOUR = 3600.0
_LONGEST_INTERVAL = 300.0
_FIRST_RETRY_AFTER = timedelta(seconds=15)
# Entities become unavailable when the data is older than this many polls.
_POLLS_UNTIL_STALE = 3
# How often one charger is asked about its mode; several chargers take turns, up to this many.
_MODES_EVERY = timedelta(minutes=10)
_MOST_TURNS = 3
_MODES_AGAIN_AFTER_OUTAGE = timedelta(minutes=5)
# For chargers that do not say when they reported: their usual reporting interval.
_SUMMARIES_EVERY = timedelta(minutes=5)
# Without a session the energy does not change, and the rest of a summary seldom does.
_IDLE_SUMMARIES_EVERY = timedelta(hours=1)
# A summary without limits is asked for with every poll for this long: as a rule they come within minutes.
_LIMITS_COME_WITHIN = timedelta(minutes=10)
# Requests beside the status: summaries while a charger charges, and for each charger its schedule and settings.
_SUMMARIES_PER_HOUR = 12.0
_DETAILS_PER_HOUR = 2.0
# After a command the next polls come after so many seconds each, until it is confirmed or counts as failed.
_CONFIRMING_SECONDS = (2.0, 4.0, 8.0, 16.0, 30.0)


class ChargerCoordinator(SnapshotCoordinator[Mapping[str, Charger]]):
    """The chargers of a site by serial number."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        site: SiteFacts,
        client: LocalFirstChargers,
        history: ChargerHistory,
        store: SiteStore,
        options: SiteOptions,
    ) -> None:
        super().__init__(hass, entry, {}, name="Enphase chargers", update_interval=timedelta(seconds=options.slow_interval))
        self.client = client
        self.site = site
        self._history = history
        self._options = options
        self._store = store
        self.measured_power = MeasuredPower(hass, entry, options.power_sensors, self._publish_measured)
        self.optional = OptionalServices(client.account, follows_status=True)
        self._trackers: dict[str, ChargerTracker] = {}
        self._failures = 0
        self._usual_interval = options.slow_interval
        self._confirming: Iterator[float] | None = None
        self._summaries_at: datetime | None = None
        self._incomplete_since: datetime | None = None
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._are_summaries_down = False
        self._streaming_until: datetime | None = None
        self._cancel_throttled: CALLBACK_TYPE | None = None
        self._cancel_stale: CALLBACK_TYPE | None = None

    # --- What entities ask ---

    @property
    def is_reachable(self) -> bool:
        """Return whether the cloud answered when it was asked last."""
        return self.last_update_success and self.client.cloud_answers

    def is_fresh(self, serial: str) -> bool:
        """Return whether a charger was in one of the answers of the last three polls."""
        tracker = self._trackers.get(serial)
        seen_at = tracker.seen_at if tracker else None
        return seen_at is not None and datetime.now(UTC) - seen_at < self._stale_after

    def is_source_fresh(self, serial: str, source: Source | None) -> bool:
        """Return whether what a source has told about a charger last is worth showing."""
        pace = self.client.account.budget.pace
        return self.optional.is_fresh(source, pace=pace) and self.optional.is_fresh(source, serial, pace)

    def tracker(self, serial: str) -> ChargerTracker:
        """Return what is kept about a charger from poll to poll."""
        if serial not in self._trackers:
            self._trackers[serial] = ChargerTracker(serial, self._store)
        return self._trackers[serial]

    @property
    def trackers(self) -> Iterable[ChargerTracker]:
        """Return what is kept about each charger."""
        return self._trackers.values()

    @property
    def _stale_after(self) -> timedelta:
        return timedelta(seconds=_POLLS_UNTIL_STALE * self._usual_interval)

    # --- Polling ---

    @override
    async def _async_setup(self) -> None:
        """Start with the chargers of the last run, to notice which are gone; remove those that a person does not want any more."""
        for serial in self._store.serials:
            if is_wanted(self.config_entry.data, serial):
                self.tracker(serial)
            else:
                self._store.forget_charger(serial)
                remove_charger_device(self.hass, self.config_entry, serial)

    @override
    async def _async_update_data(self) -> Mapping[str, Charger]:
        try:
            status = await self.client.status()
            self.site.latency = self.client.account.latency
            await self._take_in(status)
        except RequestCeiling as err:
            if self.site.last_success is None:
                raise self._failed(err) from err
            # The cloud is fine: entities become unavailable once their data is too old.
            self.update_interval = timedelta(seconds=self._usual_interval)
            set_ceiling_issue(self.hass, self.client.account)
            return self.data
        except EnlightenError as err:
            raise self._failed(err) from err
        return self._succeeded()

    async def _take_in(self, status: SiteStatus) -> None:
        """Take in a status, then ask for everything that may have changed with it."""
        now = datetime.now(UTC)
        await self.site.async_take_time_zone(status.time_zone)
        selected = self._selected(status)
        for serial, found in selected.items():
            self.tracker(serial).take_status(found, now, status.server_time or now)
        known = {serial: name for serial, name in self.site.account_chargers.items() if serial in self._trackers or not status.chargers}
        self.site.account_chargers = known | {serial: found.name or "IQ EV Charger" for serial, found in status.chargers.items()}
        for serial, tracker in self._trackers.items():
            if serial not in selected:
                tracker.miss(now)
        trackers = [self._trackers[serial] for serial in selected]
        await async_at_once(self._refresh_summaries(trackers, now), self._refresh_modes(trackers, now))
        await self._count_day(trackers, now)
        await self._remove_gone(now)

    def _failed(self, err: EnlightenError) -> Exception:
        """Slow down, and make sure that entities become unavailable in time."""
        self._failures += 1
        self._confirming = None
        self.update_interval = wait = self._wait_after(err)
        raise_account_issue(self.hass, self.config_entry, err)
        if isinstance(err, RateLimited) and self._cancel_throttled is None:
            # The cloud can ask for a wait that is longer than this.
            self._cancel_throttled = async_call_later(self.hass, THROTTLED_FOR, self._say_throttled)
        if self._cancel_stale is None and self.site.last_success is not None:
            left = self.site.last_success + self._stale_after - datetime.now(UTC)
            self._cancel_stale = async_call_later(self.hass, max(left.total_seconds(), 0.0) + 1, self._become_stale)
        if isinstance(err, RateLimited) and err.retry_after is None:
            err = RateLimited(wait.total_seconds())
        return update_error(err)

    def _wait_after(self, err: EnlightenError) -> timedelta:
        """Return when to ask again: soon where the cloud is gone, to show within one poll that it is back; later where it refuses."""
        usual = timedelta(seconds=self._usual_interval)
        if isinstance(err, RateLimited | AuthError):
            return max(growing_wait(usual, self._failures, timedelta(seconds=_LONGEST_INTERVAL)), usual)
        return min(_FIRST_RETRY_AFTER, usual) if self._failures == 1 else usual

    def _succeeded(self) -> Mapping[str, Charger]:
        self._failures = 0
        self._cancel_timers()
        if not self.last_update_success or self.site.last_success is None:
            clear_account_issues(self.hass, self.config_entry)
        self.site.last_success = datetime.now(UTC)
        chargers = self._build()
        new = [name for serial, name in self.site.account_chargers.items() if is_new(self.config_entry.data, serial)]
        set_new_chargers_issue(self.hass, self.config_entry, new)
        self._set_rhythm(chargers)
        return chargers

    def _selected(self, status: SiteStatus) -> dict[str, ChargerStatus]:
        """Return the chargers that the person wants."""
        return {serial: found for serial, found in status.chargers.items() if is_wanted(self.config_entry.data, serial)}

    def _build(self) -> dict[str, Charger]:
        """Return all chargers known; one that was missing from the last answer stays as it was (docs/cloud-api/chargers.md §1).

        A charger about which nothing has changed stays the same object, so that its entities have nothing to do.
        """
        before = self.data or {}
        chargers: dict[str, Charger] = {}
        for serial, tracker in self._trackers.items():
            charger = tracker.build(self._options.nominal_voltage, self.client.state_of(serial))
            if charger is None:
                continue
            charger = self.measured_power.measured(charger, is_only=len(self.site.account_chargers) == 1)
            is_unchanged = charger == before.get(serial)
            chargers[serial] = before[serial] if is_unchanged else charger
            if not is_unchanged:
                set_stop_issue(self.hass, self.config_entry, charger)
                update_charger_device(self.hass, self.config_entry, charger)
        return chargers

    @callback
    def _publish_measured(self) -> None:
        """Show what was measured meanwhile."""
        if self.data:
            self.publish()

    def _set_rhythm(self, chargers: Mapping[str, Charger]) -> None:
        is_streaming = self._streaming_until is not None and datetime.now(UTC) < self._streaming_until
        is_busy = (is_streaming and self._options.fast_while_streaming) or any(charger.status.is_charging for charger in chargers.values())
        self._usual_interval = self._options.fast_interval if is_busy else self._options.slow_interval
        if not chargers and not self.config_entry.data[CONF_CHARGERS]:
            # Without chargers there is nothing to poll for until one is added.
            self._usual_interval = max(self._usual_interval, _LONGEST_INTERVAL)
        pace = self._expect(len(chargers), is_busy=is_busy)
        self._usual_interval = max(self._usual_interval, min(self._usual_interval * pace, _LONGEST_INTERVAL))
        set_ceiling_issue(self.hass, self.client.account)
        ends = [moment for tracker in self._trackers.values() if (moment := tracker.gives_up_at) is not None]
        if not ends:
            self._confirming = None
        seconds = next(self._confirming) if self._confirming is not None else self._usual_interval
        if ends:
            # Home Assistant starts a poll up to a second early.
            seconds = min(seconds, max((min(ends) - datetime.now(UTC)).total_seconds(), 0.0) + 1)
        self.update_interval = timedelta(seconds=min(seconds, self._usual_interval))

    def _expect(self, chargers: int, *, is_busy: bool) -> float:
        """Announce how many requests an hour the site's chargers need; return the factor by which their intervals have to grow."""
        modes = timedelta(hours=1) / (_MODES_EVERY * min(max(chargers, 1), _MOST_TURNS))
        per_hour = _HOUR / self._usual_interval + (_SUMMARIES_PER_HOUR if is_busy else 1) + chargers * (modes + _DETAILS_PER_HOUR)
        return self.client.account.budget.expect(f"{self.site.site_id}: chargers", per_hour)

    @callback
    def _become_stale(self, _now: datetime) -> None:
        self._cancel_stale = None
        self.async_update_listeners()

    @callback
    def _say_throttled(self, _now: datetime) -> None:
        raise_throttled_issue(self.hass, self.config_entry)

    def _cancel_timers(self) -> None:
        if self._cancel_stale is not None:
            self._cancel_stale()
        if self._cancel_throttled is not None:
            self._cancel_throttled()
        self._cancel_stale = self._cancel_throttled = None

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and let go of the timers."""
        self._cancel_timers()
        await super().async_shutdown()

    # --- What is asked for less often ---

    async def _refresh_summaries(self, trackers: list[ChargerTracker], now: datetime) -> None:
        """Ask for the summaries when a busy charger has reported since the last ones: otherwise they hardly change."""
        # After a command only the status is needed.
        if self._confirming is not None or not any(self._wants_summary(tracker, now) for tracker in trackers):
            return
        self._summaries_at = now
        found = await self.optional.ask(CHARGER_SUMMARY.service, self._read_summaries(trackers))
        self._are_summaries_down = found is None
        summaries = {summary.serial: summary for summary in found or ()}
        for tracker in trackers:
            if (summary := summaries.get(tracker.serial)) is not None:
                # An answer that leaves a charger out says nothing about it.
                self.optional.note_answer(CHARGER_SUMMARY.service, tracker.serial)
                tracker.take_summary(summary)
            elif found is not None:
                tracker.miss_summary()
        is_incomplete = any(_lacks_limits(tracker) for tracker in trackers)
        self._incomplete_since = (self._incomplete_since or now) if is_incomplete else None

    async def _read_summaries(self, trackers: list[ChargerTracker]) -> list[ChargerSummary]:
        """Return the summaries.

        Raises:
            InvalidResponse: There are none although there were some: a missed answer, as in docs/cloud-api/chargers.md §1.
        """
        found = await self.client.summaries()
        if not found and any(tracker.lifetime_energy is not None or tracker.summary is not None for tracker in trackers):
            raise InvalidResponse("The summary lists no charger")
        return found

    def _wants_summary(self, tracker: ChargerTracker, now: datetime) -> bool:
        since = now - self._summaries_at if self._summaries_at else timedelta.max
        if _lacks_limits(tracker):
            # The first answers after an outage can lack the limits.
            is_gap = self._incomplete_since is None or now < self._incomplete_since + _LIMITS_COME_WITHIN
            return is_gap or since >= _SUMMARIES_EVERY
        reported_at = tracker.status.last_reported if tracker.status else None
        if reported_at is None or tracker.summary is None or self._are_summaries_down:
            return since >= _SUMMARIES_EVERY
        if tracker.is_settled(now) and since < _IDLE_SUMMARIES_EVERY:
            return False
        return reported_at != tracker.summary_of_report

    async def _refresh_modes(self, trackers: list[ChargerTracker], now: datetime) -> None:
        """Ask for the charge modes now and then, after a sign that one may have changed, and while a change is not confirmed."""
        for tracker in trackers:
            is_pending = tracker.mode_change is not None and tracker.mode_change.is_pending
            if not tracker.modes_due.has_come(now) and not is_pending:
                continue
            preference = await self.optional.ask("charge mode", self.client.charge_mode(tracker.serial), tracker.serial)
            if preference is None:
                # The scheduler is one service for all: the others wait as well.
                for other in trackers:
                    other.modes_due.no_earlier_than(now + _MODES_AGAIN_AFTER_OUTAGE)
                return
            tracker.take_preference(preference)
            tracker.modes_due.at = now + _MODES_EVERY * min(len(trackers), _MOST_TURNS) * self.client.account.budget.pace

    async def _count_day(self, trackers: list[ChargerTracker], now: datetime) -> None:
        """Count the energy of the day, which begins at the site's midnight; ask for its beginning if this has not counted it."""
        today = now.astimezone(self.site.time_zone).date()
        unwatched = [tracker for tracker in trackers if tracker.wants_day(self.site.time_zone, today)]
        is_asked = unwatched and self.client.cloud_answers
        counted = await self.optional.ask("energy", self._history.energy_of_day(today)) if is_asked else None
        is_only = len(self.site.account_chargers) == 1
        for tracker in trackers:
            if tracker not in unwatched:
                tracker.count_day(self.site.time_zone, now)
            else:
                tracker.begin_day(self.site.time_zone, now, counted.of(tracker.serial, is_only=is_only) if counted else None)

    async def _remove_gone(self, now: datetime) -> None:
        """Remove the chargers that are no longer in the account; an empty answer is no proof (docs/cloud-api/chargers.md §1)."""
        missing = [tracker for tracker in self._trackers.values() if tracker.is_missing_for_long(now)]
        if not missing:
            return
        summaries = await self.optional.ask("summary", self.client.cloud.summaries())
        if not summaries:
            return
        there = {summary.serial for summary in summaries}
        for tracker in missing:
            if tracker.serial in there:
                tracker.missing_since = now
                continue
            del self._trackers[tracker.serial]
            self.site.account_chargers.pop(tracker.serial, None)
            self._store.forget_charger(tracker.serial)
            remove_gone_charger(self.hass, self.config_entry, tracker.serial)

    # --- What a command decides by ---

    def turn(self, serial: str) -> asyncio.Lock:
        """Return the turn of a charger: whatever changes it waits for it, and decides by what it reads in it."""
        return self._turns[serial]

    async def async_look(self, serial: str) -> bool:
        """Read now what a charger does; return whether that is known."""
        await self.async_read(serial)
        return self.is_fresh(serial)

    async def async_read(self, serial: str) -> bool:
        """Read now what a charger does; return whether it was in the answer."""
        try:
            status = await self.client.status()
        except EnlightenError as err:
            LOGGER.debug("What the charger does could not be read before a command: %s", err)
            return False
        now = datetime.now(UTC)
        if (found := self._selected(status).get(serial)) is None:
            return False
        self.tracker(serial).take_status(found, now, status.server_time or now)
        self.keep_data(self._build())
        return True

    async def async_look_at_mode(self, serial: str) -> bool:
        """Read now how a charger decides when to charge; return whether that could be read.

        Like a poll it leaves room for commands: where few requests are left in this hour, it does not ask.
        """
        if not self.client.account.budget.has_room:
            return False
        try:
            preference = await self.client.charge_mode(serial)
        except EnlightenError as err:
            LOGGER.debug("The charge mode could not be read before a command: %s", err)
            return False
        self.optional.note_answer(CHARGE_MODE.service, serial)
        self.tracker(serial).take_preference(preference)
        self.keep_data(self._build())
        return True

    # --- Showing what is known ---

    @callback
    def async_take_details(self, details: Mapping[str, ChargerDetails]) -> None:
        """Take in what the slower coordinator has found out."""
        for serial, found in details.items():
            if (tracker := self._trackers.get(serial)) is not None:
                tracker.details = found
        self.publish()

    @callback
    def publish(self) -> None:
        """Show the chargers as they are known now, without waiting for the next poll."""
        self.publish_data(self._build())

    @callback
    def confirm_soon(self) -> None:
        """Show what was asked for, and poll soon and then less and less often until it is so."""
        self._confirming = chain(_CONFIRMING_SECONDS, repeat(_CONFIRMING_SECONDS[-1]))
        self.update_interval = timedelta(seconds=next(self._confirming))
        # Unlike `publish`, it sets the timer of the next poll anew.
        self.async_set_updated_data(self._build())

    async def async_poll_fast(self, span: timedelta) -> None:
        """Poll now, and fast for some time: the cloud refreshes faster while it streams."""
        self._streaming_until = datetime.now(UTC) + span
        await self.async_request_refresh()

    @callback
    def stop_polling_fast(self) -> None:
        """Go back to the usual rhythm with the next poll."""
        self._streaming_until = None


def _lacks_limits(tracker: ChargerTracker) -> bool:
    return tracker.summary is None or tracker.summary.limits is None
