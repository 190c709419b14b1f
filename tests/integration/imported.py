"""External statistics, as an import has written them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from homeassistant.components.recorder.statistics import list_statistic_ids, statistics_during_period
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House

_KWH = {"energy": "kWh"}

type Rows = list[dict[str, float]]


async def external_statistics(house: House, period: str = "hour") -> dict[str, Rows]:
    """All external statistics by their name."""
    await async_wait_recording_done(house.hass)
    known = await house.hass.async_add_executor_job(list_statistic_ids, house.hass)
    names = {one["statistic_id"]: str(one["name"]) for one in known if one["source"] == DOMAIN}
    found = await house.hass.async_add_executor_job(
        lambda: statistics_during_period(
            house.hass,
            datetime(2020, 1, 1, tzinfo=UTC),
            None,
            set(names),
            period,  # type: ignore[arg-type]  # one of its literals
            _KWH,
            {"state", "sum", "change"},
        )
    )
    return {names[one]: rows for one, rows in found.items()}  # type: ignore[misc]  # its rows are mappings of numbers


def of_series(statistics: Mapping[str, Rows], name: str) -> Iterator[Rows]:
    """Yield the rows of a series, where it is there."""
    if name in statistics:
        yield statistics[name]
