"""Modules below `processing/` have unique names, so that a name in a search, a traceback or an import means one thing."""

from collections import Counter
from pathlib import Path

PROCESSING = Path(__file__).parent.parent / "processing"
NAMED_BY_DJANGO = {"__init__", "__main__", "admin", "apps", "forms", "models", "signals", "tasks", "urls", "views"}
OLD_NAMES = {PROCESSING / "pipeline/child.py"}
"""Modules that only keep a former name, for workers that were started before an upgrade."""


def sources() -> list[Path]:
    folders = (PROCESSING / "migrations", PROCESSING / "management")
    return [path for path in PROCESSING.rglob("*.py") if not any(path.is_relative_to(folder) for folder in folders)]


def test_no_two_modules_have_the_same_name():
    names = Counter(path.stem for path in sources() if path not in OLD_NAMES)

    assert {name for name, count in names.items() if count > 1} - NAMED_BY_DJANGO == set()
