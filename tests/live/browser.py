"""A Chromium, as it comes or signed in to Home Assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
import os
import time

from playwright.async_api import BrowserContext, async_playwright

from tests.live.home_assistant import HomeAssistant

# The path that scripts/find-browser printed; without it, Playwright's own download.
CHROMIUM = os.environ.get("ENPHASE_EV_CHROMIUM")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _sign_in(home_assistant: HomeAssistant) -> str:
    """A script that gives the front end what it keeps of a sign-in, before it looks for it."""
    assert home_assistant.tokens is not None, "not signed in"
    tokens = home_assistant.tokens | {
        "hassUrl": home_assistant.url,
        "clientId": home_assistant.client_id,
        "expires": round((time.time() + home_assistant.tokens["expires_in"]) * 1000),
    }
    return f"localStorage.hassTokens = {json.dumps(json.dumps(tokens))};"


@asynccontextmanager
async def browser(
    url: str, *, width: int = 1440, height: int = 1000, dark: bool = False, time_zone: str | None = None
) -> AsyncGenerator[BrowserContext]:
    """A window's worth of Chromium, with nothing in it, in this machine's time zone or another one."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield await chromium.new_context(
                base_url=url,
                viewport={"width": width, "height": height},
                locale="en-GB",
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                timezone_id=time_zone,
            )
        finally:
            await chromium.close()


@asynccontextmanager
async def signed_in_browser(
    home_assistant: HomeAssistant, *, width: int = 1440, height: int = 1000, dark: bool = False, time_zone: str | None = None
) -> AsyncGenerator[BrowserContext]:
    """A window that is signed in without typing."""
    async with browser(home_assistant.url, width=width, height=height, dark=dark, time_zone=time_zone) as window:
        await window.add_init_script(_sign_in(home_assistant))
        yield window
