"""Each source of the cloud fails alone: what is silent, refused or down leaves everything else as it is."""

from homeassistant.config_entries import ConfigEntryState

from tests.integration.battery_house import BatteryHouseBuilder

_HOURS = 3
_TOKEN = "/users/self/token"


async def test_a_throttled_state_of_charge_leaves_the_charger_alone(build_battery_house: BatteryHouseBuilder) -> None:
    """It made the charger unavailable for hours."""
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="battery_status", status=429, headers={"Retry-After": "3600"}, times=None)
    for _ in range(_HOURS * 12):
        await house.live(300)
        assert house.state("sensor", "status").state == "plugged_in"
    assert house.sim.count(path="battery_status") <= _HOURS + 2
    house.sim.faults.clear()
    await house.live(3600 + 120)
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


async def test_refusals_for_good_cost_few_renewals(build_battery_house: BatteryHouseBuilder) -> None:
    """They cost one at every look, up to fourteen an hour."""
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="fwDetails|stormGuard/|preference$|history$", status=401, times=None)
    house.sim.requests.clear()
    await house.live(_HOURS * 3600)
    assert house.state("sensor", "status").state == "plugged_in"
    # Four families, each after 0, 15, 45 and 105 minutes.
    assert house.sim.count(path=_TOKEN) <= 4 * 4
    assert house.sim.sign_ins <= 1


async def test_a_site_loads_while_only_its_chargers_are_down(build_battery_house: BatteryHouseBuilder) -> None:
    """There was no battery at all, and its actions found no target."""
    house = await build_battery_house("battery_site", prepare=lambda sim: sim.faults.add(path="ev_chargers/status", status=503, times=None))
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}
    assert house.site_state("binary_sensor", "cloud_reachable").state == "off"
    assert await house.see_through(house.ask("get_battery_schedules"))

    house.sim.faults.clear()
    await house.live(330)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.state("number", "charging_amps").state == "32.0"
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"


async def test_a_site_loads_while_only_its_battery_is_down(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house(
        "battery_site", prepare=lambda sim: sim.faults.add(path="batteryConfig|battery_status", status=503, times=None)
    )
    assert house.state("sensor", "status").state == "plugged_in"

    house.sim.faults.clear()
    await house.live(660)
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


async def test_a_site_of_which_nothing_answers_is_tried_again(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="service|battery_status", status=503, times=None)
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert house.entry.state is ConfigEntryState.SETUP_RETRY

    house.sim.faults.clear()
    await house.live(120)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}
