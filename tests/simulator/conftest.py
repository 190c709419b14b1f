"""A simulator and a client of it that knows nothing but HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from simulator import Simulator


class Client:
    """A browser of sorts: keeps cookies, signs in, asks."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.session = session
        self.manager_token = ""

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.manager_token}"}

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and body; JSON where it is JSON, else text."""
        async with self.session.request(method, path, allow_redirects=False, **options) as response:
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.text()

    async def sign_in(self, password: str | None = None) -> tuple[int, Any]:
        account = self.sim.account
        form = {"user[email]": account.email, "user[password]": password or account.password}
        status, body = await self.ask("POST", "/login/login.json", data=form)
        if isinstance(body, dict):
            self.manager_token = body.get("manager_token", "")
        return status, body

    def cookie(self, name: str) -> str | None:
        found = {cookie.key: cookie.value for cookie in self.session.cookie_jar}
        return found.get(name)

    async def charger(self, verb: str, action: str, serial: str | None = None, **options: Any) -> tuple[int, Any]:
        """Start or stop in the plural form."""
        serial = serial or self.sim.charger().serial
        path = f"/service/evse_controller/{self.sim.site.id}/ev_chargers/{serial}/{action}"
        return await self.ask(verb, path, headers=self.bearer, **options)

    async def status(self) -> Any:
        """The first charger of the poll."""
        _, body = await self.ask("GET", f"/service/evse_controller/{self.sim.site.id}/ev_chargers/status")
        return body["data"]["chargers"][0]

    async def scheduler(self, verb: str, path: str, **options: Any) -> tuple[int, Any]:
        """Below the scheduler's base; ``{id}`` is site and charger."""
        path = path.format(id=f"{self.sim.site.id}/{self.sim.charger().serial}")
        base = "/service/evse_scheduler/api/v1/iqevc/charging-mode"
        return await self.ask(verb, f"{base}/{path}", headers=self.bearer, **options)


type Opener = Callable[..., Any]


@pytest.fixture
async def visit(socket_enabled: None, strict: bool) -> AsyncIterator[Opener]:
    """Open a scenario; answers a client, signed in unless told otherwise."""
    async with AsyncExitStack() as stack:

        async def open_scenario(scenario: str = "one_charger", *, signed_in: bool = True) -> Client:
            sim = await stack.enter_async_context(Simulator(scenario))
            if strict:
                sim.be_strict()
            session = await stack.enter_async_context(
                aiohttp.ClientSession(sim.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"User-Agent": "tests/1"})
            )
            client = Client(sim, session)
            if signed_in:
                assert (await client.sign_in())[0] == 200
            return client

        yield open_scenario
