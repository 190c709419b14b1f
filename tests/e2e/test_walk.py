"""The first hour and the days after: everything that a person sees of the integration, walked through once, at a desk and with a phone."""

from collections.abc import AsyncGenerator
import json
from pathlib import Path
import re

from playwright.async_api import expect
import pytest

from tests.e2e.conftest import INTERPRETERS
from tests.e2e.person import eventually, picture_when_it_fails
from tests.e2e.walker import PATIENCE, Walker
from tests.live.browser import signed_in_browser
from tests.live.configuration import DOMAIN
from tests.live.home_assistant import HomeAssistant, RegistryEntry
from tests.live.process import free_port
from tests.live.simulator import Simulator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.xdist_group("home_assistant"),
]

TIME_ZONE = "Australia/Melbourne"
HOME, CABIN = "Main Site", "Cabin"
# Two that are there, one of which is not wanted at first, and one that is put up later.
FIRST, SECOND, LATER = "EV000000000001", "EV000000000002", "EV000000000004"


@pytest.fixture
async def simulator(artifacts: Path, socket_enabled: None) -> AsyncGenerator[Simulator]:
    async with Simulator(port=free_port(), log=artifacts / "simulator.log", scenario="two_homes", speed=60) as simulator:
        yield simulator


@pytest.fixture
async def home_assistant(simulator: Simulator, artifacts: Path, tmp_path: Path, release: Path) -> AsyncGenerator[HomeAssistant]:
    home_assistant = HomeAssistant(
        tmp_path,
        port=free_port(),
        log=artifacts / "home-assistant.log",
        cloud=simulator.url,
        # One walk has to do: on the newest where there is one.
        python=Path(list(INTERPRETERS.values())[-1]),
        time_zone=TIME_ZONE,
        release=release,
    )
    async with home_assistant:
        yield home_assistant


@pytest.fixture
async def desk(home_assistant: HomeAssistant, artifacts: Path) -> AsyncGenerator[Walker]:
    async with signed_in_browser(home_assistant, width=1360, height=1250, time_zone=TIME_ZONE) as window:
        page = await window.new_page()
        page.set_default_timeout(PATIENCE)
        yield Walker(page, artifacts, "desk")


@pytest.fixture
async def phone(home_assistant: HomeAssistant, artifacts: Path) -> AsyncGenerator[Walker]:
    async with signed_in_browser(home_assistant, width=412, height=892, dark=True, time_zone=TIME_ZONE) as window:
        page = await window.new_page()
        page.set_default_timeout(PATIENCE)
        yield Walker(page, artifacts, "phone")


async def test_the_first_hour_and_after(
    simulator: Simulator, home_assistant: HomeAssistant, desk: Walker, phone: Walker, artifacts: Path
) -> None:
    async with picture_when_it_fails(desk):
        await signs_in(desk, simulator)
        await adds_the_other_home(desk, simulator)
        await looks_at_the_devices(desk, home_assistant)
        await changes_an_option(desk)
        await looks_at_the_calendars(desk)
        await adds_the_charger_to_the_energy_dashboard(desk)
        await downloads_diagnostics(desk, simulator, home_assistant)
    async with picture_when_it_fails(phone):
        await is_offered_a_new_charger(phone, simulator, home_assistant)
        await wants_the_second_charger_after_all(phone, home_assistant)
        await signs_in_again(phone, simulator, home_assistant)
        await reads_the_charger_on_the_phone(phone, home_assistant)
        await removes_both_homes(phone, home_assistant)
    log = (artifacts / "home-assistant.log").read_text(encoding="utf-8")
    unexpected = [line for line in log.splitlines() if " ERROR " in line and DOMAIN in line and "ended the session" not in line]
    assert unexpected == []


# --- Setting up ---


async def signs_in(person: Walker, simulator: Simulator) -> None:
    """A wrong password, a wrong code, then the home, with one of its two chargers."""
    account = await simulator.account()
    await person.start_adding()
    await person.show("sign-in", person.dialog)
    await person.sign_in(account["email"], "not the password")
    await person.sees("The email address or password is wrong.")
    await person.take_picture("wrong-password")
    await person.sign_in(account["email"], account["password"])

    await person.type_code("000000")
    await person.sees("The code is wrong or has expired. Only the newest code works.")
    await person.take_picture("wrong-code")
    code = (await simulator.account())["code"]
    assert code is not None
    await person.type_code(code)

    await person.sees("Choose a site")
    await person.take_picture("sites")
    await person.choose(HOME)
    await person.sees("Choose the chargers")
    await person.page.locator("ha-checkbox", has_text=SECOND).click()
    await person.take_picture("chargers")
    await person.press("Submit")
    await person.take_picture("added")
    await person.finish()


