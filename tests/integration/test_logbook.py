"""The logbook's lines about charger and battery, as the front end reads them: Home Assistant writes one for each event, ours say more."""

from datetime import datetime, timedelta

from homeassistant.components.recorder import Recorder
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator

from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import BatteryHouseBuilder
from tests.integration.house import House, HouseBuilder


@pytest.fixture(autouse=True)
def _with_integration(
    recorder_mock: Recorder, enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]
) -> None:
    """The recorder comes before everything else."""


async def _lines(house: House, client: MockHAClientWebSocket, began: datetime, entity_id: str) -> list[str]:
    """Return what the page of a device shows of its event entity: the type of an event, or a sentence."""
    await async_wait_recording_done(house.hass)
    entry = er.async_get(house.hass).async_get(entity_id)
    assert entry is not None
    period = {"start_time": began.isoformat(), "end_time": (dt_util.utcnow() + timedelta(minutes=1)).isoformat()}
    await client.send_json_auto_id({"type": "logbook/get_events", **period, "entity_ids": [entity_id], "device_ids": [entry.device_id]})
    lines = (await client.receive_json())["result"]
    return [line.get("message") or line["attributes"]["event_type"] for line in lines]


async def test_each_event_of_a_charger_is_one_line(build_house: HouseBuilder, hass_ws_client: WebSocketGenerator) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"start_ignored": True}))
    assert await async_setup_component(house.hass, "logbook", {})
    began = dt_util.utcnow()
    await house.call("button", "press", entity_id=house.entity_id("button", "start_charging"))
    await house.live(120)
    house.sim.charger().unplug()
    await house.live(61)

    lines = await _lines(house, await hass_ws_client(), began, house.entity_id("event", "session"))

    assert lines == ["start_failed", "unplugged"]


async def test_the_logbook_shows_the_sentence_where_it_says_more(
    build_battery_house: BatteryHouseBuilder, hass_ws_client: WebSocketGenerator
) -> None:
    house = await build_battery_house()
    assert await async_setup_component(house.hass, "logbook", {})
    began = dt_util.utcnow()
    house.add_hold()
    house.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    entity_id = house.site_entity_id("switch", "restrict_battery_discharge")
    await house.lived_through(house.call("switch", "turn_on", entity_id=entity_id))
    await house.pass_time(minutes=5)

    lines = await _lines(house, await hass_ws_client(), began, house.site_entity_id("event", "battery_changes"))

    assert sorted(lines) == ["Charge from grid schedule 20:00\u201305:00 put back", "applied", "put_back"]
