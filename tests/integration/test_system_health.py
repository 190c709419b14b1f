"""System health: how the sites are doing, at a glance."""

from datetime import datetime
from typing import Any

from homeassistant.components.system_health import DOMAIN as SYSTEM_HEALTH
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.conftest import CloudBuilder, entry_of
from tests.integration.house import House


async def _health(hass: HomeAssistant) -> dict[str, Any]:
    assert await async_setup_component(hass, SYSTEM_HEALTH, {})
    await hass.async_block_till_done()
    return await get_system_health_info(hass, DOMAIN)


async def test_a_site_that_is_well(house: House) -> None:
    await house.live(600)

    health = await _health(house.hass)

    assert health["sites"] == "1 / 1"
    assert health["cloud_reachable"] is True
    assert isinstance(health["last_success"], datetime)
    assert health["latency"] >= 0
    assert health["requests_last_hour"] == house.sim.count()
    assert health["session_expires"] > health["last_success"]
    # What it says is named.
    assert not {house.sim.account.email, house.sim.site.id, house.sim.charger().serial} & set(map(str, health.values()))


async def test_an_outage(house: House) -> None:
    before = (await _health(house.hass))["last_success"]
    house.sim.faults.add(status=503, times=None)

    await house.live(120)

    health = await _health(house.hass)
    assert health["cloud_reachable"] is False
    assert health["last_success"] == before


async def test_sites_of_one_account_share_its_requests(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    for site_id in sim.world.sites:
        entry = entry_of(sim, site_id)
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    health = await _health(hass)

    assert health["sites"] == "3 / 3"
    assert health["requests_last_hour"] == sim.count()


async def test_no_site_is_loaded(house: House) -> None:
    await house.hass.config_entries.async_unload(house.entry.entry_id)

    health = await _health(house.hass)

    assert health["sites"] == "0 / 1"
    assert health["cloud_reachable"] is False
    assert health["last_success"] is None
