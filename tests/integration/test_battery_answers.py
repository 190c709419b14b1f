"""The gateway's own answer to a change of the battery, over a real broker and in real time."""

import asyncio
import logging
import time

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, CONF_SITE, DOMAIN
from custom_components.enphase_ev.enlighten import AnswerStream, InvalidResponse
from custom_components.enphase_ev.enlighten.broker import broker_of
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
from simulator import Simulator

_SWITCH = "switch.battery_restrict_battery_discharge"
_PENDING = "sensor.battery_update_status"


async def _add(hass: HomeAssistant, sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> MockConfigEntry:
    monkeypatch.setenv(URL_VARIABLE, sim.url)
    data = {
        "email": sim.account.email,
        "password": sim.account.password,
        CONF_SITE: sim.site.id,
        CONF_CHARGERS: list(sim.site.chargers),
        CONF_FOLLOWS_ACCOUNT: True,
    }
    entry = MockConfigEntry(domain=DOMAIN, unique_id=sim.site.id, title=sim.site.name, data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


def _state(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


async def test_an_answer_confirms_a_change_within_two_seconds(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Simulator("battery_site", mqtt=True) as sim:
        sim.battery.add_schedule("rbd", "16:30", "17:00")
        entry = await _add(hass, sim, monkeypatch)
        sim.world.deployment.battery.gateway_delay_s = 2.0

        await hass.services.async_call("switch", "turn_on", {"entity_id": _SWITCH}, blocking=True)
        accepted_at = time.monotonic()

        assert _state(hass, _SWITCH) == "on"
        while _state(hass, _PENDING) != "none":
            assert time.monotonic() - accepted_at < 30.0
            await asyncio.sleep(0.05)
        assert time.monotonic() - accepted_at > 1.0
        assert _state(hass, _SWITCH) == "on"
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()
        said = "\n".join(
            record.getMessage() for record in caplog.records if record.name.startswith(("custom_components", "aiomqtt", "paho"))
        )
        assert said
        assert [secret for secret in sim.secrets() if secret in said] == []


async def test_without_a_broker_a_change_is_made_all_the_same(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Simulator("battery_site", mqtt=True) as sim:
        sim.battery.add_schedule("rbd", "16:30", "17:00")
        entry = await _add(hass, sim, monkeypatch)
        sim.faults.add(path="mqttSignedUrl", status=503, times=None)

        await hass.services.async_call("switch", "turn_on", {"entity_id": _SWITCH}, blocking=True)

        assert _state(hass, _PENDING) == "requested"
        assert sim.count(method="PUT", path="batterySettings") == 1
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("evil.example.com", "https://enlighten.enphaseenergy.com"),
        ("127.0.0.1:8883", "https://enlighten.enphaseenergy.com"),
        ("a1.iot.us-east-1.amazonaws.com.evil.example.com", "https://enlighten.enphaseenergy.com"),
        ("evil.example.com:80", "http://127.0.0.1:8377"),
        (None, "http://127.0.0.1:8377"),
    ],
)
def test_the_secret_of_the_stream_goes_nowhere_else(endpoint: str | None, origin: str) -> None:
    with pytest.raises(InvalidResponse):
        broker_of(AnswerStream(endpoint=endpoint), URL(origin))


def test_the_clouds_own_brokers_are_used_encrypted() -> None:
    stream = AnswerStream(endpoint="a1b2c3-ats.iot.us-east-1.amazonaws.com")
    broker = broker_of(stream, URL("https://enlighten.enphaseenergy.com"))
    assert str(broker) == "wss://a1b2c3-ats.iot.us-east-1.amazonaws.com/mqtt"
