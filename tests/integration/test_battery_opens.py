"""What docs/cloud-api/battery.md calls open: whichever the answer is, what a person asks for comes about, and no schedule is lost by it."""

import asyncio

import pytest

from tests.integration.battery_house import MOST_WAITED, BatteryHouse

_NEW = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "days": ["mon", "tue"], "limit": 80}
_ADDED = ("cfg", "09:00", "11:30", (1, 2), 80, True)


@pytest.mark.parametrize("earlier", [False, True], ids=["the later is lost", "the earlier is lost"])
@pytest.mark.parametrize("seconds", [3.0, 30.0, None], ids=["3 s", "30 s", "as long as it is pending"])
async def test_writes_that_collide_are_all_made(batteries: BatteryHouse, seconds: float | None, earlier: bool) -> None:
    """How long a collision lasts (docs/cloud-api/battery.md §5), and which of the two writes is lost."""
    batteries.battery.switches.update(
        {"lost_while_pending": True, "collision_s": seconds, "earlier_is_lost": earlier, "gateway_delay_s": 60.0}
    )
    before = batteries.entries

    async def change() -> None:
        await asyncio.gather(
            batteries.call("number", "set_value", entity_id=batteries.site_entity_id("number", "reserve"), value=45),
            batteries.call("number", "set_value", entity_id=batteries.site_entity_id("number", "shutdown_level"), value=12),
            batteries.call("switch", "turn_on", entity_id=batteries.site_entity_id("switch", "charge_from_grid")),
        )

    await batteries.lived_through(change())
    await batteries.pass_time(minutes=30)
    settings = batteries.battery.settings
    assert (settings.reserve, settings.very_low_soc, settings.charge_from_grid) == (45, 12, True)
    assert batteries.entries == before


@pytest.mark.parametrize("lag", [40.0, 300.0])
async def test_an_entry_that_is_read_late_is_added_once(batteries: BatteryHouse, lag: float) -> None:
    """How long reads lag behind writes (docs/cloud-api/battery.md §4)."""
    batteries.battery.switches.schedules_lag_s = lag
    before = batteries.entries
    await batteries.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED)
    await batteries.pass_time(minutes=30)
    assert batteries.entries == before | {_ADDED}
    assert len(batteries.battery.schedules) == len(before) + 1


async def test_an_entry_that_is_lost_while_something_is_pending_is_added(batteries: BatteryHouse) -> None:
    """Whether an entry is taken while the gateway has a change pending (docs/cloud-api/battery.md §4)."""
    batteries.battery.switches.update({"entries_lost_while_pending": True, "gateway_delay_s": 60.0})
    await batteries.lived_through(batteries.call("number", "set_value", entity_id=batteries.site_entity_id("number", "reserve"), value=45))
    before = batteries.entries
    await batteries.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED)
    await batteries.pass_time(minutes=30)
    assert batteries.entries == before | {_ADDED}
    assert batteries.battery.settings.reserve == 45
