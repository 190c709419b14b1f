"""Somebody at the browser, in front of Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, Page
import pytest

# Nothing is awaited longer than it takes: this is for a machine that is several times slower, and busy with other tests.
SOON = 240


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until it is so."""
    try:
        async with asyncio.timeout(SOON):
            while not await condition():
                await asyncio.sleep(0.5)
    except TimeoutError:
        pytest.fail(f"{what}: not within {SOON} s")


class Person:
    """Somebody at the browser, who takes a picture of every step."""

    def __init__(self, page: Page, artifacts: Path, serials: Iterable[str] = ()) -> None:
        """Look at this page; the dashboard has a section for each charger, before the others."""
        self.page = page
        self._artifacts = artifacts
        self._sections = {serial: number for number, serial in enumerate(sorted(serials))}
        self._pictures = 0

    async def take_picture(self, name: str) -> None:
        await self.page.wait_for_timeout(500)  # for the animation of what has just appeared
        self._pictures += 1
        await self.page.screenshot(path=self._artifacts / f"{self._pictures:02}-{name}.png")

    async def sign_in(self, email: str, password: str) -> None:
        """Fill in the form and send it."""
        await self.page.locator("input[type=email]").fill(email)
        await self.page.locator("input[type=password]").fill(password)
        await self.press("Submit")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    def tile(self, serial: str, name: str) -> Locator:
        """A tile of a charger's section of the dashboard."""
        section = self.page.locator("hui-grid-section").filter(visible=True).nth(self._sections[serial])
        return section.locator("hui-tile-card").filter(has=self.page.get_by_text(name, exact=True))


@asynccontextmanager
async def picture_when_it_fails(person: Person) -> AsyncGenerator[None]:
    try:
        yield
    except BaseException:
        await person.take_picture("failed")
        raise
