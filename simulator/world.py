"""Everything that exists in the simulated cloud."""

from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from .accounts import Account, Doorkeeper, Secrets
from .battery.battery import Battery
from .charger import Charger
from .clock import Clock
from .faults import Faults
from .live import LiveStreams
from .mqtt import AnswerStreams
from .received import ReceivedRequest
from .site import Site
from .switches.deployment import Deployment


@dataclass
class World:
    """Accounts, sites, switches, faults, and what was asked of them."""

    clock: Clock
    random: Random
    scenario: str = ""
    deployment: Deployment = field(default_factory=Deployment)
    faults: Faults = field(default_factory=Faults)
    sites: dict[str, Site] = field(default_factory=dict)
    requests: list[ReceivedRequest] = field(default_factory=list)
    known_secrets: Secrets = field(default_factory=Secrets)
    doorkeeper: Doorkeeper = field(init=False)
    battery_tokens: dict[int, list[str]] = field(default_factory=dict)
    """The XSRF tokens that the battery service has given, by user id, the newest one last (docs/cloud-api/battery.md §2)."""
    first_summary_at: float | None = None
    """When somebody first asked what the chargers are, epoch seconds."""
    streams: AnswerStreams | None = None
    """Where the answers to battery writes can be heard over MQTT; None without a broker."""
    live_streams: LiveStreams | None = None
    """Where sites can be watched once a second; None without a broker."""

    def __post_init__(self) -> None:
        self.doorkeeper = Doorkeeper(self.clock, self.deployment, self.random, self.known_secrets)

    @property
    def accounts(self) -> list[Account]:
        """All accounts, the scenario's first one first."""
        return self.doorkeeper.accounts

    def add_site(self, site_id: str, name: str, *, time_zone: str, country: str) -> Site:
        """Build a site; `Account.site_ids` says whose it is."""
        site = Site(site_id, name, self.clock, time_zone=time_zone, country=country)
        self.sites[site_id] = site
        return site

    def add_battery(self, site: Site, user_id: int) -> Battery:
        """Put up batteries at a site; `Battery.units` says which."""
        site.battery = Battery(site, self.clock, self.deployment.battery, lambda: str(self.draw_uuid()), user_id)
        return site.battery

    def find_charger(self, serial: str | None = None) -> Charger | None:
        """A charger by serial number; the first one without."""
        chargers = [charger for site in self.sites.values() for charger in site.chargers.values()]
        return next((one for one in chargers if serial in {None, one.serial}), None)

    def draw_uuid(self) -> UUID:
        """A new id."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def secrets(self) -> set[str]:
        """Every secret or personal value used so far: e-mail, passwords, codes, sessions, tokens, serials."""
        serials = {serial for site in self.sites.values() for serial in site.chargers}
        serials |= {unit.serial for site in self.sites.values() if site.battery for unit in site.battery.units}
        return set(self.known_secrets) | serials

    def settle(self) -> None:
        """Let everything live up to the clock."""
        for site in self.sites.values():
            site.catch_up()
