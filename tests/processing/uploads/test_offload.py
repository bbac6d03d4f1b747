"""Reading, hashing and writing side by side: what fails in one of them is told as if they came one after another."""

import errno
import hashlib
import os
from contextlib import closing
from pathlib import Path
from threading import get_ident
from types import SimpleNamespace

import pytest
from django.conf import settings

from processing.models import Upload
from processing.models.states import UploadState
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.base import WriterFenced
from processing.storage.local import direct_io
from processing.storage.local.direct_io import AppendFile
from processing.storage.local.partial_file import LocalPartialFile
from processing.uploads import body_reader, offload, problems
from processing.uploads.offload import BackgroundTask
from processing.uploads.problems import HttpProblem
from processing.uploads.tus import finalize, protocol
from processing.uploads.tus import session as tus_session
from processing.uploads.tus.protocol import Checksum, PartHeaders
from tests.processing import making
from tests.processing.lines import Line

MIB = 1 << 20
CONTENT = bytes(range(256)) * (12 * MIB // 256)


@pytest.fixture
def upload(album) -> Upload:
    upload = making.upload(album)
    upload.size = len(CONTENT)
    upload.save()
    return upload


@pytest.fixture
def fails_at(monkeypatch):
    """Let the write of this number raise an error."""

    def fail_at(number: int, error: Exception) -> None:
        append, written = LocalPartialFile.append, []

        def failing(growing: LocalPartialFile, piece: memoryview) -> None:
            written.append(piece)
            if len(written) == number:
                raise error
            append(growing, piece)

        monkeypatch.setattr(LocalPartialFile, "append", failing)

    return fail_at


def receive(upload: Upload, at: int = 0, line: Line | None = None, checksum: Checksum | None = None) -> int:
    fresh = Upload.objects.get(pk=upload.pk)
    return tus_session.receive(
        fresh, PartHeaders(at, None, checksum), line or Line(CONTENT[at:], 16 * MIB), len(CONTENT) - at
    )


def proof(content: bytes = CONTENT) -> Checksum:
    return Checksum("sha256", hashlib.sha256(content).digest())


def test_a_large_piece_is_worked_on_in_a_thread_of_its_own_and_a_small_one_is_not():
    threads = []
    with offload.writing(lambda piece: threads.append(get_ident())) as writing:
        writing.submit(memoryview(bytes(offload.MIN_OFFLOADED_WRITING_BYTES)))
        writing.submit(memoryview(b"small"))

    assert threads[0] != get_ident()
    assert threads[1] == get_ident()


class Postponed:
    """Threads that do their work when its result is waited for, and not before."""

    def submit(self, work, piece):
        return SimpleNamespace(result=lambda: work(piece))


def test_the_next_piece_waits_for_the_one_before():
    done = []
    with BackgroundTask(Postponed(), min_bytes=10, work=lambda piece: done.append(len(piece))) as writing:
        writing.submit(memoryview(bytes(20)))
        assert done == []
        writing.submit(memoryview(b"12"))
        assert done == [20, 2]
        writing.submit(memoryview(bytes(30)))
    assert done == [20, 2, 30]


@pytest.mark.parametrize("then", [lambda writing: writing.submit(memoryview(b"more")), lambda writing: writing.wait()])
def test_what_the_work_raises_is_raised_by_the_call_after(then):
    def work(piece: memoryview) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writing = offload.writing(work)
    writing.submit(memoryview(bytes(2 * MIB)))

    with pytest.raises(OSError, match="Input/output"):
        then(writing)
    writing.wait()  # it is said once


@pytest.mark.django_db
def test_an_upload_that_comes_fast_is_received_whole(upload):
    assert receive(upload) == len(CONTENT)

    upload.refresh_from_db()
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    assert (settings.DATA_DIR / upload.key).read_bytes() == CONTENT


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_disk_that_fills_up_under_a_fast_sender_keeps_what_was_written(upload, fails_at, number):
    fails_at(number, OSError(errno.ENOSPC, "No space left on device"))

    with pytest.raises(HttpProblem) as refused:
        receive(upload)

    assert refused.value.refusal.code == "disk-full"
    assert refused.value.offset == (number - 1) * 4 * MIB
    assert receive(upload, refused.value.offset) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 3])
def test_a_fast_sender_who_was_fenced_off_is_told_so(upload, fails_at, number):
    fails_at(number, WriterFenced())

    with pytest.raises(HttpProblem) as refused:
        receive(upload)

    assert refused.value.refusal is protocol.REVOKED
    assert receive(upload, (number - 1) * 4 * MIB) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_a_fast_line_that_breaks_is_gone_on_with_where_it_broke(upload):
    sent = 7 * MIB + 5
    with pytest.raises(HttpProblem) as refused:
        receive(upload, line=Line(CONTENT[:sent], 16 * MIB, breaks=True))

    assert (refused.value.refusal, refused.value.offset) == (problems.MALFORMED_BODY, sent)
    assert receive(upload, sent) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["named", "no /proc", "no such files"])
