"""The blueprints that follow a price, a calendar or the sun: what charger and battery do with them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
import shutil

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.template import Template
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict
import pytest

from simulator import Simulator
from simulator.battery.physics import Doing
from tests.integration.automated_house import BLUEPRINTS, AutomatedHouse
from tests.integration.battery_house import BatteryHouseBuilder

_PRICE = "sensor.price"
_GRID = "sensor.smart_meter"
_EXPORT = "sensor.feed_in"
_BATTERY = "sensor.battery_meter"

# --- Charge at negative prices ---

_NEGATIVE = "charge_at_negative_prices"


def _price(house: AutomatedHouse, price: float | str) -> None:
    house.hass.states.async_set(_PRICE, str(price))


async def _both(house: AutomatedHouse) -> tuple[bool, Doing]:
    await house.pass_time(minutes=15)
    return house.charges(), house.battery_does()


@pytest.fixture
async def priced(automated: AutomatedHouse) -> AutomatedHouse:
    """A house without sun whose battery is half full, at 25 cents."""
    automated.battery.state_of_charge = 30
    automated.sim.site.solar_w = 0
    await automated.pass_time(minutes=5)
    _price(automated, 0.25)
    return automated


def _negative_inputs(house: AutomatedHouse) -> dict[str, object]:
    return {"price": _PRICE, "charger": house.device_id(), "override": house.site_entity_id("sensor", "override")}


async def test_car_and_battery_take_what_they_can_while_the_price_is_negative(priced: AutomatedHouse) -> None:
    await priced.automate(_NEGATIVE, **_negative_inputs(priced))
    assert await _both(priced) == (False, Doing.SELF_USE)

    _price(priced, -0.02)
    assert await _both(priced) == (True, Doing.CHARGE_FROM_GRID)
    _price(priced, "unavailable")
    assert await _both(priced) == (True, Doing.CHARGE_FROM_GRID)
    _price(priced, 0)
    assert await _both(priced) == (False, Doing.SELF_USE)
    assert priced.entries == set()
    assert priced.sim.count("control") == 2, "one start and one stop"


async def test_what_a_person_began_goes_on_after_a_negative_price(priced: AutomatedHouse) -> None:
    await priced.asked("set_battery_override", action="hold", duration="05:00:00", wait=900)
    priced.sim.charger().start(16)
    await priced.pass_time(minutes=2)
    await priced.automate(_NEGATIVE, **_negative_inputs(priced))

    _price(priced, -0.02)
    assert await _both(priced) == (True, Doing.HOLD)
    _price(priced, 0.3)
    assert await _both(priced) == (True, Doing.HOLD)


async def test_a_car_that_a_person_stops_stays_off_and_one_that_comes_is_charged(priced: AutomatedHouse) -> None:
    await priced.automate(_NEGATIVE, price=_PRICE, charger=priced.device_id(), limit=0.1)
    _price(priced, 0.05)
    await priced.pass_time(minutes=5)
    assert priced.charges()
    await priced.lived_through(priced.call("switch", "turn_off", entity_id=priced.entity_id("switch", "charging")))
    await priced.pass_time(minutes=12)
    assert not priced.charges()

    charger = priced.sim.charger()
    vehicle = charger.vehicle
    charger.unplug()
    await priced.pass_time(minutes=7)
    assert vehicle is not None
    charger.plug_in(vehicle)
    await priced.pass_time(minutes=7)
    assert priced.charges()


async def test_what_charges_since_before_a_restart_ends_with_the_price(priced: AutomatedHouse) -> None:
    _price(priced, -0.02)
    await priced.asked("set_battery_override", action="charge", duration="04:00:00", wait=900)
    priced.sim.charger().start(16)
    await priced.pass_time(minutes=2)
    await priced.automate_and_start(_NEGATIVE, **_negative_inputs(priced))
    assert await _both(priced) == (True, Doing.CHARGE_FROM_GRID)

    _price(priced, 0.2)
    assert await _both(priced) == (False, Doing.SELF_USE)


async def test_the_battery_alone_is_charged_at_a_price_of_ones_own(priced: AutomatedHouse) -> None:
    await priced.automate(_NEGATIVE, price=_PRICE, override=priced.site_entity_id("sensor", "override"), limit=0.1)
    _price(priced, 0.05)
    assert await _both(priced) == (False, Doing.CHARGE_FROM_GRID)
    _price(priced, 0.1)
    assert await _both(priced) == (False, Doing.SELF_USE)


# --- Fill the battery before a grid event ---

_FILL = "fill_battery_before_grid_event"


@pytest.fixture
async def enrolled(hass: HomeAssistant, tmp_path: Path, build_battery_house: BatteryHouseBuilder) -> AsyncIterator[AutomatedHouse]:
    """A house with a battery that takes part in a grid program and has an event from 15:20 to 16:20."""
    await hass.config.async_set_time_zone("Australia/Melbourne")
    hass.config.config_dir = str(tmp_path)
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    built = await build_battery_house("battery_site", grid_services=True, prepare=_announce)
    house = AutomatedHouse(built.hass, built.sim, built.entry, built.freezer)
    for entry in list(house.battery.schedules):
        house.battery.delete_schedule(entry.id)
    house.sim.site.solar_w = 0
    await house.pass_time(minutes=10)
    yield house
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


def _announce(sim: Simulator) -> None:
    begin = dt_util.start_of_local_day() + timedelta(hours=15, minutes=20)
    sim.grid_services.add_event(sim.site, begin.timestamp(), begin.timestamp() + 3600)


def _fill_inputs(house: AutomatedHouse, **inputs: object) -> dict[str, object]:
    return {
        "calendar": house.site_entity_id("calendar", "grid_events"),
        "override": house.site_entity_id("sensor", "override"),
        "state_of_charge": house.site_entity_id("sensor", "state_of_charge"),
        **inputs,
    }


async def test_battery_is_full_when_the_event_begins(enrolled: AutomatedHouse) -> None:
    enrolled.battery.state_of_charge = 80
    await enrolled.automate(_FILL, **_fill_inputs(enrolled, hours=1.5))

    assert await enrolled.at(enrolled.battery_does, "13:45", "14:10", "15:00") == [Doing.SELF_USE, Doing.CHARGE_FROM_GRID, Doing.HOLD]
    await enrolled.pass_until("15:18")
    assert enrolled.battery.state_of_charge > 96
    assert enrolled.battery_state("sensor", "override") == "none"
    assert enrolled.entries == set()


async def test_charging_ends_before_the_event_does_even_if_the_battery_is_not_full(enrolled: AutomatedHouse) -> None:
    enrolled.battery.state_of_charge = 10
    await enrolled.automate(_FILL, **_fill_inputs(enrolled, hours=1))

    seen = await enrolled.at(enrolled.battery_does, "14:15", "14:40", "15:19")

    assert seen == [Doing.SELF_USE, Doing.CHARGE_FROM_GRID, Doing.SELF_USE]
    assert enrolled.battery.state_of_charge < 90


# --- Follow the sun ---

_SUN = "follow_the_sun"


def _meter(house: AutomatedHouse) -> None:
    """Show what flows, once a minute, as smart meters do: one in W, one in kW that counts export as positive."""

    @callback
    def show(_: datetime | None = None) -> None:
        flows = house.sim.site.house.now()
        house.hass.states.async_set(_GRID, str(round(flows.grid)), {"unit_of_measurement": "W", "device_class": "power"})
        house.hass.states.async_set(_EXPORT, str(round(-flows.grid / 1000, 3)), {"unit_of_measurement": "kW", "device_class": "power"})
        house.hass.states.async_set(_BATTERY, str(round(flows.battery)), {"unit_of_measurement": "W", "device_class": "power"})

    show()
    house.entry.async_on_unload(async_track_time_interval(house.hass, show, timedelta(minutes=1)))


async def _shine(house: AutomatedHouse, watts: float, minutes: float) -> tuple[bool, float]:
    """Let the sun shine for a while; return whether the car charges, and at what level."""
    house.sim.site.solar_w = watts
    await house.pass_time(minutes=minutes)
    return house.charges(), float(house.state("number", "charging_amps").state)


@pytest.fixture
async def sunny(automated: AutomatedHouse) -> AutomatedHouse:
    """A house whose battery is full, whose household draws 500 W, and whose sun does not shine yet."""
    automated.battery.state_of_charge = 100
    automated.sim.site.base_load_w = 500
    automated.sim.site.solar_w = 500
    await automated.lived_through(automated.call("number", "set_value", entity_id=automated.entity_id("number", "charging_amps"), value=32))
    await automated.pass_time(minutes=5)
    _meter(automated)
    return automated


def _sun_inputs(house: AutomatedHouse, **inputs: object) -> dict[str, object]:
    return {"amps": house.entity_id("number", "charging_amps"), "grid_power": _GRID, "battery_power": _BATTERY, "patience": 4, **inputs}


async def test_car_charges_with_what_the_sun_leaves(sunny: AutomatedHouse) -> None:
    await sunny.automate(_SUN, **_sun_inputs(sunny))
    assert await _shine(sunny, 1500, 10) == (False, 32), "1000 W are not enough for 6 A"

    # 3000 W are 13 A, 5000 W are 21 A, 1610 W are 7 A.
    assert await _shine(sunny, 3500, 12) == (True, 13)
    assert await _shine(sunny, 5500, 12) == (True, 21)
    assert await _shine(sunny, 2110, 12) == (True, 7)
    commands = sunny.sim.count("control")
    assert await _shine(sunny, 1700, 8) == (True, 6), "within the margin"
    assert await _shine(sunny, 800, 12) == (False, 32), "and the level is as it was"
    assert sunny.sim.count("control") - commands <= 3


async def test_a_cloud_that_passes_stops_nothing(sunny: AutomatedHouse) -> None:
    await sunny.automate(_SUN, **_sun_inputs(sunny))
    await _shine(sunny, 4500, 12)
    assert (await _shine(sunny, 500, 3))[0]
    commands = sunny.sim.count("control")
    assert (await _shine(sunny, 4500, 6))[0]
    assert sunny.sim.count("control") - commands <= 2


async def test_car_that_a_person_stops_stays_off_until_it_is_unplugged(sunny: AutomatedHouse) -> None:
    await sunny.automate(_SUN, **_sun_inputs(sunny))
    assert (await _shine(sunny, 5500, 8))[0]
    await sunny.lived_through(sunny.call("switch", "turn_off", entity_id=sunny.entity_id("switch", "charging")))
    assert await _shine(sunny, 5500, 15) == (False, 32)

    charger = sunny.sim.charger()
    vehicle = charger.vehicle
    charger.unplug()
    await sunny.pass_time(minutes=3)
    assert vehicle is not None
    charger.plug_in(vehicle)
    assert (await _shine(sunny, 5500, 10))[0]


async def test_what_a_person_starts_is_left_alone(sunny: AutomatedHouse) -> None:
    await sunny.automate(_SUN, **_sun_inputs(sunny))
    await sunny.lived_through(sunny.call("switch", "turn_on", entity_id=sunny.entity_id("switch", "charging")))
    assert await _shine(sunny, 2500, 15) == (True, 32)


@pytest.mark.parametrize(("first", "charges"), [("battery", False), ("car", True)])
async def test_battery_or_car_comes_first(sunny: AutomatedHouse, first: str, charges: bool) -> None:
    sunny.battery.state_of_charge = 40
    await sunny.automate(_SUN, **_sun_inputs(sunny, first=first))
    assert (await _shine(sunny, 3500, 10))[0] is charges


async def test_a_start_that_fails_leaves_the_level_as_it_was_and_is_tried_again(sunny: AutomatedHouse) -> None:
    sunny.sim.faults.add(path="start_charging", status=503, times=None)
    await sunny.automate(_SUN, **_sun_inputs(sunny))
    assert await _shine(sunny, 5500, 15) == (False, 32)
    assert sunny.sim.count(path="start_charging") > 0

    sunny.sim.faults.clear()
    assert await _shine(sunny, 5500, 25) == (True, 21)


async def test_a_meter_in_kilowatts_that_counts_export(sunny: AutomatedHouse) -> None:
    await sunny.automate(_SUN, **_sun_inputs(sunny, grid_power=_EXPORT, import_is_positive=False, battery_power="", largest=10))
    assert await _shine(sunny, 3500, 12) == (True, 10), "13 A are there, and 10 A are wanted at most"


async def test_what_charges_since_before_a_restart_follows_the_sun_and_ends_with_it(sunny: AutomatedHouse) -> None:
    sunny.sim.site.solar_w = 3500
    await sunny.lived_through(sunny.call("switch", "turn_on", entity_id=sunny.entity_id("switch", "charging")))
    await sunny.pass_time(minutes=2)
    await sunny.automate_and_start(_SUN, **_sun_inputs(sunny))
    assert await _shine(sunny, 3500, 8) == (True, 13)
    assert not (await _shine(sunny, 500, 12))[0]


@pytest.mark.parametrize("wanted", [(6, 32), (7, 40), (20, 80), (40, 10)], ids=lambda wanted: f"{wanted[0]} to {wanted[1]} A")
@pytest.mark.parametrize(
    "charger", [(6, 32, 1), (8, 80, 1), (16, 32, 16)], ids=lambda charger: f"{charger[0]} to {charger[1]} A by {charger[2]}"
)
def test_the_level_is_one_of_the_chargers_and_within_what_is_wanted(
    hass: HomeAssistant, charger: tuple[int, int, int], wanted: tuple[int, int]
) -> None:
    least, most, step = charger
    smallest, largest = wanted
    templates = load_yaml_dict(str(BLUEPRINTS / "automation" / "enphase_ev" / f"{_SUN}.yaml"))["variables"]
    hass.states.async_set("number.amps", str(least), {"min": least, "max": most, "step": step})
    known: dict[str, object] = {"amps": "number.amps", "smallest": smallest, "largest": largest, "watts_per_ampere": 230}
    for name in ("step", "lowest", "highest"):
        known[name] = Template(templates[name], hass).async_render(known)

    levels = [Template(templates["level"], hass).async_render({**known, "surplus": watts}) for watts in range(-5000, 25000, 700)]

    assert {(level - least) % step for level in levels} == {0}
    assert levels == sorted(levels)
    assert least <= levels[0] <= max(smallest + step - 1, least)
    assert levels[-1] <= min(max(largest, levels[0]), most)
