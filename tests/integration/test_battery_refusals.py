"""What the batteries refuse, and why: bad input, conflicts that only the cloud knows, other people's batteries, other people."""

from datetime import time

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers.translation import TRANSLATION_FLATTEN_CACHE, async_get_translations, async_load_integrations
import pytest
from pytest_homeassistant_custom_component.common import MockUser
import voluptuous as vol

from custom_components.enphase_ev.battery.words import placeholders_of
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import BatteryEntry, BatteryFamily
from simulator import Simulator
from tests.integration.battery_house import MOST_WAITED, BatteryHouse, BatteryHouseBuilder

_NEW = {"family": "charge_from_grid", "start": "09:00", "end": "11:30", "days": ["mon", "tue"], "limit": 80}
_OVERRIDE = {"action": "charge", "duration": "01:00:00"}
_CHANGES: list[tuple[str, dict[str, object]]] = [
    ("add_battery_schedule", _NEW),
    ("update_battery_schedule", {"schedule_id": "cfg", "limit": 70}),
    ("delete_battery_schedule", {"all": True}),
    ("import_battery_schedules", {"schedules": [_NEW]}),
    ("set_battery_override", _OVERRIDE),
]


# What is said after the name of the schedule that is in the way.
_REST = " It counts even while it's off. Change or delete it first."


async def _words(house: BatteryHouse, refusal: HomeAssistantError) -> str:
    """Return what a person reads."""
    texts = await async_get_translations(house.hass, house.hass.config.language, "exceptions", {DOMAIN})
    text = texts[f"component.{DOMAIN}.exceptions.{refusal.translation_key}.message"]
    return text.format(**(refusal.translation_placeholders or {}))


async def _refused(house: BatteryHouse, service: str, **data: object) -> HomeAssistantError:
    """Call an action that is refused before anything is written; return the refusal."""
    before = house.entries
    if data.get("schedule_id") == "cfg":
        data["schedule_id"] = house.entry_id("cfg")
    house.sim.requests.clear()
    refusal = await house.refused(service, **data)
    assert house.sim.count("battery_write") == 0
    assert house.entries == before
    assert house.entry.runtime_data.battery.keeper.ledger.is_at_rest
    return refusal


# --- Bad input ---


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"start": "19:00", "end": "21:00"},
            "This overlaps an existing schedule: Charge from grid, 20:00 to 05:00, Monday - Sunday." + _REST,
        ),
        (
            {"start": "03:00", "end": "06:00"},
            "This overlaps an existing schedule: Charge from grid, 20:00 to 05:00, Monday - Sunday." + _REST,
        ),
        ({"limit": 4}, "The limit can't be 4 %. Choose 5 to 100 %."),
        ({"limit": 0}, "The limit can't be 0 %. Choose 5 to 100 %."),
        ({"family": "dtg", "limit": 11}, "The limit can't be 11 %. Choose 12 to 100 %."),
        ({"end": "09:00"}, "A schedule can't start and end at the same time."),
    ],
)
async def test_what_cannot_be_is_refused_with_what_can(batteries: BatteryHouse, fields: dict[str, object], words: str) -> None:
    batteries.battery.set(very_low_soc=12)
    assert await _words(batteries, await _refused(batteries, "add_battery_schedule", **{**_NEW, **fields})) == words
    changes = {key: value for key, value in {**_NEW, **fields}.items() if key != "family"}
    assert await _words(batteries, await _refused(batteries, "import_battery_schedules", schedules=[_NEW, {**_NEW, **fields}])) == words
    batteries.battery.add_schedule(str(fields.get("family", "cfg")), "12:00", "13:00", limit=50)
    changed = next(one.id for one in batteries.battery.schedules if one.start == "12:00")
    assert await _words(batteries, await _refused(batteries, "update_battery_schedule", schedule_id=changed, **changes)) == words


