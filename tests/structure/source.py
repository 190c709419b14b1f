"""The integration's source as syntax trees, with the names of constants resolved."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
import json
from pathlib import Path
import re
from typing import Any

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "enphase_ev"


def load(name: str) -> dict[str, Any]:
    """A JSON file of the integration."""
    content: dict[str, Any] = json.loads((INTEGRATION / name).read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True)
class Module:
    """A Python file and its syntax tree."""

    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path inside the integration, without the suffix: `sensor`, `enlighten/account`."""
        return self.path.relative_to(INTEGRATION).with_suffix("").as_posix()


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the integration."""
    paths = sorted(INTEGRATION.rglob("*.py"))
    return tuple(Module(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


@cache
def constants() -> dict[str, str]:
    """Module-level names that are a string, anywhere in the integration."""
    found = {}
    for module in modules():
        for node in module.tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as value))
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() as value))
                ):
                    found[name] = value
    return found


@cache
def texts() -> frozenset[str]:
    """Every string that the code has, docstrings included."""
    return frozenset(
        node.value
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def strings(node: ast.expr | None) -> set[str]:
    """The strings that an expression can be: itself, a constant's value, either side of a condition."""
    match node:
        case ast.Constant(value=str() as value):
            return {value}
        case ast.Name(id=name) if name in constants():
            return {constants()[name]}
        case ast.IfExp(body=body, orelse=orelse):
            return strings(body) | strings(orelse)
        case ast.BoolOp(values=values):
            return set().union(*(strings(value) for value in values))
    return set()


def calls(in_modules: Iterable[Module] | None = None) -> Iterator[ast.Call]:
    """Every call."""
    for module in modules() if in_modules is None else in_modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                yield node


def called(call: ast.Call) -> str:
    """The last part of what is called: `async_abort` of `self.async_abort(…)`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def argument(call: ast.Call, name: str) -> ast.expr | None:
    """A keyword argument."""
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return set(re.findall(r"{(\w+)}", text))


def leaves(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of a translation file with their paths."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    else:
        assert isinstance(tree, str), f"{'.'.join(path)} is not a text"
        yield path, tree
