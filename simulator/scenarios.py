"""Worlds by name."""

from random import Random

from .charger import Charger
from .clock import Clock
from .hardware import SINGLE_PHASE_32, SPLIT_PHASE_48, SPLIT_PHASE_80, THREE_PHASE_32, THREE_PHASE_LINE_TO_LINE, Hardware
from .home_scenarios import HOMES
from .offers import Vehicle
from .report import ChargeMode
from .switches.deployment import JsonSignIn, ManagerToken, SitesShape, StartForm, StatusShape, StopForm
from .world import AMSTERDAM, LOS_ANGELES, MELBOURNE, Scenarios, World, add_account, add_charger, add_site, family_car

DEFAULT = "two_chargers"
# How long the world has been running when somebody first looks, simulated seconds.
PAST_S = 3600.0

_CHARGERS = Scenarios()


def _plain(world: World, hardware: Hardware = SINGLE_PHASE_32, place: tuple[str, str] = MELBOURNE) -> Charger:
    """One site with one charger, a vehicle on its cable, nothing charging."""
    site = add_site(world, place=place)
    charger = add_charger(world, site, 1, hardware)
    charger.plug_in(family_car())
    add_account(world, site)
    return charger


def _many(world: World, count: int) -> None:
    """Every second one has a vehicle; every fourth one charges."""
    site = add_site(world)
    for number in range(1, count + 1):
        charger = add_charger(world, site, number, THREE_PHASE_32 if number % 3 == 0 else SINGLE_PHASE_32)
        if number % 2 == 0:
            charger.plug_in(family_car())
        if number % 4 == 0:
            charger.start(16)
    add_account(world, site)


@_CHARGERS.add("one_charger", "One single-phase charger, a vehicle plugged in, nothing charging")
def _one_charger(world: World) -> None:
    _plain(world)


@_CHARGERS.add("two_chargers", "Two chargers: the first charges since an hour, the second is idle with a vehicle plugged in")
def _two_chargers(world: World) -> None:
    site = add_site(world)
    first = add_charger(world, site, 1, SINGLE_PHASE_32)
    first.plug_in(family_car())
    first.start(32)
    second = add_charger(world, site, 2, THREE_PHASE_32)
    second.plug_in(Vehicle(battery_wh=77_000, state_of_charge=0.35, target=0.9, max_amps=16, phases=3))
    add_account(world, site)


@_CHARGERS.add("mfa_account", "One charger; the sign-in needs a one-time code")
def _mfa_account(world: World) -> None:
    site = add_site(world)
    add_charger(world, site, 1).plug_in(family_car())
    add_account(world, site, mfa=True)


@_CHARGERS.add("multi_site", "Three sites in three countries, with two, one and one charger")
def _multi_site(world: World) -> None:
    home = add_site(world)
    for number in (1, 2):
        add_charger(world, home, number).plug_in(family_car())
    cabin = add_site(world, 1, "Cabin", LOS_ANGELES)
    add_charger(world, cabin, 3, SPLIT_PHASE_48)
    office = add_site(world, 2, "Office", AMSTERDAM)
    add_charger(world, office, 4, THREE_PHASE_32)
    add_account(world, home, cabin, office)


@_CHARGERS.add("no_site_list", "One charger; the list of sites is always empty")
def _no_site_list(world: World) -> None:
    _plain(world)
    world.deployment.sites_shape = SitesShape.EMPTY


@_CHARGERS.add("legacy_status", "One charger, charging; the status in the old flat shape")
def _legacy_status(world: World) -> None:
    _plain(world).start(16)
    world.deployment.status_shape = StatusShape.LEGACY


@_CHARGERS.add("map_status", "One charger, charging; the status only as a map by serial")
def _map_status(world: World) -> None:
    _plain(world).start(16)
    world.deployment.status_shape = StatusShape.MAP


@_CHARGERS.add("eighty_amps", "One charger of 16 to 80 A in steps of 16 A, split phase, 240 V")
def _eighty_amps(world: World) -> None:
    charger = _plain(world, SPLIT_PHASE_80, LOS_ANGELES)
    charger.plug_in(Vehicle(battery_wh=131_000, state_of_charge=0.2, target=0.9, max_amps=80, phases=1))


@_CHARGERS.add("single_phase", "One single-phase charger, charging at 32 A, 230 V")
def _single_phase(world: World) -> None:
    _plain(world, SINGLE_PHASE_32, AMSTERDAM).start(32)


@_CHARGERS.add("three_phase", "Two three-phase chargers at 16 A: one tells 230 V line to neutral, one 400 V line to line")
def _three_phase(world: World) -> None:
    charger = _plain(world, THREE_PHASE_32, AMSTERDAM)
    charger.start(16)
    other = add_charger(world, world.sites[charger.site.id], 2, THREE_PHASE_LINE_TO_LINE)
    other.plug_in(family_car())
    other.start(16)


@_CHARGERS.add("ten_chargers", "Ten chargers")
def _ten_chargers(world: World) -> None:
    _many(world, 10)


@_CHARGERS.add("fifty_chargers", "Fifty chargers")
def _fifty_chargers(world: World) -> None:
    _many(world, 50)


@_CHARGERS.add("green_site", "One charger in green mode, 6 kW of sun")
def _green_site(world: World) -> None:
    charger = _plain(world)
    charger.site.solar_w = 6000
    charger.mode = ChargeMode.GREEN


@_CHARGERS.add("smart_site", "One charger in smart mode, which offers no green mode")
def _smart_site(world: World) -> None:
    site = add_site(world)
    modes = (ChargeMode.SMART, ChargeMode.SCHEDULED, ChargeMode.MANUAL)
    add_charger(world, site, 1, THREE_PHASE_32, modes).plug_in(family_car())
    site.solar_w = 9000
    add_account(world, site)


@_CHARGERS.add("scheduler_down", "One charger, charging; the scheduler service is down")
def _scheduler_down(world: World) -> None:
    charger = _plain(world)
    charger.start(32)
    charger.site.scheduler_up = False


@_CHARGERS.add("no_charger", "A site without a charger")
def _no_charger(world: World) -> None:
    add_account(world, add_site(world))


@_CHARGERS.add("form_sign_in", "One charger; the JSON sign-in is refused, only the form works")
def _form_sign_in(world: World) -> None:
    _plain(world)
    world.deployment.json_sign_in = JsonSignIn.NOT_ACCEPTABLE
    world.deployment.manager_token = ManagerToken.COOKIE


@_CHARGERS.add("old_forms", "One charger that takes start and stop only as POST to the singular path")
def _old_forms(world: World) -> None:
    _plain(world)
    world.deployment.start_forms = {StartForm.POST_SINGULAR, StartForm.NO_BODY}
    world.deployment.stop_forms = {StopForm.POST_SINGULAR}


SCENARIOS: Scenarios = Scenarios({**_CHARGERS, **HOMES})


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
