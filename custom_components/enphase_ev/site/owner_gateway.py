"""The gateway in the house as an owner may read it: each path is judged by itself (docs/cloud-api/local.md §2).

It goes away for some minutes about once a day, which is no error. Nothing is written there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..account_issues import raise_token_issue, set_token_refused_issue
from ..battery.witness import GatewayView
from ..const import LOGGER
from ..enlighten import ChargerMeter, EnlightenError, GatewayReads, GridRelay, LivePower, RequestRejected, Unreachable
from ..waiting import async_rest, growing_wait

_EVERY = 10.0
# Where it tells nothing that changes.
_IDLE_EVERY = 60.0
_RELAY_EVERY = timedelta(minutes=1)
# A refused path is asked again now and then: firmware can open it, and a meter can be added.
_CLOSED_FOR = timedelta(days=1)
_METERS_EVERY = timedelta(days=1)
# After a failure a path is asked again soon, then less and less often.
_AGAIN_AFTER = timedelta(seconds=20)
_AGAIN_AFTER_AT_MOST = timedelta(minutes=5)
_CLOSED = {401, 403, 404, 405}
_UNAUTHORIZED = {401, 403}
_AT_ONCE = datetime.min.replace(tzinfo=UTC)

type OnPower = Callable[[LivePower | None], None]


class GatewayPath(StrEnum):
    """The paths that an owner may read; each can be open or refused by itself."""

    LIVE = "live"
    METERS = "meters"
    RELAY = "relay"
    SCHEDULER = "scheduler"
    STORAGE = "storage"


@dataclass
class _Standing:
    """How one path answers."""

    is_refused: bool | None = None
    failures: int = 0
    due: datetime = _AT_ONCE


class OwnerGateway:
    """Asks the gateway, path by path; what is refused or does not answer is left alone for a while."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, reads: GatewayReads) -> None:
        self.reads = reads
        self._hass = hass
        self._entry = entry
        self._standings = {path: _Standing() for path in GatewayPath}
        self._away = _Standing()
        self._trouble: str | None = None
        self._relay: GridRelay | None = None
        self._relay_signal: int | None = None
        self._relay_due = self._meters_due = _AT_ONCE

    # --- What others ask ---

    def answers(self, path: GatewayPath) -> bool:
        """Return whether a path answered when it was asked last."""
        return self._standings[path].is_refused is False and not self._away.failures

    @property
    def told_of_paths(self) -> dict[str, dict[str, object]]:
        """Return how each path stands, for diagnostics: whether it is refused, failures in a row, and when it is due if put off (UTC)."""
        return {
            path.value: {
                "is_refused": standing.is_refused,
                "failures": standing.failures,
                "put_off_until": None if standing.due == _AT_ONCE else standing.due,
            }
            for path, standing in self._standings.items()
        }

    async def view(self) -> GatewayView | None:
        """Return what the gateway says about the battery's settings; `None` where it says nothing.

        It shows a change 10 to 20 s after it was written to the cloud, whose own reads lag by 5 to 15 minutes.
        """
        scheduler = await self._ask(GatewayPath.SCHEDULER, self.reads.scheduler)
        storage = await self._ask(GatewayPath.STORAGE, self.reads.storage)
        if scheduler is None and storage is None:
            return None
        return GatewayView(
            charge_from_grid=scheduler.charge_from_grid if scheduler else None,
            shutdown_level=storage.shutdown_level if storage else None,
            reserve=storage.reserve if storage else None,
        )

    # --- Live ---

    def start(self, on_power: OnPower | None, on_meters: Callable[[list[ChargerMeter]], None]) -> None:
        """Ask for power, where anybody wants it, and meters every ten seconds, for as long as the entry is loaded."""
        work = self._run(on_power, on_meters)
        self._entry.async_create_background_task(self._hass, work, name="Enphase gateway: live power")

    async def _run(self, on_power: OnPower | None, on_meters: Callable[[list[ChargerMeter]], None]) -> None:
        while True:
            if on_power is not None:
                on_power(await self._live_power())
            now = datetime.now(UTC)
            if now >= self._meters_due:
                self._meters_due = now + _METERS_EVERY
                self.reads.look_for_meters()
            on_meters(await self._ask(GatewayPath.METERS, self.reads.charger_meters) or [])
            self._judge()
            is_worth_it = (on_power is not None and self.answers(GatewayPath.LIVE)) or self.reads.has_meters
            await async_rest(self._hass, _EVERY if is_worth_it else _IDLE_EVERY)

    @callback
    def _judge(self) -> None:
        """Log once what is wrong with the gateway as a whole, and once that it is over; a refused token is also for a person to see to."""
        trouble = self._current_trouble
        if trouble != self._trouble:
            LOGGER.info(trouble or "The gateway answers again")
            self._trouble = trouble
        if self._has_run_out:
            raise_token_issue(self._hass, self._entry)
        elif self._refusals:
            set_token_refused_issue(self._hass, self._entry, is_refused=all(self._refusals))

    @property
    def _refusals(self) -> list[bool]:
        """Whether it was refused, for each path that has said anything."""
        return [standing.is_refused for standing in self._standings.values() if standing.is_refused is not None]

    @property
    def _has_run_out(self) -> bool:
        """Whether the token has: no path is open any more then, also one that has answered before."""
        return any(self._refusals) and not self.reads.gateway.has_live_token

    @property
    def _current_trouble(self) -> str | None:
        if self._away.failures:
            return "The gateway cannot be reached"
        asked = [standing for standing in self._standings.values() if standing.is_refused is not None or standing.failures]
        if self._has_run_out or (asked and all(standing.is_refused for standing in asked)):
            return "The gateway refuses the token"
        if asked and all(standing.failures for standing in asked):
            return "What answers in place of the gateway makes no sense"
        return None

    async def _live_power(self) -> LivePower | None:
        power = await self._ask(GatewayPath.LIVE, self.reads.live_power)
        if power is None:
            self.reads.start_anew()
            return None
        now = datetime.now(UTC)
        if now >= self._relay_due or power.relay_signal != self._relay_signal:
            self._relay_due, self._relay_signal = now + _RELAY_EVERY, power.relay_signal
            is_on_grid = await self._ask(GatewayPath.RELAY, self.reads.is_on_grid)
            self._relay = None if is_on_grid is None else GridRelay.ON_GRID if is_on_grid else GridRelay.OFF_GRID
        return replace(power, grid_relay=self._relay)

    async def _ask[T](self, path: GatewayPath, question: Callable[[], Awaitable[T]]) -> T | None:
        """Return the answer of a path; `None` where it has none, or is not asked."""
        standing, now = self._standings[path], datetime.now(UTC)
        if now < max(standing.due, self._away.due):
            return None
        try:
            answer = await question()
        except Unreachable:
            self._put_off(self._away, now)
            return None
        except RequestRejected as err:
            standing.is_refused = err.status in _UNAUTHORIZED
            standing.due = now + (_CLOSED_FOR if err.status in _CLOSED else _AGAIN_AFTER)
            LOGGER.debug("The gateway refuses %s: HTTP %s", path, err.status)
            return None
        except EnlightenError as err:
            if not standing.failures:
                LOGGER.debug("The gateway does not tell %s: %s", path, err)
            self._put_off(standing, now)
            return None
        standing.is_refused, standing.failures, self._away.failures = False, 0, 0
        return answer

    def _put_off(self, standing: _Standing, now: datetime) -> None:
        standing.failures += 1
        standing.due = now + growing_wait(_AGAIN_AFTER, standing.failures, _AGAIN_AFTER_AT_MOST)
