"""Measures what the tests detect: changes random lines of the product, one at a time, and runs the tests that they affect.

python -m tests.support.mutants [--count 30] [--seed 1] [--commit HEAD] [--markers "smoke or not browser ..."]

Works in its own checkout. Prints each mutant with the first test that failed, or "survived". The same seed gives the same
mutants for two commits with the same product, so that two states of the tests can be compared.
"""

import argparse
import ast
import copy
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import run
from tests.support import affected

MAX_SECONDS = 1200
NEAREST_COUNT = 6
"""Number of test modules that run before all others: they detect most mutants within seconds."""
OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A place in a module, and the text that replaces it."""

    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    """Lines from 1, columns in bytes, as in Python's syntax tree."""
    after: str

    @property
    def line(self) -> int:
        return self.start[0]

    def before(self, source: str) -> str:
        return _split(source, self.start, self.end)[1]

    def applied(self, source: str) -> str:
        """Return the module's source with the change."""
        head, _, tail = _split(source, self.start, self.end)
        return head + self.after + tail

    def describe(self, source: str) -> str:
        return f"{self.path}:{self.line}  {_short(self.before(source))}  ->  {_short(self.after)}"


def choose(root: Path, count: int, seed: int) -> list[Mutant]:
    """Return one random change on each of `count` random lines of the product."""
    random_source = random.Random(seed)
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for package in affected.PRODUCT:
        for path in sorted((root / package).rglob("*.py")):
            if "migrations" not in path.parts:
                for mutant in mutants_of(str(path.relative_to(root)), path.read_text(encoding="utf-8")):
                    by_line.setdefault((mutant.path, mutant.line), []).append(mutant)
    return [random_source.choice(by_line[line]) for line in random_source.sample(sorted(by_line), count)]


def mutants_of(path: str, source: str) -> Iterator[Mutant]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.expr | ast.stmt):
            start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
            for changed in _changes(node):
                after = ast.unparse(changed)
                yield Mutant(path, start, end, f"({after})" if isinstance(node, ast.expr) else after)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in OPPOSITES:
            changed = copy.deepcopy(node)
            changed.ops = [OPPOSITES[type(operator)]()]  # type: ignore[list-item]
            yield changed
        case ast.BoolOp() | ast.BinOp() if type(node.op) in OPPOSITES:
            changed_op = copy.deepcopy(node)
            changed_op.op = OPPOSITES[type(node.op)]()  # type: ignore[assignment]
            yield changed_op
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(int(node.value) + 1)  # type: ignore[arg-type]
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.IfExp():
            yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _split(source: str, start: tuple[int, int], end: tuple[int, int]) -> tuple[str, str, str]:
    lines = source.encode().splitlines(keepends=True)
    first, last = (sum(map(len, lines[: line - 1])) + column for line, column in (start, end))
    text = source.encode()
    return text[:first].decode(), text[first:last].decode(), text[last:].decode()


def detected_by(mutant: Mutant, root: Path, markers: str, arguments: list[str]) -> str:
    """Return the first test that fails, or ""."""
    module = root / mutant.path
    original = module.read_text(encoding="utf-8")
    tests = affected.by_distance(mutant.path, root)
    module.write_text(mutant.applied(original), encoding="utf-8")
    try:
        nearest = first_failure(tests[:NEAREST_COUNT], root, markers, [])
        return nearest or first_failure(tests[NEAREST_COUNT:], root, markers, arguments)
    finally:
        module.write_text(original, encoding="utf-8")


def first_failure(tests: list[str], root: Path, markers: str, arguments: list[str]) -> str:
    if not tests:
        return ""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", markers, *arguments, *tests]
    try:
        process = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not done within {MAX_SECONDS} s"
    if process.returncode in (0, run.NO_TESTS):
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", process.stdout, re.MULTILINE)
    return failed[1] if failed else f"pytest ended with {process.returncode}: {process.stdout[-200:]!r}"


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commit", default="HEAD")
    parser.add_argument("--markers", default=run.WITHOUT_PROCESSES)
    options, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="darkroom-mutants-") as directory:
        root = Path(directory) / "darkroom"
        git = ["git", "-C", str(affected.ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(root), options.commit], check=True)
        try:
            detected = 0
            for mutant in choose(root, options.count, options.seed):
                test = detected_by(mutant, root, options.markers, [*run.PARALLEL, *arguments])
                detected += bool(test)
                source = (root / mutant.path).read_text(encoding="utf-8")
                print(f"{mutant.describe(source)}\n    {test or 'survived'}", flush=True)
            print(f"{detected} of {options.count} mutants detected at {options.commit}, seed {options.seed}")
        finally:
            subprocess.run([*git, "remove", "--force", str(root)], check=True)


if __name__ == "__main__":
    main()
