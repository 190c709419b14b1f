"""Automations that were made with the device triggers and actions of the other integration: they load, fire and act, as before."""

from dataclasses import dataclass, field

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.device_automation import DeviceAutomationType, async_get_device_automations
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.enphase_ev.const import DOMAIN
from simulator import Charger, Simulator
from tests.integration.house import CloudBuilder, House, HouseBuilder
from tests.integration.the_other import entry_of_the_other, registries_of_the_other

# As the editor has written them: `platform` and singular keys before Home Assistant 2024.10, `trigger` and plural ones since.
_OF_3_0 = """
- id: "1690000000001"
  alias: Tell what the car does
  description: ""
  mode: queued
  trigger:
  - {platform: device, device_id: DEVICE, domain: enphase_ev, type: charging_started, id: started}
  - {platform: device, device_id: DEVICE, domain: enphase_ev, type: charging_stopped, id: stopped}
  - {platform: device, device_id: DEVICE, domain: enphase_ev, type: plugged_in, id: plugged}
  - {platform: device, device_id: DEVICE, domain: enphase_ev, type: unplugged, id: unplugged}
  condition: []
  action:
  - event: the_car
    event_data:
      does: "{{ trigger.id }}"
      entity: "{{ trigger.entity_id }}"
      from: "{{ trigger.from_state.state }}"
      to: "{{ trigger.to_state.state }}"
- id: "1690000000002"
  alias: Charge slowly
  trigger: [{platform: event, event_type: charge_slowly}]
  action: [{device_id: DEVICE, domain: enphase_ev, type: start_charging, charging_level: 10, connector_id: 1}]
- id: "1690000000003"
  alias: Charge no longer
  trigger: [{platform: event, event_type: charge_no_longer}]
  action: [{device_id: DEVICE, domain: enphase_ev, type: stop_charging}]
"""
_OF_5_0 = """
- id: "1760000000001"
  alias: Tell what the car does
  mode: queued
  triggers:
  - {trigger: device, device_id: DEVICE, domain: enphase_ev, type: charging_started, id: started, metadata: {}}
  - {trigger: device, device_id: DEVICE, domain: enphase_ev, type: charging_stopped, id: stopped, metadata: {}}
  - {trigger: device, device_id: DEVICE, domain: enphase_ev, type: plugged_in, id: plugged, metadata: {}}
  - {trigger: device, device_id: DEVICE, domain: enphase_ev, type: unplugged, id: unplugged, metadata: {}}
  conditions: []
  actions:
  - event: the_car
    event_data:
      does: "{{ trigger.id }}"
      entity: "{{ trigger.entity_id }}"
      from: "{{ trigger.from_state.state }}"
      to: "{{ trigger.to_state.state }}"
- id: "1760000000002"
  alias: Charge slowly
  triggers: [{trigger: event, event_type: charge_slowly}]
  actions: [{device_id: DEVICE, domain: enphase_ev, type: start_charging, charging_level: 10.0, metadata: {}}]
- id: "1760000000003"
  alias: Charge no longer
  triggers: [{trigger: event, event_type: charge_no_longer}]
  actions: [{device_id: DEVICE, domain: enphase_ev, type: stop_charging, metadata: {}}]
"""


@dataclass
class _MovedHouse(House):
    """A house that was the other integration's until this start.

    Attributes:
        ids: its entity ids, by platform and unique id there.
        told: what the automation said about the car: what it does, and its entity's change.
    """

    ids: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def on(self) -> dict[str, str]:
        """The automations, and whether they are on."""
        return {state.attributes["friendly_name"]: state.state for state in self.hass.states.async_all("automation")}

    @property
    def does(self) -> list[str]:
        """What the car was told to do, in order."""
        return [does for does, *_ in self.told]


