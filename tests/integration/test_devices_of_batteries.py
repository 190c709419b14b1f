"""The devices of a home with chargers and batteries, over restarts and choices."""

from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, DOMAIN
from tests.integration.house import House, HouseBuilder


def _identifiers(house: House) -> set[str]:
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    return {identifier for device in devices for _, identifier in device.identifiers}


async def test_batteries_are_still_there_hours_after_a_restart(build_house: HouseBuilder) -> None:
    house = await build_house("home")
    before = _identifiers(house)
    assert len(before) == 1 + 2 + 1 + 2

    await house.restart()
    await house.live(2 * 3600)

    assert _identifiers(house) == before
    assert not [issue for issue in ir.async_get(house.hass).issues.values() if issue.domain == DOMAIN]


async def test_a_charger_that_is_not_wanted_any_more_loses_its_device(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    wanted, left_out = house.sim.site.chargers
    assert {wanted, left_out} <= _identifiers(house)

    choice = {CONF_CHARGERS: [wanted], CONF_DECLINED: [left_out], CONF_FOLLOWS_ACCOUNT: False}
    house.hass.config_entries.async_update_entry(house.entry, data={**house.entry.data, **choice})
    await house.restart()

    assert left_out not in _identifiers(house)
    assert wanted in _identifiers(house)


async def test_a_person_can_remove_what_is_gone_and_nothing_that_is_there(
    build_house: HouseBuilder, hass_ws_client: WebSocketGenerator
) -> None:
    house = await build_house("home")
    assert await async_setup_component(house.hass, "config", {})
    client = await hass_ws_client(house.hass)
    devices = dr.async_get(house.hass)
    there = _identifiers(house)
    devices.async_get_or_create(config_entry_id=house.entry.entry_id, identifiers={(DOMAIN, "gone")})

    for device in dr.async_entries_for_config_entry(devices, house.entry.entry_id):
        answer = await client.remove_device(device.id)
        assert answer["success"] is (device.identifiers == {(DOMAIN, "gone")})

    assert _identifiers(house) == there
