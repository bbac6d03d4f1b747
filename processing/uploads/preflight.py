"""A batch declared up front: what of it is here already, what is half here and goes on, and what is new."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from albums import trash
from albums.models import Album, Companion, Photo
from processing import jobs
from processing.jobs import name_matching
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import IS_A_PHOTO, JobState, UploadState
from processing.pipeline.formats import extensions
from processing.uploads import batches, lifecycle, rejections
from processing.uploads.batches import AlbumBusy
from processing.uploads.manifest import Declared
from processing.uploads.rejections import Refusal
from processing.uploads.tus import session as tus_session


class Match(StrEnum):
    """Where a declared file stands."""

    NEW = "new"
    HALF = "half"
    RECEIVED = "received"
    HERE = "here"
    TWICE = "twice"
    ELSEWHERE = "elsewhere"
    TRASH = "trash"
    REFUSED = "refused"
    SKIPPED = "skipped"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one file. `upload` is where its bytes go, from `offset` on; `photo` has these very bytes.

    `refusal` says why it will not be sent; of one that is received, why no photo came of it.
    """

    standing: Match
    upload: Upload | None = None
    offset: int = 0
    refusal: Refusal | None = None
    photo: Photo | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """`batch` is the one that keeps the album busy now, if any; answers are in the order of the files."""

    batch: Batch | None
    answers: tuple[Answer, ...]

    def bytes_to_come(self, files: Sequence[Declared]) -> int:
        """Of these files, the same that were asked about."""
        return sum(file.size for file, answer in zip(files, self.answers, strict=True) if answer.refusal is None)


LATER = Answer(Match.LATER)
MAY_COME_AGAIN = (rejections.NOT_AS_DECLARED.code, rejections.CUT_OFF.code, rejections.DISK_FULL.code)
"""Refusals of which a second try may come to another end."""


def compare(album: Album, user: User, files: Sequence[Declared]) -> Declaration:
    """What is known of these files. Writes nothing, and minds no lock: the next batch is prepared with it."""
    running = batches.running_in(album)
    rows = _Rows(running if running and running.opened_by_id == user.pk else None)
    judge = _Judge(album, user, files)
    answers = [_standing(row) if (row := rows.take(file)) else judge.answer(file) for file in files]
    return Declaration(running, _with_offsets(answers))


def declare(album: Album, user: User, files: Sequence[Declared], skipped: Sequence[Declared] = ()) -> Declaration:
    """Open a batch with an upload for each new file; or match the files against the user's own running batch, and go on.

    What their sender `skipped` is noted in the batch that any of the files belongs to. Repeating is harmless.
    Raises AlbumBusy when the running batch is somebody else's.
    """
    with transaction.atomic():
        batches.hold(album.pk)
        judge = _Judge(album, user, files)
        batch = batches.running_after_release(album)
        if batch and batch.opened_by_id != user.pk:
            raise AlbumBusy(batch)
        if batch:
            answers = list(_join(batch, files, judge))
            is_theirs = not files or any(answer.upload for answer in answers)  # a further list of skipped has no files
        else:
            batch = Batch.objects.create(album=album, opened_by=user, source=Batch.Source.PAGE) if files else None
            answers = _open(batch, files, judge) if batch else []
            is_theirs = True
        if batch and skipped and is_theirs:
            lifecycle.note_skipped(batch, skipped)
    return Declaration(batch, tuple(map(_handed_over, _with_offsets(answers))))


def _open(batch: Batch, files: Sequence[Declared], judge: "_Judge") -> list[Answer]:
    answers = [judge.answer(file) for file in files]
    wanted = [number for number, answer in enumerate(answers) if answer.refusal is None]
    for number in wanted[settings.MAX_BATCH_FILES :]:
        refusal = rejections.TOO_MANY.filled(limit=settings.MAX_BATCH_FILES)
        answers[number] = Answer(Match.REFUSED, refusal=refusal)
    wanted = wanted[: settings.MAX_BATCH_FILES]
    for number, upload in zip(wanted, lifecycle.expect(batch, [files[number] for number in wanted]), strict=True):
        answers[number] = replace(answers[number], upload=upload)
    turned_away = []
    for file, answer in zip(files, answers, strict=True):
        if answer.standing == Match.TRASH and answer.photo:
            trash.put_back(answer.photo)
        if answer.refusal:
            turned_away.append(lifecycle.turn_away(batch, file, answer.refusal, answer.photo))
    for upload in turned_away:
        if name_matching.is_sidecar(upload.name) and not upload.duplicate_of and upload.code in IS_A_PHOTO:
            jobs.settle_double(upload)  # it was alone when it came first
    return answers


