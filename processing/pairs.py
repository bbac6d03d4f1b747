"""Which files of one batch belong together: a photo and its sidecars, a RAW and its JPEG, a still and its Live video.

Settled whenever one of them is done, in the transaction that publishes it and under its album's lock: whichever is last finds the
others, in whatever order they come. It starts from the rows each time, so that settling again changes nothing.
"""

import re
from datetime import datetime, time, timedelta

from django.db.models import Q, QuerySet

from albums.models import Companion, Photo
from processing import publishing, takeout
from processing.models import ProcessingJob, Upload
from processing.pipeline import formats
from processing.states import ACTIVE, COMPANION_FILE, JobState, UploadState

SIDECAR = ".xmp"
PIXEL_VIDEO = ".mp"
ENDING = re.compile(r"\.(?=[a-z0-9]{2,5}$)[a-z0-9]*[a-z][a-z0-9]*$")
"""Of a picture, in small letters. `holiday.2024` has none."""

SHOWING = ("HEIF", "JPEG")
"""What shows for a RAW of the same moment, or moves with a Live video; the first before the second."""
NO_RAW = frozenset({"JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF", "JXL"})
AT_ONCE = timedelta(seconds=2)
"""Cameras write the second file a moment after the first. An editor's JPEG that tells another time is a picture of its own."""
MEASURED = ("exif", "xmp", "iptc")
"""A time that a name or a file's date tells says nothing of the picture."""
WORDS = ("title", "caption", "keywords", "creator", "copyright", "rating")

IS_A_PICTURE = Q(job__state=JobState.COMPLETED, job__companion=None, job__photo__shown_as=None)
"""Of uploads: what a person counts as photos that were added."""
IS_KEPT = Q(job__state=JobState.COMPLETED) & (Q(job__companion__isnull=False) | Q(job__photo__shown_as__isnull=False))
"""Of uploads: what is kept beside a photo, or shown as one with it."""
IS_SKIPPED_COMPANION = Q(state=UploadState.SKIPPED, code=COMPANION_FILE)
"""Of uploads: companions without a picture of their own, which are no part of what was to be stored."""
ALONE = "No photo of that name came with it; it is kept with the batch."


class StillMissing(Exception):
    """The photo that this video belonged to has just gone."""


def stem(name: str) -> str:
    """`img_1` of IMG_1.JPG, IMG_1.xmp, IMG_1.CR2.xmp and Takeout's IMG_1.JPG.json; of PXL_1.MP.jpg that of its video."""
    if takeout.is_sidecar(name):
        return takeout.stem(name).removesuffix(PIXEL_VIDEO)
    return ENDING.sub("", name.casefold().removesuffix(SIDECAR)).removesuffix(PIXEL_VIDEO)


def is_sidecar(name: str) -> bool:
    """By its name alone, before its bytes are here. Many have the same bytes, and each its own photo."""
    return name.casefold().endswith(SIDECAR) or takeout.is_sidecar(name)


def has_kin(job: ProcessingJob) -> bool:
    """Is there another file that may belong to this one, done or not? Most have none."""
    return bool(job.stem) and _related(job).exclude(pk=job.pk).exists()


def settle(job: ProcessingJob) -> None:
    """Put together what is done of this job's stem, and what Takeout says of it. Call it under the album's lock."""
    done = _related(job).filter(state=JobState.COMPLETED)
    if not job.stem or done.count() < 2:
        return
    photos = list(_photos(done).select_for_update())
    _show_as_one([photo for photo in photos if stem(photo.name) == job.stem])
    companions = Companion.objects.filter(pk__in=done.values("companion")).order_by("name", "pk")
    for companion in sorted(
        companions, key=lambda each: not takeout.is_sidecar(each.name)
    ):  # an editor has the last word
        namesakes = [photo for photo in photos if stem(photo.name) == stem(companion.name)]
        if companion.kind == Companion.Kind.MOTION:
            _hand(companion, _still(namesakes))
        else:
            _give_words(companion, photos if takeout.is_sidecar(companion.name) else namesakes, job)


def still(job: ProcessingJob) -> Photo | None:
    """The photo that a Live video of this job belongs to, if it is there."""
    return _still(list(_photos(_kin(job).filter(state=JobState.COMPLETED)))) if job.stem else None


def is_still_to_come(job: ProcessingJob) -> bool:
    """Is a file of this stem, that may be a still, on its way or in work?"""
    names = [*_kin(job).filter(state__in=ACTIVE).exclude(pk=job.pk).values_list("original_filename", flat=True)]
    coming = Upload.objects.receiving().filter(batch=job.batch_id, name__istartswith=f"{job.stem}.")
    names += coming.values_list("name", flat=True)
    return any(stem(name) == job.stem and not _cannot_be_still(name) for name in names)


def videos_without_still(job: ProcessingJob) -> QuerySet[ProcessingJob]:
    """Of this job's stem: those that were refused because no still was there, or wait for one."""
    videos = Q(state=JobState.FAILED, error_code="unsupported-video") | Q(
        state=JobState.PENDING, error_code="still-to-come"
    )
    return _kin(job).filter(videos)


def _kin(job: ProcessingJob) -> QuerySet[ProcessingJob]:
    return ProcessingJob.objects.filter(batch=job.batch_id, stem=job.stem)