@pytest.mark.parametrize("start", ["22:00", "04:59"])
async def test_a_night_is_in_the_way_on_the_day_on_which_it_ends(batteries: BatteryHouse, start: str) -> None:
    batteries.battery.delete_schedule(batteries.entry_id("cfg"))
    batteries.battery.add_schedule("cfg", "20:00", "05:00", limit=100, days=(7,), enabled=False)
    day = "sun" if start == "22:00" else "mon"
    words = await _words(batteries, await _refused(batteries, "add_battery_schedule", family="cfg", start=start, end="23:00", days=[day]))
    assert words == "This overlaps an existing schedule: Charge from grid, 20:00 to 05:00, Sunday." + _REST
    await batteries.asked("add_battery_schedule", family="cfg", start=start, end="23:00", days=["sat"], wait=MOST_WAITED)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es", "Se solapa con una programación existente: Carga desde la red, de 20:00 a 05:00, Domingo."),
        ("it", "Si sovrappone a un programma esistente: Carica dalla rete, dalle 20:00 alle 05:00, Domenica."),
        ("pt", "Sobrepõe-se a um agendamento existente: Carregamento a partir da rede, das 20:00 às 05:00, Domingo."),
        ("pl", "Nakłada się na istniejący harmonogram: Ładowanie z sieci, od 20:00 do 05:00, niedziela."),
        ("sv", "Detta överlappar ett befintligt schema: Laddning från elnätet, 20:00 till 05:00, Söndag."),
        ("nb", "Dette overlapper en eksisterende tidsplan: Lading fra strømnettet, 20:00 til 05:00, Søndag."),
        ("is", "This overlaps an existing schedule: Charge from grid, 20:00 to 05:00, Sunday."),
    ],
)
async def test_what_is_in_the_way_is_named_in_the_language_of_the_house(batteries: BatteryHouse, language: str, words: str) -> None:
    await batteries.hass.config.async_update(language=language)
    await async_load_integrations(batteries.hass, {DOMAIN})
    batteries.battery.delete_schedule(batteries.entry_id("cfg"))
    batteries.battery.add_schedule("cfg", "20:00", "05:00", limit=100, days=(7,))
    refusal = await _refused(batteries, "add_battery_schedule", family="cfg", start="22:00", end="23:00", days=["sun"])
    assert (await _words(batteries, refusal)).startswith(words)


async def test_a_name_without_its_translation_stays_as_the_actions_know_it(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hass.data[TRANSLATION_FLATTEN_CACHE].cache_data, "cache", {})
    entry = BatteryEntry(family=BatteryFamily.CHARGE_FROM_GRID, start=time(20), end=time(5), days=(7,), limit=100, time_zone=None)
    assert placeholders_of(entry) == {"family": "charge_from_grid", "start": "20:00", "end": "05:00", "days": "sun"}


async def test_two_entries_of_one_import_may_not_overlap_either(batteries: BatteryHouse) -> None:
    other = {**_NEW, "start": "10:00", "end": "12:00"}
    words = await _words(batteries, await _refused(batteries, "import_battery_schedules", schedules=[_NEW, other]))
    assert words == "This overlaps an existing schedule: Charge from grid, 09:00 to 11:30, Monday, Tuesday." + _REST


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        ("add_battery_schedule", {**_NEW, "days": []}),
        ("add_battery_schedule", {**_NEW, "days": ["monday"]}),
        ("add_battery_schedule", {**_NEW, "limit": 101}),
        ("add_battery_schedule", {**_NEW, "limit": "full"}),
        ("add_battery_schedule", {**_NEW, "start": "25:00"}),
        ("add_battery_schedule", {**_NEW, "family": "charge"}),
        ("add_battery_schedule", {**_NEW, "wait": 901}),
        ("add_battery_schedule", {**_NEW, "wait": -1}),
        ("delete_battery_schedule", {"all": True, "family": "cfg"}),
        ("import_battery_schedules", {"schedules": [{"family": "cfg"}]}),
        ("set_battery_override", {"action": "charge", "until_state_of_charge": 4}),
        ("set_battery_override", {"action": "charge", "until_state_of_charge": 80, "duration": "01:00:00"}),
        ("set_battery_override", {"action": "explode", "duration": "01:00:00"}),
    ],
)
async def test_what_makes_no_sense_is_refused(batteries: BatteryHouse, service: str, fields: dict[str, object]) -> None:
    batteries.sim.requests.clear()
    with pytest.raises(vol.Invalid):
        await batteries.asked(service, **fields)
    assert batteries.sim.count() == 0


