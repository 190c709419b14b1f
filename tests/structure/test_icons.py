"""icons.json: names that exist, for entities that exist."""

from collections.abc import Iterator
import json
from pathlib import Path

import hass_frontend

from tests.structure.descriptions import declared_entities
from tests.structure.source import leaves, load


def _icons(tree: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Every icon with the path to it."""
    for path, icon in leaves(tree):
        if path[-1] != "range":
            yield ".".join(path), icon


def test_icons_exist() -> None:
    known = Path(hass_frontend.where()) / "static" / "mdi" / "iconList.json"
    names = {f"mdi:{icon['name']}" for icon in json.loads(known.read_text(encoding="utf-8"))}
    assert {path: icon for path, icon in _icons(load("icons.json")) if icon not in names} == {}


def test_sections_are_known() -> None:
    assert set(load("icons.json")) <= {"conditions", "entity", "services", "triggers"}


def test_icons_are_of_declared_entities() -> None:
    declared = {(entity.platform, entity.key) for entity in declared_entities()}
    present = {(platform, key) for platform, keys in load("icons.json")["entity"].items() for key in keys}
    assert present - declared == set()


def test_state_icons_differ_from_the_default() -> None:
    for platform, keys in load("icons.json")["entity"].items():
        for key, icons in keys.items():
            assert "default" in icons, f"{platform}.{key}"
            same = [state for state, icon in icons.get("state", {}).items() if icon == icons["default"]]
            assert same == [], f"{platform}.{key}"
