"""Nothing personal in any log, at debug level, whatever happens."""

import logging

from homeassistant.const import CONF_CODE, CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.enphase_ev import diagnostics
from custom_components.enphase_ev.const import CONF_REMEMBER_PASSWORD
from simulator import Simulator
from simulator.faults import FaultOptions
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import one_in

_OURS = ("custom_components.enphase_ev",)
_OUTAGES: list[FaultOptions] = [
    {"status": 503},
    {"drop": True},
    {"html": True},
    {"broken_json": True},
    {"status": 429},
    {"status": 403},
    {"status": 401},
]


def _personal(sim: Simulator) -> set[str]:
    return sim.secrets() | {site.id for site in sim.world.sites.values()}


def _told(caplog: pytest.LogCaptureFixture, personal: set[str]) -> list[tuple[str, str]]:
    """Return what our own log lines tell that they should not, tracebacks included."""
    formatter = logging.Formatter("%(name)s %(message)s")
    lines = [(line.name, formatter.format(line)) for line in caplog.records if line.name.startswith(_OURS)]
    assert lines
    return [(value, text) for _, text in lines for value in personal if value in text]


async def _live_through_a_day(house: House) -> None:
    """Let happen what can happen to a charger, its cloud and its account."""
    sim, switch = house.sim, house.entity_id("switch", "charging")
    await house.call("switch", "turn_on", entity_id=switch)
    await house.live(1800)
    await house.ask("start_live_stream", device_id=house.device_id())
    await house.ask("trigger_message", device_id=house.device_id())
    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="green")
    for outage in _OUTAGES:
        # A session that is refused again and again is given up.
        sim.faults.add(path="service", times=1 if outage.get("status") == 401 else 3, **outage)
        await house.live(700)
        sim.faults.clear()
        await house.live(301)
    error = {"displayMessage": f"{sim.charger().serial} of {sim.account.email} is busy", "errorMessageCode": "iqevc_ms-10099"}
    refusal: FaultOptions = {"status": 400, "body": {"error": error}}
    lost: FaultOptions = {"drop": True}
    for fault in (refusal, lost):
        sim.faults.add(path="start_charging", times=None, **fault)
        with pytest.raises(HomeAssistantError):
            await house.call("switch", "turn_on", entity_id=switch)
        sim.faults.clear()
    # The cloud's own words can name anybody.
    sim.faults.add(path="summary|preference|schedules|firmware|history", times=None, **refusal)
    await house.live(7 * 3600)
    sim.faults.clear()
    sim.expire_tokens()
    await house.live(3600)
    await house.call("switch", "turn_off", entity_id=switch)
    sim.charger().unplug()
    await house.live(600)
    await diagnostics.async_get_config_entry_diagnostics(house.hass, house.entry)
    await house.restart(hours=10)
    await house.sim.stop()
    await house.live(1800)
    await house.sim.start()
    await house.live(1800)


@pytest.mark.parametrize("scenario", one_in(2, ["mfa_account", "form_sign_in"]))
async def test_nothing_personal_is_logged(sign_in_house: HouseBuilder, caplog: pytest.LogCaptureFixture, scenario: str) -> None:
    caplog.set_level(logging.DEBUG)
    house = await sign_in_house(scenario)

    await _live_through_a_day(house)

    assert _told(caplog, _personal(house.sim)) == []


async def test_nothing_personal_is_logged_when_the_session_is_lost(
    hass: HomeAssistant, sign_in_house: HouseBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house = await sign_in_house("mfa_account")
    house.sim.expire_sessions()
    await house.live(3600)
    (flow,) = hass.config_entries.flow.async_progress()
    for password in ("wrong-password", house.sim.account.password):
        form = await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_PASSWORD: password, CONF_REMEMBER_PASSWORD: True})
    for code in ("123456", house.sim.account.one_time_code):
        form = await hass.config_entries.flow.async_configure(form["flow_id"], {CONF_CODE: code})
    await hass.async_block_till_done()
    assert form["reason"] == "reauth_successful"

    assert _told(caplog, _personal(house.sim) | {"wrong-password", "123456"}) == []
