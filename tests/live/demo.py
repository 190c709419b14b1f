"""The demo: a simulated cloud with two chargers and two batteries, and a Home Assistant that shows them. Stops with Ctrl-C."""

import argparse
import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
import shutil
import signal
import sys

from simulator.saved import load
from tests.idle_buttons import IDLE_BUTTONS
from tests.live import dashboard, energy
from tests.live.configuration import ROOT
from tests.live.home_assistant import HomeAssistant
from tests.live.onboarding import add_integration
from tests.live.process import ServerError
from tests.live.simulator import Simulator

# A state that says that the entity has no value.
EMPTY = {"unavailable", "unknown"}
# What must have moved after a while when a charger charges.
MOVING = ("session_energy", "lifetime_energy")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8123, help="port of Home Assistant (default %(default)s)")
    parser.add_argument("--simulator-port", type=int, default=8377, help="port of the simulator (default %(default)s)")
    parser.add_argument("--scenario", default="home", help="the simulator's scenario (default %(default)s)")
    parser.add_argument("--speed", type=float, default=60, help="how fast time passes there (default %(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where Home Assistant keeps its state")
    parser.add_argument("--keep", action="store_true", help="go on with the last demo's state instead of starting anew")
    parser.add_argument("--check", action="store_true", help="start, see that the values are there and move, and stop")
    return parser.parse_args()


async def values(home_assistant: HomeAssistant) -> dict[str, str]:
    """The states of this integration's enabled entities, by unique id and platform."""
    states = {state["entity_id"]: state["state"] for state in await home_assistant.get("/api/states")}
    return {
        f"{entry['unique_id']} ({entry['entity_id'].partition('.')[0]})": states.get(entry["entity_id"], "missing")
        for entry in await home_assistant.entities()
        if entry["disabled_by"] is None
    }


async def check(home_assistant: HomeAssistant, seconds: float = 600) -> list[str]:
    """What is wrong: entities without a value, or nothing that moves while a charger charges."""
    before = await values(home_assistant)
    if not before:
        return ["the integration has no entities"]
    idle = tuple(f"{key} (button)" for key in IDLE_BUTTONS)
    absent = {name: state for name, state in before.items() if state in {"unavailable", "missing"} and not name.endswith(idle)}
    problems = [f"{name} is {state}" for name, state in absent.items()]
    meters = {name for name in before if any(name.endswith(f"_{key} (sensor)") for key in MOVING)}
    waiting = set(MOVING)
    try:
        async with asyncio.timeout(seconds):
            while waiting:
                await asyncio.sleep(1)
                now = await values(home_assistant)
                moved = {name for name in meters if now[name] not in EMPTY | {before[name]}}
                waiting = {key for key in waiting if not any(f"_{key} " in name for name in moved)}
    except TimeoutError:
        problems += [f"no charger's {key} moved within {seconds:.0f} s" for key in sorted(waiting)]
    return problems


async def run(options: argparse.Namespace) -> int:
    """Run the demo until it has ended, or until Ctrl-C at any moment of it."""
    work = asyncio.create_task(demo(options))
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def interrupt() -> None:
        for signal_number in signals:
            # Whoever presses it again waits for the same.
            loop.add_signal_handler(signal_number, lambda: None)
        print("\nStopping …", flush=True)
        work.cancel()

    for signal_number in signals:
        loop.add_signal_handler(signal_number, interrupt)
    try:
        return await work
    except asyncio.CancelledError:
        return 0


async def demo(options: argparse.Namespace) -> int:
    """Start both, show where to look, and wait for Home Assistant to end by itself (or check and stop)."""
    folder: Path = options.folder
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    state = folder / "simulator.state"

    async with AsyncExitStack() as servers:
        simulator = Simulator(
            port=options.simulator_port,
            log=folder / "simulator.log",
            scenario=options.scenario,
            speed=options.speed,
            live=True,
            state=state,
        )
        if options.keep and load(state, options.scenario) is None:
            say("The simulated cloud begins anew: it has kept nothing that it can go on with. What was changed there before is forgotten.")
        say(f"Starting the simulated cloud ({options.scenario}, {options.speed:g} times as fast) …")
        await servers.enter_async_context(simulator)
        home_assistant = HomeAssistant(
            folder / "config",
            port=options.port,
            log=folder / "home-assistant.log",
            cloud=simulator.url,
            sign_in_by_loopback=True,
            time_zone=await simulator.time_zone(),
        )
        say("Starting Home Assistant …")
        await servers.enter_async_context(home_assistant)
        if not await home_assistant.command("config_entries/get", domain="enphase_ev"):
            say("Adding the integration …")
            await add_integration(home_assistant, await simulator.account())
        await home_assistant.show_its_own_time()
        await dashboard.install(home_assistant)
        say("Bringing the past into the statistics …")
        await energy.import_the_past(home_assistant, await simulator.time_zone())
        await energy.install(home_assistant)
        if options.check:
            problems = await check(home_assistant)
            problems += [f"the Energy dashboard lacks {key}" for key in await energy.fill(home_assistant)]
            print(*(problems or ["The demo works."]), sep="\n")
            return 1 if problems else 0
        show(home_assistant, simulator, options.speed)
        filling = asyncio.create_task(fill(home_assistant))
        try:
            await home_assistant.wait()
        finally:
            filling.cancel()
    say("Home Assistant has ended.")
    return 0


async def fill(home_assistant: HomeAssistant) -> None:
    """Show what comes after the first moment, too: live power has its place on both dashboards."""
    await energy.fill(home_assistant)
    await dashboard.install(home_assistant)


def say(text: str) -> None:
    """Print a line at once, also where a program reads it."""
    print(text, flush=True)


def show(home_assistant: HomeAssistant, simulator: Simulator, speed: float) -> None:
    """Say where to look, and what is not as in a real house."""
    say(
        f"""
  The dashboard     {home_assistant.url}/{dashboard.URL_PATH}
  Energy            {home_assistant.url}/energy
  The simulator     {simulator.url}/_sim/scenario

  You are signed in by being on this machine. From anywhere else: user {home_assistant.username!r}, \
password {home_assistant.password!r}.
  For the cars and the battery, time passes {speed:g} times as fast as for Home Assistant: what it reads every two minutes is up to
  {2 * speed:g} minutes old there.
  Ctrl-C stops both; --keep goes on from there."""
    )


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(run(arguments())))
    except ServerError as error:
        sys.exit(str(error))
