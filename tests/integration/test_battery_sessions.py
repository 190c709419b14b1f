"""Sessions that die, passwords that change and tokens that turn over in the middle of a change of the battery."""

from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Any, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest

from custom_components.enphase_ev.const import CONF_REMEMBER_PASSWORD, DOMAIN
from simulator import Simulator
from simulator.battery.settings import ControlFamily
from simulator.faults import Fault
from simulator.switches.battery import HeaderShape, WriteKind, XsrfSource
from simulator.switches.deployment import DeadSession
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder, Says
from tests.thoroughness import one_in

_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_NEW = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "limit": 80}
_ADDED = ("cfg", "09:00", "11:30", _ALL_DAYS, 80, True)
_SERVICE = "/batteryConfig/"
_DEAD_SESSIONS = tuple(DeadSession)


@dataclass
class _Interruption(Fault):
    """Something that happens just before a request to the battery service is processed; breaks nothing by itself."""

    what: Callable[[], None] = lambda: None
    at: int = 0
    seen: int = 0

    @override
    def matches(self, method: str, path: str) -> bool:
        if re.search(self.path, path):
            self.seen += 1
            if self.seen == self.at:
                self.what()
        return False


def _interrupt(house: BatteryHouse, at: int, what: Callable[[], None]) -> _Interruption:
    interruption = _Interruption(path=_SERVICE, what=what, at=at)
    house.sim.faults.clear()
    house.sim.faults.rules.append(interruption)
    return interruption


async def _toggles(house: BatteryHouse, *, is_on: bool = True) -> None:
    """Restrict discharge, whereupon the cloud drops the entries of charge from grid."""
    entity_id = house.site_entity_id("switch", "restrict_battery_discharge")
    await house.lived_through(house.call("switch", "turn_on" if is_on else "turn_off", entity_id=entity_id))
    await house.pass_time(minutes=3)


async def _adds(house: BatteryHouse) -> None:
    assert (await house.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED))["state"] == "applied"


async def _deletes(house: BatteryHouse) -> None:
    assert (await house.asked("delete_battery_schedule", family="cfg", wait=MOST_WAITED))["state"] == "applied"


async def _overrides(house: BatteryHouse) -> None:
    await house.asked("set_battery_override", action="hold", duration="00:02:00", wait=MOST_WAITED)
    await house.until(lambda: house.entry.runtime_data.overrides.active is None)
    await house.pass_time(minutes=3)


@dataclass(frozen=True)
class _Change:
    """A change, and what the entries are afterwards."""

    make: Callable[[BatteryHouse], Any]
    after: Callable[[set[Says]], set[Says]]


_CHANGES = {
    "a toggle that drops": _Change(_toggles, lambda before: before),
    "an entry more": _Change(_adds, lambda before: before | {_ADDED}),
    "a family less": _Change(_deletes, lambda before: {one for one in before if one[0] != "cfg"}),
    "an override and its end": _Change(_overrides, lambda before: before),
}


def _reset(house: BatteryHouse) -> None:
    """Let everything be as at first, in the app."""
    for entry in list(house.battery.schedules):
        house.battery.delete_schedule(entry.id)
    house.battery.add_schedule("cfg", "20:00", "05:00", limit=100)
    house.battery.add_schedule("dtg", "18:00", "20:00", limit=25)
    house.battery.add_schedule("rbd", "13:00", "15:00")
    house.battery.set(restrict_discharge=False)


@pytest.fixture
async def dropping(batteries: BatteryHouse) -> BatteryHouse:
    """A house whose cloud drops the entries of charge from grid when discharge is restricted."""
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    _reset(batteries)
    # Right after one sign-in no other is made by itself.
    await batteries.pass_time(minutes=20)
    return batteries


# --- A session that dies ---


