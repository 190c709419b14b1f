"""The counters of a site's energy: they hold, they miss nothing, and they count nothing twice."""

from datetime import date, timedelta
import json

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.site.energy_counter import EnergyCounter

DAY = date(2026, 5, 20)


def _day(number: int) -> date:
    return DAY + timedelta(days=number)


def test_it_begins_with_all_that_is_known() -> None:
    counter = EnergyCounter.start((_day(number), 1000.0) for number in range(-400, 1))
    assert counter.value == 401_000


def test_a_growing_day_is_counted_once() -> None:
    counter = EnergyCounter.start([(DAY, 500)])
    for energy in (500, 700, 700, 1200):
        counter = counter.take([(DAY, energy)])
    assert counter.value == 1200


def test_a_correction_downwards_is_no_step_back_and_is_not_counted_again() -> None:
    counter = EnergyCounter.start([(DAY, 1000)])
    counter = counter.take([(DAY, 900)])
    assert counter.value == 1000
    assert counter.take([(DAY, 950)]).value == 1000
    assert counter.take([(DAY, 1100)]).value == 1100


def test_a_day_that_is_over_gets_what_came_late() -> None:
    counter = EnergyCounter.start([(DAY, 1000)]).take([(_day(1), 10)])
    assert counter.take([(DAY, 1300), (_day(1), 10)]).value == 1310


def test_the_days_without_home_assistant_are_there_afterwards() -> None:
    counter = EnergyCounter.start([(DAY, 1000)])
    days = [(_day(number), 2000.0) for number in range(-30, 25)]
    assert counter.take(days).value == 2000 + 24 * 2000


@pytest.mark.parametrize("nonsense", [0.0, -5.0, 1e9])
def test_what_no_site_can_count_is_no_energy(nonsense: float) -> None:
    assert EnergyCounter.start([(DAY, 1000)]).take([(DAY, nonsense), (_day(1), nonsense)]).value == 1000


@pytest.mark.parametrize(
    ("shown", "value"),
    [(1000.0, 1000), (900.0, 1000), (5000.0, 5000), (0.0, 1000)],
    ids=["as it is", "it went on meanwhile", "the other one had counted more", "the other one began anew"],
)
def test_it_goes_on_where_another_one_stood(shown: float, value: float) -> None:
    assert EnergyCounter.start([(DAY, 1000)]).go_on_from(shown).value == value


def test_a_leap_above_what_was_shown_is_none() -> None:
    """Statistics would take the whole lifetime for energy of this hour."""
    counter = EnergyCounter.start([(_day(-1), 9_000_000), (DAY, 1000)]).go_on_from(300_000)
    assert counter.value == 300_000
    assert counter.take([(DAY, 1500)]).value == 300_500


_ANSWERS = st.lists(st.dictionaries(st.integers(-3, 12).map(_day), st.floats(0, 50_000), max_size=8), max_size=12)


@given(answers=_ANSWERS)
def test_it_never_steps_back_and_never_counts_more_than_was_ever_told(answers: list[dict[date, float]]) -> None:
    counter = EnergyCounter.start([(DAY, 1.0)])
    most: dict[date, float] = {DAY: 1.0}
    for answer in answers:
        before = counter
        counter = counter.take(answer.items())
        assert counter.value >= before.value
        most |= {day: max(energy, most.get(day, 0.0)) for day, energy in answer.items()}
        assert counter == counter.take(answer.items())
    assert counter.value <= sum(most.values()) + 1e-6


@given(answers=_ANSWERS)
def test_it_is_the_same_after_a_restart(answers: list[dict[date, float]]) -> None:
    counter = EnergyCounter.start([(DAY, 1.0)])
    for answer in answers:
        counter = counter.take(answer.items())
    assert EnergyCounter.from_dict(json.loads(json.dumps(counter.to_dict()))) == counter