async def adds_the_other_home(person: Walker, simulator: Simulator) -> None:
    """The same account needs no code again; the home that is there cannot be added twice."""
    account = await simulator.account()
    await person.start_adding()
    await person.sign_in(account["email"], account["password"])
    await person.choose(HOME)
    await person.closes("This site is already set up.")

    await person.start_adding()
    await person.sign_in(account["email"], account["password"])
    await person.choose(CABIN)
    await person.sees("Choose the chargers")
    await person.press("Submit")
    await person.finish()

    await person.open_integration()
    for home in (HOME, CABIN):
        await expect(person.entry(home)).to_be_visible(timeout=PATIENCE)
    for device in ("Battery", "IQ Battery 0001", "IQ Battery 0002", "IQ EV Charger_ABCD"):
        await expect(person.entry(HOME).get_by_text(device, exact=True).first).to_be_visible(timeout=PATIENCE)
    await expect(person.entry(HOME).get_by_text("IQ EV Charger_ABCE")).to_have_count(0)
    await person.take_picture("integration")


# --- Looking around ---


async def looks_at_the_devices(person: Walker, home_assistant: HomeAssistant) -> None:
    """Every name is a text and every value says something; what people want comes first."""
    devices = await devices_by_name(home_assistant)
    await person.open_device(devices["IQ EV Charger_ABCD"], "IQ EV Charger_ABCD")
    await person.finds("Controls", "Charge mode", "Charging", "Charging amps")
    # The switch does what these do.
    await person.misses("Controls", "Start charging", "Stop charging")
    await person.reads(
        "Sensors",
        {
            "Status": "Charging",
            "Plugged in": "Plugged in",
            "Fault": "OK",
            "Active charging current": "32 A",
            "Power": r"7,\d{3} W",
            "Session duration": r"\d+h( \d+m)?",
            "Lifetime energy": r"[\d,]+\.\d\d kWh",
        },
    )
    # The control above shows the mode; what hardly anybody wants is off.
    await person.misses("Sensors", "Charge mode")
    await person.misses("Diagnostic", "IP address", "Maximum amps", "Last reported", "Connector status", "Phase mode")
    await person.show("charger-device", person.page.locator("body"))

    await person.open_device(devices["Battery"], "Battery")
    await person.finds("Controls", "Charge from grid", "Scheduled charge from grid", "Reserve", "Storm Guard", "System profile")
    await person.finds("Sensors", "Charge from grid schedule", "Discharge to grid schedule", "Restrict battery discharge schedule")
    await person.reads("Sensors", {"State of charge": r"\d+%", "Override": "None", "Storm alert": "Safe"})
    await person.reads("Diagnostic", {"Update status": "None"})
    await person.show("battery-device", person.page.locator("body"))

    await person.open_device(devices["IQ Battery 0002"], "IQ Battery 0002")
    await person.reads("Sensors", {"State of charge": r"\d+%"})
    await person.open_device(devices[HOME], HOME)
    await person.reads("Diagnostic", {"Cloud reachable": "Connected"})
    await person.misses("Diagnostic", "Cloud latency", "Session expires")
    await person.sees(re.compile(r"\+\d+ disabled entities"))


async def changes_an_option(person: Walker) -> None:
    """Once saved, it stands in the form."""
    await person.open_integration()
    for expected, wish in (("60", "90"), ("90", "60")):
        await person.entry(HOME).get_by_role("button", name="Configure").click()
        await person.sees("Interval while no car charges")
        interval = person.page.locator("ha-form input:visible").first
        await expect(interval).to_have_value(expected)
        if wish == "90":
            await person.show("options", person.dialog)
        await interval.fill(wish)
        await person.press("Submit")
        await person.closes("Options successfully saved", "Finish")


async def looks_at_the_calendars(person: Walker) -> None:
    """One for each charger and for each kind of the battery's schedules, with what is planned."""
    of_battery = [f"Battery {kind} schedule" for kind in ("Charge from grid", "Discharge to grid", "Restrict battery discharge")]
    of_charger = "IQ EV Charger_ABCD Charging schedule"
    await person.page.goto("/calendar")
    await person.look_at("List", *of_battery)
    for plan in ("Charge to 100 %", "Discharge to 25 %"):
        await person.sees(plan)
    await expect(person.page.get_by_text("Off-peak")).to_have_count(0)
    await person.show("battery-calendar", person.page.locator("body"), height=700)
    await person.look_at("Week", of_charger)
    await person.sees("32 A (inactive: charge mode is Manual)")
    await expect(person.page.get_by_text("Charge to 100 %")).to_have_count(0)
    await person.show("charger-calendar", person.page.locator("body"), height=420)


async def adds_the_charger_to_the_energy_dashboard(person: Walker) -> None:
    """Home Assistant offers the lifetime energy for an individual device."""
    await person.page.goto("/config/energy")
    await person.press("Add device")
    await person.page.locator("ha-statistic-picker").first.click()
    await person.page.locator("ha-picker-combo-box input:visible").fill("lifetime ABCD")
    await person.page.get_by_text("Lifetime energy").locator("visible=true").first.click()
    await person.show("energy-device", person.dialog)
    await person.press("Save")
    await expect(person.page.get_by_role("button", name="Save")).to_have_count(0, timeout=PATIENCE)
    await expect(person.page.locator("ha-energy-device-settings")).to_contain_text("IQ EV Charger_ABCD", timeout=PATIENCE)


