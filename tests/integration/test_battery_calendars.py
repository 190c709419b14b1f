"""The calendars of the batteries: their schedules, to look at and to edit."""

from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.calendar import DOMAIN as CALENDAR
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from simulator import EntryStatus, Simulator
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import BatteryHouse, BatteryHouseBuilder
from tests.integration.calendars import MELBOURNE, Calendar, Sender, at, next_monday, page_event, page_rule

_EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
_CHARGE = ("cfg", "20:00", "05:00", _EVERY_DAY, 100, True)
_DISCHARGE = ("dtg", "18:00", "20:00", (1, 2, 3, 4, 5), 25, True)
_KEYS = {"cfg": "charge_from_grid", "dtg": "discharge_to_grid", "rbd": "restrict_battery_discharge"}


def _calendar(house: BatteryHouse, family: str = "cfg") -> Calendar:
    return Calendar(house, house.site_entity_id("calendar", _KEYS[family]))


def _page(house: BatteryHouse, hass_ws_client: WebSocketGenerator, family: str = "cfg") -> Sender:
    return _calendar(house, family).page(hass_ws_client)


_HINT = "To use another limit, change this number."


def _writes(house: BatteryHouse) -> list[str]:
    return [f"{request.method} {request.path}" for request in house.sim.requests if request.method != "GET"]


def _statuses(house: BatteryHouse) -> set[EntryStatus]:
    return {entry.status for entry in house.battery.schedules}


# --- What they show ---


async def test_every_entry_is_an_event_every_week(batteries: BatteryHouse) -> None:
    batteries.battery.add_schedule("rbd", "08:00", "09:00", days=(6,))
    await batteries.pass_time(minutes=5.1)
    monday = next_monday()

    nights = await _calendar(batteries).events(monday, 7)
    evenings = await _calendar(batteries, "dtg").events(monday, 7)
    mornings = await _calendar(batteries, "rbd").events(monday, 7)

    # The night from Sunday is still open on Monday morning.
    assert [datetime.fromisoformat(event["start"]) for event in nights] == [
        at(monday + timedelta(days=number), "20:00") for number in range(-1, 7)
    ]
    assert datetime.fromisoformat(nights[0]["end"]) == at(monday, "05:00")
    assert [datetime.fromisoformat(event["start"]).astimezone(MELBOURNE).isoweekday() for event in evenings] == [1, 2, 3, 4, 5]
    off, not_out = "(inactive: Charge from grid is off)", "(inactive: Discharge to grid is off)"
    assert {(event["summary"], event["description"]) for event in nights} == {(f"Charge to 100 % {off}", f"Charge to 100 %. {_HINT}")}
    assert {(event["summary"], event["description"]) for event in evenings} == {
        (f"Discharge to 25 % {not_out}", f"Discharge to 25 %. {_HINT}")
    }
    assert [(event["summary"], datetime.fromisoformat(event["end"])) for event in mornings] == [
        ("Hold (inactive: Restrict battery discharge is off)", at(monday + timedelta(days=5), "09:00"))
    ]


@pytest.mark.parametrize(
    ("family", "setting", "opens", "lasts", "title"),
    [
        ("cfg", {"charge_from_grid": True, "charge_from_grid_schedule": True}, "20:00", 9, "Charge to 100 %"),
        ("dtg", {"discharge_to_grid": True}, "18:00", 2, "Discharge to 25 %"),
        ("rbd", {"restrict_discharge": True}, "06:00", 1, "Hold"),
    ],
)
async def test_a_calendar_is_on_while_an_entry_is_open_and_its_family_is_on(
    build_battery_house: BatteryHouseBuilder,
    freezer: FrozenDateTimeFactory,
    family: str,
    setting: dict[str, bool],
    opens: str,
    lasts: int,
    title: str,
) -> None:
    house = await build_battery_house(prepare=lambda sim: sim.battery.add_schedule("rbd", "06:00", "07:00"))
    freezer.move_to((at(next_monday(), opens) - timedelta(minutes=10)).astimezone(UTC))
    await house.pass_time(minutes=6)

    def state() -> tuple[str, str | None]:
        found = house.site_state("calendar", _KEYS[family])
        return found.state, found.attributes.get("message")

    assert state() == ("off", None)
    house.battery.set(**setting)
    await house.pass_time(minutes=5.1)
    assert state() == ("on", title)

    freezer.tick(timedelta(hours=lasts, minutes=-15))
    await house.pass_time(minutes=20)
    assert state() == ("off", title)
    house.battery.set(**dict.fromkeys(setting, False))
    await house.pass_time(minutes=5.1)
    assert state() == ("off", None)


