"""The energy of a site in Home Assistant, against the world behind the simulated cloud (docs/cloud-api/energy.md)."""

from datetime import UTC, date, datetime, timedelta
import logging
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from simulator import Simulator
from simulator.house.answers import ClockChange
from simulator.house.flows import Energy
from simulator.house.sources import Household, Sun
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import one_in

_QUARTER = 900
_HOUR = 3600
_KEYS = ("solar_production", "house_consumption", "grid_import", "grid_export", "battery_charged", "battery_discharged")
_TRUTH = {
    "solar_production": "production",
    "house_consumption": "consumption",
    "grid_import": "imported",
    "grid_export": "exported",
    "battery_charged": "charged",
    "battery_discharged": "discharged",
    "ev_charging": "evse",
}


def _sunny(sim: Simulator) -> None:
    sim.site.house.sun = Sun(6000, 52.0, 13.4)
    sim.site.house.household = Household(450, sim.site.zone)
    sim.world.deployment.energy.at_once = True


def _truth(sim: Simulator) -> Energy:
    """All that the cloud was told of, Wh."""
    return sum(sim.site.house.days(at_once=True).values(), Energy())


def _kwh(house: House, key: str) -> float:
    return float(house.site_state("sensor", key).state)


def _energy_requests(house: House) -> int:
    return house.sim.count(path="/pv/systems/.*/(today|lifetime_energy)$")


@pytest.fixture
async def sunny(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> House:
    """A house with sun, two batteries and a charger, at noon."""
    freezer.move_to("2026-06-10T02:00:00Z")
    return await build_house("battery_site", prepare=_sunny)


async def test_what_is_shown_is_what_the_meters_counted(sunny: House) -> None:
    await sunny.live(2 * _HOUR)
    truth = _truth(sunny.sim)
    for key, name in _TRUTH.items():
        if getattr(truth, name) > 0:
            # What was counted since the cloud was asked last is not there yet.
            assert _kwh(sunny, key) == pytest.approx(getattr(truth, name) / 1000, abs=2.5), key
    state = sunny.site_state("sensor", "grid_export")
    assert (state.attributes["unit_of_measurement"], state.attributes["state_class"]) == ("kWh", "total_increasing")
    device = er.async_get(sunny.hass).async_get(state.entity_id)
    assert device is not None
    cloud = er.async_get(sunny.hass).async_get(sunny.site_entity_id("binary_sensor", "cloud_reachable"))
    assert cloud is not None
    assert device.device_id == cloud.device_id


async def test_an_hour_costs_four_requests(sunny: House) -> None:
    await sunny.live(_HOUR)
    sunny.sim.requests.clear()
    await sunny.live(3 * _HOUR)
    assert 11 <= _energy_requests(sunny) <= 12


async def test_a_zero_answer_is_no_answer(sunny: House) -> None:
    await sunny.live(_HOUR)
    before = {key: _kwh(sunny, key) for key in _KEYS}
    sunny.sim.world.deployment.energy.zero_answers = 1
    await sunny.live(_QUARTER)
    assert {key: _kwh(sunny, key) for key in _KEYS} == before
    await sunny.live(_QUARTER)
    assert _kwh(sunny, "house_consumption") > before["house_consumption"]


async def test_only_zeros_for_long_are_an_outage(sunny: House) -> None:
    sunny.sim.world.deployment.energy.zero_answers = 100
    await sunny.live(_HOUR)
    assert sunny.site_state("sensor", "grid_import").state == STATE_UNAVAILABLE
    sunny.sim.world.deployment.energy.zero_answers = 0
    await sunny.live(_QUARTER + 60)
    assert sunny.site_state("sensor", "grid_import").state != STATE_UNAVAILABLE


@pytest.mark.parametrize(("path", "service"), [("today", "energy"), ("lifetime_energy", "energy history")])
async def test_an_empty_answer_is_an_outage_that_is_told_once(
    sunny: House, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture, path: str, service: str
) -> None:
    caplog.set_level(logging.INFO)
    await sunny.live(_HOUR)
    rule = sunny.sim.faults.add(path=f"/pv/systems/.*/{path}$", status=200, body={}, times=None)
    # The hour after the history of all days is read.
    freezer.move_to(datetime(2026, 6, 11, 1, tzinfo=sunny.sim.site.zone))
    await sunny.live(_HOUR)

    assert rule.used >= 3
    told = f"The {service} service does not answer: The answer holds no energy"
    assert [line for line in caplog.messages if f"{service} service" in line] == [told]
    assert (sunny.site_state("sensor", "grid_import").state == STATE_UNAVAILABLE) is (path == "today")

    sunny.sim.faults.clear()
    await sunny.live(_QUARTER + 60)
    assert [line for line in caplog.messages if f"{service} service" in line] == [told, f"The {service} service answers again"]
    assert sunny.site_state("sensor", "grid_import").state != STATE_UNAVAILABLE


async def test_a_correction_downwards_is_no_step_back(sunny: House) -> None:
    energy = sunny.sim.world.deployment.energy
    values: list[float] = []
    for factor in (1.0, 3.0, 1.0, 2.0, 1.0):
        energy.open_bucket_factor = factor
        await sunny.live(_QUARTER)
        values.append(_kwh(sunny, "house_consumption"))
    assert values == sorted(values)


async def test_what_came_while_home_assistant_was_off_is_there_afterwards(sunny: House) -> None:
    await sunny.live(_HOUR)
    before = _kwh(sunny, "house_consumption")
    await sunny.restart(hours=50)
    await sunny.live(_QUARTER)
    truth = _truth(sunny.sim).consumption / 1000
    assert _kwh(sunny, "house_consumption") == pytest.approx(truth, abs=1)
    assert truth - before > 20


@pytest.mark.parametrize("clock_change", one_in(2, list(ClockChange)))
@pytest.mark.parametrize("day", [date(2026, 4, 5), date(2026, 10, 4)], ids=["25 hours", "23 hours"])
async def test_the_nights_of_the_clock_change(
    build_house: HouseBuilder, freezer: FrozenDateTimeFactory, day: date, clock_change: ClockChange
) -> None:
    """From the evening before until the morning after: nothing is lost and nothing comes twice."""

    def prepare(sim: Simulator) -> None:
        _sunny(sim)
        sim.world.deployment.energy.clock_change = clock_change

    zone = ZoneInfo("Australia/Melbourne")
    freezer.move_to(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) - timedelta(hours=2))
    house = await build_house("battery_site", prepare=prepare)
    values = [_kwh(house, "house_consumption")]
    assert values[0] == pytest.approx(_truth(house.sim).consumption / 1000, abs=0.5)
    for _ in range(32):
        # As a machine that sleeps in between.
        freezer.tick(timedelta(minutes=58))
        await house.live(120)
        values.append(_kwh(house, "house_consumption"))
        assert values[-1] == pytest.approx(_truth(house.sim).consumption / 1000, abs=1.5)
    assert values == sorted(values)
    assert values[-1] - values[0] > 10


