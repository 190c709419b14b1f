"""Signing in again when the session is gone for good, and accounts that Enphase does not let in."""

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_CODE, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.enphase_ev.const import CONF_REMEMBER_PASSWORD, DOMAIN
from tests.integration.house import House, HouseBuilder, entry_of

_HOUR = 3600


@pytest.fixture
async def signed_out(sign_in_house: HouseBuilder) -> House:
    """A house whose session is gone, and whose password nobody remembers."""
    house = await sign_in_house("one_charger", remembers=False)
    house.sim.expire_sessions()
    await house.live(61)
    return house


def _flows(house: House) -> list[ConfigFlowResult]:
    return [flow for flow in house.hass.config_entries.flow.async_progress() if flow["context"]["source"] == SOURCE_REAUTH]


def _core_issues(hass: HomeAssistant) -> list[str]:
    """Return the repair issues that Home Assistant itself raises for us."""
    return [issue_id for domain, issue_id in ir.async_get(hass).issues if domain == "homeassistant" and DOMAIN in issue_id]


def _issue(house: House, key: str) -> ir.IssueEntry | None:
    return ir.async_get(house.hass).async_get_issue(DOMAIN, f"{key}_{house.entry.entry_id}")


async def _sign_in_again(house: House, password: str | None = None, *, remembers: bool = False) -> ConfigFlowResult:
    (flow,) = _flows(house)
    data = {CONF_PASSWORD: password or house.sim.account.password, CONF_REMEMBER_PASSWORD: remembers}
    result = await house.hass.config_entries.flow.async_configure(flow["flow_id"], data)
    await house.hass.async_block_till_done()
    return result


# --- A session that is gone for good ---


async def test_a_person_is_asked_once_and_the_cloud_is_left_alone(signed_out: House) -> None:
    assert len(_flows(signed_out)) == 1
    assert len(_core_issues(signed_out.hass)) == 1
    assert signed_out.sim.sign_ins == 1
    signed_out.sim.requests.clear()

    await signed_out.live(6 * _HOUR)

    assert len(_flows(signed_out)) == 1
    assert signed_out.sim.sign_ins == 1
    assert signed_out.sim.count() == 0
    assert signed_out.state("sensor", "status").state == "unavailable"


async def test_signing_in_again_brings_everything_back(signed_out: House) -> None:
    result = await _sign_in_again(signed_out)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert signed_out.entry.state is ConfigEntryState.LOADED
    assert signed_out.state("sensor", "status").state == "plugged_in"
    assert not _flows(signed_out)
    assert not _core_issues(signed_out.hass)
    assert CONF_PASSWORD not in signed_out.entry.data
    assert signed_out.sim.sign_ins == 2


async def test_the_password_can_be_remembered_from_then_on(signed_out: House) -> None:
    await _sign_in_again(signed_out, remembers=True)
    assert signed_out.entry.data[CONF_PASSWORD] == signed_out.sim.account.password

    signed_out.sim.expire_sessions()
    await signed_out.live(61)

    assert not _flows(signed_out)
    assert signed_out.sim.sign_ins == 3


async def test_the_password_can_be_forgotten_from_then_on(build_house: HouseBuilder) -> None:
    house = await build_house()
    house.sim.account.password = "changed"
    house.sim.expire_sessions()
    await house.live(16 * 60)
    await _sign_in_again(house, remembers=False)
    assert CONF_PASSWORD not in house.entry.data
    sign_ins = house.sim.sign_ins

    house.sim.expire_sessions()
    await house.live(_HOUR)

    assert len(_flows(house)) == 1
    assert house.sim.sign_ins == sign_ins


async def test_a_wrong_password_says_so(signed_out: House) -> None:
    result = await _sign_in_again(signed_out, "wrong")
    assert result["step_id"] == "reauth_confirm"
    assert result["errors"] == {"base": "invalid_auth"}

    result = await _sign_in_again(signed_out)

    assert result["reason"] == "reauth_successful"
    assert signed_out.sim.sign_ins == 3


async def test_a_cloud_that_is_down_says_so(signed_out: House) -> None:
    await signed_out.sim.stop()
    result = await _sign_in_again(signed_out)
    assert result["errors"] == {"base": "cannot_connect"}

    await signed_out.sim.start()
    result = await _sign_in_again(signed_out)

    assert result["reason"] == "reauth_successful"


