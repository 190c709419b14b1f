"""Charge mode, schedules, configuration, history and series as docs/cloud-api/chargers.md §5 to §8 tell them."""

from typing import Any

import pytest

from simulator import ChargeMode

from .conftest import Client, Opener
from .test_shapes import history_headers

PREFERENCE = "{id}/preference"
SCHEDULES = "SCHEDULED_CHARGING/{id}/schedules"
SCHEDULE = "SCHEDULED_CHARGING/{id}/schedule"


def enabled(body: Any) -> list[str]:
    return [mode["chargingMode"] for mode in body["data"]["modes"].values() if mode["enabled"]]


async def test_mode_is_changed_and_read_back(visit: Opener) -> None:
    client = await visit()
    status, body = await client.scheduler("PUT", PREFERENCE, json={"mode": "GREEN_CHARGING"})
    assert (status, enabled(body)) == (200, ["GREEN_CHARGING"])
    assert enabled((await client.scheduler("GET", PREFERENCE))[1]) == ["GREEN_CHARGING"]
    assert (await client.status())["mode"] == 1
    assert (await client.scheduler("PUT", PREFERENCE, json={"mode": "SMART_CHARGING"}))[0] == 400


async def test_scheduled_mode_needs_an_enabled_schedule(visit: Opener) -> None:
    client = await visit()
    slot = client.sim.charger().slots[0].id
    assert (await client.scheduler("PATCH", SCHEDULES, json={slot: "DISABLED"}))[0] == 200
    status, body = await client.scheduler("PUT", PREFERENCE, json={"mode": "SCHEDULED_CHARGING"})
    assert (status, body["error"]["errorMessageCode"]) == (400, "iqevc_sch_10031")
    assert client.sim.charger().mode is ChargeMode.MANUAL


async def test_false_alarm_on_a_mode_change(visit: Opener) -> None:
    client = await visit()
    client.sim.world.deployment.false_400_on_mode = True
    assert (await client.scheduler("PUT", PREFERENCE, json={"mode": "GREEN_CHARGING"}))[0] == 400
    assert client.sim.charger().mode is ChargeMode.GREEN


@pytest.mark.parametrize("answer", ["500", "502", "503", "504", "html"])
async def test_scheduler_fails_on_its_own(visit: Opener, answer: str) -> None:
    client = await visit("scheduler_down")
    client.sim.world.deployment.update({"scheduler_down_answer": answer})
    status, body = await client.scheduler("GET", PREFERENCE)
    assert status == (200 if answer == "html" else int(answer))
    assert isinstance(body, str) is (answer == "html")
    assert (await client.status())["charging"] is True
    client.sim.site.scheduler_up = True
    assert (await client.scheduler("GET", PREFERENCE))[0] == 200


async def test_battery_helps_green_mode(visit: Opener) -> None:
    client = await visit("green_site")
    setting = {
        "chargerSettingName": "USE_BATTERY_FOR_SELF_CONSUMPTION",
        "enabled": False,
        "value": None,
        "loader": False,
    }
    path = "GREEN_CHARGING/{id}/settings"
    assert (await client.scheduler("PUT", path, json={"chargerSettingList": [setting]}))[0] == 200
    assert (await client.scheduler("GET", path))[1]["data"][0]["enabled"] is False
    assert (await client.scheduler("PUT", path, json={"chargerSettingList": [{}]}))[0] == 400


async def all_slots(client: Client) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    _, body = await client.scheduler("GET", SCHEDULES)
    return body["meta"], body["data"]["slots"]


