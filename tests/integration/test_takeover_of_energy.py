"""Coming from the other integration with an Energy dashboard: entity ids and statistics of energy and batteries stay."""

from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.models import StatisticData, StatisticMeanType, StatisticMetaData
from homeassistant.components.recorder.statistics import async_import_statistics, statistics_during_period
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done, do_adhoc_statistics

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import CloudBuilder, live
from tests.integration.the_other import (
    BATTERY_COUNTERPARTS,
    ENERGY_COUNTERPARTS,
    UNIT_COUNTERPARTS,
    energy_of_the_other,
    entry_of_the_other,
)


@pytest.fixture(autouse=True)
def _with_integration(
    recorder_mock: Recorder, enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]
) -> None:
    """The recorder comes before everything else."""


def _had_counted(hass: HomeAssistant, entity_id: str, kwh: float) -> None:
    """Let the statistics of the other integration's sensor stand at a value."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    metadata = StatisticMetaData(
        mean_type=StatisticMeanType.NONE,
        has_sum=True,
        name=None,
        source="recorder",
        statistic_id=entity_id,
        unit_class="energy",
        unit_of_measurement="kWh",
    )
    rows = [StatisticData(start=hour - timedelta(hours=ago), state=kwh - ago, sum=100.0 - ago) for ago in (3, 2, 1)]
    async_import_statistics(hass, metadata, rows)


@pytest.mark.parametrize("had_counted", [300.0, 999_000.0], ids=["less than the cloud knows", "more than the cloud knows"])
async def test_entity_ids_and_statistics_of_energy_stay(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory, had_counted: float
) -> None:
    freezer.move_to("2026-11-30T12:00:00Z")
    sim = await build_cloud("sunny_home")
    entry = entry_of_the_other(hass, sim)
    before = energy_of_the_other(hass, sim, entry)
    consumption = before[f"sensor.site_{sim.site.id}_consumption"]
    _had_counted(hass, consumption, had_counted)
    await async_wait_recording_done(hass)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    after = {f"{one.domain}.{one.unique_id}": one for one in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}
    site = sim.site
    for old, key in ENERGY_COUNTERPARTS.items():
        assert after[f"sensor.{site.id}_{key}"].entity_id == before[f"sensor.site_{site.id}_{old}"]
    for (domain, old), key in BATTERY_COUNTERPARTS.items():
        assert after[f"{domain}.{site.id}_{key}"].entity_id == before[f"{domain}.site_{site.id}_{old}"]
    assert site.battery is not None
    for serial in [unit.serial for unit in site.battery.units]:
        for old, key in UNIT_COUNTERPARTS.items():
            assert after[f"sensor.{serial}_{key}"].entity_id == before[f"sensor.site_{site.id}_battery_{serial}_{old}"]
    state = hass.states.get(consumption)
    assert state is not None
    assert float(state.state) == pytest.approx(had_counted - 1, abs=0.01)
    assert state.attributes["unit_of_measurement"] == "kWh"

    # What the statistics make of it: only what was consumed from here on.
    for _ in range(6):
        await live(hass, freezer, 300)
        await async_wait_recording_done(hass)
        now = datetime.now(UTC)
        do_adhoc_statistics(hass, start=now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0) - timedelta(minutes=5))
        await async_wait_recording_done(hass)
    found = await hass.async_add_executor_job(
        statistics_during_period, hass, datetime(2020, 1, 1, tzinfo=UTC), None, {consumption}, "5minute", {"energy": "kWh"}, {"sum"}
    )
    sums = [row["sum"] or 0.0 for row in found[consumption]]
    assert sums == sorted(sums)
    assert sums[-1] - sums[0] < 5
    assert DOMAIN in hass.config.components
