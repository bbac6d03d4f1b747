"""Receives the plain upload form: streams the files of a multipart body to storage while it is parsed.

receive() stores files as they arrive; hand_over() acknowledges them.
"""

import time
import uuid
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParser

from albums.models import Album
from processing.lib import csrf
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.pipeline.formats import extensions
from processing.uploads import batches, filenames, lifecycle, rejections
from processing.uploads.body import request_body
from processing.uploads.body.body_timeouts import TooSlow
from processing.uploads.body.request_body import Body
from processing.uploads.heartbeat import Heartbeat
from processing.uploads.rejections import UploadRejected
from processing.uploads.writer import UploadWriter

FIELD = "photos"
MAX_PARTS = 2100
"""The maximum number of files and fields in one form. Each file gets a row, accepted or not, and each part takes parser time."""
MAX_FILL_SECONDS = 1.0
"""How long bytes of a slow client are collected, and so the interval of progress updates and checks for cancellation."""


class TooManyParts(Exception):
    """The form has more than MAX_PARTS parts. Files before that are accepted, the rest is not read."""


class CsrfFailed(Exception):
    """The CSRF check failed. `response` is Django's error page."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("The CSRF check failed")
        self.response = response


class FormUploadHandler(FileUploadHandler):
    """Receives the files of one form. Django's parser calls new_file(), receive_data_chunk() and file_complete() for each.

    `batch` is None until the first file. `has_no_room` is true if the disk was full for a file, `was_too_slow` if the body was
    ended because it was too slow. `length` is the length of the body, None if it is chunked.
    """

    chunk_size = 1 << 20  # with smaller chunks the parser needs 1.5 times as long
    has_no_room = was_too_slow = False

    def __init__(self, request: HttpRequest, album: Album, user: User, token: uuid.UUID | None) -> None:
        super().__init__(request)
        self.batch: Batch | None = None
        self.user, self.token = user, token
        self.length = request_body.length(request)
        if self.length is None:  # Django's parser would treat the body as empty; the intake reads it to its last chunk
            request.META["CONTENT_LENGTH"] = "1"
        self._request, self._album = request, album
        self._has_checked_sender = False
        self._count = 0
        self._stream: UploadWriter | None = None
        self._stored: list[UploadWriter] = []
        self._rejected: tuple[Upload, UploadRejected] | None = None
        self._touched_at = time.monotonic()
        self._heartbeat = Heartbeat()

    def check_sender(self) -> None:
        """Raises CsrfFailed if the headers show it; if they decide nothing, the form's token is checked before the first file.

        No bytes of a file are read before the check. A page of another origin is recognised by its Origin header.
        """
        if csrf.is_cross_origin(self._request) or "X-CSRFToken" in self._request.headers:
            self._ensure_genuine(QueryDict())

    def close(self) -> None:
        """Stops the heartbeat, at the end of the request."""
        self._heartbeat.end()

    def finish_files(self) -> list[ProcessingJob]:
        """Acknowledges every completely stored file, and returns the created jobs."""
        self._record_rejection()
        streams, self._stored = self._stored, []
        jobs = [lifecycle.finish(stream.upload, stream.size, stream.sha256) for stream in streams]
        return [job for job in jobs if job]

    def finish_early(self) -> None:
        """Refuses the file that was being received when the body ended early, and acknowledges the files before it."""
        if self._stream:
            self._stream.abort()
            lifecycle.reject(self._stream.upload, rejections.CUT_OFF)
            self._stream = None
        self.finish_files()

    def receive(self) -> None:
        """Stores the files while the body is parsed. A body that is no multipart form is left to Django, which finds no files."""
        request = self._request
        if request.content_type != "multipart/form-data":
            _ = request.FILES
            return
        request.POST = QueryDict()  # otherwise a later look at it would parse the body again
        delimiter = b"--" + (request.content_params or {}).get("boundary", "").encode()
        body: Any = _Whole(partial(request_body.open_reader, request), self.length, self._heartbeat.received, delimiter)
        self._parser = _Parser(request.META, body, [self], request.encoding)
        try:
            self._parser.parse()
        finally:
            self.was_too_slow = body.was_too_slow
        if self._stream:  # Django's parser does not report this, and the upload would stay receiving
            raise UnreadablePostError("The form ended within a file")

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        if not self._has_checked_sender:
            self._ensure_genuine(self._parser.fields)
        if field_name != FIELD or self._was_cancelled():
            raise SkipFile
        self._count += not extensions.is_companion(file_name)
        upload = self._create_upload(file_name)
        self._record_rejection()
        try:
            if reason := batches.limit_rejection(self._count):
                raise UploadRejected(reason)
            self._stream = UploadWriter(upload, sum(stream.uncounted_bytes for stream in self._stored))
        except UploadRejected as error:
            self._reject_and_skip(upload, error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        stream = self._stream
        assert stream is not None
        self._keep_alive(stream)
        try:
            stream.write(raw_data)
        except UploadRejected as error:
            self._reject_and_skip(stream.upload, error)

    def file_complete(self, file_size: int) -> None:
        stream, self._stream = self._stream, None
        assert stream is not None
        try:
            stream.commit()
        except UploadRejected as error:
            self._reject(stream.upload, error)
        else:
            self._stored.append(stream)

    def _ensure_genuine(self, fields: QueryDict) -> None:
        """Raises CsrfFailed if Django's CSRF check fails with these fields of the form."""
        if response := csrf.failure(self._request, fields):
            raise CsrfFailed(response)
        self._has_checked_sender = True

    def _create_upload(self, name: str) -> Upload:
        if self.batch is None:
            upload = batches.open_with_upload(self._album, self.user, Batch.Source.FORM, name, self.token)
            self.batch = upload.batch
            self._heartbeat.begin(self.batch)
            return upload
        return lifecycle.create(self.batch, name)

    def _reject_and_skip(self, upload: Upload, error: UploadRejected) -> None:
        self._stream = None
        self._reject(upload, error)
        raise SkipFile

    def _reject(self, upload: Upload, error: UploadRejected) -> None:
        """Rejects the upload when the next one exists or the form has ended, so that the batch is active without a gap.

        In a gap, another batch could lock the album, and this one would count as finished.
        """
        self.has_no_room |= error.reason == rejections.DISK_FULL
        self._rejected = upload, error

    def _record_rejection(self) -> None:
        if self._rejected:
            upload, error = self._rejected
            lifecycle.reject(upload, error.reason)
            self._rejected = None

    def _keep_alive(self, stream: UploadWriter) -> None:
        if time.monotonic() - self._touched_at < lifecycle.touch_seconds():
            return
        self._touched_at = time.monotonic()
        lifecycle.touch(stream.upload, stream.size)
        if self._was_cancelled():
            stream.abort()
            self._stream = None
            raise SkipFile

    def _was_cancelled(self) -> bool:
        """True if the batch was cancelled or the album deleted meanwhile, so that no further file is accepted."""
        if self.batch is None:
            return False
        batch = Batch.objects.filter(pk=self.batch.pk)
        return not batch.exists() or batch.filter(uploads__state=UploadState.CANCELLED).exists()


