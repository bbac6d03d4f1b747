"""The plain form's door: a multipart body, streamed file by file while it is parsed.

The view knows that the request is genuine when the first file comes. The files land as they come, and hand_over() acknowledges
them.
"""

import time
import uuid
from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict

from albums.models import Album
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.pipeline.formats import extensions
from processing.uploads import batches, filenames, lifecycle, rejections
from processing.uploads.body_reader import Body
from processing.uploads.body_timeouts import TooSlow
from processing.uploads.heartbeat import Heartbeat
from processing.uploads.rejections import Refused
from processing.uploads.writer import Stream

FIELD = "photos"
MOST_PARTS = 2100
"""Files and fields of one form. Each file has a row, taken in or not, and each part costs the parser time."""
MOST_SECONDS = 1.0
"""How long a slow sender's bytes are gathered: as often its progress is told, and a cancelled form is noticed."""


class TooManyParts(Exception):
    """The form has more parts than are taken. Those before are taken in, the rest is not read."""


class FormIntake(FileUploadHandler):
    """Receives the files of one form.

    `batch` is None as long as no file came, `has_no_room` is true when a file found no room, `was_too_slow` when the body was
    ended for that. `check` is called once, before the first file, with the fields that came before it; what it raises ends the
    form.
    """

    chunk_size = 1 << 20  # of smaller ones the parser makes half as much again of work
    has_no_room = was_too_slow = False
    check: Callable[[QueryDict], None] | None = None

    def __init__(
        self,
        request: HttpRequest,
        body: Callable[[], Body],
        album: Album,
        user: User,
        token: uuid.UUID | None,
        length: int | None,
    ) -> None:
        """`length`: of the body; None when it tells its end itself, being chunked."""
        super().__init__(request)
        self.batch: Batch | None = None
        self.token = token
        self.user = user
        self._body, self._length, self._album = body, length, album
        self._count = 0
        self._stream: Stream | None = None
        self._landed: list[Stream] = []
        self._touched = time.monotonic()
        self._heart = Heartbeat()

    def close(self) -> None:
        """The request is over, and whatever became of its files has been told."""
        self._heart.end()

    def hand_over(self) -> list[ProcessingJob]:
        """Acknowledge every file that landed whole."""
        landed, self._landed = self._landed, []
        jobs = [lifecycle.finish(stream.upload, stream.size, stream.sha256) for stream in landed]
        return [job for job in jobs if job]

    def cut_off(self) -> None:
        """The body ended early. Say so for the file that was on its way, and keep those before it."""
        if self._stream:
            self._stream.abort()
            lifecycle.refuse(self._stream.upload, rejections.CUT_OFF)
            self._stream = None
        self.hand_over()

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, Any]]:
        whole: Any = _Whole(self._body, self._length, self._heart.heard, b"--" + boundary)
        self._parser = _Parser(META, whole, [_Reading(self)], encoding)
        try:
            fields = self._parser.parse()
        finally:
            self.was_too_slow = whole.was_too_slow
        if self._stream:  # Django's parser ends here without a word, and the file would be on its way for ever
            raise UnreadablePostError("The form ended within a file")
        return fields

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        if self.check:
            check, self.check = self.check, None
            check(self._parser.fields)
        if field_name != FIELD or self._was_cancelled():
            raise SkipFile
        self._count += not extensions.is_companion(file_name)
        upload = self._expect(file_name)
        try:
            if self._count > settings.MAX_BATCH_FILES:
                raise Refused(rejections.TOO_MANY.filled(limit=settings.MAX_BATCH_FILES))
            self._stream = Stream(upload, sum(stream.untold for stream in self._landed))
        except Refused as refused:
            self._refuse(upload, refused)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        stream = self._stream
        assert stream is not None
        self._keep_alive(stream)
        try:
            stream.write(raw_data)
        except Refused as refused:
            self._refuse(stream.upload, refused)

    def file_complete(self, file_size: int) -> None:
        stream, self._stream = self._stream, None
        assert stream is not None
        try:
            stream.land()
        except Refused as refused:
            self._tell(stream.upload, refused)
        else:
            self._landed.append(stream)

    def _expect(self, name: str) -> Upload:
        if self.batch is None:
            upload = batches.open_with_upload(self._album, self.user, Batch.Source.FORM, name, self.token)
            self.batch = upload.batch
            self._heart.begin(self.batch)
            return upload
        return lifecycle.create(self.batch, name)

    def _refuse(self, upload: Upload, refused: Refused) -> None:
        self._stream = None
        self._tell(upload, refused)
        raise SkipFile

    def _tell(self, upload: Upload, refused: Refused) -> None:
        self.has_no_room |= refused.refusal == rejections.DISK_FULL
        lifecycle.refuse(upload, refused.refusal)

    def _keep_alive(self, stream: Stream) -> None:
        if time.monotonic() - self._touched < lifecycle.touch_seconds():
            return
        self._touched = time.monotonic()
        lifecycle.touch(stream.upload, stream.size)
        if self._was_cancelled():
            stream.abort()
            self._stream = None
            raise SkipFile

    def _was_cancelled(self) -> bool:
        """Somebody cancelled the rest while it was on its way, or deleted the album: nothing more is taken."""
        if self.batch is None:
            return False
        batch = Batch.objects.filter(pk=self.batch.pk)
        return not batch.exists() or batch.filter(uploads__state=UploadState.CANCELLED).exists()


