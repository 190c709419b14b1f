"""Home Assistant's own calendar page: a charging schedule is made, changed and deleted there."""

from collections.abc import AsyncGenerator
from pathlib import Path

from playwright.async_api import Locator, Page, expect
import pytest

from tests.e2e.conftest import INTERPRETERS
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
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("home_assistant"),
]

# Where the simulated site is, so that the page shows the times that the slots have.
TIME_ZONE = "Australia/Melbourne"
# Milliseconds that a page may take on a busy machine.
PATIENCE = 30_000

type Slot = tuple[str, str, int, list[int]]


@pytest.fixture(params=INTERPRETERS)
async def home_assistant(
    request: pytest.FixtureRequest, simulator: Simulator, artifacts: Path, tmp_path: Path
) -> AsyncGenerator[HomeAssistant]:
    home_assistant = HomeAssistant(
        tmp_path,
        port=free_port(),
        log=artifacts / "home-assistant.log",
        cloud=simulator.url,
        python=Path(INTERPRETERS[request.param]),
        time_zone=TIME_ZONE,
    )
    async with home_assistant:
        await add_integration(home_assistant, await simulator.account())
        yield home_assistant


@pytest.fixture
async def page(home_assistant: HomeAssistant) -> AsyncGenerator[Page]:
    async with signed_in_browser(home_assistant, time_zone=TIME_ZONE) as window:
        page = await window.new_page()
        page.set_default_timeout(30_000)
        yield page


class Planner(Person):
    """Somebody who plans when to charge."""

    @property
    def editor(self) -> Locator:
        return self.page.locator("dialog-calendar-event-editor")

    def events(self, title: str) -> Locator:
        """The events of the month that one can see."""
        return self.page.locator("ha-full-calendar").get_by_text(title, exact=True).locator("visible=true")

    async def fill_in(self, *, summary: str, begin: str | None = None, end: str | None = None) -> None:
        """Fill in what is said, times as whole hours."""
        await self.editor.locator("input[name=summary]").fill(summary)
        for number, hour in enumerate((begin, end)):
            if hour is not None:
                field = self.editor.locator("input[name=hours]").nth(number)
                await field.fill(hour)
                await field.press("Tab")

    async def repeat(self, every: str) -> None:
        await self.editor.locator("ha-select#freq").click()
        await self.page.get_by_text(every, exact=True).click()

    async def choose_days(self, *days: str) -> None:
        """Press the chips of these days, then release the others: one has to be pressed all the time."""
        chips = self.editor.locator("ha-filter-chip")
        for day in days:
            if not await chips.and_(self.page.locator(f"[value={day}][selected]")).count():
                await chips.and_(self.page.locator(f"[value={day}]")).click()
        pressed = [await chip.get_attribute("value") for chip in await chips.and_(self.page.locator("[selected]")).all()]
        for day in set(pressed) - set(days):
            await chips.and_(self.page.locator(f"[value={day}]")).click()

    async def save(self, button: str) -> None:
        await self.editor.get_by_role("button", name=button, exact=True).click()

    async def choose(self, which: str, button: str) -> None:
        """Say which events of a series are meant."""
        await self.page.get_by_role("radio", name=which).click()
        await self.page.get_by_role("button", name=button, exact=True).click()


async def test_a_schedule_is_made_changed_and_deleted_on_the_calendar_page(
    simulator: Simulator, home_assistant: HomeAssistant, page: Page, artifacts: Path
) -> None:
    serial = min(await simulator.chargers())
    # The other charger's calendar is not in the way.
    other = max(await simulator.chargers())
    for entity in await home_assistant.entities():
        if entity["unique_id"] == f"{other}_charging_schedule":
            await home_assistant.command("config/entity_registry/update", entity_id=entity["entity_id"], disabled_by="user")

    async def slots() -> list[Slot]:
        found = (await simulator.chargers())[serial]["slots"]
        return [(slot["startTime"], slot["endTime"], slot["chargingLevel"], slot["days"]) for slot in found]

    async def last_is(slot: Slot) -> bool:
        return (await slots())[-1] == slot

    before = await slots()
    person = Planner(page, artifacts)
    async with picture_when_it_fails(person):
        await page.goto("/calendar")
        await expect(person.events("32 A").first).to_be_visible(timeout=PATIENCE)
        await expect(person.events("Off-peak (off)").first).to_be_visible(timeout=PATIENCE)
        await person.take_picture("schedule")

        # Every month is nothing that a charger can do.
        await page.get_by_text("Add Event").first.click()
        await person.fill_in(summary="Solar at 16 A", begin="11", end="14")
        await person.repeat("Monthly")
        await person.save("Add Event")
        await expect(person.editor.locator("ha-alert")).to_contain_text("Charging schedules repeat every week", timeout=PATIENCE)
        await person.take_picture("monthly-is-refused")
        assert await slots() == before

        # Every week is. It is chosen in place of it.
        await person.repeat("Weekly")
        await person.choose_days("MO", "WE")
        await person.take_picture("weekly")
        await person.save("Add Event")
        await eventually(lambda: last_is(("11:00", "14:00", 16, [1, 3])), "the slot is there")
        await expect(person.events("16 A").first).to_be_visible(timeout=PATIENCE)
        await person.take_picture("added")

        # One day alone cannot be changed; all of them can.
        await person.events("16 A").last.click()
        await page.get_by_role("button", name="Edit Event").click()
        await person.fill_in(summary="20 A", end="15")
        await person.save("Save Event")
        await person.choose("Only this event", "Update")
        await expect(person.editor.locator("ha-alert")).to_contain_text("a single day cannot be changed", timeout=PATIENCE)
        await person.take_picture("a-single-day-is-refused")
        assert await last_is(("11:00", "14:00", 16, [1, 3]))
        await person.save("Save Event")
        await person.choose("This and all future events", "Update")
        await eventually(lambda: last_is(("11:00", "15:00", 20, [1, 3])), "the slot is changed")
        await expect(person.events("20 A").first).to_be_visible(timeout=PATIENCE)
        await person.take_picture("changed")

        # And away with it.
        await person.events("20 A").last.click()
        await page.get_by_role("button", name="Delete Event").click()
        await person.choose("This and all future events", "Delete")

        async def as_before() -> bool:
            return await slots() == before

        await eventually(as_before, "the slot is gone, the others are not")
        await expect(person.events("20 A")).to_have_count(0, timeout=PATIENCE)
        await person.take_picture("deleted")

    log = (artifacts / "home-assistant.log").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if " ERROR " in line and "enphase_ev" in line] == []
