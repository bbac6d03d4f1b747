"""The limits that a child process puts on itself before it touches a stranger's file."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from processing.pipeline import seccomp

PR_SET_PDEATHSIG = 1
MOST_FILE_BYTES = 256 * 1024 * 1024


def raise_fences(parent: int, memory_bytes: int) -> str:
    """Session, death with the parent, memory, no core dumps, no giant files, no network, no programs.

    Exits if it is an orphan. Answers which fence this kernel does not have, in words; nothing when all stand.
    """
    if os.getpid() != os.getsid(0):
        os.setsid()
    _die_with(parent)
    # DATA, not AS: libheif reserves address space that it never touches; AS would abort it.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        seccomp.close_doors()
    except seccomp.Unavailable as why:
        return f"System calls are not filtered: {why}."
    return ""


def allow_cpu(seconds: int) -> None:
    """From now on that much CPU time; the kernel ends the process with SIGXCPU after it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, hard))


def resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - cheaper than pathlib, once a photo.
        return int(statm.read().split()[1]) * resource.getpagesize()


def _die_with(parent: int) -> None:
    """A busy child must not outlive a killed worker. The parent may be dead before this."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
