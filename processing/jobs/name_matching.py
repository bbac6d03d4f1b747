"""Finds the files of a batch that may belong together, by their stems and by the distance of their folders."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Self
from uuid import UUID

from django.db.models import QuerySet

from albums.models import Companion, Photo
from processing.jobs import duplicates, takeout_names
from processing.models import ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.pipeline.formats import extensions

SIDECAR = ".xmp"
PIXEL_VIDEO = ".mp"
HEVC_VIDEO = "_hevc"
"""The suffix that icloudpd adds to the name of a HEIC's video: IMG_1.HEIC has IMG_1_HEVC.MOV."""
ENDING = takeout_names.PHOTO_ENDING
MAX_DISTANCE = 3
ASCII = re.compile(r"[\x00-\x7f]*")


def stem(name: str) -> str:
    """Returns `img_1` for IMG_1.JPG, IMG_1.xmp, IMG_1.CR2.xmp and Takeout's IMG_1.JPG.json; `pxl_1` for PXL_1.MP.jpg."""
    if takeout_names.is_sidecar(name):
        return takeout_names.stem(name).removesuffix(PIXEL_VIDEO)
    base = ENDING.sub("", name.casefold().removesuffix(SIDECAR)).removesuffix(PIXEL_VIDEO)
    return base.removesuffix(HEVC_VIDEO) if extensions.extension(name) in extensions.LIVE_VIDEOS.extensions else base


def is_sidecar(name: str) -> bool:
    """True if the name is a sidecar's. Many sidecars have the same bytes, but each belongs to its own photo."""
    return name.casefold().endswith(SIDECAR) or takeout_names.is_sidecar(name)


def cannot_be_photo(name: str) -> bool:
    return (
        is_sidecar(name)
        or extensions.extension(name) in extensions.LIVE_VIDEOS.extensions
        or extensions.is_companion(name)
    )


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent: the search criteria for its siblings. `title` is the photo's full name from a Takeout file."""

    batch: int
    album: int
    name: str
    folder: str
    title: str = ""

    @classmethod
    def job(cls, job: ProcessingJob) -> Self:
        metadata = None
        if takeout_names.is_sidecar(job.original_filename):
            metadata = Companion.objects.filter(job=job).values_list("words", flat=True).first()
        return cls(job.batch_id, job.album_id, job.original_filename, job.upload.folder, _title(metadata))

    @classmethod
    def duplicate(cls, upload: Upload) -> Self:
        metadata = None
        if takeout_names.is_sidecar(upload.name):
            companions = Companion.objects.filter(album=upload.album_id, sha256=upload.sha256, name=upload.name)
            metadata = companions.values_list("words", flat=True).first()
        return cls(upload.batch_id, upload.album_id, upload.name, upload.folder, _title(metadata))

    @classmethod
    def all_of(cls, job: ProcessingJob) -> list[Self]:
        """Returns the job's file, then its duplicates in the batch, which may be in other folders."""
        uploads = Upload.objects.filter(
            duplicates.IS_DUPLICATE, album=job.album_id, sha256=job.upload.sha256, batch=job.batch_id
        )
        return [cls.job(job), *map(cls.duplicate, uploads)]

    @property
    def stems(self) -> set[str]:
        """The file's stem, and those that siblings may have because of a truncated name or an edited copy. Mostly one."""
        is_takeout = takeout_names.is_sidecar(self.name)
        takeout_stems = (
            takeout_names.photo_stems(self.name, self.title) if is_takeout else takeout_names.sidecar_stems(self.name)
        )
        return {stem(self.name), *(takeout_stem.removesuffix(PIXEL_VIDEO) for takeout_stem in takeout_stems)} - {""}

    @property
    def jobs(self) -> QuerySet[ProcessingJob]:
        return ProcessingJob.objects.filter(batch=self.batch, stem__in=self.stems)

    @property
    def duplicates(self) -> QuerySet[Upload]:
        """Duplicates with names of the common prefix. They have no job, so their stem is not in the database."""
        return self._with_prefix.filter(duplicates.IS_DUPLICATE)

    @property
    def in_progress(self) -> QuerySet[Upload]:
        """Uploads in progress with names of the common prefix."""
        return self._with_prefix.filter(state=UploadState.RECEIVING)

    @property
    def companions_alone(self) -> QuerySet[Companion]:
        """Companions in the album without a photo, with names of the common prefix."""
        return Companion.objects.filter(album=self.album, photo=None, name__istartswith=self._prefix)

    @property
    def _with_prefix(self) -> QuerySet[Upload]:
        return Upload.objects.filter(batch=self.batch, name__istartswith=self._prefix)

    @property
    def _prefix(self) -> str:
        """The common ASCII prefix of all stems. Databases agree on case folding only for ASCII letters."""
        ascii_part = ASCII.match(self.name)
        assert ascii_part
        return _common_prefix([ascii_part[0].casefold(), *self.stems])


