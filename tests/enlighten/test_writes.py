"""A write is sent once, whatever happens to the connection (docs/cloud-api/README.md)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from custom_components.enphase_ev.enlighten import ChargeMode, Chargers, ServiceUnavailable

from .cloud import Cloud
from .conftest import OpenCloud

type Write = Callable[[Chargers, str], Awaitable[object]]

WRITES: dict[str, Write] = {
    "start_charging": lambda chargers, serial: chargers.start(serial, mode=ChargeMode.MANUAL, level=10),
    "stop_charging": lambda chargers, serial: chargers.stop(serial),
    "preference": lambda chargers, serial: chargers.set_charge_mode(serial, ChargeMode.GREEN),
    "trigger_message": lambda chargers, serial: chargers.trigger_message(serial, "MeterValues"),
}


@pytest.fixture
async def charging(open_cloud: OpenCloud) -> Cloud:
    """A charger that charges at 32 A, and connections that are in use."""
    return await open_cloud("single_phase")


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("arrives", [False, True])
async def test_a_write_that_breaks_off_is_not_sent_again(charging: Cloud, path: str, arrives: bool) -> None:
    chargers = await charging.chargers()
    await chargers.status()
    charging.sim.faults.add(path=f"{path}$", drop=True, after=arrives, times=None)
    with pytest.raises(ServiceUnavailable) as error:
        await WRITES[path](chargers, charging.sim.charger().serial)
    assert error.value.may_have_arrived
    assert charging.count(f"{path}$") == 1
    charger = charging.sim.charger()
    changed = not charger.charging or charger.level_a != 32 or charger.mode != "MANUAL_CHARGING"
    assert changed is (arrives and path != "trigger_message")


@pytest.mark.parametrize("path", WRITES)
async def test_a_write_that_times_out_is_not_sent_again(charging: Cloud, path: str) -> None:
    account = await charging.signed_in()
    account.transport.request_timeout = 0.2
    charging.sim.faults.add(path=f"{path}$", delay=0.5, drop=True, times=None)
    with pytest.raises(ServiceUnavailable) as error:
        await WRITES[path](Chargers(account, charging.sim.site.id), charging.sim.charger().serial)
    assert error.value.may_have_arrived
    await asyncio.sleep(0.4)
    assert charging.count(f"{path}$") == 1


async def test_a_sign_in_that_breaks_off_is_not_sent_again(cloud: Cloud) -> None:
    cloud.sim.faults.add(path="^/login/login", drop=True, after=True, times=None)
    with pytest.raises(ServiceUnavailable):
        await cloud.signed_in()
    assert cloud.sign_ins() == 1


async def test_where_nobody_listens_a_write_has_not_arrived(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    await cloud.sim.stop()
    with pytest.raises(ServiceUnavailable, match="cannot be reached") as error:
        await chargers.stop(cloud.sim.charger().serial)
    assert not error.value.may_have_arrived


async def test_every_write_has_a_connection_of_its_own(charging: Cloud) -> None:
    """The cloud closes idle connections; a write must not run into one that is already closed."""
    chargers = await charging.chargers()
    for _ in range(2):
        await chargers.status()
        await charging.sim.stop()
        await charging.sim.start()
        await WRITES["trigger_message"](chargers, charging.sim.charger().serial)
    assert charging.count("trigger_message$") == 2


async def test_a_read_over_a_connection_that_the_cloud_closed_goes_through(charging: Cloud) -> None:
    chargers = await charging.chargers()
    await chargers.status()
    await charging.sim.stop()
    await charging.sim.start()
    assert (await chargers.status()).chargers
