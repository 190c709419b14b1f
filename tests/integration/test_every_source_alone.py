"""Every source of the cloud fails alone, in every way: what comes from it is not shown as if it were read, and all else goes on."""

from dataclasses import dataclass
from datetime import timedelta
import re

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.helpers import entity_registry as er
import pytest

from simulator.faults import FaultOptions
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import at_most

_NO_VALUE = {STATE_UNAVAILABLE, STATE_UNKNOWN}
_TOKEN = "/users/self/token"
_LONGEST_LIVED_THROUGH = 4.0
# h; without a new one, grid events wait for a sign-in (docs/cloud-api/events.md §1).
_LIFE_OF_MANAGER_TOKEN = 10.0

# An hour: of the source that fails, and of all; where all is well it is 132.
_MOST_ASKED, _MOST_REQUESTS = 32, 160

_OF_SETTINGS = (
    "binary_sensor.battery_grid_event binary_sensor.battery_schedule_active number.battery_reserve number.battery_shutdown_level "
    "sensor.battery_grid_mode switch.battery_charge_from_grid switch.battery_charge_from_grid_by_schedule "
    "switch.battery_discharge_to_grid switch.battery_restrict_battery_discharge"
)
_OF_SCHEDULES = (
    "binary_sensor.battery_schedule_active calendar.battery_charge_from_grid_schedule calendar.battery_discharge_to_grid_schedule "
    "calendar.battery_restrict_battery_discharge_schedule sensor.battery_charge_from_grid_schedules "
    "sensor.battery_discharge_to_grid_schedules sensor.battery_restrict_battery_discharge_schedules"
)
_OF_SUMMARY = (
    "sensor.iq_ev_charger_abcd_connection sensor.iq_ev_charger_abcd_energy_today sensor.iq_ev_charger_abcd_ip_address "
    "sensor.iq_ev_charger_abcd_lifetime_energy sensor.iq_ev_charger_abcd_maximum_amps sensor.iq_ev_charger_abcd_minimum_amps "
    "sensor.iq_ev_charger_abcd_phase_mode sensor.iq_ev_charger_abcd_reporting_interval"
)
_OF_STATUS_OF_BATTERY = (
    "binary_sensor.battery_charging binary_sensor.iq_battery_0001_charging binary_sensor.iq_battery_0002_charging "
    "sensor.battery_available_energy sensor.battery_capacity sensor.battery_maximum_power sensor.battery_state_of_charge "
    "sensor.battery_status sensor.iq_battery_0001_cycle_count sensor.iq_battery_0001_health sensor.iq_battery_0001_maximum_power "
    "sensor.iq_battery_0001_state_of_charge sensor.iq_battery_0001_status sensor.iq_battery_0002_cycle_count "
    "sensor.iq_battery_0002_health sensor.iq_battery_0002_maximum_power sensor.iq_battery_0002_state_of_charge "
    "sensor.iq_battery_0002_status"
)
_OF_CONFIGURATION = (
    "number.iq_ev_charger_abcd_default_charge_level sensor.iq_ev_charger_abcd_phase_switch_mode "
    "switch.iq_ev_charger_abcd_app_authentication switch.iq_ev_charger_abcd_rfid_authentication"
)
_OF_CHARGING_SCHEDULE = (
    "binary_sensor.iq_ev_charger_abcd_schedule_active calendar.iq_ev_charger_abcd_charging_schedule "
    "switch.iq_ev_charger_abcd_off_peak_schedule switch.iq_ev_charger_abcd_schedule_23_00_to_06_00"
)
_OF_MODE = "binary_sensor.iq_ev_charger_abcd_schedule_active select.iq_ev_charger_abcd_charge_mode sensor.iq_ev_charger_abcd_charge_mode"
_OF_PROFILE = (
    "select.battery_system_profile sensor.battery_system_profile switch.battery_storm_guard switch.battery_storm_guard_charges_the_car"
)
_OF_HISTORY = (
    "sensor.iq_ev_charger_abcd_cost_this_month sensor.iq_ev_charger_abcd_last_session sensor.iq_ev_charger_abcd_last_session_cost "
    "sensor.iq_ev_charger_abcd_last_session_range"
)
_OF_GRID_EVENTS = "binary_sensor.main_site_grid_event_in_progress calendar.main_site_grid_events sensor.main_site_next_grid_event"
_OF_TARIFF = "sensor.main_site_import_price sensor.main_site_next_import_price_change"


