"""The files of a batch that may belong together: what their names have in common, and how near their folders are."""

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
"""What icloudpd adds to the name of the video of a HEIC: IMG_1.HEIC has IMG_1_HEVC.MOV."""
ENDING = re.compile(r"\.(?=[a-z0-9]{2,5}$)[a-z0-9]*[a-z][a-z0-9]*$")
"""Of a picture, in small letters. `holiday.2024` has none."""
FAR = 3
ASCII = re.compile(r"[\x00-\x7f]*")


def stem(name: str) -> str:
    """`img_1` of IMG_1.JPG, IMG_1.xmp, IMG_1.CR2.xmp and Takeout's IMG_1.JPG.json; of PXL_1.MP.jpg that of its video."""
    if takeout_names.is_sidecar(name):
        return takeout_names.stem(name).removesuffix(PIXEL_VIDEO)
    base = ENDING.sub("", name.casefold().removesuffix(SIDECAR)).removesuffix(PIXEL_VIDEO)
    return base.removesuffix(HEVC_VIDEO) if extensions.ending(name) in extensions.LIVE_VIDEOS.endings else base


def is_sidecar(name: str) -> bool:
    """By its name alone, before its bytes are here. Many have the same bytes, and each its own photo."""
    return name.casefold().endswith(SIDECAR) or takeout_names.is_sidecar(name)


