"""Code of an attacker in the child that decodes, which is started as a worker starts it, reaches nothing but its own photo.

The photo of each test is a program, which `tests.pipeline.impostor` runs under the real limits.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.picture import Rendition
from processing.pipeline.process import client as child_process
from processing.pipeline.process import landlock, seccomp
from processing.pipeline.process.messages import InvalidMessage
from processing.pipeline.process.workspace import Workspace
from processing.rendering.sandbox import Crashed, Sandbox

SECRET = "the secret of this installation"
OTHER_FILES = {
    "secret_key": SECRET,
    "db.sqlite3": "password hashes",
    "incoming/other": "somebody's photo",
    "originals/one": "kept",
}
DENIED = {"EACCES", "EPERM"}


def _has_landlock() -> bool:
    try:
        return landlock.version() >= 6
    except landlock.LandlockUnavailable:
        return False


pytestmark = [
    pytest.mark.skipif(os.uname().machine not in seccomp.ARCHITECTURES, reason="no list of calls for this machine"),
    pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock, or an older one"),
]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A directory with files that a decoder must not reach."""
    for name, content in OTHER_FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def sandbox(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(child_process, "MODULE", "tests.pipeline.impostor")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    with Sandbox(workspaces=installation / "sandbox", wall_seconds=60) as sandbox:
        yield sandbox


def run(sandbox: Sandbox, installation: Path, code: str, **extra: Any) -> Picture:
    """Develops a photo that is this program, with these variables, the installation's path as `home`, and the worker's PID."""
    variables = {"home": str(installation), "worker": os.getpid(), **extra}
    source = installation / "incoming" / "photo"
    source.write_text("\n".join(f"{name} = {value!r}" for name, value in variables.items()) + "\n" + dedent(code))
    return sandbox.develop(source, installation / "renditions")


def result_of(sandbox: Sandbox, installation: Path, code: str, **variables: Any) -> Any:
    """Returns what the program stores in `result`."""
    code = (
        dedent(code)
        + '\nimport json\nresponse = {"error": "broken", "message": json.dumps(result), "permanent": True}\n'
    )
    with pytest.raises(ImageRejected) as caught:
        run(sandbox, installation, code, **variables)
    assert caught.value.code == "broken", caught.value.__notes__
    return json.loads(caught.value.message)


def untouched(installation: Path) -> bool:
    return {name: (installation / name).read_text() for name in OTHER_FILES} == OTHER_FILES


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


PICTURE = """
import os, struct
content = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8 " + bytes(4)
def rendition(name="400.webp", content=content, **changes):
    path = request["out"] + "/" + name
    with open(path, "wb") as file:
        file.write(content)
    return {"path": path, "width": 4, "height": 3, "bytes": len(content)} | changes
none = dict.fromkeys(("taken_at", "taken_from", "camera", "lens", "title", "caption", "creator", "copyright", "rating", "gps"))
picture = none | {
    "format": "JPEG", "width": 4, "height": 3, "placeholder": "data:image/webp;base64,AAAA", "recipe": RECIPE, "frames": 1,
    "keywords": [], "notes": [], "likeness": None, "colours": {"profile": None, "gamut": None, "bits": None},
    "exposure": dict.fromkeys(("aperture", "shutter_seconds", "iso", "focal_length_mm")), "renditions": [],
}
"""
HONEST = PICTURE + "response = {'picture': picture | {'renditions': [rendition()]}}"
INVALID_PICTURES = {
    "a path as format": "picture | {'format': '../../../db', 'renditions': [rendition()]}",
    "a web page as rendition": "picture | {'renditions': [rendition(content=b'<script>alert(1)</script>')]}",
    "a web page as placeholder": "picture | {'placeholder': 'data:text/html,x', 'renditions': [rendition()]}",
    "another name": "picture | {'renditions': [rendition('index.html')]}",
    "a file elsewhere": "picture | {'renditions': [rendition(path=f'{home}/secret_key', bytes=31)]}",
    "a path to a parent directory": "picture | {'renditions': [rendition(path=request['out'] + '/../in/photo')]}",
    "its photo": "picture | {'renditions': [rendition(path=request['source'])]}",
    "a size that is not the file's": "picture | {'renditions': [rendition(bytes=1)]}",
    "a missing file": "picture | {'renditions': [rendition(path=request['out'] + '/800.webp')]}",
    "the same file twice": "picture | {'renditions': [rendition(), rendition()]}",
    "no rendition": "picture",
    "another recipe": "picture | {'recipe': 'x', 'renditions': [rendition()]}",
    "a null character": "picture | {'title': chr(0), 'renditions': [rendition()]}",
    "a lone surrogate": "picture | {'title': chr(0xd800), 'renditions': [rendition()]}",
    "a very long text": "picture | {'title': 'x' * 100_000, 'renditions': [rendition()]}",
    "an impossible number": "picture | {'exposure': picture['exposure'] | {'aperture': 1e18}, 'renditions': [rendition()]}",
    "a number too large": "picture | {'width': 10 ** 30, 'renditions': [rendition()]}",
    "impossible coordinates": "picture | {'gps': dict(latitude=1e9, longitude=0.0, altitude=None), 'renditions': [rendition()]}",
    "an invalid date": "picture | {'taken_at': 'yesterday', 'renditions': [rendition()]}",
    "a list as title": "picture | {'title': ['x'], 'renditions': [rendition()]}",
    "nothing": "None",
    "a list": "[]",
}
INVALID_RESPONSES = {
    "an empty response": "response = {}",
    "a preview instead": "response = {'preview': ''}",
    "an interruption": "response = {'error': 'aborted', 'message': 'x', 'permanent': False}",
    "an unknown code": "response = {'error': 'x' * 99, 'message': 'x', 'permanent': False}",
    "a message that is too long": "response = {'error': 'broken', 'message': 'x' * 9999, 'permanent': True}",
    "a message with a line break": "response = {'error': 'broken', 'message': 'x' + chr(13) + 'y', 'permanent': True}",
    "an impossible memory need": "response = {'error': 'too-heavy', 'message': 'x', 'permanent': True, 'needed': 10 ** 40}",
    "deeply nested brackets": "import os\nos.write(4, (200_000).to_bytes(4, 'big') + b'[' * 200_000)\nresponse = {}",
    "more than a message holds": "import os\nos.write(4, (1 << 31).to_bytes(4, 'big'))\nresponse = {}",
}


def recipe(sandbox: Sandbox) -> str:
    return f"RECIPE = {sandbox._mark!r}\n"


def test_the_picture_of_an_honest_child_is_accepted(sandbox: Sandbox, installation: Path) -> None:
    picture = run(sandbox, installation, recipe(sandbox) + HONEST)

    assert [rendition.path for rendition in picture.renditions] == [str(installation / "renditions" / "400.webp")]
    assert list((installation / "sandbox").glob("*/out/*")) == list((installation / "sandbox").glob("*/in/*")) == []


@pytest.mark.parametrize("case", INVALID_PICTURES)
def test_a_response_with_an_invalid_picture_is_a_crash(sandbox: Sandbox, installation: Path, case: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, recipe(sandbox) + PICTURE + f"response = {{'picture': {INVALID_PICTURES[case]}}}")

    assert sandbox.pid is None
    assert untouched(installation)
    assert list((installation / "sandbox").glob("*/out/*")) == []


@pytest.mark.parametrize("case", INVALID_RESPONSES)
def test_an_invalid_response_is_a_crash(sandbox: Sandbox, installation: Path, case: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, INVALID_RESPONSES[case])

    assert sandbox.pid is None


def test_sidecar_metadata_and_previews_are_validated_too(sandbox: Sandbox, installation: Path) -> None:
    source = installation / "incoming" / "photo"
    source.write_text("response = {'sidecar': {'title': 'A day'}}")
    accepted = sandbox.sidecar_metadata(source)
    for metadata in ("{'title': 7}", "{'shell': 'x'}", "[]", "{'rating': 10 ** 9}"):
        source.write_text(f"response = {{'sidecar': {metadata}}}")
        with pytest.raises(Crashed):
            sandbox.sidecar_metadata(source)
    for preview in ("PGh0bWw+", "*", "A" * 10):
        source.write_text(f"response = {{'preview': {preview!r}}}")
        with pytest.raises(Crashed):
            sandbox.preview(source)

    assert accepted == {"title": "A day"}


class TestWorkspace:
    """Files that a child could create in its workspace on a kernel that does not confine it."""

    @pytest.fixture
    def workspace(self) -> Iterator[Workspace]:
        workspace = Workspace(None)
        yield workspace
        workspace.close()

    def leave(self, workspace: Workspace, kind: str, home: Path) -> Path:
        path = workspace.out / "400.webp"
        match kind:
            case "symbolic link":
                path.symlink_to(home / "secret_key")
            case "hard link":
                path.hardlink_to(home / "secret_key")
            case "pipe":
                os.mkfifo(path)
            case "directory":
                path.mkdir()
                (path / "more").write_text("x")
            case "socket":
                with socket.socket(socket.AF_UNIX) as unix:
                    unix.bind(str(path))
        return path

    @pytest.mark.parametrize("kind", ["symbolic link", "hard link", "pipe", "directory", "socket"])
    def test_only_regular_files_are_accepted_and_all_others_removed(
        self, workspace: Workspace, installation: Path, kind: str
    ) -> None:
        path = self.leave(workspace, kind, installation)

        with pytest.raises(InvalidMessage):
            workspace.move_output(Rendition(str(path), 4, 3, path.lstat().st_size), installation)
        workspace.clear()

        assert list(workspace.out.iterdir()) == []
        assert untouched(installation)

    def test_a_file_on_another_file_system_is_copied(
        self, workspace: Workspace, installation: Path, monkeypatch
    ) -> None:
        def fail_as_across_file_systems(*_: object) -> None:
            raise OSError(18, "EXDEV")

        monkeypatch.setattr(os, "link", fail_as_across_file_systems)

        with workspace.open_source(installation / "secret_key") as copy:
            assert copy.read_text() == SECRET
        assert not copy.exists()

    def test_the_workspace_of_a_killed_worker_is_removed_and_one_in_use_is_kept(self, tmp_path: Path) -> None:
        live = Workspace(tmp_path)
        dead = Workspace(tmp_path)
        (dead.path / "in" / "photo").write_text("x")
        dead._in_use.close()  # as the kernel does when the worker dies

        new = Workspace(tmp_path)

        assert sorted(tmp_path.glob("sandbox-*")) == sorted([live.path, new.path])
        for workspace in (live, new):
            workspace.close()
        assert list(tmp_path.glob("sandbox-*")) == []
