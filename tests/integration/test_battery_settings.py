"""The controls of the batteries: the wish at once, what becomes of it, and what refuses."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import json
from pathlib import Path

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
import pytest

from custom_components.enphase_ev.battery.change import EntriesPlan
from custom_components.enphase_ev.enlighten import BatterySchedules, BatterySettings
from simulator import Simulator, StormAlert
from simulator.switches.battery import EnhoRule
from tests.integration.battery_house import BatteryHouse, BatteryHouseBuilder
from tests.strictness import strict_and_lenient
from tests.thoroughness import one_in


@dataclass(frozen=True)
class _Control:
    """A control, the action with which a person sets it, and the setting of the battery behind it."""

    platform: str
    key: str
    action: str
    data: dict[str, object]
    shown: str
    setting: str
    value: object


_ON: dict[str, object] = {}
_CONTROLS = [
    _Control("switch", "charge_from_grid", "turn_on", _ON, "on", "charge_from_grid", True),
    _Control("switch", "charge_from_grid_schedule", "turn_on", _ON, "on", "charge_from_grid_schedule", True),
    _Control("switch", "discharge_to_grid", "turn_on", _ON, "on", "discharge_to_grid", True),
    _Control("switch", "restrict_battery_discharge", "turn_on", _ON, "on", "restrict_discharge", True),
    _Control("switch", "storm_guard", "turn_off", _ON, "off", "storm_guard", False),
    _Control("switch", "storm_guard_ev", "turn_on", _ON, "on", "storm_guard_ev", True),
    _Control("switch", "power_match", "turn_on", _ON, "on", "power_match", True),
    _Control("number", "reserve", "set_value", {"value": 45}, "45.0", "reserve", 45),
    _Control("number", "shutdown_level", "set_value", {"value": 12}, "12.0", "very_low_soc", 12),
    _Control("select", "system_profile", "select_option", {"option": "cost_savings"}, "cost_savings", "profile", "cost_savings"),
]


@pytest.fixture
async def house(build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """A house whose batteries have everything."""

    def prepare(sim: Simulator) -> None:
        sim.battery.features.show_power_match = True
        # Without one restricting discharge has no effect, and is refused.
        sim.battery.add_schedule("rbd", "16:30", "17:00")

    return await build_battery_house(prepare=prepare)


def _follow(house: BatteryHouse, platform: str, key: str) -> list[str]:
    """Return a list that gets every state that an entity goes through."""
    seen: list[str] = []

    def note(event: Event[EventStateChangedData]) -> None:
        new, old = event.data["new_state"], event.data["old_state"]
        if new is not None and old is not None and new.state != old.state:
            seen.append(new.state)

    async_track_state_change_event(house.hass, [house.site_entity_id(platform, key)], note)
    return seen


async def _set(house: BatteryHouse, control: _Control) -> None:
    entity_id = house.site_entity_id(control.platform, control.key)
    await house.lived_through(house.call(control.platform, control.action, entity_id=entity_id, **control.data))


# --- The wish, and what becomes of it ---


@strict_and_lenient
@pytest.mark.parametrize("control", _CONTROLS, ids=lambda control: control.key)
async def test_a_wish_is_shown_at_once_until_it_is_so(house: BatteryHouse, control: _Control) -> None:
    # It is looked at first after 35 s: a gateway that is faster is not seen to be waited for.
    house.sim.world.deployment.battery.gateway_delay_s = 60
    shown, pending = _follow(house, control.platform, control.key), _follow(house, "sensor", "pending_change")
    asked_at = dt_util.utcnow()

    await _set(house, control)

    state = house.site_state(control.platform, control.key)
    assert (state.state, state.last_changed) == (control.shown, asked_at)
    change = house.site_state("sensor", "pending_change")
    assert change.attributes["what"] == control.key
    assert change.attributes["since"] == asked_at
    assert change.attributes["reason"] is None
    assert getattr(house.battery.settings, control.setting) != control.value
    await house.pass_time(minutes=10)

    assert getattr(house.battery.settings, control.setting) == control.value
    assert shown == [control.shown]
    assert pending == ["queued", "requested", "waiting_for_gateway", "none"]
    assert house.battery.lost == []
    # Some sites want the source named; it is only tried where nothing came of the plain form.
    assert [one.path for one in house.sim.requests if one.method == "PUT" and "source" in one.query] == []


@pytest.mark.parametrize("control", one_in(2, _CONTROLS), ids=lambda control: control.key)
async def test_a_site_that_wants_the_source_named_gets_it(house: BatteryHouse, control: _Control) -> None:
    house.sim.world.deployment.battery.source_enho = EnhoRule.NEEDED
    await _set(house, control)
    await house.pass_time(minutes=10)

    assert getattr(house.battery.settings, control.setting) == control.value
    assert house.battery_state(control.platform, control.key) == control.shown


@pytest.mark.parametrize("control", _CONTROLS[:4], ids=lambda control: control.key)
async def test_a_site_that_wants_the_family_checked_before_gets_it_checked(house: BatteryHouse, control: _Control) -> None:
    house.sim.world.deployment.battery.toggle_needs_is_valid = True
    pending = _follow(house, "sensor", "pending_change")
    await _set(house, control)
    await house.pass_time(minutes=10)

    assert getattr(house.battery.settings, control.setting) == control.value
    assert pending[-1] == "none"


@pytest.mark.parametrize("control", one_in(2, _CONTROLS), ids=lambda control: control.key)
async def test_a_wish_that_comes_to_nothing_is_taken_back(house: BatteryHouse, control: _Control) -> None:
    before = house.battery_state(control.platform, control.key)
    house.sim.world.deployment.battery.ignored_writes = 99
    shown, pending = _follow(house, control.platform, control.key), _follow(house, "sensor", "pending_change")

    await _set(house, control)
    await house.pass_time(minutes=16)

    assert shown == [control.shown, before]
    assert pending[:2] == ["queued", "requested"]
    assert pending[-1] == "failed"
    change = house.site_state("sensor", "pending_change").attributes
    assert (change["what"], change["reason"]) == (control.key, "not_applied")


async def test_charge_from_grid_that_is_not_told_is_not_off(batteries: BatteryHouse) -> None:
    told = json.loads((Path(__file__).parents[1] / "fixtures" / "api" / "battery_settings.json").read_text(encoding="utf-8"))
    del told["data"]["chargeFromGrid"]
    batteries.sim.faults.add(path="batterySettings", method="GET", body=told, times=None)

    await batteries.pass_time(minutes=6)

    assert batteries.battery_state("switch", "charge_from_grid") == "unknown"
    batteries.sim.faults.clear()
    await batteries.pass_time(minutes=6)
    assert batteries.battery_state("switch", "charge_from_grid") in {"on", "off"}


async def test_a_gateway_that_never_takes_a_change_over_is_waited_for(house: BatteryHouse) -> None:
    house.sim.world.deployment.battery.update({"gateway_delay_s": None, "gateway_gives_up_s": None})
    shown, pending = _follow(house, "switch", "discharge_to_grid"), _follow(house, "sensor", "pending_change")

    await _set(house, _CONTROLS[2])
    await house.pass_time(minutes=14)
    assert (shown, pending) == (["on"], ["queued", "requested", "waiting_for_gateway"])
    await house.pass_time(minutes=3)

    assert (shown, pending) == (["on", "off"], ["queued", "requested", "waiting_for_gateway", "failed"])


@pytest.mark.parametrize("control", [_CONTROLS[0], _CONTROLS[7], _CONTROLS[9]], ids=lambda control: control.key)
async def test_what_the_cloud_refuses_is_told_and_taken_back(house: BatteryHouse, control: _Control) -> None:
    before = house.battery_state(control.platform, control.key)
    house.sim.faults.add(method="PUT", path="batteryConfig", status=409, body={"error": {"status": "NOT_NOW"}}, times=None)

    with pytest.raises(HomeAssistantError, match="NOT_NOW") as refused:
        await _set(house, control)

    assert refused.value.translation_key == "request_rejected"
    assert house.battery_state(control.platform, control.key) == before
    change = house.site_state("sensor", "pending_change")
    assert (change.state, change.attributes["reason"]) == ("failed", "request_rejected")


async def test_a_change_goes_on_over_a_reload(house: BatteryHouse) -> None:
    house.sim.world.deployment.battery.gateway_delay_s = 400
    switches = _follow(house, "switch", "restrict_battery_discharge")
    await _set(house, _CONTROLS[3])
    await house.reload()

    # The ledger remembers what was asked for.
    assert house.battery_state("sensor", "pending_change") == "requested"
    assert house.battery_state("switch", "restrict_battery_discharge") == "on"
    assert house.site_state("sensor", "pending_change").attributes["waiting"] == []
    await house.pass_time(minutes=16)

    assert house.battery_state("sensor", "pending_change") == "none"
    assert house.battery_state("switch", "restrict_battery_discharge") == "on"
    assert switches[-1] == "on"


@pytest.mark.parametrize(("features", "key"), [({"system_task": True}, "battery_busy"), ({"dr_event_active": True}, "battery_event")])
async def test_nothing_is_written_while_the_battery_is_not_ours(house: BatteryHouse, features: dict[str, object], key: str) -> None:
    house.battery.features.update(features)
    house.sim.requests.clear()
    shown = _follow(house, "number", "reserve")

    with pytest.raises(ServiceValidationError) as refused:
        await _set(house, _CONTROLS[7])

    assert refused.value.translation_key == key
    assert shown == ["45.0", "20.0"]
    assert not any(request.method != "GET" for request in house.sim.requests)


# --- Numbers ---


@pytest.mark.parametrize(("key", "lowest", "highest"), [("reserve", 5, 100), ("shutdown_level", 5, 25)])
async def test_a_number_keeps_to_its_limits(house: BatteryHouse, key: str, lowest: float, highest: float) -> None:
    state = house.site_state("number", key)
    assert (state.attributes["min"], state.attributes["max"], state.attributes["step"]) == (lowest, highest, 1)
    house.sim.requests.clear()

    for value in (lowest - 1, highest + 1):
        with pytest.raises(ServiceValidationError, match="outside valid range"):
            await house.call("number", "set_value", entity_id=state.entity_id, value=value)

    assert house.sim.requests == []


async def test_limits_are_those_that_the_cloud_names(build_battery_house: BatteryHouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.battery.features.update({"reserve_min": 10, "reserve_max": 80, "very_low_soc_max": 15})

    house = await build_battery_house(prepare=prepare)

    reserve, shutdown = (house.site_state("number", key).attributes for key in ("reserve", "shutdown_level"))
    assert (reserve["min"], reserve["max"]) == (10, 80)
    assert (shutdown["min"], shutdown["max"]) == (5, 15)


# --- The profile ---


async def test_a_profile_brings_its_reserve_and_its_charge_from_grid(house: BatteryHouse) -> None:
    options = house.site_state("select", "system_profile").attributes["options"]
    assert options == ["self_consumption", "cost_savings", "backup_only", "ai_optimisation"]

    for option, reserve, charge in (("cost_savings", "30.0", "on"), ("backup_only", "100.0", "off")):
        await _set(house, _Control("select", "system_profile", "select_option", {"option": option}, option, "profile", option))
        await house.pass_time(minutes=3)
        assert house.battery_state("select", "system_profile") == option
        assert house.battery_state("sensor", "system_profile") == option
        assert house.battery_state("number", "reserve") == reserve
        assert house.battery_state("switch", "charge_from_grid") == charge


async def test_a_profile_that_is_made_elsewhere_is_shown_and_can_be_left(house: BatteryHouse) -> None:
    house.battery.set(profile="expert")
    await house.pass_time(minutes=31)

    assert house.battery_state("sensor", "system_profile") == "expert"
    assert house.battery_state("select", "system_profile") == "expert"
    await _leave_profile(house)


@pytest.mark.parametrize("later", [False, True])
async def test_a_profile_that_nobody_knows_is_shown_as_it_is_and_can_be_left(build_battery_house: BatteryHouseBuilder, later: bool) -> None:
    house = await build_battery_house(prepare=lambda sim: None if later else sim.battery.set(profile="lunar"))
    if later:
        house.battery.set(profile="lunar")
        await house.pass_time(minutes=31)

    for platform in ("select", "sensor"):
        state = house.site_state(platform, "system_profile")
        assert (state.state, state.attributes["reported"]) == ("unknown", "lunar"), platform
    await _leave_profile(house)


async def _leave_profile(house: BatteryHouse) -> None:
    select = house.site_state("select", "system_profile")
    assert {"self_consumption", "cost_savings", "backup_only"} <= set(select.attributes["options"])
    option = {"entity_id": house.site_entity_id("select", "system_profile"), "option": "cost_savings"}
    await house.lived_through(house.call("select", "select_option", **option))
    await house.pass_time(minutes=3)
    assert house.battery.settings.profile == "cost_savings"
    for platform in ("select", "sensor"):
        state = house.site_state(platform, "system_profile")
        assert (state.state, state.attributes["reported"]) == ("cost_savings", None), platform


async def test_a_change_of_the_profile_can_be_cancelled(house: BatteryHouse) -> None:
    house.sim.world.deployment.battery.gateway_delay_s = 600
    await _set(house, _CONTROLS[9])
    assert house.battery_state("select", "system_profile") == "cost_savings"
    assert house.battery.pending

    await house.lived_through(house.call("button", "press", entity_id=house.site_entity_id("button", "cancel_profile_change")))
    assert not house.battery.pending
    await house.pass_time(minutes=2)

    assert house.battery_state("select", "system_profile") == "self_consumption"
    assert house.site_state("sensor", "pending_change").attributes["reason"] == "withdrawn"
    assert house.sim.count(path="v1/profile/", method="PUT") == 1
    assert house.battery_state("button", "cancel_profile_change") == STATE_UNAVAILABLE


# --- Storms and events ---


def _storm(house: BatteryHouse) -> StormAlert:
    now = dt_util.utcnow().timestamp()
    alert = StormAlert("alert-1", "Severe wind", now - 600, now + 6 * 3600)
    house.battery.storm_alerts.append(alert)
    return alert


async def test_a_storm_is_told_and_can_be_opted_out_of(house: BatteryHouse) -> None:
    button = house.site_entity_id("button", "storm_alert_opt_out")
    assert house.battery_state("button", "storm_alert_opt_out") == STATE_UNAVAILABLE
    alert = _storm(house)
    await house.pass_time(minutes=5.1)
    assert house.battery_state("binary_sensor", "storm_alert") == "on"

    await house.lived_through(house.call("button", "press", entity_id=button))

    assert alert.opted_out
    assert house.battery_state("binary_sensor", "storm_alert") == "off"


@pytest.mark.parametrize("is_listed", [True, False])
async def test_a_storm_that_is_over_is_over(house: BatteryHouse, is_listed: bool) -> None:
    alert = _storm(house)
    await house.pass_time(minutes=5.1)
    assert house.battery_state("binary_sensor", "storm_alert") == "on"

    alert.end = dt_util.utcnow().timestamp()
    if not is_listed:
        house.battery.storm_alerts.clear()
    await house.pass_time(minutes=5.1)

    assert house.battery_state("binary_sensor", "storm_alert") == "off"


async def test_storm_guard_and_that_for_the_car_do_not_undo_each_other(house: BatteryHouse) -> None:
    async def switch_both() -> None:
        guard, for_ev = (house.site_entity_id("switch", key) for key in ("storm_guard", "storm_guard_ev"))
        await asyncio.gather(house.call("switch", "turn_off", entity_id=guard), house.call("switch", "turn_on", entity_id=for_ev))

    await house.lived_through(switch_both())
    await house.pass_time(minutes=3)

    settings = house.battery.settings
    assert (settings.storm_guard, settings.storm_guard_ev) == (False, True)
    assert (house.battery_state("switch", "storm_guard"), house.battery_state("switch", "storm_guard_ev")) == ("off", "on")


async def test_an_event_of_the_grid_is_told(house: BatteryHouse) -> None:
    for is_active, state in ((True, "on"), (False, "off")):
        house.battery.features.dr_event_active = is_active
        await house.pass_time(minutes=5.1)
        assert house.battery_state("binary_sensor", "demand_response") == state


# --- Asking now ---


async def test_refresh_asks_for_everything_now(house: BatteryHouse) -> None:
    house.battery.state_of_charge = 33
    house.battery.set(reserve=55, storm_guard=False)
    _storm(house)
    changed: Callable[[], list[str]] = lambda: [  # noqa: E731 - the same question twice
        house.battery_state("sensor", "state_of_charge"),
        house.battery_state("number", "reserve"),
        house.battery_state("switch", "storm_guard"),
        house.battery_state("binary_sensor", "storm_alert"),
    ]
    before = changed()

    await house.call("button", "press", entity_id=house.site_entity_id("button", "refresh_battery"))

    assert changed() == ["33.0", "55.0", "off", "on"]
    assert before == ["62.0", "20.0", "on", "off"]


async def test_a_change_with_a_defect_ends_with_it(house: BatteryHouse) -> None:
    def plan(_settings: BatterySettings, _schedules: BatterySchedules) -> EntriesPlan:
        raise LookupError("Nobody thought of that")

    keeper = house.entry.runtime_data.battery.keeper
    with pytest.raises(LookupError):
        await house.lived_through(keeper.async_change_entries("schedules", plan))
    assert keeper.ledger.is_at_rest
    await house.lived_through(house.call("switch", "turn_off", entity_id=house.site_entity_id("switch", "storm_guard")))
    await house.pass_time(minutes=2)
    assert not house.battery.settings.storm_guard, "the next change is made"
