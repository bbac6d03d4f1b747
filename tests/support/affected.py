"""Finds the tests that a change affects, from the import graph and what Django resolves by name.

A test module is affected when it changed, or depends on a changed file, directly or through other modules:

- it imports the module (grimp reads the graph), or names it in a string ("processing.urls"), as Django's settings do;
- it sends requests (a Django client), so it depends on everything that the URLs reach, on template tags, templates and static
  files;
- it names a command of manage.py;
- a conftest.py in its directory or above changed.

Files that match EVERYTHING affect all tests.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent.parent
PRODUCT = ("config", "processing", "albums")
EVERYTHING = re.compile(
    r"tests/(conftest|settings|run|stack)\.py|tests/support/.*|pyproject\.toml|requirements.*\.txt|config/settings\.py"
)
PAGES = re.compile(r"(templates|static)/")
SENDS_REQUESTS = re.compile(r"\b(client|Client|signed_in|AsyncClient)\b")
DOTTED_NAME = re.compile(rf"\"((?:{'|'.join(PRODUCT)})(?:\.\w+)+)\"")
URLS, SETTINGS = "config.urls", "config.settings"


@dataclass(frozen=True, slots=True)
class Selection:
    """Paths of test modules, relative to ROOT."""

    affected: tuple[str, ...]
    changed: tuple[str, ...]
    """Test modules that changed themselves: their tests that start processes run too."""
    changes_pages: bool
    """Whether templates, styles or scripts changed, which only browser tests check."""


def changed_files(base: str = "") -> list[str]:
    """Return the paths that differ from the commit `base`, by default from upstream or else from the last commit."""
    base = base or _git("merge-base", "HEAD", "@{upstream}") or "HEAD"
    tracked = _git("diff", "--name-only", "--no-renames", base).split()
    untracked = _git("ls-files", "--others", "--exclude-standard").split()
    return sorted({*tracked, *untracked}) or _git("diff", "--name-only", "--no-renames", "HEAD~1").split()


def select(changed: Iterable[str], root: Path = ROOT) -> Selection:
    changed = sorted(changed)
    tests = _test_modules(root)
    if any(EVERYTHING.fullmatch(path) for path in changed):
        affected = set(tests)
    else:
        affected = {path for path in tests if path in changed} | _dependants(changed, tests, root)
    return Selection(
        tuple(sorted(affected)),
        tuple(path for path in changed if path in tests),
        any(PAGES.match(path) for path in changed),
    )


def by_distance(module: str, root: Path = ROOT) -> list[str]:
    """Return the tests that a change of the module affects: first those named after it, then by the number of imports between."""
    tests = _test_modules(root)
    graph = _graph(tests, root)
    chains = {test: graph.find_shortest_chain(importer=_module(test), imported=_module(module)) for test in tests}
    named = f"test_{Path(module).name}"
    ordered = sorted((not test.endswith(named), len(chain), test) for test, chain in chains.items() if chain)
    reached = [test for *_, test in ordered]
    return reached + [test for test in select([module], root).affected if test not in reached]


def _dependants(changed: list[str], tests: list[str], root: Path) -> set[str]:
    graph = _graph(tests, root)
    affected = {test for path in changed if path.endswith("/conftest.py") for test in tests if _is_below(test, path)}
    if any(PAGES.match(path) for path in changed):
        affected |= {test for test in tests if graph.direct_import_exists(importer=_module(test), imported=URLS)}
    modules = {_module(path) for path in changed if path.endswith(".py")} & graph.modules
    importers = set().union(*(graph.find_downstream_modules(module) for module in modules))
    affected |= {test for test in tests if _module(test) in importers}
    if any(path.endswith(".md") for path in changed):
        affected.add("tests/test_docs.py")
    if any(path.startswith("deploy/") for path in changed):
        affected |= {test for test in tests if test.startswith("tests/deploy/")}
    return affected


def _graph(tests: list[str], root: Path) -> grimp.ImportGraph:
    """Return the graph of imports, and of names that Django resolves."""
    graph = grimp.build_graph(*PRODUCT, "tests", cache_dir=None)
    product = [str(path.relative_to(root)) for app in PRODUCT for path in (root / app).rglob("*.py")]
    commands = {Path(path).stem: _module(path) for path in product if "/management/commands/" in path}
    tags = [_module(path) for path in product if "/templatetags/" in path]

    for path in (*product, *tests):
        source = (root / path).read_text(encoding="utf-8")
        named = {
            name
            for dotted_name in DOTTED_NAME.findall(source)
            for name in (dotted_name, dotted_name.rpartition(".")[0])
        }
        if path in tests:
            named |= {module for name, module in commands.items() if f'"{name}"' in source}
            named |= {URLS, SETTINGS, *tags} if SENDS_REQUESTS.search(source) else set()
        for module in named & graph.modules - {_module(path)}:
            graph.add_import(importer=_module(path), imported=module)
    return graph


def _test_modules(root: Path) -> list[str]:
    return sorted(
        str(path.relative_to(root)) for path in (root / "tests").rglob("test_*.py") if "node_modules" not in path.parts
    )


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_below(test: str, conftest: str) -> bool:
    return test.startswith(conftest.removesuffix("conftest.py"))


def _git(*arguments: str) -> str:
    """Return git's output; "" when git fails."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
