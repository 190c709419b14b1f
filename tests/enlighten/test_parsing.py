"""Times, numbers, booleans and lists in every form (docs/cloud-api/README.md). No reader ever raises."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
import math

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import Json
from custom_components.enphase_ev.enlighten.parsing import (
    first_of,
    read_assignments,
    read_bool,
    read_clock_time,
    read_days,
    read_digits,
    read_float,
    read_int,
    read_mapping,
    read_minutes,
    read_model,
    read_records,
    read_secret,
    read_serial,
    read_text,
    read_time,
)

# What can come out of JSON, and a little more.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12
)
READERS = [read_text, read_float, read_int, read_bool, read_time, read_mapping, read_records, read_assignments, read_model(dict)]
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them without a zone


@pytest.mark.parametrize("read", READERS)
@given(value=ANYTHING)
def test_no_reader_raises(read: object, value: Json) -> None:
    assert callable(read)
    read(value)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "value",
    [
        "1e999",
        "-1e999",
        "9" * 400,
        10**400,
        -(10**400),
        math.inf,
        math.nan,
        "nan",
        "inf",
        1e308,
        "٣٢",
        "²",
        "0x20",
        "1_000",
        "--1",
        "%",
        " % ",
    ],
)
def test_no_reader_raises_over_numbers_at_the_edge(read: object, value: Json) -> None:
    assert callable(read)
    read(value)


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-28T25:00:00Z",
        "2026-03-28T04:54:34.360Z[",
        "2026-03-28[UTC][UTC]",
        "[UTC]",
        "",
        "T",
        "2026-W13-6",
        "\x00",
        "\ud800",
        1e300,
        253402300800,
        253402300800000,
        -1,
        0,
        True,
        {},
        [],
    ],
)
def test_a_time_that_cannot_be_is_none_or_utc(value: Json) -> None:
    moment = read_time(value)
    assert moment is None or moment.tzinfo is UTC


# Text


@pytest.mark.parametrize(
    ("value", "text"),
    [(" a ", "a"), ("", None), ("  ", None), (12, "12"), (1.5, "1.5"), (True, None), (None, None), ({}, None), ([], None)],
)
def test_text(value: Json, text: str | None) -> None:
    assert read_text(value) == text


def test_a_text_longer_than_anything_honest_is_none() -> None:
    assert read_text("x" * 10_000) == read_secret("x" * 10_000) == "x" * 10_000
    assert read_text("x" * 10_001) is None


@pytest.mark.parametrize("read", [read_serial, read_digits])
def test_what_becomes_part_of_a_path_is_a_short_word(read: Callable[[Json], str | None]) -> None:
    assert (read(" 482522020944 "), read(482522020944), read("7" * 64)) == ("482522020944", "482522020944", "7" * 64)
    assert {read(value) for value in ("7" * 65, "", None, True, "7/8", "../7", "7?x=1", "7%2F8", "\uff17", "7 8")} == {None}


def test_a_serial_has_letters_and_a_number_has_none() -> None:
    assert (read_serial("EV-1_b"), read_digits("EV-1_b"), read_digits("٣")) == ("EV-1_b", None, None)


@pytest.mark.parametrize("value", ["tokén", "a\nb", "a\x7f", "", None, True])
def test_a_secret_that_no_header_can_carry_is_none(value: Json) -> None:
    assert read_secret(value) is None


# Numbers


@given(st.floats(-1e13, 1e13))
def test_a_number_survives_as_itself_and_as_text(number: float) -> None:
    assert read_float(number) == number
    assert read_float(repr(number)) == number
    assert read_float(f"  {number!r} ") == number


@given(st.integers(-(10**13), 10**13))
def test_a_whole_number_survives_in_every_form(number: int) -> None:
    assert read_int(number) == read_int(str(number)) == read_int(float(number)) == read_int(f"{number}%") == number


@pytest.mark.parametrize(("value", "number"), [("48%", 48), ("48 %", 48), ("-3.5", -3.5), ("+7", 7), ("1e3", 1000), (" 32 ", 32)])
def test_numbers_in_text(value: str, number: float) -> None:
    assert read_float(value) == number


@pytest.mark.parametrize(
    "value", [None, True, False, "", "x", "32 A", "1,5", "nan", "inf", "1e999", math.inf, math.nan, 10**400, 1e14, -1e308, [32], {"v": 32}]
)
def test_what_is_no_number_is_none(value: Json) -> None:
    assert read_float(value) is None
    assert read_int(value) is None


# Booleans


@pytest.mark.parametrize("value", [True, 1, 2, 1.0, "true", "True", " TRUE ", "1", "yes", "on", "enabled"])
def test_yes(value: Json) -> None:
    assert read_bool(value) is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "False", "0", "no", "off", "disabled"])
def test_no(value: Json) -> None:
    assert read_bool(value) is False


@pytest.mark.parametrize("value", [None, "", "maybe", "2", [], {}, [True]])
def test_neither(value: Json) -> None:
    assert read_bool(value) is None


# Times


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-28T04:54:34.360Z",
        "2026-03-28T04:54:34.360Z[UTC]",
        "2026-03-28T04:54:34.360000000Z[UTC]",
        "2026-03-28T04:54:34.360+00:00",
        "2026-03-28T15:54:34.360+11:00",
        "2026-03-28T15:54:34.360+11:00[Australia/Melbourne]",
        "2026-03-28T04:54:34.360",
        " 2026-03-28 04:54:34.36 ",
        1774673674.36,
        1774673674360,
        "1774673674360",
    ],
)
def test_one_moment_in_every_form(value: Json) -> None:
    assert read_time(value) == datetime(2026, 3, 28, 4, 54, 34, 360000, tzinfo=UTC)


def test_nine_digits_of_a_second_are_cut_to_six() -> None:
    assert read_time("2025-10-16T08:45:14.230924038Z") == datetime(2025, 10, 16, 8, 45, 14, 230924, tzinfo=UTC)


@given(MOMENTS, st.integers(-14 * 60, 14 * 60), st.sampled_from(["", "[UTC]", "[Europe/Amsterdam]"]))
def test_a_moment_survives_iso_in_any_zone(moment: datetime, minutes: int, suffix: str) -> None:
    text = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert read_time(text + suffix) == moment


@given(MOMENTS)
def test_a_moment_survives_epoch_seconds_and_milliseconds(moment: datetime) -> None:
    seconds = int(moment.timestamp())
    assert read_time(seconds) == read_time(str(seconds)) == moment.replace(microsecond=0)
    milliseconds = seconds * 1000 + 1
    assert read_time(milliseconds) == read_time(str(milliseconds)) == moment.replace(microsecond=1000)


@given(SCALARS)
def test_every_time_is_aware_and_utc(value: Json) -> None:
    moment = read_time(value)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("value", [None, 0, -5, "0", "", "soon", True, "2026-13-01T00:00:00Z", 1e30, [], {}])
def test_what_is_no_time_is_none(value: Json) -> None:
    assert read_time(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("20:05", time(20, 5)), (" 20:05:59 ", time(20, 5)), ("00:00", time()), ("24:01", None), ("soon", None), ("", None), (1205, None)],
)
def test_a_time_of_day(value: Json, expected: time | None) -> None:
    assert read_clock_time(value) == expected


@pytest.mark.parametrize("value", ["20:05+02:00", "20:05:00Z"])
def test_a_time_of_day_is_that_of_the_site(value: str) -> None:
    assert read_clock_time(value) == time(20, 5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, time()), (61, time(1, 1)), ("1439", time(23, 59)), (1440, time()), (1441, None), (-1, None), (None, None), ("x", None)],
)
def test_minutes_of_the_day(value: Json, expected: time | None) -> None:
    assert read_minutes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [([7, "1", 3, 3, 0, 8, None, "x"], (1, 3, 7)), ([], ()), (None, ()), ("1,2", ()), ({"1": 2}, ())]
)
def test_days_of_the_week_are_in_order_and_each_once(value: Json, expected: tuple[int, ...]) -> None:
    assert read_days(value) == expected


def test_a_number_of_more_digits_than_anything_honest_is_none() -> None:
    assert read_float("0" * 63 + "7") == read_float("0" * 63 + "7%") == 7
    assert read_float("0" * 64 + "7") is None
    assert read_float(1e13) == 1e13


# Lists, objects


ROWS: list[dict[str, Json]] = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("key", ["data", "items", "result", "sites", "systems"])
def test_a_list_comes_bare_or_wrapped(key: str) -> None:
    assert read_records([*ROWS]) == read_records({key: [*ROWS]}) == read_records({"meta": {}, key: [*ROWS], "error": {}}) == ROWS


def test_a_list_can_be_wrapped_twice() -> None:
    assert read_records({"data": {"result": [*ROWS], "hasMore": False}}) == ROWS


def test_a_list_can_be_wrapped_deeper_than_anything_honest() -> None:
    body: Json = [*ROWS]
    for _ in range(5000):
        body = {"data": body}
    assert read_records(body) == ROWS


def test_a_list_is_no_longer_than_anything_honest() -> None:
    assert len(read_records([{}] * 1001)) == 1000


@pytest.mark.parametrize("value", [None, 3, "x", {}, {"data": None}, {"data": 3}, {"other": [{"id": 1}]}, [], [1, None, "x", [{}]]])
def test_where_no_objects_are_none_are_found(value: Json) -> None:
    assert read_records(value) == []


@given(st.lists(ANYTHING, max_size=6))
def test_only_objects_of_a_list_are_kept_in_order(values: list[Json]) -> None:
    assert read_records(values) == [value for value in values if isinstance(value, dict)]


def test_the_first_value_that_is_there_counts() -> None:
    record: dict[str, Json] = {"a": None, "b": 0, "c": 1}
    assert (first_of(record, "a", "b", "c"), first_of(record, "c", "b"), first_of(record, "x", "a")) == (0, 1, None)


@given(st.dictionaries(st.text("abc", min_size=1), st.text("xyz =", max_size=5)))
def test_assignments_survive(pairs: dict[str, str]) -> None:
    line = ", ".join(f"{key}={value}" for key, value in pairs.items())
    assert read_assignments(line) == {key: value.strip() for key, value in pairs.items()}


def test_a_part_without_an_assignment_is_left_out() -> None:
    assert read_assignments("a=1,nothing,=,b=") == {"a": "1", "": "", "b": ""}
