"""Diagnostics hold what helps, and nothing that is personal."""

import json

from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.enphase_ev import diagnostics
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import one_in

# What all addresses of interfaces begin with in the simulated cloud.
_MAC = "00:00:5e:00:53:"


async def _download(house: House) -> tuple[dict[str, object], str]:
    """Return the diagnostics of the entry, and everything that can be downloaded as text."""
    entry = house.entry
    of_entry = await diagnostics.async_get_config_entry_diagnostics(house.hass, entry)
    text = json.dumps(of_entry, cls=ExtendedJSONEncoder)
    return of_entry, text


@pytest.mark.parametrize("scenario", one_in(2, ["two_chargers", "legacy_status", "map_status", "green_site", "old_forms"]))
async def test_nothing_personal(sign_in_house: HouseBuilder, scenario: str) -> None:
    house = await sign_in_house(scenario)
    charger = house.sim.charger()
    charger.plug_in()
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(3600)
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    await house.live(61)

    _, text = await _download(house)

    personal = house.sim.secrets() | {house.sim.site.id, house.sim.site.name, charger.profile.name, charger.profile.address, _MAC}
    assert [value for value in personal if str(value) in text] == []


async def test_they_hold_what_helps(house: House) -> None:
    await house.live(61)

    found, _ = await _download(house)

    entry, account, coordinator = found["entry"], found["account"], found["coordinator"]
    assert isinstance(entry, dict)
    assert isinstance(account, dict)
    assert isinstance(coordinator, dict)
    assert entry["data"]["email"] == REDACTED
    assert entry["unique_id"] == REDACTED
    assert account["requests_total"]["status"] >= 2
    assert account["requests_last_hour"]["status"] >= 2
    assert coordinator["last_exception"] is None
    (charger,) = found["chargers"]  # type: ignore[misc]  # a list of one
    assert charger["status"]["serial"] == REDACTED
    assert charger["status"]["connector_status"] == "PREPARING"
    assert charger["summary"]["limits"] == {"min": 6.0, "max": 32.0, "step": 1.0}


async def test_they_can_be_had_in_an_outage(house: House) -> None:
    await house.sim.stop()
    await house.live(600)

    found, text = await _download(house)

    coordinator = found["coordinator"]
    assert isinstance(coordinator, dict)
    assert coordinator["last_exception"] == "UpdateFailed"
    assert not [value for value in house.sim.secrets() if value in text]


async def test_of_a_charger_with_everything(hass: HomeAssistant, build_house: HouseBuilder) -> None:
    house = await build_house("green_site")
    await house.live(300)
    device = dr.async_get(hass).async_get(house.device_id())
    assert isinstance(device, dr.DeviceEntry)

    found = await diagnostics.async_get_device_diagnostics(hass, house.entry, device)

    text = json.dumps(found, cls=ExtendedJSONEncoder)
    details = found["charger"]["details"]
    assert [slot["type"] for slot in details["slots"]] == ["CUSTOM", "OFF_PEAK"]
    assert details["configuration"] == {"phase_switch_config": "auto"}
    assert details["battery_help"] is True
    assert details["features"] == ["evse_authentication", "iqevse_rfid", "phase_config_support"]
    assert details["firmware"]["installed"] == details["firmware"]["target"] == "25.37.1.14"
    assert details["last_session"]["energy"] > 0
    charger = house.sim.charger()
    personal = {
        *house.sim.secrets(),
        charger.serial,
        charger.profile.name,
        charger.profile.address,
        charger.slots[0].id,
        house.sim.site.id,
        _MAC,
    }
    assert not [value for value in personal if value in text]


async def test_of_the_site_itself(hass: HomeAssistant, house: House) -> None:
    device = dr.async_get(hass).async_get_device_by_identifier(("enphase_ev", house.sim.site.id), house.entry.entry_id)
    assert isinstance(device, dr.DeviceEntry)

    found = await diagnostics.async_get_device_diagnostics(hass, house.entry, device)

    assert len(found["chargers"]) == 1


async def test_of_a_charger(hass: HomeAssistant, house: House) -> None:
    device = dr.async_get(hass).async_get(house.device_id())
    assert isinstance(device, dr.DeviceEntry)

    found = await diagnostics.async_get_device_diagnostics(hass, house.entry, device)

    text = json.dumps(found, cls=ExtendedJSONEncoder)
    assert found["charger"]["status"]["is_plugged_in"] is True
    assert not [value for value in house.sim.secrets() if value in text]
