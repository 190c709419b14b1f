"""Everything that exists in the simulated cloud, and what scenarios build it from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import override
from uuid import UUID

from .accounts import Account, Doorkeeper, Secrets
from .battery.battery import Battery
from .battery.physics import BatteryUnit
from .charger import Charger
from .clock import Clock
from .faults import Faults
from .hardware import PHASE_SWITCH, SINGLE_PHASE_32, ChargerProfile, Hardware
from .live import LiveStreams
from .mqtt import AnswerStreams
from .offers import Vehicle
from .received import ReceivedRequest
from .report import ChargeMode, Session
from .schedules import OFF_PEAK, Slot, new_slot_id
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
        site.battery = Battery(site, self.clock, self.deployment.battery, self.draw_id, user_id)
        return site.battery

    def find_charger(self, serial: str | None = None) -> Charger | None:
        """A charger by serial number; the first one without."""
        chargers = [charger for site in self.sites.values() for charger in site.chargers.values()]
        return next((one for one in chargers if serial in {None, one.serial}), None)

    def draw_uuid(self) -> UUID:
        """A new id."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def draw_id(self) -> str:
        """A new id, as text."""
        return str(self.draw_uuid())

    @override
    def __getstate__(self) -> dict[str, object]:
        """What is kept of it on the disk: all but what listens, and what was asked."""
        return {**self.__dict__, "streams": None, "live_streams": None, "requests": []}

    def secrets(self) -> set[str]:
        """Every secret or personal value used so far: e-mail, passwords, codes, sessions, tokens, serials."""
        serials = {serial for site in self.sites.values() for serial in site.chargers}
        serials |= {unit.serial for site in self.sites.values() if site.battery for unit in site.battery.units}
        return set(self.known_secrets) | serials

    def settle(self) -> None:
        """Let everything live up to the clock."""
        for site in self.sites.values():
            site.catch_up()


PAST_DAYS = 60
INSTALLED_DAYS_AGO = 400
USER_ID = 9876543

MELBOURNE = ("Australia/Melbourne", "AU")
LOS_ANGELES = ("America/Los_Angeles", "US")
AMSTERDAM = ("Europe/Amsterdam", "NL")


@dataclass(frozen=True)
class PastOfCharger:
    """How long a charger has been there, days, and how far its sessions reach back; days before them have their energy alone."""

    installed_days_ago: int = INSTALLED_DAYS_AGO
    session_days: int = PAST_DAYS


@dataclass(frozen=True)
class Scenario:
    """A world that can be built."""

    name: str
    description: str
    build: Callable[[World], None]


class Scenarios(dict[str, Scenario]):
    """Scenarios by name."""

    def add(self, name: str, description: str) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
        """Register a function as what builds a scenario."""

        def register(build: Callable[[World], None]) -> Callable[[World], None]:
            self[name] = Scenario(name, description, build)
            return build

        return register


def family_car() -> Vehicle:
    """Big enough that a charge takes hours and its progress shows within a minute at speed 60."""
    return Vehicle(battery_wh=100_000, state_of_charge=0.2, target=0.8, max_amps=32, phases=3)


def add_account(world: World, *sites: Site, mfa: bool = False) -> Account:
    """The account of the demo, with some sites."""
    return world.doorkeeper.add(
        Account(
            email="alex.demo@example.com",
            password="Sunny-Roof-2026",  # noqa: S106 - the account of the demo
            user_id=USER_ID,
            site_ids=[site.id for site in sites],
            mfa=mfa,
        )
    )


def add_site(world: World, number: int = 0, name: str = "Main Site", place: tuple[str, str] = MELBOURNE) -> Site:
    """A site in some place."""
    site = world.add_site(str(1234567 + number), name, time_zone=place[0], country=place[1])
    site.gateway_serial = str(int(site.gateway_serial) + number)
    return site


def add_charger(
    world: World,
    site: Site,
    number: int,
    hardware: Hardware = SINGLE_PHASE_32,
    modes: tuple[ChargeMode, ...] = (ChargeMode.MANUAL, ChargeMode.SCHEDULED, ChargeMode.GREEN),
    past: PastOfCharger = PastOfCharger(),
) -> Charger:
    """A charger with a past: sessions, energy, and two schedule slots as in the app."""
    wifi = number % 2 == 0
    profile = ChargerProfile(
        serial=f"EV{number:012d}",
        name=f"IQ EV Charger_{0xABCC + number:04X}",
        hardware=hardware,
        modes=modes,
        connection="wifi" if wifi else "ethernet",
        address=f"192.0.2.{9 + number}",
    )
    charger = site.add_charger(profile)
    charger.created_at = world.clock.time() - past.installed_days_ago * 86400
    charger.configuration.values[PHASE_SWITCH] = "auto"
    charger.slots = [
        Slot(
            id=new_slot_id(site.id, charger.serial, world.draw_uuid()),
            start_time="23:00",
            end_time="06:00",
            level=hardware.max_amps,
        ),
        Slot(
            id=new_slot_id(site.id, charger.serial, world.draw_uuid()),
            start_time=None,
            end_time=None,
            level=None,
            enabled=False,
            schedule_type=OFF_PEAK,
            recurring_kind=None,
            level_type=None,
        ),
    ]
    _give_past(world, charger, past)
    return charger


def _give_past(world: World, charger: Charger, past: PastOfCharger) -> None:
    """Days of energy since it was installed, and the sessions of the last of them."""
    now, rng, site = world.clock.time(), world.random, charger.site
    total = 0.0
    for days_ago in range(past.installed_days_ago, 0, -1):
        if rng.random() < 0.55:
            continue
        energy = rng.uniform(3_000, 18_000)
        evening = datetime.fromtimestamp(now, site.zone) - timedelta(days=days_ago)
        begin = evening.replace(hour=rng.randrange(9, 17), minute=rng.randrange(60), second=0).timestamp()
        total += energy
        if days_ago > past.session_days:
            charger.remember_day(evening.date(), energy)
            continue
        active = energy / charger.hardware.watts(charger.hardware.max_amps, 1) * 3600
        charger.remember(
            Session(
                id=int(begin),
                plugged_in_at=begin,
                started_at=begin + 60,
                plugged_out_at=begin + 60 + active * 1.3,
                energy_wh=energy,
                active_s=active,
                miles=energy / 1000 * 3.9,
                cost=round(energy / 1000 * site.price_per_kwh, 2),
            )
        )
    charger.lifetime_wh = total
    charger.report()


def add_battery(world: World, site: Site, units: int = 2) -> Battery:
    """Batteries of 5 kWh each, about half full, with the schedules of tests/fixtures/api/battery_schedules.json."""
    battery = world.add_battery(site, USER_ID)
    battery.units = [BatteryUnit(100000000 + number, f"BT{number:010d}", cycle_count=114 + number) for number in range(1, units + 1)]
    battery.state_of_charge = 48
    battery.add_schedule("cfg", "20:00", "05:00", limit=100)
    battery.add_schedule("dtg", "18:00", "20:00", limit=25, days=(1, 2, 3, 4, 5))
    return battery
