"""What the entities of a charger and of a site say."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from syrupy.assertion import SnapshotAssertion

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, DOMAIN
from simulator import Vehicle
from simulator.report import ChargeMode
from tests.integration.house import House, HouseBuilder

pytestmark = pytest.mark.usefixtures("all_entities_enabled")

# Platform, key, device class, unit, state class, category and the state with a vehicle plugged in and nothing charging.
type _Row = tuple[str, str, str | None, str | None, str | None, EntityCategory | None, str]

_DIAGNOSTIC = EntityCategory.DIAGNOSTIC
_OF_CHARGER: list[_Row] = [
    ("switch", "charging", None, None, None, None, "off"),
    ("button", "start_charging", None, None, None, None, "unknown"),
    ("button", "stop_charging", None, None, None, None, "unknown"),
    ("select", "charge_mode", None, None, None, None, "manual"),
    ("number", "charging_amps", "current", "A", None, None, "32.0"),
    ("sensor", "power", "power", "W", "measurement", None, "0"),
    ("sensor", "session_energy", "energy", "kWh", "total_increasing", None, "0.0"),
    ("sensor", "session_duration", "duration", "h", None, None, "0.0"),
    ("sensor", "set_amps", "current", "A", "measurement", None, "32.0"),
    ("sensor", "charge_mode", "enum", None, None, _DIAGNOSTIC, "manual"),
    ("sensor", "status", "enum", None, None, None, "plugged_in"),
    ("sensor", "connector_status", "enum", None, None, _DIAGNOSTIC, "preparing"),
    ("sensor", "phase_mode", "enum", None, None, _DIAGNOSTIC, "single"),
    ("sensor", "min_amps", "current", "A", None, _DIAGNOSTIC, "6.0"),
    ("sensor", "max_amps", "current", "A", None, _DIAGNOSTIC, "32.0"),
    ("sensor", "connection", "enum", None, None, _DIAGNOSTIC, "ethernet"),
    ("sensor", "ip_address", None, None, None, _DIAGNOSTIC, "192.0.2.10"),
    ("sensor", "reporting_interval", "duration", "s", None, _DIAGNOSTIC, "300.0"),
    ("binary_sensor", "plugged_in", "plug", None, None, None, "on"),
    ("binary_sensor", "charging", "battery_charging", None, None, None, "off"),
    ("binary_sensor", "schedule_open", "running", None, None, None, "off"),
    ("binary_sensor", "faulted", "problem", None, None, None, "off"),
    ("binary_sensor", "connected", "connectivity", None, None, _DIAGNOSTIC, "on"),
    ("binary_sensor", "dynamic_load_balancing", None, None, None, _DIAGNOSTIC, "off"),
]


@pytest.mark.parametrize(("platform", "key", "device_class", "unit", "state_class", "category", "value"), _OF_CHARGER)
async def test_entity_of_a_charger(
    house: House,
    platform: str,
    key: str,
    device_class: str | None,
    unit: str | None,
    state_class: str | None,
    category: EntityCategory | None,
    value: str,
) -> None:
    state = house.state(platform, key)

    assert state.state == value
    assert state.attributes.get("device_class") == device_class
    assert state.attributes.get("unit_of_measurement") == unit
    assert state.attributes.get("state_class") == state_class
    entity = er.async_get(house.hass).async_get(state.entity_id)
    assert entity is not None
    assert entity.entity_category == category
    assert entity.unique_id == f"{house.sim.charger().serial}_{key}"
    assert entity.device_id == house.device_id()


async def test_figures_are_those_of_the_charger(house: House) -> None:
    charger = house.sim.charger()

    assert float(house.state("sensor", "lifetime_energy").state) == pytest.approx(charger.reported.lifetime_wh / 1000, abs=0.001)
    assert house.state("sensor", "lifetime_energy").attributes["state_class"] == "total_increasing"
    assert house.state("sensor", "lifetime_energy").attributes["unit_of_measurement"] == "kWh"
    reported = house.hass.states.get(house.entity_id("sensor", "last_reported"))
    assert reported is not None
    assert reported.attributes["device_class"] == "timestamp"


async def test_entities_of_the_site(house: House) -> None:
    assert house.site_state("binary_sensor", "cloud_reachable").state == "on"
    assert house.site_state("sensor", "cloud_latency").attributes["unit_of_measurement"] == "ms"
    assert float(house.site_state("sensor", "cloud_latency").state) >= 0
    before = house.site_state("sensor", "last_successful_update").state

    await house.live(61)

    assert house.site_state("sensor", "last_successful_update").state > before


async def test_all_entities_and_devices(
    build_house: HouseBuilder, freezer: FrozenDateTimeFactory, snapshot: SnapshotAssertion, entity_registry: er.EntityRegistry
) -> None:
    freezer.move_to("2026-11-21T08:00:00+00:00")
    house = await build_house("one_charger")
    entities = er.async_entries_for_config_entry(entity_registry, house.entry.entry_id)
    for entity in sorted(entities, key=lambda entity: entity.entity_id):
        assert entity == snapshot(name=f"{entity.entity_id}-entry")
        assert house.hass.states.get(entity.entity_id) == snapshot(name=f"{entity.entity_id}-state")
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    assert sorted(devices, key=lambda device: device.name or "") == snapshot(name="devices")


async def test_a_charger_belongs_to_its_site(house: House) -> None:
    devices = dr.async_get(house.hass)
    charger = devices.async_get(house.device_id())
    site = devices.async_get_device_by_identifier((DOMAIN, house.sim.site.id), house.entry.entry_id)

    assert charger is not None
    assert site is not None
    assert charger.via_device_id == site.id
    assert (charger.manufacturer, charger.model, charger.serial_number) == ("Enphase", "IQ-EVSE-EU-1032", house.sim.charger().serial)
    assert charger.name == "IQ EV Charger_ABCD"
    assert (site.name, site.entry_type) == ("Main Site", dr.DeviceEntryType.SERVICE)


# --- What a charger does ---


async def test_a_session_from_plug_to_plug(house: House) -> None:
    charger = house.sim.charger()
    lifetime = float(house.state("sensor", "lifetime_energy").state)
    charger.start(16)
    await house.live(3600)
    assert house.state("sensor", "status").state == "charging"
    assert float(house.state("sensor", "session_energy").state) == pytest.approx(3.68, abs=0.4)
    assert float(house.state("sensor", "session_duration").state) == pytest.approx(1, abs=0.03)
    assert house.state("sensor", "set_amps").state == "16.0"
    assert house.state("sensor", "power").attributes["estimated"] is False
    assert float(house.state("sensor", "power").state) == pytest.approx(3680, rel=0.02)
    assert float(house.state("sensor", "lifetime_energy").state) - lifetime == pytest.approx(3.68, abs=0.4)

    charger.stop()
    await house.live(61)
    assert house.state("sensor", "status").state == "suspended"
    assert house.state("sensor", "connector_status").state == "suspended_evse"
    assert house.state("sensor", "power").state == "0"
    energy = house.state("sensor", "session_energy").state

    charger.unplug()
    await house.live(3600)
    assert house.state("sensor", "status").state == "available"
    assert house.state("binary_sensor", "plugged_in").state == "off"
    # The cloud goes on telling the last session.
    assert house.state("sensor", "session_energy").state == energy
    assert float(house.state("sensor", "session_duration").state) == pytest.approx(1, abs=0.03)

    # How long it has charged is known after a restart, too.
    await house.restart()
    assert float(house.state("sensor", "session_duration").state) == pytest.approx(1, abs=0.03)
    assert house.state("sensor", "power").state == "0"


async def test_a_full_vehicle(house: House) -> None:
    house.sim.charger().plug_in(Vehicle(battery_wh=50_000, state_of_charge=0.79, target=0.8))
    house.sim.charger().start(32)

    await house.live(1800)

    assert house.state("sensor", "status").state == "full"
    assert house.state("binary_sensor", "charging").state == "off"


async def test_a_fault_and_its_end(house: House) -> None:
    house.sim.charger().fault()
    await house.live(61)
    assert house.state("binary_sensor", "faulted").state == "on"
    assert house.state("sensor", "status").state == "faulted"
    assert house.state("sensor", "connector_status").state == "faulted"

    house.sim.charger().clear_fault()
    await house.live(61)

    assert house.state("binary_sensor", "faulted").state == "off"


async def test_a_charger_that_drops_off_line(house: House) -> None:
    house.sim.charger().go_offline()
    await house.live(61)

    # The cloud answers, so its word counts.
    assert house.state("binary_sensor", "connected").state == "off"
    assert house.state("sensor", "status").state == "offline"


async def test_the_reason_of_a_pause(build_house: HouseBuilder) -> None:
    house = await build_house("green_site")

    house.sim.site.solar_w = 100
    await house.live(61)

    assert house.state("sensor", "status").state == "suspended"
    assert house.state("sensor", "status").attributes["reason"] == "INSUFFICIENT_SOLAR"


async def test_the_level_in_force_falls_to_the_safe_limit(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    assert house.state("sensor", "set_amps").state == "32.0"

    house.sim.charger().quirks.safe_limit = True
    house.sim.charger().report()
    await house.live(61)

    assert house.state("sensor", "set_amps").state == "6.0"


async def test_load_balancing(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")

    house.sim.charger().quirks.dlb_limit_a = 10.0
    house.sim.charger().report()
    await house.live(61)

    assert house.state("binary_sensor", "dynamic_load_balancing").state == "on"


async def test_an_unknown_connector_status_is_unknown(house: House) -> None:
    connector = {"connectorStatusType": "DREAMING", "news": {"a": [1]}}
    charger = {"sn": house.sim.charger().serial, "connected": True, "pluggedIn": True, "connectors": [connector], "weather": "fine"}
    house.sim.faults.add(path="ev_chargers/status", times=None, body={"meta": {}, "data": {"chargers": [charger]}})

    await house.live(61)

    assert house.state("sensor", "connector_status").state == "unknown"
    assert house.state("sensor", "status").state == "plugged_in"
    assert house.state("binary_sensor", "faulted").state == "off"
    assert house.state("sensor", "session_energy").state == "unknown"
    assert house.state("switch", "charging").state == "off"


async def test_a_payload_full_of_nulls_leaves_the_rest_at_work(house: House) -> None:
    nothing = dict.fromkeys(["connected", "pluggedIn", "charging", "faulted", "connectors", "session_d", "sch_d", "lst_rpt_at"])
    charger = {"sn": house.sim.charger().serial, **nothing}
    house.sim.faults.add(path="ev_chargers/status", times=None, body={"data": {"tz": None, "chargers": [charger]}})

    await house.live(61)

    assert house.state("binary_sensor", "connected").state == "unknown"
    assert house.state("sensor", "status").state == "available"
    assert house.state("sensor", "max_amps").state == "32.0"


# --- Shapes, phases and models ---


async def test_the_old_flat_status(build_house: HouseBuilder) -> None:
    house = await build_house("legacy_status")

    await house.live(601)

    assert house.state("sensor", "status").state == "charging"
    assert house.state("binary_sensor", "charging").state == "on"
    assert house.state("sensor", "connector_status").state == "charging"
    # An hour before anybody looked, and ten minutes since, at 16 A.
    assert float(house.state("sensor", "session_energy").state) == pytest.approx(3.68 * 7 / 6, abs=0.35)
    await house.live(601)
    # It does not tell when it reported, only that it has, between two polls.
    assert float(house.state("sensor", "power").state) == pytest.approx(3680, rel=0.11)


async def test_the_status_as_a_map(build_house: HouseBuilder) -> None:
    house = await build_house("map_status")

    assert house.state("binary_sensor", "charging").state == "on"
    assert house.state("binary_sensor", "plugged_in").state == "on"
    assert house.state("sensor", "status").state == "charging"
    assert house.state("sensor", "connector_status").state == "unknown"
    assert house.state("sensor", "session_energy").state == "unknown"
    assert house.state("sensor", "power").attributes["estimated"] is True


async def test_eighty_amps_in_steps_of_sixteen(build_house: HouseBuilder) -> None:
    house = await build_house("eighty_amps")
    number = house.state("number", "charging_amps")

    assert [number.attributes[key] for key in ("min", "max", "step")] == [16, 80, 16]
    assert number.state == "32.0"
    assert house.state("sensor", "phase_mode").state == "split"
    with pytest.raises(ServiceValidationError) as refusal:
        await house.call("number", "set_value", entity_id=number.entity_id, value=40)
    assert refusal.value.translation_key == "level_out_of_range"
    await house.call("number", "set_value", entity_id=number.entity_id, value=80)
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))

    assert house.sim.charger().level_a == 80
    await house.live(301)
    assert float(house.state("sensor", "power").state) == pytest.approx(80 * 240, rel=0.02)


@pytest.mark.parametrize(("scenario", "watts"), [("single_phase", 32 * 230), ("three_phase", 3 * 16 * 230)])
async def test_power_by_phases(build_house: HouseBuilder, scenario: str, watts: int) -> None:
    house = await build_house(scenario)
    power = house.state("sensor", "power")
    assert (float(power.state), power.attributes["estimated"]) == (watts, True)

    await house.live(601)

    power = house.state("sensor", "power")
    assert float(power.state) == pytest.approx(watts, rel=0.01)
    assert power.attributes["estimated"] is False


async def test_power_of_a_charger_that_names_its_voltage_line_to_line(build_house: HouseBuilder) -> None:
    house = await build_house("three_phase")
    other = list(house.sim.site.chargers.values())[1]

    assert float(house.state("sensor", "power", other).state) == pytest.approx(16 * 400 * 3**0.5, rel=0.001)
    await house.live(601)

    assert float(house.state("sensor", "power", other).state) == pytest.approx(16 * 400 * 3**0.5, rel=0.01)


async def test_green_mode_says_nothing_of_a_level_that_is_not_in_force(build_house: HouseBuilder) -> None:
    house = await build_house("green_site")

    assert house.state("sensor", "charge_mode").state == "green"
    assert house.state("sensor", "set_amps").state != house.state("number", "charging_amps").state


# --- Chargers that come and are left out ---


async def test_a_charger_that_is_put_up_later(house: House) -> None:
    before = house.hass.states.async_entity_ids_count("sensor")
    charger = house.sim.site.add_charger(house.sim.charger().profile.__class__(serial="EV000000000099", name="Carport"))
    charger.report()

    await house.live(400)

    assert house.state("sensor", "status", charger).state == "available"
    assert house.hass.states.async_entity_ids_count("sensor") > before + 10


async def test_a_charger_that_nobody_chose_has_no_entities(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", **{CONF_CHARGERS: ["EV000000000002"], CONF_FOLLOWS_ACCOUNT: False})

    await house.live(601)

    assert set(house.entry.runtime_data.chargers.data) == {"EV000000000002"}
    assert not er.async_get(house.hass).async_get_entity_id("sensor", DOMAIN, "EV000000000001_status")
    assert house.state("sensor", "status", house.sim.charger("EV000000000002")).state == "plugged_in"


# --- The wish ---


async def test_setting_the_number_starts_nothing(house: House) -> None:
    house.sim.requests.clear()

    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=10)

    assert house.state("number", "charging_amps").state == "10.0"
    assert house.sim.count() == 0
    assert not house.sim.charger().charging
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    assert house.sim.charger().level_a == 10


@pytest.mark.parametrize("seconds", [0, 60])
async def test_the_wish_survives_a_restart(house: House, seconds: float) -> None:
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=10)
    await house.live(seconds)

    await house.restart(after=seconds)

    assert house.state("number", "charging_amps").state == "10.0"
    assert not house.sim.charger().charging


async def test_the_wish_survives_a_reload_at_once(house: House) -> None:
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=10)

    await house.reload()

    assert house.state("number", "charging_amps").state == "10.0"


async def test_most_polls_write_no_state(hass: HomeAssistant, house: House) -> None:
    changes: list[str] = []
    await house.live(3600)
    hass.bus.async_listen("state_changed", lambda event: changes.append(event.data["entity_id"]))

    house.sim.charger().go_offline()
    await house.live(61)
    changes.clear()
    await house.live(240)

    assert {entity_id for entity_id in changes if "iq_ev_charger" in entity_id} == set()


async def test_modes_that_are_there_get_their_entities(build_house: HouseBuilder) -> None:
    house = await build_house("smart_site")

    assert house.state("select", "charge_mode").state == "smart"
    assert house.sim.charger().mode is ChargeMode.SMART


@pytest.mark.parametrize("word", ["UNAVAILABLE", "unavailable"])
async def test_a_connector_out_of_service_is_told_apart_from_an_entity_that_is_unavailable(house: House, word: str) -> None:
    """`unavailable` is Home Assistant's own state: automations and statistics take it for a value that is not there."""
    status = {"sn": house.sim.charger().serial, "connected": True, "pluggedIn": False, "connectors": [{"connectorStatusType": word}]}
    house.sim.faults.add(path="status$", body={"data": {"chargers": [status]}}, times=None)
    await house.live(61)
    for key in ("status", "connector_status"):
        state = house.state("sensor", key)
        assert state.state == "out_of_service"
        assert state.state in state.attributes["options"]
        assert not {"unavailable", "unknown"} & set(state.attributes["options"])
