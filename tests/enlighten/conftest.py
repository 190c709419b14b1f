"""Opens clouds, and looks into every log for what must not be there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
import logging

from freezegun.api import FrozenDateTimeFactory
import pytest

from simulator import Simulator

from .cloud import Cloud

type OpenCloud = Callable[..., Awaitable[Cloud]]


@pytest.fixture
async def open_cloud(socket_enabled: None, strict: bool, caplog: pytest.LogCaptureFixture) -> AsyncIterator[OpenCloud]:
    """Open a scenario. When the test is over, no secret may stand in any log."""
    clouds: list[Cloud] = []
    async with AsyncExitStack() as stack:

        async def open_scenario(scenario: str = "one_charger", **switches: object) -> Cloud:
            cloud = await stack.enter_async_context(Cloud(Simulator(scenario)))
            if strict:
                cloud.sim.be_strict()
            cloud.sim.world.deployment.update(switches)
            clouds.append(cloud)
            return cloud

        with caplog.at_level(logging.DEBUG):
            yield open_scenario
        text = "\n".join(record.getMessage() for record in caplog.get_records("call"))
        for cloud in clouds:
            assert sorted(secret for secret in cloud.sim.secrets() if secret in text) == []


@pytest.fixture
async def cloud(open_cloud: OpenCloud) -> Cloud:
    """One charger, a vehicle plugged in, nothing charging."""
    return await open_cloud()


@pytest.fixture
def frozen(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Let time stand still; the simulated cloud's clock stands with it."""
    freezer.move_to("2026-05-20T03:00:00Z")
    return freezer
