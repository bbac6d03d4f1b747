"""Whoever takes over the child that decodes finds no network, no programs and no other process. Tried by a real one."""

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
FINE = {"start a thread": "done", "use clone3": "ENOSYS"}
DEADLY = {"become another program", "hold the worker", "use io_uring", "call by x32 numbers"}

pytestmark = pytest.mark.skipif(
    os.uname().machine not in seccomp.ARCHITECTURES, reason="no list of calls for this machine"
)


@pytest.fixture
def workspace():
    workspace = Workspace(None)
    yield workspace
    workspace.close()


def outcome(attempt: str, *more: str) -> str:
    command = [sys.executable, "-m", "tests.pipeline.inmate", attempt, *more]
    done = subprocess.run(
        command, cwd=PROJECT, env=child_process.ENVIRONMENT, capture_output=True, text=True, check=False
    )
    return signal.Signals(-done.returncode).name if done.returncode < 0 else done.stdout or done.stderr


@pytest.mark.parametrize("attempt", inmate.ATTEMPTS)
def test_a_child_is_refused_all_that_a_decoder_does_not_need(attempt, workspace):
    refused = "SIGSYS" if attempt in DEADLY else FINE.get(attempt, "PermissionError")
    assert outcome(attempt, str(workspace.path)) == refused


@pytest.mark.parametrize("attempt", ["open a TCP socket", "start a program"])
def test_without_the_fences_it_would_succeed(attempt, workspace):
    assert outcome(attempt, str(workspace.path), "unfenced") == "done"


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_every_machine_has_a_program_that_ends_with_an_answer_for_every_call(machine):
    listed = seccomp.ARCHITECTURES[machine]
    numbers = [*listed.allowed.values(), *listed.killing.values(), seccomp.CLONE3]

    answers = {number: answer(listed, number) for number in range(seccomp.NEWEST + 60)}

    assert len(set(numbers)) == len(numbers)
    assert {answers[number] for number in listed.killing.values()} == {seccomp.KILL_PROCESS}
    assert answers[listed.allowed["read"]] == seccomp.ALLOW
    assert {number for number, found in answers.items() if found == seccomp.ALLOW} <= set(listed.allowed.values())
    assert answers[seccomp.CLONE3] == answers[seccomp.NEWEST + 1] == seccomp.ERRNO | errno.ENOSYS
    assert answer(listed, seccomp.X32 + 39) == answer(listed, 39, arch=0x40000003) == seccomp.KILL_PROCESS


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
def test_some_calls_are_allowed_with_some_arguments(machine, call, arguments, is_allowed):
    listed = seccomp.ARCHITECTURES[machine]

    found = answer(listed, listed.allowed[call], *arguments)

    assert found == (seccomp.ALLOW if is_allowed else seccomp.ERRNO | errno.EPERM)


def answer(machine: seccomp.Architecture, number: int, *arguments: int, arch: int = 0) -> int:
    """What the kernel would make of the program: it is run here, step by step."""
    code = seccomp.program(machine, OWN)
    words = {seccomp.NUMBER: number, seccomp.ARCH: arch or machine.audit_arch}
    words |= {seccomp.FIRST_ARGUMENT + 8 * at: value for at, value in enumerate(arguments)}
    at = held = 0
    while True:
        step, yes, no, value = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if step == seccomp.ANSWER:
            return value
        if step == seccomp.LOAD:
            held = words.get(value, 0)
        elif step == seccomp.AND:
            held &= value
        else:
            at += yes if (held == value if step == seccomp.EQUAL else held >= value) else no


def test_a_machine_without_the_filter_says_so_in_the_log(caplog, workspace):
    child = child_process.Child(512 * 1024 * 1024, workspace)
    child._greet({"ready": child.process.pid, "missing": "System calls are not filtered: no list for riscv64."})
    child.stop()

    assert "The sandbox lacks protections. System calls are not filtered" in caplog.text


def test_a_library_of_photos_among_libraries_of_programs_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.setattr(confinement, "readable", lambda: [tmp_path])
    monkeypatch.setattr(landlock, "restrict", lambda _: 7)

    assert (
        confinement._files(tmp_path / "data" / "sandbox")
        == f"DATA_DIR lies in {tmp_path}, which it may read, for there are libraries."
    )
    assert confinement._files(tmp_path.parent) == ""


def test_threads_that_are_there_already_are_told_of(workspace):
    release = threading.Event()
    other = threading.Thread(target=release.wait)
    other.start()

    told = confinement._threads()
    release.set()
    other.join()

    assert told == "Threads that it had already are not limited."


def test_a_kernel_without_landlock_is_told_of(tmp_path, monkeypatch):
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
def test_each_version_of_landlock_is_asked_for_what_it_has(tmp_path, monkeypatch, version, size, files):
    calls = []

    def call(number, *arguments):
        calls.append((number, arguments))
        return version if arguments[-1] == landlock.ASK_VERSION else os.open("/dev/null", os.O_RDONLY)

    monkeypatch.setattr(landlock, "_call", call)
    monkeypatch.setattr(landlock, "_no_new_privileges", lambda: None)

    assert landlock.restrict({tmp_path: landlock.FILL, tmp_path / "nowhere": landlock.READ}) == version

    _, (_, ruleset, rule, restrict) = calls[0], calls
    told = ruleset[1][0]._obj
    allowed = rule[1][2]._obj.allowed
    assert (ruleset[1][1], told.files, told.net, told.scopes) == (size, files, 3 * (version >= 4), 3 * (version >= 6))
    assert allowed == landlock.FILL & files
    assert restrict[0] == landlock.RESTRICT_SELF
