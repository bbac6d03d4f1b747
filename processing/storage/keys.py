"""Keys of stored files. The prefix of a key is its location, so moving a file between locations changes its key.

`originals/ab/….jpg` is on the disk, `s3/originals/ab/….jpg` in the bucket.
"""

DISK = ""
BUCKET = "s3/"
ALL = (DISK, BUCKET)


def of(key: str) -> str:
    """The location of the key: DISK or BUCKET."""
    return BUCKET if key.startswith(BUCKET) else DISK


def bare(key: str) -> str:
    """The key without its location, as used by the store of that location."""
    return key.removeprefix(BUCKET)
