"""Charge modes: what is offered, what a start means in each, and nothing that starts by itself."""

from dataclasses import replace

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from simulator import Charger, Simulator
from simulator.faults import FaultOptions
from simulator.received import ReceivedRequest
from simulator.report import ChargeMode
from tests.integration.house import House, HouseBuilder


def _writes(house: House, path: str = "") -> list[ReceivedRequest]:
    return [request for request in house.sim.requests if request.method != "GET" and path in request.path]


async def _select(house: House, option: str) -> None:
    await house.call("select", "select_option", entity_id=house.entity_id("select", "charge_mode"), option=option)


@pytest.mark.parametrize(
    ("scenario", "offered"),
    [("one_charger", {"manual", "scheduled", "green"}), ("smart_site", {"manual", "scheduled", "smart"})],
)
async def test_the_select_offers_what_the_charger_has(build_house: HouseBuilder, scenario: str, offered: set[str]) -> None:
    house = await build_house(scenario)

    assert set(house.state("select", "charge_mode").attributes["options"]) == offered


def _preference(modes: dict[str, object]) -> FaultOptions:
    return {"path": "preference$", "method": "GET", "body": {"data": {"modes": modes}}, "times": None}


async def test_an_older_preference_names_the_modes_by_its_keys(build_house: HouseBuilder) -> None:
    modes: dict[str, object] = {
        "manualCharging": {"enabled": False},
        "scheduledCharging": {"enabled": False},
        "greenCharging": {"enabled": True},
    }
    house = await build_house(prepare=lambda sim: sim.faults.add(**_preference(modes)))

    assert house.state("select", "charge_mode").state == "green"
    assert set(house.state("select", "charge_mode").attributes["options"]) == {"manual", "scheduled", "green"}
    await house.ask("start_charging", device_id=house.device_id(), charging_level=32)
    assert [request.body for request in _writes(house, "start_charging")] == [{"connectorId": 1}]


@pytest.mark.parametrize("others", [{"manualCharging": {"chargingMode": "MANUAL_CHARGING", "enabled": False}}, {}])
@pytest.mark.parametrize("later", [False, True])
async def test_a_mode_that_nobody_knows_is_shown_and_can_be_left(build_house: HouseBuilder, others: dict[str, object], later: bool) -> None:
    """It may be one that decides the level itself, so a start names none."""
    modes = {**others, "dreamCharging": {"chargingMode": "DREAM_CHARGING", "enabled": True}}
    house = await build_house(prepare=lambda sim: None if later else sim.faults.add(**_preference(modes)))
    if later:
        house.sim.faults.add(**_preference(modes))
        await house.live(661)

    for platform in ("select", "sensor"):
        state = house.state(platform, "charge_mode")
        assert (state.state, state.attributes["reported"]) == ("unknown", "DREAM_CHARGING")
    assert house.state("select", "charge_mode").attributes["options"] == ["manual"]
    await house.ask("start_charging", device_id=house.device_id(), charging_level=32)
    assert [request.body for request in _writes(house, "start_charging")] == [{"connectorId": 1}]

    house.sim.faults.clear()
    await _select(house, "manual")
    assert house.sim.charger().mode is ChargeMode.MANUAL
    state = house.state("select", "charge_mode")
    assert (state.state, state.attributes["reported"]) == ("manual", None)


async def test_a_mode_in_force_that_is_not_offered_is_shown(build_house: HouseBuilder) -> None:
    modes: dict[str, object] = {
        "manualCharging": {"chargingMode": "MANUAL_CHARGING", "enabled": False},
        "greenCharging": {"chargingMode": "GREEN_CHARGING", "enabled": True, "isHidden": True},
    }
    house = await build_house(prepare=lambda sim: sim.faults.add(**_preference(modes)))
    assert house.state("select", "charge_mode").state == "green"


async def test_a_mode_is_chosen_and_confirmed(house: House) -> None:
    await _select(house, "green")

    assert house.sim.charger().mode is ChargeMode.GREEN
    assert house.state("select", "charge_mode").state == "green"
    assert house.state("sensor", "charge_mode").state == "green"
    await house.live(200)
    assert house.state("select", "charge_mode").state == "green"


