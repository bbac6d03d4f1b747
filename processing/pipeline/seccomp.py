"""What the kernel refuses the child from its start on: the network, other programs, other processes (seccomp(2), a BPF filter).

Refused calls answer EPERM. A decoder needs none of them, so whoever takes one over finds no way out of the process.
Costs 0.2 ms a child and some 0.05 µs a call; a photo takes as long as without.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22
SECCOMP_MODE_FILTER = 2
CLONE_THREAD = 0x10000
X32 = 0x40000000
"""The bit that marks a call of x86-64's second, 32-bit way of calling, whose numbers differ."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Linux's numbers for one kind of processor: linux/audit.h, asm/unistd.h."""

    audit_arch: int
    refused: dict[str, int]
    clone: int


CLONE3 = 435
EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,  # opens sockets without the calls below
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
}
MACHINES = {
    "x86_64": Machine(
        audit_arch=0xC000003E,
        clone=56,
        refused=EVERYWHERE
        | {"socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45, "sendmsg": 46, "recvmsg": 47}
        | {"bind": 49, "listen": 50, "socketpair": 53, "accept4": 288, "recvmmsg": 299, "sendmmsg": 307}
        | {"fork": 57, "vfork": 58, "execve": 59, "execveat": 322}
        | {"kill": 62, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311}
        | {"mount": 165, "unshare": 272, "setns": 308, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323}
        | {"add_key": 248, "request_key": 249, "keyctl": 250, "open_by_handle_at": 304},
    ),
    "aarch64": Machine(
        audit_arch=0xC00000B7,
        clone=220,
        refused=EVERYWHERE
        | {"socket": 198, "connect": 203, "accept": 202, "sendto": 206, "recvfrom": 207, "sendmsg": 211, "recvmsg": 212}
        | {"bind": 200, "listen": 201, "socketpair": 199, "accept4": 242, "recvmmsg": 243, "sendmmsg": 269}
        | {"execve": 221, "execveat": 281}
        | {"kill": 129, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271}
        | {"mount": 40, "unshare": 97, "setns": 268, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282}
        | {"add_key": 217, "request_key": 218, "keyctl": 219, "open_by_handle_at": 265},
    ),
}

# linux/bpf_common.h and linux/seccomp.h: what the program is made of, and where it finds the call's number, machine, arguments.
LOAD, EQUAL, AT_LEAST, ANY_BIT, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCH, FIRST_ARGUMENT = 0, 4, 16
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Unavailable(Exception):
    """This kernel or machine has no such filter."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def close_doors() -> None:
    """For this process, for good, and for every thread it starts. Raises Unavailable."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        raise Unavailable(f"no list of system calls for {os.uname().machine}")
    code = program(machine)
    filled = _Program(len(code) // 8, code)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filled))


def program(machine: Machine) -> bytes:
    """Look at the machine, then at the call's number; of clone, which makes threads and processes, at its flags too."""
    numbers = sorted(machine.refused.values())
    allow = 6 + len(numbers)
    flags, refuse, unknown = allow + 1, allow + 4, allow + 5
    return _assembled(
        (LOAD, None, None, ARCH),
        (EQUAL, None, refuse, machine.audit_arch),
        (LOAD, None, None, NUMBER),
        (AT_LEAST, refuse, None, X32),
        (
            EQUAL,
            unknown,
            None,
            CLONE3,
        ),  # its flags cannot be looked at: told that there is none, the C library uses clone
        (EQUAL, flags, None, machine.clone),
        *((EQUAL, refuse, None, number) for number in numbers),
        (ANSWER, None, None, ALLOW),
        (LOAD, None, None, FIRST_ARGUMENT),
        (ANY_BIT, None, refuse, CLONE_THREAD),
        (ANSWER, None, None, ALLOW),
        (ANSWER, None, None, ERRNO | errno.EPERM),
        (ANSWER, None, None, ERRNO | errno.ENOSYS),
    )


def _assembled(*steps: tuple[int, int | None, int | None, int]) -> bytes:
    """Each is an instruction, where it leads on yes and on no (None: to the next), and its value."""

    def skip(here: int, target: int | None) -> int:
        return 0 if target is None else target - here - 1

    return b"".join(
        struct.pack("=HBBI", code, skip(here, yes), skip(here, no), value)
        for here, (code, yes, no, value) in enumerate(steps)
    )


def _prctl(option: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    filled = [*arguments, 0, 0, 0, 0][:4]
    if libc.prctl(option, *(ctypes.c_ulong(value) if isinstance(value, int) else value for value in filled)):
        raise Unavailable(f"prctl({option}): {os.strerror(ctypes.get_errno())}")
