"""What a loaded config entry works with."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .battery.coordinator import BatteryCoordinator
from .battery.override_control import BatteryOverrides
from .charger.commands import ChargerCommands
from .charger.coordinator import ChargerCoordinator
from .charger.details_coordinator import DetailsCoordinator
from .charger.gathering import Steps
from .charger.planner import ChargePlanner
from .charger.store import SiteStore
from .enlighten import Account
from .options import SiteOptions
from .site.live import LiveCoordinator
from .site.model import SiteFacts
from .site.owner_gateway import OwnerGateway
from .site.start import SiteServices

type EnphaseConfigEntry = ConfigEntry[EnphaseRuntimeData]


@dataclass
class EnphaseRuntimeData:
    """The account, what is remembered, what was chosen, and the coordinators of one site.

    The coordinators take a plain `ConfigEntry`: they do not import this module, which imports them.
    """

    account: Account
    store: SiteStore
    options: SiteOptions
    site_facts: SiteFacts
    chargers: ChargerCoordinator
    charger_commands: ChargerCommands
    details: DetailsCoordinator
    battery: BatteryCoordinator
    overrides: BatteryOverrides
    live: LiveCoordinator
    gateway: OwnerGateway | None
    site: SiteServices
    planner: ChargePlanner
    steps: Steps
