"""What live power takes of the processor: `python -m benchmarks.live_power`.

The simulated cloud runs in a process of its own and sends frames twenty times as fast as a real one, while states are written twenty times
as often, so that a minute is worth twenty. What Home Assistant takes without frames is taken off. The event loop's time is that of its
callbacks, by the processor's clock of its thread; the processor's time is that of the whole process, with what the system does for it.
"""

import asyncio
from asyncio.subprocess import PIPE
import json
import os
import sys
import time

from homeassistant.const import CONF_EMAIL, CONF_PASSWORD
from pytest_homeassistant_custom_component.common import MockConfigEntry

from benchmarks.event_loop import metered
from benchmarks.houses import home_assistant
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, CONF_SITE, DOMAIN
from custom_components.enphase_ev.enlighten import GridRelay
from custom_components.enphase_ev.enlighten.models.live_power import LiveFrame
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE

_FASTER = 20
_SECONDS = 45.0
_HOUR = 3600
_SETTLES_WITHIN = 5.0
_FRAME = (
    "080110c0843d1acb010a2608e0c2800310c09784031a0ca0968001a0968001a0968001220cc0b28101c0b28101c0b28101123b0880c2edfeffffffffff0110b0a894011a1e8096cfffff"
    "ffffffff018096cfffffffffffff018096cfffffffffffff01220990b83190b83190b8311a3a0880e1b6ffffffffffff011090de4e1a1eb0c4e4ffffffffffff019099e8ffffffffffff"
    "01c083eaffffffffffff012209f0d71ca0d11980b518222008e0e5a4011090c1ab011a09d0f033b0c537e0af39220980db35f0fd39a0e83b280230404006480320012814320210013204"
    "08011001"
)
# Reads a rhythm in seconds from each line that it is sent.
_CLOUD = """
import asyncio, json, sys
from simulator import Simulator
from simulator.clock import Clock

async def main():
    async with Simulator("home", live=True, clock=Clock()) as sim:
        account = {"url": sim.url, "email": sim.account.email, "password": sim.account.password, "site": sim.site.id}
        print(json.dumps(account | {"chargers": list(sim.site.chargers)}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            sim.world.deployment.live.rhythm_s = float(line)

asyncio.run(main())
"""


async def _cpu(seconds: float) -> tuple[float, float]:
    """Return the processor's and the event loop's seconds in a while."""
    began = time.process_time()
    await asyncio.sleep(seconds / 2)
    processor = time.process_time() - began
    with metered() as meter:
        await asyncio.sleep(seconds / 2)
    return 2 * processor, 2 * meter.total / 1000


async def _measure() -> tuple[tuple[float, float], tuple[float, float], int]:
    """Return the processor's and the event loop's seconds without and with frames, and how many frames came."""
    cloud = await asyncio.create_subprocess_exec(sys.executable, "-c", _CLOUD, stdin=PIPE, stdout=PIPE)
    if cloud.stdin is None or cloud.stdout is None:
        raise RuntimeError("The simulated cloud cannot be talked to")
    try:
        account = json.loads(await cloud.stdout.readline())
        os.environ[URL_VARIABLE] = account["url"]
        async with home_assistant() as hass:
            data = {CONF_EMAIL: account["email"], CONF_PASSWORD: account["password"], CONF_SITE: account["site"]}
            data |= {CONF_CHARGERS: account["chargers"], CONF_FOLLOWS_ACCOUNT: True}
            options = {"live_power": "always", "live_interval": 10 / _FASTER}
            entry = MockConfigEntry(domain=DOMAIN, unique_id=account["site"], title="Site", data=data, options=options)
            entry.add_to_hass(hass)
            await hass.config_entries.async_setup(entry.entry_id)
            live = entry.runtime_data.live
            await asyncio.sleep(_SETTLES_WITHIN)
            if not live.is_fresh:
                raise RuntimeError("No frame has come")
            frames, is_wanted = [0], live._stream._is_wanted  # noqa: SLF001 - nothing public counts them

            def count(relay: GridRelay | None) -> bool:
                frames[0] += 1
                return is_wanted(relay)

            live._stream._is_wanted = count  # noqa: SLF001 - nothing public counts them
            cloud.stdin.write(b"9\n")
            await asyncio.sleep(5)
            idle = await _cpu(_SECONDS)
            cloud.stdin.write(f"{1 / _FASTER}\n".encode())
            await asyncio.sleep(9)
            frames[0] = 0
            busy = await _cpu(_SECONDS)
            await hass.config_entries.async_unload(entry.entry_id)
            return idle, busy, frames[0]
    finally:
        cloud.kill()
        await cloud.wait()


def _reading() -> float:
    """Return how long reading one frame takes, in s."""
    frame, began = bytes.fromhex(_FRAME), time.process_time()
    for _ in range(5000):
        LiveFrame(frame).read()
    return (time.process_time() - began) / 5000


def main() -> None:
    """Print the figures."""
    idle, busy, frames = asyncio.run(_measure())
    names = ("processor", "event loop")
    print(f"{frames} frames in {_SECONDS:.0f} s; reading one takes {_reading() * 1000:.3f} ms")
    for name, without, taken in zip(names, idle, busy, strict=True):
        each = (taken - without) / frames
        print(
            f"{name}: {without:.2f} s without frames, {taken:.2f} s with them; a frame {each * 1000:.3f} ms, an hour {each * _HOUR:.2f} s"
        )


if __name__ == "__main__":
    main()
