"""Worlds with a house that lives: sun by the day, a household, a battery, a car, and fourteen months behind them."""

from .building import (
    AMSTERDAM,
    LOS_ANGELES,
    MELBOURNE,
    PastOfCharger,
    Scenarios,
    add_account,
    add_battery,
    add_charger,
    add_site,
    family_car,
)
from .hardware import SINGLE_PHASE_32, SPLIT_PHASE_48, THREE_PHASE_32
from .house.sources import PLACES, Household, Sun
from .site import Site
from .world import World

HOUSES = Scenarios()

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


@HOUSES.add("sunny_home", "Sun, a household, two batteries and a charger in the Netherlands, with fourteen months behind them")
def _netherlands(world: World) -> None:
    _sunny_home(world, AMSTERDAM)


@HOUSES.add("sunny_home_us", "As `sunny_home`, in California: split phase, 240 V")
def _california(world: World) -> None:
    _sunny_home(world, LOS_ANGELES)


@HOUSES.add("sunny_home_au", "As `sunny_home`, in Melbourne: the sun is strong in December, and clocks change the other way round")
def _melbourne(world: World) -> None:
    _sunny_home(world, MELBOURNE)


@HOUSES.add("solar_only", "Sun and a household, neither a battery nor a charger")
def _solar_only(world: World) -> None:
    site = add_site(world, place=AMSTERDAM)
    give_house(site)
    add_account(world, site)


@HOUSES.add("car_only", "A charger and a household, neither sun nor a battery")
def _car_only(world: World) -> None:
    site = add_site(world, place=AMSTERDAM)
    add_charger(world, site, 1, SINGLE_PHASE_32, past=_LONG_PAST).plug_in(family_car())
    site.house.household = Household(450, site.zone)
    add_account(world, site)
