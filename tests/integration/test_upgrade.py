"""An upgrade from each earlier release: Home Assistant starts from what that release has left on the disk of a real one."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
)
import pytest

from custom_components.enphase_ev.const import DOMAIN, ENTRY_VERSION
from simulator import Simulator
from tests.integration.house import CloudBuilder, House

RELEASES = sorted((Path(__file__).parents[1] / "fixtures" / "releases").glob("*.json"))
# After a snapshot, so that its tokens have run out and its cookie has not.
_A_DAY_LATER = timedelta(days=1, hours=1)


@pytest.fixture
def load_registries() -> bool:
    """They come from the snapshot."""
    return False


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def files(request: pytest.FixtureRequest, hass_storage: dict[str, Any]) -> dict[str, Any]:
    """The disk, before there is a Home Assistant."""
    hass_storage.update(json.loads(request.param.read_text(encoding="utf-8")))
    return hass_storage


@pytest.fixture(autouse=True)
async def _with_integration(
    files: dict[str, Any], hass: HomeAssistant, enable_custom_integrations: None, socket_enabled: None, freezer: FrozenDateTimeFactory
) -> None:
    """Load what Home Assistant loads at its start."""
    (account,) = (content["data"] for name, content in files.items() if name.startswith(f"{DOMAIN}.account."))
    freezer.move_to(datetime.fromisoformat(account["signed_in_at"]) + _A_DAY_LATER)
    await hass.config_entries.async_initialize()
    dr.async_setup(hass)
    for registry in (ar, dr, er, fr, ir, lr):
        await registry.async_load(hass)


@pytest.fixture
async def sim(files: dict[str, Any], build_cloud: CloudBuilder) -> AsyncIterator[Simulator]:
    """The cloud on the next day; the session of the snapshot lives."""
    sim = await build_cloud("home")
    (account,) = (content["data"] for name, content in files.items() if name.startswith(f"{DOMAIN}.account."))
    session = sim.world.doorkeeper.open_session(sim.account)
    account["cookies"] = [f"_enlighten_4_session={session.cookie}; Path=/"]
    return sim


def _before(files: dict[str, Any], name: str, items: str) -> list[dict[str, Any]]:
    return files[name]["data"][items]


async def _start(hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory) -> House:
    entry: ConfigEntry
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    return House(hass, sim, entry, freezer)


async def test_nobody_is_asked(hass: HomeAssistant, sim: Simulator, files: dict[str, Any], freezer: FrozenDateTimeFactory) -> None:
    (before,) = _before(files, "core.config_entries", "entries")

    house = await _start(hass, sim, freezer)

    assert sim.sign_ins == 0
    assert hass.config_entries.flow.async_progress() == []
    assert [issue for domain, issue in ir.async_get(hass).issues if domain == DOMAIN] == []
    assert house.entry.version == ENTRY_VERSION
    assert dict(house.entry.data) == before["data"]
    assert (house.entry.unique_id, house.entry.title) == (before["unique_id"], before["title"])


# Entities whose unique ids were changed since, and to what.
_RENAMED = {"BT0000000001_power": "BT0000000001_available_power", "BT0000000002_power": "BT0000000002_available_power"}


async def test_every_entity_stays(hass: HomeAssistant, sim: Simulator, files: dict[str, Any], freezer: FrozenDateTimeFactory) -> None:
    before = _before(files, "core.entity_registry", "entities")
    kept = ("entity_id", "name", "disabled_by", "device_id")

    await _start(hass, sim, freezer)

    registry = er.async_get(hass)
    for entity in before:
        platform = entity["entity_id"].partition(".")[0]
        entity_id = registry.async_get_entity_id(platform, DOMAIN, _RENAMED.get(entity["unique_id"], entity["unique_id"]))
        assert entity_id == entity["entity_id"], entity["unique_id"]
        now = registry.async_get(entity_id)
        assert now is not None
        assert {key: getattr(now, key) for key in kept} == {key: entity[key] for key in kept}
        if entity["disabled_by"] is None:
            state = hass.states.get(entity_id)
            assert state is not None, entity_id
            assert (state.state, state.attributes.get("restored")) != (STATE_UNAVAILABLE, True), entity_id


async def test_every_device_stays(hass: HomeAssistant, sim: Simulator, files: dict[str, Any], freezer: FrozenDateTimeFactory) -> None:
    before = {device["id"]: device for device in _before(files, "core.device_registry", "devices")}
    kept = ("name_by_user", "area_id")

    house = await _start(hass, sim, freezer)

    now = {device.id: device for device in dr.async_entries_for_config_entry(dr.async_get(hass), house.entry.entry_id)}
    assert set(now) == set(before)
    assert {id_: [getattr(device, key) for key in kept] for id_, device in now.items()} == {
        id_: [device[key] for key in kept] for id_, device in before.items()
    }


async def test_what_was_remembered_stays(
    hass: HomeAssistant, sim: Simulator, files: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    (memory,) = (content["data"] for name, content in files.items() if name.startswith(f"{DOMAIN}.site."))
    remembered = memory["chargers"][sim.charger().serial]

    house = await _start(hass, sim, freezer)

    assert float(house.state("number", "charging_amps").state) == remembered["wished_level"]
    # The simulated charger begins anew with less on its counter than it had: what was shown before is not taken back at a first report.
    assert float(house.state("sensor", "lifetime_energy").state) >= remembered["lifetime"]["value"] / 1000 - 1e-6


async def test_a_restart_after_the_upgrade(
    hass: HomeAssistant, sim: Simulator, files: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    house = await _start(hass, sim, freezer)

    await house.restart()

    assert house.entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 0
