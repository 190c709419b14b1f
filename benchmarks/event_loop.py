"""What the integration takes of Home Assistant's event loop: `python -m benchmarks.event_loop [--week]`.

The simulated cloud runs in a process of its own, so that only the integration and Home Assistant are measured. Every callback of the loop
is timed, by the processor's clock of its thread: their sum while a refresh is under way is the time of the refresh, the longest one the
longest block. `--week` measures memory over a simulated week as well, which takes some minutes.
"""

import argparse
import asyncio
from asyncio.events import Handle
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
import gc
import logging
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from typing import Any, cast
from unittest.mock import Mock, patch

import freezegun
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store
from pytest_homeassistant_custom_component.common import MockConfigEntry

from benchmarks.houses import home_assistant
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, CONF_SITE, DOMAIN
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
import simulator
from tests.integration.house import live, sign_in
from tests.live.process import free_port
from tests.live.simulator import Simulator

_SCENARIOS = {"one_charger": "1 charger", "ten_chargers": "10 chargers", "fifty_chargers": "50 chargers"}
_REFRESHES = 30
_IMPORTS = 7
_HOUR = 3600
_DAY = 24 * _HOUR
# All modules, after what every Home Assistant with these platforms has imported anyway.
_IMPORT = """
import pkgutil, time
from homeassistant import bootstrap, config_entries, requirements
from homeassistant.components import binary_sensor, button, calendar, diagnostics, event, number, repairs, select, sensor, switch
from homeassistant.components import system_health, update
from homeassistant.helpers import (
    aiohttp_client, device_registry, entity_registry, issue_registry, selector, service, service_info, storage, update_coordinator
)
import homeassistant.helpers.service_info.zeroconf, homeassistant.components.homeassistant
began = time.process_time()
import custom_components.enphase_ev as package
for module in pkgutil.walk_packages(package.__path__, "custom_components.enphase_ev."):
    __import__(module.name)
print(time.process_time() - began)
"""


@dataclass
class Meter:
    """How long the callbacks of the event loop took, in ms of its processor."""

    spans: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Return the time of all of them."""
        return sum(self.spans)

    @property
    def longest(self) -> float:
        """Return the longest block."""
        return max(self.spans, default=0.0)


@contextmanager
def metered() -> Iterator[Meter]:
    """Time every callback of the loop."""
    meter = Meter()
    spans = meter.spans
    run = Handle._run  # noqa: SLF001 - nothing public tells how long a callback took

    def timed(handle: Handle) -> None:
        began = time.thread_time()
        run(handle)
        spans.append((time.thread_time() - began) * 1000)

    with patch.object(Handle, "_run", timed):
        yield meter
    # The callback that goes on from here is not over yet, and what it does from now on is none of it.
    meter.spans = meter.spans.copy()


@asynccontextmanager
async def _house(scenario: str) -> AsyncIterator[tuple[HomeAssistant, MockConfigEntry, Simulator]]:
    """Run a Home Assistant with an entry that is not set up, and its cloud."""
    with tempfile.TemporaryDirectory() as folder:
        # Every charger has something new to report at every refresh.
        sim = Simulator(port=free_port(), log=Path(folder) / "simulator.log", scenario=scenario, speed=600)
        async with sim, home_assistant() as hass:
            os.environ[URL_VARIABLE] = sim.url
            account, chargers = await sim.account(), await sim.chargers()
            (site,) = (await sim.control("GET", "scenario"))["sites"]
            data = {CONF_EMAIL: account["email"], CONF_PASSWORD: account["password"], CONF_SITE: site}
            data |= {CONF_CHARGERS: list(chargers), CONF_FOLLOWS_ACCOUNT: True}
            entry = MockConfigEntry(domain=DOMAIN, unique_id=site, title="Site", data=data)
            entry.add_to_hass(hass)
            yield hass, entry, sim
            await hass.config_entries.async_unload(entry.entry_id)


async def _measure(scenario: str) -> list[str]:
    """Return the figures of set-up and refresh for a scenario."""
    async with _house(scenario) as (hass, entry, _):
        began = time.perf_counter()
        with metered() as set_up:
            await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done()
        seconds = time.perf_counter() - began
        totals: list[float] = []
        blocks: list[float] = []
        gc.collect()
        for _ in range(_REFRESHES):
            with metered() as refresh:
                await entry.runtime_data.chargers.async_refresh()
                await hass.async_block_till_done()
            totals.append(refresh.total)
            blocks.append(refresh.longest)
            await asyncio.sleep(0.5)
    figures = (seconds, set_up.total, set_up.longest, statistics.median(totals), max(totals), statistics.median(blocks), max(blocks))
    return [f"{figures[0]:.2f} s", *(f"{figure:.1f} ms" for figure in figures[1:])]


def _import_times() -> list[float]:
    """Return how long all modules took to import, in ms of the processor, each time in a new process that finds them compiled."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        command = [sys.executable, "-c", _IMPORT]
        runs = [
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - this very interpreter
            for _ in range(_IMPORTS + 1)
        ]
    return [float(run.stdout) * 1000 for run in runs[1:]]


