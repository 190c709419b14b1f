"""What a kWh costs and earns, against the tariff behind the simulated cloud (docs/cloud-api/tariff.md)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
import json
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNKNOWN
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.json import ExtendedJSONEncoder
import pytest

from custom_components.enphase_ev import diagnostics
from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.faults import FaultOptions
from simulator.tariff import Preset, TariffSwitches, TimeForm, Unreadable
from tests.integration.house import House, HouseBuilder

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_MINUTE = timedelta(minutes=1)
# As far ahead as the truth is searched.
_DAYS = 8


@pytest.fixture
def build_prices(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> HouseBuilder:
    """Return a function that sets up a house in the Netherlands at a time on its own clocks, with a tariff."""

    async def build(at: str, **tariff: object) -> House:
        def prepare(sim: Simulator) -> None:
            for name, value in tariff.items():
                setattr(sim.world.deployment.tariff, name, value)

        freezer.move_to(datetime.fromisoformat(at).replace(tzinfo=AMSTERDAM).astimezone(UTC))
        return await build_house("car_only", prepare=prepare)

    return build


def _tariff(house: House) -> TariffSwitches:
    return house.sim.world.deployment.tariff


def _local(house: House) -> datetime:
    return house.sim.clock.now().astimezone(AMSTERDAM)


def _next_change(house: House) -> str:
    """When the price of the truth changes next, minute by minute of the clock on the wall."""
    moment = datetime.now(UTC).replace(second=0, microsecond=0)
    now = _tariff(house).import_price(moment.astimezone(AMSTERDAM))
    for _ in range(_DAYS * 1440):
        moment += _MINUTE
        if _tariff(house).import_price(moment.astimezone(AMSTERDAM)) != now:
            return moment.isoformat()
    return STATE_UNKNOWN


def _shown(house: House, key: str) -> float | str:
    state = house.site_state("sensor", key).state
    return state if state == STATE_UNKNOWN else float(state)


async def _pass(house: House, hours: float) -> None:
    """Let time pass as on a machine that sleeps for most of it."""
    house.freezer.tick(timedelta(hours=hours, seconds=-90))
    await house.live(90)


_TIMES = (
    # A winter's weekday, from before the night period ends until the next morning.
    (Preset.FLAT, "2026-11-30T06:31", [1, 5, 17]),
    (Preset.TOU, "2026-11-30T06:31", [0.25, 0.25, 1, 13.9, 0.2, 9]),
    (Preset.OVER_MIDNIGHT, "2026-11-30T06:31", [0.75, 8, 1, 5, 2, 1, 6, 1]),
    (Preset.TIERED, "2026-11-30T06:31", [1, 12]),
    # From winter to summer at midnight, and a winter that goes on over the turn of the year.
    (Preset.SEASONAL, "2026-04-30T22:31", [1, 1, 6]),
    (Preset.SEASONAL, "2026-12-31T22:31", [1, 1, 6]),
    (Preset.SEASONAL, "2026-09-30T22:31", [1, 1, 6]),
    # From Friday to Monday.
    (Preset.WEEKENDS, "2026-11-27T20:01", [1, 4, 8, 12, 12, 12, 8]),
    (Preset.SEASONAL_AND_WEEKENDS, "2026-09-26T20:01", [5, 8, 12, 5, 8, 12, 48]),
    # Nights on which the clocks change: the prices go by the clock on the wall.
    (Preset.OVER_MIDNIGHT, "2026-03-29T00:31", [1, 1, 2, 3, 1]),
    (Preset.OVER_MIDNIGHT, "2026-10-25T00:31", [1, 1, 2, 3, 1, 1]),
)


@pytest.mark.parametrize(("preset", "begin", "hours"), _TIMES, ids=[f"{preset}-{begin}" for preset, begin, _ in _TIMES])
async def test_the_price_at_every_time(build_prices: HouseBuilder, preset: Preset, begin: str, hours: list[float]) -> None:
    house = await build_prices(begin, preset=preset)
    for step in (0.0, *hours):
        if step:
            await _pass(house, step)
        now = _local(house)
        assert _shown(house, "import_price") == _tariff(house).import_price(now), now
        assert house.site_state("sensor", "next_import_price_change").state == _next_change(house), now
    state = house.site_state("sensor", "import_price")
    assert state.attributes["unit_of_measurement"] == "EUR/kWh"
    assert state.attributes["tiered"] is (preset is Preset.TIERED)
    assert _shown(house, "export_price") == _tariff(house).export_price(_local(house))


async def test_a_price_changes_on_the_minute_and_without_a_request(build_prices: HouseBuilder) -> None:
    house = await build_prices("2026-11-30T06:55")
    asked = house.sim.count(path="/tariff")
    assert _shown(house, "import_price") == 0.189
    await house.live(299)
    assert _shown(house, "import_price") == 0.189
    await house.live(2)
    assert _shown(house, "import_price") == 0.312
    assert house.sim.count(path="/tariff") == asked


@pytest.mark.parametrize("times", list(TimeForm))
@pytest.mark.parametrize("numbers", [True, False], ids=["numbers", "text"])
async def test_however_it_is_written(build_prices: HouseBuilder, times: TimeForm, numbers: bool) -> None:
    house = await build_prices("2026-11-30T17:00", preset=Preset.OVER_MIDNIGHT, times=times, rates_as_numbers=numbers)
    assert _shown(house, "import_price") == 0.41
    assert house.site_state("sensor", "import_price").attributes["period"] == "peak"


@pytest.mark.parametrize("begin", ["2026-11-30T06:30", "2026-03-29T06:30", "2026-10-25T06:30"], ids=["24 hours", "23 hours", "25 hours"])
async def test_the_days_prices_are_listed_for_the_blueprint(build_prices: HouseBuilder, begin: str) -> None:
    house = await build_prices(begin, preset=Preset.OVER_MIDNIGHT)
    attributes = house.site_state("sensor", "import_price").attributes
    day = _local(house).date()
    for key, listed in (("raw_today", day), ("raw_tomorrow", day + timedelta(days=1))):
        slots = [(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]), one["value"]) for one in attributes[key]]
        assert slots[0][0] == datetime(listed.year, listed.month, listed.day, tzinfo=AMSTERDAM)
        tomorrow = listed + timedelta(days=1)
        assert slots[-1][1] == datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=AMSTERDAM)
        for start, end, value in slots:
            assert timedelta() < end.astimezone(UTC) - start.astimezone(UTC) <= timedelta(hours=1)
            assert value == _tariff(house).import_price(start.astimezone(AMSTERDAM)), start
        assert all(one[1] == other[0] for one, other in pairwise(slots))


async def test_export_prices_by_date(build_prices: HouseBuilder) -> None:
    """Another one every hour of every day: what the cloud has by date comes before the tariff."""
    house = await build_prices("2026-11-30T21:30", export_by_date=True)
    seen = set()
    for step in (0, 1, 1, 1, 1, 9, 11, 2):
        if step:
            await _pass(house, step)
        price = _shown(house, "export_price")
        assert price == pytest.approx(_tariff(house).export_price(_local(house))), _local(house)
        seen.add(price)
    assert len(seen) > 6
    listed = house.site_state("sensor", "export_price").attributes["raw_today"]
    assert len(listed) == 24
    for one in listed:
        assert one["value"] == pytest.approx(_tariff(house).export_price(datetime.fromisoformat(one["start"])))


async def test_it_is_read_twice_a_day(build_prices: HouseBuilder) -> None:
    house = await build_prices("2026-11-30T06:30")
    assert house.sim.count(path="/tariff$") == 1
    for _ in range(8):
        await _pass(house, 6.05)
    assert house.sim.count(path="/tariff$") == 1 + 4
    # A price that changed at the utility.
    _tariff(house).preset = Preset.FLAT
    await _pass(house, 12.2)
    assert _shown(house, "import_price") == 0.262


@pytest.mark.parametrize(
    ("told", "shown"), [("€", "EUR"), ("$", "EUR"), ("", "EUR"), ("kr", "EUR"), ("usd", "EUR"), ("USD", "USD"), ("AUD", "AUD")]
)
async def test_a_symbol_is_no_currency(build_prices: HouseBuilder, told: str, shown: str) -> None:
    house = await build_prices("2026-11-30T06:30", currency=told)
    assert house.hass.config.currency == "EUR"
    assert house.site_state("sensor", "import_price").attributes["unit_of_measurement"] == f"{shown}/kWh"
    assert house.state("sensor", "session_cost").attributes["unit_of_measurement"] == shown


@pytest.mark.parametrize("form", [Unreadable.WORDS, Unreadable.NO_SEASONS, Unreadable.EMPTY, Unreadable.LIST, Unreadable.UNKNOWN_TYPE])
async def test_a_tariff_that_nobody_can_read(build_prices: HouseBuilder, caplog: pytest.LogCaptureFixture, form: Unreadable) -> None:
    """No price, one line in the log, and the shape in the diagnostics."""
    house = await build_prices("2026-11-30T06:30", unreadable=form)
    await _pass(house, 13)
    assert house.sim.count(path="/tariff$") == 2
    entities = er.async_get(house.hass)
    for key in ("import_price", "next_import_price_change"):
        assert entities.async_get_entity_id("sensor", DOMAIN, f"{house.sim.site.id}_{key}") is None
    told = [one for one in caplog.records if "The tariff of the site cannot be read" in one.message]
    assert [one.levelname for one in told] == ["WARNING"]
    found = await diagnostics.async_get_config_entry_diagnostics(house.hass, house.entry)
    shape = json.loads(json.dumps(found["account"]["last_answers"], cls=ExtendedJSONEncoder))["tariff"]
    if form is Unreadable.UNKNOWN_TYPE:
        assert "auctions" in json.dumps(shape)
    # Once it can be read there is a price.
    _tariff(house).unreadable = Unreadable.NO
    await _pass(house, 12.2)
    assert _shown(house, "import_price") == _tariff(house).import_price(_local(house))


async def test_a_peak_whose_price_nobody_can_read_has_none_rather_than_the_lower_one(build_prices: HouseBuilder) -> None:
    house = await build_prices("2026-11-30T06:30", unreadable=Unreadable.PEAK_RATE)
    assert _shown(house, "import_price") == 0.189
    await _pass(house, 1)
    assert _shown(house, "import_price") == STATE_UNKNOWN
    await _pass(house, 15)
    assert _shown(house, "import_price") == 0.189


async def test_a_day_with_a_period_at_no_time_has_no_price(build_prices: HouseBuilder) -> None:
    house = await build_prices("2026-11-30T06:30", unreadable=Unreadable.PEAK_TIME)
    assert er.async_get(house.hass).async_get_entity_id("sensor", DOMAIN, f"{house.sim.site.id}_import_price") is None


@pytest.mark.parametrize("fault", [{"status": 503}, {"body": {}}, {"body": ""}], ids=["503", "empty object", "nothing"])
async def test_export_prices_that_are_not_read_are_not_those_of_the_tariff(build_prices: HouseBuilder, fault: FaultOptions) -> None:
    """A site with prices by date showed what the tariff pays as soon as they were not read, twelve hours later."""
    house = await build_prices("2026-11-30T06:30", export_by_date=True)
    house.sim.faults.add(path="/tariffs$", times=None, **fault)
    for _ in range(4):
        await _pass(house, 12)
        # What was read of tomorrow holds tomorrow.
        known = _local(house).date() < date(2026, 12, 2)
        shown = house.site_state("sensor", "export_price").state
        assert shown == (str(_tariff(house).export_price(_local(house))) if known else "unknown")
    house.sim.faults.clear()
    await _pass(house, 5)
    assert _shown(house, "export_price") == pytest.approx(_tariff(house).export_price(_local(house)))
