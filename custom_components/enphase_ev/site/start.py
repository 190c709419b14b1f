"""Starts what is known about a site as a whole."""

from dataclasses import dataclass
from datetime import tzinfo

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..battery.coordinator import BatteryCoordinator
from ..charger.coordinator import ChargerCoordinator
from ..charger.store import SiteStore
from ..enlighten import Account, ChargerHistory, GridServices, SiteEnergy, Tariffs
from ..options import SiteOptions
from ..waiting import async_at_once
from .charging_costs import ChargingCosts
from .energy_coordinator import EnergyCoordinator, energy_store
from .grid_schedule import GridEventsCoordinator
from .history_import import HistoryImport, clear_history_issue, history_store
from .model import SiteFacts
from .prices import TariffCoordinator

_ENVOY = "enphase_envoy"


@dataclass(frozen=True)
class SiteServices:
    """The coordinators of a site; `energy` is `None` where a person does not want it."""

    energy: EnergyCoordinator | None
    tariff: TariffCoordinator
    grid_events: GridEventsCoordinator
    history: HistoryImport
    costs: ChargingCosts

    async def async_save_now(self) -> None:
        """Write what was counted and read."""
        await self.history.async_save_now()
        if self.energy is not None:
            await self.energy.async_save_now()


def wants_energy(hass: HomeAssistant, options: SiteOptions) -> bool:
    """Return whether the energy of the site is read: as chosen, else where no gateway tells it in the house, which it does better."""
    return not hass.config_entries.async_entries(_ENVOY) if options.site_energy is None else options.site_energy


async def async_start_site(
    hass: HomeAssistant,
    entry: ConfigEntry,
    account: Account,
    options: SiteOptions,
    site: SiteFacts,
    store: SiteStore,
    chargers: ChargerCoordinator,
    battery: BatteryCoordinator,
) -> SiteServices:
    """Start them; a site without any of it is a site, too."""

    def zone() -> tzinfo:
        return battery.time_zone if battery.data is not None and battery.data.site.time_zone else site.time_zone

    site_energy = SiteEnergy(account, site.site_id)
    energy = EnergyCoordinator(hass, entry, site_energy, zone) if wants_energy(hass, options) else None
    tariff = TariffCoordinator(hass, entry, Tariffs(account, site.site_id), zone)
    grid_events = GridEventsCoordinator(
        hass, entry, GridServices(account, site.site_id), site_energy, store, lambda: battery.data is not None
    )
    if energy is not None:
        await energy.async_load()
    await async_at_once(*(coordinator.async_refresh() for coordinator in (energy, tariff, grid_events) if coordinator is not None))
    history = HistoryImport(
        hass,
        entry,
        ChargerHistory(account, site.site_id),
        None if energy is None else site_energy,
        zone=zone,
        names=lambda: {serial: charger.name for serial, charger in chargers.data.items()},
        all_serials=lambda: set(site.account_chargers),
        currency=lambda: tariff.currency,
    )
    await history.async_load()
    history.async_start()
    costs = ChargingCosts(chargers, tariff, store, zone)
    entry.async_on_unload(costs.async_start())
    return SiteServices(energy, tariff, grid_events, history, costs)


async def async_forget_site(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was kept about a site that goes."""
    await energy_store(hass, entry).async_remove()
    await history_store(hass, entry).async_remove()
    clear_history_issue(hass, entry)
