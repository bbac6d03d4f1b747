"""A hostile child: applies the real limits, then makes one attempt and reports the outcome.

`python -m tests.pipeline.inmate ATTEMPT WORKSPACE [unconfined]` prints the name of the error, or "done".
"""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from processing.pipeline.process import confinement

MEBI = 1024 * 1024
CLONE3, IO_URING_SETUP = 435, 425  # the same numbers on every architecture
X32_GETPID = 0x40000000 + 39


def syscall(number: int) -> Callable[[], None]:
    def call() -> None:
        if ctypes.CDLL(None, use_errno=True).syscall(number, 0, 0, 0) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return call


def start_a_thread() -> None:
    thread = threading.Thread(target=list)
    thread.start()
    thread.join()


ATTEMPTS: dict[str, Callable[[], object]] = {
    "open a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "open a UDP socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "open a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "create a socket pair": socket.socketpair,
    "execute a program": lambda: os.execv("/bin/true", ["true"]),
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "fork": os.fork,
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "signal the worker": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "open a pidfd of the worker": lambda: os.pidfd_open(os.getppid()),
    "use io_uring": syscall(IO_URING_SETUP),
    "use clone3": syscall(CLONE3),
    "use x32 system call numbers": syscall(X32_GETPID),
    "start a thread": start_a_thread,
}


def main(attempt: str, workspace: str, *unconfined: str) -> None:
    if not unconfined:
        confinement.apply_limits(os.getppid(), 512 * MEBI, Path(workspace))
    try:
        ATTEMPTS[attempt]()
    except OSError as error:
        outcome = "ENOSYS" if error.errno == errno.ENOSYS else type(error).__name__
    else:
        outcome = "done"
    os.write(1, outcome.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