@pytest.mark.parametrize(
    ("service", "fields", "key"),
    [
        ("delete_battery_schedule", {}, "nothing_to_delete"),
        ("delete_battery_schedule", {"all": False}, "nothing_to_delete"),
        ("delete_battery_schedule", {"schedule_id": "gone"}, "slot_unknown"),
        ("update_battery_schedule", {"schedule_id": "gone"}, "slot_unknown"),
        ("set_battery_override", {"action": "hold"}, "override_without_end"),
        ("set_battery_override", {"action": "hold", "duration": "00:00:30"}, "override_too_long"),
        ("set_battery_override", {"action": "hold", "duration": "23:01:00"}, "override_too_long"),
    ],
)
async def test_what_is_missing_is_asked_for(batteries: BatteryHouse, service: str, fields: dict[str, object], key: str) -> None:
    assert (await _refused(batteries, service, **fields)).translation_key == key


# --- What only the cloud knows ---


@pytest.mark.parametrize("names_the_wrong_one", [False, True])
async def test_a_conflict_across_families_is_explained_with_what_is_really_there(
    batteries: BatteryHouse, names_the_wrong_one: bool
) -> None:
    batteries.battery.switches.wrong_family_named = names_the_wrong_one
    before = batteries.entries
    refusal = await batteries.refused("add_battery_schedule", family="rbd", start="19:00", end="19:30", days=["fri"])
    assert (
        await _words(batteries, refusal)
        == "This overlaps an existing schedule: Discharge to grid, 18:00 to 20:00, Monday - Friday." + _REST
    )
    assert batteries.entries == before
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest
    # Whoever asked was told: nothing is left over from it.
    assert batteries.battery_state("sensor", "pending_change") == "none"


async def test_a_schedule_that_is_off_is_in_the_way_and_the_refusal_says_what_to_do(batteries: BatteryHouse) -> None:
    batteries.battery.set(charge_from_grid=False)
    await batteries.pass_time(minutes=6)
    (start, end) = next((one.start, one.end) for one in batteries.battery.schedules if one.family.value == "cfg")

    refusal = await batteries.refused("add_battery_schedule", family="charge_from_grid", start=str(start), end=str(end))

    assert refusal.translation_key == "schedule_conflict"
    assert "It counts even while it's off. Change or delete it first" in str(refusal)


async def test_what_the_cloud_refuses_of_an_import_leaves_what_was_added_before_it(batteries: BatteryHouse) -> None:
    """Whether families may overlap is only known when the cloud is asked, one after the other."""
    before = batteries.entries
    refused = {"family": "rbd", "start": "19:00", "end": "19:30"}
    later = {"family": "rbd", "start": "06:00", "end": "06:30"}
    asked_at = batteries.hass.loop.time()
    refusal = await batteries.refused("import_battery_schedules", schedules=[_NEW, refused, later], wait=MOST_WAITED)
    assert refusal.translation_key == "schedule_conflict"
    assert batteries.hass.loop.time() - asked_at < 5, "nobody waits for the apply to hear of it"
    await batteries.pass_time(minutes=70)
    assert batteries.entries == before | {("cfg", "09:00", "11:30", (1, 2), 80, True)}, "what was added was applied, too"


async def test_where_the_cloud_allows_it_families_overlap(batteries: BatteryHouse) -> None:
    batteries.battery.switches.cross_family_conflicts = False
    answer = await batteries.asked("add_battery_schedule", family="rbd", start="19:00", end="19:30", wait=MOST_WAITED)
    assert answer["state"] == "applied"


async def test_a_conflict_with_what_came_in_between_is_explained_with_it(batteries: BatteryHouse) -> None:
    """Somebody adds another one in the app after the schedules were read: the first list that is read is an old one."""
    batteries.battery.switches.empty_schedule_reads = 2
    refusal = await batteries.refused("add_battery_schedule", family="cfg", start="21:00", end="22:00")
    words = await _words(batteries, refusal)
    assert words == "This overlaps an existing schedule: Charge from grid, 20:00 to 05:00, Monday - Sunday." + _REST
    assert len(batteries.battery.schedules) == 2


