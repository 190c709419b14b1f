"""The rules of the house that a program can see."""

import ast
from pathlib import Path
import re
import tokenize

import pytest

from tests.structure.source import INTEGRATION, ROOT, load, modules, tracked


def _imported(tree: ast.Module) -> set[str]:
    """The top-level packages that a file imports by absolute name."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str() as module, level=0):
                found.add(module.partition(".")[0])
            case ast.Import(names=names):
                found |= {alias.name.partition(".")[0] for alias in names}
    return found


def test_the_client_knows_nothing_of_home_assistant() -> None:
    client = [module for module in modules() if module.name.startswith("enlighten/")]
    assert client
    assert [module.name for module in client if "homeassistant" in _imported(module.tree)] == []
    # Nor does it reach up into the integration around it.
    climbing = [
        module.name
        for module in client
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level > len(Path(module.name).parts) - 1
    ]
    assert climbing == []


def test_the_simulator_keeps_to_the_contract_and_not_to_our_client() -> None:
    files = sorted((ROOT / "simulator").rglob("*.py"))
    assert files
    offenders = {
        path.name for path in files if _imported(ast.parse(path.read_text(encoding="utf-8"))) & {"custom_components", "homeassistant"}
    }
    assert offenders == set()


def test_annotations_need_no_future_import() -> None:
    offenders = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    }
    assert offenders == set()


_EXCEPTION = re.compile(r"#\s*(?:noqa\b(?::[A-Z0-9, ]+)?|type:\s*ignore(?:\[[^\]]*\])?)")


def test_an_exception_from_a_check_stands_beside_its_reason() -> None:
    """`# noqa: S311 - a name, no secret`; where two stand on a line, one reason is enough."""
    bare: list[str] = []
    for path in (path for path in tracked() if path.suffix == ".py"):
        with path.open("rb") as file:
            comments = [(token.start[0], token.string) for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
        bare += [
            f"{path.relative_to(ROOT)}:{line}"
            for line, comment in comments
            if _EXCEPTION.search(comment) and not re.search(r"\w", _EXCEPTION.sub("", comment))
        ]
    assert bare == []


def test_nothing_catches_everything() -> None:
    offenders = {
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
    }
    assert offenders == set()


def test_every_platform_says_how_many_updates_run_at_once() -> None:
    entity_platforms = [
        module
        for module in modules()
        if "/" not in module.name
        and any(isinstance(node, ast.AsyncFunctionDef) and node.name == "async_setup_entry" for node in module.tree.body)
        and module.name != "__init__"
    ]
    assert entity_platforms
    silent = [
        module.name
        for module in entity_platforms
        if not any(
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "PARALLEL_UPDATES"
            for node in module.tree.body
        )
    ]
    assert silent == []


def test_coordinators_let_their_data_be_known_in_one_way() -> None:
    """By `keep_data` and `publish_data` of `waiting.SnapshotCoordinator`: nobody sets `data` and forgets to tell."""
    setting = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr == "data" and isinstance(node.ctx, ast.Store)
    }
    assert setting == {"waiting"}


@pytest.mark.parametrize("name", ["strings.json"])
def test_custom_integrations_have_no(name: str) -> None:
    assert not (INTEGRATION / name).exists()


# https://developers.home-assistant.io/docs/core/integration-quality-scale/
QUALITY_RULES = {
    # bronze
    *("action-setup", "appropriate-polling", "brands", "common-modules", "config-flow-test-coverage", "config-flow"),
    *("dependency-transparency", "docs-actions", "docs-triggers", "docs-conditions", "docs-high-level-description"),
    *("docs-installation-instructions", "docs-removal-instructions", "entity-event-setup", "entity-unique-id"),
    *("has-entity-name", "runtime-data", "test-before-configure", "test-before-setup", "unique-config-entry"),
    # silver
    *("action-exceptions", "config-entry-unloading", "docs-configuration-parameters", "docs-installation-parameters"),
    *("entity-unavailable", "integration-owner", "log-when-unavailable", "parallel-updates"),
    *("reauthentication-flow", "test-coverage"),
    # gold
    *("devices", "diagnostics", "discovery-update-info", "discovery", "docs-data-update", "docs-examples"),
    *("docs-known-limitations", "docs-supported-devices", "docs-supported-functions", "docs-troubleshooting"),
    *("docs-use-cases", "dynamic-devices", "entity-category", "entity-device-class", "entity-disabled-by-default"),
    *("entity-translations", "exception-translations", "icon-translations", "reconfiguration-flow", "repair-issues"),
    *("stale-devices",),
    # platinum
    *("async-dependency", "inject-websession", "strict-typing"),
}


# Page and heading of what the rules about the documentation ask for.
SECTIONS = {
    "docs-high-level-description": ("README.md", "Enphase EV & Battery for Home Assistant"),
    "docs-installation-instructions": ("docs/install.md", "Install"),
    "docs-installation-parameters": ("docs/install.md", "Set up"),
    "docs-configuration-parameters": ("docs/options.md", "Options"),
    "docs-actions": ("docs/actions.md", "Actions"),
    "docs-use-cases": ("docs/overview.md", "What it is for"),
    "docs-supported-devices": ("docs/supported.md", "Supported devices"),
    "docs-supported-functions": ("docs/overview.md", "What you get"),
    "docs-examples": ("docs/examples.md", "Automations"),
    "docs-data-update": ("docs/requests.md", "Data updates, and what they cost"),
    "docs-known-limitations": ("docs/limitations.md", "Known limitations"),
    "docs-troubleshooting": ("docs/troubleshooting.md", "Troubleshooting"),
    "docs-removal-instructions": ("docs/install.md", "Remove"),
}


def _has_section(name: str, heading: str) -> bool:
    """Whether a page has this heading with something below it, and the README leads to the page."""
    page = (ROOT / name).read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(rf"^#+ {re.escape(heading)}\n+(?!## )\S", page, re.MULTILINE) is not None and (
        name == "README.md" or f"/{name})" in readme
    )


def test_every_rule_of_the_quality_scale_is_done_or_says_why_not(quality_scale: dict[str, object]) -> None:
    assert len(QUALITY_RULES) == 54
    assert set(quality_scale) == QUALITY_RULES
    silent = []
    for rule, status in quality_scale.items():
        match status:
            case "done" | {"status": "done"}:
                pass
            case {"status": "exempt" | "todo", "comment": str() as reason} if reason.strip():
                pass
            case _:
                silent.append(rule)
    assert silent == []


def test_done_rules_have_what_they_speak_of(quality_scale: dict[str, object]) -> None:
    """The rules that leave a trace in the files."""

    def done(rule: str) -> bool:
        match quality_scale[rule]:
            case "done" | {"status": "done"}:
                return True
        return False

    functions = {
        node.name for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
    }
    traces = {
        "reauthentication-flow": "async_step_reauth" in functions,
        "reconfiguration-flow": "async_step_reconfigure" in functions,
        "diagnostics": (INTEGRATION / "diagnostics.py").exists(),
        "config-entry-unloading": "async_unload_entry" in functions,
        "action-setup": "async_setup" in functions,
        "exception-translations": "exceptions" in load("translations/en.json"),
        "repair-issues": "issues" in load("translations/en.json"),
        "icon-translations": (INTEGRATION / "icons.json").exists(),
        "brands": (INTEGRATION / "brand" / "icon.png").exists(),
        "stale-devices": "async_remove_config_entry_device" in functions
        or any("async_remove_device" in ast.unparse(module.tree) for module in modules()),
    }
    traces |= {rule: _has_section(*section) for rule, section in SECTIONS.items()}
    assert [rule for rule, there in traces.items() if done(rule) and not there] == []
