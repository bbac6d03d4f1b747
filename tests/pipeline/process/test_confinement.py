"""An attacker in the decoding child has no network, no programs and no other process. A real child tries it."""

import errno
import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from processing.pipeline.process import client as child_process
from processing.pipeline.process import confinement, landlock, seccomp
from processing.pipeline.process.workspace import Workspace
from tests.pipeline import inmate

OWN = 4321
PROJECT = Path(__file__).parents[3]
OTHER_OUTCOMES = {"start a thread": "done", "use clone3": "ENOSYS"}
DEADLY = {"execute a program", "open a pidfd of the worker", "use io_uring", "use x32 system call numbers"}

pytestmark = pytest.mark.skipif(
    os.uname().machine not in seccomp.ARCHITECTURES, reason="no list of system calls for this architecture"
)


@pytest.fixture
def workspace():
    workspace = Workspace(None)
    yield workspace
    workspace.close()


def outcome(attempt: str, *options: str) -> str:
    command = [sys.executable, "-m", "tests.pipeline.inmate", attempt, *options]
    process = subprocess.run(
        command, cwd=PROJECT, env=child_process.ENVIRONMENT, capture_output=True, text=True, check=False
    )
    return signal.Signals(-process.returncode).name if process.returncode < 0 else process.stdout or process.stderr


@pytest.mark.parametrize("attempt", inmate.ATTEMPTS)
def test_a_child_is_denied_what_a_decoder_does_not_need(attempt, workspace):
    expected = "SIGSYS" if attempt in DEADLY else OTHER_OUTCOMES.get(attempt, "PermissionError")
    assert outcome(attempt, str(workspace.path)) == expected


@pytest.mark.parametrize("attempt", ["open a TCP socket", "start a program"])
def test_the_attempt_succeeds_without_the_limits(attempt, workspace):
    assert outcome(attempt, str(workspace.path), "unconfined") == "done"


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_of_every_architecture_returns_an_action_for_every_system_call(machine):
    calls = seccomp.ARCHITECTURES[machine]
    numbers = [*calls.allowed.values(), *calls.killing.values(), seccomp.CLONE3]

    actions = {number: action(calls, number) for number in range(seccomp.MAX_KNOWN_CALL + 60)}

    assert len(set(numbers)) == len(numbers)
    assert {actions[number] for number in calls.killing.values()} == {seccomp.KILL_PROCESS}
    assert actions[calls.allowed["read"]] == seccomp.ALLOW
    assert {number for number, result in actions.items() if result == seccomp.ALLOW} <= set(calls.allowed.values())
    assert actions[seccomp.CLONE3] == actions[seccomp.MAX_KNOWN_CALL + 1] == seccomp.ERRNO | errno.ENOSYS
    assert action(calls, seccomp.X32 + 39) == action(calls, 39, arch=0x40000003) == seccomp.KILL_PROCESS


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
@pytest.mark.parametrize(
    ("call", "arguments", "is_allowed"),
    [
        ("tgkill", (OWN, 77, signal.SIGABRT), True),
        ("tgkill", (OWN, 77, signal.SIGTERM), False),
        ("tgkill", (OWN + 1, 77, signal.SIGABRT), False),
        ("prlimit64", (0, 2), True),
        ("prlimit64", (OWN, 2), True),
        ("prlimit64", (OWN + 1, 2), False),
        ("clone", (0x3D0F00,), True),
        ("clone", (0x3D0F00 | 0x10000000,), False),
        ("clone", (signal.SIGCHLD,), False),
        ("fcntl", (5, 1030), True),
        ("fcntl", (5, 8, OWN + 1), False),
        ("ioctl", (0, 0x5401), True),
        ("ioctl", (0, 0x5412), False),
        ("prctl", (15,), True),
        ("prctl", (1, 0), False),
        ("mmap", (0, 4096, 3, 0x22), True),
        ("mmap", (0, 4096, 1, 0x01), True),
        ("mmap", (0, 4096, 3, 0x21), False),
        ("mmap", (0, 4096, 3, 0x122), False),
        ("mprotect", (0, 4096, 3), True),
        ("mprotect", (0, 4096, 0x01000003), False),
        ("mprotect", (0, 4096, 0x02000003), False),
        ("openat", (3, 0, os.O_RDONLY | os.O_DIRECTORY), True),
        ("openat", (3, 0, os.O_WRONLY | os.O_TRUNC | os.O_CREAT), True),
        ("openat", (3, 0, os.O_RDONLY | os.O_TRUNC), False),
        ("openat", (3, 0, 0x400000 | os.O_DIRECTORY | os.O_RDWR), False),
    ],
)
def test_system_calls_are_allowed_with_harmless_arguments_only(machine, call, arguments, is_allowed):
    calls = seccomp.ARCHITECTURES[machine]

    result = action(calls, calls.allowed[call], *arguments)

    assert result == (seccomp.ALLOW if is_allowed else seccomp.ERRNO | errno.EPERM)


