"""Groups the files of a batch that belong together: a photo and its sidecars, a RAW and its JPEG, a still and its Live video.

Grouping runs whenever one of the files is done, or turns out to be a duplicate, in the same transaction and under the album's
lock (rendering/worker.py, uploads/lifecycle.py). So the last file of a group finds the others, in any order of arrival. Grouping
is derived from the rows each time, so that repeating it changes nothing. Names alone decide only within a folder
(name_matching.nearest). If two files of one name are equally near, nothing is assigned to either.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from django.db.models import Q

from albums.models import Companion, Photo
from processing.jobs import name_matching, takeout_names, transitions
from processing.jobs.name_matching import ENDING, SIDECAR, MatchingFile, SentFile, stem
from processing.lib import timestamps
from processing.models import ProcessingJob, Upload
from processing.models.states import ACTIVE, COMPANION_FILE, JobState, UploadState

LEADING_FORMATS = ("HEIF", "JPEG")
"""Formats that are shown for a RAW of the same moment, or that have a Live video; in order of preference."""
NOT_RAW = frozenset({"JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF", "JXL"})
MAX_CAPTURE_GAP = timedelta(seconds=2)
"""Cameras write the second file a moment after the first. An editor's JPEG with another time is a photo of its own."""
RELIABLE_SOURCES = ("exif", "xmp", "iptc")
"""Sources of a reliable capture time. A time from a file name or a file's date is not reliable."""
TEXT_FIELDS = ("title", "caption", "keywords", "creator", "copyright", "rating")

IS_PHOTO = Q(job__state=JobState.COMPLETED, job__companion=None, job__photo__shown_as=None)
"""A condition on uploads: those that users count as added photos."""
IS_COMPANION = Q(job__state=JobState.COMPLETED) & (
    Q(job__companion__isnull=False) | Q(job__photo__shown_as__isnull=False)
)
"""A condition on uploads: those stored as companions, or as RAW files that another photo is shown for."""
IS_SKIPPED_COMPANION = Q(state=UploadState.SKIPPED, code=COMPANION_FILE)
"""A condition on uploads: skipped companions, which do not count as files to be stored."""
NO_PHOTO_NOTE = "No matching photo; stored without one."
AMBIGUOUS_NOTE = "Several files match its name; stored without a photo. Upload whole folders to tell them apart."
FORMER_AMBIGUOUS_NOTE = (
    "Several files of that name came with it, and nothing tells which it belongs to; it is kept with the batch. Upload the "
    "folders as folders to have them told apart."
)
"""AMBIGUOUS_NOTE as earlier versions stored it: rows still have it, and are grouped again when their batch goes on."""


def note(own: str, *, is_alone: bool) -> str:
    """Returns the note for a stored file: its own, and if it has no photo, the reason."""
    own = own.replace(FORMER_AMBIGUOUS_NOTE, AMBIGUOUS_NOTE)
    return " ".join(filter(None, (own, NO_PHOTO_NOTE if is_alone and AMBIGUOUS_NOTE not in own else "")))


def has_siblings(job: ProcessingJob) -> bool:
    """True if another file, processed or not, may belong to the job's file. Most files have none."""
    sent, *doubles = SentFile.all_of(job)
    return bool(doubles) or name_matching.has_others(sent)


def link_group(job: ProcessingJob) -> None:
    """Groups the finished files of the job's stem and applies their sidecars. Must be called under the album's lock."""
    for sent in SentFile.all_of(job):
        _settle(sent)


def link_duplicate(upload: Upload) -> None:
    """Like link_group() and resume_videos(), for a duplicate of a file that the album already has.

    For nearly all duplicates there is nothing to do. Two indexed queries check that first: a repeated import may have 100,000.
    """
    sent = SentFile.duplicate(upload)
    if sent.jobs.exists() or sent.companions_alone.exists():
        _settle(sent)
    if upload.duplicate_of:
        _resume_videos(sent)


