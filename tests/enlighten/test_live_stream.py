"""OCPP trigger and live stream (docs/cloud-api/chargers.md §4)."""

import pytest

from custom_components.enphase_ev.enlighten import RequestRejected

from .cloud import Cloud
from .conftest import OpenCloud

MESSAGES = [
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
]


@pytest.mark.parametrize("message", MESSAGES)
async def test_the_charger_is_asked_for_a_message(cloud: Cloud, message: str) -> None:
    chargers = await cloud.chargers()
    reply = await chargers.trigger_message(cloud.sim.charger().serial, message)
    assert (reply["status"], reply["message"]) == ("accepted", message)
    (sent,) = [one for one in cloud.sim.requests if one.path.endswith("/trigger_message")]
    assert (sent.method, sent.body) == ("POST", {"requestedMessage": message})
    assert "/ev_charger/" in sent.path


async def test_meter_values_bring_the_report_up_to_date(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("single_phase")
    chargers = await cloud.chargers()
    charger = cloud.sim.charger()
    cloud.sim.clock.advance(60)
    before = (await chargers.summaries())[0].lifetime_energy
    await chargers.trigger_message(charger.serial, "MeterValues")
    after = (await chargers.summaries())[0].lifetime_energy
    assert before is not None
    assert after is not None
    assert after > before


async def test_an_unknown_message_is_refused_in_the_clouds_words(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    with pytest.raises(RequestRejected, match="Unknown requestedMessage"):
        await chargers.trigger_message(cloud.sim.charger().serial, "Dance")


async def test_a_charger_off_line_is_not_reached(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.charger().go_offline()
    with pytest.raises(RequestRejected, match="Command is queued, the charger was not reached") as error:
        await chargers.trigger_message(cloud.sim.charger().serial, "MeterValues")
    assert error.value.status == 552
    assert cloud.count("trigger_message$") == 1


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_live_stream_tells_for_how_long_and_can_be_stopped(open_cloud: OpenCloud, accepted: bool) -> None:
    cloud = await open_cloud(stop_stream_accepted=accepted)
    chargers = await cloud.chargers()
    assert await chargers.start_live_stream() == 900
    await chargers.stop_live_stream()
    assert [one.path.rpartition("/")[2] for one in cloud.sim.requests if one.family == "live_stream"] == [
        "start_live_stream",
        "stop_live_stream",
    ]


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"liveStreamDuration": None}}, {"data": {"liveStreamDuration": "soon"}}])
async def test_a_stream_that_tells_no_duration_has_none(cloud: Cloud, body: object) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path="start_live_stream$", body=body)
    assert await chargers.start_live_stream() is None


async def test_a_site_that_cannot_stream_says_so(cloud: Cloud) -> None:
    cloud.sim.site.live_stream = False
    chargers = await cloud.chargers()
    with pytest.raises(RequestRejected) as error:
        await chargers.start_live_stream()
    assert (error.value.status, str(error.value)) == (472, "Live stream is not supported at this site")
    assert cloud.count("live_stream$") == 1
