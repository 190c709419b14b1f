"""Events of a grid program and past outages, from a host of their own (docs/cloud-api/events.md §1 and §2)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import Json
from simulator import Simulator
from simulator.grid_services import Enrolment, EventStatus, GridEvent, GridServices
from tests.integration.house import House, HouseBuilder

NOON = "2026-05-20T02:00:00Z"
_MINUTE = 60
_HOUR = 3600
_DAY = 24 * _HOUR
# When it is 3:00 in Melbourne, and then 2:00.
_BACK = datetime(2026, 4, 4, 16, tzinfo=UTC).timestamp()

type ProgramBuilder = Callable[..., Any]


@pytest.fixture
def build_program(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> ProgramBuilder:
    """Return a function that sets up a house with batteries beside the host of the grid events."""

    async def build(prepare: Callable[[Simulator], object] = lambda _: None, *, renews: bool = True) -> House:
        def prepare_all(sim: Simulator) -> None:
            sim.world.deployment.renews_manager_token = renews
            prepare(sim)

        freezer.move_to(NOON)
        return await build_house("battery_site", grid_services=True, prepare=prepare_all)

    return build


def _in(hours: float, for_hours: float = 1.0) -> Callable[[Simulator], GridEvent]:
    """Return what announces an event."""

    def prepare(sim: Simulator) -> GridEvent:
        begin = sim.clock.time() + hours * _HOUR
        return sim.grid_services.add_event(sim.site, begin, begin + for_hours * _HOUR)

    return prepare


def _asked(grid: GridServices, end: str) -> int:
    return sum(one.path.endswith(end) for one in grid.requests)


def _enrollments(grid: GridServices) -> int:
    return sum("/enrolled/" in one.path for one in grid.requests)


async def _pass(house: House, hours: float, awake: float = 120) -> None:
    """Let time pass as on a machine that sleeps for most of it."""
    house.freezer.tick(timedelta(hours=hours, seconds=-awake))
    await house.live(awake)


async def _events(house: House) -> list[dict[str, Any]]:
    """The events of a year around now, as the calendar page has them."""
    now = datetime.now(UTC)
    entity_id = house.site_entity_id("calendar", "grid_events")
    answer = await house.hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": entity_id,
            "start_date_time": (now - timedelta(days=180)).isoformat(),
            "end_date_time": (now + timedelta(days=180)).isoformat(),
        },
        blocking=True,
        return_response=True,
    )
    # An answer can be anything that JSON can; that of a calendar is known.
    calendars: Any = answer
    events: list[dict[str, Any]] = calendars[entity_id]["events"]
    return events


def _shown(house: House) -> tuple[str, str, str]:
    """The sensor, the binary sensor, the calendar."""
    return (
        house.site_state("sensor", "next_grid_event").state,
        house.site_state("binary_sensor", "grid_event_active").state,
        house.site_state("calendar", "grid_events").state,
    )


async def test_an_event_begins_and_ends_when_it_does(build_program: ProgramBuilder) -> None:
    house = await build_program(_in(2.75))
    begin = datetime.fromisoformat(NOON) + timedelta(hours=2.75)
    assert _shown(house) == (begin.isoformat(), STATE_OFF, STATE_OFF)
    assert house.site_state("sensor", "next_grid_event").attributes["type"] == "battery_discharge"
    (listed,) = await _events(house)
    assert datetime.fromisoformat(listed["start"]) == begin
    assert datetime.fromisoformat(listed["end"]) == begin + timedelta(hours=1)
    assert listed["summary"] == "Discharge to load grid"

    await _pass(house, 2.75 - 1 / _MINUTE)
    assert _shown(house)[1:] == (STATE_OFF, STATE_OFF)
    # A minute before it begins; no request tells that it does.
    asked = len(house.sim.grid_services.requests)
    await house.live(_MINUTE + 1)
    assert _shown(house) == (STATE_UNKNOWN, STATE_ON, STATE_ON)
    assert len(house.sim.grid_services.requests) - asked <= 1
    await _pass(house, 1 - 2 / _MINUTE)
    assert _shown(house)[1:] == (STATE_ON, STATE_ON)
    await house.live(2 * _MINUTE)
    assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)
    assert len(await _events(house)) == 1


async def test_events_are_asked_for_more_often_shortly_before_one(build_program: ProgramBuilder) -> None:
    house = await build_program(_in(5))
    grid = house.sim.grid_services
    grid.requests.clear()
    await house.live(3 * _HOUR + _MINUTE)
    assert _asked(grid, "/events/get") == 6
    assert _enrollments(grid) == 0
    await house.live(_HOUR)
    grid.requests.clear()
    await house.live(_HOUR)
    assert 11 <= _asked(grid, "/events/get") <= 13


async def test_an_event_that_is_announced_later_comes_within_half_an_hour(build_program: ProgramBuilder) -> None:
    house = await build_program()
    assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)
    event = _in(4)(house.sim)
    await house.live(31 * _MINUTE)
    assert _shown(house)[0] == datetime.fromtimestamp(int(event.begin), UTC).isoformat()


@pytest.mark.parametrize("final", [EventStatus.CANCELLED, EventStatus.FAILED, EventStatus.SUPERSEDED])
async def test_an_event_that_is_called_off_is_none(build_program: ProgramBuilder, final: EventStatus) -> None:
    house = await build_program(_in(4))
    (event,) = house.sim.grid_services.events[house.sim.site.id]
    house.sim.grid_services.cancel(event, final)
    await house.live(31 * _MINUTE)
    assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)
    assert await _events(house) == []


@pytest.mark.parametrize("word", ["active", "in_progress", "DISPATCHED"])
async def test_whatever_an_event_is_called_that_is_on(build_program: ProgramBuilder, word: str) -> None:
    house = await build_program(_in(0.5))
    house.sim.grid_services.switches.active_word = word
    await house.live(45 * _MINUTE)
    assert _shown(house)[1:] == (STATE_ON, STATE_ON)


@pytest.mark.parametrize(
    ("enrolment", "a_day"), [(Enrolment.NULL, 1), (Enrolment.EMPTY, 1), (Enrolment.NO_PROGRAM, 2)], ids=["null", "empty", "no program"]
)
async def test_a_site_in_no_program_costs_a_request_a_day(build_program: ProgramBuilder, enrolment: Enrolment, a_day: int) -> None:
    def prepare(sim: Simulator) -> None:
        sim.grid_services.switches.enrolment = enrolment

    house = await build_program(prepare)
    grid = house.sim.grid_services
    assert len(grid.requests) == a_day
    await house.live(2 * _HOUR)
    for _ in range(5):
        await _pass(house, 4)
    assert len(grid.requests) == a_day
    await _pass(house, 3)
    assert len(grid.requests) == 2 * a_day
    entities = er.async_get(house.hass)
    for platform, key in (("sensor", "next_grid_event"), ("binary_sensor", "grid_event_active"), ("calendar", "grid_events")):
        assert entities.async_get_entity_id(platform, DOMAIN, f"{house.sim.site.id}_{key}") is None
    # It joins one.
    grid.switches.enrolment = Enrolment.ENROLLED
    await _pass(house, 24.5)
    assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)


@pytest.mark.parametrize("enrolment", [Enrolment.NULL, Enrolment.ENROLLED])
async def test_a_restart_does_not_ask_again_for_the_program(build_program: ProgramBuilder, enrolment: Enrolment) -> None:
    def prepare(sim: Simulator) -> None:
        sim.grid_services.switches.enrolment = enrolment

    house = await build_program(prepare)
    await house.live(60)
    asked = _enrollments(house.sim.grid_services)
    for _ in range(3):
        await house.restart()
        await house.live(120)
    assert _enrollments(house.sim.grid_services) == asked
    if enrolment is Enrolment.ENROLLED:
        assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)
    await _pass(house, 24.5)
    assert _enrollments(house.sim.grid_services) > asked


async def test_a_refusal_of_the_host_is_its_own(build_program: ProgramBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.grid_services.switches.unauthorized = True

    house = await build_program(prepare)
    sim, grid = house.sim, house.sim.grid_services
    sign_ins, renewals = sim.sign_ins, sim.count(path="users/self/token|jwt_token|session/token|login")
    await house.live(_HOUR)
    for _ in range(5):
        await _pass(house, 4)
    assert [one.status for one in grid.requests] == [401]
    assert sim.sign_ins == sign_ins
    assert house.state("sensor", "status").state != STATE_UNAVAILABLE
    # What was renewed meanwhile was due for reasons of its own: tokens last twelve hours.
    assert sim.count(path="users/self/token|jwt_token|session/token|login") - renewals <= 4
    grid.switches.unauthorized = False
    await _pass(house, 4)
    assert {one.status for one in grid.requests[1:]} == {200}
    assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)


async def test_a_refusal_in_the_middle_keeps_the_session_and_is_quiet_for_a_day(build_program: ProgramBuilder) -> None:
    house = await build_program(_in(40))
    sim, grid = house.sim, house.sim.grid_services
    grid.switches.unauthorized = True
    sign_ins, requests = sim.sign_ins, sim.count(path="users/self/token|jwt_token|session/token|login")
    await house.live(_HOUR)
    assert [one.status for one in grid.requests].count(401) == 1
    assert (sim.sign_ins, sim.count(path="users/self/token|jwt_token|session/token|login")) == (sign_ins, requests)
    await house.live(2 * _HOUR)
    assert [one.status for one in grid.requests].count(401) == 1
    assert _shown(house)[0] == STATE_UNAVAILABLE


@pytest.mark.parametrize("renews", [True, False], ids=["with a new manager token", "without one"])
async def test_after_half_a_day_it_goes_on_or_waits_but_nobody_signs_in(build_program: ProgramBuilder, renews: bool) -> None:
    """Whether renewing the session brings a new manager token is open; the old one has run out by then."""
    house = await build_program(_in(40), renews=renews)
    sim, grid = house.sim, house.sim.grid_services
    next_event, sign_ins = _shown(house)[0], sim.sign_ins
    for _ in range(3):
        await _pass(house, 4.1)
    grid.requests.clear()
    await house.live(2 * _HOUR)
    assert {one.status for one in grid.requests} == ({200} if renews else set())
    assert _shown(house)[0] == (next_event if renews else STATE_UNAVAILABLE)
    assert sim.sign_ins == sign_ins
    assert house.state("sensor", "status").state != STATE_UNAVAILABLE


async def test_an_outage_of_the_host_ends_and_is_no_reason_to_hurry(build_program: ProgramBuilder) -> None:
    house = await build_program(_in(40))
    grid = house.sim.grid_services
    next_event = _shown(house)[0]
    grid.faults.add(path="", status=503, times=None)
    grid.requests.clear()
    await house.live(_HOUR + 5 * _MINUTE)
    assert _shown(house)[0] == next_event
    assert len(grid.requests) <= 3
    await house.live(_HOUR)
    assert _shown(house)[0] == STATE_UNAVAILABLE
    grid.faults.clear()
    await house.live(31 * _MINUTE)
    assert _shown(house)[0] == next_event


async def test_an_event_over_the_hour_that_comes_twice_stands_in_the_calendar(build_program: ProgramBuilder) -> None:
    """Home Assistant takes no event that ends before it begins by the clock on the wall."""
    house = await build_program(lambda sim: sim.grid_services.add_event(sim.site, _BACK - 300, _BACK + 600))
    await house.hass.config.async_set_time_zone("Australia/Melbourne")
    listed = [[datetime.fromisoformat(one[end]).timestamp() - _BACK for end in ("start", "end")] for one in await _events(house)]
    assert listed == [[-300, -1], [0, 600]]


@pytest.mark.parametrize("enrolment", [Enrolment.ENROLLED, Enrolment.NULL])
async def test_past_outages_stand_in_the_same_calendar(build_program: ProgramBuilder, enrolment: Enrolment) -> None:
    def prepare(sim: Simulator) -> None:
        sim.grid_services.switches.enrolment = enrolment
        sim.site.house.grid_lost = True
        sim.clock.advance(90 * _MINUTE)
        sim.site.house.grid_lost = False

    house = await build_program(prepare)
    (outage,) = house.sim.site.house.outages
    (listed,) = await _events(house)
    assert listed["summary"] == "Grid outage"
    assert datetime.fromisoformat(listed["start"]).timestamp() == pytest.approx(outage.begin, abs=1)
    assert datetime.fromisoformat(listed["end"]).timestamp() == pytest.approx(outage.begin + 5400, abs=1)
    assert house.site_state("calendar", "grid_events").state == STATE_OFF
    for _ in range(5):
        await _pass(house, 4)
    assert house.sim.count(path="battery_backup_history") == 1
    await _pass(house, 5)
    assert house.sim.count(path="battery_backup_history") == 2


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the host, without the reasons."""
    return [one.partition(":")[0] for one in caplog.messages if one.startswith("The grid events service")]


