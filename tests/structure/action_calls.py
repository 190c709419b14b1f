"""Calls of this integration's actions in YAML: in automations, scripts and blueprints."""

from collections.abc import Iterator, Mapping
from functools import cache

from homeassistant.util.yaml import load_yaml_dict

from tests.structure.source import INTEGRATION

type Node = object


@cache
def described_actions() -> dict[str, dict[str, dict[str, object]] | None]:
    """The fields of each action, as services.yaml has them, those in sections too; older names have nothing there."""
    services = load_yaml_dict(str(INTEGRATION / "services.yaml"))
    return {name: service and flat(service.get("fields", {})) for name, service in services.items()}


def flat(fields: Mapping[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Fields of an action, with those in sections among the others."""
    found: dict[str, dict[str, object]] = {}
    for name, field in fields.items():
        inner = field.get("fields", {name: field})
        assert isinstance(inner, dict)
        found |= inner
    return found


def mappings(node: Node) -> Iterator[Mapping[str, object]]:
    """Every mapping in parsed YAML."""
    if isinstance(node, Mapping):
        yield node
    parts = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for part in parts:
        yield from mappings(part)


def texts(node: Node) -> Iterator[str]:
    """Every text in parsed YAML."""
    if isinstance(node, str):
        yield node
    parts = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for part in parts:
        yield from texts(part)


def wrong_calls(node: Node) -> list[str]:
    """What is wrong with the calls of our actions: an unknown one, an unknown field, a missing one, a choice that there is not."""
    calls = [(str(one.get(key, "")), one) for one in mappings(node) for key in ("action", "perform_action")]
    return [problem for name, one in calls if name.startswith(f"{INTEGRATION.name}.") for problem in _wrong(name.partition(".")[2], one)]


def _wrong(name: str, call: Mapping[str, object]) -> Iterator[str]:
    if name not in described_actions():
        yield f"there is no action {name}"
        return
    fields, data = described_actions()[name], call.get("data") or {}
    assert isinstance(data, Mapping)
    if fields is None:
        return
    yield from (f"{name} has no field {field}" for field in data.keys() - fields.keys())
    yield from (f"{name} needs {field}" for field, described in fields.items() if described.get("required") and field not in data)
    for field, value in data.items():
        selector = fields.get(field, {}).get("selector")
        options = (selector.get("select") or {}).get("options") if isinstance(selector, Mapping) else None
        chosen = value if isinstance(value, list) else [value]
        yield from (
            f"{name}: {field} cannot be {one}"
            for one in chosen
            if options and isinstance(one, str) and "{" not in one and one not in options
        )
