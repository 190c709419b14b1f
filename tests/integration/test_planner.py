"""The planner charges when it is cheap, against the simulated cloud and its tariff."""

from datetime import UTC, date, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util.dt import as_local
import pytest

from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.repairs import async_create_fix_flow
from simulator import Simulator
from simulator.offers import Vehicle
from simulator.report import ChargeMode
from simulator.tariff import Unreadable
from tests.integration.calendars import Calendar
from tests.integration.house import House, HouseBuilder
from tests.integration.planned_house import AMSTERDAM, commands, reason, turn, until
from tests.integration.test_options import DEFAULTS, filled_in


@pytest.fixture
async def planned(build_planned: HouseBuilder) -> House:
    """Such a house at 18:00, with the planner on: 10 kWh by 7:00."""
    house = await build_planned()
    await turn(house, on=True)
    return house


def _issues(house: House) -> list[str | None]:
    return [issue.translation_key for issue in ir.async_get(house.hass).issues.values() if issue.active]


async def test_it_charges_in_the_cheap_hours_and_stops_when_the_car_has_what_was_wanted(planned: House) -> None:
    charger = planned.sim.charger()
    assert planned.state("switch", "planner").state == "on"
    assert planned.state("sensor", "planned_start").state == "2026-11-30T21:00:00+00:00"
    assert reason(planned) == "planned"
    planned.sim.requests.clear()

    await until(planned, "2026-11-30T21:59")
    assert planned.state("sensor", "charging_status_reason").state == "waiting_for_plan"
    assert not charger.charging
    await until(planned, "2026-11-30T22:02")
    assert charger.charging
    assert reason(planned) == "charging"
    await until(planned, "2026-12-01T07:30")

    assert not charger.charging
    assert charger.session_wh == pytest.approx(10_000, abs=300)
    assert commands(planned) == [("22:00", "start"), ("23:21", "stop")]
    assert reason(planned) == "done"


