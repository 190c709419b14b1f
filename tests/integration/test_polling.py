"""How often the cloud is asked, and what happens when it does not answer."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
import logging

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest

from simulator.faults import FaultOptions
from simulator.routes.status import charger_summary
from tests.integration.battery_house import BatteryHouseBuilder
from tests.integration.house import House, HouseBuilder

_LOGGER_NAME = "custom_components.enphase_ev"


def _times(house: House, path: str, since: datetime) -> list[int]:
    """Return when requests with this in their path came, in whole seconds since a moment."""
    return [round((request.at - since).total_seconds()) for request in house.sim.requests if path in request.path and request.at > since]


def _gaps(times: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(times)]


def _lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """Return what the integration has logged."""
    return [line.getMessage() for line in caplog.records if line.name.startswith(_LOGGER_NAME) and line.levelno >= level]


# --- The usual rhythm ---


async def test_an_idle_site_is_asked_once_a_minute(house: House) -> None:
    since = house.sim.clock.now()

    await house.live(3600)

    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {60}
    # The charger reports every five minutes, but there is nothing new in it.
    assert len(_times(house, "summary", since)) <= 1
    assert set(_gaps(_times(house, "preference", since))) == {600}
    assert house.sim.sign_ins == 1


async def test_a_charging_site_is_asked_twice_a_minute(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    since = house.sim.clock.now()

    await house.live(1800)

    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {30}


async def test_the_rhythm_follows_what_the_charger_does(house: House) -> None:
    house.sim.charger().start(16)
    await house.live(61)
    since = house.sim.clock.now()
    await house.live(300)
    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {30}

    house.sim.charger().stop()
    await house.live(31)
    since = house.sim.clock.now()
    await house.live(300)

    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {60}


async def test_a_summary_comes_only_after_a_report(house: House) -> None:
    await house.live(1000)
    summaries = house.sim.count("summary")

    house.sim.charger().go_offline()
    await house.live(2 * 3600)
    # One for the reports that came before.
    assert house.sim.count("summary") == summaries + 1
    summaries += 1
    house.sim.charger().come_back()
    await house.live(61)

    assert house.sim.count("summary") == summaries + 1


async def test_a_session_is_followed_report_by_report_and_to_its_end(house: House) -> None:
    charger = house.sim.charger()
    charger.start(16)
    await house.live(61)
    since = house.sim.clock.now()
    await house.live(3600)
    assert len(_times(house, "summary", since)) in {11, 12}

    charger.stop()
    await house.live(661)
    assert float(house.state("sensor", "lifetime_energy").state) == pytest.approx(charger.lifetime_wh / 1000, abs=0.01)
    since = house.sim.clock.now()
    await house.live(3000)

    assert len(_times(house, "summary", since)) <= 1


async def test_a_site_without_a_charger_is_looked_at_every_five_minutes(build_house: HouseBuilder) -> None:
    house = await build_house("no_charger")
    since = house.sim.clock.now()

    await house.live(3600)

    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {300}
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"


@pytest.mark.usefixtures("all_entities_enabled")
async def test_a_summary_without_limits_is_asked_for_again(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"missing_level_details": 2}))
    assert house.state("sensor", "max_amps").state == "unknown"

    await house.live(121)

    assert house.state("sensor", "max_amps").state == "32.0"
    assert house.state("number", "charging_amps").attributes["max"] == 32


@pytest.mark.parametrize(("minutes", "at_most"), [(7, 60), (25, 300)])
async def test_limits_that_come_late_are_asked_for_until_they_do(build_house: HouseBuilder, minutes: int, at_most: float) -> None:
    """The number appeared up to an hour after them."""
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"missing_level_details": 10_000}))
    since = house.sim.clock.now()
    await house.live(minutes * 60)
    assert len([one for one in _times(house, "summary", since) if one < 600]) >= min(minutes, 10) - 1
    assert len(_times(house, "summary", since)) <= 10 + minutes / 5

    house.sim.world.deployment.missing_level_details = 0
    await house.live(at_most + 1)
    assert house.state("number", "charging_amps").attributes["max"] == 32


@pytest.mark.usefixtures("all_entities_enabled")
async def test_limits_that_go_missing_stay_what_they_were(house: House) -> None:
    house.sim.world.deployment.missing_level_details = 3

    await house.live(600)

    assert house.state("sensor", "max_amps").state == "32.0"
    assert house.state("number", "charging_amps").attributes["max"] == 32


# --- After a command ---


async def test_a_command_that_is_not_carried_out_is_watched_less_and_less_often(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"start_ignored": True}))
    since = house.sim.clock.now()

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(300)

    times = _times(house, "ev_chargers/status", since)
    # Home Assistant starts a poll up to a second early.
    assert _gaps([0, *times])[:5] == pytest.approx([2, 4, 8, 16, 30], abs=1)
    assert set(_gaps([at for at in times if at > 100])) == {60}
    switch = house.state("switch", "charging")
    assert switch.state == "off"
    assert switch.attributes["last_command"] == "failed"
    assert switch.attributes["last_command_reason"] == "preparing"


async def test_a_command_is_given_up_after_ninety_seconds(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"start_ignored": True}))
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))

    await house.live(85)
    assert house.state("switch", "charging").state == "on"
    await house.live(10)

    assert house.state("switch", "charging").state == "off"


async def test_a_late_start_is_confirmed(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"start_delay_s": 40.0}))

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(35)
    assert house.state("switch", "charging").state == "on"
    assert house.state("sensor", "status").state == "plugged_in"
    await house.live(30)

    assert house.state("switch", "charging").attributes["last_command"] == "confirmed"
    assert house.state("sensor", "status").state == "charging"


async def test_the_usual_rhythm_comes_back_once_it_is_confirmed(house: House) -> None:
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(5)
    since = house.sim.clock.now()

    await house.live(200)

    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {30}


# --- When the cloud slows us down ---


@pytest.mark.parametrize("headers", [{"Retry-After": "200"}, {"Retry-After": "7"}])
async def test_retry_after_is_obeyed(house: House, headers: dict[str, str]) -> None:
    seconds = int(headers["Retry-After"])
    house.sim.faults.add(path="ev_chargers/status", status=429, headers=headers)
    await house.live(61)
    since = house.sim.clock.now()

    await house.live(400)

    # A poll comes up to a second early; then it holds itself back for what is left.
    first = min(round((request.at - since).total_seconds()) for request in house.sim.requests if request.at > since)
    assert seconds - 2 <= first <= seconds + 2
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"


async def test_nothing_at_all_is_asked_until_then(house: House) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1200)
    # Of the status: a history that is throttled holds nothing else up, and which of them asks first in a minute is chance.
    house.sim.faults.add(path="ev_chargers/status", status=429, headers={"Retry-After": format_datetime(moment, usegmt=True)})
    await house.live(61)
    house.sim.requests.clear()

    await house.live(1130)
    assert house.sim.count() == 0
    await house.live(60)

    assert house.sim.count("status") == 1
    assert house.state("sensor", "status").state == "plugged_in"


async def test_a_cloud_that_throttles_all_the_time_locks_nobody_out(house: House) -> None:
    house.sim.world.deployment.update({"requests_per_hour": 70})

    await house.live(4 * 3600)

    assert house.sim.sign_ins == 1
    assert not house.hass.config_entries.flow.async_progress()


async def test_a_throttle_that_names_no_time_slows_down(house: House) -> None:
    house.sim.faults.add(path="ev_chargers/status", status=429, times=4)
    since = house.sim.clock.now()

    await house.live(1800)

    gaps = _gaps(_times(house, "ev_chargers/status", since))
    assert gaps[:4] == [60, 120, 240, 300]
    assert set(gaps[4:]) == {60}


# --- When the cloud does not answer ---

_OUTAGES: list[FaultOptions] = [{"status": 503}, {"drop": True}, {"html": True}, {"broken_json": True}, {"status": 500, "html": True}]


@pytest.mark.parametrize("outage", _OUTAGES, ids=str)
async def test_an_outage_is_looked_at_after_a_moment_and_then_as_usual(house: House, outage: FaultOptions) -> None:
    house.sim.faults.add(path="ev_chargers/status", times=None, **outage)
    since = house.sim.clock.now()
    await house.live(3600)
    gaps = _gaps(sorted(set(_times(house, "ev_chargers/status", since))))
    assert gaps[0] == 15
    assert set(gaps[1:]) == {60}
    # A connection that breaks is tried once more at once; beside that, it is no more than without an outage.
    assert len(_times(house, "", since)) <= (150 if outage == {"drop": True} else 90)

    house.sim.faults.clear()
    await house.live(61)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"
    since = house.sim.clock.now()
    await house.live(600)

    assert set(_gaps(_times(house, "ev_chargers/status", since))) == {60}
    assert house.sim.sign_ins == 1
    assert not list(house.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH}))


@pytest.mark.parametrize("outage", _OUTAGES, ids=str)
async def test_entities_become_unavailable_after_three_polls(house: House, outage: FaultOptions, caplog: pytest.LogCaptureFixture) -> None:
    await house.live(61)
    caplog.clear()
    house.sim.faults.add(path="ev_chargers/status", times=None, **outage)

    await house.live(170)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("binary_sensor", "cloud_reachable").state == "off"
    await house.live(20)
    assert {house.state(platform, key).state for platform, key in _SOME_ENTITIES} == {"unavailable"}
    assert house.site_state("binary_sensor", "cloud_reachable").state == "off"
    await house.live(1800)
    assert len(_lines(caplog)) == 1

    house.sim.faults.clear()
    await house.live(301)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"
    assert len(_lines(caplog)) == 2
    assert not list(house.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH}))


async def test_a_cloud_that_is_gone_for_hours_is_said_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.live(61)
    caplog.clear()
    await house.sim.stop()
    await house.live(6 * 3600)
    assert len(_lines(caplog)) == 1

    await house.sim.start()
    await house.live(3600)

    assert len(_lines(caplog)) == 2
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.sim.sign_ins == 1
    assert not list(house.entry.async_get_active_flows(house.hass, {SOURCE_REAUTH}))


async def test_a_cloud_that_is_gone_for_hours_is_said_once_where_there_are_batteries(
    build_battery_house: BatteryHouseBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    """Each source of the site said it once more."""
    house = await build_battery_house("battery_site")
    await house.live(61)
    caplog.clear()
    house.sim.faults.add(path="", status=503, times=None)
    await house.live(3 * 3600)
    assert len(_lines(caplog)) == 1

    house.sim.faults.clear()
    await house.live(3600)
    assert len(_lines(caplog)) == 2
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


_SOME_ENTITIES = [
    ("sensor", "status"),
    ("sensor", "lifetime_energy"),
    ("binary_sensor", "plugged_in"),
    ("switch", "charging"),
    ("number", "charging_amps"),
    ("select", "charge_mode"),
    ("button", "start_charging"),
]


async def test_a_charging_site_becomes_unavailable_sooner(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    await house.live(31)
    await house.sim.stop()

    await house.live(85)
    assert house.state("sensor", "status").state == "charging"
    await house.live(10)

    assert house.state("sensor", "status").state == "unavailable"


async def test_a_short_outage_is_not_seen(house: House) -> None:
    house.sim.faults.add(path="ev_chargers/status", status=503)

    seen = set()
    for _ in range(20):
        await house.live(10)
        seen.add(house.state("sensor", "status").state)

    assert seen == {"plugged_in"}


async def test_a_slow_cloud_is_an_outage_and_is_not_asked_twice_at_a_time(house: House) -> None:
    rule = house.sim.faults.add(path="ev_chargers/status", delay=20.0, times=None)
    for _ in range(60):
        # Nobody waits for the answers: they come when the clock gets there.
        house.freezer.tick(5)
        for _ in range(100):
            await asyncio.sleep(0)

    # 300 s: a poll after 60 s, another after 15 s, then after 60 s each; each is waited for.
    assert rule.used == 4
    assert house.state("sensor", "status").state == "unavailable"
    house.sim.faults.clear()
    await house.live(301)
    assert house.state("sensor", "status").state == "plugged_in"


@pytest.mark.parametrize("way", ["button", "update_entity"])
async def test_a_person_who_presses_try_now_does_not_wait(build_battery_house: BatteryHouseBuilder, way: str) -> None:
    """By the button, as the dashboard of docs/dashboard.yaml does it, or as it did."""
    house = await build_battery_house("home")
    assert await async_setup_component(house.hass, "homeassistant", {})
    house.sim.faults.add(path="", status=503, times=None)
    await house.pass_time(minutes=20)
    reachable = house.site_entity_id("binary_sensor", "cloud_reachable")
    assert house.hass.states.get(reachable).state == "off"
    assert house.battery_state("sensor", "state_of_charge") == "unavailable"
    house.sim.faults.clear()

    if way == "button":
        await house.lived_through(house.call("button", "press", entity_id=house.site_entity_id("button", "refresh")))
    else:
        await house.lived_through(house.call("homeassistant", "update_entity", entity_id=[reachable]))

    assert house.hass.states.get(reachable).state == "on"
    assert house.state("sensor", "status", next(iter(house.sim.site.chargers.values()))).state == "charging"
    assert house.battery_state("sensor", "state_of_charge") not in {"unavailable", "unknown"}


async def test_a_person_who_presses_try_now_in_vain_is_told(house: House) -> None:
    button = house.site_entity_id("button", "refresh")
    house.sim.faults.add(path="", status=503, times=None)
    await house.live(200)
    assert house.hass.states.get(button).state != "unavailable"
    passed = len(house.sim.requests)

    with pytest.raises(HomeAssistantError, match="Enphase still can't be reached"):
        await house.call("button", "press", entity_id=button)

    assert len(house.sim.requests) > passed


# --- Answers that say less than they should ---


async def test_an_empty_list_of_chargers_is_a_missed_answer(house: House) -> None:
    house.sim.world.deployment.empty_charger_lists = 2
    await house.live(125)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"

    house.sim.world.deployment.empty_charger_lists = 5
    await house.live(200)
    assert house.state("sensor", "status").state == "unavailable"
    await house.live(180)

    assert house.state("sensor", "status").state == "plugged_in"


async def test_a_first_answer_without_chargers_is_made_up_for(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", prepare=lambda sim: sim.world.deployment.update({"empty_charger_lists": 1}))
    assert not house.hass.states.async_entity_ids("switch")

    await house.live(61)

    assert house.state("sensor", "status").state == "charging"


async def test_the_scheduler_can_be_down_without_the_chargers(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture) -> None:
    house = await build_house("scheduler_down")
    assert house.state("sensor", "status").state == "charging"
    caplog.clear()
    since = house.sim.clock.now()

    await house.live(3600)

    assert house.state("sensor", "status").state == "charging"
    assert set(_gaps(_times(house, "preference", since))) == {300}
    assert _lines(caplog) == []
    house.sim.site.scheduler_up = True
    await house.live(301)
    assert house.state("select", "charge_mode").state == "manual"


@pytest.mark.usefixtures("all_entities_enabled")
async def test_the_summary_service_can_be_down_without_the_chargers(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    house.sim.faults.add(path="summary", status=503, times=None)
    await house.live(3661)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.state("sensor", "max_amps").state == "32.0"
    assert len(_lines(caplog)) == 1

    house.sim.faults.clear()
    await house.live(361)

    assert len(_lines(caplog)) == 2
    assert house.state("sensor", "lifetime_energy").state != "unknown"


@pytest.mark.parametrize("body", [{}, "", {"data": []}])
async def test_an_empty_summary_is_a_missed_answer(
    house: House, caplog: pytest.LogCaptureFixture, body: dict[str, list[object]] | str
) -> None:
    """Every poll asked for it again, 120 times an hour, and nothing told of it."""
    caplog.set_level(logging.INFO)
    house.sim.charger().start(16)
    await house.live(400)
    caplog.clear()
    house.sim.faults.add(path="summary", status=200, body=body, times=None)
    since = house.sim.clock.now()
    await house.live(3600)

    assert len(_times(house, "summary", since)) <= 13
    assert [line for line in _lines(caplog) if "summary" in line] == ["The summary service does not answer: The summary lists no charger"]

    house.sim.faults.clear()
    await house.live(361)

    assert _lines(caplog)[1:] == ["The summary service answers again"]


async def test_a_summary_without_one_of_two_chargers_is_asked_for_as_often_as_it_reports(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    one, other = house.sim.site.chargers.values()
    for charger in (one, other):
        charger.plug_in()
        charger.start(16)
    await house.live(400)
    house.sim.faults.add(path="summary", body={"data": [charger_summary(one, one.reported, connected=True)]}, times=None)
    since = house.sim.clock.now()
    await house.live(3600)

    assert len(_times(house, "summary", since)) <= 26
