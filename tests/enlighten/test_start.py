"""Starting a charge in every form that deployments want (docs/cloud-api/chargers.md §3)."""

from dataclasses import replace
from datetime import timedelta
import logging
from zoneinfo import ZoneInfo

import pytest

from custom_components.enphase_ev.enlighten import (
    ChargeMode,
    Chargers,
    CommandReply,
    InvalidResponse,
    Json,
    Outcome,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
)

from .cloud import Cloud, sample
from .conftest import OpenCloud

START = "start_charging$"
# How many requests the first start takes where a deployment takes one form alone: the forms are tried in the order of the page.
FORMS = {"post": 1, "put": 2, "post_singular": 3, "snake_case": 4, "level_only": 5, "connector_only": 6, "no_body": 7}
# The same for a start that must not name a level.
WITHOUT_LEVEL = {"connector_only": 1, "no_body": 2}
PLURAL_POST = ("POST", "ev_chargers")


def serial(cloud: Cloud) -> str:
    return cloud.sim.charger().serial


def starts(cloud: Cloud) -> list[tuple[str, str, Json]]:
    """Verb, noun of the path and body of every start that was sent."""
    return [(one.method, one.path.split("/")[4], one.body) for one in cloud.sim.requests if one.path.endswith("start_charging")]


async def start(chargers: Chargers, cloud: Cloud, *, mode: ChargeMode | None = ChargeMode.MANUAL, level: float | None = 16) -> CommandReply:
    return await chargers.start(serial(cloud), mode=mode, level=level)


# Forms


async def test_the_usual_form_takes_one_request(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    reply = await start(chargers, cloud)
    assert reply == CommandReply(outcome=Outcome.ACCEPTED, message="accepted", level=16, sent_level=16)
    assert starts(cloud) == [(*PLURAL_POST, {"chargingLevel": 16, "connectorId": 1})]
    assert (cloud.sim.charger().charging, cloud.sim.charger().level_a) == (True, 16)


@pytest.mark.parametrize("wrong_form", ["fitting", "400", "404", "405"])
@pytest.mark.parametrize(("form", "requests"), FORMS.items())
async def test_every_form_is_found_and_remembered_across_restarts(open_cloud: OpenCloud, form: str, requests: int, wrong_form: str) -> None:
    cloud = await open_cloud(start_forms=[form], wrong_form=wrong_form)
    chargers = await cloud.chargers()
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert cloud.sim.charger().charging
    assert cloud.count(START) == requests

    cloud.sim.charger().stop()
    cloud.forget()
    assert (await start(cloud.restarted_chargers(chargers), cloud)).outcome is Outcome.ACCEPTED
    assert cloud.count(START) == 1
    assert cloud.sim.charger().charging


async def test_a_deployment_that_changes_its_form_is_followed(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("old_forms")
    chargers = await cloud.chargers()
    await start(chargers, cloud)
    cloud.sim.charger().stop()
    cloud.sim.world.deployment.update({"start_forms": ["put"]})
    cloud.forget()
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert [one[:2] for one in starts(cloud)] == [("POST", "ev_charger"), PLURAL_POST, ("PUT", "ev_chargers")]


async def test_where_no_form_is_taken_the_first_refusal_is_told(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, status=405, body={"message": "the first"})
    cloud.sim.faults.add(path=START, status=404, body={"message": "another"}, times=None)
    with pytest.raises(RequestRejected) as error:
        await start(chargers, cloud)
    assert (error.value.status, error.value.message) == (405, "the first")
    assert cloud.count(START) == len(FORMS)
    assert f"{cloud.sim.site.id}:start" not in chargers.account.state.forms


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403, "body": {"message": "Forbidden"}}, RequestRejected),
        ({"status": 429}, RateLimited),
        ({"status": 500, "body": {"message": "Oops"}}, ServiceUnavailable),
        ({"status": 503, "html": True}, ServiceUnavailable),
        ({"status": 406, "html": True}, ServiceUnavailable),
        ({"status": 468, "body": {"error": {"displayMessage": "Unknown site"}}}, RequestRejected),
        ({"status": 473, "body": {"error": {"displayMessage": "Gateway not reporting"}}}, RequestRejected),
        ({"status": 550}, ServiceUnavailable),
        ({"broken_json": True}, InvalidResponse),
    ],
)
async def test_other_answers_lead_to_no_other_form(cloud: Cloud, fault: dict[str, object], error: type[Exception]) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, times=None, **fault)
    with pytest.raises(error):
        await start(chargers, cloud)
    # What looks like a dead session, or refuses the user agent, did nothing and is sent once more in the same form.
    assert {one[:2] for one in starts(cloud)} == {PLURAL_POST}
    assert cloud.count(START) == (2 if fault.get("status") in {403, 406} else 1)
    assert not cloud.sim.charger().charging


