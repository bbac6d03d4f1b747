"""Storage locations: the disk, and the bucket if one is configured.

The configuration only decides where new files are stored; the location of an existing file is in its key (keys.py).
"""

from processing.storage.keys import ALL, BUCKET, DISK
from processing.storage.s3 import config as s3_config


def for_new() -> str:
    """The location for new files."""
    return BUCKET if s3_config.current() else DISK


def in_use() -> tuple[str, ...]:
    """The locations that are accessible: without a connection the bucket is not."""
    return ALL if s3_config.current() else (DISK,)
