"""What diagnostics may tell of the cloud's answers: their shape, and the errors of late."""

from hypothesis import given
import pytest

from custom_components.enphase_ev.enlighten import Json, RequestRejected
from custom_components.enphase_ev.enlighten.recorder import shape_of
from custom_components.enphase_ev.enlighten.transport import Family

from .cloud import SAMPLES, Cloud, sample
from .test_parsing import ANYTHING

# Every type has a name of its own; whatever else a shape holds are the cloud's names.
TYPES = {"str", "int", "float", "bool", "NoneType", "object"}


def leaves(shape: Json) -> set[str]:
    match shape:
        case dict():
            return set().union(*map(leaves, shape.values()))
        case list():
            return set().union(*map(leaves, shape))
        case _:
            return {str(shape)}


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_a_shape_tells_names_and_types_alone(name: str) -> None:
    shape = shape_of(sample(name))
    assert leaves(shape) <= TYPES
    assert "EV0000" not in str(shape)
    assert "1234567" not in str(shape)


@given(ANYTHING)
def test_any_answer_has_a_shape(value: Json) -> None:
    assert leaves(shape_of(value)) <= TYPES


def test_depth_has_an_end() -> None:
    deep: Json = {}
    for _ in range(20):
        deep = {"a": [deep]}
    assert leaves(shape_of(deep)) <= TYPES
    assert str(shape_of(deep)).count("'a'") <= 8


def test_a_shape_has_eight_levels() -> None:
    objects: Json = "end"
    lists: Json = "end"
    for _ in range(9):
        objects, lists = {"a": objects}, [lists]
    shown: Json = "object"
    shown_list: Json = []
    for _ in range(8):
        shown, shown_list = {"a": shown}, [shown_list]
    assert shape_of(objects) == shown
    assert shape_of(lists) == shown_list


def test_names_that_are_numbers_of_somebodys_are_one() -> None:
    answer: Json = {"482404031234": {"level": 32}, "482404035678": {"level": 16}, "phase3": None, "a@b.c": 1.5, "list": [1, "x"]}
    assert shape_of(answer) == {"<id>": {"level": "int"}, "phase3": "NoneType", "list": ["int"]}


async def test_the_last_answers_and_errors_are_remembered(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    await chargers.status()
    cloud.sim.faults.add(path="summary$", status=466, body={"message": f"Gateway of {cloud.sim.charger().serial} is too old"}, times=None)
    for _ in range(25):
        with pytest.raises(RequestRejected):
            await chargers.summaries()
    recorder = chargers.account.recorder
    shapes = recorder.shapes()
    assert set(shapes) == {"status"}
    assert len(recorder.errors) == 20
    _, family, text = recorder.errors[-1]
    assert (family, text) == (Family.SUMMARY, "RequestRejected: Gateway of … is too old")
