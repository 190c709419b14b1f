"""The batteries of a site, the gateway before them, and the cloud's idea of both (docs/cloud-api/battery.md).

Nothing runs in the background. Every request and every look first lives through the time since the last one
(`catch_up`): energy flows, the gateway takes changes over, entries that nobody applied disappear.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Protocol, override

from ..charger import Charger
from ..clock import Clock
from ..house.house import Place
from ..switches.battery import BatteryDeployment, BatteryRequest, DropMoment, EnhoRule, MissingGroup, WriteKind
from ..wire import EVERY_DAY
from .changes import ChangeKind, History, PendingChange, Told, WantedChange
from .entries import Entry, EntryStatus
from .physics import BatteryUnit, Doing, Flow, HomeLoad, Moment, Order, flow, order, seconds_until, stored_w, without_car
from .schedules import ScheduleBook
from .settings import BACKUP_ONLY, BatteryRefused, ControlFamily, Features, Settings, StormAlert

# Steps of the physics, simulated seconds; longer ones when so much time has passed that there would be too many.
STEP_S = 30.0
MOST_STEPS = 3000

_KIND_OF = {ControlFamily.CFG: WriteKind.CFG, ControlFamily.DTG: WriteKind.DTG, ControlFamily.RBD: WriteKind.RBD}


@dataclass(frozen=True)
class _Drop:
    """Families that will be gone at a moment."""

    at: float
    families: frozenset[ControlFamily]


class BatteryPlace(Place, Protocol):
    """A site as seen from its battery."""

    chargers: dict[str, Charger]


class Battery:
    """The batteries of a site as one."""

    def __init__(self, site: BatteryPlace, clock: Clock, switches: BatteryDeployment, draw_id: Callable[[], str], user_id: int) -> None:
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
        self._gateway_back_at = 0.0
        self._written_at = float("-inf")
        self._hidden: list[tuple[float, ControlFamily, MissingGroup]] = []
        self._history = History()

    @override
    def __getstate__(self) -> dict[str, object]:
        """What is kept of it on the disk: all but who listens."""
        return {**self.__dict__, "listeners": []}

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
        return self._flow(sum(charger.power_w for charger in self.site.chargers.values()))

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

    @property
    def gateway_offline(self) -> bool:
        """Whether the gateway is off line, so that what is pending stays so."""
        return self.switches.gateway_offline or self._at < self._gateway_back_at

    def told(self, lag_s: float) -> Told:
        """What a read shows that lags so many seconds behind."""
        self.catch_up()
        past = self._history.at(self._at - lag_s) if lag_s > 0 else None
        return past or Told(self._settings, self._pending, self.book)

    def missing_group(self, family: ControlFamily) -> MissingGroup | None:
        """How a group of schedules is missing now; None where it is there."""
        self.catch_up()
        hidden = next((form for until, one, form in self._hidden if one is family and self._at < until), None)
        only_s = self.switches.missing_after_write_s
        if only_s is not None and self._at >= self._written_at + only_s:
            return hidden
        return hidden or self.switches.missing_groups.get(family)

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

    def schedule(self, entry_id: str) -> Entry:
        """An entry that is there; raises LookupError."""
        self.catch_up()
        entry = next((one for one in self.book.entries if one.id == entry_id), None)
        if entry is None:
            raise LookupError("No such schedule")
        return entry

    def change_schedule(self, entry_id: str, **changes: object) -> Entry:
        """Change fields of an entry by the names of `Wanted`, applied, unchecked; raises LookupError and TypeError."""
        entry = self.schedule(entry_id)
        entry.take(replace(entry.wanted(), **changes), self._at)  # type: ignore[arg-type] # names are checked, values are the caller's
        entry.apply_sent = True
        self.book.writes += 1
        self.book.apply(entry.family, on=self._settings.is_on(entry.family))
        return entry

    def delete_schedule(self, entry_id: str) -> None:
        """Delete an entry; raises LookupError."""
        entry = self.schedule(entry_id)
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

    def lose_gateway(self, seconds: float) -> None:
        """Take the gateway off line for so long; 0: it is back. What is pending meanwhile is taken over when it is back."""
        self.catch_up()
        self._gateway_back_at = self._at + seconds
        self.catch_up()

    def hide_groups(self, seconds: float, *families: ControlFamily | str, form: MissingGroup | str = MissingGroup.GROUP_ABSENT) -> None:
        """Let groups of schedules be missing in reads for so long; all without a name."""
        self.catch_up()
        named = [ControlFamily(family) for family in families or tuple(ControlFamily)]
        self._hidden = [(self._at + seconds, family, MissingGroup(form)) for family in named]

    # What the cloud takes from a client

    def note_write(self) -> None:
        """A client wrote something, whatever becomes of it."""
        self._written_at = self._at

    def ignores(self, request: BatteryRequest, *, with_enho: bool) -> bool:
        """Whether a kind of request comes to nothing because of its ``source`` (docs/cloud-api/battery.md §4)."""
        match self.switches.enho_rule(request):
            case EnhoRule.NEEDED:
                return not with_enho
            case EnhoRule.IGNORED:
                return with_enho and self.features.supports_mqtt
            case _:
                return False

    def refuse_in_200(self, requests: Collection[BatteryRequest]) -> None:
        """Raise `BatteryRefused` with status 200 where one of these kinds of requests gets that."""
        switches = self.switches
        if switches.error_in_200_times == 0 or switches.error_in_200.isdisjoint(requests):
            return
        if switches.error_in_200_times is not None:
            switches.error_in_200_times -= 1
        raise BatteryRefused(200, "INTERNAL_ERROR", "Something went wrong")

    def loses_entry_write(self) -> bool:
        """Whether an add, change or delete of an entry that comes now is lost because a write is pending."""
        within = self.switches.collision_s
        pending = [change for change in self._pending if within is None or self._at < change.at + within]
        return self.switches.entries_lost_while_pending and bool(pending)

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
        if switches.lost_while_pending and self._collides():
            return
        drops = self._dropped_by(wanted)
        if switches.drop_from is DropMoment.WRITE:
            self._plan_drop(drops)
            drops = frozenset()
        for family in wanted.families:
            self.book.send(family)
            self.checked.discard(family)
        delay, gives_up = switches.gateway_delay_s, switches.gateway_gives_up_s
        due = None if delay is None else now + delay
        ends = due if due is not None or gives_up is None else now + gives_up
        self._pending.append(PendingChange(wanted, now, due, ends, drops))
        self.catch_up()

    def _collides(self) -> bool:
        """Whether a write that comes now is lost; where the earlier ones are lost instead, they are by now."""
        within = self.switches.collision_s
        others = [change for change in self._pending if within is None or self._at < change.at + within]
        if not self.switches.earlier_is_lost:
            return bool(others)
        for change in others:
            self._pending.remove(change)
            self.book.unsend(change.wanted.families)
        return False

    def cancel(self, kind: ChangeKind) -> bool:
        """Take pending changes of a kind back; False where there are none."""
        self.catch_up()
        here = [change for change in self._pending if change.wanted.kind is kind]
        self._pending = [change for change in self._pending if change not in here]
        return bool(here)

    def _dropped_by(self, wanted: WantedChange) -> frozenset[ControlFamily]:
        """The families that a change costs their entries."""
        kinds = {_KIND_OF[family] for family in wanted.toggled}
        if wanted.kind is ChangeKind.PROFILE:
            kinds.add(WriteKind.PROFILE)
        if wanted.families - wanted.toggled:
            self._applies += 1
            if self._applies % self.switches.apply_drops_every == 0:
                kinds.add(WriteKind.APPLY)
        families = frozenset(family for kind in kinds for family in self.switches.drops.get(kind, ()))
        if not families or self.switches.drops_left == 0:
            return frozenset()
        if self.switches.drops_left is not None:
            self.switches.drops_left -= 1
        return families

    def _plan_drop(self, families: frozenset[ControlFamily]) -> None:
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
        # What was changed since the last look was changed right after it.
        self._note()
        longest = max(STEP_S, (now - self._at) / MOST_STEPS)
        self._live_events()
        while self._at < now:
            until = min(now, self._at + longest, max(self._next_event(), self._at + 0.001))
            self._step(until)
            self._live_events()

    def _note(self) -> None:
        """Remember the state for reads that lag."""
        lag = max(self.switches.settings_lag_s, self.switches.schedules_lag_s)
        if lag <= 0:
            self._history.clear()
            return
        self._history.note(self._at, Told(replace(self._settings), list(self._pending), self.book.as_it_is()))
        self._history.forget(self._at - lag)

    def _next_event(self) -> float:
        times = [drop.at for drop in self._drops]
        if self._at < self._gateway_back_at:
            times.append(self._gateway_back_at)
        times += [change.ends for change in self._pending if change.ends is not None and not self._waits(change)]
        expiry = self.book.next_expiry()
        if expiry is not None:
            times.append(expiry)
        return min(times, default=float("inf"))

    def _waits(self, change: PendingChange) -> bool:
        """Whether a change waits for the gateway to be back."""
        return change.due is not None and self.gateway_offline

    def _live_events(self) -> None:
        ended = [change for change in self._pending if change.ends is not None and change.ends <= self._at and not self._waits(change)]
        for change in ended:
            self._finish(change, taken=change.due is not None)
        dropped = [drop for drop in self._drops if drop.at <= self._at]
        for drop in dropped:
            self._drops.remove(drop)
            self.book.drop(drop.families)
        if self.book.expire(self._at) or ended or dropped:
            self._note()

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
        self._plan_drop(change.drops)
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
        power, capacity = self._flow(self.load.average_w(self._at, until)).power_w, self.capacity_wh
        seconds = until - self._at
        if power and capacity:
            percent = self._state_of_charge()
            target = 100.0 if power > 0 else 0.0
            limit = self._order(self._at).limit
            if (limit - percent) * power > 0:
                target = limit
            car = self._settings.battery_for_car_limit
            if self._feeds_car() and power < 0 and percent > car > target:
                target = car
            seconds = min(seconds, seconds_until(percent, target, power, capacity))
            self._charge_wh += stored_w(power) * seconds / 3600
        self.site.house.note_battery(self._at, seconds, power, self._state_of_charge())
        self._at = until

    def _flow(self, chargers_w: float) -> Flow:
        """What flows at the moment it has lived up to, while the chargers draw so much."""
        capacity = self.capacity_wh
        if not capacity:
            return Flow(0.0, Doing.SELF_USE)
        now = self._order(self._at)
        if now.doing is Doing.CHARGE_FROM_GRID and self.stuck:
            return Flow(0.0, now.doing)
        surplus = self.site.surplus_w(self._at)
        surplus = surplus - chargers_w if self._feeds_car() else without_car(surplus, chargers_w)
        return flow(now, round(self._state_of_charge(), 6), surplus, self.rated_w)

    def _feeds_car(self) -> bool:
        """Whether the battery gives to the cars now (docs/cloud-api/battery.md §8); without the grid it carries everything."""
        if not self.features.has_battery_for_car or self.site.house.grid_lost:
            return True
        return self._settings.battery_for_car and self._state_of_charge() > self._settings.battery_for_car_limit + 1e-6

    def _order(self, at: float) -> Order:
        """What decides now: the storm first, then the families, then the profile."""
        if self.site.house.grid_lost:
            return Order(Doing.SELF_USE, float(self._settings.very_low_soc))
        storm = any(alert.active_at(at) and not alert.opted_out for alert in self.storm_alerts)
        if storm and self._settings.storm_guard:
            return Order(Doing.STORM, 100.0)
        moment = Moment(at, self.site.minute_of_day(at), self._state_of_charge())
        return order(self._settings, self.features.grid_mode, self.book, moment)

    def _state_of_charge(self) -> float:
        capacity = self.capacity_wh
        return min(100.0, max(0.0, self._charge_wh / capacity * 100)) if capacity else 0.0
