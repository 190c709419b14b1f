"""Changes client and battery changes in small ways, and tells what no test notices: `python -m benchmarks.mutation`.

A tree of its own is mutated, one place at a time: comparisons, arithmetic, booleans, numbers, names on the wire, returned values,
conditions, statements left out. Each mutant meets only tests that run through its lines, those named for the module first and the
first of every parametrised one before the second, as many as fit into a budget of seconds. The sample stays the same as long as the
code and the seed do. A mutant whose tests go on for too long counts as noticed.
"""

import argparse
import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
import json
from multiprocessing import get_context
import os
from pathlib import Path
from random import Random
import shutil
import sys
import tempfile

import coverage
import pytest

_PACKAGE = Path("custom_components/enphase_ev")
_CLIENT, _BATTERY = "client", "battery"
_MODULES = {
    _CLIENT: ("enlighten/**/*.py",),
    _BATTERY: tuple(f"battery/{n}.py" for n in ("decide", "keeper", "ledger", "override")),
}
_TESTS = {
    _CLIENT: ("tests/enlighten",),
    _BATTERY: (
        *(
            f"tests/integration/test_battery_{name}.py"
            for name in ("actions", "answers", "costs", "meanwhile", "overrides", "refusals", "repairs", "sessions", "settings")
        ),
        # Of the kill points, which take minutes, what goes through most of the code.
        *(
            f"tests/integration/test_battery_kill_points.py::test_nothing_is_lost_wherever_a_write_is_killed[{case}]"
            for case in (
                "change-hostile-False",
                "delete-drops later-False",
                "rbd off-hostile-False",
                "override set and cleared-hostile-False",
            )
        ),
    ),
}
_OURS = ("custom_components", "simulator", "tests", "benchmarks")
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATIONS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_UNTOUCHED_FIELDS = {"annotation", "returns", "type_params", "bases", "name", "decorator_list"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Mutant:
    """One change: what takes whose place where."""

    module: str
    holder: ast.AST
    field: str
    index: int | None
    new: ast.AST
    lines: set[int]
    in_function: bool

    def swap(self) -> None:
        """Put the new part in the place of the old one, and the old one back at the next call."""
        value = getattr(self.holder, self.field)
        if self.index is None:
            setattr(self.holder, self.field, self.new)
            self.new = value
        else:
            value[self.index], self.new = self.new, value[self.index]

    def shown(self) -> str:
        """Return what stands there now."""
        if isinstance(self.holder, ast.expr | ast.keyword | ast.Assign):
            part = self.holder
        else:
            value = getattr(self.holder, self.field)
            part = value if self.index is None else value[self.index]
        return ast.unparse(part).strip().splitlines()[0][:150]

    @property
    def place(self) -> str:
        """Return module and line."""
        return f"{self.module}:{min(self.lines)}"


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what can take the place of a node."""
    match node:
        case ast.Compare(left, ops, comparators):
            for index, op in enumerate(ops):
                yield ast.Compare(left, [*ops[:index], _COMPARISONS[type(op)](), *ops[index + 1 :]], comparators)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.BinOp(left, op, right) if type(op) in _OPERATIONS:
            yield ast.BinOp(left, _OPERATIONS[type(op)](), right)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(str(value)):
            yield ast.Constant(f"{value}~")
        case ast.stmt():
            yield from _statements(node)


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield what can take the place of a statement."""
    match node:
        case ast.Return(ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Await() | ast.Call()) | ast.Raise() | ast.AugAssign() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.If(ast.Name() | ast.Attribute() | ast.Call() as test, body, orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)


def _is_untouched(node: ast.AST) -> bool:
    """Return whether a node is for readers and type checkers only: a docstring, a log line, a declaration of a type."""
    match node:
        case ast.Expr(ast.Constant()) | ast.TypeAlias() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("LOGGER" | "_LOGGER")))):
            return True
        case ast.FunctionDef(decorator_list=[ast.Name("overload"), *_]) | ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign([ast.Name("__all__")]):
            return True
    return False


