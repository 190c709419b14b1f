"""The MQTT answers: who is let in, and what is told when the gateway has taken a change over (docs/cloud-api/battery.md §7)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
import json
from typing import Any
from urllib.parse import quote

import aiohttp
import aiomqtt
import pytest

from simulator import Simulator

from .battery_client import ORIGIN, BatteryClient
from .conftest import Client
from .test_shapes import differences, sample


@pytest.fixture
async def client(socket_enabled: None) -> AsyncIterator[BatteryClient]:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator("battery_site", mqtt=True))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(sim.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"User-Agent": "tests/1"})
        )
        visitor = Client(sim, session)
        assert (await visitor.sign_in())[0] == 200
        yield BatteryClient(visitor)


async def signed(client: BatteryClient) -> Any:
    status, body = await client.ask("GET", "/mqttSignedUrl/{site}")
    assert status == 200
    return body


def listener(signed: Any, **changed: Any) -> aiomqtt.Client:
    """Connects as the page tells."""
    host, _, port = signed["aws_iot_endpoint"].partition(":")
    user = (
        f"?x-amz-customauthorizer-name={signed['aws_authorizer']}&{signed['aws_token_key']}={signed['aws_token_value']}"
        f"&site-id=1234567&x-amz-customauthorizer-signature={quote(signed['aws_digest'], safe='')}&env=production"
    )
    options = {
        "identifier": "bp-paho-mqtt-a1B2",
        "username": user,
        "protocol": aiomqtt.ProtocolVersion.V311,
        "clean_session": True,
        "transport": "websockets",
        "websocket_path": "/mqtt",
        "websocket_headers": {"Origin": ORIGIN},
        "timeout": 3,
    } | changed
    return aiomqtt.Client(host, int(port), **options)


async def test_the_signed_url_keeps_to_the_sample(client: BatteryClient) -> None:
    body = await signed(client)
    assert differences(sample("mqtt_signed_url"), body) == []
    assert body["aws_token_value"] in client.sim.secrets()


async def test_a_change_is_told_when_the_gateway_has_taken_it_over(client: BatteryClient) -> None:
    url = await signed(client)
    async with listener(url) as mqtt:
        await mqtt.subscribe(url["topic"], qos=1)
        await client.put({"veryLowSoc": 15})
        await asyncio.sleep(0.3)
        client.sim.clock.advance(19)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(mqtt.messages), 0.4)
        assert client.battery.settings.very_low_soc == 5
        client.sim.clock.advance(2)
        message = await asyncio.wait_for(anext(mqtt.messages), 60)
        told = json.loads(message.payload)
        assert (told["messageType"], message.qos) == ("profile_change_response", 1)
        assert client.battery.settings.very_low_soc == 15

        await client.write("PUT", "/stormGuard/toggle/{site}?userId={user}", {"stormGuardState": "disabled"})
        client.settle()
        message = await asyncio.wait_for(anext(mqtt.messages), 60)
        assert json.loads(message.payload)["messageType"] == "storm_change_response"
    assert client.sim.streams.subscriptions == [(url["topic"], 1)]


@pytest.mark.parametrize(
    "changed",
    [
        {"identifier": "homeassistant"},
        {"clean_session": False},
        {"username": "?x-amz-customauthorizer-name=aws-lambda-authoriser-prod"},
        {"password": "secret"},
        {"websocket_headers": {"Origin": "https://example.com"}},
        {"websocket_path": "/"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_who_does_not_keep_to_the_page_is_turned_away(client: BatteryClient, changed: dict[str, Any]) -> None:
    url = await signed(client)
    with pytest.raises(aiomqtt.MqttError):
        async with listener(url, **changed):
            pass
    async with listener(url):
        assert client.sim.streams.knocks[-1] is True


async def test_a_stream_ends_and_another_topic_is_not_to_be_had(client: BatteryClient) -> None:
    url = await signed(client)
    async with listener(url) as mqtt:
        (refused,) = await mqtt.subscribe("#", qos=1)
        assert int(getattr(refused, "value", refused)) == 0x80
    client.sim.clock.advance(url["stream_duration"] + 1)
    with pytest.raises(aiomqtt.MqttError):
        async with listener(url):
            pass


async def test_no_stream_without_a_broker(socket_enabled: None, client: BatteryClient) -> None:
    client.battery.features.supports_mqtt = False
    assert (await client.ask("GET", "/mqttSignedUrl/{site}"))[0] == 404
    client.battery.features.supports_mqtt = True
    client.sim.world.streams = None
    assert (await client.ask("GET", "/mqttSignedUrl/{site}"))[0] == 503


async def test_it_stops_while_somebody_listens_and_starts_again(client: BatteryClient) -> None:
    url = await signed(client)
    async with listener(url) as mqtt:
        await mqtt.subscribe(url["topic"], qos=1)
        began = asyncio.get_running_loop().time()
        await client.sim.stop()
        assert asyncio.get_running_loop().time() - began < 5
    await client.sim.start()
    async with listener(url) as mqtt:
        await mqtt.subscribe(url["topic"], qos=1)
        client.battery.switches.gateway_delay_s = 0
        await client.put({"veryLowSoc": 15})
        assert (await asyncio.wait_for(anext(mqtt.messages), 60)).topic.matches(url["topic"])
