"""The devices of a home with chargers and batteries, over restarts and choices."""

from homeassistant.helpers import device_registry as dr, issue_registry as ir

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
