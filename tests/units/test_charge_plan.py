"""When a car is charged: few times, little money, ready in time."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.enphase_ev.charger.plan import ChargeLimits, ChargePlan, PlanNote, Wanted, plan_charging
from custom_components.enphase_ev.site.price_slot import PriceSlot

EVENING = datetime(2026, 5, 20, 18, 0, tzinfo=UTC)
MORNING = datetime(2026, 5, 21, 7, 0, tzinfo=UTC)
# 7.36 kW
ONE_PHASE = ChargeLimits(6, 32, 230)


def hourly(*values: float, start: datetime = EVENING) -> list[PriceSlot]:
    return [PriceSlot(start + timedelta(hours=hour), start + timedelta(hours=hour + 1), value) for hour, value in enumerate(values)]


def hours_of(plan: ChargePlan) -> list[tuple[float, float]]:
    """When a plan charges, in hours from the evening on."""
    return [((one.start - EVENING) / timedelta(hours=1), (one.end - EVENING) / timedelta(hours=1)) for one in plan.times]


def test_the_cheapest_hours_are_taken() -> None:
    plan = plan_charging(hourly(*[0.4] * 4, *[0.1] * 3, *[0.3] * 6), Wanted(3 * 7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(4, 7)]
    assert plan.times[0].level == 32
    assert plan.cost == pytest.approx(3 * 7.36 * 0.1)
    assert plan.cost_at_once == pytest.approx(3 * 7.36 * 0.4)
    assert (plan.energy, plan.missing, plan.notes) == (pytest.approx(3 * 7.36), 0, frozenset())


def test_two_cheap_times_are_taken_where_one_costs_much_more() -> None:
    plan = plan_charging(hourly(0.4, 0.1, 0.1, *[0.4] * 5, 0.1, 0.1, *[0.4] * 3), Wanted(4 * 7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(1, 3), (8, 10)]


def test_one_time_is_taken_where_it_costs_hardly_more() -> None:
    plan = plan_charging(hourly(0.3, 0.1, 0.1, 0.104, 0.1, *[0.4] * 8), Wanted(3 * 7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(1, 4)]


def test_where_the_price_is_always_the_same_the_car_charges_at_once() -> None:
    plan = plan_charging(hourly(*[0.3] * 13), Wanted(10, MORNING), ONE_PHASE, EVENING + timedelta(minutes=7))
    assert [one.start for one in plan.times] == [EVENING + timedelta(minutes=7)]


def test_without_prices_the_car_charges_at_once() -> None:
    plan = plan_charging([], Wanted(7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(0, 1)]
    assert (plan.cost, plan.cost_at_once, plan.notes) == (None, None, {PlanNote.NO_PRICES})


def test_more_than_fits_is_charged_as_far_as_it_fits() -> None:
    plan = plan_charging(hourly(*[0.3] * 13), Wanted(100, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(0, 13)]
    assert plan.missing == pytest.approx(100 - 13 * 7.36)
    assert plan.notes == {PlanNote.DOES_NOT_FIT}


def test_nothing_is_planned_for_a_time_that_is_past() -> None:
    plan = plan_charging(hourly(*[0.3] * 13), Wanted(10, EVENING - timedelta(hours=1)), ONE_PHASE, EVENING)
    assert (plan.times, plan.energy, plan.missing, plan.notes) == ((), 0, 10, {PlanNote.READY_BY_PAST})


def test_a_gap_in_the_prices_is_left_out() -> None:
    prices = hourly(0.3, 0.3, 0.3, 0.2, *[0.3] * 9)
    plan = plan_charging([*prices[:1], *prices[2:5]], Wanted(3 * 7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(2, 5)]
    assert plan.notes == {PlanNote.PRICES_MISSING}
    plan = plan_charging([*prices[:1], *prices[2:5]], Wanted(3.5 * 7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(0, 1), (2, 4.5)]


def test_prices_of_yesterday_are_no_prices() -> None:
    plan = plan_charging(hourly(*[0.3] * 13, start=EVENING - timedelta(days=1)), Wanted(7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(0, 1)]
    assert (plan.cost, plan.notes) == (None, {PlanNote.PRICES_STALE})


def test_a_charger_is_paid_for_what_it_takes_at_a_negative_price() -> None:
    plan = plan_charging(hourly(0.1, -0.2, -0.1, *[0.1] * 10), Wanted(2 * 7.36, MORNING), ONE_PHASE, EVENING)
    assert hours_of(plan) == [(1, 3)]
    assert plan.cost == pytest.approx(-0.3 * 7.36)
    assert plan.times[0].level == 32
