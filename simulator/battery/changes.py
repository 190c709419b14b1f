"""Changes that the cloud has taken and the gateway has not, and what reads show of them, late or not (docs/cloud-api/battery.md §6)."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..switches.battery import BatteryRequest
from ..wire import Json
from .schedules import ScheduleBook
from .settings import ControlFamily, Settings


class ChangeKind(StrEnum):
    """What a change is about."""

    SETTINGS = "settings"
    PROFILE = "profile"
    STORM = "storm"

    @property
    def message_type(self) -> str:
        """``messageType`` of the MQTT answer (docs/cloud-api/battery.md §7)."""
        return "storm_change_response" if self is ChangeKind.STORM else "profile_change_response"


@dataclass(frozen=True)
class WantedChange:
    """What a write asks for."""

    kind: ChangeKind
    values: Mapping[str, object] = field(default_factory=dict)
    """Fields of `Settings`."""
    shown: Mapping[str, Json] = field(default_factory=dict)
    """The keys as ``requestedConfig`` tells them."""
    families: frozenset[ControlFamily] = frozenset()
    """Families whose toggle it holds: their entries are applied with it."""
    toggled: frozenset[ControlFamily] = frozenset()
    """Those of them whose state it changes."""
    requests: frozenset[BatteryRequest] = frozenset()
    """What it was asked for, whether or not something comes of it."""


@dataclass(eq=False)
class PendingChange:
    """A change on its way to the gateway; times epoch seconds."""

    wanted: WantedChange
    at: float
    due: float | None
    """When the gateway takes it over; None: never."""
    ends: float | None
    """When it stops being pending; None: never."""
    drops: frozenset[ControlFamily] = frozenset()
    """Families that lose their entries when it is taken over."""


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
