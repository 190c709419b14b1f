"""A Home Assistant with the integration, and a simulated cloud behind it."""

from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
import logging
from pathlib import Path
import shutil
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.enphase_ev.accounts import async_get_accounts
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten.transport import GRID_SERVICES_URL_VARIABLE, URL_VARIABLE
from custom_components.enphase_ev.entity import UnitEntity
from simulator import Simulator
from simulator.gateway_inside import Role
from simulator.gateway_readings import EvseMeter
from simulator.tariff import Preset
from tests.integration.automated_house import BLUEPRINTS, AutomatedHouse
from tests.integration.battery_house import MOMENT, BatteryHouse, BatteryHouseBuilder
from tests.integration.house import FIRST_MINUTES, CloudBuilder, House, HouseBuilder, entry_of, gateway_options, sign_in
from tests.integration.planned_house import AMSTERDAM

# Home Assistant's test helpers let the recorder's database log every statement, which takes most of the time where thousands are written.
logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)


@pytest.fixture(autouse=True)
def _with_integration(enable_custom_integrations: None, socket_enabled: None, hass_storage: dict[str, object]) -> None:
    """Let Home Assistant find the integration, let it talk to this machine, and keep its files in memory."""


@pytest.fixture
def freezer(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Let every test begin at the same moment, whatever the hour is: a Wednesday, 13:10 in Melbourne and 05:10 in Amsterdam."""
    freezer.move_to(MOMENT)
    return freezer


@pytest.fixture
async def build_cloud(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch, strict: bool
) -> AsyncIterator[CloudBuilder]:
    """Return a function that starts a simulated cloud which the integration takes for Enlighten."""
    async with AsyncExitStack() as stack:

        async def build(scenario: str = "one_charger", *, gateway: bool = False, grid_services: bool = False) -> Simulator:
            sim = await stack.enter_async_context(Simulator(scenario, gateway=gateway, grid_services=grid_services))
            if strict:
                sim.be_strict()
            monkeypatch.setenv(URL_VARIABLE, sim.url)
            if grid_services:
                monkeypatch.setenv(GRID_SERVICES_URL_VARIABLE, sim.grid_services.url)
            return sim

        yield build
        for entry in hass.config_entries.async_entries(DOMAIN):
            if entry.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def build_house(hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory) -> HouseBuilder:
    """Return a function that sets up a house with a scenario of the simulator."""

    async def build(
        scenario: str = "one_charger",
        *,
        prepare: Callable[[Simulator], None] = lambda _: None,
        password: str | None = None,
        gateway: Role | None = None,
        grid_services: bool = False,
        options: dict[str, object] | None = None,
        state: ConfigEntryState = ConfigEntryState.LOADED,
        **data: object,
    ) -> House:
        sim = await build_cloud(scenario, gateway=gateway is not None, grid_services=grid_services)
        if gateway is not None:
            sim.gateway.switches.role = gateway
        prepare(sim)
        accounts = async_get_accounts(hass)
        account = await accounts.async_acquire(sim.account.email)
        if state is ConfigEntryState.LOADED and password is None:
            await account.sign_in(sim.account.password)
            # What is left for later right after a sign-in is another story.
            account.state.signed_in_at = datetime.now(UTC) - FIRST_MINUTES
        entry = entry_of(sim, sim.site.id, **({CONF_PASSWORD: password} if password else {}), **data)
        entry.add_to_hass(hass)
        named = gateway_options(sim) if gateway is not None else {}
        hass.config_entries.async_update_entry(entry, options={**named, **(options or {})})
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        await accounts.async_release(account)
        assert entry.state is state
        return House(hass, sim, entry, freezer)

    return build


@pytest.fixture
def build_local_house(build_house: HouseBuilder) -> HouseBuilder:
    """Return a function that sets up houses whose gateway is asked for its chargers alone: what else it tells is tested elsewhere."""

    async def build(
        *scenario: str, prepare: Callable[[Simulator], None] = lambda _: None, options: dict[str, object] | None = None, **more: object
    ) -> House:
        def without_meter(sim: Simulator) -> None:
            if more.get("gateway") is not None:
                sim.gateway.switches.owner.evse_meter = EvseMeter.ABSENT
            prepare(sim)

        return await build_house(*scenario, prepare=without_meter, options={"live_power": "off", **(options or {})}, **more)

    return build


@pytest.fixture
async def local(build_local_house: HouseBuilder) -> House:
    """Two chargers, the first charging, behind a gateway in the house that is open."""
    return await build_local_house("two_chargers", gateway=Role.INSTALLER)


@pytest.fixture
async def house(build_house: HouseBuilder) -> House:
    """A house with one charger, a vehicle plugged in, nothing charging."""
    return await build_house()


# Off in new installations, and on in those of before, which most tests look at.
_ONCE_ON = {
    *("app_authentication", "available_power", "battery_last_successful_update", "cancel_profile_change", "charge_mode", "charging"),
    *("connected", "connector_status", "default_charge_level", "demand_response", "ev_charging", "grid_mode", "health"),
    *("last_session_cost", "last_session_range"),
    *("next_import_price_change", "off_peak_slot", "override_active", "phase_mode", "refresh_battery"),
    *("restore_schedules", "rfid_authentication", "safe_limit", "schedule_open", "shutdown_level", "start_charging"),
    *("stop_charging", "storm_guard_ev", "system_profile", "unit_status"),
}


def _is_on_in_tests(entity: Entity) -> bool:
    description = getattr(entity, "entity_description", None)
    own = getattr(entity, "_attr_entity_registry_enabled_default", None)
    if description is None:
        # One of Home Assistant's own.
        return own is not False
    own = description.entity_registry_enabled_default if own is None else own
    is_once_on = (description.translation_key or description.key) in _ONCE_ON
    is_once_on = is_once_on and not (isinstance(entity, UnitEntity) and description.key in {"available_power", "charging"})
    return own or is_once_on


@pytest.fixture(autouse=True)
def _as_before(request: pytest.FixtureRequest) -> Generator[None]:
    """Have on what was on before, unless a test is about a new installation: then it asks for `as_installed`."""
    if "as_installed" in request.fixturenames:
        yield
        return
    with patch.object(Entity, "entity_registry_enabled_default", property(_is_on_in_tests)):
        yield


@pytest.fixture
def as_installed() -> None:
    """Leave off what is off in a new installation."""


@pytest.fixture
def all_entities_enabled() -> Generator[None]:
    """Enable what is off until somebody enables it."""
    with patch.object(Entity, "entity_registry_enabled_default", True):
        yield


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return snapshots that leave out what differs from run to run."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
def sign_in_house(hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory) -> HouseBuilder:
    """Return a function that sets up a house by signing in through the forms."""

    async def build(scenario: str, *, remembers: bool = True) -> House:
        sim = await build_cloud(scenario)
        return House(hass, sim, await sign_in(hass, sim, remembers=remembers), freezer)

    return build


@pytest.fixture
def build_battery_house(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> BatteryHouseBuilder:
    """Return a function that sets up a house with batteries."""

    async def build(scenario: str = "battery_only", **options: object) -> BatteryHouse:
        freezer.move_to(MOMENT)
        house = await build_house(scenario, **options)
        # A debugging loop takes every leap of the clock for a callback that blocks.
        house.hass.loop.set_debug(False)
        return BatteryHouse(house.hass, house.sim, house.entry, house.freezer)

    return build


@pytest.fixture
async def batteries(build_battery_house: BatteryHouseBuilder) -> BatteryHouse:
    """A house with two batteries and no charger, an entry to charge from and one to discharge to the grid."""
    return await build_battery_house()


@pytest.fixture
def build_planned(build_house: HouseBuilder, freezer: FrozenDateTimeFactory) -> HouseBuilder:
    """Return a function that sets up a house with an empty car at a time on its own clocks; a kWh is cheap from 22 to 7 h."""

    async def build(at: str = "2026-11-30T18:00", *, prepare: Callable[[Simulator], None] = lambda _: None, **more: object) -> House:
        def empty(sim: Simulator) -> None:
            sim.world.deployment.tariff.preset = Preset.TOU
            vehicle = sim.charger().vehicle
            assert vehicle is not None
            vehicle.battery_wh = 1e6
            prepare(sim)

        freezer.move_to(datetime.fromisoformat(at).replace(tzinfo=AMSTERDAM).astimezone(UTC))
        house = await build_house("car_only", prepare=empty, **more)
        house.hass.loop.set_debug(False)
        return house

    return build


@pytest.fixture
async def automated(hass: HomeAssistant, tmp_path: Path, build_battery_house: BatteryHouseBuilder) -> AsyncIterator[AutomatedHouse]:
    """A house whose Home Assistant has the blueprints, and a phone that keeps what it is sent."""
    await hass.config.async_set_time_zone("Australia/Melbourne")
    hass.config.config_dir = str(tmp_path)
    # Home Assistant puts some of its own beside them.
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    house = await build_battery_house("battery_site")
    for entry in list(house.battery.schedules):
        house.battery.delete_schedule(entry.id)
    told = async_mock_service(hass, "notify", "send_message")
    yield AutomatedHouse(house.hass, house.sim, house.entry, house.freezer, told)
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)
