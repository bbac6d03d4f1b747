"""`python -m processing.pipeline.process.child PARENT MEMORY WORKSPACE`: develops one file after another until its input ends.

It reads requests `{"source", "out", "recipe", "cpu_seconds"}`, whose paths lie in the workspace. To `"develop"`, perhaps with
an `"origin"` and `"is_damaged"`, it answers `{"picture"}`; where `"words"` are asked for, those of a `{"sidecar"}`; else
`{"preview"}` in base64; or `{"error", "message", "permanent"}`. Each answer tells the memory it holds by now.
Its first message says that it is ready, and which fences are missing.
"""

from __future__ import annotations

import base64
import os
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

from processing.pipeline import errors, metadata
from processing.pipeline.formats import large_webp
from processing.pipeline.picture import Origin
from processing.pipeline.process import confinement
from processing.pipeline.process.messages import Message, packed, unpacked
from processing.pipeline.recipe import Recipe
from processing.pipeline.render import parallel
from processing.pipeline.render.develop import develop
from processing.pipeline.render.preview import preview

MOST_TRACE = 8000


def main(parent: int, memory_bytes: int, workspace: Path) -> None:
    requests, answers = _private_pipes()
    _look_around()
    missing = confinement.raise_fences(parent, memory_bytes, workspace)
    _send(answers, {"ready": os.getpid(), "missing": missing})
    while request := unpacked(requests.read):
        answer = _answer(request)
        _send(answers, answer | {"resident_bytes": confinement.resident_bytes()})


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes under numbers of their own: what a library prints goes to stderr, and it reads nothing."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _look_around() -> None:
    """What is found out in places that cannot be read any more behind the fences."""
    parallel.count()
    large_webp.library()


def _answer(request: Message) -> Message:
    try:
        confinement.allow_cpu(request["cpu_seconds"])
        return _done(request, Recipe.from_json(request["recipe"]))
    except errors.Refused as refused:
        return refused.as_json()
    except MemoryError:
        return errors.OutOfMemory().as_json()
    except Exception:  # noqa: BLE001 - the edge of the process: the parent gets the trace to record.
        return errors.Unexpected().as_json() | {"trace": traceback.format_exc()[-MOST_TRACE:]}


def _done(request: Message, recipe: Recipe) -> Message:
    source = Path(request["source"])
    if "develop" in request:
        origin, is_damaged = Origin(**request.get("origin", {})), bool(request.get("is_damaged"))
        return {"picture": develop(source, Path(request["out"]), recipe, origin, is_damaged=is_damaged).as_json()}
    if "words" in request:
        return {"sidecar": metadata.of_sidecar(source)}
    return {"preview": base64.b64encode(preview(source, recipe)).decode("ascii")}


def _send(answers: BinaryIO, message: Message) -> None:
    answers.write(packed(message))
    answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
