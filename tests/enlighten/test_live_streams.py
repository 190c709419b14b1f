"""The live stream of a site over a real broker: credentials, frames, and every switch of docs/cloud-api/live.md §4."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
import logging
import ssl

import pytest

from custom_components.enphase_ev.enlighten import (
    Chargers,
    GridRelay,
    InvalidResponse,
    Json,
    LiveAccess,
    LivePower,
    LiveStreams,
    RequestRejected,
    ServiceUnavailable,
    charger_power,
    live_frames,
)
from custom_components.enphase_ev.enlighten.live_streams import _serials_of_gateways
from simulator import Simulator
from simulator.live import Door, FrameKind

from .cloud import Cloud


@pytest.fixture
async def cloud(socket_enabled: None) -> AsyncIterator[Cloud]:
    """A home with a battery, whose stream sends a frame every tenth of a second."""
    async with Cloud(Simulator("home", live=True)) as cloud:
        cloud.sim.world.deployment.live.rhythm_s = 0.1
        yield cloud


@pytest.fixture
async def streams(cloud: Cloud) -> LiveStreams:
    return LiveStreams(await cloud.signed_in(), cloud.sim.site.id)


def _no_context() -> ssl.SSLContext:
    pytest.fail("In development nothing is encrypted")


async def _frames(streams: LiveStreams, access: LiveAccess, count: int = 1) -> list[LivePower | None]:
    found: asyncio.Queue[LivePower | None] = asyncio.Queue()
    async with asyncio.timeout(120):
        origin = streams.account.transport.url
        async with live_frames(
            access, site_id=streams.site_id, origin=origin, context=_no_context, is_wanted=lambda _: True, take=found.put_nowait
        ) as lost:
            ended = asyncio.ensure_future(anext(lost))
            frames: list[LivePower | None] = []
            while len(frames) < count:
                coming = asyncio.ensure_future(found.get())
                await asyncio.wait([ended, coming], return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    await ended
                frames.append(await coming)
            ended.cancel()
            return frames


async def test_a_site_is_watched(cloud: Cloud, streams: LiveStreams, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert await streams.is_offered()
    access = await streams.access(cloud.sim.site.gateway_serial)
    found = await _frames(streams, access, 3)

    frame = found[-1]
    assert frame is not None
    power = cloud.sim.site.house.now()
    assert frame.solar.power == pytest.approx(power.solar, rel=0.01, abs=2)
    assert frame.battery.power == pytest.approx(power.battery, rel=0.01, abs=2)
    assert frame.house.power == pytest.approx(frame.solar.power + frame.battery.power + frame.grid.power, abs=0.01)
    assert frame.grid_relay is GridRelay.ON_GRID
    assert frame.state_of_charge == round(cloud.sim.battery.state_of_charge)
    assert cloud.sim.live.knocks == [True]
    assert [secret for secret in cloud.sim.secrets() if secret in caplog.text] == []
    assert cloud.count("livestream.json") == 1


async def test_the_grid_is_lost(cloud: Cloud, streams: LiveStreams) -> None:
    cloud.sim.site.house.grid_lost = True
    (frame,) = await _frames(streams, await streams.access(cloud.sim.site.gateway_serial))
    assert frame is not None
    assert frame.grid_relay is GridRelay.OFF_GRID
    assert frame.grid.power == 0


async def test_a_site_without_a_stream_says_so(cloud: Cloud, streams: LiveStreams) -> None:
    cloud.sim.world.deployment.live.live_status = False
    assert not await streams.is_offered()
    cloud.sim.world.deployment.live.supported = False
    with pytest.raises(RequestRejected) as caught:
        await streams.access(cloud.sim.site.gateway_serial)
    assert caught.value.status == 472


async def test_the_number_of_a_charger_is_none_of_a_gateway(cloud: Cloud, streams: LiveStreams) -> None:
    with pytest.raises(RequestRejected) as caught:
        await streams.access("EV000000000001")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(FrameKind.UNKNOWN_FIELD, True), (FrameKind.TRUNCATED, False), (FrameKind.EMPTY, False)],
)
async def test_frames_that_are_odd(cloud: Cloud, streams: LiveStreams, kind: FrameKind, expected: bool) -> None:
    cloud.sim.world.deployment.live.frame = kind
    found = await _frames(streams, await streams.access(cloud.sim.site.gateway_serial), 5)
    assert {frame is not None for frame in found} == {expected}


@pytest.mark.parametrize("kind", [FrameKind.OTHER_TOPIC, FrameKind.HUGE])
async def test_what_is_of_another_topic_or_far_too_large_is_none(cloud: Cloud, streams: LiveStreams, kind: FrameKind) -> None:
    cloud.sim.world.deployment.live.frame = kind
    access = await streams.access(cloud.sim.site.gateway_serial)
    listening = asyncio.create_task(_frames(streams, access))
    await asyncio.sleep(2)
    assert not listening.done()
    # And the stream goes on after it.
    cloud.sim.world.deployment.live.frame = FrameKind.GOOD
    assert (await listening)[0] is not None


async def test_a_broker_that_hangs_up_ends_the_listening(cloud: Cloud, streams: LiveStreams) -> None:
    cloud.sim.world.deployment.live.hang_up_after = 2
    with pytest.raises(ServiceUnavailable):
        await _frames(streams, await streams.access(cloud.sim.site.gateway_serial), 5)


@pytest.mark.parametrize("door", [Door.CLOSED, Door.OTHER_PROTOCOL, Door.MUTE])
async def test_a_door_that_does_not_open(cloud: Cloud, streams: LiveStreams, door: Door) -> None:
    cloud.sim.world.deployment.live.door = door
    access = await streams.access(cloud.sim.site.gateway_serial)
    with pytest.raises(ServiceUnavailable) as caught:
        await _frames(streams, access)
    assert [secret for secret in cloud.sim.secrets() if secret in str(caught.value)] == []


async def test_a_broker_that_is_not_there(cloud: Cloud, streams: LiveStreams) -> None:
    cloud.sim.world.deployment.live.reachable = False
    with pytest.raises(ServiceUnavailable):
        await _frames(streams, await streams.access(cloud.sim.site.gateway_serial))


@pytest.mark.parametrize("change", [partial(replace, token_value="another"), partial(replace, digest="another")])
async def test_who_is_not_let_in_hears_nothing(cloud: Cloud, streams: LiveStreams, change: Callable[[LiveAccess], LiveAccess]) -> None:
    access = await streams.access(cloud.sim.site.gateway_serial)
    with pytest.raises(ServiceUnavailable):
        await _frames(streams, change(access))
    assert cloud.sim.live.knocks == [False]


async def test_credentials_that_have_run_out_let_nobody_in(cloud: Cloud, streams: LiveStreams) -> None:
    cloud.sim.world.deployment.live.credentials_s = 0
    with pytest.raises(ServiceUnavailable):
        await _frames(streams, await streams.access(cloud.sim.site.gateway_serial))


async def test_the_secret_goes_to_no_other_broker(streams: LiveStreams, cloud: Cloud) -> None:
    access = await streams.access(cloud.sim.site.gateway_serial)
    with pytest.raises(InvalidResponse):
        await _frames(streams, replace(access, endpoint="evil.example.com"))
    with pytest.raises(InvalidResponse):
        await _frames(streams, replace(access, topic=None))


@pytest.mark.parametrize(
    "devices",
    [
        {
            "result": [
                {"type": "encharge", "devices": [{"serial_number": "1"}]},
                {"type": "envoy", "devices": [{"serial_number": "120000000001"}]},
            ]
        },
        {"envoy": [{"sn": "120000000001"}], "evse": [{"sn": "EV1"}]},
        {"envoys": {"serial_num": 120000000001}},
        {"stats": [{"start_time": 1}], "connectionDetails": [{"serial_num": "120000000001", "interface_ip": "192.0.2.7"}]},
        [{"device_type": "envoy", "serialNumber": "120000000001"}],
    ],
)
def test_the_gateway_is_found_in_the_list_of_devices(devices: Json) -> None:
    assert list(_serials_of_gateways(devices)) == ["120000000001"]


# --- The chargers' own topics ---


@pytest.mark.parametrize(
    ("message", "watts"),
    [
        (b'{"power_W": 7360, "power_W_l1": 7360, "meter": 12}', 7360.0),
        (b'{"power_W": "7360.5"}', 7360.5),
        (b'{"power_W": null}', None),
        (b'{"power": 7}', None),
        (b"[7360]", None),
        (b"7360", None),
        (b"{", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"[" * 60_000, None),
    ],
)
async def test_a_message_of_a_charger(cloud: Cloud, message: bytes, watts: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.sim.world.deployment.live.chargers_speak = True
    serial = cloud.sim.charger().serial
    monkeypatch.setattr("simulator.live.LiveStreams.messages", lambda *_: [(f"v1/evse/prod/live-stream/{serial}", message)])
    account, found = await cloud.signed_in(), list[float]()
    chargers = Chargers(account, cloud.sim.site.id)
    access = await chargers.stream_access()
    origin = account.transport.url
    async with charger_power(access, serial, site_id=chargers.site_id, origin=origin, context=_no_context, take=found.append):
        await asyncio.sleep(0.6)
    assert set(found) == (set() if watts is None else {watts})