# What a refusal means


@pytest.mark.parametrize("answer", ["400", "409", "422"])
async def test_without_a_vehicle_nothing_starts_and_one_request_tells_so(open_cloud: OpenCloud, answer: str) -> None:
    cloud = await open_cloud(not_plugged_answer=answer)
    cloud.sim.charger().unplug()
    reply = await start(await cloud.chargers(), cloud)
    assert (reply.outcome, reply.message) == (Outcome.NOT_PLUGGED_IN, "Charger is not plugged in")
    assert cloud.count(START) == 1


@pytest.mark.parametrize("status", [409, 422])
async def test_a_charger_that_is_not_ready_keeps_the_clouds_words(cloud: Cloud, status: int) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, status=status, body={"error": {"displayMessage": "Charger is not ready"}})
    assert await start(chargers, cloud) == CommandReply(outcome=Outcome.NOT_PLUGGED_IN, message="Charger is not ready", sent_level=16)
    assert cloud.count(START) == 1


async def test_a_charger_that_charges_already_has_nothing_to_do(cloud: Cloud) -> None:
    cloud.sim.charger().start(16)
    reply = await start(await cloud.chargers(), cloud)
    assert (reply.outcome, reply.message) == (Outcome.ALREADY_CHARGING, "Charger is already in charging state")
    assert cloud.count(START) == 1


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("body", [None, {"message": "Not Found"}, {"error": {"displayMessage": "Charger not ready"}}])
async def test_a_404_while_it_charges_has_nothing_to_do(cloud: Cloud, body: Json, is_known: bool) -> None:
    chargers = await cloud.chargers()
    if is_known:
        await start(chargers, cloud)
    else:
        cloud.sim.charger().start(16)
    cloud.sim.faults.add(path=START, status=404, body=body, times=None)
    cloud.forget()
    assert (await start(chargers, cloud)).outcome is Outcome.ALREADY_CHARGING
    assert (cloud.count(START), cloud.count("status$")) == (1, 1)


async def test_a_404_while_nothing_charges_is_another_form_and_asked_about_once(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(start_forms=["snake_case"], wrong_form="404")
    chargers = await cloud.chargers()
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert (cloud.count(START), cloud.count("status$")) == (4, 1)


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_route_that_is_gone_is_another_form_also_while_it_charges(open_cloud: OpenCloud, is_known: bool) -> None:
    cloud = await open_cloud(start_forms=["post", "put"])
    chargers = await cloud.chargers()
    if is_known:
        await start(chargers, cloud)
        assert cloud.sim.charger().charging
        cloud.sim.charger().stop()
    cloud.sim.faults.add(path=START, method="POST", status=404, body={"message": "No static resource service/x."}, times=None)
    cloud.forget()
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert ([one[0] for one in starts(cloud)][-1], cloud.count("status$")) == ("PUT", 0)


@pytest.mark.parametrize("status", [400, 404, 503])
async def test_out_of_order_is_no_reason_for_another_form(cloud: Cloud, status: int) -> None:
    chargers = await cloud.chargers()
    body: Json = {"error": {"displayMessage": "Service is out of order", "errorMessageCode": "iqevc_ms-10007"}}
    cloud.sim.faults.add(path=START, status=status, body=body)
    cloud.sim.faults.add(path=START, method="PUT", status=404, times=None)
    with pytest.raises((ServiceUnavailable, RequestRejected)):
        await start(chargers, cloud)
    assert cloud.count(START) == 1
    assert f"{cloud.sim.site.id}:start" not in chargers.account.state.forms
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert f"{cloud.sim.site.id}:start" in chargers.account.state.forms


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (sample("error_already_charging"), Outcome.ALREADY_CHARGING),
        ({"error": {"displayMessage": "Charger is ALREADY IN CHARGING STATE"}}, Outcome.ALREADY_CHARGING),
        ({"message": "already in charging state"}, Outcome.ALREADY_CHARGING),
        ({"error": {"errorMessageCode": "iqevc_ms-10008"}}, Outcome.NOT_PLUGGED_IN),
        ({"error": "Vehicle not plugged"}, Outcome.NOT_PLUGGED_IN),
        ("Charger is already in charging state", Outcome.ALREADY_CHARGING),
        ('"Vehicle not plugged"', Outcome.NOT_PLUGGED_IN),
    ],
)
async def test_known_reasons_are_told_by_code_and_by_words(cloud: Cloud, body: Json, outcome: Outcome) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, status=400, body=body)
    assert (await start(chargers, cloud)).outcome is outcome
    assert cloud.count(START) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"displayMessage": "Invalid charge level"},
        {"displayMessage": "Charging level is out of range", "code": "400", "errorMessageCode": ""},
    ],
)
async def test_a_reason_that_another_form_would_be_refused_for_too_is_told_at_once(cloud: Cloud, error: dict[str, Json]) -> None:
    """Else a level that was refused would end in a start without any."""
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, status=400, body={"data": None, "error": error})
    with pytest.raises(RequestRejected) as raised:
        await start(chargers, cloud)
    assert (raised.value.message, str(raised.value)) == (error["displayMessage"], error["displayMessage"])
    assert cloud.count(START) == 1
    assert not cloud.sim.charger().charging


