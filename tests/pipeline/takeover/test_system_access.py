"""Code of an attacker in the child that decodes, which is started as a worker starts it, reaches nothing but its own photo."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from processing.pipeline.process import client as child_process
from processing.pipeline.process import seccomp
from processing.rendering.sandbox import Crashed, Sandbox
from tests.pipeline.takeover.conftest import NEEDS_CONFINEMENT, result_of, run, untouched

pytestmark = NEEDS_CONFINEMENT


DENIED = {"EACCES", "EPERM"}


def test_the_child_reads_its_photo_and_no_other_file(sandbox: Sandbox, installation: Path) -> None:
    result = result_of(
        sandbox,
        installation,
        """
        import os
        paths = [f"{home}/{name}" for name in ("secret_key", "db.sqlite3", "incoming/other", "incoming/photo", "originals/one")]
        paths += ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/self/maps", "/proc/1/environ", "/proc/meminfo"]
        paths += [f"/proc/{worker}/{name}" for name in ("environ", "maps", "mem", "cmdline", "fd/0", "root/etc/passwd", "cwd")]
        own = request["source"]
        paths += [own.rpartition("/in/")[0] + "/in-use", own.removesuffix("photo") + "../../../secret_key"]
        result = {path.replace(home, ""): attempt(lambda path=path: open(path, "rb").read(1)) for path in paths}
        directories = ("/", home, f"{home}/incoming", f"{home}/sandbox", "/proc", f"/proc/{worker}/fd", "/root", "/etc", ".")
        result |= {f"list {path.replace(home, '')}": attempt(os.listdir, path) for path in directories}
        result["its own"] = attempt(lambda: open(own, "rb").read(1))
        """,
    )

    assert result.pop("its own") == "done"
    assert {name: outcome for name, outcome in result.items() if outcome not in DENIED} == {}


def test_the_child_writes_only_in_its_folder_and_deletes_nothing(sandbox: Sandbox, installation: Path) -> None:
    result = result_of(
        sandbox,
        installation,
        """
        import os
        out, own, created = request["out"], request["source"], request["out"] + "/created"
        open(created, "w").close()
        original = f"{home}/originals/one"
        def write(path):
            open(path, "wb").write(b"pwned")
        paths = [original, f"{home}/db.sqlite3", f"{home}/new", f"{home}/huey.sqlite3", "/tmp/new", "/dev/shm/new", own]
        paths += [own + "2", out + "/../new", os.getcwd() + "/processing/pipeline/process/child.py", f"/proc/{worker}/mem"]
        result = {f"write {path.replace(home, '')}": attempt(write, path) for path in paths}
        result["delete"] = attempt(os.unlink, original)
        result["rename"] = attempt(os.rename, original, f"{home}/originals/two")
        result["cut off"] = attempt(os.truncate, original, 0)
        result["cut off its own"] = attempt(os.open, own, os.O_RDONLY | os.O_TRUNC)
        result["replace"] = attempt(os.replace, created, original)
        result["move away"] = attempt(os.rename, original, out + "/one")
        result["delete its own"] = attempt(os.unlink, created)
        result["mode"] = attempt(os.chmod, f"{home}/secret_key", 0o644)
        result["owner"] = attempt(os.chown, original, 1, 1)
        result["times"] = attempt(os.utime, original)
        result["attribute"] = attempt(os.setxattr, original, "user.x", b"x")
        result["hard link in"] = attempt(os.link, f"{home}/secret_key", out + "/secret")
        result["hard link of its photo"] = attempt(os.link, own, out + "/400.webp")
        result["hard link out"] = attempt(os.link, created, f"{home}/created")
        result["symbolic link"] = attempt(os.symlink, f"{home}/secret_key", out + "/400.webp")
        result["pipe"] = attempt(os.mkfifo, out + "/pipe")
        result["device"] = attempt(os.mknod, out + "/device", 0o20666, os.makedev(1, 1))
        result["directory"] = attempt(os.mkdir, out + "/directory")
        result["without a name"] = attempt(os.open, out, os.O_TMPFILE | os.O_RDWR)
        """,
    )

    assert {name: outcome for name, outcome in result.items() if outcome not in DENIED} == {}
    assert untouched(installation)
    assert not (installation / "renditions").exists()


def test_the_child_has_no_variables_of_the_worker_and_only_its_own_descriptors(
    sandbox: Sandbox, installation: Path
) -> None:
    with (installation / "db.sqlite3").open("rb") as inherited:
        os.set_inheritable(inherited.fileno(), True)
        result = result_of(
            sandbox,
            installation,
            """
            import os, stat
            kinds = {}
            for number in range(256):
                try:
                    status = os.fstat(number)
                except OSError:
                    continue
                kinds[number] = stat.S_IFMT(status.st_mode)
            pipes = [number for number, kind in kinds.items() if kind == stat.S_IFIFO]
            files = [number for number, kind in kinds.items() if kind == stat.S_IFREG]
            sizes = [os.fstat(number).st_size for number in files]
            result = {"variables": dict(os.environ), "pipes": len(pipes), "sizes": sizes, "count": len(kinds)}
            """,
        )

    expected = child_process.ENVIRONMENT | {"LC_CTYPE": "C.UTF-8"}
    assert {name: value for name, value in result["variables"].items() if expected.get(name) != value} == {}
    # /dev/null three times, the pipes of requests and responses, and the child's own statm, which has size 0.
    assert (result["pipes"], result["sizes"], result["count"]) == (2, [0], 6)


def test_the_child_has_no_network(sandbox: Sandbox, installation: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(installation / "socket"))
        unix.listen()
        result = result_of(
            sandbox,
            installation,
            """
            import socket
            def connect(family, kind, address):
                socket.socket(family, kind).connect(address)
            result = {
                "tcp": attempt(connect, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
                "udp": attempt(connect, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
                "ipv6": attempt(connect, socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
                "unix": attempt(connect, socket.AF_UNIX, socket.SOCK_STREAM, f"{home}/socket"),
                "abstract": attempt(connect, socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + "bus"),
                "netlink": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0),
                "vsock": attempt(socket.socket, 40, socket.SOCK_STREAM, 0),
                "pair": attempt(socket.socketpair),
            }
            """,
            port=tcp.getsockname()[1],
        )

    assert set(result.values()) == {"EPERM"}


def test_the_child_cannot_affect_other_processes_fork_or_lift_its_limits(sandbox: Sandbox, installation: Path) -> None:
    result = result_of(
        sandbox,
        installation,
        """
        import ctypes, fcntl, mmap, os, resource, signal
        libc = ctypes.CDLL(None, use_errno=True)
        def call(name, *arguments):
            if getattr(libc, name)(*arguments) == -1:
                raise OSError(ctypes.get_errno(), "")
        result = {
            "kill": attempt(os.kill, worker, signal.SIGKILL),
            "kill all": attempt(os.kill, -1, signal.SIGKILL),
            "kill the group": attempt(os.killpg, worker, signal.SIGKILL),
            "tgkill": attempt(call, "tgkill", worker, worker, signal.SIGKILL),
            "signals by a descriptor": attempt(fcntl.fcntl, 0, fcntl.F_SETOWN, worker),
            "live on": attempt(call, "prctl", 1, 0, 0, 0, 0),
            "be traced": attempt(call, "prctl", 4, 1, 0, 0, 0),
            "limits of the worker": attempt(resource.prlimit, worker, resource.RLIMIT_NOFILE, (1, 1)),
            "priority": attempt(os.setpriority, os.PRIO_PROCESS, worker, 19),
            "processors of the worker": attempt(os.sched_setaffinity, worker, [0]),
            "session": attempt(os.setsid),
            "user": attempt(os.setuid, 1),
            "fork": attempt(os.fork),
            "shared memory, which no limit counts": attempt(mmap.mmap, -1, 1 << 30),
            "memory that grows down": attempt(mmap.mmap, -1, 1 << 30, 0x122),
            "memory with a name": attempt(os.memfd_create, "x"),
            "a queue": attempt(call, "mq_open", b"/x", os.O_CREAT | os.O_RDWR, 0o600, None),
            "shared memory": attempt(call, "shmget", 1, 4096, 0o1666),
            "more memory": attempt(resource.setrlimit, resource.RLIMIT_DATA, (-1, -1)),
            "clone3, whose flags no filter can read": attempt(call, "syscall", 435, None, 0),
            "a call newer than the list": attempt(call, "syscall", 999),
            "its own memory as a file": attempt(os.open, "/proc/self/mem", os.O_RDWR),
            "the worker's memory as a file": attempt(os.open, f"/proc/{worker}/mem", os.O_RDWR),
            "larger files": attempt(resource.setrlimit, resource.RLIMIT_FSIZE, (-1, -1)),
        }
        """,
    )

    expected = {"EPERM", "EACCES", "ENOSYS", "ValueError"}
    assert {name: outcome for name, outcome in result.items() if outcome not in expected} == {}


DEADLY = {
    "trace": "libc.ptrace(16, worker, 0, 0)",
    "read memory": "libc.process_vm_readv(worker, 0, 0, 0, 0, 0)",
    "write memory": "libc.process_vm_writev(worker, 0, 0, 0, 0, 0)",
    "hold the worker": "os.pidfd_open(worker)",
    "run a program": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
    "make a user namespace": "libc.unshare(0x10000000)",
    "mount": "libc.mount(b'x', b'/', b'tmpfs', 0, 0)",
    "io_uring": "libc.syscall(425, 1, 0)",
    "run a program that is only in memory": "libc.syscall(NUMBERS['execveat'], 0, b'', 0, 0, 0x1000)",
    "open a file by its handle": "libc.syscall(NUMBERS['open_by_handle_at'], 0, b'', 0)",
    "handle page faults": "libc.syscall(NUMBERS['userfaultfd'], 0)",
    "keys of the kernel": "libc.syscall(NUMBERS['keyctl'], 0, 0)",
    "load a program into the kernel": "libc.syscall(NUMBERS['bpf'], 0, 0, 0)",
    "performance counters": "libc.syscall(NUMBERS['perf_event_open'], 0, 0, -1, -1, 0)",
    "enter a namespace": "libc.syscall(NUMBERS['setns'], 0, 0)",
    "compare with the worker": "libc.syscall(NUMBERS['kcmp'], worker, worker, 0, 0, 0)",
    "signal with data": "libc.syscall(NUMBERS['rt_sigqueueinfo'], worker, 9, 0)",
    "take a descriptor of the worker": "libc.syscall(438, 0, 0, 0)",
}


ALIVE = "response = {'error': 'broken', 'message': 'alive', 'permanent': True}"
"""A valid response, unlike that of a child that crashed."""


@pytest.mark.parametrize("call", DEADLY)
def test_some_system_calls_end_the_child_at_once(sandbox: Sandbox, installation: Path, call: str) -> None:
    numbers = seccomp.ARCHITECTURES[os.uname().machine].killing
    code = f"import ctypes, os\nlibc = ctypes.CDLL(None)\nattempt(lambda: {DEADLY[call]})\n{ALIVE}"

    with pytest.raises(Crashed):
        run(sandbox, installation, code, NUMBERS=numbers)

    assert sandbox.pid is None


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="i386 calls exist only on x86-64")
def test_a_system_call_of_another_architecture_ends_the_child(sandbox: Sandbox, installation: Path) -> None:
    """`mov eax, 20; int 0x80; ret` is a system call of i386, where 20 is getpid."""
    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            r"""
            import ctypes, mmap
            code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
            code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
            response = {"error": "broken", "message": "alive", "permanent": True}
            """,
        )


def test_a_decoder_that_aborts_is_a_crash(sandbox: Sandbox, installation: Path) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, "import os\nos.abort()")

    assert result_of(sandbox, installation, "result = 'alive'") == "alive"


def test_threads_that_hostile_code_started_end_with_the_child(sandbox: Sandbox, installation: Path) -> None:
    result_of(
        sandbox,
        installation,
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(600)).start()\nresult = 1",
    )
    first = sandbox.pid

    sandbox.serve("somebody else")

    assert (first is None, sandbox.pid) == (False, None)


def test_the_photo_of_another_owner_gets_a_new_child(sandbox: Sandbox, installation: Path) -> None:
    sandbox.serve("one")
    result_of(sandbox, installation, "result = 1")
    first = sandbox.pid

    sandbox.serve("one")
    second = sandbox.pid
    sandbox.serve("other")
    result_of(sandbox, installation, "result = 1")

    assert first == second
    assert sandbox.pid not in (first, None)


def test_one_file_cannot_fill_the_disk(sandbox: Sandbox, installation: Path) -> None:
    result = result_of(
        sandbox,
        installation,
        """
        def write():
            with open(request["out"] + "/huge", "wb", buffering=0) as file:
                file.seek(1 << 28)
                file.write(b"x")
        result = attempt(write)
        """,
    )

    assert result == "EFBIG"


def test_many_files_cannot_fill_the_disk(sandbox: Sandbox, installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.pipeline.process.workspace.MAX_BYTES", 1024 * 1024)

    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            """
            import time
            number = 0
            while True:
                number += 1
                with open(f"{request['out']}/{number}", "wb") as file:
                    file.write(bytes(100_000))
                time.sleep(0.01)
            """,
        )

    assert list((installation / "sandbox").glob("*/out/*")) == []