async def _move_in(hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory, automations: str) -> _MovedHouse:
    """Let Home Assistant start for the first time with this integration; automations load first, as they can."""
    entry = entry_of_the_other(hass, sim)
    house = _MovedHouse(hass, sim, entry, freezer, ids=registries_of_the_other(hass, sim, entry))

    @callback
    def hear(event: Event) -> None:
        house.told.append((event.data["does"], event.data["entity"], event.data["from"], event.data["to"]))

    hass.bus.async_listen("the_car", hear)
    hass.set_state(CoreState.not_running)
    loaded = parse_yaml(automations.replace("DEVICE", house.device_id()))
    assert await async_setup_component(hass, "automation", {"automation": loaded})
    await hass.config_entries.async_setup(entry.entry_id)
    await house.see_through(hass.async_start())
    await house.live(120)
    return house


@pytest.fixture(params=[_OF_3_0, _OF_5_0], ids=["3.0", "5.0"])
async def house(
    request: pytest.FixtureRequest, hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory
) -> _MovedHouse:
    return await _move_in(hass, await build_cloud(), freezer, request.param)


def _issues_of_automations(hass: HomeAssistant) -> list[str]:
    return [issue.issue_id for issue in ir.async_get(hass).issues.values() if issue.domain == "automation"]


async def test_they_load_and_none_is_switched_off(hass: HomeAssistant, house: _MovedHouse) -> None:
    assert house.on == dict.fromkeys(("Tell what the car does", "Charge slowly", "Charge no longer"), "on")
    assert _issues_of_automations(hass) == []
    assert house.told == []


async def test_triggers_fire_on_what_the_car_really_does(house: _MovedHouse) -> None:
    charger, serial = house.sim.charger(), house.sim.charger().serial
    charging, plugged = (house.ids[f"binary_sensor.enphase_ev_{serial}_{key}"] for key in ("charging", "plugged"))

    charger.start(16)
    await house.live(120)
    assert house.told == [("started", charging, "off", "on")]
    charger.stop()
    await house.live(120)
    assert house.told[1:] == [("stopped", charging, "on", "off")]
    charger.unplug()
    await house.live(120)
    assert house.told[2:] == [("unplugged", plugged, "on", "off")]
    charger.plug_in()
    await house.live(120)
    assert house.told[3:] == [("plugged", plugged, "off", "on")]


async def test_the_actions_start_at_the_level_and_stop(hass: HomeAssistant, house: _MovedHouse) -> None:
    hass.bus.async_fire("charge_slowly")
    await house.live(30)
    assert house.sim.charger().charging
    assert house.sim.charger().level_a == 10
    assert house.does == ["started"]

    hass.bus.async_fire("charge_no_longer")
    await house.live(30)
    assert not house.sim.charger().charging
    assert house.does == ["started", "stopped"]


async def test_a_start_that_is_refused_says_why(hass: HomeAssistant, house: _MovedHouse, caplog: pytest.LogCaptureFixture) -> None:
    house.sim.charger().unplug()

    hass.bus.async_fire("charge_slowly")
    await house.live(5)

    assert not house.sim.charger().charging
    # As `test_start_without_a_vehicle_says_so`, in the log where an automation has it.
    said = [record.getMessage() for record in caplog.records if "Charge slowly" in record.getMessage()]
    assert any("no car is plugged in" in line.lower() for line in said), said


async def test_an_outage_starts_nothing_and_hides_nothing(house: _MovedHouse) -> None:
    """What was so before it, and is so after it, has not happened; what has changed meanwhile is told when it is seen."""
    charger = house.sim.charger()
    charger.start(16)
    await house.live(120)
    house.told.clear()

    house.sim.faults.add(status=503, times=None)
    await house.live(1800)
    assert house.state("binary_sensor", "charging").state == "unavailable"
    house.sim.faults.clear()
    await house.live(600)
    assert house.told == []

    house.sim.faults.add(status=503, times=None)
    await house.live(900)
    charger.stop()
    await house.live(900)
    house.sim.faults.clear()
    await house.live(600)
    assert house.does == ["stopped"]


async def test_a_reload_and_a_restart_start_nothing(house: _MovedHouse) -> None:
    house.sim.charger().start(16)
    await house.live(120)
    house.told.clear()

    await house.reload()
    await house.live(120)
    await house.restart()
    await house.live(120)

    assert house.state("binary_sensor", "charging").state == "on"
    assert house.told == []


