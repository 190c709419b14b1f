"""Enphase IQ EV Chargers and IQ Batteries through the Enlighten cloud."""

import asyncio
from contextlib import suppress

from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .account_issues import clear_account_issues, clear_gateway_issues
from .accounts import async_get_accounts
from .battery.coordinator import BatteryCoordinator
from .battery.hanging_scheduler import HangingSchedulerWatch
from .battery.issues import clear_battery_issues, raise_ledger_issues
from .battery.keeper import Keeper
from .battery.ledger_store import LedgerStore
from .battery.override_control import BatteryOverrides
from .battery.winding_up import async_wind_up
from .battery.witness import WitnessWatch
from .charger.commands import ChargerCommands
from .charger.coordinator import ChargerCoordinator
from .charger.details_coordinator import DetailsCoordinator
from .charger.devices import update_charger_device
from .charger.gateway_session import open_gateway
from .charger.gathering import Steps
from .charger.issues import clear_charger_issues
from .charger.local_first import LocalFirstChargers
from .charger.planner import ChargePlanner
from .charger.store import SiteStore
from .const import CONF_SITE, DOMAIN
from .enlighten import Account, Batteries, ChargerHistory, Chargers, ChargerSettings, ChargingSchedules, GatewayReads, LiveStreams
from .entity import battery_device_info, battery_identifier, site_device_info
from .migration import async_migrate, async_take_over, is_of_the_other
from .options import SiteOptions
from .runtime import EnphaseConfigEntry, EnphaseRuntimeData
from .services import async_setup_services
from .site.car_switch import async_follow_car_switch
from .site.event_notes import EventNotes
from .site.live import LiveCoordinator
from .site.model import SiteFacts
from .site.owner_gateway import OwnerGateway
from .site.plan_prices import PlanPrices
from .site.sign_in_wait import set_up_again_at
from .site.start import async_forget_site, async_start_site

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TIME,
    Platform.UPDATE,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions."""
    async_setup_services(hass)
    return True


async def async_migrate_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> bool:
    """Bring an entry up to date: one of an earlier release, or one of the other integration of this domain."""
    if is_of_the_other(entry):
        return await async_take_over(hass, entry)
    await async_migrate(hass, entry)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> bool:
    """Set up a site."""
    set_up_again_at(hass, entry, None)
    accounts = async_get_accounts(hass)
    account = await accounts.async_acquire(entry.data[CONF_EMAIL])
    is_set_up = False
    try:
        if password := entry.data.get(CONF_PASSWORD):
            account.password = password
        entry.runtime_data = await _async_start(hass, entry, account)
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
        for charger in entry.runtime_data.chargers.data.values():
            update_charger_device(hass, entry, charger)
        is_set_up = True
    finally:
        if not is_set_up:
            await accounts.async_release(account)
    return True


async def _async_start(hass: HomeAssistant, entry: EnphaseConfigEntry, account: Account) -> EnphaseRuntimeData:
    """Read everything that is needed before entities can be added."""
    site_id: str = entry.data[CONF_SITE]
    options = SiteOptions.read(entry.options, hass.config.country)
    account.transport.request_timeout = options.request_timeout
    store = SiteStore(hass, entry.entry_id)
    await store.async_load()
    site = SiteFacts(site_id, account)
    history = ChargerHistory(account, site_id)
    client = LocalFirstChargers(hass, entry, Chargers(account, site_id), open_gateway(hass, entry, options), store)
    chargers = ChargerCoordinator(hass, entry, site, client, history, store, options)
    failure = await _first_failure(chargers)
    steps = Steps(hass, entry)
    commands = ChargerCommands(chargers, steps)
    entry.async_on_unload(chargers.async_add_listener(commands.restart_where_level_is_ignored))
    # The devices of chargers and batteries refer to the site's and to that of all batteries, which therefore come first.
    devices = dr.async_get(hass)
    devices.async_get_or_create(config_entry_id=entry.entry_id, **site_device_info(entry, site))
    batteries, ledger_store = Batteries(account, site_id), LedgerStore(hass, entry.entry_id)
    keeper = Keeper(hass, entry, batteries, ledger_store, await ledger_store.async_load())
    raise_ledger_issues(hass, entry, ledger_store)
    battery = BatteryCoordinator(hass, entry, batteries, keeper)
    await _read_batteries(battery, is_quiet=failure is not None)
    if battery.data is not None:
        devices.async_get_or_create(config_entry_id=entry.entry_id, **battery_device_info(battery))
    if failure is not None and battery.data is None:
        set_up_again_at(hass, entry, account.state.signs_in_at)
        raise failure
    async_follow_car_switch(hass, entry, store, battery)
    overrides = BatteryOverrides(battery)
    overrides.async_start()
    HangingSchedulerWatch(battery).async_start()
    gateway = OwnerGateway(hass, entry, GatewayReads(client.gateway)) if client.gateway else None
    if gateway is not None:
        WitnessWatch(battery, gateway).async_start()
    live = LiveCoordinator(hass, entry, LiveStreams(account, site_id), chargers=chargers, battery=battery, options=options, gateway=gateway)
    live.async_start()
    details, services = await asyncio.gather(
        _start_details(hass, entry, store, chargers, options),
        async_start_site(hass, entry, account, options, site, store, chargers, battery),
    )
    planner = ChargePlanner(
        hass, entry, chargers, commands, PlanPrices(hass, services.tariff, options.price_sensors), store, options.nominal_voltage
    )
    planner.async_start()
    return EnphaseRuntimeData(
        account, store, options, site, chargers, commands, details, battery, overrides, live, gateway, services, planner, steps
    )


async def _start_details(
    hass: HomeAssistant, entry: EnphaseConfigEntry, store: SiteStore, chargers: ChargerCoordinator, options: SiteOptions
) -> DetailsCoordinator:
    """Read what seldom changes; a charger is usable without it."""
    account, site_id = chargers.site.account, chargers.site.site_id
    details = DetailsCoordinator(
        hass,
        entry,
        schedules=ChargingSchedules(account, site_id),
        settings=ChargerSettings(account, site_id),
        history=ChargerHistory(account, site_id),
        chargers=chargers,
        store=store,
        reads_history=options.session_history,
    )
    await details.async_refresh()
    chargers.async_take_details(details.data)
    entry.async_on_unload(details.async_add_listener(lambda: chargers.async_take_details(details.data)))
    return details


async def _first_failure(chargers: ChargerCoordinator) -> ConfigEntryNotReady | None:
    """Ask for the chargers for the first time; return why they do not answer. A site that has a battery loads without them.

    Raises:
        ConfigEntryAuthFailed: A person has to sign in.
    """
    try:
        await chargers.async_config_entry_first_refresh()
    except ConfigEntryNotReady as err:
        return err
    return None


async def _read_batteries(battery: BatteryCoordinator, *, is_quiet: bool) -> None:
    """Ask for the batteries for the first time.

    Quietly where the chargers have not answered either: Home Assistant says why the site is not ready, once for all of its tries.

    Raises:
        ConfigEntryAuthFailed: A person has to sign in, and the chargers have not answered either.
    """
    if not is_quiet:
        await battery.async_refresh()
        return
    with suppress(ConfigEntryNotReady):
        await battery.async_config_entry_first_refresh()


async def async_unload_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> bool:
    """Unload a site; the account's connections close with the last site that uses it."""
    await entry.runtime_data.steps.async_send_now()
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.battery.keeper.async_stop()
    clear_charger_issues(hass, entry)
    clear_gateway_issues(hass, entry)
    await entry.runtime_data.store.async_save_now()
    await entry.runtime_data.site.async_save_now()
    if entry.disabled_by is not None:
        await async_wind_up(hass, entry, entry.runtime_data.account, entry.data[CONF_SITE])
    await async_get_accounts(hass).async_release(entry.runtime_data.account)
    return True


