"""A model of the battery service for worlds without HTTP: writes are done later, reads lag, and entries drop as its weather says."""

from dataclasses import dataclass, field, replace
from functools import cached_property

from custom_components.enphase_ev.enlighten import (
    BatteryControl,
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    FamilySchedules,
)

_CFG, _DTG, _RBD = BatteryFamily
SWITCH_NAMES = {_CFG: "charge_from_grid", _DTG: "discharge_to_grid", _RBD: "restrict_discharge"}
_KEYS = {_CFG: "chargeFromGrid", _DTG: "dtgControl", _RBD: "rbdControl"}
_WIRE = {"charge_from_grid": "chargeFromGrid", "charge_schedules": "chargeFromGridScheduleEnabled", "reserve": "batteryBackupPercentage"}


@dataclass(frozen=True)
class Row:
    """An entry in the cloud."""

    id: str
    entry: BatteryEntry
    is_applied: bool = False
    apply_sent: bool = False
    since: float = 0.0

    @cached_property
    def told(self) -> BatteryEntry:
        """The entry as a read shows it."""
        return replace(self.entry, is_pending=not self.is_applied)


@dataclass
class Change:
    """What the gateway has still to take over."""

    due: float
    values: dict[str, object]
    applied: tuple[BatteryFamily, ...] = ()
    dropped: tuple[BatteryFamily, ...] = ()


@dataclass
class Weather:
    """How this cloud differs from another one, times in seconds."""

    drops: dict[BatteryFamily | str, tuple[BatteryFamily, ...]] = field(default_factory=dict)
    drop_after: float | None = 0.0
    """None: when the gateway takes the change over."""
    delay: float = 20.0
    settings_lag: float = 0.0
    schedules_lag: float = 0.0
    offline: tuple[float, float] = (0.0, 0.0)
    missing_group: tuple[BatteryFamily | None, float, float] = (None, 0.0, 0.0)
    empty_every: int = 0
    lost_while_pending: bool = False
    source: str = "indifferent"
    checks_conflicts: bool = True
    pending_while_off: bool = False
    refuses_every: int = 0
    loses_answer_every: int = 0
    applies_drop: bool = False
    applies_drop_every: int = 0
    """Of so many applies one drops everything; 0: none."""
    unapplied_vanish_after: float | None = None
    rbd_off_wants_whole: bool = False
    """Restrict discharge goes off, and is applied while it is off, only with all settings."""
    profile_brings: bool = False
    """A profile brings its own reserve and charge from grid when it is taken over."""
    kills: float = 0.0
    """How likely a write is the last thing that the process does, whether or not the cloud has got it."""


