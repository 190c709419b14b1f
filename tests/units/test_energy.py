"""Energy counters under everything that chargers, the cloud and restarts do to them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
import json
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.charger.energy import DayMeter, LifetimeMeter, Reading, is_believable_day

NOISE = 10.0
"""The cloud's numbers waver by so much, Wh up and down: 20 Wh from the highest to the lowest."""
MOST_WATTS = 22_000
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Statistics:
    """The Energy dashboard's sum of a total_increasing sensor, as Home Assistant's recorder counts it."""

    last: float
    sum: float = 0.0
    dips: int = 0

    def take(self, value: float) -> None:
        if value < 0.9 * self.last:
            self.sum += value
        else:
            self.dips += value < self.last
            self.sum += value - self.last
        self.last = value


@dataclass
class Life:
    """A charger, the cloud's idea of its counter, and a meter that watches it."""

    counter: float
    meter: LifetimeMeter = field(init=False)
    statistics: Statistics = field(init=False)
    now: datetime = BEGIN
    gained: float = 0.0

    def __post_init__(self) -> None:
        self.meter = LifetimeMeter.start(Reading(self.counter, self.now))
        self.statistics = Statistics(self.meter.value)

    def charge(self, seconds: int, watts: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.counter += watts * seconds / 3600
        self.gained += watts * seconds / 3600

    def report(self, noise: float = 0.0) -> None:
        self.read(max(self.counter + noise, 0.0))

    def read(self, energy: float) -> None:
        self.meter = self.meter.take(Reading(energy, self.now))
        self.statistics.take(self.meter.value)

    def restart(self) -> None:
        self.meter = LifetimeMeter.from_dict(json.loads(json.dumps(self.meter.to_dict())))


# --- What a charger does between two reports ---

charges = st.tuples(st.just("charge"), st.integers(30, 7200), st.integers(0, MOST_WATTS), st.floats(-NOISE, NOISE))
unreported = st.tuples(st.just("unreported"), st.integers(30, 7200), st.integers(0, MOST_WATTS), st.just(0.0))
repeats = st.tuples(st.just("repeat"), st.just(0), st.just(0), st.just(0.0))
restarts = st.tuples(st.just("restart"), st.just(0), st.just(0), st.just(0.0))
slips = st.tuples(st.just("slip"), st.just(60), st.just(0), st.one_of(st.floats(0, 90_000), st.floats(1e7, 1e9)))
"""One number that no charger of these walks can have counted, and never again."""

type Step = tuple[str, int, int, float]


def live_through(life: Life, steps: list[Step]) -> None:
    for kind, seconds, watts, number in steps:
        before = life.meter.value
        life.charge(seconds, watts)
        match kind:
            case "charge":
                life.report(number)
            case "repeat":
                life.meter = life.meter.take(life.meter.doubted or life.meter.accepted)
            case "restart":
                life.restart()
            case "slip":
                life.read(number)
                # The next report is right again.
                life.charge(60, 0)
                life.report()
        assert life.meter.value >= before, f"{kind} took something away"
        life.statistics.take(life.meter.value)


walks = st.lists(st.one_of(charges, charges, charges, unreported, repeats, restarts, slips), max_size=40)


@given(walk=walks, counter=st.floats(100_000, 3_000_000))
def test_every_gain_is_counted_and_nothing_else(walk: list[Step], counter: float) -> None:
    life = Life(counter)

    live_through(life, walk)
    life.charge(60, 0)
    life.report()

    assert life.meter.value == pytest.approx(life.counter, abs=NOISE + 1e-6)
    assert life.statistics.sum == pytest.approx(life.gained, abs=NOISE + 1e-6)
    assert life.statistics.dips == 0


@given(
    before=st.lists(charges, max_size=10),
    new_counter=st.one_of(st.just(0.0), st.floats(300_000, 600_000), st.floats(4_000_000, 9_000_000)),
    restart_between=st.booleans(),
    after=st.lists(charges, min_size=3, max_size=20),
    counter=st.floats(1_000_000, 3_000_000),
)
def test_a_replaced_charger_is_neither_a_spike_nor_a_hole(
    before: list[Step], new_counter: float, restart_between: bool, after: list[Step], counter: float
) -> None:
    life = Life(counter)
    live_through(life, before)
    counted = life.statistics.sum

    life.counter = new_counter
    life.gained = 0.0
    life.charge(300, 0)
    life.report()
    if restart_between:
        life.restart()
    for _, seconds, watts, noise in after:
        life.charge(seconds, watts)
        life.report(noise)

    # What the first two reports of the new counter stand for can be lost to doubt, and no more.
    since = life.statistics.sum - counted
    doubted = after[0][1] * after[0][2] / 3600 + after[1][1] * after[1][2] / 3600
    assert since <= life.gained + 3 * NOISE
    assert since >= life.gained - doubted - 3 * NOISE
    assert life.statistics.dips == 0


def test_a_reset_counts_from_zero_once_a_second_report_bears_it_out() -> None:
    life = Life(500_000)
    life.counter = 0.0

    life.charge(300, 7000)
    life.report()
    life.report()
    assert life.meter.value == 500_000
    life.charge(300, 7000)
    life.report()

    assert life.meter.value == pytest.approx(2 * 7000 / 12)


def test_a_drop_that_does_not_last_is_forgotten() -> None:
    life = Life(500_000)

    life.now += timedelta(minutes=5)
    life.read(10.0)
    life.charge(300, 7000)
    life.report()
    life.now += timedelta(minutes=5)
    life.read(10.0)

    assert life.meter.value == pytest.approx(500_000 + 7000 / 12)


@given(zeros=st.lists(st.integers(60, 1800), min_size=1, max_size=30), counter=st.floats(2000, 3_000_000), restarts=st.booleans())
def test_a_zero_in_place_of_a_counter_takes_nothing_away(zeros: list[int], counter: float, restarts: bool) -> None:
    """However long it lasts: what was charged meanwhile counts once the counter is right again."""
    life = Life(counter)
    for seconds in zeros:
        life.charge(seconds, 7000)
        life.read(0.0)
        if restarts:
            life.restart()
        assert life.meter.value == counter

    for _ in range(2):
        life.charge(60, 7000)
        life.report()

    assert life.meter.value == pytest.approx(life.counter)
    assert life.statistics.sum == pytest.approx(life.gained)
    assert life.statistics.dips == 0


@pytest.mark.parametrize("idle_hours", [0, 0.5, 2])
def test_a_new_counter_that_stands_at_zero_first_is_taken_over_when_it_counts(idle_hours: float) -> None:
    life = Life(500_000)
    life.counter, life.gained = 0.0, 0.0
    for _ in range(int(idle_hours * 12)):
        life.charge(300, 0)
        life.report()
    life.charge(300, 7000)
    life.report()
    life.charge(300, 7000)
    life.report()

    assert life.meter.value == pytest.approx(life.counter)
    assert life.statistics.sum == pytest.approx(life.gained)


@given(
    wrong=st.floats(30, 900) | st.floats(1e7, 1e8),
    reports=st.integers(2, 20),
    counter=st.floats(100_000, 3_000_000),
    watts=st.integers(0, 7000),
    more=st.booleans(),
)
def test_a_counter_that_comes_back_goes_on_from_where_it_was(wrong: float, reports: int, counter: float, watts: int, more: bool) -> None:
    """Another number in several reports, so that it is believed, and then the right one again: nothing is missing."""
    life = Life(counter)
    for _ in range(reports):
        life.charge(300, watts)
        life.read(wrong)
        if more:
            wrong += 100
    # The number itself counts where it is that of a counter which began anew.
    believed = life.statistics.sum

    for _ in range(4):
        life.charge(300, watts)
        life.report()
        life.restart()

    assert life.gained - NOISE <= life.statistics.sum <= life.gained + believed + NOISE
    assert life.statistics.dips == 0


@pytest.mark.parametrize(
    ("watts", "hours", "energy", "is_believed"),
    [
        (7360, 20, 150_000, False),
        (7360, 20, 140_000, True),
        (22_080, 20, 150_000, True),
        (None, 20, 150_000, True),
        (7360, 1, 8_000, True),
        (7360, 0.5, 8_000, False),
        (7360, 10, -1.0, False),
    ],
)
def test_a_day_that_the_hardware_cannot_have_drawn_is_not_believed(
    watts: float | None, hours: float, energy: float, is_believed: bool
) -> None:
    assert is_believable_day(energy, timedelta(hours=hours), watts) is is_believed


def test_a_gain_that_the_hardware_cannot_have_drawn_is_not_believed() -> None:
    begin = LifetimeMeter.start(Reading(500_000, BEGIN))

    def after(hours: int, energy: float, meter: LifetimeMeter = begin) -> LifetimeMeter:
        return meter.take(Reading(energy, BEGIN + timedelta(hours=hours)), 7360)

    assert after(10, 650_000).value == 500_000
    assert after(11, 650_500, after(10, 650_000)).value == 500_500
    assert after(10, 570_000).value == 570_000


def test_readings_of_unknown_time_count_as_different_by_their_numbers() -> None:
    meter = LifetimeMeter.start(Reading(500_000, None))

    meter = meter.take(Reading(100.0, None)).take(Reading(100.0, None))
    assert meter.value == 500_000
    meter = meter.take(Reading(130.0, None))

    assert meter.value == 130.0


# --- The day ---

ZONES = [ZoneInfo(name) for name in ("Australia/Melbourne", "America/Los_Angeles", "Europe/Amsterdam", "UTC")]


@given(
    steps=st.lists(st.tuples(st.integers(60, 4 * 3600), st.integers(0, MOST_WATTS), st.booleans()), max_size=60),
    zone=st.sampled_from(ZONES),
    begin=st.integers(0, 365 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes)),
)
def test_days_add_up_to_the_lifetime(steps: list[tuple[int, int, bool]], zone: ZoneInfo, begin: datetime) -> None:
    now, lifetime = begin, 1_000_000.0
    meter = DayMeter(now.astimezone(zone).date(), 0.0, lifetime)
    days: dict[date, float] = {}

    for seconds, watts, is_restarted in steps:
        now += timedelta(seconds=seconds)
        lifetime += watts * seconds / 3600
        before = meter
        today = now.astimezone(zone).date()
        meter = meter.take(lifetime, today, today)
        if is_restarted:
            meter = DayMeter.from_dict(json.loads(json.dumps(meter.to_dict())))
        assert meter.day == today
        assert meter.energy >= (before.energy if before.day == today else 0.0)
        days[today] = meter.energy

    assert sum(days.values()) == pytest.approx(lifetime - 1_000_000.0)


def test_what_was_reported_before_midnight_is_not_of_the_new_day() -> None:
    evening, morning = date(2026, 5, 1), date(2026, 5, 2)
    meter = DayMeter(evening, 4000.0, 10_000.0)

    meter = meter.take(10_500.0, evening, morning)
    assert (meter.day, meter.energy) == (morning, 0.0)
    meter = meter.take(10_600.0, morning, morning)

    assert meter.energy == pytest.approx(100.0)


def test_a_reset_during_the_day_loses_nothing() -> None:
    today = date(2026, 5, 1)
    meter = DayMeter(today, 4000.0, 10_000.0).take(300.0, today, today)

    assert meter.energy == 4300.0
