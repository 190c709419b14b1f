"""The actions: who they reach, who may call them, and what they answer."""

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceNotFound, ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import MockUser
import voluptuous as vol

from custom_components.enphase_ev.const import DOMAIN
from simulator import Charger, Vehicle
from tests.integration.house import House, HouseBuilder, entry_of

_OF_A_SITE = ["trigger_message", "start_live_stream", "stop_live_stream", "clear_reauth_issue"]


@pytest.fixture
async def two(build_house: HouseBuilder) -> House:
    """A house with two chargers, a vehicle at each, nothing charging."""
    house = await build_house("two_chargers")
    house.sim.charger().stop()
    await house.live(61)
    house.sim.requests.clear()
    return house


def _chargers(house: House) -> tuple[Charger, Charger]:
    first, second = house.sim.site.chargers.values()
    return first, second


# --- Targets ---


@pytest.mark.parametrize(
    ("platform", "key"),
    [
        ("switch", "charging"),
        ("sensor", "power"),
        ("binary_sensor", "plugged_in"),
        ("number", "charging_amps"),
        ("select", "charge_mode"),
        ("button", "stop_charging"),
    ],
)
async def test_any_entity_of_a_charger_means_the_charger(two: House, platform: str, key: str) -> None:
    first, second = _chargers(two)

    answer = await two.ask("start_charging", entity_id=two.entity_id(platform, key, second), charging_level=10)

    assert [reply["device_id"] for reply in answer["chargers"]] == [two.device_id(second)]
    assert second.charging
    assert not first.charging
    assert two.sim.count("control") == 1


async def test_a_device(two: House) -> None:
    first, second = _chargers(two)

    await two.ask("start_charging", device_id=two.device_id(first))

    assert first.charging
    assert not second.charging


async def test_several_chargers_and_each_once(two: House) -> None:
    first, second = _chargers(two)

    answer = await two.ask(
        "start_charging",
        entity_id=[two.entity_id("switch", "charging", first), two.entity_id("sensor", "power", first)],
        device_id=[two.device_id(first), two.device_id(second)],
        charging_level=16,
    )

    assert {reply["name"] for reply in answer["chargers"]} == {first.profile.name, second.profile.name}
    assert (first.level_a, second.level_a) == (16, 16)
    assert two.sim.count("control") == 2


async def test_an_area(two: House) -> None:
    first, second = _chargers(two)
    area = ar.async_get(two.hass).async_create("Garage")
    dr.async_get(two.hass).async_update_device(two.device_id(second), area_id=area.id)

    await two.ask("start_charging", area_id=area.id)

    assert (first.charging, second.charging) == (False, True)


async def test_a_floor(two: House) -> None:
    first, second = _chargers(two)
    floor = fr.async_get(two.hass).async_create("Below")
    area = ar.async_get(two.hass).async_create("Garage", floor_id=floor.floor_id)
    dr.async_get(two.hass).async_update_device(two.device_id(second), area_id=area.id)

    await two.ask("start_charging", floor_id=floor.floor_id)

    assert (first.charging, second.charging) == (False, True)


@pytest.mark.parametrize("labelled", ["device", "entity"])
async def test_a_label(two: House, labelled: str) -> None:
    first, second = _chargers(two)
    label = lr.async_get(two.hass).async_create("Night").label_id
    if labelled == "device":
        dr.async_get(two.hass).async_update_device(two.device_id(second), labels={label})
    else:
        er.async_get(two.hass).async_update_entity(two.entity_id("sensor", "power", second), labels={label})

    await two.ask("start_charging", label_id=label)

    assert (first.charging, second.charging) == (False, True)


async def test_all(two: House) -> None:
    first, second = _chargers(two)

    await two.ask("start_charging", entity_id="all")

    assert (first.charging, second.charging) == (True, True)


@pytest.mark.parametrize("service", ["start_charging", "stop_charging", "trigger_message"])
async def test_a_target_without_a_charger_is_refused(two: House, service: str) -> None:
    site = dr.async_get(two.hass).async_get_device_by_identifier((DOMAIN, two.sim.site.id), two.entry.entry_id)
    assert site is not None
    two.hass.states.async_set("light.kitchen", "on")

    for target, reason in (
        ({"device_id": site.id}, "no_charger_targeted"),
        ({"entity_id": "light.kitchen"}, "no_charger_targeted"),
        ({"device_id": "0" * 32}, "target_unknown"),
    ):
        with pytest.raises(ServiceValidationError) as refusal:
            await two.ask(service, **target)
        assert refusal.value.translation_key == reason
    assert two.sim.count() == 0


