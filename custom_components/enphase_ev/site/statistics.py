"""What Home Assistant's recorder has of an entity, and what is written into its long-term statistics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from homeassistant.components.recorder.models import StatisticData, StatisticMeanType, StatisticMetaData
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    get_last_short_term_statistics,
    get_last_statistics,
    get_metadata,
    statistics_during_period,
)
from homeassistant.const import UnitOfEnergy
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.recorder import DATA_INSTANCE, get_instance
from homeassistant.util.unit_conversion import EnergyConverter

from ..const import DOMAIN

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@callback
def has_recorder(hass: HomeAssistant) -> bool:
    """Return whether there are statistics at all."""
    return DATA_INSTANCE in hass.data


async def async_last_energy(hass: HomeAssistant, entity_id: str) -> float | None:
    """Return the value (Wh) at which the statistics of an energy sensor stand; `None` where it has none."""
    if not has_recorder(hass):
        return None

    def read() -> float | None:
        metadata = get_metadata(hass, statistic_ids={entity_id}).get(entity_id)
        unit = metadata[1]["unit_of_measurement"] if metadata else None
        if unit not in EnergyConverter.VALID_UNITS:
            return None
        for read_last in (get_last_short_term_statistics, get_last_statistics):
            for row in read_last(hass, 1, entity_id, False, {"state"}).get(entity_id, []):
                if (state := row.get("state")) is not None:
                    return EnergyConverter.convert(state, unit, UnitOfEnergy.WATT_HOUR)
        return None

    return await get_instance(hass).async_add_executor_job(read)


@dataclass(frozen=True)
class Series:
    """A series of external statistics.

    Attributes:
        key: its id is `enphase_ev:<key>`.
        unit: kWh, or a currency.
        amounts: by the hour in which they were counted (UTC).
    """

    key: str
    name: str
    unit: str
    amounts: Mapping[datetime, float]

    @property
    def statistic_id(self) -> str:
        """Return the id."""
        return f"{DOMAIN}:{self.key}"


async def async_write(hass: HomeAssistant, series: Series, *, keeps_others: bool = False) -> None:
    """Write a series into the statistics, in place of what is there of it.

    The sums begin at the first hour, so that writing more of the past, or the same again, leaves every sum right. An hour that was written
    once and is not in the series keeps what it holds with `keeps_others`; else it holds nothing any more.
    """
    statistic_id = series.statistic_id
    # What was written just before may be waiting yet.
    await get_instance(hass).async_block_till_done()
    known = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(hass, _BEGINNING, None, {statistic_id}, "hour", None, {"state"})
    )
    written = {datetime.fromtimestamp(row["start"], UTC): row.get("state") or 0.0 for row in known.get(statistic_id, [])}
    amounts = {hour: amount if keeps_others else 0.0 for hour, amount in written.items()} | dict(series.amounts)
    metadata = StatisticMetaData(
        mean_type=StatisticMeanType.NONE,
        has_sum=True,
        name=series.name,
        source=DOMAIN,
        statistic_id=statistic_id,
        unit_class=EnergyConverter.UNIT_CLASS if series.unit == UnitOfEnergy.KILO_WATT_HOUR else None,
        unit_of_measurement=series.unit,
    )
    if rows := list(_rows(amounts)):
        async_add_external_statistics(hass, metadata, rows)


def _rows(amounts: Mapping[datetime, float]) -> Iterable[StatisticData]:
    total = 0.0
    for hour, amount in sorted(amounts.items()):
        total += amount
        yield StatisticData(start=hour, state=amount, sum=total)
