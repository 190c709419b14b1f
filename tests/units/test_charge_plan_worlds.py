"""What holds for every plan, in every world."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings, strategies as st
import pytest

from custom_components.enphase_ev.charger.plan import ChargeLimits, ChargePlan, PlanNote, Wanted, plan_charging
from custom_components.enphase_ev.site.price_slot import PriceSlot
from tests.thoroughness import examples
from tests.units.plan_worlds import STEP, World, best_costs, starts_in, steps_of, worlds

SLACK = 1e-6
HOUR = timedelta(hours=1)


def plan_of(world: World, former: ChargePlan | None = None) -> ChargePlan:
    return plan_charging(world.slots, world.wanted, world.limits, world.now, former)


def length_of(plan: ChargePlan) -> timedelta:
    return sum((one.end - one.start for one in plan.times), timedelta())


def times_of(plan: ChargePlan) -> list[tuple[datetime, datetime]]:
    return [(one.start, one.end) for one in plan.times]


# --- Any world, to the second ---

odd_moments = st.integers(0, 10**6).map(lambda tenths: datetime(2026, 3, 28, 12, tzinfo=UTC) + timedelta(seconds=tenths / 10))
odd_slots = st.lists(
    st.builds(
        lambda start, minutes, value: PriceSlot(start, start + timedelta(minutes=minutes), value),
        odd_moments,
        st.integers(-5, 200),
        st.one_of(st.floats(-1, 1), st.sampled_from([float("nan"), float("inf")])),
    ),
    max_size=30,
)


@given(
    prices=odd_slots,
    now=odd_moments,
    hours=st.floats(-1, 30).map(lambda value: round(value, 3)),
    energy=st.floats(-1, 200).map(lambda value: round(value, 3)),
    least=st.sampled_from([0, 6]),
    most=st.sampled_from([0, 5, 6, 16, 32]),
    watts=st.sampled_from([0, 120, 230, 690]),
)
@settings(max_examples=examples(1000))
def test_a_plan_keeps_to_what_is_possible(
    prices: list[PriceSlot], now: datetime, hours: float, energy: float, least: float, most: float, watts: float
) -> None:
    """Within the limits, within the time, as much as is wanted or as fits, in no piece that is too short: whatever the prices are."""
    limits = ChargeLimits(least, most, watts)
    ready_by = now + hours * HOUR

    plan = plan_charging(prices, Wanted(energy, ready_by), limits, now)

    power = most * watts / 1000 if least <= most else 0
    for one in plan.times:
        assert now <= one.start < one.end <= ready_by
        assert least <= one.level <= most
        assert len(plan.times) == 1 or one.end - one.start >= timedelta(minutes=10)
    for one, following in zip(plan.times, plan.times[1:], strict=False):
        assert one.end < following.start
    assert plan.energy == pytest.approx(length_of(plan) / HOUR * power, abs=power / 3600 + SLACK)
    fits = max(0, hours) * power
    assert plan.energy == pytest.approx(max(0, min(energy, fits)), abs=2 * power / 3600 + SLACK)
    assert plan.missing == pytest.approx(max(0, energy - fits), abs=2 * power / 3600 + SLACK)
    is_told = bool(plan.notes & {PlanNote.READY_BY_PAST, PlanNote.DOES_NOT_FIT})
    # A minute of charging is nothing to tell of.
    assert is_told or plan.missing <= power / 60 + SLACK
    assert plan.missing > 0 or not is_told or energy <= 0


# --- Worlds of steps ---


@given(worlds(gaps=True))
@settings(max_examples=examples(1000))
def test_a_plan_says_what_it_costs(world: World) -> None:
    plan = plan_of(world)
    assert len(steps_of(plan, world)) == world.steps_wanted
    assert plan.energy == pytest.approx(world.wanted.energy)
    cost, at_once = world.cost(steps_of(plan, world)), world.cost(range(world.steps_wanted))
    assert plan.cost == (None if cost is None else pytest.approx(cost, abs=SLACK))
    assert plan.cost_at_once == (None if at_once is None else pytest.approx(at_once, abs=SLACK))
    assert (PlanNote.PRICES_MISSING in plan.notes) == (None in world.prices and any(price is not None for price in world.prices))


@given(worlds(gaps=True, most_slots=40))
@settings(max_examples=examples(1000))
def test_a_plan_is_never_dearer_than_charging_at_once(world: World) -> None:
    plan = plan_of(world)
    at_once = world.cost(range(world.steps_wanted))
    assume(at_once is not None and plan.cost is not None)
    assert plan.cost <= at_once + SLACK


@given(worlds())
@settings(max_examples=examples(1000))
def test_a_plan_costs_hardly_more_than_the_best_there_is(world: World) -> None:
    """At most 2 %, and what it may cost to have no time of less than ten minutes."""
    plan = plan_of(world)
    best = best_costs(world, 6)[-1]
    assert plan.cost is not None
    prices = [price for price in world.prices if price is not None]
    assert plan.cost <= best + 0.02 * abs(best) + (max(prices) - min(prices)) * world.power / 6 + SLACK


@given(worlds())
@settings(max_examples=examples(1000))
def test_a_car_charges_in_one_go_where_that_costs_hardly_more(world: World) -> None:
    count, wanted = len(world.prices), world.steps_wanted
    in_one_go = min(world.cost(range(begin, begin + wanted)) or 0.0 for begin in range(count - wanted + 1))
    least = sum(sorted(price for price in world.prices if price is not None)[:wanted]) * world.power / 12
    assume(in_one_go <= least + 0.0199 * abs(least))
    assert len(plan_of(world).times) == 1


@given(worlds())
@settings(max_examples=examples(400))
def test_a_plan_has_few_starts(world: World) -> None:
    """At most one more than the fewest with which it can be nearly as cheap."""
    costs = best_costs(world, 6)
    fewest = next(number for number, cost in enumerate(costs, 1) if cost <= costs[-1] + 0.02 * abs(costs[-1]) + SLACK)
    assert starts_in(steps_of(plan_of(world), world)) <= fewest + 1


@given(worlds(gaps=True))
@settings(max_examples=examples(1000))
def test_time_without_a_price_is_used_only_where_it_has_to_be(world: World) -> None:
    plan = plan_of(world)
    best = best_costs(world, 6)[-1]
    if best < float("inf"):
        assert plan.cost is not None
    elif sum(price is not None for price in world.prices) < world.steps_wanted:
        assert steps_of(plan, world) == list(range(world.steps_wanted))


@given(worlds(), st.integers(1, 4))
@settings(max_examples=examples(1000))
def test_nothing_about_a_plan_changes_with_the_minutes(world: World, every: int) -> None:
    """Made anew while the car waits and while it charges, with the same prices, it has the same times."""
    plan = former = plan_of(world)
    steps = steps_of(plan, world)
    for step in range(every, len(world.prices), every):
        rest = [later for later in steps if later >= step]
        if not rest:
            break
        now = world.later(step, len(rest))
        former = plan_of(now, former)
        assert steps_of(former, now) == [later - step for later in rest]


@given(worlds(gaps=True), worlds(gaps=True), st.booleans(), st.booleans())
@settings(max_examples=examples(1000))
def test_a_plan_made_for_another_world_does_no_harm(world: World, other: World, keeps_basis: bool, is_running: bool) -> None:
    """One that was kept over a restart, or made for other prices, another time or another car."""
    former = plan_of(other) if keeps_basis else replace(plan_of(other), basis=None)
    if former.times and is_running:
        # Its first time has begun five minutes ago.
        moved = world.now - STEP - former.times[0].start
        former = replace(former, times=tuple(replace(one, start=one.start + moved, end=one.end + moved) for one in former.times))

    plan = plan_of(world, former)

    assert len(steps_of(plan, world)) == world.steps_wanted
    assert all(one.end - one.start >= timedelta(minutes=10) for one in plan.times if one.start > world.now) or len(plan.times) == 1
    assert {one.level for one in plan.times} == {world.limits.most}
    at_once, fresh = world.cost(range(world.steps_wanted)), plan_of(world)
    if at_once is not None:
        assert plan.cost is not None
        assert plan.cost <= at_once + SLACK
    if fresh.cost is not None:
        assert plan.cost is not None
        prices = [price for price in world.prices if price is not None]
        ten_minutes = (max(prices) - min(prices)) * world.power / 6
        assert plan.cost <= fresh.cost + 0.02 * abs(fresh.cost) + ten_minutes + SLACK


@given(worlds(), st.data())
@settings(max_examples=examples(1000))
def test_prices_that_come_late_make_nothing_worse(world: World, data: st.DataObject) -> None:
    """The car is ready all the same, and what is planned with all prices costs no more than what was planned before."""
    known = data.draw(st.integers(0, len(world.prices)), label="steps with a price")
    arrival = data.draw(st.integers(0, len(world.prices) - 1), label="step in which the others come")
    before = plan_of(world.known(known))
    steps = steps_of(before, world)
    rest = [step - arrival for step in steps if step >= arrival]
    assume(rest)
    now = world.later(arrival, len(rest))

    after = plan_of(now, before)

    assert after.missing == 0
    assert len(steps_of(after, now)) == len(rest)
    if known >= world.steps_wanted:
        cost = now.cost(rest)
        assert after.cost is not None
        assert cost is not None
        assert after.cost <= cost + SLACK


@given(worlds(), st.data())
@settings(max_examples=examples(400))
def test_a_car_that_takes_less_gets_the_rest_where_there_is_time(world: World, data: st.DataObject) -> None:
    """It takes a part of what is planned. What is still wanted is planned anew step by step, and it is full if that is possible at all."""
    takes = data.draw(st.floats(0.1, 1), label="of the power")
    power, energy = world.power, world.wanted.energy
    plan: ChargePlan | None = None
    for step in range(len(world.prices)):
        now = world.later(step, 1)
        plan = plan_charging(now.slots, Wanted(energy, now.ready_by), world.limits, now.now, plan)
        left = len(world.prices) - step
        assert plan.missing == pytest.approx(max(0, energy - left * power / 12), abs=power / 3600)
        if plan.time_at(now.now):
            energy -= min(energy, takes * power / 12)
        if energy < SLACK:
            break


@given(worlds(least=0.0), st.sampled_from([timedelta(hours=9, minutes=30), timedelta(hours=-7), timedelta(0)]))
@settings(max_examples=examples(400))
def test_a_plan_is_the_same_by_every_clock(world: World, offset: timedelta) -> None:
    """Both nights of clock changes are like every other one: only what time it is in UTC counts."""
    shifted = [PriceSlot(slot.start.astimezone(UTC) + offset, slot.end.astimezone(UTC) + offset, slot.value) for slot in world.slots]
    elsewhere = plan_charging(shifted, Wanted(world.wanted.energy, world.ready_by + offset), world.limits, world.now + offset)
    assert [(start + offset, end + offset) for start, end in times_of(plan_of(world))] == times_of(elsewhere)
    assert all(one.start.tzinfo is UTC for one in elsewhere.times)


@given(worlds())
@settings(max_examples=examples(400))
def test_where_all_prices_are_the_same_a_car_charges_at_once(world: World) -> None:
    same = World(world.now, (world.prices[0],) * len(world.prices), world.steps_wanted, world.limits)
    assert steps_of(plan_of(same), same) == list(range(same.steps_wanted))


@given(worlds(), st.data())
@settings(max_examples=examples(400))
def test_prices_come_in_any_order_and_more_than_once(world: World, data: st.DataObject) -> None:
    slots = data.draw(st.permutations(world.slots + world.slots[::2]))
    assert plan_charging(slots, world.wanted, world.limits, world.now) == plan_of(world)
