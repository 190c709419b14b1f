"""What is shown of an override."""

from datetime import datetime

from tests.integration.battery_house import MOST_WAITED, BatteryHouse


async def test_override_is_shown_from_its_beginning_to_its_end(batteries: BatteryHouse) -> None:
    assert batteries.battery_state("sensor", "override") == "none"

    answer = await batteries.asked("set_battery_override", action="hold", duration="02:00:00", wait=MOST_WAITED)

    shown = batteries.site_state("sensor", "override")
    assert shown.state == "hold"
    assert shown.attributes["ends_at"] == datetime.fromisoformat(str(answer["ends_at"]))
    assert shown.attributes["until_state_of_charge"] is None
    await batteries.pass_time(minutes=100)
    assert batteries.battery_state("sensor", "override") == "hold"
    await batteries.pass_time(minutes=30)
    assert batteries.battery_state("sensor", "override") == "none"


async def test_override_is_shown_after_a_restart_and_until_somebody_ends_it(batteries: BatteryHouse) -> None:
    await batteries.asked("set_battery_override", action="charge", until_state_of_charge=80, wait=MOST_WAITED)

    await batteries.reload()

    shown = batteries.site_state("sensor", "override")
    assert (shown.state, shown.attributes["until_state_of_charge"]) == ("charge", 80)
    await batteries.asked("clear_battery_override", wait=MOST_WAITED)
    assert batteries.battery_state("sensor", "override") == "none"


async def test_what_an_override_switches_is_shown_with_it_and_not_only_when_the_gateway_has_it(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=False)
    await batteries.pass_time(minutes=6)

    def shown() -> tuple[str, str]:
        return batteries.battery_state("sensor", "override"), batteries.battery_state("switch", "charge_from_grid")

    assert shown() == ("none", "off")
    await batteries.asked("set_battery_override", action="charge", duration="02:00:00")
    await batteries.until(lambda: shown()[0] == "charge")
    assert shown() == ("charge", "on")
    await batteries.pass_time(minutes=20)
    await batteries.asked("clear_battery_override")
    await batteries.until(lambda: shown()[0] == "none")
    assert shown() == ("none", "off")
    await batteries.pass_time(minutes=20)
    assert shown() == ("none", "off")
