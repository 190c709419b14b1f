"""What the simulator answers carries the same keys and types as the samples."""

import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import jwt
import pytest

from .conftest import Client, Opener

SAMPLES = Path(__file__).parent.parent / "fixtures" / "api"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def differences(expected: Any, actual: Any, where: str = "$", *, optional: frozenset[str] = frozenset()) -> list[str]:
    """Where the shapes differ. Null fits everything; every entry of a list is held to the sample's first."""
    if expected is None or actual is None:
        return []
    if isinstance(expected, dict) and isinstance(actual, dict):
        missing = [f"{where}.{key} is missing" for key in expected.keys() - actual.keys() - optional]
        added = [f"{where}.{key} is not in the sample" for key in actual.keys() - expected.keys() - optional]
        below = [
            found
            for key in expected.keys() & actual.keys()
            for found in differences(expected[key], actual[key], f"{where}.{key}", optional=optional)
        ]
        return missing + added + below
    if isinstance(expected, list) and isinstance(actual, list):
        return [found for entry in actual if expected for found in differences(expected[0], entry, f"{where}[]", optional=optional)]
    number = {int, float}
    same = type(expected) is type(actual) or {type(expected), type(actual)} <= number
    return [] if same else [f"{where} is {type(actual).__name__} and not {type(expected).__name__}"]


def test_the_comparison_sees_what_differs() -> None:
    assert differences({"a": 1, "b": [{"c": "x"}]}, {"a": 1.5, "b": [{"c": "y"}, {"c": "z"}]}) == []
    assert differences({"a": 1}, {}) == ["$.a is missing"]
    assert differences({"b": [{"c": "x"}]}, {"b": [{"c": True}]}) == ["$.b[].c is bool and not str"]
    assert differences({"a": True}, {"a": 1}) == ["$.a is int and not bool"]


async def test_status_of_an_idle_and_of_a_charging_charger(visit: Opener) -> None:
    client = await visit()
    client.sim.charger().plug_in()
    path = f"/service/evse_controller/{client.sim.site.id}/ev_chargers/status"
    assert differences(sample("status_idle"), (await client.ask("GET", path))[1]) == []
    client.sim.charger().start(16)
    assert differences(sample("status_charging"), (await client.ask("GET", path))[1]) == []


async def test_status_in_green_mode_names_its_schedule(visit: Opener) -> None:
    client = await visit("green_site")
    path = f"/service/evse_controller/{client.sim.site.id}/ev_chargers/status"
    body = (await client.ask("GET", path))[1]
    assert differences(sample("status_idle"), body) == []
    assert body["data"]["chargers"][0]["sch_d"]["info"][0]["type"] == "greencharging"


async def test_older_status_shapes(visit: Opener) -> None:
    client = await visit("legacy_status")
    path = f"/service/evse_controller/{client.sim.site.id}/ev_chargers/status"
    assert differences(sample("status_legacy"), (await client.ask("GET", path))[1]) == []

    client = await visit("map_status")
    assert (await client.ask("GET", path))[0] == 404
    path = f"/service/evse_controller/api/v2/{client.sim.site.id}/ev_chargers/status"
    _, body = await client.ask("GET", path)
    assert list(body["data"]) == [client.sim.charger().serial]
    entry, expected = body["data"][client.sim.charger().serial], sample("status_v2_map")["data"]["EV000000000001"]
    assert differences(expected, entry) == []


