"""Calls at the moment of a reload, and an entry that is removed while something is open."""

import asyncio

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.enphase_ev.const import DOMAIN
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import DropMoment, WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse

_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_NIGHT = ("cfg", "20:00", "05:00", _ALL_DAYS, 100, True)
_MOMENTS = (0, 1, 2, 4, 7, 12, 20)
"""How many rounds of the event loop a call runs before the reload begins."""
_NEW: dict[str, object] = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "limit": 80}
_CALLS: dict[str, tuple[str, str, dict[str, object]]] = {
    "read": (DOMAIN, "get_battery_schedules", {}),
    "export": (DOMAIN, "export_battery_schedules", {}),
    "validate": (DOMAIN, "validate_battery_schedule", _NEW),
    "validate a family": (DOMAIN, "validate_battery_schedule", {"family": "charge_from_grid"}),
    "restore": (DOMAIN, "restore_battery_schedules", {}),
    "add": (DOMAIN, "add_battery_schedule", _NEW),
    "clear": (DOMAIN, "clear_battery_override", {}),
    "switch": ("switch", "turn_on", {"entity_id": "switch.battery_discharge_to_grid"}),
    "cancel": ("button", "press", {"entity_id": "button.battery_cancel_profile_change"}),
    "refresh": ("button", "press", {"entity_id": "button.battery_refresh"}),
    "put back": ("button", "press", {"entity_id": "button.battery_restore_schedules"}),
}


@pytest.mark.parametrize("name", _CALLS)
async def test_a_call_at_the_moment_of_a_reload_ends_in_an_answer_or_in_words(batteries: BatteryHouse, name: str) -> None:
    domain, service, data = _CALLS[name]
    wrong: list[object] = []

    async def call() -> None:
        try:
            await batteries.hass.services.async_call(domain, service, data, blocking=True, return_response=domain == DOMAIN)
        except HomeAssistantError as err:
            if err.translation_key is None:
                wrong.append(err)
        except BaseException as err:  # noqa: BLE001 - whatever else comes is what must not come
            wrong.append(err)

    async def reload() -> None:
        await batteries.hass.config_entries.async_reload(batteries.entry.entry_id)

    for rounds in _MOMENTS:
        for first, second in ((call, reload), (reload, call)):
            begun = batteries.hass.async_create_task(first())
            for _ in range(rounds):
                await asyncio.sleep(0)
            await batteries.lived_through(second())
            await batteries.until(begun.done)

    assert wrong == []


async def _switch_on(house: BatteryHouse, key: str) -> None:
    await house.lived_through(house.call("switch", "turn_on", entity_id=house.site_entity_id("switch", key)))


def _notified(house: BatteryHouse) -> str:
    """Return what the persistent notifications say."""
    return "\n".join(str(one["message"]) for one in house.hass.data.get("persistent_notification", {}).values())


@pytest.mark.parametrize("seconds", [3, 30], ids=["3 s after the write", "30 s after it"])
async def test_an_entry_that_is_removed_after_a_toggle_leaves_the_schedules_as_they_were(batteries: BatteryHouse, seconds: float) -> None:
    batteries.add_hold()
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    before = batteries.entries
    await _switch_on(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=seconds / 60)
    assert _NIGHT not in batteries.entries

    lasted = await batteries.removed()

    assert lasted < 65
    assert batteries.entries == before
    assert "Do this in the Enphase app" not in _notified(batteries)


async def test_when_nothing_is_left_all_comes_back_or_is_told(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    # That there is nothing at all has to be read several times before it is believed, which can take longer than a removal waits.
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG, ControlFamily.DTG}}
    await _switch_on(batteries, "restrict_battery_discharge")

    await batteries.removed()

    there, told = {entry[0] for entry in batteries.entries}, _notified(batteries)
    assert "cfg" in there or "Charge from grid, 20:00 - 05:00" in told
    assert "dtg" in there or "Discharge to grid, 18:00 - 20:00" in told


