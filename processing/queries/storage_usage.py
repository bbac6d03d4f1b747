"""Number and size of the files on the disk and in the bucket, and the free space, for the storage page."""

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from albums import key_columns
from albums.key_columns import Kind
from processing.models import Upload
from processing.storage import keys as storage_keys
from processing.storage import locations, store


@dataclass(frozen=True, slots=True)
class FileTotals:
    files: int = 0
    bytes: int = 0

    def __add__(self, other: "FileTotals") -> "FileTotals":
        return FileTotals(self.files + other.files, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class StorageUsage:
    disk: FileTotals
    bucket: FileTotals
    free_bytes: int | None
    """Free space on the disk."""
    new_go_to_bucket: bool


def is_bucket_used() -> bool:
    """True if any photo, companion or upload is stored in the bucket."""
    columns = key_columns.columns(Kind.RAW, Kind.STORED, Kind.RENDERED)
    stored = (column.rows().filter(**{f"{column.key}__startswith": storage_keys.BUCKET}) for column in columns)
    return any(rows.exists() for rows in (Upload.objects.receiving().filter(place=storage_keys.BUCKET), *stored))


def current() -> StorageUsage:
    disk = bucket = FileTotals()
    for column in key_columns.published():
        is_in_bucket = Q(**{f"{column.key}__startswith": storage_keys.BUCKET})
        sums = column.rows().aggregate(
            files=Count("pk"),
            size=Sum(column.size),
            bucket_files=Count("pk", filter=is_in_bucket),
            bucket_bytes=Sum(column.size, filter=is_in_bucket),
        )
        in_bucket = FileTotals(sums["bucket_files"], sums["bucket_bytes"] or 0)
        bucket += in_bucket
        disk += FileTotals(sums["files"] - in_bucket.files, (sums["size"] or 0) - in_bucket.bytes)
    return StorageUsage(disk, bucket, store().free_bytes(), locations.for_new() == storage_keys.BUCKET)
