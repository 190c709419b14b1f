"""What an account may send in an hour, whoever asks and however often it is started again."""

from bisect import bisect_left
from collections.abc import Iterable
import json

import freezegun
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import MOST_PER_HOUR, RequestCeiling
from custom_components.enphase_ev.enlighten.budget import RequestBudget
from tests.thoroughness import examples

_RESERVE = 60
# Seconds that pass, how many requests come then, whether they are writes, and whether the process starts again.
_STEPS = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 200), st.booleans(), st.booleans()), max_size=60)


def _restarted(budget: RequestBudget) -> RequestBudget:
    return RequestBudget.from_dict(json.loads(json.dumps(budget.to_dict())))


def _send(budget: RequestBudget, *, is_write: bool) -> bool:
    try:
        budget.spend(is_write=is_write)
    except RequestCeiling:
        return False
    return True


@settings(max_examples=examples(400))
@given(steps=_STEPS)
def test_no_hour_holds_more_than_the_ceiling(steps: Iterable[tuple[int, int, bool, bool]]) -> None:
    budget = RequestBudget()
    sent: list[float] = []
    now = 0.0
    with freezegun.freeze_time() as clock:
        for seconds, count, is_write, restarts in steps:
            clock.tick(seconds)
            now += seconds
            budget = _restarted(budget) if restarts else budget
            sent += [now for _ in range(count) if _send(budget, is_write=is_write)]
    busiest = max((number + 1 - bisect_left(sent, at - 3600) for number, at in enumerate(sent)), default=0)
    assert busiest <= MOST_PER_HOUR


def test_polls_and_commands_leave_each_other_room() -> None:
    with freezegun.freeze_time():
        budget = RequestBudget()
        while budget.has_room:
            budget.spend(is_write=False)
        assert sum(_send(budget, is_write=True) for _ in range(MOST_PER_HOUR)) >= _RESERVE

        budget = RequestBudget()
        assert sum(_send(budget, is_write=True) for _ in range(MOST_PER_HOUR)) == MOST_PER_HOUR - _RESERVE
        assert budget.has_room
        with pytest.raises(RequestCeiling) as error:
            budget.spend(is_write=True)
        assert error.value.retry_after is not None
        assert 0 < error.value.retry_after <= 3660


def test_polls_go_on_once_a_minute_where_little_more_than_the_reserve_is_left() -> None:
    with freezegun.freeze_time("2026-05-20T03:00:00Z") as clock:
        budget = RequestBudget()
        for _ in range(MOST_PER_HOUR - _RESERVE):
            budget.spend(is_write=True)
        for _ in range(_RESERVE - 1):
            clock.tick(30)
            budget.check_poll()
            budget.spend(is_write=False)
            assert not budget.has_room
            with pytest.raises(RequestCeiling):
                budget.check_poll()
            clock.tick(30)
            assert budget.has_room


@pytest.mark.parametrize(("expected", "pace"), [(100, 1), (420, 1), (840, 2), (9000, 5)])
def test_polls_are_stretched_until_they_fit(expected: float, pace: float) -> None:
    with freezegun.freeze_time():
        budget = RequestBudget()
        assert [budget.expect(f"site {number}", expected / 4) for number in range(4)][-1] == pytest.approx(pace, rel=0.02)


def test_what_was_sent_at_once_is_made_up_for_over_the_hour() -> None:
    with freezegun.freeze_time() as clock:
        budget = RequestBudget()
        for _ in range(300):
            budget.spend(is_write=False)
        assert budget.expect("site", 240) == pytest.approx(2, rel=0.02)
        clock.tick(3700)
        assert budget.expect("site", 240) == 1


def test_a_site_that_polls_no_more_is_not_reckoned_with() -> None:
    with freezegun.freeze_time() as clock:
        budget = RequestBudget()
        budget.expect("gone", 840)
        clock.tick(901)
        assert budget.expect("site", 100) == 1


def test_it_is_noteworthy_after_an_hour_or_a_refusal() -> None:
    with freezegun.freeze_time() as clock:
        budget = RequestBudget()
        for _ in range(61):
            budget.expect("site", 900)
            assert not budget.is_strained
            clock.tick(60)
        budget.expect("site", 900)
        assert budget.is_strained
        budget.expect("site", 100)
        assert not budget.is_strained

        for _ in range(MOST_PER_HOUR):
            _send(budget, is_write=True)
        assert budget.is_strained
        clock.tick(3700)
        assert not budget.is_strained


def test_a_clock_that_was_wrong_does_not_silence_an_account() -> None:
    with freezegun.freeze_time() as clock:
        budget = RequestBudget()
        while _send(budget, is_write=False):
            pass
        clock.move_to("2020-01-01")
        assert _send(budget, is_write=False)
