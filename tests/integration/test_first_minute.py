"""What a person sees right after adding a site: values, and nothing that cannot be pressed."""

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.helpers import device_registry as dr
import pytest

from simulator.routes import status
from tests.integration.battery_house import BatteryHouse
from tests.integration.house import House, HouseBuilder

SOON = 30


async def test_the_energy_of_the_day_is_known_half_a_minute_after_the_sign_in(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("two_chargers")

    await house.live(SOON)

    for charger in house.sim.site.chargers.values():
        assert float(house.state("sensor", "energy_today", charger).state) >= 0


async def test_without_a_session_the_duration_is_zero(house: House) -> None:
    assert float(house.state("sensor", "session_duration").state) == 0


async def test_what_there_is_nothing_to_cancel_of_is_unavailable(batteries: BatteryHouse) -> None:
    assert batteries.battery_state("button", "cancel_profile_change") == STATE_UNAVAILABLE
    assert batteries.battery_state("button", "storm_alert_opt_out") == STATE_UNAVAILABLE

    batteries.sim.world.deployment.battery.gateway_delay_s = 600
    select = batteries.site_entity_id("select", "system_profile")
    await batteries.lived_through(batteries.call("select", "select_option", entity_id=select, option="cost_savings"))
    assert batteries.battery_state("button", "cancel_profile_change") == STATE_UNKNOWN


async def test_devices_lead_to_the_page_of_the_site(build_house: HouseBuilder) -> None:
    house = await build_house("home")
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    assert len(devices) == 6
    assert {device.configuration_url for device in devices} == {f"https://enlighten.enphaseenergy.com/web/{house.sim.site.id}"}


async def test_chargers_are_known_by_the_addresses_of_their_interfaces(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    found = []
    for charger in house.sim.site.chargers.values():
        device = dr.async_get(house.hass).async_get(house.device_id(charger))
        assert device is not None
        assert {kind for kind, _ in device.connections} == {dr.CONNECTION_NETWORK_MAC}
        found += [address for _, address in device.connections]
    assert len(set(found)) == 4
    assert all(address.startswith("00:00:5e:00:53:") for address in found)


@pytest.mark.parametrize("address", ["00:00:00:00:00:00", "", "no address"])
async def test_an_address_that_is_none_is_left_out(build_house: HouseBuilder, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    network = f'[\n"mac_addr={address},interface_name=eth0,connectionStatus=1,ipaddr=192.0.2.9"\n]'
    monkeypatch.setattr(status, "_network", lambda _: network)
    house = await build_house("two_chargers")
    devices = [dr.async_get(house.hass).async_get(house.device_id(charger)) for charger in house.sim.site.chargers.values()]
    assert [device.connections for device in devices if device is not None] == [set(), set()]


async def test_two_chargers_of_one_address_stay_two_devices(build_house: HouseBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    network = '[\n"mac_addr=00:00:5e:00:53:01,interface_name=eth0,connectionStatus=1,ipaddr=192.0.2.9"\n]'
    monkeypatch.setattr(status, "_network", lambda _: network)
    house = await build_house("two_chargers")
    devices = {house.device_id(charger) for charger in house.sim.site.chargers.values()}
    assert len(devices) == 2
    assert sum(len(device.connections) for one in devices if (device := dr.async_get(house.hass).async_get(one)) is not None) == 1