class ModelCloud:
    """A battery service that takes writes and does them later, with its weather."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.now = 0.0
        self.values: dict[str, object] = {
            "charge_from_grid": False,
            "charge_schedules": False,
            "discharge_to_grid": False,
            "restrict_discharge": False,
            "reserve": 20,
            "profile": "self-consumption",
        }
        self.rows: list[Row] = []
        self.pending: list[Change] = []
        self.dropping: list[tuple[float, tuple[BatteryFamily, ...]]] = []
        self.history: list[tuple[float, dict[str, object], tuple[Row, ...], dict[str, object] | None]] = []
        self.reads = self.answers = self.empties = self.writes = self.number = self.applies = 0
        self.keep()

    def keep(self) -> None:
        """Remember how it is now, for reads that lag."""
        requested = {name: value for change in self.pending for name, value in change.values.items()}
        self.history.append((self.now, dict(self.values), tuple(self.rows), requested if self.pending else None))

    def live(self, until: float) -> None:
        """Let time pass."""
        while True:
            moments = [self._due(change) for change in self.pending] + [at for at, _ in self.dropping]
            moment = min(moments, default=until + 1)
            if moment > until:
                break
            self.now = max(self.now, moment)
            for at, families in list(self.dropping):
                if at <= self.now:
                    self.dropping.remove((at, families))
                    self.drop(families)
            for change in list(self.pending):
                if self._due(change) <= self.now:
                    self._take_over(change)
        self.now = max(self.now, until)
        if (after := self.weather.unapplied_vanish_after) is not None:
            there = [row for row in self.rows if row.is_applied or row.apply_sent or self.now < row.since + after]
            if there != self.rows:
                self.rows = there
                self.keep()

    def _due(self, change: Change) -> float:
        begin, end = self.weather.offline
        return end if begin <= change.due < end else change.due

    def _take_over(self, change: Change) -> None:
        self.pending.remove(change)
        self.values |= change.values
        if self.weather.profile_brings and "profile" in change.values:
            is_saving = change.values["profile"] == "cost_savings"
            self.values |= {"reserve": 30 if is_saving else 20, "charge_from_grid": is_saving}
        rows = []
        for row in self.rows:
            if row.entry.family in change.applied and row.apply_sent:
                is_on = self.values[SWITCH_NAMES[row.entry.family]]
                rows.append(replace(row, is_applied=bool(is_on) or not self.weather.pending_while_off))
            else:
                rows.append(row)
        self.rows = rows
        self.drop(change.dropped)

    def drop(self, families: tuple[BatteryFamily, ...]) -> None:
        """Lose entries without a word."""
        self.rows = [row for row in self.rows if row.entry.family not in families]
        self.keep()

    def add(self, entry: BatteryEntry, *, is_applied: bool = False) -> bool:
        """Add an entry; return whether it was taken."""
        if self.weather.checks_conflicts and any(_overlaps(row.entry, entry) for row in self.rows):
            return False
        self.number += 1
        self.rows.append(Row(f"e{self.number}", replace(entry, id=f"e{self.number}"), is_applied, is_applied, self.now))
        self.keep()
        return True

    def change(self, entry: BatteryEntry) -> None:
        """Change an entry: it wants the apply again."""
        self.rows = [Row(row.id, entry, since=self.now) if row.id == entry.id else row for row in self.rows]
        self.keep()

    def delete(self, entry_id: str) -> None:
        """Delete an entry."""
        self.rows = [row for row in self.rows if row.id != entry_id]
        self.keep()

    def toggle(self, values: dict[str, object], applied: tuple[BatteryFamily, ...], *, names_source: bool, kind: str | None = None) -> None:
        """Take a write of settings."""
        weather = self.weather
        is_ignored = (weather.source == "needed" and not names_source) or (weather.source == "ignored" and names_source)
        if is_ignored or (weather.lost_while_pending and self.pending):
            return
        changed = {name for name, value in values.items() if self._expected(name) != value}
        dropped = [family for key, name in SWITCH_NAMES.items() if name in changed for family in weather.drops.get(key, ())]
        dropped += weather.drops.get(kind or "", ())
        if applied and not changed:
            self.applies += 1
            if weather.applies_drop_every and self.applies % weather.applies_drop_every == 0:
                dropped += list(BatteryFamily)
        if weather.applies_drop:
            dropped += [one for family in applied for one in weather.drops.get(family, ())]
        self.rows = [replace(row, apply_sent=True) if row.entry.family in applied else row for row in self.rows]
        if dropped and weather.drop_after is not None:
            self.dropping.append((self.now + weather.drop_after, tuple(dropped)))
        self.pending.append(Change(self.now + weather.delay, values, applied, tuple(dropped) if weather.drop_after is None else ()))
        self.keep()
        self.live(self.now)

    def _expected(self, name: str) -> object:
        return next((change.values[name] for change in reversed(self.pending) if name in change.values), self.values[name])

    def _seen(self, lag: float) -> tuple[float, dict[str, object], tuple[Row, ...], dict[str, object] | None]:
        at = self.now - lag
        return next((one for one in reversed(self.history) if one[0] <= at), self.history[0])

    def settings(self) -> BatterySettings:
        """Tell the settings."""
        self.reads += 1
        self.answers += 1
        _, values, _, requested = self._seen(self.weather.settings_lag)
        controls = {
            family: BatteryControl(is_shown=True, is_enabled=bool(values[name]), supports_schedules=True)
            for family, name in SWITCH_NAMES.items()
        }
        data = {
            "chargeFromGrid": values["charge_from_grid"],
            "chargeFromGridScheduleEnabled": values["charge_schedules"],
            "batteryBackupPercentage": values["reserve"],
            **{f"{family.value}Control": {"show": True, "enabled": values[SWITCH_NAMES[family]]} for family in BatteryFamily},
        }
        return BatterySettings(
            reserve=float(str(values["reserve"])),
            charges_from_grid=bool(values["charge_from_grid"]),
            schedules_charge=bool(values["charge_schedules"]),
            controls=controls,
            requested={} if requested is None else _requested(requested),
            data=data,  # type: ignore[arg-type]  # as JSON
        )

    def profile(self) -> BatteryProfile:
        """Tell the profile."""
        self.reads += 1
        self.answers += 1
        _, values, _, requested = self._seen(self.weather.settings_lag)
        return BatteryProfile(profile=str(values["profile"]), is_change_pending=requested is not None)

    def schedules(self) -> BatterySchedules:
        """Tell the entries."""
        self.reads += 1
        self.answers += 1
        _, _, rows, _ = self._seen(self.weather.schedules_lag)
        if self.weather.empty_every and self.answers % self.weather.empty_every == 0:
            rows = ()
            self.empties += 1
        group, begin, end = self.weather.missing_group
        families = {
            family: FamilySchedules(
                status="active",
                entries=tuple(row.told for row in rows if row.entry.family is family),
            )
            for family in BatteryFamily
            if family is not group or not begin <= self.now < end
        }
        return BatterySchedules(families=families, is_pending=False)


def _requested(values: dict[str, object]) -> dict[str, object]:
    """Return what is requested as the cloud tells it; an apply shows as something, too."""
    told: dict[str, object] = {_WIRE[name]: value for name, value in values.items() if name in _WIRE}
    told |= {_KEYS[family]: {"enabled": values[name]} for family, name in SWITCH_NAMES.items() if family is not _CFG and name in values}
    return told or {"acceptedItcDisclaimer": "now"}


def _overlaps(one: BatteryEntry, other: BatteryEntry) -> bool:
    return bool(set(one.days) & set(other.days)) and one.start < other.end and other.start < one.end
