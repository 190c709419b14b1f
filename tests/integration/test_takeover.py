"""Coming from the other public integration of this domain: one start, and everything goes on."""

from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest

from custom_components.enphase_ev import async_setup
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_REMEMBER_PASSWORD, CONF_SITE, DOMAIN, ENTRY_VERSION
from simulator import Simulator
from tests.integration.house import CloudBuilder, House
from tests.integration.the_other import (
    COUNTERPARTS,
    SITE_COUNTERPARTS,
    WITHOUT_COUNTERPART,
    entry_of_the_other,
    registries_of_the_other,
)


@pytest.fixture
async def sim(build_cloud: CloudBuilder) -> Simulator:
    return await build_cloud("home")


async def _start(hass: HomeAssistant, entry_id: str) -> None:
    await hass.config_entries.async_setup(entry_id)
    await hass.async_block_till_done()


def _entity_ids(hass: HomeAssistant, entry_id: str) -> dict[str, str]:
    """Entity ids by platform and unique id."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry_id)
    return {f"{entity.domain}.{entity.unique_id}": entity.entity_id for entity in found}


def _log(caplog: pytest.LogCaptureFixture) -> str:
    """What a person finds in the log of the integration."""
    return "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("custom_components"))


def _note(hass: HomeAssistant, entry_id: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"taken_over_{entry_id}")


async def test_nobody_is_asked_and_no_sign_in_is_spent(hass: HomeAssistant, sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    entry = entry_of_the_other(hass, sim)

    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 0
    assert hass.config_entries.flow.async_progress() == []
    assert (entry.version, entry.unique_id, dict(entry.options)) == (ENTRY_VERSION, sim.site.id, {})
    assert entry.title == f"Enphase EV {sim.site.id}"
    assert (entry.data[CONF_EMAIL], entry.data[CONF_SITE], entry.data[CONF_CHARGERS]) == (
        sim.account.email,
        sim.site.id,
        [*sim.site.chargers],
    )
    assert [key for key in entry.data if key in {"cookie", "e_auth_token", "session_id", CONF_PASSWORD}] == []
    assert [secret for secret in sim.secrets() if secret in _log(caplog)] == []


async def test_entity_ids_stay(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    before = registries_of_the_other(hass, sim, entry)

    await _start(hass, entry.entry_id)

    after = _entity_ids(hass, entry.entry_id)
    for serial in sim.site.chargers:
        for (domain, old), key in COUNTERPARTS.items():
            assert after[f"{domain}.{serial}_{key}"] == before[f"{domain}.enphase_ev_{serial}_{old}"]
    for (domain, old), key in SITE_COUNTERPARTS.items():
        assert after[f"{domain}.{sim.site.id}_{key}"] == before[f"{domain}.enphase_ev_site_{sim.site.id}_{old}"]
    states = {entity_id: hass.states.get(entity_id) for entity_id in after.values()}
    # Live power comes once somebody listens to it.
    taken_over = [state for entity_id, state in states.items() if "the_other" in entity_id and "grid_power" not in entity_id]
    assert len(taken_over) == len(COUNTERPARTS) * len(sim.site.chargers) + len(SITE_COUNTERPARTS)
    assert [state for state in taken_over if state is None or state.state == STATE_UNAVAILABLE or state.attributes.get("restored")] == []


async def test_names_and_areas_stay(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    registries_of_the_other(hass, sim, entry)
    registry = dr.async_get(hass)
    before = {serial: registry.async_get_device_by_identifier((DOMAIN, serial), entry.entry_id) for serial in sim.site.chargers}
    cloud = registry.async_get_device_by_identifier((DOMAIN, f"site:{sim.site.id}"), entry.entry_id)
    assert cloud is not None

    await _start(hass, entry.entry_id)

    for serial, device in before.items():
        assert device is not None
        now = registry.async_get_device_by_identifier((DOMAIN, serial), entry.entry_id)
        assert now is not None
        assert (now.id, now.name_by_user, now.area_id) == (device.id, f"Wallbox {serial[-1]}", "garage")
    site = registry.async_get_device_by_identifier((DOMAIN, sim.site.id), entry.entry_id)
    assert site is not None
    assert site.id == cloud.id
    assert registry.async_get_device_by_identifier((DOMAIN, "gateway"), entry.entry_id) is None


async def test_what_a_person_changed_about_an_entity_stays(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    ids = registries_of_the_other(hass, sim, entry)
    registry, serial = er.async_get(hass), sim.charger().serial
    renamed = ids[f"sensor.enphase_ev_{serial}_power"]
    registry.async_update_entity(renamed, name="Draws", icon="mdi:flash", new_entity_id="sensor.wallbox_draws")
    unwanted = ids[f"sensor.enphase_ev_{serial}_status"]
    registry.async_update_entity(unwanted, disabled_by=er.RegistryEntryDisabler.USER)

    await _start(hass, entry.entry_id)

    power = registry.async_get("sensor.wallbox_draws")
    assert power is not None
    assert (power.unique_id, power.name, power.icon) == (f"{serial}_power", "Draws", "mdi:flash")
    status = registry.async_get(unwanted)
    assert status is not None
    assert (status.unique_id, status.disabled_by) == (f"{serial}_status", er.RegistryEntryDisabler.USER)


async def test_units_stay(hass: HomeAssistant, sim: Simulator) -> None:
    """What was counted in kilowatt hours goes on in kilowatt hours, although the cloud counts in watt hours."""
    entry = entry_of_the_other(hass, sim)
    ids = registries_of_the_other(hass, sim, entry)

    await _start(hass, entry.entry_id)

    charger = sim.charger()
    lifetime = hass.states.get(ids[f"sensor.enphase_ev_{charger.serial}_lifetime_kwh"])
    assert lifetime is not None
    assert lifetime.attributes["unit_of_measurement"] == "kWh"
    assert float(lifetime.state) == pytest.approx(charger.reported.lifetime_wh / 1000, abs=0.1)
    for key, unit in {
        f"{charger.serial}_energy_today": "kWh",
        f"{charger.serial}_power": "W",
        f"site_{sim.site.id}_latency_ms": "ms",
    }.items():
        state = hass.states.get(ids[f"sensor.enphase_ev_{key}"])
        assert state is not None
        assert state.attributes["unit_of_measurement"] == unit


async def test_what_has_no_counterpart_is_listed_once(hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory) -> None:
    entry = entry_of_the_other(hass, sim)
    ids = registries_of_the_other(hass, sim, entry)

    await _start(hass, entry.entry_id)

    gone = [ids[f"{domain}.enphase_ev_{serial}_{suffix}"] for serial in sim.site.chargers for domain, suffix in WITHOUT_COUNTERPART]
    gone.append(ids[f"sensor.enphase_ev_site_{sim.site.id}_last_error_code"])
    note = _note(hass, entry.entry_id)
    assert note is not None
    assert note.is_persistent
    assert note.translation_placeholders == {"site": entry.title, "entities": "\n".join(f"- `{entity_id}`" for entity_id in sorted(gone))}
    assert [entity_id for entity_id in gone if er.async_get(hass).async_get(entity_id)] == []

    ir.async_delete_issue(hass, DOMAIN, note.issue_id)
    house = House(hass, sim, entry, freezer)
    await house.restart()
    assert _note(hass, entry.entry_id) is None


async def test_no_note_where_everything_has_a_counterpart(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)

    await _start(hass, entry.entry_id)

    assert _note(hass, entry.entry_id) is None


async def test_power_of_the_site_stays_on_its_device(hass: HomeAssistant, sim: Simulator) -> None:
    """It was on a device of its own there, which is the site's here."""
    entry = entry_of_the_other(hass, sim)
    ids = registries_of_the_other(hass, sim, entry)

    await _start(hass, entry.entry_id)

    power = er.async_get(hass).async_get(ids[f"sensor.enphase_ev_site_{sim.site.id}_grid_power"])
    assert power is not None
    assert power.unique_id == f"{sim.site.id}_grid_power"
    site = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, sim.site.id), entry.entry_id)
    assert site is not None
    assert power.device_id == site.id
    assert dr.async_get(hass).async_get_device_by_identifier((DOMAIN, "gateway"), entry.entry_id) is None


