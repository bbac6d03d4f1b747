"""Reading, hashing and writing side by side: what fails in one of them is told as if they came one after another."""

import errno
import hashlib
from threading import Event, get_ident

import pytest
from django.conf import settings

from processing.intake import beside, protocol, resumable
from processing.intake.protocol import Part, Refused
from processing.models import Upload
from processing.states import UploadState
from processing.storage import Fenced
from processing.storage.growing import LocalGrowing
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
        append, written = LocalGrowing.append, []

        def failing(growing: LocalGrowing, piece: memoryview) -> None:
            written.append(piece)
            if len(written) == number:
                raise error
            append(growing, piece)

        monkeypatch.setattr(LocalGrowing, "append", failing)

    return fail_at


def receive(upload: Upload, at: int = 0, line: Line | None = None) -> int:
    fresh = Upload.objects.get(pk=upload.pk)
    return resumable.receive(fresh, Part(at, None, None), line or Line(CONTENT[at:], 16 * MIB), len(CONTENT) - at)


def test_a_large_piece_is_worked_on_in_a_thread_of_its_own_and_a_small_one_is_not():
    threads = []
    with beside.writing(lambda piece: threads.append(get_ident())) as writing:
        writing.add(memoryview(bytes(beside.WORTH_WRITING)))
        writing.add(memoryview(b"small"))

    assert threads[0] != get_ident()
    assert threads[1] == get_ident()


def test_the_next_piece_waits_for_the_one_before():
    done, goes_on = [], Event()

    def work(piece: memoryview) -> None:
        goes_on.wait(10)
        done.append(len(piece))

    with beside.writing(work) as writing:
        writing.add(memoryview(bytes(2 * MIB)))
        goes_on.set()
        writing.add(memoryview(b"12"))
        assert done == [2 * MIB, 2]


@pytest.mark.parametrize("then", [lambda writing: writing.add(memoryview(b"more")), lambda writing: writing.wait()])
def test_what_the_work_raises_is_raised_by_the_call_after(then):
    def work(piece: memoryview) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writing = beside.writing(work)
    writing.add(memoryview(bytes(2 * MIB)))

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

    with pytest.raises(Refused) as refused:
        receive(upload)

    assert refused.value.refusal.code == "disk-full"
    assert refused.value.offset == (number - 1) * 4 * MIB
    assert receive(upload, refused.value.offset) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 3])
def test_a_fast_sender_who_was_fenced_off_is_told_so(upload, fails_at, number):
    fails_at(number, Fenced())

    with pytest.raises(Refused) as refused:
        receive(upload)

    assert refused.value.refusal is protocol.REVOKED
    assert receive(upload, (number - 1) * 4 * MIB) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.django_db
def test_a_fast_line_that_breaks_is_gone_on_with_where_it_broke(upload):
    sent = 7 * MIB + 5
    with pytest.raises(Refused) as refused:
        receive(upload, line=Line(CONTENT[:sent], 16 * MIB, breaks=True))

    assert (refused.value.refusal, refused.value.offset) == (protocol.BROKEN, sent)
    assert receive(upload, sent) == len(CONTENT)
    upload.refresh_from_db()
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()