def asides(request, monkeypatch) -> str:
    """What the file system can do with files that have no name."""
    if request.param == "no /proc":

        def refuse(*_: object) -> None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")

        monkeypatch.setattr(AppendFile, "name", refuse)
    elif request.param == "no such files":
        monkeypatch.setattr(direct_io, "O_TMPFILE", 0)
    return request.param


@pytest.mark.django_db
def test_a_part_that_is_proved_as_it_comes_is_received_whole(upload, asides):
    assert receive(upload, checksum=proof()) == len(CONTENT)

    upload.refresh_from_db()
    path = settings.DATA_DIR / upload.key
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    assert path.read_bytes() == CONTENT
    assert [path.name for path in path.parent.iterdir()] == [path.name]


@pytest.mark.django_db
@pytest.mark.embedded  # the S3 server decides who may read its files
def test_a_part_that_is_proved_as_it_comes_has_the_mode_of_any_file(upload, asides):
    receive(upload, checksum=proof())

    (settings.DATA_DIR / "as any").touch()
    assert (settings.DATA_DIR / upload.key).stat().st_mode == (settings.DATA_DIR / "as any").stat().st_mode


@pytest.mark.django_db
def test_a_first_part_that_is_proved_is_gone_on_with(upload, asides):
    first = CONTENT[: 5 * MIB + 3]

    with pytest.raises(HttpProblem) as refused:
        receive(upload, line=Line(first, 16 * MIB, breaks=True), checksum=proof(first))
    assert (refused.value.refusal, refused.value.offset) == (problems.MALFORMED_BODY, 0)

    fresh = Upload.objects.get(pk=upload.pk)
    assert tus_session.receive(fresh, PartHeaders(0, None, proof(first)), Line(first, 16 * MIB), len(first)) == len(
        first
    )
    assert receive(upload, len(first), checksum=proof(CONTENT[len(first) :])) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_a_damaged_part_leaves_nothing(upload, asides):
    with pytest.raises(HttpProblem) as refused:
        receive(upload, checksum=proof(b"other"))

    assert (refused.value.refusal, refused.value.offset) == (protocol.CHECKSUM_MISMATCH, 0)
    assert tus_session.offset(Upload.objects.get(pk=upload.pk)) == 0
    assert not list((settings.DATA_DIR / "incoming").glob("*.part"))
    assert receive(upload, checksum=proof()) == len(CONTENT)


@pytest.mark.django_db
def test_a_proved_part_of_a_sender_who_was_fenced_off_counts_for_nothing(upload, asides):
    class Overtaken(Line):
        """Another request asks for the offset while its bytes are on their way."""

        def readinto(self, buffer: memoryview) -> int:
            tus_session.offset(Upload.objects.get(pk=upload.pk))
            return super().readinto(buffer)

    with pytest.raises(HttpProblem) as refused:
        receive(upload, line=Overtaken(CONTENT, 16 * MIB), checksum=proof())

    assert (refused.value.refusal, refused.value.offset) == (protocol.REVOKED, None)
    assert tus_session.offset(Upload.objects.get(pk=upload.pk)) == 0


FIRST = 5 * MIB + 3
"""Bytes that are there, unchecked, before a part that is checked."""


@pytest.fixture(params=[body_reader.MAX_IN_MEMORY_BYTES, 0], ids=["in memory", "in doubt"])
def begun(request, monkeypatch, upload) -> Upload:
    """Its next part is proved before it is written, or after."""
    monkeypatch.setattr(body_reader, "MAX_IN_MEMORY_BYTES", request.param)
    first = Line(CONTENT[:FIRST], 16 * MIB)
    tus_session.receive(Upload.objects.get(pk=upload.pk), PartHeaders(0, None, None), first, FIRST)
    return upload


