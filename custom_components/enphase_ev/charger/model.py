"""One charger as entities see it: what the cloud says, where that comes from, what is derived from it, and what was asked for."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from ..enlighten import (
    ChargeMode,
    ChargeModePreference,
    ChargerConfiguration,
    ChargerMeter,
    ChargerStatus,
    ChargerSummary,
    ChargingSlot,
    ConfigurationKey,
    Feature,
    FirmwareDetails,
    PastSession,
)
from .power import PowerReading

CONFIRMED_WITHIN = timedelta(seconds=90)


class CommandState(StrEnum):
    """How far a command has come."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Command[WishT]:
    """What a person asked for and the cloud accepted; `reason` is what was read instead when it failed.

    `is_queued`: the cloud keeps it until the charger is back.
    """

    wish: WishT
    requested_at: datetime
    state: CommandState = CommandState.REQUESTED
    reason: str | None = None
    is_queued: bool = False

    @property
    def is_pending(self) -> bool:
        """Return whether it is still open whether the charger does what was asked."""
        return self.state is CommandState.REQUESTED

    @property
    def gives_up_at(self) -> datetime:
        """Return when it counts as failed."""
        return self.requested_at + CONFIRMED_WITHIN

    def observe(self, actual: WishT | None, now: datetime, reason: str | None = None) -> Self:
        """Return the command after this was read back."""
        if not self.is_pending:
            return self
        if actual == self.wish:
            return replace(self, state=CommandState.CONFIRMED)
        if now >= self.gives_up_at:
            return replace(self, state=CommandState.FAILED, reason=reason)
        return self


class ChargerState(StrEnum):
    """What a charger is doing, in one word."""

    CHARGING = "charging"
    SUSPENDED = "suspended"
    PLUGGED_IN = "plugged_in"
    FINISHED = "finished"
    FULL = "full"
    AVAILABLE = "available"
    # Home Assistant has a state "unavailable" of its own.
    OUT_OF_SERVICE = "out_of_service"
    FAULTED = "faulted"
    OFFLINE = "offline"


# If neither a fault nor charging decides, the connector's own word does.
_STATE_OF_CONNECTOR = {
    "SUSPENDED": ChargerState.SUSPENDED,
    "SUSPENDED_EV": ChargerState.SUSPENDED,
    "SUSPENDED_EVSE": ChargerState.SUSPENDED,
    "FINISHING": ChargerState.FINISHED,
    "UNAVAILABLE": ChargerState.OUT_OF_SERVICE,
    "FAULTED": ChargerState.FAULTED,
}


# The connector's words for a car that takes nothing any more.
_WORDS_OF_A_FULL_CAR = {"SUSPENDED_EV", "FINISHING"}


class DataSource(StrEnum):
    """What answers for a charger."""

    CLOUD = "cloud"
    LOCAL = "local"


class LocalRefusal(StrEnum):
    """Why a charger is not asked for locally."""

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    CERTIFICATE_CHANGED = "certificate_changed"
    CLOSED = "closed"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason, no secret
    NOT_LISTED = "not_listed"


@dataclass(frozen=True)
class SourceState:
    """Whether the gateway or the cloud answers for a charger; `refusal` says why it is not the gateway."""

    source: DataSource
    refusal: LocalRefusal | None


@dataclass(frozen=True, kw_only=True)
class ChargerDetails:
    """Schedules, settings, firmware and the last session; `None` is what was not answered yet or is not there.

    `battery_help`: whether the house battery helps in green mode.
    """

    slots: tuple[ChargingSlot, ...] | None = None
    configuration: ChargerConfiguration | None = None
    battery_help: bool | None = None
    features: frozenset[Feature] = frozenset()
    firmware: FirmwareDetails | None = None
    last_session: PastSession | None = None
    sessions: tuple[PastSession, ...] | None = None

    @property
    def default_level(self) -> float | None:
        """Return the level (A) that the charger starts with by itself, as its configuration has it."""
        return self.configuration.default_level if self.configuration else None

    def has_slot(self, slot_id: str) -> bool:
        """Return whether there is a slot with this id, full or short."""
        return any(slot_id in {slot.id, slot.short_id} for slot in self.slots or ())

    def setting(self, key: ConfigurationKey) -> str | None:
        """Return the value of a key of the configuration, `None` where it is off, unset or not known."""
        return self.configuration.values.get(key) if self.configuration else None


