"""A house: Home Assistant with the integration, a simulated cloud behind it, and time that passes when one wants it to."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures.thread import ThreadPoolExecutor, _worker
from dataclasses import dataclass
from datetime import timedelta
from fcntl import ioctl
from selectors import EVENT_WRITE
import sys
from termios import TIOCOUTQ
import time
from types import CoroutineType, FrameType

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_CODE, CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import HomeAssistant, State, async_get_hass_or_none
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.enphase_ev.accounts import _REGISTRY
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, CONF_REMEMBER_PASSWORD, CONF_SITE, DOMAIN, ENTRY_VERSION
from custom_components.enphase_ev.options import CONF_GATEWAY_ADDRESS, CONF_GATEWAY_FINGERPRINT, CONF_GATEWAY_TOKEN
from custom_components.enphase_ev.site.live_stream import async_hear, async_until_over
from custom_components.enphase_ev.waiting import async_rest
from simulator import BatteryUnit, Charger, Simulator

# Timers fire when the clock is past them.
_MOMENT = 0.001
_MOST_ROUNDS = 100
# So often in a row there is nothing to do when there is nothing to do.
_QUIET_ROUNDS = 3
# Seconds that really pass, for threads and for what a busy machine delivers late.
_REAL_MOMENT = 0.001
# Here things wait for the clock, or for something that comes from outside.
_RESTS = {async_rest.__code__, async_hear.__code__, async_until_over.__code__}
# By then everything has been asked for that is not asked for at once after a sign-in.
FIRST_MINUTES = timedelta(minutes=2)


async def live(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    """Let time pass from timer to timer, so that everything comes exactly when it is due."""
    end = hass.loop.time() + seconds
    while (left := end - hass.loop.time()) > _MOMENT:
        timers = [timer.when() for timer in get_scheduled_timer_handles(hass.loop) if not timer.cancelled()]
        until_next = max(min(timers, default=end) - hass.loop.time(), 0.0)
        freezer.tick(timedelta(seconds=min(left, until_next + _MOMENT)))
        # One round of the loop finds the timers that are due, the next one runs them.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await _settle(hass)


async def _settle(hass: HomeAssistant) -> None:
    """Wait until nothing is under way but what waits for the clock, which stands still here."""
    patience = _MOST_ROUNDS
    settled = hass.loop.create_task(hass.async_block_till_done(wait_background_tasks=True))
    await asyncio.sleep(0)
    while not settled.done():
        await calm(hass.loop)
        under_way = [task for task in (*hass._tasks, *hass._background_tasks) if not task.done()]  # noqa: SLF001 - as Home Assistant's own
        resting = [task for task in under_way if isinstance(task, asyncio.Task) and _rests(task)]
        if resting and len(resting) < len(under_way):
            # The others may wait for those that rest, or for a machine that is busy.
            time.sleep(_REAL_MOMENT)  # noqa: ASYNC251 - nothing else is to go on meanwhile
            patience -= 1
        if resting and (len(resting) == len(under_way) or not patience):
            settled.cancel()
            return


async def calm(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until everything waits for the clock: no callback is due, no thread works, and nothing comes over a socket."""
    quiet, patience = 0, _MOST_ROUNDS
    while quiet < _QUIET_ROUNDS:
        if quiet == _QUIET_ROUNDS - 1:
            # A connection that ends has nothing to look at.
            time.sleep(_REAL_MOMENT)  # noqa: ASYNC251 - nothing else is to go on meanwhile
        await asyncio.sleep(0)
        if loop._ready or loop._selector.select(0):  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells
            quiet = 0
        elif (working := _at_work(loop)) or (patience > 0 and _is_sending(loop)):
            time.sleep(_REAL_MOMENT)  # noqa: ASYNC251 - nothing else is to go on meanwhile
            quiet = 0
            patience -= 1
            if patience < 0:
                _recount(working)
        else:
            quiet += 1