async def downloads_diagnostics(person: Walker, simulator: Simulator, home_assistant: HomeAssistant) -> None:
    """A file that says a lot and nothing personal."""
    await person.open_device((await devices_by_name(home_assistant))["IQ EV Charger_ABCD"], "IQ EV Charger_ABCD")
    # The link to the charger's page in the app stands before it, so that it is in the menu of the card.
    await person.page.locator("ha-device-info-card").get_by_role("button", name="Menu").click()
    async with person.page.expect_download() as download:
        await person.page.get_by_role("menuitem", name="Download diagnostics").click()
    text = (await (await download.value).path()).read_text(encoding="utf-8")
    assert json.loads(text)["data"]["charger"]["status"]["is_charging"] is True
    assert [secret for secret in await simulator.secrets() if secret in text] == []


# --- What comes up ---


async def is_offered_a_new_charger(person: Walker, simulator: Simulator, home_assistant: HomeAssistant) -> None:
    """One that is put up later is not added behind one's back, since not all were wanted."""
    await simulator.control("POST", f"chargers/{LATER}", {"retired": False})
    await looks(home_assistant, "_cloud_reachable")
    await person.page.goto("/config/repairs")
    await person.page.get_by_text("New chargers at Main Site").click()
    await person.sees("Add them to Home Assistant?")
    await person.take_picture("new-charger")
    await person.press("Submit")

    async def is_there() -> bool:
        return any(LATER in entity["unique_id"] for entity in await home_assistant.entities())

    await eventually(is_there, "the new charger has entities")
    await expect(person.page.get_by_text("New chargers at Main Site")).to_have_count(0, timeout=PATIENCE)


async def wants_the_second_charger_after_all(person: Walker, home_assistant: HomeAssistant) -> None:
    """Reconfigure: the account cannot be another one, the chargers can."""
    await person.open_integration()
    await person.from_menu(HOME, "Reconfigure")
    await person.sees("Change the password or the chargers")
    await person.page.locator("input[type=email]").fill("somebody.else@example.com")
    await person.press("Submit")
    await person.sees("To use another account, remove the site and add it again.")
    await person.page.locator("input[type=email]").fill("alex.demo@example.com")
    await person.page.locator("ha-checkbox", has_text=SECOND).click()
    await person.take_picture("reconfigure")
    await person.press("Submit")
    await person.closes("Reconfiguration was successful")

    async def is_there() -> bool:
        return "IQ EV Charger_ABCE" in await devices_by_name(home_assistant)

    await eventually(is_there, "the second charger is a device")


async def signs_in_again(person: Walker, simulator: Simulator, home_assistant: HomeAssistant) -> None:
    """Enphase has ended the session, and nobody can sign in unattended where a code is needed."""
    await simulator.control("POST", "expire/sessions")
    await simulator.control("POST", "expire/tokens")
    await looks(home_assistant, "_cloud_reachable")
    account = await simulator.account()
    await person.page.goto("/config/repairs")
    await person.page.get_by_text("Authentication expired for Main Site").click()
    await person.sees("Enphase ended the session for Main Site.")
    await person.take_picture("signed-out")
    await person.page.locator("input[type=password]").fill(account["password"])
    await person.press("Submit")
    await person.sees("One-time code")
    code = (await simulator.account())["code"]
    assert code is not None
    await person.type_code(code)
    await person.closes("Re-authentication was successful")

    async def all_is_well() -> bool:
        entries = await home_assistant.command("config_entries/get", domain=DOMAIN)
        flows = await home_assistant.command("config_entries/flow/progress")
        return {entry["state"] for entry in entries} == {"loaded"} and flows == []

    await eventually(all_is_well, "both homes are back, with one sign-in")


async def reads_the_charger_on_the_phone(person: Walker, home_assistant: HomeAssistant) -> None:
    """Everything fits the width."""
    await person.open_device((await devices_by_name(home_assistant))["IQ EV Charger_ABCD"], "IQ EV Charger_ABCD")
    await person.reads("Sensors", {"Status": "Charging"})
    await person.show("charger-phone", person.page.locator("body"))
    assert await person.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def removes_both_homes(person: Walker, home_assistant: HomeAssistant) -> None:
    """Nothing is left of the devices and entities."""
    await person.open_integration()
    for home in (HOME, CABIN):
        await person.from_menu(home, "Delete")
        await person.sees(f"Delete {home}?")
        await person.press("Delete")
        await expect(person.entry(home)).to_have_count(0, timeout=PATIENCE)
    assert await home_assistant.entities() == []
    assert await devices_by_name(home_assistant) == {}


# --- What is there ---


async def devices_by_name(home_assistant: HomeAssistant) -> dict[str, str]:
    """The integration's devices: their ids by name."""
    devices = await home_assistant.command("config/device_registry/list")
    return {device["name"]: device["id"] for device in devices if any(domain == DOMAIN for domain, _ in device["identifiers"])}


async def looks(home_assistant: HomeAssistant, key: str) -> None:
    """Have Home Assistant ask the cloud now, not at the next poll."""
    found: list[RegistryEntry] = [entity for entity in await home_assistant.entities() if entity["unique_id"].endswith(key)]
    await home_assistant.act("homeassistant", "update_entity", entity_id=[entity["entity_id"] for entity in found])
