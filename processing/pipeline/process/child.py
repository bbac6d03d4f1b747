"""`python -m processing.pipeline.process.child PARENT MEMORY WORKSPACE`: develops one file after another until its input ends.

The first message is `{"ready", "missing"}`, with the limits that this kernel could not apply. Each request has `"source"`,
`"out"`, `"recipe"` and `"cpu_seconds"`; its paths are in the workspace. The responses are:

- to a request with `"develop"`, and optionally `"origin"`, `"is_damaged"` and `"orientation"`: `{"picture"}`
- to a request with `"words"`: `{"sidecar"}`
- to any other request: `{"preview"}` in base64
- on failure: `{"error", "message", "permanent"}`, with a `"trace"` if the error was unexpected

Every response also has `"resident_bytes"`, the memory that the process holds.
"""

from __future__ import annotations

import base64
import os
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

from processing.pipeline import errors, metadata
from processing.pipeline.formats import libwebp
from processing.pipeline.picture import Origin
from processing.pipeline.process import confinement
from processing.pipeline.process.messages import Message, encode, read_message
from processing.pipeline.recipe import Recipe
from processing.pipeline.render import parallel
from processing.pipeline.render.develop import develop
from processing.pipeline.render.preview import preview

MAX_TRACE = 8000


def main(parent: int, memory_bytes: int, workspace: Path) -> None:
    requests, responses = _private_pipes()
    _warm_caches()
    missing = confinement.apply_limits(parent, memory_bytes, workspace)
    _send(responses, {"ready": os.getpid(), "missing": missing})
    while request := read_message(requests.read):
        response = _respond(request)
        _send(responses, response | {"resident_bytes": confinement.resident_bytes()})


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Duplicates stdin and stdout for messages, so that libraries print to stderr and read from /dev/null."""
    requests, responses = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, responses


def _warm_caches() -> None:
    """Caches values from files that cannot be read once the limits are applied."""
    parallel.thread_count()
    libwebp.find()


def _respond(request: Message) -> Message:
    try:
        confinement.allow_cpu(request["cpu_seconds"])
        return _done(request, Recipe.from_json(request["recipe"]))
    except errors.ImageRejected as error:
        return error.as_json()
    except MemoryError:
        return errors.OutOfMemory().as_json()
    except Exception:  # noqa: BLE001 - the process boundary: the parent records the traceback.
        return errors.Unexpected().as_json() | {"trace": traceback.format_exc()[-MAX_TRACE:]}


def _done(request: Message, recipe: Recipe) -> Message:
    source = Path(request["source"])
    if "develop" in request:
        origin, out = Origin(**request.get("origin", {})), Path(request["out"])
        is_damaged, orientation = bool(request.get("is_damaged")), int(request.get("orientation", 1))
        picture = develop(source, out, recipe, origin, is_damaged=is_damaged, user_orientation=orientation)
        return {"picture": picture.as_json()}
    if "words" in request:
        return {"sidecar": metadata.read_sidecar_file(source)}
    return {"preview": base64.b64encode(preview(source, recipe)).decode("ascii")}


def _send(responses: BinaryIO, message: Message) -> None:
    responses.write(encode(message))
    responses.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
