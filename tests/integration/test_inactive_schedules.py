"""A plan that cannot run as things stand says so, and offers to turn on what it needs where it is made."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.enphase_ev.const import DOMAIN
from simulator.report import ChargeMode
from tests.integration.battery_house import BatteryHouse
from tests.integration.calendars import Calendar, at, next_monday
from tests.integration.house import House


@pytest.fixture(autouse=True)
async def _repairs(house_or_batteries: House) -> None:
    assert await async_setup_component(house_or_batteries.hass, "repairs", {})


@pytest.fixture
def house_or_batteries(request: pytest.FixtureRequest) -> House:
    """The house of the test, whichever it is."""
    house: House = request.getfixturevalue("batteries" if "batteries" in request.fixturenames else "house")
    return house


def _issue(house: House) -> ir.IssueEntry | None:
    found = [issue for (domain, key), issue in ir.async_get(house.hass).issues.items() if domain == DOMAIN and "inactive" in key]
    return found[0] if found else None


async def _open(house: House, hass_client: ClientSessionGenerator) -> dict[str, Any]:
    """Open the issue, and return its question."""
    issue, client = _issue(house), await hass_client()
    assert issue is not None
    form: dict[str, Any] = await (await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue.issue_id})).json()
    assert form["step_id"] == "confirm"
    return form


async def _submit(house: House, hass_client: ClientSessionGenerator) -> dict[str, Any]:
    """Open the issue and select Submit."""
    form, client = await _open(house, hass_client), await hass_client()
    answer = await house.see_through(client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={}))
    assert answer.status == HTTPStatus.OK
    found: dict[str, Any] = await answer.json()
    return found


# --- Chargers ---


def _of_charger(house: House) -> Calendar:
    return Calendar(house, house.entity_id("calendar", "charging_schedule"))


async def test_a_charging_schedule_in_manual_mode(house: House, hass_client: ClientSessionGenerator) -> None:
    monday = next_monday()
    await _of_charger(house).create(at(monday, "12:00"), at(monday, "14:00"), "16 A")
    titles = {event["summary"] for event in await _of_charger(house).events(monday, 7)}
    assert titles == {"16 A (inactive: charge mode is Manual)", "32 A (inactive: charge mode is Manual)"}
    issue = _issue(house)
    assert issue is not None
    assert issue.translation_placeholders == {"charger": "IQ EV Charger_ABCD", "mode": "Manual"}

    assert (await _submit(house, hass_client))["type"] == "create_entry"
    assert house.sim.charger().mode is ChargeMode.SCHEDULED
    await house.live(61)
    assert {event["summary"] for event in await _of_charger(house).events(monday, 7)} == {"16 A", "32 A"}
    assert _issue(house) is None


async def test_the_question_names_all_charging_schedules_that_run_then(house: House, hass_client: ClientSessionGenerator) -> None:
    monday = next_monday()
    await _of_charger(house).create(at(monday, "12:00"), at(monday, "14:00"), "16 A")
    slots = house.entry.runtime_data.details
    serial = house.sim.charger().serial
    (weekly, *_, _made) = (one for one in slots.data[serial].slots or () if one.start is not None)
    told = (await _open(house, hass_client))["description_placeholders"]["schedules"]
    assert told.splitlines() == [
        f"- {weekly.start:%H:%M} - {weekly.end:%H:%M}, Monday - Sunday, 32 A",
        "- 12:00 - 14:00, Monday, 16 A",
    ]

    # One that is off does not run then.
    await slots.async_change_slot(serial, weekly.id, lambda slot: replace(slot, is_enabled=False))
    told = (await _open(house, hass_client))["description_placeholders"]["schedules"]
    assert told == "- 12:00 - 14:00, Monday, 16 A"


async def test_the_question_goes_when_somebody_chooses_scheduled_mode(house: House) -> None:
    await _of_charger(house).create(at(next_monday(), "12:00"), at(next_monday(), "14:00"), "16 A")
    assert _issue(house) is not None
    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="scheduled")
    await house.live(61)
    assert _issue(house) is None


async def test_the_question_goes_with_the_schedule(house: House, hass_ws_client: WebSocketGenerator) -> None:
    """Also where another one is there, which nobody has asked about."""
    calendar = _of_charger(house)
    await calendar.create(at(next_monday(), "12:00"), at(next_monday(), "14:00"), "16 A")
    await house.live(61)
    assert _issue(house) is not None
    (made,) = {event.uid for event in await calendar.raw_events(next_monday()) if event.summary.startswith("16 A")}
    assert made is not None
    assert (await calendar.page(hass_ws_client)("delete", uid=made))["success"]
    await house.live(61)
    assert _issue(house) is None
    assert await calendar.raw_events(next_monday()) != []


async def test_a_refusal_is_told(house: House, hass_client: ClientSessionGenerator) -> None:
    await _of_charger(house).create(at(next_monday(), "12:00"), at(next_monday(), "14:00"), "16 A")
    house.sim.faults.add(path="preference", method="PUT", status=400, body={"message": "No"}, times=None)
    answer = await _submit(house, hass_client)
    assert (answer["type"], answer["reason"]) == ("abort", "not_activated")
    assert "refused" in answer["description_placeholders"]["error"]
    assert house.sim.charger().mode is ChargeMode.MANUAL


@pytest.mark.parametrize("activates", [True, False])
async def test_the_action_activates_where_it_is_asked_to(house: House, *, activates: bool) -> None:
    answer = await house.see_through(
        house.ask("add_charging_schedule", device_id=house.device_id(), start="12:00", end="14:00", activate=activates)
    )
    assert answer["chargers"][0]["active"] is activates
    assert house.sim.charger().mode is (ChargeMode.SCHEDULED if activates else ChargeMode.MANUAL)
    # An automation is asked nothing.
    assert _issue(house) is None


# --- The batteries ---


def _of_batteries(house: BatteryHouse, key: str) -> Calendar:
    return Calendar(house, house.site_entity_id("calendar", key))


@pytest.mark.parametrize(
    ("key", "switches", "title"),
    [
        ("charge_from_grid", ["charge_from_grid", "charge_from_grid_schedule"], "Charge to 80 % (inactive: Charge from grid is off)"),
        ("discharge_to_grid", ["discharge_to_grid"], "Discharge to 80 % (inactive: Discharge to grid is off)"),
    ],
)
async def test_a_battery_schedule_whose_kind_is_off(
    batteries: BatteryHouse, hass_client: ClientSessionGenerator, key: str, switches: list[str], title: str
) -> None:
    monday = next_monday()
    await _of_batteries(batteries, key).create(at(monday, "09:00"), at(monday, "11:00"), "80 %")
    await batteries.pass_time(minutes=20)
    assert title in {event["summary"] for event in await _of_batteries(batteries, key).events(monday, 1)}

    assert (await _submit(batteries, hass_client))["type"] == "create_entry"
    await batteries.pass_time(minutes=20)
    assert [batteries.battery_state("switch", one) for one in switches] == ["on"] * len(switches)
    assert title.partition(" (")[0] in {event["summary"] for event in await _of_batteries(batteries, key).events(monday, 1)}
    assert _issue(batteries) is None


async def test_the_question_names_all_battery_schedules_that_run_then(batteries: BatteryHouse, hass_client: ClientSessionGenerator) -> None:
    await _of_batteries(batteries, "discharge_to_grid").create(at(next_monday(), "09:00"), at(next_monday(), "11:00"), "80 %")
    await batteries.pass_time(minutes=20)
    form = await batteries.see_through(_open(batteries, hass_client))
    lines = form["description_placeholders"]["schedules"].splitlines()
    assert len(lines) == sum(entry[0] == "dtg" for entry in batteries.entries) == 2
    assert "- Discharge to grid, 09:00 - 11:00, Monday, 80 %" in lines


async def test_the_question_goes_with_the_schedule_of_the_battery(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    calendar = _of_batteries(batteries, "discharge_to_grid")
    await calendar.create(at(next_monday(), "09:00"), at(next_monday(), "11:00"), "80 %")
    await batteries.pass_time(minutes=20)
    assert _issue(batteries) is not None
    (made,) = {event.uid for event in await calendar.raw_events(next_monday()) if "80 %" in event.summary}
    assert made is not None
    assert (await calendar.page(hass_ws_client)("delete", uid=made))["success"]
    await batteries.pass_time(minutes=20)
    assert _issue(batteries) is None


@pytest.mark.parametrize("activates", [True, False])
async def test_the_battery_action_activates_where_it_is_asked_to(batteries: BatteryHouse, *, activates: bool) -> None:
    window = {"family": "charge_from_grid", "start": "09:00", "end": "11:00", "limit": 80}
    await batteries.asked("add_battery_schedule", **window, activate=activates, wait=900)
    await batteries.pass_time(minutes=20)
    expected = "on" if activates else "off"
    assert [batteries.battery_state("switch", f"charge_from_grid{end}") for end in ("", "_schedule")] == [expected] * 2
    assert _issue(batteries) is None
