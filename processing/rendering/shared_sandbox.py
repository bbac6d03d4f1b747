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
