"""Which files a process may open from now on, and no more than that (Landlock, landlock(7), Linux 5.13 and later).

The kernel tells by a version (ABI) what it can refuse. Version 1: to open, make, delete files. 2: to move them to another
directory. 3: to cut them off. 4: TCP. 5: `ioctl` on devices. 6: abstract Unix sockets and signals to other processes. What is
refused is refused for good, to all threads that the process starts, and to root. At every version, a process that is locked in
cannot trace one that is not, nor read or write its memory.

Not refused, at any version yet: to ask whether a path exists, how large it is and whose. Calls that change modes, owners, times
or attributes are for `seccomp` to refuse.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of the calls, the same on every machine."""
ASK_VERSION, PATH_BENEATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38

WRITE_FILE, READ_FILE, READ_DIR, MAKE_REG, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 8, 1 << 14
ON_FILES = 1 << 0 | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
"""What can be allowed on a file that is no directory."""
READ = READ_FILE | READ_DIR
FILL = READ_FILE | READ_DIR | WRITE_FILE | MAKE_REG | TRUNCATE
"""To make files in a directory and write them; no links, no directories, no special files, and nothing is deleted."""

FILES = (0, 0x1FFF, 0x3FFF, 0x7FFF, 0x7FFF, 0xFFFF)
"""By the version: the uses of files that it can refuse. Later ones can refuse the same as the last."""
TCP, SCOPES = 0b11, 0b11
"""To bind and to connect; abstract Unix sockets, and signals."""


class Unavailable(Exception):
    """This kernel has no Landlock, or it is switched off."""


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("directory", ctypes.c_int32)]


def version() -> int:
    """The version that this kernel has. Raises Unavailable."""
    return _call(CREATE_RULESET, None, 0, ASK_VERSION)


def confine(allowed: Mapping[Path, int]) -> int:
    """Refuses the calling thread, and those that it starts, all files but those beneath these paths, with those rights there.

    Answers the version that is enforced. Paths that do not exist, or cannot be reached, are left out. Raises Unavailable, and
    nothing is refused then.
    """
    there = version()
    files = FILES[min(there, len(FILES) - 1)]
    rules = _Ruleset(files, TCP if there >= 4 else 0, SCOPES if there >= 6 else 0)
    size = 8 if there < 4 else 16 if there < 6 else 24
    ruleset = _call(CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for path, rights in allowed.items():
            _allow(ruleset, path, rights & files)
        _no_new_privileges()
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return there


def existing(paths: Iterable[Path]) -> list[Path]:
    """The paths that exist and can be read, without those that lie beneath another."""
    found = sorted({path.resolve() for path in paths if os.access(path, os.R_OK)})
    return [path for path in found if not any(above in found for above in path.parents)]


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= ON_FILES
        _call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(_Beneath(rights, handle)), 0)
    finally:
        os.close(handle)


def _no_new_privileges() -> None:
    _libc().prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _call(number: int, *arguments: object) -> int:
    filled = (ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments)
    answer: int = _libc().syscall(ctypes.c_long(number), *filled)
    if answer < 0:
        raise Unavailable(os.strerror(ctypes.get_errno()))
    return answer


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
