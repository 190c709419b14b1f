"""Changing what was set up: chargers, password, and whether it is kept."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlowResult
from homeassistant.const import CONF_CODE, CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, CONF_REMEMBER_PASSWORD, DOMAIN
from simulator.hardware import ChargerProfile
from tests.integration.conftest import HouseBuilder, entry_of
from tests.integration.house import House

FIRST, SECOND = "EV000000000001", "EV000000000002"


@pytest.fixture
async def two(build_house: HouseBuilder) -> House:
    return await build_house("two_chargers")


async def _open(house: House) -> ConfigFlowResult:
    context = {"source": SOURCE_RECONFIGURE, "entry_id": house.entry.entry_id}
    return await house.hass.config_entries.flow.async_init(DOMAIN, context=context)


def _default(form: ConfigFlowResult, name: str) -> Any:
    schema = form["data_schema"]
    assert schema is not None
    return next(field.default() for field in schema.schema if field == name)


async def _send(house: House, form: ConfigFlowResult, **answers: object) -> ConfigFlowResult:
    """Send the form, with what stands in it already where nothing else is said."""
    shown = {name: _default(form, name) for name in (CONF_EMAIL, CONF_REMEMBER_PASSWORD, CONF_CHARGERS)}
    end = await house.hass.config_entries.flow.async_configure(form["flow_id"], {**shown, **answers})
    await house.hass.async_block_till_done()
    return end


def _serials(house: House) -> set[str]:
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    return {identifier for device in devices for _, identifier in device.identifiers} - {house.sim.site.id}


# --- Chargers ---


async def test_a_charger_that_is_left_out_goes_and_comes_back(two: House) -> None:
    form = await _open(two)
    assert _default(form, CONF_CHARGERS) == [FIRST, SECOND]

    end = await _send(two, form, **{CONF_CHARGERS: [SECOND]})
    assert end["reason"] == "reconfigure_successful"
    assert two.entry.data[CONF_CHARGERS] == [SECOND]
    assert two.entry.data[CONF_DECLINED] == [FIRST]
    assert two.entry.data[CONF_FOLLOWS_ACCOUNT] is False
    assert _serials(two) == {SECOND}
    assert two.sim.sign_ins == 1
    await two.live(2 * 3600)
    assert _serials(two) == {SECOND}

    form = await _open(two)
    assert _default(form, CONF_CHARGERS) == [SECOND]
    await _send(two, form, **{CONF_CHARGERS: [FIRST, SECOND]})
    assert _serials(two) == {FIRST, SECOND}
    assert two.entry.data[CONF_FOLLOWS_ACCOUNT] is True


async def test_nothing_is_changed_by_a_form_that_is_sent_as_it_is(two: House) -> None:
    before = dict(two.entry.data)

    end = await _send(two, await _open(two))

    assert end["reason"] == "reconfigure_successful"
    assert {**before, CONF_DECLINED: []} == dict(two.entry.data)
    assert two.sim.sign_ins == 1


async def test_one_charger_at_least(two: House) -> None:
    form = await _send(two, await _open(two), **{CONF_CHARGERS: []})

    assert form["errors"] == {CONF_CHARGERS: "no_charger_chosen"}
    assert _serials(two) == {FIRST, SECOND}


async def test_a_new_charger_can_be_chosen_here_too(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", **{CONF_CHARGERS: [FIRST], CONF_DECLINED: [SECOND], CONF_FOLLOWS_ACCOUNT: False})
    house.sim.site.add_charger(ChargerProfile(serial="EV000000000077", name="Carport"))
    await house.live(61)

    form = await _open(house)
    assert _default(form, CONF_CHARGERS) == [FIRST]
    await _send(house, form, **{CONF_CHARGERS: [FIRST, "EV000000000077"]})

    assert _serials(house) == {FIRST, "EV000000000077"}
    assert house.entry.data[CONF_DECLINED] == [SECOND]


async def test_without_an_answer_of_the_cloud_the_password_can_be_changed_all_the_same(two: House) -> None:
    await two.hass.config_entries.async_unload(two.entry.entry_id)

    form = await _open(two)
    assert _default(form, CONF_CHARGERS) == [FIRST, SECOND]
    end = await _send(two, form, **{CONF_PASSWORD: two.sim.account.password})

    assert end["reason"] == "reconfigure_successful"


# --- Password ---


async def test_another_password(two: House) -> None:
    two.sim.account.password = "A-new-one-2026"

    form = await _send(two, await _open(two), **{CONF_PASSWORD: "not it"})
    assert form["errors"] == {"base": "invalid_auth"}
    assert "not it" not in str(form["data_schema"])
    end = await _send(two, form, **{CONF_PASSWORD: "A-new-one-2026"})

    assert end["reason"] == "reconfigure_successful"
    assert two.entry.data[CONF_PASSWORD] == "A-new-one-2026"
    two.sim.expire_sessions()
    two.sim.expire_tokens()
    # Sessions that end one soon after the other are not renewed at once.
    await two.live(1200)
    assert two.site_state("binary_sensor", "cloud_reachable").state == "on"


async def test_the_password_is_forgotten(two: House, hass_storage: dict[str, object]) -> None:
    await _send(two, await _open(two), **{CONF_REMEMBER_PASSWORD: False})

    assert CONF_PASSWORD not in two.entry.data
    await two.live(60)
    assert two.sim.account.password not in str(hass_storage)
    # The session goes on; once it ends, a person is asked.
    assert two.sim.sign_ins == 1
    two.sim.expire_sessions()
    two.sim.expire_tokens()
    await two.live(61)
    [flow] = two.hass.config_entries.flow.async_progress()
    assert flow["step_id"] == "reauth_confirm"
    assert two.sim.sign_ins == 1


async def test_a_password_is_needed_to_remember_one(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    await _send(house, await _open(house), **{CONF_REMEMBER_PASSWORD: False})

    form = await _open(house)
    assert _default(form, CONF_REMEMBER_PASSWORD) is False
    form = await _send(house, form, **{CONF_REMEMBER_PASSWORD: True})
    assert form["errors"] == {CONF_PASSWORD: "password_missing"}
    await _send(house, form, **{CONF_REMEMBER_PASSWORD: True, CONF_PASSWORD: house.sim.account.password})

    assert house.entry.data[CONF_PASSWORD] == house.sim.account.password


async def test_all_sites_of_the_account_get_the_new_password(hass: HomeAssistant, build_house: HouseBuilder) -> None:
    house = await build_house("multi_site")
    other = entry_of(house.sim, "1234568")
    other.add_to_hass(hass)
    await hass.config_entries.async_setup(other.entry_id)
    house.sim.account.password = "A-new-one-2026"

    await _send(house, await _open(house), **{CONF_PASSWORD: "A-new-one-2026"})

    assert other.data[CONF_PASSWORD] == "A-new-one-2026"
    await _send(house, await _open(house), **{CONF_REMEMBER_PASSWORD: False})
    assert CONF_PASSWORD not in other.data


async def test_a_one_time_code_is_asked_for(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("mfa_account")
    house.sim.account.password = "A-new-one-2026"

    form = await _send(house, await _open(house), **{CONF_PASSWORD: house.sim.account.password})
    assert form["step_id"] == "code"
    end = await house.hass.config_entries.flow.async_configure(form["flow_id"], {CONF_CODE: house.sim.account.one_time_code})
    await house.hass.async_block_till_done()

    assert end["reason"] == "reconfigure_successful"
    assert house.state("sensor", "status").state == "plugged_in"


# --- The account ---


async def test_another_account_is_refused_by_name(two: House) -> None:
    form = await _send(two, await _open(two), **{CONF_EMAIL: "somebody.else@example.com", CONF_PASSWORD: "x"})

    assert form["errors"] == {CONF_EMAIL: "wrong_account"}
    assert form["description_placeholders"] == {"email": two.sim.account.email, "site": "Main Site"}
    assert two.sim.sign_ins == 1
    assert two.entry.data[CONF_EMAIL] == two.sim.account.email


async def test_capitals_and_blanks_make_no_other_account(two: House) -> None:
    end = await _send(two, await _open(two), **{CONF_EMAIL: f" {two.sim.account.email.upper()} "})

    assert end["reason"] == "reconfigure_successful"


async def test_a_cloud_that_is_down_is_not_the_passwords_fault(two: House) -> None:
    two.sim.faults.add(path="login", status=503, times=None)

    form = await _send(two, await _open(two), **{CONF_PASSWORD: "another"})

    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"base": "cannot_connect"}
    assert two.entry.data[CONF_PASSWORD] == two.sim.account.password


async def test_a_site_without_chargers_asks_for_none(build_house: HouseBuilder) -> None:
    house = await build_house("no_charger")

    form = await _open(house)
    schema = form["data_schema"]
    assert schema is not None
    assert CONF_CHARGERS not in schema.schema
    answers = {CONF_EMAIL: house.sim.account.email, CONF_REMEMBER_PASSWORD: True}
    end = await house.hass.config_entries.flow.async_configure(form["flow_id"], answers)

    assert end["reason"] == "reconfigure_successful"
    assert house.entry.data[CONF_FOLLOWS_ACCOUNT] is True
