"""Double buffering: an error in a background thread has the same effect as one in the request's thread."""

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
from processing.uploads import offload, problems
from processing.uploads.body import body_reader
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
    """Makes the write with this number raise an error."""

    def fail_at(number: int, error: Exception) -> None:
        append, written = LocalPartialFile.append, []

        def append_or_fail(partial_file: LocalPartialFile, chunk: memoryview) -> None:
            written.append(chunk)
            if len(written) == number:
                raise error
            append(partial_file, chunk)

        monkeypatch.setattr(LocalPartialFile, "append", append_or_fail)

    return fail_at


def receive(upload: Upload, offset: int = 0, line: Line | None = None, checksum: Checksum | None = None) -> int:
    row = Upload.objects.get(pk=upload.pk)
    return tus_session.receive(
        row, PartHeaders(offset, None, checksum), line or Line(CONTENT[offset:], 16 * MIB), len(CONTENT) - offset
    )


def sha256_checksum(content: bytes = CONTENT) -> Checksum:
    return Checksum("sha256", hashlib.sha256(content).digest())


def test_a_large_chunk_is_written_in_a_background_thread_and_a_small_one_is_not():
    thread_ids = []
    with offload.writing(lambda chunk: thread_ids.append(get_ident())) as task:
        task.submit(memoryview(bytes(offload.MIN_OFFLOADED_WRITING_BYTES)))
        task.submit(memoryview(b"small"))

    assert thread_ids[0] != get_ident()
    assert thread_ids[1] == get_ident()


class DeferredExecutor:
    """An executor that runs the work only when its result is waited for."""

    def submit(self, work, chunk):
        return SimpleNamespace(result=lambda: work(chunk))


def test_the_next_chunk_waits_for_the_previous_one():
    written_lengths = []
    with BackgroundTask(
        DeferredExecutor(), min_bytes=10, work=lambda chunk: written_lengths.append(len(chunk))
    ) as task:
        task.submit(memoryview(bytes(20)))
        assert written_lengths == []
        task.submit(memoryview(b"12"))
        assert written_lengths == [20, 2]
        task.submit(memoryview(bytes(30)))
    assert written_lengths == [20, 2, 30]


@pytest.mark.parametrize("next_call", [lambda task: task.submit(memoryview(b"more")), lambda task: task.wait()])
def test_an_error_in_the_background_thread_is_raised_by_the_next_call(next_call):
    def work(chunk: memoryview) -> None:
        raise OSError(errno.EIO, "Input/output error")

    task = offload.writing(work)
    task.submit(memoryview(bytes(2 * MIB)))

    with pytest.raises(OSError, match="Input/output"):
        next_call(task)
    task.wait()  # it is raised only once


@pytest.mark.django_db
def test_a_fast_upload_is_received_completely(upload):
    assert receive(upload) == len(CONTENT)

    upload.refresh_from_db()
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    assert (settings.DATA_DIR / upload.key).read_bytes() == CONTENT


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_disk_that_fills_up_during_a_fast_upload_keeps_the_written_bytes(upload, fails_at, number):
    fails_at(number, OSError(errno.ENOSPC, "No space left on device"))

    with pytest.raises(HttpProblem) as caught:
        receive(upload)

    assert caught.value.problem.code == "disk-full"
    assert caught.value.offset == (number - 1) * 4 * MIB
    assert receive(upload, caught.value.offset) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 3])
def test_a_fast_client_that_was_fenced_off_gets_an_error(upload, fails_at, number):
    fails_at(number, WriterFenced())

    with pytest.raises(HttpProblem) as caught:
        receive(upload)

    assert caught.value.problem is protocol.REVOKED
    assert receive(upload, (number - 1) * 4 * MIB) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_a_fast_upload_resumes_where_its_connection_broke_off(upload):
    sent_size = 7 * MIB + 5
    with pytest.raises(HttpProblem) as caught:
        receive(upload, line=Line(CONTENT[:sent_size], 16 * MIB, breaks=True))

    assert (caught.value.problem, caught.value.offset) == (problems.MALFORMED_BODY, sent_size)
    assert receive(upload, sent_size) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["named", "no /proc", "no anonymous files"])
def anonymous_files(request, monkeypatch) -> str:
    """What the file system supports: naming an anonymous file, creating one without naming it, or neither."""
    if request.param == "no /proc":

        def reject(*_: object) -> None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")

        monkeypatch.setattr(AppendFile, "name", reject)
    elif request.param == "no anonymous files":
        monkeypatch.setattr(direct_io, "O_TMPFILE", 0)
    return request.param


@pytest.mark.django_db
def test_a_first_part_with_a_checksum_is_received_completely(upload, anonymous_files):
    assert receive(upload, checksum=sha256_checksum()) == len(CONTENT)

    upload.refresh_from_db()
    path = settings.DATA_DIR / upload.key
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    assert path.read_bytes() == CONTENT
    assert [path.name for path in path.parent.iterdir()] == [path.name]


