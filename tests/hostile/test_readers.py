"""Every reader, whatever it is given: no error but ours, no number or text without an end, no time worth noticing.

`python -m benchmarks.fuzz` goes on from here for as long as one likes, led by what the readers have not done before.
"""

import json
from random import Random
import time

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import Json, SiteStatus
from custom_components.enphase_ev.enlighten.models.battery_status import BatteryStatus
from custom_components.enphase_ev.enlighten.models.summary import read_summaries
from simulator.mutation import mutate, mutate_body
from tests.enlighten.cloud import sample
from tests.enlighten.test_parsing import ANYTHING
from tests.hostile.readers import READERS, Reader, probe
from tests.thoroughness import examples

_ROUNDS = 120
_ANSWER = 4_000_000
# Seconds of a processor: it takes one of them at most, and a reader that looks at a text more often than a few times takes minutes.
_LONGEST = 20.0
PATTERNS = ("[", "a", "1a", "9", ",", "=", "a=b,", "<input ", "\n", "{")
EVERY = pytest.mark.parametrize("reader", READERS.values(), ids=READERS)


@EVERY
def test_its_usual_answers_are_read(reader: Reader) -> None:
    assert probe(reader, reader.seeds[0])


@EVERY
def test_broken_answers(reader: Reader) -> None:
    for number in range(_ROUNDS):
        random = Random(number)
        probe(reader, mutate_body(random.choice(reader.seeds), random))


@EVERY
@settings(max_examples=examples(80))
@given(value=ANYTHING)
def test_answers_of_any_shape(reader: Reader, value: Json) -> None:
    probe(reader, json.dumps(value).encode())


@EVERY
@settings(max_examples=examples(40))
@given(body=st.binary())
def test_answers_that_are_no_answers(reader: Reader, body: bytes) -> None:
    probe(reader, body)


@EVERY
def test_texts_that_are_made_to_take_long(reader: Reader) -> None:
    for pattern in PATTERNS:
        body = _with_long_texts(reader.seeds[0], pattern)
        began = time.process_time()
        probe(reader, body)
        assert time.process_time() - began < _LONGEST, pattern


@pytest.mark.parametrize("body", [{str(number): {} for number in range(300_000)}, [{"sn": str(number)} for number in range(200_000)]])
def test_lists_that_are_made_to_take_long(body: Json) -> None:
    began = time.process_time()
    assert len(SiteStatus.read({"data": body}).chargers) == 1000
    assert time.process_time() - began < _LONGEST


def _with_long_texts(seed: bytes, pattern: str) -> bytes:
    """Return an answer that is made large by its texts alone."""
    try:
        value: Json = json.loads(seed)
    except ValueError:
        return seed + pattern.encode() * (_ANSWER // len(pattern))
    count = seed.count(b'": "') or 1
    return json.dumps(_with_texts(value, pattern * (_ANSWER // count // len(pattern)))).encode()


def _with_texts(value: Json, text: str) -> Json:
    if isinstance(value, dict):
        return {key: _with_texts(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item, text) for item in value]
    return text if isinstance(value, str) else value


# What is broken about one does no harm to the others.


def _records(name: str, *path: str) -> list[Json]:
    found = sample(name)
    for key in path:
        assert isinstance(found, dict)
        found = found[key]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("seed", range(60))
def test_a_broken_charger_leaves_the_others_as_they_are(seed: int) -> None:
    (charger,), (summary,) = _records("status_charging", "data", "chargers"), _records("summary", "data")
    assert isinstance(charger, dict)
    assert isinstance(summary, dict)
    random = Random(seed)
    other: Json = {**charger, "sn": "OTHER"}
    whole = SiteStatus.read({"data": {"chargers": [other]}}).chargers["OTHER"]
    status = SiteStatus.read({"data": {"chargers": [mutate(charger, random), other]}})
    assert status.chargers["OTHER"] == whole
    other = {**summary, "serialNumber": "OTHER"}
    broken = read_summaries({"data": [mutate(summary, random), other]})
    assert [one for one in broken if one.serial == "OTHER"] == read_summaries({"data": [other]})


@pytest.mark.parametrize("seed", range(40))
def test_a_broken_battery_leaves_the_others_as_they_are(seed: int) -> None:
    first, *others = _records("battery_status", "storages")
    units = BatteryStatus.read({"storages": others}).units
    broken = BatteryStatus.read({"storages": [mutate(first, Random(seed)), *others]}).units
    assert units
    assert {serial: broken[serial] for serial in units} == units
