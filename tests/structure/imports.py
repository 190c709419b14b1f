"""Which modules of a package import which, and the circles in that."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

type Imports = dict[str, set[str]]


def imports_within(package: Path) -> Imports:
    """The modules of a package by dotted name, each with those of them that it imports: anywhere in the file, for types alone too.

    `from .battery import model` imports the module; `from .battery.model import Battery` does, too. A package stands for its `__init__`.
    """
    names = {_dotted(path, package): path for path in package.rglob("*.py")}
    return {name: _imported(name, path, names) - {name} for name, path in names.items()}


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """The circles, one at a time: each is a list of modules of which each imports the next, and the last is the first."""
    left = {name: set(imported) for name, imported in imports.items()}
    found = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            # In the order in which they depend on each other, backwards.
            circle = list(reversed(error.args[1]))
            found.append(circle)
            left[circle[0]].discard(circle[1])
        else:
            return found


def _dotted(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(name: str, path: Path, names: Mapping[str, Path]) -> set[str]:
    # What `.` means in this file.
    here = name if path.stem == "__init__" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {one for node in ast.walk(tree) for one in _named(node, here, names)}


def _named(node: ast.AST, here: str, names: Mapping[str, Path]) -> Iterator[str]:
    match node:
        case ast.Import(names=aliases):
            yield from (alias.name for alias in aliases if alias.name in names)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            base = ".".join(here.split(".")[: len(here.split(".")) - level + 1]) if level else ""
            source = ".".join(part for part in (base, module) if part)
            for alias in aliases:
                inner = f"{source}.{alias.name}"
                if inner in names:
                    yield inner
                elif source in names:
                    yield source
