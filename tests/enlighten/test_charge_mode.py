"""How a charger decides when to charge (docs/cloud-api/chargers.md §5)."""

import pytest

from custom_components.enphase_ev.enlighten import (
    ChargeMode,
    ChargeModePreference,
    InvalidResponse,
    Json,
    RequestRejected,
    ServiceUnavailable,
)

from .cloud import Cloud, sample
from .conftest import OpenCloud

PREFERENCE = "preference$"
MANUAL, SCHEDULED, GREEN, SMART = ChargeMode.MANUAL, ChargeMode.SCHEDULED, ChargeMode.GREEN, ChargeMode.SMART


def serial(cloud: Cloud) -> str:
    return cloud.sim.charger().serial


def preference(*modes: dict[str, Json]) -> Json:
    """An answer with these modes."""
    return {"data": {"modes": {str(number): mode for number, mode in enumerate(modes)}}}


# Reading


def test_the_samples() -> None:
    assert ChargeModePreference.read(sample("charge_mode")) == ChargeModePreference(mode=MANUAL, offered=(GREEN, SCHEDULED, MANUAL))
    assert ChargeModePreference.read(sample("charge_mode_smart")) == ChargeModePreference(mode=SMART, offered=(SMART, SCHEDULED, MANUAL))


@pytest.mark.parametrize(
    ("enabled", "mode"),
    [
        ({MANUAL, SCHEDULED, GREEN, SMART}, SMART),
        ({MANUAL, SCHEDULED, GREEN}, GREEN),
        ({MANUAL, SCHEDULED}, SCHEDULED),
        ({MANUAL}, MANUAL),
        (set(), None),
    ],
)
def test_the_first_enabled_of_smart_green_scheduled_manual_counts(enabled: set[ChargeMode], mode: ChargeMode | None) -> None:
    modes: list[dict[str, Json]] = [{"chargingMode": str(one), "enabled": one in enabled} for one in (MANUAL, SCHEDULED, GREEN, SMART)]
    assert ChargeModePreference.read(preference(*modes)).mode is mode


def test_a_hidden_mode_is_not_offered_and_counts_all_the_same() -> None:
    hidden: dict[str, Json] = {"chargingMode": "GREEN_CHARGING", "enabled": 1, "isHidden": "true"}
    found = ChargeModePreference.read(preference(hidden, {"chargingMode": "MANUAL_CHARGING", "enabled": 0, "isHidden": None}))
    assert found == ChargeModePreference(mode=GREEN, offered=(MANUAL,))


def test_an_unknown_mode_is_no_mode_of_ours() -> None:
    found = ChargeModePreference.read(preference({"chargingMode": "DREAM_CHARGING", "enabled": True}, {"chargingMode": "MANUAL_CHARGING"}))
    assert found == ChargeModePreference(mode=None, offered=(MANUAL,), unknown="DREAM_CHARGING")


@pytest.mark.parametrize("named", [{}, {"chargingMode": None}, {"chargingMode": ""}])
def test_an_older_preference_names_the_modes_by_its_keys(named: dict[str, Json]) -> None:
    off: dict[str, Json] = {"enabled": False, **named}
    modes: dict[str, Json] = {"manualCharging": off, "scheduledCharging": off, "greenCharging": {"enabled": True, **named}, "x": None}
    found = ChargeModePreference.read({"data": {"modes": modes}})
    assert found == ChargeModePreference(mode=GREEN, offered=(GREEN, SCHEDULED, MANUAL))


def test_an_unknown_key_is_kept_as_a_word() -> None:
    found = ChargeModePreference.read({"data": {"modes": {"dreamCharging": {"enabled": True}, "manualCharging": {"enabled": False}}}})
    assert found == ChargeModePreference(mode=None, offered=(MANUAL,), unknown="DREAM_CHARGING")


@pytest.mark.parametrize(
    "body", [None, [], {}, {"data": None}, {"data": {"modes": {}}}, {"data": {"modes": [1]}}, {"error": {"code": "500"}}]
)
def test_an_answer_without_any_mode_is_an_error(body: Json) -> None:
    with pytest.raises(InvalidResponse):
        ChargeModePreference.read(body)


@pytest.mark.parametrize(
    ("scenario", "mode", "offered"),
    [
        ("one_charger", MANUAL, (GREEN, SCHEDULED, MANUAL)),
        ("green_site", GREEN, (GREEN, SCHEDULED, MANUAL)),
        ("smart_site", None, (SMART, SCHEDULED, MANUAL)),
    ],
)
async def test_the_mode_of_a_charger(
    open_cloud: OpenCloud, scenario: str, mode: ChargeMode | None, offered: tuple[ChargeMode, ...]
) -> None:
    cloud = await open_cloud(scenario)
    found = await (await cloud.chargers()).charge_mode(serial(cloud))
    assert found.offered == offered
    assert found.mode == ChargeMode(mode or cloud.sim.charger().mode.value)


