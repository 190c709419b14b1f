"""Home Assistant's own calendar page: schedules of a charger and of the batteries are made, changed and deleted there."""

from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path
import re
from zoneinfo import ZoneInfo

from playwright.async_api import Locator, Page, expect
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

# Where the simulated site is, so that the page shows the times that the slots have.
TIME_ZONE = "Australia/Melbourne"
# Milliseconds that a page may take on a busy machine.
PATIENCE = 120_000

# In the last hour of a day a new event would end on the next one: for the page it is early in the afternoon.
AT_ANOTHER_TIME = """
(() => {
  const now = Date.now;
  const later = () => now() + %d;
  globalThis.Date = class extends Date {
    constructor(...parts) { parts.length ? super(...parts) : super(later()); }
    static now() { return later(); }
  };
})();
"""

type Slot = tuple[str, str, int, list[int]]


@pytest.fixture
async def simulator(artifacts: Path, socket_enabled: None) -> AsyncGenerator[Simulator]:
    async with Simulator(port=free_port(), log=artifacts / "simulator.log", scenario="home") as simulator:
        yield simulator


@pytest.fixture
async def home_assistant(build_home_assistant: HomeAssistantBuilder, simulator: Simulator) -> AsyncGenerator[HomeAssistant]:
    home_assistant = build_home_assistant(time_zone=TIME_ZONE)
    async with home_assistant:
        await add_integration(home_assistant, await simulator.account())
        yield home_assistant


@pytest.fixture
async def page(home_assistant: HomeAssistant) -> AsyncGenerator[Page]:
    async with signed_in_browser(home_assistant, time_zone=TIME_ZONE) as window:
        page = await window.new_page()
        page.set_default_timeout(PATIENCE)
        now = datetime.now(ZoneInfo(TIME_ZONE))
        shift = now.replace(hour=14) - now
        await page.add_init_script(AT_ANOTHER_TIME % (shift.total_seconds() * 1000))
        yield page


class Planner(Person):
    """Somebody who plans when to charge."""

    @property
    def editor(self) -> Locator:
        return self.page.locator("dialog-calendar-event-editor")

    def events(self, title: str) -> Locator:
        """The events of the month that one can see."""
        return self.page.locator("ha-full-calendar").get_by_text(re.compile(rf"^{re.escape(title)}( \(inactive|$)")).locator("visible=true")

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

    async def add(self) -> None:
        """Begin a new event."""
        await self.page.get_by_text("Add Event").first.click()

    async def edit(self, title: str) -> None:
        """Open the last event with this title for a change."""
        await self.events(title).last.click()
        await self.page.get_by_role("button", name="Edit Event").click()

    async def delete(self, title: str) -> None:
        """Delete the series of the last event with this title."""
        await self.events(title).last.click()
        await self.page.get_by_role("button", name="Delete Event").click()
        await self.choose("This and all future events", "Delete")

    async def is_told(self, text: str) -> None:
        """Wait until the editor says so."""
        await expect(self.editor.locator("ha-alert[alert-type=error]")).to_contain_text(text, timeout=PATIENCE)

    async def sees(self, title: str) -> None:
        """Wait until an event with this title is there."""
        await expect(self.events(title).first).to_be_visible(timeout=PATIENCE)


async def test_schedules_are_made_changed_and_deleted_on_the_calendar_page(
    simulator: Simulator, home_assistant: HomeAssistant, page: Page, artifacts: Path
) -> None:
    person = Planner(page, artifacts)
    serial = min(await simulator.chargers())
    async with picture_when_it_fails(person):
        # The battery comes second: new events belong to the first calendar that there is.
        await show_only(home_assistant, f"{serial}_charging_schedule", later="_charge_from_grid")
        await plan_a_charger(person, simulator, serial)
        await show_only(home_assistant, "_charge_from_grid")
        await plan_the_battery(person, simulator)

    log = (artifacts / "home-assistant.log").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if " ERROR " in line and "enphase_ev" in line] == []


async def show_only(home_assistant: HomeAssistant, wanted: str, *, later: str = "") -> None:
    """Leave one calendar on the page, by the end of its unique id, and another one hidden; take the others away."""
    for entity in await home_assistant.entities():
        if entity["entity_id"].startswith("calendar.") and not entity["disabled_by"]:
            is_wanted, is_later = entity["unique_id"].endswith(wanted), bool(later) and entity["unique_id"].endswith(later)
            await home_assistant.command(
                "config/entity_registry/update",
                entity_id=entity["entity_id"],
                hidden_by="user" if is_later else None,
                disabled_by=None if is_wanted or is_later else "user",
            )