@dataclass(frozen=True, slots=True)
class MatchingFile:
    """A file of the batch under its sent name, with the photo or companion that has its bytes.

    `identity` is equal for equal bytes, if they are known.
    """

    upload: UUID
    name: str
    folder: str
    identity: str
    photo: int | None = None
    companion: int | None = None
    is_double: bool = False
    moved: int | None = None
    """The file's photo, if it was moved to another album."""

    @property
    def is_there(self) -> bool:
        return bool(self.photo or self.companion)


def has_others(sent: SentFile) -> bool:
    """True if another file, processed or not, may belong to this one. Most files have none."""
    if not stem(sent.name):
        return False
    return (
        sent.jobs.exclude(original_filename=sent.name, upload__folder=sent.folder).exists() or sent.duplicates.exists()
    )


def files(sent: SentFile) -> list[MatchingFile]:
    """Returns the file and all its possible siblings, processed or not. `moved` has photos that are in another album now."""
    stems = sent.stems
    jobs = sent.jobs.exclude(state=JobState.CANCELLED).order_by("pk")
    columns = ("upload", "original_filename", "upload__folder", "upload__sha256")
    rows = jobs.values_list(*columns, "photo", "photo__album", "companion", "companion__album")
    with_job = [
        MatchingFile(
            upload,
            name,
            folder,
            sha256,
            photo if photo_album == sent.album else None,
            companion if companion_album == sent.album else None,
            moved=photo if photo_album != sent.album else None,
        )
        for upload, name, folder, sha256, photo, photo_album, companion, companion_album in rows
    ]
    without_job = (sent.duplicates | sent.in_progress).order_by("created_at", "pk")
    return with_job + _files_of(sent.album, [upload for upload in without_job if stem(upload.name) in stems])


def nearest(files: Iterable[MatchingFile], folder: str) -> list[MatchingFile]:
    """Returns the files in this folder; else those in a folder of the same name; else those without a known folder.

    Takeout splits a folder into several archives. Files in folders of other names never match: two memory cards may each
    contain an IMG_0001.
    """
    near: dict[int, list[MatchingFile]] = {}
    for file in files:
        near.setdefault(distance(file.folder, folder), []).append(file)
    smallest = min(near, default=MAX_DISTANCE)
    return near[smallest] if smallest < MAX_DISTANCE else []


def by_distance(files: Iterable[MatchingFile], folder: str) -> list[MatchingFile]:
    """Returns all the files, the nearest first."""
    return sorted(files, key=lambda file: distance(file.folder, folder))


def is_near(folder: str, other_folder: str) -> bool:
    return distance(folder, other_folder) < MAX_DISTANCE


def distance(folder: str, other_folder: str) -> int:
    """Returns the distance of two folders: 0 same, 1 same name, 2 one unknown, FAR."""
    if folder == other_folder:
        return 0
    if not folder or not other_folder:
        return 2
    return 1 if folder.rpartition("/")[2] == other_folder.rpartition("/")[2] else MAX_DISTANCE


def _files_of(album: int, uploads: Sequence[Upload]) -> list[MatchingFile]:
    """Returns the uploads as files, with the photos and companions of the album that have their bytes."""
    if not uploads:
        return []
    hashes = {upload.sha256 for upload in uploads if upload.sha256}
    photos = dict(Photo.objects.filter(album=album, original_sha256__in=hashes).values_list("original_sha256", "pk"))
    rows = Companion.objects.filter(album=album, sha256__in=hashes).values_list("sha256", "name", "pk")
    companions = {(sha256, name): pk for sha256, name, pk in rows}
    return [
        MatchingFile(
            upload.pk,
            upload.name,
            upload.folder,
            upload.sha256 or upload.declared_sha256 or str(upload.pk),
            photos.get(upload.sha256),
            companions.get((upload.sha256, upload.name)),
            is_double=upload.state == UploadState.REJECTED,
        )
        for upload in uploads
    ]


def _common_prefix(names: list[str]) -> str:
    equal = takewhile(lambda chars: chars[0] == chars[1], zip(min(names), max(names), strict=False))
    return "".join(char for char, _ in equal)


def _title(metadata: dict[str, object] | None) -> str:
    return str((metadata or {}).get("file", ""))
