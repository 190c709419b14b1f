"""A state is written only when it has changed, but for a state of charge: what is written in vain wakes up all that listens to it."""

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

    # Who steers by the state of charge wants to see that one which stands still is fresh: at least every five minutes.
    assert {entity_id for entity_id in in_vain if not entity_id.endswith("_state_of_charge")} == set()
    assert all(times <= 35 * 60 / 240 for times in in_vain.values())
    assert [one for one in ours if (state := hass.states.get(one)) != (was := before[one]) and state and was]
