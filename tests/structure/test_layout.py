"""The layout: where modules are, how big they and their functions may be, and who imports whom (see CONTRIBUTING.md, "The map")."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.imports import circles, imports_within
from tests.structure.source import ROOT, Module, modules

MOST_AT_THE_TOP = 32
LONGEST_FILE = 500
LONGEST_FUNCTION = 50
# What each wing may have one of. Every other name is in the integration once.
ROOMS_OF_A_WING = {"coordinator", "issues", "model", "validation"}
WINGS = {"battery", "charger", "site"}


def test_the_top_holds_what_home_assistant_wants_there_and_little_else() -> None:
    assert len([module for module in modules() if "/" not in module.name]) <= MOST_AT_THE_TOP


def test_no_two_modules_have_one_name() -> None:
    places = defaultdict(list)
    for module in modules():
        places[module.path.stem].append(Path(module.name).parent.as_posix())
    twice = {
        name
        for name, folders in places.items()
        if len(folders) > 1 and name != "__init__" and not (name in ROOMS_OF_A_WING and set(folders) <= WINGS)
    }
    assert twice == set()
    assert {name for name in ROOMS_OF_A_WING if len(places[name]) < 2} == set(), "no wing needs these"


def _functions(module: Module) -> Iterator[tuple[str, int]]:
    """Each function with its lines, decorators and docstring included."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = min(one.lineno for one in (node, *node.decorator_list))
            yield f"{module.name}.{node.name}", (node.end_lineno or node.lineno) - begin + 1


def test_no_file_is_too_long() -> None:
    long = {module.name for module in modules() if len(module.path.read_text(encoding="utf-8").splitlines()) >= LONGEST_FILE}
    assert long == set()


def test_no_function_is_too_long() -> None:
    found = [one for module in modules() for one in _functions(module)]
    assert len(found) > 500
    assert {name for name, lines in found if lines >= LONGEST_FUNCTION} == set()


@pytest.mark.parametrize("package", ["custom_components/enphase_ev", "simulator"])
def test_nothing_imports_itself_in_a_circle(package: str) -> None:
    imports = imports_within(ROOT / package)
    assert sum(len(imported) for imported in imports.values()) > 100
    assert circles(imports) == []


def test_circles_are_found(tmp_path: Path) -> None:
    """Over `from . import`, over a package's name, for types alone, and in a function."""
    package = tmp_path / "house"
    (package / "wing").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "wing" / "__init__.py").write_text("")
    (package / "door.py").write_text("from .wing import room\n")
    (package / "wing" / "room.py").write_text("def later():\n    from .. import window\n")
    (package / "window.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.door import Handle\n")
    (package / "roof.py").write_text("from . import door\nimport house.wing.room\n")
    assert [sorted(set(circle)) for circle in circles(imports_within(package))] == [["house.door", "house.window", "house.wing.room"]]
