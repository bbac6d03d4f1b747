"""Which files of one batch belong together: a photo and its sidecars, a RAW and its JPEG, a still and its Live video.

Settled whenever one of them is done, or proves to be in the album already, in the same transaction and under the album's lock:
whichever is last finds the others, in whatever order they come. It starts from the rows each time, so that settling again changes
nothing. Names alone decide only within a folder (name_matching.nearest); where two files of one name lie equally near, none
gets what may belong to the other.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from django.db.models import Q

from albums.models import Companion, Photo
from processing.jobs import name_matching, takeout_names
from processing.jobs.name_matching import ENDING, SIDECAR, File, Sent, stem
from processing.lib import dates
from processing.models import ProcessingJob, Upload
from processing.models.states import ACTIVE, COMPANION_FILE, JobState, UploadState

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
ALONE = "No photo that it belongs to was stored with it; it is kept with the batch."
AMBIGUOUS = (
    "Several files of that name came with it, and nothing tells which it belongs to; it is kept with the batch. Upload the "
    "folders as folders to have them told apart."
)


class StillMissing(Exception):
    """The photo that this video belonged to has just gone."""


def note(own: str, *, is_alone: bool) -> str:
    """What is to be said of a file that was taken, with the reason why it is kept beside no photo."""
    return " ".join(filter(None, (own, ALONE if is_alone and AMBIGUOUS not in own else "")))


def has_kin(job: ProcessingJob) -> bool:
    """Is there another file that may belong to this one, done or not? Most have none."""
    sent, *doubles = Sent.all_of(job)
    return bool(doubles) or name_matching.has_others(sent)


def settle(job: ProcessingJob) -> None:
    """Put together what is done of this job's stem, and what Takeout says of it. Call it under the album's lock."""
    for sent in Sent.all_of(job):
        _settle(sent)


def settle_double(upload: Upload) -> None:
    """As settle(), of a file that the album has already. Of nearly all such files there is nothing to be done.

    So that is asked first, from indexes: an import may be repeated, and 100,000 files be here already.
    """
    sent = Sent.double(upload)
    if sent.jobs.exists() or sent.companions_alone.exists():
        _settle(sent)


def has_still(sent: Sent) -> bool:
    """Is a photo there that a Live video of this name belongs to, or are there several that it may belong to?"""
    files = name_matching.files(sent)
    still, is_ambiguous = _still(sent.name, sent.folder, files, _photos(files))
    return still is not None or is_ambiguous


def is_still_to_come(job: ProcessingJob) -> bool:
    """Is a file of this stem, that may be a still, on its way or in work?"""
    sent = Sent.job(job)
    coming = [*sent.to_come.values_list("name", "folder")]
    in_work = sent.jobs.filter(state__in=ACTIVE).exclude(pk=job.pk)
    coming += in_work.values_list("original_filename", "upload__folder")
    return any(
        stem(name) == job.stem
        and not name_matching.cannot_be_photo(name)
        and name_matching.is_near(folder, sent.folder)
        for name, folder in coming
    )


def videos_without_still(sent: Sent) -> list[ProcessingJob]:
    """Of this file's stem: those that were refused because no still was there, or wait for one."""
    videos = Q(state=JobState.FAILED, error_code="unsupported-video") | Q(
        state=JobState.PENDING, error_code="still-to-come"
    )
    kin = ProcessingJob.objects.filter(batch=sent.batch, stem=stem(sent.name)).filter(videos).select_related("upload")
    return [job for job in kin if name_matching.is_near(job.upload.folder, sent.folder)]


def _settle(sent: Sent) -> None:
    files = name_matching.files(sent)
    if sum(file.is_there for file in files) < 2:
        return
    photos = _photos(files, lock=True)
    shown = sorted((file for file in files if file.photo in photos), key=lambda file: _place(photos, file))
    _show_as_one([file for file in shown if stem(file.name) == stem(sent.name)], photos)
    companions = Companion.objects.in_bulk({file.companion for file in files if file.companion})
    kept = [file for file in files if file.companion in companions]
    for file in sorted(
        kept, key=lambda each: (not takeout_names.is_sidecar(each.name), each.name, each.companion or 0)
    ):
        companion = companions[file.companion or 0]  # in this order: an editor has the last word
        if file.is_double and companion.photo_id:
            continue  # it was put together when it came first, and what a person has changed since stays
        if companion.kind == Companion.Kind.MOTION:
            still, is_ambiguous = _still(file.name, file.folder, files, photos)
            if is_ambiguous and not file.is_double:
                companion.photo = None
                companion.save(update_fields=["photo"])
            _hand(companion, still)
        else:
            is_ambiguous = _give_words(companion, file, files, shown, photos)
        _tell(file, is_ambiguous=is_ambiguous)


def _photos(files: Sequence[File], *, lock: bool = False) -> dict[int | None, Photo]:
    photos = Photo.objects.filter(pk__in={file.photo for file in files if file.photo}, trashed_at=None)
    return {photo.pk: photo for photo in (photos.select_for_update() if lock else photos)}


