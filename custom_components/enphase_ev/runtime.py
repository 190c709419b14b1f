"""What a loaded config entry works with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntry

if TYPE_CHECKING:
    from .battery.coordinator import BatteryCoordinator
    from .battery.override import BatteryOverrides
    from .charger.coordinator import ChargerCoordinator
    from .charger.details_coordinator import DetailsCoordinator
    from .charger.store import SiteMemoryStore
    from .enlighten import Account
    from .options import SiteOptions

type EnphaseConfigEntry = ConfigEntry[EnphaseRuntimeData]


@dataclass
class EnphaseRuntimeData:
    """The account, what is remembered, what was chosen, and the coordinators of one site."""

    account: Account
    memory: SiteMemoryStore
    options: SiteOptions
    chargers: ChargerCoordinator
    details: DetailsCoordinator
    battery: BatteryCoordinator
    overrides: BatteryOverrides
