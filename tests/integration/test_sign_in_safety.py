"""How often the cloud sees a sign-in that no person asked for, when everything conspires: never more than docs/cloud-api/auth.md §4
allows."""

from bisect import bisect_right
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import pairwise
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import HomeAssistant
import pytest

from custom_components.enphase_ev.accounts import _REGISTRY
from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.hardware import SINGLE_PHASE_32, ChargerProfile
from tests.integration.house import CloudBuilder, entry_of, live

_DAY = timedelta(days=1)
_HOUR = 3600


def _tries(sim: Simulator) -> list[datetime]:
    """When a sign-in reached the cloud."""
    return [request.at for request in sim.requests if request.path == "/login/login.json"]


def _most_in_a_day(tries: list[datetime]) -> int:
    return max((number + 1 - bisect_right(tries, at - _DAY) for number, at in enumerate(tries)), default=0)


class _Start:
    """Starts Home Assistant's part of it again and again, with all sites of the account."""

    def __init__(self, hass: HomeAssistant, storage: dict[str, Any], sim: Simulator, freezer: FrozenDateTimeFactory) -> None:
        self.hass, self.storage, self.sim, self.freezer = hass, storage, sim, freezer
        self.entries: list[ConfigEntry] = []

    async def first(self, *, sites: int = 1, **data: object) -> None:
        for number in range(len(self.sim.world.sites), sites):
            site = self.sim.world.add_site(str(2000000 + number), f"Site {number}", time_zone="Australia/Melbourne", country="AU")
            site.add_charger(ChargerProfile(serial=f"EV9{number:011d}", name=f"Charger {number}", hardware=SINGLE_PHASE_32))
            self.sim.account.site_ids.append(site.id)
        self.entries = [entry_of(self.sim, site_id, **data) for site_id in self.sim.account.site_ids[:sites]]
        for entry in self.entries:
            entry.add_to_hass(self.hass)  # type: ignore[attr-defined]  # it is one for tests
        await self.hass.config_entries.async_setup(self.entries[0].entry_id)
        await self.hass.async_block_till_done()

    async def again(self, *, after: float, is_killed: bool = False) -> None:
        """Start again some seconds later; a process that is killed writes nothing any more."""
        await self.live(after)
        on_disk = deepcopy(self.storage)
        for entry in self.entries:
            if entry.state in {ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY}:
                await self.hass.config_entries.async_unload(entry.entry_id)
        if is_killed:
            self.storage.clear()
            self.storage.update(on_disk)
        self.hass.data.pop(_REGISTRY)
        for flow in self.hass.config_entries.flow.async_progress_by_handler(DOMAIN):
            self.hass.config_entries.flow.async_abort(flow["flow_id"])
        for entry in self.entries:
            await self.hass.config_entries.async_reload(entry.entry_id)
        await self.hass.async_block_till_done()

    async def live(self, seconds: float) -> None:
        await live(self.hass, self.freezer, seconds)


@pytest.fixture
async def start(hass: HomeAssistant, hass_storage: dict[str, Any], build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory) -> _Start:
    """One site, not set up yet."""
    return _Start(hass, hass_storage, await build_cloud("one_charger"), freezer)


@pytest.mark.parametrize("sites", [1, 10])
@pytest.mark.parametrize("is_killed", [False, True], ids=["restarts", "kills"])
async def test_a_restart_loop_signs_in_once(start: _Start, sites: int, is_killed: bool) -> None:
    await start.first(sites=sites)

    for _ in range(15):
        await start.again(after=45, is_killed=is_killed)

    assert len(_tries(start.sim)) == 1
    assert start.sim.count("token") == 1
    # The requests of the restarts fill the hour, and Home Assistant waits longer and longer between its tries.
    await start.live(1.5 * _HOUR)
    assert all(entry.state is ConfigEntryState.LOADED for entry in start.entries)


