"""A battery's changes without the rest of the house, on a process that can be killed at every await and started again from its disk."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from uuid import uuid4

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.helpers.translation import async_load_integrations
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.enphase_ev.battery import keeper as keeper_module
from custom_components.enphase_ev.battery.coordinator import BatteryCoordinator
from custom_components.enphase_ev.battery.keeper import Keeper
from custom_components.enphase_ev.battery.ledger_store import LedgerStore
from custom_components.enphase_ev.battery.override_control import BatteryOverrides
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import Account, Batteries, ServiceUnavailable, Transport
from custom_components.enphase_ev.enlighten.transport import Answer, Request
from simulator import Simulator
from simulator.battery.battery import Battery
from simulator.battery.entries import Entry
from tests.enlighten.cloud import Cloud
from tests.integration.house import calm

# In so many steps a rest passes in which something can arrive.
_STEPS = 4

type Says = tuple[str, str, str, tuple[int, ...], int | None, str]


class Killed(asyncio.CancelledError):
    """The process is dead."""


@dataclass
class Moments:
    """The awaits of a process: every request, every write to the disk, every rest.

    Between two of them nothing happens outside of the process, so that to kill it before each is to kill it everywhere.

    Attributes:
        kill_at: which one is its last; it is not begun.
        lose_at: which one is a request whose answer is lost after the cloud has processed it.
    """

    kill_at: int | None = None
    lose_at: int | None = None
    passed: list[str] = field(default_factory=list)
    death: asyncio.Event = field(default_factory=asyncio.Event)
    is_counting: bool = False

    @property
    def is_dead(self) -> bool:
        """Return whether the process is dead."""
        return self.death.is_set()

    def pass_by(self, name: str) -> bool:
        """Pass the moment before an await; return whether its answer will be lost."""
        if self.is_counting:
            self.passed.append(name)
            if len(self.passed) == self.kill_at:
                self.death.set()
        if self.is_dead:
            raise Killed
        return self.is_counting and len(self.passed) == self.lose_at


def says(entry: Entry) -> Says:
    """Return what an entry is about. That restrict discharge has no limit can be said in two ways."""
    limit = entry.limit if entry.family.value != "rbd" else None
    return entry.family.value, entry.start, entry.end, entry.days, limit, entry.time_zone


@dataclass
class Bench:
    """The changes of one site's battery."""

    hass: HomeAssistant
    cloud: Cloud
    freezer: FrozenDateTimeFactory
    entry: MockConfigEntry
    account: Account
    moments: Moments = field(default_factory=Moments)
    coordinator: BatteryCoordinator = field(init=False)
    overrides: BatteryOverrides = field(init=False)

    @classmethod
    async def open(cls, hass: HomeAssistant, cloud: Cloud, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch) -> Self:
        """Start the first process."""
        # Hypothesis lets all that is random repeat itself: with the id of an earlier example it would go on with that one's ledger.
        entry = MockConfigEntry(domain=DOMAIN, title="Home", entry_id=uuid4().hex)
        entry.add_to_hass(hass)
        # As Home Assistant does it before it sets up an integration.
        await async_load_integrations(hass, {DOMAIN})
        bench = cls(hass, cloud, freezer, entry, await cloud.signed_in())
        # A process can rest as soon as it is there, and the clock stands still.
        bench._watch(monkeypatch)
        await bench._start()
        return bench

    @property
    def sim(self) -> Simulator:
        """The cloud."""
        return self.cloud.sim

    @property
    def battery(self) -> Battery:
        """The batteries."""
        return self.sim.battery

    def says(self) -> set[Says]:
        """Return what the entries that the cloud lists are about."""
        return {says(entry) for entry in self.battery.schedules}

    def _watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every await pass by `moments`, and let rests take no time but the simulated one."""
        send, save = Transport.send, Store.async_save

        async def watched_send(transport: Transport, request: Request, **options: Any) -> Answer:
            moments = self.moments
            is_lost = moments.pass_by(f"{request.method} {request.path}")
            answer = await send(transport, request, **options)
            if is_lost:
                raise ServiceUnavailable("The answer was lost", may_have_arrived=True)
            return answer

        async def watched_save(store: Store[dict[str, object]], data: dict[str, object]) -> None:
            self.moments.pass_by("save")
            await save(store, data)

        async def watched_rest(_hass: HomeAssistant, seconds: float) -> None:
            self.moments.pass_by(f"rest {seconds:g} s")
            if self.battery.features.supports_mqtt:
                # The gateway's answer can come in the middle of it.
                for _ in range(_STEPS):
                    self.freezer.tick(timedelta(seconds=seconds / _STEPS))
                    await calm(self.hass.loop)
                return
            await asyncio.sleep(0)
            self.freezer.tick(timedelta(seconds=seconds))

        monkeypatch.setattr(Transport, "send", watched_send)
        monkeypatch.setattr(Store, "async_save", watched_save)
        monkeypatch.setattr(keeper_module, "async_rest", watched_rest)

    async def change(self, what: Callable[[Self], Awaitable[object]]) -> BaseException | None:
        """Make a change and wait until nothing is under way; return what it raised. Its moments are counted."""
        self.moments.is_counting = True
        try:
            maker = asyncio.ensure_future(what(self))
            death = asyncio.ensure_future(self.moments.death.wait())
            await asyncio.wait([maker, death], return_when=asyncio.FIRST_COMPLETED)
            death.cancel()
            if self.moments.is_dead:
                maker.cancel()
            await asyncio.wait([maker])
            await self.settle()
        finally:
            self.moments.is_counting = False
        return None if maker.cancelled() else maker.exception()

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        while tasks := _background_tasks():
            await asyncio.wait(tasks)

    async def restart(self) -> None:
        """Drop everything in memory, and begin again with what is on the disk."""
        await self.close()
        self.moments = Moments()
        self.account = self.cloud.restarted(self.account)
        await self._start()

    async def _start(self) -> None:
        client, store = Batteries(self.account, self.sim.site.id), LedgerStore(self.hass, self.entry.entry_id)
        keeper = Keeper(self.hass, self.entry, client, store, await store.async_load())
        self.coordinator = BatteryCoordinator(self.hass, self.entry, client, keeper)
        await self.coordinator.async_refresh()
        self.overrides = BatteryOverrides(self.coordinator)
        self.overrides.async_start()

    async def close(self) -> None:
        """Drop everything in memory."""
        self.moments.death.set()
        await self.coordinator.async_shutdown()
        for task in (tasks := _background_tasks()):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.entry._async_process_on_unload(self.hass)  # noqa: SLF001 - what Home Assistant does with an entry that goes

    @property
    def is_settled(self) -> bool:
        """Return whether everything has come to its end: at the cloud, in the journal, and the override."""
        ledger = self.coordinator.keeper.ledger
        return self.battery.is_settled and ledger.is_at_rest and ledger.override is None

    async def live(self, *minutes: int) -> None:
        """Let these times pass, one after the other, with a look at the cloud after each, until nothing can come any more."""
        for number, passed in enumerate(minutes):
            if number > 1 and self.is_settled:
                return
            self.freezer.tick(timedelta(minutes=passed))
            async_fire_time_changed(self.hass)
            await asyncio.sleep(0)
            await self.coordinator.async_refresh()
            await self.settle()
            await self.hass.async_block_till_done(wait_background_tasks=True)


def _background_tasks() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if "Enphase" in task.get_name() and task is not asyncio.current_task()]


def was_refused(raised: BaseException | None) -> bool:
    """Return whether a change was refused with words for a person."""
    return isinstance(raised, HomeAssistantError)