async def test_a_conflict_with_nothing_that_is_there_says_what_the_cloud_says(batteries: BatteryHouse) -> None:
    error = {"error": {"status": "CONFLICTING_SCHEDULE_CFG", "message": "There is a conflict"}}
    batteries.sim.faults.add(path="/schedules$", method="POST", status=409, body=error, times=1)
    assert "There is a conflict" in await _words(batteries, await batteries.refused("add_battery_schedule", **_NEW))


async def test_a_change_of_an_entry_that_the_cloud_refuses_leaves_it_as_it_was(batteries: BatteryHouse) -> None:
    before = batteries.entries
    schedule_id = batteries.entry_id("cfg")
    refusal = await batteries.refused("update_battery_schedule", schedule_id=schedule_id, start="18:30", end="19:30", wait=MOST_WAITED)
    assert (
        await _words(batteries, refusal)
        == "This overlaps an existing schedule: Discharge to grid, 18:00 to 20:00, Monday - Friday." + _REST
    )
    await batteries.pass_time(minutes=70)
    assert batteries.entries == before
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest


@pytest.mark.parametrize(("status", "key"), [(400, "request_rejected"), (429, "rate_limited"), (503, "no_answer")])
async def test_other_refusals_are_told_and_change_nothing(batteries: BatteryHouse, status: int, key: str) -> None:
    batteries.sim.faults.add(path="/schedules$", method="POST", status=status)
    assert (await batteries.refused("add_battery_schedule", **_NEW)).translation_key == key
    await batteries.pass_time(minutes=20)
    assert len(batteries.entries) == 2
    assert batteries.entry.runtime_data.battery.keeper.ledger.is_at_rest


# --- Not now, and not here ---


@pytest.mark.parametrize(("service", "fields"), _CHANGES)
@pytest.mark.parametrize(
    ("feature", "key"),
    [
        ("system_task", "battery_busy"),
        ("dr_event_active", "battery_event"),
    ],
)
async def test_nothing_is_written_while_the_cloud_has_the_battery(
    batteries: BatteryHouse, service: str, fields: dict[str, object], feature: str, key: str
) -> None:
    setattr(batteries.battery.features, feature, True)
    assert (await _refused(batteries, service, **fields)).translation_key == key
    assert batteries.entry.runtime_data.overrides.active is None


@pytest.mark.parametrize(("service", "fields"), _CHANGES)
async def test_who_is_not_the_owner_may_only_look(
    build_battery_house: BatteryHouseBuilder, service: str, fields: dict[str, object]
) -> None:
    house = await build_battery_house(prepare=lambda sim: sim.battery.features.update({"is_owner": False}))
    assert (await _refused(house, service, **fields)).translation_key == "battery_not_allowed"
    assert len((await house.asked("get_battery_schedules"))["schedules"]) == 2


async def test_an_installer_may(build_battery_house: BatteryHouseBuilder) -> None:
    house = await build_battery_house(prepare=lambda sim: sim.battery.features.update({"is_owner": False, "is_installer": True}))
    assert (await house.asked("add_battery_schedule", **_NEW, wait=MOST_WAITED))["state"] == "applied"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"locked": True}, "family_locked"),
        ({"schedule_supported": False}, "family_not_supported"),
    ],
)
@pytest.mark.parametrize(("family", "action"), [("cfg", "charge"), ("dtg", "discharge"), ("rbd", "hold")])
async def test_a_family_that_the_site_may_not_use(
    build_battery_house: BatteryHouseBuilder, family: str, action: str, values: dict[str, bool], key: str
) -> None:
    def prepare(sim: Simulator) -> None:
        for entry in list(sim.battery.schedules):
            sim.battery.delete_schedule(entry.id)
        getattr(sim.battery.features.controls, family).update(values)

    house = await build_battery_house(prepare=prepare)
    fields = {"family": family, "start": "09:00", "end": "10:00"}
    assert (await _refused(house, "add_battery_schedule", **fields)).translation_key == key
    assert (await _refused(house, "import_battery_schedules", schedules=[fields])).translation_key == key
    assert (await _refused(house, "set_battery_override", action=action, duration="01:00:00")).translation_key == key


