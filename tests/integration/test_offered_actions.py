"""Which actions the automation editor offers on which device: asked of the editor's own command, as the front end does."""

from homeassistant.components.websocket_api.automation import async_get_triggers_for_target
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House, HouseBuilder

OF_THE_ACCOUNT = {"start_live_stream", "stop_live_stream", "clear_reauth_issue"}
OF_A_CHARGER = {
    *("start_charging", "stop_charging", "trigger_message", "get_charging_sessions"),
    *("get_charging_schedules", "add_charging_schedule", "import_history", "update_charging_schedule", "delete_charging_schedule"),
}
OF_THE_BATTERY = {
    *("get_battery_schedules", "add_battery_schedule", "update_battery_schedule", "delete_battery_schedule", "validate_battery_schedule"),
    *("export_battery_schedules", "import_battery_schedules", "restore_battery_schedules"),
    *("set_battery_override", "clear_battery_override", "restrict_battery_discharge"),
}


@pytest.fixture
async def home(build_house: HouseBuilder) -> House:
    """Two chargers and two batteries."""
    house = await build_house("home")
    await house.live(240)
    return house


def _device(home: House, identifier: str) -> str:
    device = dr.async_get(home.hass).async_get_device_by_identifier((DOMAIN, identifier), home.entry.entry_id)
    assert device is not None
    return device.id


async def _offered(home: House, hass_ws_client: WebSocketGenerator, device_id: str) -> set[str]:
    """Return the actions of ours that the automation editor offers on a device."""
    assert await async_setup_component(home.hass, "websocket_api", {})
    client = await hass_ws_client(home.hass)
    await client.send_json_auto_id({"type": "get_services_for_target", "target": {"device_id": [device_id]}})
    answer = await client.receive_json()
    assert answer["success"], answer
    return {name.removeprefix(f"{DOMAIN}.") for name in answer["result"] if name.startswith(f"{DOMAIN}.")}


async def test_the_site_is_offered_what_is_the_accounts(home: House, hass_ws_client: WebSocketGenerator) -> None:
    assert await _offered(home, hass_ws_client, _device(home, home.sim.site.id)) == OF_THE_ACCOUNT


async def test_a_charger_is_offered_its_own_and_the_live_stream(home: House, hass_ws_client: WebSocketGenerator) -> None:
    for serial in home.sim.site.chargers:
        assert await _offered(home, hass_ws_client, _device(home, serial)) == OF_A_CHARGER | OF_THE_ACCOUNT


async def test_the_battery_is_offered_its_own(home: House, hass_ws_client: WebSocketGenerator) -> None:
    assert await _offered(home, hass_ws_client, _device(home, f"{home.sim.site.id}_battery")) == OF_THE_BATTERY


async def test_a_single_battery_is_offered_nothing(all_entities_enabled: None, home: House, hass_ws_client: WebSocketGenerator) -> None:
    for unit in home.sim.battery.units:
        assert await _offered(home, hass_ws_client, _device(home, unit.serial)) == set()


async def test_what_a_charger_offers_for_its_class(home: House) -> None:
    """The class costs a wrong word, "battery started charging", and no trigger has a right one; blueprints that people have go by it."""
    assert await async_setup_component(home.hass, "battery", {})
    device = {"device_id": [_device(home, home.sim.charger().serial)]}

    offered = await async_get_triggers_for_target(home.hass, device, expand_group=False)

    assert {name for name in offered if "charging" in name} == {"battery.started_charging", "battery.stopped_charging"}
    assert home.state("binary_sensor", "charging").attributes["device_class"] == "battery_charging"


async def test_every_action_is_offered_somewhere(home: House) -> None:
    registered = set(home.hass.services.async_services_for_domain(DOMAIN))
    assert registered == OF_THE_ACCOUNT | OF_A_CHARGER | OF_THE_BATTERY


async def test_an_action_takes_devices_that_it_is_not_offered_on(home: House) -> None:
    """The offers are for the editor; automations that name another device of the site go on working."""
    site, single = home.sim.site.id, home.sim.battery.units[0].serial
    for identifier in (site, f"{site}_battery", single, home.sim.charger().serial):
        answer = await home.ask("get_battery_schedules", device_id=_device(home, identifier))
        assert answer["sites"], identifier