@pytest.mark.parametrize("service", ["start_charging", "trigger_message"])
async def test_no_target_at_all_is_refused(two: House, service: str) -> None:
    with pytest.raises(vol.Invalid):
        await two.ask(service)


@pytest.mark.parametrize("service", ["start_live_stream", "stop_live_stream", "clear_reauth_issue"])
async def test_the_only_site_need_not_be_named(two: House, service: str) -> None:
    answer = await two.ask(service)

    assert [site["site_id"] for site in answer["sites"]] == [two.sim.site.id]
    entry_of(two.sim, two.sim.site.id, site="7654321").add_to_hass(two.hass)
    with pytest.raises(ServiceValidationError) as refusal:
        await two.ask(service)
    assert refusal.value.translation_key == "no_site_targeted"


async def test_a_charger_of_a_site_that_is_not_loaded_is_no_target(two: House) -> None:
    device_id = two.device_id()
    await two.hass.config_entries.async_unload(two.entry.entry_id)

    with pytest.raises(ServiceValidationError):
        await two.ask("start_charging", device_id=device_id)
    with pytest.raises(ServiceValidationError) as refusal:
        await two.ask("start_live_stream", device_id=device_id)

    assert refusal.value.translation_key == "no_site_targeted"


async def test_actions_are_there_without_a_site(two: House) -> None:
    await two.hass.config_entries.async_remove(two.entry.entry_id)

    with pytest.raises(ServiceValidationError):
        await two.ask("start_live_stream", site_id="1234567")
    with pytest.raises(ServiceNotFound):
        await two.ask("start_dancing", site_id="1234567")


# --- What they answer ---


async def test_start_answers_what_was_asked_for_and_what_the_cloud_said(two: House) -> None:
    first, _ = _chargers(two)

    answer = await two.ask("start_charging", device_id=two.device_id(first))

    assert answer == {
        "chargers": [
            {
                "device_id": two.device_id(first),
                "name": first.profile.name,
                "requested": {"charging": True, "charging_level": 32.0, "connector_id": 1},
                "outcome": "accepted",
                "message": "accepted",
                "schedule_kept": True,
            }
        ]
    }


async def test_an_answer_is_optional(two: House) -> None:
    await two.call(DOMAIN, "start_charging", device_id=two.device_id())
    assert two.sim.charger().charging

    await two.call(DOMAIN, "stop_charging", device_id=two.device_id())

    assert not two.sim.charger().charging


async def test_already_charging_is_no_error(two: House) -> None:
    await two.ask("start_charging", device_id=two.device_id())

    answer = await two.ask("start_charging", device_id=two.device_id())

    assert answer["chargers"][0]["outcome"] == "already_charging"
    # What is so already is not sent, so that the cloud has nothing to say.
    assert answer["chargers"][0]["message"] is None
    assert two.sim.count("control") == 1
    await two.live(61)
    assert two.state("switch", "charging").state == "on"
    assert two.state("switch", "charging").attributes["last_command"] == "confirmed"


@pytest.mark.parametrize("form", ["409", "422", "400"])
async def test_not_charging_is_no_error(two: House, form: str) -> None:
    two.sim.world.deployment.update({"stop_idle_answer": form})

    answer = await two.ask("stop_charging", device_id=two.device_id())

    assert answer["chargers"][0]["outcome"] == "not_charging"
    assert answer["chargers"][0]["requested"] == {"charging": False}
    await two.live(61)
    assert two.state("switch", "charging").state == "off"


@pytest.mark.parametrize("form", ["400", "409", "422"])
async def test_not_plugged_in_is_said_plainly(two: House, form: str) -> None:
    two.sim.world.deployment.update({"not_plugged_answer": form})
    two.sim.charger().unplug()

    with pytest.raises(ServiceValidationError) as refusal:
        await two.ask("start_charging", device_id=two.device_id())

    assert refusal.value.translation_key == "not_plugged_in"
    assert refusal.value.translation_placeholders == {"charger": two.sim.charger().profile.name}
    assert two.sim.count("control") == 1


