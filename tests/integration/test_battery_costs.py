"""What a change of the battery costs in requests, and how soon it shows as applied."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, time
import logging

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.enphase_ev.battery.answers import AnswerWatch
from custom_components.enphase_ev.battery.change import Change
from custom_components.enphase_ev.battery.ledger import ChangeState, Intent
from custom_components.enphase_ev.battery.schedules import async_add_entry, async_delete_entries, async_import_entries
from custom_components.enphase_ev.battery.settings import (
    async_set_profile,
    async_set_reserve,
    async_set_shutdown_level,
    async_switch_family,
)
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import BatteryEntry, BatteryFamily, BatteryWish
from simulator import Simulator
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import HeaderShape, WriteKind, XsrfSource
from tests.enlighten.cloud import Cloud
from tests.integration.battery_bench import Bench, was_refused
from tests.integration.battery_house import BatteryHouse

_RBD = BatteryFamily.RESTRICT_BATTERY_DISCHARGE


@pytest.fixture
async def bench(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Bench]:
    """A site with two entries of discharge to grid, and the one without which restricting discharge has no effect."""
    caplog.set_level(logging.ERROR)
    freezer.move_to("2026-05-20T03:10:00Z")
    async with Cloud(Simulator("battery_site")) as cloud:
        battery = cloud.sim.battery
        for entry in list(battery.schedules):
            battery.delete_schedule(entry.id)
        battery.add_schedule("dtg", "18:00", "19:00", limit=20)
        battery.add_schedule("dtg", "20:00", "21:00", limit=20)
        battery.add_schedule("rbd", "16:30", "17:00")
        bench = await Bench.open(hass, cloud, freezer, monkeypatch)
        yield bench
        await bench.close()


async def _toggled(bench: Bench) -> tuple[list[tuple[str, str]], list[tuple[ChangeState, float]]]:
    """Switch restrict discharge on; return the requests until it is compared, and when the change moved on."""
    started = datetime.now(UTC)
    moves: list[tuple[ChangeState, float]] = []
    bench.sim.requests.clear()

    def note(change: Change) -> None:
        moves.append((change.state, (datetime.now(UTC) - started).total_seconds()))

    async def toggle(bench: Bench) -> None:
        change = await async_switch_family(bench.coordinator, _RBD, is_on=True)
        change.done.add_done_callback(lambda _: note(change))

    assert await bench.change(toggle) is None
    requests = [(one.method, one.path) for one in bench.sim.requests if one.family.value != "battery_status"]
    # Until it is applied and was compared twice; the last look comes when no read can lag behind any more.
    written = max((number for number, (method, _) in enumerate(requests) if method == "PUT"), default=None)
    if written is None:
        return requests, moves
    looks = [
        number for number, (method, path) in enumerate(requests) if number > written and method == "GET" and path.endswith("/schedules")
    ]
    return requests[: looks[1] + 1], moves


@pytest.mark.parametrize("source", XsrfSource)
async def test_a_toggle_costs_at_most_eight_requests_until_it_is_applied_and_compared_twice(bench: Bench, source: XsrfSource) -> None:
    bench.sim.world.deployment.battery.xsrf_source = source
    requests, _ = await _toggled(bench)
    assert len(requests) <= 8, [f"{method} {path[-18:]}" for method, path in requests]
    assert bench.battery.settings.restrict_discharge


@pytest.mark.parametrize("source", XsrfSource)
async def test_a_dropped_family_of_two_costs_at_most_ten_more(bench: Bench, source: XsrfSource) -> None:
    switches = bench.sim.world.deployment.battery
    switches.xsrf_source = source
    switches.gateway_delay_s = 10.0
    switches.drops = {WriteKind.RBD: {ControlFamily.DTG}}
    before = bench.says()
    requests, _ = await _toggled(bench)
    assert bench.says() == before
    assert len(requests) <= 8 + 10, requests


@pytest.mark.parametrize(("shape", "refused"), [(HeaderShape.SESSION, 0), (HeaderShape.SESSION_TOKEN, 1), (HeaderShape.TOKEN_ONLY, 2)])
async def test_a_refused_shape_costs_at_most_four_more(bench: Bench, shape: HeaderShape, refused: int) -> None:
    bench.sim.world.deployment.battery.write_shapes = {shape}
    requests, _ = await _toggled(bench)
    assert len(requests) <= 8 + 4 * refused, requests
    requests, _ = await _toggled(bench)
    assert len(requests) <= 8, "the shape that worked is remembered"


async def test_ten_changes_at_once_cost_at_most_sixty_requests(bench: Bench) -> None:
    coordinator = bench.coordinator

    async def ten(_bench: Bench) -> None:
        families = [async_switch_family(coordinator, family, is_on=True) for family in BatteryFamily]
        levels = [async_set_reserve(coordinator, 40), async_set_shutdown_level(coordinator, 10)]
        times = [(time(hour), time(hour, 30)) for hour in (1, 3, 5)]
        added = [
            async_add_entry(
                coordinator,
                BatteryEntry(family=BatteryFamily.DISCHARGE_TO_GRID, start=start, end=end, days=(1,), limit=30, time_zone="UTC"),
            )
            for start, end in times
        ]
        others = [
            async_set_profile(coordinator, "cost_savings"),
            async_delete_entries(coordinator, lambda entry: entry.start == time(20)),
        ]
        await asyncio.gather(*families, *levels, *added, *others)

    bench.sim.requests.clear()
    assert await bench.change(ten) is None
    requests = [one for one in bench.sim.requests if one.family.value != "battery_status"]
    assert len(requests) <= 60, [f"{one.method} {one.path[-18:]}" for one in requests]
    assert coordinator.keeper.ledger.is_at_rest
    assert {(entry.start, entry.end) for entry in bench.battery.schedules} == {
        *(("18:00", "19:00"), ("16:30", "17:00")),
        *(("01:00", "01:30"), ("03:00", "03:30"), ("05:00", "05:30")),
    }
    assert bench.battery.settings.profile == "cost_savings"


@pytest.mark.parametrize("gateway", [0.0, 20.0, 300.0, 600.0, None], ids=["0 s", "20 s", "300 s", "600 s", "offline"])
async def test_a_second_change_is_sent_within_thirty_seconds_of_the_first(batteries: BatteryHouse, gateway: float | None) -> None:
    batteries.add_hold()
    batteries.battery.switches.gateway_offline = gateway is None
    batteries.battery.switches.gateway_delay_s = gateway or 0.0
    batteries.sim.requests.clear()

    async def two() -> None:
        await batteries.call("switch", "turn_on", entity_id=batteries.site_entity_id("switch", "restrict_battery_discharge"))
        await batteries.call("number", "set_value", entity_id=batteries.site_entity_id("number", "reserve"), value=40)

    await batteries.lived_through(two())
    await batteries.pass_time(minutes=1)

    first, second = [one.at for one in batteries.sim.requests if one.method == "PUT"][:2]
    assert (second - first).total_seconds() <= 30


@pytest.mark.parametrize("gateway", [0.0, 300.0, None], ids=["at once", "after 300 s", "offline"])
async def test_an_answer_comes_within_twenty_seconds_whatever_the_gateway_does(batteries: BatteryHouse, gateway: float | None) -> None:
    batteries.add_hold()
    switches, loop = batteries.battery.switches, batteries.hass.loop
    switches.gateway_offline, switches.gateway_delay_s = gateway is None, gateway or 0.0
    waited: list[float] = []

    async def answered(work: Awaitable[object]) -> None:
        began = loop.time()
        await work
        waited.append(loop.time() - began)

    def turned(platform: str, key: str, service: str, **data: object) -> Awaitable[object]:
        return answered(batteries.call(platform, service, entity_id=batteries.site_entity_id(platform, key), **data))

    def acted(service: str, **data: object) -> Awaitable[object]:
        return answered(batteries.hass.services.async_call(DOMAIN, service, data, blocking=True, return_response=True))

    async def others_at_once() -> None:
        await asyncio.gather(
            acted("add_battery_schedule", family="discharge_to_grid", start="06:00", end="07:00", limit=30),
            acted("delete_battery_schedule", schedule_id=batteries.entry_id("dtg")),
            acted("set_battery_override", action="charge", duration="02:00:00"),
            turned("select", "system_profile", "select_option", option="cost_savings"),
            turned("switch", "storm_guard", "turn_off"),
        )

    async def all_of_them() -> None:
        await turned("switch", "restrict_battery_discharge", "turn_on")
        await turned("number", "reserve", "set_value", value=40)
        await turned("switch", "restrict_battery_discharge", "turn_off")
        await others_at_once()

    await batteries.lived_through(all_of_them())

    assert len(waited) == 8
    assert max(waited) <= 20, waited


async def _values_of_now(bench: Bench) -> None:
    await async_switch_family(bench.coordinator, _RBD, is_on=False)


@pytest.mark.parametrize(
    "again",
    [
        _values_of_now,
        lambda bench: async_set_reserve(bench.coordinator, 20),
        lambda bench: async_set_shutdown_level(bench.coordinator, 5),
        lambda bench: async_import_entries(bench.coordinator, bench.coordinator.data.schedules.entries),
    ],
    ids=["a switch", "the reserve", "the shutdown level", "schedules"],
)
async def test_what_is_so_already_costs_one_read(bench: Bench, again: Callable[[Bench], Awaitable[object]]) -> None:
    bench.sim.requests.clear()
    assert await bench.change(again) is None
    requests = [(one.method, one.path[-18:]) for one in bench.sim.requests if one.family.value != "battery_status"]
    assert len(requests) == 1, requests
    assert requests[0][0] == "GET"


async def test_a_profile_that_is_so_already_costs_a_read_of_settings_and_one_of_the_profile(bench: Bench) -> None:
    bench.sim.requests.clear()
    assert await bench.change(lambda bench: async_set_profile(bench.coordinator, "self-consumption")) is None
    requests = [(one.method, one.path.split("/")[-2]) for one in bench.sim.requests if one.family.value != "battery_status"]
    assert requests == [("GET", "batterySettings"), ("GET", "profile")]


async def _writes_a_level(bench: Bench) -> None:
    client = bench.coordinator.client
    await client.write_settings(BatteryWish(shutdown_level=10), (), await client.settings(), ())


async def test_a_write_that_is_refused_in_every_shape_costs_three_writes_and_three_reads(bench: Bench) -> None:
    bench.sim.world.deployment.battery.write_shapes = set()
    bench.sim.requests.clear()
    raised = await bench.change(_writes_a_level)
    assert raised is not None
    methods = [one.method for one in bench.sim.requests]
    assert methods.count("PUT") <= 3
    assert methods.count("GET") <= 3


@pytest.mark.parametrize("delay", [5.0, 20.0])
async def test_what_the_gateway_takes_over_after_seconds_is_applied_within_a_minute(bench: Bench, delay: float) -> None:
    bench.sim.world.deployment.battery.gateway_delay_s = delay
    _, moves = await _toggled(bench)
    state, seconds = moves[-1]
    assert state is ChangeState.APPLIED
    assert seconds <= 60


@pytest.mark.parametrize("delay", [10.0, 60.0, 300.0, 880.0])
async def test_a_slow_gateway_is_waited_for(bench: Bench, delay: float) -> None:
    bench.sim.world.deployment.battery.gateway_delay_s = delay
    _, moves = await _toggled(bench)
    state, seconds = moves[-1]
    assert state is ChangeState.APPLIED
    assert seconds <= delay + 80


async def test_what_is_asked_for_while_the_keeper_falls_asleep_does_not_wait_for_the_next_tick(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.battery.features.supports_mqtt = True
    await bench.coordinator.async_refresh()
    stop, later = AnswerWatch.stop, [Intent("reserve", datetime.now(UTC), BatteryWish(reserve=42))]

    async def stop_and_be_woken(watch: AnswerWatch) -> None:
        await stop(watch)
        keeper = bench.coordinator.keeper
        keeper.ledger.intents += [replace(intent, asked_at=datetime.now(UTC)) for intent in later]
        later.clear()
        keeper.wake()

    monkeypatch.setattr(AnswerWatch, "stop", stop_and_be_woken)
    await _toggled(bench)

    assert later == []
    assert bench.battery.settings.reserve == 42


async def test_what_the_gateway_never_takes_over_is_not_applied(bench: Bench) -> None:
    switches = bench.sim.world.deployment.battery
    switches.gateway_delay_s, switches.gateway_gives_up_s = None, None
    _, moves = await _toggled(bench)
    state, seconds = moves[-1]
    assert state is ChangeState.FAILED
    assert 15 * 60 <= seconds <= 17 * 60


async def test_a_write_that_is_refused_leaves_nothing_in_the_journal(bench: Bench) -> None:
    bench.battery.features.controls.rbd.locked = True
    raised = await bench.change(lambda bench: async_switch_family(bench.coordinator, _RBD, is_on=True))
    assert was_refused(raised)
    assert bench.coordinator.keeper.ledger.is_at_rest
