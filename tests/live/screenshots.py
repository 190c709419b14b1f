"""The pictures of the dashboards in docs/images, taken of the demo: ours on phone and desktop, Home Assistant's own of energy and power.

Those of the planner, too, which needs another house.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, time, timedelta
from pathlib import Path
import tempfile

from PIL import Image
from playwright.async_api import Page

from tests.live import dashboard, energy, planner_pictures
from tests.live.browser import signed_in_browser
from tests.live.configuration import ROOT
from tests.live.home_assistant import HomeAssistant
from tests.live.signed_in_house import signed_in_house

IMAGES = ROOT / "docs" / "images"
# Width and height in pixels.
SCREENS = {"desktop": (1440, 1180), "phone": (420, 1400)}
# Long enough for meters to move and for the graphs to have a line.
SETTLING_S = 150
DAYS = 8
# As many tell what is to be seen, and keep every picture well below 200 kB.
COLOURS = 256


async def take(folder: Path) -> list[Path]:
    """Run the demo, let some time pass, and take the pictures."""
    async with AsyncExitStack() as servers:
        simulator, home_assistant = await servers.enter_async_context(signed_in_house(folder, "home"))
        await dashboard.install(home_assistant)
        await energy.import_the_past(home_assistant, await simulator.time_zone())
        await energy.fill(home_assistant)
        # Live power is there by now.
        await dashboard.install(home_assistant)
        # As long as a car charges.
        flow = await _power_picture(home_assistant, await simulator.time_zone())
        # Before the chargers get a past of their own: the imported one would be counted twice.
        past = await _energy_picture(home_assistant, await simulator.time_zone())
        await remember_sessions(home_assistant)
        await asyncio.sleep(SETTLING_S)
        return [flow, past, *[await _picture(home_assistant, screen, scheme) for screen in SCREENS for scheme in ("light", "dark")]]


async def _power_picture(home_assistant: HomeAssistant, time_zone: str) -> Path:
    """Where the power comes from and goes to at this moment, as Home Assistant's Energy dashboard draws it."""
    path = IMAGES / "power-flow.png"
    async with signed_in_browser(home_assistant, width=1200, height=1100, time_zone=time_zone) as window:
        page = await window.new_page()
        await page.goto("/energy/now")
        card = page.locator("hui-power-sankey-card").first
        await card.wait_for(timeout=60_000)
        await page.wait_for_timeout(6000)
        await card.screenshot(path=path)
    return path


async def _energy_picture(home_assistant: HomeAssistant, time_zone: str) -> Path:
    """Home Assistant's own Energy dashboard over the last thirty days."""
    path = IMAGES / "energy-dashboard.png"
    async with signed_in_browser(home_assistant, width=1440, height=2300, time_zone=time_zone) as window:
        await window.add_init_script("localStorage['energy-default-period-_energy_dashboard'] = 'now-30d'")
        page = await window.new_page()
        await page.goto("/energy/electricity")
        await page.locator("hui-energy-usage-graph-card").first.wait_for(timeout=60_000)
        await page.wait_for_timeout(6000)
        await page.screenshot(path=path)
    return path


async def _picture(home_assistant: HomeAssistant, screen: str, scheme: str) -> Path:
    width, height = SCREENS[screen]
    path = IMAGES / f"dashboard-{screen}-{scheme}.png"
    async with signed_in_browser(home_assistant, width=width, height=height, dark=scheme == "dark") as window:
        page = await window.new_page()
        await page.goto(f"/{dashboard.URL_PATH}")
        await _loaded(page)
        await page.screenshot(path=path)
    return path


async def _loaded(page: Page) -> None:
    """Wait for the cards, and for graphs and calendar in them."""
    await page.locator("hui-tile-card:visible").first.wait_for(timeout=60_000)
    await page.wait_for_timeout(4000)


async def remember_sessions(home_assistant: HomeAssistant) -> None:
    """Give the statistics of the chargers what they have charged in the last days, as the site's own history tells it."""
    since = (datetime.now().astimezone() - timedelta(days=DAYS)).date()
    for serial in (entities := dashboard.Entities(await home_assistant.entities())).chargers:
        meter, switch = entities.find("sensor", serial, "lifetime_energy"), entities.find("switch", serial, "charging")
        answer = await home_assistant.post(
            "/api/services/enphase_ev/get_charging_sessions?return_response", {"entity_id": switch, "from": str(since)}
        )
        sessions = answer["service_response"]["chargers"][0]["sessions"]
        energy = {datetime.combine(since, time.min).astimezone(): 0.0}
        energy |= {datetime.fromisoformat(one["start"]).replace(minute=0, second=0, microsecond=0): one["energy"] for one in sessions}
        await home_assistant.command(
            "recorder/import_statistics",
            metadata={
                "has_mean": False,
                "mean_type": 0,
                "has_sum": True,
                "name": None,
                "source": "recorder",
                "statistic_id": meter,
                "unit_class": "energy",
                "unit_of_measurement": "kWh",
            },
            # What is recorded from now on begins at zero: the past lies below.
            stats=[
                {"start": start.isoformat(), "sum": -sum(one for then, one in energy.items() if then > start)} for start in sorted(energy)
            ],
        )


def _make_small(path: Path) -> None:
    """Keep the colours that there are most of."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Take them all, and say where they are."""
    for take_all in (take, planner_pictures.take):
        with tempfile.TemporaryDirectory() as folder:
            for path in asyncio.run(take_all(Path(folder))):
                _make_small(path)
                print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
