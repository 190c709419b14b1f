"""The simulated cloud as a process."""

from pathlib import Path
import sys
from types import TracebackType
from typing import Any, Self, TypedDict

import aiohttp

from tests.live.configuration import ROOT
from tests.live.process import Server


class Account(TypedDict):
    """The scenario's account."""

    email: str
    password: str
    code: str | None


class ChargerState(TypedDict):
    """The parts of a charger's true state that are looked at here."""

    name: str
    mode: str
    plugged_in: bool
    charging: bool
    level_a: int
    power_w: float
    session_wh: float
    slots: list[dict[str, Any]]


class BatteryState(TypedDict):
    """The parts of the batteries' true state that are looked at here."""

    schedules: list[dict[str, Any]]
    lost: list[dict[str, Any]]


class ReceivedRequest(TypedDict):
    """A request that the cloud received."""

    method: str
    path: str
    family: str
    status: int
    body: Any


class Simulator:
    """``python -m simulator`` and its control surface under ``/_sim/``."""

    def __init__(
        self,
        *,
        port: int,
        log: Path,
        scenario: str = "two_chargers",
        speed: float = 60,
        gateway: bool = False,
        live: bool = False,
        state: Path | None = None,
    ) -> None:
        self._server = Server("The simulator", port, log)
        self._scenario = scenario
        self._speed = speed
        self._gateway = gateway
        self._live = live
        self._state = state
        self.url = self._server.url

    async def __aenter__(self) -> Self:
        """Start it."""
        command = [sys.executable, "-m", "simulator", "--port", str(self._server.port)]
        command += ["--scenario", self._scenario, "--speed", f"{self._speed:g}"]
        command += ["--gateway"] if self._gateway else []
        command += ["--live"] if self._live else []
        command += ["--state", str(self._state)] if self._state else []
        await self._server.start(command, folder=ROOT, environment={}, ready=self._is_up, seconds=120)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
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

    async def account(self) -> Account:
        """Whom to sign in as."""
        account: Account = (await self.control("GET", "scenario"))["account"]
        return account

    async def time_zone(self) -> str:
        """Where the first site of the account is, as `Australia/Melbourne`."""
        first = (await self.control("GET", "scenario"))["sites"][0]
        zone: str = (await self.control("GET", "state"))["sites"][first]["time_zone"]
        return zone

    async def chargers(self) -> dict[str, ChargerState]:
        """Every charger as it truly is, by serial number."""
        state = await self.control("GET", "state")
        return {serial: charger for site in state["sites"].values() for serial, charger in site["chargers"].items()}

    async def battery(self) -> BatteryState:
        """The batteries as they truly are."""
        state: BatteryState = await self.control("GET", "battery")
        return state

    async def requests(self) -> list[ReceivedRequest]:
        """What the cloud was asked."""
        requests: list[ReceivedRequest] = await self.control("GET", "requests")
        return requests

    async def secrets(self) -> list[str]:
        """Every value that nobody else may see: credentials, tokens, serial numbers, addresses."""
        secrets: list[str] = await self.control("GET", "secrets")
        return secrets