@pytest.mark.parametrize("body", [{}, "", {"data": 5}], ids=["empty object", "nothing", "no list"])
async def test_an_answer_without_a_list_is_no_answer(build_program: ProgramBuilder, caplog: pytest.LogCaptureFixture, body: Json) -> None:
    """It was taken for no events: one in progress was over, and the next was gone."""
    house = await build_program(_in(0.5, for_hours=6))
    await house.live(45 * _MINUTE)
    assert _shown(house)[1:] == (STATE_ON, STATE_ON)
    grid = house.sim.grid_services
    grid.faults.add(body=body, times=None)
    await house.live(45 * _MINUTE)
    assert _shown(house)[1:] == (STATE_ON, STATE_ON)
    await house.live(75 * _MINUTE)
    assert _shown(house) == (STATE_UNAVAILABLE,) * 3
    grid.faults.clear()
    await house.live(31 * _MINUTE)
    assert _shown(house) == (STATE_UNKNOWN, STATE_ON, STATE_ON)
    assert _told(caplog) == ["The grid events service does not answer", "The grid events service answers again"]
    grid.events[house.sim.site.id].clear()
    await house.live(31 * _MINUTE)
    assert _shown(house) == (STATE_UNKNOWN, STATE_OFF, STATE_OFF)


@pytest.mark.parametrize("body", [{}, "", {"data": 5}], ids=["empty object", "nothing", "no name"])
async def test_an_empty_answer_does_not_end_the_program(build_program: ProgramBuilder, body: Json) -> None:
    house = await build_program(_in(40))
    next_event, grid = _shown(house)[0], house.sim.grid_services
    for _ in range(5):
        await _pass(house, 4.7)
    assert _shown(house)[0] == next_event
    grid.faults.add(path="enrollment", body=body, times=1)
    await _pass(house, 0.9)
    assert grid.faults.rules[0].used == 1
    assert _shown(house)[0] == next_event
    await house.live(31 * _MINUTE)
    assert _shown(house)[0] == next_event


