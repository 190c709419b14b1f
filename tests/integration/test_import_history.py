"""The past of a site in the statistics, against what the simulated world has lived through (docs/cloud-api/chargers.md §8)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
import time
from typing import Literal

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import User
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.statistics import list_statistic_ids, statistics_during_period
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House, HouseBuilder

NOW = "2026-11-30T12:00:00Z"
_KWH = {"energy": "kWh"}


@pytest.fixture(autouse=True)
def _with_integration(
    recorder_mock: Recorder, enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]
) -> None:
    """The recorder comes before everything else."""


@pytest.fixture
async def house(hass: HomeAssistant, build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> House:
    """A house in the Netherlands with fourteen months behind it."""
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    freezer.move_to(NOW)
    return await build_house("sunny_home")


async def _statistics(house: House, period: Literal["hour", "day"] = "hour") -> dict[str, list[dict[str, float]]]:
    """All external statistics by the end of their id."""
    await async_wait_recording_done(house.hass)
    known = await house.hass.async_add_executor_job(list_statistic_ids, house.hass)
    ids = {one["statistic_id"] for one in known if one["source"] == DOMAIN}
    found = await house.hass.async_add_executor_job(
        lambda: statistics_during_period(house.hass, datetime(2020, 1, 1, tzinfo=UTC), None, ids, period, _KWH, {"state", "sum", "change"})
    )
    return {one.partition("_")[2]: rows for one, rows in found.items()}  # type: ignore[misc]  # each row has all that was asked for


def _of(statistics: dict[str, list[dict[str, float]]], end: str) -> list[dict[str, float]]:
    return next(rows for key, rows in statistics.items() if key.endswith(end))


def _sessions(house: House, first: date = date(2020, 1, 1)) -> list[float]:
    """kWh of the sessions that began from a day on."""
    charger = house.sim.charger()
    charger.catch_up()
    zone = charger.site.zone
    return [
        session.energy_wh / 1000
        for session in charger.history
        if datetime.fromtimestamp(session.started_at or session.plugged_in_at, zone).date() >= first
    ]


async def _until(house: House, is_so: Callable[[], bool]) -> None:
    """Let real time pass, while the clock stands still, until something is so."""
    for _ in range(4000):
        if is_so():
            return
        await house.hass.loop.run_in_executor(None, time.sleep, 0.005)
    raise AssertionError("It never came")


def _fail_after(house: House, *, pages: int) -> None:
    """Let the cloud answer so many pages of sessions and no more, however slow the machine is that looks on."""
    house.sim.faults.add(path="/history$", delay=0.0, times=pages)
    house.sim.faults.add(path="/history$", status=503, times=None)


async def _until_imported(house: House) -> None:
    """Wait for an import that nobody waits for."""
    await _until(house, lambda: house.sim.count(path="/lifetime_energy$") > 0)
    await _until(house, lambda: not house.entry.runtime_data.site.history.is_under_way)
    await async_wait_recording_done(house.hass)


def _history_requests(house: House) -> int:
    return house.sim.count(path="/history$|timeseries|lifetime_energy$")


async def test_a_year_is_as_the_world_has_lived_it(house: House) -> None:
    house.sim.requests.clear()
    first = date(2025, 12, 1)

    answer = await house.ask("import_history", **{"from": first.isoformat()})

    truth = _sessions(house, first)
    assert len(house.sim.requests) <= 25
    (charger,) = answer["chargers"]
    assert charger["sessions"] == len(truth) > 150
    assert charger["energy"] == pytest.approx(sum(truth), rel=1e-3)
    rows = _of(await _statistics(house), "_energy")
    since = datetime.combine(first, datetime.min.time(), house.sim.site.zone).timestamp()
    counted = sum(row["state"] for row in rows if row["start"] >= since)
    assert counted == pytest.approx(sum(truth), rel=1e-3)
    assert [row["sum"] for row in rows] == sorted(row["sum"] for row in rows)
    assert charger["days"] > 150
    assert charger["currency"] == house.hass.config.currency


async def test_all_of_the_past_reaches_further_than_the_sessions(house: House) -> None:
    await house.ask("import_history")
    charger = house.sim.charger()
    before = [energy for day, energy in charger.daily_wh.items() if day < date(2025, 10, 1)]
    assert sum(before) > 0
    rows = _of(await _statistics(house), "_energy")
    today = house.sim.clock.now().astimezone(house.sim.site.zone).date()
    over = sum(energy for day, energy in charger.daily_wh.items() if day < today) / 1000
    assert rows[-1]["sum"] == pytest.approx(over, rel=1e-3)


async def test_twice_is_once(house: House) -> None:
    await house.ask("import_history", **{"from": "2026-10-01"})
    once = await _statistics(house)
    await house.ask("import_history", **{"from": "2026-11-01"})
    await house.ask("import_history", **{"from": "2026-10-01"})
    assert await _statistics(house) == once


async def test_the_order_does_not_matter(house: House) -> None:
    await house.ask("import_history", **{"from": "2026-11-01"})
    await house.ask("import_history", **{"from": "2026-09-01", "to": "2026-10-31"})
    in_parts = _of(await _statistics(house), "solar_production")
    await house.ask("import_history", **{"from": "2026-09-01"})
    assert _of(await _statistics(house), "solar_production") == in_parts


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)], ids=["23 hours", "25 hours", "24 hours"])
async def test_the_energy_of_the_site_stands_on_its_days(house: House, day: date) -> None:
    await house.ask("import_history", **{"from": (day - timedelta(days=3)).isoformat(), "to": (day + timedelta(days=3)).isoformat()})
    statistics = await _statistics(house, "day")
    truth = house.sim.site.house.days(at_once=True)
    for key, name in (("solar_production", "production"), ("grid_import", "imported"), ("battery_charged", "charged")):
        rows = {datetime.fromtimestamp(row["start"], house.sim.site.zone).date(): row for row in _of(statistics, key)}
        for offset in (-1, 0, 1):
            one = day + timedelta(days=offset)
            assert rows[one]["change"] == pytest.approx(getattr(truth[one], name) / 1000, rel=1e-3, abs=0.002), (key, one)


async def test_what_was_read_before_the_cloud_failed_is_right_and_the_rest_comes_later(house: House) -> None:
    _fail_after(house, pages=4)
    with pytest.raises(HomeAssistantError):
        await house.ask("import_history", **{"from": "2025-12-01"})
    rows = _of(await _statistics(house), "_energy")
    newest = _sessions(house)
    # Whole pages, the newest first.
    assert rows[-1]["sum"] == pytest.approx(sum(newest[-20 * 4 :]), rel=1e-3)
    house.sim.faults.clear()
    house.sim.requests.clear()
    await house.ask("import_history", **{"from": "2025-12-01"})
    assert _history_requests(house) < 25
    assert _of(await _statistics(house), "_energy")[-1]["sum"] == pytest.approx(sum(_sessions(house, date(2025, 12, 1))), rel=1e-3)


async def test_days_that_nobody_has_asked_for_stay_out(house: House) -> None:
    """Whoever asked for a month got, beside its sessions, the days of all the time before it."""
    first = date(2026, 11, 1)
    await house.ask("import_history", **{"from": first.isoformat()})
    rows = _of(await _statistics(house), "_energy")
    assert datetime.fromtimestamp(rows[0]["start"], house.sim.site.zone).date() >= first
    assert rows[-1]["sum"] == pytest.approx(sum(_sessions(house, first)), rel=1e-3)


async def test_it_is_for_administrators(house: House, hass_read_only_user: User) -> None:
    with pytest.raises(Unauthorized):
        await house.hass.services.async_call(
            DOMAIN, "import_history", {}, blocking=True, return_response=True, context=Context(user_id=hass_read_only_user.id)
        )


async def test_it_is_offered_once_and_carried_out_by_a_button(house: House) -> None:
    assert await async_setup_component(house.hass, "repairs", {})
    await house.live(700)
    issue_id = f"import_history_{house.entry.entry_id}"
    issue = ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders == {"site": house.entry.title, "months": "15"}
    manager = repairs_flow_manager(house.hass)
    assert manager is not None
    form = await manager.async_init(DOMAIN, data={"issue_id": issue_id})
    await manager.async_configure(form["flow_id"], {})
    await _until_imported(house)
    yesterday = house.sim.clock.now().astimezone(house.sim.site.zone).date() - timedelta(days=1)
    rows = _of(await _statistics(house), "_energy")
    assert rows[-1]["sum"] > 100
    assert datetime.fromtimestamp(rows[-1]["start"], house.sim.site.zone).date() <= yesterday + timedelta(days=1)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is None
    await house.restart()
    await house.live(700)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is None


async def test_an_empty_answer_about_the_past_is_asked_again_with_the_next_start(house: House) -> None:
    issue_id = f"import_history_{house.entry.entry_id}"
    house.sim.faults.add(path="timeseries/lifetime_energy", status=200, body={}, times=None)
    await house.live(700)
    assert house.sim.count(path="timeseries/lifetime_energy") == 1
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is None

    house.sim.faults.clear()
    await house.restart()
    await house.live(700)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is not None


async def test_an_import_without_an_answer_about_the_days_is_offered_again(house: House) -> None:
    house.sim.faults.add(path="timeseries/lifetime_energy", status=200, body={}, times=None)
    await house.ask("import_history")

    house.sim.faults.clear()
    await house.restart()
    await house.live(700)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, f"import_history_{house.entry.entry_id}") is not None


@pytest.mark.parametrize("is_offered", [True, False])
async def test_what_the_action_has_brought_is_not_offered(house: House, is_offered: bool) -> None:
    """Neither afterwards nor any more, but a part of the past does not stand for all of it."""
    issue_id = f"import_history_{house.entry.entry_id}"
    if is_offered:
        await house.live(700)
        await house.ask("import_history", **{"from": "2026-10-01"})
        assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is not None
    await house.ask("import_history", to="2026-11-29")
    await house.live(700)
    await house.restart()
    await house.live(700)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is None


async def test_an_import_that_a_restart_interrupts_goes_on(house: House) -> None:
    assert await async_setup_component(house.hass, "repairs", {})
    before = house.sim.count(path="/history$")
    _fail_after(house, pages=3)
    house.entry.runtime_data.site.history.async_begin(date(2026, 11, 29))
    await _until(house, lambda: house.sim.count(path="/history$") >= before + 3)
    await house.restart()
    house.sim.faults.clear()
    passed = house.sim.count(path="/history$")
    await house.live(605)
    await _until_imported(house)
    assert house.sim.count(path="/history$") - passed < 20
    rows = _of(await _statistics(house), "_energy")
    assert rows[-1]["sum"] > sum(_sessions(house, date(2025, 12, 1))) * 0.99


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"from": "2026-12-05", "to": "2026-12-10"}, "The first day is in the future. Choose today or an earlier day"),
        ({"from": "2026-12-05"}, "The first day is in the future. Choose today or an earlier day"),
        ({"from": "2026-12-10", "to": "2026-12-05"}, "The last day is before the first day"),
        ({"from": "2026-11-10", "to": "2026-11-05"}, "The last day is before the first day"),
    ],
)
async def test_days_of_which_there_is_no_past_are_refused_for_what_they_are(house: House, dates: dict[str, str], said: str) -> None:
    """A first day in the future was said to come after the last."""
    before = _history_requests(house)
    with pytest.raises(ServiceValidationError) as refused:
        await house.ask("import_history", **dates)
    assert str(refused.value) == said
    assert _history_requests(house) == before
