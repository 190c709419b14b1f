"""The simulated cloud as a process."""

from pathlib import Path
import sys
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.live.configuration import ROOT
from tests.live.process import Server


class Simulator:
    """``python -m simulator`` and its control surface under ``/_sim/``."""

    def __init__(self, *, port: int, log: Path, scenario: str = "two_chargers", speed: float = 60) -> None:
        self._server = Server("The simulator", port, log)
        self._scenario = scenario
        self._speed = speed
        self.url = self._server.url

    async def __aenter__(self) -> Self:
        """Start it."""
        command = [sys.executable, "-m", "simulator", "--port", str(self._server.port)]
        command += ["--scenario", self._scenario, "--speed", f"{self._speed:g}"]
        await self._server.start(command, folder=ROOT, environment={}, ready=self._is_up, seconds=20)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it."""
        await self._server.stop()

    async def _is_up(self) -> bool:
        await self.control("GET", "scenario")
        return True

    async def control(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        """Call the control surface, whose answers are the simulator's own JSON."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}/_sim/{path}", json=body) as response,
        ):
            response.raise_for_status()
            return await response.json()

    async def account(self) -> tuple[str, str]:
        """The e-mail address and the password of the scenario's account."""
        scenario = await self.control("GET", "scenario")
        account = scenario["account"]
        return account["email"], account["password"]
