"""The integration's source as syntax trees, and the strings that its expressions can be."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
import json
from pathlib import Path
import re
import subprocess
from typing import Any

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "enphase_ev"


def load(name: str) -> dict[str, Any]:
    """A JSON file of the integration."""
    content: dict[str, Any] = json.loads((INTEGRATION / name).read_text(encoding="utf-8"))
    return content


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository: those that git knows, those that are new, none that are ignored or gone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - fixed
    return tuple(ROOT / name for name in listing.split("\0") if name and (ROOT / name).exists())


@cache
def tracked_texts() -> dict[Path, str]:
    """The content of those of them that are text."""
    found = {}
    for path in tracked():
        try:
            found[path] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


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


type Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _values() -> dict[str, ast.expr]:
    """What module-level names stand for, anywhere in the integration."""
    found = {}
    for module in modules():
        for node in module.tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    found[name] = value
    return found


@cache
def _functions() -> dict[str, Function]:
    """Module-level functions, anywhere in the integration."""
    return {
        node.name: node for module in modules() for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@cache
def _around() -> dict[ast.AST, Function]:
    """The innermost function that a node is in."""
    return {
        inner: function
        for module in modules()
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(function)
    }


def strings(node: ast.expr | None) -> set[str]:
    """The strings that an expression can be, as far as the text of the code tells.

    Itself; what a name stands for, in its function or in a module; either side of a condition; the values of a table;
    what a function of ours returns.
    """
    found: set[str] = set()
    match node:
        case ast.Constant(value=str() as value):
            found = {value}
        case ast.Name(id=name):
            found = _strings_of_name(name, _around().get(node))
        case ast.IfExp(body=body, orelse=orelse):
            found = strings(body) | strings(orelse)
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            found = _all_strings(parts)
        case ast.Dict(values=parts):
            found = _all_strings(parts)
        case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(generators=[generator]), *rest]):
            found = strings(generator.iter) | _all_strings(rest)
        case ast.Call(func=ast.Name(id=name)) if name in _functions():
            returns = (inner for inner in ast.walk(_functions()[name]) if isinstance(inner, ast.Return))
            found = _all_strings(inner.value for inner in returns)
    return found


def _strings_of_name(name: str, function: Function | None) -> set[str]:
    """What is assigned to a name in this function, else what it stands for in a module."""
    assigned = (
        []
        if function is None
        else [
            inner.value
            for inner in ast.walk(function)
            if isinstance(inner, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in inner.targets)
        ]
    )
    return _all_strings(assigned) or strings(_values().get(name))


def _all_strings(nodes: Iterable[ast.expr | None]) -> set[str]:
    return set().union(*(strings(node) for node in nodes))


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