@pytest.mark.parametrize(
    ("name", "step"), [("a toggle that drops", 1), ("an entry more", 1), ("a family less", 1), ("an override and its end", 3)]
)
async def test_a_session_that_dies_at_any_request_of_a_change_is_renewed_and_nothing_is_lost(
    dropping: BatteryHouse, name: str, step: int
) -> None:
    change = _CHANGES[name]
    tried = 0
    for number in range(1, 100, step):
        # Renewals by password are far between: the next one is on another day.
        dropping.skip(hours=25)
        await dropping.pass_time(minutes=7)
        dropping.sim.world.deployment.dead_session_answer = _DEAD_SESSIONS[number // step % len(_DEAD_SESSIONS)]
        sign_ins = dropping.sim.sign_ins
        interruption = _interrupt(dropping, number, dropping.sim.expire_sessions)
        await _makes(dropping, change, interruption)
        if interruption.seen < number:
            break
        tried += 1
        assert dropping.sim.sign_ins == sign_ins + 1, f"died at {number}"
    assert tried > 8


async def _makes(house: BatteryHouse, change: _Change, interruption: _Interruption) -> None:
    _reset(house)
    before = house.entries
    await change.make(house)
    at = f"died at {interruption.at}"
    # "Applied" comes first; the guard against late losses is open for some minutes more.
    await house.until(lambda: house.entry.runtime_data.battery.keeper.ledger.is_at_rest, at_most=600)
    assert house.entries == change.after(before), at
    assert len(house.battery.schedules) == len(house.entries), at
    if change.make is _toggles:
        assert house.battery.settings.restrict_discharge, at
        assert house.battery_state("switch", "restrict_battery_discharge") == "on", at


async def test_a_write_that_found_the_session_dead_is_made_once(batteries: BatteryHouse) -> None:
    assert [await _adds_with_a_session_that_dies(batteries, number) for number in range(1, 12)] == [1] * 11


async def _adds_with_a_session_that_dies(house: BatteryHouse, at: int) -> int:
    """Add an entry; return how often the cloud took it."""
    house.skip(hours=25)
    await house.pass_time(minutes=7)
    _interrupt(house, at, house.sim.expire_sessions)
    house.sim.requests.clear()
    await _adds(house)
    taken = [one for one in house.sim.requests if one.method == "POST" and one.path.endswith("/schedules") and one.status == 200]
    # Under an open guard it would be put back once.
    await house.pass_time(minutes=6)
    house.battery.delete_schedule(next(one.id for one in house.battery.schedules if one.start == "09:00"))
    return len(taken)


# --- A password that is refused ---


def _changes_password(house: BatteryHouse) -> None:
    house.sim.account.password = "Changed-2026"
    house.sim.expire_sessions()


def _asks_to_sign_in(house: BatteryHouse) -> list[str]:
    flows = house.hass.config_entries.flow.async_progress()
    return [flow["flow_id"] for flow in flows if flow["context"]["source"] == SOURCE_REAUTH]


async def _signs_in_again(house: BatteryHouse) -> None:
    (flow_id,) = _asks_to_sign_in(house)
    data = {CONF_PASSWORD: house.sim.account.password, CONF_REMEMBER_PASSWORD: True}
    result = await house.lived_through(house.hass.config_entries.flow.async_configure(flow_id, data))
    assert result["reason"] == "reauth_successful"
    await house.pass_time(minutes=1)
    assert house.entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_refused_password_in_the_middle_leaves_the_journal_and_afterwards_it_goes_on(
    dropping: BatteryHouse, remembers: bool
) -> None:
    """The toggle is made, the entries are gone, and there is no way back in to put them back."""
    before = dropping.entries
    if not remembers:
        dropping.entry.runtime_data.account.password = None
    written = dropping.hass.async_create_task(_toggles_only(dropping))
    await dropping.until(lambda: dropping.sim.count(method="PUT", path="batterySettings") == 1)
    assert dropping.entries < before
    _changes_password(dropping)
    await dropping.until(written.done)
    assert written.exception() is None, "the cloud had taken it"
    await dropping.pass_time(minutes=5)

    assert not dropping.entry.runtime_data.battery.keeper.ledger.is_at_rest
    assert len(_asks_to_sign_in(dropping)) == 1
    assert dropping.sim.sign_ins == (2 if remembers else 1)
    # However long that takes, a restart in between included.
    await dropping.pass_time(minutes=20)
    assert dropping.entries < before
    assert dropping.sim.failed_sign_ins == remembers

    await _signs_in_again(dropping)
    await dropping.pass_time(minutes=7)

    assert dropping.entries == before
    assert dropping.battery.settings.restrict_discharge
    assert dropping.entry.runtime_data.battery.keeper.ledger.is_at_rest
    await dropping.pass_time(minutes=70)
    assert dropping.entries == before, "they were applied"


async def _toggles_only(house: BatteryHouse) -> None:
    await house.call("switch", "turn_on", entity_id=house.site_entity_id("switch", "restrict_battery_discharge"))


async def test_one_that_is_refused_before_anything_was_written_says_so_and_is_not_made_later(dropping: BatteryHouse) -> None:
    before = dropping.entries
    _changes_password(dropping)
    assert (await dropping.refused("add_battery_schedule", **_NEW)).translation_key == "invalid_credentials"
    with pytest.raises(HomeAssistantError) as caught:
        await dropping.lived_through(_toggles_only(dropping))
    assert caught.value.translation_key == "invalid_credentials"
    await dropping.pass_time(minutes=3)
    assert dropping.sim.failed_sign_ins == 1

    await _signs_in_again(dropping)
    await dropping.pass_time(minutes=30)

    assert dropping.entries == before
    assert not dropping.battery.settings.restrict_discharge
    assert dropping.entry.runtime_data.battery.keeper.ledger.is_at_rest


@pytest.mark.parametrize("at", one_in(3, range(3, 16, 2)))
async def test_an_override_that_a_refused_password_interrupts_comes_to_its_end(dropping: BatteryHouse, at: int) -> None:
    before = dropping.entries
    _interrupt(dropping, at, lambda: _changes_password(dropping))
    override = dropping.hass.async_create_task(dropping.call(DOMAIN, "set_battery_override", action="hold", duration="01:00:00"))
    await dropping.until(override.done)
    override.exception()
    await dropping.until(lambda: bool(_asks_to_sign_in(dropping)))
    await _signs_in_again(dropping)
    await dropping.pass_time(minutes=90)
    assert dropping.entries == before
    assert not dropping.battery.settings.restrict_discharge
    assert dropping.entry.runtime_data.overrides.active is None
    assert dropping.entry.runtime_data.battery.keeper.ledger.is_at_rest


# --- Tokens of the battery service ---


@pytest.mark.parametrize("source", XsrfSource)
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"xsrf_rotates": False},
        {"xsrf_header_everywhere": True},
        {"write_shapes": {HeaderShape.SESSION_TOKEN}},
        {"write_shapes": {HeaderShape.TOKEN_ONLY}},
    ],
)
async def test_wherever_the_token_comes_from_changes_are_made(
    build_battery_house: BatteryHouseBuilder, source: XsrfSource, values: dict[str, object]
) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.battery.update({"xsrf_source": source, **values, "drops": {WriteKind.RBD: {ControlFamily.CFG}}})

    house = await build_battery_house("battery_eu", prepare=prepare)
    _reset(house)
    before = house.entries
    await _toggles(house)
    assert house.entries == before
    await _adds(house)
    await _deletes(house)
    assert house.entries == {one for one in before if one[0] != "cfg"}
    refused = [one for one in house.sim.requests if one.status == 403]
    assert len(refused) <= (2 if "write_shapes" in values else 0), "a shape that works is remembered, and no token is ever stale"
    house.sim.requests.clear()
    await house.restarted(minutes=10)
    await _adds(house)
    assert [one for one in house.sim.requests if one.status == 403] == []


