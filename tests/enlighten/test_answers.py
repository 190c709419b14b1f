"""Listening for the gateway's answers: over a real broker, which lets in only who keeps to the page (docs/cloud-api/battery.md §7)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
import logging
import ssl

import pytest

from custom_components.enphase_ev.enlighten import AnswerStream, Batteries, BatteryProfile, BatteryWish, InvalidResponse, ServiceUnavailable
from custom_components.enphase_ev.enlighten.battery_answers import listening
from simulator import Simulator

from .cloud import Cloud


@pytest.fixture
async def cloud(socket_enabled: None) -> AsyncIterator[Cloud]:
    """A site with two batteries that have answers."""
    async with Cloud(Simulator("battery_site", mqtt=True)) as cloud:
        cloud.sim.world.deployment.battery.gateway_delay_s = 0.2
        yield cloud


def _no_context() -> ssl.SSLContext:
    pytest.fail("In development nothing is encrypted")


async def _listen(batteries: Batteries, stream: AnswerStream) -> None:
    origin = batteries.account.transport.url
    async with asyncio.timeout(60), listening(stream, batteries.site_id, origin, _no_context) as answers:
        await batteries.set_profile(BatteryWish(profile="cost_savings", profile_reserve=40))
        assert await anext(answers) == "profile_change_response"
        await batteries.set_storm_guard(BatteryWish(storm_guard=False, storm_guard_ev=True), BatteryProfile())
        assert await anext(answers) == "storm_change_response"


async def test_the_answers_to_writes_are_heard(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    stream = await batteries.answer_stream()
    await _listen(batteries, stream)
    assert cloud.sim.streams.subscriptions == [(stream.topic, 1)]
    assert cloud.sim.streams.knocks == [True]
    said = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith(("simulator", "amqtt")))
    assert [secret for secret in cloud.sim.secrets() if secret in said] == []


@pytest.mark.parametrize("topic", ["", "v1/#/all"])
async def test_a_topic_that_nobody_can_subscribe_to_is_no_stream(cloud: Cloud, topic: str) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    stream = await batteries.answer_stream()
    with pytest.raises(InvalidResponse, match="subscribed"):
        await _listen(batteries, replace(stream, topic=topic))


async def test_without_a_topic_nobody_knocks(cloud: Cloud) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    stream = await batteries.answer_stream()
    with pytest.raises(InvalidResponse, match="topic"):
        await _listen(batteries, replace(stream, topic=None))
    assert cloud.sim.streams.knocks == []


async def test_who_is_not_let_in_hears_that_and_no_secret(cloud: Cloud) -> None:
    batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
    stream = await batteries.answer_stream()
    with pytest.raises(ServiceUnavailable) as caught:
        await _listen(batteries, replace(stream, token_value="another"))
    assert cloud.sim.streams.knocks == [False]
    assert [secret for secret in cloud.sim.secrets() if secret in str(caught.value)] == []
    assert not caught.value.may_have_arrived
