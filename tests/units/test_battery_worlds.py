"""Nothing is lost, nothing deleted comes back, nothing goes on for ever: the pure decision in many worlds, each from a number."""

from datetime import time, timedelta

import pytest

from custom_components.enphase_ev.battery import override
from custom_components.enphase_ev.battery.decide import decide
from custom_components.enphase_ev.battery.ledger import ChangeState, Intent, KeptEntry, Ledger, OverrideWish
from custom_components.enphase_ev.battery.steps import Read, Reading
from custom_components.enphase_ev.enlighten import BatteryEntry, BatteryFamily, BatteryWish
from tests.units.keeper_world import World, says
from tests.units.model_cloud import ModelCloud, Weather

# Worlds that were lost once; each had a cause of its own.
_ONCE_LOST = (
    309,
    72,
    96,
    123,
    125,
    141,
    146,
    176,
    182,
    191,
    249,
    274,
    299,
    321,
    337,
    378,
    442,
    449,
    475,
    494,
    632,
    685,
    732,
    751,
    821,
    859,
    882,
    943,
    1112,
    1138,
    10037,
    10206,
    30748,
    32419,
    33237,
    33478,
    33796,
    40059,
    40395,
    40489,
    42334,
    51730,
    10047,
    203947,
    204945,
    214367,
    223291,
    227715,
    392332,
    332916,
    380750,
    397282,
    399835,
)
# The same in weather in which more goes wrong, and processes die.
_ONCE_LOST_IN_ROUGH_WEATHER = (
    20001,
    20005,
    20111,
    20120,
    20132,
    20166,
    20207,
    20231,
    20236,
    20243,
    20308,
    20335,
    20353,
    20431,
    20452,
    20479,
    20495,
    20076,
    20196,
    20358,
    20468,
    20486,
    30144,
    30317,
    30351,
    30383,
    30550,
    30748,
    30880,
    31084,
    31624,
    31637,
    31828,
    32155,
    32434,
    32455,
    30136,
    31488,
    51352,
    61168,
    61267,
    61276,
    61453,
    70146,
    74978,
    75554,
    84139,
    102226,
    103126,
    106446,
    107418,
    103966,
    104050,
    111844,
    118316,
    118508,
    119573,
    120988,
    140531,
    142445,
    203119,
)
_WORLDS = 500
_ROUGH_WORLDS = 100
_AT_ONCE = 100


@pytest.mark.parametrize("seed", _ONCE_LOST)
def test_a_world_that_was_lost_once_is_not_lost_any_more(seed: int) -> None:
    assert World(seed).run() == []


@pytest.mark.parametrize("first", range(10_000, 10_000 + _WORLDS, _AT_ONCE))
def test_nothing_is_lost_in_any_world(first: int) -> None:
    wrong = {seed: found for seed in range(first, first + _AT_ONCE) if (found := World(seed).run())}
    assert wrong == {}


@pytest.mark.parametrize("seed", _ONCE_LOST_IN_ROUGH_WEATHER)
def test_a_rough_world_that_was_lost_once_is_not_lost_any_more(seed: int) -> None:
    assert World(seed, is_rough=True).run() == []


@pytest.mark.parametrize("first", range(20_000, 20_000 + _ROUGH_WORLDS, _AT_ONCE))
def test_nothing_is_lost_in_any_rough_world(first: int) -> None:
    wrong = {seed: found for seed in range(first, first + _AT_ONCE) if (found := World(seed, is_rough=True).run())}
    assert wrong == {}


def test_an_empty_ledger_is_at_rest() -> None:
    assert Ledger().is_at_rest


_CFG, _DTG, _RBD = BatteryFamily


def _world(weather: Weather, **values: object) -> World:
    """Return a world of which nothing is left to chance, with no entry in it yet."""
    world = World(0)
    world.cloud = ModelCloud(weather)
    world.cloud.values |= values
    world.cloud.now = 200.0
    world.must, world.reading = set(), Reading()
    return world


