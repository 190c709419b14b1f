"""translations/*.json: well-formed as hassfest wants it, complete for the code, and nothing left over."""

import ast
import json
import re

from homeassistant.data_entry_flow import AbortFlow
import pytest

from tests.structure.descriptions import declared_entities
from tests.structure.source import (
    INTEGRATION,
    argument,
    called,
    calls,
    leaves,
    load,
    modules,
    placeholders,
    strings,
)

SECTIONS = {
    *("common", "conditions", "config", "config_panel", "config_subentries", "device", "device_automation", "entity"),
    *("entity_component", "exceptions", "issues", "options", "preview_features", "selector", "services"),
    *("system_health", "title", "triggers", "application_credentials"),
}
KEY = re.compile(r"(?!.+[_-]{2})(?![_-])[a-z0-9-_]+(?<![_-])")
HTML = re.compile(r"<[a-z/][^>]*>", re.IGNORECASE)
# Home Assistant has the words for these.
SHARED_ABORTS = {
    *("already_in_progress", "reauth_successful", "reconfigure_successful", "single_instance_allowed"),
    *("unknown", "no_devices_found", "missing_configuration", "oauth_error"),
}
ERRORS_OF_HOME_ASSISTANT = {
    *("HomeAssistantError", "ServiceValidationError", "UpdateFailed", "ConfigEntryError", "ConfigEntryNotReady"),
    *("ConfigEntryAuthFailed",),
}
# The languages besides English, each with the texts that it has in common with English.
SAME_AS_ENGLISH = {
    "de": {"Cloud", "Code", "Ethernet", "Offline", "PowerMatch", "Reserve", "Status"},
    "fr": {"Action", "Cloud", "Code", "Ethernet", "Expert", "Message", "Options", "PowerMatch", "Site", "Wi-Fi"},
    "nl": {"Cloud", "Code", "Ethernet", "Expert", "Offline", "PowerMatch", "Reserve", "Status"},
    "es": {"Error", "Ethernet", "Manual", "PowerMatch", "Wi-Fi"},
    "it": {"Cloud", "Ethernet", "Password", "PowerMatch", "Wi-Fi"},
    "pt": {"Ethernet", "Manual", "PowerMatch", "Wi-Fi"},
    "da": {"Ethernet", "Offline", "PowerMatch", "Reserve", "Smart", "Start", "Status"},
    "sv": {"Ethernet", "Expert", "Full", "Offline", "PowerMatch", "Smart", "Start", "Status"},
    "nb": {"Ethernet", "Full", "PowerMatch", "Reserve", "Smart", "Start", "Status", "Wi-Fi"},
    "pl": {"Ethernet", "Limit", "PowerMatch", "Wi-Fi"},
}
# What nobody translates: products, actions and addresses.
KEPT = re.compile(r"Enphase|Home Assistant|IQ Gateway|RFID|SHA-256|enphase_ev\.\w+|envoy\.local|192\.0\.2\.7")
QUOTED = re.compile(r'"([^"]+)"')
each_language = pytest.mark.parametrize("language", SAME_AS_ENGLISH)


@pytest.fixture
def english() -> dict[str, dict[str, dict[str, object]]]:
    return load("translations/en.json")


def _steps() -> dict[str, dict[str, object]]:
    """The forms of the config flow and the options flow: `config.user`, `options.init`."""
    english = load("translations/en.json")
    return {f"{flow}.{step}": content for flow in ("config", "options") for step, content in english.get(flow, {}).get("step", {}).items()}


