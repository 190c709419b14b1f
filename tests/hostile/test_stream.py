"""Where the battery's answers are heard: whatever the cloud names, nothing breaks but the listening."""

from contextlib import suppress
from dataclasses import replace
import ssl

import pytest
from yarl import URL

from custom_components.enphase_ev.enlighten import Batteries, InvalidResponse, ServiceUnavailable
from custom_components.enphase_ev.enlighten.battery_answers import listening
from simulator import Simulator
from tests.enlighten.cloud import Cloud

ODD = ["#/a", "a/#/b", "+x", "\x00", "x" * 10_000, "é\u202e", "$share/", "a\r\nb"]


@pytest.mark.parametrize("field", ["topic", "token_key", "token_value", "digest", "authorizer"])
async def test_an_odd_stream_ends_the_listening_and_nothing_else(socket_enabled: None, field: str) -> None:
    async with Cloud(Simulator("battery_site", mqtt=True)) as cloud:
        batteries = Batteries(await cloud.signed_in(), cloud.sim.site.id)
        usual = await batteries.answer_stream()
        for odd in ODD:
            # Refused here, by the library or by the broker, or taken: all of them are well.
            with suppress(InvalidResponse, ServiceUnavailable):
                async with listening(replace(usual, **{field: odd}), cloud.sim.site.id, URL(cloud.sim.url), ssl.create_default_context):
                    pass
