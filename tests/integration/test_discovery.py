"""Found in the network: a charger starts the flow that adds its site, a gateway only updates an address that is known."""

from ipaddress import ip_address

from homeassistant.config_entries import SOURCE_DHCP, SOURCE_IGNORE, SOURCE_ZEROCONF, ConfigFlowResult
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import pytest

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, CONF_REMEMBER_PASSWORD, DOMAIN
from simulator import Simulator
from simulator.gateway_inside import Role
from tests.integration.house import CloudBuilder, House, HouseBuilder, gateway_options


async def _by_dhcp(hass: HomeAssistant, serial: str) -> ConfigFlowResult:
    found = DhcpServiceInfo(ip="192.0.2.10", hostname=f"iq-evse-{serial.lower()}", macaddress="00005e005301")
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=found)


async def _by_mdns(hass: HomeAssistant, name: str, kind: str = "_workstation._tcp.local.", address: str = "192.0.2.10") -> ConfigFlowResult:
    found = ZeroconfServiceInfo(
        ip_address=ip_address(address),
        ip_addresses=[ip_address(address)],
        port=9,
        hostname=f"{name}.local.",
        type=kind,
        name=f"{name} [00:00:5e:00:53:01].{kind}",
        properties={},
    )
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=found)


async def _found_flows(hass: HomeAssistant) -> list[str]:
    return [flow["context"]["title_placeholders"]["name"] for flow in hass.config_entries.flow.async_progress()]


@pytest.fixture
async def sim(build_cloud: CloudBuilder) -> Simulator:
    return await build_cloud("two_chargers")


async def test_a_charger_starts_the_flow_and_is_named(hass: HomeAssistant, sim: Simulator) -> None:
    first, second = sim.site.chargers
    form = await _by_dhcp(hass, first)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "user")
    assert (await _by_mdns(hass, f"iq-evse-{first}"))["reason"] == "already_in_progress"
    await _by_mdns(hass, f"iq-evse-{second}")
    assert await _found_flows(hass) == [f"IQ EV Charger {first[-4:]}", f"IQ EV Charger {second[-4:]}"]
    # Nothing was sent to the cloud for it.
    assert sim.requests == []

    credentials = {CONF_EMAIL: sim.account.email, CONF_PASSWORD: sim.account.password, CONF_REMEMBER_PASSWORD: True}
    form = await hass.config_entries.flow.async_configure(form["flow_id"], credentials)
    done = await hass.config_entries.flow.async_configure(form["flow_id"], {CONF_CHARGERS: [first, second]})
    await hass.async_block_till_done()
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["result"].unique_id == sim.site.id
    # The other one came with the site.
    assert await _found_flows(hass) == []


async def test_a_charger_that_is_there_is_not_offered(house: House) -> None:
    serial = house.sim.charger().serial
    assert (await _by_dhcp(house.hass, serial))["reason"] == "already_configured"
    assert (await _by_mdns(house.hass, f"iq-evse-{serial}"))["reason"] == "already_configured"


async def test_a_charger_that_nobody_wanted_is_not_offered(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    wanted, other = house.sim.site.chargers
    data = {**house.entry.data, CONF_CHARGERS: [wanted], CONF_DECLINED: [other], CONF_FOLLOWS_ACCOUNT: False}
    house.hass.config_entries.async_update_entry(house.entry, data=data)
    await house.reload()
    assert (await _by_dhcp(house.hass, other))["reason"] == "already_configured"


async def test_one_that_is_ignored_stays_so_and_is_no_site(house: House) -> None:
    form = await _by_dhcp(house.hass, "EV009999999999")
    ignored = {"unique_id": "charger_EV009999999999", "title": "IQ EV Charger 9999"}
    await house.hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_IGNORE}, data=ignored)
    assert form["flow_id"] not in {flow["flow_id"] for flow in house.hass.config_entries.flow.async_progress()}

    assert (await _by_mdns(house.hass, "iq-evse-EV009999999999"))["reason"] == "already_configured"
    answer = await house.ask("clear_reauth_issue")
    assert answer["sites"] == [{"site_id": house.sim.site.id}], "the only site needs no name"


async def test_what_is_no_charger_is_passed_over(hass: HomeAssistant, sim: Simulator) -> None:
    assert (await _by_mdns(hass, "printer"))["reason"] == "no_devices_found"


# --- The gateway ---

_ENVOY = "_enphase-envoy._tcp.local."


async def test_a_gateway_that_has_moved_is_followed(build_house: HouseBuilder) -> None:
    house = await build_house(gateway=Role.INSTALLER)
    address = house.sim.gateway.address
    options = {**house.entry.options, "gateway_address": address.replace("127.0.0.1", "127.0.0.9")}
    house.hass.config_entries.async_update_entry(house.entry, options=options)

    assert (await _by_mdns(house.hass, "envoy", _ENVOY, "127.0.0.1"))["reason"] == "already_configured"
    await house.hass.async_block_till_done()
    assert house.entry.options["gateway_address"] == address
    assert house.state("sensor", "data_source").state == "local"
    assert (await _by_mdns(house.hass, "envoy", _ENVOY, "127.0.0.1"))["reason"] == "already_configured"


async def test_one_with_another_certificate_is_not(build_house: HouseBuilder) -> None:
    house = await build_house(gateway=Role.INSTALLER)
    named = house.sim.gateway.address.replace("127.0.0.1", "127.0.0.9")
    options = {**gateway_options(house.sim), "gateway_address": named, "gateway_fingerprint": "00" * 32}
    house.hass.config_entries.async_update_entry(house.entry, options=options)

    assert (await _by_mdns(house.hass, "envoy", _ENVOY, "127.0.0.1"))["reason"] == "no_devices_found"
    assert house.entry.options["gateway_address"] == named


async def test_one_that_nobody_has_named_starts_nothing(house: House) -> None:
    assert (await _by_mdns(house.hass, "envoy", _ENVOY, "127.0.0.1"))["reason"] == "no_devices_found"
    assert house.hass.config_entries.flow.async_progress() == []
    assert "gateway_address" not in house.entry.options


async def test_a_name_that_a_person_has_typed_stays(build_house: HouseBuilder) -> None:
    house = await build_house(gateway=Role.INSTALLER)
    named = house.sim.gateway.address.replace("127.0.0.1", "localhost")
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, "gateway_address": named})
    await _by_mdns(house.hass, "envoy", _ENVOY, "127.0.0.1")
    assert house.entry.options["gateway_address"] == named