def resume_videos(job: ProcessingJob, photo: Photo) -> None:
    """Processes the Live videos that wait for this photo of the job, or that failed without it."""
    if photo.format in LEADING_FORMATS:
        for sent in SentFile.all_of(job):
            _resume_videos(sent)


def has_still(sent: SentFile) -> bool:
    """True if the album has a photo that a Live video of this name belongs to, or several candidates."""
    files = _with_moved(name_matching.files(sent))
    still, is_ambiguous = _still(sent.name, sent.folder, files, _photos(files))
    return still is not None or is_ambiguous


def has_lost_still(job: ProcessingJob, companion: Companion) -> bool:
    """True if the job's file is a Live video whose photo was deleted during its processing. Call it after link_group()."""
    companion.refresh_from_db(fields=["photo"])
    is_alone = companion.kind == Companion.Kind.MOTION and companion.photo_id is None
    return is_alone and not has_still(SentFile.job(job))


def is_still_to_come(job: ProcessingJob) -> bool:
    """True if a file of this stem that may be a still photo is being uploaded or processed."""
    sent = SentFile.job(job)
    files = [*sent.in_progress.values_list("name", "folder")]
    active_jobs = sent.jobs.filter(state__in=ACTIVE).exclude(pk=job.pk)
    files += active_jobs.values_list("original_filename", "upload__folder")
    return any(
        stem(name) == job.stem
        and not name_matching.cannot_be_photo(name)
        and name_matching.is_near(folder, sent.folder)
        for name, folder in files
    )


def _resume_videos(still: SentFile) -> None:
    for video in _videos_without_still(still):
        if video.state == JobState.FAILED:
            transitions.requeue(video, by="its photo")
        else:
            transitions.make_due(video)


def _videos_without_still(sent: SentFile) -> list[ProcessingJob]:
    """Returns the Live videos of this stem that failed because they had no still photo, or that wait for one."""
    videos = Q(state=JobState.FAILED, error_code="unsupported-video") | Q(
        state=JobState.PENDING, error_code="still-to-come"
    )
    jobs = ProcessingJob.objects.filter(batch=sent.batch, stem=stem(sent.name)).filter(videos).select_related("upload")
    return [job for job in jobs if name_matching.is_near(job.upload.folder, sent.folder)]


def _settle(sent: SentFile) -> None:
    files = name_matching.files(sent)
    files_with_moved = _with_moved(files)
    if sum(file.is_there for file in files_with_moved) < 2:
        return
    photos = _photos(files_with_moved, lock=True)
    shown = sorted((file for file in files if file.photo in photos), key=lambda file: _sort_key(photos, file))
    _stack_raws([file for file in shown if stem(file.name) == stem(sent.name)], photos)
    companions = Companion.objects.in_bulk({file.companion for file in files if file.companion})
    companion_files = [file for file in files if file.companion in companions]
    companion_files.sort(key=lambda file: (not takeout_names.is_sidecar(file.name), file.name, file.companion or 0))
    for file in companion_files:  # Takeout's files first, so that an editor's sidecar overwrites their values
        companion = companions[file.companion or 0]
        if file.is_double and companion.photo_id:
            continue  # it was grouped when it first arrived, and a user may have changed its metadata since
        if companion.kind == Companion.Kind.MOTION:
            still, is_ambiguous = _still(file.name, file.folder, files_with_moved, photos)
            if is_ambiguous and not file.is_double:
                companion.photo = None
                companion.save(update_fields=["photo"])
            _attach(companion, still)
        else:
            is_ambiguous = _apply_sidecar(companion, file, files, shown, photos)
        _note_ambiguity(file, is_ambiguous=is_ambiguous)


def _with_moved(files: Sequence[MatchingFile]) -> list[MatchingFile]:
    """Returns the files with the photos that were moved to another album. Live videos follow them; nothing else does."""
    return [replace(file, photo=file.photo or file.moved) for file in files]


