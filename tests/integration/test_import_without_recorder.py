"""An import where Home Assistant keeps no statistics: the recorder is off."""

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.recorder import DATA_INSTANCE
import pytest

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House


async def test_it_says_so_and_asks_the_cloud_nothing(house: House) -> None:
    assert DATA_INSTANCE not in house.hass.data
    passed = len(house.sim.requests)
    with pytest.raises(ServiceValidationError) as caught:
        await house.ask("import_history")
    assert (caught.value.translation_domain, caught.value.translation_key) == (DOMAIN, "recorder_off")
    assert "Recorder" in str(caught.value)
    assert len(house.sim.requests) == passed


async def test_nothing_is_offered(house: House) -> None:
    passed = house.sim.count(path="timeseries/lifetime_energy")
    await house.live(700)
    assert house.sim.count(path="timeseries/lifetime_energy") == passed
    assert not house.entry.runtime_data.site.history.is_under_way
