"""The energy of the day, which begins at the site's midnight."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
import pytest

from tests.integration.conftest import House, HouseBuilder

MELBOURNE = ZoneInfo("Australia/Melbourne")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WATTS = 32 * 230


def _today(house: House) -> float:
    """What is shown, in kWh."""
    return float(house.state("sensor", "energy_today").state)


def _true(house: House) -> float:
    """What the charger has counted on this day of the site, in kWh."""
    today = datetime.now(house.sim.site.zone).date()
    return house.sim.charger().daily_wh.get(today, 0.0) / 1000


def _late_evening(zone: ZoneInfo, after: date | None = None) -> datetime:
    """The next time that it is half past eleven in the evening in a zone."""
    day = after or datetime.now(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(23, 30), zone).astimezone(UTC)


def _day_of_change(zone: ZoneInfo, hours: int) -> date:
    """The next day of a zone that is so many hours long."""
    day = datetime.now(zone).date() + timedelta(days=2)
    while True:
        begin, end = (datetime.combine(one, time(0), zone).astimezone(UTC) for one in (day, day + timedelta(days=1)))
        if end - begin == timedelta(hours=hours):
            return day
        day += timedelta(days=1)


async def test_it_begins_at_the_midnight_of_the_site(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(MELBOURNE) + timedelta(seconds=137))
    house = await build_house()
    assert house.hass.config.time_zone == "US/Pacific"
    house.sim.charger().start(32)

    await house.live(27 * 60)
    assert _today(house) == pytest.approx(_true(house), abs=WATTS / 12_000)
    assert _today(house) > 2
    await house.live(75)
    assert _today(house) == 0
    await house.live(29 * 60)

    assert _today(house) == pytest.approx(_true(house), abs=2 * WATTS / 12_000)
    assert _today(house) > 2


@pytest.mark.parametrize("hours", [23, 25], ids=["clocks go forward", "clocks go back"])
async def test_days_of_other_lengths(build_house: HouseBuilder, freezer: FrozenDateTimeFactory, hours: int) -> None:
    day = _day_of_change(AMSTERDAM, hours)
    freezer.move_to(_late_evening(AMSTERDAM, day - timedelta(days=1)))
    house = await build_house("single_phase")
    house.sim.charger().vehicle.battery_wh = 1e6

    await house.live(45 * 60)
    morning = _today(house)
    assert 0 < morning < 2.5
    # From a quarter past midnight to a quarter to midnight, most of it in one leap.
    freezer.tick(timedelta(hours=hours - 1))
    await house.live(1800)
    assert datetime.now(AMSTERDAM).date() == day
    assert _today(house) == pytest.approx((hours - 0.25) * WATTS / 1000, abs=2 * WATTS / 12_000)
    await house.live(1800)

    assert datetime.now(AMSTERDAM).date() == day + timedelta(days=1)
    assert 0 < _today(house) < 2.5


async def test_the_first_look_asks_how_the_day_began(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(AMSTERDAM))
    house = await build_house("single_phase")

    # The scenario has charged for an hour.
    assert _today(house) == pytest.approx(WATTS / 1000, abs=0.1)
    assert house.sim.count("series") == 1
    await house.live(600)
    assert house.sim.count("series") == 1


async def test_a_restart_on_the_same_day_asks_nothing(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(AMSTERDAM) - timedelta(hours=12))
    house = await build_house("single_phase")

    await house.restart(hours=2)

    assert house.sim.count("series") == 1
    assert _today(house) == pytest.approx(_true(house), abs=2 * WATTS / 12_000)


async def test_a_restart_over_midnight_asks_how_the_day_began(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(AMSTERDAM))
    house = await build_house("single_phase")
    await house.live(600)

    await house.restart(hours=3)

    assert house.sim.count("series") == 2
    assert _today(house) == pytest.approx(_true(house), abs=2 * WATTS / 12_000)
    assert 17 < _today(house) < 23


async def test_an_outage_over_midnight_asks_too(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(AMSTERDAM))
    house = await build_house("single_phase")
    await house.live(600)

    house.sim.faults.add(path="ev_chargers", status=503, times=None)
    await house.live(3 * 3600)
    house.sim.faults.clear()
    await house.live(600)

    assert house.sim.count("series") == 2
    assert _today(house) == pytest.approx(_true(house), abs=2 * WATTS / 12_000)


async def test_a_charger_that_was_off_line_over_midnight(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(AMSTERDAM))
    house = await build_house("single_phase")
    await house.live(600)

    house.sim.charger().go_offline()
    await house.live(3 * 3600)
    assert _today(house) == 0
    house.sim.charger().come_back()
    await house.live(90)

    assert _today(house) == pytest.approx(_true(house), abs=2 * WATTS / 12_000)


async def test_a_cloud_that_cannot_tell_how_the_day_began(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(AMSTERDAM) - timedelta(hours=12))
    house = await build_house("single_phase", prepare=lambda sim: sim.faults.add(path="daily_energy", status=500, times=None))
    assert _today(house) == 0

    await house.live(1800 + 31)

    assert _today(house) == pytest.approx(WATTS / 2000, abs=0.1)


async def test_every_charger_has_its_own(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(_late_evening(MELBOURNE) - timedelta(hours=6))
    house = await build_house("two_chargers")
    charging, idle = house.sim.site.chargers.values()

    assert float(house.state("sensor", "energy_today", charging).state) == pytest.approx(7.36, abs=0.1)
    assert float(house.state("sensor", "energy_today", idle).state) == 0


async def test_what_the_site_has_counted_is_nobody_s_where_it_has_two_chargers(build_house: HouseBuilder) -> None:
    counted = {"start_date": "2020-01-01", "iqevc": [5000] * 9999}
    house = await build_house("two_chargers", prepare=lambda sim: sim.faults.add(path="daily_energy", body=counted, times=None))

    assert [float(house.state("sensor", "energy_today", one).state) for one in house.sim.site.chargers.values()] == [0, 0]
