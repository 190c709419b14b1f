"""Who has started or stopped a car, from what a charger shows: a person, unless it is known to be something else."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.enphase_ev.charger.plan_decision import MOST_COMMANDS, Patience, PlanState, Situation, decide
from custom_components.enphase_ev.charger.visit import Hand, Sight, StoredPlan, Visit
from tests.thoroughness import examples

NOW = datetime(2026, 11, 30, 18, tzinfo=UTC)
PLUGGED_AT = NOW - timedelta(minutes=30)
_AT_SIX = NOW + timedelta(minutes=6)


def _sight(minute: float, *, charging: bool = False, plugged: bool = True, **more: object) -> Sight:
    """What a charger shows some minutes after NOW."""
    session = {"plugged_in_at": PLUGGED_AT if plugged else None, "energy": 0.0}
    at = NOW + timedelta(minutes=minute)
    return Sight(at=at, is_plugged_in=plugged, is_charging=charging, **{**session, **more})  # type: ignore[arg-type]  # names of fields


def _visit() -> Visit:
    """A visit of a car that does not charge and that nobody has touched."""
    return Visit.turned_on_at(_sight(0))


def _started() -> Visit:
    """The same after the planner has started it, and it charges."""
    return _visit().commanded(NOW + timedelta(minutes=1), is_start=True).after(_sight(1.5, charging=True))


def _seen(visit: Visit, sights: Iterable[Sight]) -> Visit:
    for sight in sights:
        visit = visit.after(sight)
    return visit


_CASES: dict[str, tuple[Visit, list[Sight], Hand]] = {
    "nothing happens": (_visit(), [_sight(1), _sight(2)], Hand.NOTHING),
    "started by somebody": (_visit(), [_sight(1, charging=True)], Hand.STARTED),
    "started by the planner": (_started(), [_sight(2, charging=True)], Hand.NOTHING),
    "stopped by the planner": (_started().commanded(NOW + timedelta(minutes=5), is_start=False), [_sight(5.5)], Hand.NOTHING),
    "stopped by somebody": (_started(), [_sight(5)], Hand.STOPPED),
    "stopped and started by somebody": (_started(), [_sight(5), _sight(6, charging=True)], Hand.STARTED),
    "the planner's stop is not followed, and much later it stops": (
        _started().commanded(NOW + timedelta(minutes=5), is_start=False),
        [_sight(6, charging=True), _sight(60)],
        Hand.STOPPED,
    ),
    "the planner's start is not followed, and much later it charges": (
        _visit().commanded(NOW + timedelta(minutes=1), is_start=True),
        [_sight(2), _sight(60, charging=True)],
        Hand.STARTED,
    ),
    "the planner's start is seen after a long silence": (
        _visit().commanded(NOW + timedelta(minutes=1), is_start=True),
        [_sight(60, charging=True)],
        Hand.NOTHING,
    ),
    "started after the planner has stopped it": (
        _started().commanded(NOW + timedelta(minutes=5), is_start=False),
        [_sight(5.5), _sight(6, charging=True)],
        Hand.STARTED,
    ),
    "the car pauses and goes on": (_started(), [_sight(5, is_pausing=True), _sight(50, charging=True)], Hand.NOTHING),
    "stopped while the car pauses": (_started(), [_sight(5, is_pausing=True), _sight(6)], Hand.STOPPED),
    "the car's own timer starts it": (_visit(), [_sight(5, is_pausing=True), _sight(50, charging=True)], Hand.STARTED),
    "the car pauses a charge that began with the plug": (
        _visit().after(_sight(5, plugged=False)).after(_sight(6, charging=True, plugged_in_at=_AT_SIX, started_at=_AT_SIX)),
        [_sight(7, is_pausing=True, plugged_in_at=_AT_SIX), _sight(50, charging=True, plugged_in_at=_AT_SIX, started_at=_AT_SIX)],
        Hand.NOTHING,
    ),
    "the car is full that a person started": (_visit(), [_sight(5, charging=True), _sight(50, is_pausing=True)], Hand.STARTED),
    "another mode stops it": (_started(), [_sight(5, is_by_mode=True), _sight(60, is_by_mode=True), _sight(61)], Hand.NOTHING),
    "another mode starts and stops it": (
        _visit(),
        [_sight(5, charging=True, is_by_mode=True), _sight(60, is_by_mode=True), _sight(61)],
        Hand.NOTHING,
    ),
    "what another mode began goes on": (
        _visit(),
        [_sight(5, charging=True, is_by_mode=True), _sight(61, charging=True)],
        Hand.STARTED,
    ),
    "it goes on through another mode": (_started(), [_sight(5, charging=True, is_by_mode=True), _sight(61, charging=True)], Hand.NOTHING),
    "stopped by a person, then in another mode": (_started(), [_sight(5), _sight(6, is_by_mode=True), _sight(61)], Hand.STOPPED),
    "a start that the cloud failed to answer": (
        _visit().commanded(NOW + timedelta(minutes=1), is_start=True).doubted(),
        [_sight(2), _sight(2.9, charging=True)],
        Hand.NOTHING,
    ),
    "a stop that the cloud failed to answer": (
        _started().commanded(NOW + timedelta(minutes=5), is_start=False).doubted(),
        [_sight(9)],
        Hand.NOTHING,
    ),
    "a person helps out where the cloud failed": (
        _visit().commanded(NOW + timedelta(minutes=1), is_start=True).doubted(),
        [_sight(2), _sight(3.1, charging=True)],
        Hand.STARTED,
    ),
    "a start asked for here comes to nothing": (
        _visit().asked_by_hand(NOW, is_start=True),
        [_sight(1, is_under_way=True), _sight(5), _sight(10.1)],
        Hand.NOTHING,
    ),
    "a start asked for here may still come": (_visit().asked_by_hand(NOW, is_start=True), [_sight(5), _sight(10)], Hand.STARTED),
    "a start asked for here is seen, and the charge ends": (
        _visit().asked_by_hand(NOW, is_start=True),
        [_sight(1, charging=True), _sight(60, is_pausing=True), _sight(90, is_pausing=True)],
        Hand.STARTED,
    ),
    "two starts come to nothing after a stop": (
        _visit().asked_by_hand(NOW, is_start=False).asked_by_hand(NOW, is_start=True).asked_by_hand(NOW, is_start=True),
        [_sight(11)],
        Hand.STOPPED,
    ),
    "a fault stops it": (_started(), [_sight(5, is_out_of_order=True), _sight(6)], Hand.NOTHING),
    "somebody starts it after a fault": (_started(), [_sight(5, is_out_of_order=True), _sight(6), _sight(7, charging=True)], Hand.STARTED),
    "it is offline": (_started(), [_sight(5, is_offline=True), _sight(6, charging=True)], Hand.NOTHING),
    "stopped while it was offline": (_started(), [_sight(5, is_offline=True), _sight(6)], Hand.STOPPED),
    "a new level needs a stop and a start": (_started(), [_sight(5, is_under_way=True), _sight(6, charging=True)], Hand.NOTHING),
    "a start of the planner that fails": (
        _visit().commanded(NOW + timedelta(minutes=1), is_start=True),
        [_sight(1.5, is_under_way=True), _sight(3)],
        Hand.NOTHING,
    ),
    "stopped, and the plug pulled and put back": (
        _started(),
        [_sight(5), _sight(6, plugged=False), _sight(7, plugged_in_at=NOW + timedelta(minutes=7))],
        Hand.NOTHING,
    ),
    "stopped, and an answer in between without the car": (_started(), [_sight(5), _sight(6, plugged=False), _sight(7)], Hand.STOPPED),
    "stopped, and another car by the next look": (
        _started(),
        [_sight(5), _sight(90, plugged_in_at=NOW + timedelta(minutes=60))],
        Hand.NOTHING,
    ),
}


@pytest.mark.parametrize(("visit", "sights", "hand"), _CASES.values(), ids=_CASES)
def test_whose_hand_it_was(visit: Visit, sights: list[Sight], hand: Hand) -> None:
    assert _seen(visit, sights).hand is hand


@pytest.mark.parametrize(("after", "hand"), [(0, Hand.NOTHING), (59, Hand.NOTHING), (61, Hand.STARTED), (None, Hand.STARTED)])
def test_what_begins_with_the_plug(after: float | None, hand: Hand) -> None:
    plugged_at = NOW + timedelta(minutes=10)
    started_at = None if after is None else plugged_at + timedelta(seconds=after)
    gone = _visit().after(_sight(5, plugged=False))
    visit = gone.after(_sight(11, charging=True, plugged_in_at=plugged_at, started_at=started_at))
    assert visit.hand is hand
    # The times of a session name its first start for good: a later one is a person's.
    later = visit.commanded(NOW + timedelta(minutes=12), is_start=False).after(_sight(12.5, plugged_in_at=plugged_at))
    again = later.after(_sight(20, charging=True, plugged_in_at=plugged_at, started_at=started_at))
    assert again.hand is Hand.STARTED


def test_a_charge_that_runs_when_the_planner_is_turned_on_is_a_persons() -> None:
    assert Visit.turned_on_at(_sight(0, charging=True)).hand is Hand.STARTED


def test_energy_counts_down_over_counters_that_begin_anew() -> None:
    visit = Visit.turned_on_at(_sight(0, energy=4.0))
    visit = _seen(visit, [_sight(1, energy=4.0), _sight(2, energy=5.5), _sight(3, energy=None), _sight(4, energy=1.0)])
    assert visit.taken == pytest.approx(2.5)
    # A new session: what it has counted until it is seen belongs to it.
    visit = visit.after(_sight(30, energy=0.75, plugged_in_at=NOW + timedelta(minutes=20)))
    assert visit.taken == pytest.approx(0.75)


def test_it_outlives_a_restart() -> None:
    plan = StoredPlan(is_on=True, deadline=NOW, visit=_started(), commands=[NOW], times=[(NOW, NOW)])
    assert StoredPlan.from_dict(plan.to_dict()) == plan


_SIGHTS = st.lists(
    st.builds(
        lambda charging, pausing, offline, faulted: (charging, pausing, offline, faulted),
        *(st.booleans() for _ in range(4)),
    ),
    max_size=12,
)


@given(_SIGHTS)
@settings(max_examples=examples(400))
def test_it_never_acts_against_a_person_whatever_comes_then(states: list[tuple[bool, bool, bool, bool]]) -> None:
    """A person's word holds until the plug is pulled, or until another one's."""
    for visit, hand in ((_started().after(_sight(2)), Hand.STOPPED), (_visit().after(_sight(2, charging=True)), Hand.STARTED)):
        assert visit.hand is hand
        for number, (charging, pausing, offline, faulted) in enumerate(states):
            more = {"is_pausing": pausing and not charging, "is_offline": offline, "is_out_of_order": faulted}
            sight = _sight(3 + number, charging=charging, **more)
            visit = visit.after(sight)  # noqa: PLW2901 - the same car
            assert visit.hand is not Hand.NOTHING
            for is_now in (True, False):
                assert decide(_situation(visit, sight, is_now=is_now)).is_start is None


def _situation(visit: Visit, sight: Sight | None, **more: object) -> Situation:
    deadline = NOW + timedelta(hours=13)
    usual: dict[str, object] = {"is_manual": True, "remaining": 5.0, "is_now": False, "has_prices": True}
    at = sight.at if sight else NOW
    return Situation(now=at, sight=sight, visit=visit, deadline=deadline, **{**usual, **more})  # type: ignore[arg-type]  # names of fields


@pytest.mark.parametrize(
    ("visit", "sight", "more", "state", "is_start"),
    [
        (_visit(), _sight(1), {}, PlanState.PLANNED, None),
        (_visit(), _sight(1), {"is_now": True}, PlanState.PLANNED, True),
        (_started(), _sight(2, charging=True), {"is_now": True}, PlanState.CHARGING, None),
        (_started(), _sight(2, charging=True), {}, PlanState.PLANNED, False),
        (_started(), _sight(2, charging=True), {"remaining": 0.0}, PlanState.DONE, False),
        (_visit(), _sight(1), {"remaining": 0.0, "is_now": True}, PlanState.DONE, None),
        (_started(), _sight(2, charging=True), {"is_manual": False}, PlanState.OTHER_MODE, None),
        (_visit(), _sight(1), {"is_manual": False, "is_now": True}, PlanState.OTHER_MODE, None),
        (_visit(), None, {"is_now": True}, PlanState.NO_DATA, None),
        (_visit(), _sight(1, is_offline=True), {"is_now": True}, PlanState.CHARGER_UNAVAILABLE, None),
        (_visit(), _sight(1, plugged=False), {"is_now": True}, PlanState.NO_CAR, None),
        (_visit(), _sight(1), {"has_prices": False}, PlanState.NO_PRICES, None),
        (_started(), _sight(2, charging=True), {"has_prices": False}, PlanState.NO_PRICES, None),
        (_visit(), _sight(14 * 60), {"is_now": True}, PlanState.TIME_IS_OVER, None),
        (_started(), _sight(14 * 60, charging=True), {}, PlanState.CHARGING, None),
        (_started(), _sight(2, is_pausing=True), {"is_now": True}, PlanState.CAR_TAKES_NOTHING, None),
        # What is offered and not taken is withdrawn, so that nothing begins outside of the plan.
        (_started(), _sight(2, is_pausing=True), {}, PlanState.PLANNED, False),
    ],
)
def test_what_follows(visit: Visit, sight: Sight | None, more: dict[str, object], state: PlanState, is_start: bool | None) -> None:
    decision = decide(_situation(visit.after(sight) if sight else visit, sight, **more))
    assert (decision.state, decision.is_start) == (state, is_start)


@given(st.lists(st.tuples(st.integers(0, 900), st.booleans()), max_size=60))
@settings(max_examples=examples(400))
def test_no_hour_has_more_than_six_commands(tries: list[tuple[int, bool]]) -> None:
    patience, now, sent = Patience(), NOW, list[datetime]()
    for seconds, is_start in tries:
        now += timedelta(seconds=seconds)
        if patience.next_at(now, is_start=is_start) <= now:
            patience.commands.append(now)
            sent.append(now)
        assert len([one for one in sent if now - one < timedelta(hours=1)]) <= MOST_COMMANDS
    # The last one of an hour is kept for a stop.
    full = Patience(commands=[NOW] * (MOST_COMMANDS - 1))
    assert full.next_at(NOW, is_start=True) == NOW + timedelta(hours=1)
    assert full.next_at(NOW, is_start=False) == NOW


def test_it_waits_longer_after_each_failure() -> None:
    patience, waits = Patience(), []
    for _ in range(6):
        patience.rest(NOW)
        waits.append((patience.next_at(NOW, is_start=True) - NOW) / timedelta(minutes=1))
    assert waits == [2, 4, 8, 15, 15, 15]


def test_a_command_that_did_not_arrive_was_not_sent() -> None:
    before = _started()
    after = before.commanded(NOW + timedelta(minutes=5), is_start=False).not_commanded(before)
    assert after == before == replace(before)
