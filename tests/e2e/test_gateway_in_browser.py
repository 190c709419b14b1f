"""A person names the gateway in the house, in Home Assistant's own forms, and accepts its certificate again when it has changed."""

from collections.abc import AsyncGenerator
from pathlib import Path
import re

from playwright.async_api import Page, expect
import pytest

from tests.e2e.conftest import HomeAssistantBuilder
from tests.e2e.person import Person, eventually, picture_when_it_fails
from tests.live.browser import signed_in_browser
from tests.live.home_assistant import HomeAssistant
from tests.live.onboarding import add_integration
from tests.live.process import free_port
from tests.live.simulator import Simulator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("home_assistant"),
]

PATIENCE = 120_000


@pytest.fixture
async def simulator(artifacts: Path, socket_enabled: None) -> AsyncGenerator[Simulator]:
    async with Simulator(port=free_port(), log=artifacts / "simulator.log", speed=1, gateway=True) as simulator:
        await simulator.control("POST", "gateway", {"role": "installer"})
        yield simulator


@pytest.fixture
async def home_assistant(build_home_assistant: HomeAssistantBuilder, simulator: Simulator) -> AsyncGenerator[HomeAssistant]:
    home_assistant = build_home_assistant()
    async with home_assistant:
        await add_integration(home_assistant, await simulator.account())
        yield home_assistant


@pytest.fixture
async def page(home_assistant: HomeAssistant) -> AsyncGenerator[Page]:
    async with signed_in_browser(home_assistant) as window:
        page = await window.new_page()
        page.set_default_timeout(PATIENCE)
        yield page


async def test_a_gateway_is_named(simulator: Simulator, home_assistant: HomeAssistant, page: Page, artifacts: Path) -> None:
    person = Person(page, artifacts)
    gateway = await simulator.control("GET", "gateway")

    async def sources() -> set[str]:
        found = [entity["entity_id"] for entity in await home_assistant.entities() if entity["unique_id"].endswith("_data_source")]
        return {(await home_assistant.state(entity_id))["state"] for entity_id in found}

    async with picture_when_it_fails(person):
        await page.goto("/config/integrations/integration/enphase_ev")
        await page.get_by_label("Configure").first.click()
        part = page.get_by_role("heading", name="Local gateway")
        await expect(part).to_be_visible(timeout=PATIENCE)
        await person.take_picture("options")
        await part.click()
        await expect(page.locator("input[type=password]")).to_be_visible()
        await page.locator("ha-selector-boolean", has_text="Use the local gateway").locator("ha-switch").click()
        fields = page.locator("ha-form-expandable ha-selector-text input")
        await fields.nth(0).fill(gateway["address"])
        await fields.nth(1).fill(gateway["tokens"]["owner"])
        await person.take_picture("gateway")
        await person.press("Submit")
        await expect(page.get_by_text(bytes.fromhex(gateway["fingerprint"]).hex(":").upper())).to_be_visible()
        await person.take_picture("certificate")
        await person.press("Submit")

        async def local() -> bool:
            return await sources() == {"local"}

        await eventually(local, "both chargers are asked locally")

        changed = await simulator.control("POST", "gateway/renew_certificate")

        async def cloud() -> bool:
            return await sources() == {"cloud"}

        await eventually(cloud, "another certificate is not accepted")
        await page.goto("/config/repairs")
        await page.get_by_text(re.compile("presents a different certificate")).click()
        await expect(page.get_by_text(bytes.fromhex(changed["fingerprint"]).hex(":").upper())).to_be_visible()
        await person.take_picture("another-certificate")
        await person.press("Submit")
        await eventually(local, "the new certificate is accepted")
    log = (artifacts / "home-assistant.log").read_text(encoding="utf-8", errors="replace")
    assert sorted(secret for secret in await simulator.secrets() if secret in log) == []
