"""Home Assistant's Energy dashboard of the demo: sun, grid, battery and cars, from the cloud alone.

What the sensors count from now on stands beside what was imported of the days before, as docs/energy.md tells people to choose them.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.live.dashboard import Entities
from tests.live.home_assistant import HomeAssistant

type Source = dict[str, object]

_CHANNELS = ("solar_production", "grid_import", "grid_export", "battery_charged", "battery_discharged")
_WANTED = (*_CHANNELS, "solar_power", "grid_power", "battery_power", "import_price", "export_price")
_LOOK_EVERY_S = 5.0
_NO_PRICE: Source = {
    "stat_cost": None,
    "entity_energy_price": None,
    "number_energy_price": None,
    "stat_compensation": None,
    "entity_energy_price_export": None,
    "number_energy_price_export": None,
    "cost_adjustment_day": 0.0,
}


async def import_the_past(home_assistant: HomeAssistant, time_zone: str) -> None:
    """Bring everything up to yesterday into the statistics; the sensors count today."""
    yesterday = datetime.now(UTC).astimezone(ZoneInfo(time_zone)).date() - timedelta(days=1)
    await home_assistant.post("/api/services/enphase_ev/import_history?return_response", {"to": yesterday.isoformat()})


async def fill(home_assistant: HomeAssistant, *, seconds: float = 300) -> list[str]:
    """Put in what comes, until all of it is there; return what has not come within that time.

    Live power comes with its first message, and a price of export with the answer about the day.
    """
    missing = list(_WANTED)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while missing := await install(home_assistant):
                await asyncio.sleep(_LOOK_EVERY_S)
    return missing


async def install(home_assistant: HomeAssistant) -> list[str]:
    """Put everything that is there into the Energy dashboard; return the sensors that are not there yet."""
    entities = Entities(await home_assistant.entities())
    known = await home_assistant.command("recorder/list_statistic_ids")
    imported = {str(one["statistic_id"]): str(one["name"]) for one in known if one["source"] == "enphase_ev"}
    sensors = {key: entry["entity_id"] for key in _WANTED for entry in entities.owners("sensor", key).values()}
    past = {key: one for key in _CHANNELS for one in imported if one.startswith("enphase_ev:site_") and one.endswith(f"_{key}")}
    await home_assistant.command(
        "energy/save_prefs",
        energy_sources=[*_sources(sensors), *_sources(past)],
        device_consumption=[*_chargers(entities), *({"stat_consumption": one} for one in imported if _is_of_a_charger(one))],
    )
    return [key for key in _WANTED if key not in sensors]


def _sources(ids: Mapping[str, str]) -> list[Source]:
    """Return grid, sun and battery, as far as they are there; each with its power and the grid with its prices."""

    def optional(**keys: str) -> Source:
        return {name: ids[key] for name, key in keys.items() if key in ids}

    found: list[Source] = []
    if "grid_import" in ids:
        energy = {"stat_energy_from": ids["grid_import"], "stat_energy_to": ids.get("grid_export")}
        prices = optional(entity_energy_price="import_price", entity_energy_price_export="export_price")
        found.append({"type": "grid", **_NO_PRICE, **energy, **prices, **optional(stat_rate="grid_power")})
    if "solar_production" in ids:
        energy = {"stat_energy_from": ids["solar_production"]}
        found.append({"type": "solar", "config_entry_solar_forecast": None, **energy, **optional(stat_rate="solar_power")})
    if "battery_charged" in ids and "battery_discharged" in ids:
        energy = {"stat_energy_from": ids["battery_discharged"], "stat_energy_to": ids["battery_charged"]}
        found.append({"type": "battery", **energy, **optional(stat_rate="battery_power")})
    return found


def _chargers(entities: Entities) -> list[Source]:
    """Return the chargers that are there, each with its power."""
    found: list[Source] = []
    for serial in entities.chargers:
        meter, power = (entities.find("sensor", serial, key) for key in ("lifetime_energy", "power"))
        if meter:
            found.append({"stat_consumption": meter, **({"stat_rate": power} if power else {})})
    return found


def _is_of_a_charger(statistic_id: str) -> bool:
    return statistic_id.startswith("enphase_ev:charger_") and statistic_id.endswith("_energy")
