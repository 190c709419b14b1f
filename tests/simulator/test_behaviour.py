"""Chargers and vehicles that behave: energy, reports, modes, suspension, faults."""

from collections.abc import Callable
from datetime import timedelta
import math

from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator import ChargeMode, Charger, Clock, CommandRefused, Connector, Simulator, Vehicle
from simulator.hardware import SINGLE_PHASE_32, SPLIT_PHASE_80, THREE_PHASE_32, THREE_PHASE_LINE_TO_LINE, Hardware
from simulator.schedules import Slot


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    """Wednesday, 13:00 in Melbourne; time moves only when told."""
    freezer.move_to("2026-05-20T03:00:00Z")


def big_car(*, battery_wh: float = 200_000, target: float = 1.0, max_amps: float = 80) -> Vehicle:
    return Vehicle(battery_wh=battery_wh, state_of_charge=0.1, target=target, max_amps=max_amps)


@pytest.fixture
def sim() -> Simulator:
    simulator = Simulator("one_charger")
    simulator.charger().plug_in(big_car())
    return simulator


def test_clock_speeds_and_advances(freezer: FrozenDateTimeFactory) -> None:
    clock = Clock(speed=60)
    start, wall = clock.time(), clock.wall_time()
    freezer.tick(timedelta(seconds=10))
    assert clock.time() - start == 600
    clock.speed = 1
    clock.advance(30)
    freezer.tick(timedelta(seconds=10))
    assert clock.time() - start == 640
    assert clock.wall_time() - wall == 50
    assert clock.now().timestamp() == clock.time()
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


@pytest.mark.parametrize(
    ("hardware", "amps", "phases", "watts"),
    [
        (SINGLE_PHASE_32, 32, 3, 7360),
        (SPLIT_PHASE_80, 80, 1, 19200),
        (THREE_PHASE_32, 16, 3, 11040),
        (THREE_PHASE_32, 16, 1, 3680),
        (THREE_PHASE_LINE_TO_LINE, 16, 3, 16 * 400 * math.sqrt(3)),
    ],
)
def test_power_of_a_level(hardware: Hardware, amps: int, phases: int, watts: float) -> None:
    assert hardware.watts(amps, phases) == pytest.approx(watts)


def test_energy_is_power_times_time(sim: Simulator) -> None:
    charger = sim.charger()
    before = charger.lifetime_wh
    charger.start(16)
    assert (charger.power_w, charger.level_a) == (3680, 16)
    sim.clock.advance(1800)
    assert charger.lifetime_wh - before == pytest.approx(1840)
    assert charger.session_wh == pytest.approx(1840)
    assert charger.vehicle is not None
    assert charger.vehicle.state_of_charge == pytest.approx(0.1 + 1840 * 0.92 / 200_000)
    charger.stop()
    sim.clock.advance(1800)
    assert charger.lifetime_wh - before == pytest.approx(1840)


def test_vehicle_limits_what_is_drawn(sim: Simulator) -> None:
    charger = sim.charger()
    charger.plug_in(big_car(max_amps=10))
    charger.start(32)
    assert (charger.level_a, charger.power_w) == (32, 2300)


def test_reports_come_every_interval_and_only_then_the_energy_moves(sim: Simulator) -> None:
    charger = sim.charger()
    charger.start(32)
    started = charger.reported
    sim.clock.advance(299)
    assert charger.reported == started
    sim.clock.advance(1)
    first = charger.reported
    assert first.at - started.at == 300
    sim.clock.advance(700)
    second = charger.reported
    assert second.at - first.at == 600
    # What a client derives from two reports is the power drawn.
    assert (second.lifetime_wh - first.lifetime_wh) / (second.at - first.at) * 3600 == pytest.approx(7360)
    assert second.session is not None
    assert first.session is not None
    assert second.session.energy_wh - first.session.energy_wh == pytest.approx(7360 * 600 / 3600)


def test_change_of_state_is_reported_at_once(sim: Simulator) -> None:
    charger = sim.charger()
    sim.clock.advance(100)
    charger.start(32)
    assert charger.reported.charging
    assert charger.reported.at == sim.clock.time()
    sim.clock.advance(100)
    charger.unplug()
    assert (charger.reported.plugged_in, charger.reported.connector) == (False, Connector.AVAILABLE)
    assert charger.reported.session is not None
    assert charger.reported.session.energy_wh == pytest.approx(7360 * 100 / 3600)


def test_long_time_passes_exactly(sim: Simulator) -> None:
    charger = sim.charger()
    before = charger.lifetime_wh
    charger.start(6)
    sim.clock.advance(86_400)
    assert charger.lifetime_wh - before == pytest.approx(6 * 230 * 24)
    sim.clock.advance(30 * 86_400)
    assert charger.connector is Connector.FINISHING