def _photos(files: Sequence[MatchingFile], *, lock: bool = False) -> dict[int | None, Photo]:
    photos = Photo.objects.filter(pk__in={file.photo for file in files if file.photo}, trashed_at=None)
    return {photo.pk: photo for photo in (photos.select_for_update() if lock else photos)}


def _sort_key(photos: dict[int | None, Photo], file: MatchingFile) -> tuple[int, int]:
    photo = photos[file.photo]
    return photo.position, photo.pk


def _still(
    name: str, folder: str, files: Sequence[MatchingFile], photos: dict[int | None, Photo]
) -> tuple[Photo | None, bool]:
    """Returns the photo that a Live video of this name belongs to; or None, and whether several photos match."""
    candidates = [
        file for file in files if stem(file.name) == stem(name) and not name_matching.cannot_be_photo(file.name)
    ]
    near = name_matching.nearest(candidates, folder)
    stills = [file for file in near if file.photo in photos and photos[file.photo].format in LEADING_FORMATS]
    if not stills:
        return None, False
    best = min(stills, key=lambda file: LEADING_FORMATS.index(photos[file.photo].format))
    namesakes = [file for file in files if file.name.casefold() == name.casefold()]
    rivals = name_matching.nearest(namesakes, best.folder)
    if all(
        name_matching.distance(file.folder, best.folder) < name_matching.distance(folder, best.folder)
        for file in rivals
    ):
        return None, False
    is_ambiguous = _has_different_bytes(near, best.name) or _has_different_bytes(rivals, name)
    return (None, True) if is_ambiguous else (photos[best.photo], False)


def _has_different_bytes(files: Sequence[MatchingFile], name: str) -> bool:
    """True if files of this name have different bytes. Two folders of a memory card may each contain an IMG_0001."""
    return len({file.identity for file in files if file.name.casefold() == name.casefold()}) > 1


def _stack_raws(files: Sequence[MatchingFile], photos: dict[int | None, Photo]) -> None:
    """Stacks each RAW under the picture that its camera wrote with it. The moment identifies that, in any folder."""
    for file in files:
        raw = photos[file.photo]
        if raw.format in NOT_RAW or raw.shown_as_id:
            continue
        by_distance = [photos[near.photo] for near in name_matching.by_distance(files, file.folder)]
        lead = next(
            (photo for photo in by_distance if photo.format in LEADING_FORMATS and _is_same_moment(raw, photo)), None
        )
        if lead:
            raw.shown_as = lead
            raw.save(update_fields=["shown_as"])


def _is_same_moment(raw: Photo, photo: Photo) -> bool:
    if not (raw.taken_from in RELIABLE_SOURCES and photo.taken_from in RELIABLE_SOURCES) or (
        raw.camera and photo.camera and raw.camera != photo.camera
    ):
        return False
    return abs(_camera_clock(raw) - _camera_clock(photo)) <= MAX_CAPTURE_GAP


def _camera_clock(photo: Photo) -> datetime:
    """Returns the camera's local time. Of two files of one moment, only one may state its time zone."""
    assert photo.taken_at
    return photo.taken_at + timedelta(minutes=photo.taken_offset_minutes or 0)


def _apply_sidecar(
    sidecar: Companion,
    file: MatchingFile,
    files: Sequence[MatchingFile],
    shown: Sequence[MatchingFile],
    photos: dict[int | None, Photo],
) -> bool:
    """Applies the sidecar to its photos and those stacked with them. Returns True, and applies nothing, if it is ambiguous."""
    candidates = [
        candidate
        for candidate in files
        if not name_matching.cannot_be_photo(candidate.name) and _may_be_about(sidecar, candidate.name)
    ]
    near = name_matching.nearest(candidates, file.folder)
    targets = [target for target in near if target.photo in photos]
    if not targets:
        return False
    namesakes = [namesake for namesake in files if namesake.name.casefold() == file.name.casefold()]
    rivals = {rival.upload for target in targets for rival in name_matching.nearest(namesakes, target.folder)}
    if file.upload not in rivals:
        return False  # the photo has a sidecar of that name in its own folder
    if _has_different_bytes([namesake for namesake in namesakes if namesake.upload in rivals], file.name) or any(
        _has_different_bytes(near, target.name) for target in targets
    ):
        return True
    leads = {photos[target.photo].shown_as_id or target.photo for target in targets}
    for photo in {shown_file.photo: photos[shown_file.photo] for shown_file in shown}.values():
        if (photo.shown_as_id or photo.pk) in leads:
            _merge_metadata(photo, sidecar.words)
    # Editors write sidecars mainly for RAW files. A Takeout file also applies to an edited copy, which has another stem.
    targets.sort(key=lambda target: (photos[target.photo].format in NOT_RAW, stem(target.name) != stem(file.name)))
    first = photos[targets[0].photo]
    _attach(sidecar, first.shown_as or first)
    return False