def _is_sending(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether something is on its way between two sockets, or about to be: a busy machine delivers it later, also to itself."""
    return any(key.events & EVENT_WRITE or _unsent(key.fd) for key in tuple(loop._selector.get_map().values()))  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells


def _unsent(socket: int) -> int:
    """Return how many bytes of a socket have not arrived; what is no socket has none."""
    try:
        return int.from_bytes(ioctl(socket, TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def _at_work(loop: asyncio.AbstractEventLoop) -> list[ThreadPoolExecutor]:
    """Return the executors of which a thread works, or is about to: the loop's, and that which imports."""
    hass = async_get_hass_or_none()
    executors = (loop._default_executor, hass.import_executor if hass else None)  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells
    return [executor for executor in executors if executor is not None and _is_at_work(executor)]


def _is_at_work(executor: ThreadPoolExecutor) -> bool:
    """Return whether fewer threads are idle than there are, by the executor's own count: what a thread does tells it too late."""
    return not executor._work_queue.empty() or executor._idle_semaphore._value < len(executor._threads)  # noqa: SLF001 - nothing public tells


def _recount(executors: list[ThreadPoolExecutor]) -> None:
    """Count the idle threads anew where all of them have waited for long.

    An executor loses one for good where a thread that has just finished takes what was meant for an idle one.
    """
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to see what threads do
    for executor in executors:
        doing = [frames.get(thread.ident or 0) for thread in tuple(executor._threads)]  # noqa: SLF001 - nothing public tells
        if executor._work_queue.empty() and all(frame is None or _waits_for_work(frame) for frame in doing):  # noqa: SLF001 - nothing public does
            executor._idle_semaphore.release()  # noqa: SLF001 - nothing public does


def _waits_for_work(frame: FrameType) -> bool:
    """Return whether a thread of an executor has nothing to do."""
    return frame.f_code is _worker.__code__ and frame.f_locals.get("work_item") is None


def _rests(task: asyncio.Task[object]) -> bool:
    """Return whether a task waits for the clock, or for another task that does."""
    waits_for = task._fut_waiter  # noqa: SLF001 - nothing public tells
    if isinstance(waits_for, asyncio.Task):
        return _rests(waits_for)
    coroutine = task.get_coro()
    while isinstance(coroutine, CoroutineType):
        if coroutine.cr_code in _RESTS:
            return True
        coroutine = coroutine.cr_await
    return False


@dataclass
class House:
    """A house: Home Assistant, the cloud behind it and the entry between them."""

    hass: HomeAssistant
    sim: Simulator
    entry: ConfigEntry
    freezer: FrozenDateTimeFactory

    def entity_id(self, platform: str, key: str, charger: Charger | BatteryUnit | None = None) -> str:
        """Return the entity of a charger, or of a single battery, with this key."""
        serial = (charger or self.sim.charger()).serial
        found = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{serial}_{key}")
        assert found is not None, f"{platform} {key} does not exist"
        return found

    def site_entity_id(self, platform: str, key: str) -> str:
        """Return the entity of the site with this key."""
        found = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{self.sim.site.id}_{key}")
        assert found is not None, f"{platform} {key} does not exist"
        return found

    def state(self, platform: str, key: str, charger: Charger | BatteryUnit | None = None) -> State:
        """Return the state of an entity of a charger, or of a single battery."""
        state = self.hass.states.get(self.entity_id(platform, key, charger))
        assert state is not None
        return state

    def site_state(self, platform: str, key: str) -> State:
        """Return the state of a site's entity."""
        state = self.hass.states.get(self.site_entity_id(platform, key))
        assert state is not None
        return state

    def device_id(self, charger: Charger | None = None) -> str:
        """Return the device of a charger."""
        serial = (charger or self.sim.charger()).serial
        device = dr.async_get(self.hass).async_get_device_by_identifier((DOMAIN, serial), self.entry.entry_id)
        assert device is not None
        return device.id

    async def call(self, domain: str, service: str, **data: object) -> object:
        """Call an action and wait for it."""
        return await self.hass.services.async_call(domain, service, data, blocking=True)

    async def see_through[T](self, work: Coroutine[object, object, T]) -> T:
        """Let time pass until something is done that waits for the clock in between."""
        task = self.hass.async_create_task(work)
        for _ in range(_MOST_ROUNDS):
            await self.live(0.01 if task.done() else 1)
            if task.done():
                break
        return await task

    async def ask(self, service: str, **data: object) -> dict[str, list[dict[str, object]]]:
        """Call an action of ours and return its answer."""
        answer = await self.hass.services.async_call(DOMAIN, service, data, blocking=True, return_response=True)
        assert isinstance(answer, dict)
        return answer  # type: ignore[return-value]  # the actions' answers all have this shape

    async def live(self, seconds: float) -> None:
        """Let time pass."""
        await live(self.hass, self.freezer, seconds)

    async def reload(self) -> None:
        """Unload and load the entry."""
        assert await self.hass.config_entries.async_reload(self.entry.entry_id)
        await self.hass.async_block_till_done()

    async def restart(self, *, after: float = 60, hours: float = 0) -> None:
        """Unload the entry, forget what is in memory, and load it from what was stored, some hours later.

        `after` is for how many seconds Home Assistant still runs without the entry.
        """
        if self.entry.state in {ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY}:
            assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self.live(after)
        self.hass.data.pop(_REGISTRY)
        self.freezer.tick(timedelta(hours=hours))
        if self.entry.state is ConfigEntryState.NOT_LOADED:
            await self.hass.config_entries.async_setup(self.entry.entry_id)
        else:
            await self.hass.config_entries.async_reload(self.entry.entry_id)
        await self.hass.async_block_till_done()


type HouseBuilder = Callable[..., Awaitable[House]]
type CloudBuilder = Callable[..., Awaitable[Simulator]]


def entry_of(sim: Simulator, site_id: str, **data: object) -> MockConfigEntry:
    """Return a config entry of a site, as the flow makes it."""
    site = sim.world.sites[site_id]
    return MockConfigEntry(
        domain=DOMAIN,
        version=ENTRY_VERSION,
        unique_id=site.id,
        title=site.name,
        data={
            CONF_EMAIL: sim.account.email,
            CONF_PASSWORD: sim.account.password,
            CONF_SITE: site.id,
            CONF_CHARGERS: list(site.chargers),
            CONF_FOLLOWS_ACCOUNT: True,
            **data,
        },
    )


def gateway_options(sim: Simulator) -> dict[str, str]:
    """Return what the options hold about the gateway in the house, once a person has named it."""
    gateway = sim.gateway
    return {
        CONF_GATEWAY_ADDRESS: gateway.address,
        CONF_GATEWAY_TOKEN: gateway.issue_token(),
        CONF_GATEWAY_FINGERPRINT: gateway.fingerprint,
    }


async def sign_in(hass: HomeAssistant, sim: Simulator, *, remembers: bool = True) -> ConfigEntry:
    """Add the first site of an account through the forms, as a person does, and return its entry."""

    async def submit(**data: object) -> None:
        nonlocal form
        form = await hass.config_entries.flow.async_configure(form["flow_id"], data)
        await hass.async_block_till_done()

    form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    await submit(**{CONF_EMAIL: sim.account.email, CONF_PASSWORD: sim.account.password, CONF_REMEMBER_PASSWORD: remembers})
    if form.get("step_id") == "code":
        await submit(**{CONF_CODE: sim.account.one_time_code})
    if form.get("step_id") == "site":
        await submit(**{CONF_SITE: sim.site.id})
    if form.get("step_id") == "chargers":
        await submit(**{CONF_CHARGERS: list(sim.site.chargers)})
    assert form["type"] is FlowResultType.CREATE_ENTRY
    return form["result"]
