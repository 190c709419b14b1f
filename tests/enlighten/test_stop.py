"""Stopping a charge (docs/cloud-api/chargers.md §3). A client that took a wrong form for "nothing was charging" left cars charging."""

import pytest

from custom_components.enphase_ev.enlighten import (
    CommandReply,
    Json,
    Outcome,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
)

from .cloud import Cloud
from .conftest import OpenCloud

STOP = "stop_charging$"
FORMS = {"put": 1, "post": 2, "put_singular": 3, "post_singular": 4}


def serial(cloud: Cloud) -> str:
    return cloud.sim.charger().serial


@pytest.fixture
async def charging(open_cloud: OpenCloud) -> Cloud:
    """A charger that charges."""
    return await open_cloud("single_phase")


async def test_the_usual_form_takes_one_request_without_a_body(charging: Cloud) -> None:
    reply = await (await charging.chargers()).stop(serial(charging))
    assert reply == CommandReply(outcome=Outcome.ACCEPTED, message="accepted")
    (sent,) = [one for one in charging.sim.requests if one.path.endswith("stop_charging")]
    assert (sent.method, sent.body) == ("PUT", None)
    assert not charging.sim.charger().charging


@pytest.mark.parametrize("wrong_form", ["fitting", "400", "404", "405"])
@pytest.mark.parametrize(("form", "requests"), FORMS.items())
async def test_every_form_is_found_and_remembered_across_restarts(open_cloud: OpenCloud, form: str, requests: int, wrong_form: str) -> None:
    cloud = await open_cloud("single_phase", stop_forms=[form], wrong_form=wrong_form)
    chargers = await cloud.chargers()
    assert (await chargers.stop(serial(cloud))).outcome is Outcome.ACCEPTED
    assert not cloud.sim.charger().charging
    assert cloud.count(STOP) == requests

    cloud.sim.charger().start(16)
    cloud.forget()
    assert (await cloud.restarted_chargers(chargers).stop(serial(cloud))).outcome is Outcome.ACCEPTED
    assert not cloud.sim.charger().charging
    assert cloud.count(STOP) == 1


@pytest.mark.parametrize("answer", ["409", "422", "400"])
@pytest.mark.parametrize("form_is_known", [False, True])
async def test_where_nothing_charges_one_request_tells_so(open_cloud: OpenCloud, answer: str, form_is_known: bool) -> None:
    cloud = await open_cloud("single_phase", stop_idle_answer=answer)
    chargers = await cloud.chargers()
    if form_is_known:
        await chargers.stop(serial(cloud))
        cloud.forget()
    else:
        cloud.sim.charger().stop()
    reply = await chargers.stop(serial(cloud))
    assert (reply.outcome, reply.message) == (Outcome.NOT_CHARGING, "Charger is not in charging state")
    assert cloud.count(STOP) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_from_the_form_that_is_known_to_work_any_such_answer_is_a_no_op(charging: Cloud, status: int) -> None:
    chargers = await charging.chargers()
    await chargers.stop(serial(charging))
    charging.sim.faults.add(path=STOP, status=status, times=None)
    charging.forget()
    assert (await chargers.stop(serial(charging))).outcome is Outcome.NOT_CHARGING
    assert charging.count(STOP) == 1


NO_ROUTE = {
    "spring": {"timestamp": "2026-05-20T03:00:00Z", "status": 404, "error": "Not Found", "message": "No static resource service/x."},
    "problem": {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "No static resource service/x."},
    "envelope": {"error": {"displayMessage": "No static resource service/x.", "code": "404"}},
    "text": "No static resource service/x.",
}


@pytest.mark.parametrize("body", NO_ROUTE.values(), ids=NO_ROUTE)
async def test_a_known_form_whose_route_is_gone_is_not_taken_for_nothing_was_charging(charging: Cloud, body: Json) -> None:
    chargers = await charging.chargers()
    await chargers.stop(serial(charging))
    charging.sim.charger().start(16)
    charging.sim.world.deployment.update({"stop_forms": ["post"]})
    charging.sim.faults.add(path=STOP, method="PUT", status=404, body=body, times=None)
    charging.forget()
    assert (await chargers.stop(serial(charging))).outcome is Outcome.ACCEPTED
    assert not charging.sim.charger().charging
    assert charging.count(STOP) == 2
    charging.sim.charger().start(16)
    assert (await charging.restarted_chargers(chargers).stop(serial(charging))).outcome is Outcome.ACCEPTED
    assert charging.count(STOP) == 3


