"""Where new files go, and where files may lie: the disk, and the bucket if one is configured.

What is configured decides only where new files go; where a file lies is told by its key (keys.py).
"""

from processing.storage.keys import ALL, BUCKET, DISK
from processing.storage.s3 import config as s3_config


def for_new() -> str:
    """Where files go that come now."""
    return BUCKET if s3_config.current() else DISK


def in_use() -> tuple[str, ...]:
    """Those that files may lie in. Without a connection nothing can be said of a bucket."""
    return ALL if s3_config.current() else (DISK,)
