"""What the entities of the batteries say, and which of them a site has."""

from collections.abc import Callable
from datetime import timedelta
import logging

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EntityCategory
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from simulator.battery.settings import ControlFamily, ControlShape
from tests.integration.house import House, HouseBuilder
from tests.thoroughness import one_in

# Entity id, key, device class, unit, state class, category and state.
type _Row = tuple[str, str, str | None, str | None, str | None, EntityCategory | None, str]

_CONFIG, _DIAGNOSTIC = EntityCategory.CONFIG, EntityCategory.DIAGNOSTIC
_OF_ALL: list[_Row] = [
    ("sensor.battery_state_of_charge", "state_of_charge", "battery", "%", "measurement", None, "62.0"),
    ("sensor.battery_available_energy", "available_energy", "energy_storage", "kWh", "measurement", None, "6.24"),
    ("sensor.battery_capacity", "capacity", "energy_storage", "kWh", "measurement", _DIAGNOSTIC, "10.0"),
    ("sensor.battery_maximum_power", "available_power", "power", "kW", None, _DIAGNOSTIC, "7.68"),
    ("sensor.battery_status", "battery_status", "enum", None, None, None, "charging"),
    ("sensor.battery_grid_mode", "grid_mode", "enum", None, None, _DIAGNOSTIC, "import_export"),
    ("sensor.battery_system_profile", "system_profile", "enum", None, None, _DIAGNOSTIC, "self_consumption"),
    ("sensor.battery_override", "override", "enum", None, None, None, "none"),
    ("sensor.battery_override_ends", "override_ends", "timestamp", None, None, None, "unknown"),
    ("button.battery_end_the_override", "end_override", None, None, None, None, "unavailable"),
    ("sensor.battery_update_status", "pending_change", "enum", None, None, _DIAGNOSTIC, "none"),
    ("switch.battery_charge_from_grid", "charge_from_grid", None, None, None, None, "off"),
    ("switch.battery_scheduled_charge_from_grid", "charge_from_grid_schedule", None, None, None, None, "off"),
    ("switch.battery_discharge_to_grid", "discharge_to_grid", None, None, None, None, "off"),
    ("switch.battery_restrict_battery_discharge", "restrict_battery_discharge", None, None, None, None, "off"),
    ("switch.battery_storm_guard", "storm_guard", None, None, None, None, "on"),
    ("switch.battery_storm_guard_ev_charging", "storm_guard_ev", None, None, None, None, "off"),
    ("switch.battery_powermatch", "power_match", None, None, None, None, "off"),
    ("number.battery_reserve", "reserve", "battery", "%", None, None, "20.0"),
    ("number.battery_shutdown_level", "shutdown_level", "battery", "%", None, _CONFIG, "5.0"),
    ("select.battery_system_profile", "system_profile", None, None, None, None, "self_consumption"),
    ("calendar.battery_charge_from_grid_schedule", "charge_from_grid", None, None, None, None, "off"),
    ("calendar.battery_discharge_to_grid_schedule", "discharge_to_grid", None, None, None, None, "off"),
    ("calendar.battery_restrict_battery_discharge_schedule", "restrict_battery_discharge", None, None, None, None, "off"),
    ("binary_sensor.battery_storm_alert", "storm_alert", "safety", None, None, None, "off"),
    ("binary_sensor.battery_charging", "charging", "battery_charging", None, None, None, "on"),
    ("binary_sensor.battery_override_active", "override_active", "running", None, None, None, "off"),
    ("binary_sensor.battery_schedule_active", "schedule_open", "running", None, None, None, "off"),
    ("binary_sensor.battery_demand_response_event", "demand_response", "running", None, None, None, "off"),
    ("event.battery_changes", "battery_changes", None, None, None, None, "unknown"),
    ("button.battery_refresh", "refresh_battery", None, None, None, _DIAGNOSTIC, "unknown"),
    ("button.battery_restore_schedules", "restore_schedules", None, None, None, _DIAGNOSTIC, "unknown"),
    ("button.battery_cancel_profile_change", "cancel_profile_change", None, None, None, _CONFIG, "unavailable"),
    ("button.battery_opt_out_of_storm_alert", "storm_alert_opt_out", None, None, None, _CONFIG, "unavailable"),
]
_OF_EACH: list[_Row] = [
    ("sensor.iq_battery_{}_state_of_charge", "state_of_charge", "battery", "%", "measurement", None, "62.0"),
    ("sensor.iq_battery_{}_status", "status", "enum", None, None, None, "charging"),
    ("binary_sensor.iq_battery_{}_charging", "charging", "battery_charging", None, None, None, "on"),
    ("sensor.iq_battery_{}_maximum_power", "available_power", "power", "kW", None, _DIAGNOSTIC, "3.84"),
    ("sensor.iq_battery_{}_health", "health", None, "%", "measurement", _DIAGNOSTIC, "100.0"),
    ("sensor.iq_battery_{}_cycle_count", "cycle_count", None, None, "total_increasing", _DIAGNOSTIC, "115"),
]
_COUNTS = [f"{name}_schedules" for name in ("charge_from_grid", "discharge_to_grid", "restrict_battery_discharge")]
_CONTROLS = [entity_id for entity_id, *_ in _OF_ALL if entity_id.startswith(("switch.", "number.", "select."))]
_FEATURES = {
    "storm_guard": "switch.battery_storm_guard",
    "storm_guard_ev": "switch.battery_storm_guard_ev_charging",
    "opt_out": "button.battery_opt_out_of_storm_alert",
    "power_match": "switch.battery_powermatch",
}


