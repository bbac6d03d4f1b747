"""Where a file's bytes lie, told by the first letters of its key: so each row says it by itself, and moving is changing keys.

`originals/ab/….jpg` lies on the disk, `s3/originals/ab/….jpg` in the bucket. What is configured decides only where new files go.
"""

from processing.storage.s3 import config as s3_config

DISK = ""
BUCKET = "s3/"
ALL = (DISK, BUCKET)


def for_new() -> str:
    """Where files go that come now."""
    return BUCKET if s3_config.current() else DISK


def of(key: str) -> str:
    return BUCKET if key.startswith(BUCKET) else DISK


def bare(key: str) -> str:
    """The key without its place, as the store of that place knows it."""
    return key.removeprefix(BUCKET)


def in_use() -> tuple[str, ...]:
    """Those that files may lie in. Without a connection nothing can be said of a bucket."""
    return ALL if s3_config.current() else (DISK,)
