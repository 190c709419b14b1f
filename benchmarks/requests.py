"""How many requests the integration sends, counted by the simulated cloud: `python -m benchmarks.requests`.

A real Home Assistant with the integration runs in this process against the simulator over real sockets. Its clock is moved from timer to
timer, so hours pass in seconds.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import logging
import os
from unittest.mock import patch

import aiohttp
import freezegun
from freezegun.api import FrozenDateTimeFactory
from homeassistant import loader
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import async_test_home_assistant, mock_storage

# Home Assistant finds a custom integration only where it can be imported.
import custom_components.enphase_ev  # noqa: F401
from custom_components.enphase_ev.battery_tickets import ChangeState
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
from simulator import Simulator
from simulator.battery.families import ControlFamily
from simulator.battery.switches import WriteKind
from tests.integration.house import House, live, sign_in

_HOUR = 3600
# Rounds of the event loop in which requests and answers get through.
_TURNS = 200
_SCENARIOS = {"one_charger": "One charger", "ten_chargers": "Ten chargers"}


@dataclass
class _Tally:
    """Requests by family, a column for each thing that was done."""

    columns: dict[str, Counter[str]] = field(default_factory=dict)

    def close(self, name: str, sim: Simulator) -> None:
        """Book what came since the last column."""
        self.columns[name] = Counter(request.family.value for request in sim.requests)
        sim.requests.clear()

    def __str__(self) -> str:
        """Return a table, with the sum at its foot."""
        families = sorted({family for column in self.columns.values() for family in column})
        rows = [["", *self.columns]]
        rows += [[family, *(str(column[family]) for column in self.columns.values())] for family in families]
        rows.append(["all", *(str(column.total()) for column in self.columns.values())])
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


@asynccontextmanager
async def home_assistant() -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant that may use custom integrations and keeps its files in memory."""
    # Names are looked up by the system, not by asking around on the local network.
    with mock_storage(), patch("homeassistant.helpers.aiohttp_client._async_make_resolver", lambda _: aiohttp.ThreadedResolver()):
        async with async_test_home_assistant() as hass:
            hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
            yield hass
            await hass.async_stop(force=True)


async def _measure(scenario: str, freezer: FrozenDateTimeFactory) -> _Tally:
    tally = _Tally()
    async with Simulator(scenario) as sim, home_assistant() as hass:
        for charger in sim.site.chargers.values():
            if charger.charging:
                charger.stop()
        os.environ[URL_VARIABLE] = sim.url
        entry = await sign_in(hass, sim)
        house = House(hass, sim, entry, freezer)
        tally.close("sign-in and set-up", sim)
        await live(hass, freezer, 120)
        tally.close("first 2 min", sim)
        await live(hass, freezer, _HOUR)
        tally.close("idle hour", sim)
        charger = next(charger for charger in sim.site.chargers.values() if charger.plugged_in)
        await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging", charger))
        while house.state("switch", "charging", charger).attributes["last_command"] == "requested":
            await live(hass, freezer, 1)
        tally.close("start, until seen", sim)
        await live(hass, freezer, _HOUR)
        tally.close("charging hour", sim)
        await house.restart()
        tally.close("restart", sim)
        await hass.config_entries.async_unload(entry.entry_id)
    return tally


async def _measure_battery(freezer: FrozenDateTimeFactory) -> _Tally:
    tally = _Tally()
    async with Simulator("battery_only") as sim, home_assistant() as hass:
        os.environ[URL_VARIABLE] = sim.url
        entry = await sign_in(hass, sim)
        house = House(hass, sim, entry, freezer)
        tally.close("sign-in and set-up", sim)
        await live(hass, freezer, _HOUR)
        tally.close("idle hour", sim)

        async def flip(service: str, key: str, column: str) -> None:
            # A change goes on in the background and rests there: its requests get their turns, then a second passes.
            call = asyncio.create_task(house.call("switch", service, entity_id=house.site_entity_id("switch", key)))
            while not call.done() or entry.runtime_data.battery.data.change.state not in {ChangeState.APPLIED, ChangeState.FAILED}:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                freezer.tick(1)
            await call
            tally.close(column, sim)

        await flip("turn_on", "charge_from_grid", "switch, until applied")
        sim.world.deployment.battery.drops.update({WriteKind.CFG: {ControlFamily.DTG}})
        await flip("turn_off", "charge_from_grid", "and a family dropped")
        await house.restart()
        tally.close("restart", sim)
        await hass.config_entries.async_unload(entry.entry_id)
    return tally


def main() -> None:
    """Print a table for each scenario."""
    logging.disable(logging.CRITICAL)
    for scenario, title in _SCENARIOS.items():
        with freezegun.freeze_time() as freezer:
            tally = asyncio.run(_measure(scenario, freezer))
        print(f"{title}\n{tally}\n")
    with freezegun.freeze_time() as freezer:
        tally = asyncio.run(_measure_battery(freezer))
    print(f"Two batteries, no charger\n{tally}\n")


if __name__ == "__main__":
    main()
