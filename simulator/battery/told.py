"""What the cloud tells of settings and schedules: the state of now, or of some seconds ago (docs/cloud-api/battery.md §4)."""

from collections import deque
from dataclasses import dataclass

from .changes import PendingChange
from .schedules import ScheduleBook
from .settings import Settings


@dataclass(frozen=True)
class Told:
    """A state of settings and schedules, as reads show it."""

    settings: Settings
    pending: list[PendingChange]
    book: ScheduleBook


class History:
    """The states of the last seconds, so that reads can lag behind writes."""

    def __init__(self) -> None:
        self._states: deque[tuple[float, Told]] = deque()

    def note(self, at: float, told: Told) -> None:
        """Remember what holds from a moment on, epoch seconds; an unchanged state is none."""
        if not self._states or self._states[-1][1] != told:
            self._states.append((at, told))

    def forget(self, before: float) -> None:
        """Forget what nobody will be told any more."""
        while len(self._states) > 1 and self._states[1][0] <= before:
            self._states.popleft()

    def clear(self) -> None:
        """Forget everything."""
        self._states.clear()

    def at(self, moment: float) -> Told | None:
        """What held at a moment; the oldest state where it is not known, None without any."""
        held = [told for since, told in self._states if since <= moment]
        if held:
            return held[-1]
        return self._states[0][1] if self._states else None
