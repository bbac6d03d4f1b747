"""The sandbox survives every way its child can end, and reports what happened.

Tests catch a child at work by giving it a FIFO as photo: the other end can be opened as soon as the child has begun
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
from processing.pipeline.formats import heif_plugin
from processing.pipeline.process.client import ENVIRONMENT
from processing.pipeline.process.messages import encode, read_message
from processing.pipeline.process.workspace import Workspace
from processing.rendering.sandbox import Sandbox
from tests import polling
from tests.support.processes import bounded

heif_plugin.register()

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
def output(tmp_path: Path) -> Path:
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
        sandbox.kill()  # a failed test leaves the child at work, and the executor waits for it


def at_work(endless: Path) -> BinaryIO:
    """Opens the other end of the endless photo once the child reads it; the child reads until this is closed."""
    end = polling.until(lambda: os.open(endless, os.O_WRONLY | os.O_NONBLOCK), MINUTE, "no child reads the photo")
    return os.fdopen(end, "wb")


def limit(sandbox: Sandbox, seconds: float) -> None:
    """Gives the sandbox another time limit than that for starting its child."""
    sandbox._wall_seconds = seconds


def failure(future: Future[Picture] | Future[bytes]) -> tuple[str, bool]:
    error = future.exception(timeout=MINUTE)
    assert isinstance(error, ImageRejected)
    return error.code, error.permanent


def test_many_photos_are_developed_in_one_child(sandbox: Sandbox, photo: Path, output: Path) -> None:
    first = sandbox.develop(photo, output)
    child = sandbox.pid
    second = sandbox.develop(photo, output)

    assert (first, sandbox.pid) == (second, child)
    assert sorted(path.name for path in output.iterdir()) == ["400.webp", "800.webp", "900.webp"]


def test_relative_paths_are_resolved_in_the_working_directory(
    sandbox: Sandbox, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)

    picture = sandbox.develop(Path(photo.name), Path("here"))

    assert picture.renditions[0].path == str(photo.parent / "here" / "900.webp")


def test_no_child_is_started_before_it_is_needed() -> None:
    with Sandbox() as sandbox:
        assert sandbox.pid is None


def test_a_rejection_in_the_child_is_raised_with_its_class_code_and_message(
    sandbox: Sandbox, tmp_path: Path, output: Path
) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(b"%PDF-1.7")

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(source, output)

    error = caught.value
    assert (type(error).__name__, error.code, error.permanent) == (
        "UnsupportedDocument",
        "unsupported-document",
        True,
    )
    assert error.message == "This is a document (PDF), not a photo. Export the page as JPEG and upload that."
    assert sandbox.pid is not None


@pytest.mark.parametrize(
    "signal_number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM], ids=lambda signal_number: signal_number.name
)
def test_a_killed_child_is_a_crash_and_is_replaced(
    sandbox: Sandbox,
    thread: ThreadPoolExecutor,
    photo: Path,
    endless: Path,
    output: Path,
    signal_number: signal.Signals,
) -> None:
    future = thread.submit(sandbox.develop, endless, output)
    with at_work(endless):
        os.kill(sandbox.pid or 0, signal_number)
        assert failure(future) == ("crashed", False)

    assert sandbox.develop(photo, output).width == 900


def test_the_death_of_an_idle_child_is_not_reported_as_a_crash(sandbox: Sandbox, photo: Path, output: Path) -> None:
    sandbox.develop(photo, output)
    child = os.pidfd_open(sandbox.pid or 0)
    os.kill(sandbox.pid or 0, signal.SIGKILL)
    wait_for_exit(child)

    assert sandbox.develop(photo, output).width == 900


def test_a_child_that_exceeds_its_cpu_time_has_timed_out(
    sandbox: Sandbox, thread: ThreadPoolExecutor, endless: Path, output: Path
) -> None:
    future = thread.submit(sandbox.develop, endless, output)
    with at_work(endless):
        os.kill(sandbox.pid or 0, signal.SIGXCPU)
        assert failure(future) == ("timeout", False)


def test_a_hanging_child_is_killed_at_the_time_limit(
    sandbox: Sandbox, photo: Path, endless: Path, output: Path
) -> None:
    sandbox.develop(photo, output)
    child = os.pidfd_open(sandbox.pid or 0)
    limit(sandbox, 0.7)

    with os.fdopen(os.open(endless, os.O_RDWR), "wb"), pytest.raises(ImageRejected) as caught:
        sandbox.develop(endless, output)

    assert (caught.value.code, caught.value.permanent) == ("timeout", False)
    wait_for_exit(child)
    assert sandbox.pid is None


def test_a_stopped_child_is_killed_at_the_time_limit(sandbox: Sandbox, photo: Path, output: Path) -> None:
    sandbox.develop(photo, output)
    child = os.pidfd_open(sandbox.pid or 0)
    os.kill(sandbox.pid or 0, signal.SIGSTOP)
    limit(sandbox, 0.7)

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(photo, output)

    assert caught.value.code == "timeout"
    wait_for_exit(child)
    limit(sandbox, MINUTE)
    assert sandbox.develop(photo, output).width == 900


def test_kill_aborts_the_call_of_another_thread(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, output: Path
) -> None:
    future = thread.submit(sandbox.develop, endless, output)
    with at_work(endless):
        sandbox.kill()
        assert failure(future) == ("aborted", False)

    assert sandbox.develop(photo, output).width == 900


def test_close_aborts_and_nothing_is_developed_after_it(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, output: Path
) -> None:
    future = thread.submit(sandbox.develop, endless, output)
    with at_work(endless):
        sandbox.close()
        assert failure(future) == ("aborted", False)

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(photo, output)
    assert (caught.value.code, sandbox.pid) == ("aborted", None)


def test_calls_of_several_threads_share_one_child_in_turn(sandbox: Sandbox, photo: Path, tmp_path: Path) -> None:
    sandbox.develop(photo, tmp_path / "first")
    child, widths = sandbox.pid, []

    threads = [
        threading.Thread(target=lambda n=n: widths.append(sandbox.develop(photo, tmp_path / str(n)).width))
        for n in range(4)
    ]
    for caller in threads:
        caller.start()
    for caller in threads:
        caller.join()

    assert (widths, sandbox.pid) == ([900] * 4, child)


def test_a_child_is_replaced_after_so_many_photos(photo: Path, output: Path) -> None:
    with Sandbox(recycle_after=2) as sandbox:
        sandbox.develop(photo, output)
        after_one = sandbox.pid
        sandbox.develop(photo, output)

        assert (after_one is None, sandbox.pid) == (False, None)


def test_a_child_that_has_grown_is_replaced(photo: Path, output: Path) -> None:
    with Sandbox(recycle_bytes=1) as sandbox:
        sandbox.develop(photo, output)

        assert sandbox.pid is None


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
@pytest.mark.parametrize("spare", [1, 8])
def test_running_out_of_memory_is_not_reported_as_a_damaged_photo(
    sandbox: Sandbox, tmp_path: Path, photo: Path, output: Path, name: str, spare: int
) -> None:
    hungry = tmp_path / "hungry"
    Image.new("RGB", (2000, 2000), (200, 120, 60)).save(hungry, name, quality=30, speed=10, method=0)
    sandbox.develop(photo, output)
    limit_memory(sandbox.pid or 0, spare * MEBI)

    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(hungry, output)

    assert (caught.value.code, caught.value.permanent, sandbox.pid) == ("out-of-memory", False, None)
    assert sandbox.develop(photo, output).width == 900


def test_a_picture_that_does_not_fit_in_memory_is_rejected_before_decoding(tmp_path: Path, output: Path) -> None:
    large = tmp_path / "large"
    Image.new("RGB", (5000, 5000)).save(large, "PNG")

    with Sandbox(memory_bytes=128 * MEBI) as sandbox, pytest.raises(ImageRejected) as caught:
        sandbox.develop(large, output)

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


@pytest.mark.faults
def test_a_busy_child_dies_with_its_killed_parent(endless: Path, output: Path) -> None:
    code = f"""