@pytest.mark.parametrize(("target", "state"), [(0.15, Connector.SUSPENDED_EV), (1.0, Connector.FINISHING)])
def test_vehicle_has_what_it_wants(sim: Simulator, target: float, state: Connector) -> None:
    charger = sim.charger()
    vehicle = big_car(battery_wh=20_000, target=target)
    charger.plug_in(vehicle)
    charger.start(32)
    sim.clock.advance(6 * 3600)
    assert (charger.connector, charger.power_w) == (state, 0)
    assert vehicle.state_of_charge == pytest.approx(target)
    charger.unplug()
    session = charger.history[-1]
    assert session.energy_wh == pytest.approx((target - 0.1) * 20_000 / 0.92)
    assert session.active_s < 6 * 3600


def test_vehicle_tapers_before_it_is_full() -> None:
    vehicle = Vehicle(state_of_charge=0.5, target=1.0, max_amps=32)
    assert vehicle.amps_wanted(32) == 32
    vehicle.state_of_charge = 0.975
    assert vehicle.amps_wanted(32) == pytest.approx(16)
    vehicle.state_of_charge = 0.999
    assert vehicle.amps_wanted(32) == pytest.approx(6.4)


def test_session_is_remembered_with_cost_and_miles(sim: Simulator) -> None:
    charger = sim.charger()
    sessions = len(charger.history)
    charger.start(32)
    sim.clock.advance(3600)
    charger.unplug()
    assert len(charger.history) == sessions + 1
    session = charger.history[-1]
    assert session.energy_wh == pytest.approx(7360)
    assert session.active_s == pytest.approx(3600)
    assert session.miles == pytest.approx(7.36 * 3.9)
    assert session.cost == round(7.36 * sim.site.price_per_kwh, 2)
    # A visit without a charge is no session.
    charger.plug_in()
    charger.unplug()
    assert len(charger.history) == sessions + 1


def test_nothing_starts_by_itself_after_unplugging_or_a_fault(sim: Simulator) -> None:
    charger = sim.charger()
    charger.start(16)
    charger.unplug()
    charger.plug_in()
    assert charger.connector is Connector.PREPARING
    charger.start(16)
    charger.fault()
    assert (charger.connector, charger.power_w) == (Connector.FAULTED, 0)
    charger.clear_fault()
    assert not charger.charging


def test_off_line_it_goes_on_and_tells_nothing(sim: Simulator) -> None:
    charger = sim.charger()
    charger.start(16)
    charger.go_offline()
    before = charger.reported
    sim.clock.advance(3600)
    assert charger.reported == before
    assert charger.charging
    charger.come_back()
    assert charger.reported.lifetime_wh - before.lifetime_wh == pytest.approx(3680)
    assert charger.offline_at == before.at


def test_safe_limit_and_load_balancing_reduce_the_current(sim: Simulator) -> None:
    charger = sim.charger()
    charger.start(32)
    charger.quirks.dlb_limit_a = 20
    charger.surroundings_changed()
    assert charger.power_w == 20 * 230
    charger.quirks.safe_limit = True
    charger.surroundings_changed()
    assert charger.power_w == 6 * 230
    charger.report()
    assert (charger.reported.safe_limit, charger.reported.dlb_active) == (True, True)


def test_jitter_and_reset_of_the_counter(sim: Simulator) -> None:
    charger = sim.charger()
    charger.quirks.jitter_wh = 10
    true = charger.lifetime_wh
    charger.report()
    first = charger.reported.lifetime_wh
    charger.report()
    assert {first - true, charger.reported.lifetime_wh - true} == {10, -10}
    charger.lifetime_wh = 0
    charger.quirks.jitter_wh = 0
    charger.report()
    assert charger.reported.lifetime_wh == 0


def green() -> tuple[Simulator, Charger]:
    simulator = Simulator("green_site")
    charger = simulator.charger()
    charger.plug_in(big_car())
    return simulator, charger


def test_green_mode_follows_the_sun() -> None:
    sim, charger = green()
    # 6 kW less 500 W for the house: 23 A.
    assert (charger.level_a, charger.power_w) == (23, 23 * 230)
    sim.site.solar_w = 1500
    assert (charger.connector, charger.reported.reason) == (Connector.SUSPENDED_EVSE, "INSUFFICIENT_SOLAR")
    sim.site.solar_w = 2000
    assert charger.level_a == 6
    assert not charger.grid_billed


def test_two_green_chargers_share_the_sun() -> None:
    sim = Simulator("two_chargers")
    sim.site.solar_w = 8500
    for charger in sim.site.chargers.values():
        charger.mode = ChargeMode.GREEN
    first, second = sim.site.chargers.values()
    assert first.power_w <= 4000
    assert second.power_w == 0  # Three phases need 4.1 kW at 6 A.


