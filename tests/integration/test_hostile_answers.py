"""The whole integration in Home Assistant, with a cloud whose answers are broken at random."""

import logging
import re

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.enphase_ev.const import DOMAIN
from tests.idle_buttons import IDLE_BUTTONS
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import is_thorough

_SERVICES = "/service/|/pv/settings"
# What is said about a cloud that makes no sense, about time that leaps, and about every custom integration; anything else is a defect.
_HONEST = re.compile(
    r"Error fetching Enphase|The [a-z ]+ service does not answer: |Executing <|"
    r"The tariff of the site cannot be read, so there is no price; its shape is in the diagnostics$|The live stream does not answer: |"
    r"We found a custom|zlib_ng and isal|Can not load cook"
)
_SEEDS = 3
_SEEDS_WHEN_THOROUGH = 300


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        count = _SEEDS_WHEN_THOROUGH if is_thorough() else _SEEDS
        metafunc.parametrize("seed", range(count))


def _defects(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged that a person should never see."""
    records = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    return [f"{record.name}: {record.getMessage()}" for record in records if not _HONEST.match(record.getMessage())]


def _assert_all_is_well(house: House) -> None:
    """Assert that every entity of what there is is there, and that what is shown of the chargers is so.

    A broken serial number can have made a device of something that there never was: that one goes after an hour, or by a person's hand.
    """
    site = house.sim.site
    real = (site.id, *site.chargers, *(unit.serial for unit in house.sim.battery.units))
    entries = er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)
    there = [entry for entry in entries if entry.disabled_by is None and entry.unique_id.startswith(real)]
    entity_ids = [entry.entity_id for entry in there if not entry.unique_id.endswith(IDLE_BUTTONS)]
    lost = [one for one in entity_ids if (state := house.hass.states.get(one)) is None or state.state == "unavailable"]
    assert lost == []
    for charger in site.chargers.values():
        assert house.state("switch", "charging", charger).state == ("on" if charger.charging else "off")
        assert float(house.state("sensor", "lifetime_energy", charger).state) == pytest.approx(
            charger.reported.lifetime_wh / 1000, abs=0.05
        )


@pytest.fixture
async def home(build_house: HouseBuilder) -> House:
    """Two chargers and two batteries."""
    house = await build_house("home")
    await house.live(240)
    return house


async def test_broken_answers_leave_no_mark(home: House, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    devices = {device.id for device in dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)}
    home.sim.faults.add(path=_SERVICES, mutate=seed, times=None)
    await home.live(1500)
    defects = _defects(caplog)
    assert defects == []
    home.sim.faults.clear()
    await home.live(1900)

    defects = _defects(caplog)
    assert defects == []
    assert home.entry.state is ConfigEntryState.LOADED
    assert home.hass.config_entries.flow.async_progress() == []
    now = {device.id for device in dr.async_entries_for_config_entry(dr.async_get(home.hass), home.entry.entry_id)}
    assert devices <= now
    _assert_all_is_well(home)


async def test_everything_broken_from_the_sign_in_on(
    hass: HomeAssistant, build_house: HouseBuilder, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    house = await build_house("home")
    assert await hass.config_entries.async_unload(house.entry.entry_id)
    house.sim.expire_sessions()
    house.sim.faults.add(path="", mutate=seed, times=None)
    await hass.config_entries.async_setup(house.entry.entry_id)
    await house.live(900)

    defects = _defects(caplog)
    assert defects == []
    assert house.sim.sign_ins <= 5
    assert hass.config_entries.async_entries(DOMAIN)


async def test_a_hole_in_the_site_settings_takes_no_battery_away(home: House) -> None:
    home.sim.faults.add(path="siteSettings", body={"data": {"timezone": "../../etc", "hasEncharge": "perhaps"}}, times=None)
    await home.live(3700)
    assert home.site_state("number", "reserve").state == "20.0"
    assert home.site_state("sensor", "state_of_charge").state != "unavailable"


async def test_a_battery_that_was_denied_once_is_back_soon(home: House) -> None:
    home.sim.faults.add(path="siteSettings", body={"data": {"hasEncharge": False}})
    await home.live(1900)
    assert home.site_state("sensor", "state_of_charge").state == "unavailable"
    await home.live(1900)
    assert home.site_state("sensor", "state_of_charge").state != "unavailable"