# --- Who may ---


async def _user(hass: HomeAssistant, policy: dict[str, bool]) -> str:
    user = MockUser(name="Guest").add_to_hass(hass)
    user.mock_policy({"entities": {"domains": {"switch": policy, "sensor": policy}}})
    return user.id


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        *_CHANGES,
        ("get_battery_schedules", {}),
        ("restore_battery_schedules", {}),
        ("clear_battery_override", {}),
        ("validate_battery_schedule", _NEW),
    ],
)
async def test_who_may_only_look_at_the_switches_may_not(batteries: BatteryHouse, service: str, fields: dict[str, object]) -> None:
    batteries.sim.requests.clear()
    with pytest.raises(Unauthorized):
        await batteries.asked(service, as_user=await _user(batteries.hass, {POLICY_READ: True}), **fields)
    assert batteries.sim.count() == 0


async def test_who_may_control_the_switches_may(batteries: BatteryHouse) -> None:
    user = await _user(batteries.hass, {POLICY_READ: True, POLICY_CONTROL: True})
    assert (await batteries.asked("add_battery_schedule", as_user=user, **_NEW, wait=MOST_WAITED))["state"] == "applied"


# --- Several at once ---


async def test_wishes_that_come_within_two_seconds_are_one_request(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    batteries.sim.requests.clear()
    wishes = [
        batteries.hass.async_create_task(batteries.call(domain, service, entity_id=batteries.site_entity_id(domain, key), **data))
        for domain, service, key, data in (
            ("number", "set_value", "reserve", {"value": 40}),
            ("number", "set_value", "shutdown_level", {"value": 10}),
            ("switch", "turn_on", "restrict_battery_discharge", {}),
        )
    ]
    await batteries.until(lambda: all(wish.done() for wish in wishes))
    await batteries.pass_time(minutes=1)
    (written,) = [one.body for one in batteries.sim.requests if one.method == "PUT"]
    assert written == {"batteryBackupPercentage": 40, "veryLowSoc": 10, "rbdControl": {"enabled": True}}
    settings = batteries.battery.settings
    assert (settings.reserve, settings.very_low_soc, settings.restrict_discharge) == (40, 10, True)
    assert batteries.battery_state("number", "reserve") == "40.0"
    assert batteries.battery_state("switch", "restrict_battery_discharge") == "on"


async def test_of_two_wishes_for_the_same_the_later_one_counts(batteries: BatteryHouse) -> None:
    batteries.add_hold()
    entity_id = batteries.site_entity_id("switch", "restrict_battery_discharge")
    wishes = [
        batteries.hass.async_create_task(batteries.call("switch", service, entity_id=entity_id))
        for service in ("turn_on", "turn_off", "turn_on")
    ]
    batteries.sim.requests.clear()
    await batteries.until(lambda: all(wish.done() for wish in wishes))
    await batteries.pass_time(minutes=2)
    assert batteries.sim.count(method="PUT") == 1
    assert batteries.battery.settings.restrict_discharge


async def test_schedules_that_are_changed_at_once_are_changed_one_after_the_other(batteries: BatteryHouse) -> None:
    hours = range(6, 10)
    adds = [
        batteries.hass.async_create_task(
            batteries.call(DOMAIN, "add_battery_schedule", family="cfg", start=f"{hour:02}:00", end=f"{hour:02}:30")
        )
        for hour in hours
    ]
    await batteries.until(lambda: all(add.done() for add in adds))
    await batteries.pass_time(minutes=70)
    assert [add.exception() for add in adds] == [None] * len(hours)
    assert {one.start for one in batteries.battery.schedules} == {"20:00", "18:00", *(f"{hour:02}:00" for hour in hours)}


async def test_of_two_that_overlap_the_second_is_refused(batteries: BatteryHouse) -> None:
    adds = [batteries.hass.async_create_task(batteries.call(DOMAIN, "add_battery_schedule", **_NEW)) for _ in range(2)]
    await batteries.until(lambda: all(add.done() for add in adds))
    assert adds[0].exception() is None
    assert isinstance(adds[1].exception(), ServiceValidationError)
    assert len(batteries.battery.schedules) == 3
