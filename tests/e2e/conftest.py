"""The servers of an end-to-end run, on every Home Assistant that is at hand."""

from collections.abc import AsyncGenerator, Callable
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Any

from playwright.async_api import Page, expect
import pytest

from tests.e2e.person import SOON
from tests.live.browser import signed_in_browser
from tests.live.configuration import ROOT
from tests.live.home_assistant import HomeAssistant
from tests.live.process import free_port
from tests.live.simulator import Simulator

expect.set_options(timeout=SOON * 1000)

# The one that the tests were installed with, and the newest where scripts/test --newest made an environment for it.
INTERPRETERS = {"pinned": sys.executable}
if newest := os.environ.get("ENPHASE_EV_NEWEST_HOME_ASSISTANT"):
    INTERPRETERS["newest"] = newest

type HomeAssistantBuilder = Callable[..., HomeAssistant]


@pytest.fixture
def artifacts(request: pytest.FixtureRequest) -> Path:
    """Where this test leaves its screenshots and logs, empty at its start."""
    folder = ROOT / ".artifacts" / re.sub(r"[^\w-]+", "-", request.node.name).strip("-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
async def simulator(artifacts: Path, socket_enabled: None) -> AsyncGenerator[Simulator]:
    async with Simulator(port=free_port(), log=artifacts / "simulator.log", speed=60) as simulator:
        yield simulator


@pytest.fixture
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that HACS takes, as the release workflow builds it."""
    name = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))["filename"]
    target = tmp_path_factory.mktemp("release") / name
    subprocess.run([sys.executable, ROOT / "scripts" / "build", target], check=True)  # noqa: S603 - our own script
    return target


@pytest.fixture(params=INTERPRETERS)
def build_home_assistant(request: pytest.FixtureRequest, simulator: Simulator, artifacts: Path, tmp_path: Path) -> HomeAssistantBuilder:
    """Return a function that makes a Home Assistant for the simulated cloud, not started yet."""

    def build(**settings: Any) -> HomeAssistant:
        return HomeAssistant(
            tmp_path,
            port=free_port(),
            log=artifacts / "home-assistant.log",
            cloud=simulator.url,
            python=Path(INTERPRETERS[request.param]),
            **settings,
        )

    return build


@pytest.fixture
async def home_assistant(build_home_assistant: HomeAssistantBuilder, release: Path) -> AsyncGenerator[HomeAssistant]:
    home_assistant = build_home_assistant(release=release)
    async with home_assistant:
        yield home_assistant


@pytest.fixture
async def page(home_assistant: HomeAssistant) -> AsyncGenerator[Page]:
    """A page of a browser that is signed in."""
    async with signed_in_browser(home_assistant) as window:
        page = await window.new_page()
        page.set_default_timeout(SOON * 1000)
        yield page
