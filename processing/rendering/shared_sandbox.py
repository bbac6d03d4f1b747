"""The sandbox of a worker process, shared by jobs and repeated renderings.

There is one for the process: Huey runs one worker thread (config/huey.py), and the child dies with the thread that started it.
"""

import atexit
from functools import cache
from pathlib import Path

from django.conf import settings

from albums.models import Album
from processing.rendering import large_pictures, presets
from processing.rendering.sandbox import Sandbox

MAX_IN_A_ROW = 6
"""Photos of one owner while another owner's wait.

Measured with two owners of 20 photos of 12 megapixels each, on two busy cores: a new child for every photo takes 1.21 to 1.24
times the time of one owner's 40 photos, and 1.39 to 1.50 times the CPU; six in a row take 1.02 times the CPU.
"""


@cache
def sandbox() -> Sandbox:
    atexit.register(close)
    return Sandbox(
        memory_bytes=settings.PIPELINE_MEMORY_BYTES,
        wall_seconds=settings.PIPELINE_SECONDS,
        recipe=presets.current(),
        grant=large_pictures.granted,
        workspaces=Path(settings.DATA_DIR) / "sandbox",
    )


def close() -> None:
    """Closes the sandbox, if it was used."""
    if sandbox.cache_info().currsize:
        sandbox().close()


def serve_owner_of(album_id: int) -> None:
    """Prepares the sandbox for files of this album: its child must not have read files of another owner."""
    sandbox().serve(Album.objects.filter(pk=album_id).values_list("owner_id", flat=True).first())


def preferred_owner() -> int | None:
    """Returns the owner whose photos the child can decode next; None without a child, and after MAX_IN_A_ROW photos."""
    owner, count = sandbox().served
    return owner if count < MAX_IN_A_ROW else None