# Writing


@pytest.mark.parametrize("mode", [MANUAL, SCHEDULED, GREEN])
async def test_a_mode_is_chosen_with_one_request(cloud: Cloud, mode: ChargeMode) -> None:
    found = await (await cloud.chargers()).set_charge_mode(serial(cloud), mode)
    assert found is not None
    assert found.mode is mode
    assert cloud.sim.charger().mode == mode.value
    assert [one.body for one in cloud.sim.requests if "preference" in one.path] == [{"mode": mode.value}]


async def test_a_400_can_be_a_false_alarm_so_it_is_read_again(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(false_400_on_mode=True)
    found = await (await cloud.chargers()).set_charge_mode(serial(cloud), GREEN)
    assert found is not None
    assert found.mode is GREEN
    assert (cloud.count(PREFERENCE, "PUT"), cloud.count(PREFERENCE, "GET")) == (1, 1)


async def test_a_400_that_was_meant_is_told(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    with pytest.raises(RequestRejected, match="Unknown charging mode"):
        await chargers.set_charge_mode(serial(cloud), SMART)
    assert (cloud.count(PREFERENCE, "PUT"), cloud.count(PREFERENCE, "GET")) == (1, 1)


async def test_scheduled_mode_without_a_schedule_is_refused_by_its_code_with_one_request(cloud: Cloud) -> None:
    cloud.sim.charger().set_slots([])
    chargers = await cloud.chargers()
    with pytest.raises(RequestRejected) as error:
        await chargers.set_charge_mode(serial(cloud), SCHEDULED)
    assert (error.value.status, error.value.code, error.value.message) == (400, "iqevc_sch_10031", "No schedule is enabled")
    assert cloud.count(PREFERENCE) == 1
    assert cloud.sim.charger().mode == MANUAL.value


@pytest.mark.parametrize(
    "body",
    [
        {"errorMessageCode": "iqevc_sch_10031"},
        {"error": {"errorCode": "iqevc_sch_10031"}},
        {"error": {"status": 400, "code": "iqevc_sch_10031"}},
    ],
)
async def test_the_code_of_a_refused_mode_is_found_wherever_it_stands(cloud: Cloud, body: Json) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=PREFERENCE, status=400, body=body)
    with pytest.raises(RequestRejected) as error:
        await chargers.set_charge_mode(serial(cloud), SCHEDULED)
    assert error.value.code == "iqevc_sch_10031"
    assert cloud.count(PREFERENCE) == 1


async def test_another_refusal_is_told_at_once(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=PREFERENCE, status=409, body={"message": "Storm guard decides"})
    with pytest.raises(RequestRejected, match="Storm guard decides"):
        await chargers.set_charge_mode(serial(cloud), GREEN)
    assert cloud.count(PREFERENCE) == 1


@pytest.mark.parametrize("fault", [{"body": {}}, {"status": 204}, {"body": {"data": None}}])
async def test_a_change_that_is_answered_with_nothing_has_still_been_made(cloud: Cloud, fault: dict[str, object]) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=PREFERENCE, after=True, **fault)
    assert await chargers.set_charge_mode(serial(cloud), GREEN) is None
    assert cloud.sim.charger().mode == GREEN.value


# The scheduler service fails on its own


@pytest.mark.parametrize("answer", ["500", "502", "503", "504", "html"])
async def test_while_the_scheduler_is_down_status_start_and_stop_go_on(open_cloud: OpenCloud, answer: str) -> None:
    cloud = await open_cloud("scheduler_down", scheduler_down_answer=answer)
    chargers = await cloud.chargers()
    for _ in range(2):
        with pytest.raises(ServiceUnavailable) as error:
            await chargers.charge_mode(serial(cloud))
        assert not error.value.may_have_arrived
    with pytest.raises(ServiceUnavailable):
        await chargers.set_charge_mode(serial(cloud), GREEN)
    assert (await chargers.status()).chargers[serial(cloud)].is_charging
    await chargers.stop(serial(cloud))
    await chargers.start(serial(cloud), mode=None, level=16)
    assert cloud.sim.charger().level_a == 16
    # Nothing of this was about the session.
    assert cloud.sign_ins() == 1


def test_green_and_smart_mode_decide_the_level_themselves() -> None:
    assert {mode: mode.decides_level for mode in ChargeMode} == {SMART: True, GREEN: True, SCHEDULED: False, MANUAL: False}
