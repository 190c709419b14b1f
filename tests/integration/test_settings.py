"""The settings of a charger, and which of them there are."""

from datetime import timedelta

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.enphase_ev.diagnostics import async_get_config_entry_diagnostics
from custom_components.enphase_ev.enlighten import Json
from simulator import Simulator
from simulator.hardware import DEFAULT_LEVEL, PHASE_SWITCH, RFID_AUTHENTICATION, SESSION_AUTHENTICATION
from tests.integration.conftest import HouseBuilder
from tests.integration.house import House

AUTHENTICATION = [("app_authentication", SESSION_AUTHENTICATION), ("rfid_authentication", RFID_AUTHENTICATION)]


def _has(house: House, platform: str, key: str) -> bool:
    serial = house.sim.charger().serial
    return er.async_get(house.hass).async_get_entity_id(platform, "enphase_ev", f"{serial}_{key}") is not None


async def _turn(house: House, key: str, *, on: bool) -> None:
    entity_id = house.entity_id("switch", key)
    await house.see_through(house.call("switch", "turn_on" if on else "turn_off", entity_id=entity_id))


def _set_default_level(sim: Simulator) -> None:
    sim.charger().configuration.values[DEFAULT_LEVEL] = "20"


# --- Who may charge ---


@pytest.mark.parametrize("off_is_null", [False, True])
@pytest.mark.parametrize(("key", "wire_key"), AUTHENTICATION)
async def test_authentication_is_switched_on_and_off(house: House, key: str, wire_key: str, off_is_null: bool) -> None:
    configuration = house.sim.charger().configuration
    configuration.off_is_null = off_is_null
    assert house.state("switch", key).state == "off"

    await _turn(house, key, on=True)
    assert house.state("switch", key).state == "on"
    await house.live(30)
    assert configuration.value(wire_key) == "enabled"
    await _turn(house, key, on=False)
    assert house.state("switch", key).state == "off"
    await house.live(30)

    assert configuration.value(wire_key) == "disabled"
    assert set(configuration.values) <= {wire_key, PHASE_SWITCH}


async def test_a_setting_that_reads_as_another_word_for_the_same_is_taken_over(house: House) -> None:
    off = {"data": [{"key": SESSION_AUTHENTICATION, "value": False, "reqValue": None}]}
    house.sim.faults.add(path="ev_charger_config$", method="POST", body=off)
    answer = {"data": [{"key": SESSION_AUTHENTICATION, "value": True, "reqValue": None}]}
    house.sim.faults.add(path="ev_charger_config$", method="POST", body=answer, times=None)

    await _turn(house, "app_authentication", on=True)

    assert house.state("switch", "app_authentication").state == "on"
    assert house.sim.count(path="ev_charger_config$", method="PUT") == 1


async def test_a_setting_that_waits_for_the_charger_is_reported_and_looked_for(house: House) -> None:
    house.sim.faults.add(path="ev_charger_config$", method="PUT", status=552, body={"message": "Command is queued"})

    with pytest.raises(HomeAssistantError, match="Command is queued"):
        await _turn(house, "app_authentication", on=True)
    house.sim.charger().configuration.values[SESSION_AUTHENTICATION] = "enabled"
    await house.live(90)

    assert house.state("switch", "app_authentication").state == "on"


@pytest.mark.parametrize(
    ("platform", "key", "feature"),
    [
        ("switch", "app_authentication", "evse_authentication"),
        ("switch", "rfid_authentication", "iqevse_rfid"),
        ("sensor", "phase_switch_mode", "phase_config_support"),
    ],
)
async def test_a_charger_that_cannot_has_no_entity_for_it(build_house: HouseBuilder, platform: str, key: str, feature: str) -> None:
    house = await build_house(prepare=lambda sim: sim.charger().quirks.features.update({feature: False}))

    assert not _has(house, platform, key)


async def test_a_change_from_outside_is_seen_within_the_hour(house: House) -> None:
    house.sim.charger().configuration.values[SESSION_AUTHENTICATION] = "enabled"

    await house.live(3700)

    assert house.state("switch", "app_authentication").state == "on"


async def test_a_key_that_is_missing_from_an_answer_is_not_off(house: House) -> None:
    house.sim.charger().configuration.values[SESSION_AUTHENTICATION] = "enabled"
    told = {"data": [{"key": "rfidSessionAuthentication", "value": None, "reqValue": None, "status": 1}]}
    house.sim.faults.add(path="ev_charger_config$", method="POST", body=told, times=None)

    await house.live(3700)

    assert house.state("switch", "app_authentication").state == "unknown"
    assert house.state("switch", "rfid_authentication").state == "off"
    house.sim.faults.clear()
    await house.live(3700)
    assert house.state("switch", "app_authentication").state == "on"


async def test_a_write_that_is_lost_is_an_error(house: House) -> None:
    fault = house.sim.faults.add(path="ev_charger_config$", method="PUT", status=200, body={"data": []}, times=None)

    with pytest.raises(HomeAssistantError, match="didn't apply it"):
        await _turn(house, "app_authentication", on=True)

    assert fault.used == 1
    assert house.state("switch", "app_authentication").state == "off"


