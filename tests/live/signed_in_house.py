"""A simulator and a Home Assistant that is signed in to it, as processes, in the site's time zone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from .home_assistant import HomeAssistant
from .onboarding import add_integration
from .process import free_port
from .simulator import Simulator


@asynccontextmanager
async def signed_in_house(folder: Path, scenario: str) -> AsyncGenerator[tuple[Simulator, HomeAssistant]]:
    """Run both with a scenario, keep what they write in a folder, and stop them at the end."""
    async with Simulator(port=free_port(), log=folder / "simulator.log", scenario=scenario, live=True) as simulator:
        home_assistant = HomeAssistant(
            folder / "config",
            port=free_port(),
            log=folder / "home-assistant.log",
            cloud=simulator.url,
            time_zone=await simulator.time_zone(),
        )
        async with home_assistant:
            await add_integration(home_assistant, await simulator.account())
            await home_assistant.show_its_own_time()
            yield simulator, home_assistant