async def test_a_site_that_lacks_something_has_no_sensor_of_it(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to("2026-06-10T02:00:00Z")
    house = await build_house("one_charger", prepare=_sunny)
    await house.live(_QUARTER)
    entities = er.async_get(house.hass)
    missing = [key for key in _KEYS if entities.async_get_entity_id("sensor", "enphase_ev", f"{house.sim.site.id}_{key}") is None]
    assert missing == ["battery_charged", "battery_discharged"]


async def test_where_a_gateway_tells_it_the_cloud_is_not_asked(
    hass: HomeAssistant, build_house: HouseBuilder, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-06-10T02:00:00Z")
    MockConfigEntry(domain="enphase_envoy").add_to_hass(hass)
    house = await build_house("battery_site", prepare=_sunny)
    await house.live(_HOUR)
    assert _energy_requests(house) == 0
    hass.config_entries.async_update_entry(house.entry, options={"site_energy": True})
    await house.reload()
    assert _kwh(house, "house_consumption") > 0
    hass.config_entries.async_update_entry(house.entry, options={"site_energy": False})
    await house.reload()
    entities = er.async_get(hass)
    assert [key for key in _TRUTH if entities.async_get_entity_id("sensor", "enphase_ev", f"{house.sim.site.id}_{key}")] == []


async def test_at_night_nothing_is_asked_about_the_sun_alone(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    def prepare(sim: Simulator) -> None:
        _sunny(sim)
        sim.world.deployment.energy.missing = {
            *("consumption", "import", "export", "evse", "solar_home", "solar_grid", "solar_battery"),
            *("battery_home", "battery_grid", "grid_home", "grid_battery"),
        }

    freezer.move_to("2026-06-10T02:00:00Z")
    house = await build_house("no_charger", prepare=prepare)
    # The sun over the panels, as Home Assistant knows it.
    house.hass.config.latitude, house.hass.config.longitude = -37.8, 145.0
    await house.live(_HOUR)
    shown = _kwh(house, "solar_production")
    assert shown > 0
    freezer.move_to("2026-06-10T10:00:00Z")
    await house.live(60)
    house.sim.requests.clear()
    await house.live(2 * _HOUR)
    assert _energy_requests(house) == 0
    assert house.site_state("sensor", "solar_production").state != STATE_UNAVAILABLE


@pytest.mark.parametrize("status", one_in(2, [473, 404, 503]))
async def test_a_site_that_does_not_answer_is_left_alone(build_house: HouseBuilder, status: int) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.energy.retry_status = status

    house = await build_house("battery_site", prepare=prepare)
    await house.live(6 * _HOUR)
    assert _energy_requests(house) <= 12
    assert house.state("sensor", "status").state != STATE_UNAVAILABLE
