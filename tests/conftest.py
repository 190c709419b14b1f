"""What all tests share."""

import pytest

# Imported here, or a test folder of the same name would win and Home Assistant would not find the integration.
import custom_components.enphase_ev  # noqa: F401


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="the soak takes a fortnight instead of a day, hostile clouds are hundreds")


@pytest.fixture
def is_thorough(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--thorough"))