@pytest.mark.parametrize("status", [503, 403])
async def test_an_outage_of_the_host_is_told_once_and_its_end(
    build_program: ProgramBuilder, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """The log had no word of it."""
    house = await build_program(_in(40))
    grid = house.sim.grid_services
    grid.faults.add(path="", status=status, times=None)
    await house.live(3 * _HOUR)
    assert _told(caplog) == ["The grid events service does not answer"]
    grid.faults.clear()
    await house.live(_HOUR)
    assert _told(caplog) == ["The grid events service does not answer", "The grid events service answers again"]


async def test_a_401_of_the_host_is_quiet(build_program: ProgramBuilder, caplog: pytest.LogCaptureFixture) -> None:
    house = await build_program(_in(40))
    house.sim.grid_services.switches.unauthorized = True
    await house.live(2 * _HOUR)
    assert _shown(house)[0] == STATE_UNAVAILABLE
    assert _told(caplog) == []


async def test_outages_that_are_not_told_are_not_over(build_program: ProgramBuilder) -> None:
    """The calendar lost them for a day."""

    def prepare(sim: Simulator) -> None:
        sim.grid_services.switches.enrolment = Enrolment.NULL
        sim.site.house.grid_lost = True
        sim.clock.advance(90 * _MINUTE)
        sim.site.house.grid_lost = False

    house = await build_program(prepare)
    before = await _events(house)
    assert [one["summary"] for one in before] == ["Grid outage"]
    house.sim.faults.add(path="battery_backup_history", body={}, times=None)
    for _ in range(6):
        await _pass(house, 4.2)
    assert house.sim.count(path="battery_backup_history") == 2
    assert await _events(house) == before
