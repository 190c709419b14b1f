"""The code in the documentation: it parses, calls actions as they are, names entities that there are, and runs scripts that there are."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
import re

from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template
from homeassistant.util import slugify
from homeassistant.util.yaml import load_yaml_dict, parse_yaml
import pytest

from simulator import SCENARIOS
from tests.structure.action_calls import described_actions, texts, wrong_calls
from tests.structure.source import ROOT, load
from tests.structure.test_blueprints import FOLDER as BLUEPRINTS
from tests.structure.test_docs import PAGES

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ACTION = re.compile(r"`enphase_ev\.(?!zip)(\w+)`")
# As they are called where charger and battery have the names that Enphase gives.
_ENTITY = re.compile(r"\b(\w+)\.(?:iq_ev_charger|battery|main_site)_(\w+)\b(?!\.)")
# These have no name of their own: Home Assistant's for their device class.
_OF_DEVICE_CLASS = {("sensor", "power"), ("binary_sensor", "charging")}


def _blocks(language: str) -> Iterator[object]:
    for page in PAGES:
        for number, (_, found, code) in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            if found == language:
                yield pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")


def _parsed(code: str) -> object:
    return parse_yaml(code)


def _entities() -> set[tuple[str, str]]:
    texts_of = load("translations/en.json")["entity"]
    named = {(domain, slugify(entity["name"])) for domain, entities in texts_of.items() for entity in entities.values() if "name" in entity}
    return named | _OF_DEVICE_CLASS


@pytest.mark.parametrize("code", _blocks("yaml"))
def test_yaml_calls_actions_as_they_are(code: str) -> None:
    assert wrong_calls(_parsed(code)) == []


@pytest.mark.parametrize("code", _blocks("yaml"))
def test_yaml_names_entities_that_there_are(code: str) -> None:
    _parsed(code)
    known = _entities()
    named = {(domain, name) for domain, name in _ENTITY.findall(code) if domain not in {"event", "notify"} or (domain, name) in known}
    assert named - known == set()


@pytest.mark.parametrize("code", _blocks("yaml"))
async def test_templates_in_yaml_are_valid(hass: HomeAssistant, code: str) -> None:
    _ensure_valid(hass, _parsed(code))


@pytest.mark.parametrize("path", sorted(BLUEPRINTS.glob("*.yaml")), ids=lambda path: path.stem)
async def test_templates_in_blueprints_are_valid(hass: HomeAssistant, path: Path) -> None:
    _ensure_valid(hass, load_yaml_dict(str(path)))


def _ensure_valid(hass: HomeAssistant, node: object) -> None:
    for text in texts(node):
        if "{{" in text or "{%" in text:
            Template(text, hass).ensure_valid()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_actions_that_are_named_exist(page: Path) -> None:
    named = set(_ACTION.findall(page.read_text(encoding="utf-8")))
    assert named - described_actions().keys() == set()


@pytest.mark.parametrize("code", [*_blocks(""), *_blocks("sh"), *_blocks("bash")])
def test_commands_run_what_there_is(code: str) -> None:
    scripts = re.findall(r"(?:^|\s)((?:scripts|\.ci)/[\w-]+)", code)
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    assert [module for module in re.findall(r"python -m ([\w.]+)", code) if find_spec(module) is None] == []
    assert [name for name in re.findall(r"--scenario (\w+)", code) if name not in SCENARIOS] == []
    # The options that they tell of themselves.
    for line in code.splitlines():
        if script := re.match(r"\s*((?:scripts|\.ci)/[\w-]+)\s+(.*)", line.partition("#")[0]):
            source = _source_of(script[1])
            assert [option for option in re.findall(r"(?:^|\s)(--[a-z]+)", script[2]) if option not in source] == []


def _source_of(script: str) -> str:
    """A script, and the Python module that it runs."""
    text = (ROOT / script).read_text(encoding="utf-8")
    modules = [ROOT / Path(*module.split(".")).with_suffix(".py") for module in re.findall(r"python -m ([\w.]+)", text)]
    return text + "".join(path.read_text(encoding="utf-8") for path in modules if path.is_file())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_into_the_repository_lead_somewhere(page: Path) -> None:
    own = re.escape(load("manifest.json")["documentation"])
    named = re.findall(rf"{own}/(?:blob|tree)/main/([^)\s#]+)", page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []
