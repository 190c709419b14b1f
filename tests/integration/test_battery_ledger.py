"""What a stored ledger brings along: of release 0.2.0, of any other shape, and of long ago."""

import asyncio
from copy import deepcopy
from pathlib import Path
from typing import Any, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers.storage import Store
import pytest

from custom_components.enphase_ev.battery import ledger_store
from custom_components.enphase_ev.battery.ledger import Ledger
from custom_components.enphase_ev.const import DOMAIN
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import BatteryHouse

_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_NIGHT = ("cfg", "20:00", "05:00", _ALL_DAYS, 100, True)
_KEPT: dict[str, Any] = {
    "id": "gone",
    "family": "cfg",
    "start": "20:00:00",
    "end": "05:00:00",
    "days": [1, 2, 3, 4, 5, 6, 7],
    "limit": 100.0,
    "time_zone": "Australia/Melbourne",
    "is_enabled": True,
}
_OPENED = "2026-05-20T03:05:00+00:00"
_RECORD: dict[str, Any] = {"expected": [_KEPT], "id": "1", "opened_at": _OPENED, "families": ["cfg"], "deleted": [], "problem": None}
_OVERRIDE: dict[str, Any] = {
    "entry": {**_KEPT, "id": "now", "family": "rbd", "start": "12:00:00", "end": "13:00:00", "days": [3], "limit": None},
    "started_at": "2026-05-20T02:00:00+00:00",
    "ends_at": "2026-05-20T03:00:00+00:00",
    "until_charge": None,
    "aside": [_KEPT],
    "was_on": True,
    "were_schedules_on": False,
    "is_begun": True,
}


class _Disk:
    """Where the ledger of a house lies."""

    def __init__(self, house: BatteryHouse, storage: dict[str, Any], folder: Path) -> None:
        self._house = house
        self._storage = storage
        self.key = f"{DOMAIN}.battery.{house.entry.entry_id}"
        (folder / ".storage").mkdir()
        self.file = folder / ".storage" / self.key
        self.aside = folder / ".storage" / f"{self.key}.unreadable"

    async def start_with(self, content: object, version: int = 1) -> None:
        """Let Home Assistant start with a ledger that says this."""
        await self._house.lived_through(self._house.hass.config_entries.async_unload(self._house.entry.entry_id))
        self._storage[self.key] = {"version": version, "minor_version": 1, "key": self.key, "data": deepcopy(content)}
        self.file.write_text(str(content))
        await self._house.lived_through(self._house.hass.config_entries.async_setup(self._house.entry.entry_id))


@pytest.fixture
def disk(batteries: BatteryHouse, hass_storage: dict[str, Any], tmp_path: Path) -> _Disk:
    """The disk of a house whose cloud has dropped the schedule that the ledger expects."""
    batteries.hass.config.config_dir = str(tmp_path)
    batteries.battery.delete_schedule(batteries.entry_id("cfg"))
    return _Disk(batteries, hass_storage, tmp_path)


# --- Of release 0.2.0 ---


async def test_what_an_open_change_of_0_2_0_expects_is_put_back(batteries: BatteryHouse, disk: _Disk) -> None:
    await disk.start_with({"records": [_RECORD], "override": None})
    await batteries.pass_time(minutes=6)

    assert _NIGHT in batteries.entries
    assert batteries.issue("ledger_unreadable") is None


async def test_what_0_2_0_could_not_put_back_waits_for_a_person(batteries: BatteryHouse, disk: _Disk) -> None:
    await disk.start_with({"records": [{**_RECORD, "problem": "CONFLICT"}], "override": None})
    await batteries.pass_time(minutes=6)

    assert _NIGHT not in batteries.entries
    issue = batteries.issue("left_entries")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["schedules"] == "- Charge from grid, 20:00 - 05:00, Monday - Sunday, 100 %"


