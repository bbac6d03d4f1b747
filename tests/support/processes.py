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
"""Time limit for a process to end after a signal. Only a hung process needs so long."""

_SETPRIV = shutil.which("setpriv") or "/usr/bin/setpriv"
# This process may end before the child has set its parent-death signal: then no signal would end the child.
UNLESS_ORPHANED = 'test "$PPID" = "$1" && shift && exec "$@"'


def bounded(*command: str | Path, user: str = "") -> list[str | Path]:
    """Return a command that the kernel kills when the thread that starts it ends, even by SIGKILL or `os._exit`.

    Start processes in the main thread: they would end with any other. The kernel kills only this process. Its own children
    must watch their parent, as gunicorn's workers and PostgreSQL's backends do. Root may run it as another `user`.
    """
    as_user = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    unless_orphaned = ["/bin/sh", "-c", UNLESS_ORPHANED, "sh", str(os.getpid())]
    return [_SETPRIV, *as_user, "--pdeathsig=KILL", *unless_orphaned, *command]


def start(command: Sequence[str | Path], *, user: str = "", **options: Any) -> subprocess.Popen[bytes]:
    """Start the `bounded` command."""
    return subprocess.Popen(bounded(*command, user=user), **options)


def stop(process: subprocess.Popen[bytes] | None) -> None:
    """Terminate the process and wait; kill it if it does not end. Does nothing for None or a process that has ended."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        kill(process)
        raise


def kill(process: subprocess.Popen[bytes] | None) -> None:
    """Kill the process, and wait until it has ended. Does nothing for None or a process that has ended."""
    if process is not None:
        process.kill()
        process.wait(END_SECONDS)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Pause the process with SIGSTOP while the context lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it was killed meanwhile
            os.kill(pid, signal.SIGCONT)


def children(pid: int) -> list[int]:
    """Return the process IDs of the children; none if the process has just ended."""
    pids: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += map(int, thread.read_text().split())
    return pids


def is_alive(pid: int) -> bool:
    """Whether the process is running. A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