def _entry(family: BatteryFamily, hour: int) -> BatteryEntry:
    limit = None if family is _RBD else 50.0
    return BatteryEntry(family=family, start=time(hour), end=time(hour, 50), days=(1, 2, 3, 4, 5, 6, 7), limit=limit, time_zone="UTC")


def _ask(world: World, intent: Intent, seconds: float = 0.0) -> None:
    override.note_wish(world.ledger, intent.wish)
    world.ledger.intents.append(intent)
    world.keep_until(world.cloud.now + seconds)


@pytest.mark.parametrize(("delay", "lag"), [(30.0, 0.0), (600.0, 30.0)])
@pytest.mark.parametrize("is_changed", [False, True])
def test_an_entry_is_applied_in_the_form_that_the_site_needs(delay: float, lag: float, is_changed: bool) -> None:
    weather = Weather(delay=delay, schedules_lag=lag, source="needed", unapplied_vanish_after=900.0)
    world = _world(weather, discharge_to_grid=True)
    world.cloud.add(_entry(_DTG, 18), is_applied=True)
    wanted = BatteryEntry(**{**vars(world.cloud.rows[0].entry), "end": time(20)}) if is_changed else _entry(_DTG, 20)
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(wanted)]), 2 * 3600)

    assert says(wanted) in [says(row.entry) for row in world.cloud.rows if row.is_applied]
    assert world.ledger.names_source

    world.log.clear()
    _ask(world, Intent("reserve", world.moment, BatteryWish(reserve=40)), 1800)
    assert world.cloud.values["reserve"] == 40
    assert len([line for line in world.log if "PUT" in line]) == 1


def test_an_apply_of_which_nobody_knows_whether_it_arrived_is_no_form_that_came_to_nothing() -> None:
    world = _world(Weather(source="needed", unapplied_vanish_after=900.0), discharge_to_grid=True)
    world.ledger.names_source = True
    send, lost = world.cloud.toggle, []

    def lose_the_first(*arguments: object, **options: object) -> None:
        if lost:
            send(*arguments, **options)  # type: ignore[arg-type]  # as it came
        lost.append(arguments)

    world.cloud.toggle = lose_the_first  # type: ignore[method-assign]  # a connection that breaks
    world.unanswered = 1
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(_entry(_DTG, 20))]), 3600)

    assert [row.is_applied for row in world.cloud.rows] == [True]
    assert world.ledger.names_source
    assert len(lost) == 2


@pytest.mark.parametrize("vanish_after", [900.0, 3600.0])
def test_an_entry_of_a_family_that_is_off_is_put_back_when_no_apply_has_reached_it(vanish_after: float) -> None:
    """Only with all settings the cloud applies restrict discharge while it is off, and its entries stay pending either way."""
    weather = Weather(pending_while_off=True, rbd_off_wants_whole=True, source="ignored", unapplied_vanish_after=vanish_after)
    world = _world(weather)
    world.ticks = True
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(_entry(_RBD, 20))]), 4 * 3600)

    assert [says(row.entry) for row in world.cloud.rows] == [says(_entry(_RBD, 20))]
    assert world.cloud.rows[0].apply_sent
    assert world.ledger.not_put_back == []
    assert world.cloud.writes <= 8


def test_put_backs_are_bounded_also_where_each_one_is_dropped_before_it_counts_as_seen() -> None:
    world = _world(Weather(pending_while_off=True, applies_drop_every=1, drop_after=20.0), discharge_to_grid=True)
    world.cloud.add(_entry(_RBD, 14), is_applied=True)
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(_entry(_DTG, 20))]), 4 * 3600)

    assert {says(row.entry) for row in world.cloud.rows} | {says(kept) for kept in world.ledger.not_put_back} == {
        says(_entry(_RBD, 14)),
        says(_entry(_DTG, 20)),
    }
    assert world.cloud.writes <= 30