@pytest.mark.parametrize("status", [400, 404, 503])
@pytest.mark.parametrize("is_known", [False, True])
async def test_out_of_order_is_no_reason_for_another_form(charging: Cloud, status: int, is_known: bool) -> None:
    """A client that went on met a dead path, remembered that as the form that works, and could not stop the car any more (seen)."""
    chargers = await charging.chargers()
    if is_known:
        await chargers.stop(serial(charging))
        charging.sim.charger().start(16)
    body: Json = {"error": {"displayMessage": "Service is out of order", "errorMessageCode": "iqevc_ms-10007"}}
    charging.sim.faults.add(path=STOP, method="PUT", status=status, body=body)
    charging.sim.faults.add(path=STOP, method="POST", status=404, times=None)
    before = dict(chargers.account.state.forms)
    charging.forget()
    with pytest.raises((ServiceUnavailable, RequestRejected)):
        await chargers.stop(serial(charging))
    assert charging.count(STOP) == 1
    assert chargers.account.state.forms == before
    assert (await chargers.stop(serial(charging))).outcome is Outcome.ACCEPTED
    assert not charging.sim.charger().charging


async def test_a_known_form_that_gets_405_has_changed(charging: Cloud) -> None:
    chargers = await charging.chargers()
    await chargers.stop(serial(charging))
    charging.sim.charger().start(16)
    charging.sim.world.deployment.update({"stop_forms": ["post"]})
    charging.forget()
    assert (await chargers.stop(serial(charging))).outcome is Outcome.ACCEPTED
    assert charging.count(STOP) == 2


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"message": "Bad Request"},
        {"timestamp": "2026-05-20T03:00:00Z", "status": 400, "error": "Bad Request"},
        {"error": {"displayMessage": "Bad Request", "code": "400", "errorMessageCode": ""}},
        {"error": {"displayMessage": "Required request body is missing", "code": "400"}},
    ],
)
async def test_a_400_without_a_reason_is_another_form_and_not_a_stop(charging: Cloud, body: object) -> None:
    charging.sim.world.deployment.update({"stop_forms": ["post"]})
    chargers = await charging.chargers()
    charging.sim.faults.add(path=STOP, method="PUT", status=400, body=body)
    assert (await chargers.stop(serial(charging))).outcome is Outcome.ACCEPTED
    assert not charging.sim.charger().charging
    assert charging.count(STOP) == 2


@pytest.mark.parametrize(
    "error",
    [
        {"displayMessage": "Whatever", "errorMessageCode": "iqevc_ms-10099"},
        {"displayMessage": "Charger is not in charging state"},
        {"displayMessage": "Charger is not charging"},
        {"displayMessage": "Vehicle is NOT PLUGGED in"},
    ],
)
async def test_a_400_with_a_reason_is_a_no_op(charging: Cloud, error: dict[str, str]) -> None:
    chargers = await charging.chargers()
    charging.sim.faults.add(path=STOP, status=400, body={"error": error})
    assert await chargers.stop(serial(charging)) == CommandReply(outcome=Outcome.NOT_CHARGING, message=error["displayMessage"])
    assert charging.count(STOP) == 1


async def test_where_no_form_is_taken_the_first_refusal_is_told(charging: Cloud) -> None:
    chargers = await charging.chargers()
    charging.sim.faults.add(path=STOP, status=400, body={"message": "Words that nobody knows"})
    charging.sim.faults.add(path=STOP, status=404, times=None)
    with pytest.raises(RequestRejected, match="Words that nobody knows"):
        await chargers.stop(serial(charging))


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_where_no_form_is_taken_the_stop_has_failed(charging: Cloud, status: int) -> None:
    chargers = await charging.chargers()
    charging.sim.faults.add(path=STOP, status=status, times=None)
    with pytest.raises(RequestRejected) as error:
        await chargers.stop(serial(charging))
    assert error.value.status == status
    assert charging.count(STOP) == len(FORMS)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, ServiceUnavailable),
        ({"status": 504, "html": True}, ServiceUnavailable),
        ({"status": 429}, RateLimited),
        ({"status": 468, "body": {"message": "Unknown site"}}, RequestRejected),
    ],
)
async def test_other_answers_are_told_and_lead_to_no_other_form(charging: Cloud, fault: dict[str, object], error: type[Exception]) -> None:
    chargers = await charging.chargers()
    charging.sim.faults.add(path=STOP, times=None, **fault)
    with pytest.raises(error):
        await chargers.stop(serial(charging))
    assert charging.count(STOP) == 1


async def test_a_charger_off_line_is_stopped_later(charging: Cloud) -> None:
    charging.sim.charger().go_offline()
    reply = await (await charging.chargers()).stop(serial(charging))
    assert (reply.outcome, reply.message) == (Outcome.QUEUED, "Command is queued, the charger was not reached")
    assert charging.count(STOP) == 1
    charging.sim.charger().come_back()
    assert not charging.sim.charger().charging
