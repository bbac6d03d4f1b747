"""The limits that a child process puts on itself before it touches a stranger's file."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from functools import cache
from pathlib import Path

from processing.pipeline.process import landlock, seccomp

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
MOST_FILE_BYTES = 256 * 1024 * 1024
MOST_HANDLES = 256
CAPABILITIES = 0x20080522
"""The version of capset(2)'s structures."""
KEPT_CAPABILITIES = 0b110
"""Where a worker runs as root, its files may be somebody else's: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/urandom", "/sys/devices/system/cpu")


def raise_fences(parent: int, memory_bytes: int, workspace: Path) -> str:
    """Session, death with the parent, memory, no core dumps, no giant files, no network, no programs, no other files.

    It may read the file in the workspace's `in/` and fill `out/`. Exits if it is an orphan. Answers which fences this kernel
    does not have, in words; nothing when all stand. To be called while there is one thread.
    """
    if os.getpid() != os.getsid(0):
        os.setsid()
    _drop_capabilities()
    _die_with(parent)
    # DATA, not AS: libheif reserves address space that it never touches; AS would abort it.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_HANDLES, MOST_HANDLES))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _statm()
    hide_memory()
    return " ".join(filter(None, (_threads(), _files(workspace), _calls())))


def hide_memory() -> None:
    """Processes of the same user can no longer trace this one, nor read its memory, environment or open files; no core dumps.

    What /proc tells everybody stays: status, statm, command line. Lasts until exec; forked processes inherit it.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def readable() -> list[Path]:
    """What a decoder that is loaded later may need: the interpreter's modules, the libraries, and this package.

    Not the project's directory, nor the whole of a prefix: a photo library may lie in there.
    """
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    installed |= {entry for entry in sys.path if entry.endswith(("/site-packages", "/dist-packages"))}
    libraries = [
        found
        for prefix in {sys.base_prefix, sys.prefix, "/usr/local"}
        for found in Path(prefix, "lib").glob("*.so*")
        if found.is_file()
    ]
    return landlock.existing(
        [*map(Path, installed), *libraries, *map(Path, (*SYSTEM, *DEVICES)), Path(__file__).parents[1]]
    )


def allow_cpu(seconds: int) -> None:
    """From now on that much CPU time; the kernel ends the process with SIGXCPU after it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, hard))


def resident_bytes() -> int:
    """What this process holds. Its file in /proc was opened before that became impossible."""
    return int(os.pread(_statm(), 256, 0).split()[1]) * resource.getpagesize()


@cache
def _statm() -> int:
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


def _threads() -> str:
    """Landlock and seccomp limit the thread that asks, and those that it starts."""
    return "Threads that it had already are not limited." if len([*Path("/proc/self/task").iterdir()]) > 1 else ""


def _files(workspace: Path) -> str:
    readable_ones = readable()
    allowed = dict.fromkeys(readable_ones, landlock.READ)
    allowed |= {Path("/dev/null"): landlock.READ_FILE | landlock.WRITE_FILE}
    allowed |= {workspace / "in": landlock.READ_FILE, workspace / "out": landlock.FILL}
    try:
        landlock.confine(allowed)
    except landlock.Unavailable as why:
        return f"Which files it may open is not limited: no Landlock ({why})."
    if inside := [path for path in readable_ones if path in workspace.resolve().parents]:
        return f"DATA_DIR lies in {inside[0]}, which it may read, for there are libraries."
    return ""


def _calls() -> str:
    try:
        seccomp.close_doors()
    except seccomp.Unavailable as why:
        return f"System calls are not filtered: {why}."
    return ""


def _drop_capabilities() -> None:
    """Those of root, where the worker runs as root; other users have none."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) == 0:
        kept = [value & KEPT_CAPABILITIES if at in (0, 1) else 0 for at, value in enumerate(sets)]
        libc.capset(header, (ctypes.c_uint32 * 6)(*kept))


def _die_with(parent: int) -> None:
    """A busy child must not outlive a killed worker. The parent may be dead before this."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