async def test_one_charger_that_cannot_does_not_keep_the_other_from_its_turn(two: House) -> None:
    first, second = _chargers(two)
    first.unplug()

    with pytest.raises(ServiceValidationError) as refusal:
        await two.ask("start_charging", device_id=[two.device_id(first), two.device_id(second)])

    assert refusal.value.translation_key == "not_plugged_in"
    assert second.charging


async def test_a_charger_that_is_off_line_gets_its_command_later(two: House) -> None:
    charger = two.sim.charger()
    charger.go_offline()

    answer = await two.ask("start_charging", device_id=two.device_id())

    assert answer["chargers"][0]["outcome"] == "queued"
    charger.come_back()
    await two.live(61)
    assert two.state("switch", "charging").attributes["last_command"] == "confirmed"


async def test_a_cloud_that_refuses_is_quoted(two: House) -> None:
    error = {"displayMessage": "Charger is being updated", "errorMessageCode": "iqevc_ms-10099"}
    two.sim.faults.add(path="start_charging", status=400, body={"error": error}, times=None)

    with pytest.raises(HomeAssistantError) as failure:
        await two.ask("start_charging", device_id=two.device_id())

    assert failure.value.translation_key == "request_rejected"
    assert failure.value.translation_placeholders == {"reason": "Charger is being updated"}
    # The code is none of those that are known, so that every form was tried once.
    assert two.sim.count("control") == 7


@pytest.mark.parametrize("level", [5, 33, 6.5, 0])
async def test_a_level_that_the_charger_does_not_have_is_refused_unsent(two: House, level: float) -> None:
    with pytest.raises(ServiceValidationError) as refusal:
        await two.ask("start_charging", device_id=two.device_id(), charging_level=level)

    assert refusal.value.translation_placeholders == {
        "charger": two.sim.charger().profile.name,
        "level": f"{level:g}",
        "min": "6",
        "max": "32",
        "step": "1",
    }
    assert two.sim.count() == 0


async def test_a_connector_that_does_not_exist(two: House) -> None:
    with pytest.raises(HomeAssistantError):
        await two.ask("start_charging", device_id=two.device_id(), connector_id=2)
    with pytest.raises(vol.Invalid):
        await two.ask("start_charging", device_id=two.device_id(), connector_id=0)

    assert not two.sim.charger().charging


async def test_a_level_of_an_older_charger_is_left_out_the_second_time(two: House) -> None:
    two.sim.world.deployment.update({"invalid_level_500": True})

    answer = await two.ask("start_charging", device_id=two.device_id(), charging_level=10)

    assert answer["chargers"][0]["outcome"] == "accepted"
    assert answer["chargers"][0]["requested"] == {"charging": True, "charging_level": None, "connector_id": 1}
    assert two.sim.charger().charging


async def test_a_level_that_was_not_sent_is_not_named(build_house: HouseBuilder) -> None:
    house = await build_house("green_site")

    answer = await house.ask("start_charging", device_id=house.device_id(), charging_level=10)

    bodies = [request.body for request in house.sim.requests if request.path.endswith("start_charging")]
    assert all(isinstance(body, dict) and "chargingLevel" not in body for body in bodies)
    assert answer["chargers"][0]["requested"] == {"charging": True, "charging_level": None, "connector_id": 1}


async def test_the_cloud_being_down_is_said(two: House) -> None:
    two.sim.faults.add(path="_charging", status=503, times=None)

    with pytest.raises(HomeAssistantError) as failure:
        await two.ask("start_charging", device_id=two.device_id())

    assert failure.value.translation_key == "service_unavailable"
    assert two.sim.count("control") == 1
    assert two.state("switch", "charging").state == "off"


async def test_trigger_message(two: House) -> None:
    answer = await two.ask("trigger_message", device_id=two.device_id(), requested_message="Heartbeat")

    (reply,) = answer["chargers"]
    assert reply["requested"] == "Heartbeat"
    assert reply["reply"]["status"] == "accepted"  # type: ignore[index]  # the cloud's own object
    assert reply["reply"]["message"] == "Heartbeat"  # type: ignore[index]  # the cloud's own object


@pytest.mark.parametrize("named", ["meter_values", "MeterValues"])
async def test_trigger_message_takes_the_forms_words_and_ocpps(two: House, named: str) -> None:
    answer = await two.ask("trigger_message", device_id=two.device_id(), requested_message=named)

    assert answer["chargers"][0]["requested"] == "MeterValues"
    (sent,) = [one for one in two.sim.requests if one.path.endswith("trigger_message")]
    assert sent.body == {"requestedMessage": "MeterValues"}


