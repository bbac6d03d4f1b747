"""Keys of stored files, whose first letters say where the bytes lie: so each row says it by itself, and moving is changing keys.

`originals/ab/….jpg` lies on the disk, `s3/originals/ab/….jpg` in the bucket.
"""

DISK = ""
BUCKET = "s3/"
ALL = (DISK, BUCKET)


def of(key: str) -> str:
    """The place of its bytes: DISK or BUCKET."""
    return BUCKET if key.startswith(BUCKET) else DISK


def bare(key: str) -> str:
    """The key without its place, as the store of that place knows it."""
    return key.removeprefix(BUCKET)
