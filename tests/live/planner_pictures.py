"""The pictures of docs/planner.md: where the planner stands on the page of a charger, its plan in the calendar, and what it costs."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import BrowserContext, Locator

from tests.live import dashboard
from tests.live.browser import signed_in_browser
from tests.live.configuration import ROOT
from tests.live.home_assistant import HomeAssistant
from tests.live.signed_in_house import signed_in_house

IMAGES = ROOT / "docs" / "images"
# A house with a charger, a plugged-in car, and a tariff with cheap nights.
SCENARIO = "sunny_home"
# Long enough for the entities that come with the switch.
SETTLING_S = 20


async def take(folder: Path) -> list[Path]:
    """Run such a house, plan 12 kWh by 6:30, and take the pictures."""
    async with AsyncExitStack() as servers:
        simulator, home_assistant = await servers.enter_async_context(signed_in_house(folder, SCENARIO))
        device_id = await _plan(home_assistant)
        window = await servers.enter_async_context(signed_in_browser(home_assistant, time_zone=await simulator.time_zone()))
        return [await _device_picture(window, device_id), await _calendar_picture(window), await _cost_picture(window, device_id)]


async def _plan(home_assistant: HomeAssistant) -> str:
    """Turn the planner of the charger on, and say what is wanted by when; the id of its device."""
    entities = dashboard.Entities(await home_assistant.entities())
    (serial,) = entities.chargers
    await home_assistant.act("switch", "turn_on", entity_id=entities.find("switch", serial, "planner"))
    await asyncio.sleep(SETTLING_S)
    entities = dashboard.Entities(await home_assistant.entities())
    await home_assistant.act("number", "set_value", entity_id=entities.find("number", serial, "energy_wanted"), value=12)
    await home_assistant.act("time", "set_value", entity_id=entities.find("time", serial, "ready_by"), time="06:30:00")
    switch = entities.find("switch", serial, "planner")
    device_id = next(entry["device_id"] for entry in await home_assistant.entities() if entry["entity_id"] == switch)
    assert device_id is not None, "the switch of the planner has no device"
    return device_id


async def _device_picture(window: BrowserContext, device_id: str) -> Path:
    """What is set, and what comes of it: the page of the charger from its controls down to the planned start."""
    page = await window.new_page()
    await page.set_viewport_size({"width": 1440, "height": 1800})
    await page.goto(f"/config/devices/device/{device_id}")
    cards = page.locator("ha-device-entities-card")
    await cards.nth(1).wait_for(timeout=60_000)
    await page.wait_for_timeout(4000)
    controls, last = await cards.first.bounding_box(), await page.get_by_text("Planned start", exact=True).first.bounding_box()
    assert controls is not None, "the page has no controls"
    assert last is not None, "the page has no planned start"
    path = IMAGES / "planner-device.png"
    await page.screenshot(path=path, clip={**controls, "height": last["y"] + 2 * last["height"] - controls["y"]})
    return path


async def _calendar_picture(window: BrowserContext) -> Path:
    """The planned charge between the charger's schedules."""
    page = await window.new_page()
    await page.set_viewport_size({"width": 1000, "height": 420})
    await page.goto("/calendar")
    await page.get_by_label("List (7 days)", exact=True).click(timeout=60_000)
    await page.get_by_text("Planned charge").first.wait_for(timeout=60_000)
    await page.wait_for_timeout(2000)
    return await _save(page.locator("ha-full-calendar"), "planner-calendar")


async def _cost_picture(window: BrowserContext, device_id: str) -> Path:
    """What the plan costs, and charging now, in the details of the sensor."""
    page = await window.new_page()
    await page.goto(f"/config/devices/device/{device_id}")
    await page.locator("hui-generic-entity-row").filter(has_text="Planned cost").click(timeout=60_000)
    await page.locator("ha-more-info-dialog").get_by_role("button", name="Menu").first.click()
    await page.get_by_text("Details", exact=True).locator("visible=true").first.click()
    await page.get_by_text("Cost if charged now").wait_for()
    await page.wait_for_timeout(1000)
    return await _save(page.locator("dialog[open]").last, "planner-cost")


async def _save(part: Locator, name: str) -> Path:
    path = IMAGES / f"{name}.png"
    await part.screenshot(path=path)
    return path
