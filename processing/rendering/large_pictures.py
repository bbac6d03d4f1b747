"""Memory for a picture that needs more than PIPELINE_MEMORY: one at a time on a machine, and only what that has free."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from processing.lib import system_memory
from processing.pipeline.errors import OutOfMemory, TooHeavy

SPARE = 1.15
"""Of an estimate: what else the process holds, and pieces of memory that lie scattered."""
NAME = "large-picture.lock"
BUSY = "Another large picture is being developed, and there is memory for one. Nothing is lost; it is tried again."
SHORT = (
    "Developing this picture takes about {needed} MB of memory, which the server does not have free just now. Nothing is lost; "
    "it is tried again."
)


@contextmanager
def granted(needed: int) -> Iterator[int]:
    """While the block runs, one picture may take so many bytes: a little more than it needs.

    Raises TooHeavy if the machine never has as many below MEMORY_MARK, or the settings do not allow them; and OutOfMemory, which
    is tried again, if it has not now.
    """
    wanted, room = int(SPARE * needed), system_memory.room(settings.MEMORY_MARK / 100)
    most = min(settings.PIPELINE_MEMORY_LARGE_BYTES, room[1] if room else settings.PIPELINE_MEMORY_LARGE_BYTES)
    if wanted > most:
        raise TooHeavy(needed, max(settings.PIPELINE_MEMORY_BYTES, int(most / SPARE)))
    with (Path(settings.DATA_DIR) / NAME).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutOfMemory(BUSY) from error
        if room and wanted > room[0]:
            raise OutOfMemory(SHORT.format(needed=f"{needed / 1_000_000:,.0f}"))
        yield wanted