@pytest.mark.parametrize("path", sorted(INTEGRATION.glob("translations/*.json")), ids=lambda path: path.stem)
def test_texts_are_well_formed(path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert set(content) <= SECTIONS
    wrong = []
    for keys, text in leaves(content):
        name = ".".join(keys)
        wrong += [f"{name}: key {key!r}" for key in keys if not KEY.fullmatch(key)]
        if HTML.search(text):
            wrong.append(f"{name}: HTML")
        if re.search(r"'{\w*}'", text):
            wrong.append(f"{name}: a placeholder in single quotes")
        if not text or text != text.strip():
            wrong.append(f"{name}: empty, or blanks at an end")
        if "[%key:" in text:
            wrong.append(f"{name}: a reference, which only Home Assistant's own build resolves")
    assert wrong == []


def _texts(language: str) -> dict[tuple[str, ...], str]:
    return dict(leaves(load(f"translations/{language}.json")))


def test_the_languages_are_those_that_are_promised() -> None:
    assert {path.stem for path in INTEGRATION.glob("translations/*.json")} == {"en", *SAME_AS_ENGLISH}


@each_language
def test_languages_say_the_same(language: str) -> None:
    english, other = _texts("en"), _texts(language)
    assert set(other) == set(english)
    assert list(other) == list(english), "in another order than in English"

    assert [".".join(key) for key in english if placeholders(english[key]) != placeholders(other[key])] == []
    assert [".".join(key) for key in english if english[key].count("\n") != other[key].count("\n")] == []
    assert [".".join(key) for key in english if not set(KEPT.findall(english[key])) <= set(KEPT.findall(other[key]))] == []


@each_language
def test_languages_leave_nothing_in_english(language: str) -> None:
    english, other = _texts("en"), _texts(language)
    assert {text for key, text in other.items() if text == english[key]} == SAME_AS_ENGLISH[language]


@each_language
def test_languages_call_things_by_one_name(language: str) -> None:
    """What a text quotes is called so where it stands, and what has two names in English has two."""
    english, other = _texts("en"), _texts(language)
    named: dict[str, set[str]] = {}
    for key, text in english.items():
        named.setdefault(text, set()).add(other[key])
    quotes = [(key, name) for key, text in english.items() for name in QUOTED.findall(text) if name in named]
    assert [(".".join(key), name) for key, name in quotes if not any(word in other[key] for word in named[name])] == []

    meant: dict[tuple[object, ...], set[str]] = {}
    for key, text in english.items():
        match key:
            case ("entity", platform, _, "name"):
                meant.setdefault((platform, other[key]), set()).add(text)
            case (*entity, "state", _):
                meant.setdefault((*entity, other[key]), set()).add(text)
    assert [what for what, names in meant.items() if len(names) > 1] == []


@pytest.mark.parametrize("step", _steps() if INTEGRATION.joinpath("translations").exists() else [])
def test_every_field_of_a_form_is_explained(step: str) -> None:
    content = _steps()[step]
    groups = [content, *content.get("sections", {}).values()]
    for group in groups:
        assert set(group.get("data_description", {})) == set(group.get("data", {}))


def test_forms_and_their_texts_match(english) -> None:
    shown: dict[str, set[str]] = {"config": set(), "options": set()}
    for module in modules():
        for node in module.tree.body:
            if not isinstance(node, ast.ClassDef):
                continue
            bases = " ".join(ast.unparse(base) for base in node.bases)
            if "RepairsFlow" in bases:
                # Its texts stand with the issue.
                continue
            flow = "options" if "OptionsFlow" in bases else "config"
            for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
                if called(call) in {"async_show_form", "async_show_menu", "async_show_progress"}:
                    shown[flow] |= strings(argument(call, "step_id"))
    for flow, steps in shown.items():
        assert set(english.get(flow, {}).get("step", {})) == steps, flow


def test_aborts_and_their_texts_match(english) -> None:
    used = set()
    for call in calls():
        match called(call):
            case "async_abort" | AbortFlow.__name__:
                used |= strings(argument(call, "reason") or (call.args[0] if call.args else None))
            case "_abort_if_unique_id_configured":
                used |= strings(argument(call, "error")) or {"already_configured"}
            case "_abort_if_unique_id_mismatch":
                used |= strings(argument(call, "reason")) or {"unique_id_mismatch"}
            case "_async_abort_entries_match":
                used |= {"already_configured"}
    # The flow of a repair has its texts with the issue.
    of_repairs = {reason for issue in english["issues"].values() for reason in issue.get("fix_flow", {}).get("abort", {})}
    present = set(english["config"].get("abort", {})) | of_repairs
    assert used - SHARED_ABORTS - present == set(), "no text for these"
    assert present & SHARED_ABORTS == set(), "Home Assistant has the words for these"
    assert present - used == set(), "no code for these"


def test_form_errors_and_their_texts_match(english) -> None:
    used: dict[str, set[str]] = {"config": set(), "options": set()}
    for module in modules():
        of_flow = used["options" if module.name == "options/options_flow" else "config"]
        for node in ast.walk(module.tree):
            match node:
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="errors"))], value=value):
                    of_flow |= strings(value)
                case ast.keyword(arg="errors", value=ast.Dict(values=values)):
                    of_flow |= set().union(*(strings(value) for value in values))
    for flow, keys in used.items():
        present = set(english.get(flow, {}).get("error", {}))
        assert present - keys == set(), "no code for these"
        assert keys - present == set(), "no text for these"


