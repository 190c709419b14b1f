"""How long a set-up takes where each answer takes 100 ms: `python -m benchmarks.set_up`.

The simulated cloud runs in a process of its own. An entry is set up twice: with a sign-in, and with its session alive, as after a restart.
"""

import asyncio
import logging
import os
from pathlib import Path
import tempfile
import time

from homeassistant.const import CONF_EMAIL, CONF_PASSWORD
from pytest_homeassistant_custom_component.common import MockConfigEntry

from benchmarks.houses import home_assistant
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, CONF_SITE, DOMAIN
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
from tests.live.process import free_port
from tests.live.simulator import Simulator

_SCENARIOS = ("one_charger", "battery_only", "home", "sunny_home")
_ANSWER_S = 0.1


async def _measure(scenario: str) -> tuple[float, float]:
    """Return the seconds of a set-up with a sign-in, and of one after a restart."""
    with tempfile.TemporaryDirectory() as folder:
        sim = Simulator(port=free_port(), log=Path(folder) / "simulator.log", scenario=scenario)
        async with sim, home_assistant() as hass:
            os.environ[URL_VARIABLE] = sim.url
            account, chargers = await sim.account(), await sim.chargers()
            (site,) = (await sim.control("GET", "scenario"))["sites"]
            await sim.control("POST", "faults", {"path": "", "delay": _ANSWER_S, "times": None})
            data = {CONF_EMAIL: account["email"], CONF_PASSWORD: account["password"], CONF_SITE: site}
            data |= {CONF_CHARGERS: list(chargers), CONF_FOLLOWS_ACCOUNT: True}
            entry = MockConfigEntry(domain=DOMAIN, unique_id=site, title="Site", data=data)
            entry.add_to_hass(hass)
            seconds = []
            for _ in range(2):
                began = time.perf_counter()
                await hass.config_entries.async_setup(entry.entry_id)
                seconds.append(time.perf_counter() - began)
                await hass.async_block_till_done()
                await hass.config_entries.async_unload(entry.entry_id)
            return seconds[0], seconds[1]


async def _main() -> None:
    print("| | set-up with a sign-in | after a restart |\n| --- | --- | --- |")
    for scenario in _SCENARIOS:
        first, again = await _measure(scenario)
        print(f"| {scenario} | {first:.2f} s | {again:.2f} s |")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(_main())
