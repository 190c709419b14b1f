"""Reads what is known about the batteries of one site, each part as often as it can change, and shows wishes until they are fulfilled."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..enlighten import (
    AuthError,
    Batteries,
    BatteryEntry,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    EnlightenError,
    RequestRejected,
)
from ..errors import OptionalServices, translated, update_error
from ..freshness import BATTERY_PROFILE, BATTERY_SCHEDULES, BATTERY_SETTINGS
from ..waiting import LEEWAY, TICK, SnapshotCoordinator, async_zone
from .change import Change
from .issues import set_not_put_back_issue, set_unreadable_entries_issue
from .keeper import Keeper
from .ledger import REPLACED, ChangeState, Intent, Ledger, Told
from .model import Battery, PendingChange, Wish
from .winding_up import dismiss_to_do

_STATUS_EVERY = timedelta(minutes=2) - LEEWAY
_SETTINGS_EVERY = timedelta(minutes=5) - LEEWAY
_PENDING_EVERY = TICK - LEEWAY
_SITE_EVERY = timedelta(minutes=30) - LEEWAY
# Alerts are seldom asked for: the settings, which are read more often, tell when there is one.
_ALERTS_EVERY = timedelta(hours=1) - LEEWAY
# A site without a battery is asked now and then: it can get one.
_NO_BATTERY_EVERY = timedelta(days=1)
_NOT_HERE = {401, 403, 404}
# Requests an hour that all of it amounts to.
_PER_HOUR = 60.0
# Data older than this make the entities unavailable.
_STALE_AFTER = timedelta(minutes=16)
_MOST_UNTOLD = 20
# Where an entity's key is not the name of its wish.
_KEYS_OF_SWITCHES = {"charge_schedules": "charge_from_grid_schedule", "restrict_discharge": "restrict_battery_discharge"}


class BatteryCoordinator(SnapshotCoordinator[Battery | None]):
    """The batteries of a site; `None` where it has none."""

    config_entry: ConfigEntry

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, client: Batteries, keeper: Keeper) -> None:
        super().__init__(hass, entry, None, name="Enphase battery", update_interval=TICK)
        self.client = client
        self.site_id = client.site_id
        self.seen_at: datetime | None = None
        self.optional = OptionalServices(client.account)
        self._live_charge: float | None = None
        # W, discharging +; `None` where nothing tells it now.
        self.live_power: float | None = None
        self._site_due = self._status_due = self._settings_due = self._profile_due = datetime.now(UTC)
        # Due with the second read of the settings: the first read says itself whether there is an alert.
        self._alerts_asked_at = self._site_due + _SETTINGS_EVERY - _ALERTS_EVERY
        self._is_due_after_change = False
        self._zones: dict[str, tzinfo] = {}
        self._left: list[BatteryEntry] = []
        self._asked: list[tuple[str, Wish]] = []
        self._on_told: list[Callable[[Told], None]] = []
        # What was told before the event entity was there to hear it.
        self._untold: deque[Told] = deque(maxlen=_MOST_UNTOLD)
        self.keeper = keeper
        keeper.listener = self

    @property
    def is_fresh(self) -> bool:
        """Return whether what is known is worth showing."""
        # Where a person has to sign in, reading has stopped: no update would come to make entities unavailable when the data get old.
        waits_for_person = isinstance(self.last_exception, ConfigEntryAuthFailed)
        return not waits_for_person and self.seen_at is not None and datetime.now(UTC) - self.seen_at < _STALE_AFTER

    @property
    def settings(self) -> BatterySettings | None:
        """Return the settings that were read last."""
        return self.data.settings if self.data else None

    @property
    def time_zone(self) -> tzinfo:
        """Return the site's time zone."""
        return self._zone(self.data.site.time_zone if self.data else None)

    def zone_of(self, entry: BatteryEntry) -> tzinfo:
        """Return the time zone of a schedule entry."""
        return self._zone(entry.time_zone) if entry.time_zone else self.time_zone

    def _zone(self, name: str | None) -> tzinfo:
        return self._zones.get(name or "", dt_util.get_default_time_zone())

    async def _load_zones(self, battery: Battery) -> None:
        """Load the time zones that are named; their files are read outside of the event loop."""
        names = {battery.site.time_zone, *(entry.time_zone for entry in (battery.schedules.entries if battery.schedules else ()))}
        for name in names - self._zones.keys() - {None}:
            if name is not None and (zone := await async_zone(name)) is not None:
                self._zones[name] = zone

    # --- Reading ---

    @override
    async def _async_update_data(self) -> Battery | None:
        with translated(update_error):
            await self._refresh()
        if self.data is not None:
            await self._load_zones(self.data)
            # It looks at what was read, and at the clock.
            self.keeper.wake()
        return self.data

    async def _refresh(self) -> None:
        """Ask for what is due. Every answer is kept as it comes: a change that is under way reads and keeps some, too."""
        now = datetime.now(UTC)
        if not self.client.account.budget.has_room:
            return
        pace = self.client.account.budget.pace
        # Site and profile are read seldom. If only they say that something is pending, they are probably out of date: read the site again.
        is_doubted = self.data is not None and self.data.is_pending and not self.data.is_settling and now >= self._settings_due
        if now >= self._site_due or is_doubted:
            await self._refresh_site(now)
        if self.data is not None and now >= self._status_due:
            status = await self.optional.ask("battery status", self.client.status())
            self._status_due = now + (_SETTINGS_EVERY if status is None else _STATUS_EVERY) * pace
            if status is not None:
                self.seen_at = now
                # The state of charge of live power is minutes newer than the cloud's.
                shown = status if self._live_charge is None else replace(status, state_of_charge=self._live_charge)
                self.keep_data(replace(self.data, status=shown))
        # The keeper reads them itself while it waits for a change to be applied.
        if self.data is not None and now >= self._settings_due and not (self.keeper.is_looking and self.data.schedules):
            await self._refresh_settings(self.data, now)
        await self._refresh_profile(now)
        await self._refresh_alerts(now)
        if self.data is not None:
            self.client.account.budget.expect(f"{self.site_id}: battery", _PER_HOUR)

    async def _refresh_site(self, now: datetime) -> None:
        try:
            site = await self.client.site_settings()
        except AuthError:
            raise
        except RequestRejected as err:
            # The account may not see the battery, or there is none: no error for a person. Other refusals, such as 473, pass by themselves.
            LOGGER.debug("The battery's site settings are not for this account: %s", err)
            is_none = err.status in _NOT_HERE and self.data is None
            self._site_due = now + (_NO_BATTERY_EVERY if is_none else _SITE_EVERY)
            return
        except EnlightenError as err:
            LOGGER.debug("The battery's site settings could not be had: %s", err)
            self._site_due = now + _SETTINGS_EVERY
            return
        if self.data is not None:
            site = site.after(self.data.site)
        # Once a day is enough only for a site that never had a battery; one that has vanished from the answers may be back soon.
        is_none = site.has_battery is False and self.data is None
        self._site_due = now + (_NO_BATTERY_EVERY if is_none else _SITE_EVERY)
        if not site.has_battery:
            self.keep_data(None)
            return
        if self.data is not None:
            self.keep_data(replace(self.data, site=site))
            return
        set_not_put_back_issue(self.hass, self.config_entry, [kept.entry() for kept in self.keeper.ledger.not_put_back])
        self.keep_data(Battery(site=site, override=self.keeper.ledger.override, wishes=self._wishes()))

    async def _refresh_settings(self, battery: Battery, now: datetime) -> None:
        """Ask for settings and schedules; where one of the two does not answer, the other is worth having."""
        settings = await self.optional.ask("battery settings", self.client.settings())
        if settings is not None:
            self.seen_at = now
            battery = replace(self.data or battery, settings=settings)
            self.keep_data(battery)
        elif self._is_cloud_gone(now):
            self._settings_due = now + _SETTINGS_EVERY
            return
        schedules = await self.optional.ask("battery schedules", self.client.schedules())
        if schedules is not None:
            battery = self.data or battery
            battery = replace(battery, schedules=schedules.filled_from(battery.schedules))
            self.keep_data(battery)
            unreadable = sum(len(found.unreadable) for found in schedules.families.values())
            set_unreadable_entries_issue(self.hass, self.config_entry, unreadable)
        if settings is None:
            self._settings_due = now + _SETTINGS_EVERY
            return
        self.keeper.take_tick(settings, schedules)
        self._settings_due = now + (_PENDING_EVERY if battery.is_pending else _SETTINGS_EVERY * self.client.account.budget.pace)
        if self._is_due_after_change:
            self._is_due_after_change = False
            self._profile_due = now

    def _is_cloud_gone(self, now: datetime) -> bool:
        """Return whether nothing of the account has answered for some time: then there is no point in asking for more than one thing."""
        return self.client.account.answered_at < now - _SETTINGS_EVERY

    async def _refresh_profile(self, now: datetime) -> None:
        """Ask for the profile when it is due."""
        if self.data is None or now < self._profile_due or self._is_cloud_gone(now):
            return
        profile = await self.optional.ask("battery profile", self.client.profile())
        self._profile_due = now + (_SETTINGS_EVERY if profile is None else _SITE_EVERY) * self.client.account.budget.pace
        if profile is not None:
            self.keep_data(replace(self.data, profile=profile))

    async def _refresh_alerts(self, now: datetime) -> None:
        """Ask for storm alerts: now and then, and often while there is one."""
        if self.data is None or self._is_cloud_gone(now):
            return
        is_on = self.data.active_alerts or (self.data.settings is not None and self.data.settings.has_storm_alert)
        if now < self._alerts_asked_at + (_SETTINGS_EVERY if is_on else _ALERTS_EVERY):
            return
        self._alerts_asked_at = now
        alerts = await self.optional.ask("storm alert", self.client.storm_alerts())
        if alerts is not None:
            self.keep_data(replace(self.data, alerts=alerts))

    @callback
    def refresh_soon(self) -> None:
        """Let the next tick ask for everything."""
        self._site_due = self._status_due = self._settings_due = self._profile_due = datetime.now(UTC)
        self._alerts_asked_at = self._site_due - _ALERTS_EVERY

    # --- Changing ---

    async def async_wish(self, key: str, wish: Wish, start: Callable[[], Awaitable[Change]]) -> Change:
        """Ask for a change, and show the wish until it is so or has failed.

        Raises:
            HomeAssistantError: Refused, by us or by the cloud.
        """
        asked = (key, wish)
        self._asked.append(asked)
        self._show_wishes()
        try:
            return await start()
        finally:
            # From here on the ledger says what is wished for, also after a reload.
            self._asked = [one for one in self._asked if one is not asked]
            self._show_wishes()

    def _wishes(self) -> dict[str, Wish]:
        """Return what is wished for and is not so yet, by the keys of the entities."""
        noted = dict(shown for intent in self.keeper.ledger.open_intents for shown in _shown_wishes(intent))
        return {**noted, **dict(self._asked)}

    def _show_wishes(self) -> None:
        if self.data is not None and self.data.wishes != (wishes := self._wishes()):
            self.publish_data(replace(self.data, wishes=wishes))

    @callback
    def async_take_live(self, percent: float | None, watts: float | None) -> None:
        """Take in state of charge (%) and power (W, discharging +) that live power tells; `None` where it tells none any more."""
        self._live_charge, self.live_power = percent, watts
        status = self.data.status if self.data else None
        if percent is not None and self.data is not None and status is not None and status.state_of_charge != percent:
            self.publish_data(replace(self.data, status=replace(status, state_of_charge=percent)))

    # --- What the keeper finds out ---

    @callback
    def take_settings(self, settings: BatterySettings) -> None:
        """Take settings that were read for a change."""
        if self.data is not None:
            self.seen_at = datetime.now(UTC)
            self.optional.note_answer(BATTERY_SETTINGS.service)
            every = _PENDING_EVERY if settings.is_pending else _SETTINGS_EVERY * self.client.account.budget.pace
            self._settings_due = self.seen_at + every
            self.publish_data(replace(self.data, settings=settings))

    @callback
    def take_schedules(self, schedules: BatterySchedules) -> None:
        """Take schedules that were read for a change."""
        self.optional.note_answer(BATTERY_SCHEDULES.service)
        if self.data is not None:
            self.publish_data(replace(self.data, schedules=schedules.filled_from(self.data.schedules)))

    @callback
    def take_profile(self, profile: BatteryProfile) -> None:
        """Take a profile that was read for a change."""
        self.optional.note_answer(BATTERY_PROFILE.service)
        if self.data is not None:
            self.publish_data(replace(self.data, profile=profile))

    @callback
    def take_change(self, change: Change) -> None:
        """Show how far a change is."""
        if self.data is None:
            return
        waiting = tuple(intent.what for intent in self.keeper.waiting)
        is_over = change.is_over
        if change.state is ChangeState.APPLIED:
            # Others are open still: what is shown is the newest of them.
            change = self.keeper.newest_open or change
        shown: PendingChange | None = PendingChange(
            what=change.what,
            since=change.intent.asked_at,
            state=change.state,
            reason=change.reason,
            waiting=waiting,
            is_ahead=change.is_ahead,
        )
        before = self.data.change
        if change.reason == REPLACED:
            # It has not failed; what took its place is shown.
            shown = None if before is not None and before.since == change.intent.asked_at else before
        elif change.what == "schedules" and change.is_refused_in_words:
            # It leaves nothing behind.
            shown = None
        self.publish_data(replace(self.data, change=shown, wishes=self._wishes()))
        if is_over:
            self._is_due_after_change = True

    @callback
    def take_ledger(self, ledger: Ledger, told: Sequence[Told]) -> None:
        """Show the override, what has happened, and what could not be put back."""
        for one in told:
            self._tell(one)
        left = [kept.entry() for kept in ledger.not_put_back]
        if left != self._left:
            self._left = left
            set_not_put_back_issue(self.hass, self.config_entry, left)
        if not left and ledger.is_at_rest and ledger.override is None:
            dismiss_to_do(self.hass, self.config_entry)
        # An override whose end could not be written yet is still shown: in the cloud it goes on.
        if self.data is not None and self.data.override is not ledger.override:
            self.publish_data(replace(self.data, override=ledger.override))
        self._show_wishes()

    def _tell(self, told: Told) -> None:
        if not self._on_told:
            self._untold.append(told)
        for listener in self._on_told:
            listener(told)

    @callback
    def async_listen(self, listener: Callable[[Told], None]) -> CALLBACK_TYPE:
        """Let somebody hear what happens to changes and schedules from now on, and what nobody has heard yet; return what ends that."""
        self._on_told.append(listener)
        while self._untold:
            listener(self._untold.popleft())
        return lambda: self._on_told.remove(listener)


def _shown_wishes(intent: Intent) -> Iterator[tuple[str, Wish]]:
    """Yield what entities show of an intent, by their keys; numbers as they are read."""
    for name, value in intent.wish.named.items():
        shown = value if isinstance(value, bool | str | time) else float(value)
        if not intent.is_override:
            yield intent.what, shown
            return
        # What an override, or its end, switches is shown once it is written: the cloud shows it only when the gateway has it.
        if intent.is_carried_out:
            yield _KEYS_OF_SWITCHES.get(name, name), shown