def _may_be_about(sidecar: Companion, name: str) -> bool:
    """True if the sidecar applies to a photo of this name: IMG_1.CR2.xmp only to IMG_1.CR2, IMG_1.xmp to any IMG_1."""
    if takeout_names.is_sidecar(sidecar.name):
        return takeout_names.is_about(sidecar.name, name, str(sidecar.words.get("file", "")))
    photo_name = sidecar.name.casefold().removesuffix(SIDECAR)
    return stem(name) == stem(sidecar.name) and (not ENDING.search(photo_name) or photo_name == name.casefold())


def _merge_metadata(photo: Photo, metadata: dict[str, object]) -> None:
    """Overwrites the photo's texts with the sidecar's, which were written last. Time, place and lens are only filled in."""
    changes: dict[str, object] = {name: metadata[name] for name in TEXT_FIELDS if name in metadata}
    if "taken_at" in metadata and photo.taken_from not in RELIABLE_SOURCES:
        changes |= _capture_time(photo, str(metadata["taken_at"]), str(metadata.get("taken_from", "xmp")))
    gps = metadata.get("gps")
    if isinstance(gps, dict) and photo.latitude is None:
        changes |= {name: gps.get(name) for name in ("latitude", "longitude", "altitude")}
    if "lens" in metadata and not photo.lens:
        changes["lens"] = metadata["lens"]
    for name, value in changes.items():
        setattr(photo, name, value)
    if changes:
        photo.save(update_fields=list(changes))


def _capture_time(photo: Photo, iso: str, source: str) -> dict[str, object]:
    """Returns the columns for the sidecar's time; none if it is only the date of the time that the photo already has.

    A date alone reads as midnight without a time zone.
    """
    taken_at, offset = timestamps.parse_capture_time(iso)
    day = taken_at.date() if taken_at and offset is None and taken_at.time() == time.min else None
    if day and photo.taken_at and _camera_clock(photo).date() == day:
        return {}
    return {"taken_at": taken_at, "taken_offset_minutes": offset, "taken_from": source}


def _attach(companion: Companion, photo: Photo | None) -> None:
    """Stores the companion with the photo, in the photo's album; not if that has a file of the same name and bytes."""
    if photo is None or companion.photo_id == photo.pk:
        return
    if companion.album_id != photo.album_id:
        twins = Companion.objects.filter(album=photo.album_id, sha256=companion.sha256, name=companion.name)
        if twins.exists():
            return
    companion.photo, companion.album_id = photo, photo.album_id
    companion.save(update_fields=["photo", "album"])


def _note_ambiguity(file: MatchingFile, *, is_ambiguous: bool) -> None:
    """Adds AMBIGUOUS_NOTE to the upload's note, or removes it."""
    upload = Upload.objects.filter(pk=file.upload).only("note").get()
    own = upload.note.replace(FORMER_AMBIGUOUS_NOTE, "").replace(AMBIGUOUS_NOTE, "").strip()
    note = " ".join(filter(None, (own, AMBIGUOUS_NOTE if is_ambiguous else "")))
    if note != upload.note:
        Upload.objects.filter(pk=file.upload).update(note=note)
