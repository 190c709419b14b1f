"""Asks for the chargers of one site, as often as it is worth it, and sees commands through to their confirmation."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from ..account_issues import THROTTLED_FOR, clear_account_issues, raise_account_issue, raise_throttled_issue, set_ceiling_issue
from ..const import CONF_CHARGERS, DOMAIN, LOGGER
from ..enlighten import (
    ChargeMode,
    ChargerHistory,
    ChargerStatus,
    CommandReply,
    EnlightenError,
    Json,
    Outcome,
    RateLimited,
    RequestCeiling,
    RequestRejected,
    ServiceUnavailable,
    SiteStatus,
)
from ..errors import OptionalServices, command_error, update_error
from ..options import SiteOptions
from ..runtime import EnphaseConfigEntry
from ..waiting import async_rest, async_zone, is_signed_in_just_now
from .commands import Command, confirming_rhythm
from .devices import is_new, is_wanted, remove_charger_device, remove_gone_charger, update_charger_device
from .issues import set_new_chargers_issue, set_stop_issue
from .local_first import ChargerSources
from .model import Charger, ChargerDetails
from .store import SiteMemoryStore
from .tracker import ChargerWatch

_HOUR = 3600.0
_LONGEST_INTERVAL = 300.0
# Doubling an interval more often than this only makes the number larger.
_MOST_DOUBLINGS = 8
# Entities become unavailable when the data is older than this many polls.
_POLLS_UNTIL_STALE = 3
# One charger is asked about its mode so often; several take turns, up to a limit.
_MODES_EVERY = timedelta(minutes=10)
_MOST_TURNS = 3
_MODES_AGAIN_AFTER_OUTAGE = timedelta(minutes=5)
# Summaries of chargers that do not say when they reported: their usual reporting interval.
_SUMMARIES_EVERY = timedelta(minutes=5)
# Without a session the energy stands still, and the rest of a summary changes seldom.
_IDLE_SUMMARIES_EVERY = timedelta(hours=1)
# So many summaries in a row without limits are no gap any more.
_MOST_INCOMPLETE_SUMMARIES = 5
# What comes beside the status: while a charger charges, and for each charger its schedule and settings.
_SUMMARIES_PER_HOUR = 12.0
_DETAILS_PER_HOUR = 2.0
# How long a charger is left alone between the stop and the start that give it a new level (docs/cloud-api/chargers.md §3).
_REST_BEFORE_RESTART = 30.0
# The cloud says 900 s.
_LONGEST_STREAM = 3600.0


class ChargerCoordinator(DataUpdateCoordinator[Mapping[str, Charger]]):
    """The chargers of a site by serial number."""

    config_entry: EnphaseConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: EnphaseConfigEntry,
        client: ChargerSources,
        history: ChargerHistory,
        memory: SiteMemoryStore,
        options: SiteOptions,
    ) -> None:
        super().__init__(
            hass, LOGGER, config_entry=entry, name="Enphase chargers", update_interval=timedelta(seconds=options.slow_interval)
        )
        self.client = client
        self.site_id = client.site_id
        self.time_zone: tzinfo = dt_util.get_default_time_zone()
        self.last_success: datetime | None = None
        self.latency: float | None = None
        self._history = history
        self.account_chargers: dict[str, str] = {}
        self._options = options
        self._memory = memory
        self._optional = OptionalServices()
        self._watches: dict[str, ChargerWatch] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failures = 0
        self._usual_interval = options.slow_interval
        self._rhythm: Iterator[float] | None = None
        self._summaries_at: datetime | None = None
        self._incomplete_summaries = 0
        self._are_summaries_down = False
        self._streaming_until: datetime | None = None
        self._cancel_throttled: CALLBACK_TYPE | None = None
        self._cancel_stale: CALLBACK_TYPE | None = None

    # --- What entities ask ---

    def is_fresh(self, serial: str) -> bool:
        """Return whether a charger was in an answer that is no older than three polls."""
        watch = self._watches.get(serial)
        seen_at = watch.seen_at if watch else None
        return seen_at is not None and datetime.now(UTC) - seen_at < self._stale_after

    def _watch(self, serial: str) -> ChargerWatch:
        if serial not in self._watches:
            self._watches[serial] = ChargerWatch(serial, self._memory)
        return self._watches[serial]

    @property
    def _stale_after(self) -> timedelta:
        return timedelta(seconds=_POLLS_UNTIL_STALE * self._usual_interval)

    # --- Polling ---

    @override
    async def _async_setup(self) -> None:
        """Remember the chargers of the last run, to notice the ones that are gone; let go of those that are not wanted any more."""
        for serial in self._memory.serials:
            if is_wanted(self.config_entry.data, serial):
                self._watch(serial)
            else:
                self._memory.forget_charger(serial)
                remove_charger_device(self.hass, self.config_entry, serial)

    @override
    async def _async_update_data(self) -> Mapping[str, Charger]:
        try:
            status = await self.client.status()
            self.latency = self.client.account.latency
            await self._take_in(status)
        except RequestCeiling as err:
            if self.last_success is None:
                raise self._failed(err) from err
            # The cloud is well, and what is shown is as old as it looks.
            self.update_interval = timedelta(seconds=self._usual_interval)
            set_ceiling_issue(self.hass, self.client.account)
            return self.data
        except EnlightenError as err:
            raise self._failed(err) from err
        return self._succeeded()

    async def _take_in(self, status: SiteStatus) -> None:
        """Take in a status, and ask for what it makes worth asking for."""
        now = datetime.now(UTC)
        if status.time_zone is not None:
            self.time_zone = await async_zone(status.time_zone) or self.time_zone
        selected = self._selected(status)
        for serial, found in selected.items():
            self._watch(serial).take_status(found, now, status.server_time or now)
        known = {serial: name for serial, name in self.account_chargers.items() if serial in self._watches or not status.chargers}
        self.account_chargers = known | {serial: found.name or "IQ EV Charger" for serial, found in status.chargers.items()}
        for serial, watch in self._watches.items():
            if serial not in selected:
                watch.miss(now)
        watches = [self._watches[serial] for serial in selected]
        await self._refresh_summaries(watches, now)
        await self._refresh_modes(watches, now)
        await self._count_day(watches, now)
        await self._remove_gone(now)

    def _failed(self, err: EnlightenError) -> Exception:
        """Slow down, and see to it that entities become unavailable in time."""
        self._failures += 1
        self._rhythm = None
        seconds = min(_LONGEST_INTERVAL, self._usual_interval * 2 ** min(self._failures - 1, _MOST_DOUBLINGS))
        seconds = max(seconds, self._usual_interval)
        self.update_interval = timedelta(seconds=seconds)
        raise_account_issue(self.hass, self.config_entry, err)
        if isinstance(err, RateLimited) and self._cancel_throttled is None and self.last_success is not None:
            # The cloud can ask for a silence that is longer than that.
            self._cancel_throttled = async_call_later(self.hass, THROTTLED_FOR, self._say_throttled)
        if self._cancel_stale is None and self.last_success is not None:
            left = self.last_success + self._stale_after - datetime.now(UTC)
            self._cancel_stale = async_call_later(self.hass, max(left.total_seconds(), 0.0) + 1, self._become_stale)
        if isinstance(err, RateLimited) and err.retry_after is None:
            err = RateLimited(seconds)
        return update_error(err)

    def _succeeded(self) -> Mapping[str, Charger]:
        self._failures = 0
        self._cancel_timers()
        if not self.last_update_success or self.last_success is None:
            clear_account_issues(self.hass, self.config_entry)
        self.last_success = datetime.now(UTC)
        chargers = self._build()
        new = [name for serial, name in self.account_chargers.items() if is_new(self.config_entry.data, serial)]
        set_new_chargers_issue(self.hass, self.config_entry, new)
        self._set_rhythm(chargers)
        self._restart_where_level_is_ignored()
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
        for serial, watch in self._watches.items():
            charger = watch.build(self._options.nominal_voltage, self.client.state_of(serial))
            if charger is None:
                continue
            is_unchanged = charger == before.get(serial)
            chargers[serial] = before[serial] if is_unchanged else charger
            if not is_unchanged:
                set_stop_issue(self.hass, self.config_entry, charger)
                update_charger_device(self.hass, self.config_entry, charger)
        return chargers

    def _set_rhythm(self, chargers: Mapping[str, Charger]) -> None:
        is_streaming = self._streaming_until is not None and datetime.now(UTC) < self._streaming_until
        is_busy = (is_streaming and self._options.fast_while_streaming) or any(charger.status.is_charging for charger in chargers.values())
        self._usual_interval = self._options.fast_interval if is_busy else self._options.slow_interval
        if not chargers and not self.config_entry.data[CONF_CHARGERS]:
            # A charger can be added one day; until then there is nothing to see.
            self._usual_interval = max(self._usual_interval, _LONGEST_INTERVAL)
        pace = self._expect(len(chargers), is_busy=is_busy)
        self._usual_interval = max(self._usual_interval, min(self._usual_interval * pace, _LONGEST_INTERVAL))
        set_ceiling_issue(self.hass, self.client.account)
        ends = [moment for watch in self._watches.values() if (moment := watch.gives_up_at) is not None]
        if not ends:
            self._rhythm = None
        seconds = next(self._rhythm) if self._rhythm is not None else self._usual_interval
        if ends:
            # Home Assistant starts a poll up to a second early.
            seconds = min(seconds, max((min(ends) - datetime.now(UTC)).total_seconds(), 0.0) + 1)
        self.update_interval = timedelta(seconds=min(seconds, self._usual_interval))

    def _expect(self, chargers: int, *, is_busy: bool) -> float:
        """Say what all polls of the site's chargers send in an hour at their usual rhythm; return by how much they have to be stretched."""
        modes = timedelta(hours=1) / (_MODES_EVERY * min(max(chargers, 1), _MOST_TURNS))
        per_hour = _HOUR / self._usual_interval + (_SUMMARIES_PER_HOUR if is_busy else 1) + chargers * (modes + _DETAILS_PER_HOUR)
        return self.client.account.budget.expect(f"{self.site_id}: chargers", per_hour)

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

    async def _refresh_summaries(self, watches: list[ChargerWatch], now: datetime) -> None:
        """Ask for the summaries when a charger at work has reported since the last ones: they hardly change otherwise."""
        # What confirms a command is in the status.
        if self._rhythm is not None or not any(self._wants_summary(watch, now) for watch in watches):
            return
        self._summaries_at = now
        found = await self._optional.ask("summary", self.client.summaries())
        self._are_summaries_down = found is None
        summaries = {summary.serial: summary for summary in found or ()}
        for watch in watches:
            if (summary := summaries.get(watch.serial)) is not None:
                watch.take_summary(summary)
        is_incomplete = any(_lacks_limits(watch) for watch in watches)
        self._incomplete_summaries = self._incomplete_summaries + 1 if is_incomplete else 0

    def _wants_summary(self, watch: ChargerWatch, now: datetime) -> bool:
        if _lacks_limits(watch) and self._incomplete_summaries < _MOST_INCOMPLETE_SUMMARIES:
            # The first answers after a gap can lack the limits: ask again with the next poll.
            return True
        since = now - self._summaries_at if self._summaries_at else timedelta.max
        reported_at = watch.status.last_reported if watch.status else None
        if reported_at is None or watch.summary is None or self._are_summaries_down:
            return since >= _SUMMARIES_EVERY
        if watch.is_settled(now) and since < _IDLE_SUMMARIES_EVERY:
            return False
        return reported_at != watch.summary_of_report

    async def _refresh_modes(self, watches: list[ChargerWatch], now: datetime) -> None:
        """Ask for the charge modes now and then, after a sign that one may have changed, and while a change is not confirmed."""
        for watch in watches:
            is_pending = watch.mode_change is not None and watch.mode_change.is_pending
            if watch.modes_due_at is not None and now < watch.modes_due_at and not is_pending:
                continue
            preference = await self._optional.ask("charge mode", self.client.charge_mode(watch.serial))
            if preference is None:
                # The scheduler is one service for all: the others wait as well.
                for other in watches:
                    other.modes_due_at = max(other.modes_due_at or now, now + _MODES_AGAIN_AFTER_OUTAGE)
                return
            watch.take_preference(preference)
            watch.modes_due_at = now + _MODES_EVERY * min(len(watches), _MOST_TURNS) * self.client.account.budget.pace

    async def _count_day(self, watches: list[ChargerWatch], now: datetime) -> None:
        """Count the energy of the day, which begins at the site's midnight; how a day began that nobody watched is asked for."""
        today = now.astimezone(self.time_zone).date()
        unwatched = [watch for watch in watches if watch.wants_day(self.time_zone, today)]
        is_too_early = is_signed_in_just_now(self.client.account)
        is_asked = unwatched and not is_too_early and self.client.cloud_answers
        counted = await self._optional.ask("energy", self._history.energy_of_day(today)) if is_asked else None
        is_only = len(self.account_chargers) == 1
        for watch in watches:
            if watch not in unwatched:
                watch.count_day(self.time_zone, now)
            elif not is_too_early:
                watch.begin_day(self.time_zone, now, counted.of(watch.serial, is_only=is_only) if counted else None)

    async def _remove_gone(self, now: datetime) -> None:
        """Remove the chargers that the account has no more (docs/cloud-api/chargers.md §1: an empty answer now and then is normal)."""
        missing = [watch for watch in self._watches.values() if watch.is_missing_for_long(now)]
        if not missing:
            return
        summaries = await self._optional.ask("summary", self.client.cloud.summaries())
        if summaries is None:
            return
        there = {summary.serial for summary in summaries}
        for watch in missing:
            if watch.serial in there:
                watch.missing_since = now
                continue
            del self._watches[watch.serial]
            self.account_chargers.pop(watch.serial, None)
            self._memory.forget_charger(watch.serial)
            remove_gone_charger(self.hass, self.config_entry, watch.serial)

    @callback
    def async_take_details(self, details: Mapping[str, ChargerDetails]) -> None:
        """Take in what the slower coordinator has found out."""
        for serial, found in details.items():
            if (watch := self._watches.get(serial)) is not None:
                watch.details = found
        self.data = self._build()
        self.async_update_listeners()

    # --- Commands ---

    async def async_start(self, serial: str, level: float | None = None, connector_id: int = 1) -> CommandReply:
        """Start charging at a level in A, by default the stored wish.

        Raises:
            ServiceValidationError: The level is not one of the charger's and nothing was sent, or there is no vehicle.
            HomeAssistantError: The cloud refused or did not answer.
        """
        charger = self.data[serial]
        check_level(charger, level)
        watch = self._watch(serial)
        watch.restarts_with = None
        wished = level or charger.wished_level
        sent = wished if charger.takes_level else None
        async with self._locks[serial]:
            reply = await self._send(self.client.start(serial, mode=charger.mode, level=sent, connector_id=connector_id))
            if reply.outcome is Outcome.NOT_PLUGGED_IN:
                raise ServiceValidationError(
                    translation_domain=DOMAIN, translation_key="not_plugged_in", translation_placeholders={"charger": charger.name}
                )
            now = datetime.now(UTC)
            watch.start_stop = Command(wish=True, requested_at=now)
            # Who names no level wants it to charge, which it does: with the level that it has.
            is_nothing_to_do = level is None and reply.outcome is Outcome.ALREADY_CHARGING
            is_change = charger.status.is_charging and charger.takes_level and not is_nothing_to_do
            watch.take_level_reply(wished, reply, now, is_change=is_change)
            self._confirm()
        return reply

    async def async_stop(self, serial: str) -> CommandReply:
        """Stop charging; whether it has stopped is for the status to say.

        Raises:
            HomeAssistantError: The cloud refused or did not answer.
        """
        watch = self._watch(serial)
        # Whoever stops does not want a session to come back with a new level.
        watch.restarts_with, watch.level_change = None, None
        async with self._locks[serial]:
            reply = await self._send(self.client.stop(serial))
            watch.start_stop = Command(wish=False, requested_at=datetime.now(UTC))
            self._confirm()
        return reply

    async def async_set_level(self, serial: str, level: float) -> None:
        """Store the level (A) that the next start uses, and put it in force where a session runs whose level is not the mode's affair.

        Raises:
            ServiceValidationError: The level is not one of the charger's; nothing was stored or sent.
            HomeAssistantError: The cloud refused or did not answer; the level is stored all the same.
        """
        charger = self.data[serial]
        check_level(charger, level)
        watch = self._watch(serial)
        watch.wish(level)
        if watch.restarts_with is not None:
            watch.restarts_with = level
        if charger.is_charging_shown and charger.takes_level:
            async with self._locks[serial]:
                reply = await self._send(self.client.start(serial, mode=charger.mode, level=level))
                watch.take_level_reply(level, reply, datetime.now(UTC), is_change=True)
                self._confirm()
        else:
            self.data = self._build()
            self.async_update_listeners()

    def _restart_where_level_is_ignored(self) -> None:
        """Stop and start the chargers that do not take a new level over during a session, as a person asked for one."""
        for watch in self._watches.values():
            if watch.ignores_level(datetime.now(UTC)):
                change, watch.level_change = watch.level_change, None
                watch.restarts_with = change.wish if change else None
                restart = self._restart(watch)
                self.config_entry.async_create_background_task(self.hass, restart, name="Enphase charger: restart with a new level")
                LOGGER.debug("The level %s was not taken over: stopping and starting", change.wish if change else None)

    async def _restart(self, watch: ChargerWatch) -> None:
        """Stop, wait, and start with the new level, or a newer one, unless a person has given another command meanwhile."""
        try:
            async with self._locks[watch.serial]:
                await self._send(self.client.stop(watch.serial))
            await async_rest(self.hass, _REST_BEFORE_RESTART)
            if watch.restarts_with is not None:
                reply = await self.async_start(watch.serial, watch.restarts_with)
                if reply.outcome is Outcome.ALREADY_CHARGING:
                    # It has not stopped: doing it all over again would not help.
                    watch.level_change = None
                    LOGGER.warning("The new level could not be put in force: the charger did not stop")
        except HomeAssistantError as err:
            LOGGER.warning("The new level could not be put in force: %s", err)
        finally:
            watch.restarts_with = None

    async def async_set_mode(self, serial: str, mode: ChargeMode) -> None:
        """Choose the charge mode.

        Raises:
            ServiceValidationError: Scheduled mode without an enabled schedule.
            HomeAssistantError: The cloud refused or did not answer.
        """
        watch = self._watch(serial)

        def expect() -> None:
            watch.mode_change = Command(wish=mode, requested_at=datetime.now(UTC))

        async with self._locks[serial]:
            answered = await self._send(self.client.set_charge_mode(serial, mode), expect)
            if answered is not None and answered.mode is mode:
                watch.take_preference(answered)
            expect()
            self._confirm()

    async def async_start_live_stream(self) -> float | None:
        """Let the cloud refresh faster, and poll faster for as long; return for how many seconds.

        Raises:
            HomeAssistantError: The site cannot, or the cloud did not answer.
        """
        seconds = await self._send(self.client.cloud.start_live_stream())
        self._streaming_until = datetime.now(UTC) + timedelta(seconds=min(seconds or 0, _LONGEST_STREAM))
        await self.async_request_refresh()
        return seconds

    async def async_stop_live_stream(self) -> None:
        """End the faster refresh.

        Raises:
            HomeAssistantError: The cloud did not answer.
        """
        await self._send(self.client.cloud.stop_live_stream())
        self._streaming_until = None

    async def async_trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message and return what the cloud said.

        Raises:
            HomeAssistantError: The cloud refused or did not answer.
        """
        return await self._send(self.client.trigger_message(serial, message))

    async def _send[T](self, write: Awaitable[T], expect: Callable[[], None] = lambda: None) -> T:
        """Send a write. One that may take effect although it failed is watched for by the confirming polls; `expect` notes what to see."""
        try:
            return await write
        except EnlightenError as err:
            if (isinstance(err, ServiceUnavailable) and err.may_have_arrived) or (isinstance(err, RequestRejected) and err.is_queued):
                expect()
                self._confirm()
            raise command_error(err) from err

    def _confirm(self) -> None:
        """Show what was asked for, and poll soon and then less and less often until it is so."""
        self._rhythm = confirming_rhythm()
        self.update_interval = timedelta(seconds=next(self._rhythm))
        self.async_set_updated_data(self._build())


def _lacks_limits(watch: ChargerWatch) -> bool:
    return watch.summary is None or watch.summary.limits is None


def check_level(charger: Charger, level: float | None) -> None:
    """Refuse a level (A) that the charger cannot be set to, before anything is sent.

    Raises:
        ServiceValidationError: With the limits in the message.
    """
    limits = charger.summary.limits if charger.summary else None
    if level is None or limits is None or limits.allows(level):
        return
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="level_out_of_range",
        translation_placeholders={
            "charger": charger.name,
            "level": f"{level:g}",
            "min": f"{limits.min:g}",
            "max": f"{limits.max:g}",
            "step": f"{limits.step:g}",
        },
    )
