"""A restart: the session goes on, and nothing is asked of a person."""

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import HomeAssistant
import pytest

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_REMEMBER_PASSWORD, DOMAIN
from tests.integration.house import CloudBuilder, House, HouseBuilder, sign_in


@pytest.mark.parametrize("remembers", [True, False], ids=["password remembered", "password not remembered"])
@pytest.mark.parametrize("scenario", ["one_charger", "mfa_account"])
async def test_a_restart_needs_no_sign_in(sign_in_house: HouseBuilder, scenario: str, remembers: bool) -> None:
    house = await sign_in_house(scenario, remembers=remembers)
    assert house.sim.sign_ins == 1

    await house.restart()

    assert house.entry.state is ConfigEntryState.LOADED
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.sim.sign_ins == 1
    assert house.sim.codes_sent == (1 if scenario == "mfa_account" else 0)


async def test_the_session_lasts_for_days_and_many_restarts(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("mfa_account", remembers=False)
    house.sim.world.deployment.rotate_session_on_token = True

    for _ in range(10):
        await house.live(1800)
        await house.restart(hours=13)

    assert house.entry.state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 1
    assert not list(house.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH}))


async def test_a_restart_right_after_the_sign_in(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("one_charger", remembers=False)

    await house.restart(after=0)

    assert house.entry.state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 1


async def test_a_session_that_died_meanwhile_is_opened_again_with_the_password(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("one_charger")
    house.sim.expire_sessions()

    await house.restart()

    assert house.entry.state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 2


async def test_a_session_that_died_meanwhile_asks_a_person_without_the_password(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("one_charger", remembers=False)
    house.sim.expire_sessions()

    await house.restart()

    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    assert list(house.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH}))
    assert house.sim.sign_ins == 1


async def test_a_refused_password_is_not_tried_again_by_restarting(build_house: HouseBuilder) -> None:
    house = await build_house(password="wrong", state=ConfigEntryState.SETUP_ERROR)
    assert house.sim.sign_ins == 1

    for _ in range(5):
        await house.hass.config_entries.async_reload(house.entry.entry_id)
        await house.restart()

    assert house.sim.sign_ins == 1
    assert not house.sim.account.locked


async def test_what_the_deployment_wants_is_remembered(sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("old_forms")
    switch = house.entity_id("switch", "charging")
    await house.call("switch", "turn_on", entity_id=switch)
    await house.call("switch", "turn_off", entity_id=switch)

    await house.restart()
    house.sim.requests.clear()
    await house.call("switch", "turn_on", entity_id=switch)
    await house.call("switch", "turn_off", entity_id=switch)

    assert house.sim.count("control") == 2


async def test_a_cloud_that_is_down_at_the_start(hass: HomeAssistant, house: House) -> None:
    assert await hass.config_entries.async_unload(house.entry.entry_id)
    await house.sim.stop()
    await hass.config_entries.async_setup(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_RETRY
    await house.live(60)
    assert house.entry.state is ConfigEntryState.SETUP_RETRY

    await house.sim.start()
    await house.live(300)

    assert house.entry.state is ConfigEntryState.LOADED
    assert house.sim.sign_ins == 1
    assert not list(house.entry.async_get_active_flows(hass, {SOURCE_REAUTH}))


async def test_the_flow_of_the_fixture_does_what_a_person_does(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("two_chargers")

    entry = await sign_in(hass, sim, remembers=False)

    assert entry.data[CONF_EMAIL] == sim.account.email
    assert CONF_PASSWORD not in entry.data
    assert CONF_REMEMBER_PASSWORD not in entry.data
    assert entry.data[CONF_CHARGERS] == list(sim.site.chargers)
    assert hass.config_entries.async_entries(DOMAIN) == [entry]


async def test_an_entry_of_a_later_release_is_left_as_it_is(sign_in_house: HouseBuilder) -> None:
    """Whoever goes back a release within the same version finds everything there."""
    house = await sign_in_house("one_charger")
    before = dict(house.entry.data)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    house.hass.config_entries.async_update_entry(house.entry, minor_version=7)

    await house.hass.config_entries.async_setup(house.entry.entry_id)

    assert house.entry.state is ConfigEntryState.LOADED
    assert (dict(house.entry.data), house.entry.minor_version) == (before, 7)