def _raised() -> dict[str, set[str]]:
    """Translation keys of exceptions with the placeholders that the code fills in."""
    raised: dict[str, set[str]] = {}
    for call in calls():
        keys = strings(argument(call, "translation_key"))
        if argument(call, "translation_domain") is None or called(call) == "async_create_issue":
            continue
        match argument(call, "translation_placeholders"):
            case ast.Dict(keys=names):
                filled = set().union(*(strings(name) for name in names if name is not None))
            case _:
                filled = set()
        for key in keys:
            raised[key] = raised.get(key, set()) | filled
    return raised


def test_exceptions_and_their_texts_match(english) -> None:
    present = english.get("exceptions", {})
    raised = _raised()
    assert set(raised) - set(present) == set(), "no text for these"
    assert set(present) - set(raised) == set(), "no code for these"
    unfilled = {
        key: placeholders(str(present[key]["message"])) - filled
        for key, filled in raised.items()
        if filled and placeholders(str(present[key]["message"])) - filled
    }
    assert unfilled == {}


def test_errors_of_home_assistant_are_translated() -> None:
    bare = [
        ast.unparse(call)[:100]
        for call in calls()
        if called(call) in ERRORS_OF_HOME_ASSISTANT
        and (argument(call, "translation_domain") is None or argument(call, "translation_key") is None)
        and not any(keyword.arg is None for keyword in call.keywords)
    ]
    assert bare == []


def test_issues_and_their_texts_match(english) -> None:
    present = english.get("issues", {})
    created = set()
    for call in calls():
        is_withdrawn = ast.unparse(argument(call, "is_so") or ast.Constant(value=None)) == "False"
        if called(call) in {"async_create_issue", "set_entry_issue", "offer_repair"} and not is_withdrawn:
            created |= strings(argument(call, "translation_key"))
    assert created - set(present) == set(), "no text for these"
    assert set(present) - created == set(), "no code for these"
    for key, issue in present.items():
        assert issue["title"], key
        assert ("description" in issue) != ("fix_flow" in issue), key


def test_entities_and_their_texts_match(english) -> None:
    present = {(platform, key) for platform, keys in english["entity"].items() for key in keys}
    declared = {(entity.platform, entity.key) for entity in declared_entities()}
    assert declared - present == set(), "no name for these"
    assert present - declared == set(), "no entity for these"


def test_listed_states_and_their_texts_match(english) -> None:
    for entity in declared_entities():
        content = english["entity"].get(entity.platform, {}).get(entity.key, {})
        if entity.options:
            assert set(content.get("state", {})) == entity.options, f"{entity.platform}.{entity.key}"


def test_selectors_and_their_texts_match(english) -> None:
    used = set()
    for call in calls():
        if called(call) == "SelectSelectorConfig":
            used |= strings(argument(call, "translation_key"))
    present = set(english.get("selector", {}))
    assert used - present == set(), "no text for these"
    in_services = (INTEGRATION / "services.yaml").read_text(encoding="utf-8")
    left_over = {key for key in present - used if f"translation_key: {key}" not in in_services}
    assert left_over == set(), "no selector for these"


def test_system_health_and_its_texts_match(english) -> None:
    present = set(english.get("system_health", {}).get("info", {}))
    module = next((module for module in modules() if module.name == "system_health"), None)
    if module is None:
        assert present == set()
        return
    returned = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            returned |= set().union(*(strings(key) for key in node.value.keys if key is not None))
    assert present == returned