async def test_what_a_person_has_chosen_stays_within_our_limits(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    theirs = {
        "fast_poll_interval": 10,
        "slow_poll_interval": 120,
        "api_timeout": 20,
        "nominal_voltage": 240,
        "fast_while_streaming": False,
        "scan_interval": 15,
    }
    hass.config_entries.async_update_entry(entry, options=theirs)

    await _start(hass, entry.entry_id)

    assert dict(entry.options) == {
        "fast_interval": 30,
        "slow_interval": 120,
        "request_timeout": 20,
        "nominal_voltage": 240,
        "fast_while_streaming": False,
    }


async def test_what_is_too_much_or_makes_no_sense_stays_within_our_limits(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    theirs = {"fast_poll_interval": 86400, "slow_poll_interval": 5, "api_timeout": 900, "nominal_voltage": "240", "fast_while_streaming": 1}
    hass.config_entries.async_update_entry(entry, options=theirs)

    await _start(hass, entry.entry_id)

    assert dict(entry.options) == {"fast_interval": 3600, "slow_interval": 60, "request_timeout": 120}
    # The form takes what it shows.
    form = await hass.config_entries.options.async_init(entry.entry_id)
    saved = await hass.config_entries.options.async_configure(form["flow_id"], {"advanced": {}, "gateway": {}})
    await hass.async_block_till_done()
    assert saved["type"] is FlowResultType.CREATE_ENTRY
    assert {key: saved["data"][key] for key in ("fast_interval", "slow_interval", "request_timeout")} == {
        "fast_interval": 3600,
        "slow_interval": 60,
        "request_timeout": 120,
    }


async def test_who_wanted_no_chargers_gets_none(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("battery_site")
    entry = entry_of_the_other(hass, sim, site_only=True)

    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    assert entry.data[CONF_CHARGERS] == []
    assert entry.runtime_data.chargers.data == {}
    assert [one for one in ir.async_get(hass).issues.values() if one.domain == DOMAIN] == []


@pytest.mark.parametrize("key", ["auth_blocked_until", "auth_refresh_suspended_until"])
@pytest.mark.parametrize("form", ["iso", "epoch"])
async def test_a_time_until_which_nobody_may_sign_in_holds(
    hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory, key: str, form: str
) -> None:
    """The session has ended, and the password is known; the first sign-in comes when the time is over."""
    until = datetime.now(UTC) + timedelta(hours=2)
    value = until.isoformat() if form == "iso" else until.timestamp()
    entry = entry_of_the_other(hass, sim, password=sim.account.password, **{key: value})
    sim.expire_sessions()
    sim.expire_tokens()

    await _start(hass, entry.entry_id)
    house = House(hass, sim, entry, freezer)
    freezer.tick(timedelta(minutes=110))
    await house.live(60)
    assert sim.sign_ins == 0
    assert hass.config_entries.flow.async_progress() == []

    await house.live(1200)
    assert sim.sign_ins == 1
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("value", ["yesterday", None, "2020-01-01T00:00:00Z", 4e12, "9999-12-31T00:00:00Z"])
async def test_a_time_that_is_over_or_absurd_holds_nothing(hass: HomeAssistant, sim: Simulator, value: object) -> None:
    entry = entry_of_the_other(hass, sim, password=sim.account.password, auth_blocked_until=value)
    sim.expire_sessions()
    sim.expire_tokens()

    await _start(hass, entry.entry_id)

    assert sim.sign_ins == 1


# --- The session ---


async def test_a_token_that_ran_out_is_renewed_with_the_cookie(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    sim.expire_tokens()

    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 0


async def test_the_session_id_alone_will_do(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim, cookie="", e_auth_token=None)

    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 0


async def test_the_session_outlives_restarts(hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory) -> None:
    entry = entry_of_the_other(hass, sim)
    sim.world.deployment.rotate_session_on_token = True
    await _start(hass, entry.entry_id)
    house = House(hass, sim, entry, freezer)

    for _ in range(3):
        await house.restart(hours=13)

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 0
    assert hass.config_entries.flow.async_progress() == []


async def test_a_session_that_has_ended_asks_for_the_password_once(
    hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory
) -> None:
    entry = entry_of_the_other(hass, sim)
    ids = registries_of_the_other(hass, sim, entry)
    sim.expire_sessions()
    sim.expire_tokens()

    await _start(hass, entry.entry_id)
    house = House(hass, sim, entry, freezer)
    await house.restart()

    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    assert sim.sign_ins == 0
    await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_PASSWORD: sim.account.password, CONF_REMEMBER_PASSWORD: False})
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 1
    assert house.entity_id("switch", "charging") == ids[f"switch.enphase_ev_{sim.charger().serial}_charging_switch"]
    await house.restart()
    assert sim.sign_ins == 1
    assert hass.config_entries.flow.async_progress() == []


async def test_a_password_that_was_remembered_signs_in(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim, password=sim.account.password)
    sim.expire_sessions()
    sim.expire_tokens()

    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 1


async def test_the_sites_of_an_account_share_the_session(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("multi_site")
    entries = [entry_of_the_other(hass, sim, site_id=site_id) for site_id in sim.world.sites]

    # The first one brings the others along.
    await _start(hass, entries[0].entry_id)

    assert [entry.state for entry in entries] == [ConfigEntryState.LOADED] * len(sim.world.sites)
    assert sim.sign_ins == 0


# --- What goes wrong ---


async def test_a_crash_before_the_entry_was_saved(hass: HomeAssistant, sim: Simulator) -> None:
    """The registries were written and the entry was not: the next start finds the old one."""
    entry = entry_of_the_other(hass, sim)
    before = dict(entry.data)
    registries_of_the_other(hass, sim, entry)
    await _start(hass, entry.entry_id)
    first = _entity_ids(hass, entry.entry_id)
    await hass.config_entries.async_unload(entry.entry_id)

    hass.config_entries.async_update_entry(entry, data=before, unique_id=f"site:{sim.site.id}", version=1, minor_version=1)
    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    # The entities that are ours alone have no place in the other's entry: they are made again.
    second = _entity_ids(hass, entry.entry_id)
    assert {key: entity_id for key, entity_id in second.items() if "the_other" in entity_id} == {
        key: entity_id for key, entity_id in first.items() if "the_other" in entity_id
    }
    assert sim.sign_ins == 0


async def test_a_crash_before_anything_but_the_session_was_saved(hass: HomeAssistant, sim: Simulator) -> None:
    entry = entry_of_the_other(hass, sim)
    before = dict(entry.data)
    await _start(hass, entry.entry_id)
    await hass.config_entries.async_unload(entry.entry_id)
    # The session went on meanwhile, so the cookie in the entry is stale; the one that was kept counts.
    stale = {**before, "cookie": "_enlighten_4_session=stale", "session_id": "stale", "e_auth_token": "stale"}
    hass.config_entries.async_update_entry(entry, data=stale, unique_id=f"site:{sim.site.id}", version=1, minor_version=1)
    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.LOADED
    assert sim.sign_ins == 0


@pytest.mark.parametrize("email", [None, " "])
async def test_an_entry_without_an_address_is_left_alone(
    hass: HomeAssistant, sim: Simulator, caplog: pytest.LogCaptureFixture, email: str | None
) -> None:
    entry = entry_of_the_other(hass, sim, email=email)
    before = registries_of_the_other(hass, sim, entry)

    await _start(hass, entry.entry_id)

    assert entry.state is ConfigEntryState.MIGRATION_ERROR
    assert _entity_ids(hass, entry.entry_id) == before
    assert "cannot be taken over" in _log(caplog)
    assert [secret for secret in sim.secrets() if secret in _log(caplog)] == []


async def test_the_old_names_of_actions_answer_after_the_next_start_too(hass: HomeAssistant, sim: Simulator) -> None:
    """Where nothing was taken over there are none: tests/integration/test_offered_actions.py."""
    old_names = {"add_schedule", "update_schedule", "delete_schedule", "validate_schedule"}
    entry = entry_of_the_other(hass, sim)
    registries_of_the_other(hass, sim, entry)
    await _start(hass, entry.entry_id)
    assert old_names <= set(hass.services.async_services_for_domain(DOMAIN))

    for name in hass.services.async_services_for_domain(DOMAIN):
        hass.services.async_remove(DOMAIN, name)
    assert await async_setup(hass, {})
    assert old_names <= set(hass.services.async_services_for_domain(DOMAIN))
