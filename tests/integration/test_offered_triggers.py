"""Which triggers and conditions the automation editor offers on a charger and on a battery, and what those of this integration do."""

from homeassistant.components.websocket_api.automation import async_get_conditions_for_target, async_get_triggers_for_target
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.condition import async_from_config, async_validate_condition_config
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.enphase_ev.const import DOMAIN
from simulator import Vehicle
from tests.integration.battery_house import MOST_WAITED, BatteryHouse
from tests.integration.house import House, HouseBuilder

# What they rest on: binary sensors that are a plug or charge, sensors of energy, power and charge, and event entities.
_WITH_TRIGGERS = ("battery", "power")


@pytest.fixture
async def home(build_house: HouseBuilder) -> House:
    """Two chargers and two batteries."""
    house = await build_house("home")
    await house.live(240)
    for domain in _WITH_TRIGGERS:
        assert await async_setup_component(house.hass, domain, {})
    return house


def _device(house: House, identifier: str) -> str:
    device = dr.async_get(house.hass).async_get_device_by_identifier((DOMAIN, identifier), house.entry.entry_id)
    assert device is not None
    return device.id


def _battery(house: House) -> str:
    return _device(house, f"{house.sim.site.id}_battery")


async def _offered(house: House, device_id: str) -> tuple[set[str], set[str]]:
    """Return the triggers and the conditions that the editor offers on a device."""
    target = {"device_id": [device_id]}
    triggers = await async_get_triggers_for_target(house.hass, target, expand_group=False)
    return triggers, await async_get_conditions_for_target(house.hass, target, expand_group=False)


async def test_a_charger_is_offered_what_happens_to_the_car(home: House) -> None:
    triggers, conditions = await _offered(home, home.device_id())

    # Plugged in, full, and a start that was not followed are events of *Session*, which the editor lists for `event.received`.
    assert {"enphase_ev.session_ended", "event.received", "battery.started_charging", "battery.stopped_charging"} <= triggers
    listed = home.state("event", "session").attributes["event_types"]
    assert {"car_full", "charging_started", "start_failed", "stop_failed", "plugged_in"} <= set(listed)
    assert {"battery.is_charging", "battery.is_not_charging"} <= conditions
    assert "enphase_ev.override_active" not in conditions


async def test_the_battery_is_offered_its_charge_its_changes_and_its_override(home: House) -> None:
    triggers, conditions = await _offered(home, _battery(home))

    # A change that failed and an override that ended are events of *Changes*.
    assert {"battery.level_crossed_threshold", "event.received"} <= triggers
    assert {"failed", "override_ended"} <= set(home.site_state("event", "battery_changes").attributes["event_types"])
    assert {"battery.is_level", "battery.is_charging", "enphase_ev.override_active"} <= conditions
    assert "enphase_ev.session_ended" not in triggers


async def _automate(hass: HomeAssistant, target: dict[str, str], energy: float) -> list[object]:
    """Make an automation of the trigger; return the events that it fires."""
    automation = {
        "triggers": {"trigger": "enphase_ev.session_ended", "target": target, "options": {"energy": energy}},
        "actions": {"event": "session_was_long"},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    (entity_id,) = hass.states.async_entity_ids("automation")
    assert hass.states.is_state(entity_id, "on")
    return async_capture_events(hass, "session_was_long")


async def _session_of(house: House, seconds: float) -> None:
    """Charge with 7.36 kW for so long, and pull the plug."""
    charger = house.sim.charger()
    charger.plug_in(Vehicle(max_amps=32, phases=1))
    await house.live(61)
    charger.start(32)
    await house.live(seconds)
    charger.stop()
    await house.live(61)
    charger.unplug()
    await house.live(61)


@pytest.mark.parametrize("by", ["device", "plug"])
async def test_a_session_that_ended_with_enough_energy(house: House, by: str) -> None:
    target = {"device_id": house.device_id()} if by == "device" else {"entity_id": house.entity_id("binary_sensor", "plugged_in")}
    house.sim.charger().unplug()
    await house.live(61)
    fired = await _automate(house.hass, target, 3)

    await _session_of(house, 1200)
    assert fired == [], "2.5 kWh"
    await _session_of(house, 1800)
    assert len(fired) == 1, "3.7 kWh"


async def _is_active(house: House, target: dict[str, str]) -> bool:
    config = {"condition": "enphase_ev.override_active", "target": target}
    condition = await async_from_config(house.hass, await async_validate_condition_config(house.hass, config))
    return bool(condition.async_check())


async def test_an_override_that_runs(batteries: BatteryHouse) -> None:
    targets = ({"device_id": _battery(batteries)}, {"entity_id": batteries.site_entity_id("sensor", "available_energy")})
    assert [await _is_active(batteries, target) for target in targets] == [False, False]

    await batteries.asked("set_battery_override", action="hold", duration="01:00:00", wait=MOST_WAITED)

    assert [await _is_active(batteries, target) for target in targets] == [True, True]