@pytest.mark.django_db
@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_later_part_that_is_proved_is_received_whole_and_the_file_is_read_by_nobody(begun, algorithm, monkeypatch):
    monkeypatch.setattr(finalize, "_read_once", None)
    rest = Checksum(algorithm, hashlib.new(algorithm, CONTENT[FIRST:]).digest())

    assert receive(begun, FIRST, checksum=rest) == len(CONTENT)

    begun.refresh_from_db()
    assert (begun.state, begun.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    path = settings.DATA_DIR / begun.key
    assert path.read_bytes() == CONTENT
    assert [path.name for path in path.parent.iterdir()] == [path.name]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "refusal"),
    [(CONTENT[FIRST:-1] + b"?", protocol.CHECKSUM_MISMATCH), (CONTENT[FIRST:-1], problems.MALFORMED_BODY)],
    ids=["damaged", "cut off"],
)
def test_of_a_later_part_that_did_not_prove_true_nothing_stays(begun, content, refusal, monkeypatch):
    monkeypatch.setattr(finalize, "_read_once", None)
    with pytest.raises(HttpProblem) as refused:
        receive(
            begun, FIRST, Line(content, 16 * MIB, breaks=refusal is problems.MALFORMED_BODY), proof(CONTENT[FIRST:])
        )

    assert (refused.value.refusal, refused.value.offset) == (refusal, FIRST)
    assert (settings.DATA_DIR / f"{storage_keys.bare(begun.key)}.part").stat().st_size == FIRST
    assert receive(begun, FIRST, checksum=proof(CONTENT[FIRST:])) == len(CONTENT)
    begun.refresh_from_db()
    assert begun.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_who_asks_for_the_offset_of_a_later_part_on_its_way_hears_what_is_proved(begun):
    class Overtaken(Line):
        """Somebody asks when most of its bytes have come."""

        def readinto(self, buffer: memoryview) -> int:
            count = super().readinto(buffer)
            if not count:
                fresh = Upload.objects.get(pk=begun.pk)
                seen.extend((tus_session.arrived(fresh), tus_session.offset(fresh)))
            return count

    seen: list[int] = []
    with pytest.raises(HttpProblem) as refused:
        receive(begun, FIRST, Overtaken(CONTENT[FIRST:], MIB), proof(CONTENT[FIRST:]))

    assert (refused.value.refusal, seen) == (protocol.REVOKED, [FIRST, FIRST])
    assert receive(begun, FIRST, checksum=proof(CONTENT[FIRST:])) == len(CONTENT)


@pytest.mark.django_db
def test_a_disk_that_fills_up_under_a_later_part_keeps_what_was_proved(begun, fails_at):
    fails_at(1, OSError(errno.ENOSPC, "No space left on device"))

    with pytest.raises(HttpProblem) as refused:
        receive(begun, FIRST, checksum=proof(CONTENT[FIRST:]))

    assert (refused.value.refusal.code, refused.value.offset) == ("disk-full", FIRST)
    assert receive(begun, FIRST, checksum=proof(CONTENT[FIRST:])) == len(CONTENT)


@pytest.mark.django_db
def test_a_power_cut_finds_no_doubtful_byte_counted_and_no_acknowledged_one_in_doubt(begun, monkeypatch):
    """The fence is synced before the first doubtful byte, the bytes before the fence is lifted, and the fence after."""
    monkeypatch.setattr(body_reader, "MAX_IN_MEMORY_BYTES", 0)
    done, sync, append = [], os.fsync, LocalPartialFile.append

    def watched(handle: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().suffix} {os.fstat(handle).st_size}")
        sync(handle)

    def appended(growing: LocalPartialFile, piece: memoryview) -> None:
        done.append("append")
        append(growing, piece)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(LocalPartialFile, "append", appended)

    receive(begun, FIRST, checksum=proof(CONTENT[FIRST:]))

    fence = [number for number, what in enumerate(done) if what.startswith("sync .fence")]
    appends = [number for number, what in enumerate(done) if what == "append"]
    draft = done.index(f"sync .part {len(CONTENT)}")
    assert [done[number] for number in fence] == ["sync .fence 24", "sync .fence 16"]
    assert fence[0] < appends[0] <= appends[-1] < draft < fence[1]


@pytest.mark.django_db
def test_a_disk_that_fills_up_under_a_part_that_is_proved_leaves_nothing(upload, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(AppendFile, "append", full)
        with pytest.raises(HttpProblem) as refused:
            receive(upload, checksum=proof())

    assert (refused.value.refusal.code, refused.value.offset) == ("disk-full", 0)
    assert receive(upload, checksum=proof()) == len(CONTENT)


class TakenOver(Line):
    """It breaks where its bytes end, after another request has taken the upload over and written on.

    That request ends with its last byte: a whole file is not handed over yet.
    """

    def __init__(self, upload: Upload, content: bytes, until: int) -> None:
        super().__init__(content, 16 * MIB, breaks=True)
        self._upload, self._until = upload, until

    def readinto(self, buffer: memoryview) -> int:
        try:
            return super().readinto(buffer)
        except ConnectionResetError:
            with closing(store().grow(self._upload.key)) as growing:
                growing.append(CONTENT[growing.fence() : self._until])
            raise


@pytest.mark.django_db
@pytest.mark.parametrize("until", [len(CONTENT), len(CONTENT) - 5], ids=["whole", "in part"])
@pytest.mark.parametrize("size", [1000, 3 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("checksum", [proof(), None], ids=["checked", "unchecked"])
def test_a_request_whose_upload_was_taken_over_vouches_for_no_byte_of_the_file(upload, size, until, checksum):
    with pytest.raises(HttpProblem) as refused:
        receive(upload, line=TakenOver(upload, CONTENT[:size], until), checksum=checksum)
    assert refused.value.refusal in (problems.MALFORMED_BODY, protocol.REVOKED)

    if until < len(CONTENT):
        receive(upload, until)
    else:
        tus_session.offset(Upload.objects.get(pk=upload.pk))

    upload.refresh_from_db()
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
