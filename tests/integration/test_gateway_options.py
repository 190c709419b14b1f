"""Naming the gateway in the house: its address, its token, and the certificate that it shows."""

from typing import Any

from homeassistant.config_entries import SOURCE_ZEROCONF, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.enphase_ev.charger.gateway_session import known_address
from simulator.gateway_inside import Role
from tests.integration.house import House, HouseBuilder
from tests.integration.test_options import DEFAULTS, STORED, filled_in


@pytest.fixture
async def house(build_house: HouseBuilder) -> House:
    """A charger and a gateway that nobody has named yet."""
    return await build_house(gateway=Role.INSTALLER, options=dict.fromkeys(("gateway_address", "gateway_token", "gateway_fingerprint")))


async def _open(house: House) -> ConfigFlowResult:
    return await house.hass.config_entries.options.async_init(house.entry.entry_id)


def _offered(form: ConfigFlowResult) -> dict[str, Any]:
    """What the part about the gateway holds before anybody types."""
    schema = form["data_schema"]
    assert schema is not None
    part = next(value for field, value in schema.schema.items() if str(field) == "gateway")
    found = {str(field): (field.description or {}).get("suggested_value") for field in part.schema.schema}
    found["use_gateway"] = next(field.default() for field in part.schema.schema if str(field) == "use_gateway")
    return found


async def _submit(house: House, form: ConfigFlowResult, **gateway: object) -> ConfigFlowResult:
    entered = filled_in(DEFAULTS, **{"use_gateway": True, **gateway}) if form["step_id"] == "init" else {}
    result = await house.hass.config_entries.options.async_configure(form["flow_id"], entered)
    await house.hass.async_block_till_done()
    return result


async def _name(house: House, **gateway: object) -> ConfigFlowResult:
    return await _submit(house, await _open(house), **gateway)


async def test_it_is_named_and_its_certificate_is_shown(house: House) -> None:
    gateway = house.sim.gateway
    token = gateway.issue_token()

    form = await _name(house, gateway_address=f" {gateway.address} ", gateway_token=token)

    assert form["step_id"] == "certificate"
    shown = bytes.fromhex(gateway.fingerprint).hex(":").upper()
    assert form["description_placeholders"] == {"address": gateway.address, "fingerprint": shown}
    # Nothing was sent yet.
    assert gateway.heard == []

    assert (await _submit(house, form))["type"] is FlowResultType.CREATE_ENTRY
    assert house.entry.options == {
        **STORED,
        "gateway_address": gateway.address,
        "gateway_token": token,
        "gateway_fingerprint": gateway.fingerprint,
    }
    assert house.state("sensor", "data_source").state == "local"


async def test_the_token_is_not_shown_and_stays(house: House) -> None:
    gateway, token = house.sim.gateway, house.sim.gateway.issue_token()
    await _submit(house, await _name(house, gateway_address=gateway.address, gateway_token=token))

    form = await _open(house)
    assert _offered(form) == {"use_gateway": True, "gateway_address": gateway.address, "gateway_token": None}
    assert (await _submit(house, form, gateway_address=gateway.address))["type"] is FlowResultType.CREATE_ENTRY

    assert house.entry.options["gateway_token"] == token
    assert house.entry.options["gateway_fingerprint"] == gateway.fingerprint
    assert house.state("sensor", "data_source").state == "local"


async def test_another_address_shows_its_certificate(house: House) -> None:
    gateway, token = house.sim.gateway, house.sim.gateway.issue_token()
    await _submit(house, await _name(house, gateway_address=gateway.address, gateway_token=token))
    await gateway.renew_certificate()
    await gateway.move()

    form = await _name(house, gateway_address=gateway.address)

    assert form["step_id"] == "certificate"
    await _submit(house, form)
    assert house.entry.options["gateway_fingerprint"] == gateway.fingerprint
    assert house.state("sensor", "data_source").state == "local"


async def test_switched_off_it_is_forgotten(house: House) -> None:
    gateway = house.sim.gateway
    await _submit(house, await _name(house, gateway_address=gateway.address, gateway_token=gateway.issue_token()))

    await _name(house, use_gateway=False, gateway_address=gateway.address)

    assert house.entry.options == STORED
    with pytest.raises(AssertionError, match="data_source does not exist"):
        house.state("sensor", "data_source")


@pytest.mark.parametrize(
    ("address", "token", "error"),
    [
        ("not/an/address", "token", "gateway_address_invalid"),
        (None, "token", "gateway_address_invalid"),
        ("127.0.0.1:9", "token", "gateway_unreachable"),
        ("127.0.0.1:9", None, "gateway_token_missing"),
    ],
)
async def test_what_does_not_work_is_said(house: House, address: str | None, token: str | None, error: str) -> None:
    typed = {"gateway_address": address, "gateway_token": token}

    form = await _name(house, **{key: value for key, value in typed.items() if value is not None})

    assert (form["step_id"], form["errors"]) == ("init", {"base": error})
    assert _offered(form) == {"use_gateway": True, "gateway_address": address, "gateway_token": None}


async def test_it_stays_off_until_it_is_switched_on(house: House) -> None:
    """An address that Home Assistant knows is offered, no more."""
    MockConfigEntry(domain="enphase_envoy", data={"host": "192.0.2.7"}).add_to_hass(house.hass)

    form = await _open(house)
    assert _offered(form) == {"use_gateway": False, "gateway_address": "192.0.2.7", "gateway_token": None}
    await _submit(house, form, use_gateway=False, gateway_address="192.0.2.7")

    assert house.entry.options == STORED


async def test_a_gateway_that_was_only_discovered_is_offered_too(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_address(hass) is None
    context = {"source": SOURCE_ZEROCONF, "title_placeholders": {"serial": "1", "host": "192.0.2.8"}}
    monkeypatch.setattr(hass.config_entries.flow, "async_progress_by_handler", lambda _: [{"context": context}])
    assert known_address(hass) == "192.0.2.8"
