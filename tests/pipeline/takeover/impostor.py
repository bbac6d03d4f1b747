"""A child that an attacker controls: it starts like the real one, with the real limits, and then runs the photo as a program.

The program can use `request`, and `attempt(function, *arguments)`, which returns "done" or the name of the error. It stores the
child's response in `response`.
"""

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processing.pipeline.process import child
from processing.pipeline.process.messages import Message
from processing.pipeline.recipe import Recipe


def attempt(function: Callable[..., Any], *arguments: Any) -> str:
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:  # noqa: BLE001 - any error is a result
        return type(error).__name__
    return "done"


def run_photo(request: Message, recipe: Recipe) -> Message:
    variables: dict[str, Any] = {"request": request, "attempt": attempt}
    exec(Path(request["source"]).read_text(), variables)
    response: Message = variables["response"]
    return response


if __name__ == "__main__":
    child._done = run_photo
    child.main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
