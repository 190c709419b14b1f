"""Changes that were asked of the keeper: what is shown of one, the answer that its caller waits for, and what entries are planned."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from homeassistant.exceptions import HomeAssistantError

from ..enlighten import BatteryEntry, BatteryProfile, BatterySchedules, BatterySettings
from ..weekly import overlap
from .ledger import OVER, ChangeState, Intent, Ledger, Told
from .steps import DeleteEntry, Write, WriteAlone, WriteEntry, WriteSettings
from .validation import conflict, window_of_entry


class Change:
    """What becomes of an intent: `accepted` is resolved when the cloud has taken or refused it, `done` when it is applied or has failed."""

    def __init__(self, intent: Intent, loop: asyncio.AbstractEventLoop) -> None:
        self.intent = intent
        self.accepted: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[ChangeState] = loop.create_future()
        self.is_heard = False
        self.shown: tuple[ChangeState, str | None, bool] | None = None
        self.accepted.add_done_callback(_mark_retrieved)

    @property
    def what(self) -> str:
        """Return its name."""
        return self.intent.what

    @property
    def state(self) -> ChangeState:
        """Return where it stands, as a person sees it."""
        return ChangeState.APPLIED if self.intent.is_at_gateway else self.intent.state

    @property
    def is_refused_in_words(self) -> bool:
        """Return whether somebody waits for the answer, and it is why nothing comes of it."""
        return self.is_heard and self.accepted.done() and self.accepted.exception() is not None

    @property
    def is_over(self) -> bool:
        """Return whether it is known what became of it."""
        return self.state in OVER

    @property
    def is_ahead(self) -> bool:
        """Return whether the gateway has it already, and the cloud still shows it as pending."""
        return self.intent.is_at_gateway and self.intent.is_open

    @property
    def reason(self) -> str | None:
        """Return why it failed."""
        return self.intent.reason

    @property
    def answer(self) -> str:
        """Return what an action says of it: queued, requested, applied or failed."""
        return ChangeState.REQUESTED.value if self.state is ChangeState.WAITING else self.state.value

    async def wait_until(self, deadline: float) -> None:
        """Wait until it is known what became of it, but no longer than to a moment on the clock of the loop (s)."""
        left = deadline - self.done.get_loop().time()
        if left > 0:
            await asyncio.wait([self.done], timeout=left)


def _mark_retrieved(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()


class Listener(Protocol):
    """Whoever shows what the keeper finds out."""

    def take_settings(self, settings: BatterySettings) -> None:
        """Take settings that were read."""

    def take_schedules(self, schedules: BatterySchedules) -> None:
        """Take schedules that were read."""

    def take_profile(self, profile: BatteryProfile) -> None:
        """Take a profile that was read."""

    def take_change(self, change: Change) -> None:
        """Take a change that has moved on."""

    def take_ledger(self, ledger: Ledger, told: Sequence[Told]) -> None:
        """Take the ledger, and what has happened."""


@dataclass(frozen=True)
class EntriesPlan:
    """What to do with entries: delete some, write some (with an id one is changed, without one added), forget some.

    `forgets` are those that are aside for an override: they need no request, and do not come back when it ends.
    """

    deletes: Sequence[BatteryEntry] = ()
    forgets: Sequence[BatteryEntry] = ()
    writes: Sequence[BatteryEntry] = ()


def expected_schedules(ledger: Ledger, schedules: BatterySchedules) -> BatterySchedules:
    """Return the entries as they will be once all that was asked for is done, and what is missing is back."""
    families = dict(schedules.families)
    deletes = [kept for intent in ledger.open_intents for kept in intent.deletes]
    writes = [kept for intent in ledger.open_intents for kept in (*intent.writes, *intent.done_writes)]
    changed = {kept.id for kept in writes if kept.id}
    for family, found in families.items():
        there = [one for one in found.entries if one.id not in changed and not any(one.id == kept.id for kept in deletes)]
        # Entries that wait have no id yet: each gets one here, so that they are not taken for one another.
        new = [replace(kept.entry(), id=kept.id or f"waiting {number}") for number, kept in enumerate(writes) if kept.family is family]
        missing = [one.known.entry() for one in ledger.expected if one.entry.family is family and one.problem is None]
        new = [*new, *missing]
        for entry in new:
            if not any(entry.is_same_as(one) or (entry.id and entry.id == one.id) for one in there):
                there.append(entry)
        families[family] = replace(found, entries=tuple(there))
    return BatterySchedules(families=families, is_pending=schedules.is_pending)


def intents_of(step: Write) -> tuple[Intent, ...]:
    """Return the intents that a write is for."""
    match step:
        case WriteSettings(_, _, intents):
            return intents
        case WriteAlone(intent):
            return (intent,)
        case DeleteEntry(_, intent) | WriteEntry(_, intent):
            return () if intent is None else (intent,)


def refuse(change: Change, err: HomeAssistantError) -> None:
    """Raise an error where somebody waits for a change to be accepted."""
    if not change.accepted.done():
        change.accepted.set_exception(err)


def conflict_in(there: Iterable[BatteryEntry], entry: BatteryEntry) -> HomeAssistantError | None:
    """Return what a person sees of an entry that has another one in its way; `None` where there is none."""
    for other in there:
        if other.id != entry.id and not other.is_same_as(entry) and overlap(window_of_entry(entry), window_of_entry(other)):
            return conflict(other)
    return None


def accept(change: Change, schedules: BatterySchedules | None) -> None:
    """Tell whoever waits that a change has moved on; one that has an entry in its way is refused with that."""
    if change.reason == "schedule_conflict" and schedules is not None:
        found = (conflict_in(schedules.entries, kept.entry()) for kept in change.intent.writes)
        if (err := next((one for one in found if one is not None), None)) is not None:
            change.accepted.set_exception(err)
            return
    change.accepted.set_result(None)