async def test_a_code_that_nobody_knows_is_no_reason_not_to_try_the_next_form(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(start_forms=["put"])
    chargers = await cloud.chargers()
    error = {"displayMessage": "Not in the mood", "errorMessageCode": "iqevc_ms-10099"}
    cloud.sim.faults.add(path=START, method="POST", status=400, body={"data": None, "error": error}, times=None)
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert [one[0] for one in starts(cloud)] == ["POST", "PUT"]


async def test_a_level_out_of_range_never_starts_at_full_power(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    with pytest.raises(RequestRejected):
        await start(chargers, cloud, level=100)
    assert not cloud.sim.charger().charging
    assert cloud.count(START) == 1


async def test_a_charger_off_line_gets_the_command_later(cloud: Cloud) -> None:
    cloud.sim.charger().go_offline()
    reply = await start(await cloud.chargers(), cloud)
    assert reply.outcome is Outcome.QUEUED
    assert reply.message == "Command is queued, the charger was not reached"
    assert cloud.count(START) == 1
    cloud.sim.charger().come_back()
    assert cloud.sim.charger().charging


async def test_an_older_charger_that_refuses_every_level_is_started_without_one(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(invalid_level_500=True)
    reply = await start(await cloud.chargers(), cloud)
    assert (reply.outcome, cloud.sim.charger().charging) == (Outcome.ACCEPTED, True)
    assert [one[2] for one in starts(cloud)] == [{"chargingLevel": 16, "connectorId": 1}, {"connectorId": 1}]


async def test_an_older_charger_may_refuse_the_level_in_plain_text(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, status=500, body="Invalid charge level")
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert [one[2] for one in starts(cloud)] == [{"chargingLevel": 16, "connectorId": 1}, {"connectorId": 1}]


async def test_an_older_charger_is_asked_in_the_way_that_its_deployment_knows(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("old_forms")
    chargers = await cloud.chargers()
    await start(chargers, cloud)
    cloud.sim.charger().stop()
    cloud.sim.world.deployment.update({"invalid_level_500": True})
    cloud.forget()
    assert (await start(chargers, cloud)).outcome is Outcome.ACCEPTED
    assert [one[:2] for one in starts(cloud)] == [("POST", "ev_charger")] * 3


# Modes


@pytest.mark.parametrize(("scenario", "mode"), [("green_site", ChargeMode.GREEN), ("smart_site", ChargeMode.SMART)])
@pytest.mark.parametrize(("form", "requests"), WITHOUT_LEVEL.items())
async def test_green_and_smart_charging_never_name_a_level(
    open_cloud: OpenCloud, scenario: str, mode: ChargeMode, form: str, requests: int
) -> None:
    cloud = await open_cloud(scenario, start_forms=["post", form])
    chargers = await cloud.chargers()
    assert (await start(chargers, cloud, mode=mode, level=32)).outcome in {Outcome.ACCEPTED, Outcome.ALREADY_CHARGING}
    assert cloud.count(START) == requests
    assert all(body is None or body == {"connectorId": 1} for _, _, body in starts(cloud))


@pytest.mark.parametrize("way", ["post", "put", "post_singular"])
@pytest.mark.parametrize("shape", ["connector_only", "no_body"])
@pytest.mark.parametrize("wrong_form", ["fitting", "400", "404", "405"])
@pytest.mark.parametrize("mode", [ChargeMode.GREEN, None])
async def test_a_start_without_a_level_is_found_on_every_deployment_and_remembered(
    open_cloud: OpenCloud, way: str, shape: str, wrong_form: str, mode: ChargeMode | None
) -> None:
    cloud = await open_cloud(start_forms=[way, shape], wrong_form=wrong_form)
    chargers = await cloud.chargers()
    assert (await start(chargers, cloud, mode=mode, level=None)).outcome is Outcome.ACCEPTED
    assert cloud.sim.charger().charging
    assert all(body is None or body == {"connectorId": 1} for _, _, body in starts(cloud))

    cloud.sim.charger().stop()
    cloud.forget()
    await start(cloud.restarted_chargers(chargers), cloud, mode=mode, level=None)
    assert cloud.count(START) == 1


async def test_whole_levels_are_sent_as_whole_numbers(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=START, body={"status": "accepted", "chargingLevel": "16.5"}, times=None)
    await start(chargers, cloud, level=16.0)
    reply = await start(chargers, cloud, level=16.5)
    assert [str(one[2]) for one in starts(cloud)] == [
        "{'chargingLevel': 16, 'connectorId': 1}",
        "{'chargingLevel': 16.5, 'connectorId': 1}",
    ]
    assert reply.level == 16.5


async def test_another_level_during_a_session_is_another_start(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("single_phase")
    assert (await start(await cloud.chargers(), cloud, level=10)).outcome is Outcome.ACCEPTED
    assert cloud.sim.charger().level_a == 10


@pytest.fixture
async def scheduled(cloud: Cloud) -> Cloud:
    """A charger in scheduled mode, whose schedule begins in hours, whatever time it is."""
    charger = cloud.sim.charger()
    charger.mode = ChargeMode.SCHEDULED.value
    begin = cloud.sim.clock.now().astimezone(ZoneInfo("Australia/Melbourne")) + timedelta(hours=6)
    charger.set_slots([replace(charger.slots[0], start_time=f"{begin:%H:%M}", end_time=f"{begin + timedelta(hours=1):%H:%M}")])
    return cloud


def preferences_written(cloud: Cloud) -> list[Json]:
    return [one.body for one in cloud.sim.requests if one.path.endswith("/preference") and one.method == "PUT"]


@pytest.mark.parametrize("level", [16, None])
async def test_after_a_start_in_scheduled_mode_the_preference_is_written_again(scheduled: Cloud, level: float | None) -> None:
    reply = await start(await scheduled.chargers(), scheduled, mode=ChargeMode.SCHEDULED, level=level)
    assert (reply.outcome, reply.is_schedule_kept) == (Outcome.ACCEPTED, True)
    assert preferences_written(scheduled) == [{"mode": "SCHEDULED_CHARGING"}]
    assert [one.family for one in scheduled.sim.requests[-2:]] == ["control", "scheduler"]


async def test_a_queued_start_keeps_the_schedule_as_well(scheduled: Cloud) -> None:
    scheduled.sim.charger().go_offline()
    assert (await start(await scheduled.chargers(), scheduled, mode=ChargeMode.SCHEDULED)).outcome is Outcome.QUEUED
    assert len(preferences_written(scheduled)) == 1


async def test_a_start_that_came_to_nothing_overrides_no_schedule(scheduled: Cloud) -> None:
    scheduled.sim.charger().unplug()
    await start(await scheduled.chargers(), scheduled, mode=ChargeMode.SCHEDULED)
    assert preferences_written(scheduled) == []


@pytest.mark.parametrize("mode", [ChargeMode.MANUAL, None])
async def test_in_other_modes_no_preference_is_written(cloud: Cloud, mode: ChargeMode | None) -> None:
    await start(await cloud.chargers(), cloud, mode=mode)
    assert preferences_written(cloud) == []


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"drop": True}, {"status": 400, "body": {"error": {"errorMessageCode": "iqevc_sch_10031"}}}]
)
async def test_a_schedule_that_could_not_be_kept_is_said_and_the_start_stands(
    scheduled: Cloud, caplog: pytest.LogCaptureFixture, fault: dict[str, object]
) -> None:
    chargers = await scheduled.chargers()
    scheduled.sim.charger().mode = ChargeMode.MANUAL.value
    scheduled.sim.faults.add(path="preference$", method="PUT", **fault)
    with caplog.at_level(logging.WARNING):
        reply = await start(chargers, scheduled, mode=ChargeMode.SCHEDULED)
    assert (reply.outcome, reply.is_schedule_kept) == (Outcome.ACCEPTED, False)
    assert len(preferences_written(scheduled)) == 1
    assert "schedule could not be put in force again" in caplog.text
