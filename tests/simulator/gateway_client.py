"""A client of the simulated gateway that knows nothing but HTTP and its token."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from simulator import Simulator

type Ask = Callable[..., Awaitable[tuple[int, Any]]]


@asynccontextmanager
async def asking(sim: Simulator, token: str, *, keeps_cookies: bool = False) -> AsyncIterator[Ask]:
    """Yield what asks the gateway, with this token unless another one is named, and returns status and body."""
    connector = aiohttp.TCPConnector(force_close=True, ssl=False)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=keeps_cookies)) as session:

        async def ask(method: str, path: str, *, bearer: str | None = token, **options: Any) -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            async with session.request(method, sim.gateway.url + path, headers=headers, **options) as response:
                is_json = response.content_type == "application/json"
                return response.status, await response.json() if is_json else await response.text()

        yield ask
