"""Worlds with a home: batteries, a house that lives by the day, a car."""

from .battery.battery import Battery
from .battery.settings import ControlFamily
from .hardware import SINGLE_PHASE_32, SPLIT_PHASE_48, THREE_PHASE_32
from .house.sources import PLACES, Household, Sun
from .offers import Vehicle
from .site import Site
from .switches.battery import (
    STRICT,
    BatteryDeployment,
    EmptyDetails,
    EnhoRule,
    HeaderShape,
    NothingPending,
    WriteKind,
    XsrfSource,
)
from .world import (
    AMSTERDAM,
    LOS_ANGELES,
    MELBOURNE,
    PastOfCharger,
    Scenarios,
    World,
    add_account,
    add_battery,
    add_charger,
    add_site,
    family_car,
)

HOMES = Scenarios()

_ALL = set(ControlFamily)


def _battery_site(world: World, place: tuple[str, str] = MELBOURNE) -> Battery:
    """Two batteries, one charger with a vehicle on its cable, two kilowatts of sun."""
    site = add_site(world, place=place)
    site.solar_w = 2000
    add_charger(world, site, 1).plug_in(family_car())
    add_account(world, site)
    return add_battery(world, site)


@HOMES.add("battery_site", "Two batteries and a charger; schedules to charge from and to discharge to the grid")
def _plain(world: World) -> None:
    _battery_site(world)


@HOMES.add("battery_only", "Two batteries, no charger")
def _battery_only(world: World) -> None:
    site = add_site(world)
    site.solar_w = 2000
    add_account(world, site)
    add_battery(world, site)


@HOMES.add("battery_eu", "A battery site in Europe: the XSRF token comes only as a header of the site settings")
def _battery_eu(world: World) -> None:
    _battery_site(world, AMSTERDAM)
    world.deployment.battery.xsrf_source = XsrfSource.HEADER


@HOMES.add("battery_us", "A battery site in the US: charging from the grid needs a disclaimer")
def _battery_us(world: World) -> None:
    _battery_site(world, LOS_ANGELES)


@HOMES.add("battery_hostile", "A battery site whose cloud misbehaves in every way at once")
def _battery_hostile(world: World) -> None:
    battery = _battery_site(world)
    battery.features.supports_mqtt = True
    misbehave(world.deployment.battery)


@HOMES.add("home", "Two chargers, the first charging since an hour, and two batteries")
def _home(world: World) -> None:
    add_account(world, _home_site(world))


@HOMES.add("two_homes", "As `home`, with a third charger that is yet to be put up, and a cabin with one; the sign-in needs a one-time code")
def _two_homes(world: World) -> None:
    home = _home_site(world)
    add_charger(world, home, 4).quirks.retired = True
    cabin = add_site(world, 1, "Cabin", LOS_ANGELES)
    add_charger(world, cabin, 3, SPLIT_PHASE_48)
    add_account(world, home, cabin, mfa=True)


def _home_site(world: World) -> Site:
    site = add_site(world)
    # More than house and first charger draw: the battery fills slowly.
    site.solar_w = 8500
    first = add_charger(world, site, 1, SINGLE_PHASE_32)
    first.plug_in(family_car())
    second = add_charger(world, site, 2, THREE_PHASE_32)
    second.plug_in(Vehicle(battery_wh=77_000, state_of_charge=0.35, target=0.9, max_amps=16, phases=3))
    add_battery(world, site)
    first.start(32)
    return site


def misbehave(switches: BatteryDeployment) -> None:
    """Switch on every misbehaviour of docs/cloud-api/battery.md that goes together with the others.

    A patient client can still get everything done.
    """
    switches.update(STRICT)
    switches.xsrf_source = XsrfSource.BOTH
    switches.write_shapes = {HeaderShape.SESSION_TOKEN}
    switches.gateway_delay_s = 45.0
    switches.nothing_pending = NothingPending.HOLDS_EMPTY
    switches.lost_while_pending = True
    switches.source_enho = EnhoRule.IGNORED
    switches.toggle_needs_is_valid = True
    switches.cfg_schedule_flag_needed = True
    switches.partial_rbd_off_ignored = True
    switches.toggle_off_after_delete_ignored_s = 3.0
    switches.profile_reserve_wins = True
    switches.drops = {
        WriteKind.CFG: {ControlFamily.DTG, ControlFamily.RBD},
        WriteKind.DTG: {ControlFamily.RBD},
        WriteKind.RBD: {ControlFamily.CFG, ControlFamily.DTG},
        WriteKind.PROFILE: set(_ALL),
        WriteKind.APPLY: set(_ALL),
    }
    switches.drop_after_s = 8.0
    switches.apply_drops_every = 4
    switches.pending_while_off = True
    switches.lying_is_enabled = True
    switches.empty_details = EmptyDetails.ABSENT
    switches.empty_schedules_every = 5
    switches.upper_case_status = True
    switches.seconds_in_times = True
    switches.answer_holds_id = False
    switches.delete_status = 204
    switches.deleted_stay_listed = True
    switches.wrong_family_named = True


_LONG_PAST = PastOfCharger(installed_days_ago=455, session_days=425)


def give_house(site: Site, *, peak_w: float = 7000.0, average_w: float = 450.0) -> None:
    """Panels under the sky of the site's country, and a household."""
    latitude, longitude = PLACES[site.country]
    site.house.sun = Sun(peak_w, latitude, longitude)
    site.house.household = Household(average_w, site.zone)


def _sunny_home(world: World, place: tuple[str, str]) -> Site:
    site = add_site(world, place=place)
    hardware = SPLIT_PHASE_48 if site.country == "US" else THREE_PHASE_32
    add_charger(world, site, 1, hardware, past=_LONG_PAST).plug_in(family_car())
    add_battery(world, site)
    give_house(site)
    add_account(world, site)
    return site


@HOMES.add("sunny_home", "Sun, a household, two batteries and a charger in the Netherlands, with fourteen months behind them")
def _netherlands(world: World) -> None:
    _sunny_home(world, AMSTERDAM)


@HOMES.add("sunny_home_us", "As `sunny_home`, in California: split phase, 240 V")
def _california(world: World) -> None:
    _sunny_home(world, LOS_ANGELES)


@HOMES.add("sunny_home_au", "As `sunny_home`, in Melbourne: the sun is strong in December, and clocks change the other way round")
def _melbourne(world: World) -> None:
    _sunny_home(world, MELBOURNE)


@HOMES.add("solar_only", "Sun and a household, neither a battery nor a charger")
def _solar_only(world: World) -> None:
    site = add_site(world, place=AMSTERDAM)
    give_house(site)
    add_account(world, site)


@HOMES.add("car_only", "A charger and a household, neither sun nor a battery")
def _car_only(world: World) -> None:
    site = add_site(world, place=AMSTERDAM)
    add_charger(world, site, 1, SINGLE_PHASE_32, past=_LONG_PAST).plug_in(family_car())
    site.house.household = Household(450, site.zone)
    add_account(world, site)