async def test_a_refused_write_is_an_error(house: House) -> None:
    house.sim.faults.add(path="ev_charger_config$", method="PUT", status=403, times=None)

    with pytest.raises(HomeAssistantError):
        await _turn(house, "app_authentication", on=True)

    assert house.state("switch", "app_authentication").state == "off"


async def test_switches_are_unknown_while_nobody_can_tell(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.faults.add(path="ev_charger_config$", status=503, times=1))
    assert house.state("switch", "app_authentication").state == "unknown"

    await house.live(660)

    assert house.state("switch", "app_authentication").state == "off"


# --- The battery in green mode ---


async def test_the_battery_helps_or_not(build_house: HouseBuilder) -> None:
    house = await build_house("green_site")
    assert house.state("switch", "green_battery").state == "on"

    await _turn(house, "green_battery", on=False)
    assert not house.sim.charger().battery_helps
    assert house.state("switch", "green_battery").state == "off"
    await _turn(house, "green_battery", on=True)

    assert house.sim.charger().battery_helps


async def test_without_green_mode_there_is_nothing_to_help_with(build_house: HouseBuilder) -> None:
    house = await build_house("smart_site")

    assert not _has(house, "switch", "green_battery")
    assert not any("GREEN_CHARGING" in request.path for request in house.sim.requests)


async def test_a_scheduler_that_is_down_changes_nothing(build_house: HouseBuilder) -> None:
    house = await build_house("green_site")
    house.sim.site.scheduler_up = False

    with pytest.raises(HomeAssistantError):
        await _turn(house, "green_battery", on=False)

    assert house.state("switch", "green_battery").state == "on"


# --- The level that the charger starts with by itself ---


async def test_the_default_level(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=_set_default_level)
    number = house.state("number", "default_charge_level")
    assert number.state == "20.0"
    assert (number.attributes["min"], number.attributes["max"], number.attributes["step"]) == (6, 32, 1)

    entity_id = house.entity_id("number", "default_charge_level")
    await house.see_through(house.call("number", "set_value", entity_id=entity_id, value=10))
    assert house.state("number", "default_charge_level").state == "10.0"
    await house.live(30)

    assert house.sim.charger().default_level() == 10
    # Nobody has set the number: it is never above what the charger starts with by itself.
    assert house.state("number", "charging_amps").state == "10.0"
    with pytest.raises(ServiceValidationError):
        await house.call("number", "set_value", entity_id=entity_id, value=10.5)


async def test_a_default_level_can_be_set_where_none_was(house: House) -> None:
    assert house.state("number", "default_charge_level").state == "unknown"

    await house.see_through(house.call("number", "set_value", entity_id=house.entity_id("number", "default_charge_level"), value=30))

    (write,) = [one for one in house.sim.requests if one.path.endswith("ev_charger_config") and one.method == "PUT"]
    assert write.body == [{"key": "DefaultChargeLevel", "value": 30}]
    assert house.state("number", "default_charge_level").state == "30.0"
    await house.live(30)
    assert house.sim.charger().default_level() == 30


async def test_a_charger_that_names_no_default_level_has_no_number(build_house: HouseBuilder) -> None:
    answer = {"data": [{"key": SESSION_AUTHENTICATION, "value": None, "reqValue": None}]}
    house = await build_house(prepare=lambda sim: sim.faults.add(path="ev_charger_config$", body=answer, times=None))
    assert not _has(house, "number", "default_charge_level")


# --- Phases ---


@pytest.mark.usefixtures("all_entities_enabled")
async def test_the_phase_switch_is_shown(house: House) -> None:
    assert house.state("sensor", "phase_switch_mode").state == "auto"


@pytest.mark.usefixtures("all_entities_enabled")
async def test_no_feature_flags_no_settings_that_depend_on_them(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.faults.add(path="feature-flags", status=500, times=1))
    assert not _has(house, "switch", "app_authentication")

    # They are asked for again, and the entities come without a reload.
    await house.live(720)

    assert house.state("switch", "app_authentication").state == "off"
    assert house.state("sensor", "phase_switch_mode").state == "auto"


@pytest.mark.usefixtures("all_entities_enabled")
@pytest.mark.parametrize("body", [{}, "", {"data": {}}], ids=["empty object", "nothing", "wrapped"])
async def test_empty_feature_flags_take_no_feature_away(build_house: HouseBuilder, body: Json) -> None:
    house = await build_house()
    await house.live(700)
    features = await _features(house)
    assert features
    asked = house.sim.count(path="feature-flags")
    house.sim.faults.add(path="feature-flags", body=body, times=None)
    house.freezer.tick(timedelta(hours=25))
    await house.live(700)
    assert house.sim.count(path="feature-flags") > asked
    assert await _features(house) == features


async def _features(house: House) -> list[str]:
    """The features of the charger, as the diagnostics tell them."""
    told = await async_get_config_entry_diagnostics(house.hass, house.entry)
    return [feature for charger in told["chargers"] for feature in charger["details"]["features"]]