async def test_an_override_of_0_2_0_that_is_over_ends(batteries: BatteryHouse, disk: _Disk) -> None:
    batteries.battery.add_schedule("rbd", "12:00", "13:00", days=(3,))
    await disk.start_with({"records": [], "override": _OVERRIDE})
    await batteries.pass_time(minutes=6)

    assert {entry[0] for entry in batteries.entries} == {"cfg", "dtg"}
    assert _NIGHT in batteries.entries


# --- Of any shape ---

_SHAPES: dict[str, tuple[object, bool]] = {
    "a list": ([], False),
    "records: null": ({"records": None}, False),
    "records: text": ({"records": "none"}, False),
    "a record that is null": ({"records": [None, _RECORD]}, True),
    "opened at: missing": ({"records": [{key: value for key, value in _RECORD.items() if key != "opened_at"}]}, True),
    "opened at: no zone": ({"records": [{**_RECORD, "opened_at": "2026-05-20T03:05:00"}]}, True),
    "opened at: number": ({"records": [{**_RECORD, "opened_at": 1779246300}]}, True),
    "opened at: text": ({"records": [{**_RECORD, "opened_at": "yesterday"}]}, True),
    "one broken entry": ({"records": [{**_RECORD, "expected": [{"id": "x"}, _KEPT]}]}, True),
    "an unknown family": ({"records": [{**_RECORD, "families": ["cfg", "xyz"]}]}, True),
    "families: null": ({"records": [{**_RECORD, "families": None}]}, True),
    "days: text": ({"records": [{**_RECORD, "expected": [{**_KEPT, "days": "1,2"}]}]}, False),
    "start: no time": ({"records": [{**_RECORD, "expected": [{**_KEPT, "start": "25:00:00"}]}]}, False),
    "limit: text": ({"records": [{**_RECORD, "expected": [{**_KEPT, "limit": "full"}]}]}, False),
    "override: text": ({"records": [_RECORD], "override": "charge"}, True),
    "override: no end": ({"records": [], "override": {key: value for key, value in _OVERRIDE.items() if key != "ends_at"}}, True),
    "override: no zone": ({"records": [], "override": {**_OVERRIDE, "ends_at": "2026-05-20T09:00:00"}}, True),
    "must: text": ({"must": "all", "saved_at": _OPENED}, False),
    "must: odd figures": ({"must": [{"entry": _KEPT, "tries": "many"}], "saved_at": _OPENED}, True),
    "intents: odd": ({"must": [{"entry": _KEPT, "problem": "x"}], "intents": [{"what": 1}], "saved_at": _OPENED}, True),
    "guard: text": ({"must": [{"entry": _KEPT, "problem": "x"}], "guard": "open", "saved_at": _OPENED}, True),
    "owed: a list": ({"must": [{"entry": _KEPT, "problem": "x"}], "owed": ["cfg"], "saved_at": _OPENED}, True),
    "saved at: text": ({"must": [{"entry": _KEPT, "problem": "x"}], "saved_at": "never"}, True),
}


@pytest.mark.parametrize("shape", _SHAPES)
async def test_a_ledger_of_any_shape_loads_and_keeps_what_can_be_read(batteries: BatteryHouse, disk: _Disk, shape: str) -> None:
    content, is_kept = _SHAPES[shape]
    await disk.start_with(content)
    await batteries.pass_time(minutes=6)

    assert batteries.entry.state is ConfigEntryState.LOADED
    issue = batteries.issue("ledger_unreadable")
    assert issue is not None
    assert issue.translation_placeholders == {"site": "Main Site", "file": disk.aside.name}
    assert disk.aside.read_text() == str(content)
    is_there = _NIGHT in batteries.entries or batteries.issue("left_entries") is not None
    assert is_there is is_kept


async def test_a_ledger_of_a_later_release_is_put_aside(batteries: BatteryHouse, disk: _Disk) -> None:
    await disk.start_with({"records": [_RECORD]}, version=99)

    assert batteries.entry.state is ConfigEntryState.LOADED
    assert batteries.issue("ledger_unreadable") is not None
    assert disk.aside.exists()


