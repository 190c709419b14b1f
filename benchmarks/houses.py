"""Houses for benchmarks: a real Home Assistant with the integration in this process, against the simulator over real sockets.

The clock is moved from timer to timer, so hours pass in seconds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import os
from unittest.mock import patch

import aiohttp
from freezegun.api import FrozenDateTimeFactory
from homeassistant import loader
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import async_test_home_assistant, mock_storage

# Home Assistant finds a custom integration only where it can be imported.
import custom_components.enphase_ev  # noqa: F401 - for its effect, see above
from custom_components.enphase_ev.accounts import _REGISTRY
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
from simulator import Simulator
from simulator.gateway_inside import Role
from simulator.hardware import SINGLE_PHASE_32, ChargerProfile
from simulator.world import add_battery
from tests.integration.battery_house import BatteryHouse
from tests.integration.house import entry_of, gateway_options, sign_in


@dataclass(frozen=True)
class Plan:
    """What an account has: so many further sites as copies of the scenario's first one; whether the owner has named the gateway."""

    title: str
    scenario: str
    sites: int = 1
    names_gateway: bool = False


@asynccontextmanager
async def home_assistant() -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant that may use custom integrations and keeps its files in memory."""
    # Names are looked up by the system, not by asking around on the local network.
    with mock_storage(), patch("homeassistant.helpers.aiohttp_client._async_make_resolver", lambda _: aiohttp.ThreadedResolver()):
        async with async_test_home_assistant() as hass:
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            yield hass
            await hass.async_stop(force=True)


def _copy_site(sim: Simulator, number: int) -> None:
    """Add a site with as many chargers as the first one, and with batteries where that has some."""
    site = sim.world.add_site(str(2000000 + number), f"Site {number}", time_zone="Australia/Melbourne", country="AU")
    for charger in range(len(sim.site.chargers)):
        site.add_charger(ChargerProfile(serial=f"EV9{number:02d}{charger:09d}", name=f"Charger {charger}", hardware=SINGLE_PHASE_32))
    if sim.site.battery is not None:
        add_battery(sim.world, site)
    sim.account.site_ids.append(site.id)


@asynccontextmanager
async def signed_in(plan: Plan, freezer: FrozenDateTimeFactory) -> AsyncIterator[BatteryHouse]:
    """Sign in through the forms, as a person does, while nothing charges, and add all sites at once; unload them afterwards."""
    async with Simulator(plan.scenario, gateway=plan.names_gateway) as sim, home_assistant() as hass:
        for charger in sim.site.chargers.values():
            if charger.charging:
                charger.stop()
        for number in range(1, plan.sites):
            _copy_site(sim, number)
        os.environ[URL_VARIABLE] = sim.url
        house = BatteryHouse(hass, sim, await sign_in(hass, sim), freezer)
        if plan.names_gateway:
            sim.gateway.switches.role = Role.OWNER
            hass.config_entries.async_update_entry(house.entry, options=gateway_options(sim))
            await house.lived_through(hass.config_entries.async_reload(house.entry.entry_id))
        for site_id in sim.account.site_ids[1:]:
            entry = entry_of(sim, site_id)
            entry.add_to_hass(hass)
            await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        yield house
        await _unload_all(house)


async def _unload_all(house: BatteryHouse) -> None:
    for entry in house.hass.config_entries.async_entries(DOMAIN):
        await house.lived_through(house.hass.config_entries.async_unload(entry.entry_id))


async def restart(house: BatteryHouse) -> None:
    """Unload all sites, forget what is in memory, and load them from what was stored."""
    await _unload_all(house)
    house.skip(hours=1 / 60)
    house.hass.data.pop(_REGISTRY)
    for entry in house.hass.config_entries.async_entries(DOMAIN):
        await house.lived_through(house.hass.config_entries.async_setup(entry.entry_id))
