"""Events that do not repeat, and titles: what a calendar can say and Enphase's weekly schedules cannot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from homeassistant.components.calendar import CalendarEvent
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.battery.settings import ControlFamily
from simulator.report import ChargeMode
from simulator.schedules import Slot
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import BatteryHouse
from tests.integration.calendars import MELBOURNE, Calendar, at, next_monday, page_event, page_rule
from tests.integration.conftest import HouseBuilder
from tests.integration.house import House

_TODAY = datetime(2026, 5, 20, tzinfo=MELBOURNE).date()
_TOMORROW = _TODAY + timedelta(days=1)


@pytest.fixture
async def house(build_house: HouseBuilder) -> House:
    """A charger whose schedules count; it is 13:10 there."""

    def scheduled(sim: Simulator) -> None:
        sim.charger().mode = ChargeMode.SCHEDULED

    return await build_house(prepare=scheduled)


def _of_charger(house: House) -> Calendar:
    return Calendar(house, house.entity_id("calendar", "charging_schedule"))


def _of_battery(house: BatteryHouse, key: str = "charge_from_grid") -> Calendar:
    return Calendar(house, house.site_entity_id("calendar", key))


def _slots(house: House) -> list[Slot]:
    return house.sim.charger().slots


def _same_again(slot: Slot) -> Slot:
    return replace(slot, id=slot.id[:-1] + "9", start_time="13:20", end_time="13:40", days=(3,))


async def _shown(calendar: Calendar, title: str, weeks: int = 3) -> list[CalendarEvent]:
    entity = calendar.house.hass.data["calendar"].get_entity(calendar.entity_id)
    assert entity is not None
    first = datetime.now(UTC) - timedelta(days=1)
    events: list[CalendarEvent] = await entity.async_get_events(calendar.house.hass, first, first + timedelta(weeks=weeks))
    return [event for event in events if event.summary == title]


# --- The charger ---


async def test_an_event_that_does_not_repeat_charges_once(house: House) -> None:
    before = list(_slots(house))
    calendar = _of_charger(house)
    await calendar.create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "Before the trip, 10 A")
    assert [slot.days for slot in _slots(house)[len(before) :]] == [(3,)]

    (event,) = await _shown(calendar, "Before the trip, 10 A")
    assert (event.rrule, event.recurrence_id) == (None, None)
    assert event.start == at(_TODAY, "13:20")
    await house.live(11 * 60)
    assert house.sim.charger().charging
    assert house.state("calendar", "charging_schedule").attributes["message"] == "Before the trip, 10 A"
    await house.live(20 * 60)

    assert _slots(house) == before
    assert await _shown(calendar, "Before the trip, 10 A") == []
    assert not house.sim.charger().charging


@pytest.mark.parametrize("hours", [0, 30])
async def test_a_restart_before_its_end_forgets_nothing(house: House, hours: float) -> None:
    before = list(_slots(house))
    await _of_charger(house).create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "Once")
    await house.restart(hours=hours)
    await house.live(45 * 60)

    assert _slots(house) == before


async def test_one_that_was_deleted_in_the_app_is_gone(house: House) -> None:
    calendar = _of_charger(house)
    before = list(_slots(house))
    await calendar.create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "Once")
    house.sim.charger().set_slots(before)
    await house.live(60)
    # The same times again, weekly this time, and by somebody else.
    house.sim.charger().set_slots([*before, _same_again(before[0])])
    await house.live(45 * 60)

    assert len(_slots(house)) == len(before) + 1


async def test_one_that_was_made_weekly_in_the_app_stays(house: House) -> None:
    await _of_charger(house).create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "Once")
    charger = house.sim.charger()
    charger.set_slots([*charger.slots[:-1], replace(charger.slots[-1], days=(1, 3, 5))])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    await house.live(45 * 60)

    assert _slots(house)[-1].days == (1, 3, 5)
    assert len(await _shown(_of_charger(house), "Once")) >= 6


async def test_a_cloud_that_is_down_at_its_end_only_delays_it(house: House, caplog: pytest.LogCaptureFixture) -> None:
    before = list(_slots(house))
    await _of_charger(house).create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "Once")
    await house.live(15 * 60)
    house.sim.faults.add(path="scheduler", status=503, times=None)
    await house.live(45 * 60)
    assert _slots(house) != before
    assert "could not be deleted yet" in caplog.text
    house.sim.faults.clear()
    await house.live(45 * 60)

    assert _slots(house) == before


async def test_one_that_cannot_be_deleted_for_long_is_told_until_it_is_gone(house: House) -> None:
    def told() -> ir.IssueEntry | None:
        return ir.async_get(house.hass).async_get_issue(DOMAIN, f"event_not_deleted_{house.entry.entry_id}")

    before = list(_slots(house))
    await _of_charger(house).create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "Once")
    house.sim.faults.add(path="schedule/", method="DELETE", status=500, times=None)
    await house.live(45 * 60)
    assert told() is None
    await house.live(90 * 60)

    issue = told()
    assert issue is not None
    assert issue.translation_placeholders == {"site": "Main Site", "schedules": f"- Once, 13:20 - 13:40, {_TODAY:%A}"}
    assert not issue.is_fixable
    house.sim.faults.clear()
    await house.live(90 * 60)
    assert _slots(house) == before
    assert told() is None


@pytest.mark.parametrize(
    ("begins", "ends", "reason"),
    [
        (at(_TODAY, "11:00"), at(_TODAY, "12:00"), "already over"),
        (at(_TODAY + timedelta(days=7), "12:00"), at(_TODAY + timedelta(days=7), "13:20"), "within the next 7 days"),
        (at(_TODAY + timedelta(days=20), "12:00"), at(_TODAY + timedelta(days=20), "13:20"), 'choose "Repeat weekly"'),
    ],
)
async def test_what_a_weekly_schedule_would_do_at_another_time_is_refused(
    house: House, begins: datetime, ends: datetime, reason: str
) -> None:
    before = list(_slots(house))
    with pytest.raises(ServiceValidationError, match=reason):
        await _of_charger(house).create(begins, ends, "Once")

    assert _slots(house) == before


async def test_one_that_was_refused_is_forgotten(house: House) -> None:
    with pytest.raises(ServiceValidationError):
        await _of_charger(house).create(at(_TODAY, "13:20"), at(_TODAY, "13:40"), "50 A")
    charger = house.sim.charger()
    charger.set_slots([*charger.slots, _same_again(charger.slots[0])])
    await house.live(45 * 60)
    assert len(_slots(house)) == 3


async def test_the_page_makes_it_weekly_and_once_again(house: House, hass_ws_client: WebSocketGenerator) -> None:
    calendar = _of_charger(house)
    send = calendar.page(hass_ws_client)
    before = list(_slots(house))
    await send("create", event=page_event(at(_TOMORROW, "12:00"), at(_TOMORROW, "13:00"), "Lunch"))
    (event,) = await _shown(calendar, "Lunch")
    weekly = page_event(at(_TOMORROW, "12:00"), at(_TOMORROW, "13:00"), "Lunch", rrule=page_rule(_TOMORROW, "12:00", (4,)))
    assert (await send("update", uid=event.uid, event=weekly))["success"]
    assert len(await _shown(calendar, "Lunch")) == 3

    once = page_event(at(_TOMORROW, "12:30"), at(_TOMORROW, "13:30"), "Lunch")
    which = {"recurrence_id": at(_TOMORROW, "12:00").isoformat(), "recurrence_range": "THISANDFUTURE"}
    answer = await send("update", uid=event.uid, **which, event=once)
    assert answer["success"]
    assert [event.start for event in await _shown(calendar, "Lunch")] == [at(_TOMORROW, "12:30")]
    house.freezer.tick(timedelta(hours=26))
    await house.live(600)
    assert _slots(house) == before


# --- Titles ---


async def test_a_title_goes_with_its_schedule(house: House, hass_ws_client: WebSocketGenerator) -> None:
    calendar = _of_charger(house)
    send = calendar.page(hass_ws_client)
    monday = next_monday()
    rule = page_rule(monday, "12:00", (1,))
    await send("create", event=page_event(at(monday, "12:00"), at(monday, "13:00"), "Sun", description="10 A", rrule=rule))
    await house.restart()

    (event, *_) = await _shown(calendar, "Sun")
    assert event.description == "10 A. To charge at another current, change this number."
    changed = page_event(at(monday, "12:00"), at(monday, "13:00"), "Sun and wind", description="20 A. To charge", rrule=rule)
    assert (await send("update", uid=event.uid, event=changed))["success"]
    assert _slots(house)[-1].level == 20
    assert await _shown(calendar, "Sun") == []
    assert len(await _shown(calendar, "Sun and wind")) == 3

    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="manual")
    inactive = "Sun and wind (inactive: charge mode is Manual)"
    assert await _shown(calendar, inactive)
    # Saved as it is shown, it stays what it was.
    assert (await send("update", uid=event.uid, event={**changed, "summary": inactive}))["success"]
    assert await _shown(calendar, inactive)

    await send("delete", uid=event.uid)
    assert await _shown(calendar, inactive) == []


async def test_a_title_that_is_wrong_by_now_is_not_shown(house: House) -> None:
    calendar = _of_charger(house)
    await calendar.create(at(_TOMORROW, "12:00"), at(_TOMORROW, "13:00"), "Gentle: 8 A")
    assert await _shown(calendar, "Gentle: 8 A")
    charger = house.sim.charger()
    charger.set_slots([*charger.slots[:-1], replace(charger.slots[-1], level=24)])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    assert await _shown(calendar, "Gentle: 8 A") == []
    assert len(await _shown(calendar, "24 A")) == 1


# --- The battery ---


async def test_the_battery_follows_an_event_once(batteries: BatteryHouse) -> None:
    before = batteries.entries
    calendar = _of_battery(batteries)
    await calendar.create(at(_TODAY, "14:00"), at(_TODAY, "15:00"), "Storm to come, 90 %")
    await batteries.pass_time(minutes=10)
    assert batteries.entries == before | {("cfg", "14:00", "15:00", (3,), 90, True)}
    title = "Storm to come, 90 % (inactive: Charge from grid is off)"
    (event,) = await _shown(calendar, title)
    assert (event.rrule, event.start) == (None, at(_TODAY, "14:00"))

    await batteries.pass_time(minutes=120)
    assert batteries.entries == before
    assert await _shown(calendar, title) == []
    assert batteries.battery.lost == []


async def test_one_that_was_dropped_and_put_back_is_deleted_all_the_same(batteries: BatteryHouse) -> None:
    """The cloud gives it another id then."""
    before = batteries.entries
    batteries.battery.switches.drops = {WriteKind.CFG: {ControlFamily.DTG}}
    calendar = _of_battery(batteries, "discharge_to_grid")
    await calendar.create(at(_TODAY, "14:00"), at(_TODAY, "15:00"), "Evening out")
    await batteries.pass_time(minutes=5)
    (first,) = (entry.id for entry in batteries.battery.schedules if entry.start == "14:00")
    switch = batteries.site_entity_id("switch", "charge_from_grid")
    await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=switch))
    await batteries.pass_time(minutes=30)
    (second,) = (entry.id for entry in batteries.battery.schedules if entry.start == "14:00")
    assert second != first
    assert len(await _shown(calendar, "Evening out (inactive: Discharge to grid is off)")) == 1
    await batteries.pass_time(minutes=100)

    assert batteries.entries == before


async def test_a_restart_over_its_end_deletes_it_late(batteries: BatteryHouse) -> None:
    before = batteries.entries
    await _of_battery(batteries).create(at(_TODAY, "14:00"), at(_TODAY, "15:00"), "Once")
    await batteries.pass_time(minutes=10)
    await batteries.restarted(minutes=300)
    await batteries.pass_time(minutes=30)

    assert batteries.entries == before


async def test_a_refused_event_leaves_nothing(batteries: BatteryHouse) -> None:
    """The hours of the other kind are known to the cloud alone."""
    with pytest.raises(HomeAssistantError, match="overlaps an existing"):
        await _of_battery(batteries, "restrict_battery_discharge").create(at(_TODAY, "18:30"), at(_TODAY, "19:00"), "Hold for the evening")
    await batteries.pass_time(minutes=5)

    assert batteries.battery_state("sensor", "pending_change") == "none"
    assert await _shown(_of_battery(batteries, "restrict_battery_discharge"), "Hold for the evening") == []