async def async_remove_config_entry_device(hass: HomeAssistant, entry: EnphaseConfigEntry, device: dr.DeviceEntry) -> bool:
    """Let a person remove a device that the site no longer has."""
    runtime = entry.runtime_data
    battery = runtime.battery.data
    there = {runtime.site_facts.site_id, *runtime.chargers.data}
    if battery is not None:
        there |= {battery_identifier(runtime.site_facts.site_id)[1], *(battery.status.units if battery.status else ())}
    return not any(domain == DOMAIN and identifier in there for domain, identifier in device.identifiers)


async def async_remove_entry(hass: HomeAssistant, entry: EnphaseConfigEntry) -> None:
    """Forget a site, and its account's session when no other site uses it."""
    set_up_again_at(hass, entry, None)
    account = await async_get_accounts(hass).async_acquire(entry.data[CONF_EMAIL])
    if password := entry.data.get(CONF_PASSWORD):
        account.password = password
    try:
        await async_wind_up(hass, entry, account, entry.data[CONF_SITE])
    finally:
        await async_get_accounts(hass).async_release(account)
    clear_account_issues(hass, entry)
    clear_battery_issues(hass, entry)
    await SiteStore(hass, entry.entry_id).async_remove()
    await LedgerStore(hass, entry.entry_id).async_remove()
    await EventNotes(hass, entry.entry_id).async_remove()
    await async_forget_site(hass, entry)
    email = entry.data.get(CONF_EMAIL)
    if email and all(other.data.get(CONF_EMAIL) != email for other in hass.config_entries.async_entries(DOMAIN)):
        await async_get_accounts(hass).async_forget(email)
