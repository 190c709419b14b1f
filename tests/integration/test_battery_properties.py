"""Generated schedules, writes and faults: nothing is lost, and what a person deleted does not come back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import time
import logging

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from hypothesis import event, given, strategies as st
import pytest

from custom_components.enphase_ev.battery.schedules import async_add_entry, async_change_entry, async_delete_entries
from custom_components.enphase_ev.battery.settings import async_set_profile, async_set_reserve, async_switch_family
from custom_components.enphase_ev.enlighten import BatteryEntry, BatteryFamily
from simulator import Simulator
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import EmptyDetails, EnhoRule, NothingPending, WriteKind, XsrfSource
from tests.enlighten.cloud import Cloud
from tests.integration.battery_bench import Bench, Moments, Says, says, was_refused
from tests.thoroughness import costly

_FROZEN_AT = "2026-05-20T03:10:00Z"
_ZONE = "Australia/Melbourne"
_AFTERWARDS = (1, 1, 5, 1, 65, 1, 5, 1)
_HOUR = 60


@dataclass(frozen=True)
class Window:
    """A generated entry; windows of one world never overlap, since each has an hour of the day of its own."""

    family: BatteryFamily
    hour: int
    minutes: int
    days: tuple[int, ...]
    limit: int
    enabled: bool

    @property
    def start(self) -> str:
        """Return the start as the cloud says it."""
        return f"{self.hour:02}:00"

    @property
    def end(self) -> str:
        """Return the end as the cloud says it."""
        return f"{(self.hour + self.minutes // _HOUR) % 24:02}:{self.minutes % _HOUR:02}"

    @property
    def has_limit(self) -> bool:
        """Return whether entries of the family have a limit."""
        return self.family is not BatteryFamily.RESTRICT_BATTERY_DISCHARGE

    def entry(self) -> BatteryEntry:
        """Return the entry as a person adds it."""
        return BatteryEntry(
            family=self.family,
            start=time.fromisoformat(self.start),
            end=time.fromisoformat(self.end),
            days=self.days,
            limit=self.limit if self.has_limit else None,
            time_zone=_ZONE,
            is_enabled=self.enabled,
        )


@st.composite
def _windows(draw: st.DrawFn) -> list[Window]:
    hours = draw(st.lists(st.integers(0, 23), unique=True, max_size=7))
    return [
        Window(
            draw(st.sampled_from(BatteryFamily)),
            hour,
            draw(st.integers(1, 60)),
            tuple(sorted(draw(st.sets(st.integers(1, 7), min_size=1)))),
            draw(st.integers(5, 100)),
            draw(st.booleans()),
        )
        for hour in hours
    ]


_FAMILIES = st.sets(st.sampled_from(ControlFamily))
_SWITCHES = st.fixed_dictionaries(
    {
        "drops": st.fixed_dictionaries({kind: _FAMILIES for kind in WriteKind if kind is not WriteKind.APPLY}),
        "drop_after_s": st.sampled_from([0.0, 1.0, 8.0, 14.0]),
        "gateway_delay_s": st.sampled_from([0.0, 10.0, 20.0, 90.0]),
        "lost_while_pending": st.booleans(),
        "xsrf_source": st.sampled_from(XsrfSource),
        "source_enho": st.sampled_from(EnhoRule),
        "partial_rbd_off_ignored": st.booleans(),
        "toggle_needs_is_valid": st.booleans(),
        "pending_while_off": st.booleans(),
        "empty_details": st.sampled_from(EmptyDetails),
        "empty_schedules_every": st.sampled_from([0, 3, 5]),
        "nothing_pending": st.sampled_from(NothingPending),
        "answer_holds_id": st.booleans(),
        "delete_status": st.sampled_from([200, 204]),
        "deleted_stay_listed": st.booleans(),
        "seconds_in_times": st.booleans(),
    }
)


@dataclass(frozen=True)
class Step:
    """One thing that happens: a write of ours, or a deletion in the app; `which` chooses among what there is."""

    kind: str
    family: BatteryFamily
    which: int
    is_on: bool
    kill_at: int | None
    lose_at: int | None


_MOMENT = st.none() | st.integers(1, 25)
_STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(["toggle", "toggle", "add", "change", "delete", "profile", "reserve", "app deletes"]),
        family=st.sampled_from(BatteryFamily),
        which=st.integers(0, 10),
        is_on=st.booleans(),
        kill_at=_MOMENT,
        lose_at=_MOMENT,
    ),
    min_size=1,
    max_size=3,
)


class World:
    """What must be there, and what must not."""

    def __init__(self, bench: Bench, spare: Window) -> None:
        self.bench = bench
        self.spare = spare
        self.must: set[Says] = bench.says()
        self.must_not: set[Says] = set()

    async def take(self, step: Step) -> None:
        """Let one thing happen, and an hour pass."""
        there = sorted(self.bench.battery.schedules, key=says)
        chosen = there[step.which % len(there)] if there else None
        if step.kind == "app deletes":
            if chosen is not None:
                self.must.discard(says(chosen))
                self.must_not.add(says(chosen))
                self.bench.battery.delete_schedule(chosen.id)
            return
        if step.kind in {"delete", "change"}:
            if chosen is None:
                return
            self.must.discard(says(chosen))
        raised = await self._write(step, chosen.id if chosen else "")
        if step.kind == "delete" and raised is None and not self.bench.moments.is_dead and chosen is not None:
            self.must_not.add(says(chosen))
        if self.bench.moments.is_dead:
            event("killed")
            await self.bench.restart()
        await self.bench.live(*_AFTERWARDS)

    async def _write(self, step: Step, entry_id: str) -> BaseException | None:
        makes: dict[str, Callable[[Bench], Awaitable[object]]] = {
            "toggle": lambda bench: async_switch_family(bench.coordinator, step.family, is_on=step.is_on),
            "add": lambda bench: async_add_entry(bench.coordinator, self.spare.entry()),
            "change": lambda bench: async_change_entry(
                bench.coordinator, entry_id, lambda entry: replace(entry, days=(step.which % 7 + 1,))
            ),
            "delete": lambda bench: async_delete_entries(bench.coordinator, lambda entry: entry.id == entry_id),
            "profile": lambda bench: async_set_profile(bench.coordinator, ["cost_savings", "backup_only"][step.is_on]),
            "reserve": lambda bench: async_set_reserve(bench.coordinator, 20 + step.which),
        }
        self.bench.moments = Moments(kill_at=step.kill_at, lose_at=step.lose_at)
        raised = await self.bench.change(makes[step.kind])
        assert self.bench.moments.is_dead or raised is None or was_refused(raised), raised
        event(f"{step.kind}: {'refused' if raised else 'done'}")
        return raised


@costly(1200)
@given(windows=_windows(), switches=_SWITCHES, steps=_STEPS)
async def test_nothing_is_lost_and_nothing_deleted_comes_back(
    windows: list[Window],
    switches: dict[str, object],
    steps: list[Step],
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    freezer.move_to(_FROZEN_AT)
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with Cloud(Simulator("battery_only")) as cloud:
            battery = cloud.sim.battery
            for entry in list(battery.schedules):
                battery.delete_schedule(entry.id)
            *initial, spare = [*windows, Window(BatteryFamily.CHARGE_FROM_GRID, 12, 30, (3,), 50, enabled=True)]
            for one in initial:
                limit = one.limit if one.has_limit else None
                battery.add_schedule(one.family.value, one.start, one.end, limit=limit, days=one.days, enabled=one.enabled, time_zone=_ZONE)
            cloud.sim.world.deployment.battery.update(switches)
            bench = await Bench.open(hass, cloud, freezer, monkeypatch)
            world = World(bench, spare)
            for step in steps:
                await world.take(step)
            listed = [says(entry) for entry in battery.schedules]
            await bench.close()
    assert world.must - set(listed) == set()
    assert world.must_not & set(listed) == set()
    assert len(listed) == len(set(listed))
