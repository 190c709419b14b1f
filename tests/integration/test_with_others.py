"""The pages about evcc, Predbat and EMHASS: their lines in Home Assistant against the simulator, and what they name is there."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
import re
from typing import cast

from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.enphase_ev.charger.model import ChargerState
from simulator import Vehicle
from simulator.battery.physics import Doing
from tests.integration.battery_house import BatteryHouse, BatteryHouseBuilder
from tests.integration.house import House, HouseBuilder
from tests.structure.source import ROOT

_DOCS = ROOT / "docs"
_PAGES = [_DOCS / name for name in ("with-evcc.md", "coming-from-predbat.md", "with-emhass.md")]
# Entities as the site, the charger and the battery of the simulated house call them.
_OURS = re.compile(r"\b(?:binary_sensor|number|select|sensor|switch|event|calendar)\.(?:iq_ev_charger|battery|main_site)_\w+")
# What live power shows is there while it is on, which takes a real broker: tests/integration/test_live_power.py.
_LIVE = {f"sensor.main_site_{name}_power" for name in ("battery", "grid", "home", "solar")}

type Block = Mapping[str, object]


def _text(page: Path) -> str:
    """Return a page with the name that the simulated charger has."""
    return page.read_text(encoding="utf-8").replace("iq_ev_charger_", "iq_ev_charger_abcd_")


def _block(page: Path, key: str) -> Block:
    """Return the YAML of a page that has this key."""
    blocks = [parse_yaml(block) for block in re.findall(r"^```yaml\n(.*?)^```", _text(page), re.MULTILINE | re.DOTALL)]
    (found,) = [block for block in blocks if isinstance(block, Mapping) and key in block]
    return cast(Block, found)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
async def test_the_entities_that_a_page_names_are_there(all_entities_enabled: None, build_house: HouseBuilder, page: Path) -> None:
    house = await build_house("home")
    await house.live(240)
    named = set(_OURS.findall(_text(page)))
    assert named
    assert named - _LIVE - set(er.async_get(house.hass).entities) == set()


# --- evcc ---


async def test_each_word_of_status_is_one_that_evcc_knows(house: House) -> None:
    page = _DOCS / "with-evcc.md"
    (sensor,) = cast(list[dict[str, list[Block]]], _block(page, "input_boolean")["template"])[0]["sensor"]
    letters = {}
    for word in ChargerState:
        house.hass.states.async_set("sensor.iq_ev_charger_abcd_status", word)
        letters[word.value] = Template(str(sensor["state"]), house.hass).async_render()
    assert set(letters.values()) == {"A", "B", "C"}
    assert {word for word, letter in letters.items() if letter == "C"} == {"charging"}
    # The words that newer versions are told say the same.
    told = _block(page, "statusA")
    for letter in ("A", "B"):
        assert {word for word, mapped in letters.items() if mapped == letter} == set(str(told[f"status{letter}"]).split(", "))


async def _set_up(house: House, block: Block, *keys: str) -> None:
    for key in keys:
        assert await async_setup_component(house.hass, key, {key: block[key]})
    await house.hass.async_block_till_done()


# A sensor in configuration.yaml is never unloaded.
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_evcc_starts_and_stops_the_charger(house: House) -> None:
    await _set_up(house, _block(_DOCS / "with-evcc.md", "input_boolean"), "template", "input_boolean", "automation")
    charger = _block(_DOCS / "with-evcc.md", "chargers")
    (lines,) = cast(list[dict[str, str]], charger["chargers"])

    def status() -> tuple[str, str]:
        return tuple(house.hass.states.get(lines[name]).state for name in ("status", "enabled"))

    await house.live(5)
    assert status() == ("B", "off")
    # As evcc does: the amps, then the switch.
    await house.call("number", "set_value", entity_id=lines["setMaxCurrent"], value=10.0)
    await house.call("input_boolean", "turn_on", entity_id=lines["enable"])
    await house.live(61)
    assert status() == ("C", "on")
    assert house.sim.charger().power_w == pytest.approx(10 * 230, rel=0.05)
    assert float(house.hass.states.get(lines["power"]).state) == pytest.approx(2300, rel=0.05)
    assert float(house.hass.states.get(lines["energy"]).state) > 0

    await house.call("input_boolean", "turn_off", entity_id=lines["enable"])
    await house.live(61)
    assert status() == ("B", "off")
    house.sim.charger().unplug()
    await house.live(61)
    assert status() == ("A", "off")
    # Nothing is refused while there is no car, and one that comes is charged.
    await house.call("input_boolean", "turn_on", entity_id=lines["enable"])
    house.sim.charger().plug_in(Vehicle(phases=1))
    await house.live(90)
    assert status() == ("C", "on")
    await house.call("automation", "turn_off", entity_id="all")


# --- Predbat ---


async def _does(house: BatteryHouse) -> Doing:
    await house.pass_time(minutes=15)
    return house.battery.flow.doing


@pytest.fixture
async def planned(build_battery_house: BatteryHouseBuilder) -> AsyncIterator[BatteryHouse]:
    """A house with a battery that is half full, and no sun."""
    house = await build_battery_house("battery_site")
    for entry in list(house.battery.schedules):
        house.battery.delete_schedule(entry.id)
    house.battery.state_of_charge = 50
    house.sim.site.solar_w = 0
    await house.pass_time(minutes=5)
    yield house
    if house.hass.services.has_service("automation", "turn_off"):
        await house.hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


async def test_the_battery_follows_predbat(planned: BatteryHouse) -> None:
    planned.hass.states.async_set("predbat.status", "Demand")
    await _set_up(planned, _block(_DOCS / "coming-from-predbat.md", "automation"), "automation")
    seen = []
    for status in ("Charging", "Hold charging", "Demand"):
        planned.hass.states.async_set("predbat.status", status)
        seen.append(await _does(planned))
    assert seen == [Doing.CHARGE_FROM_GRID, Doing.HOLD, Doing.SELF_USE]


async def test_the_services_that_predbat_calls_take_what_it_gives(planned: BatteryHouse) -> None:
    services = cast(Mapping[str, dict[str, str]], _block(_DOCS / "coming-from-predbat.md", "charge_start_service"))

    async def run(name: str) -> Doing:
        data = dict(services[name])
        domain, service = data.pop("service").split(".")
        await planned.lived_through(planned.hass.services.async_call(domain, service, data, blocking=True))
        return await _does(planned)

    assert [await run("charge_start_service"), await run("charge_freeze_service")] == [Doing.CHARGE_FROM_GRID, Doing.HOLD]
    assert await run("charge_stop_service") is Doing.SELF_USE


async def test_a_newer_part_of_the_plan_takes_the_place_of_one_that_waits(planned: BatteryHouse) -> None:
    for action in ("charge", "discharge", "hold"):
        answer = await planned.asked("set_battery_override", action=action, duration="04:00:00")
        assert answer["state"] in {"queued", "requested", "applied"}
    assert await _does(planned) is Doing.HOLD
    await planned.pass_time(minutes=30)
    assert planned.battery_state("sensor", "override") == "hold"
    assert planned.battery.flow.doing is Doing.HOLD


# --- EMHASS ---


def _plan(house: House, battery: float, grid: float, car: float = 0) -> None:
    for name, watts in (("p_batt_forecast", battery), ("p_grid_forecast", grid), ("p_deferrable0", car)):
        house.hass.states.async_set(f"sensor.{name}", str(watts), {"unit_of_measurement": "W"})


async def test_battery_and_car_follow_emhass(planned: BatteryHouse) -> None:
    planned.hass.states.async_set("sensor.optim_status", "Optimal")
    _plan(planned, 0, 0)
    await _set_up(planned, _block(_DOCS / "with-emhass.md", "automation"), "automation")

    seen = []
    for battery, grid, car in ((-3000, 3500, 7360), (0, 800, 0), (600, 0, 0)):
        _plan(planned, battery, grid, car)
        seen.append((await _does(planned), planned.sim.charger().charging))
    assert seen == [(Doing.CHARGE_FROM_GRID, True), (Doing.HOLD, False), (Doing.SELF_USE, False)]

    planned.hass.states.async_set("sensor.optim_status", "Infeasible")
    _plan(planned, -3000, 3500, 7360)
    assert (await _does(planned), planned.sim.charger().charging) == (Doing.SELF_USE, False)
