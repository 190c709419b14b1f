"""The repository: what HACS looks at, what lies at the top, and what no file may have in it."""

import json
from pathlib import Path
import re
import struct

from awesomeversion import AwesomeVersion
from homeassistant.util.yaml import load_yaml_dict
import pytest

from tests.structure.source import INTEGRATION, ROOT, load, tracked, tracked_texts

TOP_LEVEL = {
    *(".ci", ".devcontainer", ".editorconfig", ".github", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("benchmarks", "blueprints", "custom_components", "docs", "hacs.json", "pyproject.toml", "scripts", "simulator", "tests"),
}
HACS_KEYS = {
    *("content_in_root", "country", "filename", "hacs", "hide_default_branch", "homeassistant", "name"),
    *("persistent_directory", "zip_release"),
}
# Package registries by host, and the home folder of whoever wrote the file.
UNWANTED = re.compile(r"pypi\.[a-z]+/|python[h]osted\.|registry\.npm|deb\.debian\.|/(?:home|Users)/\w+/|/r[o]ot/")


def test_top_level() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP_LEVEL
    for name in ("README.md", "LICENSE", "hacs.json", "pyproject.toml", "custom_components", ".ci"):
        assert (ROOT / name).exists(), name


def test_one_integration() -> None:
    inside = [path.relative_to(ROOT).parts for path in tracked() if "custom_components" in path.relative_to(ROOT).parts]
    assert {parts[1] for parts in inside if parts[0] == "custom_components"} == {INTEGRATION.name}


def test_hacs_json() -> None:
    hacs = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    assert set(hacs) <= HACS_KEYS
    assert hacs["name"]
    assert AwesomeVersion(hacs["homeassistant"]) >= AwesomeVersion("2026.10.0")
    # The release workflow makes the file that HACS is told to fetch.
    assert hacs["zip_release"] is True
    assert hacs["filename"] in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    # The default branch has no such file: HACS would offer what it cannot install.
    assert hacs["hide_default_branch"] is True


def test_manifest_has_what_hacs_asks_for() -> None:
    asked = {"codeowners", "documentation", "domain", "issue_tracker", "name", "version"}
    assert {key for key in asked if not load("manifest.json").get(key)} == set()


def test_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("name", ["icon.png"])
def test_brand_images(name: str) -> None:
    """Icons are square; the front end asks for 256 pixels, and for 512 with @2x."""
    content = (INTEGRATION / "brand" / name).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width == height
    assert width >= 256


def test_no_file_names_a_registry_or_a_home_folder() -> None:
    found = []
    for path, text in tracked_texts().items():
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if UNWANTED.search(line) and path != Path(__file__)
        ]
    assert found == []


def test_scripts_can_be_run() -> None:
    scripts = [path for path in tracked() if path.parent in {ROOT / "scripts", ROOT / ".ci"}]
    assert scripts
    assert [path.name for path in scripts if not path.stat().st_mode & 0o111] == []


def test_the_development_container_fits() -> None:
    """It sets up by our own script, and shows the ports of the demo."""
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).is_file()
    assert (ROOT / container["postCreateCommand"]).is_file()
    demo = (ROOT / "tests" / "live" / "demo.py").read_text(encoding="utf-8")
    assert [port for port in container["forwardPorts"] if f"default={port}" not in demo] == []


@pytest.mark.parametrize("form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda form: form.stem)
def test_issue_forms_are_well_formed(form: Path) -> None:
    content = load_yaml_dict(str(form))
    assert {"name", "description", "body"} <= set(content)
    questions = [item for item in content["body"] if item["type"] != "markdown"]
    ids = [question["id"] for question in questions]
    assert len(set(ids)) == len(ids)
    assert [question["id"] for question in questions if not question["attributes"]["label"]] == []
    assert [question["id"] for question in questions if question["type"] == "dropdown" and not question["attributes"]["options"]] == []


def test_a_problem_comes_with_what_is_needed() -> None:
    content = load_yaml_dict(str(ROOT / ".github" / "ISSUE_TEMPLATE" / "problem.yml"))
    required = {item["id"] for item in content["body"] if item.get("validations", {}).get("required")}
    assert {"what", "integration_version", "home_assistant_version", "region", "hardware", "diagnostics"} <= required
