"""The limits that a child process applies to itself before it opens an uploaded file."""

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
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_DESCRIPTORS = 256
CAPABILITY_VERSION = 0x20080522
"""The version of capset(2)'s structures."""
KEPT_CAPABILITIES = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: if the worker runs as root, its files may belong to another user."""
SYSTEM_PATHS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/urandom", "/sys/devices/system/cpu")


def apply_limits(parent: int, memory_bytes: int, workspace: Path) -> str:
    """Applies all limits to this process and returns a description of those that could not be applied, or "".

    The process gets its own session, is killed when the parent dies, and has limited memory, no core dumps, no files above
    MAX_FILE_BYTES, no network and no other programs. It may open only the libraries, the files in the workspace's `in/`, and
    new files in `out/`. Exits if the parent has died already. Must be called while the process has a single thread.
    """
    if os.getpid() != os.getsid(0):
        os.setsid()
    _drop_capabilities()
    _kill_with_parent(parent)
    # DATA, not AS: libheif reserves address space that it never touches; AS would abort it.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _statm()
    hide_memory()
    return " ".join(filter(None, (_threads(), _files(workspace), _filter_calls())))


def hide_memory() -> None:
    """Prevents core dumps, and keeps processes of the same user from tracing this one or reading its memory, environment and
    open files.

    The files in /proc that all users may read stay readable: status, statm, command line. Lasts until exec; forks inherit it.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def readable() -> list[Path]:
    """The paths that a decoder may need when it is loaded later: the interpreter's modules, the libraries, and this package.

    Neither the project's directory nor a whole prefix is among them, because a photo library may be inside.
    """
    installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    installed |= {entry for entry in sys.path if entry.endswith(("/site-packages", "/dist-packages"))}
    libraries = [
        library
        for prefix in {sys.base_prefix, sys.prefix, "/usr/local"}
        for library in Path(prefix, "lib").glob("*.so*")
        if library.is_file()
    ]
    return landlock.readable_roots(
        [*map(Path, installed), *libraries, *map(Path, (*SYSTEM_PATHS, *DEVICES)), Path(__file__).parents[1]]
    )


def allow_cpu(seconds: int) -> None:
    """Limits the CPU time from now on. When it is used up, the kernel ends the process with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, hard))


def resident_bytes() -> int:
    """The resident memory of this process. Its file in /proc is opened before Landlock forbids that."""
    return int(os.pread(_statm(), 256, 0).split()[1]) * resource.getpagesize()


@cache
def _statm() -> int:
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


def _threads() -> str:
    """A description of the problem if the process has other threads: Landlock and seccomp do not limit those."""
    return "Threads that it had already are not limited." if len([*Path("/proc/self/task").iterdir()]) > 1 else ""


def _files(workspace: Path) -> str:
    libraries = readable()
    allowed = dict.fromkeys(libraries, landlock.READ)
    allowed |= {Path("/dev/null"): landlock.READ_FILE | landlock.WRITE_FILE}
    allowed |= {workspace / "in": landlock.READ_FILE, workspace / "out": landlock.CREATE_AND_WRITE}
    try:
        landlock.restrict(allowed)
    except landlock.LandlockUnavailable as error:
        return f"Which files it may open is not limited: no Landlock ({error})."
    if inside := [path for path in libraries if path in workspace.resolve().parents]:
        return f"DATA_DIR is in {inside[0]}, which it may read because of the libraries there."
    return ""


def _filter_calls() -> str:
    try:
        seccomp.apply_filter()
    except seccomp.SeccompUnavailable as error:
        return f"System calls are not filtered: {error}."
    return ""


def _drop_capabilities() -> None:
    """Drops root's capabilities except KEPT_CAPABILITIES. Other users have none."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) == 0:
        reduced = [value & KEPT_CAPABILITIES if index in (0, 1) else 0 for index, value in enumerate(sets)]
        libc.capset(header, (ctypes.c_uint32 * 6)(*reduced))


def _kill_with_parent(parent: int) -> None:
    """Makes the kernel kill this process when the parent dies, and exits if it has died already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