@dataclass(frozen=True, kw_only=True)
class Charger:
    """One charger.

    Attributes:
        is_preference_outdated: the charger has changed its mode since it was asked for.
        wished_level: A that the next start uses.
        refuses_level: the charger takes no level with a start.
        taken_level: A that the running session was given last, as far as this is known.
        lifetime_energy, energy_today: Wh.
        session_duration: of the running or the last session; `None` before the first.
        start_stop: the last start (true) or stop (false).
        was_stopped: it has not charged since it was stopped from here, and the plug has been in.
        details: schedules, settings, firmware and the last session.
        meter: what the gateway measures of it.
        source: what answers for it; `None` where no gateway is set up.
        mode_change, level_change: the last change of the charge mode, and of the level of a session.
    """

    status: ChargerStatus
    summary: ChargerSummary | None
    preference: ChargeModePreference | None
    is_preference_outdated: bool
    power: PowerReading | None
    lifetime_energy: float | None
    energy_today: float | None
    wished_level: float
    session_duration: timedelta | None
    refuses_level: bool = False
    taken_level: float | None = None
    start_stop: Command[bool] | None = None
    was_stopped: bool = False
    mode_change: Command[ChargeMode] | None = None
    level_change: Command[float] | None = None
    details: ChargerDetails = field(default_factory=ChargerDetails)
    source: SourceState | None = None
    meter: ChargerMeter | None = None

    @property
    def serial(self) -> str:
        """Return the serial number."""
        return self.status.serial

    @property
    def name(self) -> str:
        """Return the name that the owner gave it."""
        return self.status.name or (self.summary.name if self.summary else None) or "IQ EV Charger"

    @property
    def is_charging_shown(self) -> bool:
        """Return whether it charges, or is about to because a person asked for it."""
        command = self.start_stop
        return command.wish if command is not None and command.is_pending else self.status.is_charging

    @property
    def mode(self) -> ChargeMode | None:
        """Return the charge mode in force, from the preference or else from the charger's own hint."""
        preferred = self.preference.mode if self.preference else None
        is_in_doubt = preferred is None or self.is_preference_outdated
        return ChargeMode.GREEN if is_in_doubt and self.status.looks_green else preferred

    @property
    def runs_schedules(self) -> bool:
        """Return whether its schedules decide when it charges, as far as is known."""
        return self.mode is ChargeMode.SCHEDULED or (self.mode is None and self.unknown_mode is None)

    @property
    def takes_level(self) -> bool:
        """Return whether a level that a person sets is in force: green and smart mode choose it themselves, and an unknown one may."""
        if self.refuses_level:
            return False
        if self.mode is None:
            return self.unknown_mode is None
        return not self.mode.decides_level

    @property
    def unknown_mode(self) -> str | None:
        """Return the charge mode in force in the cloud's word, where it is one that is not known here."""
        return self.preference.unknown if self.preference and self.mode is None else None

    @property
    def mode_shown(self) -> ChargeMode | None:
        """Return the charge mode, or the one that was asked for just now."""
        command = self.mode_change
        return command.wish if command is not None and command.is_pending else self.mode

    @property
    def set_level(self) -> float | None:
        """Return the level in force in A, else the one that the next start uses; `None` where the mode chooses it and does not tell."""
        if self.level_change is not None and self.level_change.is_pending and self._safe_level is None:
            return self.level_change.wish
        return self.level_in_force

    @property
    def level_in_force(self) -> float | None:
        """Return the same without a change that is not confirmed yet: as it is reported, else what the running session took last."""
        taken = self.taken_level if self.status.is_charging else None
        return self._safe_level or self.status.level or ((taken or self.wished_level) if self.takes_level else None)

    @property
    def _safe_level(self) -> float | None:
        limits = self.summary.limits if self.summary else None
        return limits.min if self.is_at_safe_limit and limits is not None else None

    @property
    def is_at_safe_limit(self) -> bool:
        """Return whether the charger has fallen back to its lowest level; while it does not charge, the cloud's flag means nothing."""
        return self.status.is_charging and self.status.is_at_safe_limit

    @property
    def is_full(self) -> bool:
        """Return whether the car has charged since it was plugged in, and takes no more; one that was stopped is not full."""
        status, session = self.status, self.status.session
        is_of_car = (status.connector_status or "").upper() in _WORDS_OF_A_FULL_CAR
        has_charged = session is not None and session.unplugged_at is None and (session.energy or 0.0) > 0
        return status.is_plugged_in and not status.is_charging and is_of_car and has_charged and not self.was_stopped

    @property
    def state(self) -> ChargerState:
        """Return what it is doing, in one word."""
        status = self.status
        if status.is_connected is False:
            return ChargerState.OFFLINE
        if status.is_faulted:
            return ChargerState.FAULTED
        if status.is_charging:
            return ChargerState.CHARGING
        if self.is_full:
            return ChargerState.FULL
        if (state := _STATE_OF_CONNECTOR.get((status.connector_status or "").upper())) is not None:
            return state
        return ChargerState.PLUGGED_IN if status.is_plugged_in else ChargerState.AVAILABLE
