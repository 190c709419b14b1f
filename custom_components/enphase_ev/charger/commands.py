"""What was asked for and is not confirmed yet: requested, confirmed, or failed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, repeat
from typing import Self

# After a command the poll comes at these distances, until it is confirmed or the time is up.
_CONFIRMING_RHYTHM = (2.0, 4.0, 8.0, 16.0, 30.0)
CONFIRMED_WITHIN = timedelta(seconds=90)


class CommandState(StrEnum):
    """Where a command stands."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Command[WishT]:
    """A wish that the cloud has accepted; `reason` is what was there instead when it failed."""

    wish: WishT
    requested_at: datetime
    state: CommandState = CommandState.REQUESTED
    reason: str | None = None

    @property
    def is_pending(self) -> bool:
        """Return whether the cloud has still to show that it did what was asked for."""
        return self.state is CommandState.REQUESTED

    @property
    def gives_up_at(self) -> datetime:
        """Return when it counts as failed."""
        return self.requested_at + CONFIRMED_WITHIN

    def observe(self, actual: WishT | None, now: datetime, reason: str | None = None) -> Self:
        """Return the command as it stands once this was read back."""
        if not self.is_pending:
            return self
        if actual == self.wish:
            return replace(self, state=CommandState.CONFIRMED)
        if now >= self.gives_up_at:
            return replace(self, state=CommandState.FAILED, reason=reason)
        return self


def confirming_rhythm() -> Iterator[float]:
    """Yield the seconds between the polls after a command."""
    return chain(_CONFIRMING_RHYTHM, repeat(_CONFIRMING_RHYTHM[-1]))
