"""The sensors of what charging costs, against the simulated world."""

from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator import Simulator
from simulator.tariff import Unreadable
from tests.integration.house import House, HouseBuilder


async def _house_that_charges(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> House:
    """Return a house whose car has been charging at 16 A for 25 minutes, and goes on."""
    freezer.move_to("2026-11-30T12:00:00Z")
    house = await build_house("sunny_home")
    charger = house.sim.charger()
    charger.vehicle.battery_wh = 1e6
    charger.start(16)
    await house.live(1500)
    return house


async def test_what_charging_costs(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    house = await _house_that_charges(build_house, freezer)

    price = float(house.site_state("sensor", "import_price").state)
    assert price == house.sim.world.deployment.tariff.import_price(house.sim.clock.now().astimezone(house.sim.site.zone))
    energy = float(house.state("sensor", "session_energy").state)
    cost = house.state("sensor", "session_cost")
    assert energy > 1
    assert float(cost.state) == pytest.approx(energy * price, rel=0.01)
    assert cost.attributes["unit_of_measurement"] == house.hass.config.currency
    month = house.state("sensor", "cost_this_month")
    assert float(month.state) > float(cost.state)
    assert month.attributes["last_reset"] == "2026-11-01T00:00:00+01:00"
    assert float(house.state("sensor", "last_session_cost").state) > 0
    assert house.state("sensor", "last_session_range").attributes["unit_of_measurement"] == "km"


async def test_a_tariff_that_cannot_be_read_gives_no_price(
    build_house: HouseBuilder, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.tariff.unreadable = Unreadable.WORDS

    freezer.move_to("2026-11-30T12:00:00Z")
    house = await build_house("car_only", prepare=prepare)
    await house.live(120)
    with pytest.raises(AssertionError):
        house.site_state("sensor", "import_price")
    assert caplog.text.count("The tariff of the site cannot be read") == 1


async def test_the_events_of_a_session_name_the_cost_that_is_shown(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    """Enphase names none while the car is plugged in."""
    house = await _house_that_charges(build_house, freezer)
    house.sim.charger().stop()
    await house.live(120)
    event = house.state("event", "session")
    assert event.attributes["event_type"] == "suspended"
    assert event.attributes["cost"] == round(float(house.state("sensor", "session_cost").state), 2) > 0


_SESSIONS = 30


def _session(number: int, *, has_id: bool, is_again: bool) -> dict[str, object]:
    """A session of an hour that has cost 1; every day of this May has two, the last ones come first.

    One that has an id ends a second later when it comes again.
    """
    day, hour, second = 19 - number // 2, 12 - number % 2 * 4, int(has_id and is_again)
    times = {"startTime": f"2026-05-{day:02}T{hour:02}:00:00Z[UTC]", "endTime": f"2026-05-{day:02}T{hour + 1:02}:00:0{second}Z[UTC]"}
    return {**times, **({"id": f"EV:{number}"} if has_id else {}), "aggEnergyValue": 4.0, "sessionCost": 1.0}


def overlapping_pages(sim: Simulator, *, has_id: bool) -> None:
    """Let the cloud answer with two pages, the second of which begins with the last five sessions of the first."""
    for begin, end in ((0, 20), (15, _SESSIONS)):
        found = [_session(number, has_id=has_id, is_again=begin > 0) for number in range(begin, end)]
        sim.faults.add(path="/history$", body={"data": {"result": found, "hasMore": end < _SESSIONS}})


@pytest.mark.parametrize("has_id", [True, False], ids=["same id", "same beginning and end"])
async def test_sessions_of_pages_that_overlap_are_paid_once(build_house: HouseBuilder, has_id: bool) -> None:
    house = await build_house(prepare=lambda sim: overlapping_pages(sim, has_id=has_id))
    await house.live(600)
    assert house.sim.count(path="/history$") == 2
    month = house.state("sensor", "cost_this_month")
    assert float(month.state) == _SESSIONS
    assert float(house.state("sensor", "last_session_cost").state) == 1.0
