"""The sandbox outlives every way in which its child can end, and says what happened.

A child is caught at work by giving it a FIFO as photo: the other end can be opened as soon as the child has begun
to read, and the child reads until that end is closed.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.formats import opener  # noqa: F401 - teaches Pillow HEIF here too
from processing.pipeline.process.client import ENVIRONMENT
from processing.pipeline.process.messages import encode, read_message
from processing.pipeline.process.workspace import Workspace
from processing.rendering.sandbox import Sandbox
from tests import polling
from tests.support.processes import bounded

PROJECT = Path(__file__).resolve().parent.parent
MEBI = 1024 * 1024
MINUTE = 60.0


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (900, 600), (200, 30, 30)).save(source, "JPEG")
    return source


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A photo that never ends."""
    source = tmp_path / "endless.jpg"
    os.mkfifo(source)
    return source


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "renditions"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    workspace = Workspace(None)
    yield workspace
    workspace.close()


@pytest.fixture
def thread(sandbox: Sandbox) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor
        sandbox.kill()  # a failed test leaves it at work, and the executor waits for it


def at_work(endless: Path) -> BinaryIO:
    """The other end of the endless photo, when the child has begun to read it; it goes on until this is closed."""
    end = polling.until(lambda: os.open(endless, os.O_WRONLY | os.O_NONBLOCK), MINUTE, "nobody reads the photo")
    return os.fdopen(end, "wb")


def limit(sandbox: Sandbox, seconds: float) -> None:
    """Give the sandbox another time limit than that in which its child had to start."""
    sandbox._wall_seconds = seconds


def failure(future: Future[Picture] | Future[bytes]) -> tuple[str, bool]:
    error = future.exception(timeout=MINUTE)
    assert isinstance(error, ImageRejected)
    return error.code, error.permanent


def test_develops_many_photos_in_one_child(sandbox: Sandbox, photo: Path, out: Path) -> None:
    first = sandbox.develop(photo, out)
    child = sandbox.pid
    second = sandbox.develop(photo, out)

    assert (first, sandbox.pid) == (second, child)
    assert sorted(path.name for path in out.iterdir()) == ["400.webp", "800.webp", "900.webp"]


def test_takes_relative_paths_from_its_own_folder(
    sandbox: Sandbox, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)

    picture = sandbox.develop(Path(photo.name), Path("here"))

    assert picture.renditions[0].path == str(photo.parent / "here" / "900.webp")


def test_starts_no_child_before_it_is_needed() -> None:
    with Sandbox() as sandbox:
        assert sandbox.pid is None


def test_a_refusal_crosses_the_pipe_as_it_was(sandbox: Sandbox, tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(b"%PDF-1.7")

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(source, out)

    refused = caught.value
    assert (type(refused).__name__, refused.code, refused.permanent) == (
        "UnsupportedDocument",
        "unsupported-document",
        True,
    )
    assert refused.message == "This is a document (PDF), not a photo. Export the page as JPEG and upload that."
    assert sandbox.pid is not None


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM], ids=lambda by: by.name)
def test_a_killed_child_is_a_crash_and_is_replaced(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, out: Path, by: signal.Signals
) -> None:
    future = thread.submit(sandbox.develop, endless, out)
    with at_work(endless):
        os.kill(sandbox.pid or 0, by)
        assert failure(future) == ("crashed", False)

    assert sandbox.develop(photo, out).width == 900


def test_a_child_that_died_idle_is_nobodys_crash(sandbox: Sandbox, photo: Path, out: Path) -> None:
    sandbox.develop(photo, out)
    child = os.pidfd_open(sandbox.pid or 0)
    os.kill(sandbox.pid or 0, signal.SIGKILL)
    gone(child)

    assert sandbox.develop(photo, out).width == 900


def test_a_child_out_of_cpu_time_has_timed_out(
    sandbox: Sandbox, thread: ThreadPoolExecutor, endless: Path, out: Path
) -> None:
    future = thread.submit(sandbox.develop, endless, out)
    with at_work(endless):
        os.kill(sandbox.pid or 0, signal.SIGXCPU)
        assert failure(future) == ("timeout", False)


def test_a_hanging_child_is_killed_at_the_time_limit(sandbox: Sandbox, photo: Path, endless: Path, out: Path) -> None:
    sandbox.develop(photo, out)
    child = os.pidfd_open(sandbox.pid or 0)
    limit(sandbox, 0.7)

    with os.fdopen(os.open(endless, os.O_RDWR), "wb"), pytest.raises(ImageRejected) as caught:
        sandbox.develop(endless, out)

    assert (caught.value.code, caught.value.permanent) == ("timeout", False)
    gone(child)
    assert sandbox.pid is None


def test_a_stopped_child_is_killed_at_the_time_limit(sandbox: Sandbox, photo: Path, out: Path) -> None:
    sandbox.develop(photo, out)
    child = os.pidfd_open(sandbox.pid or 0)
    os.kill(sandbox.pid or 0, signal.SIGSTOP)
    limit(sandbox, 0.7)

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(photo, out)

    assert caught.value.code == "timeout"
    gone(child)
    limit(sandbox, MINUTE)
    assert sandbox.develop(photo, out).width == 900


def test_kill_aborts_what_another_thread_waits_for(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, out: Path
) -> None:
    future = thread.submit(sandbox.develop, endless, out)
    with at_work(endless):
        sandbox.kill()
        assert failure(future) == ("aborted", False)

    assert sandbox.develop(photo, out).width == 900


