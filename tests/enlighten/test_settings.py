"""Settings, features and firmware of chargers (docs/cloud-api/chargers.md §5 and §7)."""

import pytest

from custom_components.enphase_ev.enlighten import Json, RequestRejected, ServiceUnavailable
from custom_components.enphase_ev.enlighten.charger_settings import ChargerSettings
from custom_components.enphase_ev.enlighten.models.charger_configuration import (
    ChargerConfiguration,
    ConfigurationKey,
    Feature,
    FirmwareDetails,
    read_battery_help,
    read_features,
    read_firmware,
)

from .cloud import Cloud, sample
from .conftest import OpenCloud

SERIAL = "EV000000000001"


async def settings(cloud: Cloud) -> ChargerSettings:
    return ChargerSettings(await cloud.signed_in(), cloud.sim.site.id)


def as_list(body: object) -> list[dict[str, object]]:
    assert isinstance(body, list)
    return body


# Configuration


def test_the_sample_of_a_configuration() -> None:
    configuration = ChargerConfiguration.read(sample("charger_config"))
    assert configuration.values == {ConfigurationKey.PHASE_SWITCH: "auto"}
    assert not configuration.is_enabled(ConfigurationKey.APP_AUTHENTICATION)
    assert configuration.default_level is None


@pytest.mark.parametrize(
    ("entry", "enabled"),
    [
        ({"value": "enabled", "reqValue": None}, True),
        ({"value": "disabled", "reqValue": "enabled", "status": 2}, True),
        ({"value": "enabled", "reqValue": "disabled", "status": 2}, False),
        ({"value": None, "reqValue": None}, False),
        ({"value": True}, True),
        ({"value": True, "reqValue": False, "status": 2}, False),
        ({}, False),
    ],
)
def test_a_value_that_was_asked_for_counts(entry: dict[str, Json], enabled: bool) -> None:
    configuration = ChargerConfiguration.read({"data": [{"key": "sessionAuthentication", **entry}, {"key": "unknown", "value": "x"}, None]})
    assert configuration.is_enabled(ConfigurationKey.APP_AUTHENTICATION) is enabled


def test_a_key_that_is_unset_is_there_all_the_same() -> None:
    found = ChargerConfiguration.read({"data": [{"key": "DefaultChargeLevel", "value": None, "reqValue": None}, {"key": "new"}]})
    assert (found.values, found.keys) == ({}, {ConfigurationKey.DEFAULT_LEVEL})


def test_the_answer_to_a_level_that_was_written() -> None:
    """`reqValue` is null and `value` the new one already (seen)."""
    found = ChargerConfiguration.read({"data": [{"key": "DefaultChargeLevel", "value": "30", "reqValue": None, "status": 2}]})
    assert found.default_level == 30


@pytest.mark.parametrize(
    ("read_back", "value", "is_same"),
    [
        ("true", True, True),
        (True, True, True),
        (1, True, True),
        (False, False, True),
        (None, False, True),
        (None, True, False),
        ("16.0", 16, True),
        (16, 16, True),
        ("16.5", 16, False),
        ("x", 16, False),
    ],
)
def test_a_value_is_the_same_in_whatever_notation(read_back: Json, value: float, is_same: bool) -> None:
    configuration = ChargerConfiguration.read([{"key": "DefaultChargeLevel", "value": read_back}])
    assert configuration.holds(ConfigurationKey.DEFAULT_LEVEL, value) is is_same


async def test_reading_is_a_post_of_the_keys(cloud: Cloud) -> None:
    calls = await settings(cloud)
    configuration = await calls.configuration(SERIAL)
    assert configuration.values == {ConfigurationKey.PHASE_SWITCH: "auto"}
    sent = cloud.sim.requests[-1]
    assert (sent.method, sent.body) == (
        "POST",
        [{"key": key} for key in ("sessionAuthentication", "rfidSessionAuthentication", "DefaultChargeLevel", "phase_switch_config")],
    )


