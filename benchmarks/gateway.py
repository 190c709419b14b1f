"""What a gateway in the house changes, beside the cloud: `python -m benchmarks.gateway`.

Requests are counted by the simulated cloud and the simulated gateway, in hours that a frozen clock makes short. The time of a poll is that
of both on this machine, the gateway's over TLS: neither the internet nor the gateway's own slowness is in it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import logging
import os
from statistics import median
import time

import aiohttp
import freezegun
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from yarl import URL

from benchmarks.houses import home_assistant
from custom_components.enphase_ev.enlighten import Account, Chargers, Gateway, Transport
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
from simulator import Simulator
from simulator.gateway_inside import Role
from tests.integration.house import House, entry_of, gateway_options, live

_HOUR = 3600
_POLLS = 200


@dataclass
class _Figures:
    """Of one way to ask."""

    idle: tuple[int, int] = (0, 0)
    charging: tuple[int, int] = (0, 0)
    energy_age_s: float = 0.0


def _take(sim: Simulator) -> tuple[int, int]:
    counts = len(sim.requests), len(sim.gateway.requests)
    sim.requests.clear()
    sim.gateway.requests.clear()
    return counts


async def _measure(hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory, *, is_local: bool) -> _Figures:
    figures = _Figures()
    charger = sim.charger()
    charger.stop()
    entry = entry_of(sim, sim.site.id)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options=gateway_options(sim) if is_local else {})
    await hass.config_entries.async_setup(entry.entry_id)
    house = House(hass, sim, entry, freezer)
    await live(hass, freezer, 300)
    _take(sim)
    await live(hass, freezer, _HOUR)
    figures.idle = _take(sim)
    charger.start(32)
    await live(hass, freezer, 300)
    _take(sim)
    behind: list[float] = []
    for _ in range(_HOUR // 20):
        await live(hass, freezer, 20)
        shown = float(house.state("sensor", "lifetime_energy").state) * 1000
        behind.append((charger.lifetime_wh - shown) / charger.power_w * _HOUR)
    figures.charging = _take(sim)
    figures.energy_age_s = sum(behind) / len(behind)
    await hass.config_entries.async_unload(entry.entry_id)
    return figures


async def _run(freezer: FrozenDateTimeFactory, *, is_local: bool) -> _Figures:
    async with Simulator("two_chargers", gateway=True) as sim, home_assistant() as hass:
        sim.gateway.switches.role = Role.INSTALLER
        os.environ[URL_VARIABLE] = sim.url
        return await _measure(hass, sim, freezer, is_local=is_local)


async def _milliseconds(poll: Callable[[], Awaitable[object]]) -> float:
    await poll()
    took: list[float] = []
    for _ in range(_POLLS):
        began = time.perf_counter()
        await poll()
        took.append(time.perf_counter() - began)
    return median(took) * 1000


async def _poll_times() -> tuple[float, float]:
    """Return how long a poll of one charger takes, by the cloud and by the gateway, ms."""
    jar = aiohttp.DummyCookieJar
    async with (
        Simulator("one_charger", gateway=True) as sim,
        aiohttp.ClientSession(cookie_jar=jar()) as session,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), cookie_jar=jar()) as write_session,
    ):
        sim.gateway.switches.role = Role.INSTALLER
        account = Account(Transport(session, write_session, url=URL(sim.url)), sim.account.email)
        await account.sign_in(sim.account.password)
        certificate = bytes.fromhex(sim.gateway.fingerprint)
        transport = Transport(session, write_session, url=URL(sim.gateway.url), certificate=certificate)
        gateway, serial = Gateway(transport, sim.gateway.issue_token()), sim.charger().serial
        by_cloud = await _milliseconds(Chargers(account, sim.site.id).status)
        by_gateway = await _milliseconds(lambda: gateway.status(serial))
        account.close()
    return by_cloud, by_gateway


def main() -> None:
    """Print both, side by side."""
    logging.disable(logging.CRITICAL)
    by_cloud, by_gateway = asyncio.run(_poll_times())
    with freezegun.freeze_time() as freezer:
        cloud = asyncio.run(_run(freezer, is_local=False))
    with freezegun.freeze_time() as freezer:
        local = asyncio.run(_run(freezer, is_local=True))
    print("Two chargers                         cloud   local")
    print(f"a poll of one, on this machine, ms  {by_cloud:6.1f}  {by_gateway:6.1f}")
    print(f"energy shown is old by, s           {cloud.energy_age_s:6.0f}  {local.energy_age_s:6.0f}")
    print(f"idle hour, to the cloud             {cloud.idle[0]:6}  {local.idle[0]:6}")
    print(f"idle hour, to the gateway           {cloud.idle[1]:6}  {local.idle[1]:6}")
    print(f"charging hour, to the cloud         {cloud.charging[0]:6}  {local.charging[0]:6}")
    print(f"charging hour, to the gateway       {cloud.charging[1]:6}  {local.charging[1]:6}")


if __name__ == "__main__":
    main()
