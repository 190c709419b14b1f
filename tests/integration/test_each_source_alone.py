"""Each source of the cloud fails alone: what is silent, refused or down leaves everything else as it is."""

from datetime import timedelta
from itertools import pairwise

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, EventStateChangedData, EventStateReportedData, callback
import pytest

from custom_components.enphase_ev.enlighten import Json
from simulator.faults import FaultOptions
from tests.integration.battery_house import MOST_WAITED, BatteryHouseBuilder
from tests.integration.house import House, HouseBuilder

_HOURS = 3
_TOKEN = "/users/self/token"


async def test_a_throttled_state_of_charge_leaves_the_charger_alone(build_battery_house: BatteryHouseBuilder) -> None:
    """It made the charger unavailable for hours."""
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="battery_status", status=429, headers={"Retry-After": "3600"}, times=None)
    for _ in range(_HOURS * 12):
        await house.live(300)
        assert house.state("sensor", "status").state == "plugged_in"
    assert house.sim.count(path="battery_status") <= _HOURS + 2
    house.sim.faults.clear()
    await house.live(3600 + 120)
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


async def test_refusals_for_good_cost_few_renewals(build_battery_house: BatteryHouseBuilder) -> None:
    """They cost one at every look, up to fourteen an hour."""
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="fwDetails|stormGuard/|preference$|history$", status=401, times=None)
    house.sim.requests.clear()
    await house.live(_HOURS * 3600)
    assert house.state("sensor", "status").state == "plugged_in"
    # Four families, each after 0, 15, 45 and 105 minutes.
    assert house.sim.count(path=_TOKEN) <= 4 * 4
    assert house.sim.sign_ins <= 1


async def test_a_site_loads_while_only_its_chargers_are_down(build_battery_house: BatteryHouseBuilder) -> None:
    """There was no battery at all, and its actions found no target."""
    house = await build_battery_house("battery_site", prepare=lambda sim: sim.faults.add(path="ev_chargers/status", status=503, times=None))
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}
    assert house.site_state("binary_sensor", "cloud_reachable").state == "off"
    assert await house.see_through(house.ask("get_battery_schedules"))

    house.sim.faults.clear()
    await house.live(330)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.state("number", "charging_amps").state == "32.0"
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"


async def test_an_override_of_before_ends_while_the_chargers_are_down(build_battery_house: BatteryHouseBuilder) -> None:
    """The entry did not load, and nothing ended it."""
    house = await build_battery_house("battery_site")
    before = house.entries
    await house.asked("set_battery_override", action="hold", duration="00:30:00", wait=MOST_WAITED)
    assert house.entries != before
    house.sim.faults.add(path="ev_chargers/status", status=503, times=None)
    await house.restarted(minutes=5)
    await house.pass_time(minutes=45)
    assert house.entry.runtime_data.overrides.active is None
    assert house.entries == before


async def test_a_site_loads_while_only_its_battery_is_down(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house(
        "battery_site", prepare=lambda sim: sim.faults.add(path="batteryConfig|battery_status", status=503, times=None)
    )
    assert house.state("sensor", "status").state == "plugged_in"

    house.sim.faults.clear()
    await house.live(660)
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


async def test_a_site_of_which_nothing_answers_is_tried_again(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="service|battery_status", status=503, times=None)
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert house.entry.state is ConfigEntryState.SETUP_RETRY

    house.sim.faults.clear()
    await house.live(120)
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


_DOWN: list[FaultOptions] = [{"status": 503}, {"status": 401}, {"status": 429, "headers": {"Retry-After": "3600"}}]


@pytest.mark.parametrize("down", _DOWN, ids=lambda down: str(down["status"]))
async def test_a_state_of_charge_that_is_not_read_is_not_shown(
    build_battery_house: BatteryHouseBuilder, caplog: pytest.LogCaptureFixture, down: FaultOptions
) -> None:
    """It stood still for six hours, and nothing said so."""
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="battery_status", times=None, **down)
    await house.live(17 * 60)
    (unit, *_) = house.sim.battery.units
    for state in (house.site_state("sensor", "state_of_charge"), house.state("sensor", "state_of_charge", unit)):
        assert state.state == "unavailable"
    assert house.site_state("switch", "charge_from_grid").state != "unavailable"
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.site_state("sensor", "battery_last_successful_update").state != "unavailable"
    assert [one for one in caplog.messages if one.startswith("The battery status service does not answer")]
    house.sim.faults.clear()
    await house.live(3600)
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}


async def test_settings_that_are_not_read_are_not_shown(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="batterySettings", method="GET", status=503, times=None)
    await house.live(23 * 60)
    assert house.site_state("switch", "charge_from_grid").state == "unavailable"
    assert house.site_state("number", "reserve").state == "unavailable"
    assert house.site_state("sensor", "state_of_charge").state != "unavailable"