async def test_a_mode_that_was_changed_elsewhere_is_seen(house: House) -> None:
    house.sim.charger().mode = ChargeMode.SCHEDULED

    await house.live(661)

    assert house.state("select", "charge_mode").state == "scheduled"


async def test_green_mode_that_was_chosen_elsewhere_is_seen_with_the_next_poll(house: House) -> None:
    house.sim.charger().mode = ChargeMode.GREEN
    await house.live(61)
    assert house.state("select", "charge_mode").state == "green"

    house.sim.charger().mode = ChargeMode.MANUAL
    await house.live(61)

    assert house.state("select", "charge_mode").state == "manual"


async def test_scheduled_mode_without_a_schedule_is_refused(house: House) -> None:
    charger = house.sim.charger()
    charger.set_slots([replace(slot, enabled=False) for slot in charger.slots])

    with pytest.raises(ServiceValidationError) as refusal:
        await _select(house, "scheduled")

    assert refusal.value.translation_key == "no_schedule_enabled"
    assert charger.mode is ChargeMode.MANUAL
    assert house.state("select", "charge_mode").state == "manual"


async def test_a_false_alarm_is_read_back(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"false_400_on_mode": True}))

    await _select(house, "green")

    assert house.sim.charger().mode is ChargeMode.GREEN
    assert house.state("select", "charge_mode").state == "green"


async def test_a_mode_that_is_not_taken_over_falls_back(house: House) -> None:
    house.sim.faults.add(path="preference$", method="PUT", status=200, body={"data": {}})

    await _select(house, "green")
    assert house.state("select", "charge_mode").state == "green"
    await house.live(200)

    assert house.state("select", "charge_mode").state == "manual"


@pytest.mark.parametrize("fault", [{"status": 552, "body": {"message": "Command is queued"}}, {"drop": True}], ids=["queued", "no answer"])
async def test_a_mode_that_may_come_into_force_later_is_reported_and_watched(house: House, fault: FaultOptions) -> None:
    house.sim.faults.add(path="preference$", method="PUT", **fault)

    with pytest.raises(HomeAssistantError):
        await _select(house, "scheduled")
    await house.live(10)
    house.sim.charger().mode = ChargeMode.SCHEDULED
    await house.live(60)
    assert house.state("sensor", "charge_mode").state == "scheduled"


async def test_a_scheduler_that_is_down_says_so(house: House) -> None:
    house.sim.site.scheduler_up = False

    with pytest.raises(HomeAssistantError) as failure:
        await _select(house, "green")

    assert failure.value.translation_key == "service_unavailable"
    assert house.state("select", "charge_mode").state == "manual"


# --- A start in each mode ---


async def test_a_start_in_manual_mode_sends_the_level(house: House) -> None:
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))

    assert [request.body for request in _writes(house, "start_charging")] == [{"chargingLevel": 32, "connectorId": 1}]
    assert _writes(house, "preference") == []


@pytest.mark.parametrize(("scenario", "mode"), [("green_site", "green"), ("smart_site", "smart")])
@pytest.mark.parametrize("data", [{}, {"charging_level": 16}], ids=["no level", "a level"])
async def test_a_start_in_green_and_smart_mode_sends_no_level(
    build_house: HouseBuilder, scenario: str, mode: str, data: dict[str, object]
) -> None:
    house = await build_house(scenario)
    charger = house.sim.charger()
    charger.stop()
    await house.live(61)
    assert house.state("select", "charge_mode").state == mode

    await house.ask("start_charging", entity_id=house.entity_id("switch", "charging"), **data)

    assert [request.body for request in _writes(house, "start_charging")] == [{"connectorId": 1}]
    assert not charger.grid_billed
    assert charger.charging


@pytest.mark.parametrize("scheduler_up", [True, False], ids=["scheduler up", "scheduler down"])
async def test_a_start_in_green_mode_that_was_chosen_elsewhere_sends_no_level(house: House, scheduler_up: bool) -> None:
    house.sim.charger().mode = ChargeMode.GREEN
    house.sim.site.scheduler_up = scheduler_up
    await house.live(61)

    await house.ask("start_charging", entity_id=house.entity_id("switch", "charging"))

    assert not house.sim.charger().grid_billed


