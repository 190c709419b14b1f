"""Events of a grid program and outages (docs/cloud-api/events.md), as they are read."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.enphase_ev.enlighten import EventState, InvalidResponse, Json, Outage
from custom_components.enphase_ev.enlighten.models.grid_events import read_grid_events, read_outages, read_program

from .cloud import sample

START = datetime(2026, 11, 20, 17, tzinfo=UTC)
RECORD: dict[str, Json] = {"id": "aaaa", "start_time": "2026-11-20T17:00:00Z", "end_time": "2026-11-20T19:00:00Z", "status": "scheduled"}


def test_the_sample_of_the_events() -> None:
    (event,) = read_grid_events(sample("grid_events"))
    assert (event.id, event.starts_at, event.ends_at) == ("aaaabbbbccccddddeeeeffff", START, START + timedelta(hours=2))
    assert (event.kind, event.subkind, event.state) == ("battery_discharge", "Discharge_To_Load_Grid", EventState.SCHEDULED)
    assert event.is_ahead(START - timedelta(seconds=1))
    assert [event.is_on(START + timedelta(minutes=minutes)) for minutes in (-1, 0, 119, 120)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "active"}, EventState.ACTIVE),
        ({"status": "IN_PROGRESS"}, EventState.ACTIVE),
        ({"status": None}, EventState.SCHEDULED),
        ({"status": "Completed"}, EventState.COMPLETED),
        ({"status": "cancelled"}, EventState.CANCELLED),
        ({"status": "failed"}, EventState.FAILED),
        ({"status": "superseded"}, EventState.SUPERSEDED),
        ({"superceded": True}, EventState.SUPERSEDED),
        ({"cancellation_timestamp": "2026-11-20T12:00:00Z"}, EventState.CANCELLED),
        ({"cancellation_timestamp": 1795000000000, "status": "active"}, EventState.CANCELLED),
    ],
)
def test_what_has_become_of_an_event(fields: dict[str, Json], state: EventState) -> None:
    (event,) = read_grid_events({"data": [{**RECORD, **fields}]})
    assert event.state is state
    is_final = state not in {EventState.SCHEDULED, EventState.ACTIVE}
    assert event.is_on(START) is not is_final
    assert event.is_ahead(START - timedelta(hours=1)) is not is_final
    assert event.takes_place is (state in {EventState.SCHEDULED, EventState.ACTIVE, EventState.COMPLETED})


@pytest.mark.parametrize(
    "broken", [{"start_time": None}, {"end_time": "later"}, {"end_time": "2026-11-20T17:00:00Z"}, {"end_time": "2036-11-20T17:00:00Z"}]
)
def test_an_event_without_a_time_is_none(broken: dict[str, Json]) -> None:
    assert read_grid_events({"data": [{**RECORD, **broken}, None, 7]}) == ()


def test_events_come_in_their_order_and_once() -> None:
    later: Json = {**RECORD, "id": "bbbb", "start_time": 1795284000, "end_time": 1795287600}
    assert [event.id for event in read_grid_events([later, RECORD, RECORD])] == ["aaaa", "bbbb"]


@pytest.mark.parametrize(
    ("body", "program"),
    [
        ({"data": "aaaabbbbccccddddeeeeffff"}, "aaaabbbbccccddddeeeeffff"),
        ({"data": {"program_id": "ffffeeeeddddccccbbbbaaaa"}}, "ffffeeeeddddccccbbbbaaaa"),
        ({"data": None}, None),
        ({"data": ""}, None),
        ({"data": {}}, None),
        ({"data": "../../x"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_site_is_in_a_program_or_not(body: Json, program: str | None) -> None:
    assert read_program(body) == program


def test_outages() -> None:
    body: Json = {
        "total_records": 2,
        "total_backup": 5400,
        "histories": [
            {"start_time": "2026-10-03T14:11:00+02:00", "duration": 3600},
            {"start_time": "2026-09-01T08:00:00Z", "duration": "1800"},
            {"start_time": "2026-09-01T08:00:00Z", "duration": 1800},
            {"start_time": None, "duration": 5},
            {"start_time": "2026-09-02T08:00:00Z", "duration": 0},
            None,
        ],
    }
    assert read_outages(body) == (
        Outage(datetime(2026, 9, 1, 8, tzinfo=UTC), timedelta(minutes=30)),
        Outage(datetime(2026, 10, 3, 12, 11, tzinfo=UTC), timedelta(hours=1)),
    )
    assert read_outages({"histories": []}) == read_outages({"total_records": 0, "histories": None}) == ()


@pytest.mark.parametrize("body", [None, {}, "text", {"data": 5}, {"histories": None}, {"error": "busy"}])
def test_an_answer_without_a_list_is_no_answer(body: Json) -> None:
    assert read_grid_events({"data": []}) == read_grid_events([]) == ()
    with pytest.raises(InvalidResponse):
        read_grid_events(body)
    with pytest.raises(InvalidResponse):
        read_outages(body)


@pytest.mark.parametrize("body", [{"data": 5}, {"data": True}, {"data": []}])
def test_what_is_no_name_of_a_program_is_no_answer(body: Json) -> None:
    with pytest.raises(InvalidResponse):
        read_program(body)
