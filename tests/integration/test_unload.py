"""Unloading and removing leave nothing behind."""

import asyncio

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HassJob, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House, HouseBuilder, entry_of, sign_in


def _our_timers(hass: HomeAssistant) -> list[str]:
    """Return the timers that are still going to call something of ours, or to write one of our files."""
    timers = [timer for timer in get_scheduled_timer_handles(hass.loop) if not timer.cancelled()]
    jobs = [repr([arg.target if isinstance(arg, HassJob) else arg for arg in timer._args or ()]) for timer in timers]  # noqa: SLF001 - a timer tells what it is for nowhere else
    return [f"{timer!r} {job}" for timer, job in zip(timers, jobs, strict=True) if "enphase" in f"{timer!r} {job}".lower()]


async def test_unloading_leaves_no_timer_and_no_connection(house: House) -> None:
    account = house.entry.runtime_data.account
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=10)
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.ask("start_live_stream", device_id=house.device_id())

    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await house.hass.async_block_till_done()

    assert house.entry.state is ConfigEntryState.NOT_LOADED
    assert _our_timers(house.hass) == []
    for session in (account.transport._session, account.transport._write_session):  # noqa: SLF001 - whether it is closed is told nowhere else
        assert session.closed
    house.sim.requests.clear()
    await house.live(3600)
    assert house.sim.count() == 0


async def test_unloading_in_an_outage_leaves_no_timer(house: House) -> None:
    await house.sim.stop()
    await house.live(70)

    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await house.hass.async_block_till_done()

    assert _our_timers(house.hass) == []


async def test_unloading_while_the_cloud_is_being_asked(house: House, caplog: pytest.LogCaptureFixture) -> None:
    rule = house.sim.faults.add(path="ev_chargers/status", delay=5.0)
    await house.live(58)
    house.freezer.tick(3)
    for _ in range(100):
        await asyncio.sleep(0)
    assert rule.used == 1

    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await house.live(60)

    assert house.entry.state is ConfigEntryState.NOT_LOADED
    assert _our_timers(house.hass) == []
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


async def test_reloading_leaves_nothing_that_listens(build_house: HouseBuilder) -> None:
    house = await build_house("home")
    before = dict(house.hass.bus.async_listeners())
    for _ in range(3):
        await house.hass.config_entries.async_reload(house.entry.entry_id)
        await house.hass.async_block_till_done()
    after = house.hass.bus.async_listeners()
    assert {name: count for name, count in after.items() if count > before.get(name, 0)} == {}


async def test_entities_are_unavailable_and_come_back(house: House) -> None:
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert house.state("sensor", "status").state == "unavailable"

    await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.hass.async_block_till_done()

    assert house.state("sensor", "status").state == "plugged_in"


@pytest.mark.parametrize("seconds", [0, 100], ids=["at once", "later"])
async def test_removing_the_last_site_removes_every_file(house: House, hass_storage: dict[str, object], seconds: float) -> None:
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=10)
    await house.live(seconds)

    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.live(300)

    assert [key for key in hass_storage if key.startswith(DOMAIN)] == []
    assert not dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    assert not er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)


async def test_removing_one_of_two_sites_keeps_the_session(
    build_house: HouseBuilder, hass: HomeAssistant, hass_storage: dict[str, object]
) -> None:
    house = await build_house("multi_site")
    other = entry_of(house.sim, "1234568")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)

    await hass.config_entries.async_remove(house.entry.entry_id)
    await house.live(100)
    await hass.config_entries.async_reload(other.entry_id)

    assert other.state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 1
    assert any(key.startswith(f"{DOMAIN}.account.") for key in hass_storage)
    assert f"{DOMAIN}.site.{house.entry.entry_id}" not in hass_storage


async def test_a_site_can_be_removed_and_added_again(build_house: HouseBuilder, hass: HomeAssistant) -> None:
    house = await build_house()
    await hass.config_entries.async_remove(house.entry.entry_id)

    entry = await sign_in(hass, house.sim)

    assert entry.state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 2