async def test_a_site_is_named_by_its_entry(two: House) -> None:
    answer = await two.ask("trigger_message", config_entry_id=two.entry.entry_id)
    assert len(answer["chargers"]) == len(two.sim.site.chargers)
    assert (await two.ask("start_live_stream", config_entry_id=two.entry.entry_id))["sites"][0]["site_id"] == two.sim.site.id

    for service in ("trigger_message", "start_live_stream"):
        with pytest.raises(ServiceValidationError) as caught:
            await two.ask(service, config_entry_id="nobody's")
        assert caught.value.translation_key in {"no_charger_targeted", "no_site_targeted"}


async def test_trigger_message_by_site_reaches_every_charger(two: House) -> None:
    answer = await two.ask("trigger_message", site_id=two.sim.site.id)

    assert [reply["requested"] for reply in answer["chargers"]] == ["MeterValues", "MeterValues"]
    assert two.sim.count("control", path="trigger_message$") == 2


async def test_an_unknown_message_is_refused(two: House) -> None:
    with pytest.raises(vol.Invalid):
        await two.ask("trigger_message", device_id=two.device_id(), requested_message="Reboot")


# --- Live stream ---


@pytest.mark.parametrize("by_site", [True, False])
async def test_live_stream_polls_faster_and_ends_by_itself(two: House, by_site: bool) -> None:
    target = {"site_id": two.sim.site.id} if by_site else {"device_id": two.device_id()}

    answer = await two.ask("start_live_stream", **target)

    assert answer == {"sites": [{"site_id": two.sim.site.id, "seconds": 900}]}
    await two.live(31)
    two.sim.requests.clear()
    await two.live(600)
    assert two.sim.count("status") == 20
    await two.live(400)
    two.sim.requests.clear()
    await two.live(600)
    assert two.sim.count("status") == 10


async def test_live_stream_can_be_stopped(two: House) -> None:
    await two.ask("start_live_stream", device_id=two.device_id())
    await two.live(61)

    answer = await two.ask("stop_live_stream", device_id=two.device_id())
    await two.live(61)

    assert answer == {"sites": [{"site_id": two.sim.site.id}]}
    two.sim.requests.clear()
    await two.live(600)
    assert two.sim.count("status") == 10


async def test_a_site_without_live_stream_says_so(two: House) -> None:
    two.sim.site.live_stream = False

    with pytest.raises(ServiceValidationError) as refusal:
        await two.ask("start_live_stream", device_id=two.device_id())

    assert refusal.value.translation_key == "live_stream_not_supported"


async def test_two_chargers_of_a_site_are_one_live_stream(two: House) -> None:
    answer = await two.ask("start_live_stream", entity_id="all")

    assert len(answer["sites"]) == 1
    assert two.sim.count("live_stream") == 1


async def test_a_site_that_is_not_ours_is_refused(two: House) -> None:
    for service in _OF_A_SITE:
        with pytest.raises(ServiceValidationError):
            await two.ask(service, site_id="7654321")


# --- Permissions ---


def _user(hass: HomeAssistant, *entity_ids: str, policy: str = POLICY_CONTROL) -> Context:
    """Return the context of a person who may do this with these entities, and nothing else."""
    user = MockUser(groups=[])
    user.mock_policy({"entities": {"entity_ids": {entity_id: {policy: True} for entity_id in entity_ids}}})
    user.add_to_hass(hass)
    return Context(user_id=user.id)


async def _ask_as(house: House, context: Context, service: str, **data: object) -> object:
    return await house.hass.services.async_call(DOMAIN, service, data, blocking=True, return_response=True, context=context)


async def test_who_may_control_the_switch_may_start_and_stop(two: House) -> None:
    context = _user(two.hass, two.entity_id("switch", "charging"))

    await _ask_as(two, context, "start_charging", device_id=two.device_id())
    assert two.sim.charger().charging
    await _ask_as(two, context, "stop_charging", entity_id=two.entity_id("sensor", "power"))

    assert not two.sim.charger().charging
    await _ask_as(two, context, "trigger_message", device_id=two.device_id())
    await _ask_as(two, context, "start_live_stream", device_id=two.device_id())


