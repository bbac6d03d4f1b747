"""Where files live: how many and how large on the disk and in the bucket, and what room there is, for the storage page."""

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from albums.models import Companion, Photo, Rendition
from processing.models import ProcessingJob, Upload
from processing.models.states import KEEPS_RAW
from processing.storage import keys as storage_keys
from processing.storage import locations, store

TABLES = ((Photo, "original_key", "original_bytes"), (Rendition, "key", "bytes"), (Companion, "key", "bytes"))


@dataclass(frozen=True, slots=True)
class Share:
    files: int = 0
    bytes: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.files + other.files, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    disk: Share
    bucket: Share
    free_bytes: int | None
    """On the disk."""
    new_go_to_bucket: bool


def is_bucket_used() -> bool:
    """Does any row rely on the bucket, with a photo or with a file on its way?"""
    on_their_way = (
        Upload.objects.receiving().filter(place=storage_keys.BUCKET),
        ProcessingJob.objects.filter(state__in=KEEPS_RAW, raw_path__startswith=storage_keys.BUCKET),
    )
    kept = (model._default_manager.filter(**{f"{key}__startswith": storage_keys.BUCKET}) for model, key, _ in TABLES)
    return any(rows.exists() for rows in (*on_their_way, *kept))


def of_now() -> Whereabouts:
    disk = bucket = Share()
    for model, key, size in TABLES:
        is_there = Q(**{f"{key}__startswith": storage_keys.BUCKET})
        sums = model._default_manager.aggregate(
            files=Count("pk"),
            size=Sum(size),
            there=Count("pk", filter=is_there),
            there_bytes=Sum(size, filter=is_there),
        )
        mine = Share(sums["there"], sums["there_bytes"] or 0)
        bucket += mine
        disk += Share(sums["files"] - mine.files, (sums["size"] or 0) - mine.bytes)
    return Whereabouts(disk, bucket, store().free_bytes(), locations.for_new() == storage_keys.BUCKET)
