"""What a person reads of changes of the battery: the event entity, and the sentences that the logbook shows."""

from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.translation import async_load_integrations

from custom_components.enphase_ev.battery.ledger import LedgerEvent
from custom_components.enphase_ev.const import DOMAIN, EVENT_BATTERY_CHANGE
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import MOST_WAITED, BatteryHouse
from tests.structure.source import load

_NIGHT = "Charge from grid, 20:00 - 05:00, Monday - Sunday, 100 %"


class _Told:
    """What the event entity has fired, and the sentences that go with it."""

    def __init__(self, house: BatteryHouse) -> None:
        self.events: list[tuple[object, ...]] = []
        self.lines: list[str] = []

        @callback
        def note(event: Event[EventStateChangedData]) -> None:
            state = event.data["new_state"]
            if state is not None and state.state not in {"unknown", "unavailable"}:
                self.events.append(tuple(state.attributes[key] for key in ("event_type", "what", "schedule", "reason")))

        async_track_state_change_event(house.hass, [house.site_entity_id("event", "battery_changes")], note)
        house.hass.bus.async_listen(EVENT_BATTERY_CHANGE, lambda event: self.lines.append(event.data["message"]))

    @property
    def types(self) -> list[object]:
        """The types of what has happened, in their order."""
        return [event[0] for event in self.events]


async def _switch(house: BatteryHouse, key: str, *, is_on: bool) -> None:
    entity_id = house.site_entity_id("switch", key)
    await house.lived_through(house.call("switch", "turn_on" if is_on else "turn_off", entity_id=entity_id))


async def test_a_schedule_that_is_put_back_is_told(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    told = _Told(batteries)
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}

    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    await batteries.pass_time(minutes=5)

    assert ("put_back", None, _NIGHT, None) in told.events
    assert ("applied", "restrict_battery_discharge", None, None) in told.events
    assert "Charge from grid schedule 20:00\u201305:00 put back" in told.lines
    assert not any("applied" in line for line in told.lines), "Home Assistant's own line says as much"


async def test_of_a_schedule_that_was_added_it_is_said_which_one(batteries: BatteryHouse) -> None:
    told = _Told(batteries)
    await batteries.asked("add_battery_schedule", family="charge_from_grid", start="09:00", end="11:00", limit=80, wait=900)
    assert told.lines == ["Schedules (Charge from grid, 09:00 - 11:00, Monday - Sunday, 80 %): applied"]


async def test_what_is_so_already_is_no_news(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.battery.set(restrict_discharge=True)
    await batteries.pass_time(minutes=6)
    told = _Told(batteries)

    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    await batteries.pass_time(minutes=5)

    assert told.events == []


async def test_a_schedule_that_cannot_be_put_back_is_told_with_the_reason(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    told = _Told(batteries)
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}
    batteries.sim.faults.add(path="/schedules$", method="POST", status=400, body={"error": {"message": "No"}}, times=None)

    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    await batteries.until(lambda: "not_put_back" in told.types)

    assert ("not_put_back", None, _NIGHT, "request_rejected") in told.events
    assert "Charge from grid schedule 20:00\u201305:00 couldn't be put back. Enphase refused it." in told.lines


async def test_an_override_is_told_from_its_start_to_its_end(batteries: BatteryHouse) -> None:
    told = _Told(batteries)

    await batteries.asked("set_battery_override", action="charge", duration="01:00:00", wait=MOST_WAITED)
    await batteries.pass_time(minutes=75)

    assert [kind for kind in told.types if str(kind).startswith("override")] == ["override_started", "override_ended"]
    words = "Charge from grid, 13:10 - 14:10, Wednesday, 100 %"
    assert ("override_started", None, words, None) in told.events
    assert "override started: Charge from grid 13:10\u201314:10" in told.lines
    assert "override ended: Charge from grid 13:10\u201314:10" in told.lines


async def test_a_change_that_the_gateway_never_takes_over_is_told(batteries: BatteryHouse) -> None:
    told = _Told(batteries)
    batteries.sim.world.deployment.battery.ignored_writes = 99

    await _switch(batteries, "discharge_to_grid", is_on=True)
    await batteries.until(lambda: "failed" in told.types)

    assert ("failed", "discharge_to_grid", None, "not_applied") in told.events
    assert "Discharge to grid: not applied. The gateway didn't apply it." in told.lines


async def test_lines_are_in_the_language_of_the_house(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    await batteries.hass.config.async_update(language="de")
    await async_load_integrations(batteries.hass, {DOMAIN})
    told = _Told(batteries)
    batteries.battery.switches.drops = {WriteKind.RBD: {ControlFamily.CFG}}

    await _switch(batteries, "restrict_battery_discharge", is_on=True)
    await batteries.pass_time(minutes=5)

    assert "Zeitplan Laden aus dem Netz 20:00\u201305:00 wiederhergestellt" in told.lines


def test_everything_that_can_happen_has_a_sentence() -> None:
    texts = [key for key in load("translations/en.json")["common"] if key.startswith("battery_")]
    assert {key.removeprefix("battery_log_") for key in texts if key.startswith("battery_log_")} == {*LedgerEvent}


async def test_what_a_newer_wish_replaces_has_not_failed(batteries: BatteryHouse) -> None:
    """An override in whose place another one came: what is shown is the new one."""
    batteries.sim.world.deployment.battery.gateway_delay_s = 600
    seen: list[str] = []
    sensor = batteries.site_entity_id("sensor", "pending_change")
    async_track_state_change_event(batteries.hass, sensor, lambda event: seen.append(event.data["new_state"].state))

    await batteries.asked("set_battery_override", action="charge", duration={"hours": 2})
    await batteries.asked("set_battery_override", action="hold", duration={"hours": 1})
    await batteries.asked("set_battery_override", action="charge", duration={"hours": 3})
    await batteries.asked("clear_battery_override")
    await batteries.pass_time(minutes=30)

    assert "requested" in seen
    assert "failed" not in seen
    assert batteries.battery_state("sensor", "pending_change") == "none"
