"""A state is written only when it has changed: what is written without a change wakes up everything that listens to it for nothing."""

from collections import Counter

from homeassistant.const import EVENT_STATE_REPORTED
from homeassistant.core import Event, EventStateReportedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest

from tests.integration.house import HouseBuilder


@pytest.mark.parametrize("scenario", ["green_site", "home"])
async def test_nothing_is_written_that_has_not_changed(hass: HomeAssistant, build_house: HouseBuilder, scenario: str) -> None:
    house = await build_house(scenario)
    await house.live(600)
    ours = {one.entity_id for one in er.async_entries_for_config_entry(er.async_get(hass), house.entry.entry_id)}
    in_vain: Counter[str] = Counter()

    @callback
    def count(event: Event[EventStateReportedData]) -> None:
        in_vain[event.data["entity_id"]] += 1

    hass.bus.async_listen(EVENT_STATE_REPORTED, count, callback(lambda data: data["entity_id"] in ours))
    before = {entity_id: hass.states.get(entity_id) for entity_id in ours}
    await house.live(1800)
    house.sim.charger().unplug()
    await house.live(300)

    assert in_vain == {}
    assert [one for one in ours if (state := hass.states.get(one)) != (was := before[one]) and state and was]