def test_what_collided_is_sent_once_more_when_the_gateway_is_back_also_after_an_hour() -> None:
    weather = Weather(delay=600.0, settings_lag=30.0, lost_while_pending=True, offline=(200.0, 4000.0), unapplied_vanish_after=900.0)
    world = _world(weather)
    world.ticks = True
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(_entry(_RBD, 14))]), 15)
    _ask(world, Intent("reserve", world.moment, BatteryWish(reserve=40)), 1)
    _ask(world, Intent("charge", world.moment, BatteryWish(charge_from_grid=True)), 3 * 3600)

    assert (world.cloud.values["reserve"], world.cloud.values["charge_from_grid"]) == (40, True)
    assert [row.is_applied for row in world.cloud.rows] == [True]
    assert world.ledger.is_at_rest
    assert world.cloud.writes <= 6


@pytest.mark.parametrize("lag", [0.0, 85.0])
def test_charge_from_grid_stays_off_though_a_profile_that_was_pending_brings_it_on(lag: float) -> None:
    world = _world(Weather(delay=120.0, settings_lag=lag, lost_while_pending=True, profile_brings=True))
    _ask(world, Intent("profile", world.moment, BatteryWish(profile="cost_savings")), 40)
    _ask(world, Intent("reserve", world.moment, BatteryWish(reserve=40)), 10)
    _ask(world, Intent("charge", world.moment, BatteryWish(charge_from_grid=False)), 3600)

    assert world.cloud.values["profile"] == "cost_savings"
    assert (world.cloud.values["reserve"], world.cloud.values["charge_from_grid"]) == (40, False)


def test_a_look_comes_also_where_nothing_was_read_since_a_restart() -> None:
    ledger, now = Ledger(), World(0).moment
    ledger.expect([_entry(_DTG, 20)], written_at=now)
    assert isinstance(decide(ledger, Reading(), now), Read)


def test_an_entry_that_no_form_has_applied_does_not_disappear_without_words() -> None:
    world = _world(Weather(unapplied_vanish_after=900.0), discharge_to_grid=True)
    toggle = world.cloud.toggle
    world.cloud.toggle = lambda *_, **__: None  # type: ignore[method-assign]  # a cloud that does nothing
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(_entry(_DTG, 20))]), 800)
    world.cloud.toggle = toggle  # type: ignore[method-assign]  # a cloud that is bent
    world.keep_until(world.cloud.now + 900)
    _ask(world, Intent("reserve", world.moment, BatteryWish(reserve=40)), 1800)

    kept = [*(row.entry for row in world.cloud.rows), *world.ledger.not_put_back]
    assert [says(one) for one in kept] == [says(_entry(_DTG, 20))]


def test_what_a_write_of_ours_has_dropped_again_is_put_back_or_said() -> None:
    weather = Weather(drops={_DTG: (_RBD,), _RBD: (_DTG,)}, drop_after=None, delay=30.0, schedules_lag=30.0, applies_drop=True)
    world = _world(weather, discharge_to_grid=True, restrict_discharge=True)
    world.cloud.add(_entry(_DTG, 18), is_applied=True)
    _ask(world, Intent("schedules", world.moment, writes=[KeptEntry.keep(_entry(_RBD, 14))]), 4 * 3600)

    there = {says(row.entry) for row in world.cloud.rows} | {says(kept) for kept in world.ledger.not_put_back}
    assert there == {says(_entry(_DTG, 18)), says(_entry(_RBD, 14))}
    assert world.cloud.writes <= 30


@pytest.mark.parametrize("since", [1, 20, 60, 200])
@pytest.mark.parametrize("is_entry", [False, True])
def test_a_clock_that_is_set_back_makes_nobody_wait_for_the_old_time(since: float, is_entry: bool) -> None:
    world = _world(Weather(delay=60.0, drops={_DTG: (_RBD,)}, drop_after=None))
    world.cloud.add(_entry(_RBD, 14), is_applied=True)
    wanted = [KeptEntry.keep(_entry(_DTG, 20))] if is_entry else []
    _ask(world, Intent("change", world.moment, BatteryWish(discharge_to_grid=True), writes=wanted), since)
    world.set_back = timedelta(hours=14)
    _ask(world, Intent("reserve", world.moment, BatteryWish(reserve=40)), 900)

    assert world.ledger.is_at_rest
    assert (world.cloud.values["discharge_to_grid"], world.cloud.values["reserve"]) == (True, 40)
    assert [row.is_applied for row in world.cloud.rows] == [True, True] if is_entry else [True]


