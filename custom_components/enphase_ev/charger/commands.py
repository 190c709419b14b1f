"""Sends what people ask of the chargers of a site. What was asked and is not so yet stays on the charger, until a poll confirms it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN, LOGGER
from ..enlighten import ChargeMode, CommandReply, Json, Outcome, RequestRejected, ServiceUnavailable
from ..errors import translated
from ..waiting import async_rest
from .coordinator import ChargerCoordinator
from .gathering import Steps
from .model import Charger, Command, CommandState
from .own_stream import ChargerStreams
from .tracker import ChargerTracker
from .validation import check_level

# How long a charger is left alone between the stop and the start that give it a new level (docs/cloud-api/chargers.md §3).
_REST_BEFORE_RESTART = 30.0
# The cloud says 900 s.
_LONGEST_STREAM = 3600.0


class ChargerCommands:
    """The commands. Whatever changes one charger takes turns, and reads in its turn what the charger does before it decides.

    All of them raise `HomeAssistantError` when the cloud refuses or does not answer.
    """

    def __init__(self, coordinator: ChargerCoordinator, steps: Steps) -> None:
        self._coordinator = coordinator
        self._steps = steps
        self._client = coordinator.client
        self._streams = ChargerStreams(coordinator, coordinator.client.cloud)
        self._listeners: list[Callable[[str, bool], None]] = []

    @callback
    def async_listen(self, note: Callable[[str, bool], None]) -> CALLBACK_TYPE:
        """Call `note` with the serial number whenever a start (true) or a stop is asked for; return what ends that."""
        self._listeners.append(note)
        return lambda: self._listeners.remove(note)

    def _tell(self, serial: str, *, is_start: bool) -> None:
        for note in self._listeners:
            note(serial, is_start)

    async def async_start(self, serial: str, level: float | None = None, connector_id: int = 1) -> CommandReply:
        """Start charging at a level in A, by default the stored wish. A charger that charges already is left alone unless a level is named.

        Raises:
            ServiceValidationError: The level is not one of the charger's and nothing was sent, or there is no vehicle.
        """
        check_level(self._coordinator.data[serial], level)
        self._tell(serial, is_start=True)
        self._coordinator.tracker(serial).restarts_with = None
        if level is not None:
            self._steps.drop(_level_of(serial))
        async with self._coordinator.turn(serial):
            is_known = await self._coordinator.async_look(serial)
            return await self._start_where_needed(serial, level, connector_id, is_known=is_known)

    async def _start_where_needed(self, serial: str, level: float | None, connector_id: int = 1, *, is_known: bool) -> CommandReply:
        """Start a charger unless it is known to charge as wanted."""
        if is_known and _charges_as_wanted(self._coordinator.data[serial], level):
            # Nothing is sent. A stop that failed before is forgotten: a person wants the charger to charge now.
            self._coordinator.tracker(serial).start_stop = Command(wish=True, requested_at=datetime.now(UTC), state=CommandState.CONFIRMED)
            self._coordinator.publish()
            return CommandReply(outcome=Outcome.ALREADY_CHARGING)
        if self._coordinator.data[serial].takes_level:
            await self._coordinator.async_look_at_mode(serial)
        return await self._start(self._coordinator.data[serial], level, connector_id)

    async def _start(self, charger: Charger, level: float | None, connector_id: int) -> CommandReply:
        tracker = self._coordinator.tracker(charger.serial)
        mode, takes_level = _mode_of_start(charger)
        wished = level or charger.wished_level
        sent = wished if takes_level else None
        if sent is not None:
            # The level that was set a moment ago goes out with it.
            self._steps.drop(_level_of(charger.serial))
        reply = await self._send(self._client.start(charger.serial, mode=mode, level=sent, connector_id=connector_id))
        if reply.outcome is Outcome.NOT_PLUGGED_IN:
            # As a rule the person has seen something else: show what was read.
            await self._coordinator.async_look(charger.serial)
            self._coordinator.publish()
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="not_plugged_in", translation_placeholders={"charger": charger.name}
            )
        now = datetime.now(UTC)
        tracker.start_stop = Command(wish=True, requested_at=now, is_queued=reply.outcome is Outcome.QUEUED)
        # A start without a level is fulfilled by a charger that charges already.
        is_nothing_to_do = level is None and reply.outcome is Outcome.ALREADY_CHARGING
        is_change = charger.status.is_charging and takes_level and not is_nothing_to_do
        tracker.take_level_reply(charger, wished, reply, now, is_change=is_change)
        self._coordinator.confirm_soon()
        return reply

    async def async_stop(self, serial: str) -> CommandReply:
        """Stop charging; a later status says whether it has stopped."""
        self._tell(serial, is_start=False)
        tracker = self._coordinator.tracker(serial)
        # After a stop, no session comes back with a new level.
        tracker.restarts_with, tracker.level_change = None, None
        self._steps.drop(_level_of(serial))
        async with self._coordinator.turn(serial):
            return await self._stop(serial)

    async def _stop(self, serial: str) -> CommandReply:
        reply = await self._send(self._client.stop(serial))
        tracker = self._coordinator.tracker(serial)
        tracker.start_stop = Command(wish=False, requested_at=datetime.now(UTC), is_queued=reply.outcome is Outcome.QUEUED)
        self._coordinator.confirm_soon()
        return reply

    async def async_follow_plan(self, serial: str, is_wanted: Callable[[], Awaitable[bool]], *, is_start: bool) -> bool:
        """Start a charger at the stored wish, or stop it, if that is still wanted after a look at the charger and its mode.

        Returns:
            Whether something was sent; nothing is where the cloud did not answer that look.
        """
        async with self._coordinator.turn(serial):
            is_read = await self._coordinator.async_read(serial) and await self._coordinator.async_look_at_mode(serial)
            if not is_read or not await is_wanted():
                return False
            if is_start:
                await self._start(self._coordinator.data[serial], None, 1)
            else:
                await self._stop(serial)
            return True

    async def async_set_level(self, serial: str, level: float) -> None:
        """Store the level (A) for the next start, and send it if a session runs whose mode leaves the level to the person.

        It is shown at once, and sent when no other has been set for a moment. It is stored even if the cloud refuses it or does not answer.

        Raises:
            ServiceValidationError: The level is not one of the charger's; nothing was stored or sent.
        """
        charger = self._coordinator.data[serial]
        check_level(charger, level)
        tracker = self._coordinator.tracker(serial)
        tracker.wish(level)
        if tracker.restarts_with is not None:
            tracker.restarts_with = level
        self._coordinator.publish()
        if charger.is_charging_shown:
            await self._steps.async_gather(_level_of(serial), lambda: self._change_level(serial, level))

    async def _change_level(self, serial: str, level: float) -> None:
        """Give a running session another level (A)."""
        async with self._coordinator.turn(serial):
            is_known = await self._coordinator.async_look(serial)
            charger = self._coordinator.data[serial]
            if charger.is_charging_shown and not (is_known and _charges_as_wanted(charger, level)):
                await self._coordinator.async_look_at_mode(serial)
                charger = self._coordinator.data[serial]
                mode, takes_level = _mode_of_start(charger)
                if takes_level:
                    reply = await self._send(self._client.start(serial, mode=mode, level=level))
                    self._coordinator.tracker(serial).take_level_reply(charger, level, reply, datetime.now(UTC), is_change=True)
                    self._coordinator.confirm_soon()
                    return
            self._coordinator.publish()

    async def async_set_mode(self, serial: str, mode: ChargeMode) -> None:
        """Choose the charge mode.

        Raises:
            ServiceValidationError: Scheduled mode without an enabled schedule.
        """
        tracker = self._coordinator.tracker(serial)

        def expect() -> None:
            tracker.mode_change = Command(wish=mode, requested_at=datetime.now(UTC))

        async with self._coordinator.turn(serial):
            is_known = await self._coordinator.async_look_at_mode(serial)
            charger = self._coordinator.data[serial]
            if is_known and charger.mode is mode and charger.mode_shown is mode:
                self._coordinator.publish()
                return
            answered = await self._send(self._client.set_charge_mode(serial, mode), expect)
            if answered is not None and answered.mode is mode:
                tracker.take_preference(answered)
            expect()
            self._coordinator.confirm_soon()

    async def async_trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message and return what the cloud said."""
        return await self._send(self._client.trigger_message(serial, message))

    async def async_start_live_stream(self) -> float | None:
        """Let the cloud refresh the chargers faster, poll faster for as long, and listen to the chargers; return for how many seconds."""
        seconds = await self._send(self._client.cloud.start_live_stream())
        duration = min(seconds or 0, _LONGEST_STREAM)
        await self._coordinator.async_poll_fast(timedelta(seconds=duration))
        if duration > 0:
            self._streams.start(duration)
        return seconds

    async def async_stop_live_stream(self) -> None:
        """End the faster refresh."""
        await self._send(self._client.cloud.stop_live_stream())
        self._coordinator.stop_polling_fast()
        self._streams.stop()

    # --- A level that is ignored ---

    @callback
    def restart_where_level_is_ignored(self) -> None:
        """Stop and start the chargers that ignore a new level during a session; a person has asked for that level."""
        for tracker in self._coordinator.trackers:
            if tracker.ignores_level:
                change, tracker.level_change = tracker.level_change, None
                tracker.restarts_with = change.wish if change else None
                self._coordinator.config_entry.async_create_background_task(
                    self._coordinator.hass, self._restart(tracker), name="Enphase charger: restart with a new level"
                )
                LOGGER.debug("The charger ignores the level %s: stopping and starting it", tracker.restarts_with)

    async def _restart(self, tracker: ChargerTracker) -> None:
        """Stop, wait, and start with the new level, or a newer one, unless another command was given meanwhile, here or elsewhere."""
        try:
            async with self._coordinator.turn(tracker.serial):
                if tracker.restarts_with is None:
                    return
                await self._send(self._client.stop(tracker.serial))
            await async_rest(self._coordinator.hass, _REST_BEFORE_RESTART)
            async with self._coordinator.turn(tracker.serial):
                await self._start_again(tracker)
        except HomeAssistantError as err:
            LOGGER.warning("The new level could not be put in force: %s", err)
        finally:
            tracker.restarts_with = None

    async def _start_again(self, tracker: ChargerTracker) -> None:
        """Start a charger that was stopped for a new level, unless somebody else has started it with another one."""
        is_known = await self._coordinator.async_look(tracker.serial)
        level, tracker.restarts_with = tracker.restarts_with, None
        if level is None:
            return
        if is_known and tracker.is_level_of_others(self._coordinator.data[tracker.serial].status, level):
            LOGGER.debug("The charger was started elsewhere, with another level than %s", level)
            self._coordinator.publish()
            return
        reply = await self._start_where_needed(tracker.serial, level, is_known=is_known)
        if reply.outcome is Outcome.ALREADY_CHARGING:
            # It has not stopped: doing it all over again would not help.
            tracker.level_change = None
            LOGGER.warning("The new level could not be put in force: the charger did not stop")

    async def _send[T](self, write: Awaitable[T], expect: Callable[[], None] = lambda: None) -> T:
        """Send a write. If it failed but may still take effect, `expect` notes what to look for, and the next polls look for it."""
        with translated():
            try:
                return await write
            except (ServiceUnavailable, RequestRejected) as err:
                may_take_effect = err.may_have_arrived if isinstance(err, ServiceUnavailable) else err.is_queued
                if may_take_effect:
                    expect()
                    self._coordinator.confirm_soon()
                raise


def _level_of(serial: str) -> str:
    """Return what the steps of a charger's level are gathered by."""
    return f"level of {serial}"


def _charges_as_wanted(charger: Charger, level: float | None) -> bool:
    """Return whether a charger charges already, at this level (A) where one is named that would be taken: then nothing is sent."""
    if not (charger.status.is_charging and charger.is_charging_shown):
        return False
    is_changing = charger.level_change is not None and charger.level_change.is_pending
    return level is None or not charger.takes_level or (level == charger.status.level and not is_changing)


def _mode_of_start(charger: Charger) -> tuple[ChargeMode | None, bool]:
    """Return the mode that a start is made for, and whether it takes a level.

    Where a change of the mode is not confirmed yet, no level is sent unless both the old mode and the new one take it.
    """
    mode = charger.mode if charger.mode is not None and charger.mode.decides_level else charger.mode_shown
    return mode, charger.takes_level and (mode is None or not mode.decides_level)
