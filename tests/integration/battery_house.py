"""A house with batteries, in which changes wait for the clock in the background."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import override

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest

from custom_components.enphase_ev.accounts import _REGISTRY
from custom_components.enphase_ev.const import DOMAIN
from simulator.battery.battery import Battery
from simulator.battery.entries import Entry
from tests.integration.house import House, calm

type Says = tuple[str, str, str, tuple[int, ...], int | None, bool]

MOMENT = "2026-05-20T03:10:00Z"
"""When these houses begin: a Wednesday, 13:10 in Melbourne."""
MOST_WAITED = 900
"""What the field `wait` takes at most, s."""
_TICK = 0.001
_LONGEST = 2 * 3600.0


def says(entry: Entry) -> Says:
    """Return what an entry is about; that restrict discharge has no limit can be said in two ways."""
    limit = entry.limit if entry.family.value != "rbd" else None
    return entry.family.value, entry.start, entry.end, entry.days, limit, entry.enabled


@dataclass
class BatteryHouse(House):
    """A house with batteries. Its time goes on where something waits for the clock, whether a person waits for it or not."""

    @property
    def battery(self) -> Battery:
        """The batteries."""
        return self.sim.battery

    @property
    def entries(self) -> set[Says]:
        """What the entries that the cloud lists are about."""
        return {says(entry) for entry in self.battery.schedules}

    def entry_id(self, family: str) -> str:
        """Return the id of the first entry of a family."""
        return next(entry.id for entry in self.battery.schedules if entry.family.value == family)

    def add_hold(self) -> None:
        """Add in the app the entry without which restricting discharge has no effect, at a time that nothing else here wants."""
        self.battery.add_schedule("rbd", "16:30", "17:00")

    def battery_state(self, platform: str, key: str) -> str:
        """Return the state of an entity of the batteries."""
        return self.site_state(platform, key).state

    def issue(self, key: str) -> ir.IssueEntry | None:
        """Return a repair issue."""
        return ir.async_get(self.hass).async_get_issue(DOMAIN, f"{key}_{self.entry.entry_id}")

    async def removed(self) -> float:
        """Remove the entry, however long that takes; return how many seconds it took."""
        began = self.hass.loop.time()
        await self.lived_through(self.hass.config_entries.async_remove(self.entry.entry_id))
        return self.hass.loop.time() - began

    async def asked(self, service: str, *, as_user: str | None = None, **data: object) -> dict[str, object]:
        """Call an action and return its answer for the one site, however long that takes."""
        context = Context(user_id=as_user)
        call = self.hass.services.async_call(DOMAIN, service, data, blocking=True, return_response=True, context=context)
        answer = await self.lived_through(call)
        assert isinstance(answer, dict)
        sites = answer["sites"]
        assert isinstance(sites, list)
        assert len(sites) == 1
        site = sites[0]
        assert isinstance(site, dict)
        assert site["site_id"] == self.sim.site.id
        return {key: value for key, value in site.items() if key != "site_id"}

    async def refused(self, service: str, **data: object) -> HomeAssistantError:
        """Call an action that is refused with words for a person; return the refusal."""
        with pytest.raises(HomeAssistantError) as caught:
            await self.asked(service, **data)
        assert caught.value.translation_key is not None
        return caught.value

    async def lived_through[T](self, work: Coroutine[object, object, T]) -> T:
        """Let time pass until something is done."""
        task = self.hass.async_create_task(work)
        await self.until(task.done)
        return await task

    @override
    async def see_through[T](self, work: Coroutine[object, object, T]) -> T:
        return await self.lived_through(work)

    async def until(self, is_so: Callable[[], bool], *, at_most: float = _LONGEST) -> None:
        """Let time pass from timer to timer until something is so."""
        loop = self.hass.loop
        end = loop.time() + at_most
        await self._calm()
        while not is_so():
            left = end - loop.time()
            assert left > 0, "it never is"
            await self._tick(left)

    async def pass_time(self, *, minutes: float) -> None:
        """Let time pass from timer to timer."""
        end = self.hass.loop.time() + minutes * 60
        await self._calm()
        while (left := end - self.hass.loop.time()) > 0:
            await self._tick(left)

    def skip(self, *, hours: float) -> None:
        """Let hours pass in one leap: what was due in them comes late."""
        self.freezer.tick(timedelta(hours=hours))

    async def restarted(self, *, minutes: float) -> None:
        """Unload the entry, forget what is in memory, and load it from what was stored, some minutes later."""
        await self.lived_through(self.hass.config_entries.async_unload(self.entry.entry_id))
        self.skip(hours=minutes / 60)
        await self._calm()
        self.hass.data.pop(_REGISTRY)
        await self.lived_through(self.hass.config_entries.async_setup(self.entry.entry_id))
        await self._calm()

    async def _tick(self, at_most: float) -> None:
        now = self.hass.loop.time()
        timers = [timer.when() for timer in get_scheduled_timer_handles(self.hass.loop) if not timer.cancelled()]
        until_next = max(min(timers, default=now + at_most) - now, 0.0) + _TICK
        self.freezer.tick(timedelta(seconds=min(until_next, at_most + _TICK)))
        await self._calm()

    async def _calm(self) -> None:
        await calm(self.hass.loop)


type BatteryHouseBuilder = Callable[..., Coroutine[object, object, BatteryHouse]]