@pytest.mark.parametrize("since", [1, 600])
def test_an_override_lasts_no_longer_when_the_clock_is_set_back(since: float) -> None:
    world = _world(Weather())
    ends_at = world.moment + timedelta(minutes=45)
    entry = override.temporary_entry(_RBD, world.moment, ends_at, None, world.moment.tzinfo)  # type: ignore[arg-type]  # it is UTC
    _ask(world, Intent("override", world.moment, override=OverrideWish(KeptEntry.keep(entry), ends_at, None)), since)
    world.set_back = timedelta(hours=14)
    world.keep_until(world.cloud.now + 30 * 60)
    assert [says(row.entry) for row in world.cloud.rows] == [says(entry)]
    world.keep_until(world.cloud.now + 20 * 60)
    assert world.cloud.rows == []


def test_an_override_that_ends_at_once_is_over_also_where_reads_are_late() -> None:
    world = _world(Weather(delay=120.0, settings_lag=30.0), restrict_discharge=False)
    world.cloud.add(_entry(_RBD, 14), is_applied=True)
    ends_at = world.moment + timedelta(minutes=45)
    entry = override.temporary_entry(_RBD, world.moment, ends_at, None, world.moment.tzinfo)  # type: ignore[arg-type]  # it is UTC
    _ask(world, Intent("override", world.moment, override=OverrideWish(KeptEntry.keep(entry), ends_at, None)), 5)
    assert world.ledger.override is not None
    world.ledger.override.is_ending = True
    _ask(world, Intent("clear", world.moment, ends_override=True), 2 * 3600)

    assert world.cloud.values["restrict_discharge"] is False
    assert [says(row.entry) for row in world.cloud.rows] == [says(_entry(_RBD, 14))]


def _read_now(world: World) -> None:
    world.reading.take(world.moment, settings=world.cloud.settings(), schedules=world.cloud.schedules())


def test_what_could_not_be_sent_for_a_quarter_of_an_hour_has_failed() -> None:
    world = _world(Weather())
    intent = Intent("reserve", world.moment, BatteryWish(reserve=40))
    world.ledger.intents.append(intent)

    decide(world.ledger, world.reading, world.moment + timedelta(minutes=14))
    assert intent.is_open
    decide(world.ledger, world.reading, world.moment + timedelta(minutes=15))
    assert (intent.state, intent.reason) == (ChangeState.FAILED, "not_sent")


def test_a_change_that_was_written_too_often_has_failed() -> None:
    world = _world(Weather())
    intent = Intent("reserve", world.moment - timedelta(seconds=10), BatteryWish(reserve=40), attempts=6, sent_at=world.moment)
    world.ledger.intents.append(intent)
    _read_now(world)
    world.keep_until(world.cloud.now + 10)

    assert (intent.state, intent.reason) == (ChangeState.FAILED, "not_applied")
    assert world.cloud.writes == 0


def test_an_entry_of_a_family_that_no_answer_tells_of_does_not_count_as_deleted() -> None:
    world = _world(Weather(missing_group=(_DTG, 0.0, 600.0)))
    world.cloud.add(_entry(_DTG, 20), is_applied=True)
    intent = Intent("delete", world.moment, deletes=[KeptEntry.keep(world.cloud.rows[0].entry)])
    _ask(world, intent, 300)
    assert intent.is_open
    assert world.cloud.writes == 0
    world.keep_until(world.cloud.now + 600)
    assert intent.state is ChangeState.APPLIED
    assert world.cloud.rows == []