from pathlib import Path
from processing.rendering.sandbox import Sandbox
Sandbox().develop(Path({str(endless)!r}), Path({str(output)!r}))
"""
    parent = subprocess.Popen(bounded(sys.executable, "-c", code), cwd=PROJECT)
    with at_work(endless):
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
        child = os.pidfd_open(int(children))
        parent.kill()
        parent.wait()

        wait_for_exit(child)


def test_a_child_of_another_parent_exits_at_once(workspace: Workspace) -> None:
    with child_process(1, workspace) as child:
        assert child.wait(timeout=MINUTE) == 1


def test_a_child_reports_that_it_is_ready_and_exits_at_end_of_input(workspace: Workspace) -> None:
    with child_process(os.getpid(), workspace) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        ready = read_message(child.stdout.read)
        child.stdin.close()

        assert (ready, child.wait(timeout=MINUTE)) == ({"ready": child.pid, "missing": ""}, 0)


def test_an_internal_error_is_reported_with_a_traceback_and_the_child_survives(workspace: Workspace) -> None:
    with child_process(os.getpid(), workspace) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        read_message(child.stdout.read)
        child.stdin.write(encode({"cpu_seconds": 10}))
        child.stdin.flush()
        response = read_message(child.stdout.read) or {}

        assert (response["error"], response["permanent"]) == ("unexpected", False)
        assert response["trace"].rstrip().endswith("KeyError: 'recipe'")
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


def limit_memory(pid: int, spare: int) -> None:
    """Limits the memory of a process to what it has and `spare` bytes more."""
    status = Path(f"/proc/{pid}/status").read_text()
    data_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
    resource.prlimit(pid, resource.RLIMIT_DATA, (data_kib * 1024 + spare, data_kib * 1024 + spare))


def wait_for_exit(pidfd: int) -> None:
    """Waits until the process has exited."""
    assert select.select([pidfd], [], [], MINUTE)[0]
    os.close(pidfd)


def test_a_preview_of_a_truncated_photo_is_made_in_the_same_child(sandbox: Sandbox, photo: Path, output: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:-1000])
    with pytest.raises(ImageRejected):
        sandbox.develop(photo, output)
    child = sandbox.pid

    with Image.open(BytesIO(sandbox.preview(photo))) as preview:
        assert (preview.format, preview.size) == ("WEBP", (400, 267))
    assert sandbox.pid == child
    with pytest.raises(ImageRejected) as caught:
        sandbox.develop(photo, output)
    assert caught.value.code == "truncated"


def test_a_child_killed_during_a_preview_is_replaced(
    sandbox: Sandbox, thread: ThreadPoolExecutor, photo: Path, endless: Path, output: Path
) -> None:
    future = thread.submit(sandbox.preview, endless)
    with at_work(endless):
        os.kill(sandbox.pid or 0, signal.SIGKILL)
        assert failure(future) == ("crashed", False)

    assert sandbox.develop(photo, output).width == 900
