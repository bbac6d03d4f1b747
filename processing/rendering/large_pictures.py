"""Grants memory to pictures that need more than PIPELINE_MEMORY: to one at a time per machine, and only free memory."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from processing.lib import system_memory
from processing.pipeline.errors import OutOfMemory, TooMuchMemory

SPARE = 1.15
"""The factor applied to an estimate, for the process's other memory and for fragmentation."""
LOCK_NAME = "large-picture.lock"
BUSY = "Another large picture is being processed."
SHORT = "Processing this picture takes about {needed} MB of memory, more than is free."


@contextmanager
def granted(needed: int) -> Iterator[int]:
    """While the block runs, one picture may use the yielded number of bytes: `needed` times SPARE.

    Raises TooMuchMemory if the machine cannot ever have that much below MEMORY_MARK, or if the settings do not allow it. Raises
    OutOfMemory, which is retried, if the memory is not free now.
    """
    requested, available = int(SPARE * needed), system_memory.room(settings.MEMORY_MARK / 100)
    limit = min(
        settings.PIPELINE_MEMORY_LARGE_BYTES, available[1] if available else settings.PIPELINE_MEMORY_LARGE_BYTES
    )
    if requested > limit:
        raise TooMuchMemory(needed, max(settings.PIPELINE_MEMORY_BYTES, int(limit / SPARE)))
    with (Path(settings.DATA_DIR) / LOCK_NAME).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutOfMemory(BUSY) from error
        if available and requested > available[0]:
            raise OutOfMemory(SHORT.format(needed=f"{needed / 1_000_000:,.0f}"))
        yield requested