async def test_green_mode_is_known_from_the_status_while_the_scheduler_is_down(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.site.scheduler_up = False

    house = await build_house("green_site", prepare=prepare)
    house.sim.charger().stop()
    await house.live(61)
    assert house.state("sensor", "charge_mode").state == "green"

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))

    assert not house.sim.charger().grid_billed


async def _scheduled_and_idle(house: House) -> Charger:
    """Return the charger, in scheduled mode and not charging."""
    charger = house.sim.charger()
    charger.mode = ChargeMode.SCHEDULED
    await house.live(661)
    if charger.charging:
        charger.stop()
        await house.live(61)
    return charger


async def test_a_start_in_scheduled_mode_keeps_the_schedule(house: House) -> None:
    charger = await _scheduled_and_idle(house)
    house.sim.requests.clear()

    answer = await house.ask("start_charging", entity_id=house.entity_id("switch", "charging"))

    writes = _writes(house)
    assert [request.method + " " + request.path.rpartition("/")[2] for request in writes] == ["POST start_charging", "PUT preference"]
    assert writes[0].body == {"chargingLevel": 32, "connectorId": 1}
    assert writes[1].body == {"mode": "SCHEDULED_CHARGING"}
    assert not charger.schedule_overridden
    assert answer["chargers"][0]["schedule_kept"] is True


async def test_a_schedule_that_could_not_be_kept_is_said(house: House) -> None:
    charger = await _scheduled_and_idle(house)
    house.sim.faults.add(path="preference$", method="PUT", status=503)

    answer = await house.ask("start_charging", entity_id=house.entity_id("switch", "charging"))

    assert charger.charging
    assert answer["chargers"][0]["schedule_kept"] is False


async def test_stop_in_green_mode_is_a_stop(build_house: HouseBuilder) -> None:
    house = await build_house("green_site")

    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    await house.live(200)

    assert house.sim.charger().manual_override
    assert house.state("switch", "charging").state == "off"
    assert house.state("switch", "charging").attributes["last_command"] == "confirmed"


# --- Nothing starts by itself ---


def _assert_nothing_was_sent(house: House) -> None:
    assert [request.path for request in _writes(house) if "charging" in request.path or "preference" in request.path] == []
    assert not house.sim.charger().charging


async def test_nothing_starts_after_a_restart(house: House) -> None:
    switch = house.entity_id("switch", "charging")
    await house.call("switch", "turn_on", entity_id=switch)
    await house.live(60)
    house.sim.charger().stop()
    house.sim.requests.clear()

    await house.restart()
    await house.live(3600)

    _assert_nothing_was_sent(house)


async def test_nothing_starts_after_an_outage(house: House) -> None:
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(60)
    await house.sim.stop()
    await house.live(1800)
    assert house.state("switch", "charging").state == "unavailable"
    house.sim.charger().stop()
    house.sim.requests.clear()

    await house.sim.start()
    await house.live(3600)

    _assert_nothing_was_sent(house)
    assert house.state("switch", "charging").state == "off"


async def test_nothing_starts_when_a_vehicle_is_plugged_in_again(house: House) -> None:
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(60)
    house.sim.requests.clear()

    house.sim.charger().unplug()
    await house.live(120)
    house.sim.charger().plug_in()
    await house.live(600)

    _assert_nothing_was_sent(house)


async def test_a_start_that_could_not_be_sent_is_not_made_up_for(house: House) -> None:
    await house.sim.stop()
    with pytest.raises(HomeAssistantError):
        await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.sim.start()
    house.sim.requests.clear()

    await house.live(3600)

    _assert_nothing_was_sent(house)


async def test_a_new_wish_while_nothing_charges_sends_nothing(house: House) -> None:
    house.sim.requests.clear()
    await house.call("number", "set_value", entity_id=house.entity_id("number", "charging_amps"), value=16)
    await house.live(600)

    _assert_nothing_was_sent(house)