@pytest.mark.parametrize("hours", [8, 10], ids=["clocks go forward", "clocks go back"])
async def test_the_night_of_a_change_of_the_clocks(batteries: BatteryHouse, hours: int) -> None:
    batteries.battery.add_schedule("rbd", "02:10", "02:50")
    await batteries.pass_time(minutes=5.1)
    day = datetime.now(MELBOURNE).date()
    while at(day + timedelta(days=1), "05:00").astimezone(UTC) - at(day, "20:00").astimezone(UTC) != timedelta(hours=hours):
        day += timedelta(days=1)
    changed = day + timedelta(days=1)

    (night,) = [event for event in await _calendar(batteries).events(day, 1) if datetime.fromisoformat(event["start"]) == at(day, "20:00")]
    short = await _calendar(batteries, "rbd").events(changed, 1)

    assert datetime.fromisoformat(night["end"]) == at(changed, "05:00")
    # In spring there is no such time on that day: it comes an hour later. In autumn it comes twice: the first counts.
    assert [datetime.fromisoformat(event[end]) for event in short for end in ("start", "end")] == [
        at(changed, clock_time).astimezone(UTC) for clock_time in (("03:10", "03:50") if hours == 8 else ("02:10", "02:50"))
    ]


async def test_an_entry_is_shown_in_its_own_time_zone_and_keeps_it(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    entry = batteries.battery.add_schedule("rbd", "08:00", "09:00", days=(2,), time_zone="Australia/Perth")
    await batteries.pass_time(minutes=5.1)
    calendar = _calendar(batteries, "rbd")
    (shown,) = await calendar.raw_events(next_monday())
    assert shown.start_datetime_local == at(next_monday() + timedelta(days=1), "10:00")

    send = calendar.page(hass_ws_client)
    later = page_event(shown.start_datetime_local, shown.end_datetime_local + timedelta(hours=1), shown.summary, rrule=shown.rrule or "")
    answer = await send("update", uid=shown.uid, event=later)

    assert answer["success"], answer
    (now,) = [one for one in batteries.battery.schedules if one.id == entry.id]
    assert (now.start, now.end, now.days, now.time_zone) == ("08:00", "10:00", (2,), "Australia/Perth")


# --- calendar.create_event ---


@pytest.mark.parametrize(
    ("family", "begins", "ends", "summary", "more", "expected"),
    [
        ("cfg", "09:00", "11:30", "Charge to 80 %", {}, ("09:00", "11:30", (1,), 80)),
        ("cfg", "09:00", "11:30", "Sun", {"description": "up to 75%, please"}, ("09:00", "11:30", (1,), 75)),
        ("cfg", "09:00", "11:30", "Sun", {}, ("09:00", "11:30", (1,), 100)),
        ("dtg", "21:30", "23:00", "Sell down to 40 %", {}, ("21:30", "23:00", (1,), 40)),
        ("dtg", "21:30", "23:00", "Sell", {}, ("21:30", "23:00", (1,), 15)),
        ("rbd", "23:30", "06:15", "Keep 50 % for the morning", {}, ("23:30", "06:15", (1,), None)),
    ],
)
async def test_an_event_becomes_an_entry(
    build_battery_house: BatteryHouseBuilder,
    family: str,
    begins: str,
    ends: str,
    summary: str,
    more: dict[str, str],
    expected: tuple[str, str, tuple[int, ...], int | None],
) -> None:
    def prepare(sim: Simulator) -> None:
        sim.battery.set(very_low_soc=15)
        sim.world.deployment.battery.cross_family_conflicts = False

    house = await build_battery_house(prepare=prepare)
    before, monday = house.entries, next_monday()

    await _calendar(house, family).create(at(monday, begins), at(monday + timedelta(days=ends < begins), ends), summary, **more)
    await house.pass_time(minutes=3)

    assert house.entries == before | {(family, *expected, True)}
    assert _statuses(house) == {EntryStatus.ACTIVE}
    assert house.battery.lost == []
    assert house.battery_state("sensor", "pending_change") == "none"
    shown = await _calendar(house, family).events(monday, 1)
    assert datetime.fromisoformat(shown[-1]["start"]) >= at(monday, begins)


@pytest.mark.parametrize(
    ("family", "begins", "ends", "days", "summary", "reason"),
    [
        ("cfg", "09:00", "11:00", 0, "Charge to 4 %", "can't be 4 %. Choose 5 to 100 %"),
        ("cfg", "09:00", "11:00", 0, "Charge to 0 %", "can't be 0 %. Choose 5 to 100 %"),
        ("cfg", "09:00", "11:00", 0, "Charge to 101 %", "can't be 101 %. Choose 5 to 100 %"),
        ("dtg", "09:00", "11:00", 0, "Discharge to 10 %", "can't be 10 %. Choose 15 to 100 %"),
        ("rbd", "09:00", "11:00", 3, "Hold", "shorter than 24 hours"),
        ("rbd", "09:00", "09:00", 1, "Hold", "shorter than 24 hours"),
        # Overnight entries go on into the next day, Sunday's into Monday.
        (
            "cfg",
            "04:00",
            "06:00",
            0,
            "Charge",
            "overlaps an existing schedule: Charge from grid, 20:00 to 05:00, Monday - Sunday",
        ),
        ("cfg", "15:00", "20:30", 0, "Charge", "overlaps an existing schedule: Charge from grid, 20:00 to 05:00"),
        (
            "dtg",
            "19:59",
            "21:00",
            0,
            "Discharge to 20 %",
            "overlaps an existing schedule: Discharge to grid, 18:00 to 20:00, Monday - Friday",
        ),
    ],
)
async def test_what_no_entry_can_be_is_refused_before_anything_is_sent(
    build_battery_house: BatteryHouseBuilder, family: str, begins: str, ends: str, days: int, summary: str, reason: str
) -> None:
    house = await build_battery_house(prepare=lambda sim: sim.battery.set(very_low_soc=15))
    before, monday = house.entries, next_monday()
    house.sim.requests.clear()

    with pytest.raises(ServiceValidationError, match=reason):
        await _calendar(house, family).create(at(monday, begins), at(monday + timedelta(days=days), ends), summary)

    assert house.entries == before
    assert _writes(house) == []


async def test_no_time_at_all_is_refused(batteries: BatteryHouse) -> None:
    noon = at(next_monday(), "12:00")
    with pytest.raises(vol.Invalid, match=r"Expected positive event duration|minimum event duration"):
        await _calendar(batteries).create(noon, noon)


async def test_days_as_a_whole_are_refused(batteries: BatteryHouse) -> None:
    monday = next_monday()
    dates = {"start_date": monday.isoformat(), "end_date": (monday + timedelta(days=1)).isoformat()}
    with pytest.raises(ServiceValidationError, match="shorter than 24 hours"):
        await batteries.lived_through(
            batteries.call(CALENDAR, "create_event", entity_id=_calendar(batteries).entity_id, summary="Holiday", **dates)
        )


@pytest.mark.parametrize("is_misled", [False, True])
async def test_a_conflict_across_families_is_explained_with_what_is_really_there(batteries: BatteryHouse, is_misled: bool) -> None:
    batteries.sim.world.deployment.battery.wrong_family_named = is_misled
    before, monday = batteries.entries, next_monday()

    with pytest.raises(HomeAssistantError, match="overlaps an existing schedule: Discharge to grid, 18:00 to 20:00, Monday - Friday"):
        await _calendar(batteries, "rbd").create(at(monday, "19:00"), at(monday, "19:30"), "Hold")
    await batteries.pass_time(minutes=2)

    assert batteries.entries == before
    # Whoever asked was told: nothing is left over from it.
    assert batteries.battery_state("sensor", "pending_change") == "none"


async def test_a_cloud_that_is_down_is_said_and_nothing_is_lost(batteries: BatteryHouse) -> None:
    before = batteries.entries
    batteries.sim.faults.add(path="schedules", status=503, times=None)

    with pytest.raises(HomeAssistantError, match="can't be reached"):
        await _calendar(batteries).create(at(next_monday(), "09:00"), at(next_monday(), "11:00"))

    batteries.sim.faults.clear()
    await batteries.pass_time(minutes=20)
    assert batteries.entries == before


# --- The calendar page ---


@pytest.mark.parametrize(
    ("family", "titles", "limits"),
    [
        ("cfg", ("Charge to 90 %", "Charge to 60 %"), (90, 60)),
        ("dtg", ("Discharge to 30 %", "Discharge to 40 %"), (30, 40)),
        ("rbd", ("Hold", "Hold"), (None, None)),
    ],
)
async def test_the_page_creates_changes_and_deletes(
    batteries: BatteryHouse,
    hass_ws_client: WebSocketGenerator,
    family: str,
    titles: tuple[str, str],
    limits: tuple[int | None, int | None],
) -> None:
    """With a cloud that drops what it can on the way."""
    switches = batteries.sim.world.deployment.battery
    switches.update({"drops": {WriteKind.APPLY: list(_KEYS)}, "apply_drops_every": 2, "drop_after_s": 8.0})
    send, calendar = _page(batteries, hass_ws_client, family), _calendar(batteries, family)
    before, monday = batteries.entries, next_monday()

    answer = await send("create", event=page_event(at(monday, "09:00"), at(monday, "11:00"), titles[0], rrule="FREQ=DAILY"))
    assert answer["success"], answer
    await batteries.pass_time(minutes=4)
    assert batteries.entries == before | {(family, "09:00", "11:00", _EVERY_DAY, limits[0], True)}

    shown = next(event for event in await calendar.raw_events(monday) if event.start_datetime_local == at(monday, "09:00"))
    changed = page_event(at(monday, "10:00"), at(monday, "12:30"), titles[1], rrule=page_rule(monday, "10:00", (1, 3)))
    changed["description"] = shown.description or ""
    answer = await send("update", uid=shown.uid, recurrence_id=shown.recurrence_id, recurrence_range="THISANDFUTURE", event=changed)
    assert answer["success"], answer
    await batteries.pass_time(minutes=4)
    assert batteries.entries == before | {(family, "10:00", "12:30", (1, 3), limits[1], True)}

    shown = next(event for event in await calendar.raw_events(monday) if event.start_datetime_local == at(monday, "10:00"))
    answer = await send("delete", uid=shown.uid, recurrence_id=shown.recurrence_id, recurrence_range="THISANDFUTURE")
    assert answer["success"], answer
    await batteries.pass_time(minutes=4)
    assert batteries.entries == before
    assert _statuses(batteries) == {EntryStatus.ACTIVE}


@pytest.mark.parametrize(
    ("summary", "description", "limit"),
    [
        ("Charge to 80 %", "Charge to 100 %", 80),
        ("Charge to 100 %", "Charge to 70 %", 70),
        ("Night", "", 100),
        ("Charge to 62.4 %", "", 62),
        ("Laden bis 62,4 %", "", 62),
    ],
)
async def test_the_limit_is_changed_in_the_title_or_in_the_description(
    batteries: BatteryHouse, hass_ws_client: WebSocketGenerator, summary: str, description: str, limit: int
) -> None:
    send = _page(batteries, hass_ws_client)
    shown = (await _calendar(batteries).raw_events(next_monday()))[0]
    start, end = shown.start_datetime_local, shown.end_datetime_local

    answer = await send("update", uid=shown.uid, event=page_event(start, end, summary, description=description, rrule=shown.rrule or ""))

    assert answer["success"], answer
    assert batteries.entries == {("cfg", "20:00", "05:00", _EVERY_DAY, limit, True), _DISCHARGE}


async def test_an_event_that_is_saved_unchanged_changes_nothing(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    """The page sends all of an event, in the time zone of Home Assistant, where it can begin on another day."""
    for family in ("cfg", "dtg"):
        calendar = _calendar(batteries, family)
        send, shown = calendar.page(hass_ws_client), (await calendar.raw_events(next_monday()))[0]
        batteries.sim.requests.clear()
        sent = page_event(shown.start_datetime_local, shown.end_datetime_local, shown.summary, rrule=shown.rrule or "")
        answer = await send("update", uid=shown.uid, event={**sent, "description": shown.description})
        await batteries.pass_time(minutes=2)
        assert answer["success"], answer
        assert _writes(batteries) == []
    assert batteries.entries == {_CHARGE, _DISCHARGE}
    assert batteries.battery_state("sensor", "pending_change") == "none"


async def test_a_single_day_cannot_be_changed_or_deleted(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    send, shown = _page(batteries, hass_ws_client), (await _calendar(batteries).raw_events(next_monday()))[2]
    changed = page_event(shown.start_datetime_local, shown.end_datetime_local, "Charge to 20 %", rrule=shown.rrule or "")
    batteries.sim.requests.clear()

    for answer in (
        await send("update", uid=shown.uid, recurrence_id=shown.recurrence_id, event=changed),
        await send("delete", uid=shown.uid, recurrence_id=shown.recurrence_id),
    ):
        assert not answer["success"]
        assert "this and all future events" in answer["error"]["message"]
    assert _writes(batteries) == []


@pytest.mark.parametrize("rule", ["FREQ=MONTHLY", "FREQ=WEEKLY;UNTIL=20301231", "FREQ=WEEKLY;COUNT=3", "FREQ=WEEKLY;INTERVAL=2"])
async def test_rules_that_no_entry_knows_are_refused(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator, rule: str) -> None:
    send = _page(batteries, hass_ws_client)

    answer = await send("create", event=page_event(at(next_monday(), "09:00"), at(next_monday(), "10:00"), rrule=rule))

    assert not answer["success"]
    assert "repeat every week" in answer["error"]["message"]
    assert batteries.entries == {_CHARGE, _DISCHARGE}


async def test_an_overlap_is_refused_on_the_page_too(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    batteries.battery.add_schedule("cfg", "10:00", "11:00", limit=50, days=(3,))
    await batteries.pass_time(minutes=5.1)
    send, calendar = _page(batteries, hass_ws_client), _calendar(batteries)
    before, wednesday = batteries.entries, next_monday() + timedelta(days=2)
    shown = next(event for event in await calendar.raw_events(next_monday()) if event.description == f"Charge to 50 %. {_HINT}")

    # It may overlap itself, and may end where another one begins.
    moved = page_event(at(wednesday, "10:30"), at(wednesday, "20:30"), shown.summary, rrule=shown.rrule or "")
    answer = await send("update", uid=shown.uid, event=moved)
    assert "20:00 to 05:00" in answer["error"]["message"]
    assert batteries.entries == before
    moved = page_event(at(wednesday, "10:30"), at(wednesday, "17:00"), shown.summary, rrule=shown.rrule or "")
    answer = await send("update", uid=shown.uid, event=moved)

    assert answer["success"], answer
    assert ("cfg", "10:30", "17:00", (3,), 50, True) in batteries.entries


async def test_an_event_that_is_gone_already(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    send, shown = _page(batteries, hass_ws_client), (await _calendar(batteries).raw_events(next_monday()))[0]
    batteries.battery.delete_schedule(batteries.entry_id("cfg"))

    answer = await send("delete", uid=shown.uid)

    assert "Schedule not found" in answer["error"]["message"]
    assert batteries.entries == {_DISCHARGE}


async def test_what_is_locked_refuses_with_the_reason(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    batteries.battery.features.update({"controls": {"cfg": {"locked": True}}})
    send, calendar = _page(batteries, hass_ws_client), _calendar(batteries)
    shown = (await calendar.raw_events(next_monday()))[0]
    batteries.sim.requests.clear()

    with pytest.raises(ServiceValidationError, match="locked this control"):
        await calendar.create(at(next_monday(), "09:00"), at(next_monday(), "11:00"))
    event = page_event(at(next_monday(), "09:00"), at(next_monday(), "11:00"))
    for answer in (
        await send("create", event=event),
        await send("update", uid=shown.uid, event=event),
        await send("delete", uid=shown.uid),
    ):
        assert "locked this control" in answer["error"]["message"]

    assert _writes(batteries) == []
    assert batteries.entries == {_CHARGE, _DISCHARGE}


async def test_who_may_not_change_anything_can_only_look(batteries: BatteryHouse, hass_ws_client: WebSocketGenerator) -> None:
    batteries.battery.features.is_owner = False
    await batteries.call("button", "press", entity_id=batteries.site_entity_id("button", "refresh_battery"))
    send, calendar = _page(batteries, hass_ws_client), _calendar(batteries)
    assert len(await calendar.events(next_monday(), 7)) == 8

    with pytest.raises(HomeAssistantError, match="does not support"):
        await calendar.create(at(next_monday(), "09:00"), at(next_monday(), "11:00"))
    answer = await send("delete", uid=batteries.entry_id("cfg"))

    assert answer["error"]["code"] == "not_supported"
