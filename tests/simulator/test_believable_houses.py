"""Houses whose energy a person would believe: nobody's roof makes eighty megawatt hours a year."""

import pytest

from simulator import Simulator
from simulator.house.flows import Energy
from simulator.scenarios import SCENARIOS

_DAYS = 365
# Panels of 1 kW make so many kWh a year between Amsterdam and Los Angeles; lying flat, under a sky that is often dull.
_LEAST_PER_KW, _MOST_PER_KW = 600, 1800


def _year(scenario: str) -> dict[str, tuple[Energy, float, int]]:
    """The last whole year of each site before the world began in kWh, the power of its panels in kW, and how many chargers it has."""
    found = {}
    for site in Simulator(scenario).world.sites.values():
        panels = getattr(site.house.sun, "peak_w", None) or site.solar_w
        days = sorted(site.house.past.days.items())[-_DAYS:]
        found[site.name] = sum((energy for _, energy in days), Energy()) * 0.001, panels / 1000, len(site.chargers)
    return found


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_a_year_is_believable(scenario: str) -> None:
    for name, (year, panels, count) in _year(scenario).items():
        assert 2000 < year.consumption - year.evse < 8000, name
        assert year.evse <= 2_500 * count, name
        assert _LEAST_PER_KW * panels <= year.production <= _MOST_PER_KW * panels, name
        # What comes in goes somewhere; a battery keeps some for itself.
        gone = year.consumption + year.exported + year.charged - year.discharged
        assert year.production + year.imported == pytest.approx(gone, rel=1e-6), name
        assert 0.8 * year.charged <= year.discharged + 10 <= year.charged + 10, name


def test_the_house_of_the_demo() -> None:
    """Two cars, a roof and two batteries: it buys in the evening and in winter, and sells at noon in summer."""
    year, _, _ = _year("home")["Main Site"]
    assert 9_000 < year.production < 15_000
    assert 5_000 < year.consumption < 13_000
    assert 500 < year.imported < 8_000
    assert 1_000 < year.exported < 10_000
    assert 800 < year.charged < 4_000