@pytest.fixture(autouse=True)
def _noon(freezer: FrozenDateTimeFactory) -> None:
    """A Wednesday noon in Melbourne, with sun on the roof and no schedule open."""
    freezer.move_to("2026-05-20T03:10:00Z")


def _with_power_match(sim: Simulator) -> None:
    sim.battery.features.show_power_match = True


def _ids(house: House) -> set[str]:
    """The entities of the batteries that have a state."""
    return {
        state.entity_id for state in house.hass.states.async_all() if ".battery_" in state.entity_id or ".iq_battery_" in state.entity_id
    }


def _problems(house: House, rows: list[_Row], prefix: str, device: str) -> list[str]:
    """What is not as the rows say."""
    problems = []
    for entity_id, key, *expected in rows:
        entity = er.async_get(house.hass).async_get(entity_id)
        state = house.hass.states.get(entity_id)
        if entity is None or state is None:
            problems.append(f"{entity_id} is missing")
            continue
        attributes = [state.attributes.get(name) for name in ("device_class", "unit_of_measurement", "state_class")]
        found = [*attributes, entity.entity_category, state.state]
        if found != expected or entity.unique_id != f"{prefix}_{key}" or entity.device_id != device:
            problems.append(f"{entity_id}: {found}, {entity.unique_id}")
    return problems


# --- What they say ---


