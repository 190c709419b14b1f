"""Kills every battery write at every await: no schedule that was there before and was not asked to go is missing at the end."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from functools import partial
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.enphase_ev.battery.override import OverrideAction
from custom_components.enphase_ev.battery.schedules import async_add_entry, async_change_entry, async_delete_entries, async_import_entries
from custom_components.enphase_ev.battery.settings import (
    async_set_profile,
    async_set_reserve,
    async_set_shutdown_level,
    async_switch_charge_schedules,
    async_switch_family,
)
from custom_components.enphase_ev.enlighten import BatteryEntry, BatteryFamily
from simulator import Simulator
from simulator.battery.settings import ControlFamily
from simulator.home_scenarios import misbehave
from simulator.switches.battery import BatteryDeployment, EnhoRule, WriteKind, XsrfSource
from tests.enlighten.cloud import Cloud
from tests.integration.battery_bench import Bench, Moments, Says, says, was_refused
from tests.thoroughness import at_most, shares

_CFG, _DTG, _RBD = BatteryFamily
_ALL = set(ControlFamily)
_WORKDAYS, _WEEKEND = (1, 2, 3, 4, 5), (6, 7)
_FROZEN_AT = "2026-05-20T03:10:00Z"
# The journal is taken up, what nobody applied disappears after an hour, overrides end after two.
_AFTERWARDS = (1, 1, 5, 1, 65, 1, 65, 1, 5, 1, 5, 1, 5, 1)
_NEW = BatteryEntry(family=_DTG, start=time(17), end=time(19), days=_WORKDAYS, limit=30, time_zone="Australia/Melbourne")


@dataclass(frozen=True)
class Write:
    """A write: what it does, and which of the entries (by family and start) it asks to go, or to become something else."""

    make: Callable[[Bench], Awaitable[object]]
    gone: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[Bench], None] = lambda _: None


def _id(bench: Bench, family: str, start: str) -> str:
    return next(one.id for one in bench.battery.schedules if (one.family.value, one.start) == (family, start))


async def _override(bench: Bench, action: OverrideAction) -> None:
    await bench.overrides.async_set(action, duration=timedelta(hours=2), until_charge=None)


async def _override_and_clear(bench: Bench) -> None:
    await _override(bench, OverrideAction.HOLD)
    await bench.overrides.async_clear()


async def _change(bench: Bench) -> None:
    entry_id = _id(bench, "cfg", "02:00")
    await async_change_entry(bench.coordinator, entry_id, lambda entry: replace(entry, end=time(5, 30), limit=95))


def _switched(**values: bool) -> Callable[[Bench], None]:
    def prepare(bench: Bench) -> None:
        bench.battery.set(**values)

    return prepare


def _toggle(family: BatteryFamily, *, is_on: bool) -> Callable[[Bench], Awaitable[object]]:
    return lambda bench: async_switch_family(bench.coordinator, family, is_on=is_on)


WRITES = {
    "cfg on": Write(_toggle(_CFG, is_on=True)),
    "cfg off": Write(_toggle(_CFG, is_on=False), prepare=_switched(charge_from_grid=True, charge_from_grid_schedule=True)),
    "dtg on": Write(_toggle(_DTG, is_on=True)),
    "dtg off": Write(_toggle(_DTG, is_on=False), prepare=_switched(discharge_to_grid=True)),
    "rbd on": Write(_toggle(_RBD, is_on=True)),
    "rbd off": Write(_toggle(_RBD, is_on=False), prepare=_switched(restrict_discharge=True)),
    "cfg schedules on": Write(lambda bench: async_switch_charge_schedules(bench.coordinator, is_on=True)),
    "cfg schedules off": Write(
        lambda bench: async_switch_charge_schedules(bench.coordinator, is_on=False),
        prepare=_switched(charge_from_grid=True, charge_from_grid_schedule=True),
    ),
    "add": Write(lambda bench: async_add_entry(bench.coordinator, _NEW)),
    "import": Write(
        lambda bench: async_import_entries(
            bench.coordinator,
            [_NEW, replace(_NEW, family=_RBD, start=time(11), end=time(12), limit=None), replace(_NEW, start=time(19))][:2],
        )
    ),
    "change": Write(_change, changed=(("cfg", "02:00"),)),
    "delete": Write(lambda bench: async_delete_entries(bench.coordinator, lambda entry: entry.start == time(2)), gone=(("cfg", "02:00"),)),
    "delete a family": Write(
        lambda bench: async_delete_entries(bench.coordinator, lambda entry: entry.family is _CFG),
        gone=(("cfg", "02:00"), ("cfg", "22:00")),
    ),
    "profile": Write(lambda bench: async_set_profile(bench.coordinator, "cost_savings")),
    "reserve": Write(lambda bench: async_set_reserve(bench.coordinator, 35)),
    "shutdown level": Write(lambda bench: async_set_shutdown_level(bench.coordinator, 10)),
    "override charge": Write(partial(_override, action=OverrideAction.CHARGE)),
    "override hold": Write(partial(_override, action=OverrideAction.HOLD)),
    "override set and cleared": Write(_override_and_clear),
}


def _drops_at_once(switches: BatteryDeployment) -> None:
    switches.drops = {WriteKind.CFG: _ALL, WriteKind.DTG: _ALL, WriteKind.RBD: _ALL, WriteKind.PROFILE: _ALL}


def _drops_later(switches: BatteryDeployment) -> None:
    _drops_at_once(switches)
    switches.drop_after_s = 8.0
    switches.xsrf_source = XsrfSource.HEADER
    switches.source_enho = EnhoRule.NEEDED
    switches.lost_while_pending = True


# Here each fourth apply drops everything, so that a put-back can drop what was put back before it.
_DROPS_AGAIN_AND_AGAIN = {"hostile"}

CLOUDS: dict[str, Callable[[BatteryDeployment], None]] = {
    "drops at once": _drops_at_once,
    "drops later": _drops_later,
    "hostile": misbehave,
}


async def _bench(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch, cloud: Cloud, cloud_name: str, write: Write
) -> Bench:
    battery = cloud.sim.battery
    for entry in list(battery.schedules):
        battery.delete_schedule(entry.id)
    battery.add_schedule("cfg", "02:00", "05:00", limit=90, days=_WORKDAYS)
    battery.add_schedule("cfg", "22:00", "01:00", limit=80, days=_WEEKEND)
    battery.add_schedule("dtg", "19:00", "20:30", limit=20)
    battery.add_schedule("rbd", "12:30", "14:30", days=_WORKDAYS, time_zone="Australia/Sydney")
    CLOUDS[cloud_name](cloud.sim.world.deployment.battery)
    bench = await Bench.open(hass, cloud, freezer, monkeypatch)
    write.prepare(bench)
    return bench


@dataclass
class Trial:
    """One write, killed at one moment or not at all."""

    name: str
    cloud_name: str
    mqtt: bool = False
    kill_at: int | None = None
    lose_at: int | None = None
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    async def run(self, hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> list[str]:
        """Make the write, start again where it was killed, let hours pass, look what is missing; return the moments."""
        write = WRITES[self.name]
        freezer.move_to(_FROZEN_AT)
        with pytest.MonkeyPatch.context() as monkeypatch:
            async with Cloud(Simulator("battery_only", mqtt=self.mqtt)) as cloud:
                bench = await _bench(hass, freezer, monkeypatch, cloud, self.cloud_name, write)
                if self.mqtt:
                    # So soon that the answer comes while it is waited for schedules to disappear.
                    bench.battery.switches.gateway_delay_s = 5.0
                before = bench.says()
                bench.moments = moments = Moments(kill_at=self.kill_at, lose_at=self.lose_at)
                raised = await bench.change(write.make)
                assert moments.is_dead or raised is None or was_refused(raised), raised
                if moments.is_dead:
                    await bench.restart()
                await bench.live(*_AFTERWARDS)
                self._compare(write, before, bench, moments)
                if self.kill_at is None and self.lose_at is None and raised is None:
                    self.lost += [f"{one} is as it was" for one in before & bench.says() if (one[0], one[1]) in write.changed]
                await bench.close()
        return moments.passed

    def _compare(self, write: Write, before: set[Says], bench: Bench, moments: Moments) -> None:
        where = f"killed at {self.kill_at}, answer {self.lose_at} lost, last {moments.passed[-1]}"
        listed = [says(one) for one in bench.battery.schedules]
        missing = {one for one in before - set(listed) if (one[0], one[1]) not in (*write.gone, *write.changed)}
        if self.cloud_name in _DROPS_AGAIN_AND_AGAIN:
            # Put back three times, it waits for a person, who is shown it: what is lost without a word is a failure.
            left = {(kept.family.value, f"{kept.start:%H:%M}") for kept in bench.coordinator.keeper.ledger.not_put_back}
            self.left += [f"{where}: {one}" for one in missing if (one[0], one[1]) in left]
            missing = {one for one in missing if (one[0], one[1]) not in left}
        self.lost += [f"{where}: {one}" for one in missing]
        there = {(one[0], one[1]) for one in listed}
        self.lost += [f"{where}: {one}, as it was and as it should be" for one in write.changed if one not in there]
        self.lost += [f"{where}: {one} is there more than once" for one in set(listed) if listed.count(one) > 1]


# No single test is as long as all moments of a write.
_SHARES = 3
# By default at most so many of a share, spread over it; thorough runs try each.
_MOST = 6
CASES = [(name, cloud, False) for name in WRITES for cloud in CLOUDS]
# With a broker the gateway answers in the middle of the rests.
CASES += [("rbd on", "drops at once", True), ("cfg off", "drops later", True), ("profile", "drops at once", True)]


def _trials() -> Iterator[Any]:
    for case, share in shares(CASES, _SHARES):
        yield pytest.param(case, share, id="-".join(map(str, (*case, share))))


@pytest.mark.parametrize(("case", "share"), _trials())
async def test_nothing_is_lost_wherever_a_write_is_killed(
    case: tuple[str, str, bool],
    share: int,
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    record_property: Callable[[str, object], None],
) -> None:
    caplog.set_level(logging.ERROR)
    name, cloud_name, mqtt = case
    lost: list[str] = []
    left: list[str] = []
    passed = await Trial(name, cloud_name, mqtt, lost=lost, left=left).run(hass, freezer)
    assert len(passed) > 8
    assert any("mqttSignedUrl" in moment for moment in passed) is mqtt
    kills = at_most(_MOST, range(1 + share, len(passed) + 1, _SHARES))
    losses = at_most(
        _MOST // 2, [number for number, moment in enumerate(passed, 1) if moment.startswith(("PUT ", "POST "))][share::_SHARES]
    )
    for number in kills:
        await Trial(name, cloud_name, mqtt, kill_at=number, lost=lost, left=left).run(hass, freezer)
    for number in losses:
        await Trial(name, cloud_name, mqtt, lose_at=number, lost=lost, left=left).run(hass, freezer)
    record_property("kill points", len(kills))
    record_property("lost answers", len(losses))
    record_property("left to a person", len(left))
    assert lost == []
