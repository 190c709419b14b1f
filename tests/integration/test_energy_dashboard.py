"""What the Energy dashboard makes of the lifetime counter."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.statistics import get_metadata, statistics_during_period
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done, do_adhoc_statistics

from tests.integration.conftest import CloudBuilder, House, HouseBuilder
from tests.integration.the_other import entry_of_the_other, registries_of_the_other


@pytest.fixture(autouse=True)
def _with_integration(
    recorder_mock: Recorder, enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]
) -> None:
    """The recorder comes before everything else."""


async def _live_with_statistics(house: House, minutes: int) -> None:
    """Let time pass, and let the recorder work as it does every five minutes."""
    for _ in range(minutes // 5):
        await house.live(300)
        await async_wait_recording_done(house.hass)
        now = datetime.now(UTC)
        start = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0) - timedelta(minutes=5)
        do_adhoc_statistics(house.hass, start=start)
        await async_wait_recording_done(house.hass)


async def _sums(house: House) -> list[float]:
    """The Energy dashboard's running sum, five minutes by five minutes, in kWh."""
    entity_id = house.entity_id("sensor", "lifetime_energy")
    found = await house.hass.async_add_executor_job(
        statistics_during_period,
        house.hass,
        datetime(2020, 1, 1, tzinfo=UTC),
        None,
        {entity_id},
        "5minute",
        {"energy": "kWh"},
        {"sum"},
    )
    return [row["sum"] or 0.0 for row in found[entity_id]]


async def test_the_dashboard_gets_every_watt_hour_and_no_other(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    charger = house.sim.charger()
    charger.quirks.jitter_wh = 8.0
    charger.report()
    await house.live(60)
    begin = charger.reported.lifetime_wh

    await _live_with_statistics(house, 30)
    # The cloud does not answer for a while.
    fault = house.sim.faults.add(path="ev_chargers", status=503, times=None)
    await _live_with_statistics(house, 20)
    house.sim.faults.rules.remove(fault)
    await _live_with_statistics(house, 10)
    # Home Assistant is down for an hour, in the middle of which a report is lost.
    await house.restart(hours=1)
    await _live_with_statistics(house, 15)
    charged = charger.reported.lifetime_wh - begin
    sums = await _sums(house)

    assert sums[-1] == pytest.approx(charged / 1000, abs=0.05 + 7.36 / 12)
    assert sums == sorted(sums)


async def test_a_reset_is_neither_a_spike_nor_a_hole(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    charger = house.sim.charger()
    await house.live(60)
    await _live_with_statistics(house, 10)

    charger.lifetime_wh = 0.0
    await _live_with_statistics(house, 20)
    after_reset = await _sums(house)
    charger.lifetime_wh = 850_000.0
    await _live_with_statistics(house, 20)
    sums = await _sums(house)

    steps = [later - earlier for earlier, later in pairwise(sums)]
    # A charger of 7.36 kW counts 0.61 kWh in five minutes; doubt can put two of them into one.
    assert min(steps) >= 0
    assert max(steps) <= 2 * 7.36 / 12 + 0.01
    assert after_reset[-1] >= 7.36 * 20 / 60
    assert sums[-1] >= 7.36 * 35 / 60


async def test_the_other_integrations_statistics_go_on(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory
) -> None:
    """It counted in kilowatt hours; the first hour here neither jumps nor begins anew."""
    assert await async_setup_component(hass, "sensor", {})
    sim = await build_cloud("single_phase")
    entry = entry_of_the_other(hass, sim)
    entity_id = registries_of_the_other(hass, sim, entry)[f"sensor.enphase_ev_{sim.charger().serial}_lifetime_kwh"]
    house = House(hass, sim, entry, freezer)
    begin = round(sim.charger().reported.lifetime_wh / 1000, 3)
    attributes = {"device_class": "energy", "state_class": "total_increasing", "unit_of_measurement": "kWh"}
    for _ in range(6):
        hass.states.async_set(entity_id, str(round(sim.charger().reported.lifetime_wh / 1000, 3)), attributes)
        await _live_with_statistics(house, 5)
    hass.states.async_remove(entity_id)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert house.entity_id("sensor", "lifetime_energy") == entity_id
    before = (await _sums(house))[-1]
    await _live_with_statistics(house, 60)

    sums = await _sums(house)
    assert before > 1
    assert sums == sorted(sums)
    assert sums[-1] == pytest.approx(sim.charger().reported.lifetime_wh / 1000 - begin, abs=0.05 + 7.36 / 12)
    metadata = await hass.async_add_executor_job(lambda: get_metadata(hass, statistic_ids={entity_id}))
    assert metadata[entity_id][1]["unit_of_measurement"] == "kWh"