def cannot_be_photo(name: str) -> bool:
    return (
        is_sidecar(name) or extensions.ending(name) in extensions.LIVE_VIDEOS.endings or extensions.is_companion(name)
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """What others are looked for by. `title` is the photo's whole name, if a JSON file of Takeout tells it."""

    batch: int
    album: int
    name: str
    folder: str
    title: str = ""

    @classmethod
    def job(cls, job: ProcessingJob) -> Self:
        words = None
        if takeout_names.is_sidecar(job.original_filename):
            words = Companion.objects.filter(job=job).values_list("words", flat=True).first()
        return cls(job.batch_id, job.album_id, job.original_filename, job.upload.folder, _title(words))

    @classmethod
    def double(cls, upload: Upload) -> Self:
        words = None
        if takeout_names.is_sidecar(upload.name):
            kept = Companion.objects.filter(album=upload.album_id, sha256=upload.sha256, name=upload.name)
            words = kept.values_list("words", flat=True).first()
        return cls(upload.batch_id, upload.album_id, upload.name, upload.folder, _title(words))

    @classmethod
    def all_of(cls, job: ProcessingJob) -> list[Self]:
        """The job's file, then what else was sent with its batch and has the same bytes, perhaps beside other files."""
        same = Upload.objects.filter(
            duplicates.IS_DOUBLE, album=job.album_id, sha256=job.upload.sha256, batch=job.batch_id
        )
        return [cls.job(job), *map(cls.double, same)]

    @property
    def stems(self) -> set[str]:
        """Its own, and those that a name which was cut, or that of an edited copy, sets apart. Nearly all photos have but one."""
        is_takeout = takeout_names.is_sidecar(self.name)
        others = (
            takeout_names.photo_stems(self.name, self.title) if is_takeout else takeout_names.sidecar_stems(self.name)
        )
        return {stem(self.name), *(each.removesuffix(PIXEL_VIDEO) for each in others)} - {""}

    @property
    def jobs(self) -> QuerySet[ProcessingJob]:
        return ProcessingJob.objects.filter(batch=self.batch, stem__in=self.stems)

    @property
    def doubles(self) -> QuerySet[Upload]:
        """Files that the album has already, of about this name: no job tells their stem."""
        return self._alike.filter(duplicates.IS_DOUBLE)

    @property
    def to_come(self) -> QuerySet[Upload]:
        """Files on their way, of about this name."""
        return self._alike.filter(state=UploadState.RECEIVING)

    @property
    def companions_alone(self) -> QuerySet[Companion]:
        """Of about this name in the album, kept beside no photo."""
        return Companion.objects.filter(album=self.album, photo=None, name__istartswith=self._beginning)

    @property
    def _alike(self) -> QuerySet[Upload]:
        return Upload.objects.filter(batch=self.batch, name__istartswith=self._beginning)

    @property
    def _beginning(self) -> str:
        """Databases fold the case of ASCII letters alike, and of all others as they please."""
        plain = ASCII.match(self.name)
        assert plain
        return _beginning([plain[0].casefold(), *self.stems])


@dataclass(frozen=True, slots=True)
class File:
    """A file of the batch under the name that it was sent by, with the photo or companion that has its bytes.

    `identity` is the same for the same bytes, as far as they are known.
    """

    upload: UUID
    name: str
    folder: str
    identity: str
    photo: int | None = None
    companion: int | None = None
    is_double: bool = False

    @property
    def is_there(self) -> bool:
        return bool(self.photo or self.companion)


def has_others(sent: Sent) -> bool:
    """Is there another file that may belong to this one, done or not? Most have none."""
    if not stem(sent.name):
        return False
    return sent.jobs.exclude(original_filename=sent.name, upload__folder=sent.folder).exists() or sent.doubles.exists()


def files(sent: Sent) -> list[File]:
    """All that may belong together with it, itself too, whether there is anything of them yet or not."""
    stems = sent.stems
    jobs = sent.jobs.exclude(state=JobState.CANCELLED).order_by("pk")
    columns = ("upload", "original_filename", "upload__folder", "upload__sha256", "photo", "companion")
    found = [File(*row) for row in jobs.values_list(*columns)]
    others = (sent.doubles | sent.to_come).order_by("created_at", "pk")
    alike = [upload for upload in others if stem(upload.name) in stems]
    return found + _with_what_is_there(sent.album, alike)


def nearest(files: Iterable[File], folder: str) -> list[File]:
    """Those in this folder; else in one that is called so, for Takeout comes in parts; else those of which no folder is known.

    Files of folders of other names have nothing to do with it: two cards may hold an IMG_0001 each.
    """
    near: dict[int, list[File]] = {}
    for file in files:
        near.setdefault(distance(file.folder, folder), []).append(file)
    first = min(near, default=FAR)
    return near[first] if first < FAR else []


def by_distance(files: Iterable[File], folder: str) -> list[File]:
    """All of them, the nearest first."""
    return sorted(files, key=lambda file: distance(file.folder, folder))


def is_near(one: str, other: str) -> bool:
    return distance(one, other) < FAR


def distance(one: str, other: str) -> int:
    """Between two folders, from 0 for the same to FAR."""
    if one == other:
        return 0
    if not one or not other:
        return 2
    return 1 if one.rpartition("/")[2] == other.rpartition("/")[2] else FAR


def _with_what_is_there(album: int, uploads: Sequence[Upload]) -> list[File]:
    if not uploads:
        return []
    known = {upload.sha256 for upload in uploads if upload.sha256}
    photos = dict(Photo.objects.filter(album=album, original_sha256__in=known).values_list("original_sha256", "pk"))
    rows = Companion.objects.filter(album=album, sha256__in=known).values_list("sha256", "name", "pk")
    companions = {(sha256, name): pk for sha256, name, pk in rows}
    return [
        File(
            upload.pk,
            upload.name,
            upload.folder,
            upload.sha256 or upload.declared_sha256 or str(upload.pk),
            photos.get(upload.sha256),
            companions.get((upload.sha256, upload.name)),
            is_double=upload.state == UploadState.REFUSED,
        )
        for upload in uploads
    ]


def _beginning(names: list[str]) -> str:
    """What all of them begin with."""
    alike = takewhile(lambda chars: chars[0] == chars[1], zip(min(names), max(names), strict=False))
    return "".join(char for char, _ in alike)


def _title(words: dict[str, object] | None) -> str:
    return str((words or {}).get("file", ""))