class _Whole:
    """A body that raises UnreadablePostError if it ends early. Django's parser would store the truncated last file.

    Reads straight from the connection: gunicorn's stream assembles the body from chunks of 8 KiB.
    """

    was_too_slow = False

    def __init__(
        self,
        body: Callable[[], Body],
        length: int | None,
        on_bytes: Callable[[], None] = lambda: None,
        delimiter: bytes = b"",
    ) -> None:
        """`length` is None for a chunked body, which ends early only if the connection breaks.

        `on_bytes` is called whenever bytes arrive. `delimiter` precedes each part; its occurrences are counted.
        """
        self._open_body, self._remaining, self._on_bytes = body, length, on_bytes
        self._buffer = memoryview(bytearray(FormUploadHandler.chunk_size))
        self._is_broken = False
        self._delimiter, self._part_count, self._previous_end = delimiter, 0, b""

    @cached_property
    def _body(self) -> Body:
        return self._open_body()

    def read(self, size: int) -> bytes:
        chunk = self._buffer[: size if self._remaining is None else min(size, self._remaining)]
        count = self._fill(chunk)
        if self._remaining is not None:
            self._remaining -= count
        if not count and (self._remaining or self._is_broken):
            raise UnreadablePostError("The connection broke before the whole form had arrived")
        return self._count_parts(bytes(chunk[:count]))

    def _count_parts(self, chunk: bytes) -> bytes:
        """Counts the delimiters, including one that began in the previous chunk. Returns the chunk. Raises TooManyParts."""
        if self._delimiter:
            overlap = len(self._delimiter) - 1
            self._part_count += chunk.count(self._delimiter) + (self._previous_end + chunk[:overlap]).count(
                self._delimiter
            )
            self._previous_end = (self._previous_end + chunk)[-overlap:] if len(chunk) < overlap else chunk[-overlap:]
            if self._part_count > MAX_PARTS + 1:  # the last delimiter ends the form
                raise TooManyParts
        return chunk

    def _fill(self, chunk: memoryview) -> int:
        """Fills `chunk` for at most MAX_FILL_SECONDS and returns the byte count. If the connection breaks, only sets a flag."""
        count, deadline = 0, time.monotonic() + MAX_FILL_SECONDS
        try:
            while count < len(chunk) and not self._is_broken and (received := self._body.readinto(chunk[count:])):
                count += received
                self._on_bytes()
                if time.monotonic() > deadline:
                    break
        except OSError as error:
            self._is_broken, self.was_too_slow = True, isinstance(error, TooSlow)
        return count


class _Parser(MultiPartParser):
    """Receives files with any name. Django's parser silently drops a file with a hostile name (“..”)."""

    _post: QueryDict

    @property
    def fields(self) -> QueryDict:
        """The fields parsed so far."""
        return self._post

    def sanitize_file_name(self, file_name: str) -> str:
        return filenames.unescape_form_name(file_name)