@pytest.mark.usefixtures("all_entities_enabled")
async def test_every_entity_of_the_batteries(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site", prepare=_with_power_match)
    devices, site = dr.async_get(house.hass), house.sim.site.id
    home = devices.async_get_device_by_identifier((DOMAIN, site), house.entry.entry_id)
    all_batteries = devices.async_get_device_by_identifier((DOMAIN, f"{site}_battery"), house.entry.entry_id)
    assert home is not None
    assert all_batteries is not None
    assert (all_batteries.name, all_batteries.via_device_id) == ("Battery", home.id)
    assert _problems(house, _OF_ALL, site, all_batteries.id) == []

    expected = {row[0] for row in _OF_ALL} | {f"sensor.battery_{key}" for key in (*_COUNTS, "last_reported", "last_successful_update")}
    for unit in house.sim.battery.units:
        device = devices.async_get_device_by_identifier((DOMAIN, unit.serial), house.entry.entry_id)
        assert device is not None
        assert (device.name, device.serial_number, device.via_device_id) == (
            f"IQ Battery {unit.serial[-4:]}",
            unit.serial,
            all_batteries.id,
        )
        rows: list[_Row] = [(entity_id.format(unit.serial[-4:]), *row) for entity_id, *row in _OF_EACH]
        rows = [(*row[:-1], str(unit.cycle_count)) if row[1] == "cycle_count" else row for row in rows]
        assert _problems(house, rows, unit.serial, device.id) == []
        expected |= {row[0] for row in rows} | {f"sensor.iq_battery_{unit.serial[-4:]}_last_reported"}
    assert _ids(house) == expected


@pytest.mark.usefixtures("all_entities_enabled")
async def test_when_the_batteries_reported_last(build_house: HouseBuilder) -> None:
    """Each by itself, and all of them with the newest report; a battery that says nothing about it has none."""
    house = await build_house("battery_site")
    first, second = house.sim.battery.units
    house.sim.faults.add(
        path="battery_status",
        times=None,
        body={
            "current_charge": 62,
            "storages": [
                {"serial_number": first.serial, "current_charge": 62, "last_report": 1779246000},
                {"serial_number": second.serial, "current_charge": 62, "last_report": 1779246300},
            ],
        },
    )
    await house.live(420)

    assert house.state("sensor", "last_reported", first).state == "2026-05-20T03:00:00+00:00"
    assert house.state("sensor", "last_reported", second).state == "2026-05-20T03:05:00+00:00"
    assert house.site_state("sensor", "battery_last_reported").state == "2026-05-20T03:05:00+00:00"


async def test_schedules_are_counted_where_somebody_wants_to_know(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site")
    entities = er.async_get(house.hass)
    for key in _COUNTS:
        entity = entities.async_get(house.site_entity_id("sensor", key))
        assert entity is not None
        assert (entity.disabled_by, entity.entity_category) == (er.RegistryEntryDisabler.INTEGRATION, _DIAGNOSTIC)
        entities.async_update_entity(entity.entity_id, disabled_by=None)
    await house.reload()
    assert [house.site_state("sensor", key).state for key in _COUNTS] == ["1", "1", "0"]

    house.sim.battery.add_schedule("rbd", "08:00", "10:00")
    await house.live(310)

    assert [house.site_state("sensor", key).state for key in _COUNTS] == ["1", "1", "1"]


async def test_the_state_of_charge_follows_the_battery(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site")
    battery, units = house.sim.battery, house.sim.battery.units

    def shown() -> list[float]:
        return [float(house.state("sensor", "state_of_charge", unit).state) for unit in units]

    house.sim.site.base_load_w = 2000
    for solar, status in ((6000, "charging"), (0, "discharging")):
        before = float(house.site_state("sensor", "state_of_charge").state)
        house.sim.site.solar_w = solar
        await house.live(1800)
        now = float(house.site_state("sensor", "state_of_charge").state)
        assert now == pytest.approx(battery.state_of_charge, abs=2.6)
        assert abs(now - before) > 2
        assert shown() == [now, now]
        assert float(house.site_state("sensor", "available_energy").state) == pytest.approx(now / 10, abs=0.06)
        assert house.site_state("sensor", "battery_status").state == status

    # Within two minutes, as promised.
    battery.state_of_charge = 91
    await house.live(121)
    assert float(house.site_state("sensor", "state_of_charge").state) == pytest.approx(91, abs=1)


@pytest.mark.usefixtures("all_entities_enabled")
async def test_a_battery_that_is_broken_says_so(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site")
    first, second = house.sim.battery.units
    first.error_code, first.health = "E7", 83
    second.cycle_count = 200

    await house.live(121)

    assert house.state("sensor", "status", first).state == "error"
    assert house.state("sensor", "status", second).state != "error"
    assert house.site_state("sensor", "battery_status").state == "error"
    # What it can give at most, not what it can give now.
    assert house.state("sensor", "available_power", first).state == "3.84"
    assert house.site_state("sensor", "capacity").state == "5.0"
    assert (house.state("sensor", "health", first).state, house.state("sensor", "cycle_count", second).state) == ("83.0", "200")


async def test_no_state_and_no_attribute_holds_a_secret(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site", prepare=_with_power_match)
    await house.see_through(house.call("switch", "turn_on", entity_id="switch.battery_discharge_to_grid"))
    secrets = house.sim.secrets()
    said = [f"{state.state} {dict(state.attributes)}" for state in house.hass.states.async_all()]

    assert len(secrets) > 8
    assert len(said) > 40
    assert [secret for secret in secrets if any(secret in text for text in said)] == []


# --- Which there are ---


@pytest.mark.parametrize("scenario", one_in(2, ["battery_site", "battery_only", "battery_eu", "battery_us", "home"]))
async def test_every_kind_of_battery_site_works(build_house: HouseBuilder, scenario: str) -> None:
    house = await build_house(scenario)
    assert {row[0] for row in _OF_ALL} - _ids(house) == {"switch.battery_powermatch"}

    await house.see_through(house.call("switch", "turn_on", entity_id="switch.battery_charge_from_grid"))
    await house.live(60)

    assert house.sim.battery.settings.charge_from_grid
    assert house.site_state("switch", "charge_from_grid").state == "on"
    assert house.site_state("sensor", "pending_change").state == "none"
    assert house.sim.battery.lost == []


async def test_no_battery_no_entities(build_house: HouseBuilder) -> None:
    house = await build_house("one_charger")
    assert _ids(house) == set()


def _unsupported(family: str) -> Callable[[Simulator], None]:
    return lambda sim: setattr(sim.battery.features.controls.of(ControlFamily(family)), "schedule_supported", False)


def _without(family: str, shape: ControlShape) -> Callable[[Simulator], None]:
    def prepare(sim: Simulator) -> None:
        for entry in [entry for entry in sim.battery.schedules if entry.family.value == family]:
            sim.battery.delete_schedule(entry.id)
        sim.battery.features.controls.of(ControlFamily(family)).shape = shape

    return prepare


def _feature(**values: object) -> Callable[[Simulator], None]:
    return lambda sim: sim.battery.features.update(values)


@pytest.mark.parametrize(
    ("prepare", "missing"),
    [
        # Entries that are there are shown all the same.
        (_unsupported("dtg"), set()),
        (_unsupported("rbd"), {"calendar.battery_restrict_battery_discharge_schedule"}),
        (_without("dtg", ControlShape.NULL), {"calendar.battery_discharge_to_grid_schedule", "switch.battery_discharge_to_grid"}),
        (_without("dtg", ControlShape.ABSENT), {"calendar.battery_discharge_to_grid_schedule", "switch.battery_discharge_to_grid"}),
        (
            _without("rbd", ControlShape.NULL),
            {"calendar.battery_restrict_battery_discharge_schedule", "switch.battery_restrict_battery_discharge"},
        ),
        # Whether charging from the grid is allowed is said elsewhere.
        (_without("cfg", ControlShape.NULL), {"calendar.battery_charge_from_grid_schedule", "switch.battery_scheduled_charge_from_grid"}),
        (
            _feature(restrict_cfg=True),
            {
                "calendar.battery_charge_from_grid_schedule",
                "switch.battery_charge_from_grid",
                "switch.battery_scheduled_charge_from_grid",
            },
        ),
        (_feature(grid_mode=None), {"sensor.battery_grid_mode"}),
        (_feature(very_low_soc_limits_known=False), {"number.battery_shutdown_level"}),
        (_feature(show_storm_guard=False), {_FEATURES[key] for key in ("storm_guard", "storm_guard_ev", "opt_out")}),
    ],
)
async def test_what_a_site_does_not_have_does_not_appear(
    build_house: HouseBuilder, prepare: Callable[[Simulator], None], missing: set[str]
) -> None:
    house = await build_house("battery_only", prepare=prepare)
    assert {row[0] for row in _OF_ALL} - _ids(house) == missing | {_FEATURES["power_match"]}


async def test_what_a_site_gets_later_appears_later(build_house: HouseBuilder) -> None:
    house = await build_house("battery_only", prepare=_without("rbd", ControlShape.NULL))
    assert "switch.battery_restrict_battery_discharge" not in _ids(house)

    house.sim.battery.features.update({"controls": {"rbd": {"shape": "object"}}, "show_power_match": True})
    await house.live(310)

    assert {row[0] for row in _OF_ALL} <= _ids(house)


@pytest.mark.parametrize("role", ["is_owner", "is_installer"])
async def test_who_may_not_change_anything_sees_no_control(build_house: HouseBuilder, role: str) -> None:
    house = await build_house("battery_site", prepare=_feature(is_owner=False, show_power_match=True))
    only_looks = _ids(house)
    assert not only_looks & set(_CONTROLS)
    assert {entity_id for entity_id in only_looks if entity_id.startswith("button.")} == {"button.battery_refresh"}
    assert {"sensor.battery_state_of_charge", "sensor.battery_system_profile", "binary_sensor.battery_storm_alert"} <= only_looks
    assert house.site_state("calendar", "charge_from_grid").attributes["supported_features"] == 0

    house.sim.battery.features.update({role: True})
    await house.live(1900)

    assert {row[0] for row in _OF_ALL} <= _ids(house)
    assert house.site_state("calendar", "charge_from_grid").attributes["supported_features"] == 7


@pytest.mark.parametrize(
    ("family", "entity_id"),
    [
        ("cfg", "switch.battery_charge_from_grid"),
        ("cfg", "switch.battery_scheduled_charge_from_grid"),
        ("dtg", "switch.battery_discharge_to_grid"),
        ("rbd", "switch.battery_restrict_battery_discharge"),
    ],
)
async def test_what_is_locked_is_unavailable_and_says_why(build_house: HouseBuilder, family: str, entity_id: str) -> None:
    """It was offered, and then refused."""
    house = await build_house("battery_only", prepare=_feature(controls={family: {"locked": True}}))
    state = house.hass.states.get(entity_id)
    assert state is not None
    assert (state.state, state.attributes["unavailable_reason"]) == ("unavailable", "locked")
    house.sim.requests.clear()
    await house.call("switch", "turn_on", entity_id=entity_id)
    assert not any(request.method != "GET" for request in house.sim.requests)

    house.sim.battery.features.update({"controls": {family: {"locked": False}}})
    await house.live(310)
    state = house.hass.states.get(entity_id)
    assert state is not None
    assert state.state in {"on", "off"}
    assert "unavailable_reason" not in state.attributes


async def test_batteries_that_are_gone_are_unavailable_and_come_back(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture) -> None:
    house = await build_house("battery_site", prepare=_with_power_match)
    before = _ids(house)

    house.sim.battery.features.has_encharge = False
    await house.live(1900)
    assert {
        state.entity_id for entity_id in before if (state := house.hass.states.get(entity_id)) and state.state == "unavailable"
    } == before
    house.sim.battery.features.has_encharge = True
    # Whether a site has got one is asked once a day.
    house.freezer.tick(timedelta(days=1))
    await house.live(61)

    assert _ids(house) == before
    left = {entity_id for entity_id in before if (state := house.hass.states.get(entity_id)) and state.state == "unavailable"}
    assert left == {"button.battery_end_the_override", "button.battery_cancel_profile_change", "button.battery_opt_out_of_storm_alert"}, (
        "there is nothing to cancel"
    )
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_what_nobody_has_heard_of_for_long_is_unavailable(build_house: HouseBuilder) -> None:
    house = await build_house("battery_only")
    house.sim.faults.add(path="batteryConfig|battery_status", status=503, times=None)
    await house.live(14 * 60)
    assert house.site_state("sensor", "state_of_charge").state != "unavailable"

    await house.live(5 * 60)
    assert house.site_state("sensor", "state_of_charge").state == "unavailable"
    assert house.site_state("switch", "charge_from_grid").state == "unavailable"

    house.sim.faults.clear()
    await house.live(6 * 60)
    assert house.site_state("sensor", "state_of_charge").state != "unavailable"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 473, "body": {"error": {"status": "GATEWAY_NOT_REPORTING"}}},
        {"body": {"data": {"timezone": "Australia/Melbourne"}}},
        {"body": {"data": {"timezone": "Australia/Melbourne", "hasEncharge": None}}},
    ],
    ids=["the gateway does not report", "not told", "told as null"],
)
async def test_whether_a_site_has_batteries_is_asked_again_soon_where_nobody_said(
    build_house: HouseBuilder, fault: dict[str, object]
) -> None:
    house = await build_house(
        "battery_site",
        prepare=lambda sim: sim.faults.add(path="siteSettings", **fault),  # type: ignore[arg-type]  # one of several forms
    )
    assert _ids(house) == set()

    await house.live(1900)

    assert {row[0] for row in _OF_ALL} - _ids(house) == {_FEATURES["power_match"]}


async def test_who_may_write_is_left_to_the_cloud_where_it_does_not_say(build_house: HouseBuilder) -> None:
    house = await build_house(
        "battery_site",
        prepare=lambda sim: sim.faults.add(path="siteSettings", body={"data": {"timezone": "Australia/Melbourne", "hasEncharge": True}}),
    )

    await house.see_through(house.call("switch", "turn_on", entity_id="switch.battery_discharge_to_grid"))
    await house.live(60)

    assert house.sim.battery.settings.discharge_to_grid


@pytest.mark.parametrize("available", [{}, {"available_power": 1.2}])
async def test_the_maximum_power_is_not_what_can_be_given_now(build_house: HouseBuilder, available: dict[str, float]) -> None:
    unit = {"serial_number": "BT0000000001", "current_charge": 60, "max_power": 3.84, **available}
    body = {"current_charge": 61, "max_power": 7.68, **available, "storages": [unit]}
    house = await build_house("battery_only", prepare=lambda sim: sim.faults.add(path="battery_status", body=body, times=None))
    assert house.site_state("sensor", "available_power").state == "7.68"
