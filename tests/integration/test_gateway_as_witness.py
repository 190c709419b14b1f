"""The gateway in the house confirms what was written to the cloud, over TLS, minutes before the cloud does (docs/cloud-api/local.md §2)."""

from collections.abc import Awaitable, Callable

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, callback
import pytest

from simulator import Simulator
from simulator.gateway_inside import Role
from simulator.gateway_owner import OWNER_PATHS
from tests.integration.battery_house import BatteryHouse, BatteryHouseBuilder

# s after the write until the gateway shows it, plus a look every 5 s, plus what gathering wishes and two requests take.
_SOON = 30
_CLOUD_TAKES = 600

type Change = tuple[str, str, str, dict[str, object], str]

_CHANGES: list[Change] = [
    ("switch", "charge_from_grid", "turn_on", {}, "on"),
    ("number", "reserve", "set_value", {"value": 45}, "45"),
    ("number", "shutdown_level", "set_value", {"value": 12}, "12"),
]


async def _house(build: BatteryHouseBuilder, role: Role | None, cloud_takes: float | None = _CLOUD_TAKES) -> BatteryHouse:
    house = await build("battery_site", gateway=role)
    house.battery.switches.gateway_delay_s = cloud_takes
    return house


async def _change(house: BatteryHouse, change: Change) -> None:
    platform, key, service, data, _ = change
    await house.lived_through(house.call(platform, service, entity_id=house.site_entity_id(platform, key), **data))


async def _seconds_until(house: BatteryHouse, state: str) -> float:
    began = house.hass.loop.time()
    await house.until(lambda: house.battery_state("sensor", "pending_change") == state)
    return house.hass.loop.time() - began


def _asked(house: BatteryHouse) -> int:
    return len([one for one in house.sim.gateway.requests if one.path in {"/ivp/sc/sched", "/ivp/ensemble/secctrl"}])


def _events(house: BatteryHouse) -> dict[str, object]:
    """Return the events of the battery from now on, by their times."""
    events: dict[str, object] = {}
    entity_id = house.site_entity_id("event", "battery_changes")

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == entity_id and state is not None and "event_type" in state.attributes:
            events[state.state] = state.attributes["event_type"]

    house.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    return events


@pytest.mark.parametrize("change", _CHANGES, ids=[change[1] for change in _CHANGES])
async def test_a_change_is_applied_as_soon_as_the_gateway_has_it(build_battery_house: BatteryHouseBuilder, change: Change) -> None:
    house = await _house(build_battery_house, Role.OWNER)
    platform, key, *_, wanted = change
    events = _events(house)
    await _change(house, change)

    assert await _seconds_until(house, "none") <= _SOON

    # The cloud itself still shows the old one; a person sees what is so.
    assert house.battery.pending
    await house.pass_time(minutes=3)
    assert house.battery_state(platform, key).removesuffix(".0") == wanted
    assert house.battery_state("sensor", "pending_change") == "none"
    assert house.battery.pending
    await house.pass_time(minutes=30)
    assert house.battery_state(platform, key).removesuffix(".0") == wanted
    assert house.battery_state("sensor", "pending_change") == "none"
    assert list(events.values()) == ["applied"]
    assert house.entry.runtime_data.battery.keeper.ledger.is_at_rest


async def test_without_the_gateway_it_takes_as_long_as_the_cloud(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _house(build_battery_house, None)
    await _change(house, _CHANGES[0])
    assert await _seconds_until(house, "none") >= _CLOUD_TAKES - _SOON


def _pull_out(sim: Simulator) -> Awaitable[None]:
    return sim.gateway.pull_out()


async def _close(sim: Simulator) -> None:
    sim.gateway.switches.owner.installer_only = set(OWNER_PATHS)


async def _forget_numbers(sim: Simulator) -> None:
    sim.gateway.switches.owner.unknown_numbers = True


@pytest.mark.parametrize("trouble", [_pull_out, _close, _forget_numbers], ids=["away", "closed", "unknown numbers"])
async def test_without_an_answer_of_the_gateway_the_cloud_decides(
    build_battery_house: BatteryHouseBuilder, trouble: Callable[[Simulator], Awaitable[None]]
) -> None:
    house = await _house(build_battery_house, Role.OWNER, cloud_takes=45)
    await trouble(house.sim)
    await _change(house, _CHANGES[1])

    assert 45 <= await _seconds_until(house, "none") <= 120

    assert house.battery_state("number", "reserve") == "45.0"
    assert house.battery.settings.reserve == 45


async def test_a_gateway_that_goes_on_showing_the_old_value_decides_nothing(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _house(build_battery_house, Role.OWNER, cloud_takes=None)
    house.battery.switches.gateway_gives_up_s = 900
    await _change(house, _CHANGES[0])
    await house.pass_time(minutes=2)

    # For a minute, every five seconds, two paths each.
    assert 22 <= _asked(house) <= 26
    assert house.battery_state("sensor", "pending_change") == "waiting_for_gateway"
    await _seconds_until(house, "failed")


async def test_a_gateway_that_has_it_already_proves_nothing(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _house(build_battery_house, Role.OWNER)
    switch = house.site_entity_id("switch", "charge_from_grid")
    await house.lived_through(house.call("switch", "turn_on", entity_id=switch))
    # The gateway still shows off, which is what is wanted now: that says nothing about whether the cloud passes it on.
    await house.lived_through(house.call("switch", "turn_off", entity_id=switch))
    await house.pass_time(minutes=0.25)
    assert house.battery_state("sensor", "pending_change") != "none"


async def test_schedules_that_the_cloud_drops_minutes_later_are_put_back(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _house(build_battery_house, Role.OWNER, cloud_takes=300)
    house.battery.switches.update({"drop_from": "take_over", "drops": {"cfg": ["cfg", "dtg"]}})
    before = house.entries
    await _change(house, _CHANGES[0])
    assert await _seconds_until(house, "none") <= _SOON

    await house.pass_time(minutes=4)
    assert house.entries == before
    await house.until(lambda: house.entries != before)
    await house.pass_time(minutes=20)

    assert house.entries == before
    assert house.battery.settings.charge_from_grid


async def test_a_restart_goes_on_with_what_the_gateway_has_confirmed(build_battery_house: BatteryHouseBuilder) -> None:
    house = await _house(build_battery_house, Role.OWNER)
    events = _events(house)
    await _change(house, _CHANGES[0])
    await _seconds_until(house, "none")
    await house.pass_time(minutes=1)

    await house.restarted(minutes=1)
    await house.pass_time(minutes=2)

    assert house.battery.pending
    assert house.battery_state("switch", "charge_from_grid") == "on"
    assert house.battery_state("sensor", "pending_change") == "none"
    await house.pass_time(minutes=30)
    assert house.battery_state("switch", "charge_from_grid") == "on"
    assert list(events.values()) == ["applied"]
