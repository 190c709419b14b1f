"""An account that the cloud slows down: sat out, and said only when it lasts."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House


def _issue(house: House) -> ir.IssueEntry | None:
    return ir.async_get(house.hass).async_get_issue(DOMAIN, f"throttled_{house.entry.entry_id}")


@pytest.mark.parametrize("headers", [None, {"Retry-After": "120"}, {"Retry-After": "7200"}], ids=["no time", "minutes", "hours"])
async def test_it_is_said_after_half_an_hour(house: House, headers: dict[str, str] | None) -> None:
    house.sim.faults.add(path="ev_chargers/status", status=429, headers=headers, times=None)

    await house.live(60 + 29 * 60)
    assert _issue(house) is None
    await house.live(120)
    issue = _issue(house)
    assert issue is not None
    assert issue.translation_placeholders == {"site": "Main Site"}
    assert not issue.is_fixable
    house.sim.faults.clear()
    await house.live(7300)

    assert _issue(house) is None
    assert house.state("sensor", "status").state == "plugged_in"


async def test_a_short_one_is_not_said(house: House) -> None:
    house.sim.faults.add(path="ev_chargers/status", status=429, headers={"Retry-After": "1200"})

    await house.live(2 * 3600)

    assert _issue(house) is None


async def test_one_after_the_other_is_not_one_long_one(house: House) -> None:
    for _ in range(4):
        house.sim.faults.add(path="ev_chargers/status", status=429, headers={"Retry-After": "900"})
        await house.live(1100)
        assert _issue(house) is None


async def test_nothing_is_said_once_the_site_is_unloaded(house: House) -> None:
    house.sim.faults.add(path="ev_chargers/status", status=429, headers={"Retry-After": "7200"})
    await house.live(61)

    await house.hass.config_entries.async_unload(house.entry.entry_id)
    await house.live(3600)

    assert _issue(house) is None


async def test_a_start_that_was_throttled_waits_as_long_as_was_told(house: House) -> None:
    house.sim.faults.add(path="start_charging", status=429, headers={"Retry-After": "30"})

    for wait in (0, 25):
        await house.live(wait)
        with pytest.raises(HomeAssistantError) as failure:
            await house.ask("start_charging", device_id=house.device_id())
        assert failure.value.translation_key == "rate_limited"

    assert house.sim.count(path="start_charging") == 1
    # Another command was not throttled.
    await house.ask("stop_charging", device_id=house.device_id())
    assert house.sim.count(path="stop_charging") == 1
    await house.live(6)
    await house.ask("start_charging", device_id=house.device_id())
    assert house.sim.charger().charging


async def test_tries_to_set_a_throttled_site_up_wait_as_long_as_was_told(house: House) -> None:
    house.sim.faults.add(path="ev_chargers/status", status=429, headers={"Retry-After": "1800"}, times=None)
    house.sim.requests.clear()

    await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.live(1790)

    assert house.entry.state is ConfigEntryState.SETUP_RETRY
    assert [request.path.rsplit("/", 1)[-1] for request in house.sim.requests] == ["status"]
    house.sim.faults.clear()
    await house.live(620)
    assert house.entry.state is ConfigEntryState.LOADED