def _join(batch: Batch, files: Sequence[Declared], judge: "_Judge") -> Iterator[Answer]:
    """The batch was declared before: its files go on, or come again; others have to wait for the next."""
    rows = _Rows(batch)
    for file in files:
        row = rows.take(file)
        if row is None:
            answer = judge.answer(file)
            yield answer if answer.refusal else LATER
        elif row.state == UploadState.RECEIVING:
            yield _learned(row, file, rows, judge)
        elif _may_come_again(row):
            yield Answer(Match.NEW, lifecycle.expect_again(row, file))
        else:
            yield _standing(row)


def _learned(row: Upload, file: Declared, rows: "_Rows", judge: "_Judge") -> Answer:
    """Its checksum may be known only now, and with it that it need not be sent."""
    if not file.sha256 or row.declared_sha256:
        return _standing(row)
    photo, twin = judge.here.get(file.sha256), rows.by_checksum.get(_same(file))
    if photo or twin:
        refusal = lifecycle.duplicate(photo) if photo else rejections.TWICE.filled(name=twin.name if twin else "")
        lifecycle.refuse(row, refusal, sha256=file.sha256, duplicate_of=photo)
        return Answer(_of(refusal) if photo else Match.TWICE, refusal=refusal, photo=photo)
    lifecycle.learn_checksum(row, file.sha256)
    rows.by_checksum[_same(file)] = row
    return _standing(row)


def _standing(row: Upload) -> Answer:
    match row.state:
        case UploadState.RECEIVING:
            return Answer(Match.NEW, row)
        case UploadState.RECEIVED:
            return _received(row)
    if _may_come_again(row):
        return Answer(Match.NEW)
    refusal = Refusal(row.code, row.message)
    return Answer(_of(refusal), refusal=refusal, photo=row.duplicate_of)


def _received(row: Upload) -> Answer:
    """With the photo that it became, or the reason why it became none."""
    job: ProcessingJob | None = getattr(row, "job", None)  # forgotten jobs leave none
    if job is None:
        return Answer(Match.RECEIVED, row)
    failed = Refusal(job.error_code, job.error_message) if job.state == JobState.FAILED else None
    return Answer(Match.RECEIVED, row, refusal=failed, photo=job.photo)


def _may_come_again(row: Upload) -> bool:
    return row.state in (UploadState.CANCELLED, UploadState.EXPIRED) or row.code in MAY_COME_AGAIN


def _of(refusal: Refusal) -> Match:
    standings = {
        rejections.DUPLICATE.code: Match.HERE,
        rejections.RESTORED.code: Match.TRASH,
        rejections.COMPANION.code: Match.SKIPPED,
    }
    return standings.get(refusal.code, Match.REFUSED)


