"""docs/dashboard.yaml, which people paste: its entities are those of the demo, its cards are Home Assistant's own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from homeassistant.helpers import entity_registry as er
from homeassistant.util.yaml import load_yaml_dict
import pytest

from tests.integration.battery_house import BatteryHouseBuilder
from tests.integration.house import House, HouseBuilder
from tests.live.dashboard import Entities, filled
from tests.live.home_assistant import RegistryEntry
from tests.structure.action_calls import mappings, texts, wrong_calls

_PAGE = Path(__file__).parents[2] / "docs" / "dashboard.yaml"
_CARDS = {"calendar", "entities", "grid", "heading", "statistics-graph", "tile"}
_FEATURES = {"bar-gauge", "numeric-input", "select-options", "toggle", "trend-graph"}

type Card = Mapping[str, object]


def _is_shown(house: House, item: object) -> bool:
    """Return whether a section, a card or a badge is seen; for Home Assistant, an entity that there is not is unavailable."""
    conditions = item.get("visibility", []) if isinstance(item, Mapping) else []
    return all(_holds(house, condition) for condition in conditions)


def _holds(house: House, condition: Mapping[str, object]) -> bool:
    assert condition["condition"] == "state"
    found = house.hass.states.get(str(condition["entity"]))
    state, wanted = found.state if found else "unavailable", condition.get("state", condition.get("state_not"))
    return (state in (wanted if isinstance(wanted, list) else [wanted])) is ("state" in condition)


def _sections(dashboard: Card) -> list[Card]:
    return [section for view in cast(list[Card], dashboard["views"]) for section in cast(list[Card], view["sections"])]


def _seen(house: House, dashboard: Card) -> Iterator[tuple[str, Card]]:
    """Yield the cards that are seen, each with the heading above it."""
    for section in _sections(dashboard):
        cards = cast(list[Card], section["cards"])
        if _is_shown(house, section):
            yield from ((str(cards[0].get("heading")), card) for card in cards if _is_shown(house, card))


def _entities_of(house: House, card: Card) -> Iterator[str]:
    rows = [
        *cast(list[object], card.get("entities", [])),
        *(one for one in cast(list[object], card.get("badges", [])) if _is_shown(house, one)),
    ]
    for row in [card, *rows]:
        entity = row if isinstance(row, str) else cast(Card, row).get("entity")
        if entity is not None:
            yield str(entity)


def _without_entity(house: House, dashboard: Card) -> list[str]:
    """Return what is seen as "Entity not found"."""
    seen = {entity for _, card in _seen(house, dashboard) for entity in _entities_of(house, card)}
    return sorted(entity for entity in seen if house.hass.states.get(entity) is None)


def _there(house: House) -> Entities:
    """Return the entities of the house as a real Home Assistant lists them."""
    return Entities(
        RegistryEntry(
            entity_id=one.entity_id, unique_id=one.unique_id, platform=one.platform, device_id=one.device_id, disabled_by=one.disabled_by
        )
        for one in er.async_entries_for_config_entry(er.async_get(house.hass), house.entry.entry_id)
    )


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
    named -= {str(one["perform_action"]) for one in mappings(dashboard) if "perform_action" in one}

    assert len(named) > 20
    assert [entity_id for entity_id in sorted(named) if house.hass.states.get(entity_id) is None] == []


async def test_nothing_is_missing_while_live_power_is_off(
    as_installed: None, dashboard: dict[str, object], sign_in_house: HouseBuilder
) -> None:
    house = await sign_in_house("home")
    await house.live(300)

    assert house.hass.states.get("sensor.main_site_home_power") is None
    assert _without_entity(house, dashboard) == []
    assert "Battery" in {heading for heading, _ in _seen(house, dashboard)}


async def test_a_site_without_batteries_sees_nothing_of_them(
    as_installed: None, dashboard: dict[str, object], sign_in_house: HouseBuilder
) -> None:
    house = await sign_in_house("two_chargers")
    await house.live(300)

    assert _without_entity(house, dashboard) == []
    assert {heading for heading, _ in _seen(house, dashboard)} == {"Charger", "Schedules", "History"}


async def test_an_override_stands_on_top_of_the_battery_with_its_end_and_a_way_to_end_it(
    dashboard: dict[str, object], build_battery_house: BatteryHouseBuilder
) -> None:
    house = await build_battery_house("home")

    def names() -> list[object]:
        return [card.get("name") for heading, card in _seen(house, dashboard) if heading == "Battery" and "name" in card]

    assert names()[0] == "Status"
    await house.asked("set_battery_override", action="charge", duration="02:00:00", wait=900)

    assert names()[:4] == ["Override", "Ends", "End the override", "Status"]
    assert house.hass.states.get("sensor.battery_override_ends") is not None


async def test_the_demo_of_two_chargers_has_one_history_and_tells_their_schedules_apart(
    as_installed: None, sign_in_house: HouseBuilder
) -> None:
    house = await sign_in_house("home")
    await house.live(300)
    names = {serial: charger.name for serial, charger in house.entry.runtime_data.chargers.data.items()}

    # The first is about a cloud that does not answer.
    of_sections = [cast(list[Card], section["cards"]) for section in _sections(filled(_there(house), names))][1:]
    sections = {str(cards[0]["heading"]): cards[1:] for cards in of_sections}

    first, second = sorted(names.values())
    assert [cards[0]["heading"] for cards in of_sections] == [first, second, "Battery", "Schedules", "History", "Battery settings"]
    assert [card["title"] for card in sections["Schedules"]] == [first, second, "Battery"]
    (history,) = sections["History"]
    assert [row["name"] for row in cast(list[Card], history["entities"])] == [first, second]


def test_cards_come_with_home_assistant(dashboard: dict[str, object]) -> None:
    cards = [card for node in mappings(dashboard) for card in [*node.get("sections", []), *node.get("cards", [])]]
    assert {card["type"] for card in cards} == _CARDS
    assert {feature["type"] for card in cards for feature in card.get("features", [])} <= _FEATURES


def test_actions_are_called_as_they_are_described(dashboard: dict[str, object]) -> None:
    assert wrong_calls(dashboard) == []
