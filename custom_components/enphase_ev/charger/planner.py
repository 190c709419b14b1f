"""Charges cars when it is cheap, where a person has turned that on: follows each plan, and sends what it needs.

It sends nothing but starts and stops, six an hour at most for each charger. Who has started or stopped a car is told by `visit.py`, what
follows from that by `plan_decision.py`, and when to charge by `plan.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_track_point_in_utc_time

from ..const import DOMAIN, LOGGER
from ..enlighten import ServiceUnavailable, Unreachable
from ..site.plan_prices import PlanPrices
from ..texts import text_of
from .commands import ChargerCommands
from .coordinator import ChargerCoordinator
from .issues import set_plan_issue
from .model import Charger
from .plan import ChargePlan
from .plan_decision import PlanState
from .plan_follower import PlanFollower, is_manual
from .store import SiteStore
from .visit import StoredPlan, Visit

# In the others nothing comes of the plan.
_FOLLOWED = {
    *(PlanState.PLANNED, PlanState.CHARGING, PlanState.CAR_TAKES_NOTHING, PlanState.NO_PRICES),
    *(PlanState.NO_DATA, PlanState.CHARGER_UNAVAILABLE),
}


@dataclass(frozen=True, kw_only=True)
class PlanShown:
    """The planner of one charger as entities see it.

    Attributes:
        is_known: a person has used it.
        ready_by: a time of day of the site.
        energy: kWh that a car is to get.
        remaining: kWh of it that are missing; `None` without a car.
        deadline: when the car is to be ready (UTC).
        started_at: when the planner has started the charge that runs (UTC).
        currency: of the costs.
    """

    is_known: bool
    is_on: bool
    ready_by: time
    energy: float
    currency: str
    state: PlanState = PlanState.OFF
    plan: ChargePlan | None = None
    remaining: float | None = None
    deadline: datetime | None = None
    started_at: datetime | None = None


class ChargePlanner:
    """The planners of the chargers of one site; `present` is what is shown of them, by serial number."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        chargers: ChargerCoordinator,
        commands: ChargerCommands,
        prices: PlanPrices,
        store: SiteStore,
        nominal_voltage: float,
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._chargers = chargers
        self._commands = commands
        self._prices = prices
        self._store = store
        self._nominal_voltage = nominal_voltage
        self._followers: dict[str, PlanFollower] = {}
        self._modes_told: dict[str, str | None] = {}
        self._cancel_timer: CALLBACK_TYPE | None = None
        self.present: Mapping[str, PlanShown] = {}

    @callback
    def async_start(self) -> None:
        """Look whenever the chargers were read, when a planned time begins or ends, and when somebody starts or stops a charger here."""
        self._entry.async_on_unload(self._disarm)
        self._entry.async_on_unload(self._commands.async_listen(self._note_hand))
        self._entry.async_on_unload(self._chargers.async_add_listener(self._look))
        self._look()

    # --- What a person sets ---

    @callback
    def async_turn_on(self, serial: str) -> None:
        """Plan the charging of a car from now on.

        Raises:
            ServiceValidationError: The charge mode is another than manual, or not known: it decides itself when to charge.
        """
        charger = self._chargers.data[serial]
        if not is_manual(self._chargers, charger):
            mode = _mode_in_the_way(charger)
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="plan_mode_unknown" if mode is None else "plan_needs_manual_mode",
                translation_placeholders={"charger": charger.name, "mode": mode or ""},
            )
        self._restart(serial, is_on=True)

    @callback
    def async_turn_off(self, serial: str) -> None:
        """Plan no longer; what charges goes on."""
        self._restart(serial, is_on=False)

    def _restart(self, serial: str, *, is_on: bool) -> None:
        """Begin anew: what was seen of a car before, and what a person has done to it, counts no longer."""
        memory = self._memory(serial)
        memory.is_on = is_on
        memory.visit = memory.deadline = None
        memory.times = []
        self._followers.pop(serial, None)
        self._tell_mode(serial, PlanState.OFF)
        self._publish()

    @callback
    def async_set_ready_by(self, serial: str, ready_by: time) -> None:
        """Choose by which time of day of the site a car is to be ready."""
        self._memory(serial).ready_by = ready_by
        self._take_in(serial)

    @callback
    def async_set_energy(self, serial: str, energy: float) -> None:
        """Choose how many kWh a car is to get."""
        self._memory(serial).energy = energy
        self._take_in(serial)

    def _take_in(self, serial: str) -> None:
        if (follower := self._followers.get(serial)) is not None:
            follower.person_has_set(datetime.now(UTC))
        self._publish()

    def _memory(self, serial: str) -> StoredPlan:
        stored = self._store.charger(serial)
        stored.plan = stored.plan or StoredPlan()
        return stored.plan

    def _publish(self) -> None:
        self._store.save()
        self._chargers.async_update_listeners()

    @callback
    def _note_hand(self, serial: str, is_start: bool) -> None:
        """Note that somebody starts or stops a charger here."""
        memory = self._store.charger(serial).plan
        if memory is not None and memory.visit is not None:
            memory.visit = memory.visit.asked_by_hand(datetime.now(UTC), is_start=is_start)
            self._store.save()

    # --- Following ---

    @callback
    def _look(self) -> None:
        """Look at every charger, do what the plans ask for, and see to it that the next look comes in time."""
        now = datetime.now(UTC)
        shown: dict[str, PlanShown] = {}
        wakes: list[datetime] = []
        for serial in self._chargers.data or {}:
            memory = self._store.charger(serial).plan
            if memory is not None and memory.is_on:
                shown[serial], wake = self._follow(serial, memory, now)
                wakes += [wake] if wake is not None else []
            elif memory is not None or self._prices.are_there:
                self._followers.pop(serial, None)
                shown[serial] = self._shown(memory)
        self._followers = {serial: follower for serial, follower in self._followers.items() if serial in shown}
        self.present = shown
        self._arm(min(wakes, default=None))

    def _follow(self, serial: str, memory: StoredPlan, now: datetime) -> tuple[PlanShown, datetime | None]:
        """Look at a charger and do what its plan asks for; return what is to be shown, and when to look again at the latest."""
        follower = self._followers.get(serial)
        if follower is None:
            follower = PlanFollower(serial, memory, self._chargers, self._prices, self._store, self._nominal_voltage)
            self._followers[serial] = follower
        decision = follower.look(now)
        self._tell_mode(serial, decision.state)
        wake = follower.next_edge(now)
        if decision.is_start is None:
            follower.patience.failures = 0
        elif not follower.is_busy:
            at = follower.patience.next_at(now, is_start=decision.is_start)
            if at > now:
                wake = min(wake or at, at)
            else:
                follower.is_busy = True
                command = self._command(serial, follower, is_start=decision.is_start)
                self._entry.async_create_background_task(self._hass, command, name="Enphase: charge by plan")
        return self._shown(memory, follower, decision.state), wake

    def _shown(self, memory: StoredPlan | None, follower: PlanFollower | None = None, state: PlanState = PlanState.OFF) -> PlanShown:
        """Return what is to be shown of a planner that is on, or off where nobody follows it."""
        kept = memory or StoredPlan()
        shown = PlanShown(
            is_known=memory is not None,
            is_on=follower is not None,
            ready_by=kept.ready_by,
            energy=kept.energy,
            currency=self._prices.currency,
            state=state,
        )
        visit = kept.visit
        if follower is None or visit is None or visit.is_gone:
            return shown
        # As it was reported: an estimate would be another one with every poll.
        remaining = max(kept.energy - visit.taken, 0.0)
        if state not in _FOLLOWED:
            return replace(shown, remaining=remaining)
        return replace(
            shown,
            plan=follower.plan,
            remaining=remaining,
            deadline=kept.deadline,
            started_at=visit.sent_at if state is PlanState.CHARGING and visit.sent is True else None,
        )

    def _tell_mode(self, serial: str, state: PlanState) -> None:
        """Offer manual mode to a person whose plan waits for it."""
        charger = self._chargers.data[serial]
        mode = _mode_in_the_way(charger) if state is PlanState.OTHER_MODE else None
        if state is not PlanState.NO_DATA and self._modes_told.get(serial) != mode:
            self._modes_told[serial] = mode
            set_plan_issue(self._hass, self._entry, charger, mode)

    async def _command(self, serial: str, follower: PlanFollower, *, is_start: bool) -> None:
        """Start or stop a charger, unless a look at it says that this is not wanted any more."""
        memory, before = follower.memory, follower.memory.visit
        follower.patience.rest(datetime.now(UTC))
        try:
            await self._commands.async_follow_plan(serial, partial(self._is_still_wanted, follower, is_start), is_start=is_start)
        except HomeAssistantError as err:
            level = LOGGER.warning if follower.patience.failures == 1 else LOGGER.debug
            level("The plan could not %s charging, and tries again: %s", "start" if is_start else "stop", err)
            if memory.visit is not None and before is not None:
                memory.visit = _after_failure(memory.visit, before, err.__cause__)
        finally:
            follower.is_busy = False
            if self._followers.get(serial) is follower:
                self._chargers.async_update_listeners()

    async def _is_still_wanted(self, follower: PlanFollower, is_start: bool) -> bool:
        """Look again, and note on disk what is about to be sent: whatever happens then, it was the planner."""
        now, memory = datetime.now(UTC), follower.memory
        if not memory.is_on or follower.look(now).is_start is not is_start or memory.visit is None:
            return False
        memory.visit = memory.visit.commanded(now, is_start=is_start)
        memory.commands.append(now)
        await self._store.async_save_now()
        return True

    # --- The timer ---

    def _arm(self, moment: datetime | None) -> None:
        self._disarm()
        if moment is not None:
            self._cancel_timer = async_track_point_in_utc_time(self._hass, self._wake, moment)

    @callback
    def _wake(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._chargers.async_update_listeners()

    @callback
    def _disarm(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None


def _after_failure(visit: Visit, before: Visit, cause: BaseException | None) -> Visit:
    """Return a visit after a command that has failed, by what is known of where it is: an error of a server in between tells nothing."""
    if not isinstance(cause, ServiceUnavailable) or isinstance(cause, Unreachable):
        return visit.not_commanded(before)
    return visit if cause.may_have_arrived else visit.doubted()


def _mode_in_the_way(charger: Charger) -> str | None:
    """Return the charge mode in Home Assistant's language; `None` where it is not known."""
    word = charger.mode_shown.name.lower() if charger.mode_shown else ""
    return text_of("entity", "select", "charge_mode", "state", word) or charger.unknown_mode
