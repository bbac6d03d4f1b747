"""Restricts the system calls of a process to those that decoders need, with a seccomp(2) BPF filter.

A call that is not on the list returns EPERM. clone3 and calls newer than the list return ENOSYS, so that the C library falls back
to older ones. Some calls kill the process (SIGSYS), because no decoder makes them even to probe the kernel: those that trace,
signal or read other processes, start programs, use io_uring, or change mounts, namespaces, keys or the kernel. So does a call
with another architecture's numbers (i386, x32).

Some calls are allowed with certain arguments only, see `_checks`. A filter sees numbers, not what they point to, so `landlock`
restricts which files may be opened. Costs 0.2 ms per child and about 0.05 µs per call.

The list comes from tracing every file of the photo collection, and those that tests make, with glibc 2.36 on x86-64. The list for
ARM64 has the same calls under that architecture's numbers and was not traced.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
SECCOMP_MODE_FILTER = 2
X32 = 0x40000000
"""The bit that marks a call by x86-64's x32 ABI, which has other numbers."""

MAX_KNOWN_CALL = 450
"""The newest call that the list covers (Linux 5.17). From 424 on, numbers are the same on every architecture."""
THREAD = (0x3D0F00, 0x7D0F00)
"""The flags of clone with which glibc and musl start a thread. Processes, and threads in other namespaces, have other flags."""
FCNTL = (0, 1, 2, 3, 4, 1030)
"""Commands that duplicate, and that get and set flags. Not F_SETOWN, with which a pipe sends signals to another process."""
TCGETS, FIOCLEX = 0x5401, 0x5451
PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41
SHARED_ANONYMOUS = 0x21
MAP_GROWSDOWN, PROT_GROWSDOWN, PROT_GROWSUP = 0x100, 0x01000000, 0x02000000
"""Flags of mmap and mprotect for memory that RLIMIT_DATA does not count."""
O_TMPFILE = 0x400000
"""Creates a file without a name, which uses disk space that `Workspace.is_too_full` does not see."""
O_TRUNC, O_ACCMODE = 0x200, 0x3
"""O_TRUNC truncates a file even if it is opened for reading. Landlock before version 3 does not deny that."""
ANY = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Architecture:
    """The system call numbers of one architecture: linux/audit.h, asm/unistd.h."""

    audit_arch: int
    allowed: dict[str, int]
    killing: dict[str, int]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition: `argument & mask` must be one of the values, or none of them with `is_not`."""

    argument: int
    values: tuple[int, ...]
    mask: int = ANY
    is_not: bool = False


KILLING_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,  # opens files and sockets without the calls below
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsmount": 432,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "process_mrelease": 448,
}
ARCHITECTURES = {
    "x86_64": Architecture(
        audit_arch=0xC000003E,
        # Those that a photo calls a thousand times come first, because the kernel runs the filter from the top.
        allowed={"read": 0, "futex": 202, "lseek": 8, "mmap": 9, "munmap": 11, "madvise": 28, "mremap": 25, "brk": 12}
        | {
            "write": 1,
            "close": 3,
            "openat": 257,
            "fstat": 5,
            "stat": 4,
            "lstat": 6,
            "newfstatat": 262,
            "ioctl": 16,
            "fcntl": 72,
        }
        | {"pread64": 17, "pwrite64": 18, "readv": 19, "writev": 20, "fsync": 74, "fdatasync": 75, "ftruncate": 77}
        | {"fadvise64": 221, "statx": 332, "readlink": 89, "readlinkat": 267, "access": 21, "faccessat": 269}
        | {"faccessat2": 439, "getdents64": 217, "getcwd": 79, "dup": 32, "dup2": 33, "dup3": 292}
        | {"mprotect": 10, "set_robust_list": 273, "set_tid_address": 218, "rseq": 334, "clone": 56}
        | {"exit": 60, "exit_group": 231, "restart_syscall": 219, "poll": 7, "ppoll": 271, "epoll_create1": 291}
        | {"sched_yield": 24, "sched_getaffinity": 204, "sched_getparam": 143, "sched_getscheduler": 145}
        | {"sched_get_priority_max": 146, "sched_get_priority_min": 147, "getcpu": 309}
        | {"rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sigaltstack": 131, "tgkill": 234}
        | {"gettid": 186, "getpid": 39, "getppid": 110, "getuid": 102, "geteuid": 107, "getgid": 104, "getegid": 108}
        | {"clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "nanosleep": 35, "gettimeofday": 96}
        | {"time": 201, "getrandom": 318, "getrusage": 98, "getrlimit": 97, "prlimit64": 302, "times": 100}
        | {"sysinfo": 99, "uname": 63, "prctl": 157},
        killing=KILLING_EVERYWHERE
        | {"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "tkill": 200}
        | {
            "rt_sigqueueinfo": 129,
            "rt_tgsigqueueinfo": 297,
            "execve": 59,
            "execveat": 322,
            "unshare": 272,
            "setns": 308,
        }
        | {"mount": 165, "umount2": 166, "pivot_root": 155, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323}
        | {"add_key": 248, "request_key": 249, "keyctl": 250, "open_by_handle_at": 304, "modify_ldt": 154}
        | {"kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176},
    ),
    "aarch64": Architecture(
        audit_arch=0xC00000B7,
        allowed={"read": 63, "futex": 98, "lseek": 62, "mmap": 222, "munmap": 215, "madvise": 233, "mremap": 216}
        | {"brk": 214, "write": 64, "close": 57, "openat": 56, "fstat": 80, "newfstatat": 79, "ioctl": 29, "fcntl": 25}
        | {"pread64": 67, "pwrite64": 68, "readv": 65, "writev": 66, "fsync": 82, "fdatasync": 83, "ftruncate": 46}
        | {"fadvise64": 223, "statx": 291, "readlinkat": 78, "faccessat": 48, "faccessat2": 439, "getdents64": 61}
        | {"getcwd": 17, "dup": 23, "dup3": 24, "mprotect": 226, "set_robust_list": 99, "set_tid_address": 96}
        | {"rseq": 293, "clone": 220, "exit": 93, "exit_group": 94, "restart_syscall": 128, "ppoll": 73}
        | {"epoll_create1": 20, "sched_yield": 124, "sched_getaffinity": 123, "sched_getparam": 121}
        | {"sched_getscheduler": 120, "sched_get_priority_max": 125, "sched_get_priority_min": 126, "getcpu": 168}
        | {"rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "sigaltstack": 132, "tgkill": 131}
        | {"gettid": 178, "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177}
        | {"clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "nanosleep": 101, "gettimeofday": 169}
        | {"getrandom": 278, "getrusage": 165, "getrlimit": 163, "prlimit64": 261, "times": 153}
        | {"sysinfo": 179, "uname": 160, "prctl": 167},
        killing=KILLING_EVERYWHERE
        | {"ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "tkill": 130}
        | {
            "rt_sigqueueinfo": 138,
            "rt_tgsigqueueinfo": 240,
            "execve": 221,
            "execveat": 281,
            "unshare": 97,
            "setns": 268,
        }
        | {"mount": 40, "umount2": 39, "pivot_root": 41, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282}
        | {"add_key": 217, "request_key": 218, "keyctl": 219, "open_by_handle_at": 265}
        | {"kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273, "delete_module": 106},
    ),
}
CLONE3 = 435
"""A filter cannot read its flags, which are behind a pointer. On ENOSYS, the C library falls back to clone."""

# linux/bpf_common.h and linux/seccomp.h: BPF instructions, and the offsets of the call's number, architecture and arguments.
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
NUMBER, ARCH, FIRST_ARGUMENT = 0, 4, 16
ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000

Step = tuple[int, int, int, int]
"""An instruction: its code, how many steps it skips if true and if false, and its value."""


class SeccompUnavailable(Exception):
    """This kernel does not support seccomp filters, or this architecture has no list."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def apply_filter() -> None:
    """Applies the filter to this process, irrevocably, and to every thread that it starts. Raises SeccompUnavailable."""
    machine = ARCHITECTURES.get(os.uname().machine)
    if machine is None:
        raise SeccompUnavailable(f"no list of system calls for {os.uname().machine}")
    code = program(machine, os.getpid())
    loaded = _Program(len(code) // 8, code)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded))


def program(machine: Architecture, pid: int) -> bytes:
    """The BPF program: it checks the architecture, then the call's number, then the arguments of some calls."""
    checks = _checks(pid)
    steps: list[Step] = [
        (LOAD, 0, 0, ARCH),
        *_unless_equal(machine.audit_arch, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, KILL_PROCESS),
    ]
    for name, number in machine.allowed.items():
        steps += _only_for(number, [*_argument_steps(checks.get(name, ())), (RETURN, 0, 0, ALLOW)])
    for number in machine.killing.values():
        steps += _only_for(number, [(RETURN, 0, 0, KILL_PROCESS)])
    steps += _only_for(CLONE3, [(RETURN, 0, 0, ERRNO | errno.ENOSYS)])
    steps += [
        (AT_LEAST, 0, 1, MAX_KNOWN_CALL + 1),
        (RETURN, 0, 0, ERRNO | errno.ENOSYS),
        (RETURN, 0, 0, ERRNO | errno.EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _checks(pid: int) -> dict[str, tuple[Check, ...]]:
    """The conditions on arguments, by call. abort() needs tgkill for SIGABRT to its own thread."""
    return {
        "tgkill": (Check(0, (pid,)), Check(2, (signal.SIGABRT,))),
        "prlimit64": (Check(0, (0, pid)),),
        "clone": (Check(0, THREAD),),
        "fcntl": (Check(1, FCNTL),),
        "ioctl": (Check(1, (TCGETS, FIOCLEX)),),
        "prctl": (Check(0, (PR_SET_NAME, PR_GET_NAME, PR_SET_VMA)),),
        "mmap": (
            Check(3, (SHARED_ANONYMOUS,), SHARED_ANONYMOUS, is_not=True),
            Check(3, (MAP_GROWSDOWN,), MAP_GROWSDOWN, is_not=True),
        ),
        "mprotect": tuple(Check(2, (grows,), grows, is_not=True) for grows in (PROT_GROWSDOWN, PROT_GROWSUP)),
        "openat": (
            Check(2, (O_TMPFILE,), O_TMPFILE, is_not=True),
            Check(2, (O_TRUNC,), O_TRUNC | O_ACCMODE, is_not=True),
        ),
    }


def _argument_steps(checks: tuple[Check, ...]) -> Iterator[Step]:
    """The steps that check arguments. They read the lower halves: the kernel treats all these arguments as 32 bits."""
    for check in checks:
        yield LOAD, 0, 0, FIRST_ARGUMENT + 8 * check.argument
        yield AND, 0, 0, check.mask
        remaining = len(check.values)
        for value in check.values:
            remaining -= 1
            if check.is_not:
                yield EQUAL, remaining, remaining + 1 if not remaining else 0, value
            else:
                yield EQUAL, remaining + 1, 0, value
        yield RETURN, 0, 0, ERRNO | errno.EPERM


def _only_for(number: int, steps: list[Step]) -> list[Step]:
    """The steps for one call; their last step returns. Other calls skip them."""
    return [(EQUAL, 0, len(steps), number), *steps]


def _unless_equal(value: int, action: int) -> list[Step]:
    return [(EQUAL, 1, 0, value), (RETURN, 0, 0, action)]


def _prctl(option: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [*arguments, 0, 0, 0, 0][:4]
    if libc.prctl(option, *(ctypes.c_ulong(value) if isinstance(value, int) else value for value in padded)):
        raise SeccompUnavailable(f"prctl({option}): {os.strerror(ctypes.get_errno())}")
