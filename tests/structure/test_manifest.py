"""manifest.json and what the code imports, as hassfest looks at them."""

import ast

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import Platform
import pytest

from tests.structure.source import INTEGRATION, load, modules

KNOWN_KEYS = {
    *("after_dependencies", "bluetooth", "codeowners", "config_flow", "dependencies", "dhcp", "disabled"),
    *("documentation", "domain", "homekit", "import_executor", "integration_type", "iot_class", "issue_tracker"),
    *("loggers", "mqtt", "name", "quality_scale", "requirements", "single_config_entry", "ssdp", "usb", "version"),
    *("zeroconf",),
}
IOT_CLASSES = {
    *("assumed_state", "calculated", "cloud_polling", "cloud_push", "local_polling", "local_push"),
}
INTEGRATION_TYPES = {"device", "entity", "hardware", "helper", "hub", "service", "system"}

# Integrations that hassfest lets everyone import, beside the entity platforms.
ALWAYS_THERE = {
    *("alert", "automation", "conversation", "default_config", "device_automation", "frontend", "group"),
    *("homeassistant", "input_boolean", "input_button", "input_datetime", "input_number", "input_select"),
    *("input_text", "labs", "media_source", "onboarding", "panel_custom", "persistent_notification", "person"),
    *("script", "shopping_list", "sun", "system_health", "system_log", "timer", "webhook", "websocket_api", "zone"),
}


@pytest.fixture
def manifest() -> dict[str, object]:
    return load("manifest.json")


def test_keys_are_known_and_sorted(manifest: dict[str, object]) -> None:
    assert set(manifest) <= KNOWN_KEYS
    assert list(manifest) == ["domain", "name", *sorted(set(manifest) - {"domain", "name"})]


def test_says_what_hassfest_and_hacs_ask_for(manifest: dict[str, object]) -> None:
    assert manifest["domain"] == INTEGRATION.name
    assert manifest["name"]
    assert manifest["iot_class"] in IOT_CLASSES
    assert manifest["integration_type"] in INTEGRATION_TYPES
    for link in ("documentation", "issue_tracker"):
        assert str(manifest[link]).startswith("https://")
    codeowners = manifest["codeowners"]
    assert isinstance(codeowners, list)
    assert codeowners
    assert all(owner.startswith("@") for owner in codeowners)


def test_version_can_be_compared(manifest: dict[str, object]) -> None:
    version = AwesomeVersion(str(manifest["version"]))
    assert version.strategy in {AwesomeVersionStrategy.SEMVER, AwesomeVersionStrategy.CALVER}


def test_requirements_are_pinned(manifest: dict[str, object]) -> None:
    requirements = manifest.get("requirements", [])
    assert isinstance(requirements, list)
    assert [requirement for requirement in requirements if "==" not in requirement] == []


def test_config_flow_is_declared(manifest: dict[str, object]) -> None:
    assert (INTEGRATION / "config_flow.py").exists() == bool(manifest.get("config_flow"))


def _components(node: ast.AST) -> set[str]:
    """The integrations of Home Assistant that an import statement reaches for."""
    match node:
        case ast.ImportFrom(module="homeassistant.components", names=names, level=0):
            return {alias.name for alias in names}
        case ast.ImportFrom(module=str() as module, level=0) if module.startswith("homeassistant.components."):
            return {module.split(".")[2]}
        case ast.Import(names=names):
            return {alias.name.split(".")[2] for alias in names if alias.name.startswith("homeassistant.components.")}
    return set()


def test_imported_integrations_are_declared(manifest: dict[str, object]) -> None:
    declared = set(ALWAYS_THERE) | {platform.value for platform in Platform}
    for key in ("dependencies", "after_dependencies"):
        listed = manifest.get(key, [])
        assert isinstance(listed, list)
        declared |= set(listed)
    undeclared = {
        f"{module.name} imports {component}"
        for module in modules()
        for node in ast.walk(module.tree)
        # diagnostics.py may import from diagnostics: it is only loaded by it.
        for component in _components(node) - declared - {module.name}
    }
    assert undeclared == set()
