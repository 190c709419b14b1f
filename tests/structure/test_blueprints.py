"""Blueprints: Home Assistant's own schema, where they say they come from, what they ask for, and the links that import them."""

import json
from pathlib import Path
from urllib.parse import quote

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.util.yaml import extract_inputs, load_yaml_dict
import pytest

from tests.structure.action_calls import wrong_calls
from tests.structure.source import INTEGRATION, ROOT, load

FOLDER = ROOT / "blueprints" / "automation" / INTEGRATION.name
BLUEPRINTS = sorted((ROOT / "blueprints").rglob("*"))
IMPORT = "https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url="

each_blueprint = pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)


def _source(path: Path) -> str:
    return f"{load('manifest.json')['documentation']}/blob/main/{path.relative_to(ROOT)}"


def test_nothing_else_lies_there() -> None:
    assert {path for path in BLUEPRINTS if path.is_file()} == set(FOLDER.glob("*.yaml"))


@each_blueprint
def test_home_assistant_takes_it(path: Path) -> None:
    content = load_yaml_dict(str(path))
    blueprint = Blueprint(content, path=str(path), expected_domain="automation", schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert blueprint.validate() is None
    assert blueprint.metadata["source_url"] == _source(path)
    assert (
        blueprint.metadata["homeassistant"]["min_version"] == json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))["homeassistant"]
    )
    # How runs get along with each other is a decision.
    assert "mode" in content
    assert wrong_calls({key: value for key, value in content.items() if key != "blueprint"}) == []


@each_blueprint
def test_every_input_has_a_name_and_a_selector_and_is_used(path: Path) -> None:
    content = load_yaml_dict(str(path))
    blueprint = Blueprint(content, schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert [key for key, described in blueprint.inputs.items() if not described.get("name") or "selector" not in described] == []
    assert set(blueprint.inputs) == extract_inputs(content)


@each_blueprint
def test_a_link_imports_it(path: Path) -> None:
    text = (ROOT / "docs" / "blueprints.md").read_text(encoding="utf-8")
    name = load_yaml_dict(str(path))["blueprint"]["name"]
    (row,) = [line for line in text.splitlines() if f"({IMPORT}{quote(_source(path), safe='')})" in line]
    assert f"[{name}]" in row
