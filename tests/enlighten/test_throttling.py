"""The cloud asks to slow down (docs/cloud-api/README.md)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.enphase_ev.enlighten import Batteries, ChargeMode, Outcome, RateLimited

from .cloud import Cloud
from .conftest import OpenCloud

STATUS = "status$"


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_reads_are_held_until_the_time_that_the_cloud_names(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud, form: str) -> None:
    cloud = await open_cloud(retry_after=form)
    chargers = await cloud.chargers()
    cloud.sim.world.deployment.requests_per_hour = 1
    await chargers.status()
    with pytest.raises(RateLimited) as error:
        await chargers.status()
    wait = error.value.retry_after
    assert wait is not None
    assert 3590 <= wait <= 3610
    asked = len(cloud.sim.requests)
    for _ in range(3):
        with pytest.raises(RateLimited) as error:
            await chargers.status()
    assert error.value.retry_after == pytest.approx(wait)
    assert len(cloud.sim.requests) == asked

    frozen.tick(timedelta(seconds=wait))
    assert (await chargers.status()).chargers


async def test_a_write_is_a_persons_wish_and_goes_out(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=429, headers={"Retry-After": "600"})
    with pytest.raises(RateLimited):
        await chargers.status()
    reply = await chargers.start(cloud.sim.charger().serial, mode=None, level=16)
    assert reply.outcome is Outcome.ACCEPTED
    assert cloud.sim.charger().charging
    with pytest.raises(RateLimited):
        await chargers.status()
    assert cloud.count(STATUS) == 1


async def test_a_throttled_write_is_not_repeated_and_holds_the_reads_of_its_family_alone(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    serial = cloud.sim.charger().serial
    cloud.sim.faults.add(path="preference$", method="PUT", status=429, headers={"Retry-After": "600"})
    with pytest.raises(RateLimited) as error:
        await chargers.set_charge_mode(serial, ChargeMode.GREEN)
    assert error.value.retry_after == 600
    with pytest.raises(RateLimited):
        await chargers.charge_mode(serial)
    assert cloud.count("preference$") == 1
    assert (await chargers.status()).chargers


@pytest.mark.parametrize("after", [{"Retry-After": "3600"}, None], ids=["an hour", "no time"])
async def test_a_throttled_family_leaves_the_others_alone(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud, after: dict[str, str] | None
) -> None:
    """A state of charge that was throttled for hours made the charger unavailable for as long."""
    cloud = await open_cloud("battery_site")
    chargers = await cloud.chargers()
    batteries = Batteries(chargers.account, cloud.sim.site.id)
    cloud.sim.faults.add(path="battery_status", status=429, headers=after)
    for _ in range(3):
        with pytest.raises(RateLimited):
            await batteries.status()
        assert (await chargers.status()).chargers
        assert await batteries.settings()
    assert cloud.count("battery_status") == 1
    frozen.tick(timedelta(seconds=3600 if after else 60))
    assert await batteries.status()


async def test_a_throttled_path_leaves_the_others_of_its_service_alone(open_cloud: OpenCloud) -> None:
    """A storm alert that was throttled for an hour took reserve and schedules with it."""
    cloud = await open_cloud("battery_site")
    batteries = Batteries((await cloud.chargers()).account, cloud.sim.site.id)
    cloud.sim.faults.add(path="stormAlert$|/profile/", status=429, headers={"Retry-After": "3600"}, times=None)
    for _ in range(3):
        for read in (batteries.storm_alerts, batteries.profile):
            with pytest.raises(RateLimited):
                await read()
        assert await batteries.settings()
        assert await batteries.schedules()
    assert (cloud.count("stormAlert$"), cloud.count("/profile/")) == (1, 1)


async def test_what_is_throttled_for_one_charger_is_for_all(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("ten_chargers")
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path="preference$", status=429, headers={"Retry-After": "3600"}, times=None)
    for serial in cloud.sim.site.chargers:
        with pytest.raises(RateLimited):
            await chargers.charge_mode(serial)
    assert cloud.count("preference$") == 1
    assert (await chargers.status()).chargers


async def test_three_throttled_families_are_the_accounts_affair(frozen: FrozenDateTimeFactory, open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("battery_site")
    chargers = await cloud.chargers()
    batteries, serial = Batteries(chargers.account, cloud.sim.site.id), cloud.sim.charger().serial
    reads: list[tuple[str, str, Callable[[], Awaitable[object]]]] = [
        ("battery_status", "3600", batteries.status),
        ("summary$", "1800", chargers.summaries),
        ("preference$", "600", lambda: chargers.charge_mode(serial)),
    ]
    for path, seconds, read in reads:
        assert (await chargers.status()).chargers
        cloud.sim.faults.add(path=path, status=429, headers={"Retry-After": seconds})
        with pytest.raises(RateLimited):
            await read()
    with pytest.raises(RateLimited) as error:
        await chargers.status()
    assert error.value.retry_after == 600
    frozen.tick(timedelta(seconds=600))
    assert (await chargers.status()).chargers


async def test_a_throttled_status_is_the_accounts_affair(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=429, headers={"Retry-After": "600"})
    for read in (chargers.status, chargers.summaries):
        with pytest.raises(RateLimited):
            await read()
    assert cloud.count("summary") == 0


async def test_where_no_time_is_named_the_next_poll_may_try(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud()
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=429)
    with pytest.raises(RateLimited) as error:
        await chargers.status()
    assert error.value.retry_after is None
    assert (await chargers.status()).chargers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0),
        ("-5", 0),
        ("1.5", 1.5),
        ("Wed, 20 May 2026 03:01:40 GMT", 100),
        ("Wed, 20 May 2026 02:00:00 GMT", 0),
        ("Wed, 20 May 2026 03:01:40 -0000", None),
        ("soon", None),
        ("", None),
        ("1e300", None),
        ("999999999999", 86400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
    ],
)
async def test_any_retry_after_is_read_or_left_out(
    frozen: FrozenDateTimeFactory, open_cloud: OpenCloud, header: str, expected: float | None
) -> None:
    """Nobody waits for longer than a day."""
    cloud = await open_cloud()
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=STATUS, status=429, headers={"Retry-After": header})
    with pytest.raises(RateLimited) as error:
        await chargers.status()
    assert error.value.retry_after == expected