def test_close_aborts_and_nothing_is_developed_after_it(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, out: Path
) -> None:
    future = thread.submit(sandbox.develop, endless, out)
    with at_work(endless):
        sandbox.close()
        assert failure(future) == ("aborted", False)

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(photo, out)
    assert (caught.value.code, sandbox.pid) == ("aborted", None)


def test_develops_one_at_a_time_whoever_asks(sandbox: Sandbox, photo: Path, tmp_path: Path) -> None:
    sandbox.develop(photo, tmp_path / "first")
    child, widths = sandbox.pid, []

    threads = [
        threading.Thread(target=lambda n=n: widths.append(sandbox.develop(photo, tmp_path / str(n)).width))
        for n in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert (widths, sandbox.pid) == ([900] * 4, child)


def test_a_child_is_replaced_after_so_many_photos(photo: Path, out: Path) -> None:
    with Sandbox(recycle_after=2) as sandbox:
        sandbox.develop(photo, out)
        after_one = sandbox.pid
        sandbox.develop(photo, out)

        assert (after_one is None, sandbox.pid) == (False, None)


def test_a_child_that_has_grown_is_replaced(photo: Path, out: Path) -> None:
    with Sandbox(recycle_bytes=1) as sandbox:
        sandbox.develop(photo, out)

        assert sandbox.pid is None


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
@pytest.mark.parametrize("spare", [1, 8])
def test_memory_that_runs_out_is_not_called_a_damaged_photo(
    sandbox: Sandbox, tmp_path: Path, photo: Path, out: Path, name: str, spare: int
) -> None:
    hungry = tmp_path / "hungry"
    Image.new("RGB", (2000, 2000), (200, 120, 60)).save(hungry, name, quality=30, speed=10, method=0)
    sandbox.develop(photo, out)
    leave(sandbox.pid or 0, spare * MEBI)

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(hungry, out)

    assert (caught.value.code, caught.value.permanent, sandbox.pid) == ("out-of-memory", False, None)
    assert sandbox.develop(photo, out).width == 900


def test_what_does_not_fit_is_refused_before_it_is_decoded(tmp_path: Path, out: Path) -> None:
    large = tmp_path / "large"
    Image.new("RGB", (5000, 5000)).save(large, "PNG")

    with Sandbox(memory_bytes=128 * MEBI) as sandbox, pytest.raises(ImageRejected) as caught:
        sandbox.develop(large, out)

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


@pytest.mark.faults
def test_a_busy_child_dies_with_its_killed_parent(endless: Path, out: Path) -> None:
    code = f"""
from pathlib import Path
from processing.rendering.sandbox import Sandbox
Sandbox().develop(Path({str(endless)!r}), Path({str(out)!r}))
"""
    parent = subprocess.Popen(bounded(sys.executable, "-c", code), cwd=PROJECT)
    with at_work(endless):
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
        child = os.pidfd_open(int(children))
        parent.kill()
        parent.wait()

        gone(child)


def test_a_child_of_somebody_else_ends_at_once(workspace: Workspace) -> None:
    with child_process(1, workspace) as child:
        assert child.wait(timeout=MINUTE) == 1


def test_a_child_says_that_it_is_ready_and_ends_with_its_input(workspace: Workspace) -> None:
    with child_process(os.getpid(), workspace) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        ready = read_message(child.stdout.read)
        child.stdin.close()

        assert (ready, child.wait(timeout=MINUTE)) == ({"ready": child.pid, "missing": ""}, 0)


def test_a_fault_of_ours_is_reported_with_its_trace_and_the_child_lives(workspace: Workspace) -> None:
    with child_process(os.getpid(), workspace) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        read_message(child.stdout.read)
        child.stdin.write(encode({"cpu_seconds": 10}))
        child.stdin.flush()
        answer = read_message(child.stdout.read) or {}

        assert (answer["error"], answer["permanent"]) == ("unexpected", False)
        assert answer["trace"].rstrip().endswith("KeyError: 'recipe'")
        assert child.poll() is None
        child.stdin.close()


def child_process(parent: int, workspace: Workspace) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "processing.pipeline.process.child",
        str(parent),
        str(512 * MEBI),
        str(workspace.path),
    ]
    return subprocess.Popen(command, cwd=PROJECT, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def leave(pid: int, spare: int) -> None:
    """Lets a process have that much more memory than it has, and no more."""
    status = Path(f"/proc/{pid}/status").read_text()
    held = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
    resource.prlimit(pid, resource.RLIMIT_DATA, (held * 1024 + spare, held * 1024 + spare))


def gone(pidfd: int) -> None:
    """Waits until the process has ended."""
    assert select.select([pidfd], [], [], MINUTE)[0]
    os.close(pidfd)


def test_a_preview_is_made_behind_the_same_fences_and_leniently(sandbox: Sandbox, photo: Path, out: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:-1000])
    with pytest.raises(ImageRejected):
        sandbox.develop(photo, out)
    child = sandbox.pid

    with Image.open(BytesIO(sandbox.preview(photo))) as preview:
        assert (preview.format, preview.size) == ("WEBP", (400, 267))
    assert sandbox.pid == child
    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(photo, out)
    assert caught.value.code == "truncated"


def test_a_child_killed_over_a_preview_is_replaced(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, out: Path
) -> None:
    future = thread.submit(sandbox.preview, endless)
    with at_work(endless):
        os.kill(sandbox.pid or 0, signal.SIGKILL)
        assert failure(future) == ("crashed", False)

    assert sandbox.develop(photo, out).width == 900