async def test_another_charger_fires_nothing(hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory) -> None:
    sim = await build_cloud("two_chargers")
    house = await _move_in(hass, sim, freezer, _OF_5_0)
    first = sim.charger()
    other: Charger = next(charger for charger in sim.site.chargers.values() if charger is not first)

    other.unplug()
    await house.live(120)

    assert house.told == []


async def test_a_trigger_of_a_disabled_entity_says_so(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """It would be silent for good; the other triggers of the automation go on."""
    house = await _move_in(hass, await build_cloud(), freezer, _OF_5_0)
    disabled = house.entity_id("binary_sensor", "charging")
    er.async_get(hass).async_update_entity(disabled, disabled_by=er.RegistryEntryDisabler.USER)
    await house.call("automation", "turn_off", entity_id="automation.tell_what_the_car_does")
    await house.call("automation", "turn_on", entity_id="automation.tell_what_the_car_does")

    assert f"{disabled} is disabled, so the device trigger can't see any change." in caplog.text
    house.sim.charger().unplug()
    await house.live(120)
    assert house.does == ["unplugged"]


async def test_a_device_that_is_no_charger_is_refused_in_words(
    hass: HomeAssistant, build_house: HouseBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    house = await build_house("one_charger")
    site = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, house.sim.site.id), house.entry.entry_id)
    assert site is not None
    assert await async_setup_component(hass, "automation", {"automation": parse_yaml(_OF_5_0.replace("DEVICE", site.id))})
    await hass.async_block_till_done()

    refusal = "The selected target doesn't include a charger of this integration."
    assert len([record for record in caplog.records if refusal in record.getMessage()]) == 4
    house.sim.requests.clear()
    hass.bus.async_fire("charge_slowly")
    await house.live(5)
    assert [line for line in (record.getMessage() for record in caplog.records) if "Charge slowly" in line and refusal in line] != []
    assert house.sim.count("control") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"trigger": {"platform": "device", "domain": DOMAIN, "type": "charging_paused"}},
        {"action": {"domain": DOMAIN, "type": "start_charging", "charging_level": "fast"}},
        {"action": {"domain": DOMAIN, "type": "start_charging", "connector_id": 0}},
        {"action": {"domain": DOMAIN, "type": "open_the_door"}},
    ],
    ids=str,
)
async def test_what_the_other_never_had_is_switched_off_and_told(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory, wrong: dict[str, dict[str, object]]
) -> None:
    sim = await build_cloud()
    entry = entry_of_the_other(hass, sim)
    house = _MovedHouse(hass, sim, entry, freezer, ids=registries_of_the_other(hass, sim, entry))
    automation: dict[str, object] = {
        "id": "odd",
        "alias": "Odd",
        "trigger": {"platform": "event", "event_type": "odd"},
        "action": {"event": "even"},
    }
    automation |= {key: {**value, "device_id": house.device_id()} for key, value in wrong.items()}

    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()

    assert house.on == {"Odd": "unavailable"}
    assert len(_issues_of_automations(hass)) == 1


async def test_nobody_is_offered_them_anew(hass: HomeAssistant, house: _MovedHouse) -> None:
    """The editor offers triggers and actions of the device's entities, and of this integration none."""
    device_id = house.device_id()
    for kind in (DeviceAutomationType.TRIGGER, DeviceAutomationType.ACTION):
        offered = (await async_get_device_automations(hass, kind, [device_id]))[device_id]
        assert offered
        assert [one for one in offered if one["domain"] == DOMAIN] == []


async def test_the_editor_shows_the_fields_of_a_start_that_is_there(
    hass: HomeAssistant, house: _MovedHouse, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, "device_automation", {})
    client = await hass_ws_client(hass)

    async def fields(kind: str) -> list[dict[str, object]]:
        action = {"device_id": house.device_id(), "domain": DOMAIN, "type": kind}
        await client.send_json_auto_id({"type": "device_automation/action/capabilities", "action": action})
        answer = await client.receive_json()
        found: list[dict[str, object]] = answer["result"].get("extra_fields", [])
        return found

    shown = {field["name"]: field["type"] for field in await fields("start_charging")}
    assert shown == {"charging_level": "float", "connector_id": "integer"}
    assert await fields("stop_charging") == []
