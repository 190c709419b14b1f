"""Changes that the cloud has taken and the gateway has not (docs/cloud-api/battery.md §6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..wire import Json
from .families import ControlFamily
from .switches import BatteryRequest


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