@pytest.mark.django_db
@pytest.mark.embedded  # the S3 server decides about access to its files
def test_a_first_part_with_a_checksum_has_the_mode_of_any_other_file(upload, anonymous_files):
    receive(upload, checksum=sha256_checksum())

    (settings.DATA_DIR / "as any").touch()
    assert (settings.DATA_DIR / upload.key).stat().st_mode == (settings.DATA_DIR / "as any").stat().st_mode


@pytest.mark.django_db
def test_a_first_part_with_a_checksum_can_be_continued(upload, anonymous_files):
    first = CONTENT[: 5 * MIB + 3]

    with pytest.raises(HttpProblem) as caught:
        receive(upload, line=Line(first, 16 * MIB, breaks=True), checksum=sha256_checksum(first))
    assert (caught.value.problem, caught.value.offset) == (problems.MALFORMED_BODY, 0)

    fresh = Upload.objects.get(pk=upload.pk)
    assert tus_session.receive(
        fresh, PartHeaders(0, None, sha256_checksum(first)), Line(first, 16 * MIB), len(first)
    ) == len(first)
    assert receive(upload, len(first), checksum=sha256_checksum(CONTENT[len(first) :])) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_a_damaged_first_part_leaves_no_bytes(upload, anonymous_files):
    with pytest.raises(HttpProblem) as caught:
        receive(upload, checksum=sha256_checksum(b"other"))

    assert (caught.value.problem, caught.value.offset) == (protocol.CHECKSUM_MISMATCH, 0)
    assert tus_session.offset(Upload.objects.get(pk=upload.pk)) == 0
    assert not list((settings.DATA_DIR / "incoming").glob("*.part"))
    assert receive(upload, checksum=sha256_checksum()) == len(CONTENT)


@pytest.mark.django_db
def test_a_verified_first_part_of_a_fenced_writer_is_discarded(upload, anonymous_files):
    class Overtaken(Line):
        """Another request asks for the offset while this body is being read."""

        def readinto(self, buffer: memoryview) -> int:
            tus_session.offset(Upload.objects.get(pk=upload.pk))
            return super().readinto(buffer)

    with pytest.raises(HttpProblem) as caught:
        receive(upload, line=Overtaken(CONTENT, 16 * MIB), checksum=sha256_checksum())

    assert (caught.value.problem, caught.value.offset) == (protocol.REVOKED, None)
    assert tus_session.offset(Upload.objects.get(pk=upload.pk)) == 0


FIRST = 5 * MIB + 3
"""The length of a first part without a checksum, which is followed by a part with one."""


@pytest.fixture(params=[body_reader.MAX_IN_MEMORY_BYTES, 0], ids=["buffered in memory", "appended unverified"])
def partial_upload(request, monkeypatch, upload) -> Upload:
    """An upload with its first part. The checksum of its next part is verified before the part is written, or afterwards."""
    monkeypatch.setattr(body_reader, "MAX_IN_MEMORY_BYTES", request.param)
    first = Line(CONTENT[:FIRST], 16 * MIB)
    tus_session.receive(Upload.objects.get(pk=upload.pk), PartHeaders(0, None, None), first, FIRST)
    return upload


@pytest.mark.django_db
@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_whose_later_part_has_a_checksum_is_not_read_again(partial_upload, algorithm, monkeypatch):
    monkeypatch.setattr(finalize, "_read_once", None)
    checksum = Checksum(algorithm, hashlib.new(algorithm, CONTENT[FIRST:]).digest())

    assert receive(partial_upload, FIRST, checksum=checksum) == len(CONTENT)

    partial_upload.refresh_from_db()
    assert (partial_upload.state, partial_upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    path = settings.DATA_DIR / partial_upload.key
    assert path.read_bytes() == CONTENT
    assert [path.name for path in path.parent.iterdir()] == [path.name]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "problem"),
    [(CONTENT[FIRST:-1] + b"?", protocol.CHECKSUM_MISMATCH), (CONTENT[FIRST:-1], problems.MALFORMED_BODY)],
    ids=["damaged", "cut off"],
)
def test_a_later_part_that_does_not_match_its_checksum_leaves_no_bytes(partial_upload, content, problem, monkeypatch):
    monkeypatch.setattr(finalize, "_read_once", None)
    with pytest.raises(HttpProblem) as caught:
        receive(
            partial_upload,
            FIRST,
            Line(content, 16 * MIB, breaks=problem is problems.MALFORMED_BODY),
            sha256_checksum(CONTENT[FIRST:]),
        )

    assert (caught.value.problem, caught.value.offset) == (problem, FIRST)
    assert (settings.DATA_DIR / f"{storage_keys.bare(partial_upload.key)}.part").stat().st_size == FIRST
    assert receive(partial_upload, FIRST, checksum=sha256_checksum(CONTENT[FIRST:])) == len(CONTENT)
    partial_upload.refresh_from_db()
    assert partial_upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_the_offset_during_a_later_part_covers_only_verified_bytes(partial_upload):
    class Overtaken(Line):
        """Another request asks for the offset at the end of this body."""

        def readinto(self, buffer: memoryview) -> int:
            count = super().readinto(buffer)
            if not count:
                fresh = Upload.objects.get(pk=partial_upload.pk)
                offsets.extend((tus_session.arrived(fresh), tus_session.offset(fresh)))
            return count

    offsets: list[int] = []
    with pytest.raises(HttpProblem) as caught:
        receive(partial_upload, FIRST, Overtaken(CONTENT[FIRST:], MIB), sha256_checksum(CONTENT[FIRST:]))

    assert (caught.value.problem, offsets) == (protocol.REVOKED, [FIRST, FIRST])
    assert receive(partial_upload, FIRST, checksum=sha256_checksum(CONTENT[FIRST:])) == len(CONTENT)