@pytest.mark.parametrize("service", ["start_charging", "stop_charging", "trigger_message", "start_live_stream", "stop_live_stream"])
async def test_who_may_only_look_may_not(two: House, service: str) -> None:
    context = _user(two.hass, two.entity_id("switch", "charging"), two.entity_id("sensor", "power"), policy=POLICY_READ)

    for target in ({"device_id": two.device_id()}, {"entity_id": two.entity_id("sensor", "power")}, {"entity_id": "all"}):
        with pytest.raises(Unauthorized):
            await _ask_as(two, context, service, **target)

    assert two.sim.count() == 0


async def test_who_may_control_one_charger_may_not_start_the_other(two: House) -> None:
    first, second = _chargers(two)
    context = _user(two.hass, two.entity_id("switch", "charging", first))

    with pytest.raises(Unauthorized):
        await _ask_as(two, context, "start_charging", device_id=[two.device_id(first), two.device_id(second)])

    assert two.sim.count() == 0


@pytest.mark.parametrize("service", _OF_A_SITE)
async def test_what_concerns_the_whole_account_is_for_administrators(two: House, service: str, hass_admin_user: MockUser) -> None:
    context = _user(two.hass, *(entity.entity_id for entity in er.async_get(two.hass).entities.values()))

    for target in ({"site_id": two.sim.site.id}, *([] if service == "trigger_message" else [{}])):
        with pytest.raises(Unauthorized):
            await _ask_as(two, context, service, **target)
    assert two.sim.count() == 0
    await _ask_as(two, Context(user_id=hass_admin_user.id), service, site_id=two.sim.site.id)


async def test_the_request_to_sign_in_is_cleared_by_administrators_only(two: House, hass_admin_user: MockUser) -> None:
    context = _user(two.hass, two.entity_id("switch", "charging"))

    with pytest.raises(Unauthorized):
        await _ask_as(two, context, "clear_reauth_issue", device_id=two.device_id())

    answer = await _ask_as(two, Context(user_id=hass_admin_user.id), "clear_reauth_issue", device_id=two.device_id())
    assert answer == {"sites": [{"site_id": two.sim.site.id}]}


async def test_the_device_of_a_site_is_for_administrators(two: House, hass_admin_user: MockUser) -> None:
    site = dr.async_get(two.hass).async_get_device_by_identifier((DOMAIN, two.sim.site.id), two.entry.entry_id)
    assert site is not None
    context = _user(two.hass, two.entity_id("switch", "charging"))

    with pytest.raises(Unauthorized):
        await _ask_as(two, context, "start_live_stream", device_id=site.id)

    assert await _ask_as(two, Context(user_id=hass_admin_user.id), "start_live_stream", device_id=site.id)


async def test_a_person_who_does_not_exist_is_refused(two: House) -> None:
    with pytest.raises(UnknownUser):
        await _ask_as(two, Context(user_id="nobody"), "start_charging", device_id=two.device_id())


# --- Several sites ---


async def test_a_site_is_meant_by_its_number(build_house: HouseBuilder) -> None:
    house = await build_house("multi_site")
    cabin = entry_of(house.sim, "1234568")
    cabin.add_to_hass(house.hass)
    assert await house.hass.config_entries.async_setup(cabin.entry_id)
    (charger,) = house.sim.world.sites["1234568"].chargers.values()
    charger.plug_in(Vehicle())
    house.sim.requests.clear()

    answer = await house.ask("trigger_message", site_id="1234568")

    assert [reply["name"] for reply in answer["chargers"]] == [charger.profile.name]
    assert house.sim.count("control", path="/1234568/") == 1
    assert house.sim.count("control") == 1


@pytest.mark.parametrize("action", ["start_charging", "stop_charging", "get_charging_schedules"])
@pytest.mark.parametrize("named", ["entity_id", "device_id"])
async def test_a_target_that_is_not_there_is_an_error(house: House, action: str, named: str) -> None:
    """One of two names was taken, the other one forgotten without a word."""
    there = house.entity_id("switch", "charging") if named == "entity_id" else house.device_id()
    gone = "switch.sold_with_the_old_house"
    house.sim.requests.clear()
    with pytest.raises(ServiceValidationError, match="sold_with_the_old_house"):
        await house.ask(action, **{named: [there, gone]})
    assert house.sim.requests == []