def action(machine: seccomp.Architecture, number: int, *arguments: int, arch: int = 0) -> int:
    """Returns what the kernel would do: interprets the filter program step by step."""
    code = seccomp.program(machine, OWN)
    fields = {seccomp.NUMBER: number, seccomp.ARCH: arch or machine.audit_arch}
    fields |= {seccomp.FIRST_ARGUMENT + 8 * at: value for at, value in enumerate(arguments)}
    at = register = 0
    while True:
        operation, if_true, if_false, value = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if operation == seccomp.RETURN:
            return value
        if operation == seccomp.LOAD:
            register = fields.get(value, 0)
        elif operation == seccomp.AND:
            register &= value
        else:
            at += if_true if (register == value if operation == seccomp.EQUAL else register >= value) else if_false


def test_the_log_says_that_system_calls_are_not_filtered(caplog, workspace):
    child = child_process.Child(512 * 1024 * 1024, workspace)
    child._greet({"ready": child.process.pid, "missing": "System calls are not filtered: no list for riscv64."})
    child.stop()

    assert "The sandbox lacks protections. System calls are not filtered" in caplog.text


def test_a_warning_is_returned_if_the_data_directory_is_within_a_readable_one(tmp_path, monkeypatch):
    monkeypatch.setattr(confinement, "readable", lambda: [tmp_path])
    monkeypatch.setattr(landlock, "restrict", lambda _: 7)

    assert (
        confinement._files(tmp_path / "data" / "sandbox")
        == f"DATA_DIR is in {tmp_path}, which it may read because of the libraries there."
    )
    assert confinement._files(tmp_path.parent) == ""


def test_a_warning_is_returned_if_the_process_has_further_threads(workspace):
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()

    warning = confinement._threads()
    release.set()
    thread.join()

    assert warning == "Threads that it had already are not limited."


def test_a_warning_is_returned_if_the_kernel_lacks_landlock(tmp_path, monkeypatch):
    def unavailable(_):
        raise landlock.LandlockUnavailable("Function not implemented")

    monkeypatch.setattr(landlock, "restrict", unavailable)

    assert (
        confinement._files(tmp_path)
        == "Which files it may open is not limited: no Landlock (Function not implemented)."
    )


@pytest.mark.parametrize(
    ("version", "size", "files"), [(1, 8, 0x1FFF), (2, 8, 0x3FFF), (3, 8, 0x7FFF), (4, 16, 0x7FFF), (7, 24, 0xFFFF)]
)
def test_landlock_is_called_with_the_rights_that_its_version_supports(tmp_path, monkeypatch, version, size, files):
    calls = []

    def call(number, *arguments):
        calls.append((number, arguments))
        return version if arguments[-1] == landlock.ASK_VERSION else os.open("/dev/null", os.O_RDONLY)

    monkeypatch.setattr(landlock, "_call", call)
    monkeypatch.setattr(landlock, "_no_new_privileges", lambda: None)

    assert landlock.restrict({tmp_path: landlock.CREATE_AND_WRITE, tmp_path / "nowhere": landlock.READ}) == version

    _, (_, ruleset, rule, restrict) = calls[0], calls
    handled = ruleset[1][0]._obj
    allowed = rule[1][2]._obj.allowed
    assert (ruleset[1][1], handled.files, handled.net, handled.scopes) == (
        size,
        files,
        3 * (version >= 4),
        3 * (version >= 6),
    )
    assert allowed == landlock.CREATE_AND_WRITE & files
    assert restrict[0] == landlock.RESTRICT_SELF