async def test_it_goes_on_after_a_restart(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:50")
    await turn(house, on=True)
    await until(house, "2026-11-30T22:20")
    await house.restart()
    assert house.state("switch", "planner").state == "on"
    assert reason(house) == "charging"
    await until(house, "2026-11-30T23:30")
    assert commands(house) == [("22:00", "start"), ("23:21", "stop")]
    assert house.sim.charger().session_wh == pytest.approx(10_000, abs=300)


async def test_it_begins_and_ends_what_it_slept_through(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:50")
    await turn(house, on=True)
    await house.restart(hours=1)
    await house.live(200)
    assert house.sim.charger().charging
    await house.restart(hours=3)
    await house.live(200)
    assert not house.sim.charger().charging
    assert [what for _, what in commands(house)] == ["start", "stop"]
    assert reason(house) == "done"


async def test_in_another_mode_it_stands_aside(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:30")
    await turn(house, on=True)
    house.sim.charger().mode = ChargeMode.GREEN
    await until(house, "2026-11-30T23:00")
    assert reason(house) == "other_mode"
    assert house.state("sensor", "planned_start").state == "unknown"
    assert commands(house) == []
    assert _issues(house) == ["plan_waits"]

    await turn(house, on=False)
    assert _issues(house) == []
    with pytest.raises(ServiceValidationError) as refusal:
        await turn(house, on=True)
    assert refusal.value.translation_key == "plan_needs_manual_mode"
    assert house.state("switch", "planner").state == "off"


async def test_a_repair_issue_switches_back_to_manual(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:30")
    await turn(house, on=True)
    house.sim.charger().mode = ChargeMode.GREEN
    await until(house, "2026-11-30T22:30")
    (issue,) = ir.async_get(house.hass).issues.values()
    flow = await async_create_fix_flow(house.hass, issue.issue_id, issue.data)
    flow.hass, flow.issue_id = house.hass, issue.issue_id
    assert (await flow.async_step_confirm())["description_placeholders"] == {"charger": "IQ EV Charger_ABCD", "mode": "Green"}
    await flow.async_step_confirm({})
    assert house.sim.charger().mode is ChargeMode.MANUAL
    await house.live(300)
    assert _issues(house) == []
    assert house.sim.charger().charging


async def test_the_plan_is_in_the_calendar_and_nobody_edits_it(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T18:00")
    calendar = Calendar(house, house.entity_id("calendar", "charging_schedule"))
    before = await calendar.events(date(2026, 11, 30), 2, AMSTERDAM)
    await turn(house, on=True)
    events = await calendar.events(date(2026, 11, 30), 2, AMSTERDAM)
    (planned,) = [event for event in events if event not in before]
    assert planned["summary"] == "Planned charge"
    assert datetime.fromisoformat(planned["start"]) == datetime(2026, 11, 30, 22, tzinfo=AMSTERDAM)

    entity = house.hass.data["calendar"].get_entity(calendar.entity_id)
    event = {"dtstart": datetime.now(AMSTERDAM), "dtend": datetime.now(AMSTERDAM), "summary": "16 A"}
    for edit in (entity.async_delete_event("plan_0"), entity.async_update_event("plan_0", event)):
        with pytest.raises(ServiceValidationError) as refusal:
            await edit
        assert refusal.value.translation_key == "plan_event"
    await until(house, "2026-11-30T22:05")
    assert house.hass.states.is_state(calendar.entity_id, "on")
    await turn(house, on=False)
    assert await calendar.events(date(2026, 11, 30), 2, AMSTERDAM) == before


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"], ids=["an hour less", "an hour more"])
async def test_on_a_night_on_which_the_clocks_change_it_is_ready_by_the_clock_on_the_wall(build_planned: HouseBuilder, day: str) -> None:
    house = await build_planned(f"{day}T21:00")
    await turn(house, on=True)
    ready_by = house.state("sensor", "planned_start").attributes["ready_by"]
    assert ready_by.astimezone(AMSTERDAM) == datetime.fromisoformat(f"{day}T07:00").replace(tzinfo=AMSTERDAM) + timedelta(days=1)
    assert ready_by - datetime.now(UTC) != timedelta(hours=10)


async def test_a_plan_over_the_hour_that_comes_twice_stands_in_the_calendar(
    build_planned: HouseBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is from 2:50 to 2:08 by the clock on the wall."""
    house = await build_planned("2026-10-25T02:50")
    await house.hass.config.async_set_time_zone("Europe/Amsterdam")
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "planner"))
    await house.live(1)
    await house.call("number", "set_value", entity_id=house.entity_id("number", "energy_wanted"), value=2)
    await house.live(60)
    calendar = Calendar(house, house.entity_id("calendar", "charging_schedule"))
    assert house.hass.states.is_state(calendar.entity_id, "on")
    events = [event for event in await calendar.events(date(2026, 10, 25), 1, AMSTERDAM) if event["summary"] == "Planned charge"]
    assert [event["start"] if number else event["end"] for number, event in enumerate(events)] == [
        "2026-10-25T00:59:59+00:00",
        "2026-10-25T01:00:00+00:00",
    ]
    assert "Failed to validate" not in caplog.text


async def test_each_charger_has_a_planner_of_its_own(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(datetime(2026, 11, 30, 20, 58, tzinfo=UTC))
    house = await build_house("home")
    house.hass.loop.set_debug(False)
    first, second = house.sim.site.chargers.values()
    for one in (first, second):
        one.mode = ChargeMode.MANUAL
        one.unplug()
    await house.live(700)
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "planner", second))
    for one in (first, second):
        one.plug_in(Vehicle(battery_wh=1e6))
    await house.live(600)
    assert house.state("switch", "planner", first).state == "off"
    assert not first.charging
    assert second.charging is (house.state("sensor", "planned_start", second).attributes["reason"] == "charging")


async def test_a_mode_that_was_changed_a_moment_before_the_start_is_seen(build_planned: HouseBuilder) -> None:
    """Without a hint in the status, only the read before the start can tell."""
    house = await build_planned("2026-11-30T21:58")
    await turn(house, on=True)
    house.sim.charger().mode = ChargeMode.SCHEDULED
    await house.live(600)
    assert commands(house) == []


async def test_a_cloud_that_is_down_is_waited_for(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:50")
    await turn(house, on=True)
    house.sim.faults.add(path=".", status=503, times=None)
    await until(house, "2026-11-30T22:30")
    assert reason(house) == "no_data"
    assert commands(house) == []
    house.sim.faults.clear()
    await house.live(300)
    assert house.sim.charger().charging


async def test_a_start_that_is_refused_is_tried_calmly(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:58")
    await turn(house, on=True)
    house.sim.faults.add(path="start_charging", status=503, times=None)
    await until(house, "2026-11-30T22:59")
    assert 3 <= len(commands(house)) <= 6
    assert {what for _, what in commands(house)} == {"start"}
    house.sim.faults.clear()
    await until(house, "2026-11-30T23:20")
    assert house.sim.charger().charging


async def test_a_car_that_is_full_needs_nothing_more(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:58")
    await turn(house, on=True)
    await house.live(600)
    vehicle = house.sim.charger().vehicle
    assert vehicle is not None
    vehicle.target = vehicle.state_of_charge
    await house.live(3 * 3600)
    assert not house.sim.charger().charging
    assert [what for _, what in commands(house)] in (["start"], ["start", "stop"])


async def test_without_prices_it_says_so_and_charges_in_time(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T18:00")
    await turn(house, on=True)
    house.sim.faults.add(path="/tariff$", status=503, times=None)
    await house.restart()
    await house.live(130)
    assert reason(house) == "no_prices"
    assert house.state("sensor", "planned_start").attributes["notes"] == ["no_prices"]
    assert house.state("sensor", "planned_cost").state == "unknown"
    await house.restart(hours=10)
    await until(house, "2026-12-01T07:00")
    assert house.sim.charger().session_wh == pytest.approx(10_000, abs=300)


async def test_prices_that_vanish_stop_nothing(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:58")
    await turn(house, on=True)
    await house.live(600)
    house.sim.faults.add(path="/tariff$", status=503, times=None)
    await house.restart()
    await until(house, "2026-11-30T23:40")
    assert [what for _, what in commands(house)] == ["start", "stop"]
    assert house.sim.charger().session_wh == pytest.approx(10_000, abs=300)


async def test_a_site_without_prices_has_no_planner(build_planned: HouseBuilder) -> None:
    def without_prices(sim: Simulator) -> None:
        sim.world.deployment.tariff.unreadable = Unreadable.WORDS

    house = await build_planned(prepare=without_prices)
    entities = er.async_get(house.hass)
    assert entities.async_get_entity_id("switch", DOMAIN, f"{house.sim.charger().serial}_planner") is None


async def test_only_its_switch_is_there_until_it_is_used(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:58")
    serial = house.sim.charger().serial
    others = {("time", "ready_by"), ("number", "energy_wanted"), ("sensor", "planned_start"), ("sensor", "planned_cost")}
    entities = er.async_get(house.hass)
    assert [one for one in others if entities.async_get_entity_id(one[0], DOMAIN, f"{serial}_{one[1]}")] == []
    await house.live(600)
    assert commands(house) == []
    await turn(house, on=True)
    await house.live(1)
    assert [one for one in others if not entities.async_get_entity_id(one[0], DOMAIN, f"{serial}_{one[1]}")] == []
    # What a person sets every evening stands with the switch, under "Controls", not far below it under "Configuration".
    assert {one: entities.entities[house.entity_id(*one)].entity_category for one in others} == dict.fromkeys(others)
    await turn(house, on=False)
    await house.restart()
    assert house.state("switch", "planner").state == "off"
    assert house.state("time", "ready_by").state == "07:00:00"
    assert house.state("sensor", "planned_start").state == "unknown"


async def test_what_a_person_sets_counts_at_once(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T18:00")
    await turn(house, on=True)
    await house.live(1)
    cost = house.state("sensor", "planned_cost")
    assert float(cost.state) == pytest.approx(1.89, abs=0.01)
    assert cost.attributes["cost_at_once"] == pytest.approx(3.12, abs=0.01)
    assert cost.attributes["unit_of_measurement"] == "EUR"
    planned = house.state("sensor", "planned_start")
    # As the clock on the wall shows them: nobody else makes local times of what is in a list.
    assert planned.attributes["times"][0]["start"] == as_local(datetime.fromisoformat(planned.state)).isoformat()

    await house.call("number", "set_value", entity_id=house.entity_id("number", "energy_wanted"), value=20)
    assert float(house.state("sensor", "planned_cost").state) == pytest.approx(3.78, abs=0.01)
    await house.call("time", "set_value", entity_id=house.entity_id("time", "ready_by"), time="19:00:00")
    start = house.state("sensor", "planned_start")
    assert start.attributes["notes"] == ["does_not_fit"]
    assert start.attributes["ready_by"] == datetime(2026, 11, 30, 18, tzinfo=UTC)
    await house.live(130)
    assert house.sim.charger().charging


def _list_prices(house: House, cheap: str) -> None:
    """Let a sensor list the prices of two days, as Nord Pool's does: 0.30, and 0.05 in the hour that begins then."""
    today = datetime.now(AMSTERDAM).replace(hour=0, minute=0, second=0, microsecond=0)
    lists: list[list[dict[str, object]]] = [[], []]
    for number in range(48):
        start = (today.astimezone(UTC) + timedelta(hours=number)).astimezone(AMSTERDAM)
        value = 0.05 if f"{start:%d %H}" == cheap else 0.3
        lists[number // 24].append({"start": start, "end": start + timedelta(hours=1), "value": value})
    attributes = {"raw_today": lists[0], "raw_tomorrow": lists[1], "unit_of_measurement": "EUR/kWh", "currency": "EUR"}
    house.hass.states.async_set("sensor.nordpool", "0.3", attributes)


async def test_prices_of_a_sensor_are_planned_by(build_planned: HouseBuilder) -> None:
    """The account has no tariff that can be read. The sensor comes up after this integration, and its prices change."""

    def without_tariff(sim: Simulator) -> None:
        sim.world.deployment.tariff.unreadable = Unreadable.WORDS

    house = await build_planned("2026-11-30T18:00", prepare=without_tariff, options={"price_sensors": ["sensor.nordpool"]})
    await turn(house, on=True)
    await house.call("number", "set_value", entity_id=house.entity_id("number", "energy_wanted"), value=5)
    assert reason(house) == "no_prices"

    _list_prices(house, "01 03")
    await house.live(61)
    assert house.state("sensor", "planned_start").state == "2026-12-01T02:00:00+00:00"
    assert float(house.state("sensor", "planned_cost").state) == pytest.approx(0.25, abs=0.01)

    _list_prices(house, "30 22")
    await house.live(61)
    assert house.state("sensor", "planned_start").state == "2026-11-30T21:00:00+00:00"

    house.hass.states.async_remove("sensor.nordpool")
    await house.live(61)
    assert reason(house) == "no_prices"


async def test_a_person_chooses_the_sensor_in_the_options(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T18:00")
    _list_prices(house, "01 03")
    flows = house.hass.config_entries.options
    form = await flows.async_init(house.entry.entry_id)
    house.hass.states.async_set("sensor.import_price", "0.3", {"unit_of_measurement": "EUR/kWh"})
    form = await flows.async_configure(form["flow_id"], filled_in(DEFAULTS) | {"prices": {"price_sensors": ["sensor.import_price"]}})
    assert form["errors"] == {"base": "price_sensors_unreadable"}
    await flows.async_configure(form["flow_id"], filled_in(DEFAULTS) | {"prices": {"price_sensors": ["sensor.nordpool"]}})
    await house.hass.async_block_till_done()
    await turn(house, on=True)
    await house.live(1)
    start = house.state("sensor", "planned_start")
    assert datetime.fromisoformat(start.attributes["times"][-1]["end"]) >= datetime(2026, 12, 1, 3, tzinfo=UTC)

    # What stands in the form stays when it is sent again, and goes when it is emptied.
    form = await flows.async_init(house.entry.entry_id)
    section = next(field for name, field in form["data_schema"].schema.items() if name == "prices")
    (field,) = section.schema.schema
    assert field.description == {"suggested_value": ["sensor.nordpool"]}
    await flows.async_configure(form["flow_id"], filled_in(DEFAULTS))
    await house.hass.async_block_till_done()
    assert "price_sensors" not in house.entry.options


@pytest.mark.parametrize("command", ["start", "stop"])
async def test_a_command_that_is_answered_with_an_error_and_carried_out_is_not_a_persons(build_planned: HouseBuilder, command: str) -> None:
    house = await build_planned("2026-11-30T21:50")
    await turn(house, on=True)
    await house.call("number", "set_value", entity_id=house.entity_id("number", "energy_wanted"), value=2)
    house.sim.faults.add(path=f"{command}_charging$", status=503, times=1, after=True)
    await until(house, "2026-11-30T22:40")
    assert [what for _, what in commands(house)] == ["start", "stop"]
    assert reason(house) == "done"


async def test_a_charge_that_another_mode_ended_goes_on_when_it_is_manual_again(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:50")
    await turn(house, on=True)
    await until(house, "2026-11-30T22:10")
    house.sim.charger().mode = ChargeMode.GREEN
    await until(house, "2026-11-30T22:30")
    assert not house.sim.charger().charging
    assert reason(house) == "other_mode"
    house.sim.charger().mode = ChargeMode.MANUAL
    await until(house, "2026-12-01T00:30")
    assert reason(house) == "done"
    assert [what for _, what in commands(house)] == ["start", "start", "stop"]


async def test_a_car_that_pauses_a_charge_which_began_with_the_plug_was_stopped_by_nobody(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T22:10", prepare=lambda sim: sim.charger().unplug())
    await turn(house, on=True)
    charger, car = house.sim.charger(), Vehicle(battery_wh=1e6)
    charger.plug_in(car)
    charger.start(32)
    await house.live(120)
    assert reason(house) == "charging"
    car.target = 0.1
    await house.live(300)
    assert reason(house) == "car_takes_nothing"
    car.target = 1.0
    await until(house, "2026-11-30T23:59")
    assert reason(house) == "done"
    assert [what for _, what in commands(house)] == ["stop"]


async def test_its_sensors_are_written_when_something_was_reported_and_not_with_every_poll(build_planned: HouseBuilder) -> None:
    house = await build_planned("2026-11-30T21:58")
    await turn(house, on=True)
    await house.live(600)
    written: list[str] = []
    sensors = [house.entity_id("sensor", key) for key in ("planned_start", "planned_cost")]
    async_track_state_change_event(house.hass, sensors, lambda event: written.append(event.data["entity_id"]))
    await house.live(1800)
    assert reason(house) == "charging"
    # The charger reports every five minutes, and is asked twice a minute.
    assert [written.count(sensor) <= 12 for sensor in sensors] == [True, True], written
