"""The main job, on real parts: from sign-in to a charger that starts and stops."""

from pathlib import Path
import re

from playwright.async_api import Page, expect
import pytest

from tests.e2e.person import SOON, Person, eventually, picture_when_it_fails
from tests.live import dashboard, energy
from tests.live.home_assistant import HomeAssistant
from tests.live.simulator import ChargerState, Simulator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("home_assistant"),
]


def idle_charger(chargers: dict[str, ChargerState]) -> str:
    """The serial number of the charger that waits with a vehicle."""
    return next(serial for serial, charger in chargers.items() if charger["plugged_in"] and not charger["charging"])


async def test_from_sign_in_to_start_and_stop(
    simulator: Simulator, home_assistant: HomeAssistant, page: Page, artifacts: Path, tmp_path: Path
) -> None:
    person = Person(page, artifacts, await simulator.chargers())
    async with picture_when_it_fails(person):
        await add_the_integration(person, simulator, home_assistant)
        await dashboard.install(home_assistant)
        await energy.install(home_assistant)
        await use_the_dashboard(person, simulator, home_assistant)
        await look_at_energy(person, simulator)
    await nothing_secret_is_logged(simulator, artifacts / "home-assistant.log")
    await nothing_secret_is_in_files(simulator, tmp_path)


async def add_the_integration(person: Person, simulator: Simulator, home_assistant: HomeAssistant) -> None:
    """The config flow, with a wrong password first."""
    account = await simulator.account()
    await person.page.goto("/_my_redirect/config_flow_start?domain=enphase_ev")
    await person.press("OK")
    await expect(person.page.locator("input[type=email]")).to_be_visible()
    await person.take_picture("sign-in")

    await person.sign_in(account["email"], "not the password")
    await expect(person.page.locator("ha-dialog ha-alert")).to_be_visible()
    await person.take_picture("wrong-password")
    tries = [request for request in await simulator.requests() if request["family"] == "sign_in"]
    assert len(tries) == 1, "a wrong password costs one request"

    await person.sign_in(account["email"], account["password"])
    for charger in (await simulator.chargers()).values():
        await expect(person.page.locator("ha-checkbox", has_text=charger["name"])).to_be_visible()
    await person.take_picture("chargers")
    await person.press("Submit")
    await expect(person.page.get_by_role("button", name=re.compile("finish", re.IGNORECASE))).to_be_visible()
    await person.take_picture("added")

    async def all_there() -> bool:
        return set(dashboard.Entities(await home_assistant.entities()).chargers) == set(await simulator.chargers())

    await eventually(all_there, "every charger has its entities")
    chargers = dashboard.Entities(await home_assistant.entities()).chargers
    assert len({switch["device_id"] for switch in chargers.values()}) == len(chargers), "every charger is a device"


async def use_the_dashboard(person: Person, simulator: Simulator, home_assistant: HomeAssistant) -> None:
    """Amps, start, mode and stop from the dashboard, seen by the cloud and shown on the page."""
    serial = idle_charger(await simulator.chargers())
    entities = dashboard.Entities(await home_assistant.entities())
    switch = entities.find("switch", serial, "charging")
    amps = entities.find("number", serial, "charging_amps")
    assert switch is not None
    assert amps is not None

    async def charging() -> bool:
        return (await simulator.chargers())[serial]["charging"]

    async def shown(state: str) -> bool:
        return (await home_assistant.state(switch))["state"] == state

    await person.page.goto(f"/{dashboard.URL_PATH}")
    await expect(person.tile(serial, "Status")).to_be_visible()
    await person.take_picture("dashboard")
    assert await shown("off")

    # Fewer amps: a wish, which starts nothing.
    before = float((await home_assistant.state(amps))["state"])
    await person.tile(serial, "Charging amps").get_by_role("button", name="decrement").click()

    async def fewer() -> bool:
        return float((await home_assistant.state(amps))["state"]) < before

    await eventually(fewer, "fewer amps")
    wish = float((await home_assistant.state(amps))["state"])
    assert not await charging(), "a wish for amps starts nothing"

    # Start with the switch.
    await person.tile(serial, "Charging").locator("ha-control-switch").click()
    await eventually(charging, "the charger charges")
    await eventually(lambda: shown("on"), "Home Assistant shows it")
    assert (await simulator.chargers())[serial]["level_a"] == wish
    await expect(person.tile(serial, "Status")).to_contain_text(re.compile("charging", re.IGNORECASE), timeout=SOON * 1000)
    await person.take_picture("charging")

    # Stop with it.
    await person.tile(serial, "Charging").locator("ha-control-switch").click()

    async def stopped() -> bool:
        return not await charging()

    await eventually(stopped, "the charger stops")
    await eventually(lambda: shown("off"), "Home Assistant shows it")
    await person.take_picture("stopped")

    # Another mode.
    await person.tile(serial, "Charge mode").get_by_role("button").last.click()
    await person.page.get_by_role("menuitem", name=re.compile("green", re.IGNORECASE)).click()

    async def green() -> bool:
        return "GREEN" in (await simulator.chargers())[serial]["mode"].upper()

    await eventually(green, "the mode changes")
    await person.take_picture("green")


async def look_at_energy(person: Person, simulator: Simulator) -> None:
    """Home Assistant's own Energy dashboard has every charger."""
    await person.page.goto("/energy")
    for charger in (await simulator.chargers()).values():
        await expect(person.page.get_by_role("button", name=charger["name"]).first).to_be_visible()
    await person.take_picture("energy")


async def nothing_secret_is_logged(simulator: Simulator, log: Path) -> None:
    """Every secret of the scenario, searched for in the whole log of the run, ours at debug level."""
    text = log.read_text(encoding="utf-8")
    assert "DEBUG" in text
    assert "custom_components.enphase_ev" in text
    secrets = await simulator.secrets()
    assert secrets
    assert [secret for secret in secrets if secret in text] == []
    assert [line for line in text.splitlines() if " ERROR " in line and "enphase_ev" in line] == []


async def nothing_secret_is_in_files(simulator: Simulator, folder: Path) -> None:
    """The same search in Home Assistant's folder, its database included; only its storage is the place for secrets."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".storage" not in path.parts]
    assert {"home-assistant_v2.db", "configuration.yaml"} <= {path.name for path in paths}
    contents = {path.name: path.read_bytes() for path in paths}
    assert [
        (name, secret) for secret in await simulator.secrets() for name, content in contents.items() if secret.encode() in content
    ] == []
