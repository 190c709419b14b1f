"""The devices of a site: they come, change and go with the chargers of the account."""

from dataclasses import replace

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT, DOMAIN
from simulator import Charger, Simulator
from simulator.hardware import ChargerProfile
from simulator.offers import Vehicle
from tests.integration.conftest import HouseBuilder
from tests.integration.house import House

NEW_SERIAL = "EV000000000077"


def _put_up(sim: Simulator, serial: str = NEW_SERIAL, name: str = "Carport") -> Charger:
    """A charger that comes to the account."""
    charger = sim.site.add_charger(ChargerProfile(serial=serial, name=name))
    charger.plug_in(Vehicle())
    return charger


def _devices(house: House) -> dict[str, str | None]:
    """The devices of the chargers: serial numbers and names."""
    found = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    return {identifier: device.name for device in found for _, identifier in device.identifiers if identifier != house.sim.site.id}


def _issues(house: House) -> dict[str, ir.IssueEntry]:
    """The repair issues of ours by what they are about."""
    registry = ir.async_get(house.hass)
    return {str(issue.translation_key): issue for issue in registry.issues.values() if issue.domain == DOMAIN and issue.active}


async def _repair(hass: HomeAssistant, issue: ir.IssueEntry) -> None:
    """Follow the repair of an issue to its end."""
    assert await async_setup_component(hass, REPAIRS, {})
    flows = hass.data[REPAIRS]["flow_manager"]
    form = await flows.async_init(DOMAIN, data={"issue_id": issue.issue_id})
    assert form["step_id"] == "confirm"
    end = await flows.async_configure(form["flow_id"], {})
    assert end["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


# --- What a device tells ---


async def test_a_charger_is_a_device_behind_the_site(house: House) -> None:
    device = dr.async_get(house.hass).async_get(house.device_id())
    assert isinstance(device, dr.DeviceEntry)
    charger = house.sim.charger()

    assert device.manufacturer == "Enphase"
    assert device.model == charger.hardware.model
    assert device.model_id == charger.hardware.sku
    assert device.serial_number == charger.serial
    assert device.sw_version == charger.profile.firmware
    assert device.name == charger.profile.name
    site = dr.async_get(house.hass).async_get_device_by_identifier((DOMAIN, house.sim.site.id), house.entry.entry_id)
    assert site is not None
    assert device.via_device_id == site.id


async def test_a_name_that_a_person_gave_stays(house: House) -> None:
    devices = dr.async_get(house.hass)
    devices.async_update_device(house.device_id(), name_by_user="My charger")

    charger = house.sim.charger()
    charger.profile = replace(charger.profile, name="Renamed in the app")
    await house.live(361)

    device = devices.async_get(house.device_id())
    assert isinstance(device, dr.DeviceEntry)
    assert (device.name_by_user, device.name) == ("My charger", "Renamed in the app")


# --- New chargers ---


async def test_a_new_charger_is_added_by_itself(house: House) -> None:
    new = _put_up(house.sim)

    await house.live(61)
    assert set(_devices(house)) == {house.sim.charger().serial, NEW_SERIAL}
    assert house.state("sensor", "status", new).state == "plugged_in"
    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging", new))
    assert new.charging
    # What is asked for less often comes soon after.
    await house.live(61)

    assert house.state("calendar", "charging_schedule", new).state == "off"
    assert house.state("update", "firmware", new) is not None
    assert house.state("switch", "app_authentication", new).state == "off"
    assert not _issues(house)


async def test_where_some_were_picked_a_new_one_is_offered(build_house: HouseBuilder) -> None:
    chosen, declined = "EV000000000001", "EV000000000002"
    house = await build_house("two_chargers", **{CONF_CHARGERS: [chosen], CONF_DECLINED: [declined], CONF_FOLLOWS_ACCOUNT: False})
    assert set(_devices(house)) == {chosen}
    assert not _issues(house)

    new = _put_up(house.sim)
    await house.live(61)
    issue = _issues(house)["new_chargers"]
    assert issue.translation_placeholders == {"chargers": "Carport", "site": "Main Site"}
    assert NEW_SERIAL not in issue.issue_id
    assert set(_devices(house)) == {chosen}
    await _repair(house.hass, issue)

    assert set(_devices(house)) == {chosen, NEW_SERIAL}
    assert house.state("sensor", "status", new).state == "plugged_in"
    assert not _issues(house)
    await house.restart()
    assert set(_devices(house)) == {chosen, NEW_SERIAL}


async def test_an_offer_ends_with_the_charger(build_house: HouseBuilder) -> None:
    house = await build_house(
        "two_chargers", **{CONF_CHARGERS: ["EV000000000001"], CONF_DECLINED: ["EV000000000002"], CONF_FOLLOWS_ACCOUNT: False}
    )
    _put_up(house.sim)
    await house.live(61)
    assert "new_chargers" in _issues(house)

    del house.sim.site.chargers[NEW_SERIAL]
    await house.live(2 * 3600)

    assert not _issues(house)


# --- Chargers that are gone ---


@pytest.fixture
async def two(build_house: HouseBuilder) -> House:
    return await build_house("two_chargers")


async def test_a_charger_that_is_gone_is_removed_and_that_is_said(two: House) -> None:
    gone, left = two.sim.site.chargers.values()
    entity_id = two.entity_id("switch", "charging", gone)

    del two.sim.site.chargers[gone.serial]
    await two.live(59 * 60)
    assert set(_devices(two)) == {gone.serial, left.serial}
    assert two.hass.states.get(entity_id).state == "unavailable"  # type: ignore[union-attr]  # it is there until it is removed
    assert not _issues(two)
    await two.live(3 * 60)

    assert set(_devices(two)) == {left.serial}
    assert two.hass.states.get(entity_id) is None
    assert not er.async_entries_for_device(er.async_get(two.hass), gone.serial, include_disabled_entities=True)
    issue = _issues(two)["charger_gone"]
    assert issue.translation_placeholders == {"charger": gone.profile.name, "site": "Main Site"}
    assert gone.serial not in issue.issue_id
    assert two.state("switch", "charging", left).state == "off"


@pytest.mark.parametrize("body", [{}, "", {"data": []}])
async def test_an_empty_answer_is_no_proof_that_a_charger_is_gone(two: House, body: dict[str, list[object]] | str) -> None:
    missing = two.sim.charger()
    there = set(_devices(two))
    del two.sim.site.chargers[missing.serial]
    await two.live(30 * 60)
    two.sim.faults.add(path="summary", status=200, body=body, times=None)
    await two.live(90 * 60)
    assert set(_devices(two)) == there
    assert not _issues(two)

    two.sim.faults.clear()
    await two.live(10 * 60)
    assert set(_devices(two)) == there - {missing.serial}


async def test_one_that_is_gone_leaves_no_trace_in_the_entry(two: House, hass_storage: dict[str, object]) -> None:
    gone = two.sim.charger()
    del two.sim.site.chargers[gone.serial]

    await two.live(2 * 3600)
    await two.restart()

    assert gone.serial not in str(two.entry.as_dict())
    assert gone.serial not in str(hass_storage[f"enphase_ev.site.{two.entry.entry_id}"])


async def test_the_note_about_a_gone_charger_can_be_confirmed(two: House) -> None:
    del two.sim.site.chargers[two.sim.charger().serial]
    await two.live(2 * 3600)

    await _repair(two.hass, _issues(two)["charger_gone"])

    assert not _issues(two)


async def test_a_charger_that_comes_back_is_a_charger_again(two: House) -> None:
    gone = two.sim.charger()
    gone.lifetime_wh = 123_000.0
    gone.report()
    await two.live(2 * 300)
    chargers = dict(two.sim.site.chargers)
    del two.sim.site.chargers[gone.serial]
    await two.live(2 * 3600)
    assert set(_devices(two)) == set(chargers) - {gone.serial}

    two.sim.site.chargers = chargers
    await two.live(300)

    assert set(_devices(two)) == set(chargers)
    assert two.state("sensor", "status", gone).state == "charging"
    assert two.state("switch", "slot_" + gone.slots[0].id.rpartition(":")[2], gone).state == "on"
    assert two.state("calendar", "charging_schedule", gone) is not None
    assert not _issues(two)


async def test_one_that_went_while_home_assistant_was_down(two: House) -> None:
    gone, left = two.sim.site.chargers.values()
    del two.sim.site.chargers[gone.serial]

    await two.restart()
    await two.live(3700)

    assert set(_devices(two)) == {left.serial}
    assert "charger_gone" in _issues(two)


async def test_an_empty_list_now_and_then_changes_nothing(two: House) -> None:
    for _ in range(40):
        two.sim.world.deployment.empty_charger_lists = 1
        await two.live(120)
        assert two.state("binary_sensor", "plugged_in").state == "on"

    assert len(_devices(two)) == 2
    assert not _issues(two)


async def test_an_empty_list_for_hours_is_no_removal_while_the_summary_has_them(two: House) -> None:
    two.sim.world.deployment.empty_charger_lists = 10_000
    summaries = two.sim.count("summary")

    await two.live(3 * 3600)

    assert len(_devices(two)) == 2
    assert two.state("switch", "charging").state == "unavailable"
    assert not _issues(two)
    # It is asked for once an hour.
    assert two.sim.count("summary") - summaries <= 4
    two.sim.world.deployment.empty_charger_lists = 0
    await two.live(61)
    assert two.state("switch", "charging").state == "on"


async def test_a_summary_that_cannot_be_had_removes_nothing(two: House) -> None:
    two.sim.world.deployment.empty_charger_lists = 10_000
    two.sim.faults.add(path="summary", status=503, times=None)

    await two.live(3 * 3600)

    assert len(_devices(two)) == 2


async def test_an_outage_removes_nothing(two: House) -> None:
    two.sim.faults.add(status=503, times=None)
    await two.live(5 * 3600)
    two.sim.faults.clear()

    await two.live(301)

    assert len(_devices(two)) == 2
    assert two.state("switch", "charging").state == "on"


async def test_a_retired_charger_goes(two: House) -> None:
    gone, left = two.sim.site.chargers.values()
    # The status does not list it any more, the unfiltered summary does.
    gone.quirks.retired = True
    two.sim.faults.add(path=r"api/v2/\d+/ev_chargers/summary", status=404, times=None)
    status = {"meta": {}, "data": {"tz": "Australia/Melbourne", "chargers": [{"sn": left.serial, "pluggedIn": True}]}}
    two.sim.faults.add(path="ev_chargers/status", status=200, body=status, times=None)

    await two.live(2 * 3600)

    assert set(_devices(two)) == {left.serial}


async def test_one_without_a_device_goes_without_a_word(two: House) -> None:
    gone, left = two.sim.site.chargers.values()
    dr.async_get(two.hass).async_remove_device(two.device_id(gone))
    del two.sim.site.chargers[gone.serial]

    await two.live(2 * 3600)

    assert set(_devices(two)) == {left.serial}
    assert not _issues(two)
