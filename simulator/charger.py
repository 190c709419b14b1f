"""A charger that behaves: draws what level, wiring, mode and vehicle allow, counts, reports, faults and drops off line.

Nothing runs in the background. Every command and every look at the state first lives through the time since the last
one (`catch_up`). The truth (`power_w`, `lifetime_wh`, `charging`, …) and what the cloud was told (`reported`) are apart.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date

from .clock import Clock
from .hardware import DEFAULT_LEVEL, ChargerProfile, Configuration, Hardware, Quirks
from .house.house import Place, local_time
from .offers import NO_OFFER, Command, Offer, State, Vehicle, scheduled_offer, smart_offer, solar_offer
from .report import ChargeMode, CommandRefused, Connector, Refusal, Report, Session
from .schedules import Slot, slot_in_force

# Steps of the physics, simulated seconds; longer ones when so much time has passed that there would be too many.
STEP_S = 10.0
MOST_STEPS = 3000
# How often a charger reports while the live stream is on, simulated seconds.
STREAMING_INTERVAL_S = 10.0


class Charger:
    """One charger of a site."""

    def __init__(self, profile: ChargerProfile, site: Place, clock: Clock, *, lifetime_wh: float = 0.0) -> None:
        self.profile = profile
        self.site = site
        self.slots: list[Slot] = []
        self.configuration = Configuration(clock)
        self.quirks = Quirks()
        self.history: list[Session] = []
        """Sessions that are over, oldest first."""
        self.battery_helps = True
        """``USE_BATTERY_FOR_SELF_CONSUMPTION`` of green mode."""
        self.grid_billed = False
        """A recorded mistake: a start in green or smart mode carried a level and drew it from the grid."""
        self.schedule_overridden = False
        """A start in scheduled mode holds the schedule off until the preference is written again."""
        self.online = True
        self.offline_at: float | None = None
        self.created_at = clock.time() - 400 * 86400
        self.target_firmware = profile.firmware
        self._clock = clock
        self._at = clock.time()
        self._mode = profile.modes[0]
        self._vehicle: Vehicle | None = None
        self._session: Session | None = None
        self._command: Command | None = None
        self._held = False
        self._in_slot = False
        self._faulted = False
        self._queued: Callable[[], object] | None = None
        self._lifetime_wh = lifetime_wh
        self._daily_wh: defaultdict[date, float] = defaultdict(float)
        self._reports = 0
        self._state = State()
        self._reported = self._make_report()
        self._next_report = self._at + profile.reporting_interval

    # What it is and what it does

    @property
    def serial(self) -> str:
        """Serial number."""
        return self.profile.serial

    @property
    def hardware(self) -> Hardware:
        """Levels, voltage and phases."""
        return self.profile.hardware

    @property
    def vehicle(self) -> Vehicle | None:
        """The vehicle on the cable."""
        self.catch_up()
        return self._vehicle

    @property
    def plugged_in(self) -> bool:
        """Whether a vehicle hangs on the cable."""
        return self._vehicle is not None

    @property
    def charging(self) -> bool:
        """Whether energy flows now."""
        self.catch_up()
        return self._state.connector is Connector.CHARGING

    @property
    def connector(self) -> Connector:
        """The connector's state now."""
        self.catch_up()
        return self._state.connector

    @property
    def level_a(self) -> int:
        """The level on offer now, A; 0 when nothing is offered."""
        self.catch_up()
        return self._state.offer.level

    @property
    def power_w(self) -> float:
        """Power drawn now, W."""
        self.catch_up()
        return self._power_w()

    @property
    def lifetime_wh(self) -> float:
        """The true energy counter, Wh. Set it to replace the charger or reset its firmware."""
        self.catch_up()
        return self._lifetime_wh

    @lifetime_wh.setter
    def lifetime_wh(self, energy_wh: float) -> None:
        self.catch_up()
        self._lifetime_wh = energy_wh

    @property
    def session(self) -> Session | None:
        """The running or the last session, as it truly is."""
        self.catch_up()
        return self._session

    @property
    def session_wh(self) -> float:
        """Energy of the running or the last session, Wh."""
        self.catch_up()
        return self._session.energy_wh if self._session else 0.0

    @property
    def daily_wh(self) -> dict[date, float]:
        """Energy by day in the site's zone, Wh."""
        self.catch_up()
        return dict(self._daily_wh)

    @property
    def faulted(self) -> bool:
        """Whether it is out of order."""
        return self._faulted

    @property
    def manual_override(self) -> bool:
        """Somebody stopped it in green or smart mode: it stays off until the vehicle is unplugged."""
        return self._held and self._mode in {ChargeMode.GREEN, ChargeMode.SMART}

    @property
    def reported(self) -> Report:
        """What the cloud knows."""
        self.catch_up()
        return self._reported

    @property
    def present(self) -> Report:
        """What somebody in the house sees, whatever the cloud was told last."""
        self.catch_up()
        return self._make_report()

    @property
    def mode(self) -> ChargeMode:
        """The mode preference."""
        return self._mode

    @mode.setter
    def mode(self, mode: ChargeMode | str) -> None:
        wanted = ChargeMode.read(mode)
        if wanted not in self.profile.modes:
            raise ValueError(f"{self.serial} does not offer {wanted}")
        self.catch_up()
        self.schedule_overridden = False
        if wanted is self._mode:
            return
        was_charging = self._state.connector is Connector.CHARGING
        level = self._state.offer.level
        self._mode = wanted
        self._held = False
        self._command = Command(level, self._at) if wanted is ChargeMode.MANUAL and was_charging else None
        self._settle()

    # What people do to it

    def plug_in(self, vehicle: Vehicle | None = None) -> None:
        """Plug a vehicle in; one that is already there is unplugged first when another one comes."""
        self.catch_up()
        if self._vehicle is not None:
            if vehicle is None:
                return
            self.unplug()
        self._vehicle = vehicle or Vehicle()
        self._session = Session(id=int(self._at), plugged_in_at=self._at)
        self._settle()

    def unplug(self) -> None:
        """Pull the cable: the session is over and remembered."""
        self.catch_up()
        if self._vehicle is None or self._session is None:
            return
        self._vehicle = None
        self._command = None
        self._held = False
        session = self._session
        session.plugged_out_at = self._at
        if session.started_at is not None:
            session.cost = round(session.energy_wh / 1000 * self.site.price_per_kwh, 2)
            self.history.append(session)
        self._settle()

    def fault(self) -> None:
        """Break it: it stops and says FAULTED until `clear_fault`."""
        self.catch_up()
        self._faulted = True
        self._command = None
        self._settle()

    def clear_fault(self) -> None:
        """Mend it."""
        self.catch_up()
        self._faulted = False
        self._settle()

    def go_offline(self) -> None:
        """Cut it off the cloud; it goes on with what it does."""
        self.catch_up()
        if self.online:
            self.online = False
            self.offline_at = self._at

    def come_back(self) -> None:
        """Back on line: it carries out the command that was queued for it, and reports."""
        self.catch_up()
        if self.online:
            return
        self.online = True
        queued, self._queued = self._queued, None
        if queued is not None:
            try:
                queued()
            except CommandRefused:
                # Nobody waits for the answer any more.
                self._queued = None
        self._send_report()

    def report(self) -> None:
        """Report now, when on line."""
        self.catch_up()
        if self.online:
            self._send_report()

    def start(self, level: int | None = None, *, connector_id: int = 1, delay: float = 0.0) -> int | None:
        """Take a start as from the cloud (docs/cloud-api/chargers.md §3).

        Answers the level asked for, A; None where the mode decides. Raises `CommandRefused`.
        """
        self.check_start(level, connector_id)
        if self._session is not None:
            self._session.by_hand = True
        self._held = False
        if self._mode is ChargeMode.GREEN and level is None:
            self._command = None
            self._settle()
            return None
        if self._mode in {ChargeMode.GREEN, ChargeMode.SMART} and level is not None:
            self.grid_billed = True
        if self._mode is ChargeMode.SCHEDULED:
            self.schedule_overridden = True
        charging = self._state.connector is Connector.CHARGING
        wanted = level if level is not None else self.default_level()
        self._command = Command(wanted, self._at if charging else self._at + delay)
        self._settle()
        return wanted

    def stop(self) -> None:
        """Take a stop as from the cloud; raises `CommandRefused` when there is nothing to stop."""
        self.check_stop()
        if self._session is not None:
            self._session.by_hand = True
        self._command = None
        self._held = self._mode is not ChargeMode.MANUAL
        self._settle()

    def check_start(self, level: int | None, connector_id: int) -> None:
        """Raise `CommandRefused` where a start would."""
        self.catch_up()
        if connector_id != 1:
            raise CommandRefused(Refusal.BAD_CONNECTOR)
        if level is not None and not self.hardware.takes(level):
            raise CommandRefused(Refusal.BAD_LEVEL)
        if self._faulted or self.quirks.unavailable:
            raise CommandRefused(Refusal.FAULTED)
        if self._vehicle is None:
            raise CommandRefused(Refusal.NOT_PLUGGED_IN)
        charging = self._state.connector is Connector.CHARGING
        if charging and level in {None, self._state.offer.level}:
            raise CommandRefused(Refusal.ALREADY_CHARGING)

    def check_stop(self) -> None:
        """Raise `CommandRefused` where a stop would."""
        self.catch_up()
        by_mode = self._vehicle is not None and not self._held and self._mode_wants_to_charge()
        if self._command is None and not by_mode:
            raise CommandRefused(Refusal.NOT_CHARGING)

    def queue(self, command: Callable[[], object]) -> None:
        """Keep a command for a charger that is off line, until it comes back (docs/cloud-api/README.md, 552)."""
        self._queued = command

    def default_level(self) -> int:
        """The level of a start that names none, A."""
        configured = self.default_level_setting()
        return int(configured) if configured.isdigit() else self.hardware.max_amps

    def default_level_setting(self) -> str:
        """``defaultChargeLevel`` of the summary: ``disabled`` or a level."""
        return self.configuration.value(DEFAULT_LEVEL) or "disabled"

    def set_slots(self, slots: list[Slot]) -> None:
        """Take over a changed list of schedule slots."""
        self.catch_up()
        self.slots = slots
        self._settle()

    def slot_in_force(self) -> Slot | None:
        """The schedule slot that decides now; None in other modes and while the schedule is overridden."""
        self.catch_up()
        return self._slot_in_force()

    def remember(self, session: Session) -> None:
        """Put a session of the past into the history and the day's energy; the counter already has it."""
        self.history.append(session)
        self._daily_wh[local_time(self.site, session.plugged_in_at).date()] += session.energy_wh
        if self._session is None:
            self._session = session
            self._reported = self._make_report()

    def remember_day(self, day: date, energy_wh: float) -> None:
        """Put energy of the past into a day; the counter already has it."""
        self._daily_wh[day] += energy_wh

    def surroundings_changed(self) -> None:
        """Look again at what the site offers: its solar power has changed."""
        self.catch_up()
        self._settle()

    # Living through time

    def catch_up(self) -> None:
        """Live up to the clock."""
        now = self._clock.time()
        if now < self._at:
            # Somebody froze the clock in the past: life goes on from there.
            self._at = now
            self._next_report = now + self.profile.reporting_interval
            if self._command is not None:
                self._command = Command(self._command.level, now)
            return
        longest = max(STEP_S, (now - self._at) / MOST_STEPS)
        while self._at < now:
            self._settle()
            until = min(now, self._step_end(longest))
            self._draw(until - self._at)
            self._at = until
            if until >= self._next_report:
                if self.online:
                    self._send_report()
                else:
                    self._next_report = until + self.profile.reporting_interval
        self._settle()

    def _step_end(self, longest: float) -> float:
        """Until when nothing but energy can change."""
        if self._vehicle is None or (self._mode is ChargeMode.MANUAL and self._command is None):
            return max(self._next_report, self._at + longest)
        end = min(self._at + longest, max(self._next_report, self._at + 0.001))
        if longest < 60:
            # Slots begin and end on whole minutes.
            end = min(end, self._at - self._at % 60 + 60)
        if self._command is not None and self._command.from_time > self._at:
            end = min(end, self._command.from_time)
        return end

    def _draw(self, seconds: float) -> None:
        vehicle, session = self._vehicle, self._session
        if vehicle is None or session is None or self._state.amps <= 0:
            return
        energy = min(self._power_w() * seconds / 3600, vehicle.room_wh())
        if seconds > 0:
            self.site.note_drawn(self.serial, self._at, seconds, energy / seconds * 3600)
        vehicle.take(energy)
        session.energy_wh += energy
        session.active_s += seconds
        session.miles += energy / 1000 * vehicle.miles_per_kwh
        self._lifetime_wh += energy
        self._daily_wh[local_time(self.site, self._at).date()] += energy

    def _settle(self) -> None:
        """Work out what the charger does from this moment on; a change of state is reported at once."""
        self._follow_schedule()
        offer = self._offer()
        vehicle = self._vehicle
        amps = vehicle.amps_wanted(self._limited(offer.level)) if vehicle and offer.level else 0.0
        connector = self._connector(offer, amps)
        before = self._state
        self._state = State(connector, offer, amps)
        session = self._session
        if connector is Connector.CHARGING and session is not None and session.started_at is None:
            session.started_at = self._at
        changed = (before.connector, before.offer) != (connector, offer)
        if (changed or self._reported.plugged_in != (vehicle is not None)) and self.online:
            self._send_report()

    def _follow_schedule(self) -> None:
        if self._mode is not ChargeMode.SCHEDULED:
            self._in_slot = False
            return
        in_slot = slot_in_force(self.slots, local_time(self.site, self._at)) is not None
        if in_slot and not self._in_slot:
            self._held = False
        if self._in_slot and not in_slot and not self.schedule_overridden:
            self._command = None
        self._in_slot = in_slot

    def _offer(self) -> Offer:
        if self._vehicle is None or self._faulted or self.quirks.unavailable:
            return NO_OFFER
        if self._command is not None:
            return Offer(self._command.level) if self._at >= self._command.from_time else NO_OFFER
        if self._held:
            return NO_OFFER
        return self._offer_of_mode(self._vehicle)

    def _offer_of_mode(self, vehicle: Vehicle) -> Offer:
        match self._mode:
            case ChargeMode.SCHEDULED:
                return scheduled_offer(self.hardware, self._slot_in_force())
            case ChargeMode.GREEN:
                return solar_offer(self.hardware, self.site.solar_share_w(self._at), vehicle)
            case ChargeMode.SMART:
                hour = local_time(self.site, self._at).hour
                return smart_offer(self.hardware, self.site.solar_share_w(self._at), vehicle, hour)
            case _:
                return NO_OFFER

    def _slot_in_force(self) -> Slot | None:
        if self._mode is not ChargeMode.SCHEDULED or self.schedule_overridden:
            return None
        return slot_in_force(self.slots, local_time(self.site, self._at))

    def _limited(self, level: int) -> float:
        amps = float(self.hardware.min_amps if self.quirks.safe_limit else level)
        limit = self.quirks.dlb_limit_a
        return amps if limit is None else min(amps, limit)

    def _connector(self, offer: Offer, amps: float) -> Connector:
        if self._faulted:
            return Connector.FAULTED
        if self.quirks.unavailable:
            return Connector.UNAVAILABLE
        if self._vehicle is None or self._session is None:
            return Connector.AVAILABLE
        if amps > 0:
            return Connector.CHARGING
        if offer.level:
            return Connector.FINISHING if self._vehicle.full else Connector.SUSPENDED_EV
        begun = self._session.started_at is not None or self._mode is not ChargeMode.MANUAL
        return Connector.SUSPENDED_EVSE if begun and self._command is None else Connector.PREPARING

    def _mode_wants_to_charge(self) -> bool:
        return self._mode in {ChargeMode.GREEN, ChargeMode.SMART} or self._slot_in_force() is not None

    # Reporting

    def _send_report(self) -> None:
        self._reports += 1
        self._reported = self._make_report()
        streaming = self.site.streaming_until > self._at
        self._next_report = self._at + (STREAMING_INTERVAL_S if streaming else self.profile.reporting_interval)

    def _make_report(self) -> Report:
        session = self._session
        limit = self.quirks.dlb_limit_a
        level = self._state.offer.level
        return Report(
            at=self._at,
            lifetime_wh=self._lifetime_wh + self.quirks.jitter_wh * (-1) ** self._reports,
            connector=self._state.connector,
            reason=self._state.offer.reason,
            level=level or None,
            safe_limit=self.quirks.safe_limit,
            dlb_active=limit is not None and limit < level,
            session=None if session is None else Session(**vars(session)),
        )

    def _power_w(self) -> float:
        return self.hardware.watts(self._state.amps, self._vehicle.phases) if self._vehicle else 0.0
