"""Every change of the battery: checked, noted down, written, applied, confirmed, and nothing lost by it.

Source: docs/cloud-api/battery.md §4 to §6.

The cloud takes a change and says success, does it seconds or minutes later or not at all, and can drop schedules on the way. So a change
is noted in a journal on disk before it is written; afterwards the schedules are compared and what is missing is put back. A change that
was interrupted, by whatever, is taken up from the journal at the next start.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain, repeat

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..enlighten import (
    AuthError,
    Batteries,
    BatteryEntry,
    BatterySchedules,
    BatterySettings,
    EnlightenError,
    Json,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
)
from ..errors import command_error
from ..waiting import async_rest
from ..weekly import overlap
from .answers import AnswerWatch
from .cloud import CONFIRM_RHYTHM, CONFIRM_THEN, CONFIRMED_WITHIN, BatteryCloud
from .journal import BatteryJournal, JournalRecord, KeptEntry
from .restore import SETTLE, BatteryRestore
from .tickets import ChangeState, EntriesChange, Listener, Progress, SettingsChange, Ticket
from .validation import check_idle, conflict, window_of_entry

# Wishes that come within this time are put into one request.
_GATHER = 2.0
# Switching a family off right after a delete in it fails (docs/cloud-api/battery.md §5).
_AFTER_DELETE = 3.0

type _Build = Callable[[BatterySettings], Mapping[str, Json]]


class BatteryChanges:
    """Makes the changes of one site, one after the other."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, client: Batteries, journal: BatteryJournal, listener: Listener) -> None:
        self.journal = journal
        self._hass = hass
        self._entry = entry
        self._client = client
        self._listener = listener
        self._lock = asyncio.Lock()
        self._gathering: tuple[Ticket, SettingsChange] | None = None
        self._latest: dict[str, Ticket] = {}
        self._cloud = BatteryCloud(hass, client, listener)
        self._keeper = BatteryRestore(hass, self._cloud, journal)
        self._answers: AnswerWatch | None = None

    def set_country(self, country: str | None) -> None:
        """Note where the site is (ISO 3166)."""
        self._cloud.country = country

    @property
    def is_busy(self) -> bool:
        """Return whether a change is under way."""
        return self._lock.locked()

    # --- Asking for a change ---

    async def async_change_settings(self, what: str, change: SettingsChange) -> Ticket:
        """Change settings; return when the cloud has taken the change. Wishes that come within two seconds go out together.

        Raises:
            HomeAssistantError: Refused, by us or by the cloud.
        """
        if self._gathering is not None:
            ticket, gathered = self._gathering
            self._gathering = (ticket, gathered.merged(change))
        else:
            ticket = self._open_ticket(what)
            self._gathering = (ticket, change)
            self._start(ticket, self._run_gathered(ticket))
        await asyncio.shield(ticket.accepted)
        return ticket

    async def async_change_entries(self, what: str, change: EntriesChange) -> Ticket:
        """Change schedule entries; return when the cloud has taken the change.

        Raises:
            HomeAssistantError: Refused, by us or by the cloud.
        """
        ticket = self._open_ticket(what)
        self._start(ticket, self._run(ticket, lambda: self._change_entries(ticket, change)))
        await asyncio.shield(ticket.accepted)
        return ticket

    async def async_write(self, what: str, write: Callable[[bool], Awaitable[None]], check: Callable[[], Awaitable[Progress]]) -> Ticket:
        """Make a change that has a request of its own, such as the profile; schedules are compared after it, too.

        `write` is told whether to name `source` in the query (docs/cloud-api/battery.md §4).

        Raises:
            HomeAssistantError: Refused by the cloud.
        """
        ticket = self._open_ticket(what)

        async def change() -> None:
            settings = await self._cloud.settings()
            check_idle(settings)
            async with self._listening(settings):
                await self._journaled(ticket, lambda: write(False), check)
                # What was pending has been taken: where it is not so in the end, somebody has withdrawn it.
                await self._confirm(ticket, check, (with_source,), is_once_pending_taken=True)

        async def with_source() -> None:
            await self._journaled(ticket, lambda: write(True), check)

        self._start(ticket, self._run(ticket, change))
        await asyncio.shield(ticket.accepted)
        return ticket

    def withdraw(self, what: str) -> None:
        """Note that a person has withdrawn a change: it is not written in another form any more."""
        if (ticket := self._latest.get(what)) is not None:
            ticket.is_withdrawn = True

    async def async_take_up(self) -> list[BatteryEntry]:
        """Take up what the journal has open; return the entries that could not be put back.

        Raises:
            EnlightenError: The cloud did not answer; the journal stays as it is.
        """
        async with self._lock:
            self._cloud.begin()
            if any(record.problem is None for record in self.journal.records):
                # What was interrupted a moment ago can still drop something.
                await async_rest(self._hass, SETTLE)
            for record in list(self.journal.records):
                await self._restore(record)
        return self.left

    @property
    def left(self) -> list[BatteryEntry]:
        """Return the entries that could not be put back and wait for a person."""
        return [kept.entry() for record in self.journal.records if record.problem is not None for kept in record.expected]

    async def async_missing(self) -> list[BatteryEntry]:
        """Return the entries of the journal that are missing now; nothing is written.

        Raises:
            EnlightenError: The cloud did not answer.
        """
        if not self.journal.records:
            return []
        schedules = await self._cloud.schedules()
        return [entry for record in self.journal.records for entry in record.missing_from(schedules)]

    async def async_read(self) -> BatterySchedules:
        """Read all entries now.

        Raises:
            EnlightenError: The cloud did not answer.
        """
        return await self._cloud.schedules()

    async def async_drop(self) -> None:
        """Give up on what could not be put back."""
        for record in [record for record in self.journal.records if record.problem is not None]:
            await self.journal.async_close(record)

    def _open_ticket(self, what: str) -> Ticket:
        ticket = Ticket(self._hass.loop.create_future(), self._hass.loop.create_future(), what)
        # It may be that nobody waits for it.
        ticket.accepted.add_done_callback(_mark_retrieved)
        self._latest[what] = ticket
        self._listener.on_ticket(ticket)
        return ticket

    def _start(self, ticket: Ticket, work: Coroutine[None, None, None]) -> None:
        task = self._entry.async_create_background_task(self._hass, work, name="Enphase battery: change")
        task.add_done_callback(partial(_end, ticket))

    async def _run_gathered(self, ticket: Ticket) -> None:
        gathered: list[SettingsChange] = []

        async def change() -> None:
            if self._gathering is not None and not gathered:
                gathered.append(self._gathering[1])
                self._gathering = None
            await self._change_settings(ticket, gathered[0])

        await self._run(ticket, change, gather_for=_GATHER)

    async def _run(self, ticket: Ticket, change: Callable[[], Awaitable[None]], *, gather_for: float = 0.0) -> None:
        """Make one change, after those that were asked for before it."""
        try:
            if gather_for:
                await async_rest(self._hass, gather_for)
            async with self._lock:
                self._cloud.begin()
                await change()
        except EnlightenError as err:
            self._fail(ticket, command_error(err))
        except HomeAssistantError as err:
            self._fail(ticket, err)

    # --- Settings ---

    async def _change_settings(self, ticket: Ticket, change: SettingsChange) -> None:
        settings = await self._cloud.settings()
        check_idle(settings)
        # What is applied meanwhile must not take the wish back.
        self._cloud.wanted = change.body

        async def check() -> Progress:
            settings = await self._cloud.settings()
            if change.is_so(settings) and not set(change.body) & set(settings.requested):
                return Progress.SO
            return Progress.PENDING if settings.is_pending or settings.is_taken else Progress.NOT_SO

        async def write(build: _Build, settings: BatterySettings, *, names_source: bool) -> None:
            body = build(settings)
            await self._journaled(ticket, lambda: self._cloud.write_settings(change.families, body, names_source=names_source), check)

        async def again(build: _Build, *, names_source: bool) -> None:
            await write(build, (await self._cloud.settings()).after(change.body), names_source=names_source)
            if names_source:
                named.append(build)

        # What is sent while something else is pending may be lost (docs/cloud-api/battery.md §5): then the same form has another chance.
        plain = [*((change.whole,) if settings.is_pending else ()), *change.instead]
        variants = [partial(again, build, names_source=False) for build in plain]
        variants += [partial(again, build, names_source=True) for build in (change.whole, *change.instead)]
        named: list[_Build] = []
        async with self._listening(settings):
            await write(change.whole, settings, names_source=False)
            await self._confirm(ticket, check, variants)
        if named and ticket.state is ChangeState.APPLIED:
            self._cloud.names_source = True

    async def _journaled(self, ticket: Ticket, write: Callable[[], Awaitable[None]], check: Callable[[], Awaitable[Progress]]) -> None:
        """Make a write that can drop schedules: note what is there, write, wait, compare, and put back what is missing."""
        schedules = await self._cloud.schedules_surely()
        record = JournalRecord([KeptEntry.keep(entry) for entry in schedules.entries])
        await self.journal.async_open(record)
        try:
            await self._cloud.write(write)
        except RequestRejected, RateLimited:
            await self.journal.async_close(record)
            raise
        except ServiceUnavailable as err:
            if not err.may_have_arrived:
                await self.journal.async_close(record)
                raise
            ticket.is_unanswered = True
            self._refuse(ticket, command_error(err))
        self._accept(ticket)
        await self._settle(ticket, check)
        await self._restore(record)

    async def _settle(self, ticket: Ticket, check: Callable[[], Awaitable[Progress]]) -> None:
        """Wait until the schedules are worth comparing; an answer of the gateway confirms the change meanwhile."""
        rest = asyncio.ensure_future(async_rest(self._hass, SETTLE))
        try:
            while not await self._answered_before(rest):
                if await self._progress(check) is Progress.SO:
                    self._finish(ticket, ChangeState.APPLIED)
            await rest
        finally:
            rest.cancel()

    async def _answered_before(self, rest: asyncio.Future[None]) -> bool:
        """Wait for the end of a rest or for an answer of the gateway; return whether the rest is over."""
        if self._answers is None:
            await rest
            return True
        arrival = asyncio.ensure_future(self._answers.next())
        try:
            await asyncio.wait([rest, arrival], return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
        return rest.done()

    @asynccontextmanager
    async def _listening(self, settings: BatterySettings) -> AsyncIterator[None]:
        """Listen for the gateway's answers during a change, where the site has them."""
        if not settings.supports_mqtt:
            yield
            return
        self._answers = AnswerWatch(self._hass, self._entry, self._client)
        await self._answers.start()
        try:
            yield
        finally:
            await self._answers.stop()
            self._answers = None

    # --- Entries ---

    async def _change_entries(self, ticket: Ticket, change: EntriesChange) -> None:
        settings = await self._cloud.settings()
        schedules = await self._cloud.schedules_surely()
        check_idle(settings)
        deletes, writes, back = change.plan(settings, schedules)
        self.journal.release(back)
        record = JournalRecord([KeptEntry.keep(entry) for entry in (*schedules.entries, *back)])
        await self.journal.async_open(record)
        try:
            for entry in deletes:
                await self.journal.async_forget(entry)
                await self._keeper.touch(record, entry.family, partial(self._client.delete_entry, entry))
                schedules = await self._cloud.schedules()
            for entry in writes:
                schedules = await self._write_entry(record, entry, schedules)
            for entry in back:
                await self._keeper.put_back(record, entry)
        except RequestRejected as err:
            explained = await self._explained(err, writes)
            self._refuse(ticket, explained)
            # What was done before the refusal still wants its apply; the rest is as it was.
            await self._restore(record)
            raise explained from err
        self._accept(ticket)
        if deletes:
            await async_rest(self._hass, _AFTER_DELETE)
        await self._restore(record)

        async def check() -> Progress:
            schedules = await self._cloud.schedules_surely()
            if any(schedules.entry(entry.id) for entry in deletes):
                return Progress.NOT_SO
            found = [next((one for one in schedules.of(entry.family) if one.is_same_as(entry)), None) for entry in writes]
            if any(one is None for one in found):
                return Progress.NOT_SO
            # In a family that is switched off it is open whether an entry ever settles (docs/cloud-api/battery.md §4); what has been
            # deleted shows only the apply.
            is_settling = any(one.is_pending and settings.is_enabled(one.family) for one in found if one is not None)
            is_settling = is_settling or (await self._cloud.settings()).is_pending
            return Progress.PENDING if is_settling else Progress.SO

        await self._confirm(ticket, check, ())

    async def _restore(self, record: JournalRecord) -> None:
        """Lose nothing by a change, and tell what could not be put back."""
        await self._keeper.restore(record)
        self._listener.on_left(self.left)

    async def _write_entry(self, record: JournalRecord, entry: BatteryEntry, schedules: BatterySchedules) -> BatterySchedules:
        """Change or add one entry, read again, and expect what came of it."""
        if entry.id:
            before = record.expected
            record.expect_instead([entry.id], [entry])
            try:
                await self._keeper.touch(record, entry.family, partial(self._client.change_entry, entry))
            except RequestRejected:
                record.expected = before
                raise
            return await self._cloud.schedules()
        known = {one.id for one in schedules.entries}
        await self._keeper.touch(record, entry.family, partial(self._client.add_entry, entry))
        after = await self._cloud.schedules()
        found = [one for one in after.of(entry.family) if one.id not in known and one.is_same_as(entry)]
        record.expect_instead([], found or [entry])
        await self.journal.async_save()
        return after

    async def _explained(self, err: RequestRejected, writes: Iterable[BatteryEntry]) -> HomeAssistantError:
        """Return what a person sees of a refusal; a conflict is explained with the entry that is really in the way."""
        if err.status != 409:
            return command_error(err)
        schedules = await self._cloud.schedules()
        for entry in writes:
            for other in schedules.entries:
                if other.id != entry.id and not other.is_same_as(entry) and overlap(window_of_entry(entry), window_of_entry(other)):
                    return conflict(other)
        return command_error(err)

    # --- Confirming ---

    async def _confirm(
        self,
        ticket: Ticket,
        check: Callable[[], Awaitable[Progress]],
        variants: Iterable[Callable[[], Awaitable[None]]],
        *,
        is_once_pending_taken: bool = False,
    ) -> None:
        """Look until the gateway has taken a change over; where the cloud has done nothing, write the variants that it may want."""
        left = iter(variants)
        deadline = datetime.now(UTC) + CONFIRMED_WITHIN
        for seconds in chain(CONFIRM_RHYTHM, repeat(CONFIRM_THEN)):
            progress = await self._progress(check)
            if progress is Progress.SO:
                self._finish(ticket, ChangeState.APPLIED)
                return
            if progress is Progress.NOT_SO:
                is_taken_over = is_once_pending_taken and ticket.state is ChangeState.WAITING
                variant = None if is_taken_over or ticket.is_withdrawn or ticket.is_unanswered else next(left, None)
                if variant is None:
                    break
                await variant()
                continue
            if datetime.now(UTC) >= deadline:
                break
            ticket.state = ChangeState.WAITING
            self._listener.on_ticket(ticket)
            rest = asyncio.ensure_future(async_rest(self._hass, seconds))
            try:
                await self._answered_before(rest)
            finally:
                rest.cancel()
        self._finish(ticket, ChangeState.FAILED, "withdrawn" if ticket.is_withdrawn else "not_applied")

    async def _progress(self, check: Callable[[], Awaitable[Progress]]) -> Progress:
        """Check once; a cloud that does not answer now says nothing about the change."""
        try:
            return await check()
        except AuthError:
            raise
        except EnlightenError:
            return Progress.PENDING

    def _accept(self, ticket: Ticket) -> None:
        if not ticket.accepted.done():
            ticket.accepted.set_result(None)
        self._listener.on_ticket(ticket)

    def _refuse(self, ticket: Ticket, err: HomeAssistantError) -> None:
        """Tell a person that nobody answered; the change is looked after all the same."""
        if not ticket.accepted.done():
            ticket.accepted.set_exception(err)

    def _fail(self, ticket: Ticket, err: HomeAssistantError) -> None:
        self._refuse(ticket, err)
        self._finish(ticket, ChangeState.FAILED, err.translation_key)

    def _finish(self, ticket: Ticket, state: ChangeState, reason: str | None = None) -> None:
        ticket.state, ticket.reason = state, reason
        if not ticket.done.done():
            ticket.done.set_result(state)
        self._listener.on_ticket(ticket)


def _end(ticket: Ticket, task: asyncio.Task[None]) -> None:
    """Let nobody wait for a change that was interrupted, and is taken up at the next start; the caller sees a defect of ours."""
    if not ticket.accepted.done() and not task.cancelled() and (error := task.exception()) is not None:
        ticket.accepted.set_exception(error)
    ticket.accepted.cancel()
    ticket.done.cancel()


def _mark_retrieved(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()
