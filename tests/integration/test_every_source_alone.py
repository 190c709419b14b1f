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

# What comes from each: platform, what it is about, and the key of its unique id.
_OF_SETTINGS = (
    "binary_sensor site demand_response, binary_sensor site schedule_open, number site reserve, number site shutdown_level, "
    "sensor site grid_mode, switch site charge_from_grid, switch site charge_from_grid_schedule, switch site discharge_to_grid, "
    "switch site restrict_battery_discharge"
)
_OF_SCHEDULES = (
    "binary_sensor site schedule_open, calendar site charge_from_grid, calendar site discharge_to_grid, "
    "calendar site restrict_battery_discharge, sensor site charge_from_grid_schedules, sensor site discharge_to_grid_schedules, "
    "sensor site restrict_battery_discharge_schedules"
)
_OF_SUMMARY = (
    "sensor charger connection, sensor charger energy_today, sensor charger ip_address, sensor charger lifetime_energy, "
    "sensor charger max_amps, sensor charger min_amps, sensor charger phase_mode, sensor charger reporting_interval"
)
_OF_STATUS_OF_BATTERY = (
    "binary_sensor site charging, sensor site available_energy, sensor site capacity, sensor site available_power, "
    "sensor site state_of_charge, sensor site battery_status, binary_sensor unit charging, sensor unit cycle_count, "
    "sensor unit health, sensor unit available_power, sensor unit state_of_charge, sensor unit status, "
    "sensor site battery_last_reported, sensor unit last_reported"
)
_OF_CONFIGURATION = (
    "number charger default_charge_level, sensor charger phase_switch_mode, switch charger app_authentication, "
    "switch charger rfid_authentication"
)
_OF_CHARGING_SCHEDULE = "binary_sensor charger schedule_open, calendar charger charging_schedule, switch charger slot"
_OF_MODE = "binary_sensor charger schedule_open, select charger charge_mode, sensor charger charge_mode"
_OF_PROFILE = "select site system_profile, sensor site system_profile, switch site storm_guard, switch site storm_guard_ev"
_OF_HISTORY = (
    "sensor charger cost_this_month, sensor charger last_session, sensor charger last_session_cost, sensor charger last_session_range"
)
_OF_GRID_EVENTS = "binary_sensor site grid_event_active, calendar site grid_events, sensor site next_grid_event"
_OF_TARIFF = "sensor site import_price, sensor site next_import_price_change"


@dataclass(frozen=True)
class _Source:
    """A source: its path, after how many hours without it nothing of it is shown any more, and what that is.

    What is empty shows nothing that changes: it says what there is, or is added up. `may_go` has another source as well.
    """

    path: str
    hours: float = 2.0
    lost: str = ""
    may_go: str = ""
    back_within: float = 1.1


_SOURCES = (
    _Source("ev_chargers/summary$", 3.5, _OF_SUMMARY),
    _Source("preference$", 2.0, _OF_MODE),
    _Source("SCHEDULED_CHARGING/.*/schedules$", 3.6, _OF_CHARGING_SCHEDULE),
    _Source("GREEN_CHARGING/.*/settings$", 10.0, "switch charger green_battery"),
    _Source("ev_charger_config$", 3.6, _OF_CONFIGURATION),
    _Source("feature-flags$", 26.0),
    # A refusal says that the site has none, which is looked into once a day.
    _Source("fwDetails", 76.0, "update charger firmware", back_within=25.0),
    _Source("/history$", 20.0, _OF_HISTORY),
    _Source("daily_energy$", 26.0),
    _Source("battery_status", 2.0, _OF_STATUS_OF_BATTERY),
    _Source("siteSettings/"),
    _Source("batterySettings/", 2.0, _OF_SETTINGS),
    _Source("battery/sites/.*/schedules$", 2.0, _OF_SCHEDULES),
    _Source("/profile/", 2.0, _OF_PROFILE),
    _Source("stormAlert$", 3.6, "binary_sensor site storm_alert"),
    _Source("/pv/systems/.*/lifetime_energy$"),
    _Source("battery_backup_history"),
    _Source("systems/[^/]*/tariff$", 38.0, _OF_TARIFF, "sensor site export_price, sensor charger session_cost"),
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
    await house.live(900)
    return house


def _known(house: House) -> set[str]:
    """The entities that show something."""
    subjects = {house.sim.site.id: "site", house.sim.charger().serial: "charger"}
    known: set[str] = set()
    for entity in er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id):
        state = house.hass.states.get(entity.entity_id)
        if state is not None and state.state not in _NO_VALUE:
            subject, _, key = entity.unique_id.partition("_")
            known.add(f"{entity.domain} {subjects.get(subject, 'unit')} {'slot' if key.startswith('slot_') else key}")
    return known


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
        before -= set(_OF_GRID_EVENTS.split(", "))
    home.sim.requests.clear()
    home.sim.faults.add(path=source.path, times=None, **_FAULTS[fault])
    await _pass(home, source.hours)

    known = _known(home)
    lost = set(source.lost.split(", "))
    assert before & known & lost == set()
    assert before - known - lost - set(source.may_go.split(", ")) == set()
    asked = [one for one in home.sim.requests if re.search(source.path, one.path)]
    assert len(asked) / source.hours <= _MOST_ASKED
    assert len(home.sim.requests) / source.hours <= _MOST_REQUESTS
    assert home.sim.count(path=_TOKEN) <= 6 + source.hours / 4
    assert home.sim.sign_ins == 1

    home.sim.faults.clear()
    await _pass(home, source.back_within + (fault == "429"))
    assert before - _known(home) == set()
