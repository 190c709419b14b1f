"""The firmware of a charger: shown, and installed by Enphase alone."""

from dataclasses import replace

from homeassistant.components.update import UpdateEntityFeature
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from tests.integration.conftest import HouseBuilder
from tests.integration.house import House


async def test_the_newest_firmware_is_installed(house: House) -> None:
    state = house.state("update", "firmware")

    assert state.state == "off"
    assert state.attributes["installed_version"] == state.attributes["latest_version"] == "25.37.1.14"
    assert state.attributes["auto_update"] is True
    assert state.attributes["supported_features"] == UpdateEntityFeature(0)


async def test_a_firmware_that_is_on_its_way(house: House) -> None:
    charger = house.sim.charger()
    charger.target_firmware = "25.40.2.3"
    await house.reload()
    assert house.state("update", "firmware").state == "on"
    assert house.state("update", "firmware").attributes["latest_version"] == "25.40.2.3"

    charger.profile = replace(charger.profile, firmware="25.40.2.3")
    charger.report()
    await house.reload()

    assert house.state("update", "firmware").state == "off"
    device = dr.async_get(house.hass).async_get(house.device_id())
    assert isinstance(device, dr.DeviceEntry)
    assert device.sw_version == "25.40.2.3"


async def test_the_device_shows_new_firmware_as_soon_as_the_charger_is_back(house: House) -> None:
    charger = house.sim.charger()

    charger.go_offline()
    await house.live(61)
    charger.profile = replace(charger.profile, firmware="25.40.2.3", name="Garage")
    charger.come_back()
    await house.live(61)

    device = dr.async_get(house.hass).async_get(house.device_id())
    assert isinstance(device, dr.DeviceEntry)
    assert (device.sw_version, device.name) == ("25.40.2.3", "Garage")


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_site_that_does_not_tell_has_no_update(build_house: HouseBuilder, status: int) -> None:
    house = await build_house(prepare=lambda sim: setattr(sim.site, "firmware_details_status", status))

    serial = house.sim.charger().serial
    assert er.async_get(house.hass).async_get_entity_id("update", "enphase_ev", f"{serial}_firmware") is None
    assert house.sim.sign_ins == 1
    asked = [request for request in house.sim.requests if "fwDetails" in request.path]
    await house.live(3600)
    assert [request for request in house.sim.requests if "fwDetails" in request.path] == asked
    assert house.state("sensor", "status").state == "plugged_in"
