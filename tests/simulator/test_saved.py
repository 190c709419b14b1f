"""A world that was written down goes on where it stopped, which ``python -m simulator --state FILE`` and the demo rest on."""

from pathlib import Path

import aiohttp
from freezegun import freeze_time
import pytest

from simulator import SCENARIOS, Simulator
from simulator.clock import Clock
from simulator.saved import load, save
from simulator.scenarios import build_world


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_every_world_goes_on(scenario: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "world"
    with freeze_time("2026-05-20T03:10:00Z") as freezer:
        world = build_world(scenario, Clock(60), 0)
        freezer.tick(60)
        save(world, path)
        moment = world.clock.time()
        freezer.tick(86400)
        found = load(path, scenario)
        assert found is not None
        # The night in between has not passed there.
        assert found.clock.time() == pytest.approx(moment)
        freezer.tick(1)
        assert found.clock.time() == pytest.approx(moment + 60)
        assert list(found.sites) == list(world.sites)
        assert [one.email for one in found.accounts] == [one.email for one in world.accounts]
        found.settle()


def test_what_was_changed_is_kept(tmp_path: Path) -> None:
    world = build_world("home", Clock(60), 0)
    charger = world.find_charger()
    assert charger is not None
    battery = next(site.battery for site in world.sites.values() if site.battery)
    charger.stop()
    battery.settings.reserve = 37
    save(world, tmp_path / "world")
    found = load(tmp_path / "world", "home")
    assert found is not None
    again = found.find_charger(charger.serial)
    assert again is not None
    assert (again.charging, again.lifetime_wh) == (False, charger.lifetime_wh)
    assert next(site.battery.settings.reserve for site in found.sites.values() if site.battery) == 37


async def test_a_cloud_that_was_in_use_is_kept(socket_enabled: None, tmp_path: Path) -> None:
    """With brokers that listen to the battery, and a start that waits for a charger."""
    async with (
        Simulator("home", mqtt=True, live=True, gateway=True, grid_services=True, speed=60) as sim,
        aiohttp.ClientSession(sim.url) as session,
    ):
        async with session.get("/_sim/state") as answer:
            assert answer.ok
        sim.charger().go_offline()
        sim.charger().queue(sim.charger().stop)
    save(sim.world, tmp_path / "world")
    world = load(tmp_path / "world", "home")
    assert world is not None
    async with Simulator("home", mqtt=True, live=True, gateway=True, grid_services=True, world=world) as again:
        assert not again.charger().online
        assert again.listeners == 0
        async with aiohttp.ClientSession(again.url) as session, session.get("/_sim/state") as answer:
            assert answer.ok


def test_what_is_not_of_this_scenario_or_simulator_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "world"
    assert load(path, "home") is None
    save(build_world("home", Clock(), 0), path)
    assert load(path, "two_chargers") is None
    path.write_bytes(bytes(32) + path.read_bytes()[32:])
    assert load(path, "home") is None
