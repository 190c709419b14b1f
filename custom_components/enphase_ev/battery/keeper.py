"""The keeper of a site's battery: makes the cloud follow the ledger, one step after the other, and answers whoever asked.

Source: docs/cloud-api/battery.md §4 to §6.

It does what `decide` says, notes it on disk before it is sent, reads, and decides again. A change outlives its caller.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from ..const import DOMAIN, LOGGER
from ..enlighten import (
    AuthError,
    Batteries,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    BatteryWish,
    EnlightenError,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    SessionRenewed,
)
from ..errors import command_error, error_key, translated
from ..waiting import async_rest
from . import override
from .answers import AnswerWatch
from .change import Change, EntriesPlan, Listener, accept, expected_schedules, intents_of, refuse
from .decide import decide
from .ledger import ChangeState, Intent, KeptEntry, Ledger
from .ledger_store import LedgerStore
from .notes import comes_back_changed, fail, note, refused, taken
from .observe import observe
from .sending import explained, send
from .steps import AtRest, Read, Reading, Rest, Step, Write
from .validation import check_idle

# Nobody waits longer for an answer; a little is left for what comes before and after.
_ANSWER_WITHIN = 18.0
# For a longer rest the task ends: the coordinator's tick, or a timer, wakes the keeper.
_LONGEST_REST = timedelta(seconds=150)
_AGAIN_AFTER = timedelta(minutes=1)
_SIGN_IN_AGAIN_AFTER = timedelta(minutes=5)
_MOST_RESTS_IN_A_ROW = 50
# While something is open the ledger is saved this often, so that its age says how long Home Assistant was off; an old one writes nothing.
_SAVED_EVERY = timedelta(minutes=20)


class Keeper:
    """Keeps the battery of one site."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, client: Batteries, store: LedgerStore, ledger: Ledger) -> None:
        self.ledger = ledger
        self.reading = Reading()
        self.listener: Listener | None = None
        self._hass = hass
        self._entry = entry
        self._client = client
        self._store = store
        self._changes: dict[str, Change] = {}
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        # By the loop's clock, which nobody sets back.
        self._paused_until: float | None = None
        self._again_after = _AGAIN_AFTER
        self._answers: AnswerWatch | None = None
        self._is_stopped = False
        self._saved = ledger.to_dict()

    # --- Asking for something ---

    async def async_wish(self, what: str, wish: BatteryWish) -> Change:
        """Ask for settings; return when the cloud has taken them, or soon where other steps come first."""
        # Decide by reads from after the wish, not by what the coordinator has read before.
        self.reading.settings_at = self.reading.schedules_at = self.reading.profile_at = None
        return await self._ask(lambda: self._intent_of_wish(what, wish), self._hass.loop.time() + _ANSWER_WITHIN)

    def _intent_of_wish(self, what: str, wish: BatteryWish) -> Intent:
        override.note_wish(self.ledger, wish)
        return Intent(what, datetime.now(UTC), wish)

    async def async_change_entries(self, what: str, plan: Callable[[BatterySettings, BatterySchedules], EntriesPlan]) -> Change:
        """Change entries. `plan` gets the settings and the entries as they will be once all that waits is done.

        Raises:
            HomeAssistantError: Refused by us before anything is noted, or by the cloud; or the cloud could not be asked.
        """
        deadline, asked_at = self._hass.loop.time() + _ANSWER_WITHIN, datetime.now(UTC)
        settings, schedules = await self.async_look(deadline)
        check_idle(settings)

        def intent() -> Intent:
            # Planned only now, so that it takes account of changes that others have asked for during the read.
            planned = plan(settings, expected_schedules(self.ledger, schedules))
            override.forget_aside(self.ledger, planned.forgets, asked_at)
            deletes = [KeptEntry.keep(entry) for entry in planned.deletes]
            return Intent(what, asked_at, deletes=deletes, writes=[KeptEntry.keep(entry) for entry in planned.writes])

        return await self._ask(intent, deadline)

    async def async_intend(self, build: Callable[[BatterySettings, BatterySchedules], Intent]) -> Change:
        """Ask for an override, for its end, or for what depends on the entries, built from a fresh look."""
        deadline, asked_at = self._hass.loop.time() + _ANSWER_WITHIN, datetime.now(UTC)
        settings, schedules = await self.async_look(deadline)
        check_idle(settings)
        return await self._ask(lambda: replace(build(settings, expected_schedules(self.ledger, schedules)), asked_at=asked_at), deadline)

    async def async_end_override(self, what: str) -> Change:
        """Ask for the end of the override that is in force, or of one that waits."""
        self.reading.settings_at = self.reading.schedules_at = None
        deadline = self._hass.loop.time() + _ANSWER_WITHIN
        return await self._ask(lambda: Intent(what, datetime.now(UTC), ends_override=True), deadline)

    async def _ask(self, build: Callable[[], Intent], deadline: float) -> Change:
        self._require_running()
        take_back = override.remember_aside(self.ledger)
        intent = build()
        self.ledger.intents.append(intent)
        change = self._changes[intent.id] = Change(intent, self._hass.loop)
        try:
            await self._save_before([intent])
        except HomeAssistantError:
            self.ledger.intents = [one for one in self.ledger.intents if one.id != intent.id]
            del self._changes[intent.id]
            take_back()
            raise
        change.is_heard = True
        self.show()
        self.wake()
        try:
            await asyncio.wait([change.accepted], timeout=max(deadline - self._hass.loop.time(), 0))
        finally:
            change.is_heard = False
        if change.accepted.done():
            change.accepted.result()
        return change

    def _require_running(self) -> None:
        if self._is_stopped:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="reloading")

    async def async_look(self, deadline: float | None = None) -> tuple[BatterySettings, BatterySchedules]:
        """Read settings and entries now."""
        async with self._answered(deadline):
            settings = await self._read_settings()
            schedules = await self._read_schedules()
            if not schedules.entries:
                # No answer is no proof that there is nothing (docs/cloud-api/battery.md §5).
                schedules = await self._read_schedules()
        return settings, schedules

    async def async_read_schedules(self) -> BatterySchedules:
        """Read the entries now."""
        async with self._answered():
            return await self._read_schedules()

    @asynccontextmanager
    async def _answered(self, deadline: float | None = None) -> AsyncGenerator[None]:
        """Say in words what the cloud refuses or does not answer in time."""
        self._require_running()
        try:
            with translated():
                async with asyncio.timeout_at(self._hass.loop.time() + _ANSWER_WITHIN if deadline is None else deadline):
                    yield
        except TimeoutError as err:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="service_unavailable") from err

    def withdraw(self, what: str) -> None:
        """Note that a person has withdrawn a change: it is not written any more."""
        for intent in self.ledger.open_intents:
            if intent.what == what:
                fail(self.ledger, intent, "withdrawn", datetime.now(UTC))
        self.show()
        self.wake()

    @property
    def waiting(self) -> list[Intent]:
        """Return what has not been sent yet."""
        return [intent for intent in self.ledger.open_intents if intent.state is ChangeState.QUEUED]

    @property
    def newest_open(self) -> Change | None:
        """Return the change that was asked for last, of those that are not over."""
        return max((one for one in self._changes.values() if not one.is_over), key=lambda one: one.intent.asked_at, default=None)

    # --- Working ---

    @callback
    def wake(self) -> None:
        """Look whether there is something to do."""
        self._woken.set()
        if self._is_stopped or (self._task is not None and not self._task.done()):
            return
        for intent in self.ledger.open_intents:
            if intent.id not in self._changes:
                self._changes[intent.id] = Change(intent, self._hass.loop)
        self._task = self._entry.async_create_background_task(self._hass, self._run(), name="Enphase battery: keeper")

    async def async_stop(self) -> None:
        """Stop; whoever waits for an answer hears that it waits."""
        self._is_stopped = True
        for change in self._changes.values():
            if not change.accepted.done():
                change.accepted.set_result(None)
            if not change.done.done():
                change.done.set_result(change.state)
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def async_work(self, seconds: float, is_needed: Callable[[], bool], *, again_after: timedelta | None = None) -> None:
        """Work as long as that is needed and the cloud answers, but no longer than some seconds.

        `again_after`: how soon something is tried again to which the cloud did not answer, or what it adds to the time that the cloud
        wants; without it the work is over then.
        """
        self._paused_until = None
        self._again_after = again_after or _AGAIN_AFTER
        self.wake()
        deadline = self._hass.loop.time() + seconds
        try:
            while is_needed() and self._task is not None and not self._task.done() and (left := deadline - self._hass.loop.time()) > 0:
                if not self.is_looking and (again_after is None or self._is_paused_at(deadline)):
                    break
                await asyncio.wait([self._task], timeout=min(left, 0.5))
        finally:
            self._again_after = _AGAIN_AFTER

    async def _run(self) -> None:
        is_wanted = True
        while is_wanted and not self._is_stopped:
            try:
                await self._take_steps()
            finally:
                await self._stop_listening()
            if not self._is_stopped:
                await self._save_quietly()
                self.show()
            # What was asked for meanwhile has found it awake still.
            is_wanted = self._woken.is_set()

    async def _take_steps(self) -> None:
        rests = 0
        while not self._is_stopped:
            now = datetime.now(UTC)
            self._woken.clear()
            if self._paused_until is not None and (left := self._paused_until - self._hass.loop.time()) > 0:
                if not await self._rest(timedelta(seconds=left)):
                    break
                continue
            self._paused_until = None
            step = decide(self.ledger, self.reading, now)
            self.show()
            if isinstance(step, AtRest):
                break
            rests = rests + 1 if isinstance(step, Rest) and step.until <= now else 0
            if rests > _MOST_RESTS_IN_A_ROW:
                self._pause(_AGAIN_AFTER)
            elif isinstance(step, Rest):
                if not await self._rest(step.until - now):
                    break
            else:
                await self._do(step)

    async def _rest(self, time: timedelta) -> bool:
        """Rest for a while, or until somebody wants something; return whether it is worth staying awake for."""
        if time > _LONGEST_REST:
            return False
        if time <= timedelta():
            await asyncio.sleep(0)
            return True
        rest: asyncio.Future[object] = asyncio.ensure_future(async_rest(self._hass, time.total_seconds()))
        woken: asyncio.Future[object] = asyncio.ensure_future(self._woken.wait())
        waiting = [rest, woken]
        if self._answers is not None:
            waiting.append(asyncio.ensure_future(self._answers.next()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if rest.done():
                rest.result()
            is_answered = len(waiting) > 2 and waiting[2].done()
        finally:
            for one in waiting:
                one.cancel()
        if is_answered:
            await self._do(Read(settings=True, profile=bool(self._open_profiles())))
        return True

    def _open_profiles(self) -> list[Intent]:
        return [intent for intent in self.ledger.open_intents if intent.wish.shows_in_profile]

    async def _do(self, step: Step) -> None:
        try:
            if isinstance(step, Read):
                await self._read(step)
            elif not isinstance(step, Rest | AtRest):
                await self._write(step)
        except SessionRenewed:
            # The session had died and nothing was sent. Start again with fresh reads.
            self.reading = Reading(last_told=self.reading.last_told, has_shown=self.reading.has_shown)
        except AuthError as err:
            self._pause_after(err, _SIGN_IN_AGAIN_AFTER)
        except RateLimited as err:
            self._pause_after(err, timedelta(seconds=err.retry_after or 0) + self._again_after)
        except EnlightenError as err:
            self._pause_after(err, self._again_after)
        except HomeAssistantError as err:
            # It could not be noted on disk, so it was not sent.
            self._pause(_AGAIN_AFTER)
            self._answer_unsent(err)

    def _pause(self, time: timedelta) -> None:
        self._paused_until = self._hass.loop.time() + time.total_seconds()

    def _pause_after(self, err: EnlightenError, time: timedelta) -> None:
        self._pause(time)
        self._answer_unsent(command_error(err), error_key(err))

    def _answer_unsent(self, err: HomeAssistantError, reason: str | None = None) -> None:
        """Tell callers who still wait that nothing was sent, and drop their changes: what was reported as failed must not come later."""
        now = datetime.now(UTC)
        for intent in self.ledger.open_intents:
            change = self._changes.get(intent.id)
            if change is not None and change.is_heard and not intent.is_touched and not intent.ends_override:
                refuse(change, err)
                fail(self.ledger, intent, reason or str(err.translation_key), now)
        self.show()

    # --- Reading ---

    async def _read(self, what: Read) -> None:
        settings = await self._read_settings() if what.settings else None
        if what.profile:
            self._take(profile=await self._client.profile())
        if what.schedules:
            await self._read_schedules()
        observe(self.ledger, self.reading, datetime.now(UTC), what)
        if settings is not None and settings.is_busy:
            try:
                check_idle(settings)
            except HomeAssistantError as err:
                self._answer_unsent(err)
        await self._save_quietly()

    async def _read_settings(self) -> BatterySettings:
        settings = await self._client.settings()
        self._take(settings=settings)
        return settings

    async def _read_schedules(self) -> BatterySchedules:
        schedules = await self._client.schedules()
        self._take(schedules=schedules)
        return schedules

    def _take(
        self,
        *,
        settings: BatterySettings | None = None,
        schedules: BatterySchedules | None = None,
        profile: BatteryProfile | None = None,
    ) -> None:
        self.reading.take(datetime.now(UTC), settings=settings, schedules=schedules, profile=profile)
        if self.listener is None:
            return
        if settings is not None:
            self.listener.take_settings(settings)
        if schedules is not None:
            self.listener.take_schedules(schedules)
        if profile is not None:
            self.listener.take_profile(profile)

    @callback
    def take_tick(self, settings: BatterySettings, schedules: BatterySchedules | None) -> None:
        """Take what the coordinator has read."""
        self.reading.take(datetime.now(UTC), settings=settings, schedules=schedules)
        observe(self.ledger, self.reading, datetime.now(UTC), Read(settings=True, schedules=schedules is not None))

    @property
    def is_looking(self) -> bool:
        """Return whether it reads by itself, soon and again."""
        return self._task is not None and not self._task.done() and self._paused_until is None

    def _is_paused_at(self, moment: float) -> bool:
        return self._paused_until is not None and self._paused_until >= moment

    # --- Writing ---

    async def _write(self, step: Write) -> None:
        await self._start_listening()
        intents = intents_of(step)
        take_back = note(self.ledger, step, self.reading, datetime.now(UTC))
        try:
            await self._save_before(intents)
            sent_at = datetime.now(UTC)
            shown = await send(self._client, self.ledger, self.reading, step)
        except RequestRejected as err:
            # The cloud has refused it, so no entry can have got lost.
            take_back()
            if not err.is_unknown or not comes_back_changed(self.ledger, step, datetime.now(UTC)):
                reason = await explained(self._client, err, step, self.ledger)
                refused(self.ledger, step, error_key(err), datetime.now(UTC), is_conflict=err.status == 409)
                self._refuse_all(intents, reason)
        except ServiceUnavailable as err:
            if not err.may_have_arrived:
                take_back()
                raise
            taken(self.ledger, step, datetime.now(UTC), is_unanswered=True)
            self._refuse_all(intents, command_error(err))
        except EnlightenError, HomeAssistantError:
            take_back()
            raise
        else:
            taken(self.ledger, step, datetime.now(UTC) if shown is None else sent_at)
            if shown is not None:
                self._take(settings=shown)
                observe(self.ledger, self.reading, datetime.now(UTC), Read(settings=True))
        await self._save_quietly()
        self.show()

    def _refuse_all(self, intents: Iterable[Intent], err: HomeAssistantError) -> None:
        for intent in intents:
            if (change := self._changes.get(intent.id)) is not None:
                refuse(change, err)

    async def _start_listening(self) -> None:
        """Listen for the gateway's answers, where the site has them."""
        if self._answers is None and self.reading.settings is not None and self.reading.settings.supports_mqtt:
            self._answers = AnswerWatch(self._hass, self._entry, self._client)
            await self._answers.start()

    async def _stop_listening(self) -> None:
        if self._answers is not None:
            answers, self._answers = self._answers, None
            await answers.stop()

    # --- Telling ---

    def show(self) -> None:
        """Answer whoever waits, and show what has moved on."""
        for key, change in list(self._changes.items()):
            if not change.intent.is_open:
                del self._changes[key]
            if change.shown == (now := (change.state, change.reason, change.is_ahead)):
                continue
            change.shown = now
            if change.state is not ChangeState.QUEUED and not change.accepted.done():
                accept(change, self.reading.schedules)
            if self.listener is not None:
                self.listener.take_change(change)
            if change.is_over and not change.done.done():
                change.done.set_result(change.state)
        told = list(self.ledger.told)
        if any(one.reason == "apply_refused" for one in told):
            LOGGER.error("Battery schedules are there, but could not be applied")
        self.ledger.told.clear()
        if self.listener is not None:
            self.listener.take_ledger(self.ledger, told)

    async def async_save(self) -> None:
        """Save the ledger.

        Raises:
            HomeAssistantError: It could not be saved.
        """
        await self._store.async_save(self.ledger)
        self._saved = self.ledger.to_dict()

    async def _save_before(self, intents: Iterable[Intent]) -> None:
        """Save before something is written, as the store does it."""
        if await self._store.async_save_before(self.ledger, intents):
            self._saved = self.ledger.to_dict()

    async def _save_quietly(self) -> None:
        """Save what a read or an answer has brought; where the disk refuses, the next step is not taken either."""
        now = self.ledger.to_dict()
        saved_at = self.ledger.saved_at
        is_recent = self.ledger.is_at_rest or (saved_at is not None and datetime.now(UTC) - saved_at < _SAVED_EVERY)
        if is_recent and {**now, "saved_at": None} == {**self._saved, "saved_at": None}:
            return
        try:
            await self.async_save()
        except HomeAssistantError:
            LOGGER.error("The battery's ledger could not be saved")
