"""What the structural checks look at."""

from homeassistant.util.yaml import load_yaml_dict
import pytest

from tests.structure.source import INTEGRATION


@pytest.fixture
def quality_scale() -> dict[str, object]:
    """The rules and their status."""
    rules = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))["rules"]
    assert isinstance(rules, dict)
    return rules
