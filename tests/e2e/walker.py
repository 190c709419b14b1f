"""Somebody who walks through Home Assistant's own pages: forms, entries, devices."""

from collections.abc import Mapping
import io
import os
from pathlib import Path
import re

from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.e2e.person import Person
from tests.live.configuration import DOMAIN, ROOT

# Milliseconds that a page may take on a busy machine.
PATIENCE = 120_000
# With it, the pictures of the documentation are taken anew: ENPHASE_EV_PICTURES=1 scripts/test -- tests/e2e/test_walk.py
PICTURES = ROOT / "docs" / "images" if os.environ.get("ENPHASE_EV_PICTURES") else None


class Walker(Person):
    """Somebody at a desk or with a phone."""

    def __init__(self, page: Page, artifacts: Path, place: str) -> None:
        """Look at this page; pictures are named after the place."""
        super().__init__(page, artifacts)
        self._place = place

    async def take_picture(self, name: str) -> None:
        await super().take_picture(f"{self._place}-{name}")

    async def show(self, name: str, part: Locator, *, height: int | None = None) -> None:
        """Take a picture of a part of the page, for the documentation where that is wanted."""
        await self.take_picture(name)
        if PICTURES is None:
            return
        # What comes a little later than the rest.
        unknown = self.page.locator("hui-sensor-entity-row").filter(has_text="Unknown")
        await expect(unknown).to_have_count(0, timeout=6 * PATIENCE)
        image = Image.open(io.BytesIO(await part.screenshot()))
        shown = image.crop((0, 0, image.width, min(height or image.height, image.height)))
        shown.convert("RGB").quantize(128).save(PICTURES / f"{name}.png", optimize=True)

    # --- Forms ---

    @property
    def dialog(self) -> Locator:
        """What is open over the page."""
        return self.page.locator("dialog[open]").last

    async def sees(self, text: str | re.Pattern[str]) -> None:
        """Read this on the page."""
        await expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible(timeout=PATIENCE)

    async def start_adding(self) -> None:
        """Follow the link that adds the integration."""
        await self.page.goto(f"/_my_redirect/config_flow_start?domain={DOMAIN}")
        await self.press("OK")
        await self.sees("Sign in to Enphase")

    async def type_code(self, code: str) -> None:
        """Type the one-time code and send it."""
        await self.sees("One-time code")
        await self.page.locator("ha-form input:visible").first.fill(code)
        await self.press("Submit")

    async def choose(self, name: str) -> None:
        """Choose one of the sites and go on."""
        await self.page.locator("ha-form").get_by_text(name).click()
        await self.press("Submit")

    async def finish(self) -> None:
        """Leave names and areas of the new devices as they are."""
        await self.closes("Name and assign", "Skip and finish")

    async def closes(self, text: str, button: str = "Close") -> None:
        """Read what has come of it and close the dialog; it goes back in the history, which would undo going elsewhere meanwhile."""
        await self.sees(text)
        await self.page.get_by_role("button", name=button, exact=True).last.click()
        await expect(self.page.get_by_text(text)).to_have_count(0, timeout=PATIENCE)

    # --- Entries ---

    async def open_integration(self) -> None:
        """Go to the page of the integration."""
        await self.page.goto(f"/config/integrations/integration/{DOMAIN}")

    def entry(self, title: str) -> Locator:
        """The row of a site."""
        return self.page.locator("ha-config-entry-row").filter(has=self.page.get_by_text(title, exact=True))

    async def from_menu(self, title: str, item: str) -> None:
        """Choose something from the menu of a site."""
        await self.entry(title).get_by_role("button", name="Menu").first.click()
        await self.page.get_by_role("menuitem", name=item, exact=True).click()

    # --- Devices ---

    async def open_device(self, device_id: str, name: str) -> None:
        """Go to the page of a device."""
        await self.page.goto(f"/config/devices/device/{device_id}")
        await expect(self.page.locator("ha-device-entities-card").first).to_be_visible(timeout=PATIENCE)
        await self.sees(name)

    def card(self, title: str) -> Locator:
        """A card of the device's page."""
        cards = self.page.locator("ha-device-entities-card")
        return cards.filter(has=self.page.get_by_role("heading", name=title, exact=True))

    async def finds(self, card: str, *names: str) -> None:
        """Find these names in a card."""
        for name in names:
            await expect(self.card(card).get_by_text(name, exact=True).first).to_be_visible(timeout=PATIENCE)

    async def reads(self, card: str, values: Mapping[str, str]) -> None:
        """Read these values beside their names."""
        for name, value in values.items():
            # Some front ends keep a value and its unit on one line.
            said = re.compile(f"^{value.replace(' ', '[ \u00a0]')}$")
            row = self.card(card).locator("hui-generic-entity-row").filter(has=self.page.get_by_text(name, exact=True))
            await expect(row).to_have_text(said, use_inner_text=True, timeout=PATIENCE)

    async def misses(self, card: str, *names: str) -> None:
        """See that these names are not in a card, once it is there."""
        await expect(self.card(card).locator("hui-generic-entity-row").first).to_be_visible(timeout=PATIENCE)
        for name in names:
            await expect(self.card(card).get_by_text(name, exact=True)).to_have_count(0)

    # --- Calendars ---

    async def look_at(self, view: str, *calendars: str) -> None:
        """Look at these calendars only, in one of the views of the page."""
        await self.page.get_by_role("button", name=view).click()
        boxes = self.page.get_by_role("menuitemcheckbox")
        await expect(boxes.first).to_be_visible(timeout=PATIENCE)
        for box in await boxes.all():
            name = (await box.inner_text()).strip()
            if (await box.get_attribute("aria-checked") == "true") is not (name in calendars):
                await box.click()