async def plan_a_charger(person: Planner, simulator: Simulator, serial: str) -> None:
    async def slots() -> list[Slot]:
        found = (await simulator.chargers())[serial]["slots"]
        return [(slot["startTime"], slot["endTime"], slot["chargingLevel"], slot["days"]) for slot in found]

    async def last_is(slot: Slot) -> bool:
        return (await slots())[-1] == slot

    before = await slots()
    await person.page.goto("/calendar")
    await person.sees("32 A")
    await person.take_picture("schedule")

    # Every month is nothing that a charger can do.
    await person.add()
    await person.fill_in(summary="Solar at 16 A", begin="11", end="14")
    await person.repeat("Monthly")
    await person.save("Add Event")
    await person.is_told("Charging schedules repeat every week")
    await person.take_picture("monthly-is-refused")
    assert await slots() == before

    # Every week is. It is chosen in place of it.
    await person.repeat("Weekly")
    await person.choose_days("MO", "WE")
    await person.take_picture("weekly")
    await person.save("Add Event")
    await eventually(lambda: last_is(("11:00", "14:00", 16, [1, 3])), "the slot is there")
    # The title is the person's.
    await person.sees("Solar at 16 A")
    await person.take_picture("added")

    # One day alone cannot be changed; all of them can.
    await person.edit("Solar at 16 A")
    await person.fill_in(summary="20 A", end="15")
    await person.save("Save Event")
    await person.choose("Only this event", "Update")
    await person.is_told("you can't change a single day")
    await person.take_picture("a-single-day-is-refused")
    assert await last_is(("11:00", "14:00", 16, [1, 3]))
    await person.save("Save Event")
    await person.choose("This and all future events", "Update")
    await eventually(lambda: last_is(("11:00", "15:00", 20, [1, 3])), "the slot is changed")
    await person.sees("20 A")
    await person.take_picture("changed")

    # And away with it.
    await person.delete("20 A")

    async def as_before() -> bool:
        return await slots() == before

    await eventually(as_before, "the slot is gone, the others are not")
    await expect(person.events("20 A")).to_have_count(0, timeout=PATIENCE)
    await person.take_picture("deleted")


async def plan_the_battery(person: Planner, simulator: Simulator) -> None:
    async def entries() -> set[tuple[str, str, str, int | None, tuple[int, ...]]]:
        found = (await simulator.battery())["schedules"]
        return {(one["scheduleType"], one["startTime"], one["endTime"], one["limit"], tuple(one["days"])) for one in found}

    async def are(*more: tuple[str, str, str, int | None, tuple[int, ...]]) -> bool:
        return await entries() == before | set(more)

    before = await entries()
    await person.page.goto("/calendar")
    await person.sees("Charge to 100 %")
    await person.take_picture("battery")

    # At that time it charges already.
    await person.add()
    await person.fill_in(summary="Charge to 80 %", begin="19", end="22")
    await person.repeat("Weekly")
    await person.choose_days("TU", "TH")
    await person.save("Add Event")
    await person.is_told("This overlaps an existing schedule: Charge from grid, 20:00 to 05:00")
    await person.take_picture("overlap-is-refused")
    assert await are()

    await person.fill_in(summary="Charge to 80 %", begin="11", end="14")
    await person.save("Add Event")
    await eventually(lambda: are(("CFG", "11:00", "14:00", 80, (2, 4))), "the entry is there")
    await person.sees("Charge to 80 %")
    await person.take_picture("battery-added")

    await person.edit("Charge to 80 %")
    await person.fill_in(summary="Charge to 60 %", end="13")
    await person.save("Save Event")
    await person.choose("This and all future events", "Update")
    await eventually(lambda: are(("CFG", "11:00", "13:00", 60, (2, 4))), "the entry is changed")
    await person.sees("Charge to 60 %")
    await person.take_picture("battery-changed")

    await person.delete("Charge to 60 %")
    await eventually(are, "the entry is gone, the others are not")
    await expect(person.events("Charge to 60 %")).to_have_count(0, timeout=PATIENCE)
    await person.take_picture("battery-deleted")
    assert (await simulator.battery())["lost"] == []
