"""The names that the other integration of this domain has for the battery's actions."""

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.battery_house import BatteryHouse

_CHARGE = ("cfg", "20:00", "05:00", (1, 2, 3, 4, 5, 6, 7), 100, True)
_DISCHARGE = ("dtg", "18:00", "20:00", (1, 2, 3, 4, 5), 25, True)
_ADDED = ("cfg", "09:00", "11:30", (1, 2), 80, True)
_NEW = {"schedule_type": "cfg", "start_time": "09:00", "end_time": "11:30", "days": [1, 2], "limit": 80}


@pytest.fixture(autouse=True)
def _with_one_of_the_other(hass: HomeAssistant) -> None:
    """An entry that the other integration has left, which a person has disabled: the names may stand in automations."""
    data = {"email": "old@example.com", "site_id": "7654321"}
    MockConfigEntry(domain=DOMAIN, data=data, disabled_by=ConfigEntryDisabler.USER).add_to_hass(hass)


@pytest.mark.parametrize("days", [[1, 2], ["1", "2"], ["Mon", "tuesday"], "mon, tue"], ids=str)
async def test_add(batteries: BatteryHouse, days: object) -> None:
    answer = await batteries.asked(
        "add_schedule", **{**_NEW, "days": days}, is_enabled=True, config_entry_id=batteries.entry.entry_id, wait=900
    )

    assert answer == {"state": "applied", "reason": None}
    assert batteries.entries == {_CHARGE, _DISCHARGE, _ADDED}


async def test_update(batteries: BatteryHouse) -> None:
    await batteries.asked(
        "update_schedule", schedule_id=batteries.entry_id("dtg"), schedule_type="DTG", start_time="17:00", limit=30, confirm=True, wait=900
    )

    assert batteries.entries == {_CHARGE, ("dtg", "17:00", "20:00", (1, 2, 3, 4, 5), 30, True)}


async def test_delete(batteries: BatteryHouse) -> None:
    await batteries.asked(
        "delete_schedule", schedule_id=batteries.entry_id("cfg"), schedule_type="cfg", site_id=batteries.sim.site.id, wait=900
    )
    assert batteries.entries == {_DISCHARGE}

    await batteries.asked("delete_schedule", schedule_ids=[batteries.entry_id("dtg")], wait=900)
    assert batteries.entries == set()


async def test_delete_a_family(batteries: BatteryHouse) -> None:
    await batteries.asked("delete_schedule", schedule_type="dtg", wait=900)

    assert batteries.entries == {_CHARGE}


async def test_validate(batteries: BatteryHouse) -> None:
    assert await batteries.asked("validate_schedule", **_NEW) == {"valid": True, "reason": None}
    taken = {**_NEW, "start_time": "21:00", "end_time": "22:00"}
    assert (await batteries.asked("validate_schedule", **taken))["valid"] is False


@pytest.mark.parametrize("family", ["cfg", "DTG", "rbd"])
async def test_validate_a_family(batteries: BatteryHouse, family: str) -> None:
    """All that the action takes there; the documents promise the old names and fields."""
    assert await batteries.asked("validate_schedule", schedule_type=family) == {"valid": True, "reason": None}
    (check,) = [one for one in batteries.sim.requests if one.path.endswith("/isValid")]
    assert isinstance(check.body, dict)
    assert check.body["scheduleType"] == family.lower()
    assert batteries.entries == {_CHARGE, _DISCHARGE}

    batteries.sim.faults.add(path="/isValid", body={"isValid": False})
    assert await batteries.asked("validate_schedule", schedule_type=family) == {"valid": False, "reason": "refused_by_cloud"}
    with pytest.raises(vol.Invalid):
        await batteries.hass.services.async_call(
            DOMAIN, "validate_schedule", {"schedule_type": family, "start_time": "10:00"}, blocking=True
        )


async def test_what_is_unknown_is_refused(batteries: BatteryHouse) -> None:
    for data in ({**_NEW, "colour": "green"}, {**_NEW, "days": ["never"]}, {**_NEW, "days": [12]}):
        with pytest.raises(vol.Invalid):
            await batteries.hass.services.async_call(DOMAIN, "add_schedule", data, blocking=True)
    with pytest.raises(ServiceValidationError):
        await batteries.hass.services.async_call(DOMAIN, "add_schedule", {**_NEW, "config_entry_id": "nobody's"}, blocking=True)

    assert batteries.entries == {_CHARGE, _DISCHARGE}


async def test_each_old_name_is_noted_once(batteries: BatteryHouse, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        await batteries.asked("validate_schedule", **_NEW)

    notes = [record.getMessage() for record in caplog.records if "deprecated" in record.getMessage()]
    assert notes == ["The action enphase_ev.validate_schedule is deprecated: call enphase_ev.validate_battery_schedule instead"]
