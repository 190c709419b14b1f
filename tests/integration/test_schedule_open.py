"""The binary sensors that say whether a schedule is open: on and off to the second, and off where it is not in force."""

from datetime import datetime

from tests.integration.battery_house import BatteryHouse
from tests.integration.house import House


async def test_of_a_charger(house: House) -> None:
    assert house.state("binary_sensor", "schedule_open").state == "off"
    await house.see_through(
        house.ask("add_charging_schedule", device_id=house.device_id(), start="13:20:00", end="13:30:00", days=["wed"], level=16)
    )
    mode = house.entity_id("select", "charge_mode")
    await house.call("select", "select_option", entity_id=mode, option="scheduled")

    await house.live(9 * 60)
    assert house.state("binary_sensor", "schedule_open").state == "off"
    await house.live(70)
    state = house.state("binary_sensor", "schedule_open")
    assert (state.state, f"{state.last_changed:%H:%M:%S}") == ("on", "03:20:00")
    await house.live(600)
    state = house.state("binary_sensor", "schedule_open")
    assert (state.state, f"{state.last_changed:%H:%M:%S}") == ("off", "03:30:00")


async def test_it_is_off_in_manual_mode(house: House) -> None:
    await house.see_through(house.ask("add_charging_schedule", device_id=house.device_id(), start="13:00:00", end="14:00:00", level=16))
    await house.live(61)
    assert house.state("binary_sensor", "schedule_open").state == "off"
    assert house.state("calendar", "charging_schedule").state == "on"

    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option="scheduled")
    await house.live(61)
    assert house.state("binary_sensor", "schedule_open").state == "on"


async def test_of_the_batteries(batteries: BatteryHouse) -> None:
    """The discharge of 18:00 to 20:00 on working days, once its kind is on; at 13:10 on a Wednesday."""
    await batteries.lived_through(batteries.call("switch", "turn_on", entity_id=batteries.site_entity_id("switch", "discharge_to_grid")))
    await batteries.pass_time(minutes=4 * 60 + 49)
    assert batteries.battery_state("binary_sensor", "schedule_open") == "off"
    await batteries.pass_time(minutes=2)
    state = batteries.site_state("binary_sensor", "schedule_open")
    assert (state.state, f"{state.last_changed:%H:%M:%S}") == ("on", "08:00:00")

    await batteries.lived_through(batteries.call("switch", "turn_off", entity_id=batteries.site_entity_id("switch", "discharge_to_grid")))
    await batteries.pass_time(minutes=6)
    assert batteries.battery_state("binary_sensor", "schedule_open") == "off"


async def test_an_override_is_seen(batteries: BatteryHouse) -> None:
    assert batteries.battery_state("binary_sensor", "override_active") == "off"
    await batteries.asked("set_battery_override", action="charge", duration="01:00:00", wait=900)
    assert batteries.battery_state("binary_sensor", "override_active") == "on"

    await batteries.asked("clear_battery_override", wait=900)
    assert batteries.battery_state("binary_sensor", "override_active") == "off"


async def test_the_end_of_an_override_is_shown_and_can_be_brought_about(batteries: BatteryHouse) -> None:
    assert batteries.battery_state("sensor", "override_ends") == "unknown"
    assert batteries.battery_state("button", "end_override") == "unavailable"
    answer = await batteries.asked("set_battery_override", action="charge", duration="01:00:00", wait=900)
    ends_at = datetime.fromisoformat(str(answer["ends_at"]))
    assert datetime.fromisoformat(batteries.battery_state("sensor", "override_ends")) == ends_at.replace(microsecond=0)

    await batteries.lived_through(batteries.call("button", "press", entity_id=batteries.site_entity_id("button", "end_override")))
    await batteries.pass_time(minutes=15)
    assert batteries.battery_state("sensor", "override") == "none"
    assert batteries.battery_state("button", "end_override") == "unavailable"
    assert len(batteries.battery.schedules) == 2
