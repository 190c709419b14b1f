"""A car follows the sun: calm, within its levels, and for nobody else's energy."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import isnan

from hypothesis import given, settings, strategies as st
import pytest

from benchmarks.sun_rules import First, SunCommand, SunRules, SunStep, SunWatch, follow_sun, surplus_for_car
from custom_components.enphase_ev.charger.plan import ChargeLimits
from tests.thoroughness import examples

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = ChargeLimits(6, 16, 230)


def follow(surpluses: Sequence[float | None], limits: ChargeLimits = LIMITS, level: float | None = None) -> list[tuple[int, SunStep]]:
    """The commands of a time in which the charger does what it is sent, with the minute of each; a surplus a minute."""
    watch, sent = SunWatch(), []
    for minute, surplus in enumerate(surpluses):
        step = follow_sun(watch, surplus, limits, level, NOON + minute * MINUTE)
        watch = step.watch
        if step.command is not None:
            sent.append((minute, step))
            level = None if step.command is SunCommand.STOP else step.level
    return sent


def commands(sent: list[tuple[int, SunStep]]) -> list[tuple[int, SunCommand | None, float | None]]:
    return [(minute, step.command, step.level) for minute, step in sent]


def test_charging_begins_when_the_sun_has_lasted() -> None:
    assert commands(follow([1600] * 10)) == []
    assert commands(follow([2000] * 11)) == [(10, SunCommand.START, 8)]
    # 6 A take 1380 W, and 300 W are the margin.
    assert commands(follow([1670] * 30)) == []
    assert commands(follow([2000] * 9 + [1000] + [2000] * 9)) == []


def test_the_level_follows_the_sun() -> None:
    sent = follow([2000] * 11 + [3000] * 20 + [9000] * 5 + [1500] * 9)
    assert commands(sent) == [
        (10, SunCommand.START, 8),
        (15, SunCommand.SET_LEVEL, 12),
        (31, SunCommand.SET_LEVEL, 16),
        (36, SunCommand.SET_LEVEL, 6),
    ]


def test_charging_stops_when_there_has_been_too_little() -> None:
    assert commands(follow([1000] * 11, level=6)) == [(10, SunCommand.STOP, None)]
    # Within the margin it goes on at the lowest level.
    assert commands(follow([1100] * 60, level=6)) == []
    assert commands(follow([None] * 11, level=6)) == [(10, SunCommand.STOP, None)]


def test_a_little_more_is_no_reason_for_a_command() -> None:
    """10 A take 2300 W, 11 A take 2530 W."""
    assert commands(follow([2540] * 30, level=10)) == []
    assert commands(follow([2600] * 30, level=10)) == [(0, SunCommand.SET_LEVEL, 11)]
    assert commands(follow([2290] * 30, level=10)) == [(0, SunCommand.SET_LEVEL, 9)]


def test_levels_are_on_the_steps_of_the_charger() -> None:
    step = follow_sun(SunWatch(), 3000, ChargeLimits(8, 20, 230), 8, NOON, SunRules(step=4))
    assert step.level == 12


@pytest.mark.parametrize(
    ("grid", "car", "battery", "first", "surplus"),
    [
        (-2000, 0, 0, First.BATTERY, 2000),
        (-500, 1500, 0, First.BATTERY, 2000),
        (300, 2000, 0, First.CAR, 1700),
        (-500, 0, -3000, First.BATTERY, 500),
        (-500, 0, -3000, First.CAR, 3500),
        (0, 2000, 1200, First.BATTERY, 800),
        (0, 2000, 1200, First.CAR, 800),
        (None, 2000, 0, First.CAR, None),
    ],
)
def test_the_surplus_is_what_nobody_else_takes(grid: float | None, car: float, battery: float, first: First, surplus: float | None) -> None:
    assert surplus_for_car(grid, car, battery, first) == surplus


def test_limits_that_make_no_sense_do_nothing() -> None:
    for limits in (ChargeLimits(0, 16, 230), ChargeLimits(16, 6, 230), ChargeLimits(6, 16, 0)):
        assert commands(follow([9000] * 60, limits)) == []
        assert commands(follow([0] * 60, limits, level=16)) == []


surpluses_of_a_spell = st.one_of(st.none(), st.floats(-5000, 15000), st.just(float("nan")))
spells = st.tuples(surpluses_of_a_spell, st.integers(1, 25)).map(lambda spell: [spell[0]] * spell[1])
clouds = st.lists(spells, max_size=20).map(lambda drawn: [surplus for spell in drawn for surplus in spell])
limits_of_cars = st.builds(
    lambda least, more, watts: ChargeLimits(least, least + more, watts),
    st.integers(6, 16),
    st.integers(0, 26),
    st.sampled_from([120, 230, 690]),
)


@given(clouds, limits_of_cars, st.booleans())
@settings(max_examples=examples(1000))
def test_commands_are_rare_and_within_the_limits(surpluses: list[float | None], limits: ChargeLimits, is_charging: bool) -> None:
    sent = follow(surpluses, limits, limits.least if is_charging else None)
    for (minute, _), (following, _) in pairwise(sent):
        assert following - minute >= 5
    was_on = is_charging
    for _, step in sent:
        match step.command:
            case SunCommand.START:
                assert not was_on
            case _:
                assert was_on
        was_on = step.command is not SunCommand.STOP
        assert (step.level is None) == (step.command is SunCommand.STOP)
        assert step.level is None or limits.least <= step.level <= limits.most


@given(clouds, limits_of_cars, st.booleans())
@settings(max_examples=examples(1000))
def test_charging_begins_and_stops_for_a_reason_that_lasts(surpluses: list[float | None], limits: ChargeLimits, is_charging: bool) -> None:
    """Ten minutes of enough before a start, ten minutes of too little before a stop."""
    least = limits.least * limits.watts_per_ampere
    sent = follow(surpluses, limits, limits.least if is_charging else None)
    for minute, step in sent:
        before = [0.0 if surplus is None or isnan(surplus) else surplus for surplus in surpluses[max(0, minute - 10) : minute + 1]]
        if step.command is SunCommand.START:
            assert len(before) == 11
            assert min(before) >= least + 300
        if step.command is SunCommand.STOP:
            assert len(before) == 11
            assert max(before) < least - 300


@given(clouds, limits_of_cars, st.booleans())
@settings(max_examples=examples(1000))
def test_a_sun_that_lasts_is_followed_within_a_quarter_of_an_hour(
    surpluses: list[float | None], limits: ChargeLimits, is_charging: bool
) -> None:
    """Whatever was before it; and a night ends it as soon."""
    least = limits.least * limits.watts_per_ampere
    for last, is_on in ((least + 301.0, True), (0.0, False)):
        sent = follow([*surpluses, *[last] * 17], limits, limits.least if is_charging else None)
        switched = [step.command for _, step in sent if step.command is not SunCommand.SET_LEVEL]
        assert (switched[-1] is SunCommand.START if switched else is_charging) == is_on


@given(st.floats(0, 15000), limits_of_cars)
@settings(max_examples=examples(1000))
def test_a_steady_sun_needs_few_commands(surplus: float, limits: ChargeLimits) -> None:
    """A start, and no other level; and the car takes no more than the sun gives, but for the margin at the lowest level."""
    sent = follow([surplus] * 120, limits)
    assert len(sent) <= 1
    for _, step in sent:
        assert step.level is not None
        assert step.level * limits.watts_per_ampere <= surplus + 1e-3
        assert surplus < (step.level + 1) * limits.watts_per_ampere + 1e-3 or step.level == limits.most


@given(st.lists(st.floats(2310, 2520), min_size=30, max_size=90))
@settings(max_examples=examples(400))
def test_a_sun_that_flickers_within_a_step_needs_no_command(surpluses: list[float]) -> None:
    assert follow(surpluses, level=10) == []
