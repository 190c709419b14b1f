"""What the cloud says, and how a charger is called, when it becomes a part of an error, of the log and of the diagnostics."""

from dataclasses import replace
import json
import logging

from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.enphase_ev import diagnostics
from simulator import Simulator
from tests.integration.house import House, HouseBuilder

_OURS = "custom_components.enphase_ev"
_LONGEST = 300


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith(_OURS)]


async def test_a_refusal_forges_no_line_and_repeats_no_token(house: House, caplog: pytest.LogCaptureFixture) -> None:
    account = house.entry.runtime_data.account
    token, cookie = account.state.access_token.value, account.state.cookies[0].partition("=")[2].partition(";")[0]
    words = (
        f"Busy\n2026-05-20 03:00:00.000 ERROR (MainThread) Signed out with {token} and {cookie} of {house.sim.account.email} " + "x " * 4000
    )
    house.sim.faults.add(path="charging$|preference$", status=466, body={"error": {"displayMessage": words}}, times=None)
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(HomeAssistantError) as refused:
            await house.ask("start_charging", device_id=house.device_id())
        await house.live(700)
    text = str(refused.value)
    assert "Busy 2026-05-20" in text
    assert len(text) <= _LONGEST
    found = json.dumps(await diagnostics.async_get_config_entry_diagnostics(house.hass, house.entry), cls=ExtendedJSONEncoder)
    told = "\n".join([text, found, *_lines(caplog)])
    assert "Signed out" in found
    assert [secret for secret in (token, cookie, house.sim.account.email) if secret in told] == []
    assert [line for line in _lines(caplog) if not line.isprintable()] == []


@pytest.mark.parametrize("kind", ["token", "cookie"])
async def test_not_a_part_of_a_secret_is_repeated(house: House, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    """In words that are short enough to be shown whole."""
    state = house.entry.runtime_data.account.state
    secret = state.access_token.value if kind == "token" else state.cookies[0].partition("=")[2].partition(";")[0]
    body = {"error": {"displayMessage": f"Busy with {secret}"}}
    house.sim.faults.add(path="charging$", status=466, body=body, times=None)
    with caplog.at_level(logging.DEBUG), pytest.raises(HomeAssistantError) as refused:
        await house.ask("start_charging", device_id=house.device_id())
    found = json.dumps(await diagnostics.async_get_config_entry_diagnostics(house.hass, house.entry), cls=ExtendedJSONEncoder)
    told = "\n".join([str(refused.value), found, *_lines(caplog)])
    assert "Busy with" in told
    assert [part for part in (secret[begin : begin + 12] for begin in range(0, len(secret) - 12, 6)) if part in told] == []


@pytest.mark.parametrize("name", ["Garage\nERROR Signed out", "G" * 5000, "Wall box " * 500], ids=["lines", "word", "words"])
async def test_whatever_a_charger_is_called_an_error_stays_short(build_house: HouseBuilder, name: str) -> None:
    def rename(sim: Simulator) -> None:
        sim.charger().profile = replace(sim.charger().profile, name=name)

    house = await build_house(prepare=rename)
    with pytest.raises(HomeAssistantError) as refused:
        await house.ask("start_charging", device_id=house.device_id(), charging_level=3)
    assert len(str(refused.value)) <= _LONGEST
    assert str(refused.value).isprintable()
    house.sim.charger().unplug()
    await house.live(61)
    with pytest.raises(HomeAssistantError) as unplugged:
        await house.ask("start_charging", device_id=house.device_id())
    assert len(str(unplugged.value)) <= _LONGEST
    assert str(unplugged.value).isprintable()


async def test_the_word_of_a_connector_forges_no_line(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A start that the charger does not carry out is logged with what the charger says instead."""
    house.sim.faults.add(path="start_charging$", status=200, body={"status": "accepted"}, times=None)
    await house.ask("start_charging", device_id=house.device_id())
    status = {
        "sn": house.sim.charger().serial,
        "connected": True,
        "pluggedIn": True,
        "connectors": [{"connectorStatusType": "A\nERROR " * 60}],
    }
    house.sim.faults.add(path="status$", body={"data": {"chargers": [status]}}, times=None)
    await house.live(120)
    (line,) = [line for line in _lines(caplog) if "has not done it" in line]
    assert line.isprintable()
    assert len(line) <= _LONGEST