def _related(job: ProcessingJob) -> QuerySet[ProcessingJob]:
    """With those that a name which was cut, or that of an edited copy, sets apart. Of nearly all photos that is the same stem."""
    if takeout.is_sidecar(job.original_filename):
        words = Companion.objects.filter(job=job).values_list("words", flat=True).first() or {}
        stems = takeout.photo_stems(job.original_filename, str(words.get("file", "")))
    else:
        stems = takeout.sidecar_stems(job.original_filename)
    stems = {each.removesuffix(PIXEL_VIDEO) for each in stems}
    return ProcessingJob.objects.filter(batch=job.batch_id, stem__in={job.stem, *stems})


def _photos(done: QuerySet[ProcessingJob]) -> QuerySet[Photo]:
    return Photo.objects.filter(pk__in=done.values("photo"), trashed_at=None).order_by("position", "pk")


def _cannot_be_still(name: str) -> bool:
    return is_sidecar(name) or formats.ending(name) in formats.LIVE_VIDEOS.endings or formats.is_companion(name)


def _still(photos: list[Photo]) -> Photo | None:
    stills = [photo for photo in photos if photo.format in SHOWING]
    return min(stills, key=lambda photo: SHOWING.index(photo.format), default=None)


def _show_as_one(photos: list[Photo]) -> None:
    """A RAW, and the picture that its camera made of it at once."""
    for raw in photos:
        if raw.format in NO_RAW or raw.shown_as_id:
            continue
        if lead := next((photo for photo in photos if photo.format in SHOWING and _is_at_once(raw, photo)), None):
            raw.shown_as = lead
            raw.save(update_fields=["shown_as"])


def _is_at_once(one: Photo, other: Photo) -> bool:
    if not (one.taken_from in MEASURED and other.taken_from in MEASURED) or (
        one.camera and other.camera and one.camera != other.camera
    ):
        return False
    return abs(_clock(one) - _clock(other)) <= AT_ONCE


def _clock(photo: Photo) -> datetime:
    """What the camera showed: of two files one may tell its zone and the other not."""
    assert photo.taken_at
    return photo.taken_at + timedelta(minutes=photo.taken_offset_minutes or 0)


def _give_words(sidecar: Companion, photos: list[Photo], job: ProcessingJob) -> None:
    """To those it means and whatever is shown as one with them; to none where two of the batch have one name."""
    meant = [photo for photo in photos if _is_meant(sidecar, photo.name)]
    if not meant or _is_ambiguous(job, {photo.name.casefold() for photo in meant} | {sidecar.name.casefold()}):
        return
    leads = {photo.shown_as_id or photo.pk for photo in meant}
    for photo in photos:
        if (photo.shown_as_id or photo.pk) in leads:
            _take_words(photo, sidecar.words)
    # Editors write sidecars for RAW files first of all; Takeout's is that of an edited copy too.
    meant.sort(key=lambda photo: (photo.format in NO_RAW, stem(photo.name) != stem(sidecar.name)))
    _hand(sidecar, meant[0].shown_as or meant[0])


def _is_meant(sidecar: Companion, name: str) -> bool:
    """IMG_1.CR2.xmp is about IMG_1.CR2 alone, IMG_1.xmp about any IMG_1."""
    if takeout.is_sidecar(sidecar.name):
        return takeout.is_about(sidecar.name, name, str(sidecar.words.get("file", "")))
    beside = sidecar.name.casefold().removesuffix(SIDECAR)
    return not ENDING.search(beside) or beside == name.casefold()


def _is_ambiguous(job: ProcessingJob, names: set[str]) -> bool:
    """Two folders of a card may hold an IMG_0001 each."""
    there = _related(job).exclude(state=JobState.CANCELLED).values_list("original_filename", flat=True)
    found = [name.casefold() for name in there]
    return any(found.count(name) > 1 for name in names)


def _take_words(photo: Photo, words: dict[str, object]) -> None:
    """A sidecar's words win, for its editor wrote them last. Time, place and lens it only adds."""
    changes: dict[str, object] = {name: words[name] for name in WORDS if name in words}
    if "taken_at" in words and photo.taken_from not in MEASURED:
        changes |= _time(photo, str(words["taken_at"]), str(words.get("taken_from", "xmp")))
    place = words.get("gps")
    if isinstance(place, dict) and photo.latitude is None:
        changes |= {name: place.get(name) for name in ("latitude", "longitude", "altitude")}
    if "lens" in words and not photo.lens:
        changes["lens"] = words["lens"]
    for name, value in changes.items():
        setattr(photo, name, value)
    if changes:
        photo.save(update_fields=list(changes))


def _time(photo: Photo, told: str, source: str) -> dict[str, object]:
    """The sidecar's time. One without a clock, which is midnight without a zone, is less than a moment of the same day."""
    taken_at, offset = publishing.moment(told)
    day = taken_at.date() if taken_at and offset is None and taken_at.time() == time.min else None
    if day and photo.taken_at and _clock(photo).date() == day:
        return {}
    return {"taken_at": taken_at, "taken_offset_minutes": offset, "taken_from": source}


def _hand(companion: Companion, photo: Photo | None) -> None:
    if photo and companion.photo_id != photo.pk:
        companion.photo = photo
        companion.save(update_fields=["photo"])
