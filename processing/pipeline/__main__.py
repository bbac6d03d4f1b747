"""`python -m processing.pipeline IN OUT/` develops one file and prints JSON. Exits with 1 if it is rejected, 2 on wrong usage."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from processing.pipeline import ImageRejected, Origin
from processing.pipeline.render.develop import develop


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m processing.pipeline", description="Renders one picture.")
    parser.add_argument("source", metavar="IN", type=_path, help="the original")
    parser.add_argument("out", metavar="OUT", type=_path, help="the folder for the renditions")
    options = parser.parse_args(arguments)
    if problem := _path_problem(options.source, options.out):
        parser.error(problem)
    try:
        result, code = develop(options.source, options.out, origin=_origin(options.source)).as_json(), 0
    except ImageRejected as error:
        result, code = {"error": error.code, "message": error.message}, 1
    print(json.dumps(result, allow_nan=False))  # noqa: T201 - the command's output.
    return code


def _path(argument: str) -> Path:
    if not argument:
        raise argparse.ArgumentTypeError("a path must not be empty")
    return Path(argument)


def _path_problem(source: Path, out: Path) -> str:
    """Returns why `source` cannot be read or `out` cannot be written, or ""."""
    folders = [out, *out.absolute().parents]
    try:
        with source.open("rb"):
            nearest = next(folder for folder in folders if folder.exists())
            missing = [folder for folder in folders if not folder.exists()]
        if missing and nearest.is_dir():
            missing[-1].mkdir()  # only a test: a rejected picture must not leave a folder behind
            missing[-1].rmdir()
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    if not nearest.is_dir():
        return f"{nearest}: Not a directory"
    return "" if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest}: Permission denied"


def _origin(source: Path) -> Origin:
    try:
        modified = datetime.fromtimestamp(source.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except (OSError, ValueError, OverflowError):
        modified = None
    return Origin(source.name, modified)


if __name__ == "__main__":
    sys.exit(main())