async def test_where_only_writes_give_a_token_the_first_one_costs_a_refusal(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house(prepare=lambda sim: sim.world.deployment.battery.update({"xsrf_on_reads": False}))
    await _adds(house)
    assert len([one for one in house.sim.requests if one.status == 403]) <= 3


# --- The United States ---


@pytest.mark.parametrize(("scenario", "disclaimers"), [("battery_us", 1), ("battery_eu", 0)])
async def test_the_disclaimer_is_accepted_where_there_is_one(
    build_battery_house: BatteryHouseBuilder, scenario: str, disclaimers: int
) -> None:
    house = await build_battery_house(scenario)
    house.sim.requests.clear()
    entity_id = house.site_entity_id("switch", "charge_from_grid")
    await house.lived_through(house.call("switch", "turn_on", entity_id=entity_id))
    await house.pass_time(minutes=2)
    assert house.battery.settings.charge_from_grid
    assert house.battery_state("switch", "charge_from_grid") == "on"
    assert house.sim.count(path="acceptDisclaimer") == disclaimers
    accepted = [one.body for one in house.sim.requests if "acceptDisclaimer" in one.path]
    assert accepted == [{"disclaimer-type": "itc"}] * disclaimers

    house.sim.requests.clear()
    await house.lived_through(house.call("switch", "turn_off", entity_id=entity_id))
    await house.pass_time(minutes=2)
    assert not house.battery.settings.charge_from_grid
    assert house.sim.count(path="acceptDisclaimer") == 0


async def test_charging_now_accepts_it_too(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_us")
    answer = await house.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    assert answer["state"] == "applied"
    await house.pass_time(minutes=2)
    assert house.battery.power_w > 3000
    assert house.sim.count(path="acceptDisclaimer") >= 1


# --- A site without chargers, and an entry that goes ---


async def test_a_site_without_chargers_has_its_battery(batteries: BatteryHouse) -> None:
    await batteries.pass_time(minutes=70)
    devices = dr.async_entries_for_config_entry(dr.async_get(batteries.hass), batteries.entry.entry_id)
    assert len(devices) == 4, "the site, the batteries, and each of the two"
    assert batteries.battery_state("sensor", "state_of_charge") != "unavailable"
    assert batteries.sim.count("scheduler") + batteries.sim.count("config") + batteries.sim.count("summary") == 0


async def test_what_was_stored_goes_with_the_entry(build_battery_house: BatteryHouseBuilder, hass_storage: dict[str, object]) -> None:
    house = await build_battery_house()
    house.add_hold()
    house.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    house.sim.faults.add(path="/schedules$", method="POST", status=409, body={"error": {"status": "CONFLICT"}}, times=None)
    await _toggles(house)
    assert house.issue("left_entries") is not None
    key = f"{DOMAIN}.battery.{house.entry.entry_id}"
    assert key in hass_storage

    await house.removed()
    await house.pass_time(minutes=10)

    assert [name for name in hass_storage if name.startswith(DOMAIN)] == []
    assert [issue for domain, issue in ir.async_get(house.hass).issues if domain == DOMAIN] == []