async def test_what_cannot_be_put_back_at_a_removal_is_told_in_words(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    await _switch_on(batteries, "restrict_battery_discharge")
    batteries.sim.faults.add(path="/schedules$", method="POST", status=503, times=None)

    lasted = await batteries.removed()

    assert lasted < 65
    assert "Add: Charge from grid, 20:00 - 05:00, Monday - Sunday, 100 %" in _notified(batteries)


def _drop_at_the_take_over(house: BatteryHouse, kind: WriteKind, *, seconds: float) -> None:
    switches = house.battery.switches
    switches.gateway_delay_s, switches.drop_from = seconds, DropMoment.TAKE_OVER
    switches.drops, switches.drops_left = {kind: {ControlFamily.CFG, ControlFamily.DTG}}, 1


@pytest.mark.parametrize("since", [3, 60], ids=["3 s after the write", "60 s after it"])
@pytest.mark.parametrize("delay", [0, 20, 120], ids=["at once", "after 20 s", "after 120 s"])
async def test_what_is_dropped_after_a_removal_comes_back_or_is_named(batteries: BatteryHouse, delay: float, since: float) -> None:
    batteries.add_hold()
    _drop_at_the_take_over(batteries, WriteKind.RBD, seconds=delay)
    await _switch_on(batteries, "restrict_battery_discharge")
    await batteries.pass_time(minutes=since / 60)

    lasted = await batteries.removed()

    assert lasted < 65
    await batteries.pass_time(minutes=10)
    there, told = {entry[0] for entry in batteries.entries}, _notified(batteries)
    assert "cfg" in there or "Charge from grid, 20:00 - 05:00" in told
    assert "dtg" in there or "Discharge to grid, 18:00 - 20:00" in told
    if delay == 120 and since == 3:
        assert there.isdisjoint({"cfg", "dtg"})
        assert "Check in the Enphase app that these schedules exist: \n- " in told


async def test_what_the_end_of_an_override_drops_after_a_removal_is_named(batteries: BatteryHouse) -> None:
    await batteries.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)
    await batteries.pass_time(minutes=10)
    _drop_at_the_take_over(batteries, WriteKind.RBD, seconds=90)

    await batteries.removed()
    await batteries.pass_time(minutes=10)

    there, told = {entry[0] for entry in batteries.entries}, _notified(batteries)
    assert there == set()
    assert "Charge from grid, 20:00 - 05:00" in told
    assert "Discharge to grid, 18:00 - 20:00" in told


@pytest.mark.parametrize("status", [503, 429])
async def test_a_cloud_that_fails_once_at_a_removal_is_asked_again(batteries: BatteryHouse, status: int) -> None:
    before = batteries.entries
    await batteries.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)
    await batteries.pass_time(minutes=4)
    batteries.sim.faults.add(path="batteryConfig", status=status, headers={"Retry-After": "10"} if status == 429 else None, times=1)

    lasted = await batteries.removed()

    assert lasted < 65
    assert "Do this in the Enphase app" not in _notified(batteries)
    await batteries.pass_time(minutes=10)
    assert batteries.entries == before
    assert not batteries.battery.settings.restrict_discharge


async def test_what_a_removal_leaves_of_an_override_is_told_and_goes_once_all_is_back(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("rbd", "13:00", "15:00")
    before = batteries.entries
    await batteries.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)
    await batteries.pass_time(minutes=4)
    batteries.sim.faults.add(path="batteryConfig", status=503, times=None)

    began = batteries.hass.loop.time()
    disable = batteries.hass.config_entries.async_set_disabled_by
    await batteries.lived_through(disable(batteries.entry.entry_id, ConfigEntryDisabler.USER))

    assert batteries.hass.loop.time() - began < 65
    told = _notified(batteries)
    assert "Delete: Restrict battery discharge, 13:1" in told
    assert "Turn off: Restrict battery discharge" in told
    assert "Add: Restrict battery discharge, 13:00 - 15:00" in told

    batteries.sim.faults.clear()
    await batteries.lived_through(disable(batteries.entry.entry_id, None))
    await batteries.pass_time(minutes=15)

    assert batteries.entries == before
    assert _notified(batteries) == ""


async def test_an_entry_that_has_nothing_open_is_removed_at_once(batteries: BatteryHouse) -> None:
    batteries.sim.requests.clear()
    began = batteries.hass.loop.time()

    await batteries.removed()

    assert batteries.hass.loop.time() - began < 1
    assert batteries.sim.count("battery") == 0