async def test_writing_is_a_put_and_shows_at_once(cloud: Cloud) -> None:
    calls = await settings(cloud)
    await calls.set_configuration(SERIAL, ConfigurationKey.APP_AUTHENTICATION, True)
    assert cloud.sim.requests[-1].body == [{"key": "sessionAuthentication", "value": "enabled"}]
    await calls.set_configuration(SERIAL, ConfigurationKey.DEFAULT_LEVEL, 16)
    (sent,) = as_list(cloud.sim.requests[-1].body)
    assert sent == {"key": "DefaultChargeLevel", "value": 16}
    assert isinstance(sent["value"], int)
    configuration = await calls.configuration(SERIAL)
    assert configuration.is_enabled(ConfigurationKey.APP_AUTHENTICATION)
    assert configuration.default_level == 16


# The battery's help


def test_the_sample_of_green_settings() -> None:
    assert read_battery_help(sample("green_settings")) is True


@pytest.mark.parametrize("body", [None, {}, {"data": []}, {"data": [{"chargerSettingName": "ANOTHER", "enabled": True}, 3]}])
def test_a_charger_without_that_setting_has_none(body: Json) -> None:
    assert read_battery_help(body) is None


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_the_battery_helps_or_not(open_cloud: OpenCloud, is_enabled: bool) -> None:
    cloud = await open_cloud("green_site")
    cloud.sim.charger().battery_helps = not is_enabled
    calls = await settings(cloud)
    assert await calls.battery_help(SERIAL) is not is_enabled
    await calls.set_battery_help(SERIAL, is_enabled=is_enabled)
    assert cloud.sim.charger().battery_helps is is_enabled
    assert cloud.sim.requests[-1].body == {
        "chargerSettingList": [
            {"chargerSettingName": "USE_BATTERY_FOR_SELF_CONSUMPTION", "enabled": is_enabled, "value": None, "loader": False}
        ]
    }


async def test_where_green_mode_is_unknown_the_battery_has_no_setting(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("smart_site")
    assert await (await settings(cloud)).battery_help(SERIAL) is None


# Features


def test_flags_of_the_site_and_of_each_charger() -> None:
    body: Json = {
        "data": {"iqevse_rfid": "true", "plug_and_charge": True, "EV1": {"phase_config_support": 1, "iqevse_rfid": False}, "EV2": {}}
    }
    expected = {"": {Feature.RFID}, "EV1": {Feature.PHASE_SWITCH}, "EV2": set()}
    assert read_features(body) == expected
    assert read_features(body["data"]) == expected


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": []}, "x"])
def test_where_no_flags_are_there_is_no_feature(body: Json) -> None:
    assert set().union(*read_features(body).values()) == set()


async def test_the_features_of_a_charger(cloud: Cloud) -> None:
    cloud.sim.charger().quirks.features.update({"iqevse_rfid": True, "evse_authentication": True, "phase_config_support": False})
    found = await (await settings(cloud)).features()
    assert found[SERIAL] == {Feature.RFID, Feature.AUTHENTICATION}
    assert cloud.sent[-1].url.query_string == f"site_id={cloud.sim.site.id}"


# Firmware


async def test_the_firmware_now_and_next(cloud: Cloud) -> None:
    cloud.sim.charger().target_firmware = "26.1.0.0"
    assert await (await settings(cloud)).firmware() == {
        SERIAL: FirmwareDetails(
            serial=SERIAL,
            installed=cloud.sim.charger().profile.firmware,
            target="26.1.0.0",
            upgrade_status="SCHEDULED",
            is_automatic=True,
        )
    }


@pytest.mark.parametrize("body", [None, {}, [], [None, 3, {"currentFwVersion": "1"}]])
def test_firmware_of_nobody(body: Json) -> None:
    assert read_firmware(body) == {}


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_site_that_does_not_tell_has_no_firmware_and_keeps_its_session(cloud: Cloud, status: int) -> None:
    cloud.sim.site.firmware_details_status = status
    calls = await settings(cloud)
    for _ in range(5):
        assert await calls.firmware() == {}
    assert cloud.sign_ins() == 1
    # Whether the session is alive is looked into once, not with every question.
    assert cloud.count("/users/self/token") <= 2


async def test_other_failures_of_it_are_told(cloud: Cloud) -> None:
    calls = await settings(cloud)
    cloud.sim.site.firmware_details_status = 468
    with pytest.raises(RequestRejected):
        await calls.firmware()
    cloud.sim.site.firmware_details_status = 503
    with pytest.raises(ServiceUnavailable):
        await calls.firmware()
