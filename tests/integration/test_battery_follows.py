"""Whether the battery does what it is to do: by its power, where that is known (docs/cloud-api/battery.md §5)."""

from collections.abc import Callable

import pytest

from simulator import Simulator, StormAlert
from simulator.gateway_inside import Role
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder

_HANGS = "scheduler_hangs"


def _charging_now(sim: Simulator) -> None:
    """A schedule to charge up to 90 % is open until the evening, the battery is half full, and there is no sun."""
    battery = sim.battery
    for entry in list(battery.schedules):
        battery.delete_schedule(entry.id)
    battery.add_schedule("cfg", "12:00", "20:00", limit=90)
    battery.set(charge_from_grid=True, charge_from_grid_schedule=True)
    battery.state_of_charge = 50
    sim.site.solar_w = 0


def _hanging(sim: Simulator) -> None:
    _charging_now(sim)
    sim.battery.stuck = True


def _applies(house: BatteryHouse) -> int:
    return len([one for one in house.sim.requests if one.method == "PUT"])


@pytest.fixture(params=["its light", "its power"])
def build(request: pytest.FixtureRequest, build_battery_house: BatteryHouseBuilder) -> BatteryHouseBuilder:
    """Return a function that sets up a house whose battery's power the gateway tells, or nobody."""

    async def build_it(prepare: Callable[[Simulator], None]) -> BatteryHouse:
        gateway = Role.OWNER if request.param == "its power" else None
        house = await build_battery_house("battery_only", prepare=prepare, gateway=gateway)
        await house.pass_time(minutes=0.5)
        assert (house.entry.runtime_data.battery.live_power is not None) is (gateway is not None)
        return house

    return build_it


async def test_a_scheduler_that_hangs_is_tried_once_more_and_then_told(build: BatteryHouseBuilder) -> None:
    house = await build(_hanging)
    await house.pass_time(minutes=8)
    assert _applies(house) == 0
    await house.pass_time(minutes=5)
    assert _applies(house) == 1
    assert house.issue(_HANGS) is None
    await house.pass_time(minutes=16)
    issue = house.issue(_HANGS)
    assert issue is not None
    assert issue.translation_placeholders == {"site": "Main Site"}
    await house.pass_time(minutes=60)
    assert _applies(house) == 1
    assert not house.sim.count(path="/profile/", method="PUT"), "never a change of the profile"
    assert house.battery.lost == []

    house.battery.stuck = False
    await house.pass_time(minutes=5)
    assert house.issue(_HANGS) is None


async def test_an_apply_that_helps_is_all(build: BatteryHouseBuilder) -> None:
    house = await build(_hanging)
    await house.until(lambda: _applies(house) == 1)
    house.battery.stuck = False
    await house.pass_time(minutes=40)
    assert (_applies(house), house.issue(_HANGS)) == (1, None)
    assert house.battery.state_of_charge > 60


def _at_its_limit(sim: Simulator) -> None:
    _hanging(sim)
    sim.battery.state_of_charge = 90


def _in_a_storm(sim: Simulator) -> None:
    _hanging(sim)
    now = sim.battery.now
    sim.battery.set(storm_guard=False)
    sim.battery.storm_alerts.append(StormAlert("A", "Wind", now, now + 86400))


def _not_allowed(sim: Simulator) -> None:
    _hanging(sim)
    sim.battery.set(charge_from_grid_schedule=False, reserve=50)
    sim.site.base_load_w = 0


def _no_import(sim: Simulator) -> None:
    _hanging(sim)
    sim.battery.features.grid_mode = "ExportOnly"


def _in_an_event(sim: Simulator) -> None:
    _hanging(sim)
    sim.battery.features.dr_event_active = True


def _later(sim: Simulator) -> None:
    _hanging(sim)
    (entry,) = sim.battery.schedules
    sim.battery.change_schedule(entry.id, start="18:00")
    sim.battery.set(reserve=50)


@pytest.mark.parametrize("prepare", [_at_its_limit, _in_a_storm, _not_allowed, _no_import, _in_an_event, _later, _charging_now])
async def test_a_battery_that_need_not_charge_is_left_alone(build: BatteryHouseBuilder, prepare: Callable[[Simulator], None]) -> None:
    house = await build(prepare)
    await house.pass_time(minutes=40)
    assert (_applies(house), house.issue(_HANGS)) == (0, None)


async def test_it_is_told_no_more_when_it_is_not_allowed_any_more(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_only", prepare=_hanging)
    await house.until(lambda: house.issue(_HANGS) is not None)
    house.battery.set(charge_from_grid_schedule=False)
    await house.pass_time(minutes=6)
    assert house.issue(_HANGS) is None


async def test_lights_that_nobody_reads_prove_nothing(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_only", prepare=_hanging)
    house.sim.faults.add(path="battery_status", status=503, times=None)
    await house.pass_time(minutes=40)
    assert _applies(house) == 0


# --- Overrides ---


async def test_the_power_says_that_an_override_is_followed(build_battery_house: BatteryHouseBuilder) -> None:
    """The lights, which nobody can read any more, say that the battery is idle."""
    house = await build_battery_house("battery_only", prepare=_hanging, gateway=Role.OWNER)
    await house.pass_time(minutes=3)
    house.sim.faults.add(path="battery_status", status=503, times=None)
    house.battery.stuck = False
    await house.asked("set_battery_override", action="charge", duration="03:00:00", wait=MOST_WAITED)
    await house.pass_time(minutes=25)
    assert house.battery.power_w > 1000
    assert house.issue("override_ignored") is None


@pytest.mark.parametrize("action", ["charge", "discharge"])
async def test_the_power_says_that_an_override_is_not_followed(build_battery_house: BatteryHouseBuilder, action: str) -> None:
    house = await build_battery_house("battery_only", prepare=_charging_now, gateway=Role.OWNER)
    await house.asked("set_battery_override", action=action, duration="03:00:00", wait=MOST_WAITED)
    await house.pass_time(minutes=14)
    assert house.issue("override_ignored") is None
    house.sim.faults.add(path="battery_status", status=503, times=None)
    # Nothing flows any more, whatever the lights said last.
    for unit in house.battery.units:
        unit.rated_w = 0.0
    await house.pass_time(minutes=6)
    assert house.issue("override_ignored") is not None
    assert house.issue(_HANGS) is None
