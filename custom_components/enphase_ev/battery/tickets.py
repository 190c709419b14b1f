"""What can be asked of the battery, and the ticket that tells what became of it (docs/cloud-api/battery.md §6)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto
from typing import NamedTuple

from ..enlighten import BatteryEntry, BatteryFamily, BatterySchedules, BatterySettings, Json


class ChangeState(StrEnum):
    """Where a change stands."""

    REQUESTED = "requested"
    WAITING = "waiting_for_gateway"
    APPLIED = "applied"
    FAILED = "failed"


class Progress(Enum):
    """What a look at the cloud shows of a change."""

    SO = auto()
    PENDING = auto()
    NOT_SO = auto()


@dataclass(frozen=True, kw_only=True)
class SettingsChange:
    """A change of settings.

    Attributes:
        body: the keys that are wished for.
        beside: the keys that have to go along with them, out of the settings as they are when it is written.
        is_so: whether the settings say what was wished for.
        families: those that are switched; the cloud is let check each before.
        instead: what to write once more where the cloud said success and did nothing; each is tried once.
    """

    body: Mapping[str, Json]
    beside: Callable[[BatterySettings], Mapping[str, Json]] = lambda _: {}
    is_so: Callable[[BatterySettings], bool]
    families: tuple[BatteryFamily, ...] = ()
    instead: tuple[Callable[[BatterySettings], Mapping[str, Json]], ...] = ()

    def whole(self, settings: BatterySettings) -> Mapping[str, Json]:
        """Return everything to write; what was wished for counts more than what goes along."""
        return _together(self.beside(settings), self.body)

    def merged(self, other: SettingsChange) -> SettingsChange:
        """Return both as one change; where they touch the same key, the later one counts."""
        is_overridden = _keys(self.body) <= _keys(other.body)
        return SettingsChange(
            body=_together(self.body, other.body),
            beside=other.beside if is_overridden else lambda settings: _together(self.beside(settings), other.beside(settings)),
            is_so=other.is_so if is_overridden else lambda settings: self.is_so(settings) and other.is_so(settings),
            families=tuple(dict.fromkeys((*self.families, *other.families))),
            instead=other.instead if is_overridden else (*self.instead, *other.instead),
        )


def _together(first: Mapping[str, Json], second: Mapping[str, Json]) -> dict[str, Json]:
    """Return both, the objects in them together, too; the second one counts."""
    both = dict(first)
    for key, value in second.items():
        before = both.get(key)
        both[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return both


def _keys(body: Mapping[str, Json]) -> set[tuple[str, str]]:
    return {(key, inner) for key, value in body.items() for inner in (value if isinstance(value, dict) else ("",))}


class ScheduleWrites(NamedTuple):
    """The entries to delete, those to write (with an id one is changed, without one it is added), and those that are to come back.

    What is to come back and is refused does not fail the change: it is kept as everything that could not be put back.
    """

    deletes: Sequence[BatteryEntry] = ()
    writes: Sequence[BatteryEntry] = ()
    back: Sequence[BatteryEntry] = ()


@dataclass(frozen=True, kw_only=True)
class EntriesChange:
    """A change of entries.

    `plan` gets the settings and the entries as they are just before the change. It raises `ServiceValidationError` for what cannot be.
    """

    plan: Callable[[BatterySettings, BatterySchedules], ScheduleWrites]


@dataclass
class Ticket:
    """What became of a change: `accepted` when the cloud has taken it, `done` when it is so, or is not, or was withdrawn.

    Of one that is unanswered nobody knows whether it has arrived: it is looked for, and not sent again.
    """

    accepted: asyncio.Future[None]
    done: asyncio.Future[ChangeState]
    what: str
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: ChangeState = ChangeState.REQUESTED
    reason: str | None = None
    is_withdrawn: bool = False
    is_unanswered: bool = False

    @property
    def answer(self) -> str:
        """Return what an action says of it: requested, applied or failed."""
        return ChangeState.REQUESTED.value if self.state is ChangeState.WAITING else self.state.value

    async def wait(self, seconds: float) -> None:
        """Wait until it is known what became of it, but no longer than some seconds."""
        await asyncio.wait([self.done], timeout=seconds)

    @property
    def is_open(self) -> bool:
        """Return whether it is not known yet what becomes of it."""
        return not self.done.done()


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Whoever wants to know: of settings and schedules that were read, of a change that moved on, of entries that could not be put back."""

    on_settings: Callable[[BatterySettings], None]
    on_schedules: Callable[[BatterySchedules], None]
    on_ticket: Callable[[Ticket], None]
    on_left: Callable[[list[BatteryEntry]], None]