async def test_schedules_are_shown_while_only_the_settings_are_down(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    house.sim.faults.add(path="batterySettings", method="GET", status=503, times=None)
    await house.live(23 * 60)
    for platform, key in (("calendar", "charge_from_grid"), ("select", "system_profile")):
        assert house.site_state(platform, key).state not in {"unavailable", "unknown"}, key


async def test_the_profile_is_read_for_hours_after_a_change_at_any_moment(build_battery_house: BatteryHouseBuilder) -> None:
    """It was read only where site and settings happened to be due at the same moment, which a change ended for good."""
    house = await build_battery_house("battery_site")
    await house.live(130)
    reserve = float(house.site_state("number", "reserve").state)
    await house.see_through(house.call("number", "set_value", entity_id=house.site_entity_id("number", "reserve"), value=reserve + 5))
    await house.live(600)
    house.sim.requests.clear()
    await house.live(3 * 3600)
    for platform, key in (("select", "system_profile"), ("sensor", "system_profile"), ("switch", "storm_guard")):
        assert house.site_state(platform, key).state not in {"unavailable", "unknown"}, key
    assert 5 <= house.sim.count(path="/profile/", method="GET") <= 7


async def test_a_storm_alert_that_is_not_read_is_not_shown(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    await house.live(660)
    assert house.site_state("binary_sensor", "storm_alert").state == "off"
    house.sim.faults.add(path="stormGuard", method="GET", status=503, times=None)
    await house.live(3.3 * 3600)
    assert house.site_state("binary_sensor", "storm_alert").state == "unavailable"
    assert house.site_state("binary_sensor", "demand_response").state == "off"


async def test_a_storm_alert_that_was_never_read_is_not_shown(build_battery_house: BatteryHouseBuilder) -> None:
    """It was off before anything had told so."""
    house = await build_battery_house(
        "battery_site", prepare=lambda sim: sim.faults.add(path="stormAlert|batterySettings", method="GET", status=503, times=None)
    )
    await house.live(3600)
    assert house.site_state("binary_sensor", "storm_alert").state == "unknown"
    house.sim.faults.clear()
    await house.live(660)
    assert house.site_state("binary_sensor", "storm_alert").state == "off"


async def test_schedules_that_are_not_read_are_not_missing(build_battery_house: BatteryHouseBuilder) -> None:
    """The day window of sites without schedules appeared, and stayed."""
    house = await build_battery_house("battery_site", prepare=lambda sim: sim.faults.add(path="/schedules$", status=503, times=None))
    await house.live(900)
    assert house.site_state("number", "reserve").state != "unavailable"
    assert house.hass.states.async_entity_ids("time") == []


async def test_a_family_that_refuses_takes_no_token_from_the_others(build_house: HouseBuilder) -> None:
    """The grid events, which only one of the tokens opens, were gone until the next sign-in."""
    house = await build_house("sunny_home_au", grid_services=True)
    await house.live(600)
    assert house.site_state("calendar", "grid_events").state == "off"
    house.sim.faults.add(path="preference$", status=401, times=None)
    await house.live(2.5 * 3600)
    assert house.site_state("calendar", "grid_events").state == "off"


async def test_a_status_that_refuses_for_good_is_the_status_affair(build_battery_house: BatteryHouseBuilder) -> None:
    """A person was asked to sign in, in vain; the chargers did not come back without."""
    house = await build_battery_house("battery_site", prepare=lambda sim: sim.faults.add(path="status$", status=401, times=None))
    await house.live(2 * 3600)
    assert house.site_state("sensor", "state_of_charge").state not in {"unavailable", "unknown"}
    assert house.hass.config_entries.flow.async_progress() == []
    assert house.sim.sign_ins <= 2
    house.sim.faults.clear()
    await house.live(330)
    assert house.state("sensor", "status").state == "plugged_in"


async def test_a_summary_without_the_charger_tells_nothing_about_it(house: House) -> None:
    before = house.state("sensor", "lifetime_energy").state
    house.sim.faults.add(path="summary", body={"data": []}, times=None)
    await house.live(3600)
    assert house.state("sensor", "lifetime_energy").state == before
    await house.live(2.5 * 3600)
    assert house.state("sensor", "lifetime_energy").state == "unavailable"


async def test_a_history_without_a_list_does_not_make_the_month_free(build_house: HouseBuilder) -> None:
    """This month's cost was 0, and the car charged on."""
    house = await build_house("sunny_home")
    await house.live(600)
    cost = house.state("sensor", "cost_this_month").state
    assert float(cost) > 0
    rule = house.sim.faults.add(path="/history$", body={}, times=None)
    house.freezer.tick(timedelta(hours=6))
    await house.live(130)
    assert rule.used
    assert house.state("sensor", "cost_this_month").state == cost


async def test_what_a_charger_has_told_long_ago_is_not_shown(house: House) -> None:
    house.sim.faults.add(path="summary|preference$|schedules$|ev_charger_config$", status=503, times=None)
    await house.live(4.6 * 3600)
    for platform, key in (
        ("select", "charge_mode"),
        ("sensor", "charge_mode"),
        ("sensor", "lifetime_energy"),
        ("switch", "app_authentication"),
        ("number", "default_charge_level"),
    ):
        assert house.state(platform, key).state == "unavailable", key
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.state("switch", "charging").state == "off"
    house.sim.faults.clear()
    await house.live(900)
    assert house.state("select", "charge_mode").state == "manual"
    assert house.state("sensor", "lifetime_energy").state != "unavailable"


async def test_a_state_of_charge_that_stands_still_is_written_as_long_as_it_is_read(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house("battery_site")
    entity_id = house.site_entity_id("sensor", "state_of_charge")
    written: list[float] = []

    @callback
    def note(event: Event[EventStateChangedData] | Event[EventStateReportedData]) -> None:
        if event.data["entity_id"] == entity_id:
            written.append(house.hass.loop.time())

    house.hass.bus.async_listen(EVENT_STATE_REPORTED, note, event_filter=callback(lambda data: data["entity_id"] == entity_id))
    house.hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    await house.live(3600)
    assert len(written) >= 11
    assert max(later - before for before, later in pairwise(written)) <= 301
    house.sim.faults.add(path="battery_status", status=503, times=None)
    await house.live(300)
    known = len(written)
    await house.live(420)
    assert len(written) == known


async def test_a_state_of_charge_is_not_shown_while_a_person_has_to_sign_in(build_battery_house: BatteryHouseBuilder) -> None:
    """Nothing is read any more then, and nothing would notice that the value grows old."""
    house = await build_battery_house("battery_site")
    house.sim.account.password = "changed"
    house.sim.expire_sessions()
    await house.live(360)
    assert house.site_state("sensor", "state_of_charge").state == "unavailable"


@pytest.mark.parametrize("body", [{}, "", {"data": {}}], ids=["empty object", "nothing", "wrapped"])
async def test_an_empty_status_of_the_battery_is_a_missed_answer(
    build_house: HouseBuilder, caplog: pytest.LogCaptureFixture, body: Json
) -> None:
    """One of them made the state of charge unknown and each battery unavailable, at once and without a word."""
    house = await build_house("battery_only", options={"live_power": "off"})
    await house.live(300)
    (unit, *_) = house.sim.battery.units

    def shown() -> list[str]:
        of_all = [house.site_state("sensor", key).state for key in ("state_of_charge", "available_energy", "capacity", "battery_status")]
        return [*of_all, house.state("sensor", "state_of_charge", unit).state]

    house.sim.faults.add(path="battery_status", body=body, times=1)
    await house.live(125)
    assert house.sim.faults.rules[0].used == 1
    assert {"unknown", "unavailable"}.isdisjoint(shown())
    house.sim.faults.clear()
    house.sim.faults.add(path="battery_status", body=body, times=None)
    await house.live(23 * 60)
    assert set(shown()) == {"unavailable"}
    house.sim.faults.clear()
    await house.live(360)
    assert {"unknown", "unavailable"}.isdisjoint(shown())
    told = [one for one in caplog.messages if one.startswith("The battery status service")]
    assert [one.partition(":")[0] for one in told] == [
        "The battery status service does not answer",
        "The battery status service answers again",
    ]


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": {"message": "busy"}}], ids=["empty object", "wrapped", "words"])
async def test_settings_and_profile_that_tell_nothing_are_missed_answers(build_house: HouseBuilder, body: Json) -> None:
    """Words in place of data made each switch unknown."""
    house = await build_house("battery_only", options={"live_power": "off"})
    await house.live(300)
    of_site = [("switch", "charge_from_grid"), ("number", "reserve"), ("select", "system_profile"), ("switch", "storm_guard")]
    before = [house.site_state(*one).state for one in of_site]
    assert {"unknown", "unavailable"}.isdisjoint(before)
    faults = [house.sim.faults.add(path=path, body=body, times=1) for path in ("siteSettings/", "batterySettings/", "/profile/")]
    await house.live(32 * 60)
    assert [one.used for one in faults] == [1, 1, 1]
    house.sim.faults.clear()
    house.sim.faults.add(path="siteSettings/|batterySettings/|/profile/", body=body, times=None)
    await house.live(11 * 60)
    assert [house.site_state(*one).state for one in of_site] == before
