"""A child that has been taken over: it starts as the real one, with the real fences, and then runs the photo as a program.

The photo finds the request as `request` and `attempt(function, *arguments)`, which answers "done" or the name of the error; it
leaves what is to be answered as `answer`.
"""

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processing.pipeline.process import child
from processing.pipeline.process.messages import Message
from processing.pipeline.recipe import Recipe


def attempt(act: Callable[..., Any], *arguments: Any) -> str:
    try:
        act(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:  # noqa: BLE001 - whatever stopped it
        return type(error).__name__
    return "done"


def taken_over(request: Message, recipe: Recipe) -> Message:
    names: dict[str, Any] = {"request": request, "attempt": attempt}
    exec(Path(request["source"]).read_text(), names)
    answer: Message = names["answer"]
    return answer


if __name__ == "__main__":
    child._done = taken_over
    child.main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
