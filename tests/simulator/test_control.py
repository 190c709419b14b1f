"""Start, stop, trigger message and live stream as docs/cloud-api/chargers.md §3 and §4 tell them."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator import Charger

from .conftest import Client, Opener

LEVEL = {"chargingLevel": 16, "connectorId": 1}


async def send_start(client: Client, form: str) -> tuple[int, Any]:
    verb, noun, body = {
        "post": ("POST", "ev_chargers", LEVEL),
        "put": ("PUT", "ev_chargers", LEVEL),
        "post_singular": ("POST", "ev_charger", LEVEL),
        "snake_case": ("POST", "ev_chargers", {"charging_level": 16, "connector_id": 1}),
        "level_only": ("POST", "ev_chargers", {"chargingLevel": 16}),
        "connector_only": ("POST", "ev_chargers", {"connectorId": 1}),
        "no_body": ("POST", "ev_chargers", None),
    }[form]
    path = f"/service/evse_controller/{client.sim.site.id}/{noun}/{client.sim.charger().serial}/start_charging"
    return await client.ask(verb, path, headers=client.bearer, json=body)


FORMS = ["post", "put", "post_singular", "snake_case", "level_only", "connector_only", "no_body"]
# What a deployment of one form answers to the others, in the order of FORMS.
ANSWERS = {
    "post": [200, 405, 404, 400, 400, 400, 400],
    "put": [405, 200, 404, 400, 400, 400, 400],
    "post_singular": [405, 405, 200, 400, 400, 400, 400],
    "snake_case": [400, 405, 404, 200, 400, 400, 400],
    "level_only": [400, 405, 404, 400, 200, 400, 400],
    "connector_only": [400, 405, 404, 400, 400, 200, 400],
    "no_body": [400, 405, 404, 400, 400, 400, 200],
}


@pytest.mark.parametrize("known", FORMS)
async def test_a_deployment_takes_its_own_form_of_start(visit: Opener, known: str) -> None:
    client = await visit()
    client.sim.world.deployment.update({"start_forms": [known]})
    statuses = []
    for form in FORMS:
        statuses.append((await send_start(client, form))[0])
        assert client.sim.charger().charging is (statuses[-1] == 200)
        if client.sim.charger().charging:
            client.sim.charger().stop()
    assert statuses == ANSWERS[known]


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_answers_to_wrong_forms_name_no_reason(visit: Opener, status: int) -> None:
    client = await visit("old_forms")
    client.sim.world.deployment.update({"wrong_form": str(status)})
    found, body = await send_start(client, "post")
    assert (found, body["error"]["errorMessageCode"]) == (status, "")


@pytest.mark.parametrize("known", ["put", "post", "put_singular", "post_singular"])
async def test_a_deployment_takes_its_own_form_of_stop(visit: Opener, known: str) -> None:
    client = await visit("single_phase")
    client.sim.world.deployment.update({"stop_forms": [known]})
    for form in ("put", "post", "put_singular", "post_singular"):
        verb, _, singular = form.partition("_")
        noun = "ev_charger" if singular else "ev_chargers"
        path = f"/service/evse_controller/{client.sim.site.id}/{noun}/{client.sim.charger().serial}/stop_charging"
        status, _ = await client.ask(verb.upper(), path, headers=client.bearer)
        assert status == (200 if form == known else 404 if singular else 405)
        if form == known:
            assert not client.sim.charger().charging
            client.sim.charger().start(16)


async def test_start_and_stop(visit: Opener) -> None:
    client = await visit()
    assert await send_start(client, "post") == (200, {"status": "accepted", "chargingLevel": 16})
    found = await client.status()
    assert (found["charging"], found["chargingLevel"]) == (True, 16)
    assert client.sim.charger().power_w == 16 * 230
    assert await client.charger("PUT", "stop_charging") == (200, {"status": "accepted"})
    found = await client.status()
    assert (found["charging"], "chargingLevel" in found) == (False, False)
    assert (await client.charger("PUT", "stop_charging"))[0] == 409


async def test_another_level_during_a_session(visit: Opener) -> None:
    client = await visit("single_phase")
    assert (await send_start(client, "post"))[0] == 200
    assert client.sim.charger().level_a == 16
    client.sim.world.deployment.level_change_ignored = True
    body = {"chargingLevel": 20, "connectorId": 1}
    assert (await client.charger("POST", "start_charging", json=body))[0] == 200
    assert client.sim.charger().level_a == 16
    await client.charger("PUT", "stop_charging")
    await client.charger("POST", "start_charging", json=body)
    assert client.sim.charger().level_a == 20


def unplugged(charger: Charger) -> None:
    charger.unplug()


def broken(charger: Charger) -> None:
    charger.fault()


def nothing(charger: Charger) -> None:
    """As it is."""


@pytest.mark.parametrize(
    ("before", "body", "status", "code", "message"),
    [
        (unplugged, LEVEL, 400, "iqevc_ms-10008", "Charger is not plugged in"),
        (broken, LEVEL, 409, "", "Charger is not ready"),
        (nothing, {"chargingLevel": 33, "connectorId": 1}, 400, "", "Charging level is out of range"),
        (nothing, {"chargingLevel": 16, "connectorId": 0}, 400, "", "Connector id is out of range"),
    ],
)
async def test_refused_starts(visit: Opener, before: Callable[[Charger], None], body: object, status: int, code: str, message: str) -> None:
    client = await visit()
    before(client.sim.charger())
    found, answer = await client.charger("POST", "start_charging", json=body)
    error = answer["error"]
    assert (found, error["errorMessageCode"], error["displayMessage"]) == (status, code, message)


async def test_steps_of_sixteen_amps(visit: Opener) -> None:
    client = await visit("eighty_amps")
    assert (await client.charger("POST", "start_charging", json={"chargingLevel": 40}))[0] == 400
    assert (await client.charger("POST", "start_charging", json={"chargingLevel": 48}))[0] == 200
    assert client.sim.charger().power_w == 48 * 240


async def test_older_chargers_fail_on_a_level(visit: Opener) -> None:
    client = await visit()
    client.sim.world.deployment.invalid_level_500 = True
    status, body = await send_start(client, "post")
    assert (status, body["error"]["displayMessage"]) == (500, "Invalid charge level")
    assert await send_start(client, "connector_only") == (200, {"status": "accepted", "chargingLevel": 32})


async def test_answers_that_nothing_comes_of(visit: Opener) -> None:
    client = await visit()
    client.sim.world.deployment.start_ignored = True
    assert (await send_start(client, "post"))[0] == 200
    assert not client.sim.charger().charging
    client.sim.world.deployment.update({"start_ignored": False, "start_delay_s": 20, "stop_ignored": True})
    assert (await send_start(client, "post"))[0] == 200
    assert not (await client.status())["charging"]
    client.sim.clock.advance(21)
    assert (await client.status())["charging"]
    assert (await client.charger("PUT", "stop_charging"))[0] == 200
    assert (await client.status())["charging"]


async def test_command_to_a_charger_off_line_is_queued(visit: Opener) -> None:
    client = await visit()
    charger = client.sim.charger()
    charger.go_offline()
    assert (await send_start(client, "post"))[0] == 552
    found = await client.status()
    assert (found["connected"], found["charging"]) == (False, False)
    charger.come_back()
    found = await client.status()
    assert (found["connected"], found["charging"]) == (True, True)
    assert found["offlineAt"] is not None


async def test_control_needs_a_bearer(visit: Opener) -> None:
    client = await visit()
    client.manager_token = ""
    assert (await send_start(client, "post"))[0] == 401


async def test_trigger_message_makes_the_charger_report(visit: Opener) -> None:
    client = await visit("single_phase")
    path = f"/service/evse_controller/{client.sim.site.id}/ev_charger/{client.sim.charger().serial}/trigger_message"
    client.sim.clock.advance(100)
    before = (await client.status())["lst_rpt_at"]
    status, body = await client.ask("POST", path, headers=client.bearer, json={"requestedMessage": "MeterValues"})
    assert (status, body["status"], body["message"]) == (200, "accepted", "MeterValues")
    assert set(body["details"]) == {"initiatedAt", "trackingId"}
    assert (await client.status())["lst_rpt_at"] != before
    assert (await client.ask("POST", path, headers=client.bearer, json={"requestedMessage": "Nonsense"}))[0] == 400


async def test_live_stream_makes_reports_come_fast_for_fifteen_minutes(visit: Opener) -> None:
    client = await visit("single_phase")
    charger, base = client.sim.charger(), f"/service/evse_controller/{client.sim.site.id}/ev_chargers"
    _, body = await client.ask("GET", f"{base}/start_live_stream")
    assert body["data"] == {
        "liveStreamTopicList": [f"v1/evse/prod/live-stream/{charger.serial}"],
        "liveStreamDuration": 900,
    }
    client.sim.clock.advance(60)
    assert client.sim.clock.time() - charger.reported.at <= 10
    client.sim.clock.advance(900 + 190)
    assert client.sim.clock.time() - charger.reported.at > 100
    assert (await client.ask("GET", f"{base}/stop_live_stream"))[1]["data"] is None
    client.sim.site.live_stream = False
    assert (await client.ask("GET", f"{base}/start_live_stream"))[0] == 472