@pytest.mark.django_db
def test_a_disk_that_fills_up_during_a_later_part_keeps_the_verified_bytes(partial_upload, fails_at):
    fails_at(1, OSError(errno.ENOSPC, "No space left on device"))

    with pytest.raises(HttpProblem) as caught:
        receive(partial_upload, FIRST, checksum=sha256_checksum(CONTENT[FIRST:]))

    assert (caught.value.problem.code, caught.value.offset) == ("disk-full", FIRST)
    assert receive(partial_upload, FIRST, checksum=sha256_checksum(CONTENT[FIRST:])) == len(CONTENT)


@pytest.mark.django_db
def test_after_a_power_cut_only_verified_bytes_count_and_no_acknowledged_one_is_lost(partial_upload, monkeypatch):
    """Synced in this order: the fence with the verified offset, before any unverified byte; the bytes; the fence without it."""
    monkeypatch.setattr(body_reader, "MAX_IN_MEMORY_BYTES", 0)
    events, sync, append = [], os.fsync, LocalPartialFile.append

    def record_sync(handle: int) -> None:
        events.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().suffix} {os.fstat(handle).st_size}")
        sync(handle)

    def record_append(partial_file: LocalPartialFile, chunk: memoryview) -> None:
        events.append("append")
        append(partial_file, chunk)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(LocalPartialFile, "append", record_append)

    receive(partial_upload, FIRST, checksum=sha256_checksum(CONTENT[FIRST:]))

    fence_syncs = [number for number, event in enumerate(events) if event.startswith("sync .fence")]
    appends = [number for number, event in enumerate(events) if event == "append"]
    file_sync = events.index(f"sync .part {len(CONTENT)}")
    assert [events[number] for number in fence_syncs] == ["sync .fence 24", "sync .fence 16"]
    assert fence_syncs[0] < appends[0] <= appends[-1] < file_sync < fence_syncs[1]


@pytest.mark.django_db
def test_a_disk_that_fills_up_during_a_first_part_with_a_checksum_leaves_no_bytes(upload, monkeypatch):
    def raise_disk_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(AppendFile, "append", raise_disk_full)
        with pytest.raises(HttpProblem) as caught:
            receive(upload, checksum=sha256_checksum())

    assert (caught.value.problem.code, caught.value.offset) == ("disk-full", 0)
    assert receive(upload, checksum=sha256_checksum()) == len(CONTENT)


class TakenOver(Line):
    """A body that breaks off after its bytes. Before that, another request takes the upload over and appends to it.

    The other request is killed after its last byte, before it hands over a complete file.
    """

    def __init__(self, upload: Upload, content: bytes, written_size: int) -> None:
        super().__init__(content, 16 * MIB, breaks=True)
        self._upload, self._written_size = upload, written_size

    def readinto(self, buffer: memoryview) -> int:
        try:
            return super().readinto(buffer)
        except ConnectionResetError:
            with closing(store().grow(self._upload.key)) as partial_file:
                partial_file.append(CONTENT[partial_file.fence() : self._written_size])
            raise


@pytest.mark.django_db
@pytest.mark.parametrize("written_size", [len(CONTENT), len(CONTENT) - 5], ids=["whole", "in part"])
@pytest.mark.parametrize("size", [1000, 3 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("checksum", [sha256_checksum(), None], ids=["checked", "unchecked"])
def test_a_request_whose_upload_was_taken_over_does_not_determine_its_hash(upload, size, written_size, checksum):
    with pytest.raises(HttpProblem) as caught:
        receive(upload, line=TakenOver(upload, CONTENT[:size], written_size), checksum=checksum)
    assert caught.value.problem in (problems.MALFORMED_BODY, protocol.REVOKED)

    if written_size < len(CONTENT):
        receive(upload, written_size)
    else:
        tus_session.offset(Upload.objects.get(pk=upload.pk))

    upload.refresh_from_db()
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
