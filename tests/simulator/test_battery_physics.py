"""What a battery does: sun, house, vehicles, settings and schedules (docs/cloud-api/battery.md, the three families)."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator import Battery, Simulator, StormAlert, Vehicle

# A Wednesday, 10:00 in Melbourne.
MORNING = "2026-05-20T00:00:00Z"


@pytest.fixture
def sim(freezer: FrozenDateTimeFactory) -> Simulator:
    """A house without load, sun or schedules; ten kilowatt hours, half full."""
    freezer.move_to(MORNING)
    sim = Simulator("battery_site")
    battery = sim.battery
    sim.charger().unplug()
    sim.site.solar_w = sim.site.base_load_w = 0
    for entry in list(battery.schedules):
        battery.delete_schedule(entry.id)
    battery.state_of_charge = 50
    return sim


def hours(sim: Simulator, count: float) -> Battery:
    sim.clock.advance(count * 3600)
    return sim.battery


def test_it_rests_where_nothing_happens(sim: Simulator) -> None:
    assert hours(sim, 24).state_of_charge == pytest.approx(50)
    assert sim.battery.power_w == 0


def test_it_takes_the_sun_and_feeds_the_house(sim: Simulator) -> None:
    sim.site.solar_w = 2000
    sim.site.base_load_w = 1000
    assert sim.battery.power_w == 1000
    assert hours(sim, 2).state_of_charge == pytest.approx(50 + 20 * 0.96, abs=0.1)
    sim.site.solar_w = 0
    assert sim.battery.power_w == -1000
    assert hours(sim, 2).state_of_charge == pytest.approx(50 + 20 * 0.96 - 20, abs=0.1)
    assert hours(sim, 10).state_of_charge == pytest.approx(20, abs=0.01), "the reserve holds"
    assert sim.battery.power_w == 0
    sim.battery.set(reserve=5, very_low_soc=15)
    assert hours(sim, 10).state_of_charge == pytest.approx(15, abs=0.01), "the shutdown level holds"
    sim.site.solar_w = 50_000
    assert sim.battery.power_w == sim.battery.rated_w
    assert hours(sim, 10).state_of_charge == pytest.approx(100)


def test_it_feeds_the_vehicle(sim: Simulator) -> None:
    charger = sim.charger()
    charger.plug_in(Vehicle(battery_wh=2000, state_of_charge=0, target=1, taper_from=1.0, efficiency=1.0, phases=1))
    charger.start(6)
    power = charger.power_w
    assert sim.battery.power_w == -power
    # Looked at once, long after the vehicle was full.
    assert hours(sim, 5).state_of_charge == pytest.approx(50 - 20, abs=0.2)
    assert not charger.charging
    assert sim.battery.power_w == 0


def test_it_charges_from_the_grid_up_to_the_limit(sim: Simulator) -> None:
    battery = sim.battery
    battery.add_schedule("cfg", "11:00", "13:00", limit=90)
    battery.set(charge_from_grid=True)
    assert hours(sim, 1.5).power_w == 0, "its schedules are off"
    battery.set(charge_from_grid_schedule=True)
    assert battery.power_w == battery.rated_w
    assert hours(sim, 0.25).state_of_charge == pytest.approx(50 + battery.rated_w * 0.25 * 0.96 / 100, abs=0.5)
    assert hours(sim, 1).state_of_charge == pytest.approx(90, abs=0.01)
    assert battery.power_w == 0


@pytest.mark.parametrize(
    "spoiled",
    [
        {"settings": {"charge_from_grid": False}},
        {"features": {"grid_mode": "ExportOnly"}},
        {"stuck": True},
        {"entry": {"enabled": False}},
        {"entry": {"days": (4,)}},
        {"entry": {"applied": False}},
        {"entry": {"time_zone": "Europe/London"}},
    ],
    ids=str,
)
def test_what_keeps_it_from_charging(sim: Simulator, spoiled: dict[str, Any]) -> None:
    battery = sim.battery
    options: dict[str, Any] = {"limit": 90} | spoiled.get("entry", {})
    battery.add_schedule("cfg", "11:00", "13:00", **options)
    battery.set(**({"charge_from_grid": True, "charge_from_grid_schedule": True} | spoiled.get("settings", {})))
    battery.features.update(spoiled.get("features", {}))
    battery.stuck = spoiled.get("stuck", False)
    assert hours(sim, 1.5).power_w == 0
    assert battery.state_of_charge == pytest.approx(50)


def test_it_discharges_to_the_grid_down_to_the_limit(sim: Simulator) -> None:
    battery = sim.battery
    battery.add_schedule("dtg", "11:00", "12:00", limit=40)
    battery.set(discharge_to_grid=True)
    assert hours(sim, 1.01).power_w == -battery.rated_w
    assert hours(sim, 0.9).state_of_charge == pytest.approx(40, abs=0.01)
    assert hours(sim, 0.2).power_w == 0, "its window is over"
    battery.state_of_charge = 60
    battery.set(reserve=55)
    assert hours(sim, 23).state_of_charge == pytest.approx(55, abs=0.01), "the reserve also holds"


def test_it_discharges_by_window_where_there_are_no_entries(sim: Simulator) -> None:
    sim.battery.set(discharge_to_grid=True, dtg_begin=660, dtg_end=680)
    assert hours(sim, 0.9).power_w == 0
    assert hours(sim, 0.2).power_w == -sim.battery.rated_w
    assert hours(sim, 1).power_w == 0
    sim.battery.features.grid_mode = "ImportOnly"
    sim.battery.state_of_charge = 50
    assert hours(sim, 24).state_of_charge == pytest.approx(50)


def test_it_holds_what_it_has(sim: Simulator) -> None:
    battery = sim.battery
    battery.add_schedule("rbd", "10:00", "12:00")
    battery.set(restrict_discharge=True)
    sim.site.base_load_w = 1000
    assert battery.power_w == 0
    sim.site.solar_w = 3000
    assert battery.power_w == 2000
    sim.site.solar_w = 0
    assert hours(sim, 2.5).state_of_charge == pytest.approx(45, abs=0.2)


def test_a_storm_fills_it(sim: Simulator) -> None:
    battery = sim.battery
    now = sim.clock.time()
    battery.storm_alerts.append(StormAlert("A", "Wind", now, now + 3600 * 3))
    assert battery.power_w == battery.rated_w
    battery.storm_alerts[0].opted_out = True
    assert battery.power_w == 0
    battery.storm_alerts[0].opted_out = False
    battery.set(storm_guard=False)
    assert battery.power_w == 0


def test_overnight_entries_and_those_that_were_deleted_but_not_applied(sim: Simulator) -> None:
    battery = sim.battery
    battery.add_schedule("cfg", "22:00", "02:00", limit=100, days=(3,))
    battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    assert hours(sim, 15).state_of_charge == 100
    battery.state_of_charge = 0
    assert battery.power_w == battery.rated_w, "01:00 on Thursday belongs to Wednesday"
    battery.book.delete(battery.schedules[0], sim.clock.time())
    assert battery.power_w == battery.rated_w, "the gateway has not heard of it"
    battery.book.apply(battery.book.deleted[-1].family, on=True)
    assert battery.power_w == 0


def test_units_that_do_not_work(sim: Simulator) -> None:
    battery = sim.battery
    battery.units[0].error_code = "E1"
    assert (battery.capacity_wh, battery.rated_w) == (5000, 3840)
    battery.units.clear()
    assert (battery.state_of_charge, battery.power_w) == (0, 0)
