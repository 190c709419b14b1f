"""What all tests share."""

import asyncio
import gc
import logging
import os

import pytest

# Imported here, or a test folder of the same name would win and Home Assistant would not find the integration.
import custom_components.enphase_ev  # noqa: F401 - for its effect, see above
from tests import thoroughness
from tests.thoroughness import is_thorough


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="try everything: see tests/README.md")


def pytest_configure(config: pytest.Config) -> None:
    # Test modules ask for it while they are imported, workers of pytest-xdist too.
    if config.getoption("--thorough"):
        os.environ[thoroughness.VARIABLE] = "1"
    thoroughness.register_profiles()
    if config.getoption("verbose") <= 0:
        # Home Assistant says at its start what it does, a thousand times over; a test that reads it asks for it with `caplog`.
        logging.getLogger().setLevel(logging.WARNING)
    # Home Assistant's tests log every statement of the recorder, which takes longer than the statement.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)


@pytest.fixture
def strict() -> bool:
    """Whether the simulated cloud keeps every rule that some real site keeps; the marks of tests/strictness.py say so."""
    return False


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Let the loop watch itself when thorough alone, in place of always: it takes most of the time of a test that talks to a cloud.

    It looks for what is called from a wrong thread, among others. Home Assistant's own functions look for that by themselves.
    """
    asyncio.get_running_loop().set_debug(is_thorough())


@pytest.fixture(scope="session")
def _what_stays() -> None:
    """Leave out of every later collection what is imported by now and stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def garbage_collection(_what_stays: None) -> None:
    """Collect what the module before has left, so that its warnings are not told of a test of this one.

    Home Assistant's own fixture of this name freezes it, too, and with it a whole Home Assistant that was about to go: gigabytes in all.
    """
    gc.collect()
