"""The logbook's lines about the battery, as the front end reads them."""

from datetime import timedelta

from homeassistant.components.recorder import Recorder
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import BatteryHouseBuilder


@pytest.fixture(autouse=True)
def _with_integration(
    recorder_mock: Recorder, enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]
) -> None:
    """The recorder comes before everything else."""


async def test_the_logbook_shows_the_sentence(build_battery_house: BatteryHouseBuilder, hass_ws_client: WebSocketGenerator) -> None:
    house = await build_battery_house()
    assert await async_setup_component(house.hass, "logbook", {})
    began = dt_util.utcnow()
    house.add_hold()
    house.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    entity_id = house.site_entity_id("switch", "restrict_battery_discharge")
    await house.lived_through(house.call("switch", "turn_on", entity_id=entity_id))
    await house.pass_time(minutes=5)
    await async_wait_recording_done(house.hass)

    client = await hass_ws_client()
    end = dt_util.utcnow() + timedelta(minutes=1)
    entities = [house.site_entity_id("event", "battery_changes")]
    period = {"start_time": began.isoformat(), "end_time": end.isoformat()}
    await client.send_json({"id": 1, "type": "logbook/get_events", **period, "entity_ids": entities})
    lines = [(line["name"], line["message"]) for line in (await client.receive_json())["result"] if "message" in line]

    assert ("Battery", "Charge from grid schedule 20:00\u201305:00 put back") in lines