class _Reading(FileUploadHandler):
    """Passes the parser's calls on: the handler that took over the raw input may not also be the parser's own."""

    def __init__(self, intake: FormIntake) -> None:
        super().__init__()
        self.chunk_size = intake.chunk_size
        self._intake = intake

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        return None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        self._intake.new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._intake.receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> None:
        self._intake.file_complete(file_size)


class _Whole:
    """Django takes a body that ends early for a whole one, and would store the last file cut short. This raises instead.

    The body is taken from the line itself: gunicorn's own stream gathers it from pieces of 8 KiB.
    """

    was_too_slow = False

    def __init__(
        self,
        body: Callable[[], Body],
        length: int | None,
        heard: Callable[[], None] = lambda: None,
        delimiter: bytes = b"",
    ) -> None:
        """`length` is None of a body that tells its end itself: then only a line that breaks ends it early.

        `heard` is called whenever bytes have come. `delimiter` stands before each part, and is counted.
        """
        self._open, self._left, self._heard = body, length, heard
        self._buffer = memoryview(bytearray(FormIntake.chunk_size))
        self._has_broken = False
        self._delimiter, self._parts, self._before = delimiter, 0, b""

    @cached_property
    def _body(self) -> Body:
        return self._open()

    def read(self, size: int) -> bytes:
        chunk = self._buffer[: size if self._left is None else min(size, self._left)]
        count = self._fill(chunk)
        if self._left is not None:
            self._left -= count
        if not count and (self._left or self._has_broken):
            raise UnreadablePostError("The connection broke before the whole form had arrived")
        return self._counted(bytes(chunk[:count]))

    def _counted(self, piece: bytes) -> bytes:
        """Count the delimiters, also one that began in the piece before. Raises TooManyParts."""
        if self._delimiter:
            rest = len(self._delimiter) - 1
            self._parts += piece.count(self._delimiter) + (self._before + piece[:rest]).count(self._delimiter)
            self._before = (self._before + piece)[-rest:] if len(piece) < rest else piece[-rest:]
            if self._parts > MOST_PARTS + 1:  # one ends the form
                raise TooManyParts
        return piece

    def _fill(self, chunk: memoryview) -> int:
        """As much of it as comes in a second before the body ends. What came before a break is told first, and then the break."""
        count, until = 0, time.monotonic() + MOST_SECONDS
        try:
            while count < len(chunk) and not self._has_broken and (more := self._body.readinto(chunk[count:])):
                count += more
                self._heard()
                if time.monotonic() > until:
                    break
        except OSError as error:
            self._has_broken, self.was_too_slow = True, isinstance(error, TooSlow)
        return count


class _Parser(MultiPartParser):
    """Django's parser drops a file with a hostile name (“..”) without a word. Here every file is received and listed."""

    _post: QueryDict

    @property
    def fields(self) -> QueryDict:
        """The fields that have come so far."""
        return self._post

    def sanitize_file_name(self, file_name: str) -> str:
        return filenames.of_form(file_name)
