"""What lets time pass in the other tests."""

import asyncio
import time

from homeassistant.core import HomeAssistant
import pytest

from tests.integration.house import calm


async def test_threads_that_only_wait_are_no_work_whatever_their_executor_counts(hass: HomeAssistant) -> None:
    """The count that an executor keeps loses an idle thread for good when two threads meet; then a test waited until its end."""
    await hass.async_add_executor_job(int)
    await asyncio.to_thread(int)
    executor = hass.loop._default_executor  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells
    while executor._idle_semaphore.acquire(timeout=0):  # noqa: SLF001 - as the two threads leave it
        pass
    async with asyncio.timeout(10):
        await calm(hass.loop)


@pytest.mark.parametrize("imports", [False, True])
async def test_a_thread_that_works_is_waited_for(hass: HomeAssistant, imports: bool) -> None:
    done: list[int] = []

    def work() -> None:
        for number in range(3):
            time.sleep(0.02)
            done.append(number)

    hass.loop.run_in_executor(hass.import_executor if imports else None, work)
    await calm(hass.loop)
    assert done == [0, 1, 2]
