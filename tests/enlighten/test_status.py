"""What the chargers of a site are doing (docs/cloud-api/chargers.md §1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.enphase_ev.enlighten import (
    Chargers,
    ChargerStatus,
    InvalidResponse,
    Json,
    RequestRejected,
    ServiceUnavailable,
    SiteStatus,
)

from .cloud import Cloud, sample
from .conftest import OpenCloud

SERIAL = "EV000000000001"
PLAIN = r"\d/ev_chargers/status$"
MAP = r"/api/v2/.*/ev_chargers/status$"


def only(body: Json) -> ChargerStatus:
    """The charger of a site with one."""
    (status,) = SiteStatus.read(body).chargers.values()
    return status


def envelope(**fields: Json) -> Json:
    """The new envelope around one charger."""
    return {"data": {"chargers": [{"sn": SERIAL, **fields}]}}


# The samples


def test_a_charger_that_charges() -> None:
    site = SiteStatus.read(sample("status_charging"))
    assert (site.time_zone, site.has_details) == ("Australia/Melbourne", True)
    assert site.server_time == datetime(2026, 3, 29, 5, 0, tzinfo=UTC)
    charger = site.chargers[SERIAL]
    assert charger.name == "IQ EV Charger_ABCD"
    assert (charger.is_connected, charger.is_plugged_in, charger.is_charging, charger.is_faulted) == (True, True, True, False)
    assert (charger.is_commissioned, charger.is_at_safe_limit, charger.is_load_balanced) == (True, False, True)
    assert (charger.connector_status, charger.connector_reason) == ("CHARGING", None)
    assert (charger.level, charger.mode_number, charger.looks_green, charger.schedule_types) == (32, 0, False, ())
    assert charger.last_reported == datetime(2026, 3, 29, 4, 58, 12, 101000, tzinfo=UTC)
    assert (charger.offline_since, charger.grid_state) == (None, "ON_GRID")
    session = charger.session
    assert session is not None
    assert (session.energy, session.range_added, session.cost, session.level) == (6.42, 25.1, None, 32)
    assert session.plugged_in_at == datetime(2026, 3, 29, 4, 1, tzinfo=UTC)
    assert session.started_at == datetime(2026, 3, 29, 4, 5, tzinfo=UTC)
    assert session.unplugged_at is None


def test_an_idle_charger_in_green_mode_still_tells_its_last_session() -> None:
    charger = only(sample("status_idle"))
    assert (charger.is_plugged_in, charger.is_charging, charger.connector_status) == (False, False, "AVAILABLE")
    assert (charger.mode_number, charger.schedule_types, charger.looks_green) == (1, ("greencharging",), True)
    assert charger.offline_since == datetime(2026, 3, 22, 5, 39, 50, 897000, tzinfo=UTC)
    assert charger.session is not None
    assert (charger.session.energy, charger.session.cost, charger.session.range_added) == (9.867, 2.56, 20.38028)
    assert charger.session.unplugged_at == datetime(2026, 1, 29, 14, 40, 37, 428000, tzinfo=UTC)
    # The level of a session that is over is nobody's level now.
    assert charger.level is None


def test_the_old_flat_shape() -> None:
    site = SiteStatus.read(sample("status_legacy"))
    assert (site.time_zone, site.has_details, site.server_time) == (None, True, datetime.fromtimestamp(1725600423, UTC))
    charger = site.chargers[SERIAL]
    assert (charger.name, charger.is_charging, charger.connector_status) == ("Garage", True, "CHARGING")
    assert charger.session is not None
    assert (charger.session.energy, charger.session.started_at) == (3.52, datetime.fromtimestamp(1725600000, UTC))


def test_the_map_by_serial_number() -> None:
    site = SiteStatus.read(sample("status_v2_map"))
    assert (site.has_details, site.server_time) == (False, datetime.fromtimestamp(1770000000, UTC))
    charger = site.chargers[SERIAL]
    assert (charger.is_connected, charger.is_plugged_in, charger.is_charging) == (True, False, False)
    assert charger.last_reported == datetime.fromtimestamp(1769999900, UTC)
    assert charger.session is None


# Details


@pytest.mark.parametrize(("energy", "kwh"), [(150, 0.15), (6420, 6.42), ("199", 0.199), (0, 0.0), (None, None), ("much", None)])
def test_energy_of_the_envelope_is_wh_however_small_the_number(energy: Json, kwh: float | None) -> None:
    session = only(envelope(session_d={"e_c": energy})).session
    assert session is not None
    assert session.energy == kwh


@pytest.mark.parametrize("energy", [0.15, 3.52, 29.94, 250.0])
def test_energy_of_the_flat_shape_is_kwh_however_big_the_number(energy: float) -> None:
    session = only({"evChargerData": [{"sn": SERIAL, "session_d": {"e_c": energy}}]}).session
    assert session is not None
    assert session.energy == energy


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"chargingLevel": 16}, 16),
        ({"charging_level": "16"}, 16),
        ({"chargingLevel": None, "charging_level": 16}, 16),
        ({"session_d": {"charge_level": 16, "plg_out_at": None}}, 16),
        ({"session_d": {"charge_level": 16, "plg_out_at": "2026-01-29T14:40:37.428Z[UTC]"}}, None),
        ({"chargingLevel": 20, "session_d": {"charge_level": 16}}, 20),
        ({}, None),
    ],
)
def test_the_level_that_was_asked_for(fields: dict[str, Json], level: float | None) -> None:
    assert only(envelope(**fields)).level == level


@pytest.mark.parametrize(("fields", "expected"), [({"isCommissioned": True}, True), ({"commissioned": 0}, False), ({}, None)])
def test_commissioned_has_two_names(fields: dict[str, Json], expected: bool | None) -> None:
    assert only(envelope(**fields)).is_commissioned is expected


def test_the_vehicle_is_plugged_in_where_the_charger_says_so() -> None:
    """Connectors repeat it, and can lag behind."""
    assert only(envelope(pluggedIn=True, connectors=[{"pluggedIn": False}])).is_plugged_in


@pytest.mark.parametrize(
    ("state", "expected"),
    [(0, False), (1, True), (2, True), ("0", False), ("1", True), ("2", True), ("0.0", False), (True, True), (None, False)],
)
def test_any_safe_limit_state_but_zero_counts(state: Json, expected: bool) -> None:
    assert only(envelope(connectors=[{"safeLimitState": state}])).is_at_safe_limit is expected


def test_unknown_words_are_kept() -> None:
    charger = only(envelope(connectors=[{"connectorStatusType": "DANCING", "connectorStatusReason": "FULL_MOON"}]))
    assert (charger.connector_status, charger.connector_reason) == ("DANCING", "FULL_MOON")


def test_a_charger_without_a_serial_number_is_left_out() -> None:
    assert SiteStatus.read({"data": {"chargers": [{"name": "nameless"}, {"sn": " "}, None, 3, {"sn": 12}]}}).chargers.keys() == {"12"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda found: found,
        lambda found: {"data": found},
        lambda found: {"items": found},
        lambda found: {"data": {"result": found}},
        lambda found: {"chargers": found},
        lambda found: {"data": {"chargers": {"items": found}}},
    ],
)
def test_a_list_is_read_bare_and_in_every_wrapper(wrap: Callable[[Json], Json]) -> None:
    charger = only(wrap([{"sn": SERIAL, "charging": "true", "session_d": {"e_c": 150}}]))
    assert (charger.serial, charger.is_charging) == (SERIAL, True)
    assert charger.session is not None
    assert charger.session.energy == 0.15


def test_the_old_flat_shape_counts_kwh_inside_a_wrapper_too() -> None:
    session = only({"data": {"evChargerData": {"items": [{"sn": SERIAL, "session_d": {"e_c": 3.52}}]}}}).session
    assert session is not None
    assert session.energy == 3.52


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"chargers": []}},
        {"data": {"chargers": None}},
        {"evChargerData": []},
        {"evChargerData": None},
        {"data": {}},
        {"data": []},
        [],
    ],
)
def test_no_charger_is_an_answer(body: Json) -> None:
    assert SiteStatus.read(body).chargers == {}


@pytest.mark.parametrize("body", [None, {}, "", 3, {"data": None}, {"data": 3}, {"error": {"code": "500"}}])
def test_an_envelope_without_any_sense_is_an_error(body: Json) -> None:
    with pytest.raises(InvalidResponse):
        SiteStatus.read(body)


# Over HTTP


@pytest.mark.parametrize("shape", ["envelope", "legacy", "map"])
async def test_every_deployment_tells_the_same_story(open_cloud: OpenCloud, shape: str) -> None:
    cloud = await open_cloud("single_phase", status_shape=shape)
    charger = cloud.sim.charger()
    chargers = await cloud.chargers()
    status = (await chargers.status()).chargers[charger.serial]
    assert (status.is_charging, status.is_plugged_in, status.is_connected) == (True, True, True)
    if shape != "map":
        assert status.session is not None
        assert status.session.energy == pytest.approx(charger.reported.session.energy_wh / 1000, abs=0.01)
        assert (status.connector_status, status.name) == ("CHARGING", charger.profile.name)


async def test_the_path_that_answers_is_remembered_across_restarts(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("map_status")
    chargers = await cloud.chargers()
    await chargers.status()
    await chargers.status()
    assert (cloud.count(PLAIN), cloud.count(MAP)) == (3, 2)
    cloud.forget()
    assert not (await cloud.restarted_chargers(chargers).status()).has_details
    assert [one.path.count("/api/v2/") for one in cloud.sim.requests] == [1]
    # The deployment learns the other path and forgets this one.
    cloud.sim.world.deployment.update({"status_shape": "legacy"})
    assert (await chargers.status()).has_details


async def test_a_path_that_was_not_there_for_a_moment_is_found_again(cloud: Cloud, frozen: FrozenDateTimeFactory) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=PLAIN, status=404)
    assert not (await chargers.status()).has_details
    chargers = cloud.restarted_chargers(chargers)
    assert not (await chargers.status()).has_details
    frozen.tick(timedelta(minutes=15))
    assert (await chargers.status()).has_details

    cloud.sim.world.deployment.update({"status_shape": "map"})
    await chargers.status()
    frozen.tick(timedelta(minutes=15))
    cloud.forget()
    for _ in range(3):
        assert not (await chargers.status()).has_details
    assert len(cloud.sim.requests) == 4


async def test_a_site_of_somebody_else_is_refused_with_one_request(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    cloud.forget()
    with pytest.raises(RequestRejected) as error:
        await Chargers(account, "7654321").status()
    assert (error.value.status, error.value.message) == (468, "Unknown site")
    assert len(cloud.sim.requests) == 1


async def test_where_no_path_is_known_the_refusal_is_told(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path="status$", status=404, times=None)
    with pytest.raises(RequestRejected) as error:
        await chargers.status()
    assert error.value.status == 404


@pytest.mark.parametrize(
    ("status", "error"), [(473, RequestRejected), (500, ServiceUnavailable), (550, ServiceUnavailable), (551, ServiceUnavailable)]
)
async def test_a_back_end_that_fails_is_asked_once(cloud: Cloud, status: int, error: type[Exception]) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path="status$", status=status, body={"error": {"displayMessage": "Gateway not reporting"}}, times=None)
    with pytest.raises(error):
        await chargers.status()
    assert cloud.count("status$") == 1


async def test_an_empty_list_is_handed_on_as_such(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(empty_charger_lists=1)
    chargers = await cloud.chargers()
    assert not (await chargers.status()).chargers
    assert (await chargers.status()).chargers


async def test_a_charger_off_line_says_since_when(cloud: Cloud) -> None:
    charger = cloud.sim.charger()
    charger.go_offline()
    status = (await (await cloud.chargers()).status()).chargers[charger.serial]
    assert status.is_connected is False
    assert status.offline_since is not None
    assert datetime.now(UTC) - status.offline_since < timedelta(minutes=1)
