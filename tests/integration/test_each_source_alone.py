"""Each source of the cloud fails alone: what is silent, refused or down leaves everything else as it is."""

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
