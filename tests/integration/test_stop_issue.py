"""A charger that goes on charging although it was told to stop."""

from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.enphase_ev import repairs
from custom_components.enphase_ev.const import DOMAIN
from tests.integration.house import House, HouseBuilder


@pytest.fixture
async def deaf(build_house: HouseBuilder) -> House:
    """A house whose charger charges and does not listen to a stop."""
    return await build_house("single_phase", prepare=lambda sim: sim.world.deployment.update({"stop_ignored": True}))


def _issue(house: House) -> ir.IssueEntry | None:
    return ir.async_get(house.hass).async_get_issue(DOMAIN, f"stop_failed_{house.device_id()}")


async def _stop_in_vain(house: House) -> None:
    await house.call("switch", "turn_off", entity_id=house.entity_id("switch", "charging"))
    assert house.state("switch", "charging").state == "off"
    await house.live(85)
    assert house.state("switch", "charging").state == "off"
    assert _issue(house) is None
    await house.live(10)


async def test_the_switch_shows_on_again_and_a_person_is_told(deaf: House) -> None:
    await _stop_in_vain(deaf)

    switch = deaf.state("switch", "charging")
    assert switch.state == "on"
    assert switch.attributes["last_command"] == "failed"
    assert switch.attributes["last_command_reason"] == "charging"
    assert deaf.state("binary_sensor", "charging").state == "on"
    issue = _issue(deaf)
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_key == "stop_failed"
    assert issue.translation_placeholders == {"charger": "IQ EV Charger_ABCD"}
    # A write is sent once.
    assert deaf.sim.count("control", path="stop_charging") == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, {"status": "accepted"}), (409, {"message": "Not in charging state"}), (552, {"message": "Command is queued"})],
    ids=["accepted", "nothing to do", "queued"],
)
async def test_the_log_claims_no_more_than_is_known(
    build_house: HouseBuilder, caplog: pytest.LogCaptureFixture, status: int, body: dict[str, str]
) -> None:
    """It said that the cloud had accepted the stop, also where that was not so."""
    house = await build_house("single_phase", prepare=lambda sim: sim.faults.add(path="stop_charging$", status=status, body=body))
    await _stop_in_vain(house)
    assert _issue(house) is not None
    (line,) = [one for one in caplog.messages if "has not done it" in one]
    assert line == "The charger was asked to stop charging and has not done it: it says charging"


async def test_it_is_over_when_the_charger_stops(deaf: House) -> None:
    await _stop_in_vain(deaf)
    assert _issue(deaf) is not None

    deaf.sim.charger().stop()
    await deaf.live(61)

    assert _issue(deaf) is None
    assert deaf.state("switch", "charging").state == "off"


async def test_it_is_over_when_a_later_stop_works(deaf: House) -> None:
    await _stop_in_vain(deaf)
    deaf.sim.world.deployment.stop_ignored = False

    await deaf.call("switch", "turn_off", entity_id=deaf.entity_id("switch", "charging"))
    await deaf.live(61)

    assert _issue(deaf) is None
    assert deaf.state("switch", "charging").attributes["last_command"] == "confirmed"


async def test_a_person_can_try_again_from_the_issue(deaf: House) -> None:
    await _stop_in_vain(deaf)
    issue = _issue(deaf)
    assert issue is not None
    flow = await repairs.async_create_fix_flow(deaf.hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = deaf.hass, issue.issue_id
    menu = await flow.async_step_init()
    assert menu["menu_options"] == ["try_again"]
    assert menu["description_placeholders"] == {"charger": "IQ EV Charger_ABCD"}

    deaf.sim.world.deployment.stop_ignored = False
    assert (await flow.async_step_try_again())["type"] is FlowResultType.CREATE_ENTRY
    await deaf.live(61)

    assert deaf.sim.count("control", path="stop_charging") == 2
    assert _issue(deaf) is None
    assert deaf.state("binary_sensor", "charging").state == "off"


async def test_the_second_try_can_fail_too(deaf: House) -> None:
    await _stop_in_vain(deaf)
    issue = _issue(deaf)
    assert issue is not None
    flow = await repairs.async_create_fix_flow(deaf.hass, issue.issue_id, dict(issue.data or {}))
    flow.hass, flow.issue_id = deaf.hass, issue.issue_id
    deaf.sim.faults.add(path="stop_charging", status=503, times=None)
    answer = await flow.async_step_try_again()
    assert (answer["type"], answer["reason"]) == (FlowResultType.ABORT, "not_stopped")
    assert _issue(deaf) is not None


async def test_it_is_over_when_somebody_wants_it_to_charge_after_all(deaf: House) -> None:
    await _stop_in_vain(deaf)

    await deaf.call("switch", "turn_on", entity_id=deaf.entity_id("switch", "charging"))
    await deaf.live(61)

    assert _issue(deaf) is None
    assert deaf.state("switch", "charging").state == "on"


async def test_it_is_over_when_the_site_is_loaded_again(deaf: House) -> None:
    await _stop_in_vain(deaf)

    await deaf.reload()

    assert _issue(deaf) is None


async def test_a_site_that_is_removed_leaves_no_issue(deaf: House) -> None:
    await _stop_in_vain(deaf)

    await deaf.hass.config_entries.async_remove(deaf.entry.entry_id)

    assert not [issue for issue in ir.async_get(deaf.hass).issues.values() if issue.domain == DOMAIN]


async def test_a_site_that_is_unloaded_leaves_no_issue(deaf: House) -> None:
    await _stop_in_vain(deaf)

    await deaf.hass.config_entries.async_unload(deaf.entry.entry_id)

    assert not [issue for issue in ir.async_get(deaf.hass).issues.values() if issue.domain == DOMAIN]


async def test_a_start_that_was_not_carried_out_is_no_issue(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.world.deployment.update({"start_ignored": True}))

    await house.call("switch", "turn_on", entity_id=house.entity_id("switch", "charging"))
    await house.live(120)

    assert house.state("switch", "charging").attributes["last_command"] == "failed"
    assert not [issue for issue in ir.async_get(house.hass).issues.values() if issue.domain == DOMAIN]