def _place(photos: dict[int | None, Photo], file: File) -> tuple[int, int]:
    photo = photos[file.photo]
    return photo.position, photo.pk


def _still(name: str, folder: str, files: Sequence[File], photos: dict[int | None, Photo]) -> tuple[Photo | None, bool]:
    """The photo that a Live video of this name belongs to; or None, and whether that is because there are several."""
    alike = [file for file in files if stem(file.name) == stem(name) and not name_matching.cannot_be_photo(file.name)]
    near = name_matching.nearest(alike, folder)
    stills = [file for file in near if file.photo in photos and photos[file.photo].format in SHOWING]
    if not stills:
        return None, False
    best = min(stills, key=lambda file: SHOWING.index(photos[file.photo].format))
    own = [file for file in files if file.name.casefold() == name.casefold()]
    rivals = name_matching.nearest(own, best.folder)
    if all(
        name_matching.distance(file.folder, best.folder) < name_matching.distance(folder, best.folder)
        for file in rivals
    ):
        return None, False
    is_ambiguous = _are_several(near, best.name) or _are_several(rivals, name)
    return (None, True) if is_ambiguous else (photos[best.photo], False)


def _are_several(files: Sequence[File], name: str) -> bool:
    """Have files of this name different bytes? Two folders of a card may hold an IMG_0001 each."""
    return len({file.identity for file in files if file.name.casefold() == name.casefold()}) > 1


def _show_as_one(files: Sequence[File], photos: dict[int | None, Photo]) -> None:
    """A RAW, and the picture that its camera made of it at once. The moment tells them from namesakes, so any folder will do."""
    for file in files:
        raw = photos[file.photo]
        if raw.format in NO_RAW or raw.shown_as_id:
            continue
        others = [photos[each.photo] for each in name_matching.by_distance(files, file.folder)]
        if lead := next((photo for photo in others if photo.format in SHOWING and _is_at_once(raw, photo)), None):
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


def _give_words(
    sidecar: Companion, file: File, files: Sequence[File], shown: Sequence[File], photos: dict[int | None, Photo]
) -> bool:
    """To those it means and whatever is shown as one with them. Answers whether it may mean several, and none gets the words."""
    about = [each for each in files if not name_matching.cannot_be_photo(each.name) and _is_meant(sidecar, each.name)]
    near = name_matching.nearest(about, file.folder)
    meant = [each for each in near if each.photo in photos]
    if not meant:
        return False
    rivals = [each for each in files if each.name.casefold() == file.name.casefold()]
    beside = {each.upload for one in meant for each in name_matching.nearest(rivals, one.folder)}
    if file.upload not in beside:
        return False  # the photo has a sidecar of that name in its own folder
    if _are_several([each for each in rivals if each.upload in beside], file.name) or any(
        _are_several(near, each.name) for each in meant
    ):
        return True
    leads = {photos[each.photo].shown_as_id or each.photo for each in meant}
    for photo in {each.photo: photos[each.photo] for each in shown}.values():
        if (photo.shown_as_id or photo.pk) in leads:
            _take_words(photo, sidecar.words)
    # Editors write sidecars for RAW files first of all; Takeout's is that of an edited copy too.
    meant.sort(key=lambda each: (photos[each.photo].format in NO_RAW, stem(each.name) != stem(file.name)))
    first = photos[meant[0].photo]
    _hand(sidecar, first.shown_as or first)
    return False


def _is_meant(sidecar: Companion, name: str) -> bool:
    """IMG_1.CR2.xmp is about IMG_1.CR2 alone, IMG_1.xmp about any IMG_1."""
    if takeout_names.is_sidecar(sidecar.name):
        return takeout_names.is_about(sidecar.name, name, str(sidecar.words.get("file", "")))
    beside = sidecar.name.casefold().removesuffix(SIDECAR)
    return stem(name) == stem(sidecar.name) and (not ENDING.search(beside) or beside == name.casefold())


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
    taken_at, offset = dates.moment(told)
    day = taken_at.date() if taken_at and offset is None and taken_at.time() == time.min else None
    if day and photo.taken_at and _clock(photo).date() == day:
        return {}
    return {"taken_at": taken_at, "taken_offset_minutes": offset, "taken_from": source}


def _hand(companion: Companion, photo: Photo | None) -> None:
    if photo and companion.photo_id != photo.pk:
        companion.photo = photo
        companion.save(update_fields=["photo"])


def _tell(file: File, *, is_ambiguous: bool) -> None:
    """Note with the upload that its file may belong to several, or that it does no longer."""
    upload = Upload.objects.filter(pk=file.upload).only("note").get()
    note = " ".join(filter(None, (upload.note.replace(AMBIGUOUS, "").strip(), AMBIGUOUS if is_ambiguous else "")))
    if note != upload.note:
        Upload.objects.filter(pk=file.upload).update(note=note)