async def test_an_account_with_one_time_codes(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("mfa_account")
    house.sim.expire_sessions()
    await house.live(61)
    # The password alone does not help, so it is not even tried.
    assert house.sim.sign_ins == 1

    form = await _sign_in_again(house, remembers=True)
    assert form["step_id"] == "code"
    result = await house.hass.config_entries.flow.async_configure(form["flow_id"], {CONF_CODE: house.sim.account.one_time_code})
    await house.hass.async_block_till_done()

    assert result["reason"] == "reauth_successful"
    assert house.state("sensor", "status").state == "plugged_in"
    assert (house.sim.sign_ins, house.sim.codes_sent) == (2, 2)


async def test_a_password_that_was_changed_is_tried_once(build_house: HouseBuilder) -> None:
    house = await build_house()
    await house.live(_HOUR)
    house.sim.account.password = "changed"
    house.sim.expire_sessions()

    await house.live(6 * _HOUR)

    assert house.sim.sign_ins == 2
    assert len(_flows(house)) == 1
    result = await _sign_in_again(house, remembers=True)
    assert result["reason"] == "reauth_successful"
    assert house.entry.data[CONF_PASSWORD] == "changed"


async def test_the_request_can_be_cleared(signed_out: House) -> None:
    await signed_out.ask("clear_reauth_issue", site_id=signed_out.sim.site.id)

    assert not _flows(signed_out)
    assert not _core_issues(signed_out.hass)


async def test_the_request_can_be_cleared_while_the_site_is_not_loaded(signed_out: House) -> None:
    await signed_out.hass.config_entries.async_reload(signed_out.entry.entry_id)
    assert signed_out.entry.state is ConfigEntryState.SETUP_ERROR
    assert len(_flows(signed_out)) == 1

    await signed_out.ask("clear_reauth_issue", device_id=signed_out.device_id())

    assert not _flows(signed_out)


async def test_a_session_that_comes_back_ends_the_request(build_house: HouseBuilder) -> None:
    house = await build_house(password="wrong", state=ConfigEntryState.SETUP_ERROR)
    assert len(_flows(house)) == 1
    house.hass.config_entries.async_update_entry(house.entry, data={**house.entry.data, CONF_PASSWORD: house.sim.account.password})
    await house.live(16 * 60)

    await house.hass.config_entries.async_reload(house.entry.entry_id)

    assert house.entry.state is ConfigEntryState.LOADED
    assert not _flows(house)
    assert not _core_issues(house.hass)


async def _three_sites_of_a_changed_password(build_house: HouseBuilder) -> tuple[House, list[ConfigEntry]]:
    """Return a house, and all sites of its account, of which each asks for the new password."""
    house = await build_house("multi_site")
    entries = [house.entry, *(entry_of(house.sim, site_id) for site_id in ("1234568", "1234569"))]
    for other in entries[1:]:
        other.add_to_hass(house.hass)
        assert await house.hass.config_entries.async_setup(other.entry_id)
    await house.live(_HOUR)
    house.sim.account.password = "changed"
    house.sim.expire_sessions()
    await house.live(121)
    assert len(_flows(house)) == 3
    assert house.sim.sign_ins == 2
    return house, entries


async def _sign_in_again_at_first_site(house: House, *, remembers: bool) -> None:
    flow = next(flow for flow in _flows(house) if flow["context"]["entry_id"] == house.entry.entry_id)
    data = {CONF_PASSWORD: house.sim.account.password, CONF_REMEMBER_PASSWORD: remembers}
    result = await house.hass.config_entries.flow.async_configure(flow["flow_id"], data)
    assert result["reason"] == "reauth_successful"
    await house.live(10)


@pytest.mark.parametrize("remembers", [True, False], ids=["password remembered", "password not remembered"])
async def test_all_sites_of_an_account_come_back(build_house: HouseBuilder, remembers: bool) -> None:
    house, entries = await _three_sites_of_a_changed_password(build_house)

    await _sign_in_again_at_first_site(house, remembers=remembers)

    for entry in entries:
        assert entry.state is ConfigEntryState.LOADED
        assert entry.data.get(CONF_PASSWORD) == ("changed" if remembers else None)
        assert entry.runtime_data.chargers.last_update_success
    assert not _flows(house)
    assert not _core_issues(house.hass)
    assert house.sim.sign_ins == 3


async def test_a_password_that_all_sites_forgot_is_not_tried_again(build_house: HouseBuilder) -> None:
    house, _ = await _three_sites_of_a_changed_password(build_house)
    await _sign_in_again_at_first_site(house, remembers=False)

    house.sim.expire_sessions()
    await house.live(6 * _HOUR)

    assert len(_flows(house)) == 3
    assert house.sim.sign_ins == 3


# --- Accounts that Enphase does not let in ---


@pytest.mark.parametrize("key", ["account_locked", "too_many_sessions"])
async def test_an_account_that_is_not_let_in_is_left_alone_for_a_day(build_house: HouseBuilder, key: str) -> None:
    house = await build_house()
    await house.live(_HOUR)
    if key == "account_locked":
        house.sim.account.locked = True
    else:
        house.sim.account.session_quota = 0
    house.sim.expire_sessions()
    await house.live(61)
    issue = _issue(house, key)
    assert issue is not None
    assert issue.translation_placeholders == {"site": "Main Site"}
    assert not _flows(house)
    sign_ins = house.sim.sign_ins

    await house.live(23 * _HOUR)
    assert house.sim.sign_ins == sign_ins
    assert house.state("sensor", "status").state == "unavailable"
    house.sim.account.locked, house.sim.account.session_quota = False, 30
    await house.live(2 * _HOUR)

    assert house.sim.sign_ins == sign_ins + 1
    assert house.state("sensor", "status").state == "plugged_in"
    assert _issue(house, key) is None


async def test_a_locked_account_at_the_start(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: setattr(sim.account, "locked", True), state=ConfigEntryState.SETUP_RETRY)
    assert _issue(house, "account_locked") is not None
    await house.live(6 * _HOUR)
    assert house.sim.sign_ins == 1

    await house.hass.config_entries.async_remove(house.entry.entry_id)

    assert _issue(house, "account_locked") is None


async def test_sessions_that_die_young_do_not_cost_one_sign_in_after_the_other(build_house: HouseBuilder) -> None:
    house = await build_house()
    house.sim.world.deployment.session_lifetime_s = 600
    house.sim.expire_sessions()

    await house.live(24 * _HOUR)

    assert house.sim.sign_ins <= 6
    assert not house.sim.account.locked
