"""Files that need not be sent, or that the user has to decide about first: the comparison by checksum.

The bytes may be in the album, in its trash, twice among the files, or in another album of the user. A client that can ask its
user gets a question about files in the trash or in other albums, and declares the answer as the file's choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User

from albums import trash
from albums.models import Album, Photo
from processing.models import Upload
from processing.pipeline.formats import extensions
from processing.uploads import copies, known_files, rejections
from processing.uploads.known_files import KnownFile, KnownFiles
from processing.uploads.manifest import Choice, Declared
from processing.uploads.rejections import RejectionReason


class PreflightResult(StrEnum):
    """The result of the comparison for one declared file."""

    NEW = "new"
    HALF = "half"
    RECEIVED = "received"
    HERE = "here"
    TWICE = "twice"
    ELSEWHERE = "elsewhere"
    TRASH = "trash"
    REJECTED = "refused"
    SKIPPED = "skipped"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class FilePlan:
    """The result for one file. The client sends its bytes to `upload`, starting at `offset`. `photo` has the same bytes.

    `reason` is the reason why the file is not to be sent, or why a received file did not become a photo.
    """

    result: PreflightResult
    upload: Upload | None = None
    offset: int = 0
    reason: RejectionReason | None = None
    photo: Photo | None = None
    is_held: bool = False
    """True if the user has to decide first. Nothing is recorded or restored until then."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How open questions are handled: `asks` if the client asks its user, `is_copying` while chosen copies are made."""

    asks: bool = False
    is_copying: bool = False


NOT_ASKING = Asking()


class DuplicateIndex:
    """Files with the same bytes as the declared ones, found by three queries for any number of files."""

    def __init__(self, album: Album, user: User, files: Sequence[Declared], asking: Asking) -> None:
        self._asking = asking
        self.known = KnownFiles(album.pk, {file.sha256 for file in files if file.sha256})
        photos_elsewhere = copies.photos_elsewhere(album, user, files).select_related("album").order_by("-pk")
        self._elsewhere = {photo.original_sha256: photo for photo in photos_elsewhere}
        self._names: dict[tuple[str, str], str] = {}

    def answer(self, file: Declared) -> FilePlan:
        """Returns the result for a file that no batch expects. Call it in the files' order: the second of two is rejected."""
        if reason := _rejection_reason(file):
            return FilePlan(result_of(reason), reason=reason)
        if question := self.question(file):
            return question
        if known_file := self.known.find(file.name, file.sha256):
            reason = self._reason(file, known_file)
            return FilePlan(result_of(reason), reason=reason, photo=known_file.photo)
        key = dedup_key(file)
        if name := self._names.get(key):
            return FilePlan(PreflightResult.TWICE, reason=rejections.TWICE.filled(name=name))
        if file.sha256:
            self._names[key] = file.name
        if photo := self._elsewhere.get(file.sha256):
            if file.choice == Choice.SKIP:
                reason = rejections.SKIPPED_ELSEWHERE.filled(album=photo.album, name=photo.name)
                return FilePlan(PreflightResult.HERE, reason=reason, photo=photo)
            return FilePlan(PreflightResult.ELSEWHERE, photo=photo)
        return FilePlan(PreflightResult.NEW)

    def question(self, file: Declared) -> FilePlan | None:
        """Returns the plan of a file that is in the trash or in another album, if the user has to decide about it first."""
        if not self._asking.asks:
            return None
        if known_file := self.known.find(file.name, file.sha256):
            is_open = known_file.reason.code == rejections.RESTORED.code and file.choice not in (
                Choice.SKIP,
                Choice.RESTORE,
            )
            return FilePlan(PreflightResult.TRASH, photo=known_file.photo, is_held=True) if is_open else None
        photo = self._elsewhere.get(file.sha256)
        is_open = (
            self._asking.is_copying if file.choice == Choice.COPY else file.choice in (Choice.UNDECIDED, Choice.RESTORE)
        )
        return FilePlan(PreflightResult.ELSEWHERE, photo=photo, is_held=True) if photo and is_open else None

    def restore(self, plan: FilePlan) -> None:
        """Restores the photo that makes the file superfluous, or whose companion does, if it is in the trash.

        If the client asks, only a photo for which its user chose that.
        """
        is_chosen = plan.reason and (not self._asking.asks or plan.reason.code == rejections.RESTORED.code)
        if is_chosen and plan.photo and plan.photo.trashed_at:
            trash.restore(plan.photo)

    def _reason(self, file: Declared, known_file: KnownFile) -> RejectionReason:
        """Returns why the album needs no upload of the file, as its user decided."""
        photo, source = known_file.photo, self._elsewhere.get(file.sha256)
        if photo and photo.trashed_at and file.choice == Choice.SKIP:
            return rejections.LEFT_IN_TRASH.filled(name=photo.name)
        if photo and source and file.choice == Choice.COPY:
            return rejections.COPIED.filled(album=source.album, name=photo.name)
        return known_file.reason


def dedup_key(file: Declared | Upload) -> tuple[str, str]:
    sha256 = file.sha256 if isinstance(file, Declared) else file.sha256 or file.declared_sha256
    return known_files.dedup_key(file.name, sha256)


def result_of(reason: RejectionReason) -> PreflightResult:
    matches = {
        rejections.DUPLICATE.code: PreflightResult.HERE,
        rejections.RESTORED.code: PreflightResult.TRASH,
        rejections.COMPANION.code: PreflightResult.SKIPPED,
    }
    return matches.get(reason.code, PreflightResult.REJECTED)


def _rejection_reason(file: Declared) -> RejectionReason | None:
    if extensions.is_companion(file.raw_name):
        return rejections.COMPANION
    if not file.size:
        return rejections.EMPTY
    return rejections.too_large(settings.MAX_FILE_BYTES) if file.size > settings.MAX_FILE_BYTES else None