async def test_a_file_that_is_no_json_is_put_aside_and_goes_with_the_entry(
    batteries: BatteryHouse, disk: _Disk, hass_storage: dict[str, Any]
) -> None:
    await batteries.lived_through(batteries.hass.config_entries.async_unload(batteries.entry.entry_id))
    hass_storage.pop(disk.key, None)
    disk.file.write_bytes(b'{"version": 1, "data": {"rec\x00\xff')
    await batteries.lived_through(batteries.hass.config_entries.async_setup(batteries.entry.entry_id))

    assert batteries.entry.state is ConfigEntryState.LOADED
    assert batteries.issue("ledger_unreadable") is not None
    assert disk.aside.read_bytes().startswith(b'{"version"')
    await batteries.removed()
    assert not disk.aside.exists()


async def test_a_whole_ledger_is_no_issue(batteries: BatteryHouse) -> None:
    await batteries.restarted(minutes=5)
    assert batteries.issue("ledger_unreadable") is None
    assert batteries.issue("ledger_old") is None


# --- Of long ago ---


async def test_an_old_ledger_shows_what_it_would_do_and_writes_nothing(batteries: BatteryHouse) -> None:
    batteries.battery.switches.gateway_delay_s = 600
    entity_id = batteries.site_entity_id("number", "reserve")
    await batteries.lived_through(batteries.call("number", "set_value", entity_id=entity_id, value=40))
    await batteries.asked("add_battery_schedule", family="charge_from_grid", start="09:00", end="10:00", limit=80)
    await batteries.restarted(minutes=120)
    batteries.sim.requests.clear()
    await batteries.pass_time(minutes=30)

    assert batteries.sim.count("battery_write") == 0
    issue = batteries.issue("ledger_old")
    assert issue is not None
    assert issue.translation_placeholders is not None
    lines = issue.translation_placeholders["changes"].splitlines()
    assert "- Reserve: 40 %" in lines
    assert "- Apply schedules: Charge from grid" in lines


async def test_what_is_missing_after_a_long_time_waits_for_a_person(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    entity_id = batteries.site_entity_id("switch", "restrict_battery_discharge")
    await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=entity_id))
    await batteries.restarted(minutes=120)
    batteries.sim.requests.clear()
    await batteries.pass_time(minutes=30)

    assert batteries.sim.count("battery_write") == 0
    assert batteries.issue("left_entries") is not None


async def test_an_override_that_is_over_ends_however_old_the_ledger_is(batteries: BatteryHouse) -> None:
    before = batteries.entries
    await batteries.asked("set_battery_override", action="hold", duration="08:00:00", wait=600)
    assert batteries.entries != before
    await batteries.restarted(minutes=600)
    await batteries.pass_time(minutes=10)

    assert batteries.entries == before


async def test_a_gateway_that_is_offline_for_hours_makes_no_ledger_old(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.switches.gateway_delay_s = 4 * 3600
    entity_id = batteries.site_entity_id("switch", "restrict_battery_discharge")
    await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=entity_id))
    await batteries.pass_time(minutes=120)
    await batteries.restarted(minutes=1)

    assert batteries.entry.runtime_data.battery.keeper.ledger.guard is not None, "it is still watched"


class SlowStore(Store[dict[str, object]]):
    """A store on a disk that is slow to read."""

    @override
    async def async_load(self) -> dict[str, object] | None:
        for _ in range(50):
            await asyncio.sleep(0)
        return await super().async_load()


async def test_two_that_save_at_the_same_moment_both_find_their_own(batteries: BatteryHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "Store", SlowStore)
    store, ledger = ledger_store.LedgerStore(batteries.hass, "another"), Ledger()

    async def save(seconds: int) -> None:
        batteries.freezer.tick(seconds)
        await store.async_save(ledger)

    await asyncio.gather(save(1), save(2))
    assert (await ledger_store.LedgerStore(batteries.hass, "another").async_load()).saved_at == ledger.saved_at