@pytest.mark.parametrize("is_killed", [False, True], ids=["restarts", "kills"])
async def test_a_wrong_password_in_a_restart_loop_is_tried_three_times_a_day(start: _Start, is_killed: bool) -> None:
    await start.first(**{CONF_PASSWORD: "changed on the web"})

    for _ in range(2 * 24 * 6):
        await start.again(after=600, is_killed=is_killed)

    tries = _tries(start.sim)
    assert _most_in_a_day(tries) == 3
    assert all(later - earlier >= timedelta(minutes=5) for earlier, later in pairwise(tries))
    assert not start.sim.account.locked


def _lock(sim: Simulator) -> None:
    sim.account.locked = True


def _fill(sim: Simulator) -> None:
    sim.account.session_quota = 0


@pytest.mark.parametrize(("trouble", "sites"), [(_lock, 1), (_fill, 4)], ids=["locked", "too many sessions"])
async def test_an_account_that_is_not_let_in_is_tried_once_a_day_whoever_starts(
    start: _Start, trouble: Callable[[Simulator], None], sites: int
) -> None:
    trouble(start.sim)
    await start.first(sites=sites)

    for _ in range(26):
        await start.again(after=_HOUR)

    tries = _tries(start.sim)
    assert _most_in_a_day(tries) == 1
    assert len(tries) == 2


@pytest.mark.parametrize(("sites", "restarts"), [(1, True), (4, False)])
async def test_sessions_that_flap_cost_four_sign_ins_a_day(start: _Start, sites: int, restarts: bool) -> None:
    start.sim.world.deployment.session_lifetime_s = 400
    await start.first(sites=sites)

    for _ in range(30):
        if restarts:
            await start.again(after=_HOUR)
        else:
            await start.live(_HOUR)

    assert _most_in_a_day(_tries(start.sim)) == 4
    assert not start.sim.account.locked


async def test_ten_sites_ask_a_sign_in_that_is_down_as_seldom_as_one(start: _Start) -> None:
    start.sim.faults.add(path="^/login", status=503, times=None)
    await start.first(sites=10)

    await start.live(3 * _HOUR)

    tries = _tries(start.sim)
    assert all(later - earlier >= timedelta(minutes=5) for earlier, later in pairwise(tries))
    start.sim.faults.clear()
    await start.live(_HOUR)
    assert all(entry.state is ConfigEntryState.LOADED for entry in start.entries)
    assert len(_tries(start.sim)) == len(tries) + 1


async def test_an_account_with_codes_is_never_signed_in_unattended(start: _Start) -> None:
    start.sim.account.mfa = True
    await start.first(sites=10)
    first = len(_tries(start.sim))

    for _ in range(12):
        await start.again(after=_HOUR)

    # That codes are wanted is found out by the first try, and remembered.
    assert first == len(_tries(start.sim)) == 1
    assert start.sim.codes_sent == 0


@pytest.mark.parametrize(("sign_ins", "wait"), [(1, 15 * 60), (2, 2 * _HOUR), (3, 12 * _HOUR)])
async def test_a_start_that_must_wait_for_a_sign_in_asks_nothing_meanwhile(
    start: _Start, caplog: pytest.LogCaptureFixture, sign_ins: int, wait: int
) -> None:
    await start.first()
    for earlier in (15 * 60, 2 * _HOUR)[: sign_ins - 1]:
        await start.live(earlier)
        start.sim.expire_sessions()
        await start.live(61)
    start.sim.expire_sessions()
    assert len(_tries(start.sim)) == sign_ins

    await start.again(after=1)
    start.sim.requests.clear()
    caplog.clear()
    await start.live(5 * 60)
    await start.again(after=1, is_killed=True)
    await start.live(wait - 9 * 60)

    assert [request.path for request in start.sim.requests] == []
    (entry,) = start.entries
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING] == []
    await start.live(9 * 60)
    assert len(_tries(start.sim)) == 1
    assert entry.state is ConfigEntryState.LOADED
