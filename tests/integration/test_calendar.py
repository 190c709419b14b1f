"""The calendar of a charger: its schedule, to look at and to edit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.calendar import DOMAIN as CALENDAR
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from simulator import Simulator
from simulator.report import ChargeMode
from simulator.schedules import OFF_PEAK, Slot
from tests.integration.calendars import MELBOURNE, Calendar, Sender, at, next_monday, page_event, page_rule
from tests.integration.conftest import HouseBuilder
from tests.integration.house import House


def _scheduled(sim: Simulator) -> None:
    sim.charger().mode = ChargeMode.SCHEDULED


@pytest.fixture
async def house(build_house: HouseBuilder) -> House:
    """A charger whose schedules count."""
    return await build_house(prepare=_scheduled)


@pytest.fixture
def send(hass_ws_client: WebSocketGenerator, house: House) -> Sender:
    """Send a command of the calendar page and return its answer."""
    return _calendar(house).page(hass_ws_client)


def _calendar(house: House) -> Calendar:
    return Calendar(house, house.entity_id("calendar", "charging_schedule"))


def _slots(house: House) -> list[Slot]:
    return house.sim.charger().slots


# --- What it shows ---


async def test_every_slot_is_an_event_every_week(house: House) -> None:
    monday = next_monday()

    events = await _calendar(house).events(monday, 7)

    nights = [event for event in events if event["summary"] == "32 A"]
    # The night from Sunday is still open on Monday morning, and the last one goes on after the week.
    assert len(nights) == 8
    assert [datetime.fromisoformat(event["start"]) for event in nights] == [
        at(monday + timedelta(days=number), "23:00") for number in range(-1, 7)
    ]
    assert datetime.fromisoformat(nights[0]["end"]) == at(monday, "06:00")
    # The off-peak slot is off, and without times it would fill whole days.
    assert nights == events


@pytest.mark.parametrize("is_on", [True, False])
async def test_the_off_peak_slot_never_fills_a_day(house: House, *, is_on: bool) -> None:
    charger = house.sim.charger()
    charger.set_slots([replace(charger.slots[1], enabled=is_on)])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    assert charger.slots[0].schedule_type == OFF_PEAK

    assert await _calendar(house).events(next_monday(), 7) == []


async def test_days_and_levels_are_those_of_the_slot(house: House) -> None:
    charger = house.sim.charger()
    charger.set_slots([replace(charger.slots[0], start_time="12:00", end_time="14:30", level=10, days=(2, 6))])
    await house.ask("get_charging_schedules", device_id=house.device_id())

    events = await _calendar(house).events(next_monday(), 7)

    assert [(datetime.fromisoformat(event["start"]).astimezone(MELBOURNE).isoweekday(), event["summary"]) for event in events] == [
        (2, "10 A"),
        (6, "10 A"),
    ]


async def test_what_is_off_is_not_shown(house: House) -> None:
    """Its switch is there to turn it on."""
    charger = house.sim.charger()
    charger.set_slots([replace(charger.slots[0], enabled=False)])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    assert await _calendar(house).events(next_monday(), 7) == []

    charger.set_slots([replace(charger.slots[0], enabled=True)])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    assert len(await _calendar(house).events(next_monday(), 7)) == 8


async def test_the_calendar_is_on_while_a_slot_is_open(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(at(next_monday(), "22:30").astimezone(UTC))
    house = await build_house(prepare=_scheduled)
    state = house.state("calendar", "charging_schedule")
    assert state.state == "off"
    assert state.attributes["message"] == "32 A"

    await house.live(31 * 60)
    assert house.state("calendar", "charging_schedule").state == "on"
    freezer.tick(timedelta(hours=6, minutes=50))
    await house.live(600)

    assert house.state("calendar", "charging_schedule").state == "off"


async def test_it_comes_back_after_a_sleep_over_the_beginning_of_a_slot(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    """A machine that wakes up tells the calendar of the beginning before it asks the cloud, when all that is known is old."""
    freezer.move_to(at(next_monday(), "22:30").astimezone(UTC))
    house = await build_house(prepare=_scheduled)
    freezer.tick(timedelta(hours=1))
    await house.live(120)
    assert house.state("calendar", "charging_schedule").state == "on"


async def test_a_slot_that_is_off_opens_nothing(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(at(next_monday(), "23:30").astimezone(UTC))

    def switch_off(sim: Any) -> None:
        charger = sim.charger()
        charger.set_slots([replace(slot, enabled=False) for slot in charger.slots])

    house = await build_house(prepare=switch_off)

    assert house.state("calendar", "charging_schedule").state == "off"
    assert "message" not in house.state("calendar", "charging_schedule").attributes


@pytest.mark.parametrize("hours", [6, 8], ids=["clocks go forward", "clocks go back"])
async def test_the_night_of_a_change_of_the_clocks(house: House, hours: int) -> None:
    day = datetime.now(MELBOURNE).date()
    while (at(day + timedelta(days=1), "06:00").astimezone(UTC) - at(day, "23:00").astimezone(UTC)) != timedelta(hours=hours):
        day += timedelta(days=1)

    events = await _calendar(house).events(day, 1)

    night = next(event for event in events if datetime.fromisoformat(event["start"]) == at(day, "23:00"))
    assert datetime.fromisoformat(night["end"]) == at(day + timedelta(days=1), "06:00")


# --- calendar.create_event ---


async def test_an_event_becomes_a_slot(house: House) -> None:
    before = list(_slots(house))
    monday = next_monday()

    await _calendar(house).create(at(monday, "12:00"), at(monday, "14:00"), "Lunch at 10 A")

    assert _slots(house)[:-1] == before
    new = _slots(house)[-1]
    assert (new.start_time, new.end_time, new.days, new.level, new.enabled) == ("12:00", "14:00", (1,), 10, True)
    assert "Lunch at 10 A" in [event["summary"] for event in await _calendar(house).events(monday, 1)]


@pytest.mark.parametrize("title", ["From 7 a.m. to 9 a.m.", "FROM 7 A.M.", "De 7 a 9"])
async def test_without_a_level_it_is_the_one_that_was_wished_for(house: House, title: str) -> None:
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=13)

    await _calendar(house).create(at(next_monday(), "22:00"), at(next_monday() + timedelta(days=1), "05:00"), title)

    new = _slots(house)[-1]
    assert (new.start_time, new.end_time, new.level) == ("22:00", "05:00", 13)


@pytest.mark.parametrize("words", ["16 amps, please", "16a", "16 AMPS", "16 Ampere", "16 ampères", "16 amperios", "16,0 A"])
async def test_the_level_can_stand_in_the_description(house: House, words: str) -> None:
    await _calendar(house).create(at(next_monday(), "12:00"), at(next_monday(), "14:00"), "Lunch", description=words)

    assert _slots(house)[-1].level == 16


@pytest.mark.parametrize(
    ("days", "summary", "reason"),
    [(3, "Charge", "shorter than 24 hours"), (0, "Charge at 50 A", "Choose 6 to 32 A")],
)
async def test_what_no_slot_can_be_is_refused(house: House, days: int, summary: str, reason: str) -> None:
    before = list(_slots(house))
    house.sim.requests.clear()

    with pytest.raises(ServiceValidationError, match=reason):
        await _calendar(house).create(at(next_monday(), "12:00"), at(next_monday() + timedelta(days=days), "14:00"), summary)

    assert _slots(house) == before
    assert not any(request.method == "POST" for request in house.sim.requests)


async def test_whole_days_are_refused(house: House) -> None:
    with pytest.raises(ServiceValidationError, match="shorter than 24 hours"):
        await house.call(
            CALENDAR,
            "create_event",
            entity_id=_calendar(house).entity_id,
            summary="Holiday",
            start_date=next_monday().isoformat(),
            end_date=(next_monday() + timedelta(days=1)).isoformat(),
        )


async def test_a_scheduler_that_is_down_is_said(house: House) -> None:
    house.sim.site.scheduler_up = False

    with pytest.raises(HomeAssistantError, match="can't be reached"):
        await _calendar(house).create(at(next_monday(), "12:00"), at(next_monday(), "14:00"))


# --- The calendar page ---


async def test_the_page_creates_changes_and_deletes(house: House, send: Sender) -> None:
    monday = next_monday()
    untouched = list(_slots(house))

    answer = await send("create", event=page_event(at(monday, "12:00"), at(monday, "14:00"), "16 A", rrule="FREQ=DAILY"))
    assert answer["success"], answer
    new = _slots(house)[-1]
    assert (new.start_time, new.end_time, new.days, new.level) == ("12:00", "14:00", (1, 2, 3, 4, 5, 6, 7), 16)

    events = await _calendar(house).raw_events(monday)
    shown = next(event for event in events if event.summary == "16 A")
    answer = await send(
        "update",
        uid=shown.uid,
        recurrence_id=shown.recurrence_id,
        recurrence_range="THISANDFUTURE",
        event=page_event(at(monday, "13:00"), at(monday, "15:30"), "16 A", rrule=page_rule(monday, "13:00", (1, 3))),
    )
    assert answer["success"], answer
    assert _slots(house)[-1] == replace(new, start_time="13:00", end_time="15:30", days=(1, 3))

    answer = await send("delete", uid=shown.uid, recurrence_id=shown.recurrence_id, recurrence_range="THISANDFUTURE")
    assert answer["success"], answer
    assert _slots(house) == untouched


async def test_an_event_that_is_saved_unchanged_changes_nothing(house: House, send: Sender) -> None:
    """The page sends all of an event, in the time zone of Home Assistant, where the night of Melbourne begins the day before."""
    charger = house.sim.charger()
    charger.set_slots([replace(charger.slots[0], days=(1, 2, 5), remind_flag=True, level=None), *charger.slots[1:]])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    before = list(_slots(house))
    events = [event for event in await _calendar(house).raw_events(next_monday()) if event.uid and isinstance(event.start, datetime)]
    house.sim.requests.clear()

    for event in events:
        moved = {"rrule": event.rrule, "summary": event.summary}
        answer = await send("update", uid=event.uid, event=page_event(event.start, event.end, **moved))
        assert answer["success"], answer

    assert len(events) == 3
    assert _slots(house) == before
    assert not [request for request in house.sim.requests if request.method in {"POST", "PATCH", "DELETE"}]


async def test_a_change_keeps_what_it_is_not_about(house: House, send: Sender) -> None:
    charger = house.sim.charger()
    slot = replace(charger.slots[0], remind_flag=True, remind_time=25, source_type="USER", days=(6, 7))
    charger.set_slots([slot, *charger.slots[1:]])
    await house.ask("get_charging_schedules", device_id=house.device_id())
    event = next(event for event in await _calendar(house).raw_events(next_monday()) if event.summary == "32 A")

    later = event.end + timedelta(hours=1)
    answer = await send("update", uid=event.uid, event=page_event(event.start, later, "20 A", rrule=event.rrule))

    assert answer["success"], answer
    assert _slots(house) == [replace(slot, end_time="07:00", level=20), *charger.slots[1:]]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=MONTHLY", "repeat every week"),
        ("FREQ=WEEKLY;UNTIL=20301231", "repeat every week"),
        ("FREQ=WEEKLY;COUNT=3", "repeat every week"),
        ("FREQ=WEEKLY;INTERVAL=2", "repeat every week"),
    ],
)
async def test_rules_that_no_slot_knows_are_refused(house: House, send: Sender, rule: str, reason: str) -> None:
    before = list(_slots(house))

    answer = await send("create", event=page_event(at(next_monday(), "12:00"), at(next_monday(), "14:00"), rrule=rule))

    assert not answer["success"]
    assert reason in answer["error"]["message"]
    assert _slots(house) == before


async def test_a_single_day_cannot_be_changed_or_deleted(house: House, send: Sender) -> None:
    before = list(_slots(house))
    event = next(event for event in await _calendar(house).raw_events(next_monday()) if event.summary == "32 A")
    changed = page_event(event.start, event.end, "20 A", rrule=event.rrule)

    for answer in (
        await send("update", uid=event.uid, recurrence_id=event.recurrence_id, event=changed),
        await send("delete", uid=event.uid, recurrence_id=event.recurrence_id),
    ):
        assert not answer["success"]
        assert "this and all future events" in answer["error"]["message"]

    assert _slots(house) == before


async def test_the_off_peak_schedule_gets_no_times(house: House, send: Sender) -> None:
    """It is in no calendar; an automation can name it all the same."""
    before = list(_slots(house))
    off_peak = before[1].id.rpartition(":")[2]

    answer = await send("update", uid=off_peak, event=page_event(at(next_monday(), "01:00"), at(next_monday(), "05:00")))
    assert "tariff" in answer["error"]["message"]
    answer = await send("delete", uid=off_peak)

    assert "cannot be deleted" in answer["error"]["message"]
    assert _slots(house) == before
    assert before[1].schedule_type == OFF_PEAK


async def test_an_event_that_is_gone_already(house: House, send: Sender) -> None:
    answer = await send("delete", uid="00000000-0000-0000-0000-000000000000")

    assert not answer["success"]
    assert "Schedule not found" in answer["error"]["message"]


async def test_no_calendar_while_nobody_has_told_the_schedule(build_house: HouseBuilder) -> None:
    house = await build_house("scheduler_down")
    with pytest.raises(AssertionError, match="charging_schedule does not exist"):
        _calendar(house)

    house.sim.site.scheduler_up = True
    await house.live(720)

    assert len(await _calendar(house).events(next_monday(), 7)) == 8
