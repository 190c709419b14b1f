"""Nothing is lost, nothing deleted comes back, nothing goes on for ever: the pure decision in many worlds, each from a number."""

import pytest

from custom_components.enphase_ev.battery.ledger import Ledger
from tests.units.keeper_world import World

# Worlds that were lost once; each had a cause of its own.
_ONCE_LOST = (
    72,
    96,
    123,
    125,
    141,
    146,
    176,
    182,
    191,
    249,
    274,
    299,
    321,
    337,
    378,
    442,
    449,
    475,
    494,
    632,
    685,
    732,
    751,
    821,
    859,
    882,
)
_WORLDS = 500
_AT_ONCE = 100


@pytest.mark.parametrize("seed", _ONCE_LOST)
def test_a_world_that_was_lost_once_is_not_lost_any_more(seed: int) -> None:
    assert World(seed).run() == []


@pytest.mark.parametrize("first", range(10_000, 10_000 + _WORLDS, _AT_ONCE))
def test_nothing_is_lost_in_any_world(first: int) -> None:
    wrong = {seed: found for seed in range(first, first + _AT_ONCE) if (found := World(seed).run())}
    assert wrong == {}


def test_an_empty_ledger_is_at_rest() -> None:
    assert Ledger().is_at_rest