@pytest.mark.parametrize("scenario", ["one_charger", "three_phase", "eighty_amps"])
async def test_summary(visit: Opener, scenario: str) -> None:
    client = await visit(scenario)
    site, serial = client.sim.site.id, client.sim.charger().serial
    expected = sample("summary")
    # The text of a split-phase charger, and the lines that a single-phase one lacks, are told on the page.
    optional = frozenset({"L1", "L2", "L3"})
    if scenario == "eighty_amps":
        expected["data"][0]["phaseMode"] = "split"
    for path in (f"api/v2/{site}/ev_chargers/summary?filter_retired=true", f"{site}/ev_chargers/summary"):
        _, body = await client.ask("GET", f"/service/evse_controller/{path}")
        assert differences(expected, body, optional=optional) == []
        assert len(body["data"]) == len(client.sim.site.chargers)
    _, body = await client.ask("GET", f"/service/evse_controller/api/v2/{site}/ev_chargers/{serial}/summary")
    assert differences(expected["data"][0], body["data"], optional=optional) == []


async def test_error_of_a_start_while_charging(visit: Opener) -> None:
    client = await visit()
    client.sim.charger().start(16)
    status, body = await client.charger("POST", "start_charging", json={"chargingLevel": 16, "connectorId": 1})
    assert status == 400
    assert differences(sample("error_already_charging"), body) == []
    assert body["error"] == sample("error_already_charging")["error"]


@pytest.mark.parametrize(("scenario", "name"), [("one_charger", "charge_mode"), ("smart_site", "charge_mode_smart")])
async def test_charge_mode(visit: Opener, scenario: str, name: str) -> None:
    client = await visit(scenario)
    _, body = await client.scheduler("GET", "{id}/preference")
    assert differences(sample(name), body) == []


async def test_schedules_and_green_settings(visit: Opener) -> None:
    client = await visit()
    _, body = await client.scheduler("GET", "SCHEDULED_CHARGING/{id}/schedules")
    assert differences(sample("charge_schedules"), body) == []
    _, body = await client.scheduler("GET", "GREEN_CHARGING/{id}/settings")
    assert differences(sample("green_settings"), body) == []


async def test_charger_configuration(visit: Opener) -> None:
    client = await visit()
    expected = sample("charger_config")
    _, body = await client.ask(
        "POST",
        f"/service/evse_controller/api/v1/{client.sim.site.id}/ev_chargers/{client.sim.charger().serial}/ev_charger_config",
        headers=client.bearer,
        json=[{"key": entry["key"]} for entry in expected["data"]],
    )
    assert differences(expected, body) == []
    assert body["data"] == expected["data"]


async def test_series_and_history(visit: Opener, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to("2026-05-20T03:00:00Z")
    client = await visit()
    sim = client.sim
    headers = await history_headers(client)
    _, body = await client.ask(
        "GET",
        f"/service/timeseries/evse/timeseries/lifetime_energy?site_id={sim.site.id}&source=evse&requestId=1",
        headers=headers,
    )
    expected = sample("evse_lifetime")
    years = body.pop("charger_iqevc")
    assert differences({key: expected[key] for key in body}, body) == []
    assert [list(chargers) for chargers in years.values()] == [[sim.charger().serial]] * 2
    total = sum(chargers[sim.charger().serial] for chargers in years.values())
    assert total == pytest.approx(sim.charger().lifetime_wh, abs=0.1)
    assert sum(body["iqevc"]) == pytest.approx(total, abs=1)

    params = {"offset": 0, "limit": 3, "startDate": "01-04-2026", "endDate": "20-05-2026", "timezone": sim.site.time_zone}
    _, body = await client.ask(
        "POST",
        f"/service/enho_historical_events_ms/{sim.site.id}/sessions/{sim.charger().serial}/history",
        headers=headers,
        json={"source": "evse", "params": params},
    )
    assert differences(sample("session_history"), body) == []
    assert len(body["data"]["result"]) == 3
    assert body["data"]["hasMore"] is True


async def history_headers(client: Client) -> dict[str, str]:
    """The headers of docs/cloud-api/auth.md §6 for history and series."""
    claims = jwt.decode(client.manager_token, options={"verify_signature": False})
    return client.bearer | {
        "e-auth-token": claims["session_id"],
        "username": str(claims["user_id"]),
        "requestid": "0b9f0c0e-0000-4000-8000-000000000001",
    }
