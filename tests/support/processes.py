"""Child processes that do not outlive the tests that start them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

END_SECONDS = 60
"""Within which a process must end once it is told to. Only one that hangs takes so long."""

_SETPRIV = shutil.which("setpriv") or "/usr/bin/setpriv"
# This process may be gone before the kernel knows that the child is to go with it: then nobody would kill the child.
UNLESS_ORPHANED = 'test "$PPID" = "$1" && shift && exec "$@"'


def bounded(*command: str | Path, user: str = "") -> list[str | Path]:
    """The command, run so that the kernel kills it when the thread that starts it ends, even if by SIGKILL or `os._exit`.

    Start processes in the main thread: they would end with any other. The kernel kills the process alone. What it starts in its
    turn must watch its parent, as gunicorn's workers and PostgreSQL's backends do. Root may let another `user` run it.
    """
    as_user = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    unless_orphaned = ["/bin/sh", "-c", UNLESS_ORPHANED, "sh", str(os.getpid())]
    return [_SETPRIV, *as_user, "--pdeathsig=KILL", *unless_orphaned, *command]


def start(command: Sequence[str | Path], *, user: str = "", **options: Any) -> subprocess.Popen[bytes]:
    """Popen of the command, `bounded`."""
    return subprocess.Popen(bounded(*command, user=user), **options)


def stop(process: subprocess.Popen[bytes] | None) -> None:
    """Ask the process to end, and wait until it has; kill it if it does not. None, or one that has ended, is fine."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        kill(process)
        raise


def kill(process: subprocess.Popen[bytes] | None) -> None:
    """End the process at once, and wait until it has ended. None, or one that has ended, is fine."""
    if process is not None:
        process.kill()
        process.wait(END_SECONDS)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold the process by SIGSTOP as long as the context lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # somebody killed it meanwhile
            os.kill(pid, signal.SIGCONT)


def children(pid: int) -> list[int]:
    """Of the process. One that has just ended has none."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, thread.read_text().split())
    return found


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