async def test_one_slot_is_added_changed_and_deleted(visit: Opener) -> None:
    client = await visit()
    _, before = await all_slots(client)
    new = {
        "startTime": "09:00",
        "endTime": "11:30",
        "chargingLevel": 100,
        "chargingLevelAmp": None,
        "days": [6, 7],
        "enabled": True,
    }
    status, body = await client.scheduler("POST", SCHEDULE, json=new)
    slot = body["data"]
    assert status == 200
    assert slot["id"].startswith(f"{client.sim.site.id}:{client.sim.charger().serial}:")
    # 100 without amps is read back as the highest level.
    assert (slot["chargingLevel"], slot["chargingLevelAmp"]) == (32, 32)

    changed = slot | {"endTime": "12:00", "remindFlag": True}
    assert (await client.scheduler("PATCH", f"{SCHEDULE}/{slot['id']}", json=changed))[0] == 200
    _, slots = await all_slots(client)
    assert slots == [*before, changed]
    assert (await client.scheduler("DELETE", f"{SCHEDULE}/{slot['id']}"))[0] == 200
    assert (await all_slots(client))[1] == before
    assert (await client.scheduler("DELETE", f"{SCHEDULE}/{slot['id']}"))[0] == 404


@pytest.mark.parametrize(("deleted", "left"), [(True, 1), (False, 2)])
async def test_slots_left_out_of_a_patch(visit: Opener, deleted: bool, left: int) -> None:
    client = await visit()
    client.sim.world.deployment.left_out_slots_deleted = deleted
    meta, slots = await all_slots(client)
    body = {"meta": {"serverTimeStamp": meta["serverTimeStamp"], "rowCount": 1}, "data": slots[:1]}
    assert (await client.scheduler("PATCH", SCHEDULES, json=body))[0] == 200
    assert len((await all_slots(client))[1]) == left
    body["meta"]["rowCount"] = 2
    assert (await client.scheduler("PATCH", SCHEDULES, json=body))[0] == 400


@pytest.mark.parametrize("wrong", [{"startTime": "9:00"}, {"endTime": "24:00"}, {"days": []}, {"days": [0]}, {"chargingLevel": 99}])
async def test_slots_that_make_no_sense(visit: Opener, wrong: dict[str, object]) -> None:
    client = await visit()
    slot = {"startTime": "09:00", "endTime": "11:30", "chargingLevel": 16, "days": [1], "enabled": True}
    assert (await client.scheduler("POST", SCHEDULE, json=slot | wrong))[0] == 400
    assert len(client.sim.charger().slots) == 2


async def test_configuration_takes_a_moment(visit: Opener) -> None:
    client = await visit()
    path = f"/service/evse_controller/api/v1/{client.sim.site.id}/ev_chargers/{client.sim.charger().serial}"
    path += "/ev_charger_config"
    entry = {"key": "sessionAuthentication", "value": "enabled"}
    _, body = await client.ask("PUT", path, headers=client.bearer, json=[entry])
    waiting = {"key": "sessionAuthentication", "value": None, "reqValue": "enabled", "status": 2}
    assert body["data"] == [waiting]
    _, body = await client.ask("POST", path, headers=client.bearer, json=[{"key": "sessionAuthentication"}])
    assert body["data"] == [waiting]
    client.sim.clock.advance(6)
    _, body = await client.ask("POST", path, headers=client.bearer, json=[{"key": "sessionAuthentication"}])
    assert body["data"] == [{"key": "sessionAuthentication", "value": "enabled", "reqValue": None, "status": 1}]
    assert (await client.ask("POST", path, headers=client.bearer, json={"key": "x"}))[0] == 400


async def test_default_level_is_in_the_summary_and_in_force(visit: Opener) -> None:
    client = await visit()
    charger = client.sim.charger()
    charger.configuration.values["DefaultChargeLevel"] = "13"
    path = f"/service/evse_controller/api/v2/{client.sim.site.id}/ev_chargers/{charger.serial}/summary"
    _, body = await client.ask("GET", path)
    assert body["data"]["chargeLevelDetails"]["defaultChargeLevel"] == "13"
    await client.charger("POST", "start_charging", json={"connectorId": 1})
    assert charger.level_a == 13


async def test_feature_flags_and_firmware(visit: Opener) -> None:
    client = await visit("two_chargers")
    charger = client.sim.charger()
    flags = f"/service/evse_management/api/v1/config/feature-flags?site_id={client.sim.site.id}"
    _, body = await client.ask("GET", flags)
    assert body["data"][charger.serial]["iqevse_rfid"] is True
    assert body["data"]["evse_charging_mode"] is True

    path = f"/service/evse_management/fwDetails/{client.sim.site.id}"
    charger.target_firmware = "26.1.0.3"
    _, body = await client.ask("GET", path)
    assert [entry["targetFwVersion"] for entry in body] == ["26.1.0.3", "25.37.1.14"]
    assert body[0]["upgradeStatus"] is not None
    client.sim.site.firmware_details_status = 403
    assert (await client.ask("GET", path))[0] == 403