async def _states(scenario: str, freezer: FrozenDateTimeFactory, *, charging: bool) -> tuple[Counter[str], Counter[str]]:
    """Return how often states changed and were written without a change in an hour, by key."""
    changed: Counter[str] = Counter()
    unchanged: Counter[str] = Counter()
    async with simulator.Simulator(scenario) as sim, home_assistant() as hass:
        os.environ[URL_VARIABLE] = sim.url
        for charger in sim.site.chargers.values():
            if charger.charging is not charging:
                _ = charger.start(16) if charging and charger.plugged_in else charger.stop()
        entry = await sign_in(hass, sim)
        registry = er.async_get(hass)
        await live(hass, freezer, 600)

        def count_in(counter: Counter[str], event_type: str) -> None:
            @callback
            def count(event: Event[Any]) -> None:
                if (found := registry.async_get(event.data["entity_id"])) is not None and found.platform == DOMAIN:
                    counter[found.unique_id.partition("_")[2]] += 1

            hass.bus.async_listen(event_type, count, callback(lambda _: True))

        count_in(changed, EVENT_STATE_CHANGED)
        count_in(unchanged, EVENT_STATE_REPORTED)
        await live(hass, freezer, _HOUR)
        counted = changed.copy(), unchanged.copy()
        await hass.config_entries.async_unload(entry.entry_id)
    return counted


async def _memory(freezer: FrozenDateTimeFactory) -> list[str]:
    """Return after each simulated day how much memory is in use, in kB, and how many objects there are of our classes."""
    lines: list[str] = []
    async with simulator.Simulator("home") as sim, home_assistant() as hass:
        os.environ[URL_VARIABLE] = sim.url
        entry = await sign_in(hass, sim)
        tracemalloc.start(1)
        for day in range(8):
            await live(hass, freezer, _DAY if day else _HOUR)
            # The cloud and the mocked storage note everything that comes.
            sim.requests.clear()
            cast(Mock, Store._async_write_data).reset_mock()  # noqa: SLF001 - what writes to the disk is mocked
            gc.collect()
            filters = [tracemalloc.Filter(inclusive=True, filename_pattern="*/custom_components/enphase_ev/*")]
            size = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(filters).traces)
            ours = sum(str(type(one).__module__).startswith("custom_components.enphase_ev") for one in gc.get_objects())
            lines.append(f"day {day}: {size / 1000:.0f} kB, {ours} objects")
        await hass.config_entries.async_unload(entry.entry_id)
    return lines


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--week", action="store_true", help="memory over a simulated week, too")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    times = _import_times()
    print(f"Import of all modules: {statistics.median(times):.0f} ms (fastest {min(times):.0f} ms)\n")
    head = ["", "set-up", "on the loop", "longest block", "refresh", "slowest", "block", "longest block"]
    print(_table([head, *([title, *asyncio.run(_measure(scenario))] for scenario, title in _SCENARIOS.items())]))
    for scenario in ("one_charger", "home"):
        for charging in (False, True):
            with freezegun.freeze_time() as freezer:
                changed, unchanged = asyncio.run(_states(scenario, freezer, charging=charging))
            what = f"{scenario}, {'charging' if charging else 'idle'} hour"
            print(f"\n{what}: {changed.total()} states changed, {unchanged.total()} written without a change")
            print("  " + ", ".join(f"{key} {count}" for key, count in changed.most_common(12)))
    if options.week:
        with freezegun.freeze_time() as freezer:
            lines = asyncio.run(_memory(freezer))
        print("\nMemory of the integration, two chargers and batteries:", *lines, sep="\n")


if __name__ == "__main__":
    main()
