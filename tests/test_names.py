"""Modules and public classes below `processing/` have unique names: a search, a traceback or an import means one thing.

Modules of `config/` do not share a name with them either.
"""

import ast
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PROCESSING = PROJECT / "processing"
NAMED_BY_DJANGO = {"__init__", "__main__", "admin", "apps", "forms", "models", "signals", "tasks", "urls", "views"}
OLD_NAMES = {PROCESSING / "pipeline/child.py"}
"""Modules that only keep a former name, for workers that were started before an upgrade."""


def sources(package: Path = PROCESSING) -> list[Path]:
    folders = (package / "migrations", package / "management")
    return [path for path in package.rglob("*.py") if not any(path.is_relative_to(folder) for folder in folders)]


def shared(names: list[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def test_no_two_modules_have_the_same_name():
    names = [path.stem for path in sources() if path not in OLD_NAMES]

    assert shared(names) - NAMED_BY_DJANGO == set()


def test_no_module_of_config_has_the_name_of_one_in_processing():
    names_in_processing, names_in_config = (
        {path.stem for path in sources(PROJECT / app)} for app in ("processing", "config")
    )

    assert (names_in_processing & names_in_config) - NAMED_BY_DJANGO == {"errors"}  # of the pipeline, of OpenID Connect


def test_no_two_public_classes_have_the_same_name():
    statements = [node for path in sources() for node in ast.parse(path.read_text(encoding="utf-8")).body]
    names = [node.name for node in statements if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]

    assert shared(names) == set()