def test_green_start_without_a_level_leaves_the_sun_in_charge() -> None:
    sim, charger = green()
    charger.stop()
    assert charger.manual_override
    sim.clock.advance(3600)
    assert not charger.charging
    charger.start()
    assert (charger.level_a, charger.grid_billed, charger.manual_override) == (23, False, False)


def test_green_start_with_a_level_is_billed() -> None:
    sim, charger = green()
    sim.site.solar_w = 0
    charger.start(32)
    assert (charger.power_w, charger.grid_billed) == (32 * 230, True)


def test_green_override_ends_with_unplugging() -> None:
    _, charger = green()
    charger.stop()
    assert charger.connector is Connector.SUSPENDED_EVSE
    charger.unplug()
    charger.plug_in(big_car())
    assert charger.charging


def test_smart_mode_uses_sun_by_day_and_the_grid_at_night() -> None:
    sim = Simulator("smart_site")
    charger = sim.charger()
    charger.plug_in(big_car())
    assert charger.level_a == 12
    sim.site.solar_w = 0
    assert not charger.charging
    sim.clock.advance(12 * 3600)
    assert charger.level_a == 32
    charger.start(16)
    assert charger.grid_billed


@pytest.fixture
def scheduled(sim: Simulator) -> Charger:
    charger = sim.charger()
    charger.set_slots([Slot("a", "14:00", "15:00", 16), Slot("b", "23:00", "06:00", 32, days=(3,))])
    charger.mode = "scheduled"
    return charger


def test_slots_start_and_end_on_time(sim: Simulator, scheduled: Charger) -> None:
    assert scheduled.connector is Connector.SUSPENDED_EVSE
    before = scheduled.lifetime_wh
    sim.clock.advance(3600)
    assert scheduled.level_a == 16
    sim.clock.advance(3600)
    assert not scheduled.charging
    assert scheduled.lifetime_wh - before == pytest.approx(3680)
    # From Wednesday night into Thursday, and not on Thursday night.
    sim.clock.advance(8.5 * 3600)
    assert scheduled.level_a == 32
    sim.clock.advance(6 * 3600)
    assert scheduled.level_a == 32
    sim.clock.advance(1 * 3600)
    assert not scheduled.charging
    sim.clock.advance(17 * 3600)
    assert not scheduled.charging


def test_start_overrides_the_schedule_until_the_preference_is_written(sim: Simulator, scheduled: Charger) -> None:
    scheduled.start(10)
    assert (scheduled.level_a, scheduled.schedule_overridden) == (10, True)
    sim.clock.advance(2.5 * 3600)
    assert scheduled.level_a == 10
    scheduled.mode = ChargeMode.SCHEDULED
    assert (scheduled.charging, scheduled.schedule_overridden) == (True, False)
    sim.clock.advance(8 * 3600)
    sim.clock.advance(8 * 3600)
    assert not scheduled.charging


def test_stop_in_a_slot_holds_until_the_next_one(sim: Simulator, scheduled: Charger) -> None:
    sim.clock.advance(3700)
    scheduled.stop()
    sim.clock.advance(60)
    assert not scheduled.charging
    with pytest.raises(CommandRefused):
        scheduled.stop()
    sim.clock.advance(9.5 * 3600)
    assert scheduled.level_a == 32


def test_slots_change_with_daylight_saving_of_the_site(freezer: FrozenDateTimeFactory) -> None:
    # Melbourne turns back at 3:00 on 5 April 2026: from 1:30 to 3:30 are three hours.
    freezer.move_to("2026-04-04T12:00:00Z")
    sim = Simulator("one_charger")
    charger = sim.charger()
    charger.plug_in(big_car())
    charger.set_slots([Slot("a", "01:30", "03:30", 32)])
    charger.mode = ChargeMode.SCHEDULED
    before = charger.lifetime_wh
    sim.clock.advance(86_400)
    assert charger.lifetime_wh - before == pytest.approx(3 * 7360)


def test_mode_that_is_not_offered(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="does not offer"):
        sim.charger().mode = ChargeMode.SMART


def test_clock_frozen_in_the_past_does_no_harm(sim: Simulator, freezer: FrozenDateTimeFactory) -> None:
    charger = sim.charger()
    charger.start(16)
    before = charger.lifetime_wh
    freezer.move_to("2025-01-01T00:00:00Z")
    assert charger.lifetime_wh == before
    freezer.tick(timedelta(seconds=600))
    assert charger.lifetime_wh - before == pytest.approx(3680 / 6)
    assert charger.reported.at == sim.clock.time()


BROKEN: list[Callable[[Charger], object]] = [lambda charger: charger.start(5), lambda charger: charger.start(16, connector_id=2)]


@pytest.mark.parametrize("command", BROKEN)
def test_refused_commands_change_nothing(sim: Simulator, command: Callable[[Charger], object]) -> None:
    with pytest.raises(CommandRefused):
        command(sim.charger())
    assert sim.charger().connector is Connector.PREPARING
