"""The batteries of a site, the gateway before them, and the cloud's idea of both (docs/cloud-api/battery.md).

Nothing runs in the background. Every request and every look first lives through the time since the last one
(`catch_up`): energy flows, the gateway takes changes over, entries that nobody applied disappear.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import Clock
from .changes import ChangeKind, PendingChange, WantedChange
from .entries import EVERY_DAY, Entry, EntryStatus
from .families import ControlFamily
from .physics import Doing, Flow, HomeLoad, Order, flow, seconds_until, stored_w
from .schedules import ScheduleBook
from .settings import BACKUP_ONLY, Features, Settings
from .storms import StormAlert
from .switches import BatteryDeployment, WriteKind

if TYPE_CHECKING:
    from ..site import Site

# Steps of the physics, simulated seconds; longer ones when so much time has passed that there would be too many.
STEP_S = 30.0
MOST_STEPS = 3000

_KIND_OF = {ControlFamily.CFG: WriteKind.CFG, ControlFamily.DTG: WriteKind.DTG, ControlFamily.RBD: WriteKind.RBD}


@dataclass
class BatteryUnit:
    """One battery of a site."""

    id: int
    serial: str
    capacity_wh: float = 5000.0
    rated_w: float = 3840.0
    cycle_count: int = 115
    health: int = 100
    """%."""
    error_code: str | None = None
    excluded: bool = False

    @property
    def working(self) -> bool:
        """Whether it takes part."""
        return self.error_code is None and not self.excluded


@dataclass(frozen=True)
class _Drop:
    """Families that will be gone at a moment."""

    at: float
    families: frozenset[ControlFamily]


class Battery:
    """The batteries of a site as one."""

    def __init__(self, site: Site, clock: Clock, switches: BatteryDeployment, draw_id: Callable[[], str], user_id: int) -> None:
        self.site = site
        self.switches = switches
        self.features = Features()
        self.units: list[BatteryUnit] = []
        self.storm_alerts: list[StormAlert] = []
        self.book = ScheduleBook(switches, draw_id)
        self.load = HomeLoad()
        self.stuck = False
        """The scheduler is stuck: CFG on and 0 W (docs/cloud-api/battery.md §5)."""
        self.listeners: list[Callable[[ChangeKind], None]] = []
        """Called when the gateway has taken a change over."""
        self.checked: set[ControlFamily] = set()
        """Families that isValid was asked about since their last toggle."""
        self.deleted_at: dict[ControlFamily, float] = {}
        self.schedule_reads = 0
        self._user_id = user_id
        self._clock = clock
        self._at = clock.time()
        self._charge_wh = 0.0
        self._settings = Settings()
        self._pending: list[PendingChange] = []
        self._drops: list[_Drop] = []
        self._applies = 0

    # What it is and what it does

    @property
    def now(self) -> float:
        """The moment it has lived up to, epoch seconds."""
        return self._at

    @property
    def capacity_wh(self) -> float:
        """Energy that fits into the batteries that work, Wh."""
        return sum(unit.capacity_wh for unit in self.units if unit.working)

    @property
    def rated_w(self) -> float:
        """Most power in either direction, W."""
        return sum(unit.rated_w for unit in self.units if unit.working)

    @property
    def state_of_charge(self) -> float:
        """State of charge, %. Set it to fill or drain the batteries."""
        self.catch_up()
        return self._state_of_charge()

    @state_of_charge.setter
    def state_of_charge(self, percent: float) -> None:
        if not 0 <= percent <= 100:
            raise ValueError("A state of charge is 0 to 100 %")
        self.catch_up()
        self._charge_wh = percent / 100 * self.capacity_wh

    @property
    def power_w(self) -> float:
        """Power now, W: positive charges, negative discharges."""
        return self.flow.power_w

    @property
    def flow(self) -> Flow:
        """What flows now, and why."""
        self.catch_up()
        return self._flow_at(self._at, self._at + 1)

    @property
    def settings(self) -> Settings:
        """The settings in force now; change them with `set`."""
        self.catch_up()
        return self._settings

    @property
    def schedules(self) -> list[Entry]:
        """The entries that the cloud lists, oldest first."""
        self.catch_up()
        return self.book.entries

    @property
    def pending(self) -> list[PendingChange]:
        """Changes that the gateway has not taken over."""
        self.catch_up()
        return self._pending

    @property
    def lost(self) -> list[Entry]:
        """Entries that disappeared though nobody asked for it."""
        self.catch_up()
        return self.book.lost

    @property
    def is_settled(self) -> bool:
        """Whether nothing will become of its own of what clients have asked for: no change, no loss, no entry that disappears."""
        self.catch_up()
        return not self._pending and not self._drops and self.book.next_expiry() is None

    def active_alert(self) -> StormAlert | None:
        """The storm alert in force, opted out of or not."""
        self.catch_up()
        return next((alert for alert in self.storm_alerts if alert.active_at(self._at)), None)

    # What a person does in the app, and all is done at once

    def set(self, **values: object) -> None:
        """Change settings by the names of `Settings`, in force at once."""
        self.catch_up()
        self._settings.take(values)

    def add_schedule(
        self,
        family: ControlFamily | str,
        start: str,
        end: str,
        *,
        limit: int | None = None,
        days: tuple[int, ...] = EVERY_DAY,
        enabled: bool = True,
        time_zone: str | None = None,
        applied: bool = True,
    ) -> Entry:
        """Put an entry in without a look at conflicts, in the site's zone unless told; applied unless told otherwise."""
        self.catch_up()
        now = self._at
        status = EntryStatus.ACTIVE if applied else EntryStatus.PENDING
        entry = Entry(
            self.book.draw_id(),
            ControlFamily(family),
            start,
            end,
            tuple(days),
            limit,
            enabled,
            time_zone or self.site.time_zone,
            created_at=now,
            updated_at=now,
            user_id=self._user_id,
            status=status,
            apply_sent=applied,
        )
        self.book.put(entry)
        return entry

    def delete_schedule(self, entry_id: str) -> None:
        """Delete an entry; raises LookupError."""
        self.catch_up()
        entry = next((one for one in self.book.entries if one.id == entry_id), None)
        if entry is None:
            raise LookupError("No such schedule")
        self.book.delete(entry, self._at)
        self.book.apply(entry.family, on=self._settings.is_on(entry.family))

    def drop_schedules(self, *families: ControlFamily | str) -> None:
        """Lose the entries of some families, as the cloud does; all without a name."""
        self.catch_up()
        self.book.drop([ControlFamily(family) for family in families or tuple(ControlFamily)])

    def take_over(self) -> None:
        """Let the gateway take over everything that is pending, now."""
        self.catch_up()
        for change in list(self._pending):
            self._finish(change, taken=True)

    # What the cloud takes from a client

    def expected(self, name: str) -> object:
        """A setting as it will be when everything that is pending has been taken over."""
        for change in reversed(self._pending):
            if name in change.wanted.values:
                return change.wanted.values[name]
        return getattr(self._settings, name)

    def request(self, wanted: WantedChange) -> None:
        """Take a change; the gateway takes it over later, and some of the schedules may be gone by then."""
        self.catch_up()
        switches, now = self.switches, self._at
        if switches.lost_while_pending and self._pending:
            return
        self._plan_drops(wanted)
        for family in wanted.families:
            self.book.send(family)
            self.checked.discard(family)
        delay, gives_up = switches.gateway_delay_s, switches.gateway_gives_up_s
        due = None if delay is None else now + delay
        ends = due if due is not None or gives_up is None else now + gives_up
        self._pending.append(PendingChange(wanted, now, due, ends))
        self.catch_up()

    def cancel(self, kind: ChangeKind) -> bool:
        """Take pending changes of a kind back; False where there are none."""
        self.catch_up()
        here = [change for change in self._pending if change.wanted.kind is kind]
        self._pending = [change for change in self._pending if change not in here]
        return bool(here)

    def _plan_drops(self, wanted: WantedChange) -> None:
        kinds = {_KIND_OF[family] for family in wanted.toggled}
        if wanted.kind is ChangeKind.PROFILE:
            kinds.add(WriteKind.PROFILE)
        if wanted.families - wanted.toggled:
            self._applies += 1
            if self._applies % self.switches.apply_drops_every == 0:
                kinds.add(WriteKind.APPLY)
        families = frozenset(family for kind in kinds for family in self.switches.drops.get(kind, ()))
        if families:
            self._drops.append(_Drop(self._at + self.switches.drop_after_s, families))

    # Living through time

    def catch_up(self) -> None:
        """Live up to the clock, and let the chargers do so first."""
        for charger in self.site.chargers.values():
            charger.catch_up()
        now = self._clock.time()
        # Somebody may have frozen the clock in the past: life goes on from there.
        self._at = min(self._at, now)
        longest = max(STEP_S, (now - self._at) / MOST_STEPS)
        self._live_events()
        while self._at < now:
            until = min(now, self._at + longest, max(self._next_event(), self._at + 0.001))
            self._step(until)
            self._live_events()

    def _next_event(self) -> float:
        times = [change.ends for change in self._pending if change.ends is not None]
        times += [drop.at for drop in self._drops]
        expiry = self.book.next_expiry()
        if expiry is not None:
            times.append(expiry)
        return min(times, default=float("inf"))

    def _live_events(self) -> None:
        for drop in [drop for drop in self._drops if drop.at <= self._at]:
            self._drops.remove(drop)
            self.book.drop(drop.families)
        for change in [change for change in self._pending if change.ends is not None and change.ends <= self._at]:
            self._finish(change, taken=change.due is not None)
        self.book.expire(self._at)

    def _finish(self, change: PendingChange, *, taken: bool) -> None:
        """End a pending change: the gateway has taken it over, or never will."""
        self._pending.remove(change)
        wanted = change.wanted
        if not taken:
            self.book.unsend(wanted.families)
            return
        values = dict(wanted.values)
        if wanted.kind is ChangeKind.PROFILE:
            values = self._with_what_the_profile_brings(values)
        self._settings.take(values)
        for family in wanted.families:
            self.book.apply(family, on=self._settings.is_on(family))
        for listener in self.listeners:
            listener(wanted.kind)

    def _with_what_the_profile_brings(self, values: dict[str, object]) -> dict[str, object]:
        """Its own reserve and charge from grid (docs/cloud-api/battery.md §4)."""
        settings, switches = self._settings, self.switches
        profile = str(values["profile"])
        if profile == BACKUP_ONLY:
            values["reserve"] = 100
        elif switches.profile_reserve_wins or (switches.profiles_bring_reserve and "reserve" not in values):
            values["reserve"] = settings.profile_reserves[profile]
        if switches.profiles_bring_cfg and not self.features.restrict_cfg:
            values["charge_from_grid"] = settings.profile_charge_from_grid[profile]
        return values

    # Energy

    def _step(self, until: float) -> None:
        power, capacity = self._flow_at(self._at, until).power_w, self.capacity_wh
        if power and capacity:
            percent = self._state_of_charge()
            target = 100.0 if power > 0 else 0.0
            limit = self._order(self._at).limit
            if (limit - percent) * power > 0:
                target = limit
            seconds = min(until - self._at, seconds_until(percent, target, power, capacity))
            self._charge_wh += stored_w(power) * seconds / 3600
        self._at = until

    def _flow_at(self, begin: float, end: float) -> Flow:
        capacity = self.capacity_wh
        if not capacity:
            return Flow(0.0, Doing.SELF_USE)
        order = self._order(begin)
        if order.doing is Doing.CHARGE_FROM_GRID and self.stuck:
            return Flow(0.0, order.doing)
        surplus = self.site.solar_w - self.site.base_load_w - self._charger_load_w(begin, end)
        return flow(order, round(self._state_of_charge(), 6), surplus, self.rated_w)

    def _charger_load_w(self, begin: float, end: float) -> float:
        if begin < self._clock.time():
            return self.load.average_w(begin, end)
        return sum(charger.power_w for charger in self.site.chargers.values())

    def _order(self, at: float) -> Order:
        """What decides now: the storm first, then the families, then the profile."""
        settings, features = self._settings, self.features
        storm = any(alert.active_at(at) and not alert.opted_out for alert in self.storm_alerts)
        if storm and settings.storm_guard:
            return Order(Doing.STORM, 100.0)
        mode = features.grid_mode or "ImportExport"
        if settings.charge_from_grid and settings.charge_from_grid_schedule and mode in {"ImportExport", "ImportOnly"}:
            entry = self.book.running(ControlFamily.CFG, at)
            if entry is not None:
                return Order(Doing.CHARGE_FROM_GRID, float(entry.limit or 100))
        if settings.discharge_to_grid and mode in {"ImportExport", "ExportOnly"}:
            limit = self._export_limit(at)
            if limit is not None and self._state_of_charge() > limit + 1e-6:
                return Order(Doing.DISCHARGE_TO_GRID, limit)
        if settings.restrict_discharge and self.book.running(ControlFamily.RBD, at) is not None:
            return Order(Doing.HOLD, 100.0)
        return Order(Doing.SELF_USE, float(settings.floor))

    def _export_limit(self, at: float) -> float | None:
        """Down to what state of charge it exports now, %; None: it does not."""
        settings = self._settings
        entry = self.book.running(ControlFamily.DTG, at)
        if entry is not None:
            return float(max(entry.limit or 0, settings.floor))
        if self.book.knows_any(ControlFamily.DTG) or settings.dtg_begin is None or settings.dtg_end is None:
            return None
        minute = self.site.minute_of_day(at)
        begin, end = settings.dtg_begin, settings.dtg_end
        inside = begin <= minute < end if begin < end else minute >= begin or minute < end
        return float(settings.floor) if inside else None

    def _state_of_charge(self) -> float:
        capacity = self.capacity_wh
        return min(100.0, max(0.0, self._charge_wh / capacity * 100)) if capacity else 0.0
