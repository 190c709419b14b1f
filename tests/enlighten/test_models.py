"""Parsing never fails a refresh: samples with anything changed are read, or are no envelope at all (docs/cloud-api/README.md)."""

from collections.abc import Callable
from copy import deepcopy
import math
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import ChargeModePreference, InvalidResponse, Json, SiteStatus
from custom_components.enphase_ev.enlighten.models.summary import read_summaries
from tests.thoroughness import examples

from .cloud import SAMPLES, sample
from .test_parsing import ANYTHING

type Read = Callable[[Json], object]
type Path = tuple[str | int, ...]

READERS: dict[str, Read] = {
    "status_charging": SiteStatus.read,
    "status_idle": SiteStatus.read,
    "status_legacy": SiteStatus.read,
    "status_v2_map": SiteStatus.read,
    "summary": read_summaries,
    "charge_mode": ChargeModePreference.read,
    "charge_mode_smart": ChargeModePreference.read,
}
ODD: list[Json] = [None, True, False, 0, -1, 1e308, math.nan, "", "soon", "🚗", [], [None], [[]], {}, {"": None}, {"x": {"y": 1}}, 10**30]


def paths(value: Json, at: Path = ()) -> list[Path]:
    """Every place in an answer, the whole of it first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


def copied(body: Json, path: Path) -> tuple[Json, Any]:
    """A copy, and what stands at a place in it."""
    copy: Any = deepcopy(body)
    found = copy
    for key in path:
        found = found[key]
    return copy, found


def replaced(body: Json, path: Path, value: Json) -> Json:
    """A copy with another value in one place."""
    if not path:
        return deepcopy(value)
    copy, parent = copied(body, path[:-1])
    parent[path[-1]] = deepcopy(value)
    return copy


def without(body: Json, path: Path) -> Json:
    """A copy without one place."""
    copy, parent = copied(body, path[:-1])
    del parent[path[-1]]
    return copy


def with_extra(body: Json, path: Path, key: str, value: Json) -> Json:
    """A copy with one more key in an object."""
    copy, found = copied(body, path)
    if isinstance(found, dict):
        found[key] = value
    return copy


def holds(read: Read, body: Json) -> bool:
    """Whether an answer is read; the only error that may come says that the envelope makes no sense."""
    try:
        read(body)
    except InvalidResponse:
        return False
    return True


@pytest.mark.parametrize("name", READERS)
def test_every_place_of_a_sample_can_hold_anything(name: str) -> None:
    body = sample(name)
    for path in paths(body):
        for value in ODD:
            understood = holds(READERS[name], replaced(body, path, value))
            # Below the records everything may be odd without costing the rest.
            assert understood or len(path) <= 2


@pytest.mark.parametrize("name", READERS)
def test_every_place_of_a_sample_can_be_missing(name: str) -> None:
    body = sample(name)
    for path in paths(body)[1:]:
        assert holds(READERS[name], without(body, path)) or len(path) <= 2


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=examples(400))
def test_a_sample_can_be_changed_in_several_places(name: str, data: st.DataObject) -> None:
    body = sample(name)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(paths(body)))
        body = replaced(body, path, data.draw(ANYTHING))
        path = data.draw(st.sampled_from(paths(body)))
        body = with_extra(
            body, path, data.draw(st.sampled_from(["", "serial", "limits", "session", "schedule_types"]) | st.text()), data.draw(ANYTHING)
        )
    holds(READERS[name], body)


@pytest.mark.parametrize("name", sorted(set(READERS) - {"status_v2_map"}))
@pytest.mark.parametrize("key", ["", "serial", "limits", "session", "schedule_types", "energy_kwh", "offered"])
def test_no_key_of_the_cloud_stands_in_for_what_is_worked_out(name: str, key: str) -> None:
    """In the map by serial number any key is a serial number."""
    body = sample(name)
    expected = READERS[name](body)
    for path in paths(body):
        for value in ODD:
            assert READERS[name](with_extra(body, path, key, value)) == expected


@pytest.mark.parametrize("name", READERS)
@given(body=ANYTHING)
def test_any_answer_is_read_or_makes_no_sense(name: str, body: Json) -> None:
    holds(READERS[name], body)


def test_every_sample_of_these_pages_is_read() -> None:
    names = {path.stem for path in SAMPLES.glob("*.json")}
    assert set(READERS) <= names
    assert {name for name in names if name.startswith(("status", "summary", "charge_mode"))} == set(READERS)