async def test_gaps_are_missed_answers(visit: Opener) -> None:
    client = await visit()
    site = client.sim.site.id
    client.sim.world.deployment.update({"empty_charger_lists": 1, "missing_level_details": 1})
    path = f"/service/evse_controller/{site}/ev_chargers"
    counts = [len((await client.ask("GET", f"{path}/status"))[1]["data"]["chargers"]) for _ in range(2)]
    assert counts == [0, 1]
    found = ["chargeLevelDetails" in (await client.ask("GET", f"{path}/summary"))[1]["data"][0] for _ in range(2)]
    assert found == [False, True]


async def test_retired_chargers_are_filtered(visit: Opener) -> None:
    client = await visit("two_chargers")
    client.sim.charger().quirks.retired = True
    base = f"/service/evse_controller/api/v2/{client.sim.site.id}/ev_chargers/summary"
    assert len((await client.ask("GET", f"{base}?filter_retired=true"))[1]["data"]) == 1
    assert len((await client.ask("GET", base))[1]["data"]) == 2
    assert (await client.status())["sn"] == "EV000000000002"


async def ask_history(client: Client, headers: dict[str, str], **params: object) -> tuple[int, Any]:
    today = f"{client.sim.clock.now().astimezone(client.sim.site.zone):%d-%m-%Y}"
    defaults = {
        "offset": 0,
        "limit": 20,
        "startDate": today,
        "endDate": today,
        "timezone": client.sim.site.time_zone,
    }
    return await client.ask(
        "POST",
        f"/service/enho_historical_events_ms/{client.sim.site.id}/sessions/{client.sim.charger().serial}/history",
        headers=headers,
        json={"source": "evse", "params": defaults | params},
    )


async def test_history_wants_its_headers(visit: Opener) -> None:
    client = await visit()
    headers = await history_headers(client)
    assert (await ask_history(client, headers))[0] == 200
    for wrong in ({"e-auth-token": client.manager_token}, {"username": "1"}, {"Authorization": "Bearer no"}):
        assert (await ask_history(client, headers | wrong))[0] == 401
    assert (await ask_history(client, headers | {"requestid": ""}))[0] == 400


async def test_history_in_pages_newest_first(visit: Opener) -> None:
    client = await visit()
    headers = await history_headers(client)
    everything = {"startDate": "01-01-2000", "endDate": "31-12-2099"}
    sessions = client.sim.charger().history
    pages = []
    while True:
        _, body = await ask_history(client, headers, offset=len(pages), limit=7, **everything)
        pages += body["data"]["result"]
        if not body["data"]["hasMore"]:
            break
    assert [entry["sessionId"] for entry in pages] == [session.id for session in reversed(sessions)]
    assert pages[0]["aggEnergyValue"] == round(sessions[-1].energy_wh / 1000, 2)
    assert (await ask_history(client, headers, startDate="2026-01-01"))[0] == 400
    assert (await ask_history(client, headers, timezone="UTC"))[0] == 400


async def test_daily_energy(visit: Opener) -> None:
    client = await visit("single_phase")
    headers = await history_headers(client)
    path = "/service/timeseries/evse/timeseries/daily_energy"
    site = client.sim.site
    today = client.sim.clock.now().astimezone(site.zone).date()
    _, body = await client.ask("GET", f"{path}?site_id={site.id}&start_date={today}", headers=headers)
    assert body["iqevc"] == [pytest.approx(client.sim.charger().daily_wh.get(today, 0), abs=20)]
    assert (await client.ask("GET", f"{path}?site_id={site.id}", headers=headers))[0] == 400
    assert (await client.ask("GET", f"{path}?start_date={today}", headers=headers))[0] == 400
