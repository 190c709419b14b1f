"""An account never sends more than 480 requests in any hour, whatever it has and whatever automations do (docs/cloud-api/README.md)."""

from bisect import bisect_left
from datetime import timedelta
import logging

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import MOST_PER_HOUR
from simulator import Simulator
from simulator.hardware import SINGLE_PHASE_32, ChargerProfile
from simulator.world import add_battery
from tests.integration.house import CloudBuilder, House, HouseBuilder, entry_of, live

_HOUR = 3600


def _busiest_hour(sim: Simulator) -> int:
    """The most requests that the cloud saw within 60 minutes."""
    times = sorted(request.at for request in sim.requests)
    return max(number + 1 - bisect_left(times, at - timedelta(hours=1)) for number, at in enumerate(times))


def _notes(hass: HomeAssistant) -> list[ir.IssueEntry]:
    return [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN and issue.translation_key == "request_ceiling"]


async def _five_sites(hass: HomeAssistant, sim: Simulator, chargers: int) -> None:
    """Set up five sites of one account, each with so many chargers and with batteries."""
    for number in range(len(sim.world.sites), 5):
        site = sim.world.add_site(str(2000000 + number), f"Site {number}", time_zone="Australia/Melbourne", country="AU")
        sim.account.site_ids.append(site.id)
    for number, site in enumerate(sim.world.sites.values()):
        for charger in range(len(site.chargers), chargers):
            site.add_charger(ChargerProfile(serial=f"EV9{number:02d}{charger:09d}", name=f"Charger {charger}", hardware=SINGLE_PHASE_32))
        add_battery(sim.world, site)
    entries = [entry_of(sim, site_id) for site_id in sim.account.site_ids]
    for entry in entries:
        entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entries[0].entry_id)
    await hass.async_block_till_done()


async def test_one_home_is_never_slowed_down(build_house: HouseBuilder) -> None:
    house = await build_house("home")

    await house.live(2 * _HOUR)

    assert _busiest_hour(house.sim) <= 280
    assert house.entry.runtime_data.account.budget.pace == 1
    assert not _notes(house.hass)


async def test_fifty_chargers_stay_below(build_house: HouseBuilder) -> None:
    house = await build_house("fifty_chargers")

    await house.live(1.25 * _HOUR)

    assert _busiest_hour(house.sim) <= MOST_PER_HOUR
    assert all(house.state("sensor", "status", charger).state != "unavailable" for charger in house.sim.site.chargers.values())


async def test_five_sites_are_slowed_down_alike_and_it_is_said_once(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory
) -> None:
    sim = await build_cloud("multi_site")
    await _five_sites(hass, sim, chargers=10)

    await live(hass, freezer, 3 * _HOUR)

    assert 400 <= _busiest_hour(sim) <= MOST_PER_HOUR
    since = sim.clock.now() - timedelta(hours=1)
    polls = [
        sum(request.path.endswith(f"/{site_id}/ev_chargers/status") and request.at > since for request in sim.requests)
        for site_id in sim.account.site_ids
    ]
    assert min(polls) >= 12
    assert max(polls) <= 1.2 * min(polls)
    unavailable = [state.entity_id for state in hass.states.async_all("sensor") if state.state == "unavailable"]
    assert unavailable == []
    (note,) = _notes(hass)
    assert note.translation_placeholders is not None
    assert note.translation_placeholders["sites"].count(",") == 4

    for entry in hass.config_entries.async_entries(DOMAIN)[1:]:
        await hass.config_entries.async_unload(entry.entry_id)
    await live(hass, freezer, 2 * _HOUR)

    assert not _notes(hass)
    since = sim.clock.now() - timedelta(seconds=1800)
    assert sum(request.path.endswith("ev_chargers/status") and request.at > since for request in sim.requests) == 30


async def _hammer(house: House, seconds: int) -> tuple[int, int]:
    """Let an automation start and stop every 5 s; return how many of its commands were sent, and how many refused."""
    sent = refused = 0
    for number in range(seconds // 5):
        service = "turn_off" if number % 2 else "turn_on"
        try:
            await house.call("switch", service, entity_id=house.entity_id("switch", "charging"))
            sent += 1
        except HomeAssistantError as err:
            refused += err.translation_key == "request_ceiling"
        await house.live(5)
    return sent, refused


async def test_an_automation_that_hammers_is_stopped_and_it_is_said(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.live(_HOUR)

    sent, refused = await _hammer(house, 2 * _HOUR)

    assert _busiest_hour(house.sim) <= MOST_PER_HOUR
    # Commands go first, and leave a few polls.
    assert sent >= 550
    assert sent + refused == 2 * _HOUR // 5
    since = house.sim.clock.now() - timedelta(hours=1)
    assert sum(request.path.endswith("ev_chargers/status") and request.at > since for request in house.sim.requests) >= 10
    assert len(_notes(house.hass)) == 1

    await house.live(2.5 * _HOUR)
    assert house.state("switch", "charging").state != "unavailable"

    assert not _notes(house.hass)
    assert house.entry.runtime_data.account.budget.pace == 1
    assert house.state("sensor", "status").state != "unavailable"
    # Not one line for each poll that was left out.
    assert len([line for line in caplog.records if line.name.startswith("custom_components") and line.levelno >= logging.WARNING]) < 5


async def test_polls_leave_room_for_commands(house: House) -> None:
    for _ in range(1000):
        await house.entry.runtime_data.chargers.async_refresh()
        house.freezer.tick(1)

    assert _busiest_hour(house.sim) <= 420 + 2
    before = len(house.sim.requests)
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    assert [request.path.rpartition("/")[2] for request in house.sim.requests[before:]] == ["start_charging"]


@pytest.mark.parametrize("gap", [20, 120])
async def test_restarts_do_not_make_it_forget(build_house: HouseBuilder, gap: int) -> None:
    house = await build_house("battery_site")

    for _ in range(2 * _HOUR // gap):
        await house.restart(after=gap)
        # Whether it comes up at once or a little later is not the point here.
        assert house.entry.state in {ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY}

    assert _busiest_hour(house.sim) <= MOST_PER_HOUR
    assert house.sim.sign_ins == 1
