"""What all tests share."""

import os

import pytest

# Imported here, or a test folder of the same name would win and Home Assistant would not find the integration.
import custom_components.enphase_ev  # noqa: F401
from tests import thoroughness


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="try everything: see tests/README.md")


def pytest_configure(config: pytest.Config) -> None:
    # Test modules ask for it while they are imported, workers of pytest-xdist too.
    if config.getoption("--thorough"):
        os.environ[thoroughness.VARIABLE] = "1"
    thoroughness.register_profiles()


@pytest.fixture
def strict() -> bool:
    """Whether the simulated cloud keeps every rule that some real site keeps; the marks of tests/strictness.py say so."""
    return False
