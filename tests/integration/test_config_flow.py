"""The sign-in flow, form by form, over real HTTP."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_CODE, CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, CONF_REMEMBER_PASSWORD, CONF_SITE, DOMAIN
from simulator import Simulator
from simulator.faults import FaultOptions
from simulator.switches.deployment import JsonSignIn, SignInBody
from tests.integration.house import CloudBuilder, HouseBuilder, live


async def _start(hass: HomeAssistant) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def _submit(hass: HomeAssistant, form: ConfigFlowResult, **data: object) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(form["flow_id"], data)
    await hass.async_block_till_done()
    return result


async def _sign_in(hass: HomeAssistant, sim: Simulator, form: ConfigFlowResult | None = None, **data: object) -> ConfigFlowResult:
    credentials = {CONF_EMAIL: sim.account.email, CONF_PASSWORD: sim.account.password, CONF_REMEMBER_PASSWORD: True}
    return await _submit(hass, form or await _start(hass), **(credentials | data))


def _is_form(result: ConfigFlowResult, step: str, **errors: str) -> bool:
    return (result["type"], result["step_id"], result["errors"] or {}) == (FlowResultType.FORM, step, errors)


def _fields(result: ConfigFlowResult) -> dict[str, object]:
    """Return what the fields of a form show."""
    assert result["data_schema"] is not None
    return {str(key): (key.description or {}).get("suggested_value") for key in result["data_schema"].schema}


# --- From sign-in to a site ---


async def test_one_site_with_one_charger(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()
    form = await _start(hass)
    assert _is_form(form, "user")

    form = await _sign_in(hass, sim, form)
    assert _is_form(form, "chargers")
    result = await _submit(hass, form, **{CONF_CHARGERS: list(sim.site.chargers)})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.title == "Main Site"
    assert entry.unique_id == sim.site.id
    assert entry.data == {
        CONF_EMAIL: sim.account.email,
        CONF_PASSWORD: sim.account.password,
        CONF_SITE: sim.site.id,
        CONF_CHARGERS: list(sim.site.chargers),
        CONF_FOLLOWS_ACCOUNT: True,
        CONF_DECLINED: [],
    }
    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 1


async def test_all_chargers_are_ticked_and_one_can_be_left_out(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("two_chargers")
    first, second = sim.site.chargers
    form = await _sign_in(hass, sim)
    assert form["data_schema"] is not None
    assert form["data_schema"]({}) == {CONF_CHARGERS: [first, second]}

    form = await _submit(hass, form, **{CONF_CHARGERS: []})
    assert _is_form(form, "chargers", chargers="no_charger_chosen")
    result = await _submit(hass, form, **{CONF_CHARGERS: [second]})

    entry = result["result"]
    assert entry.data[CONF_CHARGERS] == [second]
    assert entry.data[CONF_FOLLOWS_ACCOUNT] is False
    assert set(entry.runtime_data.chargers.data) == {second}


async def test_an_entry_of_all_chargers_follows_the_account(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("two_chargers")

    result = await _submit(hass, await _sign_in(hass, sim), **{CONF_CHARGERS: list(sim.site.chargers)})

    assert result["result"].data[CONF_FOLLOWS_ACCOUNT] is True


async def test_a_site_without_a_charger_needs_no_choice(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("no_charger")

    result = await _sign_in(hass, sim)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"][CONF_CHARGERS] == []
    assert result["data"][CONF_FOLLOWS_ACCOUNT] is True
    assert result["result"].state is ConfigEntryState.LOADED


async def test_an_empty_status_offers_the_chargers_of_the_summary(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("two_chargers")
    sim.world.deployment.empty_charger_lists = 1

    form = await _sign_in(hass, sim)

    assert _is_form(form, "chargers")
    assert form["data_schema"] is not None
    assert form["data_schema"]({}) == {CONF_CHARGERS: list(sim.site.chargers)}


async def test_a_charger_whose_name_cannot_be_had_now_is_set_up_all_the_same(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("map_status")
    sim.faults.add(path="summary$", status=503)

    form = await _sign_in(hass, sim)

    assert _is_form(form, "chargers")
    assert form["data_schema"] is not None
    assert form["data_schema"]({}) == {CONF_CHARGERS: list(sim.site.chargers)}


async def test_the_password_is_not_kept_when_nobody_wants_that(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()

    form = await _sign_in(hass, sim, **{CONF_REMEMBER_PASSWORD: False})
    result = await _submit(hass, form, **{CONF_CHARGERS: list(sim.site.chargers)})

    assert CONF_PASSWORD not in result["result"].data
    assert result["result"].state is ConfigEntryState.LOADED
    assert sim.sign_ins == 1


async def test_sign_in_by_form_where_the_other_one_is_refused(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("form_sign_in")

    form = await _sign_in(hass, sim)

    assert _is_form(form, "chargers")


async def test_blanks_around_the_address_do_no_harm(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()

    form = await _sign_in(hass, sim, **{CONF_EMAIL: f" {sim.account.email} "})
    result = await _submit(hass, form, **{CONF_CHARGERS: list(sim.site.chargers)})

    assert result["result"].data[CONF_EMAIL] == sim.account.email


# --- Sign-ins that go wrong ---


async def test_wrong_password_then_the_right_one(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()

    form = await _sign_in(hass, sim, **{CONF_PASSWORD: "wrong"})
    assert _is_form(form, "user", base="invalid_auth")
    assert _fields(form) == {CONF_EMAIL: sim.account.email, CONF_PASSWORD: None, CONF_REMEMBER_PASSWORD: True}
    form = await _sign_in(hass, sim, form)

    assert _is_form(form, "chargers")
    assert sim.sign_ins == 2
    assert not sim.account.locked


async def test_a_second_wrong_password_makes_one_wait_a_minute(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory
) -> None:
    sim = await build_cloud()
    form = await _start(hass)
    for _ in range(2):
        form = await _sign_in(hass, sim, form, **{CONF_PASSWORD: "wrong"})

    form = await _sign_in(hass, sim, form, **{CONF_PASSWORD: "wrong again"})
    assert _is_form(form, "user", base="retry_later")
    assert sim.sign_ins == 2
    await live(hass, freezer, 60)
    form = await _sign_in(hass, sim, form)

    assert _is_form(form, "chargers")
    assert not sim.account.locked


async def test_locked_account(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()
    sim.account.locked = True

    form = await _sign_in(hass, sim)

    assert _is_form(form, "user", base="account_locked")
    assert sim.sign_ins == 1


async def test_too_many_sessions(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()
    sim.account.session_quota = 0

    form = await _sign_in(hass, sim)

    assert _is_form(form, "user", base="too_many_sessions")
    assert sim.sign_ins == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"status": 429}, {"drop": True}, {"html": True}, {"broken_json": True}, {"status": 500, "html": True}],
    ids=str,
)
async def test_a_cloud_that_is_out_of_order_is_not_the_passwords_fault(
    hass: HomeAssistant, build_cloud: CloudBuilder, fault: FaultOptions
) -> None:
    sim = await build_cloud()
    sim.faults.add(path="^/login", times=None, **fault)

    form = await _sign_in(hass, sim)
    assert _is_form(form, "user", base="cannot_connect")
    sim.faults.clear()
    form = await _sign_in(hass, sim, form)

    assert _is_form(form, "chargers")


async def test_a_cloud_that_cannot_be_reached(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()
    await sim.stop()

    form = await _sign_in(hass, sim)
    assert _is_form(form, "user", base="cannot_connect")
    await sim.start()
    form = await _sign_in(hass, sim, form)

    assert _is_form(form, "chargers")


async def test_a_sign_in_page_instead_of_an_answer(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()
    sim.world.deployment.json_sign_in = JsonSignIn.HTML

    form = await _sign_in(hass, sim)

    assert _is_form(form, "user", base="cannot_connect")


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        ("ev_chargers/status$", {"status": 400, "body": {"message": "No"}}, "refused"),
        ("ev_chargers/status$", {"status": 503}, "cannot_connect"),
        ("ev_chargers/status$", {"body": {"data": "nonsense"}}, "unknown"),
        # Nothing else tells which chargers there are.
        ("summary$", {"status": 500}, "cannot_connect"),
    ],
)
async def test_what_fails_after_the_sign_in_costs_no_second_one(
    hass: HomeAssistant, build_cloud: CloudBuilder, path: str, fault: FaultOptions, error: str
) -> None:
    sim = await build_cloud()
    sim.world.deployment.empty_charger_lists = int(path == "summary$")
    sim.faults.add(path=path, times=1, **fault)

    form = await _sign_in(hass, sim)
    assert _is_form(form, "user", base=error)
    form = await _sign_in(hass, sim, form)

    assert _is_form(form, "chargers")
    assert sim.sign_ins == 1


# --- One-time code ---


async def test_one_time_code(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("mfa_account")

    form = await _sign_in(hass, sim)
    assert _is_form(form, "code")
    assert form["description_placeholders"] == {"email": sim.account.email}
    assert sim.codes_sent == 1
    form = await _submit(hass, form, **{CONF_CODE: f" {sim.account.one_time_code} "})
    result = await _submit(hass, form, **{CONF_CHARGERS: list(sim.site.chargers)})

    assert result["result"].state is ConfigEntryState.LOADED
    assert (sim.sign_ins, sim.codes_sent) == (1, 1)


async def test_wrong_and_missing_code(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("mfa_account")
    form = await _sign_in(hass, sim)

    form = await _submit(hass, form, **{CONF_CODE: "000000"})
    assert _is_form(form, "code", code="code_wrong")
    requests = sim.count()
    form = await _submit(hass, form)
    assert _is_form(form, "code", code="code_missing")
    assert sim.count() == requests
    form = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})

    assert _is_form(form, "chargers")
    assert sim.sign_ins == 1


async def test_a_new_code_can_be_had_every_thirty_seconds(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory
) -> None:
    sim = await build_cloud("mfa_account")
    form = await _sign_in(hass, sim)
    assert sim.codes_sent == 1

    form = await _submit(hass, form, resend=True)
    assert _is_form(form, "code")
    assert sim.codes_sent == 1
    await live(hass, freezer, 30)
    form = await _submit(hass, form, resend=True)
    assert sim.codes_sent == 2
    form = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})

    assert _is_form(form, "chargers")


async def test_blocked_codes(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("mfa_account")
    form = await _sign_in(hass, sim)
    sim.account.code_blocked = True

    form = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})

    assert _is_form(form, "code", base="code_blocked")


async def test_a_sign_in_that_has_run_out_starts_again(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("mfa_account")
    form = await _sign_in(hass, sim)
    sim.faults.add(path="validate_login_otp", status=401)

    result = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "code_expired"


async def test_a_code_that_nobody_could_check_can_be_sent_again(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("mfa_account")
    form = await _sign_in(hass, sim)
    sim.faults.add(path="validate_login_otp", status=503)

    form = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})
    assert _is_form(form, "code", base="cannot_connect")
    form = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})

    assert _is_form(form, "chargers")


async def test_a_code_that_was_good_is_not_asked_for_again(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("mfa_account")
    form = await _sign_in(hass, sim)
    sim.faults.add(path="ev_chargers/status$", status=503)

    form = await _submit(hass, form, **{CONF_CODE: sim.account.one_time_code})
    assert _is_form(form, "code", base="cannot_connect")
    form = await _submit(hass, form)

    assert _is_form(form, "chargers")
    assert (sim.sign_ins, sim.codes_sent) == (1, 1)


# --- Sites ---


async def test_one_of_several_sites(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    cabin = sim.world.sites["1234568"]

    form = await _sign_in(hass, sim)
    assert _is_form(form, "site")
    assert form["data_schema"] is not None
    selector = form["data_schema"].schema[CONF_SITE]
    assert [option["value"] for option in selector.config["options"]] == list(sim.world.sites)
    form = await _submit(hass, form, **{CONF_SITE: cabin.id})
    assert _is_form(form, "chargers")
    result = await _submit(hass, form, **{CONF_CHARGERS: list(cabin.chargers)})

    assert result["title"] == "Cabin"
    assert result["result"].unique_id == cabin.id


async def test_the_number_of_a_site_can_be_typed(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("no_site_list")
    # Neither the sign-in nor the start page tells the site.
    sim.world.deployment.sign_in_body = SignInBody.EMPTY_OBJECT
    sim.faults.add(path="^/$", status=200, body="<html></html>", content_type="text/html", times=None)

    form = await _sign_in(hass, sim)
    assert _is_form(form, "site_number")
    form = await _submit(hass, form, **{CONF_SITE: "my site"})
    assert _is_form(form, "site_number", site="site_invalid")
    form = await _submit(hass, form, **{CONF_SITE: "7654321"})
    assert _is_form(form, "site_number", site="site_unknown")
    sim.faults.add(path="ev_chargers/status$", status=503)
    form = await _submit(hass, form, **{CONF_SITE: sim.site.id})
    assert _is_form(form, "site_number", base="cannot_connect")
    form = await _submit(hass, form, **{CONF_SITE: f" {sim.site.id} "})
    assert _is_form(form, "chargers")
    result = await _submit(hass, form, **{CONF_CHARGERS: list(sim.site.chargers)})

    assert result["title"] == f"Enphase {sim.site.id}"
    assert sim.sign_ins == 1


async def test_the_sign_in_names_the_site_where_the_list_is_empty(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("no_site_list")

    form = await _sign_in(hass, sim)

    assert _is_form(form, "chargers")


async def test_a_site_is_set_up_once(hass: HomeAssistant, build_house: HouseBuilder) -> None:
    house = await build_house()

    result = await _sign_in(hass, house.sim)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


async def test_a_second_site_of_an_account_uses_its_session(hass: HomeAssistant, build_house: HouseBuilder) -> None:
    house = await build_house("multi_site")
    assert house.sim.sign_ins == 1
    office = house.sim.world.sites["1234569"]

    form = await _sign_in(hass, house.sim, **{CONF_EMAIL: house.sim.account.email.upper()})
    form = await _submit(hass, form, **{CONF_SITE: office.id})
    result = await _submit(hass, form, **{CONF_CHARGERS: list(office.chargers)})

    assert result["result"].state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 1
    assert result["result"].runtime_data.account is house.entry.runtime_data.account


async def test_a_flow_that_nobody_finishes_gives_the_account_back(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud()
    form = await _sign_in(hass, sim)
    assert _is_form(form, "chargers")

    hass.config_entries.flow.async_abort(form["flow_id"])
    await hass.async_block_till_done()
    form = await _sign_in(hass, sim, **{CONF_PASSWORD: "wrong"})

    # Nobody has it open any more, so its password is not known to be right.
    assert _is_form(form, "user", base="invalid_auth")
