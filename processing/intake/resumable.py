"""Uploads that arrive in parts and may break anywhere: the offset is the size of the file on disk, and nothing else.

Whoever asks for the offset, sends or ends takes the upload over: the writer before is fenced off, and its late bytes are ignored.
So there is no lock that could stick.
"""

import hashlib
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Protocol

from django.conf import settings

from processing import pressure
from processing.intake import protocol, refusals, uploads
from processing.intake.protocol import Checksum, Part, Refused
from processing.models import Upload
from processing.pressure import Shortage
from processing.states import UploadState
from processing.storage import Fenced, Growing, store

READ = 16 << 10
"""Bytes asked for at once: what a broken connection may lose at most."""
WRITE = 256 << 10
IN_MEMORY = 1 << 20


class Body(Protocol):
    def read(self, size: int) -> bytes: ...


def offset(upload: Upload) -> int:
    """Where to go on; every writer before is fenced off. A whole upload is handed over again, if that failed unseen."""
    if (ended := _ended(upload)) is not None:
        return ended
    growing = store().grow(upload.key)
    there = growing.take_over()
    if there == upload.size:
        _finish(upload, growing)
    return there


def receive(upload: Upload, part: Part, body: Body, length: int | None) -> int:
    """Append what the body holds; `length` of it is announced, None if that is unknown. Answers the new offset.

    Raises protocol.Refused, with the offset that holds. What arrived of a body that broke is kept, unless it has a checksum.
    """
    if (ended := _ended(upload)) is not None:
        if part.offset == ended and not length:
            return ended
        raise Refused(protocol.FINISHED, ended)
    growing = store().grow(upload.key)
    there = growing.take_over()
    if part.offset != there:
        raise Refused(protocol.OFFSET_MISMATCH, there)
    _tell_length(upload, part.length, there)
    room = (settings.MAX_FILE_BYTES if upload.size is None else upload.size) - there
    if length is not None and length > room:
        raise Refused(protocol.TOO_LARGE, there)
    ensure_room(length or 0, there)
    reached = there + _append(upload, growing, there, part.checksum, body, room)
    if reached == upload.size:
        _finish(upload, growing)
    return reached


def arrived(upload: Upload) -> int:
    """The bytes that are there just now, for who only wants to know: unlike offset() this takes nothing over."""
    return store().grow(upload.key).there()


def ensure_room(more: int, there: int | None = None) -> None:
    """Raises protocol.Refused while the server is short of what `more` bytes need."""
    if shortage := pressure.of_intake(more):
        raise Refused(_refusal(shortage), there)


def end(upload: Upload) -> None:
    """The sender does not want it any more. Raises protocol.Refused when it is received, or ended otherwise."""
    if (ended := _ended(upload)) is not None:
        raise Refused(protocol.FINISHED, ended)
    store().grow(upload.key).take_over()
    uploads.cancel(upload, "cancelled", "Its sender took it back.")


def hand_over_again(before: datetime) -> int:
    """Uploads that arrived whole, whose hand-over failed unseen, and of which nothing was heard since. How many it was."""
    idle = Upload.objects.receiving().filter(size__gt=0, expires_at__lt=before)
    return sum(_hand_over_if_whole(upload) for upload in idle)


def _hand_over_if_whole(upload: Upload) -> bool:
    growing = store().grow(upload.key)
    if growing.there() != upload.size:
        return False
    growing.take_over()
    _finish(upload, growing)
    return True


def _ended(upload: Upload) -> int | None:
    """The final offset of an upload that is received (or was, and proved to be a duplicate); None while it is on its way."""
    if upload.state == UploadState.RECEIVING:
        return None
    if upload.state == UploadState.RECEIVED or upload.code in (*refusals.IS_A_PHOTO, refusals.EMPTY.code):
        return upload.size or 0
    raise Refused(protocol.GONE)


def _tell_length(upload: Upload, length: int | None, there: int) -> None:
    """The length that was deferred at creation is told now, once."""
    if length is None or length == upload.size:
        return
    if upload.size is not None or length < there:
        raise Refused(protocol.BAD_LENGTH, there)
    if length > settings.MAX_FILE_BYTES:
        raise Refused(protocol.TOO_LARGE, there)
    uploads.tell_size(upload, length)


def _append(upload: Upload, growing: Growing, there: int, checksum: Checksum | None, body: Body, room: int) -> int:
    """Bytes appended and safe. Whatever goes wrong, those that are there are synced, and counted by their file's size."""
    pieces = _verified(body, checksum, room) if checksum else _pieces(body, room)
    appended, touched = 0, time.monotonic()
    try:
        for piece in pieces:
            if pressure.disk_is_full(len(piece)):
                raise Refused(_refusal(pressure.DISK))
            growing.append(piece)
            appended += len(piece)
            if time.monotonic() - touched > uploads.touch_seconds():
                touched = time.monotonic()
                uploads.touch(upload, there + appended)
    except Fenced:
        raise Refused(protocol.REVOKED) from None
    except OSError as error:
        if error.errno not in pressure.NO_ROOM:
            raise
        raise Refused(_refusal(pressure.DISK)) from error
    finally:
        growing.sync()
        uploads.touch(upload, there + appended)
    return appended


def _refusal(shortage: Shortage) -> protocol.Refusal:
    return protocol.Refusal(shortage.status, shortage.code, shortage.intake)


def _pieces(body: Body, room: int) -> Iterator[bytes]:
    """The body in pieces worth a write; what came before it broke, or before it was too long, comes first."""
    piece, broke = b"", False
    while not broke:
        try:
            chunk = body.read(READ)
        except OSError:
            chunk, broke = b"", True
        piece += chunk[:room]
        is_too_long = len(chunk) > room
        room -= len(chunk[:room])
        if piece and (len(piece) >= WRITE or not chunk or is_too_long):
            yield piece
            piece = b""
        if is_too_long:
            raise Refused(protocol.TOO_LARGE)
        if not chunk and not broke:
            return
    raise Refused(protocol.BROKEN)


def _verified(body: Body, checksum: Checksum, room: int) -> Iterator[bytes]:
    """A part with a checksum counts whole or not at all, so it waits beside until it has proved true."""
    digest = checksum.start()
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(settings.DATA_DIR / "incoming")) as aside:
        for piece in _pieces(body, room):
            digest.update(piece)
            aside.write(piece)
        if not checksum.fits(digest):
            raise Refused(protocol.CHECKSUM_MISMATCH)
        aside.seek(0)
        while piece := aside.read(WRITE):
            yield piece


def _finish(upload: Upload, growing: Growing) -> None:
    """Repeating is harmless, and needed: the process may end between any two of these."""
    growing.commit()
    with store().borrow(upload.key) as path, path.open("rb") as file:
        uploads.finish(upload, path.stat().st_size, _sha256(file))


def _sha256(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