def find_mutants(module: str, holder: ast.AST, line: int = 1, *, in_function: bool = False) -> Iterator[Mutant]:
    """Yield every mutant of a module below a node; `line` is that of the statement that it stands in."""
    for name, value in ast.iter_fields(holder):
        if name in _UNTOUCHED_FIELDS:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _is_untouched(node):
                continue
            at = node.lineno if isinstance(node, ast.stmt) else line
            inside = in_function or (isinstance(holder, (*_FUNCTIONS, ast.Lambda)) and name == "body")
            if isinstance(node, ast.expr | ast.stmt):
                last = node.lineno if isinstance(node, ast.If) else node.end_lineno or node.lineno
                lines = {at, *range(node.lineno, last + 1)}
                for new in _replacements(node):
                    yield Mutant(module, holder, name, index, new, lines, inside)
            yield from find_mutants(module, node, at, in_function=inside)


class _Clock:
    """Notes how long each test takes, and which ones fail as it is."""

    def __init__(self) -> None:
        self.took: defaultdict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.took[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)


class Tree:
    """A copy of the code with its tests, and which test runs through which line."""

    def __init__(self, root: Path, suites: Iterable[str], tests: Sequence[str]) -> None:
        self.root = root
        for name in ("custom_components", "simulator", "tests", "blueprints", "docs"):
            shutil.copytree(name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy("pyproject.toml", root)
        os.chdir(root)
        self.took: dict[str, float] = {}
        self._through: dict[str, dict[int, list[str]]] = {}
        chosen = tests or [test for suite in suites for test in _TESTS[suite]]
        if self._in_child(lambda: self._measure(chosen), limit=3600) not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            sys.exit((root / "output.txt").read_text()[-3000:])
        measured = json.loads((root / "measured.json").read_text())
        self.took = {test: took for test, took in measured["took"].items() if test not in measured["failed"]}
        for test in measured["failed"]:
            print(f"Fails without a change, and is left out: {test}")
        for name in ("homeassistant", *measured["modules"]):
            # What every run needs is imported once. Parts of other packages that refuse are no loss.
            with suppress(ImportError):
                import_module(name)

    def _in_child(self, work: Callable[[], int], limit: float) -> int | None:
        """Do something in a process that inherits what is imported; return its exit code, `None` where it took too long."""

        def child() -> None:
            output = os.open("output.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.path[:] = [str(self.root), *(path for path in sys.path if path and not Path(path, _PACKAGE).exists())]
            os._exit(work())

        process = get_context("fork").Process(target=child)
        process.start()
        process.join(limit)
        if process.exitcode is None:
            process.kill()
            process.join()
            return None
        return process.exitcode

    def _measure(self, tests: Sequence[str]) -> int:
        clock = _Clock()
        os.environ["COVERAGE_CORE"] = "ctrace"
        code = pytest.main([*tests, "-qq", "-p", "no:cacheprovider", f"--cov={_PACKAGE}", "--cov-context=test", "--cov-report="], [clock])
        modules = [name for name in sys.modules if name.partition(".")[0] not in (*_OURS, "__main__")]
        Path("measured.json").write_text(json.dumps({"took": clock.took, "failed": clock.failed, "modules": modules}))
        return int(code)

    def tests_of(self, mutant: Mutant, budget: float) -> list[str]:
        """Return the tests that run through the mutant's lines (all of its module where it is made at import).

        Those of the file that is named for the module come first, then those that run through most of it, one of each function.
        """
        if mutant.module not in self._through:
            data = coverage.CoverageData(str(self.root / ".coverage"))
            data.read()
            self._through[mutant.module] = data.contexts_by_lineno(str(self.root / _PACKAGE / mutant.module))
        through = self._through[mutant.module]
        contexts = [one for line in mutant.lines for one in through.get(line, ())]
        if not any(contexts) and not mutant.in_function:
            contexts = [one for ones in through.values() for one in ones]
        lines_of = Counter(one.rpartition("|")[0] for ones in through.values() for one in ones)
        about = f"test_{Path(mutant.module).stem}"
        by_function: dict[str, list[str]] = defaultdict(list)
        for test in sorted({one.rpartition("|")[0] for one in contexts} & self.took.keys(), key=lambda test: (-lines_of[test], test)):
            by_function[test.partition("[")[0]].append(test)
        ranked = sorted(
            (about not in test, rank, -lines_of[test], test) for tests in by_function.values() for rank, test in enumerate(tests)
        )
        return list(_fitting(((test, self.took[test]) for _, _, _, test in ranked), budget)) or [ranked[0][3]] if ranked else []

    def is_noticed(self, mutant: Mutant, tree: ast.AST, budget: float) -> bool:
        """Return whether a test fails with the mutant."""
        tests = self.tests_of(mutant, budget)
        file = self.root / _PACKAGE / mutant.module
        original = file.read_text()
        mutant.swap()
        file.write_text(ast.unparse(tree))
        mutant.swap()
        shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
        options = ["-qq", "-x", "-p", "no:cacheprovider", "-o", "timeout=30"]
        try:
            return bool(tests) and self._in_child(lambda: int(pytest.main([*tests, *options])), limit=60 + 10 * budget) != 0
        finally:
            file.write_text(original)


def _fitting(tests: Iterable[tuple[str, float]], budget: float) -> Iterator[str]:
    """Yield the tests that fit into a budget, those that come first before the others; one that is too long keeps no shorter one out."""
    for test, took in tests:
        if took <= budget:
            budget -= took
            yield test


def _table(scores: dict[str, list[bool]]) -> Iterator[str]:
    yield "| module | mutants | noticed | score |\n| --- | --- | --- | --- |"
    for module, noticed in [*sorted(scores.items()), ("all", [one for ones in scores.values() for one in ones])]:
        yield f"| {module} | {len(noticed)} | {sum(noticed)} | {sum(noticed) / max(len(noticed), 1):.0%} |"


def main() -> None:
    """Try a sample of mutants, print those that survive as they are found, and at the end the scores."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{_CLIENT}, {_BATTERY}; both unless named")
    parser.add_argument("--sample", type=int, default=200, help="mutants of each suite (default: 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=15, help="seconds of tests for each mutant (default: 15)")
    parser.add_argument("--at", nargs="*", default=(), metavar="MODULE[:LINE]", help="all mutants there instead of a sample")
    parser.add_argument("--tests", nargs="*", default=(), help="other tests than those of the suite")
    options = parser.parse_args()
    suites = options.suites or list(_MODULES)
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree = Tree(Path(folder).resolve(), suites, options.tests)
        scores: dict[str, list[bool]] = defaultdict(list)
        for suite in suites:
            paths = sorted(path for pattern in _MODULES[suite] for path in _PACKAGE.glob(pattern))
            parsed = {str(path.relative_to(_PACKAGE)): ast.parse(path.read_text()) for path in paths}
            mutants = [mutant for module, top in parsed.items() for mutant in find_mutants(module, top)]
            if options.at:
                mutants = [one for one in mutants if one.place in options.at or one.module in options.at]
            else:
                mutants = sorted(Random(options.seed).sample(mutants, min(options.sample, len(mutants))), key=lambda one: one.module)
            print(f"# {suite}: {len(mutants)} mutants", flush=True)
            for mutant in mutants:
                is_noticed = tree.is_noticed(mutant, parsed[mutant.module], options.budget)
                scores[mutant.module].append(is_noticed)
                if not is_noticed:
                    before = mutant.shown()
                    mutant.swap()
                    print(f"{mutant.place}: {before}  →  {mutant.shown()}", flush=True)
                    mutant.swap()
        print("\n".join(_table(scores)))


if __name__ == "__main__":
    main()
