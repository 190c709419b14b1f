"""``python -m simulator``."""

import argparse
import asyncio
import contextlib
import logging
from pathlib import Path
import signal

from .saved import load, save
from .scenarios import DEFAULT, SCENARIOS
from .server import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Enlighten in a box.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8377, help="port to listen on (default: %(default)s)")
    parser.add_argument("--scenario", default=DEFAULT, choices=sorted(SCENARIOS), metavar="NAME")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds a second (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for everything drawn by chance (default: %(default)s)")
    parser.add_argument("--mqtt", action="store_true", help="tell over MQTT what the battery's gateway has taken over")
    parser.add_argument("--live", action="store_true", help="tell over MQTT once a second what the sites draw and give")
    parser.add_argument("--grid-services", action="store_true", help="listen as the host of the grid events, too, on a port of its own")
    parser.add_argument("--gateway", action="store_true", help="the first site has a local gateway that can be talked to")
    parser.add_argument("--strict", action="store_true", help="keep every rule that some real site keeps")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="keep the world there when it stops, and go on with it at the next start"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios and stop")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    world = load(arguments.state, arguments.scenario) if arguments.state else None
    if world is not None:
        world.clock.speed = arguments.speed
    simulator = Simulator(
        arguments.scenario,
        world=world,
        speed=arguments.speed,
        host=arguments.host,
        port=arguments.port,
        seed=arguments.seed,
        mqtt=arguments.mqtt,
        live=arguments.live,
        grid_services=arguments.grid_services,
        gateway=arguments.gateway,
    )
    if arguments.strict:
        simulator.be_strict()
    async with simulator:
        account = simulator.account
        print(f"Simulated Enlighten cloud: {simulator.url} (scenario {arguments.scenario}, speed {arguments.speed:g})")
        print(f"Demo account: {account.email} / {account.password}", flush=True)
        if account.mfa:
            print(f"Its one-time code: {simulator.url}/_sim/scenario", flush=True)
        if arguments.grid_services:
            print(f"Its host of the grid events: {simulator.grid_services.url}", flush=True)
        if arguments.gateway:
            print(f"Its local gateway: {simulator.gateway.url}, its token: {simulator.url}/_sim/gateway", flush=True)
        await _interrupted()
    if arguments.state:
        save(simulator.world, arguments.state)


async def _interrupted() -> None:
    """Wait for Ctrl-C, or for the signal that ends processes; heard also where whoever has started this ignores Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main() -> None:
    """Run until interrupted."""
    arguments = _arguments()
    if arguments.list:
        width = max(map(len, SCENARIOS))
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:{width}}  {scenario.description}")
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments))


if __name__ == "__main__":
    main()
