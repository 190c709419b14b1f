"""What the published answers of the battery service mean, whole, and each of its flags by its own key.

Source: docs/cloud-api/battery.md §3, §7.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.enphase_ev.enlighten import (
    AnswerStream,
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    BatteryStatus,
    InvalidResponse,
    Json,
    SiteSettings,
)
from custom_components.enphase_ev.enlighten.battery_bodies import entry_body
from custom_components.enphase_ev.enlighten.models.home_battery import read_storm_alerts
from custom_components.enphase_ev.enlighten.parsing import read_mapping

from .cloud import sample

type Read = Callable[[Json], object]

READERS: dict[str, Read] = {
    "site_settings": SiteSettings.read,
    "battery_settings": BatterySettings.read,
    "battery_schedules": BatterySchedules.read,
    "battery_profile": BatteryProfile.read,
    "battery_status": BatteryStatus.read,
    "storm_alert": read_storm_alerts,
    "mqtt_signed_url": lambda body: AnswerStream.from_dict(read_mapping(body)),
}


@pytest.mark.parametrize("name", READERS)
def test_a_published_answer_means_this(name: str, snapshot: SnapshotAssertion) -> None:
    assert READERS[name](sample(name)) == snapshot(extension_class=HomeAssistantSnapshotExtension)


@pytest.mark.parametrize("value", [True, "true", 1, False, None])
@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("supportsMqtt", "supports_mqtt"),
        ("systemTask", "has_system_task"),
        ("drEventActive", "has_event"),
        ("showStormGuardAlert", "has_storm_alert"),
    ],
)
def test_a_flag_of_the_settings_is_off_unless_the_cloud_says_so(key: str, name: str, value: Json) -> None:
    assert getattr(BatterySettings.read({"data": {"profile": "expert", key: value}}), name) is bool(value)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"isOwner": True, "isInstaller": False}, True),
        ({"isOwner": False, "isInstaller": True}, True),
        ({"isOwner": False, "isInstaller": False}, False),
        ({"isOwner": False}, False),
        ({}, None),
        (None, None),
    ],
)
def test_owners_and_installers_may_write(person: Json, expected: bool | None) -> None:
    assert SiteSettings.read({"data": {"timezone": "UTC", "userDetails": person}}).may_write is expected


def test_what_an_answer_about_a_site_leaves_out_is_as_before() -> None:
    before = SiteSettings.read(sample("site_settings"))
    after = SiteSettings.read({"data": {"countryCode": "US"}}).after(before)
    assert (after.time_zone, after.country, after.may_write) == (before.time_zone, "US", before.may_write)


@pytest.mark.parametrize(
    ("allowed", "schedules", "expected"), [(True, True, True), (True, None, True), (True, False, False), (False, True, False)]
)
def test_the_schedules_of_charge_from_grid_have_a_switch_of_their_own(allowed: bool, schedules: bool | None, expected: bool) -> None:
    data: dict[str, Json] = {"chargeFromGrid": allowed, "chargeFromGridScheduleEnabled": schedules, "dtgControl": {"enabled": allowed}}
    settings = BatterySettings.read({"data": data})
    assert settings.runs_schedules(BatteryFamily.CHARGE_FROM_GRID) is expected
    assert settings.runs_schedules(BatteryFamily.DISCHARGE_TO_GRID) is allowed
    assert not settings.runs_schedules(BatteryFamily.RESTRICT_BATTERY_DISCHARGE)


@pytest.mark.parametrize("key", ["requestedConfig", "requestedConfigMqtt"])
def test_what_was_requested_is_pending_under_either_key(key: str) -> None:
    settings = BatterySettings.read({"data": {"veryLowSoc": 5, key: {"veryLowSoc": 10, "cfgControl": {}, "rbdControl": None}}})
    assert settings.requested == {"veryLowSoc": 10}
    assert settings.expected.shutdown_level == 10


def test_an_alert_has_its_times() -> None:
    (alert,) = read_storm_alerts({"stormAlerts": [{"id": 1, "startTime": "2026-05-20T01:00:00Z", "endTime": 1779242400}, None]})
    assert (alert.starts_at, alert.ends_at) == (datetime(2026, 5, 20, 1, tzinfo=UTC), datetime(2026, 5, 20, 2, tzinfo=UTC))


@pytest.mark.parametrize(("family", "limit"), [(BatteryFamily.CHARGE_FROM_GRID, 80), (BatteryFamily.RESTRICT_BATTERY_DISCHARGE, None)])
def test_restricting_discharge_has_no_limit_to_send(family: BatteryFamily, limit: int | None) -> None:
    entry = BatteryEntry(family=family, start=time(9), end=time(11), days=(1,), limit=80.2, time_zone=None)
    body = entry_body(entry)
    assert body.get("limit") == limit
    assert "timezone" not in body
    assert "limit" not in entry_body(replace(entry, limit=None))


@pytest.mark.parametrize(("state", "has_alert"), [("active", True), ("Active", True), ("enabled", False), (None, False)])
def test_the_state_of_storm_guard_tells_of_an_alert_that_no_flag_shows(state: Json, has_alert: bool) -> None:
    settings = BatterySettings.read({"data": {"stormGuardState": state, "showStormGuardAlert": False}})
    assert settings.has_storm_alert is has_alert


def test_a_status_of_no_battery_or_of_some_figures_is_a_status() -> None:
    assert BatteryStatus.read({"storages": []}) == BatteryStatus()
    assert BatteryStatus.read({"data": {"current_charge": "48%"}}).state_of_charge == 48
    with pytest.raises(InvalidResponse):
        BatteryStatus.read({"message": "busy", "storages": None, "current_charge": None})
