"""docs/dashboard.yaml, which people paste: its entities are those of the demo, its cards are Home Assistant's own."""

from pathlib import Path

from homeassistant.helpers import entity_registry as er
from homeassistant.util.yaml import load_yaml_dict
import pytest

from tests.integration.house import HouseBuilder
from tests.structure.action_calls import mappings, texts, wrong_calls

_PAGE = Path(__file__).parents[2] / "docs" / "dashboard.yaml"
_CARDS = {"calendar", "entities", "grid", "heading", "statistics-graph", "tile"}
_FEATURES = {"bar-gauge", "numeric-input", "select-options", "toggle", "trend-graph"}


@pytest.fixture
def dashboard() -> dict[str, object]:
    return load_yaml_dict(str(_PAGE))


async def test_entities_are_those_of_the_demo(as_installed: None, dashboard: dict[str, object], sign_in_house: HouseBuilder) -> None:
    house = await sign_in_house("home")
    # The energy of the day and what was told to the battery are known some minutes later.
    await house.live(300)
    registry = er.async_get(house.hass)
    domains = {entity.entity_id.partition(".")[0] for entity in registry.entities.values()}

    named = {text for text in texts(dashboard) if text.partition(".")[0] in domains and "." in text}
    # Live power has no stream here: test_live_power looks for it.
    named -= {f"sensor.main_site_{key}_power" for key in ("solar", "home", "battery", "grid")}

    assert len(named) > 20
    assert [entity_id for entity_id in sorted(named) if house.hass.states.get(entity_id) is None] == []


def test_cards_come_with_home_assistant(dashboard: dict[str, object]) -> None:
    cards = [card for node in mappings(dashboard) for card in [*node.get("sections", []), *node.get("cards", [])]]
    assert {card["type"] for card in cards} == _CARDS
    assert {feature["type"] for card in cards for feature in card.get("features", [])} <= _FEATURES


def test_actions_are_called_as_they_are_described(dashboard: dict[str, object]) -> None:
    assert wrong_calls(dashboard) == []