@dataclass(frozen=True)
class _Source:
    """A source: its path, after how many hours without it nothing of it is shown any more, and what that is.

    What is empty shows nothing that changes: it says what there is, or is added up. `may_go` has another source as well.
    """

    path: str
    hours: float = 2.0
    lost: str = ""
    may_go: str = ""


_SOURCES = (
    _Source("ev_chargers/summary$", 3.5, _OF_SUMMARY),
    _Source("preference$", 2.0, _OF_MODE),
    _Source("SCHEDULED_CHARGING/.*/schedules$", 3.6, _OF_CHARGING_SCHEDULE),
    _Source("GREEN_CHARGING/.*/settings$", 10.0, "switch.iq_ev_charger_abcd_battery_helps_in_green_mode"),
    _Source("ev_charger_config$", 3.6, _OF_CONFIGURATION),
    _Source("feature-flags$", 26.0),
    _Source("fwDetails", 76.0, "update.iq_ev_charger_abcd_firmware"),
    _Source("/history$", 20.0, _OF_HISTORY),
    _Source("daily_energy$", 26.0),
    _Source("battery_status", 2.0, _OF_STATUS_OF_BATTERY),
    _Source("siteSettings/"),
    _Source("batterySettings/", 2.0, _OF_SETTINGS),
    _Source("battery/sites/.*/schedules$", 2.0, _OF_SCHEDULES),
    _Source("/profile/", 2.0, _OF_PROFILE),
    _Source("stormAlert$", 3.6, "binary_sensor.battery_storm_alert"),
    _Source("/pv/systems/.*/lifetime_energy$"),
    _Source("battery_backup_history"),
    _Source("systems/[^/]*/tariff$", 38.0, _OF_TARIFF, "sensor.main_site_export_price sensor.iq_ev_charger_abcd_session_cost"),
    _Source("systems/[^/]*/tariffs$"),
    _Source("show_livestream"),
    _Source(_TOKEN),
)
_FAULTS: dict[str, FaultOptions] = {
    "503": {"status": 503},
    "401": {"status": 401},
    "403": {"status": 403},
    "429": {"status": 429, "headers": {"Retry-After": "3600"}},
    "HTML": {"html": True},
    "cut off": {"drop": True},
    "half of it": {"broken_json": True},
    "nothing": {"status": 200, "body": ""},
}
_CASES = [
    pytest.param(source, fault, id=f"{source.path}-{fault}")
    for turn in range(len(_FAULTS))
    for number, source in enumerate(_SOURCES)
    for fault in (list(_FAULTS)[(number + turn) % len(_FAULTS)],)
]


@pytest.fixture
async def home(all_entities_enabled: None, build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> House:
    """A house that has everything, a quarter of an hour after its start, at noon."""
    freezer.move_to("2026-05-20T02:00:00Z")
    house = await build_house("sunny_home_au", grid_services=True)
    house.hass.loop.set_debug(False)
    await house.live(900)
    return house


def _known(house: House) -> set[str]:
    """The entities that show something."""
    registry = er.async_get(house.hass)
    return {one.entity_id for one in house.hass.states.async_all() if registry.async_get(one.entity_id) and one.state not in _NO_VALUE}


async def _pass(house: House, hours: float) -> None:
    """Let time pass; many hours as on a machine that sleeps for most of them."""
    while hours > _LONGEST_LIVED_THROUGH:
        house.freezer.tick(timedelta(seconds=3480))
        await house.live(120)
        hours -= 1
    await house.live(hours * 3600)


@pytest.mark.parametrize(("source", "fault"), at_most(13, _CASES))
async def test_a_source_fails_alone(home: House, source: _Source, fault: str) -> None:
    before = _known(home)
    if source.hours > _LIFE_OF_MANAGER_TOKEN:
        before -= set(_OF_GRID_EVENTS.split())
    home.sim.requests.clear()
    home.sim.faults.add(path=source.path, times=None, **_FAULTS[fault])
    await _pass(home, source.hours)

    known = _known(home)
    lost = set(source.lost.split())
    assert before & known & lost == set()
    assert before - known - lost - set(source.may_go.split()) == set()
    asked = [one for one in home.sim.requests if re.search(source.path, one.path)]
    assert len(asked) / source.hours <= _MOST_ASKED
    assert len(home.sim.requests) / source.hours <= _MOST_REQUESTS
    assert home.sim.count(path=_TOKEN) <= 6 + source.hours / 4
    assert home.sim.sign_ins == 1

    home.sim.faults.clear()
    await _pass(home, 2.1 if fault == "429" else 1.1)
    assert before - _known(home) == set()
