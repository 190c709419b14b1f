"""scripts/demo: what somebody sees who has just cloned the repository."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
import signal
import sys

from playwright.async_api import expect
import pytest

from tests.e2e.person import SOON
from tests.live.browser import browser
from tests.live.configuration import ROOT
from tests.live.dashboard import URL_PATH
from tests.live.home_assistant import HomeAssistant
from tests.live.process import ServerError, free_port
from tests.live.simulator import Simulator

# That of the scenario `home`.
SITE_TIME_ZONE = "Australia/Melbourne"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("home_assistant"),
    pytest.mark.usefixtures("socket_enabled"),
]


@asynccontextmanager
async def demo(folder: Path, port: int, *options: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The demo as a process, on ports that nobody uses."""
    ports = ["--port", str(port), "--simulator-port", str(free_port()), "--folder", str(folder)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "tests.live.demo", *ports, *options, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.communicate()


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    """What it prints, up to a line with this text."""
    assert process.stdout is not None
    printed = ""
    async for line in process.stdout:
        printed += line.decode()
        if text in line.decode():
            return printed
    pytest.fail(f"the demo ended without {text!r}:\n{printed}")


async def test_values_are_there_and_move(tmp_path: Path) -> None:
    async with demo(tmp_path / "demo", free_port(), "--check") as process:
        printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()
        assert "The demo works." in printed.decode()


async def test_says_that_somebody_else_has_the_port(tmp_path: Path) -> None:
    """Most who try it have a Home Assistant on 8123 already."""
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port := free_port())
    async with taken, Simulator(port=free_port(), log=tmp_path / "simulator.log") as simulator:
        with pytest.raises(ServerError, match=f"something else listens on port {port}"):
            async with HomeAssistant(tmp_path, port=port, log=tmp_path / "home-assistant.log", cloud=simulator.url):
                pytest.fail("it started all the same")


@pytest.mark.browser
async def test_opens_signed_in_and_stops_with_ctrl_c(tmp_path: Path, artifacts: Path) -> None:
    port = free_port()
    async with demo(tmp_path / "demo", port) as process:
        printed = await read_until(process, "Ctrl-C")
        assert f"http://127.0.0.1:{port}/{URL_PATH}" in printed
        async with browser(f"http://127.0.0.1:{port}") as window:
            page = await window.new_page()
            await page.goto("/")
            await expect(page.locator("hui-heading-card").filter(has_text="IQ EV Charger")).to_have_count(2)
            await expect(page.get_by_text("Charging", exact=True).first).to_be_visible()
            # The calendar has a schedule at the hour that the app would show.
            shown = await page.evaluate(
                "() => { const { hass } = document.querySelector('home-assistant'); return [hass.locale.time_zone, hass.config.time_zone] }"
            )
            assert shown == ["server", SITE_TIME_ZONE]
            await page.screenshot(path=artifacts / "demo.png")
            await page.goto("/config/blueprint/dashboard")
            await expect(page.get_by_text("Follow the sun", exact=True)).to_be_visible()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(SOON):
            rest, _ = await process.communicate()
        assert process.returncode == 0
        assert "Stopping" in rest.decode()
