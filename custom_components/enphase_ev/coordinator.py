"""Asks for the chargers of one site, as often as it is worth it, and sees commands through to their confirmation."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .charger import Charger
from .commands import Command, CommandState, confirming_rhythm
from .const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, DOMAIN, LOGGER
from .enlighten import (
    Account,
    AuthError,
    ChargeMode,
    ChargeModePreference,
    Chargers,
    ChargerStatus,
    ChargerSummary,
    CommandReply,
    EnlightenError,
    Json,
    Outcome,
    RateLimited,
    ServiceUnavailable,
    SiteStatus,
)
from .errors import command_error, update_error
from .issues import clear_account_issues, raise_account_issue, set_stop_issue
from .memory import SiteMemoryStore
from .power import PowerMeter

type EnphaseConfigEntry = ConfigEntry[EnphaseRuntimeData]

_IDLE_INTERVAL = 60.0
_BUSY_INTERVAL = 30.0
_LONGEST_INTERVAL = 300.0
# Entities become unavailable when the data is older than this many polls.
_POLLS_UNTIL_STALE = 3
_MODES_EVERY = timedelta(minutes=10)
_MODES_AGAIN_AFTER_OUTAGE = timedelta(minutes=5)
# Summaries of chargers that do not say when they reported: their usual reporting interval.
_SUMMARIES_EVERY = timedelta(minutes=5)
_DEFAULT_LEVEL = 32.0
_VOLTAGE_OF_SPLIT_PHASE = 240.0
_VOLTAGE_ELSEWHERE = 230.0
_SPLIT_PHASE_COUNTRIES = {"US", "CA", "MX", "PR"}


@dataclass
class EnphaseRuntimeData:
    """What a loaded config entry works with."""

    account: Account
    memory: SiteMemoryStore
    chargers: ChargerCoordinator


@dataclass
class _Watch:
    """What is kept about one charger from poll to poll."""

    meter: PowerMeter = field(default_factory=PowerMeter)
    seen_at: datetime | None = None
    summary: ChargerSummary | None = None
    summary_of_report: datetime | None = None
    preference: ChargeModePreference | None = None
    modes_due_at: datetime | None = None
    charging_seen_at: datetime | None = None
    start_stop: Command[bool] | None = None
    mode_change: Command[ChargeMode] | None = None


class ChargerCoordinator(DataUpdateCoordinator[Mapping[str, Charger]]):
    """The chargers of a site by serial number."""

    config_entry: EnphaseConfigEntry

    def __init__(self, hass: HomeAssistant, entry: EnphaseConfigEntry, chargers: Chargers, memory: SiteMemoryStore) -> None:
        super().__init__(hass, LOGGER, config_entry=entry, name="Enphase chargers", update_interval=timedelta(seconds=_IDLE_INTERVAL))
        self.client = chargers
        self.site_id = chargers.site_id
        self.time_zone: str | None = None
        self.last_success: datetime | None = None
        self.latency: float | None = None
        self._memory = memory
        self._watches: dict[str, _Watch] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failures = 0
        self._usual_interval = _IDLE_INTERVAL
        self._rhythm: Iterator[float] | None = None
        self._summaries_at: datetime | None = None
        self._streaming_until: datetime | None = None
        self._services_down: set[str] = set()
        self._cancel_stale: CALLBACK_TYPE | None = None
        self.nominal_voltage = _VOLTAGE_OF_SPLIT_PHASE if hass.config.country in _SPLIT_PHASE_COUNTRIES else _VOLTAGE_ELSEWHERE

    # --- What entities ask ---

    def is_fresh(self, serial: str) -> bool:
        """Return whether a charger was in an answer that is no older than three polls."""
        seen_at = self._watch(serial).seen_at
        return seen_at is not None and datetime.now(UTC) - seen_at < self._stale_after

    def _watch(self, serial: str) -> _Watch:
        return self._watches.setdefault(serial, _Watch())

    @property
    def _stale_after(self) -> timedelta:
        return timedelta(seconds=_POLLS_UNTIL_STALE * self._usual_interval)

    # --- Polling ---

    @override
    async def _async_update_data(self) -> Mapping[str, Charger]:
        try:
            status = await self.client.status()
            self.latency = self.client.account.latency
            await self._refresh_summaries(status)
            await self._refresh_modes(status)
        except EnlightenError as err:
            raise self._failed(err) from err
        return self._succeeded(status)

    def _failed(self, err: EnlightenError) -> Exception:
        """Slow down, and see to it that entities become unavailable in time."""
        self._failures += 1
        self._rhythm = None
        seconds = min(_LONGEST_INTERVAL, self._usual_interval * 2 ** (self._failures - 1))
        self.update_interval = timedelta(seconds=seconds)
        raise_account_issue(self.hass, self.config_entry, err)
        if self._cancel_stale is None and self.last_success is not None:
            left = self.last_success + self._stale_after - datetime.now(UTC)
            self._cancel_stale = async_call_later(self.hass, max(left.total_seconds(), 0.0) + 1, self._become_stale)
        if isinstance(err, RateLimited) and err.retry_after is None:
            err = RateLimited(seconds)
        return update_error(err)

    def _succeeded(self, status: SiteStatus) -> Mapping[str, Charger]:
        now = datetime.now(UTC)
        self._failures = 0
        self._forget_staleness()
        if not self.last_update_success or self.last_success is None:
            clear_account_issues(self.hass, self.config_entry)
        self.last_success = now
        self.time_zone = status.time_zone or self.time_zone
        for serial, found in self._selected(status).items():
            self._watch(serial).seen_at = now
            self._observe_commands(found, now)
        chargers = self._merge(status, now)
        self._set_rhythm(chargers)
        return chargers

    def _selected(self, status: SiteStatus) -> dict[str, ChargerStatus]:
        """Return the chargers that the person chose, or all where the entry follows the account."""
        if self.config_entry.data.get(CONF_FOLLOWS_ACCOUNT, True):
            return dict(status.chargers)
        chosen = self.config_entry.data.get(CONF_CHARGERS, [])
        return {serial: found for serial, found in status.chargers.items() if serial in chosen}

    def _merge(self, status: SiteStatus, now: datetime) -> dict[str, Charger]:
        """Return all chargers known; one that is missing from this answer stays as it was (api/chargers.md §1).

        A charger about which nothing has changed stays the same object, so that its entities have nothing to do.
        """
        before = self.data or {}
        chargers = dict(before)
        for serial, found in self._selected(status).items():
            charger = self._build(serial, found, now)
            if charger == before.get(serial):
                continue
            chargers[serial] = charger
            set_stop_issue(self.hass, self.config_entry, charger)
        return chargers

    def _build(self, serial: str, status: ChargerStatus, now: datetime) -> Charger:
        watch = self._watches[serial]
        if status.is_charging:
            watch.charging_seen_at = now
        return Charger(
            status=status,
            summary=watch.summary,
            preference=watch.preference,
            power=watch.meter.read(status, watch.summary, self.nominal_voltage),
            wished_level=self._wished_level(serial, watch.summary),
            session_duration=_session_duration(status, watch.charging_seen_at),
            start_stop=watch.start_stop,
            mode_change=watch.mode_change,
        )

    def _wished_level(self, serial: str, summary: ChargerSummary | None) -> float:
        """Return the stored wish, else 32 A or the charger's most, on one of the charger's steps."""
        level = self._memory.memory.wished_levels.get(serial, _DEFAULT_LEVEL)
        return summary.limits.nearest_below(level) if summary and summary.limits else level

    def _set_rhythm(self, chargers: Mapping[str, Charger]) -> None:
        is_streaming = self._streaming_until is not None and datetime.now(UTC) < self._streaming_until
        is_busy = is_streaming or any(charger.status.is_charging for charger in chargers.values())
        self._usual_interval = _BUSY_INTERVAL if is_busy else _IDLE_INTERVAL
        is_pending = any(
            command is not None and command.is_pending
            for watch in self._watches.values()
            for command in (watch.start_stop, watch.mode_change)
        )
        if not is_pending:
            self._rhythm = None
        seconds = next(self._rhythm) if self._rhythm is not None else self._usual_interval
        self.update_interval = timedelta(seconds=seconds)

    @callback
    def _become_stale(self, _now: datetime) -> None:
        self._cancel_stale = None
        self.async_update_listeners()

    def _forget_staleness(self) -> None:
        if self._cancel_stale is not None:
            self._cancel_stale()
            self._cancel_stale = None

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and let go of the timer."""
        self._forget_staleness()
        await super().async_shutdown()

    # --- What is asked for less often ---

    async def _refresh_summaries(self, status: SiteStatus) -> None:
        """Ask for the summaries when a charger has reported since the last ones: they cannot have changed otherwise."""
        now = datetime.now(UTC)
        selected = self._selected(status)
        if not any(self._wants_summary(serial, found, now) for serial, found in selected.items()):
            return
        found = await self._optional("summary", self.client.summaries())
        self._summaries_at = now
        for summary in found or ():
            if summary.serial not in selected:
                continue
            watch = self._watch(summary.serial)
            last_limits = watch.summary.limits if watch.summary else None
            watch.summary = replace(summary, limits=summary.limits or last_limits)
            watch.summary_of_report = selected[summary.serial].last_reported

    def _wants_summary(self, serial: str, status: ChargerStatus, now: datetime) -> bool:
        watch = self._watches.get(serial)
        if watch is None or watch.summary is None or watch.summary.limits is None:
            # The first answers after a gap can lack the limits: ask again with the next poll.
            return True
        if status.last_reported is None:
            return self._summaries_at is None or now >= self._summaries_at + _SUMMARIES_EVERY
        return status.last_reported != watch.summary_of_report

    async def _refresh_modes(self, status: SiteStatus) -> None:
        """Ask for the charge modes every ten minutes, and while a change of them is not confirmed."""
        for serial in self._selected(status):
            now = datetime.now(UTC)
            watch = self._watch(serial)
            is_pending = watch.mode_change is not None and watch.mode_change.is_pending
            if watch.modes_due_at is not None and now < watch.modes_due_at and not is_pending:
                continue
            preference = await self._optional("charge mode", self.client.charge_mode(serial))
            watch.preference = preference or watch.preference
            watch.modes_due_at = now + (_MODES_EVERY if preference else _MODES_AGAIN_AFTER_OUTAGE)
            if preference is None:
                # The scheduler is one service for all: the others wait as well.
                self._postpone_modes(status, now)
                return

    def _postpone_modes(self, status: SiteStatus, now: datetime) -> None:
        for serial in self._selected(status):
            watch = self._watch(serial)
            watch.modes_due_at = max(watch.modes_due_at or now, now + _MODES_AGAIN_AFTER_OUTAGE)

    async def _optional[T](self, service: str, question: Awaitable[T]) -> T | None:
        """Ask a service that can fail without the chargers failing; its outage is logged once, and so is its end."""
        try:
            answer = await question
        except AuthError:
            raise
        except EnlightenError as err:
            if service not in self._services_down:
                self._services_down.add(service)
                LOGGER.warning("The %s service does not answer: %s", service, err)
            return None
        if service in self._services_down:
            self._services_down.remove(service)
            LOGGER.info("The %s service answers again", service)
        return answer

    # --- Commands ---

    async def async_start(self, serial: str, level: float | None = None, connector_id: int = 1) -> CommandReply:
        """Start charging at a level in A, by default the stored wish.

        Raises:
            ServiceValidationError: The level is not one of the charger's and nothing was sent, or there is no vehicle.
            HomeAssistantError: The cloud refused or did not answer.
        """
        charger = self.data[serial]
        check_level(charger, level)
        async with self._locks[serial]:
            start = self.client.start(serial, mode=charger.mode, level=level or charger.wished_level, connector_id=connector_id)
            reply = await self._send(start)
            if reply.outcome is Outcome.NOT_PLUGGED_IN:
                raise ServiceValidationError(
                    translation_domain=DOMAIN, translation_key="not_plugged_in", translation_placeholders={"charger": charger.name}
                )
            self._watch(serial).start_stop = Command(wish=True, requested_at=datetime.now(UTC))
            self._confirm()
        return reply

    async def async_stop(self, serial: str) -> CommandReply:
        """Stop charging; whether it has stopped is for the status to say.

        Raises:
            HomeAssistantError: The cloud refused or did not answer.
        """
        async with self._locks[serial]:
            reply = await self._send(self.client.stop(serial))
            self._watch(serial).start_stop = Command(wish=False, requested_at=datetime.now(UTC))
            self._confirm()
        return reply

    async def async_set_mode(self, serial: str, mode: ChargeMode) -> None:
        """Choose the charge mode.

        Raises:
            ServiceValidationError: Scheduled mode without an enabled schedule.
            HomeAssistantError: The cloud refused or did not answer.
        """
        async with self._locks[serial]:
            answered = await self._send(self.client.set_charge_mode(serial, mode))
            watch = self._watch(serial)
            if answered is not None and answered.mode is mode:
                watch.preference = answered
            watch.mode_change = Command(wish=mode, requested_at=datetime.now(UTC))
            self._confirm()

    async def async_start_live_stream(self) -> float | None:
        """Let the cloud refresh faster, and poll faster for as long; return for how many seconds.

        Raises:
            HomeAssistantError: The site cannot, or the cloud did not answer.
        """
        seconds = await self._send(self.client.start_live_stream())
        self._streaming_until = datetime.now(UTC) + timedelta(seconds=seconds or 0)
        await self.async_request_refresh()
        return seconds

    async def async_stop_live_stream(self) -> None:
        """End the faster refresh.

        Raises:
            HomeAssistantError: The cloud did not answer.
        """
        await self._send(self.client.stop_live_stream())
        self._streaming_until = None

    async def async_trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message and return what the cloud said.

        Raises:
            HomeAssistantError: The cloud refused or did not answer.
        """
        return await self._send(self.client.trigger_message(serial, message))

    def set_wished_level(self, serial: str, level: float) -> None:
        """Store the level that the next start uses; nothing starts by it."""
        self._memory.memory.wished_levels[serial] = level
        self._memory.save()
        self.data = {**self.data, serial: replace(self.data[serial], wished_level=level)}
        self.async_update_listeners()

    async def _send[T](self, write: Awaitable[T]) -> T:
        """Send a write. One that may have arrived although nobody answered is looked after by the confirming polls."""
        try:
            return await write
        except ServiceUnavailable as err:
            if err.may_have_arrived:
                self._confirm()
            raise command_error(err) from err
        except EnlightenError as err:
            raise command_error(err) from err

    def _confirm(self) -> None:
        """Show what was asked for, and poll soon and then less and less often until it is so."""
        self._rhythm = confirming_rhythm()
        self.update_interval = timedelta(seconds=next(self._rhythm))
        shown_now = {
            serial: replace(charger, start_stop=self._watch(serial).start_stop, mode_change=self._watch(serial).mode_change)
            for serial, charger in self.data.items()
        }
        self.async_set_updated_data(shown_now)

    def _observe_commands(self, status: ChargerStatus, now: datetime) -> None:
        """Hold what was asked for against what is."""
        watch = self._watch(status.serial)
        if (command := watch.start_stop) is not None:
            reason = (status.connector_status or "").lower() or None
            watch.start_stop = command.observe(status.is_charging, now, reason)
            if command.is_pending and watch.start_stop.state is CommandState.FAILED:
                wish = "start" if command.wish else "stop"
                LOGGER.warning("The cloud accepted to %s charging, but the charger has not done it: it says %s", wish, reason)
        if (change := watch.mode_change) is not None:
            watch.mode_change = change.observe(watch.preference.mode if watch.preference else None, now)


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


def _session_duration(status: ChargerStatus, charging_seen_at: datetime | None) -> timedelta | None:
    """Return how long the session has charged, to the minute: until now, until it was last seen charging, or until the plug was pulled."""
    session = status.session
    if session is None or session.started_at is None:
        return None
    ended_at = charging_seen_at or session.unplugged_at
    if ended_at is None or ended_at < session.started_at:
        ended_at = session.unplugged_at or session.started_at
    return timedelta(minutes=max((ended_at - session.started_at) // timedelta(minutes=1), 0))
