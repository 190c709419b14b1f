"""Who may ask the gateway in the house: roles, tokens that run out, and the certificate that it shows (docs/cloud-api/local.md)."""

from custom_components.enphase_ev import repairs
from simulator.gateway_inside import Role
from tests.integration.house import House, HouseBuilder
from tests.integration.local_house import DAY, SELDOM, issue_of, local_paths, source_of


async def test_an_owner_becomes_an_installer_while_it_runs(build_local_house: HouseBuilder) -> None:
    house = await build_local_house("two_chargers", gateway=Role.OWNER, options=SELDOM)
    assert source_of(house) == ("cloud", "closed")
    asked = local_paths(house).count("/ivp/pdm/chargers")
    house.sim.gateway.switches.role = Role.INSTALLER

    # It is probed once a day.
    await house.live(DAY - 3600)
    assert local_paths(house).count("/ivp/pdm/chargers") == asked
    assert source_of(house) == ("cloud", "closed")
    await house.live(3600 + 1801)

    assert source_of(house) == ("local", None)
    assert house.state("sensor", "data_source", house.sim.charger("EV000000000002")).state == "local"


async def test_another_firmware_may_have_opened_it(build_local_house: HouseBuilder) -> None:
    house = await build_local_house("two_chargers", gateway=Role.OWNER)
    await house.sim.gateway.update_firmware("8.0.1")
    house.sim.gateway.switches.role = Role.INSTALLER

    await house.live(3700)

    assert source_of(house) == ("local", None)


async def test_a_gateway_that_closes_again(local: House) -> None:
    local.sim.gateway.switches.role = Role.OWNER

    await local.live(31)
    assert source_of(local) == ("cloud", "closed")
    assert local.state("binary_sensor", "charging").state == "on"
    heard = len(local_paths(local))
    await local.live(3000)

    # Left alone, but for a look at its firmware.
    assert len(local_paths(local)) <= heard + 1


async def test_a_token_that_runs_out(build_local_house: HouseBuilder) -> None:
    house = await build_local_house("two_chargers", gateway=Role.INSTALLER)
    token = house.sim.gateway.issue_token(lifetime_s=600)
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, "gateway_token": token})
    await house.reload()
    assert source_of(house) == ("local", None)

    await house.live(700)

    assert source_of(house) == ("cloud", "token_expired")
    assert issue_of(house, "gateway_token") is not None
    renewed = {**house.entry.options, "gateway_token": house.sim.gateway.issue_token()}
    house.hass.config_entries.async_update_entry(house.entry, options=renewed)
    await house.reload()
    assert source_of(house) == ("local", None)
    assert issue_of(house, "gateway_token") is None


# The certificate


async def test_another_certificate_is_for_a_person_to_accept(local: House) -> None:
    gateway = local.sim.gateway
    old = gateway.fingerprint
    await gateway.renew_certificate()
    heard = len(gateway.heard)

    await local.live(3600)

    assert source_of(local) == ("cloud", "certificate_changed")
    assert len(gateway.heard) == heard
    issue = issue_of(local, "gateway_certificate")
    assert issue is not None
    assert issue.is_fixable
    assert issue.translation_placeholders == {
        "site": local.sim.site.name,
        "old": bytes.fromhex(old).hex(":").upper(),
        "new": bytes.fromhex(gateway.fingerprint).hex(":").upper(),
    }

    flow = await repairs.async_create_fix_flow(local.hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = local.hass, issue.issue_id
    form = await flow.async_step_init()
    assert form["description_placeholders"] == issue.translation_placeholders
    assert (await flow.async_step_confirm({}))["type"] == "create_entry"
    await local.hass.async_block_till_done()

    assert local.entry.options["gateway_fingerprint"] == gateway.fingerprint
    assert source_of(local) == ("local", None)
    assert issue_of(local, "gateway_certificate") is None


async def test_the_old_certificate_comes_back(local: House) -> None:
    gateway = local.sim.gateway
    before = gateway.certificate
    await gateway.renew_certificate()
    await local.live(61)
    assert issue_of(local, "gateway_certificate") is not None
    gateway.certificate = before
    await gateway.pull_out()
    await gateway.plug_in()

    await local.live(310)

    assert source_of(local) == ("local", None)
    assert issue_of(local, "gateway_certificate") is None


async def test_what_is_accepted_is_what_was_shown(local: House) -> None:
    gateway = local.sim.gateway
    await gateway.renew_certificate()
    await local.live(61)
    issue = issue_of(local, "gateway_certificate")
    assert issue is not None
    flow = await repairs.async_create_fix_flow(local.hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = local.hass, issue.issue_id
    await gateway.renew_certificate()

    await flow.async_step_confirm({})
    await local.hass.async_block_till_done()

    assert source_of(local) == ("cloud", "certificate_changed")
    assert issue_of(local, "gateway_certificate") is not None