def _with_offsets(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Asked of the files themselves, outside of every transaction."""
    return tuple(map(_with_offset, answers))


def _with_offset(answer: Answer) -> Answer:
    if answer.upload is None:
        return answer
    if answer.standing == Match.RECEIVED:
        return replace(answer, offset=answer.upload.size or 0)
    offset = tus_session.arrived(answer.upload)
    return replace(answer, offset=offset, standing=Match.HALF) if offset else answer


def _handed_over(answer: Answer) -> Answer:
    """A file that is here whole, but whose hand-over failed unseen, is handed over again: nobody shall send it once more."""
    upload = answer.upload
    if upload is None or answer.standing != Match.HALF or answer.offset != upload.size:
        return answer
    tus_session.offset(upload)
    upload.refresh_from_db()
    return _with_offset(_standing(upload))


class _Rows:
    """The uploads of a batch, each to be taken by one file."""

    def __init__(self, batch: Batch | None) -> None:
        """But for those that were left out of a folder: whoever sends one after all means another upload."""
        was_left_out = Q(state=UploadState.SKIPPED) & ~Q(code=rejections.COMPANION.code)
        sent = (batch.uploads if batch else Upload.objects.none()).exclude(was_left_out)
        rows = sent.select_related("batch", "duplicate_of", "job__photo").order_by("created_at", "pk")
        self.by_checksum: dict[tuple[str, str], Upload] = {}
        self._by_id = {row.pk: row for row in rows}
        self._by_look: dict[tuple[str, int | None], list[Upload]] = defaultdict(list)
        for row in self._by_id.values():
            self._by_look[row.name, row.size].append(row)
            if row.state in (UploadState.RECEIVING, UploadState.RECEIVED) and (row.sha256 or row.declared_sha256):
                self.by_checksum.setdefault(_same(row), row)

    def take(self, file: Declared) -> Upload | None:
        """The upload of this file: named by the file itself, or of the same name and size, where nothing else contradicts."""
        named = [self._by_id[file.upload]] if file.upload in self._by_id else []
        alike = sorted(self._by_look[file.name, file.size], key=lambda row: row.folder != file.folder)
        for row in (*named, *alike):
            if row.pk in self._by_id and _may_be(row, file):
                return self._by_id.pop(row.pk)
        return None


def _may_be(row: Upload, file: Declared) -> bool:
    """Name and size alone would take a changed file for the one that is half here, and make a picture of two halves."""
    known = row.declared_sha256 or row.sha256
    if row.size != file.size or (known and file.sha256 and known != file.sha256):
        return False
    if known and file.sha256:
        return True
    return not (row.modified_at and file.modified_at) or row.modified_at == file.modified_at


class _Judge:
    """What can be said of files that no batch expects. Asks three times, however many they are."""

    def __init__(self, album: Album, user: User, files: Sequence[Declared]) -> None:
        known = {file.sha256 for file in files if file.sha256}
        photos = Photo.objects.filter(original_sha256__in=known)
        self.here = {photo.original_sha256: photo for photo in photos.filter(album=album)}
        others = photos.visible_to(user).exclude(album=album).select_related("album")
        self._elsewhere = {photo.original_sha256: photo for photo in others}
        companions = Companion.objects.filter(sha256__in=known, album=album).select_related("photo")
        self._kept = {(companion.sha256, companion.name): companion for companion in companions}
        self._names: dict[tuple[str, str], str] = {}

    def answer(self, file: Declared) -> Answer:
        """Asked in the files' order: the second of two that are the same need not be sent."""
        if refusal := _refusal(file):
            return Answer(_of(refusal), refusal=refusal)
        if photo := self.here.get(file.sha256):
            refusal = rejections.RESTORED if photo.trashed_at else rejections.DUPLICATE
            return Answer(_of(refusal), refusal=refusal.filled(name=photo.name), photo=photo)
        if kept := self._kept.get((file.sha256, file.name)):
            refusal = rejections.KEPT_ALREADY.filled(name=kept.name)
            return Answer(Match.HERE, refusal=refusal, photo=kept.photo)
        same = _same(file)
        if name := self._names.get(same):
            return Answer(Match.TWICE, refusal=rejections.TWICE.filled(name=name))
        if file.sha256:
            self._names[same] = file.name
        if photo := self._elsewhere.get(file.sha256):
            return Answer(Match.ELSEWHERE, photo=photo)
        return Answer(Match.NEW)


def _same(file: Declared | Upload) -> tuple[str, str]:
    """What two files that need be sent only once have in common. An editor may write the same words for many photos."""
    sha256 = file.sha256 if isinstance(file, Declared) else file.sha256 or file.declared_sha256
    return sha256, file.name if name_matching.is_sidecar(file.name) else ""


def _refusal(file: Declared) -> Refusal | None:
    if extensions.is_companion(file.raw_name):
        return rejections.COMPANION
    if not file.size:
        return rejections.EMPTY
    return rejections.too_large(settings.MAX_FILE_BYTES) if file.size > settings.MAX_FILE_BYTES else None
