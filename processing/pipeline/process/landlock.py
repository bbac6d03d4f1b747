"""Restricts the files that a process may open, with Landlock (landlock(7), Linux 5.13 and later).

The kernel reports a version (ABI) of what it can deny. Version 1: opening, creating and deleting files. 2: moving files to
another directory. 3: truncating. 4: TCP. 5: `ioctl` on devices. 6: abstract Unix sockets and signals to other processes. A
restriction cannot be lifted, and also applies to root and to all threads that the process starts. At every version, a restricted
process cannot trace an unrestricted one, nor read or write its memory.

No version yet denies stat(2): whether a path exists, its size and its owner. `seccomp` denies the calls that change modes,
owners, times or attributes.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System call numbers, the same on every architecture."""
ASK_VERSION, PATH_BENEATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38

WRITE_FILE, READ_FILE, READ_DIR, MAKE_REG, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 8, 1 << 14
ON_FILES = 1 << 0 | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
"""The rights that apply to files other than directories."""
READ = READ_FILE | READ_DIR
CREATE_AND_WRITE = READ_FILE | READ_DIR | WRITE_FILE | MAKE_REG | TRUNCATE
"""The right to create and write regular files in a directory. It excludes links, directories, special files and deleting."""

FILES = (0, 0x1FFF, 0x3FFF, 0x7FFF, 0x7FFF, 0xFFFF)
"""The rights on files that each version can deny, by version. Versions after the last are the same as the last."""
TCP, SCOPES = 0b11, 0b11
"""TCP: bind and connect. SCOPES: abstract Unix sockets and signals."""


class LandlockUnavailable(Exception):
    """This kernel has no Landlock, or it is switched off."""


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("directory", ctypes.c_int32)]


def version() -> int:
    """The version of this kernel's Landlock. Raises LandlockUnavailable."""
    return _call(CREATE_RULESET, None, 0, ASK_VERSION)


def restrict(allowed: Mapping[Path, int]) -> int:
    """Restricts the calling thread, and threads that it starts, to files below the paths in `allowed`, with their rights.

    Returns the version that is enforced. Skips paths that do not exist or cannot be reached. Raises LandlockUnavailable, and
    then restricts nothing.
    """
    abi = version()
    files = FILES[min(abi, len(FILES) - 1)]
    rules = _Ruleset(files, TCP if abi >= 4 else 0, SCOPES if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _call(CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for path, rights in allowed.items():
            _allow(ruleset, path, rights & files)
        _no_new_privileges()
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def readable_roots(paths: Iterable[Path]) -> list[Path]:
    """The resolved paths that exist and are readable, without those inside another of them."""
    resolved = sorted({path.resolve() for path in paths if os.access(path, os.R_OK)})
    return [path for path in resolved if not any(parent in resolved for parent in path.parents)]


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= ON_FILES
        _call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(_PathBeneath(rights, descriptor)), 0)
    finally:
        os.close(descriptor)


def _no_new_privileges() -> None:
    _libc().prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _call(number: int, *arguments: object) -> int:
    converted = (ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments)
    result: int = _libc().syscall(ctypes.c_long(number), *converted)
    if result < 0:
        raise LandlockUnavailable(os.strerror(ctypes.get_errno()))
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
