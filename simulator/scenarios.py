"""Worlds by name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from .accounts import Account
from .charger import Charger
from .clock import Clock
from .configuration import PHASE_SWITCH
from .deployment import JsonSignIn, ManagerToken, SitesShape, StartForm, StatusShape, StopForm
from .hardware import SINGLE_PHASE_32, SPLIT_PHASE_48, SPLIT_PHASE_80, THREE_PHASE_32, THREE_PHASE_LINE_TO_LINE, Hardware
from .modes import ChargeMode
from .profile import ChargerProfile
from .schedules import OFF_PEAK, Slot, new_slot_id
from .session import Session
from .site import Site
from .vehicle import Vehicle
from .world import World

DEFAULT = "two_chargers"
# How long the world has been running when somebody first looks, simulated seconds.
PAST_S = 3600.0
PAST_DAYS = 60
INSTALLED_DAYS_AGO = 400

MELBOURNE = ("Australia/Melbourne", "AU")
LOS_ANGELES = ("America/Los_Angeles", "US")
AMSTERDAM = ("Europe/Amsterdam", "NL")


@dataclass(frozen=True)
class Scenario:
    """A world that can be built."""

    name: str
    description: str
    build: Callable[[World], None]


SCENARIOS: dict[str, Scenario] = {}


def build_world(name: str, clock: Clock, seed: int = 0) -> World:
    """Build a world that has been running for an hour."""
    if name not in SCENARIOS:
        raise ValueError(f"No such scenario: {name}")
    world = World(clock, Random(seed), scenario=name)
    clock.turn_back(PAST_S)
    SCENARIOS[name].build(world)
    clock.advance(PAST_S)
    world.settle()
    return world


def _scenario(name: str, description: str) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    def register(build: Callable[[World], None]) -> Callable[[World], None]:
        SCENARIOS[name] = Scenario(name, description, build)
        return build

    return register


# What scenarios are made of


def _family_car() -> Vehicle:
    """Big enough that a charge takes hours and its progress shows within a minute at speed 60."""
    return Vehicle(battery_wh=100_000, state_of_charge=0.2, target=0.8, max_amps=32, phases=3)


def _account(world: World, *sites: Site, mfa: bool = False) -> Account:
    return world.doorkeeper.add(
        Account(
            email="alex.demo@example.com",
            password="Sunny-Roof-2026",  # noqa: S106 - the account of the demo
            user_id=9876543,
            site_ids=[site.id for site in sites],
            mfa=mfa,
        )
    )


def _site(world: World, number: int = 0, name: str = "Main Site", place: tuple[str, str] = MELBOURNE) -> Site:
    return world.add_site(str(1234567 + number), name, time_zone=place[0], country=place[1])


def _charger(
    world: World,
    site: Site,
    number: int,
    hardware: Hardware = SINGLE_PHASE_32,
    modes: tuple[ChargeMode, ...] = (ChargeMode.MANUAL, ChargeMode.SCHEDULED, ChargeMode.GREEN),
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
    charger.created_at = world.clock.time() - INSTALLED_DAYS_AGO * 86400
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
    _give_past(world, charger)
    return charger


def _give_past(world: World, charger: Charger) -> None:
    """Days of energy since it was installed, and the sessions of the last of them."""
    now, rng, site = world.clock.time(), world.random, charger.site
    total = 0.0
    for days_ago in range(INSTALLED_DAYS_AGO, 0, -1):
        if rng.random() < 0.55:
            continue
        energy = rng.uniform(3_000, 18_000)
        evening = datetime.fromtimestamp(now, site.zone) - timedelta(days=days_ago)
        begin = evening.replace(hour=rng.randrange(9, 17), minute=rng.randrange(60), second=0).timestamp()
        total += energy
        if days_ago > PAST_DAYS:
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


def _plain(world: World, hardware: Hardware = SINGLE_PHASE_32, place: tuple[str, str] = MELBOURNE) -> Charger:
    """One site with one charger, a vehicle on its cable, nothing charging."""
    site = _site(world, place=place)
    charger = _charger(world, site, 1, hardware)
    charger.plug_in(_family_car())
    _account(world, site)
    return charger


def _many(world: World, count: int) -> None:
    """Every second one has a vehicle; every fourth one charges."""
    site = _site(world)
    for number in range(1, count + 1):
        charger = _charger(world, site, number, THREE_PHASE_32 if number % 3 == 0 else SINGLE_PHASE_32)
        if number % 2 == 0:
            charger.plug_in(_family_car())
        if number % 4 == 0:
            charger.start(16)
    _account(world, site)


# The scenarios


@_scenario("one_charger", "One single-phase charger, a vehicle plugged in, nothing charging")
def _one_charger(world: World) -> None:
    _plain(world)


@_scenario("two_chargers", "Two chargers: the first charges since an hour, the second is idle with a vehicle plugged in")
def _two_chargers(world: World) -> None:
    site = _site(world)
    first = _charger(world, site, 1, SINGLE_PHASE_32)
    first.plug_in(_family_car())
    first.start(32)
    second = _charger(world, site, 2, THREE_PHASE_32)
    second.plug_in(Vehicle(battery_wh=77_000, state_of_charge=0.35, target=0.9, max_amps=16, phases=3))
    _account(world, site)


@_scenario("mfa_account", "One charger; the sign-in needs a one-time code")
def _mfa_account(world: World) -> None:
    site = _site(world)
    _charger(world, site, 1).plug_in(_family_car())
    _account(world, site, mfa=True)


@_scenario("multi_site", "Three sites in three countries, with two, one and one charger")
def _multi_site(world: World) -> None:
    home = _site(world)
    for number in (1, 2):
        _charger(world, home, number).plug_in(_family_car())
    cabin = _site(world, 1, "Cabin", LOS_ANGELES)
    _charger(world, cabin, 3, SPLIT_PHASE_48)
    office = _site(world, 2, "Office", AMSTERDAM)
    _charger(world, office, 4, THREE_PHASE_32)
    _account(world, home, cabin, office)


@_scenario("no_site_list", "One charger; the list of sites is always empty")
def _no_site_list(world: World) -> None:
    _plain(world)
    world.deployment.sites_shape = SitesShape.EMPTY


@_scenario("legacy_status", "One charger, charging; the status in the old flat shape")
def _legacy_status(world: World) -> None:
    _plain(world).start(16)
    world.deployment.status_shape = StatusShape.LEGACY


@_scenario("map_status", "One charger, charging; the status only as a map by serial")
def _map_status(world: World) -> None:
    _plain(world).start(16)
    world.deployment.status_shape = StatusShape.MAP


@_scenario("eighty_amps", "One charger of 16 to 80 A in steps of 16 A, split phase, 240 V")
def _eighty_amps(world: World) -> None:
    charger = _plain(world, SPLIT_PHASE_80, LOS_ANGELES)
    charger.plug_in(Vehicle(battery_wh=131_000, state_of_charge=0.2, target=0.9, max_amps=80, phases=1))


@_scenario("single_phase", "One single-phase charger, charging at 32 A, 230 V")
def _single_phase(world: World) -> None:
    _plain(world, SINGLE_PHASE_32, AMSTERDAM).start(32)


@_scenario("three_phase", "Two three-phase chargers at 16 A: one tells 230 V line to neutral, one 400 V line to line")
def _three_phase(world: World) -> None:
    charger = _plain(world, THREE_PHASE_32, AMSTERDAM)
    charger.start(16)
    other = _charger(world, charger.site, 2, THREE_PHASE_LINE_TO_LINE)
    other.plug_in(_family_car())
    other.start(16)


@_scenario("ten_chargers", "Ten chargers")
def _ten_chargers(world: World) -> None:
    _many(world, 10)


@_scenario("fifty_chargers", "Fifty chargers")
def _fifty_chargers(world: World) -> None:
    _many(world, 50)


@_scenario("green_site", "One charger in green mode, 6 kW of sun")
def _green_site(world: World) -> None:
    charger = _plain(world)
    charger.site.solar_w = 6000
    charger.mode = ChargeMode.GREEN


@_scenario("smart_site", "One charger in smart mode, which offers no green mode")
def _smart_site(world: World) -> None:
    site = _site(world)
    modes = (ChargeMode.SMART, ChargeMode.SCHEDULED, ChargeMode.MANUAL)
    _charger(world, site, 1, THREE_PHASE_32, modes).plug_in(_family_car())
    site.solar_w = 9000
    _account(world, site)


@_scenario("scheduler_down", "One charger, charging; the scheduler service is down")
def _scheduler_down(world: World) -> None:
    charger = _plain(world)
    charger.start(32)
    charger.site.scheduler_up = False


@_scenario("no_charger", "A site without a charger")
def _no_charger(world: World) -> None:
    _account(world, _site(world))


@_scenario("form_sign_in", "One charger; the JSON sign-in is refused, only the form works")
def _form_sign_in(world: World) -> None:
    _plain(world)
    world.deployment.json_sign_in = JsonSignIn.NOT_ACCEPTABLE
    world.deployment.manager_token = ManagerToken.COOKIE


@_scenario("old_forms", "One charger that takes start and stop only as POST to the singular path")
def _old_forms(world: World) -> None:
    _plain(world)
    world.deployment.start_forms = {StartForm.POST_SINGULAR, StartForm.NO_BODY}
    world.deployment.stop_forms = {StopForm.POST_SINGULAR}
