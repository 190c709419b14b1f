"""Several sites of one account: one sign-in, one renewal, and each site on its own."""

import asyncio
from collections.abc import Callable

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.hardware import SINGLE_PHASE_32, ChargerProfile
from tests.integration.house import CloudBuilder, entry_of, live


def _build_sites(sim: Simulator, count: int) -> None:
    """Give the account so many sites with a charger each."""
    for number in range(len(sim.world.sites), count):
        site = sim.world.add_site(str(2000000 + number), f"Site {number}", time_zone="Australia/Melbourne", country="AU")
        site.add_charger(ChargerProfile(serial=f"EV9{number:011d}", name=f"Charger {number}", hardware=SINGLE_PHASE_32))
        sim.account.site_ids.append(site.id)


async def _set_up_all(hass: HomeAssistant, sim: Simulator, **data: object) -> list[MockConfigEntry]:
    """Set up all sites of the account at once, as a start of Home Assistant does."""
    entries = [entry_of(sim, site_id, **data) for site_id in sim.account.site_ids]
    for entry in entries:
        entry.add_to_hass(hass)
    # The first one brings up the integration, and with it all the others.
    await hass.config_entries.async_setup(entries[0].entry_id)
    await hass.async_block_till_done()
    return entries


async def test_ten_sites_start_with_one_sign_in(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    _build_sites(sim, 10)

    entries = await _set_up_all(hass, sim)

    assert [entry.state for entry in entries] == [ConfigEntryState.LOADED] * 10
    assert sim.sign_ins == 1
    assert sim.count("token") == 1
    assert len({id(entry.runtime_data.account) for entry in entries}) == 1


async def test_ten_sites_with_a_wrong_password_send_it_once(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    _build_sites(sim, 10)

    entries = await _set_up_all(hass, sim, password="wrong")

    assert [entry.state for entry in entries] == [ConfigEntryState.SETUP_ERROR] * 10
    assert sim.sign_ins == 1
    assert not sim.account.locked


@pytest.mark.parametrize(("die", "sign_ins"), [(Simulator.expire_sessions, 2), (Simulator.expire_tokens, 1)], ids=["session", "tokens"])
async def test_what_dies_is_renewed_once_for_all(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory, die: Callable[[Simulator], None], sign_ins: int
) -> None:
    sim = await build_cloud("multi_site")
    sim.world.deployment.reads_need_access_token = True
    entries = await _set_up_all(hass, sim)
    await live(hass, freezer, 3600)
    die(sim)
    sim.requests.clear()

    await asyncio.gather(*(entry.runtime_data.chargers.async_refresh() for entry in entries))

    assert all(entry.runtime_data.chargers.last_update_success for entry in entries)
    assert sim.sign_ins == sign_ins
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_one_site_that_fails_leaves_the_others_alone(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    sim.faults.add(path=f"/{sim.account.site_ids[1]}/", status=503, times=None)

    entries = await _set_up_all(hass, sim)

    assert [entry.state for entry in entries] == [ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY, ConfigEntryState.LOADED]
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_the_account_closes_with_its_last_site(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    entries = await _set_up_all(hass, sim)
    transport = entries[0].runtime_data.account.transport

    for entry in entries[:2]:
        await hass.config_entries.async_unload(entry.entry_id)
    await entries[2].runtime_data.chargers.async_refresh()
    assert entries[2].runtime_data.chargers.last_update_success
    await hass.config_entries.async_unload(entries[2].entry_id)

    assert transport._session.closed  # noqa: SLF001 - whether it is closed is told nowhere else
