"""How long it takes from an action until it shows as requested and as confirmed: `python -m benchmarks.latency`.

That depends on how late the cloud carries it out. What is requested is measured on this machine, against a simulator on it; what is
confirmed is the simulated time that passes until then.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import logging
import time

import freezegun
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.helpers.event import async_call_later, async_track_state_change_event

from benchmarks.houses import Plan, signed_in
from custom_components.enphase_ev.battery.ledger import ChangeState
from tests.integration.battery_house import BatteryHouse

_DELAYS_S = (0, 2, 20, 300)


@dataclass
class _Latency:
    """Of one action: ms until the wish is shown; s until it is said what came of it, and until it is shown as it is."""

    requested_ms: float
    said_after_s: float
    says: str
    shown_after_s: float


def _real_ms() -> float:
    """Return a clock that is not frozen."""
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000


async def _measure(house: BatteryHouse, entity_id: str, *, on: bool, outcome: Callable[[], str | None]) -> _Latency:
    """Switch, and watch what is shown until it is so in truth."""
    wish = "on" if on else "off"
    shown_at: list[float] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state == wish:
            shown_at.append(_real_ms())

    stop_watching = async_track_state_change_event(house.hass, entity_id, note)
    began, began_ms = house.hass.loop.time(), _real_ms()
    await house.lived_through(house.call("switch", f"turn_{wish}", entity_id=entity_id))
    await house.until(lambda: outcome() is not None)
    said, says = house.hass.loop.time(), outcome() or ""
    await house.until(lambda: _is_shown(house, entity_id, wish))
    stop_watching()
    return _Latency(shown_at[0] - began_ms, said - began, says, max(house.hass.loop.time(), said) - began)


def _is_shown(house: BatteryHouse, entity_id: str, wish: str) -> bool:
    state = house.hass.states.get(entity_id)
    return state is not None and state.state == wish


async def _measure_charger(delay: float, freezer: FrozenDateTimeFactory) -> list[_Latency]:
    """Start, and stop later."""
    async with signed_in(Plan("", "battery_site"), freezer) as house:
        await house.pass_time(minutes=5)
        deployment, charger = house.sim.world.deployment, house.sim.charger()
        charger.vehicle.battery_wh = 1e6
        switch = house.entity_id("switch", "charging")

        def outcome() -> str | None:
            said = house.state("switch", "charging").attributes["last_command"]
            return None if said == "requested" else str(said)

        deployment.start_delay_s = delay
        start = await _measure(house, switch, on=True, outcome=outcome)
        await house.pass_time(minutes=10)
        # The simulator stops at once or never: here it is told to stop later.
        deployment.stop_ignored = True
        async_call_later(house.hass, max(delay, 0.001), lambda _now: charger.stop())
        stop = await _measure(house, switch, on=False, outcome=outcome)
    return [start, stop]


async def _measure_battery(delay: float, freezer: FrozenDateTimeFactory, *, names_gateway: bool) -> _Latency:
    """Switch charge from grid on."""
    async with signed_in(Plan("", "battery_site", names_gateway=names_gateway), freezer) as house:
        house.sim.world.deployment.battery.gateway_delay_s = delay
        await house.pass_time(minutes=6)

        def outcome() -> str | None:
            change = house.entry.runtime_data.battery.data.change
            said = change.state if change is not None else None
            return str(said) if said in {ChangeState.APPLIED, ChangeState.FAILED} else None

        return await _measure(house, house.site_entity_id("switch", "charge_from_grid"), on=True, outcome=outcome)


async def _measure_all(delay: float, freezer: FrozenDateTimeFactory) -> dict[str, _Latency]:
    start, stop = await _measure_charger(delay, freezer)
    return {
        "start": start,
        "stop": stop,
        "charge from grid": await _measure_battery(delay, freezer, names_gateway=False),
        "the same, with the gateway in the house": await _measure_battery(delay, freezer, names_gateway=True),
    }


def main() -> None:
    """Print a table."""
    logging.disable(logging.CRITICAL)
    print("| action | carried out after, s | requested after, ms | said after, s | what | shown as it is after, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for delay in _DELAYS_S:
        with freezegun.freeze_time("2026-05-20T03:10:00Z") as freezer:
            figures = asyncio.run(_measure_all(delay, freezer))
        for action, one in figures.items():
            cells = (action, delay, f"{one.requested_ms:.0f}", f"{one.said_after_s:.0f}", one.says, f"{one.shown_after_s:.0f}")
            print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
